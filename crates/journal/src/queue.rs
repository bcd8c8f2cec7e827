//! The bounded queue between appenders and the committer. Owner: the committer. Bound: batches and bytes a
//! class ([`crate::Options`]). When full: an append waits (or is told so), per class, so that waiting `Normal`
//! batches never keep a `Disaster` or `System` one out. First come, first served over all classes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, TryAcquireError, oneshot};

use crate::{Batch, Class, Committed, Error, JournalName, Options, Ticket};

/// A batch that waits for its commit.
#[derive(Debug)]
pub(crate) struct Entry {
    sequence: u64,
    pub(crate) class: Class,
    pub(crate) batch: Batch,
    charge: u32,
    pub(crate) done: oneshot::Sender<Result<Committed, Error>>,
}

/// What the committer says to the batch at the head of a class.
pub(crate) enum Admit {
    Take,
    /// No more in this group.
    Stop,
    /// This class has to wait; another may go.
    SkipClass,
}

/// Why the queue takes nothing any more.
#[derive(Debug, Clone)]
pub(crate) enum Ended {
    Closed,
    Poisoned(String),
}

impl Ended {
    pub(crate) fn error(&self, journal: JournalName) -> Error {
        match self {
            Self::Closed => Error::Closed { journal },
            Self::Poisoned(error) => Error::Poisoned {
                journal,
                error: error.clone(),
            },
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    waiting: [VecDeque<Entry>; 3],
    sequence: u64,
    bytes: usize,
    ended: Option<Ended>,
    nudged: bool,
    committer_waits: bool,
}

#[derive(Debug)]
pub(crate) struct Queue {
    journal: JournalName,
    inner: Mutex<Inner>,
    arrived: Condvar,
    /// Room per class, in bytes; a small batch is charged its share of the bound on batches, so that this one
    /// number keeps both bounds.
    room: [Semaphore; 3],
    bytes_max: usize,
    charge_min: usize,
    record_bytes_max: usize,
}

impl Queue {
    pub(crate) fn new(options: &Options) -> Self {
        let room = || Semaphore::new(options.queue_bytes_max);
        Self {
            journal: options.name,
            inner: Mutex::default(),
            arrived: Condvar::new(),
            room: [room(), room(), room()],
            bytes_max: options.queue_bytes_max,
            charge_min: options.queue_bytes_max / options.queue_batches_max,
            record_bytes_max: options.record_bytes_max,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charge(&self, batch: &Batch) -> Result<u32, Error> {
        if batch.is_empty() {
            return Err(Error::BatchEmpty);
        }
        if batch.payload_max() > self.record_bytes_max {
            let (bytes, max) = (batch.payload_max(), self.record_bytes_max);
            return Err(Error::RecordTooLarge { bytes, max });
        }
        let bytes = batch.bytes();
        if bytes > self.bytes_max {
            return Err(Error::BatchTooLarge {
                bytes,
                max: self.bytes_max,
            });
        }
        // Cannot fail: the options refuse a bound of 4 GiB.
        u32::try_from(bytes.max(self.charge_min)).map_err(|_| Error::BatchTooLarge {
            bytes,
            max: self.bytes_max,
        })
    }

    pub(crate) async fn append(&self, class: Class, batch: Batch) -> Result<Ticket, Error> {
        let charge = self.charge(&batch)?;
        match self.room[class.index()].acquire_many(charge).await {
            Ok(permit) => permit.forget(),
            Err(_closed) => return Err(self.ended_error()),
        }
        self.push(class, batch, charge)
    }

    pub(crate) fn try_append(
        &self,
        class: Class,
        batch: Batch,
    ) -> Result<Ticket, crate::TryAppendError> {
        let charge = self.charge(&batch)?;
        match self.room[class.index()].try_acquire_many(charge) {
            Ok(permit) => permit.forget(),
            Err(TryAcquireError::NoPermits) => return Err(crate::TryAppendError::Full(batch)),
            Err(TryAcquireError::Closed) => return Err(self.ended_error().into()),
        }
        Ok(self.push(class, batch, charge)?)
    }

    fn push(&self, class: Class, batch: Batch, charge: u32) -> Result<Ticket, Error> {
        let (done, answer) = oneshot::channel();
        let mut inner = self.lock();
        if let Some(ended) = &inner.ended {
            return Err(ended.error(self.journal));
        }
        inner.sequence += 1;
        inner.bytes += batch.bytes();
        let sequence = inner.sequence;
        inner.waiting[class.index()].push_back(Entry {
            sequence,
            class,
            batch,
            charge,
            done,
        });
        let wake = inner.committer_waits;
        drop(inner);
        if wake {
            self.arrived.notify_one();
        }
        Ok(Ticket {
            journal: self.journal,
            done: answer,
        })
    }

    fn ended_error(&self) -> Error {
        self.lock()
            .ended
            .clone()
            .unwrap_or(Ended::Closed)
            .error(self.journal)
    }

    /// Moves batches into `group`, oldest first, as `admit` says.
    pub(crate) fn take(
        &self,
        group: &mut Vec<Entry>,
        mut admit: impl FnMut(Class, usize) -> Admit,
    ) {
        let mut inner = self.lock();
        let mut open = [true; 3];
        loop {
            let oldest = Class::ALL
                .into_iter()
                .filter(|class| open[class.index()])
                .filter_map(|class| {
                    let entry = inner.waiting[class.index()].front()?;
                    Some((entry.sequence, class, entry.batch.bytes()))
                })
                .min_by_key(|(sequence, ..)| *sequence);
            let Some((_, class, bytes)) = oldest else {
                return;
            };
            match admit(class, bytes) {
                Admit::Take => {
                    if let Some(entry) = inner.waiting[class.index()].pop_front() {
                        inner.bytes -= bytes;
                        group.push(entry);
                    }
                }
                Admit::Stop => return,
                Admit::SkipClass => open[class.index()] = false,
            }
        }
    }

    /// Puts a group that could not be written back to where it was.
    pub(crate) fn put_back(&self, group: &mut Vec<Entry>) {
        let mut inner = self.lock();
        for entry in group.drain(..).rev() {
            inner.bytes += entry.batch.bytes();
            inner.waiting[entry.class.index()].push_front(entry);
        }
    }

    /// Gives back the room of a batch that left the queue for good.
    pub(crate) fn release(&self, entry: &Entry) {
        self.room[entry.class.index()].add_permits(entry.charge as usize);
    }

    /// Waits until something arrives, somebody nudges, or the limit passes.
    pub(crate) fn wait(&self, ready: impl Fn(Class) -> bool, limit: Option<Duration>) {
        let mut inner = self.lock();
        let idle = |inner: &Inner| {
            !inner.nudged
                && inner.ended.is_none()
                && !Class::ALL
                    .into_iter()
                    .any(|class| ready(class) && !inner.waiting[class.index()].is_empty())
        };
        inner.committer_waits = true;
        inner = match limit {
            None => self
                .arrived
                .wait_while(inner, |inner| idle(inner))
                .unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.arrived
                    .wait_timeout_while(inner, limit, |inner| idle(inner))
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        inner.committer_waits = false;
    }

    /// Whether somebody nudged since the last time.
    pub(crate) fn take_nudge(&self) -> bool {
        std::mem::take(&mut self.lock().nudged)
    }

    /// Makes the committer look at retention and at its state.
    pub(crate) fn nudge(&self) {
        self.lock().nudged = true;
        self.arrived.notify_one();
    }

    /// Takes nothing any more. What waits stays for the committer to finish or fail.
    pub(crate) fn end(&self, ended: Ended) {
        let mut inner = self.lock();
        // Poisoned is the last word, closed is not.
        if !matches!(inner.ended, Some(Ended::Poisoned(_))) {
            inner.ended = Some(ended);
        }
        drop(inner);
        self.room.iter().for_each(Semaphore::close);
        self.arrived.notify_one();
    }

    pub(crate) fn ended(&self) -> Option<Ended> {
        self.lock().ended.clone()
    }

    /// Answers everything that still waits with the reason the queue ended.
    pub(crate) fn fail_waiting(&self, ended: &Ended) {
        let waiting: Vec<Entry> = {
            let mut inner = self.lock();
            inner.bytes = 0;
            inner.waiting.iter_mut().flat_map(std::mem::take).collect()
        };
        for entry in waiting {
            // Nobody may be waiting for it any more.
            let _ = entry.done.send(Err(ended.error(self.journal)));
        }
    }

    /// Batches and bytes waiting.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.waiting.iter().map(VecDeque::len).sum(), inner.bytes)
    }
}
