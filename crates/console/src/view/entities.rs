//! Latest values by entity and measure, and their recent course.
//!
//! Every event is folded straight from its record, without an allocation once its entity and measures are known; JSON is
//! made when a frame or a request needs it. Only real (`actual`) readings and states are shown as values: a drill
//! never overwrites what a gauge says, it shows in its alerts.

use std::collections::{HashMap, HashSet, VecDeque};

use event::outcome::{DecodeError, EventView};
use event::{Kind, Name, Status, Time};

use super::FRAME_BYTES_MAX;
use super::entity::Entity;
use super::series::{Point, Series};

/// At the bound the charts of entities silent for longer than this make room, looked for once a minute of journal time.
const SILENT_NS: i64 = 3_600 * Time::SECOND;
const LOOK_EVERY_NS: i64 = 60 * Time::SECOND;

pub(crate) struct Entities {
    entities_max: usize,
    series_max: usize,
    list: Vec<Entity>,
    by_name: HashMap<Name, usize>,
    /// Indexes of the entities whose `dirty` is set, in the order of their first change.
    dirty: VecDeque<usize>,
    series: usize,
    series_looked: Time,
    /// Entities that the catalogue names; the members of a family may take only half of the charts.
    named: HashSet<Name>,
    devices: HashSet<Name>,
    /// Entities that left because of the bound.
    dropped: u64,
}

impl Entities {
    pub(crate) fn new(entities_max: usize, series_max: usize) -> Self {
        Self {
            entities_max,
            series_max,
            list: Vec::new(),
            by_name: HashMap::new(),
            dirty: VecDeque::new(),
            series: 0,
            series_looked: Time(i64::MIN),
            named: HashSet::new(),
            devices: HashSet::new(),
            dropped: 0,
        }
    }

