//! Warnings of other bodies: one alert each, with its own updates, cancellation and end; feeds that say the same are one; drills
//! stay drills. Every case runs a second time with a save and restore before each record.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use alert::{Effect, WARNING};
use common::drive::{Cap, Drive, changes, minute, rules, transitions};
use common::vocabulary;
use event::{
    Alert, AlertSource, AlertState, AreaInfo, Certainty, Change, EventFlags, Name, Priority,
    Response, Severity, Status, Time, Value, Vocabulary,
};

fn province() -> Vocabulary {
    let mut vocabulary = vocabulary();
    for number in 0..40 {
        let code: Name = format!("03{number:03}").into();
        let area = AreaInfo {
            name: format!("Xã số {number}"),
            kind: "xa".to_owned(),
            lat: 22.0,
            lon: 104.0,
            km2: 1.0,
            code: code.clone(),
        };
        vocabulary.areas.insert(code.to_string(), area);
    }
    vocabulary
}

/// Runs a case plainly and with restarts.
fn both(case: impl Fn(&mut Drive)) {
    for restarts in [false, true] {
        let vocabulary = province();
        let mut drive = Drive::new(rules(&[], &vocabulary), vocabulary);
        drive.restarts = restarts;
        case(&mut drive);
    }
}

impl Cap<'_> {
    fn told(&self, drive: &mut Drive, now: Time) -> Vec<Change> {
        changes(&drive.record(now, &self.events(now)))
    }
}

fn only(drive: &Drive) -> Alert {
    let alerts: Vec<&Alert> = drive.of(WARNING).collect();
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    alerts[0].clone()
}

fn listed(alert: &Alert) -> Vec<String> {
    let values = alert.evidence.values.iter();
    let ids = values.filter(|value| &*value.measure == "warning_id");
    ids.filter_map(|value| match &value.value {
        Value::Code(code) => Some(code.to_string()),
        Value::Number(_) | Value::Boolean(_) => None,
    })
    .collect()
}

#[test]
fn a_warning_rings_is_updated_and_called_off() {
    both(|drive| {
        assert_eq!(Cap::default().told(drive, minute(1)), [Change::Raised]);
        let alert = only(drive);
        assert_eq!(alert.severity, Severity::Major);
        assert_eq!(alert.rating.source, AlertSource::Warning);
        assert_eq!(alert.rating.priority, Priority::Medium);
        assert_eq!(alert.rating.certainty, Certainty::Likely);
        assert_eq!(alert.rating.response, [Response::Evacuate]);
        assert_eq!(alert.rating.warning.as_deref(), Some("A-1"));
        assert_eq!(alert.since, minute(0));
        assert_eq!(alert.area.as_deref(), Some("02647"));
        assert!(
            alert
                .message
                .vi
                .starts_with("Nguy cơ lũ quét (nghiêm trọng)")
                && alert.message.vi.contains("Phường Lào Cai")
                && alert.message.vi.contains("nchmf.gov.vn"),
            "{}",
            alert.message.vi
        );
        assert!(alert.message.en.contains("Nguy cơ lũ quét (severe)"));
        assert!(!alert.guidance.vi.is_empty() && !alert.guidance.en.is_empty());
        // The same message once more says nothing.
        assert_eq!(Cap::default().told(drive, minute(2)), []);
        let update = Cap {
            id: "A-2",
            kind: "Update",
            severity: "Extreme",
            sent: minute(30),
            until: Some(minute(600)),
            ..Cap::default()
        };
        assert_eq!(update.told(drive, minute(31)), [Change::Revised]);
        let revised = only(drive);
        assert_eq!(
            (&revised.id, revised.severity),
            (&alert.id, Severity::Critical)
        );
        assert_eq!(revised.rating.warning.as_deref(), Some("A-2"));
        // The end that the first message gave is not the end any more.
        assert_eq!(changes(&drive.record(minute(400), &[])), []);
        let cancel = Cap {
            id: "A-3",
            kind: "Cancel",
            sent: minute(420),
            areas: &[],
            ..Cap::default()
        };
        assert_eq!(cancel.told(drive, minute(421)), [Change::ReturnedToNormal]);
        let over = only(drive);
        assert_eq!(over.state, AlertState::ReturnedUnacknowledged);
        assert_eq!(over.returned, Some(minute(420)));
        assert_eq!(listed(&over), ["A-1", "A-2", "A-3"]);
        assert_eq!(changes(&drive.record(minute(700), &[])), []);
    });
}

