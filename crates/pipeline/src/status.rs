//! How a sink is doing: for `ioc status`, the page and `/metrics`.

use serde::{Deserialize, Serialize};

use crate::Code;

/// What the mover is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Connecting for the first time.
    #[default]
    Starting,
    /// Delivering, or with nothing to deliver.
    Running,
    /// The last try failed; it goes on trying.
    Retrying,
    /// The node stops; what can still be delivered is.
    Draining,
    Stopped,
    /// Ended for good; the process is going down.
    Failed,
}

impl State {
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Running,
        Self::Retrying,
        Self::Draining,
        Self::Stopped,
        Self::Failed,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// Trouble with when it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTrouble {
    pub code: Code,
    pub message: String,
    /// Wall time (ns since 1970) of the latest occurrence.
    pub at_ns: i64,
    /// Tries in a row that failed.
    pub attempts: u64,
}

/// Since the start of the process, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub received: u64,
    pub written: u64,
    pub rejected: u64,
    pub retried: u64,
    /// Lost to this sink at the disk bound (recorded gaps).
    pub dropped: u64,
    pub inflight_batches: u64,
}

/// A snapshot of one sink.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub sink: String,
    pub state: State,
    /// Wall time (ns since 1970) of the change to this state.
    pub since_ns: i64,
    /// First record that is not finished.
    pub position: u64,
    /// Records behind the head of `outcomes`.
    pub lag_records: u64,
    /// Age of the oldest record that is not finished, by wall time; 0 when there is none.
    pub lag_seconds: f64,
    /// Share (0 to 1) of the disk bound of `outcomes` that this sink's backlog takes: an alert from 0.8 on.
    pub held_ratio: f64,
    /// The last trouble; kept after recovery, `state` says whether it lasts.
    pub trouble: Option<LastTrouble>,
    /// Ranges lost at the disk bound, newest last, at most 16.
    pub gaps: Vec<(u64, u64)>,
    pub counts: Counts,
}
