//! The entities with the most extreme value of a measure in a window.

use std::collections::HashMap;

use bytes::Bytes;
use event::{Quality, Status, Stream};
use parquet::data_type::ByteArray;

use super::known::text;
use super::range::keep;
use super::steps::Gathered;
use super::{SCAN_ROWS, Work, Zone, bad, check_limit, check_span, too_big};
use crate::answer::{Scalar, TopAnswer, TopEntry};
use crate::block::{Block, Stored};
use crate::error::{Problem, ProblemCode};
use crate::index::Held;
use crate::layout::{ALL_STREAMS, HOUR_NS, Partition, stream_bit, stream_name};
use crate::points::{
    self, CODE, ENTITY, MEASURE, OBSERVED, OUTCOME, QUALITY, SITE, STATUS, TYPE, VALUE,
};
use crate::question::{Aggregate, Order, QualityWanted};
use crate::store::{Archive, Opened};
use crate::table::Bound;

pub(super) struct Wanted<'a> {
    pub(super) measure: &'a str,
    pub(super) stream: Option<Stream>,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) aggregate: Aggregate,
    pub(super) order: Order,
    pub(super) quality: QualityWanted,
    pub(super) n: usize,
}

#[derive(Default)]
struct Group {
    site: Bytes,
    stream: Option<Stream>,
    gathered: Gathered,
}

#[derive(Default)]
struct Groups {
    by_entity: HashMap<Bytes, Group>,
}

impl Groups {
    fn of(&mut self, entity: &[u8]) -> &mut Group {
        self.by_entity
            .entry(Bytes::copy_from_slice(entity))
            .or_default()
    }
}

impl Group {
    /// Site and stream are those of the newest point.
    fn add(
        &mut self,
        observed: i64,
        value: &Held,
        quality: u16,
        site: impl FnOnce() -> Bytes,
        stream: Stream,
    ) {
        let newest = self
            .gathered
            .last
            .as_ref()
            .is_none_or(|(at, _)| *at <= observed);
        if newest && (self.stream != Some(stream) || self.site.is_empty()) {
            (self.site, self.stream) = (site(), Some(stream));
        }
        self.gathered.add(observed, value, quality);
    }
}

impl Wanted<'_> {
    fn takes(&self, observed: i64, quality: u16) -> bool {
        (self.from..self.to).contains(&observed) && self.quality.takes(quality)
    }

    fn recent(&self, block: &Block, groups: &mut Groups) {
        for point in &block.points {
            let series = &block.series[point.series as usize];
            let status = block.events[point.event as usize].status;
            if status != Status::Actual
                || self.stream.is_some_and(|stream| stream != series.stream)
                || !self.takes(point.observed, point.quality)
                || block.texts.str(series.measure) != self.measure
            {
                continue;
            }
            let value = match point.value {
                Stored::Number(number) => Held::Number(number),
                Stored::Boolean(boolean) => Held::Boolean(boolean),
                Stored::Code(code) => Held::Code(block.texts.get(code)),
            };
            let entity = block.texts.get(series.entity);
            let site = || block.texts.get(series.site);
            let (observed, quality) = (point.observed, point.quality);
            groups
                .of(&entity)
                .add(observed, &value, quality, site, series.stream);
        }
    }

    fn read(
        &self,
        work: &mut Work<'_>,
        Opened { file, upto }: &Opened,
        stream: Stream,
        groups: &mut Groups,
    ) -> Result<(), Problem> {
        let bounds = [
            Bound::Text(MEASURE, self.measure.as_bytes()),
            Bound::Int64(OBSERVED, self.from, self.to),
        ];
        for group in 0..file.groups() {
            let ranges = file.prune(group, &bounds);
            if ranges.is_empty() {
                continue;
            }
            // A column that is the same all over the group need not be read.
            let site = file.constant(group, SITE);
            let actual = file.constant(group, STATUS).as_deref() == Some(b"actual");
            let numbers = file.constant(group, TYPE).as_deref() == Some(b"number");
            let mut columns = vec![MEASURE, OBSERVED, ENTITY, VALUE, QUALITY];
            let mut also = |wanted: bool, column: usize| {
                wanted.then(|| {
                    columns.push(column);
                    columns.len() - 1
                })
            };
            let (code, kind) = (also(!numbers, CODE), also(!numbers, TYPE));
            let status = also(!actual, STATUS);
            let sites = also(site.is_none(), SITE);
            let outcome = also(upto.is_some(), OUTCOME);
            let mut scan = file.scan(group, &columns, ranges)?;
            while let Some(chunk) = scan.next(SCAN_ROWS)? {
                work.rows(chunk.rows())?;
                let is = |field: usize, row: usize, wanted: &[u8]| {
                    chunk.text(field).get(row).map(ByteArray::data) == Some(wanted)
                };
                let (times, bits) = (chunk.int64(1), chunk.int32(4));
                let takes = |row: usize| {
                    self.takes(times[row], points::quality(bits[row]).0)
                        && is(0, row, self.measure.as_bytes())
                        && status.is_none_or(|status| is(status, row, b"actual"))
                        && outcome.is_none_or(|outcome| {
                            upto.is_none_or(|upto| chunk.int64(outcome)[row].cast_unsigned() < upto)
                        })
                };
                let value = |row: usize| match (code, kind) {
                    (Some(code), Some(kind)) => points::held(&chunk, 3, code, kind, row),
                    (_, _) => Held::Number(chunk.double(3)[row]),
                };
                let mut row = 0;
                while row < chunk.rows() {
                    if !takes(row) {
                        row += 1;
                        continue;
                    }
                    // Rows of a series lie together: its group is looked up once.
                    let entity = chunk.text(2)[row].clone();
                    let group = groups.of(entity.data());
                    while row < chunk.rows() && is(2, row, entity.data()) {
                        if takes(row) {
                            let site = || {
                                let read = || sites.and_then(|sites| chunk.text(sites).get(row));
                                site.clone().unwrap_or_else(|| keep(read()))
                            };
                            let quality = points::quality(bits[row]).0;
                            group.add(times[row], &value(row), quality, site, stream);
                        }
                        row += 1;
                    }
                }
                self.check_groups(work, groups)?;
            }
        }
        Ok(())
    }

    fn check_groups(&self, work: &Work<'_>, groups: &Groups) -> Result<(), Problem> {
        let max = work.config.series_max;
        if groups.by_entity.len() <= max {
            return Ok(());
        }
        Err(too_big(
            format!("có hơn {max} đối tượng; hãy chọn một luồng hoặc khoảng ngắn hơn"),
            format!("there are more than {max} entities; ask for one stream or a shorter span"),
        ))
    }
}

