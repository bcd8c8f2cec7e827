//! A journal that acknowledges everything at once, so that each episode is an alert, and events at random.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alert::{Effect, Engine, Origin, RuleSet};
use event::{
    Action, AlertId, AlertState, Change, Command, Event, EventFlags, EventId, Kind, Measured,
    PackFiles, Quality, Status, Stream, Time, Value, Vocabulary,
};

use super::JOURNAL;

pub(crate) const BASE: i64 = 1_725_800_400_000_000_000;
pub(crate) const MINUTE: i64 = 60_000_000_000;
pub(crate) const BOUND: i64 = 30;

pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

pub(crate) type Episodes = BTreeSet<(String, String, i64, Option<i64>)>;

pub(crate) struct Run {
    pub(crate) engine: Engine,
    rules: Arc<RuleSet>,
    pub(crate) vocabulary: Arc<Vocabulary>,
    offset: u64,
    told: BTreeMap<AlertId, Episodes>,
    /// Whatever was told of the alert last.
    pub(crate) newest: BTreeMap<AlertId, event::Alert>,
}

impl Run {
    pub(crate) fn new(files: &PackFiles, mut vocabulary: Vocabulary) -> Self {
        for stream in [
            Stream::Disaster,
            Stream::Energy,
            Stream::Environment,
            Stream::Tourism,
            Stream::City,
        ] {
            let lateness = &mut vocabulary.lateness_seconds;
            lateness.entry(stream).or_insert((BOUND * 60) as u64);
        }
        let rules = Arc::new(RuleSet::load(files, &vocabulary).unwrap());
        let vocabulary = Arc::new(vocabulary);
        Self {
            engine: Engine::new(Arc::clone(&rules), Arc::clone(&vocabulary)),
            rules,
            vocabulary,
            offset: 0,
            told: BTreeMap::new(),
            newest: BTreeMap::new(),
        }
    }

    pub(crate) fn restart(&mut self) {
        let bytes = postcard::to_allocvec(&self.engine.save()).unwrap();
        let saved = postcard::from_bytes(&bytes).unwrap();
        let (rules, vocabulary) = (Arc::clone(&self.rules), Arc::clone(&self.vocabulary));
        self.engine = Engine::restore(rules, vocabulary, saved).unwrap();
        assert_eq!(postcard::to_allocvec(&self.engine.save()).unwrap(), bytes);
    }

    /// A record at journal time `now`; all alerts are acknowledged at once, so that each episode is an alert.
    pub(crate) fn record(&mut self, now: i64, event: Option<&Event>) {
        self.offset += 1;
        let origin = Origin {
            journal: JOURNAL,
            offset: self.offset,
            now: Time(now),
            wall: Time(now),
        };
        let mut out = Vec::new();
        self.engine.advance(&origin, &mut out);
        if let Some(event) = event {
            self.engine.event(&origin, event, &mut out);
        }
        let waiting: Vec<_> = (self.engine.alerts())
            .filter(|alert| {
                matches!(
                    alert.state,
                    AlertState::Unacknowledged | AlertState::ReturnedUnacknowledged
                )
            })
            .map(|alert| (alert.id.clone(), alert.state, alert.revision))
            .collect();
        for (number, (id, state, revision)) in waiting.into_iter().enumerate() {
            let command = Command {
                command_id: format!("c{}-{number}", self.offset),
                operator: "Lan".to_owned(),
                verified: false,
                alert: Some(id),
                seen_state: state,
                seen_revision: revision,
                action: Action::Acknowledge,
            };
            let verdict = self.engine.command(&origin, &command, &mut out);
            assert!(verdict.accepted, "{verdict:?}");
        }
        for transition in out.iter().filter_map(Effect::transition) {
            let alert = &transition.alert;
            self.newest.insert(alert.id.clone(), alert.clone());
            if !is_watched(alert) {
                continue;
            }
            if matches!(transition.change, Change::Annulled | Change::Merged) {
                self.told.remove(&alert.id);
                continue;
            }
            let spans = alert.episodes.iter().map(|span| {
                let until = span.returned.map(|at| (at.0 - BASE) / MINUTE);
                (
                    alert.rule.clone(),
                    format!("{}", alert.entity),
                    (span.since.0 - BASE) / MINUTE,
                    until,
                )
            });
            self.told.insert(alert.id.clone(), spans.collect());
        }
    }

    /// What is on now: rule, entity, since.
    pub(crate) fn active(&self) -> BTreeSet<(String, String, i64)> {
        let on = |state| matches!(state, AlertState::Unacknowledged | AlertState::Acknowledged);
        let alerts = (self.engine.alerts()).filter(|alert| on(alert.state) && is_watched(alert));
        alerts
            .map(|alert| {
                let since = (alert.since.0 - BASE) / MINUTE;
                (alert.rule.clone(), alert.entity.to_string(), since)
            })
            .collect()
    }

    pub(crate) fn episodes(&self) -> Episodes {
        self.told.values().flatten().cloned().collect()
    }
}

pub(crate) fn event(
    chance: &mut Chance,
    vocabulary: &Vocabulary,
    entity: &str,
    minute: i64,
) -> Event {
    let mut values = Vec::new();
    for (name, low, high) in [("level", 0, 8), ("flow", 80, 130), ("temp", 30, 100)] {
        if chance.below(2) == 0 {
            continue;
        }
        let value = low as f64 + chance.below(high - low) as f64;
        let quality = match chance.below(12) {
            0 => Quality::OUT_OF_RANGE,
            1 => Quality::SENSOR_FAULT,
            _ => Quality::GOOD,
        };
        values.push(Measured {
            measure: vocabulary.measures[name].name.clone(),
            value: Value::Number(value),
            unit: vocabulary.measures[name].unit.clone(),
            quality,
        });
    }
    reading(entity, minute, values)
}

/// Of one measure, good.
pub(crate) fn value(vocabulary: &Vocabulary, name: &str, value: f64) -> Measured {
    Measured {
        measure: vocabulary.measures[name].name.clone(),
        value: Value::Number(value),
        unit: vocabulary.measures[name].unit.clone(),
        quality: Quality::GOOD,
    }
}

pub(crate) fn reading(entity: &str, minute: i64, values: Vec<Measured>) -> Event {
    let at = Time(BASE + minute * MINUTE);
    Event {
        id: EventId::default(),
        kind: Kind::Reading,
        stream: Stream::Disaster,
        status: Status::Actual,
        site: "test".into(),
        entity: entity.into(),
        device: entity.into(),
        observed: at,
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: at,
        processed: at,
        sequence: None,
        place: None,
        flags: EventFlags::default(),
        values,
    }
}

/// Silence and faults run on the order of arrival, by design.
fn is_watched(alert: &event::Alert) -> bool {
    let apart = ["silent", "gone", alert::RULE_FAULT];
    !apart.contains(&alert.rule.as_str()) && !alert.retrospective
}
