//! What `ioc backtest` and `ioc rules` can be told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    /// Folder of the site pack, or the name of the built-in one
    #[arg(long, value_name = "DIR", default_value = "lao-cai")]
    pub(crate) site: String,
    /// Rules to try in place of the pack's: a folder of rule files, or one with rules/ and thresholds.toml in it
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,
    /// Recorded traffic: one JSON object a line with received, topic and payload; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub(crate) input: Option<PathBuf>,
    /// Data folder of a node (node.data_dir), running or not
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// What of the data folder is replayed
    #[arg(long, value_enum, default_value_t = SourceArg::Auto, requires = "data")]
    pub(crate) source: SourceArg,
    /// Alerts from here on: ISO 8601 with a zone, or so long ago (-7d)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// Up to here, this instant excluded; recorded traffic is taken to be whole until then, so that silence counts
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,
    /// How much before --from is folded for windows, holds and silence
    #[arg(long, value_name = "DURATION", default_value = "P1D")]
    pub(crate) warm_up: String,
    /// Compare with the rules in force (current: of the node of --data, else of the site pack), or with those of a folder
    #[arg(long, value_name = "current|DIR")]
    pub(crate) against: Option<String>,
    /// Incidents to measure the time to detection of: JSON lines with id, at, entity or area, and rules
    #[arg(long, value_name = "FILE")]
    pub(crate) marks: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a picture (SVG) of the time line here
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceArg {
    /// The inputs journal, and before its beginning the archive
    Auto,
    /// The inputs journal alone
    Journal,
    /// The archive, and after its end the outcomes journal
    Archive,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Check rules and thresholds; report every mistake with file and line, advice and costs; exit code 1 if there are mistakes
    Check(CheckArgs),
    /// List the rules of a site pack
    List(CheckArgs),
    /// Run the cases beside the rules (rules/cases/*.toml): events in, alerts out; exit code 1 if one fails
    Test(TestArgs),
    /// Put a rule file on trial: copied to rules/shadow/, where it runs silently beside the old one
    Shadow(ShadowArgs),
    /// Put a rule that is on trial in force, in place of the old one
    Promote(NamedArgs),
    /// End the trial of a rule
    Drop(NamedArgs),
    /// Check the pack, show what changes, and hand it to the running node
    Apply(ApplyArgs),
    /// What a rule on trial would have told, beside what the live one told
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Folder of the site pack, or the name of the built-in one
    #[arg(long, value_name = "DIR", default_value = "lao-cai")]
    pub(crate) site: String,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) check: CheckArgs,
    /// Only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShadowArgs {
    /// The rule file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Folder of the site pack
    #[arg(long, value_name = "DIR")]
    pub(crate) site: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct NamedArgs {
    /// Id of the rule
    #[arg(value_name = "RULE")]
    pub(crate) rule: String,
    /// Folder of the site pack
    #[arg(long, value_name = "DIR")]
    pub(crate) site: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Folder of the site pack
    #[arg(long, value_name = "DIR", default_value = "lao-cai")]
    pub(crate) site: String,
    /// The node's page
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// Who applies it; goes into the log of the node
    #[arg(long, value_name = "NAME")]
    pub(crate) operator: String,
    /// Show what would change, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The node's answer as it is
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Data folder of the node (node.data_dir), running or not
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Id of the rule
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: String,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
