//! What the normalizer remembers: per device the ids and deliveries it has seen, per entity the times that are taken.

use event::{EventId, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock_memory::ClockMemory;
use crate::format::Memory;
use crate::quality::Tracks;

/// Ids that a device's window holds; the contract's figure.
pub(crate) const WINDOW: usize = 1_024;

/// Version of the saved form.
pub(crate) const VERSION: u16 = 2;

/// A ring of the last [`WINDOW`] items, oldest first when saved.
#[derive(Clone, Debug)]
pub(crate) struct Ring<T> {
    items: Vec<T>,
    /// Where the next one goes once the ring is full: the oldest.
    next: usize,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            next: 0,
        }
    }
}

impl<T: Copy> Ring<T> {
    #[inline]
    fn push(&mut self, item: T) {
        if self.items.len() < WINDOW {
            self.items.push(item);
        } else {
            self.items[self.next] = item;
            self.next = (self.next + 1) % WINDOW;
        }
    }

    fn in_order(&self) -> impl ExactSizeIterator<Item = &T> {
        let (newer, older) = self.items.split_at(self.next);
        // `Chain` has no exact size; an index does.
        (0..self.items.len()).map(move |at| match older.get(at) {
            Some(item) => item,
            None => &newer[at - older.len()],
        })
    }
}

impl<T: Copy + Serialize> Serialize for Ring<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.in_order())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ring<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::deserialize(deserializer)?;
        if items.len() > WINDOW {
            return Err(serde::de::Error::custom(
                "a window holds more than its bound",
            ));
        }
        Ok(Self { items, next: 0 })
    }
}

/// The last ids of a device. The usual message is newer than all before it and is not looked up; what is looked up is
/// scanned for, which for 1,024 ids takes less memory than an index and is fast enough for repeats.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// The first and the second half of each id apart: the scan reads one of them.
    heads: Ring<u64>,
    tails: Ring<u64>,
}

impl Window {
    pub(crate) fn contains(&self, id: EventId) -> bool {
        const BLOCK: usize = 32;
        let (head, tail) = halves(id);
        let blocks = self
            .heads
            .items
            .chunks(BLOCK)
            .zip(self.tails.items.chunks(BLOCK));
        for (heads, tails) in blocks {
            // Without branches, so that the compiler can use wide registers.
            let hit = heads
                .iter()
                .fold(false, |found, known| found | (*known == head));
            if hit
                && heads
                    .iter()
                    .zip(tails)
                    .any(|(h, t)| (*h, *t) == (head, tail))
            {
                return true;
            }
        }
        false
    }

    #[inline]
    pub(crate) fn push(&mut self, id: EventId) {
        let (head, tail) = halves(id);
        self.heads.push(head);
        self.tails.push(tail);
    }
}

/// As ids, oldest first.
impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids = self.heads.in_order().zip(self.tails.in_order());
        serializer.collect_seq(ids.map(|(head, tail)| joined(*head, *tail)))
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ids: Vec<EventId> = Vec::deserialize(deserializer)?;
        if ids.len() > WINDOW {
            return Err(serde::de::Error::custom(
                "a window holds more than its bound",
            ));
        }
        let mut window = Self::default();
        ids.into_iter().for_each(|id| window.push(id));
        Ok(window)
    }
}

fn joined(head: u64, tail: u64) -> EventId {
    EventId((u128::from(head) << 64 | u128::from(tail)).to_be_bytes())
}

fn halves(id: EventId) -> (u64, u64) {
    let number = u128::from_be_bytes(id.0);
    ((number >> 64) as u64, number as u64)
}

/// Memory of one device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DeviceMemory {
    pub(crate) ids: Window,
    /// Deliveries without a device time, for repeats after a lost acknowledgement.
    pub(crate) deliveries: Window,
    /// Newest device time as sent, right or wrong: what is newer cannot be in the window.
    pub(crate) newest_stamp: i64,
    /// Greatest sequence number at that time: neither can what is greater.
    pub(crate) newest_sequence: Option<u64>,
    /// Journal time of the last event.
    pub(crate) last_heard: Time,
}

impl Default for DeviceMemory {
    fn default() -> Self {
        Self {
            ids: Window::default(),
            deliveries: Window::default(),
            newest_stamp: i64::MIN,
            newest_sequence: None,
            last_heard: Time::default(),
        }
    }
}

/// Memory of one entity: which observed times are taken.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct EntityMemory {
    pub(crate) newest: Option<Time>,
    times: Ring<i64>,
    /// What was asked for last and the instant after what was given: a clock that stands still goes on from there, also
    /// when the ring has forgotten where it began.
    last: Option<(Time, Time)>,
}

