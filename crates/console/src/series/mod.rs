//! Questions to the archive over HTTP.
//!
//! The console reads and checks the parameters ([`parse`]) and owns the bounds: how many questions run at a time, for how
//! long, over what span and for how many points. What answers is a [`SeriesBackend`]; it is called on a thread that may
//! block, is told when to stop, and hands back the finished body. Without one every address here says that the archive is off.

mod answer;
mod parse;
mod problems;
mod time;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use event::{Stream, Text, Time};

pub(crate) use answer::{Desk, catalogue, latest, range, top};

/// Answers questions about series. Called from several threads at once, each call may block.
pub trait SeriesBackend: Send + Sync {
    /// The finished body in the format asked for: JSON, or CSV with a header line; UTF-8. Units, quality and time zone are
    /// in it. Looks at `stop` now and then and gives up when it is over: nobody waits for the answer any more.
    fn answer(&self, query: &SeriesQuery, stop: &SeriesStop) -> Result<Vec<u8>, SeriesProblem>;
}

/// Tells a running query that its answer is not wanted any more.
#[derive(Clone, Debug)]
pub struct SeriesStop {
    asked: Arc<AtomicBool>,
    deadline: Instant,
}

impl SeriesStop {
    pub fn at(deadline: Instant) -> Self {
        Self {
            asked: Arc::default(),
            deadline,
        }
    }

    /// The client went away, the node stops, or the time is up.
    pub fn is_over(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }
}

/// A question whose parameters have been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesQuery {
    pub ask: SeriesAsk,
    pub format: SeriesFormat,
    /// IANA name of the zone in which times are written and days begin; its form is checked here, the name is not.
    pub zone: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SeriesAsk {
    /// Which series there are, ascending by entity and measure.
    Catalogue {
        filter: SeriesFilter,
        /// The last (entity, measure) of the page before.
        after: Option<(String, String)>,
        limit: usize,
    },
    /// Points of one series, `from` inclusive, `to` exclusive.
    Range {
        entity: String,
        measure: String,
        from: Time,
        to: Time,
        /// Width of a step in nanoseconds; `None` exactly for raw points.
        interval_ns: Option<i64>,
        aggregate: Aggregate,
        quality: QualityWanted,
        /// Exercises and tests too.
        drills: bool,
        /// Points in the answer at most; steps were counted here, raw points are the backend's to count.
        limit: usize,
    },
    /// The newest value of each series.
    Latest {
        filter: SeriesFilter,
        quality: QualityWanted,
        after: Option<(String, String)>,
        limit: usize,
    },
    /// The `n` entities with the most extreme value of a measure in a window.
    Top {
        measure: String,
        stream: Option<Stream>,
        from: Time,
        to: Time,
        /// What of a series in the window is compared; never raw.
        aggregate: Aggregate,
        order: TopOrder,
        quality: QualityWanted,
        n: usize,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesFilter {
    pub entity: Option<String>,
    pub measure: Option<String>,
    pub stream: Option<Stream>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    Mean,
    Min,
    Max,
    Last,
    Count,
    /// Every point as it was recorded.
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QualityWanted {
    /// Values that may be trusted.
    Good,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopOrder {
    Highest,
    Lowest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesFormat {
    Json,
    Csv,
}

/// Why there is no answer. `detail` is for the person who asked: what is wrong and, for a question that is too big, how to
/// narrow it.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesProblem {
    pub code: SeriesProblemCode,
    pub detail: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesProblemCode {
    /// Nothing is known by that name: 404.
    Unknown,
    /// Something in the question cannot be meant: 400.
    BadQuestion,
    /// More than may be read or answered at once: 422.
    TooBig,
    /// [`SeriesStop::is_over`]: 503 when it was the time.
    Stopped,
    /// Not at the moment (a file is being replaced, the disk is in trouble): 503.
    Unavailable,
    /// A mistake of ours: 500.
    Internal,
}

/// A time as people write it in an address or on a command line: ISO 8601 with a zone, `now`, or so long ago (`-6h`).
pub fn parse_instant(text: &str, now: Time) -> Option<Time> {
    time::instant(text, now)
}

/// A length of time in nanoseconds: `PT10M`, `P1D`, `10m`.
pub fn parse_duration_ns(text: &str) -> Option<i64> {
    time::duration_ns(text)
}

/// Whether this has the form of a zone's name; whether there is such a zone, the backend knows.
pub(crate) fn is_zone(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte))
}
