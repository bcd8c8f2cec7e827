//! The flood alarm levels of `thresholds.toml`, so that they stand in one place.
//!
//! Only `[[limit]]` entries named `bd1`, `bd2`, `bd3` with an `entity` are read; what else is in the file, and what is wrong
//! with it, is the business of the rules that use it.

use std::collections::BTreeMap;

use event::{Name, PackFiles, Time};

use crate::reader::{Document, Mistakes, Section};

const FILE: &str = "thresholds.toml";

const NAMES: [&str; 3] = ["bd1", "bd2", "bd3"];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Alarm {
    pub(crate) value: f64,
    pub(crate) verified: bool,
}

#[derive(Clone, Copy, Debug)]
struct Dated {
    level: usize,
    alarm: Alarm,
    /// Observed times for which it is in force: from (included), to (not included).
    from: i64,
    to: i64,
}

/// Alarm levels by station.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thresholds {
    stations: BTreeMap<String, Vec<Dated>>,
}

impl Thresholds {
    pub(crate) fn load(files: &PackFiles, mistakes: &Mistakes) -> Self {
        let mut thresholds = Self::default();
        if !files.files.contains_key(FILE) {
            return thresholds;
        }
        let Some(document) = Document::of(files, FILE, mistakes) else {
            return thresholds;
        };
        for limit in document.root(mistakes).tables("limit") {
            thresholds.take(&limit);
        }
        thresholds
    }

    fn take(&mut self, limit: &Section<'_>) {
        let name = limit.text("name");
        let Some(level) = NAMES.iter().position(|known| Some(*known) == name) else {
            return;
        };
        let (Some(entity), Some(value)) = (limit.text("entity"), limit.number("value")) else {
            return;
        };
        if limit.text("unit").is_some_and(|unit| unit != "m") {
            limit.mistake(limit.line_of("unit"), "flood alarm levels are in `m`");
        }
        let alarm = Alarm {
            value,
            verified: limit.boolean("verified").unwrap_or(false),
        };
        self.stations
            .entry(entity.to_owned())
            .or_default()
            .push(Dated {
                level,
                alarm,
                from: limit.date("effective_from").unwrap_or(i64::MIN),
                to: limit.date("effective_to").unwrap_or(i64::MAX),
            });
    }

    pub(crate) fn knows(&self, entity: &str) -> bool {
        self.stations.contains_key(entity)
    }

    /// BĐ1, BĐ2, BĐ3 of a station at a time.
    pub(crate) fn alarms(&self, entity: &Name, at: Time) -> [Option<Alarm>; 3] {
        let mut alarms = [None; 3];
        for dated in self.stations.get(&**entity).into_iter().flatten() {
            if (dated.from..dated.to).contains(&at.0) {
                alarms[dated.level] = Some(dated.alarm);
            }
        }
        alarms
    }
}
