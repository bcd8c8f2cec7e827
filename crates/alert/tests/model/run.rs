//! One life: the engine, a second one that is restarted, and the model, record by record.

use std::collections::BTreeSet;
use std::sync::Arc;

use alert::{Effect, Engine, Origin, RuleSet};
use event::{
    AlertState, Change, Command, Event, EventFlags, EventId, JournalId, Kind, Measured, Status,
    Stream, SuppressionKind, Time, Verdict, Vocabulary,
};

use crate::MINUTE;
use crate::rules::Rule;
use crate::script::{Said, Step, What, minutes};
use crate::site::{BEHIND_GATEWAY, GATEWAY};
use crate::told::Told;
use crate::truth::{Key, Span, Truth};

const JOURNAL: JournalId = JournalId([7; 16]);
/// What is behind a gateway is told of again so long after its return.
const GATEWAY_GRACE: i64 = 10 * MINUTE;
const DAY: i64 = 24 * 60 * MINUTE;

/// What all lives share.
pub(crate) struct World {
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) sets: Vec<Arc<RuleSet>>,
    pub(crate) rules: Vec<Vec<Rule>>,
    pub(crate) gateway: bool,
}

pub(crate) fn origin(number: usize, now: i64) -> Origin {
    Origin {
        journal: JOURNAL,
        offset: number as u64,
        now: Time(now),
        // Nothing may read it: it goes back and forth.
        wall: Time(now + (number as i64 % 7 - 3) * DAY),
    }
}

pub(crate) fn event_of(said: &Said, now: i64) -> Event {
    let values = said
        .values
        .iter()
        .map(|(measure, value, quality)| Measured {
            measure: (*measure).into(),
            value: value.clone(),
            unit: "m".into(),
            quality: *quality,
        });
    Event {
        id: EventId::default(),
        kind: Kind::Reading,
        stream: Stream::Disaster,
        status: said.status,
        site: "test".into(),
        entity: said.entity.into(),
        device: said.entity.into(),
        observed: Time(said.observed),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: Time(now),
        processed: Time(now),
        sequence: None,
        place: None,
        flags: if said.history {
            EventFlags::HISTORY
        } else {
            EventFlags::default()
        },
        values: values.collect(),
    }
}

pub(crate) struct Run<'a> {
    world: &'a World,
    pub(crate) engine: Engine,
    /// Made anew from its bytes now and then; must never differ.
    pub(crate) second: Engine,
    truth: Truth<'a>,
    pub(crate) told: Told,
    set: usize,
    /// Whether rules were changed.
    changed: bool,
    pub(crate) commands: Vec<(Command, Verdict)>,
    /// Keys to be compared once the next record has been folded.
    dirty: BTreeSet<Key>,
}

/// How often each change was told; an error says where engine and model part.
pub(crate) fn run(
    world: &World,
    script: &[Step],
) -> Result<std::collections::BTreeMap<&'static str, u64>, String> {
    let engine = || Engine::new(Arc::clone(&world.sets[0]), Arc::clone(&world.vocabulary));
    let mut run = Run {
        world,
        engine: engine(),
        second: engine(),
        truth: Truth::new(&world.rules, world.gateway),
        told: Told::default(),
        set: 0,
        changed: false,
        commands: Vec::new(),
        dirty: BTreeSet::new(),
    };
    for (number, step) in script.iter().enumerate() {
        run.step(number, step)
            .map_err(|why| format!("record {number} ({step}): {why}"))?;
    }
    let now = script.last().map_or(0, |step| step.now);
    run.end(now).map_err(|why| format!("at the end: {why}"))?;
    Ok(run.told.changes)
}

fn bytes(engine: &Engine) -> Vec<u8> {
    postcard::to_allocvec(&engine.save()).unwrap()
}

/// The effects as they are written.
fn written(effects: &[Effect]) -> Vec<String> {
    let text = |effect: &Effect| match effect {
        Effect::Transition(body) | Effect::Shadow(body) => serde_json::to_string(body),
        Effect::Suppression(body) => serde_json::to_string(body),
        Effect::Incident(body) => serde_json::to_string(body),
        Effect::PublicWarning(body) => serde_json::to_string(body),
    };
    effects.iter().map(|effect| text(effect).unwrap()).collect()
}

