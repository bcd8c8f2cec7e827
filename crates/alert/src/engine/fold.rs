//! One live event against the rules of its entity.

use std::sync::Arc;

use event::{Event, EventFlags, Time};

use super::unit::{Bound, Phase};
use super::{Engine, Origin, Timer};
use crate::cel::Value;
use crate::effect::Effect;
use crate::ruleset::{Clear, Kind, Rule};
use crate::slot::Stamp;

/// What a condition says; unknown and faults are "no answer".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    None,
}

impl Engine {
    pub(super) fn fold(
        &mut self,
        number: u32,
        origin: &Origin,
        event: &Event,
        out: &mut Vec<Effect>,
    ) {
        if event.flags.has(EventFlags::HISTORY) {
            self.counters.history += 1;
            self.fold_history(number, origin, event, out);
            self.heard_at_all(number, origin, out);
            return;
        }
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let binding = Arc::clone(&unit.binding);
        if event.place.is_some() && unit.place != event.place {
            unit.place.clone_from(&event.place);
        }
        let stamp = Stamp {
            observed: event.observed.0,
            received: event.received,
            processed: event.processed,
            offset: origin.offset,
        };
        self.decide_before(number, event, origin, out);
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let (mut touched, mut good) = (0_u64, 0_u64);
        for measured in &event.values {
            let Some(index) = binding.slot_of(&measured.measure) else {
                continue;
            };
            if let (Some(slot), Some(spec)) = (unit.slots.get_mut(index), binding.slots.get(index))
            {
                slot.put(measured, &stamp, spec.window_ns);
                touched |= 1 << (index & 63);
                good |= u64::from(measured.quality.is_usable()) << (index & 63);
            }
        }
        for (key, bound) in (0_u16..).zip(&binding.bound) {
            let Some(rule) = rules.rules.get(usize::from(bound.rule)) else {
                continue;
            };
            match &rule.kind {
                Kind::Condition { .. } if bound.mask & touched != 0 => {
                    let newest = self.key_mut(number, key).map_or(i64::MIN, |key| key.newest);
                    if stamp.observed > newest {
                        self.step(number, key, rule, bound, stamp.observed, origin, out);
                    } else {
                        self.counters.late += 1;
                        // The very same instant is the same reading once more.
                        if stamp.observed < newest {
                            self.fold_late(number, key, event, &stamp, origin, out);
                        }
                    }
                }
                // Anything at all ends silence at large; silence about a measure only a usable value of it.
                Kind::Absence { .. } if bound.mask == u64::MAX || bound.mask & good != 0 => {
                    self.heard(number, key, origin, out);
                }
                Kind::Condition { .. }
                | Kind::Absence { .. }
                | Kind::Sequence { .. }
                | Kind::Group { .. } => {}
            }
        }
    }

    /// Holds and releases that ended before this event are decided by what was known until then; the event only says what
    /// happens after.
    fn decide_before(
        &mut self,
        number: u32,
        event: &Event,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let waits = |phase| matches!(phase, Phase::Pending { .. } | Phase::Releasing { .. });
        if !unit.keys.iter().any(|key| waits(key.phase)) {
            return;
        }
        let binding = Arc::clone(&unit.binding);
        let slots = event
            .values
            .iter()
            .filter_map(|measured| binding.slot_of(&measured.measure));
        let touched = slots.fold(0_u64, |mask, slot| mask | 1 << (slot & 63));
        for (index, bound) in (0_u16..).zip(&binding.bound) {
            let Some(key) = self.key_mut(number, index) else {
                continue;
            };
            if let Phase::Pending { due, .. } | Phase::Releasing { due, .. } = key.phase
                && bound.mask & touched != 0
                && event.observed.0 > due.max(key.newest)
            {
                self.timers.remove(&(Time(due), Timer::Key(number, index)));
                self.decide(number, index, origin, out);
            }
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one key's place, its rule and the record; a struct would only rename them"
    )]
    fn step(
        &mut self,
        number: u32,
        index: u16,
        rule: &Rule,
        bound: &Bound,
        observed: i64,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let Some(key) = unit.keys.get_mut(usize::from(index)) else {
            return;
        };
        key.newest = observed;
        let Kind::Condition {
            raise,
            clear,
            hold_ns,
            release_ns,
        } = &rule.kind
        else {
            return;
        };
        self.counters.evaluations += 1;
        let inputs = unit.inputs(bound, rule, observed);
        let bad = bound.map.iter().any(|slot| {
            unit.slots
                .get(usize::from(*slot))
                .is_some_and(|slot| slot.is_bad())
        });
        let mut faults = 0;
        let mut ask = |program: &crate::cel::Program| match program.run(&inputs) {
            Value::Boolean(true) => Answer::Yes,
            Value::Boolean(false) => Answer::No,
            Value::Fault => {
                faults += 1;
                Answer::None
            }
            Value::Unknown | Value::Number(_) | Value::Text(_) | Value::Duration(_) => Answer::None,
        };
        let raised = ask(raise);
        let active = matches!(
            unit.keys.get(usize::from(index)).map(|key| key.phase),
            Some(Phase::Active | Phase::Releasing { .. })
        );
        // Without a hold it is kept when all was well: late readings from before are over already.
        let asked = active || *hold_ns == 0;
        let cleared = match (clear, raised) {
            // A value that cannot be trusted clears nothing, and what is still true is not gone.
            (_, Answer::Yes) => Answer::No,
            _ if !asked || bad => Answer::None,
            (Clear::NotRaise, Answer::No) => Answer::Yes,
            (Clear::NotRaise, Answer::None) => Answer::None,
            (Clear::When(program), _) => ask(program),
        };
        self.counters.rule_errors += faults;
        self.evaluated((number, index), faults > 0, observed, origin, out);
        if cleared == Answer::Yes
            && let Some(key) = self.key_mut(number, index)
        {
            key.normal = observed;
        }
        // A bad value breaks no hold either.
        let raised = if bad && raised == Answer::No {
            Answer::None
        } else {
            raised
        };
        self.turn(
            number,
            index,
            (raised, cleared),
            (*hold_ns, *release_ns),
            observed,
            origin,
            out,
        );
    }

