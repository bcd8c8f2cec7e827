//! Silence, on uptime: journal time less our own downtime.

use std::sync::Arc;

use event::{Status, Time};

use super::Kernel;
use super::say::Moment;
use super::state::{KeyRef, Unit};
use crate::cel::Value;
use crate::engine::Origin;
use crate::ruleset::{Kind, RuleSet};
use crate::signal::Signal;

/// Uptime at which an absence key is overdue; none for other kinds and where the rule gives no time.
pub(super) fn deadline(unit: &Unit, rules: &RuleSet, key: u16) -> Option<i64> {
    let (_, rule) = unit.binding.at(rules, key)?;
    let Kind::Absence {
        after_ns,
        after_intervals,
        ..
    } = &rule.kind
    else {
        return None;
    };
    let wait = unit
        .interval_ns
        .saturating_mul(i64::from(*after_intervals))
        .max(*after_ns);
    let heard = unit.silence(key)?.heard_up;
    (wait > 0).then(|| heard.saturating_add(wait))
}

impl Kernel {
    pub(super) fn uptime(&self, now: Time) -> i64 {
        now.0.saturating_sub(self.down_ns)
    }

    /// Journal time at which the earliest absence is looked at.
    pub(super) fn absence_due(&self) -> Option<Time> {
        let (deadline, _, _) = self.absences.first()?;
        Some(Time(deadline.saturating_add(self.down_ns)).max(self.grace_until))
    }

    /// Makes a unit for every listed entity that is expected to speak and starts its time.
    pub(super) fn list_expected(&mut self, now: Time) {
        let vocabulary = Arc::clone(&self.vocabulary);
        let expected = vocabulary.entities.values().filter(|info| info.expected);
        for info in expected {
            if let Some(number) = self.unit_of(&info.id, Status::Actual, info.stream) {
                self.arm_new(number, now);
            }
        }
    }

    /// Starts the time of the unit's absence keys that have none yet.
    fn arm_new(&mut self, number: u32, now: Time) {
        let up = self.uptime(now);
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        for index in (0_u16..).take(unit.keys.len()) {
            let Some(silence) = unit.silence_mut(index) else {
                continue;
            };
            if !silence.armed && silence.told.is_none() && silence.heard.is_none() {
                silence.heard_up = up;
                silence.since = now;
                silence.armed = true;
            }
            if silence.armed
                && let Some(deadline) = deadline(unit, &self.rules, index)
            {
                self.absences.insert((deadline, number, index));
            }
        }
    }

    /// The device spoke: silence, if there was any, is over, and its time starts again.
    pub(super) fn heard(
        &mut self,
        number: u32,
        index: u16,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let up = self.uptime(origin.now);
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let Some(silence) = unit.silence_mut(index) else {
            return;
        };
        silence.heard_up = up;
        silence.heard = Some(origin.now);
        silence.since = origin.now;
        let armed = std::mem::replace(&mut silence.armed, true);
        let told = silence.told.take();
        if !armed && let Some(deadline) = deadline(unit, &self.rules, index) {
            self.absences.insert((deadline, number, index));
        }
        if let Some(episode) = told {
            let (value, values) =
                self.values(KeyRef::Unit(number, index), self.latest(number, origin));
            out.push(Signal::Ended {
                episode,
                until: origin.now,
                value,
                values,
            });
        }
    }

    /// A message whose values are history: silence at large is over, silence about a measure is not, because what the measure
    /// is now is still unknown.
    pub(super) fn heard_at_all(&mut self, number: u32, origin: &Origin, out: &mut Vec<Signal>) {
        self.heard_largely(number, origin, out);
        self.heard_gateway(number, origin, out);
    }

    /// Hearing any device of a gateway is hearing the gateway.
    pub(super) fn heard_gateway(&mut self, number: u32, origin: &Origin, out: &mut Vec<Signal>) {
        let gateway = self
            .units
            .get(number as usize)
            .and_then(|unit| unit.gateway);
        if let Some(gateway) = gateway {
            self.heard_largely(gateway, origin, out);
        }
    }

    fn heard_largely(&mut self, number: u32, origin: &Origin, out: &mut Vec<Signal>) {
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        for index in (0_u16..).take(unit.keys.len()) {
            let Some(unit) = self.units.get(number as usize) else {
                return;
            };
            let bound = unit.binding.bound.get(usize::from(index));
            if unit.silence(index).is_some() && bound.is_some_and(|bound| bound.mask == u64::MAX) {
                self.heard(number, index, origin, out);
            }
        }
    }

    /// Everything that is known of an entity: a device's clock may be ahead of journal time.
    fn latest(&self, number: u32, origin: &Origin) -> i64 {
        let unit = self.units.get(number as usize);
        unit.map_or(origin.now.0, |unit| unit.history.newest().max(origin.now.0))
    }

    /// Looks at the earliest deadline: out of date, it is set anew; met, the silence is told if the rule asks for it.
    pub(super) fn fire_absence(&mut self, origin: &Origin, out: &mut Vec<Signal>) {
        let Some((due, number, index)) = self.absences.pop_first() else {
            return;
        };
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let Some(real) = deadline(unit, &self.rules, index) else {
            return;
        };
        if real > due {
            self.absences.insert((real, number, index));
            return;
        }
        let key = KeyRef::Unit(number, index);
        let at = self.latest(number, origin);
        let asked = self.read(key, |reader, _| {
            let Kind::Absence { when, .. } = &reader.rule.kind else {
                return (false, false);
            };
            let off = !reader.rule.in_force(origin.now.0)
                || (reader.rule.enabled.as_ref()).is_some_and(|enabled| {
                    enabled.run(&reader.inputs(at)) == Value::Boolean(false)
                });
            let answer = when.as_ref().map(|when| when.run(&reader.inputs(at)));
            let silent = matches!(answer, None | Some(Value::Boolean(true))) && !off;
            (silent, answer == Some(Value::Fault))
        });
        let Some((silent, fault)) = asked else { return };
        self.desk.faults += u64::from(fault);
        if fault || !self.faults.is_empty() {
            self.evaluated(key, fault, origin.now.0, origin, out);
        }
        let episode = silent.then(|| self.desk.episode());
        let Some(silence) = self
            .units
            .get_mut(number as usize)
            .and_then(|unit| unit.silence_mut(index))
        else {
            return;
        };
        silence.armed = false;
        let since = silence.since;
        let Some(episode) = episode else { return };
        silence.told = Some(episode);
        let moment = Moment {
            since: since.0,
            at,
            suspect: false,
        };
        if let (Some(said), Some(key)) = (self.said(key, moment, origin), self.key_of(key, false)) {
            out.push(Signal::Began {
                episode,
                key,
                since,
                until: None,
                said: Box::new(said),
            });
        }
    }
}
