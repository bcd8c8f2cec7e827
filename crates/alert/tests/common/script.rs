//! A script drives an engine line by line; lines that begin with `>` are what it must answer.
//!
//! ```text
//! at 10m                          journal time goes on (a clock record)
//! event g1 level=5.5 mode=shut    observed now; `obs=5m`, `history`, `status=exercise`, `level=5!1` (quality bits 1)
//! ack c1 hi/g1                    also: ack c1 hi/g1 rev=2 state=unacknowledged by=Lan
//! shelve c2 hi/g1 1h reason       unshelve c3 hi/g1 / comment c4 hi/g1 words
//! stop / start 30m                node records
//! pack next                       a new pack from testdata/packs
//! drop g1                         with the next `pack`: g1 is no longer listed
//! due                             prints the earliest timer
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use alert::{Effect, Engine, Origin, RuleSet};
use event::{
    Action, AlertId, AlertState, Command, Event, EventFlags, EventId, Kind, Measured, Quality,
    Status, Stream, Time, Transition, Value, Verdict, Vocabulary,
};

use super::{JOURNAL, pack, root, vocabulary};

const BASE: i64 = 1_725_800_400_000_000_000;

pub(crate) struct Machine {
    pub(crate) engine: Engine,
    pub(crate) vocabulary: Vocabulary,
    /// What the next `pack` brings.
    next: Vocabulary,
    rules: Arc<RuleSet>,
    now: i64,
    offset: u64,
    /// Newest alert of `rule/entity`.
    ids: BTreeMap<String, AlertId>,
    /// Save, encode, decode and restore before every step.
    restarts: bool,
    pub(crate) output: Vec<String>,
}

fn minutes(text: &str) -> i64 {
    let (digits, unit) = text.split_at(text.len() - 1);
    let number: f64 = digits.parse().unwrap_or_else(|_| panic!("no time: {text}"));
    let unit = match unit {
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3_600e9,
        _ => panic!("no unit: {text}"),
    };
    (number * unit) as i64
}

pub(crate) fn shown(time: Time) -> String {
    let seconds = (time.0 - BASE) as f64 / 1e9;
    format!("{}m", seconds / 60.0)
}

impl Machine {
    pub(crate) fn new(folder: &str, restarts: bool) -> Self {
        let vocabulary = vocabulary();
        let files = pack(&root().join("testdata/packs").join(folder));
        let rules = Arc::new(RuleSet::load(&files, &vocabulary).unwrap());
        let engine = Engine::new(Arc::clone(&rules), Arc::new(vocabulary.clone()));
        let ids = BTreeMap::new();
        let output = Vec::new();
        let next = vocabulary.clone();
        Self {
            engine,
            vocabulary,
            next,
            rules,
            now: BASE,
            offset: 0,
            ids,
            restarts,
            output,
        }
    }

    fn origin(&mut self) -> Origin {
        self.offset += 1;
        Origin {
            journal: JOURNAL,
            offset: self.offset,
            now: Time(self.now),
            wall: Time(self.now),
        }
    }

    fn restart(&mut self) {
        let bytes = postcard::to_allocvec(&self.engine.save()).unwrap();
        let saved = postcard::from_bytes(&bytes).unwrap();
        let vocabulary = Arc::new(self.vocabulary.clone());
        self.engine = Engine::restore(Arc::clone(&self.rules), vocabulary, saved).unwrap();
        assert_eq!(postcard::to_allocvec(&self.engine.save()).unwrap(), bytes);
    }

