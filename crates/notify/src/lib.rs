//! Notices: an outlet that tells people of alerts, with an outbox of its own, and channels to people.
//!
//! # Contract
//!
//! - [`NotifySink`] is a [`pipeline::Sink`]: it plans notices from `outcomes` ([`mod@plan`], pure), makes them durable in its outbox
//!   ([`mod@outbox`]) and only then lets the cursor pass. Sending goes on beside it and holds up nobody.
//! - A notice is (alert + transition, channel, person) and has a stable key. It is sent at least once; a kill repeats at most
//!   what was under way at that moment, once, under the same key.
//! - An address (channel, person) that does not answer delays no other: it has its own bounded queue, back-off and expiry.
//!   What fails for good goes to the next channel of that person.
//! - Every result is an `outlet` record in `inputs`, without personal data: channel and person are ids of the directory.
//! - A drill goes to exercise channels alone, and they take nothing else: checked when planned and again when sent.
//! - Suppressed, shelved, retrospective and silent (on trial) alerts give no notice.
//! - The outbox is a file of its own and not derived from the cursor and the `outlet` records: a notice that waits (quiet
//!   hours, a dead address) would otherwise hold the cursor, and with it the journal's retention, for hours.

pub mod channel;
mod config;
pub mod directory;
mod dispatch;
pub mod letter;
mod metrics;
pub mod outbox;
pub mod plan;
mod secret;
mod sink;
pub mod text;

use std::path::PathBuf;

use thiserror::Error;

pub use channel::CapFeed;
pub use config::NotifyConfig;
pub use directory::{Directory, Mistake, Scope};
pub use dispatch::Counts;
pub use secret::Secret;
pub use sink::{NotifyDeps, NotifySink};

/// Why the outlet could not be made.
#[derive(Debug, Error)]
pub enum Error {
    #[error("reading or writing {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the channel {channel}: {why}")]
    Channel { channel: String, why: String },
    #[error("the outbox {} holds a record of a newer release", path.display())]
    Newer { path: PathBuf },
    #[error("starting the thread of the outbox")]
    Thread(#[source] std::io::Error),
}

impl Error {
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
