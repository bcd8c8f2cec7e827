//! The state of one mover beside its sink, and everything that goes on while the sink is busy: answers, the cursor on its
//! way to the disk, the wish to stop, the status. The sink itself is in [`crate::run`], so that it can be lent out meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use journal::{OnFull as HoldOnFull, Reader, Stamp};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::backoff::Backoff;
use crate::flights::Flights;
use crate::gather::Gather;
use crate::handle::Drain;
use crate::keeper::{Keeper, Start};
use crate::metrics::Meter;
use crate::offload::Offload;
use crate::shown::Shown;
use crate::{Deps, Error, Limits, OnFull, Status, Trouble};

/// How often the status is made new while nothing changes.
const TICK: Duration = Duration::from_millis(250);

/// Why the work does not go on as it is.
pub(crate) enum Halt {
    /// Asked to, and it is done or given up.
    Stop,
    /// A failure that is tried again after a while.
    Again {
        trouble: Trouble,
        after: Option<Duration>,
        /// The answer to a batch; otherwise to an opening or a read.
        answer: bool,
    },
    /// What was read does not fit any more: from the first unfinished record on, at once.
    Restart,
    Fail(Error),
}

/// What to wake up for beside answers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wants {
    pub(crate) records: bool,
    pub(crate) at: Option<Instant>,
}

pub(crate) struct Core {
    pub(crate) sink: &'static str,
    pub(crate) limits: Limits,
    pub(crate) deps: Deps,
    pub(crate) offload: Offload,
    pub(crate) meter: Meter,
    pub(crate) shown: Shown,
    pub(crate) reader: Reader,
    pub(crate) gather: Gather,
    pub(crate) flights: Flights,
    pub(crate) keeper: Keeper,
    pub(crate) backoff: Backoff,
    /// First record that is not finished.
    pub(crate) position: u64,
    /// One past the last record that was ever submitted.
    pub(crate) submitted: u64,
    /// In quarantine, at or behind `position`: at most a window.
    pub(crate) excluded: BTreeSet<u64>,
    /// Of the record at `position`, when it is not in `flights` or `gather`.
    pub(crate) oldest: Option<(u64, Stamp)>,
    pub(crate) asked: Option<Drain>,
    /// Since the last delivery an answer (and not only an opening) failed.
    pub(crate) answer_failed: bool,
    /// No record comes any more.
    pub(crate) journal_closed: bool,
    drain: watch::Receiver<Option<Drain>>,
    stall: Option<watch::Receiver<Option<Trouble>>>,
    tick: Interval,
}

impl Core {
    pub(crate) fn new(
        (sink, limits): (&'static str, Limits),
        deps: Deps,
        offload: Offload,
        start: &Start,
        (status, drain): (watch::Sender<Status>, watch::Receiver<Option<Drain>>),
        stall: Option<watch::Receiver<Option<Trouble>>>,
    ) -> Self {
        let position = start.position;
        let asked = *drain.borrow();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            sink,
            limits,
            offload,
            meter: Meter::new(sink),
            shown: Shown::new(status, deps.clock.clone()),
            reader: deps.outcomes.reader(position),
            gather: Gather::at(position),
            flights: Flights::default(),
            keeper: Keeper::new(&deps, sink, start, offload),
            backoff: Backoff::new(limits.retry_min, limits.retry_max, deps.seed),
            position,
            submitted: position,
            excluded: BTreeSet::new(),
            oldest: None,
            asked,
            answer_failed: false,
            journal_closed: false,
            deps,
            drain,
            stall,
            tick,
        }
    }

    /// Asked to stop, and nothing more is to be waited for.
    pub(crate) fn is_over(&self) -> bool {
        self.asked.is_some_and(|drain| {
            self.position >= drain.to || Instant::now() >= drain.until || self.is_in_trouble()
        })
    }

    fn is_in_trouble(&self) -> bool {
        self.backoff.attempts() > 0 || self.shown.is_stalled()
    }

    /// Waits until something happened that may matter, and takes note of it. Cancelling loses nothing.
    pub(crate) async fn wait(&mut self, wants: Wants) -> Result<(), Halt> {
        if self.is_over() {
            return Err(Halt::Stop);
        }
        let until = self.asked.map(|drain| drain.until);
        tokio::select! {
            biased;
            () = at(until) => return Err(Halt::Stop),
            asked = self.drain.changed(), if self.asked.is_none() => self.asked(asked.is_ok()),
            // The rare ones first: what is always ready must not keep them out.
            _ = self.tick.tick() => self.refresh().await,
            stored = self.keeper.done() => self.stored(stored),
            () = changed(&mut self.stall) => self.look_at_stall(),
            () = self.flights.answered() => {}
            ready = self.reader.ready(), if wants.records && !self.journal_closed => {
                if let Err(error) = ready {
                    self.journal_ended(error)?;
                }
            }
            () = at(wants.at) => {}
        }
        Ok(())
    }

    fn asked(&mut self, heard: bool) {
        self.asked = if heard {
            *self.drain.borrow_and_update()
        } else {
            // The handle is gone: nobody waits for us.
            let until = Instant::now();
            Some(Drain { to: 0, until })
        };
        self.show_state();
    }

