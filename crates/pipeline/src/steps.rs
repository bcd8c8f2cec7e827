//! The steps of a delivery: reading, cutting batches, and settling what was answered.

use std::time::Duration;

use journal::{Error as JournalError, GapReason};
use tokio::time::Instant;

use crate::core::{Core, Halt, Wants};
use crate::flights::{Answer, Flight};
use crate::mend::{Mend, Rejected, Step};
use crate::report;
use crate::run::{Run, disk_trouble};
use crate::{Batch, Error, Sink, Trouble, Verdict};

impl<S: Sink> Run<S> {
    /// Delivers a batch that was not taken as it is, piece by piece; nothing else is submitted meanwhile.
    pub(crate) async fn mend(&mut self, flight: &Flight, verdict: Verdict) -> Result<(), Halt> {
        let Some(batch) = self.core.reread(flight.from, flight.to).await? else {
            return self.core.mend_without_bytes(verdict).await;
        };
        let excluded: Vec<u64> = self.core.excluded.range(flight.from..).copied().collect();
        let mut mend = Mend::new(batch, excluded);
        let mut verdict = verdict;
        loop {
            match mend.answered(verdict) {
                Step::Go { reject, written } => {
                    self.core.wrote(written, flight);
                    self.core.quarantine(reject, Some(mend.batch())).await?;
                }
                Step::Again { trouble, after } => {
                    return Err(Halt::Again {
                        trouble,
                        after,
                        answer: true,
                    });
                }
                Step::Fatal(trouble) => return Err(self.core.fatal(trouble)),
            }
            let piece = mend.piece();
            self.core.advance(flight.from, mend.position());
            let Some(piece) = piece else {
                return Ok(());
            };
            verdict = self.deliver_piece(piece).await?;
        }
    }
}

impl Core {
    /// Room for records in flight: one batch at a time while it is not known whether the sink takes any.
    fn inflight_max(&self) -> usize {
        if self.backoff.attempts() > 0 {
            1
        } else {
            self.limits.inflight_batches.max(1)
        }
    }

    /// Records that the batch that begins may have, within the window.
    fn records_max(&self) -> u64 {
        let window_end = self.keeper.stored() + self.limits.window_records.max(1);
        let room = window_end.saturating_sub(self.gather.from());
        self.limits.batch_records.max(1).min(room)
    }

    fn has_room(&self) -> bool {
        self.flights.len() < self.inflight_max() && self.records_max() > 0
    }

    /// Moves what was read into the batch that begins.
    pub(crate) fn fill(&mut self) {
        if self.has_room() {
            let (records, bytes) = (self.records_max(), self.limits.batch_bytes);
            self.gather.fill(records, bytes, Instant::now());
        }
    }

    /// When the batch that begins is old enough; `None` if there is none, or no room for it.
    pub(crate) fn flush_at(&self) -> Option<Instant> {
        let since = self.gather.since()?;
        self.has_room().then(|| since + self.limits.batch_age)
    }

    /// The next batch if it is time for it: with what is to be submitted, unless nothing is.
    pub(crate) fn next_batch(&mut self) -> Option<(Option<Batch>, Flight)> {
        if self.flights.len() >= self.inflight_max() {
            return None;
        }
        if let Some(gap) = self.gather.take_gap() {
            let flight = Flight {
                from: gap.from,
                to: gap.to,
                records: 0,
                stamps: None,
                answer: Answer::Gap(gap.reason),
            };
            return Some((None, flight));
        }
        let full = self
            .gather
            .is_full(self.records_max(), self.limits.batch_bytes);
        let old = self.flush_at().is_some_and(|at| at <= Instant::now());
        let last = self.asked.is_some() || self.journal_closed;
        if !(full || old || last) || !self.has_room() {
            return None;
        }
        let gathered = self.gather.take()?;
        let (from, to) = (gathered.from, gathered.from + gathered.records);
        let excluded: Vec<u64> = self.excluded.range(from..to).copied().collect();
        let records = gathered.records - excluded.len() as u64;
        let flight = Flight {
            from,
            to,
            records,
            stamps: gathered.stamps,
            answer: Answer::Given(Verdict::done()),
        };
        if records == 0 {
            return Some((None, flight));
        }
        let batch = Batch::of_reads(gathered.parts, from, to, excluded);
        self.note_submitted(&batch);
        Some((Some(batch), flight))
    }

