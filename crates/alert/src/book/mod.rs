//! The book: the life cycle of alerts by the words of ISA-18.2 / IEC 62682.
//!
//! The kernel tells it [`Signal`]s (when a condition held), people give it [`Command`]s, journal time fires its timers. It answers
//! with [`Effect`]s. Like the kernel it is a fold: the same calls give the same effects, also after [`Book::save`] and
//! [`Book::restore`] at any point in between. Timers are derived from the rest of the state.
//!
//! # States and commands
//!
//! `U` unacknowledged, `A` acknowledged, `R` returned unacknowledged, `L` latched, `N` normal (over, still remembered). `=` the
//! state stays. Every other pair is refused with the reason named.
//!
//! | command | U | A | R | L | N |
//! |---|---|---|---|---|---|
//! | acknowledge | A | `AlreadyAcknowledged` | N, or L where the rule latches | `AlreadyAcknowledged` | `AlreadyAcknowledged` or `StateChanged` |
//! | shelve, comment, assign | = | = | = | = | `StateChanged` |
//! | unshelve | = or `NotShelved` | same | same | same | `StateChanged` |
//! | escalate | = or `LevelUnknown`, `WrongState` (there already) | same | same | same | `StateChanged` |
//! | reset | `WrongState` | `WrongState` | `WrongState` | N | `StateChanged` |
//! | close | N for the causes sensor fault, false alert and maintenance, else `WrongState` | same | N | N | `StateChanged` |
//! | reopen | `WrongState` | `WrongState` | `WrongState` | `WrongState` | U if the condition holds, else R; `WrongState` if merged, annulled or another alert of its key is open |
//! | mark false, unmark false | = or `WrongState` (done already) | same | same | same | same |
//!
//! An alert that was closed while its condition holds stays closed until the condition is gone and comes back; then it is a new alert.
//! Closing as a false alert also marks it as one. Reasons that have no place of their own (escalate, reopen) are kept as comments.
//!
//! | signal | U, A | R | L | N (remembered) |
//! |---|---|---|---|---|
//! | began | another episode of it if nobody has acknowledged, else a new alert | reopened (U) | reopened (U) | a new alert |
//! | gone (ended, changed) | R, L or N | = revised | = revised | = told with state normal |
//! | there again (changed) | = | reopened | reopened | reopened, unless it was closed while the condition held |
//! | annulled | its last episode: N; else by what is left | same | same | = told with state normal |
//! | merged | its last episode: N; else by what is left | same | same | = told with state normal |
//!
//! # Kept back
//!
//! A suppressed alert is raised, returned and counted like any other; `handling.suppressed` names everything that keeps it back, and notices
//! look there. One that was kept back for the whole of its life is over with its return: nobody was told, so nobody is asked to acknowledge
//! (unless its rule latches). `Unsuppressed` says that one reason is gone; others may remain in the list. Dependency ends
//! [`DEPENDENCY_GRACE`] after the gateway is back: its devices need that long to be heard.
//!
//! # Chattering
//!
//! With the third return of a key within [`CHATTER_WINDOW`] (observed and journal time) the alert is held active; turns are counted and
//! told at 1, 2, 4, 8, ...; spans in `episodes` stay exact. After [`CHATTER_WINDOW`] of journal time without a turn it is
//! what it is.

mod chatter;
mod close;
mod commands;
mod config;
mod dependency;
mod entry;
mod hand;
mod incidents;
mod ladder;
mod merge;
mod notices;
mod raise;
mod saved;
mod shadow;
mod signals;
mod suppress;
#[cfg(test)]
mod tests;
mod timers;
mod verdicts;
mod versions;
mod warning_text;
mod warnings;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use event::{
    Alert, AlertId, Incident, IncidentId, Name, PublicWarning, PublicWarningId, Status,
    Suppression, SuppressionId, Time, Vocabulary,
};
use serde::{Deserialize, Serialize};

