//! `bench`: what the product costs, against bare references in the same run.
//!
//! Run by `make bench` in the release profile. Each case starts a fresh node (`ioc run`, found beside this binary) on an
//! empty data folder, pushes with `ioc-load` in a process of its own, and takes CPU time from the process's own accounting
//! in `/proc`. Writes one line a case and metric to `target/bench.jsonl` and prints a table.
//!
//! Latencies at a fixed rate count from when a message was due (open loop). "folded" means that the monitor has taken the
//! message through catalogue, rules and alerts; the CPU time of a case runs until the last message is folded, so it is that
//! of the whole path whatever the listener's rate was. With sinks it runs until the last message is delivered.
//!
//! The cases with sinks start real servers of their own, which `make services` installs. Where they are not installed these
//! cases are left out, which is said at the end and in the exit code ([`SKIPPED`]).

mod archive_case;
mod broker_case;
mod cpu;
mod fault_cases;
mod formats_case;
mod journal_case;
mod kafka_bare;
mod latency_case;
mod load;
mod node_cases;
mod probe;
mod results;
mod rules_case;
mod servers;
mod sink_cases;
mod tail;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ioc_tests::process::repository;

use results::{Results, note};
use servers::Servers;

/// Exit code of a run that measured what it could and left something out.
const SKIPPED: u8 = 3;

/// How long the cases run.
#[derive(Clone, Copy)]
struct Plan {
    load: Duration,
    fixed_rate: Duration,
    probes: u32,
    journal_records: u64,
    /// Messages that both sinks have yet to get when they come back.
    backlog: u64,
    /// Values in the archive.
    points: u64,
    /// In the memory of the alert engine.
    entities: u64,
}

const FULL: Plan = Plan {
    load: Duration::from_secs(8),
    fixed_rate: Duration::from_secs(20),
    probes: 100,
    journal_records: 2_000_000,
    backlog: 1_000_000,
    points: 50_000_000,
    entities: 1_000_000,
};

/// To see that it works, not to measure.
const QUICK: Plan = Plan {
    load: Duration::from_secs(2),
    fixed_rate: Duration::from_secs(4),
    probes: 15,
    journal_records: 200_000,
    backlog: 200_000,
    points: 2_000_000,
    entities: 100_000,
};

const CASES: [&str; 11] = [
    "formats", "rules", "journal", "listener", "path", "quiet", "sinks", "broker", "outage",
    "drain", "archive",
];

const USAGE: &str =
    "usage: bench [--quick] [formats] [rules] [journal] [listener] [path] [quiet] [sinks] [broker] [outage] [drain] [archive]

Without names all cases run, and target/bench.jsonl is written anew; with names their lines are added to it. --quick gives
figures that are not worth writing down. sinks, broker, outage and drain need Kafka, InfluxDB and mosquitto: `make services`
installs them; without them these cases are left out and the exit code is 3.";

fn main() -> Result<ExitCode> {
    let mut plan = FULL;
    let mut names = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => plan = QUICK,
            name if CASES.contains(&name) => names.push(argument),
            _ => bail!("{USAGE}"),
        }
    }
    if cfg!(debug_assertions) {
        note("this is a debug build: run `make bench` for figures that mean something")?;
    }
    let mut results = Results::open(&repository().join("target/bench.jsonl"), !names.is_empty())?;
    let mut skipped = Vec::new();
    let mut servers = None;
    for name in CASES {
        if names.is_empty() || names.iter().any(|asked| asked == name) {
            let left_out = run(name, plan, &mut servers, &mut results).context(name)?;
            skipped.extend(left_out);
        }
    }
    results.finish()?;
    for words in &skipped {
        note(&format!("SKIPPED {words}"))?;
    }
    let code = if skipped.is_empty() { 0 } else { SKIPPED };
    Ok(ExitCode::from(code))
}

/// Runs one case; gives in words what had to be left out.
fn run(
    name: &str,
    plan: Plan,
    servers: &mut Option<Servers>,
    results: &mut Results,
) -> Result<Option<String>> {
    match name {
        "formats" => formats_case::run(results)?,
        "rules" => rules_case::run(plan, results)?,
        "journal" => journal_case::run(plan, results)?,
        "listener" => node_cases::listener(plan, results)?,
        "path" => node_cases::full_path(plan, results)?,
        "quiet" => node_cases::quiet(plan, results)?,
        "archive" => {
            let compared = archive_case::run(plan, results)?;
            let words =
                "the comparison of the archive with DuckDB: not installed, run `make services`";
            return Ok((!compared).then(|| words.to_owned()));
        }
        _ => return with_servers(name, plan, servers, results),
    }
    Ok(None)
}

/// The servers are started by the first case that needs them, and serve the others too.
fn with_servers(
    name: &str,
    plan: Plan,
    servers: &mut Option<Servers>,
    results: &mut Results,
) -> Result<Option<String>> {
    let missing = servers::missing();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Ok(Some(format!(
            "{name}: {missing} not installed, run `make services`"
        )));
    }
    let servers = servers.get_or_insert_with(Servers::start);
    match name {
        "sinks" => sink_cases::run(plan, servers, results)?,
        "broker" => broker_case::run(plan, servers, results)?,
        "outage" => fault_cases::outage(plan, servers, results)?,
        _ => fault_cases::drain(plan, servers, results)?,
    }
    Ok(None)
}
