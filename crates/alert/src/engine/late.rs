//! Readings that come after newer ones of their key but within the lateness bound: what they tell must not be missed.
//!
//! Only rules without a hold, only good values of the event itself (a function over a window is unknown here), only while the
//! key is clear: an active episode covers them. Whether a newer reading says normal is the clear condition's word at the
//! newest time when it was true; a release is not waited for.

use std::sync::Arc;

use event::{Change, Event, Time};

use super::telling::Said;
use super::unit::Phase;
use super::{Engine, Origin};
use crate::cel::Value;
use crate::effect::Effect;
use crate::ruleset::Kind;
use crate::slot::Stamp;

impl Engine {
    pub(super) fn fold_late(
        &mut self,
        number: u32,
        index: u16,
        event: &Event,
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
        let Kind::Condition {
            raise, hold_ns: 0, ..
        } = &rule.kind
        else {
            return;
        };
        let Some(key) = unit.keys.get(usize::from(index)) else {
            return;
        };
        let observed = stamp.observed;
        let (newest, normal, seen) = (key.newest, key.normal, key.alert.is_some());
        // Somebody has seen that episode through.
        let over = |(from, to): (i64, i64)| from <= observed && observed <= to;
        if key.phase != Phase::Clear || !seen && key.episode.is_some_and(over) {
            return;
        }
        let (slots, _) = self.own_values(&binding, event, stamp);
        let said = self.units.get(number as usize).and_then(|unit| {
            let mut inputs = unit.inputs(bound, rule, observed);
            inputs.slots = &slots;
            let holds = raise.run(&inputs) == Value::Boolean(true);
            holds.then(|| self.say(unit, index, rule, bound, &inputs, observed, origin))
        });
        self.keep_scratch(slots);
        match said {
            Some(said) if normal < observed => {
                self.ring(number, index, (observed, observed), said, origin, out);
            }
            Some(said) if seen => self.revise_over(number, index, observed, said, origin, out),
            Some(said) => {
                self.ring(number, index, (observed, observed), said, origin, out);
                self.give_back(number, index, normal, origin, out);
            }
            // It may complete what newer values of other measures, or its window, were waiting for.
            None if rule.need.measures.len() > 1 || rule.need.windows.iter().any(|ns| *ns > 0) => {
                let holds = self.units.get(number as usize).is_some_and(|unit| {
                    raise.run(&unit.inputs(bound, rule, newest)) == Value::Boolean(true)
                });
                if holds {
                    self.raise(number, index, newest, origin, out);
                }
            }
            None => {}
        }
    }

    /// One more reading of an episode that is over and still to be acknowledged: told if it began earlier, ended later or went
    /// farther from normal than was known.
    fn revise_over(
        &mut self,
        number: u32,
        index: u16,
        observed: i64,
        said: Said,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let binding = Arc::clone(&unit.binding);
        let Some((bound, rule)) = binding.at(&rules, index) else {
            return;
        };
        let first = bound
            .map
            .first()
            .and_then(|slot| unit.slots.get(usize::from(*slot)));
        let now = first.and_then(|slot| slot.good.value.number());
        let Some(key) = unit.keys.get_mut(usize::from(index)) else {
            return;
        };
        let Some(open) = key.alert.as_ref().and_then(|id| self.open.get_mut(id)) else {
            return;
        };
        let normal = Time(key.normal);
        let earlier = Time(observed) < open.alert.since;
        let later = open.alert.returned.is_none_or(|at| at < Time(observed));
        let farther = match (said.value, open.told_value, now, rule.revise_step) {
            (Some(value), Some(told), Some(now), Some(step)) => {
                (value - now).abs() >= (told - now).abs() + step
            }
            _ => false,
        };
        if !(earlier || later || farther) {
            return;
        }
        if earlier {
            open.alert.since = Time(observed);
        }
        if later {
            open.alert.returned = Some(normal);
        }
        let (from, to) = key.episode.unwrap_or((observed, normal.0));
        key.episode = Some((
            from.min(observed),
            if later { to.max(normal.0) } else { to },
        ));
        if farther {
            open.tell(said, observed);
        } else {
            open.add_values(said.values);
        }
        out.push(Effect::Transition(open.change(
            Change::Revised,
            None,
            origin,
        )));
    }
}