    /// Counts what is submitted: for the first time, or again.
    pub(crate) fn note_submitted(&mut self, batch: &Batch) {
        let again = self.submitted.clamp(batch.from(), batch.to()) - batch.from();
        let fresh = batch.len() - again;
        self.submitted = self.submitted.max(batch.to());
        let counts = &mut self.shown.status_mut().counts;
        counts.received += fresh;
        counts.retried += again;
        self.meter.received(fresh);
        self.meter.retried(again);
    }

    pub(crate) fn may_read(&self) -> bool {
        let (records, bytes) = (self.records_max(), self.limits.batch_bytes);
        self.has_room() && self.gather.wants() && !self.gather.is_full(records, bytes)
    }

    pub(crate) fn has_records(&self) -> bool {
        self.deps.outcomes.next_offset() > self.reader.position()
    }

    /// No record comes any more, and all that came is finished.
    pub(crate) fn is_at_end(&self) -> bool {
        let all_read = self.gather.is_empty() && self.flights.is_empty() && !self.has_records();
        self.journal_closed && all_read
    }

    /// Reads what is there now.
    pub(crate) async fn read(&mut self) -> Result<(), Halt> {
        match self.reader.next().await {
            Ok(read) => {
                self.gather.offer(read);
                Ok(())
            }
            Err(error @ (JournalError::Closed { .. } | JournalError::Poisoned { .. })) => {
                self.journal_ended(error)
            }
            Err(error) => Err(disk_trouble(&error)),
        }
    }

    /// Reads `from..to` again; `None` if some of it is gone.
    pub(crate) async fn reread(&self, from: u64, to: u64) -> Result<Option<Batch>, Halt> {
        let mut reader = self.deps.outcomes.reader(from);
        let (mut reads, mut at) = (Vec::new(), from);
        while at < to {
            let mut read = reader.next().await.map_err(|error| disk_trouble(&error))?;
            let Some(taken) = read.take_front(to - at, usize::MAX) else {
                return Ok(None);
            };
            at += taken.records;
            reads.push(taken.read);
        }
        Ok(Some(Batch::of_reads(reads, from, to, Vec::new())))
    }

    /// The bytes are gone meanwhile: what is stored but for named records is settled, anything else is found to be a gap.
    async fn mend_without_bytes(&mut self, verdict: Verdict) -> Result<(), Halt> {
        let Verdict::Done { refused } = verdict else {
            return Err(Halt::Restart);
        };
        let rejected = refused
            .into_iter()
            .map(|refused| Rejected {
                offset: refused.offset,
                reason: refused.reason,
                code: crate::Code::BadRecord,
            })
            .collect();
        self.quarantine(rejected, None).await
    }

    /// Records each refusal durably; only then are they excluded.
    pub(crate) async fn quarantine(
        &mut self,
        rejected: Vec<Rejected>,
        batch: Option<&Batch>,
    ) -> Result<(), Halt> {
        if rejected.is_empty() {
            return Ok(());
        }
        let reports = report::rejects(self.sink, &rejected, batch);
        let inputs = self.deps.inputs.clone();
        self.durable(move || report::append_rejects(&inputs, &reports))
            .await?;
        for record in &rejected {
            tracing::debug!(
                sink = self.sink,
                offset = record.offset,
                reason = record.reason,
                "a record is in quarantine"
            );
            self.meter.rejected(record.code, 1);
            self.excluded.insert(record.offset);
        }
        self.shown.status_mut().counts.rejected += rejected.len() as u64;
        Ok(())
    }

