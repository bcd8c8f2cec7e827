//! What an entity's measures said under one status: every observation in the order of its observed time, back to a bound.
//!
//! Everything a rule reads is a pure function of a [`History`] and an instant: what came late stands where it belongs, and
//! the answer for a past instant is the one that would have been given then, had everything been known. The same instant is
//! the same reading once more and ignored, measure by measure.

use event::{Measured, Name, Quality, Time, Value};
use serde::{Deserialize, Serialize};

/// Observations (one value of one measure) kept of an entity; over that the oldest go, whatever their age.
pub const OBSERVATIONS_MAX: usize = 32_768;
/// Observations kept of all entities together, 40 to 70 bytes each; over that the entities with the most lose their older
/// halves until a sixteenth is free again.
pub const OBSERVATIONS_TOTAL_MAX: usize = 67_108_864;
/// Rows below which nothing is trimmed: trimming at every event would cost more than it frees.
const TRIM_LEAST: u32 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Tag {
    Number,
    Boolean,
    Code,
}

/// One value of one measure. Number, boolean or the place of a code in the history's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Observation {
    pub(crate) observed: i64,
    bits: u64,
    tag: Tag,
    pub(crate) quality: Quality,
}

/// A value as programs read it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Read<'a> {
    Number(f64),
    Boolean(bool),
    Code(&'a Name),
}

impl Observation {
    /// The number, whatever its quality.
    pub(crate) fn number(&self) -> Option<f64> {
        (self.tag == Tag::Number).then(|| f64::from_bits(self.bits))
    }

    /// The number, if rules and windows may use it.
    pub(crate) fn usable_number(&self) -> Option<f64> {
        self.number().filter(|_| self.quality.is_usable())
    }

    /// Whether rules may use it: nothing blocks it that `accept` (quality bits) does not cover.
    pub(crate) const fn is_usable(&self, accept: u16) -> bool {
        self.quality.0 & Quality::BLOCKING.0 & !accept == 0
    }
}

/// The message that brought observations: what evidence needs of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) observed: i64,
    pub(crate) received: Time,
    pub(crate) processed: Time,
    pub(crate) offset: u64,
    /// Slots that it brought values for.
    pub(crate) touched: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    slots: Vec<Vec<Observation>>,
    /// Ascending; several of one instant have no slot in common.
    rows: Vec<Row>,
    codes: Vec<Name>,
    /// Nothing at or before this is complete any more; `i64::MIN` while nothing had to go for want of room.
    floor: i64,
    observations: u32,
    /// Rows at which it is trimmed next.
    trim_at: u32,
}

