//! What was submitted and is not in a file yet, in columns of small numbers.
//!
//! Owner: the writer's thread; questions read it under the archive's lock. Bounds: `flush_rows`, `flush_bytes` and
//! `partitions_max`; whoever fills it asks [`Block::is_full`] after every record.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use event::outcome::{EventView, MeasuredView, Outcome, OutcomeKind, ValueView};
use event::{Kind, Status, Stream, Transition, outcome};
use journal::inputs::Configuration;
use journal::{Frame, Stamp};

use crate::index::{Held, Newest, Stats};
use crate::layout::{HOUR_NS, day_of};

/// A text of the block, by number.
pub(crate) type TextId = u32;

#[derive(Default)]
pub(crate) struct Texts {
    by_text: HashMap<Bytes, TextId>,
    all: Vec<Bytes>,
}

impl Texts {
    fn id(&mut self, text: &str) -> TextId {
        if let Some(id) = self.by_text.get(text.as_bytes()) {
            return *id;
        }
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        // A block has far fewer rows than a `u32` counts.
        let id = TextId::try_from(self.all.len()).unwrap_or(TextId::MAX);
        self.by_text.insert(bytes.clone(), id);
        self.all.push(bytes);
        id
    }

    pub(crate) fn get(&self, id: TextId) -> Bytes {
        self.all.get(id as usize).cloned().unwrap_or_default()
    }

    pub(crate) fn str(&self, id: TextId) -> &str {
        self.all
            .get(id as usize)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    fn find(&self, text: &str) -> Option<TextId> {
        self.by_text.get(text.as_bytes()).copied()
    }
}

/// One series of the block.
pub(crate) struct Series {
    pub(crate) site: TextId,
    pub(crate) entity: TextId,
    pub(crate) measure: TextId,
    pub(crate) unit: TextId,
    pub(crate) stream: Stream,
    pub(crate) stats: Stats,
}

pub(crate) struct EventRow {
    pub(crate) id: [u8; 16],
    pub(crate) offset: u64,
    pub(crate) cause_offset: u64,
    pub(crate) index: u32,
    pub(crate) received: i64,
    pub(crate) device: TextId,
    pub(crate) status: Status,
    pub(crate) kind: Kind,
    pub(crate) pack: Option<TextId>,
}

#[derive(Clone, Copy)]
pub(crate) enum Stored {
    Number(f64),
    Boolean(bool),
    Code(TextId),
}

#[derive(Clone, Copy)]
pub(crate) struct PointRow {
    pub(crate) series: u32,
    pub(crate) event: u32,
    pub(crate) observed: i64,
    pub(crate) value: Stored,
    pub(crate) quality: u16,
}

pub(crate) struct RecordRow {
    pub(crate) offset: u64,
    pub(crate) kind: u8,
    pub(crate) version: u8,
    pub(crate) stamp: Stamp,
    pub(crate) cause: Option<outcome::Cause>,
    /// Where its payload ends; it begins where the one before ends.
    pub(crate) end: usize,
}

pub(crate) struct AlertRow {
    pub(crate) offset: u64,
    pub(crate) stamp: Stamp,
    pub(crate) transition: Box<Transition>,
    pub(crate) pack: Option<TextId>,
}

#[derive(Default)]
struct Entity {
    series: Vec<u32>,
}

#[derive(Default)]
pub(crate) struct Block {
    /// First offset and one past the last.
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) texts: Texts,
    pub(crate) series: Vec<Series>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) points: Vec<PointRow>,
    pub(crate) records: Vec<RecordRow>,
    pub(crate) alerts: Vec<AlertRow>,
    pub(crate) payloads: Vec<u8>,
    /// Digest of the configuration in force behind the last record.
    pub(crate) pack: Option<String>,
    pack_id: Option<TextId>,
    entities: HashMap<Bytes, Entity>,
    partitions: HashSet<(i64, Stream)>,
    alert_bytes: usize,
    /// Events of a form that this release cannot read: kept as records only.
    pub(crate) unreadable: u64,
}

