//! Silence where it matters: a dead gateway is one alert and its return loses none; a gauge that falls silent above its third
//! alarm level rings; a device that is registered and never heard rings on time, whatever restarts lie between.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::drive::{Drive, changes, minute, reading, rules, transitions};
use common::{entity, vocabulary};
use event::{AlertState, Change, Severity, SuppressionKind, Vocabulary};

const DEVICES: usize = 200;

fn silent(id: &str, entities: &str, after: &str) -> String {
    format!(
        r#"
[[rule]]
id = "{id}"
version = 1
kind = "absence"
stream = "disaster"
severity = "major"
after = "{after}"
entities = ["{entities}"]
title = {{ vi = "{id}", en = "{id}" }}
message = {{ vi = "{{name}}", en = "{{name}}" }}
guidance = {{ vi = "làm", en = "act" }}
"#
    )
}

fn name(number: usize) -> String {
    format!("lora-{number:03}")
}

fn behind_a_gateway() -> Vocabulary {
    let mut vocabulary = vocabulary();
    vocabulary.entities.clear();
    vocabulary
        .entities
        .insert("gw".to_owned(), entity("gw", "box", true));
    for number in 0..DEVICES {
        let mut device = entity(&name(number), "box", true);
        device.gateway = Some("gw".into());
        vocabulary.entities.insert(name(number), device);
    }
    vocabulary
}

fn gateway_dies(after_gateway: &str, after_device: &str) -> Drive {
    let pack =
        silent("gateway-silent", "gw", after_gateway) + &silent("silent", "lora-*", after_device);
    let vocabulary = behind_a_gateway();
    let rules = rules(&[("rules/all.toml", &pack)], &vocabulary);
    let mut drive = Drive::new(rules, vocabulary);
    // Not all in one moment: the last is heard at minute 4.
    for number in 0..DEVICES {
        let at = minute((number / 50) as i64 + 1);
        let told = drive.record(at, &[reading(&name(number), at, "level", 1.0)]);
        assert!(told.is_empty());
    }
    drive
}

/// Ids of alerts that were raised by then and not kept back when they rang.
fn told_at_once(drive: &mut Drive, minutes: std::ops::Range<i64>) -> Vec<String> {
    let mut told = Vec::new();
    for now in minutes {
        for transition in transitions(&drive.record(minute(now), &[])) {
            if transition.change == Change::Raised
                && transition.alert.handling.suppressed.is_empty()
            {
                told.push(transition.alert.entity.to_string());
            }
        }
    }
    told
}

fn kept_back(drive: &Drive) -> usize {
    let kept = drive.of("silent").filter(|alert| {
        let reasons = &alert.handling.suppressed;
        reasons.iter().any(|one| {
            let because = one.because_of.as_ref();
            one.kind == SuppressionKind::Dependency
                && because.is_some_and(|id| id.0.starts_with("gateway-silent:gw:"))
        })
    });
    kept.count()
}

/// The gateway is back at minute 60 and with it all but the last 50, over three minutes.
fn gateway_returns(drive: &mut Drive, back: usize) {
    let before: BTreeSet<_> = drive.of("silent").map(|alert| alert.id.clone()).collect();
    assert_eq!(before.len(), DEVICES);
    let mut returned = BTreeSet::new();
    for number in 0..back {
        let at = minute(60 + (number / 50) as i64);
        for transition in
            transitions(&drive.record(at, &[reading(&name(number), at, "level", 1.0)]))
        {
            let alert = &transition.alert;
            assert!(
                matches!(
                    transition.change,
                    Change::ReturnedToNormal | Change::Resolved
                ),
                "{:?} {}",
                transition.change,
                alert.id
            );
            if alert.rule == "silent" {
                returned.insert(alert.id.clone());
            }
        }
    }
    assert_eq!(returned.len(), back);
    assert!(changes(&drive.record(minute(64), &[])).is_empty());
    // Five minutes after its return whoever is still silent speaks for itself.
    let mut told = BTreeSet::new();
    for transition in transitions(&drive.record(minute(65), &[])) {
        assert_eq!(
            transition.change,
            Change::Unsuppressed,
            "{}",
            transition.alert.id
        );
        assert!(transition.alert.handling.suppressed.is_empty());
        assert_eq!(transition.alert.state, AlertState::Unacknowledged);
        told.insert(transition.alert.id.clone());
    }
    assert_eq!(told.len(), DEVICES - back);
    assert!(told.is_disjoint(&returned));
    let all: BTreeSet<_> = told.union(&returned).cloned().collect();
    assert_eq!(all, before, "none is lost");
    let standing = drive
        .of("silent")
        .filter(|alert| alert.state == AlertState::Unacknowledged);
    assert_eq!(standing.count(), DEVICES - back);
}

#[test]
fn a_dead_gateway_is_one_alert_and_its_return_loses_none() {
    for restarts in [false, true] {
        let mut drive = gateway_dies("20m", "30m");
        drive.restarts = restarts;
        assert_eq!(told_at_once(&mut drive, 5..60), ["gw"]);
        assert_eq!(drive.of("gateway-silent").count(), 1);
        assert_eq!(kept_back(&drive), DEVICES);
        if !restarts {
            assert_eq!(drive.engine.counters().book.suppressed, DEVICES as u64);
        }
        gateway_returns(&mut drive, 150);
    }
}

