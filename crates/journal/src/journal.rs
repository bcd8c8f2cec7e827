//! The handles of a running journal.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::committer::Committer;
use crate::options::{Class, OnFull, State};
use crate::queue::Ended;
use crate::redact::{self, Overwritten};
use crate::shared::{Hold, RecordedGap, Shared, guard};
use crate::ticket::block_on;
use crate::{Batch, ClockKind, Error, Id, JournalName, Reader, Ticket, TryAppendError};

/// Numbers of a running journal, for screens and tools; the same are metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Room the segments take on the volume.
    pub bytes: u64,
    pub bytes_max: u64,
    pub segments: usize,
    pub first_offset: u64,
    pub next_offset: u64,
    /// Since the start: commits (each one sync), records and bytes.
    pub commits: u64,
    pub records: u64,
    pub bytes_written: u64,
    pub last_sync_seconds: f64,
    pub queue_batches: usize,
    pub queue_bytes: usize,
}

/// A running journal. Cheap to clone. When the last handle is dropped, or at [`Journal::close`], the committer
/// finishes what is queued and stops.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    thread: Arc<Thread>,
}

/// Stops the committer when the last [`Journal`] goes.
struct Thread {
    shared: Arc<Shared>,
    /// The committer, and what helps it.
    handles: Mutex<Vec<JoinHandle<()>>>,
}

impl Thread {
    fn stop(&self) {
        self.shared.queue.end(Ended::Closed);
        let handles = std::mem::take(&mut *guard(&self.handles));
        for handle in handles {
            if handle.join().is_err() {
                tracing::error!(journal = %self.shared.options.name, "the committer panicked");
            }
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Journal {
    /// Spawns the committer.
    pub(crate) fn start(shared: Arc<Shared>, committer: Committer) -> Result<Self, Error> {
        let name = shared.options.name;
        let thread = Arc::new(Thread {
            shared: Arc::clone(&shared),
            handles: Mutex::default(),
        });
        let spawn = |name: String, work: Box<dyn FnOnce() + Send>| {
            let handle = std::thread::Builder::new().name(name).spawn(work)?;
            guard(&thread.handles).push(handle);
            Ok(())
        };
        let preparer = committer.preparer();
        spawn(format!("journal-{name}"), Box::new(|| committer.run()))
            .map_err(Error::io("start the committer of", name.folder()))?;
        if let Some(preparer) = preparer {
            spawn(format!("prepare-{name}"), Box::new(move || preparer.run()))
                .map_err(Error::io("start the helper of", name.folder()))?;
        }
        Ok(Self { shared, thread })
    }

    /// Handles without a thread: the simulation takes the committer's steps itself.
    #[cfg(test)]
    pub(crate) fn manual(shared: Arc<Shared>) -> Self {
        let thread = Thread {
            shared: Arc::clone(&shared),
            handles: Mutex::default(),
        };
        Self {
            shared,
            thread: Arc::new(thread),
        }
    }

    pub fn appender(&self) -> Appender {
        Appender {
            shared: Arc::clone(&self.shared),
        }
    }

    /// A reader from this offset on; before the oldest record it begins with a gap.
    pub fn reader(&self, from: u64) -> Reader {
        Reader::live(Arc::clone(&self.shared), from)
    }

    pub fn name(&self) -> JournalName {
        self.shared.options.name
    }

    pub fn id(&self) -> Id {
        self.shared.id
    }

    pub fn clock_kind(&self) -> ClockKind {
        self.shared.options.clock_kind
    }

    /// Offset of the oldest record that is still there.
    pub fn first_offset(&self) -> u64 {
        self.shared.first_offset()
    }

    /// One past the last durable record.
    pub fn next_offset(&self) -> u64 {
        self.shared.next_offset()
    }

    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    pub fn stats(&self) -> Stats {
        let mut stats = guard(&self.shared.stats).clone();
        {
            let segments = guard(&self.shared.segments);
            stats.bytes = segments.bytes();
            stats.segments = segments.list.len();
        }
        stats.bytes_max = self.shared.options.bytes_max;
        stats.first_offset = self.first_offset();
        stats.next_offset = self.next_offset();
        (stats.queue_batches, stats.queue_bytes) = self.shared.queue.depth();
        stats
    }

    /// Registers where a named reader is, so that retention respects it; `None` takes it off the list.
    pub fn set_hold(&self, reader: &str, position: Option<u64>, on_full: OnFull) {
        {
            let mut holds = guard(&self.shared.holds);
            match position {
                Some(position) => {
                    holds
                        .readers
                        .insert(reader.to_owned(), Hold { position, on_full });
                }
                None => {
                    holds.readers.remove(reader);
                }
            }
        }
        self.care_if_full();
    }

    /// A verified snapshot covers everything below `offset`: segments wholly below it may go when age or size
    /// asks. Never moves back.
    pub fn retain_behind(&self, offset: u64) {
        {
            let mut holds = guard(&self.shared.holds);
            holds.behind = holds.behind.max(offset);
        }
        self.shared.queue.nudge();
    }

    /// Overwrites the content of the frames at `offsets` with zeros and waits until that is durable; the answers come
    /// in the same order. The redaction record of each of them must be durable before. Doing it again is harmless: what
    /// a crash interrupted is finished by it. Needs no room on the volume. Blocks; not for async tasks.
    pub fn redact(&self, offsets: &[u64]) -> Result<Vec<Overwritten>, Error> {
        let answers = redact::redact(&self.shared, offsets)?;
        let done = answers.iter().filter(|one| **one == Overwritten::Done);
        crate::metrics::redacted(self.name(), done.count() as u64);
        Ok(answers)
    }

    /// Ranges that `gap` readers lost at the size bound, oldest first.
    pub fn gaps(&self) -> Vec<RecordedGap> {
        guard(&self.shared.holds).gaps.iter().cloned().collect()
    }

    /// Takes nothing more, makes durable what is queued, stops. What cannot be written now (no room) fails with
    /// [`Error::Closed`]: it was never acknowledged. Blocks; not for async tasks.
    pub fn close(self) -> Result<(), Error> {
        self.thread.stop();
        match &*self.shared.state.borrow() {
            State::Poisoned { error } => Err(Error::Poisoned {
                journal: self.name(),
                error: error.clone(),
            }),
            State::Ok | State::Full { .. } => Ok(()),
        }
    }

    /// Moving a cursor matters to the committer only while it waits for room.
    fn care_if_full(&self) {
        if *self.shared.state.borrow() != State::Ok {
            self.shared.queue.nudge();
        }
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// Where batches go in. Cheap to clone.
#[derive(Clone)]
pub struct Appender {
    shared: Arc<Shared>,
}

impl Appender {
    /// Queues the batch, waiting for room in the queue; the ticket resolves when it is durable. Cancelling before
    /// this returns leaves nothing behind.
    pub async fn append(&self, class: Class, batch: Batch) -> Result<Ticket, Error> {
        self.shared.queue.append(class, batch).await
    }

    /// Queues the batch if there is room right now.
    pub fn try_append(&self, class: Class, batch: Batch) -> Result<Ticket, TryAppendError> {
        self.shared.queue.try_append(class, batch)
    }

    /// The same as `append` on a plain thread.
    pub fn append_blocking(&self, class: Class, batch: Batch) -> Result<Ticket, Error> {
        block_on(self.append(class, batch))
    }

    pub fn journal_id(&self) -> Id {
        self.shared.id
    }
}
