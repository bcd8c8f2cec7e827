//! The redactor over two journals in memory: which frames it finds, and that nothing of their content is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use event::outcome::{Cause, OutcomeKind};
use event::{Reject, RejectCode};
use journal::inputs::{
    FrontDoor, Kind, Message, Opening, Reprocess, Session, SessionChange, VERSION, Will,
};
use journal::storage::sim::SimStorage;
use journal::{Batch, Class, Clock, Cursors, Journal, JournalName, OnFull, Opened, Stamp, Storage};

use super::key::Key;
use super::{Figures, Redactor};
use crate::evidence;
use crate::store::journal_options;

const SECRET: &[u8] = br#"{"passport":"C7316529"}"#;

struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Stamp {
        let now = self.0.fetch_add(1_000, Ordering::Relaxed);
        Stamp {
            journal_ns: now,
            wall_ns: now,
        }
    }
}

struct World {
    storage: SimStorage,
    inputs: Journal,
    outcomes: Journal,
}

fn begin(storage: &SimStorage) -> World {
    let start = |name, redacted| {
        let mut options = journal_options(name);
        options.segment_bytes = 16 * 1024;
        options.reserve_disaster_bytes = 0;
        options.reserve_system_bytes = 4096;
        options.redacted = redacted;
        let shared: Arc<dyn Storage> = Arc::new(storage.clone());
        let opened = Opened::open(shared, options).unwrap();
        assert!(opened.recovery().damaged.is_empty());
        let names = opened.known_redactions().offsets(JournalName::Outcomes);
        let names: Vec<u64> = names.collect();
        let clock = Arc::new(Ticking(AtomicI64::new(1_000_000)));
        (opened.start(clock).unwrap(), names)
    };
    let (inputs, names) = start(JournalName::Inputs, Vec::new());
    let (outcomes, _) = start(JournalName::Outcomes, names);
    World {
        storage: storage.clone(),
        inputs,
        outcomes,
    }
}

fn append(journal: &Journal, kind: u8, encode: impl FnOnce(&mut Vec<u8>)) -> u64 {
    let mut batch = Batch::new();
    batch.push(kind, encode);
    let ticket = journal.appender().append_blocking(Class::System, batch);
    ticket.unwrap().wait().unwrap().first_offset
}

fn message(payload: &[u8], will: bool) -> Message<'_> {
    Message {
        front_door: FrontDoor::Listener,
        protocol: 5,
        principal: "hotel",
        peer: "10.0.0.7:50123",
        client_id: "sapa-12",
        session: 7,
        connection: 31,
        packet_id: 41,
        qos: 1,
        dup: false,
        retain: false,
        will,
        oversize: None,
        properties: b"",
        topic: "ioc/lao-cai/tourism/hotel/up",
        payload,
    }
}

impl World {
    fn conclude(&self, offset: u64, reject: &Reject) -> u64 {
        let cause = Cause {
            offset,
            index: 0,
            last: true,
        };
        append(&self.outcomes, OutcomeKind::Reject as u8, |out| {
            event::outcome::encode_reject(cause, reject, out);
        })
    }

    fn evidence(&self) -> Arc<evidence::Store> {
        let shared: Arc<dyn Storage> = Arc::new(self.storage.clone());
        Arc::new(
            evidence::Store::open(shared, self.inputs.id().0, evidence::sample_limits()).unwrap(),
        )
    }

    fn filler(&self, count: usize) {
        for number in 0..count {
            let content = format!("{{\"guests\":{number}}}");
            let offset = append(&self.inputs, Kind::Message.into(), |out| {
                message(content.as_bytes(), false).encode(out);
            });
            self.conclude(offset, &old_reject(content.as_bytes()));
        }
    }

