//! Appending and reading while it runs.

use std::sync::Arc;
use std::time::Duration;

use journal::storage::sim::SimStorage;
use journal::{Batch, Class, Error, JournalName, ReadOnly, Stamp, Storage, TryAppendError};

use super::{append, batch, open, options, read_all, start};

#[test]
fn stamps_come_from_the_clock_or_with_the_record() {
    let storage = SimStorage::new(1);
    let journal = start(&storage, &options());
    let cause = Stamp {
        journal_ns: 77,
        wall_ns: 78,
    };
    let mut batch = Batch::with_capacity(1000);
    batch.push(3, |out| out.extend_from_slice(b"first"));
    batch.push_stamped(4, cause, |out| out.extend_from_slice(b"second"));
    assert_eq!(
        (batch.len(), batch.is_empty(), batch.bytes()),
        (2, false, 80 + 11)
    );
    let committed = journal
        .appender()
        .append_blocking(Class::Normal, batch)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!((committed.first_offset, committed.count), (0, 2));
    let read = journal.reader(0).next_blocking(None).unwrap().unwrap();
    let frames: Vec<_> = read.frames().collect();
    assert_eq!((frames[0].kind, frames[0].payload), (3, &b"first"[..]));
    assert_eq!(frames[0].stamp.wall_ns, frames[0].stamp.journal_ns + 5);
    assert_eq!(
        (frames[1].offset, frames[1].kind, frames[1].stamp),
        (1, 4, cause)
    );
    assert!(
        frames
            .iter()
            .all(|frame| frame.flags == 0 && frame.version == 1)
    );
}

#[test]
fn readers_cross_segments_from_anywhere() {
    let storage = SimStorage::new(1);
    let journal = start(&storage, &options());
    append(&journal, Class::Normal, 0..200);
    assert!(journal.stats().segments > 4);
    for from in [0, 1, 57, 120, 198, 199] {
        let (records, gaps) = read_all(&mut journal.reader(from), 200);
        assert!(gaps.is_empty());
        assert_eq!(
            records,
            (from..200)
                .map(|number| (number, number))
                .collect::<Vec<_>>()
        );
    }
    let mut ahead = journal.reader(200);
    assert!(
        ahead
            .next_blocking(Some(Duration::from_millis(1)))
            .unwrap()
            .is_none()
    );
    append(&journal, Class::Normal, 200..201);
    assert_eq!(read_all(&mut ahead, 201).0, [(200, 200)]);
}

/// From memory and from disk come the same bytes.
#[test]
fn a_batch_read_in_the_middle() {
    let storage = SimStorage::new(1);
    let journal = start(&storage, &options());
    journal
        .appender()
        .append_blocking(Class::Normal, batch(0..10))
        .unwrap()
        .wait()
        .unwrap();
    for from in 0..10 {
        let near = read_all(&mut journal.reader(from), 10);
        let far = read_all(&mut open(&storage.kill(), &options()).reader(from), 10);
        assert_eq!(near, far);
        assert_eq!(near.0[0], (from, from));
    }
}

