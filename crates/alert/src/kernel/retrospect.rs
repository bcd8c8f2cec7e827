//! Events beyond the lateness bound: they can tell of an episode that nobody saw, and nothing else.
//!
//! Only what the event itself says counts, good values alone: functions over windows are unknown here, holds are kept on the
//! history's own observed times. Every reading that satisfies a rule is told; while an alert of it is open, the book
//! has one for all of them.
//!
//! Only rules of kind `condition` about one entity are asked. A sequence needs what was said between its two parts and a rule
//! over several entities what the others said at that time; history brings neither, and an answer from one reading alone would
//! be made up.

use event::{Event, Time};

use super::Kernel;
use super::say::Moment;
use super::state::{KeyRef, Retrospect};
use crate::cel::Value;
use crate::engine::Origin;
use crate::history::{History, Row};
use crate::ruleset::Kind;
use crate::signal::Signal;

impl Kernel {
    /// For all keys of a unit, or for one to which alone the event is too late.
    pub(super) fn look_back(
        &mut self,
        number: u32,
        only: Option<u16>,
        event: &Event,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let mut own = std::mem::replace(&mut self.scratch, History::new(0));
        let binding = std::sync::Arc::clone(&unit.binding);
        own.reset(binding.measures.len());
        let row = Row {
            observed: event.observed.0,
            received: event.received,
            processed: event.processed,
            offset: origin.offset,
            touched: 0,
        };
        let good = event
            .values
            .iter()
            .filter(|measured| measured.quality.is_usable());
        let touched = own.insert(
            row,
            good.filter_map(|measured| Some((binding.slot_of(&measured.measure)?, measured))),
        );
        // The entity's own history stands aside: texts and answers are of this event alone.
        std::mem::swap(&mut unit.history, &mut own);
        for (index, bound) in (0_u16..).zip(&binding.bound) {
            if bound.mask & touched != 0 && only.is_none_or(|only| only == index) {
                self.look_back_at((number, index), event.observed.0, origin, out);
            }
        }
        if let Some(unit) = self.units.get_mut(number as usize) {
            std::mem::swap(&mut unit.history, &mut own);
        }
        self.scratch = own;
    }

    fn look_back_at(
        &mut self,
        (number, index): (u32, u16),
        observed: i64,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let key = KeyRef::Unit(number, index);
        let asked = self.read(key, |reader, _| {
            let Kind::Condition { raise, hold_ns, .. } = &reader.rule.kind else {
                return None;
            };
            let inputs = reader.inputs(observed);
            let off = !reader.rule.in_force(observed)
                || (reader.rule.enabled.as_ref())
                    .is_some_and(|enabled| enabled.run(&inputs) == Value::Boolean(false));
            let answer = match raise.run(&inputs) {
                Value::Boolean(answer) => Some(answer && !off),
                Value::Number(_)
                | Value::Text(_)
                | Value::Duration(_)
                | Value::Unknown
                | Value::Fault => None,
            };
            Some((*hold_ns, answer))
        });
        let Some((hold_ns, answer)) = asked.flatten() else {
            return;
        };
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        // An open live episode that began before covers it.
        let covered = unit
            .watch(index)
            .and_then(|watch| watch.open())
            .is_some_and(|told| told.since <= observed);
        let states = unit.retrospects.get_or_insert_with(Box::default);
        let place = match states.binary_search_by_key(&index, |state| state.key) {
            Ok(place) => place,
            Err(place) => {
                let fresh = Retrospect {
                    key: index,
                    since: None,
                    newest: None,
                };
                states.insert(place, fresh);
                place
            }
        };
        let Some(state) = states.get_mut(place) else {
            return;
        };
        if state.newest.is_some_and(|newest| observed <= newest) {
            return;
        }
        state.newest = Some(observed);
        let since = match answer {
            Some(true) => *state.since.get_or_insert(observed),
            Some(false) => {
                state.since = None;
                return;
            }
            None => return,
        };
        if observed.saturating_sub(since) < hold_ns || covered {
            return;
        }
        let moment = Moment {
            since,
            at: observed,
            suspect: false,
        };
        let episode = self.desk.episode();
        if let (Some(said), Some(key)) = (self.said(key, moment, origin), self.key_of(key, true)) {
            out.push(Signal::Began {
                episode,
                key,
                since: Time(since),
                until: Some(Time(observed)),
                said: Box::new(said),
            });
        }
    }
}
