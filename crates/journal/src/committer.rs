//! The one writer of a journal. A group is whatever gathered while the last sync ran: it is stamped, written in
//! place, synced once, and only then are its tickets resolved. There is no timer and no artificial delay.
//!
//! Faults: a failed sync (or write that is not about room) is final, the journal is poisoned. No room is waited
//! out: the group goes back to its place in the queue, `Normal` waits, the reserves serve the other two classes.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::metrics::Meters;
use crate::options::{Clock, FullReason, State};
use crate::queue::{Admit, Ended, Entry};
use crate::reserve::Reserves;
use crate::segment::Segment;
use crate::shared::{Shared, guard};
use crate::{Class, Committed, Preallocate, Stamp};

mod active;
#[cfg(feature = "planted-ack-before-write")]
mod planted;
mod prepare;
mod retention;
mod room;

pub(crate) use active::Active;
use active::Trouble;
pub(crate) use prepare::Preparer;
use room::create_segment;

/// How often age is looked at while nothing else happens.
const AGE_CHECK: Duration = Duration::from_secs(1);

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Worked,
    /// Nothing to do until something arrives or time passes.
    Idle,
    Stopped,
}

/// Faults of our own that the simulation must catch.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Planted {
    #[default]
    Nothing,
    AckBeforeSync,
    RetryFailedSync,
}

pub(crate) struct Committer {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    active: Active,
    next: u64,
    last_stamp: Option<Stamp>,
    reserves: Reserves,
    full: Option<FullReason>,
    /// Room that was missing when the journal became full.
    needed: u64,
    /// Bytes each class has taken from the reserves since the journal became full.
    spent: [u64; 3],
    /// Classes whose reserve is used up.
    blocked: [bool; 3],
    group: Vec<Entry>,
    /// Makes the next segment ready, where segments are filled with zeros.
    preparer: Option<Arc<Preparer>>,
    /// The segment after the active one was asked for.
    asked: bool,
    meters: Meters,
    #[cfg(test)]
    pub(crate) planted: Planted,
}

impl Committer {
    /// `active` is `None` when a new segment has to be begun.
    pub(crate) fn new(
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        active: Option<Active>,
        next: u64,
        last_stamp: Option<Stamp>,
        reserves: Reserves,
    ) -> Result<Self, crate::Error> {
        let meters = Meters::new(shared.options.name);
        meters.disk_bytes_max.set(shared.options.bytes_max as f64);
        let mut last_stamp = last_stamp;
        let active = match active {
            Some(active) => active,
            None => {
                let now = later(clock.now(), last_stamp);
                last_stamp = Some(now);
                let capacity = shared.options.segment_bytes;
                let how = shared.options.preallocate;
                let active = create_segment(&shared, next, capacity, how, now).map_err(
                    |(what, error)| crate::Error::io(what, shared.options.name.folder())(error),
                )?;
                list_segment(&shared, &active, now);
                active
            }
        };
        let preparer = (shared.options.preallocate == Preallocate::Zero).then(|| {
            Arc::new(Preparer::new(
                Arc::clone(&shared.storage),
                shared.options.name,
            ))
        });
        let mut committer = Self {
            shared,
            clock,
            active,
            next,
            last_stamp,
            reserves,
            full: None,
            needed: 0,
            spent: [0; 3],
            blocked: [false; 3],
            group: Vec::new(),
            preparer,
            asked: false,
            meters,
            #[cfg(test)]
            planted: Planted::default(),
        };
        committer.try_recover(true);
        committer.report();
        Ok(committer)
    }

    /// What has to run beside the committer.
    pub(crate) fn preparer(&self) -> Option<Arc<Preparer>> {
        self.preparer.clone()
    }

    /// What recovery found goes into the metrics once there are any.
    pub(crate) fn count_recovery(&self, recovery: &crate::Recovery) {
        let damaged = recovery
            .damaged
            .iter()
            .map(|damage| damage.to_offset - damage.from_offset);
        self.meters.damaged_records.increment(damaged.sum());
        self.meters.torn_bytes.increment(recovery.torn_bytes);
    }

    /// Works until the journal is closed or poisoned.
    pub(crate) fn run(mut self) {
        let retry = Duration::from_millis(self.shared.options.retry_ms.max(1));
        let mut cared = Instant::now();
        loop {
            let every = if self.full.is_some() {
                retry
            } else {
                AGE_CHECK
            };
            if cared.elapsed() >= every {
                cared = Instant::now();
                self.care();
            }
            match self.step() {
                Step::Worked => {}
                Step::Idle => {
                    let (full, blocked) = (self.full.is_some(), self.blocked);
                    let ages = self.shared.options.retain_age_ns.is_some();
                    let ready =
                        |class: Class| !full || (class != Class::Normal && !blocked[class.index()]);
                    self.shared
                        .queue
                        .wait(ready, (full || ages).then_some(every));
                }
                Step::Stopped => return,
            }
        }
    }

