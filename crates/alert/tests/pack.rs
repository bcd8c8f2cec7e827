//! The rules and thresholds of the site pack: they load, say what they should, and a flood raises each level once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use alert::{Engine, Origin, RuleSet};
use event::{
    Change, Event, EventFlags, EventId, Kind, Measured, Name, Quality, Severity, Status, Stream,
    Time, Transition, Value,
};

use common::JOURNAL;
use common::site::site;

const MINUTE: i64 = 60_000_000_000;
/// 2024-09-08T00:00+07:00.
const MIDNIGHT: i64 = 1_725_728_400_000_000_000;

fn engine() -> Engine {
    let (files, vocabulary) = site();
    let rules = RuleSet::load(&files, &vocabulary).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", errors.join("\n"))
    });
    Engine::new(Arc::new(rules), Arc::new(vocabulary))
}

struct Feed {
    engine: Engine,
    offset: u64,
    out: Vec<Transition>,
}

impl Feed {
    fn new() -> Self {
        Self {
            engine: engine(),
            offset: 0,
            out: Vec::new(),
        }
    }

    fn send(&mut self, minute: i64, stream: Stream, entity: &str, values: &[(&str, Value)]) {
        let time = Time(MIDNIGHT + minute * MINUTE);
        self.offset += 1;
        let origin = Origin {
            journal: JOURNAL,
            offset: self.offset,
            now: time,
            wall: time,
        };
        let measured = |(measure, value): &(&str, Value)| Measured {
            measure: Name::from(*measure),
            value: value.clone(),
            unit: "".into(),
            quality: Quality::GOOD,
        };
        let event = Event {
            id: EventId::default(),
            kind: Kind::Reading,
            stream,
            status: Status::Actual,
            site: "lao-cai".into(),
            entity: entity.into(),
            device: entity.into(),
            observed: time,
            observed_until: None,
            valid_from: None,
            valid_to: None,
            received: time,
            processed: time,
            sequence: None,
            place: None,
            flags: EventFlags::default(),
            values: values.iter().map(measured).collect(),
        };
        let mut effects = Vec::new();
        self.engine.advance(&origin, &mut effects);
        self.engine.event(&origin, &event, &mut effects);
        let transitions = effects.iter().filter_map(alert::Effect::transition);
        self.out.extend(transitions.cloned());
    }

    fn level(&mut self, minute: i64, entity: &str, level: f64) {
        self.send(
            minute,
            Stream::Disaster,
            entity,
            &[("level", Value::Number(level))],
        );
    }

    fn count(&self, rule: &str, change: Change) -> usize {
        let hits = self
            .out
            .iter()
            .filter(|t| t.alert.rule == rule && t.change == change);
        hits.count()
    }

    fn first(&self, rule: &str) -> &event::Alert {
        &self
            .out
            .iter()
            .find(|t| t.alert.rule == rule)
            .unwrap_or_else(|| panic!("no {rule}"))
            .alert
    }
}

#[test]
fn the_flood_at_bao_ha_raises_each_level_once() {
    let mut feed = Feed::new();
    // Up 0.5 m an hour from 54 m, noise of 3 cm, and down again.
    for step in 0..240_i64 {
        let hour = step as f64 / 6.0;
        let height = if hour < 14.2 {
            hour * 0.5
        } else {
            14.2 * 0.5 - (hour - 14.2) * 0.4
        };
        let noise = f64::from((step * 7 % 13) as i32 - 6) * 0.005;
        feed.level(
            step * 10,
            "wl-bao-ha",
            ((54.0 + height + noise) * 100.0).round() / 100.0,
        );
    }
    for rule in ["river-bd1", "river-bd2", "river-bd3", "river-above-bd3"] {
        assert_eq!(feed.count(rule, Change::Raised), 1, "{rule}");
        assert_eq!(feed.count(rule, Change::Reopened), 0, "{rule}");
        assert_eq!(feed.count(rule, Change::ReturnedToNormal), 1, "{rule}");
    }
    assert_eq!(feed.count("river-rise", Change::Raised), 1);
    assert_eq!(feed.first("river-bd3").severity, Severity::Major);
    assert_eq!(feed.first("river-above-bd3").severity, Severity::Critical);
    let scale: Vec<f64> = feed
        .first("river-bd3")
        .scale
        .iter()
        .map(|limit| limit.value)
        .collect();
    assert_eq!(scale, [55.0, 56.0, 57.0]);
    let verified: Vec<bool> = feed
        .first("river-bd3")
        .scale
        .iter()
        .map(|limit| limit.verified)
        .collect();
    assert_eq!(verified, [false, false, true]);
}

