//! The kernel: when a rule's condition holds at a key. Episodes on observed time, told as [`Signal`]s; it knows nothing of
//! people.
//!
//! Every key has a [`machine::Machine`] that is stepped point by point. In order that is one evaluation and one step. What
//! comes late stands in the history where it belongs, and the keys that read it are replayed from their checkpoint: the state
//! at the horizon, journal time less the lateness bound, before which everything is final. What the replay finds is compared
//! with what was told, and the difference is told.

mod absence;
mod ask;
mod binding;
mod change;
mod corroborate;
mod diff;
mod events;
mod fault;
mod groups;
mod machine;
mod old;
mod replay;
mod retrospect;
mod room;
mod saved;
mod say;
mod state;
mod telling;
#[cfg(test)]
mod tests;
mod warning_message;
mod warning_words;
mod warnings;
mod watch;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use event::{EventFlags, Name, Status, Stream, Time, Vocabulary};
use serde::{Deserialize, Serialize};

use crate::cel::Room;
use crate::engine::{ABSENCE_GRACE, ENTITIES_MAX, Origin};
use crate::history::{History, OBSERVATIONS_TOTAL_MAX};
use crate::ruleset::RuleSet;
use crate::signal::Signal;
use binding::Bindings;
use fault::Faulty;
use state::{Group, KeyRef, Unit};
use warnings::Warnings;
use watch::{Clock, Desk};

pub(crate) use machine::Phase;
pub(crate) use old::{OldEpisode, OldKernel, OldKey, OldObservation, OldUnit};
pub(crate) use saved::{KernelSaved, NotThisPack};
pub(crate) use warnings::WarningsSaved;

/// Lateness bound of a stream that the site says nothing of.
const LATENESS_DEFAULT_NS: i64 = 2 * 86_400 * Time::SECOND;

/// What was counted since it was made or restored; for metrics, no part of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KernelCounters {
    pub(crate) events: u64,
    pub(crate) late: u64,
    pub(crate) history: u64,
    pub(crate) entities_refused: u64,
    pub(crate) observations_dropped: u64,
    pub(crate) warnings_refused: u64,
}

#[derive(Debug)]
pub(crate) struct Kernel {
    rules: Arc<RuleSet>,
    vocabulary: Arc<Vocabulary>,
    bindings: Bindings,
    /// In order of appearance, which is part of the state.
    units: Vec<Unit>,
    /// Entity to its units by status. Only looked up, never walked.
    index: HashMap<Name, [Option<u32>; 3]>,
    groups: Vec<Group>,
    group_index: BTreeMap<(u16, usize), u32>,
    /// Rules that cannot be computed, by id: told, and where.
    faults: BTreeMap<Name, Faulty>,
    /// Journal time of the last record; none before the first.
    now: Option<Time>,
    /// Downtime so far: what absence does not count.
    down_ns: i64,
    /// No absence is found before this journal time.
    grace_until: Time,
    /// Holds and releases by when they are due.
    timers: BTreeSet<(i64, KeyRef)>,
    /// Deadlines of absence in uptime (journal time less downtime). An entry may be out of date: hearing a device only notes
    /// the time, and its entry is moved when it comes up.
    absences: BTreeSet<(i64, u32, u16)>,
    /// Keys with an open episode that no neighbour shares.
    suspects: BTreeSet<KeyRef>,
    warnings: Warnings,
    desk: Desk,
    counters: KernelCounters,
    /// Reused for the values of one historical event.
    scratch: History,
    room: Room,
    /// Observations kept of all units, and how many they may be.
    observations: usize,
    observations_max: usize,
    /// Of a member that never spoke.
    nothing: History,
}

pub(crate) const fn status_index(status: Status) -> usize {
    match status {
        Status::Actual => 0,
        Status::Exercise => 1,
        Status::Test => 2,
    }
}

impl Kernel {
    pub(crate) fn new(rules: Arc<RuleSet>, vocabulary: Arc<Vocabulary>) -> Self {
        Self {
            rules,
            vocabulary,
            bindings: Bindings::default(),
            units: Vec::new(),
            index: HashMap::new(),
            groups: Vec::new(),
            group_index: BTreeMap::new(),
            faults: BTreeMap::new(),
            now: None,
            down_ns: 0,
            grace_until: Time(i64::MIN),
            timers: BTreeSet::new(),
            absences: BTreeSet::new(),
            suspects: BTreeSet::new(),
            warnings: Warnings::default(),
            desk: Desk::default(),
            counters: KernelCounters::default(),
            scratch: History::new(0),
            room: Room::default(),
            observations: 0,
            observations_max: OBSERVATIONS_TOTAL_MAX,
            nothing: History::new(0),
        }
    }