    pub(crate) fn devices_heard(&self) -> usize {
        self.devices.len()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn apply(&mut self, event: &EventView<'_>) -> Result<(), DecodeError> {
        if event.status != Status::Actual || !matches!(event.kind, Kind::Reading | Kind::State) {
            self.hear(event.device);
            return Ok(());
        }
        let index = match self.by_name.get(event.entity) {
            Some(index) => *index,
            None => self.admit(event),
        };
        let Some(entity) = self.list.get_mut(index) else {
            return Ok(());
        };
        entity.heard = event.processed;
        let other_device = &*entity.device != event.device;
        if event.observed >= entity.observed {
            entity.observed = event.observed;
            entity.received = event.received;
            entity.flags = event.flags;
            entity.stream = event.stream;
            if other_device {
                entity.device = Name::from(event.device);
            }
        }
        let mut wanted = 0;
        for (position, measured) in event.values().enumerate() {
            wanted += usize::from(entity.take(position, &measured?, event.observed));
        }
        entity.json.clear();
        if !entity.dirty {
            entity.dirty = true;
            self.dirty.push_back(index);
        }
        if other_device {
            self.hear(event.device);
        }
        if wanted > 0 {
            self.open_series(index, event.observed);
        }
        Ok(())
    }

    fn hear(&mut self, device: &str) {
        if self.devices.len() < self.entities_max && !self.devices.contains(device) {
            self.devices.insert(Name::from(device));
        }
    }

    fn admit(&mut self, event: &EventView<'_>) -> usize {
        if self.list.len() >= self.entities_max {
            self.let_go();
        }
        let name = Name::from(event.entity);
        let device = if event.device == event.entity {
            name.clone()
        } else {
            Name::from(event.device)
        };
        if self.devices.len() < self.entities_max {
            self.devices.insert(device.clone());
        }
        let index = self.list.len();
        self.by_name.insert(name.clone(), index);
        self.list.push(Entity {
            name,
            device,
            stream: event.stream,
            status: event.status,
            flags: event.flags,
            observed: event.observed,
            received: event.received,
            heard: event.processed,
            values: Vec::new(),
            json: String::new(),
            dirty: false,
        });
        index
    }

    /// Lets a sixteenth go, the longest silent, so that a flood of new names costs little each.
    fn let_go(&mut self) {
        let count = (self.list.len() / 16).max(1);
        self.list
            .sort_by_key(|entity| std::cmp::Reverse(entity.heard));
        for entity in self.list.drain(self.list.len().saturating_sub(count)..) {
            self.series -= entity
                .values
                .iter()
                .filter(|value| value.series.is_some())
                .count();
            self.dropped += 1;
        }
        self.by_name.clear();
        self.dirty.clear();
        for (index, entity) in self.list.iter().enumerate() {
            self.by_name.insert(entity.name.clone(), index);
            if entity.dirty {
                self.dirty.push_back(index);
            }
        }
    }

    pub(crate) fn set_named(&mut self, named: HashSet<Name>) {
        self.named = named;
    }

    /// Gives every measure of the entity that has numbers a series, as far as the bound allows.
    fn open_series(&mut self, index: usize, observed: Time) {
        let Some(entity) = self.list.get_mut(index) else {
            return;
        };
        let bound = if self.named.contains(&entity.name) {
            self.series_max
        } else {
            self.series_max / 2
        };
        for current in entity
            .values
            .iter_mut()
            .filter(|value| value.wants_series())
        {
            if self.series >= bound {
                let now = entity.heard;
                return self.close_silent(now);
            }
            let mut series = Series::default();
            if let Some(point) = current.point(observed) {
                series.push(point);
            }
            current.series = Some(Box::new(series));
            self.series += 1;
        }
    }

    /// Drops the charts of entities that have been silent for long.
    fn close_silent(&mut self, now: Time) {
        if now.since(self.series_looked) < LOOK_EVERY_NS {
            return;
        }
        self.series_looked = now;
        for entity in self
            .list
            .iter_mut()
            .filter(|entity| now.since(entity.heard) > SILENT_NS)
        {
            for current in &mut entity.values {
                self.series -= usize::from(current.series.take().is_some());
            }
        }
    }

    pub(crate) fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    pub(crate) fn forget_dirty(&mut self) {
        for index in self.dirty.drain(..) {
            if let Some(entity) = self.list.get_mut(index) {
                entity.dirty = false;
            }
        }
    }

    /// Writes up to `max` changed entities as JSON array elements; the others stay dirty.
    pub(crate) fn take_dirty(&mut self, max: usize, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let start = out.len();
        for position in 0..max {
            if out.len() - start > FRAME_BYTES_MAX {
                break;
            }
            let Some(index) = self.dirty.pop_front() else {
                break;
            };
            let Some(entity) = self.list.get_mut(index) else {
                continue;
            };
            entity.dirty = false;
            if entity.json.is_empty() {
                entity.json = serde_json::to_string(&*entity)?;
            }
            if position > 0 {
                out.push(b',');
            }
            out.extend_from_slice(entity.json.as_bytes());
        }
        Ok(())
    }

    /// All entities as JSON array elements.
    pub(crate) fn write_all(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        for (position, entity) in self.list.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            if entity.json.is_empty() {
                serde_json::to_writer(&mut *out, entity)?;
            } else {
                out.extend_from_slice(entity.json.as_bytes());
            }
        }
        Ok(())
    }

    /// Unit and points of a measure; `None` when the entity or the measure was never heard.
    pub(crate) fn series(
        &self,
        entity: &str,
        measure: &str,
        from_ms: i64,
    ) -> Option<(Name, Vec<Point>)> {
        let entity = self.list.get(*self.by_name.get(entity)?)?;
        let current = entity
            .values
            .iter()
            .find(|current| &*current.measure == measure)?;
        let points = current
            .series
            .as_ref()
            .map_or_else(Vec::new, |series| series.since(from_ms));
        Some((current.unit.clone(), points))
    }
}
