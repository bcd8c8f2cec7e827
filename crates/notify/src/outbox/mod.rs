//! The outbox: what is planned, sealed, settled and reported, in one append-only file.
//!
//! # Contract
//!
//! - A line is `crc32c<space>JSON`; a torn tail is cut at the opening, a damaged line in the middle is skipped and counted.
//! - [`Outbox::commit`] returns when the line is on the disk (`fdatasync`; many share one). While the disk refuses, it is tried
//!   again and the trouble is shown; nothing is lost and nothing is sent twice for it.
//! - A plan carries the position in `outcomes` up to which everything is planned, in the same line: a batch that comes again
//!   plans nothing twice.
//! - When the file has grown, it is written anew with what is still open (temporary name, sync, rename).
//! - Open notices are bounded by `pending_max`; the sink takes no batch beyond it.

mod file;
mod state;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipeline::Trouble;
use tokio::sync::{oneshot, watch};

pub use state::{Entry, Outcome, Report, Seal, Settled, State};

use crate::Error;

/// Cheap to clone; all share one file.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<Inner>,
    trouble: watch::Receiver<Option<Trouble>>,
    grow_bytes: u64,
    skipped: u64,
}

struct Inner {
    state: State,
    writer: file::Writer,
    /// Bytes since the file was written anew.
    grown: u64,
}

/// The outbox was closed before the line was on the disk: the process is ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the outbox is closed")]
pub struct Closed;

impl Outbox {
    /// Reads what is there; blocks on the disk. `outcomes` is the identity of the journal that is planned from: with another
    /// one the position is not ours and begins anew, what is open stays.
    pub fn open(path: &Path, outcomes: [u8; 16], grow_bytes: u64) -> Result<Self, Error> {
        let (mut state, skipped) = file::read(path)?;
        state.begin(outcomes);
        let (writer, trouble) = file::Writer::open(path, &state.snapshot())?;
        Ok(Self {
            shared: Arc::new(Shared {
                inner: Mutex::new(Inner {
                    state,
                    writer,
                    grown: 0,
                }),
                trouble,
                grow_bytes,
                skipped,
            }),
        })
    }

    /// Damaged lines met when it was opened.
    pub fn skipped(&self) -> u64 {
        self.shared.skipped
    }

    /// What is wrong with the disk, while it is.
    pub fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        self.shared.trouble.clone()
    }

    /// Looks at the state.
    pub fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.inner().state)
    }

    /// Applies the entry and makes it durable.
    pub async fn commit(&self, entry: Entry) -> Result<(), Closed> {
        let done = self.enqueue(entry);
        done.await.map_err(|_| Closed)
    }

    fn enqueue(&self, entry: Entry) -> oneshot::Receiver<()> {
        let mut inner = self.inner();
        let line = file::line(&entry);
        inner.state.apply(entry);
        inner.grown += line.len() as u64;
        let (told, done) = oneshot::channel();
        if inner.grown > self.shared.grow_bytes {
            // The entry is in the state already, and with it in the new file.
            inner.grown = 0;
            let whole = inner.state.snapshot().iter().flat_map(file::line).collect();
            inner.writer.rewrite(whole, told);
        } else {
            inner.writer.append(line, told);
        }
        done
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere ends the process; the state itself is changed in one step.
        self.shared
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