#[test]
fn sentences_in_both_languages() {
    let mut feed = Feed::new();
    feed.level(0, "wl-bao-ha", 58.13);
    let alert = feed.first("river-bd3");
    assert_eq!(
        alert.message.vi,
        "Mực nước sông Thao tại Bảo Hà 58,13\u{a0}m, trên báo động 3 là 1,13\u{a0}m."
    );
    assert_eq!(
        alert.message.en,
        "Thao river level at Bảo Hà 58.13\u{a0}m, 1.13\u{a0}m above flood alarm level 3."
    );
    assert!(alert.unofficial);
    assert_eq!(alert.area_name.as_deref(), Some("Xã Bảo Hà"));
    assert_eq!(alert.evidence.limits.len(), 1);
    assert_eq!(alert.evidence.values[0].offset, 1);
}

#[test]
fn at_the_level_itself_nothing_is_above_it_by_zero() {
    let mut feed = Feed::new();
    feed.level(0, "wl-bao-ha", 57.0);
    let sent = |feed: &Feed, rule: &str| feed.first(rule).message.clone();
    let at = sent(&feed, "river-bd3");
    assert_eq!(
        at.vi,
        "Mực nước sông Thao tại Bảo Hà 57,00\u{a0}m, đạt báo động 3."
    );
    assert_eq!(
        at.en,
        "Thao river level at Bảo Hà 57.00\u{a0}m, at flood alarm level 3."
    );
    // Within the dead band the alert is still open, and the sentence is still true.
    feed.level(10, "wl-bao-ha", 56.88);
    let revised = feed.out.iter().rfind(|t| t.alert.rule == "river-bd3");
    assert_eq!(
        revised.unwrap().alert.message.en,
        "Thao river level at Bảo Hà 56.88\u{a0}m, 0.12\u{a0}m below flood alarm level 3."
    );
    feed.level(20, "wl-bao-ha", 58.0);
    assert_eq!(
        sent(&feed, "river-above-bd3").vi,
        "Mực nước sông Thao tại Bảo Hà 58,00\u{a0}m, đạt ngưỡng theo dõi đặc biệt 58,00\u{a0}m (báo động 3 + 1 m)."
    );
}

#[test]
fn a_late_reading_above_the_third_level_is_not_missed() {
    let mut feed = Feed::new();
    feed.level(100, "wl-bao-ha", 54.0);
    feed.level(95, "wl-bao-ha", 57.9);
    for rule in ["river-bd1", "river-bd2", "river-bd3"] {
        let told: Vec<Change> = feed
            .out
            .iter()
            .filter(|t| t.alert.rule == rule)
            .map(|t| t.change)
            .collect();
        assert_eq!(told, [Change::Raised, Change::ReturnedToNormal], "{rule}");
    }
    let alert = feed.first("river-bd3");
    assert_eq!(alert.since, Time(MIDNIGHT + 95 * MINUTE));
    assert!(!alert.retrospective);
    assert!(
        alert
            .message
            .vi
            .contains("57,90\u{a0}m, trên báo động 3 là 0,90")
    );
}

#[test]
fn vinh_yen_knows_only_the_third_level() {
    let mut feed = Feed::new();
    feed.level(0, "wl-vinh-yen", 134.0);
    let rules: Vec<&str> = feed.out.iter().map(|t| t.alert.rule.as_str()).collect();
    assert_eq!(rules, ["river-above-bd3", "river-bd3"]);
}

#[test]
fn a_gauge_that_dies_at_high_water_rings_and_clears_nothing() {
    let mut feed = Feed::new();
    for step in 0..4 {
        feed.level(step * 10, "wl-lao-cai", 86.0);
    }
    feed.level(59, "wl-yen-bai", 25.0);
    assert_eq!(feed.count("river-silent", Change::Raised), 0);
    feed.level(60, "wl-yen-bai", 25.0);
    assert_eq!(feed.count("river-silent", Change::Raised), 1);
    let alert = feed.first("river-silent");
    assert_eq!(&*alert.entity, "wl-lao-cai");
    assert_eq!(
        alert.message.vi,
        "Trạm thủy văn Lào Cai: không có số liệu tin cậy 30\u{a0}phút khi mực nước sông Thao đang cao; \
         số liệu tin cậy cuối 86,00\u{a0}m lúc 00:30 08/09/2024."
    );
    feed.level(700, "wl-yen-bai", 25.0);
    assert_eq!(feed.count("river-bd3", Change::ReturnedToNormal), 0);
    assert_eq!(feed.count("device-silent-disaster", Change::Raised), 26);
}