    /// Retention, and another try if there was no room.
    pub(crate) fn care(&mut self) {
        self.housekeep(0);
        if self.full.is_some() {
            self.try_recover(false);
        }
        self.report();
    }

    /// Commits one group if there is one.
    pub(crate) fn step(&mut self) -> Step {
        if self.shared.queue.take_nudge() {
            self.care();
        }
        // Looked at before the queue is: what was appended before the end is still served.
        let ended = self.shared.queue.ended();
        if let Some(ended @ Ended::Poisoned(_)) = &ended {
            // By itself, or by a redaction whose sync failed.
            self.stop(ended);
            return Step::Stopped;
        }
        let short = self.gather();
        if !self.group.is_empty() {
            self.commit();
            return Step::Worked;
        }
        if let Some((class, bytes)) = short {
            self.make_room(class, bytes as u64);
            return Step::Worked;
        }
        match ended {
            Some(ended) => {
                self.stop(&ended);
                Step::Stopped
            }
            None => Step::Idle,
        }
    }

    /// Fills the group; returns the batch at the head if there is no room for it.
    fn gather(&mut self) -> Option<(Class, usize)> {
        let full = self.full.is_some();
        let room = self.active.room();
        let bytes_max = self.shared.options.commit_bytes_max as u64;
        let (reserves, spent) = (&self.reserves, &mut self.spent);
        let (blocked, in_reserve) = (&mut self.blocked, self.active.reserve);
        let mut bytes = 0;
        let mut short = None;
        self.shared.queue.take(&mut self.group, |class, size| {
            let at = class.index();
            let after = bytes + size as u64;
            if full && (class == Class::Normal || blocked[at]) {
                return Admit::SkipClass;
            }
            if full && in_reserve && spent[at] + size as u64 > reserves.budget(class) {
                blocked[at] = true;
                return Admit::SkipClass;
            }
            if after > room || (bytes > 0 && after > bytes_max) {
                if bytes == 0 {
                    short = Some((class, size));
                }
                return Admit::Stop;
            }
            if full && in_reserve {
                spent[at] += size as u64;
            }
            bytes = after;
            Admit::Take
        });
        short
    }

    /// The active segment has no room for the batch at the head.
    fn make_room(&mut self, class: Class, bytes: u64) {
        if self.full.is_none() {
            match self.roll(bytes) {
                Ok(()) => {}
                Err(Trouble::Wait(why)) => self.become_full(why, bytes),
                Err(Trouble::Fatal(error)) => self.poison(error),
            }
            return;
        }
        match self.open_reserve(class, bytes) {
            Ok(true) => {}
            Ok(false) | Err(Trouble::Wait(_)) => self.blocked[class.index()] = true,
            Err(Trouble::Fatal(error)) => self.poison(error),
        }
    }

    fn commit(&mut self) {
        let now = later(self.clock.now(), self.last_stamp);
        let mut last_stamp = now;
        let mut offset = self.next;
        let mut bytes = 0;
        for (index, entry) in self.group.iter_mut().enumerate() {
            last_stamp = entry.batch.patch(self.active.seed, offset, now, index == 0);
            offset += u64::from(entry.batch.count());
            bytes += entry.batch.bytes() as u64;
        }
        #[cfg(feature = "planted-ack-before-write")]
        self.acknowledge_before_write();
        let mut slices: Vec<IoSlice<'_>> = self
            .group
            .iter()
            .map(|entry| IoSlice::new(entry.batch.as_slice()))
            .collect();
        let written = self.active.file.write_at(&mut slices, self.active.position);
        drop(slices);
        if let Err(error) = written {
            match Trouble::of("write", &error) {
                Trouble::Wait(why) => {
                    self.take_back();
                    self.become_full(why, bytes);
                }
                Trouble::Fatal(error) => self.poison(error),
            }
            return;
        }
        #[cfg(test)]
        if self.planted == Planted::AckBeforeSync {
            self.publish(offset, bytes, last_stamp);
        }
        let started = Instant::now();
        if let Err(error) = self.sync() {
            self.poison(format!("sync: {error}"));
            return;
        }
        let seconds = started.elapsed().as_secs_f64();
        self.publish(offset, bytes, last_stamp);
        self.prepare();
        guard(&self.shared.stats).last_sync_seconds = seconds;
        self.meters.sync_seconds.record(seconds);
    }

    fn sync(&self) -> std::io::Result<()> {
        let done = self.active.file.sync_data();
        #[cfg(test)]
        if self.planted == Planted::RetryFailedSync && done.is_err() {
            return self.active.file.sync_data();
        }
        done
    }