    /// Records the gap durably, and goes on behind it.
    pub(crate) async fn pass_gap(
        &mut self,
        from: u64,
        to: u64,
        reason: GapReason,
    ) -> Result<(), Halt> {
        let (inputs, sink) = (self.deps.inputs.clone(), self.sink);
        self.durable(move || report::append_gap(&inputs, sink, from, to))
            .await?;
        tracing::warn!(sink, from, to, ?reason, "records are lost to this sink");
        self.meter.dropped(reason, to - from);
        self.shown.gap(from, to);
        self.submitted = self.submitted.max(to);
        self.keeper.hurry();
        Ok(())
    }

    /// Runs a blocking append off this thread.
    async fn durable(
        &mut self,
        append: impl FnOnce() -> Result<(), JournalError> + Send + 'static,
    ) -> Result<(), Halt> {
        let mut task = self.offload.run(append);
        let done = loop {
            tokio::select! {
                biased;
                done = &mut task => break done,
                waited = self.wait(Wants::default()) => waited?,
            }
        };
        let fail = Error::journal(self.sink, "record a refusal or a gap in the inputs");
        match done {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Halt::Fail(fail(error))),
            Err(_panicked) => Err(Halt::Fail(Error::Panicked { sink: self.sink })),
        }
    }

    /// All of it is stored.
    pub(crate) fn finished(&mut self, flight: &Flight) {
        self.wrote(flight.records, flight);
    }

    pub(crate) fn wrote(&mut self, records: u64, flight: &Flight) {
        if records == 0 {
            return;
        }
        self.delivered();
        self.shown.status_mut().counts.written += records;
        self.meter.written(records);
        if let Some((first, last)) = flight.stamps {
            let now = self.shown.now().wall_ns;
            self.meter.age(now.saturating_sub(first.wall_ns));
            self.meter.age(now.saturating_sub(last.wall_ns));
        }
    }

    /// How old the first unfinished record is, when its batch is taken apart.
    pub(crate) fn remember(&mut self, flight: &Flight) {
        self.oldest = flight.stamps.map(|stamps| (self.position, stamps.0));
    }

    pub(crate) fn note_failure(&mut self, trouble: Trouble, answer: bool) {
        self.answer_failed |= answer;
        let attempts = self.backoff.attempts() + 1;
        self.shown.failed(self.sink, trouble, attempts);
    }

    /// How long to wait now.
    pub(crate) fn pause(&mut self, after: Option<Duration>) -> Duration {
        let pause = self.backoff.failed(after);
        self.show_state();
        pause
    }

    pub(crate) fn opened(&mut self) {
        self.shown.opened();
        // An answer that failed is made good by an answer only: a server can be there and refuse.
        if !self.answer_failed {
            self.delivered();
        }
        self.show_state();
    }

    pub(crate) fn fatal(&self, trouble: Trouble) -> Halt {
        let sink = self.sink;
        Halt::Fail(Error::Fatal { sink, trouble })
    }

    pub(crate) fn cursor_due(&self) -> Option<Instant> {
        self.keeper.due(self.position, self.limits.window_records)
    }

    /// The earlier of this and the next store of the cursor.
    pub(crate) fn wake_at(&self, other: Option<Instant>) -> Option<Instant> {
        [other, self.cursor_due()].into_iter().flatten().min()
    }

    pub(crate) fn store_cursor(&mut self, note: Vec<u8>) -> Result<(), Halt> {
        self.keeper.store(self.position, note).map_err(Halt::Fail)
    }

    /// At the end: what is answered in full, and next to the position, is finished.
    pub(crate) fn finish_done(&mut self) {
        while let Some(flight) = self.flights.pop_answered() {
            let done = match &flight.answer {
                Answer::Given(Verdict::Done { refused }) => refused.is_empty(),
                Answer::Given(_) | Answer::Gap(_) | Answer::Waiting(_) => false,
            };
            if !done || flight.from > self.position {
                return;
            }
            self.finished(&flight);
            self.advance(flight.from, flight.to);
        }
    }
}