    /// The state machine of a key.
    #[allow(
        clippy::too_many_arguments,
        reason = "one key's place, its two answers and the record"
    )]
    fn turn(
        &mut self,
        number: u32,
        index: u16,
        (raised, cleared): (Answer, Answer),
        (hold_ns, release_ns): (i64, i64),
        observed: i64,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let Some(key) = self.key_mut(number, index) else {
            return;
        };
        match key.phase {
            Phase::Clear if raised == Answer::Yes => {
                if hold_ns == 0 {
                    self.raise(number, index, observed, origin, out);
                } else {
                    let due = observed.saturating_add(hold_ns);
                    self.wait(
                        number,
                        index,
                        Phase::Pending {
                            since: observed,
                            due,
                        },
                        due,
                    );
                    self.note_start(number, index);
                }
            }
            Phase::Clear => {}
            Phase::Pending { due, .. } => match raised {
                Answer::No => self.unwait(number, index, Phase::Clear, due),
                Answer::Yes | Answer::None if observed >= due => {
                    self.timers.remove(&(Time(due), Timer::Key(number, index)));
                    self.decide(number, index, origin, out);
                }
                Answer::Yes | Answer::None => {}
            },
            Phase::Active if cleared == Answer::Yes => {
                if release_ns == 0 {
                    self.give_back(number, index, observed, origin, out);
                } else {
                    let due = observed.saturating_add(release_ns);
                    self.wait(
                        number,
                        index,
                        Phase::Releasing {
                            since: observed,
                            due,
                        },
                        due,
                    );
                }
            }
            Phase::Active => self.revise(number, index, observed, origin, out),
            Phase::Releasing { due, .. } => match cleared {
                Answer::No => self.unwait(number, index, Phase::Active, due),
                Answer::Yes | Answer::None if observed >= due => {
                    self.timers.remove(&(Time(due), Timer::Key(number, index)));
                    self.decide(number, index, origin, out);
                }
                Answer::Yes | Answer::None => {}
            },
        }
    }

    fn wait(&mut self, number: u32, index: u16, phase: Phase, due: i64) {
        if let Some(key) = self.key_mut(number, index) {
            key.phase = phase;
            self.timers.insert((Time(due), Timer::Key(number, index)));
        }
    }

    fn unwait(&mut self, number: u32, index: u16, phase: Phase, due: i64) {
        if let Some(key) = self.key_mut(number, index) {
            key.phase = phase;
            key.start = None;
            self.timers.remove(&(Time(due), Timer::Key(number, index)));
        }
    }

    /// A hold or release is satisfied. Its timer is gone.
    pub(super) fn decide(
        &mut self,
        number: u32,
        index: u16,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let Some(key) = self.key_mut(number, index) else {
            return;
        };
        match key.phase {
            Phase::Pending { since, .. } => self.raise(number, index, since, origin, out),
            Phase::Releasing { since, .. } => self.give_back(number, index, since, origin, out),
            Phase::Clear | Phase::Active => {}
        }
    }
}
