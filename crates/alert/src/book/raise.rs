//! A new alert, and the ends of an episode: returned, resolved, annulled, there again.

use event::{Alert, AlertId, AlertState, Change, Evidence, Handling, Status, Time};

use super::entry::{By, Entry, Span};
use super::{Book, Context, RECENT_MAX};
use crate::effect::Effect;
use crate::signal::{Key, Said};

impl Book {
    /// An alert of an episode, over already where the span has an end.
    pub(super) fn raise(
        &mut self,
        key: Key,
        span: Span,
        said: &Said,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        self.counters.raised += super::one(key.status);
        let id = self.unused_id(&key, ctx);
        let mut entry = Entry {
            alert: new_alert(id.clone(), &key, span.since, said, ctx),
            opened_revision: 0,
            spans: Vec::new(),
            absence: false,
            gateway: None,
            remind_every: None,
            told: false,
            unhandled: None,
            reminded: ctx.origin.now,
            turned: None,
            key,
        };
        entry.hear(said, ctx);
        let retrospective = entry.key.retrospective;
        let until = span.until.or(retrospective.then_some(said.at));
        // A live one rings first, whatever is known of its end.
        entry.add_span(Span {
            until: until.filter(|_| retrospective),
            ..span
        });
        self.keep_back(&mut entry, ctx.origin.now);
        if !entry.kept_back() {
            self.gather(&mut entry, ctx);
        }
        entry.tell(Change::Raised, None, ctx, out);
        self.link(&entry);
        let incident = entry.alert.incident.clone();
        self.open.insert(id.clone(), entry);
        self.went_active(&id, ctx, out);
        self.tell_incident(incident.as_ref(), out);
        if let (Some(until), false) = (until, retrospective) {
            if let Some(last) = self
                .open
                .get_mut(&id)
                .and_then(|entry| entry.spans.last_mut())
            {
                last.until = Some(until);
            }
            self.gone(&id, false, ctx, out);
        }
        self.sync(&id, ctx.origin.now);
    }

    /// The kernel's record may raise a key's second alert: ids stay apart.
    fn unused_id(&self, key: &Key, ctx: &Context<'_>) -> AlertId {
        let place = place(key);
        let mut id = AlertId::new(&key.rule, &place, ctx.origin.journal, ctx.origin.offset);
        let mut number = 2_u32;
        while self.entry(&id).is_some() {
            let place = format!("{place}#{number}");
            id = AlertId::new(&key.rule, &place, ctx.origin.journal, ctx.origin.offset);
            number += 1;
        }
        id
    }

    /// The condition is gone: over if somebody has acknowledged, else still to be seen. `turn`: it counts as chattering.
    pub(super) fn gone(
        &mut self,
        id: &AlertId,
        turn: bool,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        self.went_inactive(id, ctx);
        if turn && self.held(id, ctx, out) {
            return;
        }
        let Some(entry) = self.open.get_mut(id) else {
            return;
        };
        let acknowledged = entry.alert.acknowledged.is_some();
        let latches = entry.alert.handling.latches;
        if !latches && (acknowledged || !entry.told) {
            self.end(id, Change::Resolved, None, ctx, out);
        } else {
            entry.alert.state = if acknowledged {
                AlertState::Latched
            } else {
                AlertState::ReturnedUnacknowledged
            };
            entry.tell(Change::ReturnedToNormal, None, ctx, out);
            self.end_one_shot(id, ctx, out);
        }
    }

    fn end_one_shot(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        let Some(entry) = self.open.get_mut(id) else {
            return;
        };
        if (entry.alert.shelved.as_ref()).is_some_and(|shelved| shelved.one_shot) {
            entry.alert.shelved = None;
            entry.tell(Change::Unshelved, None, ctx, out);
        }
    }

    /// The condition is there again: it rings once more, as if nobody had seen it.
    pub(super) fn again(
        &mut self,
        id: &AlertId,
        by: By<'_>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let now = ctx.origin.now;
        let Some(mut entry) = self.take_back(id) else {
            return;
        };
        let afresh = entry.is_over() || entry.alert.acknowledged.is_some();
        entry.alert.state = if entry.alert.retrospective || !entry.holds() {
            AlertState::ReturnedUnacknowledged
        } else {
            AlertState::Unacknowledged
        };
        let joined = self.start_anew(&mut entry, afresh, ctx);
        entry.tell(Change::Reopened, by, ctx, out);
        let incident = entry.alert.incident.clone().filter(|_| joined);
        let holds = entry.holds();
        self.open.insert(id.clone(), entry);
        if holds {
            self.went_active(id, ctx, out);
        }
        self.tell_incident(incident.as_ref(), out);
        self.sync(id, now);
    }

