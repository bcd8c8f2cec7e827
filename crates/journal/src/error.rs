//! The one error of this crate. What to do next: `Poisoned` and `Io` at opening stop the process with the
//! message; `Locked` and the refusals are for the person who started it; the rest is a programming error.

use std::io;

use crate::{ClockKind, Id, JournalName};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {what} {path}")]
    Io {
        what: &'static str,
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("the data directory is in use by another process ({holder})")]
    Locked { holder: String },
    #[error("journal {journal} is poisoned, nothing is acknowledged any more: {error}")]
    Poisoned { journal: JournalName, error: String },
    #[error("journal {journal} is closed")]
    Closed { journal: JournalName },
    #[error("options of journal {journal}: {why}")]
    Options {
        journal: JournalName,
        why: &'static str,
    },
    #[error("a batch of {bytes} bytes is larger than the queue ({max})")]
    BatchTooLarge { bytes: usize, max: usize },
    #[error("a record of {bytes} bytes is larger than {max}")]
    RecordTooLarge { bytes: usize, max: usize },
    #[error("a batch must hold at least one record")]
    BatchEmpty,
    #[error(
        "journal {journal} runs on a {found} clock, this node on a {wanted} one: give it another data folder"
    )]
    ClockKind {
        journal: JournalName,
        found: ClockKind,
        wanted: ClockKind,
    },
    #[error("{path} has format version {found}; this version reads {newest} and older")]
    Newer {
        path: String,
        found: u16,
        newest: u16,
    },
    #[error("{path} belongs to journal {found}, its neighbours to {wanted}")]
    Foreign { path: String, found: Id, wanted: Id },
    #[error(
        "journal {journal} cannot be identified: no segment header and no identity is readable"
    )]
    Unidentified { journal: JournalName },
    #[error("there is no journal {journal} here")]
    Missing { journal: JournalName },
    #[error("{path} is damaged: {why}")]
    Damaged { path: String, why: &'static str },
    #[error("\"{name}\" is no name for a cursor: a-z, 0-9, - and _, at most 64")]
    CursorName { name: String },
    #[error("position {position} lies {} what journal {journal} holds (up to {next})", if *.position < *.next { "inside" } else { "beyond" })]
    Position {
        journal: JournalName,
        position: u64,
        next: u64,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}

/// Why a batch was not taken at once; it comes back when waiting may help.
#[derive(Debug, thiserror::Error)]
pub enum TryAppendError {
    #[error("the queue of the journal is full")]
    Full(crate::Batch),
    #[error(transparent)]
    Refused(#[from] Error),
}

/// Storage faults that pass without anybody losing data: waited out, never final.
pub(crate) fn passes(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::StorageFull
            | Kind::QuotaExceeded
            | Kind::ReadOnlyFilesystem
            | Kind::PermissionDenied
            | Kind::FileTooLarge
    ) || is_out_of_descriptors(error)
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| {
        code == rustix::io::Errno::MFILE.raw_os_error()
            || code == rustix::io::Errno::NFILE.raw_os_error()
    })
}

pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
