//! The one mover: it takes records of `outcomes` to one sink, in order, and says how far it is.
//!
//! # Contract
//!
//! A sink is a [`Sink`]: it is handed [`Batch`]es in journal order and answers each with a [`Verdict`]. Everything else is
//! the mover's and written once: bounded batches in flight, completion in order, the durable cursor, back-off with jitter
//! for ever and visibly, quarantine of a single record, recorded gaps, figures, and the drain at a stop.
//!
//! - The cursor never passes a record that is not finished: delivered, quarantined with its reason, or in a recorded gap.
//! - At most `window_records` lie between the stored cursor and what was submitted: that bounds what a kill can repeat.
//! - Nothing is kept in memory for a retry: what failed is read again from the journal.
//! - A sink that is slow, down or wrong slows no other and never the monitor: it only lags.

mod backoff;
mod batch;
mod core;
mod error;
mod flights;
mod gather;
mod handle;
mod keeper;
mod mend;
pub mod metrics;
mod mover;
mod offload;
mod refill;
mod report;
mod run;
mod shown;
mod sink;
mod status;
mod steps;

pub use batch::{Batch, Record, RecordBuffer};
pub use error::Error;
pub use handle::{Drain, Ended, Handle};
pub use mover::{Deps, Mover};
pub use refill::{RefillError, RefillOptions, Refilled, refill};
pub use report::REJECT_KIND;
pub use sink::{Code, Completion, Limits, OnFull, Refused, Resume, Sink, Trouble, Verdict};
pub use status::{Counts, LastTrouble, State, Status};
