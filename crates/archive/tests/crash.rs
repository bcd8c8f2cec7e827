//! The process ends, or the disk fails, at every single change to the folder: every outcome is in the archive once.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use archive::{ArchiveConfig, ArchiveSink, Step, StepHook};
use common::{DAY, Folder, HOUR, MINUTE, Still, batch, open, read_back, records, resume, runtime};
use event::{Event, Status, Stream, Value};
use pipeline::{Record, Sink, Verdict};

const EVENTS: u64 = 18;

/// Some blocks over two hours and two streams, with late data in the later ones.
fn story() -> Vec<Event> {
    (0..EVENTS as i64)
        .map(|at| {
            let late = if at % 7 == 6 { 40 * MINUTE } else { 0 };
            // An entity has one event at a time: the fold sees to it.
            let observed = DAY + 50 * MINUTE + at * MINUTE - late + at;
            let entity = format!("wl-{}", at % 3);
            let mut event = common::reading(
                &entity,
                observed,
                &[
                    ("level", Value::Number(at as f64), "m"),
                    ("door", Value::Code("open".into()), ""),
                ],
            );
            event.stream = if at % 5 == 0 {
                Stream::Energy
            } else {
                Stream::Disaster
            };
            event.status = if at % 11 == 0 {
                Status::Exercise
            } else {
                Status::Actual
            };
            event
        })
        .collect()
}

fn small() -> ArchiveConfig {
    ArchiveConfig {
        flush_rows: 12,
        compact_files: 2,
        ..common::config()
    }
}

/// Fails from the `at`-th change on (a process that died), or at that one alone (a disk that failed once).
fn failing(at: u64, once: bool, seen: Arc<Mutex<Vec<Step>>>) -> StepHook {
    let count = AtomicU64::new(0);
    Arc::new(move |step: Step, _: &Path| {
        let now = count.fetch_add(1, Ordering::SeqCst);
        if now == at || now > at && !once {
            seen.lock().unwrap().push(step);
            return Err(io::Error::other("planted"));
        }
        Ok(())
    })
}

/// What a mover does until its process dies: batches of four, cursor behind what is answered. Returns the cursor.
async fn run(archive: &archive::Archive, records: &[Record], from: u64, retries: u32) -> u64 {
    let mut sink = ArchiveSink::new(archive.clone(), Arc::new(Still(DAY))).unwrap();
    let mut cursor = from;
    let mut tries = 0;
    'again: loop {
        if sink.open(resume(cursor, tries > 0)).await.is_err() {
            tries += 1;
            if tries > retries {
                return cursor;
            }
            continue;
        }
        let mut answers = Vec::new();
        for records in records[cursor as usize..].chunks(4) {
            answers.push((
                records[records.len() - 1].offset + 1,
                sink.submit(batch(records)).await,
            ));
        }
        archive.hurry();
        let mut failed = false;
        for (to, answer) in answers {
            match answer.await {
                Verdict::Done { .. } if !failed => cursor = to,
                Verdict::Done { .. } => panic!("done behind a failure"),
                Verdict::Without { .. }
                | Verdict::Split(_)
                | Verdict::Retry { .. }
                | Verdict::Fatal(_) => failed = true,
            }
        }
        if !failed {
            break;
        }
        tries += 1;
        if tries > retries {
            break 'again;
        }
    }
    if retries > 0 {
        sink.close().await;
    }
    cursor
}

/// Values by series and time, as the questions see them.
fn seen(archive: &archive::Archive) -> BTreeMap<String, usize> {
    let mut points = BTreeMap::new();
    for entity in ["wl-0", "wl-1", "wl-2"] {
        for measure in ["level", "door"] {
            let answer = common::ask(
                archive,
                common::range(entity, measure, DAY - HOUR, DAY + 24 * HOUR),
            );
            for point in common::json(&answer)["points"].as_array().unwrap() {
                let key = format!("{entity} {measure} {} {}", point["time"], point["value"]);
                *points.entry(key).or_insert(0) += 1;
            }
        }
    }
    points
}