#[test]
fn every_stream_has_its_rules() {
    let number = Value::Number;
    let mut feed = Feed::new();
    for step in 0..20 {
        let (at, energy) = (step * 5, Stream::Energy);
        feed.send(
            at,
            Stream::Disaster,
            "rg-sa-pa",
            &[("rain_24h", number(210.0)), ("rain_1h", number(61.0))],
        );
        feed.send(at, Stream::Environment, "jch-1", &[("pm25", number(85.0))]);
        let transformer = [
            ("load_pct", number(105.0)),
            ("voltage", number(195.0)),
            ("oil_temp", number(96.0)),
        ];
        feed.send(at, energy, "tr-lao-cai", &transformer);
        feed.send(
            at,
            energy,
            "em-sa-pa",
            &[
                ("supply_on", Value::Boolean(false)),
                ("voltage", number(0.0)),
            ],
        );
        feed.send(
            at,
            Stream::Disaster,
            "rv-thac-ba",
            &[
                ("reservoir_level", number(59.83)),
                ("gates_open", number(2.0)),
            ],
        );
        feed.send(
            at,
            Stream::Tourism,
            "vc-cat-cat",
            &[("people", number(1_950.0))],
        );
    }
    let mut raised: BTreeMap<&str, usize> = BTreeMap::new();
    for transition in feed.out.iter().filter(|t| t.change == Change::Raised) {
        *raised.entry(transition.alert.rule.as_str()).or_default() += 1;
    }
    raised.retain(|rule, _| !rule.starts_with("device-silent"));
    let rules: Vec<&str> = raised.keys().copied().collect();
    assert_eq!(
        rules,
        [
            "air-pm25-bad",
            "air-pm25-poor",
            "crowd-full",
            "crowd-near",
            "crowd-over",
            "power-outage",
            "rain-1h-50",
            "rain-24h-100",
            "rain-24h-200",
            "rain-24h-50",
            "reservoir-above-normal",
            "reservoir-gates-open",
            "reservoir-gates-unannounced",
            "reservoir-high",
            "transformer-load-100",
            "transformer-load-80",
            "transformer-load-long",
            "transformer-oil-85",
            "transformer-oil-95",
            "voltage-outside-10",
            "voltage-outside-5",
        ]
    );
    assert!(raised.values().all(|count| *count == 1), "{raised:?}");
    assert_eq!(
        feed.first("crowd-over").message.vi,
        "Bản Cát Cát: 1.950\u{a0}người, bằng 122\u{a0}% sức chứa 1.600\u{a0}người."
    );
    assert_eq!(
        feed.first("crowd-over").message.en,
        "Cát Cát village: 1,950\u{a0}people, 122\u{a0}% of the capacity of 1,600\u{a0}people."
    );
    assert!(
        feed.first("air-pm25-bad")
            .message
            .vi
            .contains("so sánh tham khảo")
    );
}

#[test]
fn no_limit_without_a_source_and_nothing_recalled_is_called_verified() {
    let (files, vocabulary) = site();
    let rules = RuleSet::load(&files, &vocabulary).unwrap();
    for id in vocabulary.entities.keys() {
        for measure in vocabulary.measures.keys() {
            for limit in rules.limits(&vocabulary, id, measure) {
                assert!(limit.source.len() > 10, "{id} {measure}");
                let weak = [
                    "Recalled",
                    "Engineering",
                    "Configuration",
                    "commonly applied",
                ];
                let is_weak = weak.iter().any(|word| limit.source.contains(word));
                assert!(
                    !(is_weak && limit.verified),
                    "{id} {measure} {}",
                    limit.name
                );
            }
        }
    }
    assert!(rules.info().len() >= 150);
}

#[test]
fn every_rule_says_what_it_is_about_and_what_to_do() {
    let (files, vocabulary) = site();
    let rules = RuleSet::load(&files, &vocabulary).unwrap();
    assert!(
        rules.advice().is_empty() || rules.advice().iter().all(allowed),
        "{:?}",
        rules.advice()
    );
    for rule in rules.info() {
        assert!(rule.cause.is_some(), "{}: no cause", rule.id);
        assert!(rule.cost <= 200_000, "{}", rule.id);
        assert_ne!(rule.title.vi, rule.title.en, "{}", rule.id);
        if rule.cause.as_deref() == Some("device") {
            assert!(rule.severity >= Severity::Minor, "{}", rule.id);
        }
    }
    let info = rules.info();
    let causes = info.iter().filter_map(|rule| rule.cause.as_deref());
    let named = files.text("causes.toml").unwrap();
    for cause in causes {
        assert!(named.contains(&format!("id = \"{cause}\"")), "{cause}");
    }
}

/// Thresholds of these severities and numbers are the pack's choice, and written down there.
fn allowed(advice: &event::PackError) -> bool {
    advice.message.contains("is critical, but its threshold")
        || advice.message.contains("compares with a bare number")
}

#[test]
fn every_rule_has_a_case_that_rings_and_one_that_does_not() {
    let (files, vocabulary) = site();
    let rules = RuleSet::load(&files, &vocabulary).unwrap();
    let mut text = String::new();
    let cases =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sites/lao-cai/rules/cases");
    for entry in std::fs::read_dir(cases).unwrap() {
        text += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    let cases: Vec<&str> = text.split("[[case]]").skip(1).collect();
    for rule in rules.info().iter().filter(|rule| !rule.shadow) {
        let of = |rings: bool| {
            let id = format!("rule = \"{}\"", rule.id);
            let named = format!("rules = [\"{}\"]", rule.id);
            (cases.iter()).any(|case| case.contains(&named) && case.contains(&id) == rings)
        };
        assert!(of(true), "{}: no case in which it rings", rule.id);
        assert!(of(false), "{}: no case in which it does not", rule.id);
    }
}
