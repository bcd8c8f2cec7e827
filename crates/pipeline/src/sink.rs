//! What a sink has to be.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::Batch;

/// One batch's answer, some time after it was submitted.
pub type Completion = Pin<Box<dyn Future<Output = Verdict> + Send + 'static>>;

/// A place that outcomes are delivered to.
///
/// The mover calls `open` before the first batch and again after every [`Verdict::Retry`]; then `submit` for each batch in
/// journal order, with several unanswered at a time. After a `Retry` it waits until every other batch in flight is
/// answered, opens again and submits from the first unfinished record on, so a batch may come a second time.
pub trait Sink: Send + 'static {
    /// Name of the sink: its cursor, its label in figures. Of a closed set: `kafka`, `influxdb`, `archive`.
    fn name(&self) -> &'static str;

    fn limits(&self) -> Limits;

    /// Connects and checks what can be checked; an error is retried for ever: a sink that is set up wrongly must not stop
    /// the node.
    fn open(&mut self, resume: Resume<'_>) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Takes a batch. Waits here for room of the sink's own (a full client queue): that is back-pressure on the reader.
    fn submit(&mut self, batch: Batch) -> impl Future<Output = Completion> + Send;

    /// What the sink wants stored with its cursor (a position per partition), at most 64 KiB. Must be right for a cursor
    /// that is at or behind the batches answered so far. A refused record is never to be taken for delivered: it may not be in
    /// quarantine yet.
    fn resume_note(&self) -> Vec<u8> {
        Vec::new()
    }

    /// What keeps answers from coming although the sink has not given up (a partition without leader, a client that
    /// reconnects by itself): shown as [`crate::State::Retrying`] while it is there. Asked for once, before the first
    /// `open`.
    fn stall(&self) -> Option<watch::Receiver<Option<Trouble>>> {
        None
    }

    /// Orderly end: whatever is buffered is finished or given up; nothing is submitted any more.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// Where to go on after a start or a retry.
#[derive(Clone, Copy, Debug)]
pub struct Resume<'a> {
    /// The first offset that will be submitted.
    pub position: u64,
    /// What [`Sink::resume_note`] gave when the cursor was stored; empty at the very first start.
    pub note: &'a [u8],
    /// False for the first opening in this process: then `note` is all the sink knows.
    pub again: bool,
}

/// Bounds of the way to one sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A batch is submitted when it has so many records or bytes, or is so old.
    pub batch_records: u64,
    pub batch_bytes: usize,
    pub batch_age: Duration,
    /// Submitted and not answered.
    pub inflight_batches: usize,
    /// Submitted beyond the stored cursor.
    pub window_records: u64,
    /// Back-off after a failure: doubles from the first to the second, with jitter.
    pub retry_min: Duration,
    pub retry_max: Duration,
    pub on_full: OnFull,
}

/// What happens to what this sink has not had when `outcomes` reaches its bound on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFull {
    /// The oldest records go; the range is recorded and can be refilled from the archive.
    #[default]
    Gap,
    /// Nothing goes: ingest stops instead.
    Hold,
}

/// How a batch ended.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everything in it is stored, but for `refused`, which the sink will never take.
    Done { refused: Vec<Refused> },
    /// Nothing in it is stored because of `refused`: those to quarantine, the rest again.
    Without { refused: Vec<Refused> },
    /// Something in it is not acceptable, or it is too large, and nothing is stored: it is halved until a single record is
    /// found, which goes to quarantine with this reason.
    Split(Trouble),
    /// Not now: again later, for ever. `after` is the server's own wish.
    Retry {
        trouble: Trouble,
        after: Option<Duration>,
    },
    /// Going on would harm: the process is to stop with this message.
    Fatal(Trouble),
}

impl Verdict {
    pub const fn done() -> Self {
        Self::Done {
            refused: Vec::new(),
        }
    }
}

/// A record that a sink will never take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub offset: u64,
    pub reason: String,
}

/// What is wrong, for people and for figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub code: Code,
    /// One sentence: what was tried, what came back, what to do.
    pub message: String,
}

impl Trouble {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Kinds of trouble: a closed set, the label in figures and the key of the words on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No connection.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// Wrong password or token, or a certificate that is not accepted.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// Topic, bucket or organisation is not there.
    NotFound,
    /// Larger than the other side takes.
    TooLarge,
    /// Asked to slow down.
    RateLimited,
    /// The other side says that it cannot at the moment.
    Unavailable,
    /// A partition without leader or with too few replicas.
    Leaderless,
    /// The record is not acceptable to the other side.
    BadRecord,
    /// What is set up does not fit (partitions, versions, properties).
    Configuration,
    /// The local disk.
    Disk,
    /// Anything else; the message has it.
    Other,
}

impl Code {
    pub const ALL: [Self; 13] = [
        Self::Unreachable,
        Self::TimedOut,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::TooLarge,
        Self::RateLimited,
        Self::Unavailable,
        Self::Leaderless,
        Self::BadRecord,
        Self::Configuration,
        Self::Disk,
        Self::Other,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Leaderless => "leaderless",
            Self::BadRecord => "bad_record",
            Self::Configuration => "configuration",
            Self::Disk => "disk",
            Self::Other => "other",
        }
    }
}
