//! Windows of maintenance and things out of service: ordered by an operator, in force from and until a journal time.

use event::{
    Alert, AlertId, Change, Command, Considered, Refusal, Status, Suppressed, Suppression,
    SuppressionChange, SuppressionId, SuppressionKind, SuppressionScope, SuppressionStep, Time,
};

use super::commands::{Refused, check_length, need_reason, refused};
use super::entry::{By, Entry};
use super::{
    Book, CONSIDERED_MAX, Context, MAINTENANCE_MAX, SUPPRESSIONS_ENDED_MAX, SUPPRESSIONS_MAX,
};
use crate::effect::Effect;
use crate::ruleset::{RULE_FAULT, WARNING};

/// Entities, areas, rules or streams that one scope names at most.
const SCOPE_MAX: usize = 200;

/// What an operator asks for.
pub(super) struct Order<'a> {
    pub(super) kind: SuppressionKind,
    pub(super) scope: &'a SuppressionScope,
    pub(super) from: Time,
    pub(super) until: Option<Time>,
    pub(super) reason: &'a str,
}

/// When it begins and ends, as far as it has not.
pub(super) fn dues(suppression: &Suppression, in_force: bool) -> [Option<Time>; 2] {
    if suppression.ended.is_some() {
        return [None, None];
    }
    let begin = (!in_force).then_some(suppression.from);
    [begin, suppression.until]
}

fn matches(pattern: &str, entity: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => entity.starts_with(prefix),
        None => pattern == entity,
    }
}

fn covers(scope: &SuppressionScope, alert: &Alert) -> bool {
    let entity = |pattern: &String| matches(pattern, &alert.entity);
    (scope.entities.is_empty() || scope.entities.iter().any(entity))
        && (scope.areas.is_empty()
            || (alert.area.as_ref()).is_some_and(|area| scope.areas.contains(area)))
        && (scope.rules.is_empty() || scope.rules.iter().any(|rule| **rule == *alert.rule))
        && (scope.streams.is_empty() || scope.streams.contains(&alert.stream))
}

impl Book {
    /// Notes on an alert that is about to ring everything that keeps it back, and what was looked at.
    pub(super) fn keep_back(&mut self, entry: &mut Entry, now: Time) {
        let (mut applied, mut passed) = (Vec::new(), Vec::new());
        if let Some(gateway) = &entry.gateway {
            let down = self.down.get(&(gateway.clone(), entry.key.status));
            let because = down.and_then(|alerts| alerts.first()).cloned();
            let considered = Considered {
                what: format!("gateway:{gateway}").into(),
                applied: because.is_some(),
            };
            match because {
                Some(because) if !entry.depends() => {
                    entry.alert.handling.suppressed.push(Suppressed {
                        kind: SuppressionKind::Dependency,
                        suppression: None,
                        because_of: Some(because),
                        since: now,
                    });
                    self.counters.suppressed += super::one(entry.key.status);
                    applied.push(considered);
                }
                Some(_) => applied.push(considered),
                None => passed.push(considered),
            }
        }
        for id in &self.in_force {
            let Some(suppression) = self.suppressions.get_mut(id) else {
                continue;
            };
            let covered = covers(&suppression.scope, &entry.alert);
            let considered = Considered {
                what: id.0.as_str().into(),
                applied: covered,
            };
            if !covered {
                passed.push(considered);
                continue;
            }
            applied.push(considered);
            if add(entry, suppression, now) {
                self.counters.suppressed += super::one(entry.key.status);
            }
        }
        applied.append(&mut passed);
        applied.truncate(CONSIDERED_MAX);
        entry.alert.evidence.considered = applied;
    }

