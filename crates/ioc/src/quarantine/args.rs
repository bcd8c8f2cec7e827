//! What `ioc quarantine` can be told.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use event::RejectCode;

use crate::cli::ConfigArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// What was refused, by reason and by device
    List(ListArgs),
    /// One message with its payload
    Show(ShowArgs),
    /// Try refused messages again with the site pack now in force; what comes of it is stored as history and never rings
    Reprocess(ReprocessArgs),
}

/// A running node is asked over HTTP, the folder of a stopped one is opened: which of both, the folder's lock says.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Data folder of the node (default: node.data_dir)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Ask the node whose page is at this address
    #[arg(long, value_name = "http://HOST:PORT", conflicts_with = "data")]
    pub(crate) url: Option<String>,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PickArgs {
    /// Refused for this reason (device_unknown, payload_not_json, …)
    #[arg(long, value_parser = code)]
    pub(crate) code: Option<RejectCode>,
    /// Of this device, as `ioc quarantine list` names it
    #[arg(long)]
    pub(crate) device: Option<String>,
    /// Came at or after: ISO 8601 with a zone, or so long ago (-6h)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// Came before
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) pick: PickArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Offset of the message in `inputs`
    pub(crate) offset: u64,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReprocessArgs {
    #[command(flatten)]
    pub(crate) pick: PickArgs,
    /// This message alone
    #[arg(long, value_name = "OFFSET")]
    pub(crate) offset: Option<u64>,
    /// Of a stopped node: the site pack with which they are tried again (default: node.site of --config)
    #[arg(long, value_name = "DIR")]
    pub(crate) site: Option<String>,
    /// Say how many, do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Who does it; goes into the journal
    #[arg(long, value_name = "NAME", default_value = "command line")]
    pub(crate) operator: String,
    /// Why; goes into the journal
    #[arg(long, value_name = "TEXT", default_value = "mapping mended")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

fn code(text: &str) -> Result<RejectCode, String> {
    let found = RejectCode::ALL.into_iter().find(|code| code.name() == text);
    found.ok_or_else(|| {
        let all: Vec<&str> = RejectCode::ALL.iter().map(|code| code.name()).collect();
        format!("write one of {}", all.join(", "))
    })
}
