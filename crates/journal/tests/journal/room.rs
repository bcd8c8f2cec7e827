//! Want of room: waited out, with the reserves for those who have one; retention and its limits.

use std::sync::Arc;

use journal::storage::sim::{Fault, SimStorage};
use journal::{Class, Error, FullReason, GapReason, OnFull, State};

use super::{append, batch, open, options, read_all, start, wait_until};

fn is_full(journal: &journal::Journal) -> bool {
    matches!(&*journal.state().borrow(), State::Full { .. })
}

#[test]
fn a_full_volume_is_waited_out_and_the_reserves_serve() {
    let storage = SimStorage::new(1);
    let journal = start(&storage, &options());
    append(&journal, Class::Normal, 0..10);
    storage.set_capacity(Some(storage.used()));
    // Fills the segment that is open, then waits.
    let appender = journal.appender();
    let waiting: Vec<_> = (10..50)
        .map_while(|number| {
            appender
                .try_append(Class::Normal, batch(number..number + 1))
                .ok()
        })
        .collect();
    wait_until("the journal is full", || {
        let _ = appender.try_append(Class::Normal, batch(500..520));
        is_full(&journal)
    });
    assert_eq!(
        *journal.state().borrow(),
        State::Full {
            why: FullReason::Volume
        }
    );
    let before = journal.next_offset();
    append(&journal, Class::Disaster, 1000..1010);
    append(&journal, Class::System, 2000..2010);
    append(&journal, Class::Disaster, 1010..1015);
    let (records, _) = read_all(&mut journal.reader(before), before + 25);
    assert_eq!(
        (records[0].1, records[10].1, records[24].1),
        (1000, 2000, 1014)
    );

    storage.set_capacity(None);
    wait_until("there is room again", || {
        *journal.state().borrow() == State::Ok
    });
    for ticket in waiting {
        ticket.wait().unwrap();
    }
    // The reserves are back in place for the next time.
    let reserves = ["inputs/reserve-disaster", "inputs/reserve-system"];
    assert!(reserves.iter().all(|path| storage.content(path).is_some()));
    journal.close().unwrap();
    let opened = open(&storage, &options());
    assert!(
        opened.recovery().damaged.is_empty(),
        "{:?}",
        opened.recovery()
    );
    let (records, gaps) = read_all(&mut opened.reader(0), opened.next_offset());
    assert!(gaps.is_empty());
    assert_eq!(records.len() as u64, opened.next_offset());
}

/// A class may use as much as its reserve has and leaves the other's alone.
#[test]
fn a_reserve_has_its_bound() {
    let storage = SimStorage::new(1);
    let journal = start(&storage, &options());
    storage.set_capacity(Some(0));
    let appender = journal.appender();
    let mut tickets = Vec::new();
    let path = "inputs/reserve-disaster";
    // A full queue alone may be a committer that has not begun: the reserve has to be in use too.
    wait_until("the disaster class has to wait", || {
        let number = tickets.len() as u64;
        match appender.try_append(Class::Disaster, batch(number..number + 1)) {
            Ok(ticket) => tickets.push(ticket),
            Err(_) => {
                return journal.stats().queue_batches == 16 && storage.content(path).is_none();
            }
        }
        false
    });
    append(&journal, Class::System, 5000..5015);
    assert!(is_full(&journal));
    assert!(
        storage.content(path).is_none(),
        "the disaster reserve is in use"
    );
    storage.set_capacity(None);
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    wait_until("it is ok again", || !is_full(&journal));
}

#[test]
fn no_room_in_the_middle_of_a_write() {
    let storage = SimStorage::new(3);
    let journal = start(&storage, &options());
    append(&journal, Class::Normal, 0..3);
    storage.fail(0, Fault::NoSpace);
    let ticket = journal
        .appender()
        .append_blocking(Class::Normal, batch(3..6))
        .unwrap();
    assert_eq!(ticket.wait().unwrap().first_offset, 3);
    let (records, _) = read_all(&mut journal.reader(0), 6);
    assert_eq!(
        records,
        (0..6).map(|number| (number, number)).collect::<Vec<_>>()
    );
}

#[test]
fn a_failed_sync_is_final() {
    let storage = SimStorage::new(3);
    let journal = start(&storage, &options());
    append(&journal, Class::Normal, 0..3);
    // The write, then the sync.
    storage.fail(1, Fault::Io);
    let ticket = journal
        .appender()
        .append_blocking(Class::Normal, batch(3..4))
        .unwrap();
    assert!(matches!(ticket.wait(), Err(Error::Poisoned { .. })));
    assert!(matches!(&*journal.state().borrow(), State::Poisoned { .. }));
    let refused = journal
        .appender()
        .append_blocking(Class::System, batch(4..5));
    assert!(matches!(refused, Err(Error::Poisoned { .. })));
    assert_eq!(journal.next_offset(), 3);
    let mut reader = journal.reader(0);
    assert_eq!(read_all(&mut reader, 3).0.len(), 3);
    assert!(matches!(
        reader.next_blocking(None),
        Err(Error::Poisoned { .. })
    ));
    assert!(matches!(journal.close(), Err(Error::Poisoned { .. })));
}

