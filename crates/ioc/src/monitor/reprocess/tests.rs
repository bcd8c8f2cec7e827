//! The fold alone, over records made by hand: a broken pack, a message, the mended pack, the message again and again.

use event::outcome::{self, Outcome, OutcomeKind};
use event::{Event, JournalId};
use journal::Stamp;
use journal::inputs::{Configuration, Message, Reprocess};
use sha2::{Digest, Sha256};

use super::*;

const TOPIC: &str = "ioc/lao-cai/disaster/wl-bao-ha/up";
/// Over the highest flood level.
const PAYLOAD: &[u8] = br#"{"seq":1,"level":58.2}"#;
const CAME: Stamp = Stamp {
    journal_ns: 1_795_305_600_000_000_000,
    wall_ns: 1_795_305_600_000_000_007,
};

/// A record a minute.
fn stamp(offset: u64) -> Stamp {
    let ns = i64::try_from(offset).unwrap() * 60_000_000_000;
    Stamp {
        journal_ns: CAME.journal_ns + ns,
        wall_ns: CAME.wall_ns + ns,
    }
}

struct Node {
    fold: Fold,
    next: u64,
}

impl Node {
    fn new() -> Self {
        Self {
            fold: Fold::new(JournalId([7; 16])),
            next: 0,
        }
    }

    /// Folds the next record; what it gave.
    fn put(&mut self, kind: Kind, payload: &[u8]) -> Vec<(OutcomeKind, Vec<u8>)> {
        let frame = Frame {
            offset: self.next,
            kind: kind as u8,
            version: inputs::VERSION,
            flags: 0,
            stamp: stamp(self.next),
            payload,
        };
        self.next += 1;
        let mut all = Vec::new();
        self.fold
            .step(&frame, &mut |_, kind, write| {
                let mut bytes = Vec::new();
                write(&mut bytes)?;
                all.push((kind, bytes));
                Ok(())
            })
            .unwrap();
        all
    }

    fn pack(&mut self, change: impl Fn(&str) -> String) {
        let mut pack = crate::site::read("lao-cai").unwrap();
        let profile = pack.files.get_mut("profiles/disaster.toml").unwrap();
        *profile = change(std::str::from_utf8(profile).unwrap()).into_bytes();
        let content = pack.to_bytes();
        let record = Configuration {
            name: "site",
            sha256: Sha256::digest(&content).into(),
            content: &content,
        };
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        self.put(Kind::Configuration, &bytes);
    }

    fn reprocess(&mut self, offset: u64, record: &[u8]) -> (ReprocessResult, Vec<Event>) {
        let reprocess = Reprocess {
            offset,
            stamp: stamp(offset),
            operator: "Lan",
            verified: false,
            reason: "mended",
            kind: Kind::Message as u8,
            version: inputs::VERSION,
            record,
        };
        let mut bytes = Vec::new();
        reprocess.encode(&mut bytes);
        let (mut result, mut events) = (None, Vec::new());
        for (kind, bytes) in self.put(Kind::Reprocess, &bytes) {
            #[allow(
                clippy::wildcard_enum_match_arm,
                reason = "nothing else may come of it"
            )]
            match outcome::decode(kind as u8, outcome::VERSION, &bytes)
                .unwrap()
                .1
            {
                Outcome::Reprocessed(done) => {
                    assert_eq!((done.original, done.operator.as_str()), (offset, "Lan"));
                    assert!(events.is_empty(), "it comes first");
                    result = Some(done.result);
                }
                Outcome::Event(event) => events.push(event),
                other => panic!("{other:?}"),
            }
        }
        (result.unwrap(), events)
    }
}

fn message() -> Vec<u8> {
    let message = Message {
        front_door: FrontDoor::Listener,
        protocol: 4,
        principal: "",
        peer: "",
        client_id: "gw",
        session: 1,
        connection: 1,
        packet_id: 1,
        qos: 1,
        dup: false,
        retain: false,
        will: false,
        oversize: None,
        properties: &[],
        topic: TOPIC,
        payload: PAYLOAD,
    };
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

fn broken(text: &str) -> String {
    let kept = text
        .lines()
        .filter(|line| !line.starts_with("fields.level ="));
    kept.collect::<Vec<_>>().join("\n")
}

#[test]
fn it_arrives_once_as_history_with_the_id_and_times_it_would_have_had() {
    let mut node = Node::new();
    node.pack(broken);
    let record = message();
    let offset = node.next;
    let refused = node.put(Kind::Message, &record);
    assert_eq!(refused[0].0, OutcomeKind::Reject);
    let (result, events) = node.reprocess(offset, &record);
    assert!(matches!(result, ReprocessResult::Failed { events: 0, .. }) && events.is_empty());
    node.pack(str::to_owned);

    let (result, events) = node.reprocess(offset, &record);
    assert_eq!(result, ReprocessResult::Delivered { events: 1 });
    let event = &events[0];
    assert!(event.flags.has(FLAGS));
    assert_eq!(event.processed, Time(stamp(offset).journal_ns));
    assert_eq!(event.received, Time(stamp(offset).wall_ns));
    // The same message, understood at once.
    let mut other = Node::new();
    other.pack(str::to_owned);
    other.next = offset;
    let first = &other.put(Kind::Message, &record)[0];
    let Outcome::Event(live) = outcome::decode(first.0 as u8, outcome::VERSION, &first.1)
        .unwrap()
        .1
    else {
        panic!("no event");
    };
    assert_eq!(
        (event.id, event.observed, &event.values),
        (live.id, live.observed, &live.values)
    );

    for _ in 0..3 {
        let again = node.reprocess(offset, &record);
        assert_eq!(again, (ReprocessResult::Already, Vec::new()));
    }
    let counters = node.fold.counters();
    assert_eq!((counters.reprocessed, counters.reprocessed_failed), (1, 1));
    assert_eq!(
        (counters.messages, counters.rejected, counters.events),
        (1, 1, 0)
    );
    assert_eq!(counters.alerts_raised, 0);
    assert_eq!(
        node.fold.engine().unwrap().alerts().count(),
        0,
        "not even a retrospective one"
    );

    // It is remembered across a snapshot.
    let saved = node.fold.save().unwrap().unwrap();
    let format = crate::monitor::saved::FORMAT;
    node.fold = Fold::restore(JournalId([7; 16]), format, node.next, &saved).unwrap();
    assert_eq!(node.reprocess(offset, &record).0, ReprocessResult::Already);
}

#[test]
fn what_is_no_message_is_refused_and_not_delivered() {
    let mut node = Node::new();
    node.pack(str::to_owned);
    let reprocess = Reprocess {
        offset: 0,
        stamp: CAME,
        operator: "Lan",
        verified: false,
        reason: "r",
        kind: Kind::Command as u8,
        version: inputs::VERSION,
        record: b"x",
    };
    let mut bytes = Vec::new();
    reprocess.encode(&mut bytes);
    let gave = node.put(Kind::Reprocess, &bytes);
    assert_eq!(gave.len(), 1);
    assert!(!node.fold.delivered.contains(0));
    assert_eq!(node.fold.counters().reprocessed_failed, 1);
}