    /// Runs it until everything that is there now is done.
    fn redact(&self) {
        let shared: Arc<dyn Storage> = Arc::new(self.storage.clone());
        let cursors = Cursors::open(shared).unwrap();
        let end = self.outcomes.next_offset();
        let position = super::load_cursor(&cursors, &self.outcomes).unwrap();
        self.outcomes
            .set_hold(super::NAME, Some(position), OnFull::Hold);
        let redactor = Redactor {
            inputs: self.inputs.clone(),
            appender: self.inputs.appender(),
            outcomes: self.outcomes.clone(),
            cursors: cursors.clone(),
            evidence: self.evidence(),
            key: Key::of([3; 32]),
            reader: self.outcomes.reader(position),
            position,
            stored: (position, Instant::now()),
            stop_at: Arc::new(AtomicU64::new(end)),
            figures: Arc::new(Figures::default()),
        };
        redactor.run().unwrap();
        let (stored, _) = cursors.load_with_note(super::NAME).unwrap().unwrap();
        assert!(stored >= end);
    }

    fn files_with_secret(&self) -> Vec<String> {
        let holds = |path: &String| {
            let content = self.storage.content(path).unwrap();
            content.windows(SECRET.len()).any(|part| part == SECRET)
        };
        self.storage.files().into_iter().filter(holds).collect()
    }

    fn redacted(&self, journal: &Journal) -> Vec<u64> {
        let mut reader = journal.reader(0);
        let mut redacted = Vec::new();
        while reader.position() < journal.next_offset() {
            let batch = reader.next_blocking(Some(Duration::from_secs(5))).unwrap();
            let batch = batch.unwrap();
            let frames = batch.frames().filter(journal::Frame::is_redacted);
            redacted.extend(frames.map(|frame| frame.offset));
        }
        redacted
    }

    /// The records of redactions: what they name and what they say.
    fn named(&self) -> Vec<(JournalName, u64, String)> {
        let mut named = Vec::new();
        let mut reader = self.inputs.reader(0);
        while reader.position() < self.inputs.next_offset() {
            let batch = reader.next_blocking(Some(Duration::from_secs(5))).unwrap();
            for frame in batch.unwrap().frames() {
                if frame.kind == u8::from(Kind::Redaction) {
                    let record = journal::inputs::Redaction::decode(VERSION, frame.payload);
                    let record = record.unwrap();
                    assert_eq!(record.keys, ["passport"]);
                    assert_eq!(record.hash, Key::of([3; 32]).hash(SECRET));
                    named.push((record.journal, record.offset, record.code.to_owned()));
                }
            }
        }
        named
    }
}

fn old_reject(payload: &[u8]) -> Reject {
    Reject {
        code: RejectCode::NoValues,
        reason: format!("no value in {}", String::from_utf8_lossy(payload)),
        client: "sapa-12".to_owned(),
        topic: "ioc/lao-cai/tourism/hotel/up".to_owned(),
        payload: payload.to_vec(),
    }
}

/// An older site pack kept the bytes as another reject; tried again, it is recognised: all three frames are blanked.
#[test]
fn a_message_that_is_recognised_when_it_is_tried_again_vanishes_everywhere() {
    let storage = SimStorage::new(1);
    let world = begin(&storage);
    world.filler(100);
    let original = append(&world.inputs, Kind::Message.into(), |out| {
        message(SECRET, false).encode(out);
    });
    let kept = world.conclude(original, &old_reject(SECRET));
    world.filler(100);
    let mut record = Vec::new();
    message(SECRET, false).encode(&mut record);
    let again = append(&world.inputs, Kind::Reprocess.into(), |out| {
        Reprocess {
            offset: original,
            stamp: Stamp {
                journal_ns: 1,
                wall_ns: 1,
            },
            operator: "lan",
            verified: true,
            reason: "mapping mended",
            kind: Kind::Message.into(),
            version: VERSION,
            record: &record,
        }
        .encode(out);
    });
    world.conclude(again, &Reject::personal(["passport"], "sapa-12", "t"));
    world.filler(20);
    assert!(!world.files_with_secret().is_empty());
    world.redact();
    assert_eq!(world.files_with_secret(), [""; 0]);
    assert_eq!(world.redacted(&world.inputs), [original, again]);
    assert_eq!(world.redacted(&world.outcomes), [kept]);
    let named = vec![
        (JournalName::Inputs, again, "personal_data".to_owned()),
        (JournalName::Outcomes, kept, "no_values".to_owned()),
        (JournalName::Inputs, original, "no_values".to_owned()),
    ];
    assert_eq!(world.named(), named);
    // From the beginning, as after a lost cursor: nothing is named twice.
    storage.remove("cursors/redactor").unwrap();
    world.redact();
    assert_eq!(world.named(), named);
    drop(world);
    let world = begin(&storage.kill());
    assert_eq!(world.files_with_secret(), [""; 0]);
}

