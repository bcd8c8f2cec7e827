//! From what was kept to the report of a period.

use std::collections::BTreeMap;

use event::{Name, Time};

use super::figures::figures;
use super::positions::Position;
use super::record::{Call, Class, Facts, MarkKind, SpanKind};
use super::report::{Commands, FalseMarks, Live, PositionReport, Report};
use super::sections::{
    Period, Seen, acknowledge, ceil, chattering, classes, floods, floor, intervals, owns,
    priorities, severities, stale, top_alarms, top_rules,
};
use super::tally::{level, percent, seconds};
use super::{Health, PERIOD_DAYS_MAX, PeriodError};

const DAY_NS: i64 = 24 * 3_600 * 1_000_000_000;
impl Health {
    /// The figures of all positions, or of one, for `[from, to)`.
    ///
    /// # Errors
    ///
    /// A period that is no period, or too long; a position that does not exist.
    pub fn report(
        &self,
        from: Time,
        to: Time,
        position: Option<&str>,
    ) -> Result<Report, PeriodError> {
        if to < from {
            return Err(PeriodError::Backwards);
        }
        if to.since(from) > PERIOD_DAYS_MAX * DAY_NS {
            return Err(PeriodError::TooLong);
        }
        if let Some(id) = position.filter(|id| self.positions.get(id).is_none()) {
            return Err(PeriodError::PositionUnknown(id.to_owned()));
        }
        let known = self.known_from.unwrap_or(self.now);
        let asked = floor(from.0);
        let end = ceil(to.0);
        let begin = asked.max(floor(known)).min(end);
        let period = Period {
            from: begin,
            end,
            until: end.min(self.now).max(begin),
        };
        let all = self.positions.as_slice();
        let wanted = all
            .iter()
            .filter(|one| position.is_none_or(|id| *one.id == *id));
        let outside = self
            .calls
            .iter()
            .filter(|call| period.has(call.at) && !all.iter().any(|position| owns(position, call)));
        Ok(Report {
            version: 1,
            asked_from: from,
            asked_to: to,
            from: Time(begin),
            to: Time(end),
            now: Time(self.now),
            // Intervals are whole: one that begins before the first record is known whole from there on.
            complete: self.known_from.is_some_and(|known| floor(known) <= asked),
            seconds: seconds(period.until - begin),
            outside: outside.count() as u64,
            untracked: self.untracked,
            positions: wanted.map(|one| self.position(one, period)).collect(),
        })
    }

    /// Who is in a flood at `now`, which is not before anything told.
    pub fn live(&self, now: Time) -> Vec<Live> {
        let pairs = self.positions.as_slice().iter().zip(&self.windows);
        let lives = pairs.map(|(position, window)| {
            let mut window = window.clone();
            window.advance(now.0);
            let running = window.running();
            Live {
                position: position.id.clone(),
                in_flood: running.is_some(),
                since: running.map(|running| Time(running.began)),
                alerts: running.map_or(0, |running| running.alerts),
                last_10_minutes: window.count() as u64,
            }
        });
        lives.collect()
    }

    fn position(&self, position: &Position, period: Period) -> PositionReport {
        let own = self
            .calls
            .iter()
            .filter(|call| call.at < period.end && owns(position, call));
        let before: Vec<&Call> = own.collect();
        let inside: Vec<&Call> = before
            .iter()
            .copied()
            .filter(|call| period.has(call.at))
            .collect();
        let counted: Vec<&Call> = inside
            .iter()
            .copied()
            .filter(|call| call.class == Class::Counted)
            .collect();
        let spans = self.spans_of(position);
        let of = |wanted: fn(&SpanKind) -> bool| -> Vec<(i64, i64)> {
            let kept = spans.iter().filter(|span| wanted(&span.kind));
            kept.map(|span| (span.from, span.to)).collect()
        };
        let standing = of(|kind| matches!(kind, SpanKind::Standing { .. }));
        let shelved = of(|kind| *kind == SpanKind::Shelved);
        let suppressed = of(|kind| *kind == SpanKind::Suppressed);
        let chatter = of(|kind| matches!(kind, SpanKind::Chattering { .. }));
        let (stale, stale_alerts) = stale(&spans, period);
        let (distribution, busiest, peaks) = intervals(position, &counted, period);
        let mut report = PositionReport {
            id: position.id.clone(),
            name: position.name.clone(),
            staffed_seconds: seconds(position.staffed_ns(period.from, period.until)),
            figures: Vec::new(),
            calls: classes(&inside),
            distribution,
            busiest,
            floods: floods(position, &before, period),
            priorities: priorities(&counted),
            severities: severities(&counted),
            top: top_alarms(&counted),
            top_rules: top_rules(&counted),
            standing: level(&standing, period.from, period.end),
            stale,
            shelved: level(&shelved, period.from, period.end),
            suppressed: level(&suppressed, period.from, period.end),
            chattering: level(&chatter, period.from, period.end),
            chattering_alerts: chattering(&spans, period),
            stale_alerts,
            acknowledge: acknowledge(position, &spans, period),
            false_alerts: self.false_alerts(position, &counted, period),
            commands: self.commands(position, period),
        };
        report.figures = figures(&report, &peaks);
        report
    }