impl Archive {
    pub(super) fn top(
        &self,
        work: &mut Work<'_>,
        zone: &Zone,
        wanted: &Wanted<'_>,
    ) -> Result<TopAnswer, Problem> {
        check_span(wanted.from, wanted.to)?;
        check_limit(wanted.n, work.config.top_max)?;
        if wanted.aggregate == Aggregate::Raw {
            return Err(bad(
                "danh sách đầu cần mean, min, max, last hoặc count",
                "a top list needs mean, min, max, last or count",
            ));
        }
        let unit = {
            let index = self.shared.index();
            let stored = index
                .series
                .iter()
                .find(|(key, _)| key.1 == wanted.measure.as_bytes());
            stored.map(|(_, entry)| text(&entry.unit))
        };
        let hours = wanted.from.div_euclid(HOUR_NS)..=(wanted.to - 1).div_euclid(HOUR_NS);
        let (listed, (mut groups, recent_unit)) = self.shared.snapshot(
            hours,
            wanted.stream.map_or(ALL_STREAMS, stream_bit),
            |block: &Block, (groups, unit): &mut (Groups, Option<String>)| {
                wanted.recent(block, groups);
                let of_measure = block
                    .series
                    .iter()
                    .find(|series| block.texts.str(series.measure) == wanted.measure);
                if let Some(series) = of_measure {
                    *unit = Some(block.texts.str(series.unit).to_owned());
                }
            },
        );
        let Some(unit) = unit.or(recent_unit) else {
            return Err(Problem::new(
                ProblemCode::Unknown,
                format!("không có đại lượng {}", wanted.measure),
                format!("there is no measure {}", wanted.measure),
            ));
        };
        for listed in &listed {
            let Partition::Points { stream, .. } = listed.partition else {
                continue;
            };
            work.files(listed.names.len())?;
            for opened in self.shared.open_all(listed)? {
                wanted.read(work, &opened, stream, &mut groups)?;
            }
        }
        Ok(TopAnswer {
            measure: wanted.measure.to_owned(),
            unit,
            from: zone.text(wanted.from),
            to: zone.text(wanted.to),
            zone: zone.name.clone(),
            aggregate: wanted.aggregate.name(),
            order: wanted.order.name(),
            quality: wanted.quality.name(),
            top: ranked(zone, wanted, groups)?,
        })
    }
}

fn ranked(zone: &Zone, wanted: &Wanted<'_>, groups: Groups) -> Result<Vec<TopEntry>, Problem> {
    let mut all = Vec::with_capacity(groups.by_entity.len());
    for (entity, group) in groups.by_entity {
        if group.gathered.codes && wanted.aggregate != Aggregate::Count {
            return Err(bad(
                "đại lượng này là mã, không phải số; chỉ có thể đếm (count)",
                "this measure has codes, not numbers; they can only be counted (count)",
            ));
        }
        let value = match group.gathered.value(wanted.aggregate) {
            Some(Scalar::Number(number)) => number,
            Some(Scalar::Boolean(boolean)) => f64::from(u8::from(boolean)),
            Some(Scalar::Code(_)) | None => continue,
        };
        all.push((value, entity, group));
    }
    all.sort_by(|(a, left, _), (b, right, _)| {
        let order = match wanted.order {
            Order::Highest => b.total_cmp(a),
            Order::Lowest => a.total_cmp(b),
        };
        order.then_with(|| left.cmp(right))
    });
    all.truncate(wanted.n);
    let entries = all
        .into_iter()
        .zip(1_u32..)
        .map(|((value, entity, group), rank)| {
            let gathered = &group.gathered;
            let at = match wanted.aggregate {
                Aggregate::Min => gathered.min_at,
                Aggregate::Max => gathered.max_at,
                Aggregate::Mean | Aggregate::Last | Aggregate::Count | Aggregate::Raw => {
                    gathered.last.as_ref().map_or(0, |(at, _)| *at)
                }
            };
            TopEntry {
                rank,
                site: text(&group.site),
                entity: text(&entity),
                stream: group.stream.map_or("", stream_name),
                value,
                time: zone.text(at),
                count: gathered.count,
                quality: Quality(gathered.quality).names(),
            }
        });
    Ok(entries.collect())
}