impl History {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots: vec![Vec::new(); slots],
            rows: Vec::new(),
            codes: Vec::new(),
            floor: i64::MIN,
            observations: 0,
            trim_at: TRIM_LEAST,
        }
    }

    /// The newest observation of a slot at or before `at`, good or bad.
    pub(crate) fn at(&self, slot: usize, at: i64) -> Option<&Observation> {
        let all = self.slots.get(slot)?;
        match all.last() {
            Some(newest) if newest.observed <= at => Some(newest),
            None => None,
            Some(_) => {
                let end = all.partition_point(|one| one.observed <= at);
                all.get(end.checked_sub(1)?)
            }
        }
    }

    /// The newest observation at or before `at` whose quality lets rules use it.
    pub(crate) fn last_good(&self, slot: usize, at: i64) -> Option<&Observation> {
        let all = self.slots.get(slot)?;
        let end = all.partition_point(|one| one.observed <= at);
        all.get(..end)?
            .iter()
            .rev()
            .find(|one| one.quality.is_usable())
    }

    /// All observations of a slot from `from` to `to`, both included, ascending, good and bad.
    pub(crate) fn window(&self, slot: usize, from: i64, to: i64) -> &[Observation] {
        let Some(all) = self.slots.get(slot) else {
            return &[];
        };
        let end = match all.last() {
            Some(newest) if newest.observed <= to => all.len(),
            _ => all.partition_point(|one| one.observed <= to),
        };
        // Most windows are short and at the end: searched from there, so that only what is read anyway is touched.
        let mut step = 8;
        let base = loop {
            let probe = end.saturating_sub(step);
            match all.get(probe) {
                Some(one) if probe > 0 && one.observed >= from => step *= 2,
                Some(_) | None => break probe,
            }
        };
        let kept = all.get(base..end).unwrap_or(&[]);
        let start = kept.partition_point(|one| one.observed < from);
        kept.get(start..).unwrap_or(&[])
    }

    /// The usable numbers of a slot from `from` to `to`, both included, ascending.
    pub(crate) fn numbers(
        &self,
        slot: usize,
        from: i64,
        to: i64,
    ) -> impl DoubleEndedIterator<Item = (i64, f64)> {
        self.window(slot, from, to)
            .iter()
            .filter_map(|one| Some((one.observed, one.usable_number()?)))
    }

    /// The value of an observation of this history.
    pub(crate) fn read(&self, one: &Observation) -> Option<Read<'_>> {
        Some(match one.tag {
            Tag::Number => Read::Number(f64::from_bits(one.bits)),
            Tag::Boolean => Read::Boolean(one.bits != 0),
            Tag::Code => Read::Code(self.codes.get(usize::try_from(one.bits).ok()?)?),
        })
    }

    pub(crate) fn value(&self, one: &Observation) -> Option<Value> {
        Some(match self.read(one)? {
            Read::Number(value) => Value::Number(value),
            Read::Boolean(value) => Value::Boolean(value),
            Read::Code(value) => Value::Code(value.clone()),
        })
    }

    /// The message that an observation of a slot came with.
    pub(crate) fn row(&self, slot: usize, observed: i64) -> Option<&Row> {
        let start = self.rows.partition_point(|row| row.observed < observed);
        self.rows
            .get(start..)?
            .iter()
            .take_while(|row| row.observed == observed)
            .find(|row| row.touched & bit(slot) != 0)
    }

    /// The distinct instants in `from..=to` at which a slot of `mask` was observed, ascending.
    pub(crate) fn points(
        &self,
        mask: u64,
        from: i64,
        to: i64,
    ) -> impl DoubleEndedIterator<Item = i64> + '_ {
        let start = self.rows.partition_point(|row| row.observed < from);
        let end = self.rows.partition_point(|row| row.observed <= to);
        let rows = self.rows.get(start..end).unwrap_or(&[]);
        rows.iter().enumerate().filter_map(move |(index, row)| {
            // The first row of its instant stands for all of them.
            let same = |other: &&Row| other.observed == row.observed;
            let earlier = rows.get(..index).unwrap_or(&[]);
            let told = (earlier.iter().rev().take_while(same)).any(|row| row.touched & mask != 0);
            (row.touched & mask != 0 && !told).then_some(row.observed)
        })
    }

    /// Observed time of the newest row; `i64::MIN` = none.
    pub(crate) fn newest(&self) -> i64 {
        self.rows.last().map_or(i64::MIN, |row| row.observed)
    }

    /// What is observed at or before this is later than what is kept.
    pub(crate) const fn floor(&self) -> i64 {
        self.floor
    }

    /// Observations kept.
    pub(crate) const fn len(&self) -> usize {
        self.observations as usize
    }

    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Whether it is time to trim.
    pub(crate) fn is_full(&self) -> bool {
        u32::try_from(self.rows.len()).is_ok_and(|rows| rows >= self.trim_at)
            || self.len() > OBSERVATIONS_MAX
    }

    /// Adds the values of a message, each with its slot; returns the slots that have a new observation.
    pub(crate) fn insert<'m>(
        &mut self,
        row: Row,
        values: impl Iterator<Item = (usize, &'m Measured)>,
    ) -> u64 {
        let mut touched = 0;
        for (slot, measured) in values {
            if touched & bit(slot) != 0 {
                continue;
            }
            let (tag, bits) = match &measured.value {
                Value::Number(value) => (Tag::Number, value.to_bits()),
                Value::Boolean(value) => (Tag::Boolean, u64::from(*value)),
                Value::Code(value) => (Tag::Code, self.code(value)),
            };
            let one = Observation {
                observed: row.observed,
                bits,
                tag,
                quality: measured.quality,
            };
            if self.put(slot, one) {
                touched |= bit(slot);
            }
        }
        if touched != 0 {
            let row = Row { touched, ..row };
            match self.rows.last() {
                Some(newest) if newest.observed > row.observed => {
                    let at = self
                        .rows
                        .partition_point(|known| known.observed <= row.observed);
                    self.rows.insert(at, row);
                }
                _ => self.rows.push(row),
            }
        }
        touched
    }

    /// False where the slot has an observation of that instant already.
    fn put(&mut self, slot: usize, one: Observation) -> bool {
        let Some(all) = self.slots.get_mut(slot) else {
            return false;
        };
        match all.last() {
            Some(newest) if newest.observed >= one.observed => {
                let at = all.partition_point(|known| known.observed < one.observed);
                if all
                    .get(at)
                    .is_some_and(|known| known.observed == one.observed)
                {
                    return false;
                }
                all.insert(at, one);
            }
            _ => all.push(one),
        }
        self.observations = self.observations.saturating_add(1);
        true
    }

    /// Codes come from closed lists, so there are few; those of a history that was trimmed are dropped with `sweep`.
    fn code(&mut self, value: &Name) -> u64 {
        let known = self
            .codes
            .iter()
            .position(|known| std::sync::Arc::ptr_eq(known, value) || known == value);
        let index = known.unwrap_or_else(|| {
            self.codes.push(value.clone());
            self.codes.len() - 1
        });
        index as u64
    }

    /// Drops what nothing asks for any more: of each slot what lies before `horizon - keep[slot]`, but for the newest there
    /// and the newest usable one, and what lies at or before `crowded`. Returns how many had to go for want of room.
    pub(crate) fn trim(&mut self, horizon: i64, keep: &[i64], crowded: Option<i64>) -> u32 {
        let mut count = 0_usize;
        let mut forced = 0_u32;
        for (slot, all) in self.slots.iter_mut().enumerate() {
            let longest = keep.get(slot).copied().unwrap_or(0);
            let cut = horizon.saturating_sub(longest);
            let old = all
                .partition_point(|one| one.observed < cut)
                .saturating_sub(1);
            let over = crowded.map_or(0, |from| {
                all.partition_point(|one| one.observed <= from)
                    .min(all.len().saturating_sub(1))
            });
            forced =
                forced.saturating_add(u32::try_from(over.saturating_sub(old)).unwrap_or(u32::MAX));
            let first = old.max(over);
            let good = |one: &Observation| one.quality.is_usable();
            // Where the newest there is a bad one, the last good one is still asked for.
            let last_good = match all.get(first) {
                Some(newest) if !good(newest) => all
                    .get(..first)
                    .and_then(|before| before.iter().rposition(good)),
                Some(_) | None => None,
            };
            match last_good {
                Some(last) => {
                    all.drain(last + 1..first);
                    all.drain(..last);
                }
                None => {
                    all.drain(..first);
                }
            }
            count += all.len();
        }
        if let Some(from) = crowded {
            self.floor = self.floor.max(from);
        }
        self.observations = u32::try_from(count).unwrap_or(u32::MAX);
        let slots = &self.slots;
        self.rows.retain_mut(|row| {
            let mut left = row.touched;
            while left != 0 {
                let slot = left.trailing_zeros() as usize;
                left &= left - 1;
                // Between the first, which may be the last good one, and the second others may have gone.
                let kept = slots.get(slot).is_some_and(|all| {
                    let first = all.first().is_some_and(|one| one.observed == row.observed);
                    first || all.get(1).is_some_and(|one| one.observed <= row.observed)
                });
                if !kept {
                    row.touched &= !bit(slot);
                }
            }
            row.touched != 0
        });
        self.sweep();
        let rows = u32::try_from(self.rows.len()).unwrap_or(u32::MAX / 2);
        self.trim_at = rows.saturating_mul(2).max(TRIM_LEAST);
        forced
    }

    /// Instant up to which observations must go for want of room; an eighth goes at a time.
    pub(crate) fn crowded_from(&self) -> Option<i64> {
        if self.len() <= OBSERVATIONS_MAX {
            return None;
        }
        self.oldest(self.len() - OBSERVATIONS_MAX / 8 * 7)
    }

    /// Instant up to which so many were observed, or a few more.
    pub(crate) fn oldest(&self, surplus: usize) -> Option<i64> {
        let mut gone = 0;
        for row in &self.rows {
            gone += row.touched.count_ones() as usize;
            if gone >= surplus {
                return Some(row.observed);
            }
        }
        self.rows.last().map(|row| row.observed)
    }

    fn sweep(&mut self) {
        if self.codes.len() < 64 {
            return;
        }
        let mut codes: Vec<Name> = Vec::new();
        for one in self.slots.iter_mut().flatten() {
            let name = usize::try_from(one.bits)
                .ok()
                .and_then(|index| self.codes.get(index));
            if let (Tag::Code, Some(name)) = (one.tag, name) {
                let known = codes.iter().position(|known| known == name);
                one.bits = known.unwrap_or_else(|| {
                    codes.push(name.clone());
                    codes.len() - 1
                }) as u64;
            }
        }
        self.codes = codes;
    }

    /// Takes the observations over into the slots of another rule set: `from[new]` is the old slot.
    pub(crate) fn rebind(mut self, from: &[Option<usize>]) -> Self {
        let mut slots = vec![Vec::new(); from.len()];
        let mut moved = [0_u64; 64];
        for (new, old) in from.iter().enumerate() {
            let taken = old.and_then(|old| self.slots.get_mut(old));
            if let (Some(taken), Some(slot)) = (taken, slots.get_mut(new)) {
                *slot = std::mem::take(taken);
                if let Some(moved) = old.and_then(|old| moved.get_mut(old)) {
                    *moved = bit(new);
                }
            }
        }
        self.observations =
            u32::try_from(slots.iter().map(Vec::len).sum::<usize>()).unwrap_or(u32::MAX);
        self.slots = slots;
        self.rows.retain_mut(|row| {
            let touched = moved.iter().enumerate().fold(0, |mask, (old, new)| {
                if row.touched & bit(old) == 0 {
                    mask
                } else {
                    mask | new
                }
            });
            row.touched = touched;
            touched != 0
        });
        self
    }

    /// Empties it and keeps its room: for the values of one message on its own.
    pub(crate) fn reset(&mut self, slots: usize) {
        self.slots.iter_mut().for_each(Vec::clear);
        self.slots.resize_with(slots, Vec::new);
        self.rows.clear();
        self.codes.clear();
        self.observations = 0;
    }
}

/// An entity's slots are numbered in the 64 bits of a mask.
const fn bit(slot: usize) -> u64 {
    1 << (slot & 63)
}
