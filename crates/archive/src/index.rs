//! Which series there are, since when, how many points, and their newest values.
//!
//! Kept in memory, bounded by `series_max`, and in `series.index` so that a start need not read every file. It says up to
//! which outcome of which journal it counts; what is newer is added from the files. A damaged or missing one is made again.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use event::Stream;
use serde::{Deserialize, Serialize};

use crate::block::Block;
use crate::disk::Disk;
use crate::error::Error;
use crate::layout::{INDEX, stream_bit, stream_from, stream_name};

const MAGIC: [u8; 8] = *b"IOCSERI\x01";

/// A value that is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Held {
    Number(f64),
    Boolean(bool),
    Code(Bytes),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Newest {
    pub(crate) observed: i64,
    /// Of the outcome: of equal times the later one is newer.
    pub(crate) offset: u64,
    pub(crate) value: Held,
    pub(crate) quality: u16,
}

/// What is known of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stats {
    pub(crate) points: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Newest real value that may be trusted, and newest real value.
    pub(crate) good: Option<Newest>,
    pub(crate) any: Option<Newest>,
}

impl Stats {
    pub(crate) fn add(&mut self, point: Newest, actual: bool) {
        self.extend(point.observed, point.observed, 1);
        if !actual {
            return;
        }
        if point.quality == 0 {
            newer(&mut self.good, &point);
        }
        newer(&mut self.any, &point);
    }

    fn extend(&mut self, first: i64, last: i64, points: u64) {
        if self.points == 0 {
            (self.first, self.last) = (first, last);
        } else {
            self.first = self.first.min(first);
            self.last = self.last.max(last);
        }
        self.points += points;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.points == 0 {
            return;
        }
        self.extend(other.first, other.last, other.points);
        for (to, from) in [(&mut self.good, &other.good), (&mut self.any, &other.any)] {
            if let Some(from) = from {
                newer(to, from);
            }
        }
    }
}

fn newer(held: &mut Option<Newest>, point: &Newest) {
    let is_newer = held
        .as_ref()
        .is_none_or(|held| (held.observed, held.offset) <= (point.observed, point.offset));
    if is_newer {
        *held = Some(point.clone());
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) site: Bytes,
    pub(crate) unit: Bytes,
    pub(crate) stream: Stream,
    /// Every stream that it has points in: where its files are.
    pub(crate) streams: u8,
    pub(crate) stats: Stats,
}

impl Entry {
    /// Site, unit and stream are those of the newest point.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.stats.last > self.stats.last {
            self.site.clone_from(&other.site);
            self.unit.clone_from(&other.unit);
            self.stream = other.stream;
        }
        self.streams |= other.streams;
        self.stats.merge(&other.stats);
    }
}

pub(crate) type Key = (Bytes, Bytes);

#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// By entity and measure.
    pub(crate) series: BTreeMap<Key, Entry>,
    /// One past the last outcome counted, by journal.
    pub(crate) upto: BTreeMap<String, u64>,
    max: usize,
}

impl Index {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            ..Self::default()
        }
    }

    /// Adds what is known of a series; beyond the bound a new one is left out.
    pub(crate) fn add(&mut self, key: Key, entry: Entry) {
        let room = self.series.len() < self.max;
        match self.series.get_mut(&key) {
            Some(known) => known.merge(&entry),
            None if room => {
                self.series.insert(key, entry);
            }
            None => crate::metrics::series_left_out(1),
        }
    }

    pub(crate) fn add_block(&mut self, block: &Block) {
        for (key, entry) in entries(block) {
            self.add(key, entry);
        }
    }

    /// Takes away what retention removed; a series without points goes.
    pub(crate) fn forget(&mut self, key: &Key, points: u64, cutoff: i64) {
        if let Some(known) = self.series.get_mut(key) {
            known.stats.points = known.stats.points.saturating_sub(points);
            known.stats.first = known.stats.first.max(cutoff);
            if known.stats.points == 0 {
                self.series.remove(key);
            }
        }
    }

    pub(crate) fn save(&self, disk: &Disk) -> Result<(), Error> {
        let form = Form {
            upto: self.upto.clone(),
            series: self.series.iter().map(FormEntry::of).collect(),
        };
        let path = disk.root().join(INDEX);
        let body = postcard::to_stdvec(&form).map_err(|error| Error::Damaged {
            path: path.clone(),
            why: error.to_string(),
        })?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        disk.replace(&path, &bytes)
    }

    /// The stored one; an empty one, which counts from 0, when there is none that can be read.
    pub(crate) fn load(root: &Path, max: usize) -> Self {
        let path = root.join(INDEX);
        let mut index = Self::new(max);
        let Ok(bytes) = std::fs::read(&path) else {
            return index;
        };
        let form = bytes
            .strip_prefix(&MAGIC)
            .and_then(|rest| rest.split_first_chunk::<4>())
            .filter(|(crc, body)| u32::from_le_bytes(**crc) == crc32c::crc32c(body))
            .and_then(|(_, body)| postcard::from_bytes::<Form>(body).ok());
        let Some(form) = form else {
            tracing::warn!(path = %path.display(), "the series index is damaged and is made again from the points");
            return index;
        };
        index.upto = form.upto;
        for entry in form.series {
            if let Some((key, entry)) = entry.back() {
                index.add(key, entry);
            }
        }
        index
    }
}