    pub(super) fn suppress(
        &mut self,
        order: &Order<'_>,
        command: &Command,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<SuppressionId, Refused> {
        let now = ctx.origin.now;
        need_reason(order.reason)?;
        check_length(order.reason)?;
        self.check_scope(order, ctx)?;
        check_times(order, now)?;
        if self.suppressions.len() - self.ended.len() >= SUPPRESSIONS_MAX {
            return Err(refused(
                Refusal::TooMany,
                format!("Đã có {SUPPRESSIONS_MAX} lệnh tạm ngừng báo đang hiệu lực."),
                format!("There are {SUPPRESSIONS_MAX} suppressions already."),
            ));
        }
        let id = SuppressionId(command.command_id.clone());
        let suppression = Suppression {
            id: id.clone(),
            kind: order.kind,
            scope: order.scope.clone(),
            from: order.from.max(now),
            until: order.until,
            reason: order.reason.to_owned(),
            operator: command.operator.clone(),
            verified: command.verified,
            at: now,
            ended: None,
            ended_by: None,
            kept_back: 0,
        };
        self.suppressions.insert(id.clone(), suppression);
        let by = Some((command.operator.as_str(), command.command_id.as_str()));
        self.tell_suppression(&id, SuppressionStep::Ordered, by, out);
        if order.from <= now {
            self.begin_suppression(&id, by, ctx, out);
        }
        self.sync_suppression(&id);
        Ok(id)
    }

    fn check_scope(&self, order: &Order<'_>, ctx: &Context<'_>) -> Result<(), Refused> {
        let scope = order.scope;
        let known_entity = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => !prefix.is_empty(),
            // Members of a family are known once they have spoken; one that rings has, unless in a drill.
            None => {
                let rings =
                    |alert: &Alert| *alert.entity == **pattern && alert.status == Status::Actual;
                ctx.vocabulary.entities.contains_key(pattern) || self.alerts().any(rings)
            }
        };
        let known_rule = |rule: &event::Name| {
            **rule == *RULE_FAULT
                || **rule == *WARNING
                || ctx.rules.rules.iter().any(|known| known.id == *rule)
        };
        let empty = scope.entities.is_empty()
            && scope.areas.is_empty()
            && scope.rules.is_empty()
            && scope.streams.is_empty();
        let long = [
            scope.entities.len(),
            scope.areas.len(),
            scope.rules.len(),
            scope.streams.len(),
        ]
        .into_iter()
        .any(|length| length > SCOPE_MAX);
        let area = |area: &event::Name| ctx.vocabulary.areas.contains_key(&**area);
        let valid = order.kind != SuppressionKind::Dependency
            && !empty
            && !long
            && scope.entities.iter().all(known_entity)
            && scope.areas.iter().all(area)
            && scope.rules.iter().all(known_rule);
        if valid {
            return Ok(());
        }
        Err(refused(
            Refusal::ScopeInvalid,
            "Phạm vi tạm ngừng báo trống, quá dài hoặc có mục không tồn tại.",
            "The scope is empty, too long, or names something that does not exist.",
        ))
    }

    /// Its time has come. Alerts that are open already are kept back too.
    pub(super) fn begin_suppression(
        &mut self,
        id: &SuppressionId,
        by: By<'_>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let now = ctx.origin.now;
        if !self.suppressions.contains_key(id) || !self.in_force.insert(id.clone()) {
            return;
        }
        let mut touched: Vec<AlertId> = Vec::new();
        let mut transitions = Vec::new();
        if let Some(suppression) = self.suppressions.get_mut(id) {
            for (alert, entry) in &mut self.open {
                if covers(&suppression.scope, &entry.alert) && add(entry, suppression, now) {
                    entry.tell(Change::Suppressed, by, ctx, &mut transitions);
                    self.counters.suppressed += super::one(entry.key.status);
                    touched.push(alert.clone());
                }
            }
        }
        self.tell_suppression(id, SuppressionStep::Began, by, out);
        out.append(&mut transitions);
        for alert in touched {
            self.sync(&alert, now);
        }
        self.sync_suppression(id);
    }

