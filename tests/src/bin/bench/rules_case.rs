//! The alert engine on one thread: events a second through 10, 100 and 1,000 rules and through the shipped pack, the cost of a rule
//! beside a bare comparison in the same run, and the memory of an entity.

use std::process::Command;

use anyhow::{Context, Result};
use ioc_tests::process::binary;
use serde::Deserialize;

use crate::Plan;
use crate::archive_case::json;
use crate::results::{Results, Target};

/// What `engine_figures`, an example of the engine's crate, prints.
#[derive(Deserialize)]
struct Measured {
    packs: Vec<Pack>,
    rules: u32,
    shipped: Vec<Shipped>,
    backlogs: Vec<Backlog>,
    memory: Memory,
}

#[derive(Deserialize)]
struct Pack {
    rules: u32,
    events_a_second: f64,
    rule_ns: f64,
    bare_rule_ns: f64,
}

#[derive(Deserialize)]
struct Shipped {
    stream: String,
    measures: u32,
    rules_an_event: f64,
    events_a_second: f64,
}

#[derive(Deserialize)]
struct Backlog {
    newest_first: bool,
    event_us: f64,
}

#[derive(Deserialize)]
struct Memory {
    entities: u64,
    measures: u32,
    entity_bytes: f64,
}

pub(crate) fn run(plan: Plan, results: &mut Results) -> Result<()> {
    let mut command = Command::new(binary("examples/engine_figures"));
    command.arg(plan.entities.to_string());
    let measured: Measured = json(&mut command).context("measuring the alert engine")?;
    for pack in &measured.packs {
        let metric = format!("{} rules, each asked at each event", pack.rules);
        results.add(
            "rules",
            &metric,
            "events/s",
            pack.events_a_second,
            None,
            None,
        )?;
        let metric = format!("{} rules, a rule", pack.rules);
        results.add(
            "rules",
            &metric,
            "ns",
            pack.rule_ns,
            Some(pack.bare_rule_ns),
            None,
        )?;
    }
    for row in &measured.shipped {
        let metric = format!(
            "{}, {} measures, {:.1} of {} rules an event",
            row.stream, row.measures, row.rules_an_event, measured.rules
        );
        let target = Some(Target::AtLeast(1e6));
        results.add(
            "rules of the site",
            &metric,
            "events/s",
            row.events_a_second,
            None,
            target,
        )?;
    }
    for row in &measured.backlogs {
        let order = if row.newest_first { "newest" } else { "oldest" };
        let metric = format!("a backlog, {order} first");
        results.add(
            "rules of the site",
            &metric,
            "us/event",
            row.event_us,
            None,
            None,
        )?;
    }
    let memory = &measured.memory;
    let metric = format!(
        "{} entities of {} measures",
        memory.entities, memory.measures
    );
    results.add(
        "rules of the site",
        &metric,
        "B/entity",
        memory.entity_bytes,
        None,
        None,
    )
}
