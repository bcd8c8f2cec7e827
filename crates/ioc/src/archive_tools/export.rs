//! `ioc export`: every recorded value of the series asked for, one a line.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use archive::{Aggregate, Answer, Archive, Ask, QualityWanted, Question, Scalar, SeriesAnswer};
use event::Time;
use serde_json::json;

use super::args::{ExportArgs, LinesArg};
use super::{answer, filter, open, times, write_to};
use crate::logging;

/// Series and values asked for at a time: what is held in memory.
const SERIES: usize = 1_000;
const VALUES: usize = 10_000;

pub(crate) fn run(args: ExportArgs) -> Result<ExitCode> {
    logging::start("warn");
    let (from, to) = times(&args.span)?;
    let archive = open(&args.place)?;
    let zone = args.place.zone.clone();
    let wanted = filter(args.filter);
    let format = args.format;
    write_to(args.out.as_deref(), |out| {
        if format == LinesArg::Csv {
            writeln!(
                out,
                "time,site,stream,entity,measure,unit,value,quality,status"
            )?;
        }
        let mut after = None;
        loop {
            let question = Question {
                ask: Ask::Catalogue {
                    filter: wanted.clone(),
                    after: after.take(),
                    limit: SERIES,
                },
                zone: zone.clone(),
            };
            let Answer::Catalogue(catalogue) = answer(&archive, &question)? else {
                return Ok(());
            };
            for series in &catalogue.series {
                let (entity, measure) = (&series.name.entity, &series.name.measure);
                one_series(&archive, &zone, entity, measure, (from, to), |page| {
                    lines(page, format, out)
                })?;
            }
            match catalogue.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    })
}

fn one_series(
    archive: &Archive,
    zone: &str,
    entity: &str,
    measure: &str,
    (mut from, to): (Time, Time),
    mut page: impl FnMut(&SeriesAnswer) -> Result<()>,
) -> Result<()> {
    loop {
        let question = Question {
            ask: Ask::Range {
                entity: entity.to_owned(),
                measure: measure.to_owned(),
                from,
                to,
                interval_ns: None,
                aggregate: Aggregate::Raw,
                quality: QualityWanted::Any,
                drills: true,
                limit: VALUES,
            },
            zone: zone.to_owned(),
        };
        let Answer::Range(answer) = answer(archive, &question)? else {
            return Ok(());
        };
        page(&answer)?;
        match &answer.next {
            Some(next) => {
                from = Time::parse(next).context("the archive gave a time that cannot be read")?;
            }
            None => return Ok(()),
        }
    }
}

fn lines(page: &SeriesAnswer, format: LinesArg, out: &mut (dyn Write + Send)) -> Result<()> {
    let series = &page.series;
    for point in &page.points {
        let Some(value) = &point.value else {
            continue;
        };
        let status = point.status.unwrap_or("actual");
        match format {
            LinesArg::Csv => {
                let value = match value {
                    Scalar::Number(number) => number.to_string(),
                    Scalar::Boolean(boolean) => boolean.to_string(),
                    Scalar::Code(code) => quoted(code),
                };
                writeln!(
                    out,
                    "{},{},{},{},{},{},{value},{},{status}",
                    point.time,
                    quoted(&series.site),
                    series.stream,
                    quoted(&series.entity),
                    quoted(&series.measure),
                    quoted(&series.unit),
                    point.quality.join(" "),
                )?;
            }
            LinesArg::Jsonl => {
                let line = json!({
                    "time": point.time, "site": series.site, "stream": series.stream, "entity": series.entity,
                    "measure": series.measure, "unit": series.unit, "value": value, "quality": point.quality,
                    "status": status,
                });
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

/// As RFC 4180 wants it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
