//! Damaged files: the journal always starts, loses what was damaged and nothing else, and says which.

use std::collections::BTreeSet;
use std::sync::Arc;

use journal::storage::sim::{Random, SimStorage};
use journal::{Class, JournalName, ReadOnly, Storage};

use super::{append, content, open, options, read_all, start};

const RECORDS: u64 = 300;

fn pristine() -> SimStorage {
    let storage = SimStorage::new(1);
    let journal = start(&storage, &options());
    append(&journal, Class::Normal, 0..RECORDS);
    journal.close().unwrap();
    storage
}

/// (number, segment, first byte, one past the last byte) of every record.
fn layout(storage: &SimStorage) -> Vec<(u64, String, usize, usize)> {
    let mut records = Vec::new();
    let mut number = 0;
    for path in storage
        .files()
        .into_iter()
        .filter(|path| path.ends_with(".seg"))
    {
        let bytes = storage.content(&path).unwrap();
        let mut at = 64;
        while number < RECORDS && bytes.get(at + 4).is_some_and(|version| *version == 1) {
            let end = at + 40 + content(number).len();
            records.push((number, path.clone(), at, end));
            number += 1;
            at = end;
        }
    }
    assert_eq!(records.len() as u64, RECORDS);
    records
}

/// One of the things that happen to files. `true`: good frames may have come to another place whole.
fn harm(random: &mut Random, bytes: &mut Vec<u8>) -> bool {
    let length = bytes.len() as u64;
    let start = random.below(length) as usize;
    let end = (start + 1 + random.below(700) as usize).min(bytes.len());
    let what = random.below(6);
    match what {
        0 => bytes[start] ^= 1 << random.below(8),
        1 => bytes[start..end].fill(0),
        2 => bytes[start..end].fill_with(|| random.number() as u8),
        3 => bytes[start..end].fill(0xff),
        // A piece of the same file in the wrong place: good frames where they do not belong.
        4 => {
            let from = random.below(length - (end - start) as u64) as usize;
            bytes.copy_within(from..from + (end - start), start);
        }
        _ => bytes.truncate(start.max(64)),
    }
    what == 4
}

#[test]
fn two_hundred_random_damages() {
    let good = pristine();
    let layout = layout(&good);
    let files: Vec<String> = good.files();
    let mut lost_in_all = 0;
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let world = good.kill();
        let path = &files[random.below(files.len() as u64) as usize];
        let before = world.content(path).unwrap();
        let mut after = before.clone();
        let moved = harm(&mut random, &mut after);
        let changed = |from: usize, to: usize| before.get(from..to) != after.get(from..to);
        let expected: BTreeSet<u64> = layout
            .iter()
            .filter(|(_, segment, from, to)| segment == path && changed(*from, *to))
            .map(|(number, ..)| *number)
            .collect();
        world.damage(path, after.clone());

        let opened = open(&world, &options());
        let end = opened.next_offset();
        let (records, gaps) = read_all(&mut opened.reader(0), end);
        let found: BTreeSet<u64> = records.iter().map(|(_, number)| *number).collect();
        assert!(
            records.iter().all(|(offset, number)| offset == number),
            "seed {seed}"
        );
        let lost: BTreeSet<u64> = (0..RECORDS)
            .filter(|number| !found.contains(number))
            .collect();
        if moved {
            assert!(
                lost.is_subset(&expected),
                "seed {seed}: {path}: {lost:?} {expected:?}"
            );
        } else {
            assert_eq!(lost, expected, "seed {seed}: {path}");
        }
        // Each loss is reported by offset, or was at the very end.
        let reported: BTreeSet<u64> = gaps.iter().flat_map(|(from, to, _)| *from..*to).collect();
        let at_the_end: BTreeSet<u64> = (end..RECORDS).collect();
        assert_eq!(lost, &reported | &at_the_end, "seed {seed}");
        let counted: u64 = opened
            .recovery()
            .damaged
            .iter()
            .map(|range| range.to_offset - range.from_offset)
            .sum();
        assert_eq!(counted, reported.len() as u64, "seed {seed}");
        lost_in_all += lost.len();

        let journal = opened.start(super::clock()).unwrap();
        append(&journal, Class::Normal, RECORDS..RECORDS + 2);
        journal.close().unwrap();
        let again = open(&world, &options());
        assert_eq!(again.next_offset(), end + 2, "seed {seed}");
        assert_eq!(
            again.recovery().torn_bytes,
            0,
            "seed {seed}: cut once is cut for good"
        );
    }
    assert!(lost_in_all > 100, "only {lost_in_all} records were hit");
}

