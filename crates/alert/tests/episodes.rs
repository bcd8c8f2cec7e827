//! The order of arrival does not matter: within the lateness bound, shuffled input (with duplicates, and restarts at any
//! point) ends in the episodes of ordered input, and whatever is on now is told now.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alert::{Effect, Engine, Origin, RuleSet};
use common::{JOURNAL, pack, root, vocabulary};
use event::{
    Action, AlertId, AlertState, Change, Command, Event, EventFlags, EventId, Kind, Measured,
    Quality, Status, Stream, Time, Value, Vocabulary,
};

const BASE: i64 = 1_725_800_400_000_000_000;
const MINUTE: i64 = 60_000_000_000;
const BOUND: i64 = 30;
const EVENTS: i64 = 160;
const SEEDS: u64 = 60;

struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

type Episodes = BTreeSet<(String, String, i64, Option<i64>)>;

struct Run {
    engine: Engine,
    rules: Arc<RuleSet>,
    vocabulary: Arc<Vocabulary>,
    offset: u64,
    told: BTreeMap<AlertId, Episodes>,
}

impl Run {
    fn new() -> Self {
        let mut vocabulary = vocabulary();
        vocabulary
            .lateness_seconds
            .insert(Stream::Disaster, (BOUND * 60) as u64);
        let files = pack(&root().join("testdata/packs/basic"));
        let rules = Arc::new(RuleSet::load(&files, &vocabulary).unwrap());
        let vocabulary = Arc::new(vocabulary);
        Self {
            engine: Engine::new(Arc::clone(&rules), Arc::clone(&vocabulary)),
            rules,
            vocabulary,
            offset: 0,
            told: BTreeMap::new(),
        }
    }

    fn restart(&mut self) {
        let bytes = postcard::to_allocvec(&self.engine.save()).unwrap();
        let saved = postcard::from_bytes(&bytes).unwrap();
        let (rules, vocabulary) = (Arc::clone(&self.rules), Arc::clone(&self.vocabulary));
        self.engine = Engine::restore(rules, vocabulary, saved).unwrap();
        assert_eq!(postcard::to_allocvec(&self.engine.save()).unwrap(), bytes);
    }

    /// A record at journal time `now`; all alerts are acknowledged at once, so that each episode is an alert.
    fn record(&mut self, now: i64, event: Option<&Event>) {
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
            if alert.rule == "silent" || alert.rule == alert::RULE_FAULT || alert.retrospective {
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

    fn episodes(&self) -> Episodes {
        self.told.values().flatten().cloned().collect()
    }
}

fn event(chance: &mut Chance, vocabulary: &Vocabulary, entity: &str, minute: i64) -> Event {
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

#[test]
fn shuffled_input_ends_in_the_episodes_of_ordered_input() {
    let mut total = 0;
    for seed in 0..SEEDS {
        let mut chance = Chance(seed * 7 + 1);
        let mut ordered = Run::new();
        let mut shuffled = Run::new();
        let mut arrivals = Vec::new();
        let mut minute = 0;
        for number in 0..EVENTS {
            minute += 1 + chance.below(6) as i64;
            let entity = if chance.below(3) == 0 { "g2" } else { "g1" };
            let event = event(&mut chance, &ordered.vocabulary, entity, minute);
            ordered.record(event.observed.0, Some(&event));
            // Half of it in order, the rest anywhere within the bound; a tenth comes twice.
            let delay = if chance.below(2) == 0 {
                0
            } else {
                chance.below(BOUND as u64 + 1) as i64
            };
            arrivals.push((minute + delay, number, event.clone()));
            if chance.below(10) == 0 {
                let again = chance.below(BOUND as u64 + 1) as i64;
                arrivals.push((minute + again, EVENTS + number, event));
            }
        }
        arrivals.sort_by_key(|(at, number, _)| (*at, *number));
        for (at, _, event) in &arrivals {
            if chance.below(8) == 0 {
                shuffled.restart();
            }
            shuffled.record(BASE + at * MINUTE, Some(event));
        }
        let end = BASE + (minute + 300) * MINUTE;
        ordered.record(end, None);
        shuffled.record(end, None);
        let (wanted, found) = (ordered.episodes(), shuffled.episodes());
        let missing: Vec<_> = wanted.difference(&found).collect();
        let wrong: Vec<_> = found.difference(&wanted).collect();
        assert!(
            missing.is_empty() && wrong.is_empty(),
            "seed {seed}\nmissing {missing:?}\nwrong {wrong:?}"
        );
        total += wanted.len();
    }
    assert!(total > 1_000, "only {total} episodes");
}