/// The series of a block as entries of an index.
pub(crate) fn entries(block: &Block) -> impl Iterator<Item = (Key, Entry)> + '_ {
    block.series.iter().map(|series| {
        let text = |id| block.texts.get(id);
        (
            (text(series.entity), text(series.measure)),
            Entry {
                site: text(series.site),
                unit: text(series.unit),
                stream: series.stream,
                streams: stream_bit(series.stream),
                stats: series.stats.clone(),
            },
        )
    })
}

#[derive(Serialize, Deserialize)]
struct Form {
    upto: BTreeMap<String, u64>,
    series: Vec<FormEntry>,
}

#[derive(Serialize, Deserialize)]
struct FormEntry {
    entity: Vec<u8>,
    measure: Vec<u8>,
    site: Vec<u8>,
    unit: Vec<u8>,
    stream: String,
    streams: u8,
    points: u64,
    first: i64,
    last: i64,
    good: Option<FormNewest>,
    any: Option<FormNewest>,
}

#[derive(Serialize, Deserialize)]
struct FormNewest {
    observed: i64,
    offset: u64,
    quality: u16,
    value: FormHeld,
}

#[derive(Serialize, Deserialize)]
enum FormHeld {
    Number(f64),
    Boolean(bool),
    Code(Vec<u8>),
}

impl FormEntry {
    fn of((key, entry): (&Key, &Entry)) -> Self {
        let newest = |newest: &Option<Newest>| {
            newest.as_ref().map(|newest| FormNewest {
                observed: newest.observed,
                offset: newest.offset,
                quality: newest.quality,
                value: match &newest.value {
                    Held::Number(number) => FormHeld::Number(*number),
                    Held::Boolean(boolean) => FormHeld::Boolean(*boolean),
                    Held::Code(code) => FormHeld::Code(code.to_vec()),
                },
            })
        };
        Self {
            entity: key.0.to_vec(),
            measure: key.1.to_vec(),
            site: entry.site.to_vec(),
            unit: entry.unit.to_vec(),
            stream: stream_name(entry.stream).to_owned(),
            streams: entry.streams,
            points: entry.stats.points,
            first: entry.stats.first,
            last: entry.stats.last,
            good: newest(&entry.stats.good),
            any: newest(&entry.stats.any),
        }
    }

    fn back(self) -> Option<(Key, Entry)> {
        let newest = |newest: Option<FormNewest>| {
            newest.map(|newest| Newest {
                observed: newest.observed,
                offset: newest.offset,
                quality: newest.quality,
                value: match newest.value {
                    FormHeld::Number(number) => Held::Number(number),
                    FormHeld::Boolean(boolean) => Held::Boolean(boolean),
                    FormHeld::Code(code) => Held::Code(code.into()),
                },
            })
        };
        let stats = Stats {
            points: self.points,
            first: self.first,
            last: self.last,
            good: newest(self.good),
            any: newest(self.any),
        };
        let entry = Entry {
            site: self.site.into(),
            unit: self.unit.into(),
            stream: stream_from(&self.stream)?,
            streams: self.streams,
            stats,
        };
        Some(((self.entity.into(), self.measure.into()), entry))
    }
}
