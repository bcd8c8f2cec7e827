//! What the journal costs: batches of 1,000 records of 300 bytes, for each way of taking room in advance, next to
//! the same bytes by plain `write` + `fdatasync`.
//!
//! `cargo run --release -p journal --example cost -- [DIRECTORY] [BATCHES]`
#![allow(clippy::print_stdout, reason = "a program whose output is its table")] // A program that prints a table.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::inputs::{FrontDoor, Kind, MessageBody, MessagePrefix};
use journal::{
    Batch, Class, Clock, DiskStorage, JournalName, Opened, Options, Preallocate, Stamp, Ticket,
};

type Failure = Box<dyn std::error::Error>;

const RECORDS: usize = 1_000;
const PAYLOAD: [u8; 300] = [b'x'; 300];
/// Batches under way at once: the next group gathers while one syncs.
const AHEAD: usize = 4;

struct Monotonic(Instant);

impl Clock for Monotonic {
    fn now(&self) -> Stamp {
        let now = self.0.elapsed().as_nanos() as i64;
        Stamp {
            journal_ns: now,
            wall_ns: now,
        }
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(
        arguments
            .next()
            .unwrap_or_else(|| "target/journal-cost".to_owned()),
    );
    let batches: usize = arguments.next().map_or(Ok(400), |text| text.parse())?;
    println!(
        "{batches} batches of {RECORDS} records of {} bytes payload",
        PAYLOAD.len()
    );
    println!(
        "{:<34} {:>10} {:>9} {:>9} {:>9}",
        "case", "records/s", "us CPU", "p50 ms", "p99 ms"
    );
    for (name, zeros) in [
        ("write + fdatasync, growing", false),
        ("write + fdatasync, zeroed", true),
    ] {
        report(name, batches * RECORDS, reference(&root, batches, zeros)?);
    }
    for how in [Preallocate::None, Preallocate::Reserve, Preallocate::Zero] {
        for ahead in [1, AHEAD] {
            let name = format!("journal, {how:?}, {ahead} ahead");
            report(
                &name,
                batches * RECORDS,
                journal(&root, batches, RECORDS, how, ahead)?,
            );
        }
        let name = format!("journal, {how:?}, single records");
        report(&name, batches, journal(&root, batches, 1, how, 1)?);
    }
    encode_only(batches);
    fs::remove_dir_all(&root)?;
    Ok(())
}

struct Outcome {
    wall: Duration,
    cpu: Duration,
    latencies: Vec<Duration>,
}

fn report(name: &str, records: usize, mut outcome: Outcome) {
    outcome.latencies.sort_unstable();
    let records = records as f64;
    let at = |share: f64| {
        let index = ((outcome.latencies.len() - 1) as f64 * share) as usize;
        outcome.latencies[index].as_secs_f64() * 1e3
    };
    println!(
        "{name:<34} {:>10.0} {:>9.3} {:>9.2} {:>9.2}",
        records / outcome.wall.as_secs_f64(),
        outcome.cpu.as_secs_f64() * 1e6 / records,
        at(0.5),
        at(0.99),
    );
}

/// CPU of this process so far, user and system.
fn cpu() -> Result<Duration, Failure> {
    let mut total = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let line = fs::read_to_string(task?.path().join("schedstat"))?;
        total += line.split(' ').next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}

fn reference(root: &Path, batches: usize, zeros: bool) -> Result<Outcome, Failure> {
    fs::create_dir_all(root)?;
    let path = root.join("reference");
    let mut file = fs::File::create(&path)?;
    let piece = vec![b'x'; RECORDS * 400];
    if zeros {
        let nothing = vec![0; piece.len()];
        (0..batches).try_for_each(|_| file.write_all(&nothing))?;
        file.sync_all()?;
    }
    let mut latencies = Vec::with_capacity(batches);
    let (started, before) = (Instant::now(), cpu()?);
    for batch in 0..batches {
        let at = Instant::now();
        file.write_all_at(&piece, (batch * piece.len()) as u64)?;
        file.sync_data()?;
        latencies.push(at.elapsed());
    }
    let outcome = Outcome {
        wall: started.elapsed(),
        cpu: cpu()?.saturating_sub(before),
        latencies,
    };
    fs::remove_file(&path)?;
    Ok(outcome)
}

fn fill(prefix: &MessagePrefix, batch: &mut Batch, records: usize) {
    for index in 0..records {
        let body = MessageBody {
            packet_id: index as u16,
            qos: 1,
            dup: false,
            retain: false,
            will: false,
            oversize: None,
            properties: &[],
            topic: "ioc/lao-cai/env/aqm-0001/up",
            payload: &PAYLOAD,
        };
        batch.push(Kind::Message.into(), |out| prefix.encode(&body, out));
    }
}

fn prefix() -> MessagePrefix {
    let peer = "127.0.0.1:40000";
    MessagePrefix::new(
        FrontDoor::Listener,
        4,
        "anonymous",
        peer,
        "gateway-0001",
        17,
        42,
    )
}

fn journal(
    root: &Path,
    batches: usize,
    records: usize,
    how: Preallocate,
    ahead: usize,
) -> Result<Outcome, Failure> {
    let storage = Arc::new(DiskStorage::new(root.join("journal")));
    let mut options = Options::new(JournalName::Inputs);
    options.preallocate = how;
    let journal = Opened::open(storage, options)?.start(Arc::new(Monotonic(Instant::now())))?;
    let appender = journal.appender();
    let prefix = prefix();
    let mut latencies = Vec::with_capacity(batches);
    let mut waiting: std::collections::VecDeque<(Instant, Ticket)> = Default::default();
    let (started, before) = (Instant::now(), cpu()?);
    for _ in 0..batches {
        let mut batch = Batch::with_capacity(records * 440);
        fill(&prefix, &mut batch, records);
        if waiting.len() == ahead
            && let Some((at, ticket)) = waiting.pop_front()
        {
            ticket.wait()?;
            latencies.push(at.elapsed());
        }
        waiting.push_back((
            Instant::now(),
            appender.append_blocking(Class::Normal, batch)?,
        ));
    }
    for (at, ticket) in waiting {
        ticket.wait()?;
        latencies.push(at.elapsed());
    }
    let outcome = Outcome {
        wall: started.elapsed(),
        cpu: cpu()?.saturating_sub(before),
        latencies,
    };
    journal.close()?;
    fs::remove_dir_all(root.join("journal"))?;
    Ok(outcome)
}

/// The caller's share: encoding and payload CRC.
fn encode_only(batches: usize) {
    let prefix = prefix();
    let started = Instant::now();
    let mut batch = Batch::with_capacity(RECORDS * 440);
    for _ in 0..batches {
        batch.clear();
        fill(&prefix, &mut batch, RECORDS);
        std::hint::black_box(&batch);
    }
    let records = (batches * RECORDS) as f64;
    println!(
        "{:<34} {:>20.3}",
        "encoding alone",
        started.elapsed().as_secs_f64() * 1e6 / records
    );
}