#[test]
fn what_an_alert_rests_on_vanishes_with_it() {
    let storage = SimStorage::new(4);
    let world = begin(&storage);
    world.filler(3);
    let offset = append(&world.inputs, Kind::Message.into(), |out| {
        message(SECRET, false).encode(out);
    });
    evidence::keep_sample(&world.evidence(), &world.inputs, offset);
    let kept = world.files_with_secret();
    assert!(
        kept.iter().any(|path| path.starts_with("evidence/")),
        "{kept:?}"
    );
    world.conclude(offset, &Reject::personal(["passport"], "sapa-12", "t"));
    world.redact();
    assert_eq!(world.files_with_secret(), [""; 0]);
    drop(world);
    let world = begin(&storage.kill());
    assert_eq!(world.files_with_secret(), [""; 0]);
}

#[test]
fn a_will_vanishes_with_the_session_that_brought_it() {
    let storage = SimStorage::new(2);
    let world = begin(&storage);
    world.filler(3);
    let opened = append(&world.inputs, Kind::Session.into(), |out| {
        Session {
            client_id: "sapa-12",
            session: 7,
            connection: 31,
            change: SessionChange::Opened(Opening {
                principal: "hotel",
                peer: "p",
                protocol: 5,
                clean_start: true,
                present: false,
                assigned_id: false,
                expiry_seconds: 60,
                keep_alive_seconds: 30,
                will: Some(Will {
                    topic: "ioc/lao-cai/tourism/hotel/up",
                    qos: 1,
                    retain: false,
                    delay_seconds: 0,
                    properties: b"",
                    payload: SECRET,
                }),
            }),
        }
        .encode(out);
    });
    world.filler(3);
    let published = append(&world.inputs, Kind::Message.into(), |out| {
        message(SECRET, true).encode(out);
    });
    world.conclude(published, &Reject::personal(["passport"], "sapa-12", "t"));
    world.redact();
    assert_eq!(world.files_with_secret(), [""; 0]);
    assert_eq!(world.redacted(&world.inputs), [opened, published]);
    assert_eq!(world.named().len(), 2);
}

/// The disk fails for a while: it is tried again until it is done.
#[test]
fn a_failing_disk_is_waited_out() {
    let storage = SimStorage::new(3);
    let world = begin(&storage);
    let offset = append(&world.inputs, Kind::Message.into(), |out| {
        message(SECRET, false).encode(out);
    });
    world.conclude(offset, &Reject::personal(["passport"], "sapa-12", "t"));
    let find = super::Find {
        cause: offset,
        keys: vec!["passport".to_owned()],
    };
    let cursors = Cursors::open(Arc::new(storage.clone())).unwrap();
    let redactor = Redactor {
        inputs: world.inputs.clone(),
        appender: world.inputs.appender(),
        outcomes: world.outcomes.clone(),
        cursors,
        evidence: world.evidence(),
        key: Key::of([3; 32]),
        reader: world.outcomes.reader(0),
        position: 0,
        stored: (0, Instant::now()),
        stop_at: Arc::new(AtomicU64::new(u64::MAX)),
        figures: Arc::new(Figures::default()),
    };
    let finds = [find];
    // The record first, so that what fails is the opening of the segment.
    redactor.redact(&finds).unwrap();
    storage.fail(0, journal::storage::sim::Fault::Io);
    assert!(redactor.redact(&finds).is_err());
    storage.fail(0, journal::storage::sim::Fault::Io);
    let mut redactor = redactor;
    assert!(redactor.redact_until_done(&finds).unwrap());
    // A stop is not held up by it.
    storage.fail(0, journal::storage::sim::Fault::Io);
    redactor.stop_at.store(10, Ordering::Release);
    assert!(!redactor.redact_until_done(&finds).unwrap());
    assert_eq!(world.files_with_secret(), [""; 0]);
}
