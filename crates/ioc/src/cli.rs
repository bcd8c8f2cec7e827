//! The command line.

use std::path::PathBuf;

use crate::archive_tools::args::{ExportArgs, QueryArgs, RefillArgs};
use crate::health::args::HealthArgs;
use crate::notify_tools::args::NotifyCommand;
use crate::quarantine::args::QuarantineCommand;
use crate::rule_tools::args::{BacktestArgs, RulesCommand};
use crate::site_tools::args::{CatalogCommand, DecodeArgs, DecoderCommand};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// City operations-centre event pipeline: MQTT in, durable before it is acknowledged, alerts on the operators' screen.
#[derive(Debug, Parser)]
#[command(
    name = "ioc",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 well, 1 failed or found wrong, 2 wrong call or configuration, 3 stopped well with records left \
                  to deliver after the next start.\n\
                  Logs go to standard error; RUST_LOG=debug shows more."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the node: listen for MQTT publishers, raise alerts, serve the page
    Run(RunArgs),
    /// Run a node and simulated field devices in one go, on a scenario's clock
    Demo(DemoArgs),
    /// Check a configuration and its site pack; report every mistake, start nothing
    Check(ConfigArgs),
    /// Work with the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// How the node is: sinks with position and lag, what is wrong; exit code 1 unless all is well
    Status(StatusArgs),
    /// Ask the archive: series, values over a time, latest values, extremes
    Query(QueryArgs),
    /// Write recorded values as lines, for spreadsheets and scripts, times in UTC (the archive itself is Parquet: any tool reads it)
    Export(ExportArgs),
    /// Deliver again what a sink lost when the disk bound was reached, out of the archive
    Refill(RefillArgs),
    /// Why an alert rang: its rule, values, thresholds, raw records and life, also after the journals have forgotten them
    Explain(ExplainArgs),
    /// Look at what was refused, and try it again
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Work with a site pack: check it, take in an unknown device
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Show what the product makes of a payload: one event a line as JSON, or {"reject":{"code":…,"reason":…}}
    Decode(DecodeArgs),
    /// Try a profile's decoder
    #[command(subcommand)]
    Decoder(DecoderCommand),
    /// What the alerts ask of the operators: rates, floods, times, beside the targets of ISA-18.2 and EEMUA 191
    Health(HealthArgs),
    /// Try the ways by which people are told
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Try rules on what really came in: alerts, operator load, and the difference to the rules in force
    Backtest(BacktestArgs),
    /// Work with rules: check, test, put on trial, apply
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Look into the journals of a node, running or stopped
    #[command(subcommand)]
    Journal(JournalCommand),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file (TOML). Without it the defaults and IOC__SECTION__KEY variables apply
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Listen on addresses that other machines can reach although nobody has to log in yet
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Start although the wall clock is more than 30 days ahead of the last journal record
    #[arg(long)]
    pub(crate) accept_clock: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Data folder of the node (node.data_dir)
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Id of the alert, as the page and /api/v1/alerts give it
    #[arg(value_name = "ALERT")]
    pub(crate) alert: String,
    /// Data folder of the node (node.data_dir), running or stopped
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Derive the alert again from its evidence alone; exit code 1 if anything differs
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the effective configuration as TOML (secrets masked)
    Print(ConfigArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// What happens: yagi-2024 (the flood of 8-11 September 2024), quiet-day, mixed-city (every wire format at once), burst
    #[arg(long, default_value = "yagi-2024", value_name = "NAME")]
    pub(crate) scenario: String,
    /// How many times faster than life, or "max" (as fast as the node takes it)
    #[arg(long, default_value = "900", value_name = "N|max", allow_hyphen_values = true, value_parser = parse_speed)]
    pub(crate) speed: Speed,
    /// Keep the journals in this folder (default: a temporary one, removed at the end)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Site pack folder, or the name of the built-in one
    #[arg(long, default_value = "lao-cai", value_name = "DIR")]
    pub(crate) site: String,
    /// Seed of the simulated devices: the same seed sends the same messages
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Serve no page
    #[arg(long)]
    pub(crate) headless: bool,
    /// End when the scenario ends (default: keep serving the page until Ctrl-C)
    #[arg(long)]
    pub(crate) exit_at_end: bool,
    /// With --exit-at-end: the last line on standard output is one JSON object with the totals
    #[arg(long)]
    pub(crate) json: bool,
}

/// Speed of a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    Times(f64),
    Max,
}

fn parse_speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 && times <= 1e6 => Ok(Speed::Times(times)),
        _ => Err("write a number above 0 and up to 1000000, or \"max\"".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Count what a journal holds: records by kind, messages by QoS, clients, bytes, damage
    Stat(JournalArgs),
    /// Read every byte and check every checksum; exit code 1 if anything is damaged
    Verify(JournalArgs),
    /// Print records, one a line
    Cat(JournalArgs),
    /// Fold `inputs` again and compare with `outcomes`; fails at the first byte that differs
    Replay(JournalArgs),
}

#[derive(Debug, Args)]
pub(crate) struct JournalArgs {
    /// Data folder of the node (node.data_dir)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Which journal
    #[arg(long, value_enum, default_value_t = Which::Inputs)]
    pub(crate) journal: Which,
    /// First offset
    #[arg(long, value_name = "N")]
    pub(crate) from: Option<u64>,
    /// One JSON object a record (cat), or one JSON object (stat, verify, replay)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    Inputs,
    Outcomes,
}
