//! The life of an alert: raised, revised, returned, reopened, resolved, annulled.

use std::sync::Arc;

use event::{Alert, AlertId, AlertState, Change, EvidenceValue, Time, Transition};

use super::telling::{Said, usable};
use super::unit::{Key, Phase, Unit};
use super::{EVIDENCE_VALUES_MAX, Engine, Open, Origin, RECENT_MAX};
use crate::effect::Effect;
use crate::ruleset::{Kind, Rule};

/// Who asked for a transition: operator and command id.
pub(super) type By<'a> = Option<(&'a str, &'a str)>;

impl Engine {
    pub(super) fn key_mut(&mut self, number: u32, index: u16) -> Option<&mut Key> {
        self.units
            .get_mut(number as usize)?
            .keys
            .get_mut(usize::from(index))
    }

    /// Remembers the value with which a hold begins.
    pub(super) fn note_start(&mut self, number: u32, index: u16) {
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let Some(bound) = unit.binding.bound.get(usize::from(index)) else {
            return;
        };
        let sample = bound
            .map
            .first()
            .and_then(|slot| unit.slots.get(usize::from(*slot)));
        let start = sample
            .and_then(|slot| slot.usable(u16::MAX))
            .cloned()
            .map(Box::new);
        if let Some(key) = unit.keys.get_mut(usize::from(index)) {
            key.start = start;
        }
    }

    /// The condition holds: a new alert, or the one that nobody has acknowledged yet once more.
    pub(super) fn raise(
        &mut self,
        number: u32,
        index: u16,
        since: i64,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let binding = Arc::clone(&unit.binding);
        let Some((bound, rule)) = binding.at(&rules, index) else {
            return;
        };
        let at = reading_time(unit, index, rule, origin);
        let said = self.say(
            unit,
            index,
            rule,
            bound,
            &unit.inputs(bound, rule, at),
            since,
            origin,
        );
        self.ring(number, index, (since, at), said, origin, out);
    }

    /// What `raise` does once it is known what there is to say, with the observed time that it is about.
    pub(super) fn ring(
        &mut self,
        number: u32,
        index: u16,
        (since, at): (i64, i64),
        said: Said,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let binding = Arc::clone(&unit.binding);
        let Some((bound, rule)) = binding.at(&rules, index) else {
            return;
        };
        let previous = unit
            .keys
            .get(usize::from(index))
            .and_then(|key| key.alert.clone());
        if let Some(key) = self.key_mut(number, index) {
            key.phase = Phase::Active;
            key.start = None;
        }
        if let Some(open) = previous.and_then(|id| self.open.get_mut(&id)) {
            open.alert.state = AlertState::Unacknowledged;
            open.alert.occurrences += 1;
            open.alert.since = Time(since);
            open.alert.returned = None;
            open.tell(said, at);
            let transition = open.change(Change::Reopened, None, origin);
            open.opened_revision = open.alert.revision;
            out.push(Effect::Transition(transition));
            return;
        }
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let heard = unit.keys.get(usize::from(index)).and_then(|key| key.heard);
        let alert = self.alert(unit, rule, bound, said, (since, at), false, heard, origin);
        let id = alert.id.clone();
        if let Some(key) = self.key_mut(number, index) {
            key.alert = Some(id);
        }
        self.open_alert(alert, at, origin, out);
    }

    pub(super) fn open_alert(
        &mut self,
        alert: Alert,
        at: i64,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        self.counters.raised += 1;
        let (id, value) = (alert.id.clone(), alert.value);
        let mut open = Open {
            alert,
            opened_revision: 1,
            told_at: at,
            told_value: value,
        };
        out.push(Effect::Transition(open.change(
            Change::Raised,
            None,
            origin,
        )));
        self.open.insert(id, open);
    }

    /// The condition is gone: over if somebody has acknowledged, else still to be seen.
    pub(super) fn give_back(
        &mut self,
        number: u32,
        index: u16,
        since: i64,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let binding = Arc::clone(&unit.binding);
        let Some((bound, rule)) = binding.at(&rules, index) else {
            return;
        };
        let at = reading_time(unit, index, rule, origin);
        let (value, values) = self.values(rule, &unit.inputs(bound, rule, at), None);
        let Some(key) = self.key_mut(number, index) else {
            return;
        };
        key.phase = Phase::Clear;
        let Some(id) = key.alert.clone() else { return };
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        open.alert.returned = Some(Time(since));
        let (from, again) = (open.alert.since.0, open.alert.occurrences > 1);
        open.alert.value = value.or(open.alert.value);
        open.add_values(values);
        let acknowledged = open.alert.acknowledged.is_some();
        if let Some(key) = self.key_mut(number, index) {
            // The occurrences of one alert are one episode.
            let first = key
                .episode
                .filter(|_| again)
                .map_or(from, |(first, _)| first);
            key.episode = Some((first.min(from), since));
        }
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        if acknowledged {
            self.resolve(&id, Change::Resolved, None, origin, out);
        } else {
            open.alert.state = AlertState::ReturnedUnacknowledged;
            out.push(Effect::Transition(open.change(
                Change::ReturnedToNormal,
                None,
                origin,
            )));
        }
    }

