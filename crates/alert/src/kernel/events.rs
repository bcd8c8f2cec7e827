//! One live event against the rules that read its entity.

use event::Event;

use super::ask::Reader;
use super::state::{Key, KeyRef, Unit};
use super::watch::Clock;
use super::{Kernel, is_history};
use crate::cel::Memo;
use crate::engine::Origin;
use crate::history::Row;
use crate::signal::Signal;

impl Kernel {
    pub(crate) fn event(&mut self, origin: &Origin, event: &Event, out: &mut Vec<Signal>) {
        self.begin(origin);
        self.counters.events += 1;
        self.warned(origin, event, out);
        let Some(number) = self.unit_of(&event.entity, event.status, event.stream) else {
            self.counters.entities_refused += 1;
            return;
        };
        let Some(stream) = self.units.get(number as usize).map(|unit| unit.stream) else {
            return;
        };
        let clock = self.clock(stream, origin.now);
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let late = event.observed.0 < clock.horizon || event.observed.0 <= unit.history.floor();
        if late || is_history(event.flags) {
            self.counters.history += 1;
            self.look_back(number, None, event, origin, out);
            if !event.flags.has(event::EventFlags::REPROCESSED) {
                self.heard_at_all(number, origin, out);
            }
            return;
        }
        if event.place.is_some() && unit.place.as_deref() != event.place.as_ref() {
            unit.place = event.place.clone().map(Box::new);
        }
        let Unit {
            history, binding, ..
        } = unit;
        let row = Row {
            observed: event.observed.0,
            received: event.received,
            processed: event.processed,
            offset: origin.offset,
            touched: 0,
        };
        let mut good = 0_u64;
        let values = event.values.iter().filter_map(|measured| {
            let slot = binding.slot_of(&measured.measure)?;
            good |= u64::from(measured.quality.is_usable()) << (slot & 63);
            Some((slot, measured))
        });
        let before = history.len();
        let touched = history.insert(row, values);
        self.observations += history.len() - before;
        let full = history.is_full();
        let memo = Memo::new(std::mem::take(&mut self.room));
        let (keys, joined) = (binding.bound.len(), binding.joined.len());
        for index in (0_u16..).take(keys) {
            let Some(unit) = self.units.get(number as usize) else {
                return;
            };
            let Some(bound) = unit.binding.bound.get(usize::from(index)) else {
                continue;
            };
            match unit.keys.get(usize::from(index)) {
                Some(Key::Watch(_)) if bound.mask & touched != 0 => {
                    self.step((number, index), event, (clock, &memo), origin, out);
                }
                // Anything at all ends silence at large; silence about a measure only a usable value of it.
                Some(Key::Silence(_)) if bound.mask == u64::MAX || bound.mask & good != 0 => {
                    self.heard(number, index, origin, out);
                }
                Some(Key::Watch(_) | Key::Silence(_)) | None => {}
            }
        }
        self.room = memo.into_room();
        for index in 0..joined {
            let Some(unit) = self.units.get(number as usize) else {
                return;
            };
            let bound = unit.binding.joined.get(index);
            if bound.is_some_and(|bound| bound.mask & touched != 0)
                && let Some(group) = unit.groups.get(index)
            {
                self.step_group(*group, event.observed.0, origin, out);
            }
        }
        if !self.suspects.is_empty() {
            self.corroborate(number, touched, origin, out);
        }
        self.heard_gateway(number, origin, out);
        if full {
            self.trim(number, None, origin, out);
        }
        self.make_room(origin, out);
    }

    /// A point of a key: in order, or late.
    fn step(
        &mut self,
        (number, index): (u32, u16),
        event: &Event,
        (clock, memo): (Clock, &Memo),
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let Some(unit) = self.units.get_mut(number as usize) else {
            return;
        };
        let Unit {
            history,
            keys,
            binding,
            ..
        } = unit;
        let Some((bound, rule)) = binding.at(&self.rules, index) else {
            return;
        };
        let Some(Key::Watch(watch)) = keys.get_mut(usize::from(index)) else {
            return;
        };
        let reader = Reader {
            rule,
            sources: &[history],
            masks: &[bound.mask],
            map: &bound.map,
            limits: &bound.cells,
            members: &[],
            memo: Some(memo),
        };
        let point = event.observed.0;
        let was = watch.machine.phase.due();
        let (fault, beyond) = if watch.in_order(point) {
            let fault = watch.live(&reader, point, clock, &mut self.desk);
            (Some(fault), false)
        } else {
            self.counters.late += 1;
            watch.replay(&reader, point, clock, &mut self.desk)
        };
        watch.revise(&reader, &mut self.desk);
        let is = watch.machine.phase.due();
        let key = KeyRef::Unit(number, index);
        self.retime(key, was, is);
        if let Some(fault) = fault
            && (fault || !self.faults.is_empty())
        {
            self.evaluated(key, fault, point, origin, out);
        }
        self.tell(key, origin, out);
        if beyond {
            self.look_back(number, Some(index), event, origin, out);
        }
    }
}
