//! Each wire format: time a message, bytes to events, against the native format's in the same run.

use std::process::Command;

use anyhow::{Context, Result};
use ioc_tests::process::{binary, repository};
use serde::Deserialize;

use crate::archive_case::json;
use crate::results::Results;

/// What `format_cost`, an example of the normalizer's crate, prints.
#[derive(Deserialize)]
struct Measured {
    formats: Vec<Format>,
}

#[derive(Deserialize)]
struct Format {
    format: String,
    messages: u32,
    events: u32,
    bytes: u32,
    ns: f64,
}

pub(crate) fn run(results: &mut Results) -> Result<()> {
    let mut command = Command::new(binary("examples/format_cost"));
    command.arg(repository().join("crates/normalize"));
    command.arg(repository().join("deploy/sites/lao-cai"));
    let measured: Measured = json(&mut command).context("measuring the formats")?;
    let native = measured.formats.iter().find(|row| row.format == "native");
    let native = native.map(|row| row.ns);
    for row in &measured.formats {
        let metric = format!(
            "{}, {} B, {:.1} events a message",
            row.format,
            row.bytes,
            f64::from(row.events) / f64::from(row.messages.max(1))
        );
        results.add("formats", &metric, "ns", row.ns, native, None)?;
    }
    Ok(())
}
