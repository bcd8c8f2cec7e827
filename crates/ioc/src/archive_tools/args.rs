//! What `ioc query`, `ioc export` and `ioc refill` can be told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::ConfigArgs;

/// Where the archive is.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Data folder of the node (node.data_dir), running or not
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Folder of the archive, when it is not `archive` in the data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) archive: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    #[command(subcommand)]
    pub(crate) ask: AskArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Zone in which times are written and days begin
    #[arg(long, value_name = "ZONE", default_value = "Asia/Ho_Chi_Minh")]
    pub(crate) zone: String,
    #[arg(long, value_enum, default_value_t = FormatArg::Table)]
    pub(crate) format: FormatArg,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    Table,
    Csv,
    Json,
    Parquet,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AskArgs {
    /// Which series there are
    Series {
        #[command(flatten)]
        filter: FilterArgs,
        /// Most series in the answer
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Values of one series over a time, as recorded or in steps
    Range {
        entity: String,
        measure: String,
        #[command(flatten)]
        span: SpanArgs,
        /// Width of a step: PT10M, P1D, 10m. Without it every value as recorded
        #[arg(long, value_name = "DURATION")]
        every: Option<String>,
        /// What a step says
        #[arg(long, value_enum, default_value_t = AggregateArg::Mean, requires = "every")]
        aggregate: AggregateArg,
        /// Values of doubtful quality too
        #[arg(long)]
        any_quality: bool,
        /// Exercises and tests too
        #[arg(long)]
        drills: bool,
        /// Most values in the answer
        #[arg(long, default_value_t = 10_000)]
        limit: usize,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// The newest value of each series
    Latest {
        #[command(flatten)]
        filter: FilterArgs,
        /// Values of doubtful quality too
        #[arg(long)]
        any_quality: bool,
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// The entities with the highest (or lowest) values of a measure
    Top {
        measure: String,
        #[command(flatten)]
        span: SpanArgs,
        /// How many
        #[arg(short, default_value_t = 10)]
        n: usize,
        #[arg(long)]
        lowest: bool,
        /// What of a series is compared
        #[arg(long, value_enum, default_value_t = AggregateArg::Max)]
        aggregate: AggregateArg,
        /// Values of doubtful quality too
        #[arg(long)]
        any_quality: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    #[arg(long)]
    pub(crate) entity: Option<String>,
    #[arg(long)]
    pub(crate) measure: Option<String>,
    /// disaster, energy, environment, tourism or city
    #[arg(long, value_parser = stream)]
    pub(crate) stream: Option<event::Stream>,
}

#[derive(Debug, Args)]
pub(crate) struct SpanArgs {
    /// ISO 8601 with a zone (2024-09-09T00:00:00+07:00), or so long ago: -6h, -P1D
    #[arg(
        long,
        value_name = "TIME",
        default_value = "-24h",
        allow_hyphen_values = true
    )]
    pub(crate) from: String,
    /// Likewise; "now" by default
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true
    )]
    pub(crate) to: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AggregateArg {
    Mean,
    Min,
    Max,
    Last,
    Count,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) span: SpanArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// One line a value
    #[arg(long, value_enum, default_value_t = LinesArg::Csv)]
    pub(crate) format: LinesArg,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinesArg {
    Csv,
    /// One JSON object a line
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct RefillArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Which sink gets the records again
    #[arg(value_enum)]
    pub(crate) sink: SinkArg,
    /// First outcome (`ioc status` shows the ranges that a sink lost)
    #[arg(long, value_name = "OFFSET")]
    pub(crate) from: u64,
    /// One past the last outcome
    #[arg(long, value_name = "OFFSET")]
    pub(crate) to: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SinkArg {
    Kafka,
    Influxdb,
}

fn stream(text: &str) -> Result<event::Stream, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "write disaster, energy, environment, tourism or city".to_owned())
}
