//! The journal alone, in this process, against plain `write` + `fdatasync` of the same bytes in pieces of the same size.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use anyhow::{Context, Result};
use ioc_tests::node::Folder;
use journal::{
    Batch, Class, Clock, DiskStorage, Journal, JournalName, Opened, Options, Stamp, Storage,
};

use crate::results::{Results, quantile};
use crate::{Plan, cpu};

/// A message record of the listener with the usual payload.
const RECORD_BYTES: usize = 290;
/// Records that a connection hands over at a time under load.
const BATCH_RECORDS: u64 = 500;
/// Batches under way at once.
const BATCHES_UNDER_WAY: usize = 64;
const SINGLE_COMMITS: usize = 2_000;

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Stamp {
        #[allow(clippy::disallowed_methods, reason = "the benchmark is its own clock")]
        // no node here whose clock could be asked
        let now = std::time::SystemTime::now();
        let ns = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        let ns = i64::try_from(ns).unwrap_or(i64::MAX);
        Stamp {
            journal_ns: ns,
            wall_ns: ns,
        }
    }
}

pub(crate) fn run(plan: Plan, results: &mut Results) -> Result<()> {
    let folder = Folder::new("bench-journal");
    throughput(plan, folder.path(), results)?;
    single_commits(folder.path(), results)
}

fn open(folder: &Path) -> Result<Journal> {
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(folder));
    let opened =
        Opened::open(storage, Options::new(JournalName::Inputs)).context("opening the journal")?;
    opened
        .start(Arc::new(WallClock))
        .context("starting the journal")
}

fn throughput(plan: Plan, folder: &Path, results: &mut Results) -> Result<()> {
    let journal = open(&folder.join("throughput"))?;
    let appender = journal.appender();
    let record = vec![0x5a_u8; RECORD_BYTES];
    let mut tickets = std::collections::VecDeque::new();
    let cpu_before = cpu::process_seconds(std::process::id())?;
    let started = Instant::now();
    let mut batches = 0;
    while batches * BATCH_RECORDS < plan.journal_records {
        let mut batch = Batch::with_capacity(RECORD_BYTES * 600);
        for _ in 0..BATCH_RECORDS {
            batch.push(1, |out| out.extend_from_slice(&record));
        }
        tickets.push_back(appender.append_blocking(Class::Normal, batch)?);
        batches += 1;
        if tickets.len() >= BATCHES_UNDER_WAY
            && let Some(ticket) = tickets.pop_front()
        {
            ticket.wait()?;
        }
    }
    for ticket in tickets {
        ticket.wait()?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = cpu::process_seconds(std::process::id())? - cpu_before;
    let stats = journal.stats();
    journal.close()?;
    let records = (batches * BATCH_RECORDS) as f64;
    let (raw_seconds, raw_cpu) = raw(folder, stats.bytes_written, stats.commits)?;
    let case = "journal-alone";
    let rate = |seconds: f64| records / seconds;
    results.add(
        case,
        "records per second",
        "1/s",
        rate(seconds),
        Some(rate(raw_seconds)),
        None,
    )?;
    let us = |cpu: f64| cpu * 1e6 / records;
    results.add(
        case,
        "cpu per record",
        "us",
        us(cpu_seconds),
        Some(us(raw_cpu)),
        None,
    )?;
    results.add(
        case,
        "records per sync",
        "1",
        records / stats.commits.max(1) as f64,
        None,
        None,
    )
}

/// The same bytes in as many pieces, each written and synced; seconds and CPU seconds.
fn raw(folder: &Path, bytes: u64, pieces: u64) -> Result<(f64, f64)> {
    let mut file = File::create(folder.join("raw"))?;
    let piece = vec![0x5a_u8; usize::try_from(bytes / pieces.max(1))?];
    let cpu_before = cpu::process_seconds(std::process::id())?;
    let started = Instant::now();
    for _ in 0..pieces {
        file.write_all(&piece)?;
        file.sync_data()?;
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok((
        seconds,
        cpu::process_seconds(std::process::id())? - cpu_before,
    ))
}

/// One record at a time: what a lone message waits for.
fn single_commits(folder: &Path, results: &mut Results) -> Result<()> {
    let journal = open(&folder.join("single"))?;
    let appender = journal.appender();
    let record = vec![0x5a_u8; RECORD_BYTES];
    let mut ours = Vec::with_capacity(SINGLE_COMMITS);
    for _ in 0..SINGLE_COMMITS {
        let started = Instant::now();
        let mut batch = Batch::with_capacity(RECORD_BYTES * 2);
        batch.push(1, |out| out.extend_from_slice(&record));
        appender.append_blocking(Class::Normal, batch)?.wait()?;
        ours.push(started.elapsed().as_secs_f64() * 1e6);
    }
    journal.close()?;
    let mut file = File::create(folder.join("raw-single"))?;
    let mut bare = Vec::with_capacity(SINGLE_COMMITS);
    for _ in 0..SINGLE_COMMITS {
        let started = Instant::now();
        file.write_all(&record)?;
        file.sync_data()?;
        bare.push(started.elapsed().as_secs_f64() * 1e6);
    }
    let case = "journal-one-by-one";
    for (metric, share) in [("commit p50", 0.5), ("commit p99", 0.99)] {
        results.add(
            case,
            metric,
            "us",
            quantile(&mut ours, share),
            Some(quantile(&mut bare, share)),
            None,
        )?;
    }
    Ok(())
}
