//! Drives an engine record by record, with packs written in place; on demand through a save and restore before each record.

use std::sync::Arc;

use alert::{Effect, Engine, Origin, RuleSet};
use event::{
    Alert, Change, Command, Event, EventFlags, EventId, Kind, Measured, PackFiles, Place, Quality,
    Status, Stream, Time, Transition, Value, Verdict, Vocabulary,
};

use super::JOURNAL;

pub(crate) const BASE: i64 = 1_725_800_400_000_000_000;
pub(crate) const MINUTE: i64 = 60_000_000_000;

pub(crate) fn minute(minutes: i64) -> Time {
    Time(BASE + minutes * MINUTE)
}

pub(crate) fn rules(files: &[(&str, &str)], vocabulary: &Vocabulary) -> Arc<RuleSet> {
    let mut pack = PackFiles::default();
    for (path, content) in files {
        pack.files.insert((*path).to_owned(), (*content).into());
    }
    let rules = RuleSet::load(&pack, vocabulary);
    Arc::new(rules.unwrap_or_else(|mistakes| panic!("{mistakes:#?}")))
}

pub(crate) struct Drive {
    pub(crate) engine: Engine,
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) offset: u64,
    /// Save, encode, decode and restore before every record.
    pub(crate) restarts: bool,
}

impl Drive {
    pub(crate) fn new(rules: Arc<RuleSet>, vocabulary: Vocabulary) -> Self {
        let vocabulary = Arc::new(vocabulary);
        Self {
            engine: Engine::new(Arc::clone(&rules), Arc::clone(&vocabulary)),
            rules,
            vocabulary,
            offset: 0,
            restarts: false,
        }
    }

    pub(crate) fn restart(&mut self) {
        let bytes = postcard::to_allocvec(&self.engine.save()).unwrap();
        let saved = postcard::from_bytes(&bytes).unwrap();
        let (rules, vocabulary) = (Arc::clone(&self.rules), Arc::clone(&self.vocabulary));
        self.engine = Engine::restore(rules, vocabulary, saved).unwrap();
        assert_eq!(postcard::to_allocvec(&self.engine.save()).unwrap(), bytes);
    }

    pub(crate) fn origin(&mut self, now: Time) -> Origin {
        if self.restarts && self.offset > 0 {
            self.restart();
        }
        self.offset += 1;
        Origin {
            journal: JOURNAL,
            offset: self.offset,
            now,
            wall: now,
        }
    }

    /// A record that holds these events; a clock record where there are none.
    pub(crate) fn record(&mut self, now: Time, events: &[Event]) -> Vec<Effect> {
        let origin = self.origin(now);
        let mut out = Vec::new();
        self.engine.advance(&origin, &mut out);
        for event in events {
            self.engine.event(&origin, event, &mut out);
        }
        out
    }

    pub(crate) fn command(&mut self, now: Time, command: &Command) -> (Vec<Effect>, Verdict) {
        let origin = self.origin(now);
        let mut out = Vec::new();
        self.engine.advance(&origin, &mut out);
        let verdict = self.engine.command(&origin, command, &mut out);
        (out, verdict)
    }

    /// The node was down and is there again.
    pub(crate) fn started(&mut self, now: Time) -> Vec<Effect> {
        let origin = self.origin(now);
        let mut out = Vec::new();
        self.engine.node_started(&origin, &mut out);
        out
    }

    pub(crate) fn of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a Alert> {
        self.engine.alerts().filter(move |alert| alert.rule == rule)
    }
}

pub(crate) fn transitions(effects: &[Effect]) -> Vec<&Transition> {
    effects.iter().filter_map(Effect::transition).collect()
}

pub(crate) fn changes(effects: &[Effect]) -> Vec<Change> {
    let changes = effects.iter().filter_map(Effect::transition);
    changes.map(|transition| transition.change).collect()
}

/// An event of now.
pub(crate) fn event(entity: &str, now: Time) -> Event {
    Event {
        id: EventId::default(),
        kind: Kind::Reading,
        stream: Stream::Disaster,
        status: Status::Actual,
        site: "test".into(),
        entity: entity.into(),
        device: entity.into(),
        observed: now,
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: now,
        processed: now,
        sequence: None,
        place: None,
        flags: EventFlags::default(),
        values: Vec::new(),
    }
}

pub(crate) fn with(mut event: Event, measure: &str, value: Value) -> Event {
    event.values.push(Measured {
        measure: measure.into(),
        value,
        unit: "".into(),
        quality: Quality::GOOD,
    });
    event
}

pub(crate) fn reading(entity: &str, now: Time, measure: &str, value: f64) -> Event {
    with(event(entity, now), measure, Value::Number(value))
}

/// A message of CAP as `normalize` gives it, one event a commune.
#[derive(Clone)]
pub(crate) struct Cap<'a> {
    pub(crate) feed: &'a str,
    pub(crate) sender: &'a str,
    pub(crate) id: &'a str,
    pub(crate) chain: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) severity: &'a str,
    pub(crate) event: &'a str,
    pub(crate) status: Status,
    pub(crate) sent: Time,
    pub(crate) until: Option<Time>,
    pub(crate) areas: &'a [&'a str],
    pub(crate) flags: EventFlags,
}

impl Default for Cap<'_> {
    fn default() -> Self {
        Self {
            feed: "cap-nchmf",
            sender: "nchmf.gov.vn",
            id: "A-1",
            chain: "A-1",
            kind: "Alert",
            severity: "Severe",
            event: "Lũ quét",
            status: Status::Actual,
            sent: minute(0),
            until: Some(minute(360)),
            areas: &["02647"],
            flags: EventFlags::default(),
        }
    }
}

impl Cap<'_> {
    pub(crate) fn events(&self, now: Time) -> Vec<Event> {
        let code = |text: &str| Value::Code(text.into());
        let mut places: Vec<Option<&str>> = self.areas.iter().map(|area| Some(*area)).collect();
        if places.is_empty() {
            places.push(None);
        }
        let parts = (0_i64..).zip(places);
        let events = parts.map(|(number, area)| {
            let mut event = event(self.feed, now);
            event.kind = Kind::Warning;
            event.status = self.status;
            event.observed = Time(self.sent.0 + number);
            event.valid_from = Some(self.sent);
            event.valid_to = self.until;
            event.flags = self.flags;
            event.place = area.map(|area| Place {
                area: Some(area.into()),
                lat: 22.5,
                lon: 104.0,
            });
            let mut values = vec![
                ("warning_id", self.id),
                ("warning_chain", self.chain),
                ("warning_sender", self.sender),
                ("warning_msg_type", self.kind),
            ];
            if self.kind != "Cancel" {
                values.extend([
                    ("warning_event", self.event),
                    ("warning_headline", "Nguy cơ lũ quét"),
                    ("warning_severity", self.severity),
                    ("warning_certainty", "Likely"),
                    ("warning_response", "Evacuate"),
                ]);
            }
            for (measure, value) in values {
                event = with(event, measure, code(value));
            }
            with(
                event,
                "warning_active",
                Value::Boolean(self.kind != "Cancel"),
            )
        });
        events.collect()
    }
}