    pub(crate) fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    pub(crate) fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    pub(crate) const fn counters(&self) -> KernelCounters {
        self.counters
    }

    pub(crate) const fn evaluations(&self) -> (u64, u64) {
        (self.desk.evaluations, self.desk.faults)
    }

    pub(crate) const fn forced(&self) -> u64 {
        self.desk.forced
    }

    /// At the first record: from here on the listed devices are expected to speak.
    pub(crate) fn begin(&mut self, origin: &Origin) {
        if self.now.is_none() {
            self.now = Some(origin.now);
            self.list_expected(origin.now);
        }
    }

    /// For the record of a node's start: the time since the record before it is no absence.
    pub(crate) fn node_started(&mut self, origin: &Origin) {
        self.begin(origin);
        let last = self.now.unwrap_or(origin.now);
        self.down_ns = self.down_ns.saturating_add(origin.now.since(last).max(0));
        self.grace_until = origin.now.plus(ABSENCE_GRACE);
    }

    /// All that is due is fired.
    pub(crate) fn passed(&mut self, origin: &Origin) {
        self.now = self.now.max(Some(origin.now));
    }

    /// Journal time of the earliest timer. The entry may prove out of date when it comes up; then nothing happens.
    pub(crate) fn next_due(&self) -> Option<Time> {
        let timer = self.timers.first().map(|(due, _)| Time(*due));
        let dues = [timer, self.absence_due(), self.warnings.next_due()];
        dues.into_iter().flatten().min()
    }

    /// Fires the earliest timer.
    pub(crate) fn fire(&mut self, origin: &Origin, out: &mut Vec<Signal>) {
        let timer = self.timers.first().map(|(due, _)| Time(*due));
        if self
            .warnings
            .next_due()
            .is_some_and(|due| self.next_due() == Some(due))
        {
            self.fire_warning(origin, out);
            return;
        }
        match (timer, self.absence_due()) {
            (Some(timer), Some(absence)) if absence < timer => self.fire_absence(origin, out),
            (Some(_), _) => {
                if let Some((due, key)) = self.timers.pop_first() {
                    self.decide(key, due, origin, out);
                }
            }
            (None, Some(_)) => self.fire_absence(origin, out),
            (None, None) => {}
        }
    }

    /// A hold or release is due by the clock. Its timer is gone.
    fn decide(&mut self, key: KeyRef, due: i64, origin: &Origin, out: &mut Vec<Signal>) {
        let rules = &self.rules.rules;
        let found = match key {
            KeyRef::Unit(number, index) => self.units.get_mut(number as usize).and_then(|unit| {
                let bound = unit.binding.bound.get(usize::from(index))?;
                let rule = rules.get(usize::from(bound.rule))?;
                Some((rule, unit.watch_mut(index)?))
            }),
            KeyRef::Group(number) => self.groups.get_mut(number as usize).and_then(|group| {
                let rule = rules.get(usize::from(group.rule))?;
                Some((rule, &mut group.watch))
            }),
        };
        let Some((rule, watch)) = found else { return };
        // Journal time may be behind what is due only in a damaged state; then it is not decided.
        watch.clock(origin.now.0.max(due), rule.shape(), &mut self.desk);
        if let Some(due) = watch.machine.phase.due() {
            self.timers.insert((due, key));
        }
        self.tell(key, origin, out);
    }

    fn retime(&mut self, key: KeyRef, was: Option<i64>, is: Option<i64>) {
        if was == is {
            return;
        }
        if let Some(was) = was {
            self.timers.remove(&(was, key));
        }
        if let Some(is) = is {
            self.timers.insert((is, key));
        }
    }

