//! How much is kept: of one entity, and of all together.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Kernel;
use super::ask::Reader;
use super::state::{Key, Unit};
use crate::engine::Origin;
use crate::signal::Signal;

impl Kernel {
    /// Makes room in a unit: what nothing asks for goes, and what was observed at or before `crowded`, or what is over the
    /// bound. Checkpoints move up to what goes.
    pub(super) fn trim(
        &mut self,
        number: u32,
        crowded: Option<i64>,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let Some(stream) = self.units.get(number as usize).map(|unit| unit.stream) else {
            return;
        };
        let clock = self.clock(stream, origin.now);
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let crowded = crowded.max(unit.history.crowded_from());
        let horizon = crowded.map_or(clock.horizon, |from| {
            clock.horizon.max(from.saturating_add(1))
        });
        let groups = unit.groups.clone();
        let Unit {
            history,
            keys,
            binding,
            ..
        } = unit;
        for (bound, key) in binding.bound.iter().zip(keys) {
            let Some(rule) = self.rules.rules.get(usize::from(bound.rule)) else {
                continue;
            };
            let reader = Reader {
                rule,
                sources: &[history],
                masks: &[bound.mask],
                map: &bound.map,
                limits: &bound.cells,
                members: &[],
                memo: None,
            };
            if let Key::Watch(watch) = key {
                watch.settle(&reader, horizon, &mut self.desk);
            }
        }
        self.tell_settled(out);
        let least = crowded.map_or(i64::MIN, |from| from.saturating_add(1));
        for group in groups {
            self.settle_group(group, least, origin, out);
        }
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let Unit {
            history, binding, ..
        } = unit;
        let before = history.len();
        let forced = history.trim(clock.horizon, &binding.keep, crowded);
        self.observations = self
            .observations
            .saturating_sub(before.saturating_sub(history.len()));
        self.counters.observations_dropped += u64::from(forced);
    }

    /// Over the bound on all together the entities with the most lose their older halves, until a sixteenth is free again.
    pub(super) fn make_room(&mut self, origin: &Origin, out: &mut Vec<Signal>) {
        if self.observations <= self.observations_max {
            return;
        }
        let goal = self.observations_max - self.observations_max / 16;
        let mut crowd: BinaryHeap<(usize, Reverse<u32>)> = (0_u32..)
            .zip(&self.units)
            .map(|(number, unit)| (unit.history.len(), Reverse(number)))
            .collect();
        while self.observations > goal
            && let Some((count, Reverse(number))) = crowd.pop()
        {
            let unit = self.units.get(number as usize);
            let from = unit.and_then(|unit| unit.history.oldest(count.div_ceil(2)));
            self.trim(number, from, origin, out);
            let left = self.units.get(number as usize);
            let left = left.map_or(0, |unit| unit.history.len());
            // One that has nothing left to give is left alone.
            if left < count {
                crowd.push((left, Reverse(number)));
            }
        }
    }

    /// The sum is derived.
    pub(super) fn recount(&mut self) {
        self.observations = self.units.iter().map(|unit| unit.history.len()).sum();
    }
}
