//! One life: the engine, a second one that is restarted, and the model, record by record.

use std::collections::BTreeSet;
use std::sync::Arc;

use alert::{Effect, Engine, Origin, RuleSet};
use event::{
    Action, AlertId, AlertState, Change, Command, Event, EventFlags, EventId, JournalId, Kind,
    Measured, Stream, Time, Verdict, Vocabulary,
};

use crate::MINUTE;
use crate::rules::Rule;
use crate::script::{Act, Said, Step, What, minutes};
use crate::told::Told;
use crate::truth::{Key, Span, Truth};

const JOURNAL: JournalId = JournalId([7; 16]);
const DAY: i64 = 24 * 60 * MINUTE;

/// What all lives share.
pub(crate) struct World {
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) sets: Vec<Arc<RuleSet>>,
    pub(crate) rules: Vec<Vec<Rule>>,
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
    let values = said.values.iter().map(|(measure, value, quality)| Measured {
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
        flags: if said.history { EventFlags::HISTORY } else { EventFlags::default() },
        values: values.collect(),
    }
}

struct Run<'a> {
    world: &'a World,
    engine: Engine,
    /// Made anew from its bytes now and then; must never differ.
    second: Engine,
    truth: Truth<'a>,
    told: Told,
    set: usize,
    commands: Vec<(Command, Verdict)>,
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
        truth: Truth::new(&world.rules),
        told: Told::default(),
        set: 0,
        commands: Vec::new(),
        dirty: BTreeSet::new(),
    };
    for (number, step) in script.iter().enumerate() {
        run.step(number, step)
            .map_err(|why| format!("record {number} ({step}): {why}"))?;
    }
    run.end().map_err(|why| format!("at the end: {why}"))?;
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
                for (engine, out) in [(&mut self.engine, &mut out), (&mut self.second, &mut again)] {
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
            return Err(format!("differs after a restart: {:#?} {:#?}", written(&out), written(&again)));
        }
        // What a new rule decides of a hold that was under way is decided with the next record.
        if matches!(step.what, What::Rules(_)) { Ok(()) } else { self.compare() }
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
                    if new && transition.alert.retrospective != history && key.0 != "silent" && key.0 != "gone" {
                        return Err("live and retrospective are mixed up".to_owned());
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
    fn compare(&mut self) -> Result<(), String> {
        self.dirty.extend(self.truth.take_changed());
        for key in std::mem::take(&mut self.dirty) {
            let (told, truth) = (self.told.spans(&key), self.truth.spans(&key));
            if told != truth {
                return Err(format!("{key:?}: told {}, true {}", show(&told), show(truth)));
            }
        }
        let (due, next) = (self.truth.next_due(), self.engine.next_due());
        match (due, next) {
            (Some(due), None) => Err(format!("due at {}m, and nothing is waited for", minutes(due))),
            (Some(due), Some(next)) if next.0 > due => Err(format!(
                "due at {}m, waited for until {}m",
                minutes(due),
                minutes(next.0)
            )),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        self.dirty.extend(self.truth.keys());
        self.dirty.extend(self.told.keys());
        self.compare()?;
        self.told.reconcile(self.engine.alerts())?;
        let active = self.engine.alerts().filter(|alert| {
            let state = matches!(alert.state, AlertState::Unacknowledged | AlertState::Acknowledged);
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

    fn command(&self, number: usize, now: i64, pick: usize, seen: u32, act: &Act) -> Command {
        let heard = self.told.order.iter().rev().nth(pick).map(|id| &self.told.alerts[id]);
        let reason = "known".to_owned();
        let action = match act {
            Act::Acknowledge => Action::Acknowledge,
            Act::Shelve { minutes, one_shot } => Action::Shelve {
                until: Time(now + minutes * MINUTE),
                reason,
                one_shot: *one_shot,
            },
            Act::Unshelve => Action::Unshelve,
            Act::Comment => Action::Comment { text: reason },
            Act::Assign => Action::Assign { to: "Minh".to_owned() },
            Act::Escalate => Action::Escalate { level: None, reason },
            Act::Reset => Action::Reset,
            Act::Close(cause) => Action::Close {
                cause: *cause,
                text: reason,
            },
            Act::Reopen => Action::Reopen { reason },
            Act::MarkFalse => Action::MarkFalse { reason },
            Act::UnmarkFalse => Action::UnmarkFalse,
        };
        let alert = heard.map(|heard| &heard.alert);
        Command {
            command_id: format!("c{number}"),
            operator: "Lan".to_owned(),
            verified: false,
            alert: Some(alert.map_or(AlertId("none".to_owned()), |alert| alert.id.clone())),
            seen_state: alert.map_or(AlertState::Normal, |alert| alert.state),
            seen_revision: alert.map_or(0, |alert| alert.revision.saturating_sub(seen)),
            action,
        }
    }

    /// The command to both engines: the answer is the one expected, and only an accepted one changes anything.
    fn order(
        &mut self,
        origin: &Origin,
        command: Command,
        first: Option<Verdict>,
        out: &mut Vec<Effect>,
        again: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let before = out.len();
        let expected = self.expected(&command, origin.now.0, &out[..before]);
        let verdict = self.engine.command(origin, &command, out);
        if self.second.command(origin, &command, again) != verdict {
            return Err("another verdict after a restart".to_owned());
        }
        let own = |effect: &Effect| {
            let transition = effect.transition();
            transition.and_then(|told| told.command_id.as_ref()) == Some(&command.command_id)
        };
        let acted = out[before..].iter().any(own);
        if let Some(first) = first {
            let same = first.accepted == verdict.accepted && first.refusal == verdict.refusal;
            if !same || out.len() > before {
                return Err(format!("{command:?} once more: {:?}", verdict.refusal));
            }
            return Ok(());
        }
        if verdict.accepted != acted || verdict.accepted == verdict.refusal.is_some() {
            return Err(format!("{command:?}: {:?}, acted {acted}", verdict.refusal));
        }
        if expected.is_some_and(|expected| expected != verdict.accepted) {
            return Err(format!("{command:?}: {:?}, expected {expected:?}", verdict.refusal));
        }
        self.commands.push((command, verdict));
        Ok(())
    }

    /// Whether a command is to be accepted, where the words of it leave no choice. `out` is what this record has done so far.
    fn expected(&self, command: &Command, now: i64, out: &[Effect]) -> Option<bool> {
        let id = command.alert.as_ref()?;
        if out.iter().filter_map(Effect::transition).any(|told| told.alert.id == *id) {
            return None;
        }
        let Some(heard) = self.told.alerts.get(&id.0) else {
            return Some(false);
        };
        let alert = &heard.alert;
        let over = alert.state == AlertState::Normal;
        let seen = (heard.opened..=alert.revision).contains(&command.seen_revision);
        let waiting = matches!(
            alert.state,
            AlertState::Unacknowledged | AlertState::ReturnedUnacknowledged
        );
        Some(match &command.action {
            Action::Acknowledge => waiting && seen,
            Action::Shelve { until, .. } => {
                !over && seen && until.0 > now && until.0 - now <= alert::SHELVE_MAX
            }
            Action::Unshelve => alert.shelved.is_some(),
            Action::Reset if alert.state != AlertState::Latched => false,
            Action::Comment { .. } if !over => alert.comments.len() < alert::COMMENTS_MAX,
            Action::Reopen { .. } if !over => false,
            _ => return None,
        })
    }
}

pub(crate) fn show(spans: &[Span]) -> String {
    let text = |(since, end): &Span| {
        let end = end.map_or("…".to_owned(), |end| minutes(end).to_string());
        format!("{}–{end}", minutes(*since))
    };
    spans.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// The live events of a script, each when it was observed: the episodes must be those that were told of the disorder.
pub(crate) fn in_order(world: &World, script: &[Step]) -> Result<(), String> {
    let disorder = spans_after(world, script)?;
    let mut events: Vec<&Said> = Vec::new();
    let mut known = BTreeSet::new();
    for step in script {
        if let What::Event(said) = &step.what
            && !said.history
            && known.insert((said.entity, said.status, said.observed))
        {
            events.push(said);
        }
    }
    events.sort_by_key(|said| said.observed);
    let end = script.last().map_or(0, |step| step.now);
    let mut steps: Vec<Step> = Vec::new();
    for said in events {
        steps.push(Step {
            now: said.observed,
            restart: false,
            what: What::Event(said.clone()),
        });
    }
    steps.push(Step {
        now: end,
        restart: false,
        what: What::Clock,
    });
    let order = spans_after(world, &steps)?;
    if order == disorder {
        return Ok(());
    }
    let differs = order.symmetric_difference(&disorder).next();
    Err(format!("in order and out of order differ: {differs:?}"))
}

/// The final episodes of all conditions.
fn spans_after(world: &World, script: &[Step]) -> Result<BTreeSet<(Key, Span)>, String> {
    let mut engine = Engine::new(Arc::clone(&world.sets[0]), Arc::clone(&world.vocabulary));
    let mut told = Told::default();
    for (number, step) in script.iter().enumerate() {
        let (origin, mut out) = (origin(number, step.now), Vec::new());
        if matches!(step.what, What::Start) {
            engine.node_started(&origin, &mut out);
        } else {
            engine.advance(&origin, &mut out);
        }
        if let What::Event(said) = &step.what {
            engine.event(&origin, &event_of(said, step.now), &mut out);
        }
        for transition in out.iter().filter_map(Effect::transition) {
            told.hear(transition, step.now)?;
        }
    }
    let mut all = BTreeSet::new();
    let absence = |key: &Key| matches!(key.0, "silent" | "gone");
    for key in told.keys().filter(|key| !absence(key)) {
        all.extend(told.spans(&key).into_iter().map(|span| (key, span)));
    }
    Ok(all)
}