    /// Lateness bound of a stream, nanoseconds.
    fn lateness_ns(vocabulary: &Vocabulary, stream: Stream) -> i64 {
        let seconds = vocabulary.lateness_seconds.get(&stream);
        seconds.map_or(LATENESS_DEFAULT_NS, |seconds| {
            i64::try_from(*seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(Time::SECOND)
        })
    }

    fn clock(&self, stream: Stream, now: Time) -> Clock {
        let now = self.now.map_or(now, |last| last.max(now)).0;
        Clock {
            now,
            horizon: now.saturating_sub(Self::lateness_ns(&self.vocabulary, stream)),
        }
    }

    /// Groups take what the latest of their members may still send.
    fn group_clock(&self, now: Time) -> Clock {
        let now = self.now.map_or(now, |last| last.max(now)).0;
        Clock {
            now,
            horizon: now.saturating_sub(longest_lateness(&self.vocabulary)),
        }
    }

    /// The unit of an entity and status; made when it first speaks, none beyond the bound.
    fn unit_of(&mut self, entity: &Name, status: Status, stream: Stream) -> Option<u32> {
        let known = self
            .index
            .get(entity)
            .and_then(|units| units[status_index(status)]);
        known.or_else(|| self.add_unit(entity, status, stream))
    }

    fn add_unit(&mut self, entity: &Name, status: Status, stream: Stream) -> Option<u32> {
        if self.units.len() >= ENTITIES_MAX {
            return None;
        }
        let number = u32::try_from(self.units.len()).ok()?;
        let info = self.vocabulary.entities.get(&**entity);
        let stream = info.map_or(stream, |info| info.stream);
        let binding = self.bindings.bind(
            &self.rules,
            entity,
            info,
            stream,
            (status, spread_ns(&self.vocabulary, stream)),
        );
        let unit = Unit::new(
            entity.clone(),
            status,
            stream,
            info,
            binding,
            &self.rules.rules,
        );
        let gateway = info.and_then(|info| info.gateway.clone());
        self.units.push(unit);
        self.index.entry(entity.clone()).or_default()[status_index(status)] = Some(number);
        self.join_groups(number);
        if let Some(gateway) = gateway.filter(|_| status == Status::Actual) {
            self.link_gateway(number, &gateway);
        }
        Some(number)
    }

    /// Hearing a device is hearing its gateway.
    fn link_gateway(&mut self, number: u32, gateway: &Name) {
        let stream = self
            .vocabulary
            .entities
            .get(&**gateway)
            .map(|info| info.stream);
        let known = self.index.get(gateway).and_then(|units| units[0]);
        let found = known.or_else(|| {
            let stream = stream?;
            // A gateway of gateways would make a unit for each: bounded by the catalogue, and no cycle, as the unit exists.
            self.add_unit(gateway, Status::Actual, stream)
        });
        if let Some(unit) = self.units.get_mut(number as usize) {
            unit.gateway = found.filter(|found| *found != number);
        }
    }

    /// Timers are derived from the rest of the state; this makes them anew.
    fn rebuild_timers(&mut self) {
        self.timers.clear();
        self.absences.clear();
        for (number, unit) in (0_u32..).zip(&self.units) {
            for index in (0_u16..).take(unit.keys.len()) {
                let due = unit
                    .watch(index)
                    .and_then(|watch| watch.machine.phase.due());
                self.timers
                    .extend(due.map(|due| (due, KeyRef::Unit(number, index))));
                if unit.silence(index).is_some_and(|silence| silence.armed)
                    && let Some(deadline) = absence::deadline(unit, &self.rules, index)
                {
                    self.absences.insert((deadline, number, index));
                }
            }
        }
        for (number, group) in (0_u32..).zip(&self.groups) {
            let due = group.watch.machine.phase.due();
            self.timers
                .extend(due.map(|due| (due, KeyRef::Group(number))));
        }
    }
}

/// Older than its stream's bound when it came, or out of the quarantine: never live.
fn is_history(flags: EventFlags) -> bool {
    flags.has(EventFlags::HISTORY) || flags.has(EventFlags::REPROCESSED)
}

fn longest_lateness(vocabulary: &Vocabulary) -> i64 {
    let streams = [
        Stream::Disaster,
        Stream::Energy,
        Stream::Environment,
        Stream::Tourism,
        Stream::City,
    ];
    let all = streams.map(|stream| Kernel::lateness_ns(vocabulary, stream));
    all.into_iter().max().unwrap_or(LATENESS_DEFAULT_NS)
}

/// How much longer than its own bound an entity's observations are kept where a group reads them.
fn spread_ns(vocabulary: &Vocabulary, stream: Stream) -> i64 {
    longest_lateness(vocabulary).saturating_sub(Kernel::lateness_ns(vocabulary, stream))
}