    /// Its end, by time or by hand, also before it began.
    pub(super) fn end_suppression(
        &mut self,
        id: &SuppressionId,
        by: By<'_>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let now = ctx.origin.now;
        let Some(suppression) = self.suppressions.get_mut(id) else {
            return;
        };
        if suppression.ended.is_some() {
            return;
        }
        suppression.ended = Some(now);
        suppression.ended_by = by.map(|(operator, _)| operator.to_owned());
        self.in_force.remove(id);
        self.tell_suppression(id, SuppressionStep::Ended, by, out);
        let is_it = |kept: &Suppressed| kept.suppression.as_ref() == Some(id);
        self.unsuppress(is_it, by, ctx, out);
        self.sync_suppression(id);
        self.ended.push_back(id.clone());
        if self.ended.len() > SUPPRESSIONS_ENDED_MAX
            && let Some(oldest) = self.ended.pop_front()
        {
            self.suppressions.remove(&oldest);
        }
    }

    /// Takes a reason to keep back off every open alert that has it.
    pub(super) fn unsuppress(
        &mut self,
        is_it: impl Fn(&Suppressed) -> bool,
        by: By<'_>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let having = self
            .open
            .iter()
            .filter(|(_, entry)| (entry.alert.handling.suppressed.iter()).any(&is_it));
        let having: Vec<AlertId> = having.map(|(id, _)| id.clone()).collect();
        for id in having {
            let Some(mut entry) = self.open.remove(&id) else {
                continue;
            };
            entry.alert.handling.suppressed.retain(|kept| !is_it(kept));
            let joins = !entry.kept_back() && entry.alert.incident.is_none() && entry.holds();
            if joins {
                self.gather(&mut entry, ctx);
            }
            entry.tell(Change::Unsuppressed, by, ctx, out);
            let incident = entry.alert.incident.clone().filter(|_| joins);
            self.open.insert(id.clone(), entry);
            self.tell_incident(incident.as_ref(), out);
            self.sync(&id, ctx.origin.now);
        }
    }

    fn tell_suppression(
        &self,
        id: &SuppressionId,
        step: SuppressionStep,
        by: By<'_>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(suppression) = self.suppressions.get(id) {
            out.push(Effect::Suppression(SuppressionChange {
                step,
                by: by.map(|(operator, _)| operator.to_owned()),
                command_id: by.map(|(_, command)| command.to_owned()),
                suppression: suppression.clone(),
            }));
        }
    }

    fn sync_suppression(&mut self, id: &SuppressionId) {
        let [begin, end] = match self.suppressions.get(id) {
            Some(suppression) => dues(suppression, self.in_force.contains(id)),
            None => [None, None],
        };
        self.timers
            .set(super::timers::Timer::Begin(id.clone()), begin);
        self.timers.set(super::timers::Timer::End(id.clone()), end);
    }
}

/// Gives back whether it was not there already.
fn add(entry: &mut Entry, suppression: &mut Suppression, now: Time) -> bool {
    let kept = &mut entry.alert.handling.suppressed;
    let known = |kept: &Suppressed| kept.suppression.as_ref() == Some(&suppression.id);
    if kept.iter().any(known) {
        return false;
    }
    kept.push(Suppressed {
        kind: suppression.kind,
        suppression: Some(suppression.id.clone()),
        because_of: None,
        since: now,
    });
    suppression.kept_back += super::one(entry.key.status);
    true
}

fn check_times(order: &Order<'_>, now: Time) -> Result<(), Refused> {
    let begin = order.from.max(now);
    let missing = order.until.is_none() && order.kind == SuppressionKind::Maintenance;
    if missing || order.until.is_some_and(|until| until <= begin) {
        return Err(refused(
            Refusal::TimePast,
            "Thời điểm kết thúc thiếu, đã qua hoặc trước lúc bắt đầu.",
            "The end is missing, past or before the beginning.",
        ));
    }
    let length = order.until.map_or(0, |until| until.since(begin));
    let planned = order.kind == SuppressionKind::Maintenance && length > MAINTENANCE_MAX;
    if planned || begin.since(now) > MAINTENANCE_MAX {
        return Err(refused(
            Refusal::ShelveTooLong,
            "Lịch bảo trì dài tối đa 90 ngày và đặt trước tối đa 90 ngày.",
            "Maintenance lasts 90 days at most and is ordered 90 days ahead at most.",
        ));
    }
    Ok(())
}
