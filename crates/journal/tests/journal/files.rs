//! Cursors, snapshots and the lock.

use std::sync::Arc;

use journal::storage::sim::{Fault, SimStorage};
use journal::{Cursors, Error, Id, SnapshotMeta, Snapshots, Stamp, Storage};

fn shared(storage: &SimStorage) -> Arc<dyn Storage> {
    Arc::new(storage.clone())
}

/// A crash or a fault at any step leaves the old or the new position.
#[test]
fn a_cursor_survives_a_crash_at_any_step() {
    for seed in 0..60 {
        for step in 0..5 {
            let storage = SimStorage::new(seed);
            let cursors = Cursors::open(shared(&storage)).unwrap();
            cursors.store("kafka", 41).unwrap();
            storage.fail(step, Fault::Io);
            let stored = cursors.store("kafka", 42);
            for world in [storage.power_cut(), storage.kill()] {
                let found = Cursors::open(shared(&world))
                    .unwrap()
                    .load("kafka")
                    .unwrap();
                match found {
                    Some(42) => {}
                    Some(41) => assert!(stored.is_err(), "seed {seed} step {step}: 42 was stored"),
                    other => panic!("seed {seed} step {step}: {other:?}"),
                }
                assert!(world.files().iter().all(|path| !path.ends_with(".tmp")));
            }
        }
    }
}

#[test]
fn cursors_have_names_and_know_damage() {
    let storage = SimStorage::new(1);
    let cursors = Cursors::open(shared(&storage)).unwrap();
    assert_eq!(cursors.load("archive").unwrap(), None);
    cursors.store("archive", 7).unwrap();
    cursors.store("notify-zalo", 8).unwrap();
    assert_eq!(cursors.names().unwrap(), ["archive", "notify-zalo"]);
    for name in ["", "../x", "A", "ballast", &"a".repeat(65)] {
        assert!(
            matches!(cursors.store(name, 1), Err(Error::CursorName { .. })),
            "{name}"
        );
    }
    let mut bytes = storage.content("cursors/archive").unwrap();
    bytes[9] ^= 1;
    storage.damage("cursors/archive", bytes);
    assert!(matches!(
        cursors.load("archive"),
        Err(Error::Damaged { .. })
    ));
}

/// Position and note are of the same moment after a crash or a fault at any step; files from before there were notes are read.
#[test]
fn a_note_is_stored_in_one_step_with_its_cursor() {
    let notes = |position: u64| vec![position as u8; 1000 + position as usize];
    for seed in 0..60 {
        for step in 0..5 {
            let storage = SimStorage::new(seed);
            let cursors = Cursors::open(shared(&storage)).unwrap();
            cursors.store_with_note("kafka", 41, &notes(41)).unwrap();
            storage.fail(step, Fault::Io);
            let stored = cursors.store_with_note("kafka", 42, &notes(42));
            for world in [storage.power_cut(), storage.kill()] {
                let cursors = Cursors::open(shared(&world)).unwrap();
                let (position, note) = cursors.load_with_note("kafka").unwrap().unwrap();
                assert!(position == 42 || position == 41 && stored.is_err());
                assert_eq!(note, notes(position), "seed {seed} step {step}");
                assert_eq!(cursors.load("kafka").unwrap(), Some(position));
            }
        }
    }
}

#[test]
fn a_cursor_is_read_as_it_was_written_and_any_damage_is_seen() {
    let storage = SimStorage::new(1);
    let cursors = Cursors::open(shared(&storage)).unwrap();
    cursors.store("old", 7).unwrap();
    assert_eq!(storage.content("cursors/old").unwrap().len(), 20);
    assert_eq!(cursors.load_with_note("old").unwrap(), Some((7, vec![])));
    let largest = vec![5; Cursors::NOTE_BYTES_MAX];
    for note in [&b"a note"[..], &largest] {
        cursors.store_with_note("kafka", 8, note).unwrap();
        let found = cursors.load_with_note("kafka").unwrap();
        assert_eq!(found, Some((8, note.to_vec())));
    }
    let larger = vec![5; Cursors::NOTE_BYTES_MAX + 1];
    assert!(cursors.store_with_note("kafka", 9, &larger).is_err());
    cursors.store_with_note("kafka", 9, b"a note").unwrap();
    let sound = storage.content("cursors/kafka").unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..sound.len())
        .map(|at| {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            bytes
        })
        .collect();
    damaged.push(sound[..sound.len() - 1].to_vec());
    damaged.push([&sound[..], &[0]].concat());
    damaged.push(vec![0; 100_000]);
    damaged.push(Vec::new());
    for bytes in damaged {
        storage.damage("cursors/kafka", bytes.clone());
        let loaded = cursors.load_with_note("kafka");
        assert!(matches!(loaded, Err(Error::Damaged { .. })), "{bytes:?}");
    }
}