#[test]
fn it_ends_with_its_validity_in_journal_time() {
    both(|drive| {
        Cap::default().told(drive, minute(1));
        assert_eq!(drive.engine.next_due(), Some(minute(360)));
        assert_eq!(changes(&drive.record(minute(359), &[])), []);
        let effects = drive.record(minute(365), &[]);
        assert_eq!(changes(&effects), [Change::ReturnedToNormal]);
        assert_eq!(only(drive).returned, Some(minute(360)));
        // An update after that: in force again, the same alert, as nobody has seen it.
        let update = Cap {
            id: "A-2",
            kind: "Update",
            sent: minute(370),
            until: Some(minute(500)),
            ..Cap::default()
        };
        assert_eq!(update.told(drive, minute(371)), [Change::Reopened]);
        assert_eq!(only(drive).since, minute(370));
        // Over before it came: it is told all the same.
        let late = Cap {
            id: "B-1",
            chain: "B-1",
            sent: minute(300),
            until: Some(minute(330)),
            ..Cap::default()
        };
        let told = late.told(drive, minute(380));
        assert_eq!(told, [Change::Raised, Change::ReturnedToNormal]);
        // Without an end it lasts a day.
        let endless = Cap {
            id: "C-1",
            chain: "C-1",
            sent: minute(390),
            until: None,
            ..Cap::default()
        };
        assert_eq!(endless.told(drive, minute(390)), [Change::Raised]);
        assert_eq!(drive.engine.next_due(), Some(minute(500)));
        drive.record(minute(500), &[]);
        assert_eq!(drive.engine.next_due(), Some(minute(390 + 1_440)));
    });
}

#[test]
fn out_of_order() {
    both(|drive| {
        let cancel = Cap {
            id: "A-2",
            kind: "Cancel",
            sent: minute(30),
            areas: &[],
            ..Cap::default()
        };
        assert_eq!(cancel.told(drive, minute(31)), []);
        // What it cancels comes after it, also marked as overtaken.
        assert_eq!(Cap::default().told(drive, minute(32)), []);
        let overtaken = Cap {
            flags: EventFlags::HISTORY,
            ..Cap::default()
        };
        assert_eq!(overtaken.told(drive, minute(33)), []);
        assert_eq!(drive.engine.alerts().count(), 0);
        // An update first, then what it updates: the update counts.
        let update = Cap {
            id: "B-2",
            chain: "B-1",
            kind: "Update",
            severity: "Minor",
            sent: minute(40),
            ..Cap::default()
        };
        assert_eq!(update.told(drive, minute(41)), [Change::Raised]);
        let first = Cap {
            id: "B-1",
            chain: "B-1",
            severity: "Extreme",
            sent: minute(20),
            ..Cap::default()
        };
        assert_eq!(first.told(drive, minute(42)), []);
        assert_eq!(only(drive).severity, Severity::Warning);
        // A cancellation by another office of the same feed.
        let cancel = Cap {
            id: "B-3",
            chain: "B-1",
            sender: "tw.gov.vn",
            kind: "Cancel",
            sent: minute(50),
            areas: &[],
            ..Cap::default()
        };
        assert_eq!(cancel.told(drive, minute(51)), [Change::ReturnedToNormal]);
    });
}

#[test]
fn history_makes_no_live_one() {
    both(|drive| {
        let old = Cap {
            flags: EventFlags::HISTORY,
            areas: &["03001", "03002"],
            ..Cap::default()
        };
        assert_eq!(old.told(drive, minute(100)), [Change::Raised]);
        let alert = only(drive);
        assert!(alert.retrospective && alert.id.0.contains("~history"));
        assert_eq!(alert.state, AlertState::ReturnedUnacknowledged);
        // The other commune.
        let effects = drive.record(minute(101), &[]);
        assert_eq!(changes(&effects), [Change::Revised]);
        assert!(only(drive).message.vi.contains("Xã Xã số 1, Xã Xã số 2"));
        assert_eq!(changes(&drive.record(minute(900), &[])), []);
    });
}

#[test]
fn communes_of_one_message_are_told_together() {
    both(|drive| {
        let codes: Vec<String> = (0..30).map(|number| format!("03{number:03}")).collect();
        let areas: Vec<&str> = codes.iter().map(String::as_str).collect();
        let warning = Cap {
            areas: &areas,
            ..Cap::default()
        };
        assert_eq!(warning.told(drive, minute(1)), [Change::Raised]);
        assert_eq!(drive.engine.next_due(), Some(minute(1)));
        let effects = drive.record(minute(1), &[]);
        assert_eq!(changes(&effects), [Change::Revised]);
        let message = only(drive).message;
        assert!(
            message.vi.contains("và 22 xã, phường khác"),
            "{}",
            message.vi
        );
        assert_eq!(changes(&drive.record(minute(2), &[])), []);
        // A part that is worse does not wait.
        let mut parts = Cap {
            id: "B-1",
            chain: "B-1",
            severity: "Minor",
            event: "Mưa lớn",
            ..Cap::default()
        };
        let mut events = parts.events(minute(3));
        parts.severity = "Extreme";
        events.extend(parts.events(minute(3)));
        let effects = drive.record(minute(3), &events);
        assert_eq!(changes(&effects), [Change::Raised, Change::Revised]);
        assert_eq!(transitions(&effects)[1].alert.severity, Severity::Critical);
    });
}

