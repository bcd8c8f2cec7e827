//! Silence, on uptime: journal time less our own downtime.

use std::sync::Arc;

use event::{Name, Status, Time};

use super::unit::{Key, Phase};
use super::{Engine, Origin};
use crate::cel::Value;
use crate::effect::Effect;
use crate::ruleset::Kind;

impl Engine {
    fn uptime(&self, now: Time) -> i64 {
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
            let known = self.index.get(&info.id).and_then(|units| units[0]);
            let number = known.or_else(|| self.add_unit(&info.id, Status::Actual, info.stream));
            if let Some(number) = number {
                self.arm_new(number, now);
            }
        }
    }

    /// Starts the time of the unit's absence keys that have none yet.
    pub(super) fn arm_new(&mut self, number: u32, now: Time) {
        let up = self.uptime(now);
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        for (index, bound) in (0_u16..).zip(&unit.binding.bound) {
            let rule = self.rules.rules.get(usize::from(bound.rule));
            let absence = rule.is_some_and(|rule| matches!(rule.kind, Kind::Absence { .. }));
            let Some(key) = unit.keys.get_mut(usize::from(index)) else {
                continue;
            };
            if absence && !key.armed && key.phase == Phase::Clear && key.heard.is_none() {
                key.heard_up = up;
                key.silent_since = now;
                key.armed = true;
            }
        }
        for index in (0_u16..).take(unit.keys.len()) {
            let armed = self.units.get(number as usize).is_some_and(|unit| {
                unit.keys
                    .get(usize::from(index))
                    .is_some_and(|key: &Key| key.armed)
            });
            if armed {
                self.set_deadline(number, index);
            }
        }
    }

    fn set_deadline(&mut self, number: u32, index: u16) {
        let unit = self.units.get(number as usize);
        if let Some(deadline) = unit.and_then(|unit| unit.deadline(&self.rules, index)) {
            self.absences.insert((deadline, number, index));
        }
    }

    /// The device spoke: silence, if there was any, is over, and its time starts again.
    pub(super) fn heard(
        &mut self,
        number: u32,
        index: u16,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let up = self.uptime(origin.now);
        let Some(key) = self.key_mut(number, index) else {
            return;
        };
        key.heard_up = up;
        key.heard = Some(origin.now);
        key.silent_since = origin.now;
        let (armed, phase) = (key.armed, key.phase);
        key.armed = true;
        if phase == Phase::Active {
            self.give_back(number, index, origin.now.0, origin, out);
        }
        if !armed {
            self.set_deadline(number, index);
        }
    }

    /// A message whose values are history: silence at large is over, silence about a measure is not, because what the measure
    /// is now is still unknown.
    pub(super) fn heard_at_all(&mut self, number: u32, origin: &Origin, out: &mut Vec<Effect>) {
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let binding = Arc::clone(&unit.binding);
        for (index, bound) in (0_u16..).zip(&binding.bound) {
            let rule = rules.rules.get(usize::from(bound.rule));
            if bound.mask == u64::MAX
                && rule.is_some_and(|rule| matches!(rule.kind, Kind::Absence { .. }))
            {
                self.heard(number, index, origin, out);
            }
        }
    }

    /// Looks at the earliest deadline: out of date, it is set anew; met, the silence is told if the rule asks for it.
    pub(super) fn fire_absence(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        let Some((deadline, number, index)) = self.absences.pop_first() else {
            return;
        };
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let Some(real) = unit.deadline(&rules, index) else {
            return;
        };
        if real > deadline {
            self.absences.insert((real, number, index));
            return;
        }
        let Some(bound) = unit.binding.bound.get(usize::from(index)) else {
            return;
        };
        let Some(rule) = rules.rules.get(usize::from(bound.rule)) else {
            return;
        };
        let Kind::Absence { when, .. } = &rule.kind else {
            return;
        };
        let answer = when
            .as_ref()
            .map(|when| when.run(&unit.inputs(bound, rule, origin.now.0)));
        let silent = matches!(answer, None | Some(Value::Boolean(true)));
        self.counters.rule_errors += u64::from(answer == Some(Value::Fault));
        let fault = answer == Some(Value::Fault);
        self.evaluated((number, index), fault, origin.now.0, origin, out);
        let Some(key) = self.key_mut(number, index) else {
            return;
        };
        key.armed = false;
        let since = key.silent_since.0;
        if silent {
            self.raise(number, index, since, origin, out);
        }
    }

    /// Whether the entity is listed in the catalogue in force.
    pub(super) fn is_listed(&self, entity: &Name) -> bool {
        self.vocabulary.entities.contains_key(&**entity)
    }
}
