//! The archive: bytes and time a point, and the three questions, against DuckDB on the same files.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ioc_tests::node::Folder;
use ioc_tests::process::{binary, python, repository};
use serde::Deserialize;

use crate::Plan;
use crate::results::{Results, note};
use crate::servers::installed;

const SERIES: u32 = 5_000;

/// What `measure`, an example of the archive's crate, prints.
#[derive(Deserialize)]
struct Measured {
    points: u64,
    hours: u64,
    files_after: u64,
    bytes_per_point: f64,
    points_bytes_per_point: f64,
    records_bytes_per_point: f64,
    write_us_per_point: f64,
    merge_us_per_point: f64,
    peak_mib: f64,
    open_ms: f64,
    mean_10min_day_ms: Times,
    latest_1000_ms: Times,
    top10_hour_ms: Times,
}

#[derive(Clone, Copy, Deserialize)]
struct Times {
    first: f64,
    median: f64,
    worst: f64,
}

/// What `archive_reference.py` prints, in milliseconds.
#[derive(Deserialize)]
struct Reference {
    mean_10min_day_ms: Times,
    latest_1000_ms: Times,
    top10_hour_ms: Times,
}

/// False: there was no DuckDB to compare with.
pub(crate) fn run(plan: Plan, results: &mut Results) -> Result<bool> {
    let folder = Folder::new("bench-archive");
    let archive = folder.path().join("archive");
    let mut command = Command::new(binary("examples/measure"));
    command.arg(&archive);
    command.args([plan.points.to_string(), SERIES.to_string()]);
    let measured: Measured = json(&mut command).context("measuring the archive")?;
    let duckdb = installed("python");
    let reference: Option<Reference> = if duckdb {
        let script = repository().join("tests/clients/archive_reference.py");
        let mut command = Command::new(python());
        command.arg(script).arg(&archive);
        Some(json(&mut command).context("asking DuckDB")?)
    } else {
        None
    };
    let case = format!("archive-{}m", measured.points / 1_000_000);
    sizes(results, &case, &measured)?;
    for (name, ours, theirs) in [
        (
            "mean per 10 min of a series, a day",
            measured.mean_10min_day_ms,
            reference
                .as_ref()
                .map(|reference| reference.mean_10min_day_ms),
        ),
        (
            "latest of 1,000 series",
            measured.latest_1000_ms,
            reference.as_ref().map(|reference| reference.latest_1000_ms),
        ),
        (
            "top 10 of the last hour",
            measured.top10_hour_ms,
            reference.as_ref().map(|reference| reference.top10_hour_ms),
        ),
    ] {
        let median = theirs.map(|theirs| theirs.median);
        results.add(&case, name, "ms", ours.median, median, None)?;
        let first = theirs.map(|theirs| theirs.first);
        results.add(
            &case,
            &format!("{name}, first"),
            "ms",
            ours.first,
            first,
            None,
        )?;
        let worst = theirs.map(|theirs| theirs.worst);
        results.add(
            &case,
            &format!("{name}, worst"),
            "ms",
            ours.worst,
            worst,
            None,
        )?;
    }
    Ok(duckdb)
}

fn sizes(results: &mut Results, case: &str, measured: &Measured) -> Result<()> {
    note(&format!(
        "{} points of {SERIES} series over {} hours in {} files",
        measured.points, measured.hours, measured.files_after
    ))?;
    for (name, unit, value) in [
        ("all files, bytes a point", "B", measured.bytes_per_point),
        (
            "values, bytes a point",
            "B",
            measured.points_bytes_per_point,
        ),
        (
            "outcomes as they are, bytes a point",
            "B",
            measured.records_bytes_per_point,
        ),
        ("cpu per point, written", "us", measured.write_us_per_point),
        ("cpu per point, merged", "us", measured.merge_us_per_point),
        ("peak memory", "MiB", measured.peak_mib),
        ("opened again", "ms", measured.open_ms),
    ] {
        results.add(case, name, unit, value, None, None)?;
    }
    Ok(())
}

pub(crate) fn json<T: for<'a> Deserialize<'a>>(command: &mut Command) -> Result<T> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("reading its figures")
}
