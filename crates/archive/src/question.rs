//! What can be asked.

use event::{Stream, Time};

/// A question; [`crate::Archive::ask`] checks it.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub ask: Ask,
    /// Zone in which times are written and days begin: `UTC` or an IANA name.
    pub zone: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Which series there are, ascending by entity and measure.
    Catalogue {
        filter: Filter,
        /// The last (entity, measure) of the page before.
        after: Option<(String, String)>,
        limit: usize,
    },
    /// Points of one series, `from` inclusive, `to` exclusive, ascending.
    Range {
        entity: String,
        measure: String,
        from: Time,
        to: Time,
        /// Width of a step; `None` for raw points. Steps begin at midnight of the zone.
        interval_ns: Option<i64>,
        aggregate: Aggregate,
        quality: QualityWanted,
        /// Exercises and tests too.
        drills: bool,
        limit: usize,
    },
    /// The newest value of each series, ascending by entity and measure.
    Latest {
        filter: Filter,
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
        order: Order,
        quality: QualityWanted,
        n: usize,
    },
}

/// Which series; what is absent does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
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

impl Aggregate {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Last => "last",
            Self::Count => "count",
            Self::Raw => "raw",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QualityWanted {
    /// Values that may be trusted.
    #[default]
    Good,
    Any,
}

impl QualityWanted {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Any => "any",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Highest,
    Lowest,
}

impl Order {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Highest => "highest",
            Self::Lowest => "lowest",
        }
    }
}
