//! The model of what is true: all events in a list, and after each record the episodes of a key from scratch.

use std::collections::BTreeMap;

use event::{Quality, Status, Value};

use crate::rules::{Answer, Rule};
use crate::script::Said;
use crate::silence::Silences;

/// An entity under a status.
pub(crate) type Thing = (&'static str, Status);
/// A rule at a thing.
pub(crate) type Key = (&'static str, Thing);
/// From when to when; none = it goes on.
pub(crate) type Span = (i64, Option<i64>);

struct Observation {
    at: i64,
    values: Vec<(&'static str, Value, Quality)>,
}

/// What a thing has said, by observed time.
#[derive(Default)]
pub(crate) struct History {
    list: Vec<Observation>,
}

impl History {
    /// False if there was something at that instant already: it is the same reading once more.
    fn insert(&mut self, said: &Said) -> bool {
        let at = self.list.partition_point(|known| known.at < said.observed);
        if self
            .list
            .get(at)
            .is_some_and(|known| known.at == said.observed)
        {
            return false;
        }
        let observation = Observation {
            at: said.observed,
            values: said.values.clone(),
        };
        self.list.insert(at, observation);
        true
    }

    fn newest(&self, measure: &str, at: i64) -> Option<(i64, &Value, Quality)> {
        let end = self.list.partition_point(|known| known.at <= at);
        self.list[..end].iter().rev().find_map(|known| {
            let of = |entry: &&(&'static str, Value, Quality)| entry.0 == measure;
            let (_, value, quality) = known.values.iter().find(of)?;
            Some((known.at, value, *quality))
        })
    }

    /// The newest value at an instant, if it may be used.
    pub(crate) fn value(
        &self,
        measure: &str,
        at: i64,
        max_age: i64,
        accept: Quality,
    ) -> Option<Value> {
        let (observed, value, quality) = self.newest(measure, at)?;
        let usable = quality.is_usable() || accept.has(quality);
        (usable && at - observed <= max_age).then(|| value.clone())
    }

    /// The newest value that may be used, however old, whatever came after it.
    pub(crate) fn last_good(&self, measure: &str) -> Option<f64> {
        self.window(measure, i64::MIN, i64::MAX)
            .last()
            .map(|(_, value)| *value)
    }

    /// The usable numbers from `from` to `to`, both included.
    pub(crate) fn window(&self, measure: &str, from: i64, to: i64) -> Vec<(i64, f64)> {
        let start = self.list.partition_point(|known| known.at < from);
        let end = self.list.partition_point(|known| known.at <= to);
        let mut samples = Vec::new();
        for known in &self.list[start..end] {
            for (name, value, quality) in &known.values {
                if let Value::Number(value) = value
                    && *name == measure
                    && quality.is_usable()
                {
                    samples.push((known.at, *value));
                }
            }
        }
        samples
    }

    /// When one of the measures came, from `from` to `to`, both included.
    pub(crate) fn times(&self, measures: &[&str], from: i64, to: i64) -> Vec<i64> {
        let of = |known: &&Observation| {
            let mut names = known.values.iter().map(|(name, ..)| name);
            (from..=to).contains(&known.at) && names.any(|name| measures.contains(name))
        };
        self.list.iter().filter(of).map(|known| known.at).collect()
    }

    fn is_bad(&self, measure: &str, at: i64) -> bool {
        self.newest(measure, at)
            .is_some_and(|(_, _, quality)| !quality.is_usable())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Clear,
    Pending(i64),
    Active,
    Releasing(i64),
}

/// What of a key is fixed for ever: nothing but what was so when its rule was changed.
#[derive(Clone, Default)]
struct Base {
    floor: Option<i64>,
    phase: Phase,
    spans: Vec<Span>,
}

#[derive(Clone, Default)]
struct State {
    base: Base,
    phase: Phase,
    spans: Vec<Span>,
}

/// What a rule reads: the history of its thing, or of each of its members.
pub(crate) struct View<'a>(pub(crate) Vec<&'a History>);

/// The observed times at which something came that the rule reads, ascending, each once.
fn points(rule: &Rule, view: &View<'_>) -> Vec<i64> {
    let mut points = Vec::new();
    for (member, measure) in &rule.reads {
        let of = |known: &&Observation| known.values.iter().any(|(name, ..)| name == measure);
        points.extend(view.0[*member].list.iter().filter(of).map(|known| known.at));
    }
    points.sort_unstable();
    points.dedup();
    points
}

/// Whether the rule says yes, no or nothing, and whether it says that it is over.
fn answers(rule: &Rule, view: &View<'_>, at: i64) -> (Answer, Answer) {
    let enabled = rule.enabled.as_ref().and_then(|enabled| enabled(view, at));
    if enabled == Some(false) {
        return (Some(false), Some(true));
    }
    let mut reads = rule.reads.iter();
    let bad = reads.any(|(member, measure)| view.0[*member].is_bad(measure, at));
    let raise = (rule.raise)(view, at);
    let clear = match (&rule.clear, raise) {
        (_, Some(true)) => Some(false),
        _ if bad => None,
        (None, raise) => raise.map(|raise| !raise),
        (Some(clear), _) => clear(view, at),
    };
    // A bad value breaks no hold either.
    let raise = raise.filter(|raise| *raise || !bad);
    (raise, clear)
}

/// The canonical episodes of a key: its points in ascending order through the machine.
fn episodes(rule: &Rule, view: &View<'_>, base: &Base, now: i64) -> (Phase, Vec<Span>) {
    let mut machine = Machine {
        rule,
        phase: base.phase,
        spans: base.spans.clone(),
    };
    for at in points(rule, view) {
        if base.floor.is_none_or(|floor| at > floor) {
            machine.decide(at - 1);
            let (raise, clear) = answers(rule, view, at);
            machine.turn(at, raise, clear);
        }
    }
    machine.decide(now);
    (machine.phase, machine.spans)
}

struct Machine<'a> {
    rule: &'a Rule,
    phase: Phase,
    spans: Vec<Span>,
}

impl Machine<'_> {
    fn begin(&mut self, since: i64) {
        self.phase = Phase::Active;
        self.spans.push((since, None));
    }

    fn end(&mut self, since: i64) {
        self.phase = Phase::Clear;
        self.spans.last_mut().unwrap().1 = Some(since);
    }

    /// A hold or release that is due by `by`.
    fn decide(&mut self, by: i64) {
        match self.phase {
            Phase::Pending(since) if since + self.rule.hold <= by => self.begin(since),
            Phase::Releasing(since) if since + self.rule.release <= by => self.end(since),
            Phase::Clear | Phase::Active | Phase::Pending(_) | Phase::Releasing(_) => {}
        }
    }

    fn turn(&mut self, at: i64, raise: Answer, clear: Answer) {
        match self.phase {
            Phase::Clear if raise == Some(true) && self.rule.hold == 0 => self.begin(at),
            Phase::Clear if raise == Some(true) => self.phase = Phase::Pending(at),
            Phase::Pending(_) if raise == Some(false) => self.phase = Phase::Clear,
            Phase::Active if clear == Some(true) && self.rule.release == 0 => self.end(at),
            Phase::Active if clear == Some(true) => self.phase = Phase::Releasing(at),
            Phase::Releasing(_) if clear == Some(false) => self.phase = Phase::Active,
            Phase::Pending(_) | Phase::Releasing(_) => self.decide(at),
            Phase::Clear | Phase::Active => {}
        }
    }
}

static NOTHING: History = History { list: Vec::new() };

fn view<'a>(rule: &Rule, (own, status): Thing, all: &'a BTreeMap<Thing, History>) -> View<'a> {
    let of = |entity| all.get(&(entity, status)).unwrap_or(&NOTHING);
    if rule.members.is_empty() {
        return View(vec![of(own)]);
    }
    View(rule.members.iter().map(|entity| of(*entity)).collect())
}