fn check(folder: &Folder, records: &[Record], what: &str) {
    // By the owner and by somebody who only reads.
    let archive = open(folder, &small(), None).unwrap();
    let reader = archive::Archive::read_only(small(), folder.path()).unwrap();
    for archive in [&archive, &reader] {
        let back = read_back(archive, u64::MAX >> 1);
        assert_eq!(back.len(), records.len(), "{what}");
        for record in records {
            common::assert_same(&back[&record.offset], record);
        }
        let seen = seen(archive);
        assert!(seen.values().all(|count| *count == 1), "{what}: {seen:?}");
        assert_eq!(seen.len(), 2 * records.len(), "{what}");
        let catalogue = common::json(&common::ask(archive, common::catalogue()));
        let points: u64 = catalogue["series"]
            .as_array()
            .unwrap()
            .iter()
            .map(|series| series["points"].as_u64().unwrap())
            .sum();
        assert_eq!(points, 2 * records.len() as u64, "{what}");
    }
    let mut paths = Vec::new();
    list(folder.path(), &mut paths);
    assert!(
        paths.iter().all(|path| !path.ends_with(".tmp")),
        "{what}: {paths:?}"
    );
}

fn list(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, found);
        } else {
            found.push(path.display().to_string());
        }
    }
}

/// Every step of the first files, then every third: steps repeat file by file.
fn next(at: u64) -> u64 {
    if at < 24 { at + 1 } else { at + 3 }
}

#[test]
fn a_process_that_dies_at_any_step_loses_and_doubles_nothing() {
    let records = records(&story());
    let mut at = 0;
    let mut died_at = Vec::new();
    loop {
        let folder = Folder::new("crash");
        let steps = Arc::new(Mutex::new(Vec::new()));
        let hook = failing(at, false, Arc::clone(&steps));
        let mut cursor = 0;
        if let Ok(archive) = open(&folder, &small(), Some(hook)) {
            // Half, a look for what can be merged, the other half, another look.
            runtime().block_on(async {
                cursor = run(&archive, &records[..10], 0, 0).await;
                let _ = archive.keep(DAY + 2 * HOUR, &mut || true);
                if cursor == 10 {
                    cursor = run(&archive, &records, cursor, 0).await;
                    let _ = archive.keep(DAY + 24 * HOUR, &mut || true);
                }
            });
        }
        let died = steps.lock().unwrap().first().copied();
        // The cursor may have been stored later than the block: everything or a part comes again.
        for back in [0, 5] {
            let archive = open(&folder, &small(), None).unwrap();
            let from = u64::saturating_sub(cursor, back);
            runtime().block_on(async {
                assert_eq!(run(&archive, &records, from, 1).await, EVENTS);
            });
            check(
                &folder,
                &records,
                &format!("step {at} {died:?}, {back} back"),
            );
            archive.keep(DAY + 24 * HOUR, &mut || true).unwrap();
            check(
                &folder,
                &records,
                &format!("step {at} {died:?}, {back} back, merged"),
            );
        }
        match died {
            Some(step) => died_at.push(step),
            None => break,
        }
        at = next(at);
    }
    for step in [
        Step::CreateFolder,
        Step::Create,
        Step::Write,
        Step::Sync,
        Step::Rename,
        Step::SyncFolder,
        Step::Remove,
    ] {
        assert!(died_at.contains(&step), "never died at {step:?}");
    }
    assert!(at > 60, "only {at} steps");
}

#[test]
fn a_disk_that_fails_once_at_any_step_loses_and_doubles_nothing() {
    let records = records(&story());
    let mut at = 0;
    loop {
        let folder = Folder::new("once");
        let steps = Arc::new(Mutex::new(Vec::new()));
        let hook = failing(at, true, Arc::clone(&steps));
        let Ok(archive) = open(&folder, &small(), Some(hook)) else {
            at = next(at);
            continue;
        };
        runtime().block_on(async {
            assert_eq!(run(&archive, &records, 0, 3).await, EVENTS);
        });
        // It fails once: the look after that one succeeds.
        if archive.keep(DAY + 24 * HOUR, &mut || true).is_err() {
            archive.keep(DAY + 24 * HOUR, &mut || true).unwrap();
        }
        let failed = steps.lock().unwrap().first().copied();
        // In the same process and after a start.
        assert!(seen(&archive).values().all(|count| *count == 1));
        assert_eq!(
            seen(&archive).len() as u64,
            2 * EVENTS,
            "step {at} {failed:?}"
        );
        drop(archive);
        check(&folder, &records, &format!("step {at} {failed:?}"));
        if failed.is_none() {
            break;
        }
        at = next(at);
    }
    assert!(at > 40, "only {at} steps");
}