#[test]
fn a_cursor_moves_on_a_full_volume() {
    let storage = SimStorage::new(1);
    let cursors = Cursors::open(shared(&storage)).unwrap();
    cursors.store("kafka", 1).unwrap();
    storage.set_capacity(Some(storage.used()));
    let note = vec![1; Cursors::NOTE_BYTES_MAX];
    cursors.store_with_note("kafka", 2, &note).unwrap();
    assert_eq!(cursors.load_with_note("kafka").unwrap(), Some((2, note)));
}

fn meta(inputs_next: u64) -> SnapshotMeta {
    SnapshotMeta {
        format: 3,
        inputs_next,
        outcomes_next: inputs_next * 2,
        journal: Id([5; 16]),
        stamp: Stamp {
            journal_ns: 1,
            wall_ns: -2,
        },
    }
}

#[test]
fn the_two_newest_snapshots_are_kept_and_a_damaged_one_is_skipped() {
    let storage = SimStorage::new(1);
    let snapshots = Snapshots::open(shared(&storage)).unwrap();
    assert_eq!(snapshots.load_latest().unwrap().latest, None);
    for next in [10, 20, 30] {
        snapshots
            .save(&meta(next), &vec![next as u8; 5000])
            .unwrap();
    }
    let files: Vec<String> = storage
        .files()
        .into_iter()
        .filter(|path| path.starts_with("snapshots/"))
        .collect();
    assert_eq!(files.len(), 2);
    let loaded = snapshots.load_latest().unwrap();
    assert_eq!(loaded.latest, Some((meta(30), vec![30; 5000])));
    for at in [0, 20, 70, 79, 80, 5079] {
        let mut bytes = storage.content(&files[1]).unwrap();
        bytes[at] ^= 0x40;
        let world = storage.kill();
        world.damage(&files[1], bytes);
        let loaded = Snapshots::open(shared(&world))
            .unwrap()
            .load_latest()
            .unwrap();
        assert_eq!(loaded.latest, Some((meta(20), vec![20; 5000])), "byte {at}");
        assert_eq!(loaded.unreadable.len(), 1);
    }
}

#[test]
fn a_snapshot_survives_a_crash_at_any_step() {
    for seed in 0..30 {
        for step in 0..8 {
            let storage = SimStorage::new(seed);
            let snapshots = Snapshots::open(shared(&storage)).unwrap();
            snapshots.save(&meta(10), &[1; 3000]).unwrap();
            snapshots.save(&meta(20), &[2; 3000]).unwrap();
            storage.fail(step, Fault::Io);
            let saved = snapshots.save(&meta(30), &[3; 3000]);
            let world = storage.power_cut();
            let loaded = Snapshots::open(shared(&world))
                .unwrap()
                .load_latest()
                .unwrap();
            let found = loaded.latest.unwrap().0.inputs_next;
            assert!(
                found == 30 || (found == 20 && saved.is_err()),
                "seed {seed} step {step}"
            );
        }
    }
}

#[test]
fn an_old_snapshot_makes_room_for_the_new_one() {
    let storage = SimStorage::new(1);
    let snapshots = Snapshots::open(shared(&storage)).unwrap();
    snapshots.save(&meta(10), &[1; 3000]).unwrap();
    snapshots.save(&meta(20), &[2; 3000]).unwrap();
    storage.set_capacity(Some(storage.used()));
    snapshots.save(&meta(30), &[3; 3000]).unwrap();
    let loaded = snapshots.load_latest().unwrap();
    assert_eq!(loaded.latest.unwrap().0, meta(30));
}

#[test]
fn two_writers_are_refused() {
    let storage = SimStorage::new(1);
    let guard = journal::lock(&shared(&storage)).unwrap();
    assert!(matches!(
        journal::lock(&shared(&storage)),
        Err(Error::Locked { .. })
    ));
    drop(guard);
    journal::lock(&shared(&storage)).map(drop).unwrap();
}