use crate::engine::Origin;
use crate::ruleset::RuleSet;
use crate::signal::{EpisodeId, Key};
use chatter::Turns;
pub use config::{BookConfig, Cause, Ladder, Level, Step, WorkingHours};
use entry::Entry;
use incidents::Gathering;
#[allow(unused_imports, reason = "the engine saves it with its own state")]
pub(crate) use saved::BookSaved;
use shadow::Shadow;
use timers::Timers;
pub(crate) use verdicts::OldVerdict;
use verdicts::Verdicts;

/// Alerts that are over and stay listed; as many of drills.
pub const RECENT_MAX: usize = 1_000;
/// Verdicts remembered, so that a repeated command gets its first answer.
pub const VERDICTS_MAX: usize = 10_000;
pub const COMMENTS_MAX: usize = 50;
/// Longest comment, reason or name typed, in characters, as the API promises.
pub const TEXT_CHARS_MAX: usize = 1_000;
/// Values that an alert's evidence carries: the first and the newest.
pub const EVIDENCE_VALUES_MAX: usize = 8;
/// Suppressions that an alert says were looked at.
pub(crate) const CONSIDERED_MAX: usize = 16;
/// Episodes that an alert lists.
pub(crate) const SPANS_MAX: usize = 32;
/// Longest shelving, in nanoseconds.
pub const SHELVE_MAX: i64 = 24 * HOUR;
/// Suppressions in force or planned.
pub(crate) const SUPPRESSIONS_MAX: usize = 1_000;
/// Suppressions that have ended and stay listed.
pub(crate) const SUPPRESSIONS_ENDED_MAX: usize = 200;
/// Longest window of maintenance, and how far ahead a suppression may be ordered.
pub(crate) const MAINTENANCE_MAX: i64 = 90 * 24 * HOUR;
/// Incidents that are open.
pub(crate) const INCIDENTS_MAX: usize = 1_000;
/// Incidents that are closed and stay listed.
pub(crate) const INCIDENTS_CLOSED_MAX: usize = 200;
/// Alerts that an incident lists; `total` goes on.
pub(crate) const INCIDENT_ALERTS_MAX: usize = 200;
/// Pairs of channel and person whose newest notice an alert lists.
pub(crate) const NOTICES_MAX: usize = 64;
pub(crate) const WARNINGS_MAX: usize = 500;
/// Episodes of rules on trial that are remembered.
pub(crate) const SHADOWS_MAX: usize = 10_000;
/// Returns remembered for finding chattering.
pub(crate) const TURNS_MAX: usize = 100_000;
/// Returns within [`CHATTER_WINDOW`] from which an alert is held.
pub(crate) const CHATTER_TURNS: usize = 3;
pub(crate) const CHATTER_WINDOW: i64 = 600 * Time::SECOND;
/// Devices of a gateway that is back are still kept back for this long.
pub(crate) const DEPENDENCY_GRACE: i64 = 300 * Time::SECOND;
const HOUR: i64 = 3_600 * Time::SECOND;

/// What a call is about: the record, and what the site's pack says.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) rules: &'a RuleSet,
}

/// What was counted since the book was made or restored, drills left out; for metrics, no part of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookCounters {
    pub raised: u64,
    /// Alerts that a suppression has kept back.
    pub suppressed: u64,
    /// Times an alert began to be held for chattering.
    pub chattering: u64,
    pub escalated: u64,
    pub reminded: u64,
    pub incidents: u64,
    /// Alerts that belong to no incident because there were too many.
    pub incidents_refused: u64,
    /// Signals about episodes whose alert is forgotten.
    pub forgotten: u64,
    /// Episodes of rules on trial that were forgotten before they were final.
    pub shadows_forgotten: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Book {
    config: Arc<BookConfig>,
    /// Alerts that are not over.
    open: BTreeMap<AlertId, Entry>,
    /// Those that are, and in which order they ended.
    over: BTreeMap<AlertId, Entry>,
    recent: VecDeque<AlertId>,
    /// The same for drills, which push nothing real out.
    recent_drills: VecDeque<AlertId>,
    /// Derived: the alert of each episode remembered, and the open alerts of each key.
    episodes: BTreeMap<EpisodeId, AlertId>,
    by_key: BTreeMap<Key, BTreeSet<AlertId>>,
    turns: Turns,
    /// Derived from the catalogue when first needed: entities that others speak through.
    gateways: Option<BTreeSet<Name>>,
    /// Gateways that are down, by which alerts.
    down: BTreeMap<(Name, Status), BTreeSet<AlertId>>,
    /// Alerts of gateways that are back, and until when their devices are still kept back.
    lifting: BTreeMap<AlertId, Time>,
    verdicts: Verdicts,
    suppressions: BTreeMap<SuppressionId, Suppression>,
    /// Those in force, and those that have ended in the order of their end.
    in_force: BTreeSet<SuppressionId>,
    ended: VecDeque<SuppressionId>,
    incidents: BTreeMap<IncidentId, Gathering>,
    incidents_closed: VecDeque<IncidentId>,
    warnings: BTreeMap<PublicWarningId, PublicWarning>,
    /// Warnings that nothing can happen to any more, oldest first.
    warnings_final: VecDeque<PublicWarningId>,
    shadows: BTreeMap<EpisodeId, Shadow>,
    false_alerts: BTreeMap<Name, u64>,
    timers: Timers,
    counters: BookCounters,
}