/// Even ENOSPC, when it is the sync that says it: what was written is in doubt.
#[test]
fn no_space_at_a_sync_is_final_too() {
    let storage = SimStorage::new(3);
    let journal = start(&storage, &options());
    append(&journal, Class::Normal, 0..1);
    storage.fail(1, Fault::NoSpace);
    let ticket = journal
        .appender()
        .append_blocking(Class::Normal, batch(1..2))
        .unwrap();
    assert!(matches!(ticket.wait(), Err(Error::Poisoned { .. })));
}

#[test]
fn the_size_bound_needs_a_snapshot_and_every_hold_reader() {
    let storage = SimStorage::new(4);
    let mut options = options();
    options.bytes_max = 5 * options.segment_bytes;
    let journal = start(&storage, &options);
    journal.set_hold("archive", Some(0), OnFull::Hold);
    journal.set_hold("kafka", Some(3), OnFull::Gap);
    let appender = journal.appender();
    let fill = |number: &mut u64| {
        while appender
            .try_append(Class::Normal, batch(*number..*number + 1))
            .is_ok()
        {
            *number += 1;
        }
    };
    let mut number = 0;
    wait_until("the bound is reached", || {
        fill(&mut number);
        is_full(&journal)
    });
    assert_eq!(
        *journal.state().borrow(),
        State::Full {
            why: FullReason::Bound
        }
    );
    assert_eq!(journal.first_offset(), 0);
    let held = journal.next_offset();
    append(&journal, Class::System, 90_000..90_003);
    assert_eq!(journal.next_offset(), held + 3);

    // A snapshot alone does not free what the archive still needs.
    journal.retain_behind(held);
    append(&journal, Class::System, 90_003..90_004);
    assert_eq!(journal.first_offset(), 0);
    journal.set_hold("archive", Some(held), OnFull::Hold);
    wait_until("segments are deleted", || journal.first_offset() > 0);
    wait_until("it is ok again", || !is_full(&journal));
    let first = journal.first_offset();
    let gaps = journal.gaps();
    assert_eq!(
        (gaps[0].reader.as_str(), gaps[0].from, gaps.len()),
        ("kafka", 3, 1)
    );
    assert!(gaps[0].to <= first);
    let mut late = journal.reader(3);
    let read = late.next_blocking(None).unwrap().unwrap();
    let gap = read.gap().unwrap();
    assert_eq!((gap.from, gap.reason), (3, GapReason::Retention));
    assert!(gap.to >= first);
    assert!(journal.stats().bytes <= options.bytes_max + 2 * 4096);
}

#[test]
fn age_waits_for_snapshot_and_readers() {
    let storage = SimStorage::new(4);
    let mut options = options();
    options.retain_age_ns = Some(1);
    let journal = start(&storage, &options);
    append(&journal, Class::Normal, 0..100);
    assert_eq!(journal.first_offset(), 0);
    journal.set_hold("influx", Some(10), OnFull::Gap);
    journal.retain_behind(90);
    append(&journal, Class::Normal, 100..101);
    assert!(journal.first_offset() <= 10);
    journal.set_hold("influx", None, OnFull::Gap);
    journal.retain_behind(90);
    wait_until("old segments are deleted", || journal.first_offset() > 40);
    assert!(journal.first_offset() <= 90);
    assert!(journal.gaps().is_empty());
}

/// A full disk must not keep the node from starting, nor its own records from being written.
#[test]
fn opens_on_a_full_volume() {
    let storage = SimStorage::new(5);
    let journal = start(&storage, &options());
    append(&journal, Class::Normal, 0..50);
    journal.close().unwrap();
    let world = storage.kill();
    world.set_capacity(Some(0));
    let opened = open(&world, &options());
    assert_eq!(opened.next_offset(), 50);
    let journal = opened.start(super::clock()).unwrap();
    append(&journal, Class::System, 50..70);
    assert_eq!(journal.next_offset(), 70);
}

#[test]
fn batches_that_can_never_fit_are_refused() {
    let storage = SimStorage::new(6);
    let journal = start(&storage, &options());
    let appender = journal.appender();
    let mut record = journal::Batch::new();
    record.push(1, |out| out.extend_from_slice(&[0; 17 * 1024]));
    let refused = appender.append_blocking(Class::Normal, record);
    assert!(matches!(refused, Err(Error::RecordTooLarge { .. })));
    let mut many = journal::Batch::new();
    (0..10).for_each(|_| many.push(1, |out| out.extend_from_slice(&[0; 8 * 1024])));
    assert!(matches!(
        appender.append_blocking(Class::Normal, many),
        Err(Error::BatchTooLarge { .. })
    ));
    let empty = appender.append_blocking(Class::Normal, journal::Batch::new());
    assert!(matches!(empty, Err(Error::BatchEmpty)));
    // Larger than a segment is fine: it gets one of its own.
    let mut large = journal::Batch::new();
    (0..5).for_each(|_| large.push(1, |out| out.extend_from_slice(&[0; 2 * 1024])));
    appender
        .append_blocking(Class::Normal, large)
        .unwrap()
        .wait()
        .unwrap();
    append(&journal, Class::Normal, 5..9);
    let _keep = Arc::new(journal);
}
