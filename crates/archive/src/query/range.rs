//! Points of one series: as they are, or by steps.

use bytes::Bytes;
use event::{Quality, Status};
use parquet::data_type::ByteArray;

use super::known::{name, scalar};
use super::steps::Steps;
use super::{SCAN_ROWS, Work, Zone, bad, check_limit, check_span};
use crate::answer::{PointOut, SeriesAnswer};
use crate::block::{Block, Stored};
use crate::error::{Problem, ProblemCode};
use crate::index::Held;
use crate::layout::{HOUR_NS, Partition};
use crate::points::{
    self, CODE, ENTITY, MEASURE, OBSERVED, OUTCOME, QUALITY, STATUS, TYPE, VALUE, status_name,
};
use crate::question::{Aggregate, QualityWanted};
use crate::store::{Archive, Listed, Opened};
use crate::table::Bound;

pub(super) struct Wanted<'a> {
    pub(super) entity: &'a str,
    pub(super) measure: &'a str,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) quality: QualityWanted,
    pub(super) drills: bool,
}

/// A point that counts.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) observed: i64,
    pub(super) value: Held,
    pub(super) quality: u16,
    status: Status,
}

impl Wanted<'_> {
    fn takes(&self, observed: i64, quality: u16, status: Status) -> bool {
        (self.from..self.to).contains(&observed)
            && self.quality.takes(quality)
            && (self.drills || status == Status::Actual)
    }

    fn recent(&self, block: &Block, found: &mut Vec<Found>) {
        let series = block.find_series(self.entity, self.measure);
        if series.is_empty() {
            return;
        }
        for point in &block.points {
            if !series.contains(&point.series) {
                continue;
            }
            let status = block.events[point.event as usize].status;
            if self.takes(point.observed, point.quality, status) {
                found.push(Found {
                    observed: point.observed,
                    quality: point.quality,
                    status,
                    value: match point.value {
                        Stored::Number(number) => Held::Number(number),
                        Stored::Boolean(boolean) => Held::Boolean(boolean),
                        Stored::Code(code) => Held::Code(block.texts.get(code)),
                    },
                });
            }
        }
    }

    /// Every point of the file that counts, ascending; `each` says whether to go on.
    fn read(
        &self,
        work: &mut Work<'_>,
        Opened { file, upto }: &Opened,
        each: &mut dyn FnMut(Found) -> bool,
    ) -> Result<(), Problem> {
        let bounds = [
            Bound::Text(ENTITY, self.entity.as_bytes()),
            Bound::Text(MEASURE, self.measure.as_bytes()),
            Bound::Int64(OBSERVED, self.from, self.to),
        ];
        let columns = [
            ENTITY, MEASURE, OBSERVED, VALUE, CODE, TYPE, QUALITY, STATUS, OUTCOME,
        ];
        let columns = &columns[..if upto.is_some() { 9 } else { 8 }];
        for group in 0..file.groups() {
            let ranges = file.prune(group, &bounds);
            if ranges.is_empty() {
                continue;
            }
            let mut scan = file.scan(group, columns, ranges)?;
            while let Some(chunk) = scan.next(SCAN_ROWS)? {
                work.rows(chunk.rows())?;
                let same = |field: usize, row: usize, wanted: &str| {
                    chunk.text(field).get(row).map(ByteArray::data) == Some(wanted.as_bytes())
                };
                // Rows of a series lie together.
                let rows = 0..chunk.rows();
                let first = rows
                    .clone()
                    .find(|row| same(0, *row, self.entity) && same(1, *row, self.measure));
                for row in first.map_or(0..0, |first| first..rows.end) {
                    if !same(1, row, self.measure) || !same(0, row, self.entity) {
                        break;
                    }
                    if upto.is_some_and(|upto| chunk.int64(8)[row].cast_unsigned() >= upto) {
                        continue;
                    }
                    let observed = chunk.int64(2)[row];
                    let quality = points::quality(chunk.int32(6)[row]).0;
                    let status = status_from(chunk.text(7).get(row));
                    let point = || Found {
                        observed,
                        value: points::held(&chunk, 3, 4, 5, row),
                        quality,
                        status,
                    };
                    if self.takes(observed, quality, status) && !each(point()) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

fn status_from(text: Option<&ByteArray>) -> Status {
    match text.map(ByteArray::data) {
        Some(b"exercise") => Status::Exercise,
        Some(b"test") => Status::Test,
        Some(_) | None => Status::Actual,
    }
}

pub(super) fn hour(partition: Partition) -> i64 {
    match partition {
        Partition::Points { hour, .. } => hour,
        Partition::Alerts { day } | Partition::Records { day } => day * 24,
    }
}

impl Archive {
    pub(super) fn range(
        &self,
        work: &mut Work<'_>,
        zone: &Zone,
        wanted: &Wanted<'_>,
        interval: Option<i64>,
        aggregate: Aggregate,
        limit: usize,
    ) -> Result<SeriesAnswer, Problem> {
        check_span(wanted.from, wanted.to)?;
        check_limit(limit, work.config.points_max)?;
        let steps = match (interval, aggregate) {
            (None, Aggregate::Raw) => None,
            (Some(interval), aggregate) if aggregate != Aggregate::Raw => {
                Some(Steps::new(zone, wanted, interval, aggregate, limit)?)
            }
            (_, _) => {
                return Err(bad(
                    "giá trị thô không có bước; các phép tổng hợp cần có bước",
                    "raw points have no interval; every other aggregate needs one",
                ));
            }
        };
        let Some((key, entry)) = self.known(wanted.entity, wanted.measure) else {
            return Err(Problem::new(
                ProblemCode::Unknown,
                format!("không có chuỗi {} của {}", wanted.measure, wanted.entity),
                format!("there is no series {} of {}", wanted.measure, wanted.entity),
            ));
        };
        // Where the series has points at all.
        let first = wanted.from.max(entry.stats.first);
        let last = (wanted.to - 1).min(entry.stats.last);
        let hours = first.div_euclid(HOUR_NS)..=last.div_euclid(HOUR_NS);
        let (listed, mut recent) = self.shared.snapshot(
            hours,
            entry.streams,
            |block: &Block, found: &mut Vec<Found>| wanted.recent(block, found),
        );
        recent.sort_by_key(|point| point.observed);
        let mut answer = SeriesAnswer {
            series: name(&key, &entry),
            from: zone.text(wanted.from),
            to: zone.text(wanted.to),
            zone: zone.name.clone(),
            interval_seconds: interval.map(|interval| interval as f64 / 1e9),
            aggregate: aggregate.name(),
            quality: wanted.quality.name(),
            points: Vec::new(),
            truncated: false,
            next: None,
        };
        match steps {
            Some(mut steps) => {
                for listed in &listed {
                    work.files(listed.names.len())?;
                    for opened in self.shared.open_all(listed)? {
                        wanted.read(work, &opened, &mut |point| {
                            steps.add(&point);
                            true
                        })?;
                    }
                }
                recent.iter().for_each(|point| steps.add(point));
                answer.points = steps.finish(zone)?;
            }
            None => self.raw(work, zone, wanted, &listed, recent, limit, &mut answer)?,
        }
        Ok(answer)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of one question, taken apart once"
    )]
    fn raw(
        &self,
        work: &mut Work<'_>,
        zone: &Zone,
        wanted: &Wanted<'_>,
        listed: &[Listed],
        recent: Vec<Found>,
        limit: usize,
        answer: &mut SeriesAnswer,
    ) -> Result<(), Problem> {
        let mut points: Vec<Found> = Vec::new();
        let mut recent = recent.into_iter().peekable();
        for same_hour in listed.chunk_by(|a, b| hour(a.partition) == hour(b.partition)) {
            let Some(first) = same_hour.first() else {
                continue;
            };
            let end = first.partition.end_ns();
            let mut of_hour: Vec<Found> = Vec::new();
            for listed in same_hour {
                work.files(listed.names.len())?;
                for opened in self.shared.open_all(listed)? {
                    let mut taken = 0;
                    wanted.read(work, &opened, &mut |point| {
                        of_hour.push(point);
                        taken += 1;
                        taken <= limit
                    })?;
                    // Of each hour only the first points can be in the answer.
                    of_hour.sort_by_key(|point| point.observed);
                    of_hour.truncate(limit + 1);
                }
            }
            while let Some(point) = recent.next_if(|point| point.observed < end) {
                of_hour.push(point);
            }
            of_hour.sort_by_key(|point| point.observed);
            points.append(&mut of_hour);
            if points.len() > limit {
                break;
            }
        }
        if points.len() <= limit {
            points.extend(recent.take(limit + 1));
        }
        if let Some(beyond) = points.get(limit) {
            answer.truncated = true;
            answer.next = Some(zone.text(beyond.observed));
            points.truncate(limit);
        }
        answer.points = points.iter().map(|point| out(zone, point)).collect();
        Ok(())
    }
}

fn out(zone: &Zone, point: &Found) -> PointOut {
    PointOut {
        time: zone.text(point.observed),
        value: Some(scalar(&point.value)),
        quality: Quality(point.quality).names(),
        count: None,
        min: None,
        max: None,
        status: (point.status != Status::Actual).then(|| status_name(point.status)),
    }
}

/// The text of a column as bytes that can be kept.
pub(super) fn keep(text: Option<&ByteArray>) -> Bytes {
    Bytes::copy_from_slice(text.map_or(&[], ByteArray::data))
}
