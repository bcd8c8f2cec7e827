//! The store, the keeper and the proof over two journals in memory and the shipped site pack.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use event::JournalId;
use journal::inputs::{Configuration, FrontDoor, Kind as Input, Message};
use journal::storage::sim::SimStorage;
use journal::{Batch, Class, Clock, Cursors, Journal, JournalName, Opened, Stamp, Storage};
use serde_json::json;

use super::format::{self, FrameState, Head, KeptFrame, Kind};
use super::gather::Bounds;
use super::keeper::Keeper;
use super::read::{self, Found};
use super::store::{self, Limits, Store};
use super::verify::{Report, Verdict, verify};
use crate::monitor::fold::Fold;
use crate::store::journal_options;

const TOPIC: &str = "ioc/lao-cai/disaster/wl-bao-ha/up";
const SECOND: i64 = 1_000_000_000;

pub(crate) fn sample_limits() -> Limits {
    Limits {
        bytes_max: 1 << 30,
        segment_bytes: 1 << 20,
        retain_ns: i64::MAX,
    }
}

/// Keeps a copy of one record, as the keeper does.
pub(crate) fn keep_sample(store: &Store, inputs: &Journal, offset: u64) {
    let batch = inputs.reader(offset).next_blocking(None).unwrap().unwrap();
    let frame = KeptFrame::of(&batch.frames().next().unwrap());
    let mut turn = store.turn().unwrap();
    turn.frame(&frame, 1);
    turn.commit().unwrap();
}

struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Stamp {
        let now = self.0.fetch_add(SECOND, Ordering::Relaxed);
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
    fold: Fold,
    pack: Vec<u8>,
}

fn append(journal: &Journal, kind: u8, encode: impl FnOnce(&mut Vec<u8>)) -> u64 {
    let mut batch = Batch::new();
    batch.push(kind, encode);
    let ticket = journal.appender().append_blocking(Class::System, batch);
    ticket.unwrap().wait().unwrap().first_offset
}

impl World {
    fn new(seed: u64) -> Self {
        let storage = SimStorage::new(seed);
        let start = |name| {
            let mut options = journal_options(name);
            options.segment_bytes = 4 << 20;
            options.reserve_disaster_bytes = 0;
            options.reserve_system_bytes = 4096;
            let shared: Arc<dyn Storage> = Arc::new(storage.clone());
            let opened = Opened::open(shared, options).unwrap();
            let clock = Arc::new(Ticking(AtomicI64::new(1_750_000_000 * SECOND)));
            opened.start(clock).unwrap()
        };
        let (inputs, outcomes) = (start(JournalName::Inputs), start(JournalName::Outcomes));
        let pack = crate::site::read("lao-cai").unwrap().to_bytes();
        append(&inputs, Input::Configuration.into(), |out| {
            Configuration {
                name: "site",
                sha256: format::sha256(&pack),
                content: &pack,
            }
            .encode(out);
        });
        let fold = Fold::new(JournalId(inputs.id().0));
        Self {
            storage,
            inputs,
            outcomes,
            fold,
            pack,
        }
    }

    fn shared(&self) -> Arc<dyn Storage> {
        Arc::new(self.storage.clone())
    }

    fn publish(&self, seq: u64, level: f64) -> u64 {
        let payload = json!({"id": "wl-bao-ha", "seq": seq, "level": level}).to_string();
        append(&self.inputs, Input::Message.into(), |out| {
            Message {
                front_door: FrontDoor::Listener,
                protocol: 5,
                principal: "gauge",
                peer: "10.0.0.7:50123",
                client_id: "gauge",
                session: 7,
                connection: 31,
                packet_id: 1,
                qos: 1,
                dup: false,
                retain: false,
                will: false,
                oversize: None,
                properties: b"",
                topic: TOPIC,
                payload: payload.as_bytes(),
            }
            .encode(out);
        })
    }

