//! The monitor: one loop, one owner of the state. It reads `inputs`, folds each record and appends what the fold
//! concluded to `outcomes`. It never waits for a sink.

mod again;
pub(crate) mod counters;
mod delivered;
mod domain;
pub(crate) mod fold;
mod notices;
mod out;
mod redacted;
mod reprocess;
pub(crate) mod saved;
mod saver;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use event::Severity;
use event::outcome::{Cause, OutcomeKind};
use journal::inputs::{ClockReason, ClockRecord, Kind};
use journal::{
    Appender, Batch, Class, Clock, Journal, ReadBatch, Reader, SnapshotMeta, Snapshots, State,
    Ticket,
};
use tokio::sync::watch;

use crate::clock::Step;
use crate::monitor::counters::Counters;
use crate::monitor::fold::Fold;
use crate::monitor::saved::FORMAT;
use crate::monitor::saver::{Job, Saver};

pub(crate) use again::Tally;

/// Longest wait for records: a stop or a moved scenario clock is noticed within this time.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// While the journal is full, a snapshot may let old segments go: one is tried this often.
const SNAPSHOT_WHEN_FULL: Duration = Duration::from_secs(1);

/// Room taken in advance for the outcomes of one input record.
const OUTCOME_BYTES: usize = 320;

/// Where the monitor stands, for `/metrics`, the page and the demo.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) next_input: u64,
    pub(crate) counters: Counters,
    /// Active alerts by severity, most severe first.
    pub(crate) active: [u64; 5],
    /// What the rules met (since the start, not part of the state).
    pub(crate) engine: alert::Counters,
    pub(crate) normalize: normalize::Counts,
}

/// What the monitor needs besides the fold.
pub(crate) struct Deps {
    pub(crate) inputs: Journal,
    pub(crate) outcomes: Journal,
    pub(crate) snapshots: Snapshots,
    pub(crate) clock: Arc<dyn NodeClock>,
    /// A snapshot is due after so many input records, or so many bytes of them.
    pub(crate) snapshot_every_records: u64,
    pub(crate) snapshot_every_bytes: u64,
    /// Without any record for so long a tick notes that the node is awake, nanoseconds.
    pub(crate) heartbeat_ns: i64,
}

/// The node's clock, real or scenario; a real one also tells of steps.
pub(crate) trait NodeClock: Clock {
    fn take_step(&self) -> Option<Step>;
}

impl NodeClock for crate::clock::RealClock {
    fn take_step(&self) -> Option<Step> {
        Self::take_step(self)
    }
}

impl NodeClock for crate::clock::ScenarioClock {
    fn take_step(&self) -> Option<Step> {
        None
    }
}

pub(crate) struct Monitor {
    deps: Deps,
    fold: Fold,
    reader: Reader,
    inputs: Appender,
    outcomes: Appender,
    /// Outcomes up to and including this one are written already.
    written: Option<Cause>,
    progress: watch::Sender<Progress>,
    stop_at: Arc<AtomicU64>,
    /// A tick asked for and not folded yet.
    tick_pending: bool,
    /// Journal time of the newest record that was folded.
    newest_ns: Option<i64>,
    saved: Saved,
    inputs_state: watch::Receiver<State>,
    /// The newest batch of outcomes: once it is durable, so is everything before it.
    in_flight: Option<Ticket>,
}

/// How much was folded since the last snapshot.
struct Saved {
    next_input: u64,
    bytes: u64,
    at: Instant,
}

/// Stops the monitor once it has folded everything before an offset.
#[derive(Clone)]
pub(crate) struct Stop(Arc<AtomicU64>);

impl Stop {
    pub(crate) fn at(&self, offset: u64) {
        self.0.store(offset, Ordering::Release);
    }
}

impl Monitor {
    pub(crate) fn new(deps: Deps, fold: Fold, written: Option<Cause>) -> Self {
        let next = fold.next_input();
        Self {
            reader: deps.inputs.reader(next),
            inputs: deps.inputs.appender(),
            outcomes: deps.outcomes.appender(),
            fold,
            written,
            progress: watch::Sender::new(Progress::default()),
            stop_at: Arc::new(AtomicU64::new(u64::MAX)),
            tick_pending: false,
            newest_ns: None,
            saved: Saved {
                next_input: next,
                bytes: 0,
                at: Instant::now(),
            },
            inputs_state: deps.inputs.state(),
            in_flight: None,
            deps,
        }
    }

