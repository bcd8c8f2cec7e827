//! What is answered without opening a file: the catalogue and the newest values.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use event::Quality;

use super::{Work, Zone, check_limit};
use crate::answer::{CatalogueAnswer, LatestAnswer, LatestValue, Scalar, SeriesInfo, SeriesName};
use crate::error::Problem;
use crate::index::{Entry, Held, Key, Newest, entries};
use crate::layout::stream_name;
use crate::question::{Filter, QualityWanted};
use crate::store::Archive;

impl Filter {
    fn takes(&self, key: &Key, entry: &Entry) -> bool {
        self.entity
            .as_ref()
            .is_none_or(|entity| key.0 == entity.as_bytes())
            && self
                .measure
                .as_ref()
                .is_none_or(|measure| key.1 == measure.as_bytes())
            && self.stream.is_none_or(|stream| stream == entry.stream)
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn scalar(held: &Held) -> Scalar {
    match held {
        Held::Number(number) => Scalar::Number(*number),
        Held::Boolean(boolean) => Scalar::Boolean(*boolean),
        Held::Code(code) => Scalar::Code(text(code)),
    }
}

pub(super) fn name(key: &Key, entry: &Entry) -> SeriesName {
    SeriesName {
        site: text(&entry.site),
        entity: text(&key.0),
        measure: text(&key.1),
        unit: text(&entry.unit),
        stream: stream_name(entry.stream),
    }
}

type After<'a> = Option<&'a (String, String)>;

impl Archive {
    /// The series behind `after` that `takes` accepts, at most one more than `limit`, with what is only in memory yet.
    fn series(
        &self,
        work: &Work<'_>,
        after: After<'_>,
        limit: usize,
        takes: impl Fn(&Key, &Entry) -> bool,
    ) -> Result<Vec<(Key, Entry)>, Problem> {
        const LOOKS: usize = 4_096;
        // Both locks at once, in this order: a block is either in the index or in memory.
        let state = self.shared.state();
        let index = self.shared.index();
        let mut recent: BTreeMap<Key, Entry> = BTreeMap::new();
        for (key, entry) in state.blocks().flat_map(entries) {
            merge(&mut recent, key, entry);
        }
        let start = after.map_or(Bound::Unbounded, |(entity, measure)| {
            Bound::Excluded((Bytes::from(entity.clone()), Bytes::from(measure.clone())))
        });
        let stored = index.series.range((start.clone(), Bound::Unbounded));
        let mut new = recent
            .range((start, Bound::Unbounded))
            .filter(|(key, _)| !index.series.contains_key(*key))
            .peekable();
        let mut found: Vec<(Key, Entry)> = Vec::new();
        let mut take = |key: &Key, entry: &Entry| {
            if found.len() <= limit && takes(key, entry) {
                found.push((key.clone(), entry.clone()));
            }
            found.len() <= limit
        };
        for (looked, (key, entry)) in stored.enumerate() {
            if looked.is_multiple_of(LOOKS) {
                work.go_on()?;
            }
            while let Some((key, entry)) = new.next_if(|(new, _)| *new < key) {
                take(key, entry);
            }
            let go_on = match recent.get(key) {
                Some(newer) => {
                    let mut both = entry.clone();
                    both.merge(newer);
                    take(key, &both)
                }
                None => take(key, entry),
            };
            if !go_on {
                break;
            }
        }
        for (key, entry) in new {
            take(key, entry);
        }
        Ok(found)
    }

    pub(super) fn catalogue(
        &self,
        work: &Work<'_>,
        zone: &Zone,
        filter: &Filter,
        after: After<'_>,
        limit: usize,
    ) -> Result<CatalogueAnswer, Problem> {
        check_limit(limit, work.config.series_max)?;
        let mut found = self.series(work, after, limit, |key, entry| filter.takes(key, entry))?;
        let truncated = found.len() > limit;
        found.truncate(limit);
        Ok(CatalogueAnswer {
            zone: zone.name.clone(),
            next: next(truncated, &found),
            truncated,
            series: found
                .iter()
                .map(|(key, entry)| SeriesInfo {
                    name: name(key, entry),
                    first: zone.text(entry.stats.first),
                    last: zone.text(entry.stats.last),
                    points: entry.stats.points,
                })
                .collect(),
        })
    }

    pub(super) fn latest(
        &self,
        work: &Work<'_>,
        zone: &Zone,
        filter: &Filter,
        quality: QualityWanted,
        after: After<'_>,
        limit: usize,
    ) -> Result<LatestAnswer, Problem> {
        check_limit(limit, work.config.series_max)?;
        let takes =
            |key: &Key, entry: &Entry| filter.takes(key, entry) && newest(entry, quality).is_some();
        let mut found = self.series(work, after, limit, takes)?;
        let truncated = found.len() > limit;
        found.truncate(limit);
        let latest = found.iter().filter_map(|(key, entry)| {
            let newest = newest(entry, quality)?;
            Some(LatestValue {
                name: name(key, entry),
                time: zone.text(newest.observed),
                value: scalar(&newest.value),
                quality: Quality(newest.quality).names(),
            })
        });
        Ok(LatestAnswer {
            zone: zone.name.clone(),
            quality: quality.name(),
            latest: latest.collect(),
            next: next(truncated, &found),
            truncated,
        })
    }

    /// The series as it is known, in files or in memory.
    pub(super) fn known(&self, entity: &str, measure: &str) -> Option<(Key, Entry)> {
        let key: Key = (
            Bytes::copy_from_slice(entity.as_bytes()),
            Bytes::copy_from_slice(measure.as_bytes()),
        );
        let state = self.shared.state();
        let mut entry = self.shared.index().series.get(&key).cloned();
        for block in state.blocks() {
            for id in block.find_series(entity, measure) {
                let Some((_, recent)) = entries(block).nth(id as usize) else {
                    continue;
                };
                match &mut entry {
                    Some(known) => known.merge(&recent),
                    None => entry = Some(recent),
                }
            }
        }
        entry.map(|entry| (key, entry))
    }
}

fn merge(into: &mut BTreeMap<Key, Entry>, key: Key, entry: Entry) {
    match into.get_mut(&key) {
        Some(known) => known.merge(&entry),
        None => {
            into.insert(key, entry);
        }
    }
}

fn newest(entry: &Entry, quality: QualityWanted) -> Option<&Newest> {
    match quality {
        QualityWanted::Good => entry.stats.good.as_ref(),
        QualityWanted::Any => entry.stats.any.as_ref(),
    }
}

fn next(truncated: bool, found: &[(Key, Entry)]) -> Option<(String, String)> {
    let (key, _) = found.last().filter(|_| truncated)?;
    Some((text(&key.0), text(&key.1)))
}