    /// Folds what is in `inputs`, as the monitor does.
    fn fold(&mut self) {
        let mut reader = self.inputs.reader(self.fold.next_input());
        while reader.position() < self.inputs.next_offset() {
            let batch = reader.next_blocking(Some(Duration::from_secs(5)));
            for frame in batch.unwrap().unwrap().frames() {
                let outcomes = &self.outcomes;
                let stamp = frame.stamp;
                self.fold
                    .step(&frame, &mut |_, kind, write| {
                        let mut bytes = Vec::new();
                        write(&mut bytes)?;
                        let mut batch = Batch::new();
                        batch.push_stamped(kind as u8, stamp, |out| out.extend(bytes));
                        let appended = outcomes.appender().append_blocking(Class::System, batch);
                        appended.unwrap().wait().unwrap();
                        Ok(())
                    })
                    .unwrap();
            }
        }
    }

    fn store(&self) -> Arc<Store> {
        Arc::new(Store::open(self.shared(), self.inputs.id().0, sample_limits()).unwrap())
    }

    /// Runs the keeper until everything that is there now is done.
    fn keep(&self, store: &Arc<Store>, bounds: Bounds) {
        let keeper = Keeper::new(
            [self.inputs.clone(), self.outcomes.clone()],
            Cursors::open(self.shared()).unwrap(),
            Arc::clone(store),
            bounds,
            self.pack.clone(),
            Arc::new(AtomicU64::new(self.outcomes.next_offset())),
        );
        keeper.unwrap().run().unwrap();
    }

    fn alert(&self, rule: &str) -> String {
        let alerts = self.fold.engine().unwrap().alerts();
        let found = alerts.into_iter().find(|alert| alert.rule == rule);
        found.unwrap().id.to_string()
    }

    fn find(&self, alert: &str) -> Found {
        read::find(&*self.shared(), alert).unwrap()
    }

    fn prove(&self, alert: &str) -> Report {
        verify(&self.find(alert))
    }

    fn holds(&self, part: &[u8]) -> Vec<String> {
        let evidence = self.storage.files().into_iter();
        evidence
            .filter(|path| path.starts_with("evidence/"))
            .filter(|path| {
                let content = self.storage.content(path).unwrap();
                content.windows(part.len()).any(|piece| piece == part)
            })
            .collect()
    }

    /// Writes the only segment again, each record changed by `change`, with all checksums right.
    fn rewrite(&self, change: impl Fn(Kind, Vec<u8>) -> Vec<u8>) {
        let path = store::path(0);
        let old = self.storage.content(&path).unwrap();
        let mut new = old[..format::FILE_HEADER_BYTES].to_vec();
        for (_, header, payload) in store::records(&old) {
            let payload = change(header.kind, payload.to_vec());
            format::put(header.kind, header.key, header.stamp, &payload, &mut new);
        }
        let file = self.storage.create(&path).unwrap();
        file.write_at(&mut [std::io::IoSlice::new(&new)], 0)
            .unwrap();
    }
}

const ALL: Bounds = Bounds {
    frames_max: 64,
    frame_bytes_max: 1 << 20,
};

