//! The durable log: segments, group commit, readers, cursors, snapshots.
//!
//! # Contract
//!
//! - A [`Ticket`] resolves with `Ok` only after the sync that covers its records returned success. A failed sync
//!   is final: the journal is [`State::Poisoned`], no ticket resolves with `Ok` any more, and only a new
//!   process that reads the disk again may go on.
//! - Offsets count records and are consecutive. Committed records are never reordered, and changed by redaction alone
//!   ([`Journal::redact`]): content becomes zeros, everything else stays.
//! - Want of room is waited out ([`State::Full`]): [`Class::Normal`] waits in its bounded queue, the other classes
//!   use their preallocated reserves.
//! - Opening always ends with a usable journal: a torn tail is cut, damage in the middle is set aside and
//!   reported by offset ([`Recovery`], [`GapReason::Damage`]), everything readable stays readable.
//! - Every file operation goes through [`Storage`]; [`storage::sim`] is one that fails on purpose.
//!
//! The bytes are described in `docs/journal-format.md`. The flow of a record: [`Batch`] (frames encoded on the
//! caller's thread) → [`Appender`] (bounded queue) → committer thread (stamps in place, one write, one sync) →
//! memory tail, shared by every [`Reader`] near the head → segments, for those that lag.

mod aside;
mod batch;
mod committer;
mod cursor;
mod error;
mod format;
pub mod inputs;
mod journal;
mod lock;
pub mod metrics;
mod opened;
mod options;
mod queue;
mod read_batch;
mod reader;
mod readonly;
mod recovery;
mod redact;
mod redaction;
mod reserve;
mod scan;
mod segment;
mod shared;
mod snapshot;
pub mod storage;
mod ticket;
mod wire;

pub use batch::Batch;
pub use cursor::Cursors;
pub use error::{Error, TryAppendError};
pub use journal::{Appender, Journal, Stats};
pub use lock::{LockGuard, lock};
pub use opened::Opened;
pub use options::{
    Class, Clock, ClockKind, FullReason, Id, JournalName, OnFull, Options, Preallocate, Stamp,
    State,
};
pub use read_batch::{Frame, Gap, GapReason, ReadBatch, Taken};
pub use reader::Reader;
pub use readonly::{Info, ReadOnly, VerifyReport};
pub use recovery::{Damage, Recovery};
pub use redact::Overwritten;
pub use redaction::{Blank, Redacted, Redactions};
pub use shared::RecordedGap;
pub use snapshot::{Loaded, SnapshotMeta, Snapshots, UnreadableSnapshot};
pub use storage::{DiskStorage, Storage};
pub use ticket::{Committed, Ticket};

#[cfg(test)]
mod simulation;
