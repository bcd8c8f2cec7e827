//! The journal through its public interface, with its real committer thread.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")] // Helpers of tests: a panic is the way a test fails.

mod damage;
mod disk;
mod files;
mod redact;
mod room;
mod running;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use journal::storage::sim::SimStorage;
use journal::{
    Batch, Class, Clock, GapReason, Journal, JournalName, Opened, Options, Reader, Stamp, Storage,
};

/// Advances by a microsecond a reading.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Stamp {
        let now = self.0.fetch_add(1_000, Ordering::Relaxed);
        Stamp {
            journal_ns: now,
            wall_ns: now + 5,
        }
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(TestClock(AtomicI64::new(1_000_000)))
}

/// Small bounds, so that little data meets them.
fn options() -> Options {
    let mut options = Options::new(JournalName::Inputs);
    options.segment_bytes = 4096;
    options.bytes_max = 1024 * 1024;
    options.queue_batches_max = 16;
    options.queue_bytes_max = 64 * 1024;
    options.memory_tail_bytes = 4096;
    options.reserve_disaster_bytes = 4096;
    options.reserve_system_bytes = 4096;
    options.record_bytes_max = 16 * 1024;
    options.retry_ms = 5;
    options
}

fn open(storage: &SimStorage, options: &Options) -> Opened {
    let storage: Arc<dyn Storage> = Arc::new(storage.clone());
    Opened::open(storage, options.clone()).unwrap()
}

fn start(storage: &SimStorage, options: &Options) -> Journal {
    open(storage, options).start(clock()).unwrap()
}

/// A record whose content and size follow from its number.
fn content(number: u64) -> Vec<u8> {
    let length = 20 + (number * 37 % 180) as usize;
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(length, number as u8);
    bytes
}

fn batch(numbers: std::ops::Range<u64>) -> Batch {
    let mut batch = Batch::new();
    for number in numbers {
        batch.push(1, |out| out.extend_from_slice(&content(number)));
    }
    batch
}

/// Appends record by record, so that each is a commit of its own, and waits for the last.
fn append(journal: &Journal, class: Class, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let ticket = journal
            .appender()
            .append_blocking(class, batch(number..number + 1))
            .unwrap();
        ticket.wait().unwrap();
    }
}

/// A gap: from, to (exclusive), why.
type Missing = (u64, u64, GapReason);

/// Offsets and numbers up to the end, and the gaps on the way.
fn read_all(reader: &mut Reader, end: u64) -> (Vec<(u64, u64)>, Vec<Missing>) {
    let (mut records, mut gaps) = (Vec::new(), Vec::new());
    while reader.position() < end {
        let read = reader.next_blocking(Some(Duration::from_secs(10))).unwrap();
        let read = read.expect("records before the limit");
        if let Some(gap) = read.gap() {
            gaps.push((gap.from, gap.to, gap.reason));
        }
        for frame in read.frames() {
            let number = u64::from_le_bytes(*frame.payload.first_chunk().unwrap());
            assert_eq!(frame.payload, content(number));
            records.push((frame.offset, number));
        }
    }
    (records, gaps)
}

/// Waits for a condition, with a limit.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}
