//! One set of rules under test: the monitor's own fold over given records, with the clock points that the monitor would have put
//! between them.

use anyhow::{Result, anyhow};
use event::{Event, JournalId, PackFiles, Time};
use journal::inputs::{self, ClockReason, ClockRecord, Configuration, Kind};
use journal::{Frame, Redactions, Stamp};
use sha2::{Digest, Sha256};

use super::episodes::Told;
use crate::monitor::Tally;
use crate::monitor::counters::Counters;
use crate::monitor::fold::Fold;
use crate::site::Site;

/// The monitor puts a clock record into the journal within some milliseconds of a timer. A journal that has none for so long
/// was written by rules without that timer.
const RECORDED_SLACK_NS: i64 = Time::SECOND;

/// What stands between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Nothing: every timer that falls due needs a point of its own.
    Bare,
    /// The clock records of the node that wrote the journal.
    Recorded,
}

pub(super) struct Lane {
    fold: Fold,
    pub(super) told: Told,
    pub(super) tally: Tally,
    pack: Vec<u8>,
    sha256: [u8; 32],
    tick: Vec<u8>,
    slack_ns: i64,
    started: bool,
    now: Option<Stamp>,
    /// The pack compiled, where the caller has it already.
    site: Option<Site>,
}

impl Lane {
    pub(super) fn new(journal: JournalId, pack: &PackFiles, clock: Clock) -> Self {
        let pack = pack.to_bytes();
        let mut tick = Vec::new();
        ClockRecord {
            reason: ClockReason::Tick,
        }
        .encode(&mut tick);
        Self {
            fold: Fold::new(journal),
            told: Told::default(),
            tally: Tally::default(),
            sha256: Sha256::digest(&pack).into(),
            pack,
            tick,
            slack_ns: match clock {
                Clock::Bare => 0,
                Clock::Recorded => RECORDED_SLACK_NS,
            },
            started: false,
            now: None,
            site: None,
        }
    }

    /// The same pack, compiled before.
    pub(super) fn with_site(mut self, site: Site) -> Self {
        self.site = Some(site);
        self
    }

    pub(super) fn set_redactions(&mut self, redactions: Redactions) {
        self.fold.set_redactions(redactions);
    }

    pub(super) fn counters(&self) -> Counters {
        self.fold.counters()
    }

    /// Journal time of the last record.
    pub(super) fn now(&self) -> Option<Time> {
        self.now.map(|stamp| Time(stamp.journal_ns))
    }

    /// Puts the rules in force before anything comes: from here on the listed devices are expected to speak.
    pub(super) fn begin(&mut self, stamp: Stamp) -> Result<()> {
        self.configure(0, stamp)
    }

    /// Folds one record. Records of configuration put the rules under test in force, whatever they held.
    pub(super) fn record(&mut self, frame: &Frame<'_>) -> Result<()> {
        match Kind::try_from(frame.kind) {
            Ok(Kind::Configuration) if !self.started => {
                return self.configure(frame.offset, frame.stamp);
            }
            Ok(Kind::Configuration) => return Ok(()),
            Ok(Kind::Message) if !self.started => self.configure(frame.offset, frame.stamp)?,
            _ => {}
        }
        // What fell due while the node was down is decided after its start.
        if frame.kind != Kind::Node as u8 {
            self.clock_points(frame.stamp, frame.offset);
        }
        self.step(frame);
        Ok(())
    }

    /// Folds an event that was normalized when it came.
    pub(super) fn event(&mut self, at: &Frame<'_>, event: Event) -> Result<()> {
        if !self.started {
            self.configure(at.offset, at.stamp)?;
        }
        self.clock_points(at.stamp, at.offset);
        self.now = Some(at.stamp);
        let Self {
            fold, told, tally, ..
        } = self;
        tally.add(fold.try_event(at, event, &mut |effect| told.take(effect)));
        Ok(())
    }

    /// Lets time pass to `until` without a record.
    pub(super) fn idle_until(&mut self, until: Time) {
        let Some(now) = self.now.filter(|now| now.journal_ns < until.0) else {
            return;
        };
        let stamp = Stamp {
            journal_ns: until.0,
            wall_ns: now.wall_ns.saturating_add(until.0 - now.journal_ns),
        };
        let offset = self.fold.next_input();
        self.clock_points(stamp, offset);
        self.tick_at(stamp, offset);
    }

    fn configure(&mut self, offset: u64, stamp: Stamp) -> Result<()> {
        if let Some(site) = self.site.take() {
            self.clock_points(stamp, offset);
            self.now = Some(stamp);
            self.started = true;
            let Self {
                fold, told, tally, ..
            } = self;
            let at = frame(Kind::Configuration, offset, stamp, &[]);
            tally.add(fold.try_begin(&at, self.sha256, site, &mut |effect| told.take(effect)));
            return Ok(());
        }
        let mut payload = Vec::with_capacity(self.pack.len() + 64);
        Configuration {
            name: "site",
            sha256: self.sha256,
            content: &self.pack,
        }
        .encode(&mut payload);
        self.step(&frame(Kind::Configuration, offset, stamp, &payload));
        self.started = true;
        if self.fold.pack_digest() == Some(self.sha256) {
            Ok(())
        } else {
            Err(anyhow!(
                "the site pack is not accepted: `ioc rules check` says why"
            ))
        }
    }

    /// The points at which the monitor would have woken up before a record of `stamp`.
    fn clock_points(&mut self, stamp: Stamp, offset: u64) {
        let mut last = None;
        while let Some(due) = self.fold.next_due() {
            // A timer that stays where it was is not the clock's to move.
            if due.0.saturating_add(self.slack_ns) >= stamp.journal_ns || last == Some(due) {
                return;
            }
            last = Some(due);
            let now = self.now.map_or(due.0, |now| now.journal_ns.max(due.0));
            let before = stamp.journal_ns.saturating_sub(now);
            let at = Stamp {
                journal_ns: now,
                wall_ns: stamp.wall_ns.saturating_sub(before),
            };
            self.tick_at(at, offset);
        }
    }

    fn tick_at(&mut self, at: Stamp, offset: u64) {
        let tick = std::mem::take(&mut self.tick);
        self.step(&frame(Kind::Clock, offset, at, &tick));
        self.tick = tick;
    }

    fn step(&mut self, frame: &Frame<'_>) {
        self.now = Some(frame.stamp);
        let Self {
            fold, told, tally, ..
        } = self;
        tally.add(fold.try_step(frame, &mut |effect| told.take(effect)));
    }
}

pub(super) fn frame(kind: Kind, offset: u64, stamp: Stamp, payload: &[u8]) -> Frame<'_> {
    Frame {
        offset,
        kind: kind as u8,
        version: inputs::VERSION,
        flags: 0,
        stamp,
        payload,
    }
}
