//! The index over outcomes that are written by hand.

use event::outcome::{Cause, encode_reject, encode_reprocessed};
use event::{Reject, Reprocessed};
use journal::Stamp;

use super::*;

#[derive(Default)]
struct Tape {
    index: Index,
    next: u64,
}

impl Tape {
    fn put(&mut self, kind: OutcomeKind, payload: &[u8]) {
        let offset = self.next;
        self.next += 1;
        let time = i64::try_from(offset).unwrap() * Time::SECOND;
        self.index.apply(&Frame {
            offset,
            kind: kind as u8,
            version: outcome::VERSION,
            flags: 0,
            stamp: Stamp {
                journal_ns: time,
                wall_ns: time,
            },
            payload,
        });
    }

    fn reject(&mut self, cause: u64, index: u32, code: RejectCode, topic: &str) {
        let reject = Reject {
            code,
            reason: "r".to_owned(),
            client: "gw".to_owned(),
            topic: topic.to_owned(),
            payload: b"{}".to_vec(),
        };
        let mut out = Vec::new();
        encode_reject(at(cause, index), &reject, &mut out);
        self.put(OutcomeKind::Reject, &out);
    }

    fn concluded(&mut self, cause: u64, original: u64, result: ReprocessResult) {
        let reprocessed = Reprocessed {
            original,
            operator: "Lan".to_owned(),
            verified: false,
            reason: "mended".to_owned(),
            result,
        };
        let mut out = Vec::new();
        encode_reprocessed(at(cause, 0), &reprocessed, &mut out).unwrap();
        self.put(OutcomeKind::Reprocessed, &out);
    }

    fn counts(&self) -> console::QuarantineCounts {
        self.index.overview(&QuarantineFilter::default()).counts
    }
}

fn at(offset: u64, index: u32) -> Cause {
    Cause {
        offset,
        index,
        last: true,
    }
}

const TOPIC: &str = "ioc/lao-cai/disaster/wl-1/up";

#[test]
fn a_message_is_counted_once_however_often_it_is_refused() {
    let mut tape = Tape::default();
    tape.reject(5, 0, RejectCode::NoValues, TOPIC);
    tape.reject(5, 1, RejectCode::TimeInvalid, TOPIC);
    tape.reject(
        6,
        0,
        RejectCode::DeviceUnknown,
        "application/1/device/abc/event/up",
    );
    tape.reject(7, 0, RejectCode::PersonalData, TOPIC);
    assert_eq!((tape.counts().total, tape.counts().to_do), (3, 2));
    let failed = ReprocessResult::Failed {
        code: RejectCode::TimeInvalid,
        reason: String::new(),
        events: 0,
    };
    tape.concluded(8, 5, failed);
    let counts = tape.counts();
    assert_eq!((counts.total, counts.to_do, counts.failed), (3, 2, 1));
    assert_eq!(tape.index.entry(5).unwrap().code, RejectCode::TimeInvalid);
    tape.concluded(9, 5, ReprocessResult::Delivered { events: 1 });
    tape.concluded(10, 6, ReprocessResult::Nothing);
    let counts = tape.counts();
    assert_eq!((counts.total, counts.to_do, counts.reprocessed), (3, 0, 2));
    assert_eq!(tape.index.caused(), 11);
}

#[test]
fn a_refusal_within_a_conclusion_is_no_new_message() {
    let mut tape = Tape::default();
    tape.reject(5, 0, RejectCode::NoValues, TOPIC);
    let failed = ReprocessResult::Failed {
        code: RejectCode::PersonalData,
        reason: String::new(),
        events: 0,
    };
    tape.concluded(8, 5, failed);
    tape.reject(8, 1, RejectCode::PersonalData, TOPIC);
    assert_eq!((tape.counts().total, tape.counts().to_do), (1, 0));
}

#[test]
fn the_filter_goes_by_reason_device_and_time() {
    let mut tape = Tape::default();
    tape.reject(1, 0, RejectCode::NoValues, TOPIC);
    tape.reject(2, 0, RejectCode::NoValues, "ioc/lao-cai/disaster/wl-2/up");
    tape.reject(3, 0, RejectCode::TimeInvalid, TOPIC);
    let picked = |filter: QuarantineFilter| -> Vec<u64> {
        tape.index
            .picked(&filter)
            .map(|entry| entry.offset)
            .collect()
    };
    let all = QuarantineFilter::default;
    assert_eq!(picked(all()), [1, 2, 3]);
    let device = Some("wl-1".to_owned());
    assert_eq!(picked(QuarantineFilter { device, ..all() }), [1, 3]);
    let device = Some("nobody".to_owned());
    assert_eq!(picked(QuarantineFilter { device, ..all() }), [0_u64; 0]);
    let code = Some(RejectCode::NoValues);
    assert_eq!(picked(QuarantineFilter { code, ..all() }), [1, 2]);
    let (from, to) = (Some(Time(Time::SECOND)), Some(Time(2 * Time::SECOND)));
    assert_eq!(picked(QuarantineFilter { from, to, ..all() }), [2]);
}

#[test]
fn at_the_bound_the_oldest_is_forgotten_and_said_so() {
    let mut tape = Tape::default();
    for cause in 0..=ENTRIES_MAX as u64 {
        tape.reject(cause, 0, RejectCode::NoValues, TOPIC);
    }
    let overview = tape.index.overview(&QuarantineFilter::default());
    assert_eq!(overview.counts.total, ENTRIES_MAX as u64);
    assert_eq!(overview.forgotten, 1);
    assert!(tape.index.entry(0).is_none() && tape.index.entry(1).is_some());
}

#[test]
fn devices_have_names_and_at_the_bound_are_others() {
    for (topic, client, name) in [
        (TOPIC, "gw", "wl-1"),
        ("tele/x/SENSOR", "gw", "tele/x/SENSOR"),
        ("", "sink:kafka", "sink:kafka"),
        ("ioc/a/b//up", "gw", "ioc/a/b//up"),
    ] {
        assert_eq!(device_of(topic, client), name);
    }
    assert_eq!(
        device_of(&"ư".repeat(500), "").chars().count(),
        DEVICE_CHARS_MAX
    );
    let mut index = Index::default();
    let numbers: Vec<u32> = (0..DEVICES_MAX + 5)
        .map(|number| index.intern(&number.to_string()))
        .collect();
    assert_eq!(
        numbers[DEVICES_MAX - 1],
        u32::try_from(DEVICES_MAX).unwrap()
    );
    assert_eq!(numbers[DEVICES_MAX + 4], OTHERS);
}
