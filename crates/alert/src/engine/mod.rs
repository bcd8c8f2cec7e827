//! The engine: state, timers and the entry points.

mod absence;
mod change;
mod commands;
mod episode;
mod fault;
mod fold;
mod history;
mod late;
mod saved;
mod telling;
mod unit;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use event::{Alert, AlertId, Event, JournalId, Limit, Name, Status, Time, Vocabulary};
use serde::{Deserialize, Serialize};

use crate::effect::Effect;
use crate::ruleset::{RuleInfo, RuleSet};
use crate::slot::Slot;
use fault::Faulty;
use unit::{Bindings, Phase, Unit};
use verdicts::Verdicts;

pub use saved::{RestoreError, Saved};

/// Entities (times status) that are watched at most.
pub const ENTITIES_MAX: usize = 200_000;
/// Resolved and annulled alerts that stay listed.
pub const RECENT_MAX: usize = 1_000;
/// Verdicts remembered, so that a repeated command gets its first answer.
pub const VERDICTS_MAX: usize = 10_000;
pub const COMMENTS_MAX: usize = 50;
/// Longest comment or shelving reason, in characters, as the API promises.
pub const TEXT_CHARS_MAX: usize = 1_000;
/// Values that an alert's evidence carries: the first and the newest.
pub const EVIDENCE_VALUES_MAX: usize = 8;
/// Longest shelving, in nanoseconds.
pub const SHELVE_MAX: i64 = 24 * 3_600 * Time::SECOND;
/// After a start nothing is absent for this long: devices need time to reconnect. Nanoseconds.
pub const ABSENCE_GRACE: i64 = 300 * Time::SECOND;

/// The record of `inputs` that is being folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub journal: JournalId,
    pub offset: u64,
    /// Journal time of the record.
    pub now: Time,
    pub wall: Time,
}

/// What was counted since the engine was made or restored; for metrics, no part of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub events: u64,
    pub evaluations: u64,
    /// Divisions by zero and results out of range.
    pub rule_errors: u64,
    /// Readings older than their key's newest: they only tell of what the live state has missed.
    pub late: u64,
    pub history: u64,
    pub raised: u64,
    /// Events of entities beyond `ENTITIES_MAX`.
    pub entities_refused: u64,
}

/// An alert that is not over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Open {
    alert: Alert,
    /// Revision at which it was raised or last reopened: an acknowledgement of what was seen before is refused.
    opened_revision: u32,
    /// Observed time and value last told.
    told_at: i64,
    told_value: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The hold or release of a key: unit, key.
    Key(u32, u16),
    Shelve(AlertId),
}

/// The fold. See the crate's documentation for its contract.
#[derive(Debug)]
pub struct Engine {
    rules: Arc<RuleSet>,
    vocabulary: Arc<Vocabulary>,
    bindings: Bindings,
    /// In order of appearance, which is part of the state.
    units: Vec<Unit>,
    /// Entity to its units by status. Only looked up, never walked.
    index: HashMap<Name, [Option<u32>; 3]>,
    open: BTreeMap<AlertId, Open>,
    recent: VecDeque<Alert>,
    verdicts: Verdicts,
    /// Rules that could not be computed and are still told of, by id.
    faults: BTreeMap<Name, Faulty>,
    /// Journal time of the last record; none before the first.
    now: Option<Time>,
    /// Downtime so far: what absence does not count.
    down_ns: i64,
    /// No absence is found before this journal time.
    grace_until: Time,
    timers: BTreeSet<(Time, Timer)>,
    /// Deadlines of absence in uptime (journal time less downtime). An entry may be out of date: hearing a device
    /// only notes the time, and its entry is moved when it comes up.
    absences: BTreeSet<(i64, u32, u16)>,
    counters: Counters,
    /// Reused for the values of one historical or late event.
    scratch: Vec<Slot>,
}

const fn status_index(status: Status) -> usize {
    match status {
        Status::Actual => 0,
        Status::Exercise => 1,
        Status::Test => 2,
    }
}

impl Engine {
    pub fn new(rules: Arc<RuleSet>, vocabulary: Arc<Vocabulary>) -> Self {
        Self {
            rules,
            vocabulary,
            bindings: Bindings::default(),
            units: Vec::new(),
            index: HashMap::new(),
            open: BTreeMap::new(),
            recent: VecDeque::new(),
            verdicts: Verdicts::default(),
            faults: BTreeMap::new(),
            now: None,
            down_ns: 0,
            grace_until: Time(i64::MIN),
            timers: BTreeSet::new(),
            absences: BTreeSet::new(),
            counters: Counters::default(),
            scratch: Vec::new(),
        }
    }