impl EntityMemory {
    /// The first instant at or after `wanted` that none of the last events has, now taken.
    #[inline]
    pub(crate) fn take(&mut self, wanted: Time) -> Time {
        let start = match self.last {
            Some((asked, next)) if asked == wanted => next,
            _ => wanted,
        };
        let taken = match self.newest {
            Some(newest) if start <= newest => self.first_free(start),
            _ => start,
        };
        self.times.push(taken.0);
        self.newest = Some(self.newest.map_or(taken, |newest| newest.max(taken)));
        self.last = Some((wanted, taken.plus(1)));
        taken
    }

    /// With [`WINDOW`] times in the ring one of the next `WINDOW + 1` instants is free; one pass finds it.
    fn first_free(&self, wanted: Time) -> Time {
        const WORDS: usize = WINDOW / 64 + 1;
        let mut busy = [0_u64; WORDS];
        for time in &self.times.items {
            let distance = time.wrapping_sub(wanted.0).cast_unsigned();
            if distance <= WINDOW as u64 {
                // At most WINDOW, which is far below 2^32.
                let distance = distance as usize;
                busy[distance / 64] |= 1 << (distance % 64);
            }
        }
        let free = busy
            .iter()
            .zip(0_i64..)
            .find(|(word, _)| **word != u64::MAX);
        let distance = free.map_or(0, |(word, at)| at * 64 + i64::from(word.trailing_ones()));
        wanted.plus(distance)
    }
}

/// All of it, sorted by name: the same memory has the same bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub(crate) version: u16,
    pub(crate) devices: Vec<(String, DeviceMemory)>,
    pub(crate) entities: Vec<(String, EntityMemory)>,
    pub(crate) memory: Memory,
    pub(crate) watched: Vec<(String, Watched)>,
}

/// What is known of a device beyond its ids: its clock, and the values before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Watched {
    pub(crate) clock: ClockMemory,
    pub(crate) tracks: Tracks,
}

/// The state of the release before formats had a memory.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct StateV1 {
    version: u16,
    devices: Vec<(String, DeviceMemory)>,
    entities: Vec<(String, EntityMemory)>,
}

impl From<StateV1> for State {
    fn from(old: StateV1) -> Self {
        Self {
            // A form that is not of its release stays refused.
            version: if old.version == 1 { VERSION } else { 0 },
            devices: old.devices,
            entities: old.entities,
            memory: Memory::default(),
            watched: Vec::new(),
        }
    }
}

/// The same without copying the memory.
#[derive(Serialize)]
pub(crate) struct Saved<'a> {
    pub(crate) version: u16,
    pub(crate) devices: Vec<(&'a str, &'a DeviceMemory)>,
    pub(crate) entities: Vec<(&'a str, &'a EntityMemory)>,
    pub(crate) memory: &'a Memory,
    pub(crate) watched: Vec<(&'a str, &'a Watched)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> EventId {
        let mut id = EventId::default();
        id.0[8..].copy_from_slice(&number.to_be_bytes());
        id.0[0] = (number % 3) as u8;
        id
    }

    #[test]
    fn window_forgets_the_oldest_only() {
        let mut window = Window::default();
        for number in 0..3_000 {
            assert!(!window.contains(id(number)));
            window.push(id(number));
            assert!(window.contains(id(number)));
            let oldest = (number + 1).saturating_sub(WINDOW as u64);
            assert!(window.contains(id(oldest)));
            assert!(oldest == 0 || !window.contains(id(oldest - 1)));
        }
    }

    #[test]
    fn a_saved_ring_goes_on_as_before() {
        let mut window = Window::default();
        (0..1_500).for_each(|number| window.push(id(number)));
        let bytes = postcard::to_stdvec(&window).unwrap();
        let mut restored: Window = postcard::from_bytes(&bytes).unwrap();
        for number in 1_500..4_000 {
            window.push(id(number));
            restored.push(id(number));
        }
        assert_eq!(
            postcard::to_stdvec(&window).unwrap(),
            postcard::to_stdvec(&restored).unwrap()
        );
    }

    #[test]
    fn taken_instants_move_on() {
        let mut entity = EntityMemory::default();
        for step in 0..3_000 {
            assert_eq!(entity.take(Time(100)), Time(100 + step));
        }
        assert_eq!(entity.take(Time(50)), Time(50));
        assert_eq!(entity.take(Time(50)), Time(51));
        assert_eq!(entity.take(Time(5_000)), Time(5_000));
        assert_eq!(entity.take(Time(5_000)), Time(5_001));
        assert_eq!(entity.take(Time(i64::MIN)), Time(i64::MIN));
        assert_eq!(entity.take(Time(i64::MIN)), Time(i64::MIN + 1));
    }
}
