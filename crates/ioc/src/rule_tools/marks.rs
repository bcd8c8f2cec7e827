//! Incidents marked by hand, and how soon the rules told of them.
//!
//! A line is `{"id": "bao-ha-bd3", "at": "2024-09-09T15:00:00+07:00", "entity": "wl-bao-ha", "rules": ["river-bd3"], "within": "PT6H"}`:
//! an `entity`, or an `area` (code of a commune or ward); `rules` and `within` (a day without it) may be left out. An incident is detected
//! by the first alert told of its entity or area within `within` after `at`, or by one that was open at `at` already (negative time).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use event::{Severity, Time};
use serde::{Deserialize, Serialize};

use super::episodes::Row;
use super::load::is_told;

const MARKS_MAX: usize = 100_000;
const WITHIN_DEFAULT_NS: i64 = 24 * 3_600 * Time::SECOND;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    id: String,
    at: Time,
    entity: Option<String>,
    area: Option<String>,
    #[serde(default)]
    rules: Vec<String>,
    within: Option<String>,
    #[serde(skip)]
    within_ns: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Detection {
    pub(super) id: String,
    pub(super) at: Time,
    pub(super) detected: bool,
    pub(super) rule: Option<String>,
    pub(super) entity: Option<String>,
    pub(super) severity: Option<Severity>,
    pub(super) told: Option<Time>,
    /// From `at` until an operator was told; negative where it rang before.
    pub(super) seconds: Option<f64>,
}

/// Every mistake of the file is an error: a mark that is left out would look like one that was found.
pub(super) fn read(path: &Path) -> Result<Vec<Mark>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut marks = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}:{}", path.display(), number + 1);
        let mut mark: Mark = serde_json::from_str(line).with_context(place)?;
        if mark.entity.is_none() == mark.area.is_none() {
            bail!("{}: a mark has either an entity or an area", place());
        }
        mark.within_ns = match &mark.within {
            None => WITHIN_DEFAULT_NS,
            Some(text) => console::parse_duration_ns(text)
                .filter(|ns| *ns > 0)
                .with_context(|| {
                    format!("{}: within {text:?} is no duration: write PT6H", place())
                })?,
        };
        marks.push(mark);
        if marks.len() > MARKS_MAX {
            bail!("{}: more than {MARKS_MAX} marks", path.display());
        }
    }
    Ok(marks)
}

pub(super) fn detections(marks: &[Mark], rows: &[Row]) -> Vec<Detection> {
    marks.iter().map(|mark| detection(mark, rows)).collect()
}

fn detection(mark: &Mark, rows: &[Row]) -> Detection {
    let fits = |row: &&Row| {
        let open = row.told < mark.at && row.cleared.is_none_or(|end| end >= mark.at);
        let soon = row.told >= mark.at && row.told.since(mark.at) <= mark.within_ns;
        is_told(row)
            && (open || soon)
            && mark
                .entity
                .as_ref()
                .is_none_or(|entity| **entity == *row.entity)
            && mark
                .area
                .as_ref()
                .is_none_or(|area| row.area.as_ref().is_some_and(|of| **of == **area))
            && (mark.rules.is_empty() || mark.rules.contains(&row.rule))
    };
    let found = rows.iter().filter(fits).min_by_key(|row| row.told);
    Detection {
        id: mark.id.clone(),
        at: mark.at,
        detected: found.is_some(),
        rule: found.map(|row| row.rule.clone()),
        entity: found.map(|row| row.entity.to_string()),
        severity: found.map(|row| row.severity),
        told: found.map(|row| row.told),
        seconds: found.map(|row| row.told.since(mark.at) as f64 / Time::SECOND as f64),
    }
}
