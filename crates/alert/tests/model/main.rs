//! The engine against a slow, plain model that computes everything anew after each record.
//!
//! The model keeps all events in a list. After each record it knows the episodes of every key from scratch; what the engine has
//! told by then, put together from its transitions alone, must be exactly that: nothing waits, nothing is told that is not so.
//! Records come from seeds: late and repeated events, bursts, bad values, drills, history, downtime, commands, new rules. A
//! second engine is made anew from its bytes at random records and must write the same bytes. Every transition is checked
//! against the state table, every verdict against what was told, and what was raised is counted to the end.
//!
//! A difference is shrunk to the fewest records that still show it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the plain model names what moves"
)]

mod order;
mod orders;
mod rules;
mod run;
mod script;
mod silence;
mod site;
mod told;
mod truth;
mod wide;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use run::World;
use script::{Life, Step, What};

pub(crate) const MINUTE: i64 = 60_000_000_000;
/// Lateness bound of the stream.
pub(crate) const BOUND: i64 = 20 * MINUTE;

const SEEDS: u64 = 4_000;
const WIDE_SEEDS: u64 = 500;
const RECORDS: usize = 260;
/// Shown at most.
const DIFFERENCES_MAX: u64 = 4;

/// Thresholds, windows, holds, silence.
fn world() -> World {
    let vocabulary = Arc::new(site::vocabulary(false));
    let sets = [
        include_str!("rules/first.toml"),
        include_str!("rules/next.toml"),
    ];
    World {
        sets: sets
            .iter()
            .map(|text| site::load(text, &vocabulary))
            .collect(),
        vocabulary,
        rules: (0..2).map(rules::conditions).collect(),
        gateway: false,
    }
}

/// Rules over several things, rules that latch or are switched off, a gateway.
fn wide_world() -> World {
    let vocabulary = Arc::new(site::vocabulary(true));
    World {
        sets: vec![site::load(include_str!("rules/wide.toml"), &vocabulary)],
        vocabulary,
        rules: vec![wide::conditions()],
        gateway: true,
    }
}

type Check<'a> = dyn Fn(&[Step]) -> Result<(), String> + 'a;

/// What is wrong with a script; a panic is wrong too.
fn wrong(check: &Check<'_>, script: &[Step]) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| check(script))) {
        Ok(result) => result.err(),
        Err(panic) => Some(
            panic
                .downcast_ref::<String>()
                .map_or_else(|| "a panic".to_owned(), |why| format!("a panic: {why}")),
        ),
    }
}

/// Leaves out records, many at a time and then one by one, while it still goes wrong.
fn shrink(check: &Check<'_>, mut script: Vec<Step>) -> (Vec<Step>, String) {
    let mut why = wrong(check, &script).unwrap_or_default();
    let mut size = script.len() / 2;
    while size > 0 {
        let (mut at, mut less) = (0, false);
        while at < script.len() {
            let mut shorter = script.clone();
            shorter.drain(at..(at + size).min(script.len()));
            match wrong(check, &shorter) {
                Some(other) => {
                    (script, why) = (shorter, other);
                    less = true;
                }
                None => at += size,
            }
        }
        if !less || size > 1 {
            size /= 2;
        }
    }
    for step in 0..script.len() {
        let mut plainer = script.clone();
        plainer[step].restart = false;
        if let Some(other) = wrong(check, &plainer) {
            (script, why) = (plainer, other);
        }
    }
    (script, why)
}

fn report(seed: u64, check: &Check<'_>, script: Vec<Step>) -> String {
    let (script, why) = shrink(check, script);
    let lines: Vec<String> = script.iter().map(ToString::to_string).collect();
    format!("seed {seed}: {why}\n{}", lines.join("\n"))
}

/// Counts of all lives.
#[derive(Default)]
struct Tally {
    records: u64,
    changes: BTreeMap<&'static str, u64>,
    differences: Vec<String>,
}

fn live(world: &World, seed: u64) -> (u64, Result<BTreeMap<&'static str, u64>, String>) {
    let mut life = Life::of(seed);
    life.rules &= world.sets.len() > 1;
    let script = script::script(seed, life, RECORDS);
    let records = script.len() as u64;
    let changes = Mutex::new(BTreeMap::new());
    let check = |script: &[Step]| {
        *changes.lock().unwrap() = run::run(world, script)?;
        Ok(())
    };
    if wrong(&check, &script).is_some() {
        return (records, Err(report(seed, &check, script)));
    }
    // Absence runs on journal time, and a rule that changes is in force from a record on: neither has an order of observation.
    if !life.rules && seed % 16 == 2 {
        let check = |script: &[Step]| order::in_order(world, script);
        let script: Vec<Step> = script
            .into_iter()
            .filter(|step| !matches!(step.what, What::Command { .. } | What::Again { .. }))
            .collect();
        if wrong(&check, &script).is_some() {
            return (records, Err(report(seed, &check, script)));
        }
    }
    (records, Ok(changes.into_inner().unwrap()))
}

/// Lives from so many seeds, on all cores; stops after the first few that differ.
fn lives(world: &World, seeds: u64) -> Tally {
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let tally = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let work = || {
        while failed.load(Ordering::Relaxed) < DIFFERENCES_MAX {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            let (records, result) = live(world, seed);
            let mut tally = tally.lock().unwrap();
            tally.records += records;
            match result {
                Ok(changes) => {
                    for (change, count) in changes {
                        *tally.changes.entry(change).or_default() += count;
                    }
                }
                Err(difference) => {
                    tally.differences.push(difference);
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    tally.into_inner().unwrap()
}

#[allow(
    clippy::print_stderr,
    reason = "the counts are what these tests are asked for"
)]
fn equal(world: &World, seeds: u64) -> Tally {
    let tally = lives(world, seeds);
    eprintln!(
        "{} records, transitions: {:?}",
        tally.records, tally.changes
    );
    assert!(
        tally.differences.is_empty(),
        "{}",
        tally.differences.join("\n\n")
    );
    tally
}

#[test]
fn engine_equals_model() {
    let tally = equal(&world(), SEEDS);
    assert!(tally.records >= 1_000_000, "the lives are too short");
}

#[test]
fn wide_rules_equal_model() {
    equal(&wide_world(), WIDE_SEEDS);
}
