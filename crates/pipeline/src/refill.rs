//! One-shot delivery of records that are not in the journal any more (out of the archive), with the same verdicts.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::flights::{Answer, Flight, Flights};
use crate::mend::{Mend, Step};
use crate::{Batch, Completion, RecordBuffer, Refused, Resume, Sink, Trouble, Verdict};

/// Bounds of a refill: unlike the mover it gives up, because a person is waiting for it.
#[derive(Clone, Copy, Debug)]
pub struct RefillOptions {
    /// Tries in a row without progress.
    pub attempts_max: u32,
    /// For the jitter of the back-off.
    pub seed: u64,
}

/// What a refill did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refilled {
    pub batches: u64,
    pub written: u64,
    pub refused: u64,
    pub retried: u64,
    /// Everything up to here (exclusive) is finished.
    pub position: u64,
}

/// Why a refill stopped before its end; what was done is in `done`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("refill of {sink} stopped at offset {}: {trouble}", done.position)]
pub struct RefillError {
    pub sink: &'static str,
    pub trouble: Trouble,
    pub done: Refilled,
}

/// Delivers `records` (ascending by offset, each buffer within the sink's limits) and closes the sink. Each refused record
/// is told to `refused`; `progress` is called after every batch.
pub async fn refill<S: Sink>(
    sink: S,
    options: RefillOptions,
    records: impl Iterator<Item = RecordBuffer>,
    refused: impl FnMut(&Refused),
    progress: impl FnMut(&Refilled),
) -> Result<Refilled, RefillError> {
    let limits = sink.limits();
    let mut work = Refill {
        name: sink.name(),
        inflight_max: limits.inflight_batches.max(1),
        backoff: Backoff::new(limits.retry_min, limits.retry_max, options.seed),
        attempts_max: u64::from(options.attempts_max.max(1)),
        sink,
        records: records.filter(|buffer| !buffer.records.is_empty()),
        queue: VecDeque::new(),
        flights: Flights::default(),
        done: Refilled::default(),
        refused,
        progress,
    };
    let result = work.run().await;
    work.sink.close().await;
    match result {
        Ok(()) => Ok(work.done),
        Err(trouble) => Err(RefillError {
            sink: work.name,
            trouble,
            done: work.done,
        }),
    }
}

struct Refill<S, I, R, P> {
    name: &'static str,
    sink: S,
    inflight_max: usize,
    backoff: Backoff,
    attempts_max: u64,
    records: I,
    /// Not finished, in order; at most as many as may be in flight. `flights` are the first of them.
    queue: VecDeque<Batch>,
    flights: Flights,
    done: Refilled,
    refused: R,
    progress: P,
}

/// Again, after the pause that the server asked for.
struct Again(Trouble, Option<Duration>);

/// Either the end or another try.
enum Halt {
    Again(Again),
    End(Trouble),
}

impl<S, I, R, P> Refill<S, I, R, P>
where
    S: Sink,
    I: Iterator<Item = RecordBuffer>,
    R: FnMut(&Refused),
    P: FnMut(&Refilled),
{
    async fn run(&mut self) -> Result<(), Trouble> {
        let mut again = false;
        loop {
            let Again(trouble, after) = match self.attempt(again).await {
                Ok(()) => return Ok(()),
                Err(Halt::End(trouble)) => return Err(trouble),
                Err(Halt::Again(again)) => again,
            };
            let pause = self.backoff.failed(after);
            if self.backoff.attempts() >= self.attempts_max {
                return Err(trouble);
            }
            tracing::warn!(sink = self.name, "{trouble}; trying again");
            while self.flights.waiting() > 0 {
                self.flights.answered().await;
            }
            if let Some(trouble) = self.flights.fatal() {
                return Err(trouble);
            }
            self.flights.clear().for_each(drop);
            tokio::time::sleep(pause).await;
            again = true;
        }
    }

    async fn attempt(&mut self, again: bool) -> Result<(), Halt> {
        self.take_record_buffers();
        let Some(first) = self.queue.front() else {
            return Ok(());
        };
        let resume = Resume {
            position: first.from(),
            note: &[],
            again,
        };
        let opened = self.sink.open(resume).await;
        opened.map_err(|trouble| Halt::Again(Again(trouble, None)))?;
        loop {
            self.take_record_buffers();
            while let Some(batch) = self.queue.get(self.flights.len()).cloned() {
                let (from, to) = (batch.from(), batch.to());
                let answer = Answer::Waiting(self.submit(batch).await);
                self.flights.push(Flight {
                    from,
                    to,
                    records: 0,
                    stamps: None,
                    answer,
                });
            }
            if self.flights.is_empty() {
                return Ok(());
            }
            self.flights.answered().await;
            self.settle().await?;
        }
    }

    fn take_record_buffers(&mut self) {
        while self.queue.len() < self.inflight_max
            && let Some(records) = self.records.next()
        {
            self.queue.push_back(Batch::of_records(records));
        }
    }

    async fn submit(&mut self, batch: Batch) -> Completion {
        let mut submit = pin!(self.sink.submit(batch));
        loop {
            tokio::select! {
                biased;
                completion = &mut submit => return completion,
                () = self.flights.answered() => {}
            }
        }
    }

    async fn settle(&mut self) -> Result<(), Halt> {
        while let Some(flight) = self.flights.pop_answered() {
            let (Answer::Given(verdict), Some(batch)) = (flight.answer, self.queue.front()) else {
                continue;
            };
            let mut mend = Mend::new(batch.clone(), []);
            let mut verdict = verdict;
            loop {
                self.answered(&mut mend, verdict)?;
                let Some(piece) = mend.piece() else {
                    break;
                };
                let mut completion = self.submit(piece).await;
                verdict = loop {
                    tokio::select! {
                        biased;
                        verdict = &mut completion => break verdict,
                        () = self.flights.answered() => {}
                    }
                };
            }
            self.queue.pop_front();
            self.done.batches += 1;
            (self.progress)(&self.done);
        }
        Ok(())
    }

    fn answered(&mut self, mend: &mut Mend, verdict: Verdict) -> Result<(), Halt> {
        let step = mend.answered(verdict);
        match step {
            Step::Go { reject, written } => {
                for rejected in reject {
                    self.done.refused += 1;
                    (self.refused)(&Refused {
                        offset: rejected.offset,
                        reason: rejected.reason,
                    });
                }
                if written > 0 {
                    self.done.written += written;
                    self.backoff.reset();
                }
                self.done.position = mend.position();
                Ok(())
            }
            Step::Again { trouble, after } => {
                // What is left of it is what comes again.
                let rest = mend.rest();
                self.done.retried += rest.frames().count() as u64;
                if let Some(front) = self.queue.front_mut() {
                    *front = rest;
                }
                Err(Halt::Again(Again(trouble, after)))
            }
            Step::Fatal(trouble) => Err(Halt::End(trouble)),
        }
    }
}