#[test]
fn devices_that_rang_before_their_gateway_are_kept_back_with_it() {
    let mut drive = gateway_dies("30m", "20m");
    let told = told_at_once(&mut drive, 5..34);
    assert_eq!(told.len(), DEVICES);
    assert_eq!(kept_back(&drive), 0);
    assert_eq!(told_at_once(&mut drive, 34..60), ["gw"]);
    assert_eq!(kept_back(&drive), DEVICES);
    assert_eq!(drive.engine.counters().book.suppressed, DEVICES as u64);
    // They were told: each waits for somebody to have seen it.
    let back = reading(&name(0), minute(60), "level", 1.0);
    let told = drive.record(minute(60), &[back]);
    assert_eq!(changes(&told), [Change::ReturnedToNormal; 2]);
    let effects = drive.record(minute(65), &[]);
    let told = transitions(&effects);
    assert!(told.iter().all(|one| one.change == Change::Unsuppressed));
    let active = told
        .iter()
        .filter(|one| one.alert.state == AlertState::Unacknowledged);
    assert_eq!((told.len(), active.count()), (DEVICES, DEVICES - 1));
}

const GAUGE: &str = r#"
[[rule]]
id = "silent-high"
version = 1
kind = "absence"
stream = "disaster"
severity = "critical"
measure = "level"
when = "last(level) >= limit.bd3"
after = "15m"
expected_only = false
entities = ["g*"]
title = { vi = "im lặng", en = "silent" }
message = { vi = "{name} {level}", en = "{name} {level}" }
guidance = { vi = "làm", en = "act" }
"#;

const LIMITS: &str = r#"
[[limit]]
name = "bd3"
measure = "level"
profile = "gauge"
value = 7.0
unit = "m"
source = "test"
verified = true
"#;

#[test]
fn a_gauge_that_is_silent_above_its_third_level_rings() {
    for restarts in [false, true] {
        let vocabulary = vocabulary();
        let files = [("rules/all.toml", GAUGE), ("thresholds.toml", LIMITS)];
        let mut drive = Drive::new(rules(&files, &vocabulary), vocabulary);
        drive.restarts = restarts;
        drive.record(minute(0), &[reading("g1", minute(0), "level", 7.4)]);
        // The other is silent too, below the level.
        drive.record(minute(0), &[reading("g2", minute(0), "level", 6.9)]);
        assert!(changes(&drive.record(minute(14), &[])).is_empty());
        let told = drive.record(minute(15), &[]);
        let told = transitions(&told);
        assert_eq!(told.len(), 1);
        let alert = &told[0].alert;
        assert_eq!((&*alert.entity, alert.severity), ("g1", Severity::Critical));
        assert_eq!((alert.since, alert.value), (minute(0), Some(7.4)));
        assert_eq!(alert.evidence.limits[0].value, 7.0);
        let heard = drive.record(minute(20), &[reading("g1", minute(20), "level", 6.0)]);
        assert_eq!(changes(&heard), [Change::ReturnedToNormal]);
    }
}

#[test]
fn a_device_that_is_registered_and_never_heard_rings_on_time_after_restarts() {
    let mut empty = vocabulary();
    empty.entities.remove("e1");
    let pack = silent("never", "e1", "24h").replace("entities = [\"e1\"]\n", "");
    let mut drive = Drive::new(rules(&[("rules/all.toml", &pack)], &empty), empty);
    drive.record(minute(0), &[]);
    // Registered an hour later.
    let listed = vocabulary();
    drive.rules = rules(&[("rules/all.toml", &pack)], &listed);
    drive.vocabulary = Arc::new(listed);
    let origin = drive.origin(minute(60));
    let (rules, vocabulary) = (Arc::clone(&drive.rules), Arc::clone(&drive.vocabulary));
    let mut out = Vec::new();
    drive.engine.advance(&origin, &mut out);
    drive.engine.set_rules(rules, vocabulary, &origin, &mut out);
    assert!(out.is_empty());
    // Down for three hours, and for a minute; a restart in each hour.
    for now in (61..1_680).step_by(1) {
        let told = match now {
            300..480 | 700 => continue,
            480 | 701 => {
                drive.restart();
                drive.started(minute(now))
            }
            _ => {
                if now % 60 == 0 {
                    drive.restart();
                }
                drive.record(minute(now), &[])
            }
        };
        assert!(changes(&told).is_empty(), "minute {now}");
    }
    // A day after it was listed, less the downtime: from the last record before each start to that start.
    let due = 60 + 1_440 + (480 - 299) + (701 - 699);
    assert_eq!(due, 1_683);
    for now in 1_680..due {
        assert!(
            changes(&drive.record(minute(now), &[])).is_empty(),
            "minute {now}"
        );
    }
    assert_eq!(drive.engine.next_due(), Some(minute(due)));
    drive.restart();
    let told = drive.record(minute(due), &[]);
    assert_eq!(changes(&told), [Change::Raised]);
    let alert = &transitions(&told)[0].alert;
    assert_eq!((&*alert.entity, alert.since), ("e1", minute(60)));
    assert_eq!(alert.evidence.last_heard, None);
}
