//! Outcomes come back with the very bytes that they had, and their values are in the table of points.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use archive::ArchiveConfig;
use common::{Folder, assert_same, config, deliver, open, read_back};
use event::outcome::{self, Cause, Outcome, OutcomeKind, VERSION};
use event::{
    Event, EventFlags, EventId, Kind, Measured, Name, Place, Quality, Status, Stream, Time, Value,
};
use journal::Stamp;
use pipeline::Record;
use proptest::prelude::*;

fn name() -> impl Strategy<Value = Name> {
    "[a-zà-ỹ0-9._-]{0,12}".prop_map(Name::from)
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        1 => any::<i64>(),
        8 => 1_700_000_000_000_000_000..1_700_090_000_000_000_000_i64
    ]
    .prop_map(Time)
}

fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |number| number.is_finite()),
        Just(-0.0),
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE / 8.0),
    ]
}

fn measured() -> impl Strategy<Value = Measured> {
    let value = prop_oneof![
        finite().prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        name().prop_map(Value::Code),
    ];
    (name(), value, name(), any::<u16>()).prop_map(|(measure, value, unit, quality)| Measured {
        measure,
        value,
        unit,
        quality: Quality(quality),
    })
}

prop_compose! {
    fn event()(
        id in any::<[u8; 16]>(),
        (kind, stream, status) in (
            prop_oneof![Just(Kind::Reading), Just(Kind::State), Just(Kind::Warning), Just(Kind::Announcement)],
            prop_oneof![Just(Stream::Disaster), Just(Stream::Energy), Just(Stream::Environment), Just(Stream::Tourism)],
            prop_oneof![Just(Status::Actual), Just(Status::Exercise), Just(Status::Test)],
        ),
        (site, entity, device) in (name(), name(), name()),
        same in any::<bool>(),
        (observed, received, processed) in (time(), time(), time()),
        (observed_until, valid_from, valid_to) in (
            proptest::option::of(time()), proptest::option::of(time()), proptest::option::of(time())
        ),
        sequence in proptest::option::of(any::<u64>()),
        place in proptest::option::of((proptest::option::of(name()), finite(), finite())),
        flags in any::<u16>(),
        values in proptest::collection::vec(measured(), 0..6),
    ) -> Event {
        Event {
            id: EventId(id), kind, stream, status, site,
            device: if same { entity.clone() } else { device },
            entity, observed, observed_until, valid_from, valid_to, received, processed, sequence,
            place: place.map(|(area, lat, lon)| Place { area, lat, lon }),
            flags: EventFlags(flags), values,
        }
    }
}

/// An outcome of any kind: an event, a copy, a record of a kind or version that this release does not know, or damage.
fn record() -> impl Strategy<Value = (u8, u8, Vec<u8>)> {
    let cause =
        (any::<u64>(), any::<u32>(), any::<bool>()).prop_map(|(offset, index, last)| Cause {
            offset,
            index,
            last,
        });
    prop_oneof![
        6 => (cause, event()).prop_map(|(cause, event)| {
            let mut payload = Vec::new();
            outcome::encode_event(cause, &event, &mut payload);
            (OutcomeKind::Event as u8, VERSION, payload)
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| {
            let mut payload = Vec::new();
            let cause = Cause { offset: 3, index: 0, last: true };
            outcome::encode_copy(cause, &bytes, &mut payload);
            (OutcomeKind::CommandCopy as u8, VERSION, payload)
        }),
        1 => (any::<u8>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..100)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 50, ..ProptestConfig::with_cases(32) })]
    #[test]
    fn every_outcome_comes_back_byte_for_byte(
        parts in proptest::collection::vec((record(), any::<i64>(), any::<i64>()), 1..60),
        rows in 1..30_usize,
        first in 0..1_u64 << 60,
    ) {
        let records: Vec<Record> = (first..).zip(parts).map(|(offset, ((kind, version, payload), journal_ns, wall_ns))| Record {
            offset, kind, version, payload, stamp: Stamp { journal_ns, wall_ns },
        }).collect();
        let folder = Folder::new("exact");
        let config = ArchiveConfig { flush_rows: rows, compact_files: 3, ..config() };
        let archive = open(&folder, &config, None).unwrap();
        deliver(&archive, &records, 7);
        for merged in [false, true] {
            if merged {
                archive.keep(i64::MAX, &mut || true).unwrap();
            }
            let back = read_back(&archive, u64::MAX >> 1);
            prop_assert_eq!(back.len(), records.len());
            for record in &records {
                assert_same(&back[&record.offset], record);
            }
        }
        prop_assert_eq!(archive.missing_records(None, first, first + records.len() as u64), []);
        // A part, as a refill asks for it; and an event made again from its record is the event.
        let middle = first + records.len() as u64 / 2;
        let part: Vec<u64> = archive.records(None, middle, middle + 5)
            .flat_map(|buffer| buffer.unwrap().records).map(|record| record.offset).collect();
        let wanted: Vec<u64> = (middle..(middle + 5).min(first + records.len() as u64)).collect();
        prop_assert_eq!(part, wanted);
        for record in read_back(&archive, u64::MAX >> 1).values() {
            if let Ok((cause, Outcome::Event(event))) = outcome::decode(record.kind, record.version, &record.payload) {
                let mut again = Vec::new();
                outcome::encode_event(cause, &event, &mut again);
                let same_name_twice = event.device == event.entity;
                prop_assert!(again == record.payload || same_name_twice);
            }
        }
    }
}

/// An event whose bytes hold NaN is kept as a record and is in no answer: the decoder refuses it.
#[test]
fn no_number_that_is_none_gets_into_the_points() {
    for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let good = common::reading("e", common::DAY, &[("a", Value::Number(1.0), "m")]);
        let mut bad = common::record(1, &good);
        let at = bad.payload.len() - 8;
        bad.payload[at..].copy_from_slice(&wrong.to_le_bytes());
        let folder = Folder::new("nan");
        let archive = open(&folder, &config(), None).unwrap();
        let all = [common::record(0, &good), bad.clone()];
        deliver(&archive, &all, 1);
        assert_same(&read_back(&archive, 10)[&1], &bad);
        let answer = common::json(&common::ask(
            &archive,
            common::range("e", "a", common::DAY, common::DAY + 1),
        ));
        assert_eq!(answer["points"].as_array().unwrap().len(), 1);
        assert_eq!(answer["points"][0]["value"], 1.0);
    }
}
