use std::collections::{BTreeMap, HashMap};

use super::super::{Ledger, Scenario, ledger, scenario};
use super::*;
use crate::publication::Publication;

fn city(seed: u64) -> Scenario {
    scenario("mixed-city", seed, &Options::default()).unwrap()
}

fn publications(seed: u64) -> Vec<Publication> {
    city(seed).flat_map(|moment| moment.publications).collect()
}

#[test]
fn every_format_speaks_and_the_ledger_adds_up() {
    let Ledger {
        all,
        formats,
        faults,
    } = ledger(city(1));
    assert!((2_500..6_000).contains(&all.messages), "{all:?}");
    let mut expected: Vec<&str> = FORMATS.into_iter().chain(["native"]).collect();
    expected.sort_unstable();
    assert_eq!(formats.keys().copied().collect::<Vec<_>>(), expected);
    let sum = |field: fn(&super::super::Tally) -> u64| formats.values().map(field).sum::<u64>();
    assert_eq!(all.messages, sum(|tally| tally.messages));
    for tally in formats.values().chain([&all]) {
        let parts = tally.delivering + tally.state + tally.rejects + tally.duplicates;
        assert_eq!(tally.messages, parts);
        assert!(tally.delivering > 0 && tally.events >= tally.delivering);
    }
    for fault in [
        "repeated",
        "late",
        "history",
        "clock_ahead",
        "mojibake",
        "nan_literal",
        "nan_register",
        "personal_data",
        "unknown_device",
        "unknown_topic",
        "sequence_gap",
        "alias_before_birth",
        "checksum",
        "truncated",
        "reissued",
        "swapped_coordinates",
        "status_not_measuring",
        "modbus_exception",
        "tilted",
    ] {
        assert!(faults.contains_key(fault), "{fault}: {faults:?}");
    }
    // Faults are the exception.
    assert!(
        all.rejects * 50 < all.messages && all.rejects > 10,
        "{all:?}"
    );
}

#[test]
fn the_ledger_is_that_of_the_messages_and_follows_the_seed() {
    assert_eq!(ledger(city(3)), ledger(city(3)));
    assert_ne!(ledger(city(3)), ledger(city(4)));
    let repeats = publications(3)
        .iter()
        .filter(|publication| publication.duplicate_of.is_some())
        .count();
    let reissued = ledger(city(3)).faults["reissued"];
    let duplicates = ledger(city(3)).all.duplicates;
    assert_eq!(u64::try_from(repeats).unwrap() + reissued, duplicates);
}

#[test]
fn a_repeat_is_the_earlier_message_byte_for_byte() {
    let publications = publications(1);
    let mut by_number: HashMap<u64, &Publication> = HashMap::new();
    for publication in &publications {
        if let Some(original) = publication.duplicate_of {
            let original = by_number[&original];
            assert_eq!(
                (&original.payload, &original.topic, &original.device),
                (
                    &publication.payload,
                    &publication.topic,
                    &publication.device
                )
            );
            assert_eq!(publication.truth, Truth::Duplicate);
        }
        by_number.insert(publication.number, publication);
    }
}

/// What an edge node sends, in order: kind, sequence number, bdSeq where there is one.
fn sparkplug() -> Vec<(String, Option<u64>)> {
    let publications = publications(1);
    let ours = publications
        .iter()
        .filter(|publication| publication.format == "sparkplug");
    ours.map(|publication| {
        let kind = publication.topic.split('/').nth(2).unwrap().to_owned();
        (kind, sequence(&publication.payload))
    })
    .collect()
}

/// Field 3 of the outer message: skips the others by their wire types.
fn sequence(payload: &[u8]) -> Option<u64> {
    let mut at = 0;
    let varint = |at: &mut usize| {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = payload[*at];
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    };
    while at < payload.len() {
        let tag = varint(&mut at);
        let value = varint(&mut at);
        match (tag >> 3, tag & 7) {
            (3, 0) => return Some(value),
            (_, 2) => at += usize::try_from(value).unwrap(),
            _ => {}
        }
    }
    None
}

#[test]
fn an_edge_node_counts_gaps_and_is_born_again() {
    let said = sparkplug();
    // Data come before the first birth.
    assert_eq!(said[0].0, "DDATA");
    assert_eq!(said[1], ("NBIRTH".to_owned(), Some(0)));
    let (mut expected, mut gaps, mut births, mut deaths) = (0, 0, 0, 0);
    for (kind, seq) in &said[1..] {
        match (kind.as_str(), seq) {
            ("NBIRTH", seq) => {
                assert_eq!(*seq, Some(0));
                (births, expected) = (births + 1, 1);
            }
            ("NDEATH", seq) => {
                assert_eq!(*seq, None, "a death has no sequence number");
                deaths += 1;
            }
            ("NCMD", _) => {}
            (_, Some(seq)) => {
                gaps += u64::from(*seq != expected);
                expected = (seq + 1) % 256;
            }
            (kind, None) => panic!("{kind} without a sequence number"),
        }
    }
    // Twice: born, born again on request after a gap, dead, back. In the second half hour there is a birth without a death
    // before it, and the gap again.
    assert_eq!((births, deaths, gaps), (7, 2, 2));
}

#[test]
fn sparkplug_is_followed_by_a_confirmed_message_of_its_connection() {
    for moment in city(1) {
        let last_by_link: BTreeMap<usize, &Publication> = moment
            .publications
            .iter()
            .map(|publication| (publication.link, publication))
            .collect();
        for publication in &moment.publications {
            if publication.qos == crate::publication::Qos::AtMostOnce {
                let last = last_by_link[&publication.link];
                assert_eq!(last.qos, crate::publication::Qos::AtLeastOnce);
            }
        }
    }
}

#[test]
fn a_mill_gives_messages_of_one_format_without_end() {
    for format in FORMATS {
        let mill = Mill::new(format, 1, from_ns()).unwrap();
        let messages: Vec<_> = mill.take(1_000).collect();
        assert_eq!(messages.len(), 1_000, "{format}");
        let different: std::collections::HashSet<_> = messages.iter().collect();
        assert!(different.len() > 200, "{format}: {}", different.len());
    }
    assert!(Mill::new("morse", 1, from_ns()).is_none());
}