    /// Takes an alert out of the open ones, as over.
    pub(super) fn resolve(
        &mut self,
        id: &AlertId,
        change: Change,
        by: By<'_>,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let Some(mut open) = self.open.remove(id) else {
            return;
        };
        open.alert.state = AlertState::Normal;
        if let Some(shelved) = open.alert.shelved.take() {
            self.timers
                .remove(&(shelved.until, super::Timer::Shelve(id.clone())));
        }
        out.push(Effect::Transition(open.change(change, by, origin)));
        self.unlink(&open.alert);
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(open.alert);
    }

    /// The key of a resolved alert starts afresh.
    fn unlink(&mut self, alert: &Alert) {
        self.faults.retain(|_, faulty| !faulty.is(&alert.id));
        let units = self.index.get(&alert.entity).copied().unwrap_or_default();
        let Some(number) = units[super::status_index(alert.status)] else {
            return;
        };
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        for key in &mut unit.keys {
            if key.alert.as_ref() == Some(&alert.id) {
                key.alert = None;
            }
            if let Some(retrospect) = &mut key.retrospect
                && retrospect.alert.as_ref() == Some(&alert.id)
            {
                retrospect.alert = None;
            }
        }
    }

    /// Tells a changed value, where the rule asks for it: at most once in `revise_every`, by at least `revise_step`.
    pub(super) fn revise(
        &mut self,
        number: u32,
        index: u16,
        observed: i64,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let Some(bound) = unit.binding.bound.get(usize::from(index)) else {
            return;
        };
        let Some(rule) = rules.rules.get(usize::from(bound.rule)) else {
            return;
        };
        let Some(step) = rule.revise_step else { return };
        let Some(key) = unit.keys.get(usize::from(index)) else {
            return;
        };
        let Some(open) = key.alert.as_ref().and_then(|id| self.open.get(id)) else {
            return;
        };
        let inputs = unit.inputs(bound, rule, observed);
        let value = usable(&inputs, 0).and_then(|sample| sample.value.number());
        let moved = match (value, open.told_value) {
            (Some(value), Some(told)) => (value - told).abs() >= step,
            (value, told) => value.is_some() && told.is_none(),
        };
        if !moved || observed.saturating_sub(open.told_at) < rule.revise_every_ns {
            return;
        }
        let since = open.alert.since.0;
        let said = self.say(unit, index, rule, bound, &inputs, since, origin);
        let id = open.alert.id.clone();
        if let Some(open) = self.open.get_mut(&id) {
            open.tell(said, observed);
            out.push(Effect::Transition(open.change(
                Change::Revised,
                None,
                origin,
            )));
        }
    }
}

impl Open {
    /// Counts a transition and makes it.
    pub(super) fn change(&mut self, change: Change, by: By<'_>, origin: &Origin) -> Transition {
        self.alert.revision += 1;
        self.alert.changed = origin.now;
        Transition {
            change,
            by: by.map(|(operator, _)| operator.to_owned()),
            command_id: by.map(|(_, command)| command.to_owned()),
            alert: self.alert.clone(),
        }
    }

    pub(super) fn tell(&mut self, said: Said, at: i64) {
        self.alert.message = said.message;
        self.alert.value = said.value;
        self.told_at = at;
        self.told_value = said.value;
        self.add_values(said.values);
    }

    /// Keeps the first value, which raised it, and the newest.
    pub(super) fn add_values(&mut self, values: Vec<EvidenceValue>) {
        let kept = &mut self.alert.evidence.values;
        for value in values {
            let known = |kept: &EvidenceValue| {
                kept.measure == value.measure && kept.observed == value.observed
            };
            if !kept.iter().any(known) {
                kept.push(value);
            }
        }
        while kept.len() > EVIDENCE_VALUES_MAX {
            kept.remove(1);
        }
    }
}

/// For conditions the newest evaluated observation, for silence the time of the record.
fn reading_time(unit: &Unit, index: u16, rule: &Rule, origin: &Origin) -> i64 {
    match &rule.kind {
        Kind::Absence { .. } => origin.now.0,
        Kind::Condition { .. } | Kind::Sequence { .. } | Kind::Group { .. } => unit
            .keys
            .get(usize::from(index))
            .map_or(origin.now.0, |key| key.newest),
    }
}
