//! Who looks at what: the operator positions of a site, by stream, area and severity, and when they are staffed.

use event::{Name, Severity, Stream, Text};
use serde::{Deserialize, Serialize};

/// Most positions of a site.
pub const POSITIONS_MAX: usize = 32;
/// Figures are counted by intervals of ten minutes that begin at multiples of ten minutes since the epoch.
pub(crate) const INTERVAL_NS: i64 = 600 * 1_000_000_000;
/// The clock on the wall of the sites served, +07:00 all year; a multiple of the interval.
const LOCAL_NS: i64 = 7 * 3_600 * 1_000_000_000;
const DAY_NS: i64 = 24 * 3_600 * 1_000_000_000;
const MINUTE_NS: i64 = 60 * 1_000_000_000;

/// A shift on the local clock, in minutes of the day, multiples of ten; `to` before `from` runs over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    pub from: u16,
    /// The first minute after it, at most 1,440.
    pub to: u16,
}

/// One place at which somebody sits. An empty list means all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub id: Name,
    pub name: Text,
    pub streams: Vec<Stream>,
    /// Codes of communes and wards; an alert without a place belongs to positions without a list only.
    pub areas: Vec<Name>,
    pub severities: Vec<Severity>,
    pub hours: Vec<Shift>,
}

/// The positions in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Positions(Vec<Position>);

impl Default for Positions {
    /// One that sees all, always.
    fn default() -> Self {
        let name = Text {
            vi: "Trực điều hành".to_owned(),
            en: "Operations".to_owned(),
        };
        Self(vec![Position {
            id: "operations".into(),
            name,
            streams: Vec::new(),
            areas: Vec::new(),
            severities: Vec::new(),
            hours: Vec::new(),
        }])
    }
}

impl Positions {
    /// None where there are none or more than [`POSITIONS_MAX`].
    pub fn new(positions: Vec<Position>) -> Option<Self> {
        let fits = !positions.is_empty() && positions.len() <= POSITIONS_MAX;
        fits.then_some(Self(positions))
    }

    pub fn as_slice(&self) -> &[Position] {
        &self.0
    }

    pub fn get(&self, id: &str) -> Option<&Position> {
        self.0.iter().find(|position| *position.id == *id)
    }
}

impl Shift {
    fn covers(self, minute: i64) -> bool {
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to {
            (from..to).contains(&minute)
        } else {
            minute >= from || minute < to
        }
    }
}

impl Position {
    pub(crate) fn sees(&self, stream: Stream, area: Option<&Name>, severity: Severity) -> bool {
        let place = || area.is_some_and(|area| self.areas.contains(area));
        (self.streams.is_empty() || self.streams.contains(&stream))
            && (self.areas.is_empty() || place())
            && (self.severities.is_empty() || self.severities.contains(&severity))
    }

    pub(crate) fn staffed(&self, at: i64) -> bool {
        let minute = at.saturating_add(LOCAL_NS).rem_euclid(DAY_NS) / MINUTE_NS;
        self.hours.is_empty() || self.hours.iter().any(|shift| shift.covers(minute))
    }

    /// How much of a span somebody sat there; a shift begins and ends with an interval.
    pub(crate) fn staffed_ns(&self, from: i64, to: i64) -> i64 {
        if self.hours.is_empty() {
            return to.saturating_sub(from).max(0);
        }
        let mut total = 0;
        let mut at = from;
        while at < to {
            let next = at
                .saturating_sub(at.rem_euclid(INTERVAL_NS))
                .saturating_add(INTERVAL_NS)
                .min(to);
            if self.staffed(at) {
                total += next - at;
            }
            if next <= at {
                break;
            }
            at = next;
        }
        total
    }
}