    /// The group is durable: tell readers, then those who wait for it.
    fn publish(&mut self, next: u64, bytes: u64, last_stamp: Stamp) {
        let records = next - self.next;
        if records == 0 {
            return;
        }
        {
            let mut segments = guard(&self.shared.segments);
            if let Some(segment) = segments.list.back_mut() {
                segment.note(self.next, self.active.position);
            }
        }
        let mut answers = Vec::with_capacity(self.group.len());
        {
            let mut tail = guard(&self.shared.tail);
            let mut offset = self.next;
            for entry in self.group.drain(..) {
                self.shared.queue.release(&entry);
                let count = entry.batch.count();
                tail.push(offset, u64::from(count), entry.batch.into_buffer());
                answers.push((
                    entry.done,
                    Committed {
                        first_offset: offset,
                        count,
                    },
                ));
                offset += u64::from(count);
            }
            tail.trim(self.shared.options.memory_tail_bytes);
        }
        self.next = next;
        self.active.position += bytes;
        self.last_stamp = Some(last_stamp.max(self.last_stamp.unwrap_or(last_stamp)));
        {
            let mut stats = guard(&self.shared.stats);
            stats.commits += 1;
            stats.records += records;
            stats.bytes_written += bytes;
        }
        self.shared.head.send_modify(|head| head.next = next);
        for (done, committed) in answers {
            // Nobody may be waiting any more.
            let _ = done.send(Ok(committed));
        }
        self.meters.commits.increment(1);
        self.meters.records.increment(records);
        self.meters.bytes.increment(bytes);
        self.meters.commit_records.record(records as f64);
    }

    /// A write failed for want of room: the group goes back, and what was written of it is cut.
    fn take_back(&mut self) {
        if self.full.is_some() && self.active.reserve {
            for entry in &self.group {
                self.spent[entry.class.index()] -= entry.batch.bytes() as u64;
            }
        }
        self.active.exhausted = true;
        self.shared.queue.put_back(&mut self.group);
        if self.active.file.truncate(self.active.position).is_err() {
            // Stale frames could pass for good ones later: the next group goes into another segment.
            self.active.spoiled = true;
        }
    }

    fn bytes_after_seal(&self) -> u64 {
        guard(&self.shared.segments)
            .bytes()
            .saturating_sub(self.active.unused())
    }

    fn poison(&mut self, error: String) {
        tracing::error!(journal = %self.shared.options.name, %error, "journal is poisoned");
        let ended = Ended::Poisoned(error.clone());
        self.shared.queue.end(ended.clone());
        self.set_state(State::Poisoned { error });
        for entry in self.group.drain(..) {
            let _ = entry.done.send(Err(ended.error(self.shared.options.name)));
        }
        self.stop(&ended);
    }

    fn stop(&mut self, ended: &Ended) {
        self.shared.queue.fail_waiting(ended);
        self.shared
            .head
            .send_modify(|head| head.ended = Some(ended.clone()));
        if let Some(preparer) = &self.preparer {
            preparer.stop();
        }
        self.report();
    }

    fn set_state(&self, state: State) {
        self.shared.state.send_if_modified(|old| {
            let changed = *old != state;
            *old = state;
            changed
        });
    }

    fn report(&self) {
        let (bytes, count) = {
            let segments = guard(&self.shared.segments);
            (segments.bytes(), segments.list.len())
        };
        self.meters.disk_bytes.set(bytes as f64);
        self.meters.segments.set(count as f64);
        self.meters
            .queue_bytes
            .set(self.shared.queue.depth().1 as f64);
        self.meters.state.set(match &*self.shared.state.borrow() {
            State::Ok => 0.0,
            State::Full { .. } => 1.0,
            State::Poisoned { .. } => 2.0,
        });
    }
}

/// Journal time never goes backwards, whatever the clock says.
fn later(now: Stamp, last: Option<Stamp>) -> Stamp {
    let journal_ns = last.map_or(now.journal_ns, |last| last.journal_ns.max(now.journal_ns));
    Stamp {
        journal_ns,
        wall_ns: now.wall_ns,
    }
}

/// Adds the new active segment to the list (or replaces one of the same base, which held nothing).
fn list_segment(shared: &Shared, active: &Active, now: Stamp) {
    let mut segments = guard(&shared.segments);
    if segments
        .list
        .back()
        .is_some_and(|last| last.base == active.base)
    {
        segments.list.pop_back();
    }
    if let Some(last) = segments.list.back_mut() {
        last.ended_ns.get_or_insert(now.journal_ns);
    }
    segments
        .list
        .push_back(Segment::new(active.base, active.capacity));
}
