//! `bench`: what the product costs, against bare references in the same run.
//!
//! Run by `make bench` in the release profile. Each case starts a fresh node (`ioc run`, found beside this binary) on an
//! empty data folder, pushes with `ioc-load` in a process of its own, and takes CPU time from the process's own accounting
//! in `/proc`. Writes one line a case and metric to `target/bench.jsonl` and prints a table.
//!
//! Latencies at a fixed rate count from when a message was due (open loop). "folded" means that the monitor has taken the
//! message through catalogue, rules and alerts; the CPU time of a case runs until the last message is folded, so it is that
//! of the whole path whatever the listener's rate was.

mod cpu;
mod journal_case;
mod load;
mod node_cases;
mod probe;
mod results;
mod tail;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use ioc_tests::process::repository;

use results::Results;

/// How long the cases run.
#[derive(Clone, Copy)]
struct Plan {
    load: Duration,
    fixed_rate: Duration,
    probes: u32,
    journal_records: u64,
}

const FULL: Plan = Plan {
    load: Duration::from_secs(8),
    fixed_rate: Duration::from_secs(20),
    probes: 100,
    journal_records: 2_000_000,
};

/// To see that it works, not to measure.
const QUICK: Plan = Plan {
    load: Duration::from_secs(2),
    fixed_rate: Duration::from_secs(4),
    probes: 15,
    journal_records: 200_000,
};

const USAGE: &str = "usage: bench [--quick] [journal] [listener] [path] [quiet]

Without names all cases run. --quick gives figures that are not worth writing down.";

fn main() -> Result<()> {
    let mut plan = FULL;
    let mut names = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => plan = QUICK,
            "journal" | "listener" | "path" | "quiet" => names.push(argument),
            _ => bail!("{USAGE}"),
        }
    }
    if cfg!(debug_assertions) {
        results::note("this is a debug build: run `make bench` for figures that mean something")?;
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|asked| asked == name);
    let mut results = Results::create(&repository().join("target/bench.jsonl"))?;
    if wanted("journal") {
        journal_case::run(plan, &mut results).context("journal alone")?;
    }
    if wanted("listener") {
        node_cases::listener(plan, &mut results).context("listener")?;
    }
    if wanted("path") {
        node_cases::full_path(plan, &mut results).context("full path")?;
    }
    if wanted("quiet") {
        node_cases::quiet(plan, &mut results).context("quiet feed")?;
    }
    results.finish()
}
