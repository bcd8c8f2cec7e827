//! Events older than the lateness bound: they can tell of an episode that nobody saw, and nothing else.
//!
//! Such an alert is marked retrospective and starts as returned-unacknowledged: it is to be seen, not to be fought. While
//! it is open its key raises no second one, so that a backlog of a day is one alert. Functions over windows are
//! unknown here, holds are kept on the history's own observed times.

use std::sync::Arc;

use event::{AlertState, Event, Time};

use super::unit::Binding;
use super::{Engine, Origin};
use crate::cel::Value;
use crate::effect::Effect;
use crate::ruleset::Kind;
use crate::slot::{Sample, Slot, Stamp};

impl Engine {
    pub(super) fn fold_history(
        &mut self,
        number: u32,
        origin: &Origin,
        event: &Event,
        out: &mut Vec<Effect>,
    ) {
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let binding = Arc::clone(&unit.binding);
        let stamp = Stamp {
            observed: event.observed.0,
            received: event.received,
            processed: event.processed,
            offset: origin.offset,
        };
        let (slots, touched) = self.own_values(&binding, event, &stamp);
        for (index, bound) in (0_u16..).zip(&binding.bound) {
            let Some(rule) = rules.rules.get(usize::from(bound.rule)) else {
                continue;
            };
            if let Kind::Condition { hold_ns, .. } = rule.kind
                && bound.mask & touched != 0
            {
                self.look_back(number, index, hold_ns, &slots, &stamp, origin, out);
            }
        }
        self.keep_scratch(slots);
    }

    /// Only what this event itself says, good values alone, and which slots that are. Give the slots back afterwards.
    pub(super) fn own_values(
        &mut self,
        binding: &Binding,
        event: &Event,
        stamp: &Stamp,
    ) -> (Vec<Slot>, u64) {
        let mut slots = std::mem::take(&mut self.scratch);
        slots.clear();
        slots.resize_with(binding.slots.len(), || Slot::new(0));
        let mut touched = 0_u64;
        for measured in event
            .values
            .iter()
            .filter(|measured| measured.quality.is_usable())
        {
            let index = binding.slot_of(&measured.measure);
            if let Some((index, slot)) =
                index.and_then(|index| Some((index, slots.get_mut(index)?)))
            {
                slot.put(measured, stamp, 0);
                touched |= 1 << (index & 63);
            }
        }
        (slots, touched)
    }

    pub(super) fn keep_scratch(&mut self, slots: Vec<Slot>) {
        self.scratch = slots;
        for slot in &mut self.scratch {
            slot.good = Sample::NEVER;
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one key's place, the event's values and the record"
    )]
    fn look_back(
        &mut self,
        number: u32,
        index: u16,
        hold_ns: i64,
        slots: &[Slot],
        stamp: &Stamp,
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
        let Kind::Condition { raise, .. } = &rule.kind else {
            return;
        };
        let mut inputs = unit.inputs(bound, rule, stamp.observed);
        inputs.slots = slots;
        let answer = raise.run(&inputs);
        let Some(key) = unit.keys.get(usize::from(index)) else {
            return;
        };
        let mut state = key.retrospect.as_deref().cloned().unwrap_or_default();
        if state.newest.is_some_and(|newest| stamp.observed <= newest) {
            return;
        }
        state.newest = Some(stamp.observed);
        let since = match answer {
            Value::Boolean(true) => Some(*state.since.get_or_insert(stamp.observed)),
            Value::Boolean(false) => {
                state.since = None;
                None
            }
            Value::Number(_)
            | Value::Text(_)
            | Value::Duration(_)
            | Value::Unknown
            | Value::Fault => None,
        };
        // An open live episode that began before covers it.
        let live = key.alert.as_ref().and_then(|id| self.open.get(id));
        let covered = live.is_some_and(|open| {
            open.alert.state != AlertState::ReturnedUnacknowledged
                && open.alert.since <= Time(stamp.observed)
        });
        let since = since.filter(|since| {
            stamp.observed.saturating_sub(*since) >= hold_ns && !covered && state.alert.is_none()
        });
        let alert = since.map(|since| {
            let said = self.say(unit, index, rule, bound, &inputs, since, origin);
            self.alert(
                unit,
                rule,
                bound,
                said,
                (since, stamp.observed),
                true,
                None,
                origin,
            )
        });
        if let Some(alert) = &alert {
            state.alert = Some(alert.id.clone());
        }
        if let Some(key) = self.key_mut(number, index) {
            key.retrospect = Some(Box::new(state));
        }
        if let Some(alert) = alert {
            self.open_alert(alert, stamp.observed, origin, out);
        }
    }
}