impl Run<'_> {
    fn step(&mut self, number: usize, step: &Step) -> Result<(), String> {
        if step.restart {
            self.restart()?;
        }
        let origin = origin(number, step.now);
        let (mut out, mut again) = (Vec::new(), Vec::new());
        let started = matches!(step.what, What::Start);
        self.truth.advance(step.now, started);
        for (engine, out) in [(&mut self.engine, &mut out), (&mut self.second, &mut again)] {
            match step.what {
                What::Start => engine.node_started(&origin, out),
                What::Stop => engine.node_stopped(&origin, out),
                _ => engine.advance(&origin, out),
            }
        }
        match &step.what {
            What::Clock | What::Stop | What::Start => {}
            What::Event(said) => {
                let event = event_of(said, step.now);
                self.truth.event(said);
                self.engine.event(&origin, &event, &mut out);
                self.second.event(&origin, &event, &mut again);
            }
            What::Rules(set) => {
                self.truth.set_rules(*set);
                self.set = *set;
                self.changed = true;
                for (engine, out) in [(&mut self.engine, &mut out), (&mut self.second, &mut again)]
                {
                    let rules = Arc::clone(&self.world.sets[*set]);
                    engine.set_rules(rules, Arc::clone(&self.world.vocabulary), &origin, out);
                }
            }
            What::Command { pick, seen, act } => {
                let command = self.command(number, step.now, *pick, *seen, act);
                self.order(&origin, command, None, &mut out, &mut again)?;
            }
            What::Again { pick } => {
                if let Some((command, first)) = self.commands.iter().rev().nth(*pick).cloned() {
                    self.order(&origin, command, Some(first), &mut out, &mut again)?;
                }
            }
        }
        self.hear(&out, step)?;
        if written(&out) != written(&again) {
            return Err(format!(
                "differs after a restart: {:#?} {:#?}",
                written(&out),
                written(&again)
            ));
        }
        // What a new rule decides of a hold that was under way is decided with the next record.
        if matches!(step.what, What::Rules(_)) {
            Ok(())
        } else {
            self.compare(step.now)
        }
    }

    fn restart(&mut self) -> Result<(), String> {
        let before = bytes(&self.second);
        let saved = postcard::from_bytes(&before).map_err(|error| error.to_string())?;
        let (rules, vocabulary) = (&self.world.sets[self.set], &self.world.vocabulary);
        self.second = Engine::restore(Arc::clone(rules), Arc::clone(vocabulary), saved)
            .map_err(|error| error.to_string())?;
        if bytes(&self.second) == before {
            Ok(())
        } else {
            Err("a restored engine saves other bytes".to_owned())
        }
    }

    fn hear(&mut self, out: &[Effect], step: &Step) -> Result<(), String> {
        let history = matches!(&step.what, What::Event(said) if said.history);
        for effect in out {
            match effect {
                Effect::Transition(transition) => {
                    let key = self.told.hear(transition, step.now)?;
                    let new = transition.change == Change::Raised;
                    // After a change of rules what is older than the key's newest is history to it.
                    if new && transition.alert.retrospective && !history && !self.changed {
                        return Err(format!("{} is retrospective", transition.alert.id));
                    }
                    self.dirty.insert(key);
                }
                Effect::Shadow(_) => return Err("a shadow without a rule on trial".to_owned()),
                Effect::Suppression(_) | Effect::Incident(_) | Effect::PublicWarning(_) => {}
            }
        }
        Ok(())
    }

    /// What is told of each key that has moved is what is true of it; what is due is known to be due.
    fn compare(&mut self, now: i64) -> Result<(), String> {
        self.dirty.extend(self.truth.take_changed());
        for key in std::mem::take(&mut self.dirty) {
            self.told.look(&key, &self.engine);
            let (told, truth) = (self.told.spans(&key), self.truth.spans(&key));
            if told != truth {
                return Err(format!(
                    "{key:?}: told {}, true {}",
                    show(&told),
                    show(truth)
                ));
            }
            self.told.settled(&key, now)?;
        }
        self.gateway(now)?;
        let (due, next) = (self.truth.next_due(), self.engine.next_due());
        match (due, next) {
            (Some(due), None) => Err(format!(
                "due at {}m, and nothing is waited for",
                minutes(due)
            )),
            (Some(due), Some(next)) if next.0 > due => Err(format!(
                "due at {}m, waited for until {}m",
                minutes(due),
                minutes(next.0)
            )),
            _ => Ok(()),
        }
    }

    /// Silence behind a gateway is kept back while the gateway's own is told, and a while longer: what is behind it has to be
    /// heard first.
    fn gateway(&self, now: i64) -> Result<(), String> {
        let silent = |entity| ("silent", (entity, Status::Actual));
        let spans = self.truth.spans(&silent(GATEWAY)).last();
        let down = spans.is_some_and(|(_, end)| end.is_none());
        let returned = spans.and_then(|(_, end)| *end);
        if returned.is_some_and(|at| now - at < GATEWAY_GRACE) {
            return Ok(());
        }
        let alerts = BEHIND_GATEWAY
            .into_iter()
            .filter_map(|entity| self.told.active(&silent(entity)));
        for alert in alerts {
            let mut kept_back = alert.handling.suppressed.iter();
            if kept_back.any(|by| by.kind == SuppressionKind::Dependency) != down {
                return Err(format!("{}: its gateway is down: {down}", alert.id));
            }
        }
        Ok(())
    }

    fn end(&mut self, now: i64) -> Result<(), String> {
        self.dirty.extend(self.truth.keys());
        self.dirty.extend(self.told.keys());
        self.compare(now)?;
        self.told.reconcile(self.engine.alerts())?;
        let active = self.engine.alerts().filter(|alert| {
            let state = matches!(
                alert.state,
                AlertState::Unacknowledged | AlertState::Acknowledged
            );
            state && alert.handling.chattering.is_none()
        });
        if let Some(alert) = active.into_iter().find(|alert| alert.returned.is_some()) {
            return Err(format!("{} is active and has returned", alert.id));
        }
        if bytes(&self.engine) != bytes(&self.second) {
            return Err("the states differ after restarts".to_owned());
        }
        Ok(())
    }
}

pub(crate) fn show(spans: &[Span]) -> String {
    let text = |(since, end): &Span| {
        let end = end.map_or("…".to_owned(), |end| minutes(end).to_string());
        format!("{}–{end}", minutes(*since))
    };
    spans.iter().map(text).collect::<Vec<_>>().join(", ")
}