    pub(crate) fn fold(&self) -> &Fold {
        &self.fold
    }

    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub(crate) fn stop(&self) -> Stop {
        Stop(Arc::clone(&self.stop_at))
    }

    /// Folds everything that is committed now; at a start, before anything is let in.
    pub(crate) fn catch_up(&mut self) -> Result<()> {
        let end = self.deps.inputs.next_offset();
        while self.fold.next_input() < end {
            let Some(batch) = self
                .reader
                .next_blocking(Some(WAIT_MAX))
                .context("cannot read `inputs`")?
            else {
                continue;
            };
            self.fold_batch(&batch)?;
        }
        self.flush()?;
        self.written = None;
        // What comes from here on is folded for the first time: it is not redacted yet.
        self.fold.set_redactions(journal::Redactions::default());
        self.publish(true);
        Ok(())
    }

    /// Waits until everything concluded so far is durable.
    fn flush(&mut self) -> Result<()> {
        if let Some(ticket) = self.in_flight.take() {
            ticket.wait().context("cannot make `outcomes` durable")?;
        }
        Ok(())
    }

    /// Runs until [`Stop::at`] is reached or a journal fails; leaves a snapshot behind an orderly end.
    pub(crate) fn run(mut self) -> Result<()> {
        let deps = &self.deps;
        let saver = Saver::start(
            deps.inputs.clone(),
            deps.outcomes.clone(),
            deps.snapshots.clone(),
        )?;
        while self.fold.next_input() < self.stop_at.load(Ordering::Acquire) {
            if let Some(batch) = self
                .reader
                .next_blocking(Some(self.wait()))
                .context("cannot read `inputs`")?
            {
                self.fold_batch(&batch)?;
            }
            self.append_clock_records()?;
            if self.snapshot_is_due()
                && let Some(job) = self.snapshot()?
                && !saver.offer(job)
            {
                tracing::warn!("a snapshot was left out: the one before is still being written");
            }
        }
        let last = self.snapshot()?;
        saver.finish(last);
        Ok(())
    }

    fn fold_batch(&mut self, batch: &ReadBatch) -> Result<()> {
        if let Some(gap) = batch.gap() {
            tracing::warn!(
                from = gap.from,
                to = gap.to,
                "input records are missing; folding on after them"
            );
            self.fold.skip_to(gap.to);
        }
        let mut out = Batch::with_capacity(batch.len() * OUTCOME_BYTES);
        let mut transitions = false;
        for frame in batch.frames() {
            let (written, stamp) = (self.written, frame.stamp);
            self.saved.bytes += frame.payload.len() as u64;
            self.tick_pending &= frame.kind != Kind::Clock as u8;
            self.newest_ns = Some(stamp.journal_ns);
            let step = self.fold.step(&frame, &mut |cause, kind, write| {
                transitions |= kind == OutcomeKind::Transition;
                let mut result = Ok(());
                if written
                    .is_none_or(|last| (cause.offset, cause.index) > (last.offset, last.index))
                {
                    out.push_stamped(kind as u8, stamp, |buffer| result = write(buffer));
                }
                result
            });
            step.with_context(|| format!("cannot encode what input record {} gave", frame.offset))?;
        }
        if !out.is_empty() {
            // Not waited for here: order is the journal's. A snapshot waits for it.
            self.in_flight = Some(
                self.outcomes
                    .append_blocking(Class::System, out)
                    .context("cannot append to `outcomes`")?,
            );
        }
        self.publish(transitions);
        Ok(())
    }

    fn publish(&self, transitions: bool) {
        let (next_input, counters) = (self.fold.next_input(), self.fold.counters());
        self.progress.send_modify(|progress| {
            (progress.next_input, progress.counters) = (next_input, counters);
            progress.engine = self
                .fold
                .engine()
                .map(alert::Engine::counters)
                .unwrap_or_default();
            progress.normalize = self.fold.normalize_counts();
            if transitions {
                progress.active = self.active();
            }
        });
    }