    pub(crate) fn stored(&mut self, stored: Result<(), Trouble>) {
        match stored {
            Ok(()) => {
                self.hold();
                self.shown.cursor_trouble(None);
            }
            Err(trouble) => self.shown.cursor_trouble(Some(trouble)),
        }
        self.show_state();
    }

    /// Tells retention how far the stored cursor is.
    pub(crate) fn hold(&self) {
        let stored = Some(self.keeper.stored());
        self.deps
            .outcomes
            .set_hold(self.sink, stored, hold_of(self.limits.on_full));
    }

    pub(crate) fn look_at_stall(&mut self) {
        let stall = self
            .stall
            .as_mut()
            .and_then(|stall| stall.borrow_and_update().clone());
        self.shown.stalled(self.sink, stall);
        self.show_state();
    }

    /// Poisoned is final; closed only means that no more will come.
    pub(crate) fn journal_ended(&mut self, error: journal::Error) -> Result<(), Halt> {
        if matches!(error, journal::Error::Closed { .. }) {
            self.journal_closed = true;
            return Ok(());
        }
        let fail = Error::journal(self.sink, "read the outcomes");
        Err(Halt::Fail(fail(error)))
    }

    /// All of `from..to` is finished. What is not next to the position does not move it: something before it is not.
    pub(crate) fn advance(&mut self, from: u64, to: u64) {
        if from > self.position || to <= self.position {
            return;
        }
        self.position = to;
        self.oldest = None;
        if !self.excluded.is_empty() {
            self.excluded = self.excluded.split_off(&to);
        }
    }

    /// The sink took something: whatever trouble there was is over.
    pub(crate) fn delivered(&mut self) {
        if self.backoff.attempts() > 0 {
            self.answer_failed = false;
            self.backoff.reset();
            self.shown.recovered(self.sink);
            self.show_state();
        }
    }

    /// Forgets what was read and not finished; the journal has it.
    pub(crate) fn rewind(&mut self) {
        let stamp = self.oldest_stamp();
        self.flights.clear().for_each(drop);
        self.reader = self.deps.outcomes.reader(self.position);
        self.gather = Gather::at(self.position);
        self.oldest = stamp.map(|stamp| (self.position, stamp));
    }

    /// Of the first unfinished record. What is remembered of it goes first: a batch that failed is in flight no more, and the
    /// one behind it is younger.
    fn oldest_stamp(&self) -> Option<Stamp> {
        let remembered = self
            .oldest
            .filter(|(offset, _)| *offset == self.position)
            .map(|(_, stamp)| stamp);
        let flying = || self.flights.front().and_then(|flight| flight.stamps);
        remembered
            .or_else(|| flying().map(|stamps| stamps.0))
            .or_else(|| self.gather.first_stamp())
    }

    pub(crate) fn show_state(&mut self) {
        self.shown
            .state(self.asked.is_some(), self.backoff.attempts() > 0);
        self.refresh_numbers();
    }

    /// Makes the status new.
    async fn refresh(&mut self) {
        let lags = self.deps.outcomes.next_offset() > self.position;
        let idle = self.flights.is_empty() && self.gather.is_empty();
        if lags && idle && self.oldest.is_none() {
            // Not even read: the sink cannot be reached. One look, for how old it is.
            let mut reader = self.deps.outcomes.reader(self.position);
            if let Ok(read) = reader.next().await
                && let Some(frame) = read.frames().next()
            {
                self.oldest = Some((self.position, frame.stamp));
            }
        }
        self.refresh_numbers();
    }

    pub(crate) fn refresh_numbers(&mut self) {
        let stats = self.deps.outcomes.stats();
        let next = stats.next_offset;
        let lag_records = next.saturating_sub(self.position);
        let oldest = self.oldest_stamp().filter(|_| lag_records > 0);
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let there = next.saturating_sub(stats.first_offset);
        let needed = next.saturating_sub(self.keeper.stored()).min(there);
        let held_ratio = share(stats.bytes, stats.bytes_max) * share(needed, there);
        let inflight = self.flights.waiting() as u64;
        let position = self.position;
        self.shown.numbers(|status, now| {
            status.position = position;
            status.lag_records = lag_records;
            status.lag_seconds = oldest.map_or(0.0, |stamp| {
                now.wall_ns.saturating_sub(stamp.wall_ns).max(0) as f64 / 1e9
            });
            status.held_ratio = held_ratio;
            status.counts.inflight_batches = inflight;
        });
        self.meter.show(self.shown.status());
    }
}

pub(crate) fn hold_of(on_full: OnFull) -> HoldOnFull {
    match on_full {
        OnFull::Gap => HoldOnFull::Gap,
        OnFull::Hold => HoldOnFull::Hold,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

async fn changed(stall: &mut Option<watch::Receiver<Option<Trouble>>>) {
    let gone = match stall {
        Some(receiver) => receiver.changed().await.is_err(),
        None => std::future::pending().await,
    };
    if gone {
        *stall = None;
    }
}
