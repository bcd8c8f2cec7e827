//! The next segment, made ready before it is needed: a file with its room taken and zeros written, so that a commit
//! into it changes no metadata and costs one write of its own bytes.
//!
//! Owner: the committer. A helper thread does the work in pieces, each synced, and never goes further than
//! [`AHEAD`] times what the journal itself has written since it was asked: it never takes more of the disk than
//! the load itself does. Bound: one file, counted into the size bound before it is begun. Until it is renamed it is a
//! temporary file like any other, removed at the next opening. A failure costs only the advance: the committer then
//! makes the segment itself.

use std::io::{self, IoSlice};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::storage::File;
use crate::{JournalName, Preallocate, Storage};

/// Bytes of zeros a byte of records.
const AHEAD: u64 = 2;
/// Bytes written and synced at a time.
const PIECE_BYTES: u64 = 1024 * 1024;

/// A segment to be, with zeros for as long as the helper came.
pub(crate) struct Prepared {
    pub(crate) path: String,
    pub(crate) file: Arc<dyn File>,
    pub(crate) capacity: u64,
    zeroed: u64,
}

impl Prepared {
    /// A file whose room is taken.
    pub(crate) fn new(path: String, file: Arc<dyn File>, capacity: u64) -> Self {
        Self {
            path,
            file,
            capacity,
            zeroed: 0,
        }
    }

    /// Where zeros end once the next piece is written.
    fn next(&self) -> u64 {
        (self.zeroed + PIECE_BYTES).min(self.capacity)
    }
}

#[derive(Default)]
enum Stage {
    /// Nothing asked for, or it failed: until the next segment.
    #[default]
    Idle,
    /// Asked for, with this size; its room is not taken yet.
    Wanted(u64),
    /// The helper is at work on it.
    Busy,
    /// Its room is taken.
    Made(Prepared),
}

#[derive(Default)]
struct Inner {
    stage: Stage,
    /// Bytes of the active segment when the file was asked for.
    from: u64,
    /// How far zeros may go by now.
    allowed: u64,
    stopped: bool,
}

impl Inner {
    fn has_work(&self) -> bool {
        match &self.stage {
            Stage::Wanted(_) => true,
            Stage::Made(made) => made.zeroed < made.capacity && made.next() <= self.allowed,
            Stage::Idle | Stage::Busy => false,
        }
    }
}

pub(crate) struct Preparer {
    storage: Arc<dyn Storage>,
    name: JournalName,
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Preparer {
    pub(crate) fn new(storage: Arc<dyn Storage>, name: JournalName) -> Self {
        Self {
            storage,
            name,
            inner: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a file of this size, if none is under way; so much is written into the active segment by now.
    pub(crate) fn want(&self, capacity: u64, written: u64) {
        let mut inner = self.lock();
        if matches!(inner.stage, Stage::Idle) {
            inner.stage = Stage::Wanted(capacity);
            (inner.from, inner.allowed) = (written, 0);
            drop(inner);
            self.changed.notify_all();
        }
    }

    /// So much is written into the active segment.
    pub(crate) fn advance(&self, written: u64) {
        let mut inner = self.lock();
        let before = inner.allowed;
        inner.allowed = written.saturating_sub(inner.from).saturating_mul(AHEAD);
        if before / PIECE_BYTES != inner.allowed / PIECE_BYTES {
            drop(inner);
            self.changed.notify_all();
        }
    }

    /// The file, if it is large enough; waits for the piece being written.
    pub(crate) fn take(&self, capacity: u64) -> Option<Prepared> {
        let mut inner = self
            .changed
            .wait_while(self.lock(), |inner| matches!(inner.stage, Stage::Busy))
            .unwrap_or_else(PoisonError::into_inner);
        let stage = std::mem::take(&mut inner.stage);
        drop(inner);
        match stage {
            Stage::Made(made) if made.capacity >= capacity => Some(made),
            Stage::Made(made) => {
                self.remove(&made.path);
                None
            }
            Stage::Idle | Stage::Wanted(_) | Stage::Busy => None,
        }
    }

    /// Gives the room back.
    pub(crate) fn discard(&self) {
        // No file is large enough.
        self.take(u64::MAX);
    }

    /// Does one piece of work if there is one to do.
    pub(crate) fn step(&self) -> bool {
        let mut inner = self.lock();
        if !inner.has_work() {
            return false;
        }
        let work = std::mem::replace(&mut inner.stage, Stage::Busy);
        drop(inner);
        let done = match work {
            Stage::Wanted(capacity) => self.create(capacity),
            Stage::Made(made) => self.zero(made),
            Stage::Idle | Stage::Busy => return false,
        };
        self.lock().stage = done.map_or_else(
            |error| {
                tracing::debug!(journal = %self.name, %error, "cannot prepare the next segment");
                Stage::Idle
            },
            Stage::Made,
        );
        self.changed.notify_all();
        true
    }

    fn create(&self, capacity: u64) -> io::Result<Prepared> {
        let path = format!("{}/prepared.tmp", self.name.folder());
        let made = self.storage.create(&path).and_then(|file| {
            file.preallocate(capacity, Preallocate::Reserve)?;
            Ok(file)
        });
        match made {
            Ok(file) => Ok(Prepared::new(path, file, capacity)),
            Err(error) => {
                self.remove(&path);
                Err(error)
            }
        }
    }

    fn zero(&self, mut made: Prepared) -> io::Result<Prepared> {
        let end = made.next();
        // At most a piece.
        let zeros = vec![0; (end - made.zeroed) as usize];
        let done = made
            .file
            .write_at(&mut [IoSlice::new(&zeros)], made.zeroed)
            .and_then(|()| made.file.sync_data());
        if let Err(error) = done {
            // Nothing is known about this file any more, and nobody depends on it yet.
            self.remove(&made.path);
            return Err(error);
        }
        made.zeroed = end;
        Ok(made)
    }

    fn remove(&self, path: &str) {
        // A leftover is removed at the next opening.
        let _ = self.storage.remove(path);
    }

    /// Works until [`Self::stop`].
    pub(crate) fn run(&self) {
        loop {
            while self.step() {}
            let mut inner = self
                .changed
                .wait_while(self.lock(), |inner| !inner.stopped && !inner.has_work())
                .unwrap_or_else(PoisonError::into_inner);
            if inner.stopped {
                if let Stage::Made(made) = std::mem::take(&mut inner.stage) {
                    self.remove(&made.path);
                }
                return;
            }
        }
    }

    /// Ends [`Self::run`] after the piece being written.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }
}
