//! Raw points of many series in one go, as CSV or lines of JSON; whole Parquet files are simply copied.
//!
//! Streams hour by hour, file by file: memory does not depend on how much is exported. Within an hour points come by file,
//! entity, measure and observed time; every point comes once. What is not in a file yet comes last.

use std::io::Write;

use event::{Quality, Stream, Time};
use parquet::data_type::ByteArray;
use serde::Serialize;

use crate::answer::Scalar;
use crate::block::{Block, Stored};
use crate::error::{Error, Problem};
use crate::layout::{ALL_STREAMS, HOUR_NS, Partition, stream_bit, stream_name};
use crate::points::{
    self, CODE, ENTITY, MEASURE, OBSERVED, OUTCOME, QUALITY, SITE, STATUS, TYPE, UNIT, VALUE,
    status_name,
};
use crate::query::{scalar, text};
use crate::render::csv_text;
use crate::store::{Archive, Opened};
use crate::table::{Bound, utf8};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    Csv,
    JsonLines,
}

/// What to export: `from` inclusive, `to` exclusive, every quality and status.
#[derive(Clone, Debug)]
pub struct Export {
    pub from: Time,
    pub to: Time,
    pub stream: Option<Stream>,
    pub entity: Option<String>,
    pub measure: Option<String>,
    pub format: ExportFormat,
}

#[derive(Clone, Debug, Serialize)]
struct Row {
    site: String,
    stream: &'static str,
    entity: String,
    measure: String,
    unit: String,
    time: Time,
    value: Scalar,
    quality: Vec<&'static str>,
    status: String,
}

impl Archive {
    /// Writes the points; returns how many. `stop` is asked every few thousand.
    pub fn export(
        &self,
        export: &Export,
        out: &mut dyn Write,
        stop: &dyn Fn() -> bool,
    ) -> Result<u64, Problem> {
        let broken = |source| Problem::from(Error::io("write", "the export")(source));
        if export.format == ExportFormat::Csv {
            out.write_all(b"site,stream,entity,measure,unit,time,value,quality,status\n")
                .map_err(broken)?;
        }
        let hours = export.from.0.div_euclid(HOUR_NS)..=(export.to.0 - 1).div_euclid(HOUR_NS);
        let (listed, recent) = self.shared.snapshot(
            hours,
            export.stream.map_or(ALL_STREAMS, stream_bit),
            |block: &Block, rows: &mut Vec<Row>| export.recent(block, rows),
        );
        let mut count = 0;
        let mut put = |row: &Row| {
            count += 1;
            export.put(row, out).map_err(broken)
        };
        for listed in &listed {
            let Partition::Points { stream, .. } = listed.partition else {
                continue;
            };
            for opened in self.shared.open_all(listed)? {
                export.read(&opened, stream, &mut put, stop)?;
            }
        }
        recent.iter().try_for_each(&mut put)?;
        out.flush().map_err(broken)?;
        Ok(count)
    }
}

impl Export {
    fn takes(&self, entity: &str, measure: &str, observed: i64) -> bool {
        self.entity.as_deref().is_none_or(|wanted| wanted == entity)
            && self
                .measure
                .as_deref()
                .is_none_or(|wanted| wanted == measure)
            && (self.from.0..self.to.0).contains(&observed)
    }

    fn recent(&self, block: &Block, rows: &mut Vec<Row>) {
        for point in &block.points {
            let series = &block.series[point.series as usize];
            let (entity, measure) = (
                block.texts.str(series.entity),
                block.texts.str(series.measure),
            );
            if self.stream.is_some_and(|stream| stream != series.stream)
                || !self.takes(entity, measure, point.observed)
            {
                continue;
            }
            rows.push(Row {
                site: block.texts.str(series.site).to_owned(),
                stream: stream_name(series.stream),
                entity: entity.to_owned(),
                measure: measure.to_owned(),
                unit: block.texts.str(series.unit).to_owned(),
                time: Time(point.observed),
                value: match point.value {
                    Stored::Number(number) => Scalar::Number(number),
                    Stored::Boolean(boolean) => Scalar::Boolean(boolean),
                    Stored::Code(code) => Scalar::Code(block.texts.str(code).to_owned()),
                },
                quality: Quality(point.quality).names(),
                status: status_name(block.events[point.event as usize].status).to_owned(),
            });
        }
    }

    fn read(
        &self,
        Opened { file, upto }: &Opened,
        stream: Stream,
        put: &mut dyn FnMut(&Row) -> Result<(), Problem>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Problem> {
        const COLUMNS: [usize; 11] = [
            ENTITY, MEASURE, OBSERVED, VALUE, CODE, TYPE, UNIT, QUALITY, STATUS, SITE, OUTCOME,
        ];
        let mut bounds = vec![Bound::Int64(OBSERVED, self.from.0, self.to.0)];
        let names = [(ENTITY, &self.entity), (MEASURE, &self.measure)];
        for (column, name) in names {
            bounds.extend(
                name.as_ref()
                    .map(|name| Bound::Text(column, name.as_bytes())),
            );
        }
        for group in 0..file.groups() {
            let mut scan = file.scan(group, &COLUMNS, file.prune(group, &bounds))?;
            while let Some(chunk) = scan.next(8_192)? {
                if stop() {
                    return Err(Problem::stopped());
                }
                let word = |field: usize, row: usize| chunk.text(field).get(row).map_or("", utf8);
                for row in 0..chunk.rows() {
                    let (entity, measure) = (word(0, row), word(1, row));
                    let observed = chunk.int64(2)[row];
                    let later =
                        upto.is_some_and(|upto| chunk.int64(10)[row].cast_unsigned() >= upto);
                    if later || !self.takes(entity, measure, observed) {
                        continue;
                    }
                    put(&Row {
                        site: word(9, row).to_owned(),
                        stream: stream_name(stream),
                        entity: entity.to_owned(),
                        measure: measure.to_owned(),
                        unit: text(chunk.text(6).get(row).map_or(&[], ByteArray::data)),
                        time: Time(observed),
                        value: scalar(&points::held(&chunk, 3, 4, 5, row)),
                        quality: points::quality(chunk.int32(7)[row]).names(),
                        status: word(8, row).to_owned(),
                    })?;
                }
            }
        }
        Ok(())
    }

    fn put(&self, row: &Row, out: &mut dyn Write) -> std::io::Result<()> {
        if self.format == ExportFormat::JsonLines {
            serde_json::to_writer(&mut *out, row)?;
            return out.write_all(b"\n");
        }
        let value = match &row.value {
            Scalar::Number(number) => number.to_string(),
            Scalar::Boolean(boolean) => boolean.to_string(),
            Scalar::Code(code) => code.clone(),
        };
        let quality = if row.quality.is_empty() {
            "good".to_owned()
        } else {
            row.quality.join("+")
        };
        let time = row.time.to_string();
        let cells = [
            &row.site,
            row.stream,
            &row.entity,
            &row.measure,
            &row.unit,
            &time,
            &value,
            &quality,
            &row.status,
        ];
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                out.write_all(b",")?;
            }
            csv_text(cell, out)?;
        }
        out.write_all(b"\n")
    }
}