    pub(crate) fn step(&mut self, line: &str) {
        if self.restarts && self.offset > 0 {
            self.restart();
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut out = Vec::new();
        let mut verdict = None;
        if words[0] == "at" {
            self.now = BASE + minutes(words[1]);
        }
        let origin = self.origin();
        match words[0] {
            "stop" => self.engine.node_stopped(&origin, &mut out),
            "start" => {
                self.now = BASE + minutes(words[1]);
                let origin = Origin {
                    now: Time(self.now),
                    ..origin
                };
                self.engine.node_started(&origin, &mut out);
            }
            "due" => {
                let due = self.engine.next_due();
                self.output
                    .push(format!("due {}", due.map_or("never".to_owned(), shown)));
            }
            "drop" => {
                self.next.entities.remove(words[1]);
            }
            "pack" => {
                self.vocabulary = self.next.clone();
                let files = pack(&root().join("testdata/packs").join(words[1]));
                self.rules = Arc::new(RuleSet::load(&files, &self.vocabulary).unwrap());
                let vocabulary = Arc::new(self.vocabulary.clone());
                self.engine.advance(&origin, &mut out);
                self.engine
                    .set_rules(Arc::clone(&self.rules), vocabulary, &origin, &mut out);
            }
            "at" => self.engine.advance(&origin, &mut out),
            "event" => {
                self.engine.advance(&origin, &mut out);
                let event = self.event(&words[1..], &origin);
                self.engine.event(&origin, &event, &mut out);
            }
            _ => {
                self.engine.advance(&origin, &mut out);
                let command = self.command(&words);
                verdict = Some(self.engine.command(&origin, &command, &mut out));
            }
        }
        self.tell(&out, verdict.as_ref());
    }

    fn tell(&mut self, out: &[Effect], verdict: Option<&Verdict>) {
        for transition in out.iter().filter_map(Effect::transition) {
            let alert = &transition.alert;
            self.ids
                .insert(format!("{}/{}", alert.rule, alert.entity), alert.id.clone());
            self.output.push(line_of(transition));
        }
        if let Some(verdict) = verdict {
            let refusal = verdict
                .refusal
                .map(|refusal| format!("{refusal:?}: {}", verdict.detail.en));
            self.output
                .push(refusal.map_or("accepted".to_owned(), |why| format!("refused {why}")));
        }
    }

    fn event(&self, words: &[&str], origin: &Origin) -> Event {
        let mut event = Event {
            id: EventId::default(),
            kind: Kind::Reading,
            stream: Stream::Disaster,
            status: Status::Actual,
            site: "test".into(),
            entity: words[0].into(),
            device: words[0].into(),
            observed: origin.now,
            observed_until: None,
            valid_from: None,
            valid_to: None,
            received: origin.now,
            processed: origin.now,
            sequence: None,
            place: None,
            flags: EventFlags::default(),
            values: Vec::new(),
        };
        for word in &words[1..] {
            match word.split_once('=') {
                Some(("obs", time)) => event.observed = Time(BASE + minutes(time)),
                Some(("status", "exercise")) => event.status = Status::Exercise,
                Some((measure, value)) => event.values.push(self.measured(measure, value)),
                None if *word == "history" => event.flags = EventFlags::HISTORY,
                None => panic!("unknown word {word}"),
            }
        }
        event
    }

    fn measured(&self, measure: &str, value: &str) -> Measured {
        let (value, quality) = value.split_once('!').unwrap_or((value, "0"));
        let info = &self.vocabulary.measures[measure];
        let value = match value {
            "true" | "false" => Value::Boolean(value == "true"),
            _ => value
                .parse()
                .map_or_else(|_| Value::Code(value.into()), Value::Number),
        };
        let quality = Quality(quality.parse().unwrap());
        Measured {
            measure: info.name.clone(),
            value,
            unit: info.unit.clone(),
            quality,
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let id = self
            .ids
            .get(words[2])
            .cloned()
            .unwrap_or_else(|| AlertId(words[2].to_owned()));
        let seen = self.engine.alerts().find(|alert| alert.id == id);
        let mut command = Command {
            command_id: words[1].to_owned(),
            operator: "Lan".to_owned(),
            verified: false,
            seen_state: seen.map_or(AlertState::Normal, |alert| alert.state),
            seen_revision: seen.map_or(0, |alert| alert.revision),
            alert: Some(id),
            action: Action::Acknowledge,
        };
        let rest = || words[3..].join(" ");
        match words[0] {
            "ack" => {
                for word in &words[3..] {
                    match word.split_once('=') {
                        Some(("rev", revision)) => {
                            command.seen_revision = revision.parse().unwrap()
                        }
                        Some(("by", operator)) => command.operator = operator.to_owned(),
                        Some(("state", state)) => {
                            command.seen_state = serde_json::from_value(state.into()).unwrap();
                        }
                        _ => panic!("unknown word {word}"),
                    }
                }
            }
            "shelve" => {
                let until = Time(self.now + minutes(words[3]));
                command.action = Action::Shelve {
                    until,
                    reason: words[4..].join(" "),
                    one_shot: false,
                };
            }
            "unshelve" => command.action = Action::Unshelve,
            "comment" => command.action = Action::Comment { text: rest() },
            other => panic!("unknown step {other}"),
        }
        command
    }
}

fn line_of(transition: &Transition) -> String {
    let alert = &transition.alert;
    let state = match alert.state {
        AlertState::Unacknowledged => "unack",
        AlertState::Acknowledged => "ack",
        AlertState::ReturnedUnacknowledged => "returned",
        AlertState::Normal => "normal",
        AlertState::Latched => "latched",
    };
    let change = serde_json::to_value(transition.change).unwrap();
    let key = alert.id.0.split(':').nth(1).unwrap();
    let mut line = format!(
        "{} {}/{key} {state} r{}",
        change.as_str().unwrap(),
        alert.rule,
        alert.revision
    );
    if let Some(value) = alert.value {
        let _ = write!(line, " {value}");
    }
    let _ = write!(line, " since {}", shown(alert.since));
    if alert.occurrences > 1 {
        let _ = write!(line, " x{}", alert.occurrences);
    }
    if alert.shelved.is_some() {
        line.push_str(" shelved");
    }
    if let Some(by) = &transition.by {
        let _ = write!(line, " by {by}");
    }
    line
}