    fn active(&self) -> [u64; 5] {
        let mut active = [0; 5];
        for alert in self
            .fold
            .engine()
            .into_iter()
            .flat_map(alert::Engine::alerts)
        {
            let live = alert.status == event::Status::Actual;
            if live && alert.state != event::AlertState::Normal {
                active[severity_index(alert.severity)] += 1;
            }
        }
        active
    }

    /// Until the next timer is due, at most [`WAIT_MAX`].
    fn wait(&self) -> Duration {
        let Some(due) = self.fold.next_due() else {
            return WAIT_MAX;
        };
        if self.tick_pending {
            return WAIT_MAX;
        }
        let left = due
            .0
            .saturating_sub(self.deps.clock.now().journal_ns)
            .max(0);
        Duration::from_nanos(left.unsigned_abs()).min(WAIT_MAX)
    }

    /// A timer that falls due while nothing arrives needs a record to be decided by; a step of the wall clock is recorded. And what
    /// was awake without a record would count as downtime after a crash.
    fn append_clock_records(&mut self) -> Result<()> {
        let now = self.deps.clock.now();
        if let Some(step) = self.deps.clock.take_step() {
            tracing::warn!(
                from = step.wall_before_ns,
                to = step.wall_after_ns,
                "the wall clock was stepped; timers are not moved"
            );
            self.append_clock(ClockReason::Step {
                wall_before_ns: step.wall_before_ns,
                wall_after_ns: step.wall_after_ns,
            })?;
        }
        let due = self
            .fold
            .next_due()
            .is_some_and(|due| due.0 <= now.journal_ns);
        let quiet = self
            .newest_ns
            .is_some_and(|newest| now.journal_ns.saturating_sub(newest) >= self.deps.heartbeat_ns);
        // The tick is stamped later than `now`; until it is folded no second one is asked for.
        if (due || quiet)
            && !self.tick_pending
            && self.fold.next_input() == self.deps.inputs.next_offset()
        {
            self.append_clock(ClockReason::Tick)?;
            self.tick_pending = true;
        }
        Ok(())
    }

    fn append_clock(&self, reason: ClockReason) -> Result<()> {
        let mut batch = Batch::with_capacity(64);
        batch.push(Kind::Clock as u8, |buffer| {
            ClockRecord { reason }.encode(buffer)
        });
        drop(
            self.inputs
                .append_blocking(Class::System, batch)
                .context("cannot append a clock record")?,
        );
        Ok(())
    }

    fn snapshot_is_due(&self) -> bool {
        let records = self.fold.next_input() - self.saved.next_input;
        let full = matches!(&*self.inputs_state.borrow(), State::Full { .. });
        records >= self.deps.snapshot_every_records
            || self.saved.bytes >= self.deps.snapshot_every_bytes
            || (records > 0 && full && self.saved.at.elapsed() >= SNAPSHOT_WHEN_FULL)
    }

    /// The state as it is now, ready to be saved.
    fn snapshot(&mut self) -> Result<Option<Job>> {
        self.saved = Saved {
            next_input: self.fold.next_input(),
            bytes: 0,
            at: Instant::now(),
        };
        let Some(state) = self.fold.save().context("cannot encode the state")? else {
            return Ok(None);
        };
        let meta = SnapshotMeta {
            format: FORMAT,
            inputs_next: self.fold.next_input(),
            // Exact when nothing is in flight; else the saver learns it from the ticket.
            outcomes_next: self.deps.outcomes.next_offset(),
            journal: self.deps.inputs.id(),
            stamp: self.deps.clock.now(),
        };
        Ok(Some(Job {
            meta,
            state,
            concluded: self.in_flight.take(),
        }))
    }
}

fn severity_index(severity: Severity) -> usize {
    match severity {
        Severity::Critical => 0,
        Severity::Major => 1,
        Severity::Minor => 2,
        Severity::Warning => 3,
        Severity::Info => 4,
    }
}