    fn spans_of(&self, position: &Position) -> Vec<Seen<'_>> {
        let ended = self.spans.iter().map(|span| Seen {
            from: span.from,
            to: span.to,
            kind: span.kind,
            alert: &span.alert,
            facts: &span.facts,
        });
        let running = self.open.iter().flat_map(|(alert, open)| {
            let facts = open.facts.as_deref();
            open.spans().filter_map(move |(from, kind)| {
                Some(Seen {
                    from,
                    to: i64::MAX,
                    kind,
                    alert,
                    facts: facts?,
                })
            })
        });
        ended
            .chain(running)
            .filter(|span| span.facts.real && span.facts.seen_by(position))
            .collect()
    }

    fn false_alerts(
        &self,
        position: &Position,
        counted: &[&Call],
        period: Period,
    ) -> Vec<FalseMarks> {
        let mut marks: BTreeMap<&Name, i64> = BTreeMap::new();
        for mark in self.marks.iter().filter(|mark| period.has(mark.at)) {
            let facts = mark.facts.as_ref();
            let Some(facts) = facts.filter(|facts| facts.real && facts.seen_by(position)) else {
                continue;
            };
            match mark.kind {
                MarkKind::False => *marks.entry(&facts.rule).or_default() += 1,
                MarkKind::NotFalse => *marks.entry(&facts.rule).or_default() -= 1,
                MarkKind::Command { .. } | MarkKind::Rules { .. } => {}
            }
        }
        let mut rules: Vec<FalseMarks> = Vec::new();
        for (rule, net) in marks {
            let alerts = counted
                .iter()
                .filter(|call| call.facts.rule == *rule)
                .count() as u64;
            let Some(marks) = u64::try_from(net).ok().filter(|net| *net > 0) else {
                continue;
            };
            rules.push(FalseMarks {
                rule: rule.clone(),
                marks,
                alerts,
                percent: percent(marks as f64, alerts as f64),
            });
        }
        rules.sort_by(|a, b| b.marks.cmp(&a.marks).then_with(|| a.rule.cmp(&b.rule)));
        rules
    }

    fn commands(&self, position: &Position, period: Period) -> Commands {
        let mut commands = Commands::default();
        let mut by: BTreeMap<&Name, u64> = BTreeMap::new();
        for mark in self.marks.iter().filter(|mark| period.has(mark.at)) {
            let own = |facts: &Facts| facts.real && facts.seen_by(position);
            if !mark.facts.as_deref().is_none_or(own) {
                continue;
            }
            match &mark.kind {
                MarkKind::Command { change, verified } => {
                    let column = match verified {
                        Some(true) => &mut commands.verified,
                        Some(false) => &mut commands.unverified,
                        None => &mut commands.unstated,
                    };
                    *column += 1;
                    if *verified != Some(true) {
                        *by.entry(change).or_default() += 1;
                    }
                }
                MarkKind::Rules { verified } => {
                    commands.rule_changes += 1;
                    commands.rule_changes_unverified += u64::from(*verified != Some(true));
                }
                MarkKind::False | MarkKind::NotFalse => {}
            }
        }
        commands.unauthorised =
            commands.unverified + commands.unstated + commands.rule_changes_unverified;
        commands.unauthorised_by = by.into_iter().map(|(name, n)| (name.clone(), n)).collect();
        commands
    }
}