    /// Fires what is due at journal time <= `now`. Called before every record but `node` ones.
    pub fn advance(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        self.begin(origin);
        loop {
            let timer = self
                .timers
                .first()
                .map(|(due, _)| *due)
                .filter(|due| *due <= origin.now);
            let absence = self.absence_due().filter(|due| *due <= origin.now);
            match (timer, absence) {
                (Some(timer), Some(absence)) if absence < timer => self.fire_absence(origin, out),
                (Some(_), _) => self.fire_timer(origin, out),
                (None, Some(_)) => self.fire_absence(origin, out),
                (None, None) => break,
            }
        }
        self.now = self.now.max(Some(origin.now));
    }

    /// For the record of a node's start, instead of `advance`: the time since the record before it is no absence.
    pub fn node_started(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        self.begin(origin);
        let last = self.now.unwrap_or(origin.now);
        self.down_ns = self.down_ns.saturating_add(origin.now.since(last).max(0));
        self.grace_until = origin.now.plus(ABSENCE_GRACE);
        self.advance(origin, out);
    }

    /// For the record of a node's stop, instead of `advance`.
    pub fn node_stopped(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        self.advance(origin, out);
    }

    /// Folds one event. `advance` was called for its record.
    pub fn event(&mut self, origin: &Origin, event: &Event, out: &mut Vec<Effect>) {
        self.begin(origin);
        self.counters.events += 1;
        let Some(unit) = self.unit_of(event) else {
            self.counters.entities_refused += 1;
            return;
        };
        self.fold(unit, origin, event, out);
    }

    /// Journal time of the earliest timer. The entry may prove out of date when it comes up; then nothing happens.
    pub fn next_due(&self) -> Option<Time> {
        let timer = self.timers.first().map(|(due, _)| *due);
        match (timer, self.absence_due()) {
            (Some(timer), Some(absence)) => Some(timer.min(absence)),
            (timer, absence) => timer.or(absence),
        }
    }

    /// Everything that is not over, by id; then what is, oldest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.open
            .values()
            .map(|open| &open.alert)
            .chain(&self.recent)
    }

    /// All limits of a measure at an entity, ascending.
    pub fn limits(&self, entity: &str, measure: &str) -> Vec<Limit> {
        self.rules.limits(&self.vocabulary, entity, measure)
    }

    /// The rules in force, by id.
    pub fn rules(&self) -> Vec<RuleInfo> {
        self.rules.info()
    }

    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// At the first record: from here on the listed devices are expected to speak.
    fn begin(&mut self, origin: &Origin) {
        if self.now.is_none() {
            self.now = Some(origin.now);
            self.list_expected(origin.now);
        }
    }

    /// The unit of an event's entity and status; made when it first speaks, none beyond the bound.
    fn unit_of(&mut self, event: &Event) -> Option<u32> {
        let status = status_index(event.status);
        if let Some(unit) = self
            .index
            .get(&event.entity)
            .and_then(|units| units[status])
        {
            return Some(unit);
        }
        self.add_unit(&event.entity, event.status, event.stream)
    }

    fn add_unit(&mut self, entity: &Name, status: Status, stream: event::Stream) -> Option<u32> {
        if self.units.len() >= ENTITIES_MAX {
            return None;
        }
        let number = u32::try_from(self.units.len()).ok()?;
        let info = self.vocabulary.entities.get(&**entity);
        let stream = info.map_or(stream, |info| info.stream);
        let binding = self
            .bindings
            .bind(&self.rules, entity, info, stream, status);
        self.units
            .push(Unit::new(entity.clone(), status, stream, info, binding));
        self.index.entry(entity.clone()).or_default()[status_index(status)] = Some(number);
        Some(number)
    }

    fn fire_timer(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        match self.timers.pop_first() {
            Some((_, Timer::Key(unit, key))) => self.decide(unit, key, origin, out),
            Some((_, Timer::Shelve(id))) => self.shelving_over(&id, origin, out),
            None => {}
        }
    }

    /// Timers are derived from the rest of the state; this makes them anew.
    fn rebuild_timers(&mut self) {
        self.timers.clear();
        self.absences.clear();
        for (number, unit) in (0_u32..).zip(&self.units) {
            for (index, key) in (0_u16..).zip(&unit.keys) {
                if let Phase::Pending { due, .. } | Phase::Releasing { due, .. } = key.phase {
                    self.timers.insert((Time(due), Timer::Key(number, index)));
                }
                if key.armed
                    && let Some(deadline) = unit.deadline(&self.rules, index)
                {
                    self.absences.insert((deadline, number, index));
                }
            }
        }
        for (id, open) in &self.open {
            if let Some(shelved) = &open.alert.shelved {
                self.timers
                    .insert((shelved.until, Timer::Shelve(id.clone())));
            }
        }
    }
}
