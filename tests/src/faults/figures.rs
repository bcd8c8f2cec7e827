//! Figures of a fault: quantiles, and rows of `target/sink-faults.jsonl` and of the table for a person.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::load::wall_us;
use crate::metrics::Metrics;
use crate::process::{binary, repository};

/// A moment at which a phase begins or ends.
pub struct Moment {
    pub at: Instant,
    pub wall_us: i64,
    pub sent: u64,
    metrics: Metrics,
}

impl Moment {
    pub fn now(admin: SocketAddr, sent: u64) -> Self {
        Self {
            at: Instant::now(),
            wall_us: wall_us(),
            sent,
            metrics: Metrics::scrape(admin),
        }
    }

    /// p99 (ms) from the journal to the sink's acknowledgement between two moments, by the node's own histogram, in a bucket
    /// evenly spread; none when nothing was delivered.
    pub fn age_p99_ms(&self, to: &Self, sink: &str) -> Option<f64> {
        let mut bounds = Vec::new();
        for line in to.metrics.text().lines() {
            let Some(rest) = line.strip_prefix("ioc_pipeline_event_age_seconds_bucket{") else {
                continue;
            };
            if !rest.contains(&format!("pipeline=\"{sink}\"")) {
                continue;
            }
            let bound = rest.split("le=\"").nth(1)?.split('"').next()?;
            bounds.push(bound.to_owned());
        }
        let name = "ioc_pipeline_event_age_seconds_bucket";
        let count = |moment: &Self, bound: &str| {
            let labels = [("pipeline", sink), ("le", bound)];
            moment.metrics.get(name, &labels).unwrap_or(0.0)
        };
        let all: Vec<(f64, f64)> = bounds
            .iter()
            .map(|bound| {
                let limit = bound.parse::<f64>().unwrap_or(f64::INFINITY);
                (limit, count(to, bound) - count(self, bound))
            })
            .collect();
        interpolated(&all, 0.99).map(|seconds| seconds * 1_000.0)
    }
}

/// From cumulative counts by upper bound.
fn interpolated(buckets: &[(f64, f64)], share: f64) -> Option<f64> {
    let wanted = buckets.last()?.1 * share;
    if wanted <= 0.0 {
        return None;
    }
    let mut before = (0.0, 0.0);
    for &(bound, count) in buckets {
        if count >= wanted {
            if bound.is_infinite() {
                return Some(before.0);
            }
            let part = (wanted - before.1) / (count - before.1);
            return Some(before.0 + (bound - before.0) * part);
        }
        before = (bound, count);
    }
    None
}

/// The given share (0 to 1) of the values, the nearest above; none without values.
pub fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share).ceil() as usize;
    let found = values.get(place.saturating_sub(1)).or(values.last());
    found.copied()
}

/// One line of the table.
#[derive(Default)]
pub struct Row {
    name: String,
    values: Map<String, Value>,
}

/// Column, width, and key; the keys stand in the JSON line, with more.
const COLUMNS: [(&str, usize, &str); 12] = [
    ("fault", 26, "fault"),
    ("s", 4, "seconds"),
    ("msg/s", 6, "rate"),
    ("alert p99", 10, "alert_p99_ms"),
    ("ratio", 6, "alert_ratio"),
    ("other p99", 10, "other_p99_ms"),
    ("ratio", 6, "other_ratio"),
    ("lag", 8, "lag_records"),
    ("lag s", 6, "lag_seconds"),
    ("drain/s", 8, "drain_per_second"),
    ("RSS MiB", 8, "rss_peak_mib"),
    ("lost", 5, "lost"),
];

impl Row {
    pub fn new(name: &str) -> Self {
        let mut row = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        row.set("fault", name);
        row
    }

    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        self.values.insert(key.to_owned(), value.into());
        self
    }

    pub fn figure(&mut self, key: &str, value: Option<f64>) -> &mut Self {
        let rounded = value.map(|value| (value * 100.0).round() / 100.0);
        self.set(key, json!(rounded))
    }

    /// Appends the row to `target/sink-faults.jsonl` and, for a person, to `target/sink-faults.txt`.
    pub fn write(mut self) {
        let node = binary("ioc");
        let release = node.to_str().is_some_and(|path| path.contains("release"));
        let profile = if release { "release" } else { "debug" };
        self.set("profile", profile);
        let folder = repository().join("target");
        append(
            &folder.join("sink-faults.jsonl"),
            &Value::Object(self.values.clone()).to_string(),
        );
        let table = folder.join("sink-faults.txt");
        if fs::metadata(&table).map_or(0, |file| file.len()) == 0 {
            let names = COLUMNS.map(|(name, width, _)| format!("{name:>width$}"));
            append(&table, &names.join(" "));
        }
        let cells = COLUMNS.map(|(_, width, key)| {
            let text = match self.values.get(key) {
                None | Some(Value::Null) => "-".to_owned(),
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            };
            format!("{text:>width$}")
        });
        append(&table, &cells.join(" "));
        println!("{}: {}", self.name, Value::Object(self.values));
    }
}

fn append(path: &std::path::Path, line: &str) {
    let file = File::options().create(true).append(true).open(path);
    writeln!(file.unwrap(), "{line}").unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let buckets = [(0.1, 50.0), (0.2, 100.0), (f64::INFINITY, 100.0)];
        assert_eq!(interpolated(&buckets, 0.5), Some(0.1));
        assert!((interpolated(&buckets, 0.75).unwrap() - 0.15).abs() < 1e-9);
        assert_eq!(
            interpolated(&[(0.1, 0.0), (f64::INFINITY, 4.0)], 0.5),
            Some(0.1)
        );
        assert_eq!(interpolated(&[(0.1, 0.0)], 0.5), None);
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(Vec::new(), 0.99), None);
    }
}