impl Block {
    pub(crate) fn new(pack: Option<String>) -> Self {
        Self {
            pack,
            ..Self::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// About what it takes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.payloads.len()
            + self.alert_bytes
            + self.points.len() * size_of::<PointRow>()
            + self.events.len() * size_of::<EventRow>()
            + self.records.len() * size_of::<RecordRow>()
            + self.series.len() * (size_of::<Series>() + 64)
            + self.texts.all.len() * 128
    }

    pub(crate) fn rows(&self) -> usize {
        self.points.len().max(self.records.len())
    }

    pub(crate) fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// Adds one record; its bytes are copied.
    pub(crate) fn push(&mut self, frame: &Frame<'_>) {
        if self.records.is_empty() {
            self.from = frame.offset;
        }
        self.to = frame.offset + 1;
        let kind = OutcomeKind::from_u8(frame.kind);
        match kind {
            Some(OutcomeKind::Event) => match EventView::read(frame.version, frame.payload) {
                Ok(view) => self.push_event(frame.offset, &view),
                Err(_) => self.unreadable += 1,
            },
            Some(OutcomeKind::Transition) => self.push_transition(frame),
            Some(OutcomeKind::ConfigurationCopy) => self.push_configuration(frame),
            Some(
                OutcomeKind::Reject
                | OutcomeKind::Verdict
                | OutcomeKind::CommandCopy
                | OutcomeKind::ClockCopy
                | OutcomeKind::NodeCopy
                | OutcomeKind::OutletCopy
                | OutcomeKind::Reprocessed
                | OutcomeKind::Shadow
                | OutcomeKind::Suppression
                | OutcomeKind::Incident
                | OutcomeKind::PublicWarning,
            )
            | None => {}
        }
        self.payloads.extend_from_slice(frame.payload);
        self.records.push(RecordRow {
            offset: frame.offset,
            kind: frame.kind,
            version: frame.version,
            stamp: frame.stamp,
            cause: outcome::decode_cause(frame.version, frame.payload).ok(),
            end: self.payloads.len(),
        });
    }

    fn pack_id(&mut self) -> Option<TextId> {
        if self.pack_id.is_none() {
            let pack = self.pack.take()?;
            self.pack_id = Some(self.texts.id(&pack));
            self.pack = Some(pack);
        }
        self.pack_id
    }

    fn push_event(&mut self, offset: u64, view: &EventView<'_>) {
        let event = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        let row = EventRow {
            id: view.id.0,
            offset,
            cause_offset: view.cause.offset,
            index: view.cause.index,
            received: view.received.0,
            device: self.texts.id(view.device),
            status: view.status,
            kind: view.kind,
            pack: self.pack_id(),
        };
        let observed = view.observed.0;
        self.partitions
            .insert((observed.div_euclid(HOUR_NS), view.stream));
        self.events.push(row);
        for (at, measured) in view.values().enumerate() {
            // What cannot be read is still in the record.
            let Ok(measured) = measured else { break };
            let series = self.series_of(view, at, &measured);
            let (value, held) = match measured.value {
                ValueView::Number(number) => (Stored::Number(number), Held::Number(number)),
                ValueView::Boolean(boolean) => (Stored::Boolean(boolean), Held::Boolean(boolean)),
                ValueView::Code(code) => {
                    let id = self.texts.id(code);
                    (Stored::Code(id), Held::Code(self.texts.get(id)))
                }
            };
            let quality = measured.quality.0;
            if let Some(series) = self.series.get_mut(series as usize) {
                series.stats.add(
                    Newest {
                        observed,
                        offset,
                        value: held,
                        quality,
                    },
                    view.status == Status::Actual,
                );
            }
            self.points.push(PointRow {
                series,
                event,
                observed,
                value,
                quality,
            });
        }
    }

    /// Devices send the same measures in the same order, so the place in the event is looked at first.
    fn series_of(&mut self, view: &EventView<'_>, at: usize, measured: &MeasuredView<'_>) -> u32 {
        let same = |series: &Series, texts: &Texts| {
            series.stream == view.stream
                && texts.str(series.measure) == measured.measure
                && texts.str(series.unit) == measured.unit
                && texts.str(series.site) == view.site
        };
        let known = self
            .entities
            .get(view.entity.as_bytes())
            .map_or(&[][..], |entity| &entity.series[..]);
        let matches = |id: &&u32| {
            self.series
                .get(**id as usize)
                .is_some_and(|series| same(series, &self.texts))
        };
        let expected = known.get(at).filter(|id| matches(id));
        if let Some(id) = expected.or_else(|| known.iter().find(matches)) {
            return *id;
        }
        let id = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let entity = self.texts.id(view.entity);
        let series = Series {
            site: self.texts.id(view.site),
            entity,
            measure: self.texts.id(measured.measure),
            unit: self.texts.id(measured.unit),
            stream: view.stream,
            stats: Stats::default(),
        };
        self.series.push(series);
        self.entities
            .entry(self.texts.get(entity))
            .or_default()
            .series
            .push(id);
        id
    }

    fn push_transition(&mut self, frame: &Frame<'_>) {
        let decoded = outcome::decode(frame.kind, frame.version, frame.payload);
        let Ok((_, Outcome::Transition(transition))) = decoded else {
            self.unreadable += 1;
            return;
        };
        self.alert_bytes += 2 * frame.payload.len();
        let pack = self.pack_id();
        self.alerts.push(AlertRow {
            offset: frame.offset,
            stamp: frame.stamp,
            transition,
            pack,
        });
    }

    fn push_configuration(&mut self, frame: &Frame<'_>) {
        let decoded = outcome::decode(frame.kind, frame.version, frame.payload);
        let Ok((_, Outcome::ConfigurationCopy(bytes))) = decoded else {
            self.unreadable += 1;
            return;
        };
        if let Ok(configuration) = Configuration::decode(journal::inputs::VERSION, bytes) {
            let digest = configuration.sha256;
            self.pack = Some(digest.iter().map(|byte| format!("{byte:02x}")).collect());
            self.pack_id = None;
        }
    }

    /// Numbers of the series of this entity and measure (more than one if the unit or the stream changed).
    pub(crate) fn find_series(&self, entity: &str, measure: &str) -> Vec<u32> {
        let Some(measure) = self.texts.find(measure) else {
            return Vec::new();
        };
        let known = self
            .entities
            .get(entity.as_bytes())
            .map_or(&[][..], |entity| &entity.series[..]);
        known
            .iter()
            .copied()
            .filter(|id| {
                self.series
                    .get(*id as usize)
                    .is_some_and(|series| series.measure == measure)
            })
            .collect()
    }

    /// Numbers of the points by partition, each in the order of the table.
    pub(crate) fn sorted_points(&self) -> BTreeMap<(i64, Stream), Vec<u32>> {
        let mut order: Vec<u32> = (0..self.series.len()).map(|id| id as u32).collect();
        let names = |id: &u32| {
            self.series.get(*id as usize).map_or(("", ""), |series| {
                (
                    self.texts.str(series.entity),
                    self.texts.str(series.measure),
                )
            })
        };
        order.sort_by(|a, b| names(a).cmp(&names(b)));
        // Series that differ in unit or site alone are one in the order of a file.
        let mut ranks = vec![0_u32; self.series.len()];
        let mut rank = 0;
        for (at, id) in order.iter().enumerate() {
            if at > 0 && names(&order[at - 1]) != names(id) {
                rank += 1;
            }
            ranks[*id as usize] = rank;
        }
        let mut parts: BTreeMap<(i64, Stream), Vec<u32>> = BTreeMap::new();
        // The partition that the last points went to: neighbours in this order mostly share one.
        let mut open: Option<((i64, Stream), Vec<u32>)> = None;
        for at in self.by_rank(&ranks, rank as usize + 1) {
            let point = &self.points[at as usize];
            let stream = self.series[point.series as usize].stream;
            let key = (point.observed.div_euclid(HOUR_NS), stream);
            match &mut open {
                Some((of, rows)) if *of == key => rows.push(at),
                Some(_) | None => {
                    let mut rows = parts.remove(&key).unwrap_or_default();
                    rows.push(at);
                    if let Some((of, rows)) = open.replace((key, rows)) {
                        parts.insert(of, rows);
                    }
                }
            }
        }
        parts.extend(open);
        let rank_of = |at: &u32| ranks[self.points[*at as usize].series as usize];
        // Points of one event are in the order of their offsets by their own number.
        let time = |at: &u32| (self.points[*at as usize].observed, *at);
        for rows in parts.values_mut() {
            for series in rows.chunk_by_mut(|a, b| rank_of(a) == rank_of(b)) {
                // They mostly come in order.
                if !series.is_sorted_by_key(time) {
                    series.sort_unstable_by_key(time);
                }
            }
        }
        parts
    }

    /// Numbers of all points by the rank of their series, equal ones in the order in which they came.
    fn by_rank(&self, ranks: &[u32], count: usize) -> Vec<u32> {
        let rank = |point: &PointRow| ranks[point.series as usize] as usize;
        let mut starts = vec![0_u32; count + 1];
        for point in &self.points {
            starts[rank(point) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut order = vec![0_u32; self.points.len()];
        for (at, point) in self.points.iter().enumerate() {
            let place = &mut starts[rank(point)];
            order[*place as usize] = at as u32;
            *place += 1;
        }
        order
    }

    /// Day on which the block began, by journal time: its place among the records.
    pub(crate) fn day(&self) -> i64 {
        self.records
            .first()
            .map_or(0, |record| day_of(record.stamp.journal_ns))
    }
}
