//! What `ioc health` is called with.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Data folder of the node (node.data_dir), running or stopped
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// First instant, with its zone (2024-09-08T06:00:00+07:00), `now` or so long before the newest record (-24h); default: 24 h before --to
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// End of the period; default: the newest record
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,
    /// One operator position; default: all
    #[arg(long, value_name = "ID")]
    pub(crate) position: Option<String>,
    /// The whole report as one JSON object
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,
    /// A line a figure, for spreadsheets
    #[arg(long)]
    pub(crate) csv: bool,
}