fn replaced(bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes
        .windows(from.len())
        .position(|part| part == from.as_bytes());
    let mut bytes = bytes;
    if let Some(at) = at {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// A flood level is passed, rises, falls and is over: four transitions, two of them with values.
fn flood(seed: u64) -> (World, String) {
    let mut world = World::new(seed);
    for (seq, level) in (1..).zip([54.0, 58.13, 58.93]) {
        world.publish(seq, level);
    }
    world.fold();
    let alert = world.alert("river-bd3");
    (world, alert)
}

#[test]
fn an_alert_comes_out_again_from_its_evidence_alone() {
    let (world, alert) = flood(1);
    let store = world.store();
    world.keep(&store, ALL);
    let found = world.find(&alert);
    assert!(!found.records.is_empty() && found.life.len() >= found.records.len());
    let first = &found.records[0];
    assert_eq!(first.pack.as_deref(), Some(&world.pack));
    assert_eq!(first.frames.len(), 1);
    assert!(first.frames[0].kept.is_some());
    let report = verify(&found);
    assert_eq!(report.verdict, Verdict::Proven, "{:#?}", report.items);
    assert!(report.values >= 1 && report.frames >= 1);
    let document = super::document::document(&alert, &found, Some(&report)).unwrap();
    assert_eq!(document["rule"]["file"], "rules/river.toml");
    let text = document["rule"]["text"].as_str().unwrap();
    assert!(text.contains("id = \"river-bd3\""), "{text}");
    let raw = document["transitions"][0]["records"][0]["payload"].as_str();
    assert!(raw.unwrap().contains("58.13"));
    let mut printed = Vec::new();
    super::text::print(&document, &mut printed).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    for words in ["Ngưỡng / Thresholds", "Bản tin gốc / Raw records", "khớp"] {
        assert!(printed.contains(words), "{printed}");
    }
}

#[test]
fn one_changed_byte_is_found_with_every_checksum_mended() {
    for (from, to) in [
        ("58.13", "58.14"),
        ("\"seq\":2", "\"seq\":3"),
        ("wl-bao-ha", "wl-bao-hb"),
    ] {
        let (world, alert) = flood(2);
        world.keep(&world.store(), ALL);
        world.rewrite(|kind, payload| match kind {
            Kind::Frame => replaced(payload, from, to),
            Kind::Pack | Kind::Evidence | Kind::Life => payload,
        });
        let report = world.prove(&alert);
        assert_eq!(report.verdict, Verdict::Failed, "{from}");
        let place = &report.items[0].place;
        assert!(place.contains("record 2 of inputs"), "{place}");
    }
}

/// Not only the digests: what the record says is read again and goes through the rule.
#[test]
fn a_changed_value_is_found_with_the_digests_mended_too() {
    let (world, alert) = flood(3);
    world.keep(&world.store(), ALL);
    let before = world.find(&alert);
    let old = before.records[0].frames[0].kept.clone().unwrap().to_bytes();
    let digests = [&old, &replaced(old.clone(), "58.13", "58.14")]
        .map(|bytes| format::hex(&format::sha256(bytes)));
    world.rewrite(|kind, payload| match kind {
        Kind::Frame => replaced(payload, "58.13", "58.14"),
        Kind::Evidence => replaced(payload, &digests[0], &digests[1]),
        Kind::Pack | Kind::Life => payload,
    });
    let report = world.prove(&alert);
    assert_eq!(report.verdict, Verdict::Failed);
    let english: Vec<_> = report
        .items
        .iter()
        .map(|item| item.what.en.as_str())
        .collect();
    assert!(
        english.iter().any(|what| what.contains("58.14")),
        "{english:?}"
    );
    // The alert itself: its sentence does not follow from what is kept.
    let (world, alert) = flood(3);
    world.keep(&world.store(), ALL);
    world.rewrite(|kind, payload| match kind {
        Kind::Evidence => {
            let (head, text) = Head::from_bytes(&payload).unwrap();
            let text = replaced(text.to_vec(), "58,13", "58,19");
            let sha256 = format::hex(&format::sha256(&text));
            Head { sha256, ..head }.to_bytes(&text)
        }
        Kind::Frame | Kind::Pack | Kind::Life => payload,
    });
    let report = world.prove(&alert);
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(
        report
            .items
            .iter()
            .any(|item| item.place.ends_with("/message"))
    );
}

#[test]
fn a_wrong_checksum_is_damage() {
    let (world, alert) = flood(4);
    world.keep(&world.store(), ALL);
    let path = store::path(0);
    let mut bytes = world.storage.content(&path).unwrap();
    let at = bytes.windows(5).position(|part| part == b"58.13").unwrap();
    bytes[at] = b'4';
    let file = world.storage.create(&path).unwrap();
    file.write_at(&mut [std::io::IoSlice::new(&bytes)], 0)
        .unwrap();
    let report = world.prove(&alert);
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(
        report.items[0]
            .place
            .contains("evidence/0000000000.ev at byte")
    );
}

#[test]
fn what_is_past_the_bound_stands_for_itself() {
    let (world, alert) = flood(5);
    let none = Bounds {
        frames_max: 64,
        frame_bytes_max: 10,
    };
    world.keep(&world.store(), none);
    let found = world.find(&alert);
    assert_eq!(found.records[0].frames[0].state, FrameState::Beyond);
    let report = verify(&found);
    assert_eq!(report.verdict, Verdict::Limited, "{:#?}", report.items);
}

#[test]
fn a_blanked_record_is_gone_from_every_file_and_said() {
    let (world, alert) = flood(6);
    let store = world.store();
    world.keep(&store, ALL);
    let offset = world.find(&alert).records[0].frames[0].offset;
    let raw = b"\"seq\":2";
    assert_eq!(world.holds(raw).len(), 1);
    store.blank(&[offset]).unwrap();
    assert_eq!(world.holds(raw), [""; 0]);
    let found = world.find(&alert);
    assert_eq!(found.records[0].frames[0].state, FrameState::Blanked);
    assert!(found.damaged.is_empty());
    assert_eq!(verify(&found).verdict, Verdict::Limited);
    // A record that was overwritten in the journal is not copied at all.
    let (world, alert) = flood(6);
    let mut batch = Batch::new();
    batch.push(Input::Redaction.into(), |out| {
        journal::inputs::Redaction {
            journal: JournalName::Inputs,
            offset,
            code: "personal_data",
            keys: vec!["passport"],
            hash: [1; 32],
        }
        .encode(out);
    });
    let named = world
        .inputs
        .appender()
        .append_blocking(Class::System, batch);
    named.unwrap().wait().unwrap();
    world.inputs.redact(&[offset]).unwrap();
    world.keep(&world.store(), ALL);
    assert_eq!(world.holds(raw), [""; 0]);
    let found = world.find(&alert);
    assert_eq!(found.records[0].frames[0].state, FrameState::Blanked);
}

/// Killed between the store's sync and the cursor: nothing is kept twice; a torn end is cut off.
#[test]
fn a_kill_repeats_nothing_and_loses_nothing() {
    let (world, alert) = flood(7);
    world.keep(&world.store(), ALL);
    let whole = world.storage.content(&store::path(0)).unwrap();
    world.storage.remove("cursors/evidence").unwrap();
    world.keep(&world.store(), ALL);
    assert_eq!(world.storage.content(&store::path(0)).unwrap(), whole);
    let file = world.storage.create(&store::path(0)).unwrap();
    let torn = &whole[..whole.len() - 7];
    file.write_at(&mut [std::io::IoSlice::new(torn)], 0)
        .unwrap();
    world.storage.remove("cursors/evidence").unwrap();
    world.keep(&world.store(), ALL);
    assert_eq!(world.storage.content(&store::path(0)).unwrap(), whole);
    assert_eq!(world.prove(&alert).verdict, Verdict::Proven);
}

#[test]
fn the_oldest_goes_at_the_bounds_and_every_segment_stands_alone() {
    let (mut world, alert) = flood(8);
    let limits = Limits {
        bytes_max: 3 << 20,
        segment_bytes: 1,
        ..sample_limits()
    };
    let open =
        |world: &World| Arc::new(Store::open(world.shared(), world.inputs.id().0, limits).unwrap());
    let store = open(&world);
    world.keep(&store, ALL);
    assert_eq!(world.prove(&alert).verdict, Verdict::Proven);
    for round in 0..60 {
        // Steps large enough to be told each time.
        world.publish(
            10 + round,
            59.0 + f64::from(u32::try_from(round % 2).unwrap()) * 5.0,
        );
    }
    world.fold();
    world.keep(&store, ALL);
    let figures = &store.figures;
    let bytes = figures.bytes.load(Ordering::Relaxed);
    assert!(bytes <= limits.bytes_max + (1 << 20), "{bytes}");
    let aged = Limits {
        retain_ns: 0,
        ..limits
    };
    drop(store);
    let store = Store::open(world.shared(), world.inputs.id().0, aged).unwrap();
    let mut turn = store.turn().unwrap();
    turn.pack(&[1; 32], b"pack", i64::MAX);
    turn.commit().unwrap();
    assert_eq!(store::list(&*world.shared()).unwrap().len(), 1);
    assert!(store.figures.segments_dropped.load(Ordering::Relaxed) > 0);
}