/// Everything that is true.
pub(crate) struct Truth<'a> {
    sets: &'a [Vec<Rule>],
    set: usize,
    histories: BTreeMap<Thing, History>,
    states: BTreeMap<Key, State>,
    silences: Silences,
    now: i64,
    /// Keys whose episodes have changed since they were last taken.
    changed: Vec<Key>,
}

impl<'a> Truth<'a> {
    pub(crate) fn new(sets: &'a [Vec<Rule>], gateway: bool) -> Self {
        Self {
            sets,
            set: 0,
            histories: BTreeMap::new(),
            states: BTreeMap::new(),
            silences: Silences::new(gateway),
            now: i64::MIN,
            changed: Vec::new(),
        }
    }

    /// Journal time goes on; `start`: it stood still for us since the record before.
    pub(crate) fn advance(&mut self, now: i64, start: bool) {
        self.now = now;
        let level = |entity| {
            let history = self.histories.get(&(entity, Status::Actual))?;
            history.last_good("level")
        };
        self.silences.advance(now, start, level, &mut self.changed);
        let due: Vec<Key> = self
            .states
            .iter()
            .filter(|(_, state)| matches!(state.phase, Phase::Pending(_) | Phase::Releasing(_)))
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            self.compute(key);
        }
    }

    /// `advance` was called before.
    pub(crate) fn event(&mut self, said: &Said) {
        self.silences.heard(said, self.now, &mut self.changed);
        if said.history {
            return;
        }
        let thing = (said.entity, said.status);
        if !self.histories.entry(thing).or_default().insert(said) {
            return;
        }
        for rule in &self.sets[self.set] {
            let read = |(member, measure): &(usize, &str)| {
                let member = rule.members.get(*member).unwrap_or(&said.entity);
                *member == said.entity && said.values.iter().any(|(name, ..)| name == measure)
            };
            if rule.reads.iter().any(read) {
                let entity = rule.members.first().unwrap_or(&said.entity);
                self.compute((rule.id, (*entity, said.status)));
            }
        }
    }

    /// Changed rules go on from where they are; their points so far are final.
    pub(crate) fn set_rules(&mut self, set: usize) {
        let old = &self.sets[self.set];
        for (rule, before) in self.sets[set].iter().zip(old) {
            assert_eq!(rule.id, before.id);
            if rule.version == before.version {
                continue;
            }
            for ((id, thing), state) in &mut self.states {
                if *id != rule.id {
                    continue;
                }
                let view = view(before, *thing, &self.histories);
                state.base = Base {
                    floor: points(before, &view).last().copied(),
                    phase: state.phase,
                    spans: state.spans.clone(),
                };
            }
        }
        self.set = set;
    }

    fn compute(&mut self, key: Key) {
        let (id, thing) = key;
        let rule = self.sets[self.set]
            .iter()
            .find(|rule| rule.id == id)
            .unwrap();
        let state = self.states.entry(key).or_default();
        let view = view(rule, thing, &self.histories);
        let (phase, spans) = episodes(rule, &view, &state.base, self.now);
        state.phase = phase;
        if spans != state.spans {
            state.spans = spans;
            self.changed.push(key);
        }
    }

    pub(crate) fn take_changed(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.changed)
    }

    pub(crate) fn spans(&self, key: &Key) -> &[Span] {
        match self.states.get(key) {
            Some(state) => &state.spans,
            None => self.silences.spans(key),
        }
    }

    /// Every key that ever had an episode.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let conditions = self
            .states
            .iter()
            .filter(|(_, state)| !state.spans.is_empty());
        conditions
            .map(|(key, _)| *key)
            .chain(self.silences.keys())
            .collect()
    }

    /// When something is due at the latest, if nothing else comes.
    pub(crate) fn next_due(&self) -> Option<i64> {
        let rules = &self.sets[self.set];
        let due = self.states.iter().filter_map(|((id, _), state)| {
            let rule = rules.iter().find(|rule| rule.id == *id)?;
            match state.phase {
                Phase::Pending(since) => Some(since + rule.hold),
                Phase::Releasing(since) => Some(since + rule.release),
                Phase::Clear | Phase::Active => None,
            }
        });
        due.chain(self.silences.next_due()).min()
    }
}
