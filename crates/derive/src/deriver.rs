//! The fold: one normalized event in, derived events out.

use std::collections::BTreeMap;
use std::sync::Arc;

use event::{Event, EventFlags, Kind, Name, Status, Time};
use serde::Serialize;

use crate::identity;
use crate::methods::{Cell, Sample, Shape};
use crate::result::{Source, feed, sample, usable};
use crate::rules::{Rule, Rules};
use crate::series::{Found, Frame, Series, Terms};
use crate::state::{Entry, Key, Saved, SavedEntry, State, VERSION};

/// What a derived event takes over from the flags of its input.
const INHERITED: EventFlags = EventFlags::HISTORY
    .with(EventFlags::LATE)
    .with(EventFlags::RETAINED)
    .with(EventFlags::REPROCESSED)
    .with(EventFlags::TIME_MISSING)
    .with(EventFlags::TIME_FUTURE)
    .with(EventFlags::TIME_PAST)
    .with(EventFlags::CLOCK_CORRECTED);

/// Of those, what stays true of an hour that is closed later without an event.
const LASTING: EventFlags = EventFlags::HISTORY
    .with(EventFlags::REPROCESSED)
    .with(EventFlags::RETAINED);

/// Counts since the start, for metrics: no part of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that some rule took a value of.
    pub folded: u64,
    /// Derived events given.
    pub derived: u64,
    /// Of those, results given again because a reading came late.
    pub revised: u64,
    /// Readings that a series had already.
    pub repeats: u64,
    /// Readings older than what is still revised.
    pub too_old: u64,
    /// Results that a reading changes but `revisions_max` cut off.
    pub revisions_cut: u64,
    /// Readings let go because of `readings_max`.
    pub readings_cut: u64,
    /// Readings not taken because of `series_max`.
    pub series_refused: u64,
    /// Series and readings remembered now.
    pub series: u64,
    pub readings: u64,
}

/// Rules and series. Bound: `series_max` series of `readings_max` readings.
#[derive(Debug)]
pub struct Deriver {
    rules: Arc<Rules>,
    series: BTreeMap<Key, Series>,
    /// Nothing is due before this time; a series may have moved on since it was noted.
    due: Option<Time>,
    /// No series can have been idle for long enough before this time, so there is no use in looking.
    sweep_not_before: Time,
    counts: Counts,
    /// Room for the rules of an entity; holds nothing from one event to the next.
    rules_of: Vec<usize>,
    found: Vec<Found>,
}

