//! How deliveries are doing: what the node says of its outlets and of its connections to outside brokers, as clients see it.
//!
//! Plain data: the console knows no sink. Times are wall time, because an outage happens in the world also while a scenario
//! runs on a clock of its own.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use event::Time;
use serde::Serialize;

use crate::api::json;
use crate::problem::{self, Problem};
use crate::shared::Shared;

/// Every code of trouble that the page has words for; another is shown as `other` with its message.
pub const TROUBLE_CODES: [&str; 13] = [
    "unreachable",
    "timed_out",
    "unauthenticated",
    "forbidden",
    "not_found",
    "too_large",
    "rate_limited",
    "unavailable",
    "leaderless",
    "bad_record",
    "configuration",
    "disk",
    "other",
];

/// One outlet, or the way in from one outside broker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SinkInfo {
    /// `kafka`, `influxdb`, `archive`, `broker` ...; one of each.
    pub name: String,
    pub kind: SinkKind,
    pub state: SinkState,
    /// Wall time of the change to this state.
    pub since: Time,
    /// First record of `outcomes` that is not finished; a front door has none.
    pub position: Option<u64>,
    /// Records behind the head of `outcomes`.
    pub lag_records: u64,
    /// Age of the oldest record that is not finished.
    pub lag_seconds: f64,
    /// The latest trouble; kept after recovery, `state` says whether it lasts.
    pub trouble: Option<SinkTrouble>,
    /// Ranges of `outcomes` (first, one past the last) that this outlet never got, newest last.
    pub gaps: Vec<(u64, u64)>,
    /// Share (0 to 1) of the disk bound of `outcomes` that is in use while it waits for this outlet.
    pub held_ratio: Option<f64>,
    pub counts: SinkCounts,
    /// Of a front door only.
    pub connections: Option<ConnectionCounts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkKind {
    /// Takes outcomes away: Kafka, InfluxDB, the archive.
    Outlet,
    /// Brings messages in: the clients at an outside broker.
    FrontDoor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkState {
    /// Connecting for the first time.
    Starting,
    /// Delivering or receiving, or with nothing to do.
    Running,
    /// The last try failed; it goes on trying.
    Retrying,
    /// The node stops.
    Draining,
    Stopped,
    /// Ended for good.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SinkTrouble {
    /// One of [`TROUBLE_CODES`].
    pub code: &'static str,
    /// What was tried and what came back, in English as the software says it.
    pub message: String,
    /// Wall time of the latest occurrence.
    pub at: Time,
    /// Tries in a row that failed.
    pub attempts: u64,
}

/// Since the start of the process, in records (of a front door: messages).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SinkCounts {
    pub received: u64,
    pub written: u64,
    pub rejected: u64,
    pub retried: u64,
    pub dropped: u64,
    pub inflight_batches: u64,
}

/// Clients at an outside broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionCounts {
    pub clients: u64,
    pub connected: u64,
    pub reconnects: u64,
    /// Sessions that the broker had forgotten: messages of theirs may be missing.
    pub lost_sessions: u64,
    /// Messages that could not be taken in and were named in the log.
    pub refused: u64,
}

impl SinkInfo {
    /// Whether a person should hear of the difference soon, and not only with the next figures.
    pub(crate) fn differs_much(&self, before: &Self) -> bool {
        self.name != before.name
            || self.state != before.state
            || self.since != before.since
            || self.gaps != before.gaps
            || self.trouble.as_ref().map(|trouble| trouble.code)
                != before.trouble.as_ref().map(|trouble| trouble.code)
            || self
                .connections
                .map(|these| (these.connected, these.lost_sessions))
                != before
                    .connections
                    .map(|these| (these.connected, these.lost_sessions))
    }
}

/// What clients were told last, and when it is time to tell them again. A pure calculation.
#[derive(Default)]
pub(crate) struct Told {
    infos: Vec<SinkInfo>,
    json: Vec<u8>,
    /// Rises with every telling.
    revision: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    None,
    /// Only figures moved.
    Figures,
    /// A state, a trouble, a gap.
    State,
}

impl Told {
    pub(crate) fn compare(&self, infos: &[SinkInfo]) -> News {
        if infos == self.infos {
            return News::None;
        }
        let same = infos.len() == self.infos.len()
            && !infos
                .iter()
                .zip(&self.infos)
                .any(|(now, before)| now.differs_much(before));
        if same { News::Figures } else { News::State }
    }

    pub(crate) fn tell(&mut self, infos: Vec<SinkInfo>) -> serde_json::Result<()> {
        self.json = serde_json::to_vec(&infos)?;
        self.infos = infos;
        self.revision += 1;
        Ok(())
    }

    /// The list as JSON.
    pub(crate) fn json(&self) -> &[u8] {
        if self.json.is_empty() {
            b"[]"
        } else {
            &self.json
        }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }
}

#[derive(Serialize)]
struct SinksAnswer {
    now: Time,
    sinks: Vec<SinkInfo>,
}

pub(crate) async fn sinks(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let answer = SinksAnswer {
        now: shared.now(),
        sinks: shared.sinks(),
    };
    let body = serde_json::to_vec(&answer).map_err(|error| problem::internal(&error))?;
    Ok(json(body))
}
