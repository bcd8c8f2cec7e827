//! What alerts cost the people at the desk: by severity and place, by operator position and ten minutes, floods.
//!
//! Counted is what an operator is told of: actual alerts, at the time they were told, neither retrospective nor kept back. What is
//! left out is counted beside, so that the figures add up.

use std::collections::BTreeMap;

use event::{Name, PackFiles, Severity, Status, Stream, Text, Time};
use serde::{Deserialize, Serialize};

use super::episodes::Row;

/// Ten minutes, the measure of ISA-18.2 and EEMUA 191.
const WINDOW_NS: i64 = 600 * Time::SECOND;
const HOUR_NS: i64 = 3_600 * Time::SECOND;
/// A flood starts with more alerts than this in ten minutes ...
const FLOOD_ABOVE: u64 = 10;
/// ... and ends with fewer than this.
const FLOOD_BELOW: u64 = 5;
const PLACES_MAX: usize = 200;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Load {
    /// Episodes in all, and how they divide: told + retrospective + suppressed + drills.
    pub(super) episodes: u64,
    pub(super) told: u64,
    pub(super) retrospective: u64,
    pub(super) suppressed: u64,
    pub(super) drills: u64,
    pub(super) by_severity: BTreeMap<&'static str, u64>,
    pub(super) by_rule: BTreeMap<String, u64>,
    /// Most alerts first.
    pub(super) by_area: Vec<AreaLoad>,
    pub(super) positions: Vec<PositionLoad>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct AreaLoad {
    /// Code of the commune or ward; none where the place is not known.
    pub(super) area: Option<Name>,
    pub(super) name: Option<String>,
    pub(super) alerts: u64,
    pub(super) by_severity: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PositionLoad {
    pub(super) position: String,
    pub(super) name: Text,
    pub(super) alerts: u64,
    /// Over the whole time.
    pub(super) per_hour: f64,
    pub(super) most_in_10_minutes: u64,
    pub(super) most_in_an_hour: u64,
    /// Share of all ten-minute windows that lay in a flood.
    pub(super) flood_share: f64,
    pub(super) floods: Vec<Flood>,
    /// Windows in which anything was told.
    pub(super) windows: Vec<Window>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Window {
    pub(super) from: Time,
    pub(super) alerts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Flood {
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) alerts: u64,
    pub(super) most_in_10_minutes: u64,
}

/// Who looks at what. Empty lists mean everything.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Position {
    id: String,
    name: Text,
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    areas: Vec<String>,
    #[serde(default)]
    severities: Vec<Severity>,
}

/// `positions.toml` of the pack; without it one position that sees everything. A pack that loads has a readable one.
pub(super) fn positions(pack: &PackFiles) -> Vec<Position> {
    #[derive(Deserialize)]
    struct File {
        #[serde(default, alias = "positions")]
        position: Vec<Position>,
    }
    let read = pack
        .text("positions.toml")
        .and_then(|text| toml::from_str::<File>(text).ok())
        .map(|file| file.position)
        .unwrap_or_default();
    if !read.is_empty() {
        return read;
    }
    vec![Position {
        id: "operations".to_owned(),
        name: Text {
            vi: "Trực điều hành".to_owned(),
            en: "Operations".to_owned(),
        },
        streams: Vec::new(),
        areas: Vec::new(),
        severities: Vec::new(),
    }]
}

impl Position {
    fn sees(&self, row: &Row) -> bool {
        (self.streams.is_empty() || self.streams.contains(&row.stream))
            && (self.severities.is_empty() || self.severities.contains(&row.severity))
            && (self.areas.is_empty()
                || row
                    .area
                    .as_ref()
                    .is_some_and(|area| self.areas.iter().any(|seen| **seen == **area)))
    }
}

pub(super) const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Major => "major",
        Severity::Minor => "minor",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

pub(super) const SEVERITIES: [Severity; 5] = [
    Severity::Critical,
    Severity::Major,
    Severity::Minor,
    Severity::Warning,
    Severity::Info,
];

fn none_yet() -> BTreeMap<&'static str, u64> {
    SEVERITIES
        .into_iter()
        .map(|severity| (severity_name(severity), 0))
        .collect()
}

/// Whether an operator was told of it when it happened.
pub(super) fn is_told(row: &Row) -> bool {
    row.status == Status::Actual && !row.retrospective && !row.suppressed
}

/// The load of `rows` on each position between `from` and `to` (journal time).
pub(super) fn load(
    rows: &[Row],
    positions: &[Position],
    from: Option<Time>,
    to: Option<Time>,
) -> Load {
    let mut load = Load {
        episodes: rows.len() as u64,
        told: 0,
        retrospective: 0,
        suppressed: 0,
        drills: 0,
        by_severity: none_yet(),
        by_rule: BTreeMap::new(),
        by_area: Vec::new(),
        positions: Vec::new(),
    };
    let mut areas: BTreeMap<Option<Name>, AreaLoad> = BTreeMap::new();
    for row in rows {
        if row.status != Status::Actual {
            load.drills += 1;
        } else if row.retrospective {
            load.retrospective += 1;
        } else if row.suppressed {
            load.suppressed += 1;
        }
        if !is_told(row) {
            continue;
        }
        load.told += 1;
        *load.by_rule.entry(row.rule.clone()).or_default() += 1;
        let severity = severity_name(row.severity);
        *load.by_severity.entry(severity).or_default() += 1;
        let area = areas.entry(row.area.clone()).or_insert_with(|| AreaLoad {
            area: row.area.clone(),
            name: row.area_name.clone(),
            alerts: 0,
            by_severity: none_yet(),
        });
        area.alerts += 1;
        *area.by_severity.entry(severity).or_default() += 1;
    }
    load.by_area = areas.into_values().collect();
    load.by_area
        .sort_by_key(|area| std::cmp::Reverse(area.alerts));
    load.by_area.truncate(PLACES_MAX);
    load.positions = positions
        .iter()
        .map(|position| of_position(position, rows, from, to))
        .collect();
    load
}

fn of_position(
    position: &Position,
    rows: &[Row],
    from: Option<Time>,
    to: Option<Time>,
) -> PositionLoad {
    let mut times: Vec<i64> = rows
        .iter()
        .filter(|row| is_told(row) && position.sees(row))
        .map(|row| row.told.0)
        .collect();
    times.sort_unstable();
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for time in &times {
        *counts.entry(time.div_euclid(WINDOW_NS)).or_default() += 1;
    }
    let first = from.map(|from| from.0).or(times.first().copied());
    let last = to.map(|to| to.0).or(times.last().copied());
    let (first, last) = first.zip(last).unwrap_or_default();
    let windows_in_all = (last.div_euclid(WINDOW_NS) - first.div_euclid(WINDOW_NS))
        .max(0)
        .unsigned_abs()
        + 1;
    let hours = last.saturating_sub(first).max(WINDOW_NS) as f64 / HOUR_NS as f64;
    let floods = floods(&counts);
    let flooded: i64 = floods
        .iter()
        .map(|flood| flood.to.since(flood.from) / WINDOW_NS)
        .sum();
    PositionLoad {
        position: position.id.clone(),
        name: position.name.clone(),
        alerts: times.len() as u64,
        per_hour: times.len() as f64 / hours,
        most_in_10_minutes: most_within(&times, WINDOW_NS),
        most_in_an_hour: most_within(&times, HOUR_NS),
        flood_share: flooded as f64 / windows_in_all as f64,
        floods,
        windows: counts
            .into_iter()
            .map(|(window, alerts)| Window {
                from: Time(window * WINDOW_NS),
                alerts,
            })
            .collect(),
    }
}

/// Most of the ascending `times` in any span of this length.
fn most_within(times: &[i64], length_ns: i64) -> u64 {
    let mut first = 0;
    let mut most = 0;
    for (last, time) in times.iter().enumerate() {
        while times
            .get(first)
            .is_some_and(|earliest| time - earliest >= length_ns)
        {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most as u64
}

/// From the first window above the upper bound to the first below the lower one (which is not part of it).
fn floods(counts: &BTreeMap<i64, u64>) -> Vec<Flood> {
    let mut floods: Vec<Flood> = Vec::new();
    let mut open: Option<(i64, Flood)> = None;
    for (window, alerts) in counts {
        let (window, alerts) = (*window, *alerts);
        if let Some((expected, flood)) = &mut open {
            if *expected == window && alerts >= FLOOD_BELOW {
                *expected += 1;
                flood.to = Time((window + 1) * WINDOW_NS);
                flood.alerts += alerts;
                flood.most_in_10_minutes = flood.most_in_10_minutes.max(alerts);
                continue;
            }
            floods.push(*flood);
            open = None;
        }
        if alerts > FLOOD_ABOVE {
            let flood = Flood {
                from: Time(window * WINDOW_NS),
                to: Time((window + 1) * WINDOW_NS),
                alerts,
                most_in_10_minutes: alerts,
            };
            open = Some((window + 1, flood));
        }
    }
    floods.extend(open.map(|(_, flood)| flood));
    floods
}

#[cfg(test)]
mod tests;