/// Whatever the bounds: taking piece after piece gives every record once, and no piece passes them.
#[test]
fn a_read_is_cut_by_records_and_bytes() {
    let storage = SimStorage::new(1);
    let journal = start(&storage, &options());
    append(&journal, Class::Normal, 0..7);
    for numbers in [7..12, 12..25] {
        let ticket = journal
            .appender()
            .append_blocking(Class::Normal, batch(numbers));
        ticket.unwrap().wait().unwrap();
    }
    for records in 0..9 {
        for bytes in (0..600).step_by(23) {
            let mut reader = journal.reader(3);
            let mut found = Vec::new();
            while reader.position() < 25 {
                let mut read = reader.next_blocking(None).unwrap().unwrap();
                loop {
                    let first = read.frames().next();
                    let Some((offset, size)) =
                        first.map(|first| (first.offset, first.payload.len()))
                    else {
                        break;
                    };
                    let Some(taken) = read.take_front(records, bytes) else {
                        assert!(records == 0 || size > bytes);
                        let alone = read.take_front(1, usize::MAX).unwrap();
                        assert_eq!((alone.records, alone.bytes), (1, size));
                        found.push(offset);
                        continue;
                    };
                    let frames: Vec<_> = taken.read.frames().collect();
                    let sum: usize = frames.iter().map(|frame| frame.payload.len()).sum();
                    assert_eq!(frames.len(), taken.read.len());
                    assert_eq!((frames.len() as u64, sum), (taken.records, taken.bytes));
                    assert!(taken.records <= records && taken.bytes <= bytes);
                    let stamps = (frames[0].stamp, frames[frames.len() - 1].stamp);
                    assert_eq!(stamps, taken.stamps);
                    found.extend(frames.iter().map(|frame| frame.offset));
                }
                assert!(read.is_empty());
            }
            assert_eq!(found, (3..25).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_full_queue_says_so_and_gives_the_batch_back() {
    let storage = SimStorage::new(1);
    let journal = start(&storage, &options());
    storage.set_capacity(Some(0));
    let appender = journal.appender();
    let mut sent = 0;
    let returned = loop {
        match appender.try_append(Class::Normal, batch(sent..sent + 1)) {
            Ok(_) => sent += 1,
            Err(TryAppendError::Full(batch)) if journal.stats().queue_batches == 16 => break batch,
            Err(TryAppendError::Full(_)) => std::thread::yield_now(),
            Err(TryAppendError::Refused(error)) => panic!("{error}"),
        }
    };
    assert_eq!(returned.len(), 1);
    storage.set_capacity(None);
    let ticket = appender.append_blocking(Class::Normal, returned).unwrap();
    assert_eq!(ticket.wait().unwrap().first_offset, sent);
}

#[test]
fn closing_finishes_what_is_queued() {
    let storage = SimStorage::new(1);
    let journal = start(&storage, &options());
    let appender = journal.appender();
    let tickets: Vec<_> = (0..10)
        .map(|number| {
            appender
                .append_blocking(Class::Normal, batch(number..number + 1))
                .unwrap()
        })
        .collect();
    let mut reader = journal.reader(0);
    journal.close().unwrap();
    for (offset, ticket) in (0..).zip(tickets) {
        assert_eq!(ticket.wait().unwrap().first_offset, offset);
    }
    let refused = appender.append_blocking(Class::Normal, batch(0..1));
    assert!(matches!(refused, Err(Error::Closed { .. })));
    assert_eq!(read_all(&mut reader, 10).0.len(), 10);
    assert!(matches!(
        reader.next_blocking(None),
        Err(Error::Closed { .. })
    ));
}

#[test]
fn looking_while_it_runs() {
    let storage = SimStorage::new(1);
    let shared: Arc<dyn Storage> = Arc::new(storage.clone());
    assert!(matches!(
        ReadOnly::open(Arc::clone(&shared), JournalName::Inputs),
        Err(Error::Missing { .. })
    ));
    let _lock = journal::lock(&shared).unwrap();
    let journal = start(&storage, &options());
    append(&journal, Class::Normal, 0..60);
    let look = ReadOnly::open(shared, JournalName::Inputs).unwrap();
    assert_eq!(look.info().id, journal.id());
    assert_eq!((look.info().first_offset, look.info().next_offset), (0, 60));
    assert_eq!(look.info().segments, journal.stats().segments);
    assert_eq!(read_all(&mut look.reader(5), 60).0.len(), 55);
    assert_eq!(look.verify().unwrap().records, 60);
    append(&journal, Class::Normal, 60..70);
    assert_eq!(read_all(&mut journal.reader(0), 70).0.len(), 70);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_append_and_read() {
    let storage = SimStorage::new(1);
    let mut options = options();
    options.bytes_max = 64 * 1024 * 1024;
    let journal = start(&storage, &options);
    let mut tasks = Vec::new();
    for task in 0..8_u64 {
        let appender = journal.appender();
        tasks.push(tokio::spawn(async move {
            let mut last = None;
            for number in 0..100 {
                let numbers = task * 1000 + number..task * 1000 + number + 1;
                let ticket = appender
                    .append(Class::Normal, batch(numbers))
                    .await
                    .unwrap();
                let offset = ticket.await.unwrap().first_offset;
                assert!(Some(offset) > last);
                last = Some(offset);
            }
        }));
    }
    let mut reader = journal.reader(0);
    let mut late = journal.reader(0);
    let mut count = 0;
    while count < 800 {
        let read = reader.next().await.unwrap();
        assert!(read.gap().is_none());
        for frame in read.frames() {
            assert_eq!(frame.offset, count);
            count += 1;
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    // This one begins when most is out of memory: it reads segments.
    let mut next = 0;
    while next < 800 {
        let read = late.next().await.unwrap();
        next += read.len() as u64;
        assert_eq!(late.position(), next);
    }
    let stats = journal.stats();
    assert_eq!(
        (stats.records, stats.next_offset, stats.queue_batches),
        (800, 800, 0)
    );
    assert!(stats.commits <= 800);
}