impl Deriver {
    pub fn new(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            series: BTreeMap::new(),
            due: None,
            sweep_not_before: Time(i64::MIN),
            counts: Counts::default(),
            rules_of: Vec::new(),
            found: Vec::new(),
        }
    }

    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Takes new rules. Series of rules with the same name, method and inputs are kept, others dropped.
    pub fn set_rules(&mut self, rules: Arc<Rules>) {
        let signature = |rules: &Rules, key: &Key| {
            let rule = rules.by_name(&key.rule).and_then(|at| rules.list.get(at));
            rule.map(|rule| rule.signature.clone())
        };
        self.series
            .retain(|key, _| signature(&self.rules, key) == signature(&rules, key));
        self.rules = rules;
        self.drop_strangers();
        self.due = self.earliest();
    }

    /// Series of entities that no rule of that name is about any more.
    fn drop_strangers(&mut self) {
        let (rules, mut of) = (Arc::clone(&self.rules), Vec::new());
        self.series.retain(|key, _| {
            rules.of(&key.entity, &mut of);
            let mut names = of.iter().filter_map(|at| rules.list.get(*at));
            names.any(|rule| rule.name == key.rule && rule.shape.is_some())
        });
    }

    pub fn counts(&self) -> Counts {
        Counts {
            series: self.series.len() as u64,
            readings: self.series.values().map(|series| series.len() as u64).sum(),
            ..self.counts
        }
    }

    /// Folds one event; adds what it brings about to `out`. Readings only; what is derived itself is not folded.
    pub fn event(&mut self, event: &Event, out: &mut Vec<Event>) {
        if event.kind != Kind::Reading || event.flags.has(EventFlags::DERIVED) {
            return;
        }
        let mut rules_of = std::mem::take(&mut self.rules_of);
        self.rules.of(&event.entity, &mut rules_of);
        if !rules_of.is_empty() {
            let before = out.len();
            // Levels that an earlier rule computed from this event.
            let mut fed: Vec<(Name, Cell)> = Vec::new();
            let mut folded = false;
            for rule in &rules_of {
                folded |= self.apply(*rule, event, &mut fed, out);
            }
            self.counts.folded += u64::from(folded);
            self.counts.derived += (out.len() - before) as u64;
        }
        self.rules_of = rules_of;
    }

    /// One rule; whether it took a value.
    fn apply(
        &mut self,
        number: usize,
        event: &Event,
        fed: &mut Vec<(Name, Cell)>,
        out: &mut Vec<Event>,
    ) -> bool {
        let rules = Arc::clone(&self.rules);
        let Some(rule) = rules.list.get(number) else {
            return false;
        };
        let serial = rule.shape.as_ref().and_then(|shape| shape.serial);
        let inputs = rule.inputs.iter().enumerate();
        let cells: Vec<Option<Cell>> = inputs
            .map(|(slot, input)| match Some(slot) == serial {
                true => None,
                false => usable(event, fed, input.as_ref()?),
            })
            .collect();
        if cells.iter().all(Option::is_none) {
            return false;
        }
        let source = Source {
            rule: number,
            entity: &event.entity,
            status: event.status,
            stream: event.stream,
            site: &event.site,
            device: &event.device,
            place: event.place.as_ref(),
            received: event.received,
            processed: event.processed,
            flags: EventFlags(event.flags.0 & INHERITED.0),
            input: event.id,
        };
        let Some(shape) = &rule.shape else {
            let answers = rule.method.instant(&event.entity, &cells);
            if rule.method.feeds() {
                feed(rule, &answers, fed);
            }
            let found = Found {
                kind: 0,
                at: event.observed.0,
                revision: 0,
                late: false,
                answers,
            };
            out.extend(rules.make(&source, &found));
            return true;
        };
        let sample = sample(event, rule, shape, cells);
        let mut found = std::mem::take(&mut self.found);
        let borrower = rule.lent.get(&event.entity);
        let entity = borrower.unwrap_or(&event.entity);
        let frame = self.fold(rule, shape, entity, event, sample, &mut found);
        match (borrower, frame) {
            (None, _) => out.extend(rules.make_all(&source, &mut found)),
            // A result that a lent reading brings about is the borrower's.
            (Some(entity), Some(frame)) if frame.own => {
                let source = Source {
                    entity,
                    stream: frame.stream,
                    site: &frame.site,
                    device: &frame.device,
                    place: frame.place.as_ref(),
                    ..source
                };
                out.extend(rules.make_all(&source, &mut found));
            }
            (Some(_), _) => {}
        }
        found.clear();
        self.found = found;
        true
    }

    /// Puts a reading into its series; the frame of that, where there is room for one.
    fn fold(
        &mut self,
        rule: &Rule,
        shape: &Shape,
        entity: &Name,
        event: &Event,
        sample: Sample,
        found: &mut Vec<Found>,
    ) -> Option<&Frame> {
        let rules = Arc::clone(&self.rules);
        let key = Key {
            entity: entity.clone(),
            rule: rule.name.clone(),
            device: match shape.per_device {
                true => event.device.clone(),
                false => Name::from(""),
            },
            status: identity::status_code(event.status),
        };
        if !self.series.contains_key(&key) && !self.has_room(event.processed) {
            self.counts.series_refused += 1;
            return None;
        }
        let own = *entity == event.entity;
        let frame = || Frame {
            stream: event.stream,
            site: event.site.clone(),
            device: event.device.clone(),
            place: event.place.clone(),
            received: event.received,
            flags: EventFlags(event.flags.0 & LASTING.0),
            input: event.id,
            own,
        };
        let new = || Series::new(frame(), event.processed);
        let series = self.series.entry(key).or_insert_with(new);
        let terms = Terms {
            entity,
            method: rule.method.as_ref(),
            shape,
            limits: &rules.limits,
        };
        let newest = series.newest().is_none_or(|newest| sample.at >= newest);
        let taken = series.take(&terms, sample, &mut self.counts, found);
        series.heard = series.heard.max(event.processed);
        if taken && own && (newest || !series.frame.own) {
            series.frame = frame();
        }
        let due = series.due(shape, &rules.limits);
        self.due = match (self.due, due) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Some(&series.frame)
    }

    /// Whether one more series fits; forgets those that have been silent for long.
    fn has_room(&mut self, now: Time) -> bool {
        let limits = &self.rules.limits;
        if self.series.len() < limits.series_max {
            return true;
        }
        if now < self.sweep_not_before {
            return false;
        }
        self.series
            .retain(|_, series| now.since(series.heard) <= limits.idle_ns);
        let oldest = self.series.values().map(|series| series.heard).min();
        self.sweep_not_before = oldest.map_or(now, |oldest| oldest.plus(limits.idle_ns + 1));
        self.series.len() < limits.series_max
    }

    /// Journal time has come to `now`: hours and days that are due and that no event has closed. `received` is the wall time of the
    /// record that says so.
    pub fn advance(&mut self, now: Time, received: Time, out: &mut Vec<Event>) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let before = out.len();
        let rules = Arc::clone(&self.rules);
        let mut found = std::mem::take(&mut self.found);
        for (key, series) in &mut self.series {
            let Some(number) = rules.by_name(&key.rule) else {
                continue;
            };
            let Some((rule, shape)) = rules
                .list
                .get(number)
                .and_then(|rule| Some((rule, rule.shape.as_ref()?)))
            else {
                continue;
            };
            let terms = Terms {
                entity: &key.entity,
                method: rule.method.as_ref(),
                shape,
                limits: &rules.limits,
            };
            series.advance(&terms, now, &mut found);
            let frame = &series.frame;
            let source = Source {
                rule: number,
                entity: &key.entity,
                status: status_of(key.status),
                stream: frame.stream,
                site: &frame.site,
                device: &frame.device,
                place: frame.place.as_ref(),
                received: frame.received.max(received),
                processed: now,
                flags: frame.flags,
                input: frame.input,
            };
            out.extend(
                found
                    .drain(..)
                    .filter_map(|found| rules.make(&source, &found)),
            );
        }
        self.found = found;
        self.due = self.earliest();
        self.counts.derived += (out.len() - before) as u64;
    }

    /// When something may fall due; nothing does before, and an event may have been quicker.
    pub const fn next_due(&self) -> Option<Time> {
        self.due
    }

    fn earliest(&self) -> Option<Time> {
        let rules = &self.rules;
        let dues = self.series.iter().filter_map(|(key, series)| {
            let rule = rules.list.get(rules.by_name(&key.rule)?)?;
            series.due(rule.shape.as_ref()?, &rules.limits)
        });
        dues.min()
    }

    /// The whole memory, sorted: equal memories have equal bytes in any format.
    pub fn save(&self) -> impl Serialize + '_ {
        let entries = self.series.iter().filter_map(|(key, series)| {
            let rule = self.rules.list.get(self.rules.by_name(&key.rule)?)?;
            Some(SavedEntry {
                key,
                signature: &rule.signature,
                series,
            })
        });
        Saved {
            version: VERSION,
            entries: entries.collect(),
        }
    }

    /// Goes on from a saved memory, with the rules that were in force; `None` if the form is of another release.
    pub fn restore(rules: Arc<Rules>, state: State) -> Option<Self> {
        if state.version != VERSION {
            return None;
        }
        let mut deriver = Self::new(rules);
        for Entry {
            key,
            signature,
            series,
        } in state.entries
        {
            let rules = &deriver.rules;
            let rule = rules.by_name(&key.rule).and_then(|at| rules.list.get(at));
            if rule.is_some_and(|rule| rule.signature == signature) {
                deriver.series.insert(key, series);
            }
        }
        deriver.drop_strangers();
        deriver.due = deriver.earliest();
        Some(deriver)
    }
}

const fn status_of(code: u8) -> Status {
    match code {
        1 => Status::Exercise,
        2 => Status::Test,
        _ => Status::Actual,
    }
}