#[test]
fn damage_is_set_aside_and_verify_finds_it() {
    let world = pristine();
    let path = "inputs/00000000000000000000.seg";
    let mut bytes = world.content(path).unwrap();
    bytes[64 + 40] ^= 0xff;
    world.damage(path, bytes);
    let storage: Arc<dyn Storage> = Arc::new(world.clone());
    let report = ReadOnly::open(Arc::clone(&storage), JournalName::Inputs)
        .unwrap()
        .verify()
        .unwrap();
    assert_eq!((report.records, report.damaged_records()), (RECORDS - 1, 1));
    assert_eq!(
        (report.damaged[0].from_offset, report.damaged[0].to_offset),
        (0, 1)
    );
    assert!(report.damaged[0].certain);
    let _opened = open(&world, &options());
    let aside = "damaged/inputs-00000000000000000000-00000000000000000001";
    assert_eq!(world.content(aside).unwrap().len(), 40 + content(0).len());
}

#[test]
fn a_torn_tail_is_cut_and_reported() {
    let world = pristine();
    let last = world
        .files()
        .into_iter()
        .rfind(|path| path.ends_with(".seg"))
        .unwrap();
    let end = layout(&world).last().unwrap().3;
    let mut bytes = world.content(&last).unwrap();
    bytes.truncate(end);
    bytes.extend_from_slice(&[1, 2, 3, 4, 1, 1, 0, 0, 200, 0, 0, 0, 9]);
    world.damage(&last, bytes);
    let opened = open(&world, &options());
    assert_eq!(opened.recovery().torn_bytes, 13);
    assert!(opened.recovery().damaged.is_empty());
    assert_eq!(opened.next_offset(), RECORDS);
}

/// The bytes of a frame inside a payload must not pass for a frame when the search behind damage meets them.
#[test]
fn a_frame_inside_a_payload_is_no_frame() {
    let other = pristine();
    let inner = other.content("inputs/00000000000000000000.seg").unwrap();
    let storage = SimStorage::new(2);
    let journal = start(&storage, &options());
    let mut batch = super::batch(0..1);
    batch.push(9, |out| out.extend_from_slice(&inner[64..1024]));
    journal
        .appender()
        .append_blocking(Class::Normal, batch)
        .unwrap()
        .wait()
        .unwrap();
    append(&journal, Class::Normal, 2..5);
    journal.close().unwrap();
    let path = "inputs/00000000000000000000.seg";
    let mut bytes = storage.content(path).unwrap();
    let header_of_second = 64 + 40 + content(0).len();
    bytes[header_of_second + 9] ^= 0x10;
    storage.damage(path, bytes);
    let opened = open(&storage, &options());
    let damaged = &opened.recovery().damaged;
    assert_eq!((damaged[0].from_offset, damaged[0].to_offset), (1, 2));
    assert_eq!(opened.recovery().records, 4);
}

#[test]
fn offsets_that_others_know_are_never_given_out_again() {
    let world = pristine();
    let mut opened = open(&world, &options());
    opened.skip_to(RECORDS + 50).unwrap();
    assert!(opened.skip_to(3).is_err());
    let journal = opened.start(super::clock()).unwrap();
    append(&journal, Class::Normal, 7..8);
    let (records, gaps) = read_all(&mut journal.reader(RECORDS - 1), RECORDS + 51);
    assert_eq!(records, [(RECORDS - 1, RECORDS - 1), (RECORDS + 50, 7)]);
    assert_eq!(
        gaps.iter().map(|gap| (gap.0, gap.1)).collect::<Vec<_>>(),
        [(RECORDS, RECORDS + 50)]
    );
}
