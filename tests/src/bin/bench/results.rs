//! Lines of `target/bench.jsonl`, and the table for a person.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// One figure. `reference` is the same figure of the bare reference in the same run, `ratio` ours divided by it.
#[derive(Serialize)]
struct Line {
    case: String,
    metric: String,
    unit: &'static str,
    value: f64,
    reference: Option<f64>,
    ratio: Option<f64>,
    /// What the issue asks for, where it asks for something.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

/// A bound that a figure should keep.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

pub(crate) struct Results {
    file: BufWriter<File>,
    lines: Vec<Line>,
}

impl Results {
    /// With `keep` the lines that are there stay.
    pub(crate) fn open(path: &Path, keep: bool) -> Result<Self> {
        let file = File::options()
            .create(true)
            .write(true)
            .append(keep)
            .truncate(!keep)
            .open(path)
            .with_context(|| format!("opening {}", path.display()))?;
        Ok(Self {
            file: BufWriter::new(file),
            lines: Vec::new(),
        })
    }

    pub(crate) fn add(
        &mut self,
        case: &str,
        metric: &str,
        unit: &'static str,
        value: f64,
        reference: Option<f64>,
        target: Option<Target>,
    ) -> Result<()> {
        let target = target.map(|target| {
            let (word, bound, kept) = match target {
                Target::AtLeast(bound) => (">=", bound, value >= bound),
                Target::AtMost(bound) => ("<=", bound, value <= bound),
            };
            format!("{} {word} {bound}", if kept { "ok" } else { "MISSED" })
        });
        let ratio = reference
            .filter(|&bare| bare > 0.0)
            .map(|bare| value / bare);
        let line = Line {
            case: case.to_owned(),
            metric: metric.to_owned(),
            unit,
            value,
            reference,
            ratio,
            target,
        };
        serde_json::to_writer(&mut self.file, &line)?;
        self.file.write_all(b"\n")?;
        self.file.flush()?;
        note(&row(&line))?;
        self.lines.push(line);
        Ok(())
    }

    /// Prints the table of everything measured.
    pub(crate) fn finish(self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{}", header())?;
        for line in &self.lines {
            writeln!(out, "{}", row(line))?;
        }
        Ok(())
    }
}

fn header() -> String {
    format!(
        "{:<22} {:<34} {:>14} {:>14} {:>7}  {:<8} target",
        "case", "metric", "value", "reference", "ratio", "unit"
    )
}

fn row(line: &Line) -> String {
    let optional = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.2}"));
    format!(
        "{:<22} {:<34} {:>14.2} {:>14} {:>7}  {:<8} {}",
        line.case,
        line.metric,
        line.value,
        optional(line.reference),
        optional(line.ratio),
        line.unit,
        line.target.as_deref().unwrap_or_default()
    )
}

/// A line about how far the run is.
pub(crate) fn note(text: &str) -> Result<()> {
    writeln!(std::io::stderr(), "{text}").context("writing to stderr")
}

/// The given share (0 to 1) of the values, the nearest above; 0 without values.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share).ceil() as usize;
    values
        .get(place.saturating_sub(1))
        .or_else(|| values.last())
        .copied()
        .unwrap_or(0.0)
}