fn twin<'a>() -> Cap<'a> {
    Cap {
        feed: "cap-province",
        sender: "laocai.gov.vn",
        id: "LC-7",
        chain: "LC-7",
        event: " lũ QUÉT",
        severity: "Moderate",
        sent: minute(20),
        until: Some(minute(480)),
        areas: &["02647", "03005"],
        ..Cap::default()
    }
}

#[test]
fn two_feeds_that_say_the_same_are_one() {
    both(|drive| {
        Cap::default().told(drive, minute(1));
        assert_eq!(twin().told(drive, minute(21)), [Change::Revised]);
        drive.record(minute(22), &[]);
        let alert = only(drive);
        assert_eq!(listed(&alert), ["A-1", "LC-7"]);
        assert_eq!(alert.severity, Severity::Major);
        assert!(
            alert.message.vi.contains("Phường Lào Cai, Xã Xã số 5"),
            "{}",
            alert.message.vi
        );
        // One is called off: the other still warns, in its own words.
        let cancel = Cap {
            id: "A-2",
            kind: "Cancel",
            sent: minute(60),
            areas: &[],
            ..Cap::default()
        };
        assert_eq!(cancel.told(drive, minute(61)), [Change::Revised]);
        let alert = only(drive);
        assert_eq!(alert.state, AlertState::Unacknowledged);
        assert_eq!(alert.severity, Severity::Minor);
        assert_eq!(alert.rating.warning.as_deref(), Some("LC-7"));
        assert_eq!(
            changes(&drive.record(minute(480), &[])),
            [Change::ReturnedToNormal]
        );
    });
}

#[test]
fn what_is_not_the_same_stays_apart() {
    let others = [
        Cap {
            event: "Rét hại",
            ..twin()
        },
        Cap {
            areas: &["03005"],
            ..twin()
        },
        Cap {
            sent: minute(61),
            ..twin()
        },
        Cap {
            status: Status::Exercise,
            ..twin()
        },
        // The same feed: two warnings are two.
        Cap {
            feed: "cap-nchmf",
            ..twin()
        },
        Cap {
            sent: minute(-30),
            until: Some(minute(-1)),
            ..twin()
        },
    ];
    for other in others {
        both(|drive| {
            Cap::default().told(drive, minute(1));
            let told = other.told(drive, minute(62));
            assert_eq!(told.first(), Some(&Change::Raised));
            assert_eq!(drive.of(WARNING).count(), 2);
        });
    }
}

#[test]
fn a_drill_is_never_a_real_one() {
    both(|drive| {
        let drill = Cap {
            status: Status::Exercise,
            ..Cap::default()
        };
        assert_eq!(drill.told(drive, minute(1)), [Change::Raised]);
        assert_eq!(Cap::default().told(drive, minute(2)), [Change::Raised]);
        let cancel = Cap {
            id: "A-2",
            kind: "Cancel",
            sent: minute(10),
            ..drill.clone()
        };
        let effects = drive.record(minute(11), &cancel.events(minute(11)));
        assert_eq!(changes(&effects), [Change::ReturnedToNormal]);
        assert_eq!(transitions(&effects)[0].alert.status, Status::Exercise);
        let live = drive
            .of(WARNING)
            .find(|alert| alert.status == Status::Actual);
        assert_eq!(live.unwrap().state, AlertState::Unacknowledged);
    });
}

#[test]
fn memory_is_bounded_and_nothing_in_force_is_forgotten() {
    let vocabulary = province();
    let mut drive = Drive::new(rules(&[], &vocabulary), vocabulary);
    let mut raised = 0;
    for number in 0..2_100 {
        let id = format!("F-{number}");
        let warning = Cap {
            id: &id,
            chain: &id,
            until: Some(minute(9_000)),
            ..Cap::default()
        };
        raised += warning.told(&mut drive, minute(1)).len();
    }
    assert_eq!(raised, 2_048);
    assert_eq!(drive.engine.counters().warnings_refused, 52);
    // A drill has room of its own.
    let drill = Cap {
        status: Status::Test,
        ..Cap::default()
    };
    assert_eq!(drill.told(&mut drive, minute(2)), [Change::Raised]);
    // One is over: there is room for one.
    let cancel = Cap {
        id: "F-x",
        chain: "F-9",
        kind: "Cancel",
        sent: minute(3),
        ..Cap::default()
    };
    assert_eq!(
        cancel.told(&mut drive, minute(3)),
        [Change::ReturnedToNormal]
    );
    let warning = Cap {
        id: "G-1",
        chain: "G-1",
        sent: minute(4),
        ..Cap::default()
    };
    assert_eq!(warning.told(&mut drive, minute(4)), [Change::Raised]);
    let effects = drive.record(minute(9_000), &[]);
    let ends = effects.iter().filter_map(Effect::transition);
    assert_eq!(ends.count(), 2_049);
}