    /// What happened to it before no longer counts, if it had been taken care of.
    /// Gives back whether it has come into an incident.
    fn start_anew(&mut self, entry: &mut Entry, afresh: bool, ctx: &Context<'_>) -> bool {
        if afresh {
            entry.alert.acknowledged = None;
            entry.alert.handling.escalated = None;
            entry.alert.handling.reminders = 0;
            entry.alert.handling.closed = None;
            entry.told = false;
            entry.unhandled = None;
        }
        self.keep_back(entry, ctx.origin.now);
        if self.has_open_incident(entry) || entry.kept_back() {
            return false;
        }
        entry.alert.incident = None;
        self.gather(entry, ctx);
        true
    }

    /// Takes an alert out of the open ones, as over.
    pub(super) fn end(
        &mut self,
        id: &AlertId,
        change: Change,
        by: By<'_>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(mut entry) = self.open.remove(id) else {
            return;
        };
        entry.alert.state = AlertState::Normal;
        entry.alert.shelved = None;
        entry.alert.handling.chattering = None;
        entry.turned = None;
        entry.unhandled = None;
        entry.tell(change, by, ctx, out);
        if let Some(ids) = self.by_key.get_mut(&entry.key) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_key.remove(&entry.key);
            }
        }
        let incident = entry.alert.incident.clone();
        let status = entry.alert.status;
        self.over.insert(id.clone(), entry);
        let recent = self.recent_of(status);
        recent.push_back(id.clone());
        let surplus = (recent.len() > RECENT_MAX).then(|| recent.pop_front());
        self.leave_incident(incident.as_ref(), id, ctx.origin.now);
        if let Some(oldest) = surplus.flatten()
            && let Some(entry) = self.over.remove(&oldest)
        {
            for span in &entry.spans {
                self.unlink(span);
            }
            self.lift_at_once(&oldest, ctx, out);
        }
        self.sync(id, ctx.origin.now);
    }

    /// The alert out of the open ones or of those that are over, to be put among the open ones.
    pub(super) fn take_back(&mut self, id: &AlertId) -> Option<Entry> {
        if let Some(entry) = self.open.remove(id) {
            return Some(entry);
        }
        let entry = self.over.remove(id)?;
        self.recent_of(entry.alert.status).retain(|over| over != id);
        let mut entry = entry;
        // Those of then may have ended since; those of now are found when it rings.
        entry.alert.handling.suppressed.clear();
        self.by_key
            .entry(entry.key.clone())
            .or_default()
            .insert(id.clone());
        Some(entry)
    }

    pub(super) fn link(&mut self, entry: &Entry) {
        let id = &entry.alert.id;
        for episode in entry.spans.iter().filter_map(|span| span.episode) {
            self.episodes.insert(episode, id.clone());
        }
        if !entry.is_over() {
            self.by_key
                .entry(entry.key.clone())
                .or_default()
                .insert(id.clone());
        }
    }

    pub(super) fn unlink(&mut self, span: &Span) {
        if let Some(episode) = span.episode {
            self.episodes.remove(&episode);
        }
    }
}

/// The key as alert ids have it.
pub(super) fn place(key: &Key) -> String {
    let mut place = key.about.as_ref().unwrap_or(&key.entity).to_string();
    match key.status {
        Status::Actual => {}
        Status::Exercise => place.push_str("@exercise"),
        Status::Test => place.push_str("@test"),
    }
    if key.retrospective {
        place.push_str("~history");
    }
    place
}

pub(super) fn new_alert(
    id: AlertId,
    key: &Key,
    since: Time,
    said: &Said,
    ctx: &Context<'_>,
) -> Alert {
    let state = if key.retrospective {
        AlertState::ReturnedUnacknowledged
    } else {
        AlertState::Unacknowledged
    };
    Alert {
        id,
        rule: key.rule.to_string(),
        severity: said.severity,
        status: key.status,
        stream: said.stream,
        site: ctx.vocabulary.site.as_str().into(),
        entity: key.entity.clone(),
        entity_name: said.entity_name.clone(),
        area: said.area.clone(),
        area_name: said.area_name.clone(),
        lat: said.lat,
        lon: said.lon,
        state,
        revision: 0,
        since,
        raised: ctx.origin.now,
        changed: ctx.origin.now,
        returned: None,
        acknowledged: None,
        shelved: None,
        comments: Vec::new(),
        rating: said.rating.clone(),
        handling: Handling::default(),
        incident: None,
        occurrences: 0,
        episodes: Vec::new(),
        retrospective: key.retrospective,
        measure: said.measure.clone(),
        value: said.value,
        unit: said.unit.clone(),
        message: said.message.clone(),
        guidance: said.guidance.clone(),
        scale: said.scale.clone(),
        unofficial: said.unofficial,
        evidence: Evidence {
            rule: key.about.as_ref().unwrap_or(&key.rule).to_string(),
            rule_version: said.rule_version,
            condition: said.condition.clone(),
            hold_seconds: said.hold_seconds,
            values: Vec::new(),
            windows: Vec::new(),
            considered: Vec::new(),
            limits: said.limits.clone(),
            last_heard: said.last_heard,
        },
    }
}