/// What an alert of a status counts for: drills for nothing.
const fn one(status: Status) -> u64 {
    matches!(status, Status::Actual) as u64
}

impl Book {
    pub(crate) fn new(config: Arc<BookConfig>) -> Self {
        Self {
            config,
            open: BTreeMap::new(),
            over: BTreeMap::new(),
            recent: VecDeque::new(),
            recent_drills: VecDeque::new(),
            episodes: BTreeMap::new(),
            by_key: BTreeMap::new(),
            turns: Turns::default(),
            gateways: None,
            down: BTreeMap::new(),
            lifting: BTreeMap::new(),
            verdicts: Verdicts::default(),
            suppressions: BTreeMap::new(),
            in_force: BTreeSet::new(),
            ended: VecDeque::new(),
            incidents: BTreeMap::new(),
            incidents_closed: VecDeque::new(),
            warnings: BTreeMap::new(),
            warnings_final: VecDeque::new(),
            shadows: BTreeMap::new(),
            false_alerts: BTreeMap::new(),
            timers: Timers::default(),
            counters: BookCounters::default(),
        }
    }

    /// Everything that is not over, by id; then what is, oldest first, drills last.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        let open = self.open.values();
        open.chain(self.over_ones()).map(|entry| &entry.alert)
    }

    /// Those that are over, oldest first, drills last.
    fn over_ones(&self) -> impl Iterator<Item = &Entry> {
        let recent = self.recent.iter().chain(&self.recent_drills);
        recent.filter_map(|id| self.over.get(id))
    }

    fn recent_of(&mut self, status: Status) -> &mut VecDeque<AlertId> {
        match status {
            Status::Actual => &mut self.recent,
            Status::Exercise | Status::Test => &mut self.recent_drills,
        }
    }

    /// The alert, open or over, if it is still listed.
    pub(crate) fn alert(&self, id: &AlertId) -> Option<&Alert> {
        self.entry(id).map(|entry| &entry.alert)
    }

    /// By id: planned, in force, and the last that have ended.
    pub(crate) fn suppressions(&self) -> impl Iterator<Item = &Suppression> {
        self.suppressions.values()
    }

    /// By id: open and the last that were closed.
    pub(crate) fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values().map(|gathering| &gathering.incident)
    }

    /// By id.
    pub(crate) fn public_warnings(&self) -> impl Iterator<Item = &PublicWarning> {
        self.warnings.values()
    }

    /// How often alerts of each rule were marked as false; a mark taken back does not count.
    pub(crate) const fn false_alerts(&self) -> &BTreeMap<Name, u64> {
        &self.false_alerts
    }

    pub(crate) const fn counters(&self) -> BookCounters {
        self.counters
    }

    /// Journal time of the earliest timer.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.timers.next_due()
    }

    fn entry(&self, id: &AlertId) -> Option<&Entry> {
        self.open.get(id).or_else(|| self.over.get(id))
    }
}
