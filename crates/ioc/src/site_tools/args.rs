//! What `ioc catalog`, `ioc decode` and `ioc decoder` can be told.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Check a site pack; report every mistake with file and line; exit code 1 if there are any
    Check(CheckArgs),
    /// Take an unknown device into a site pack: writes its entry into devices/adopted.toml
    Adopt(AdoptArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Folder of the site pack, or the name of the built-in one
    #[arg(value_name = "DIR", default_value = "lao-cai")]
    pub(crate) site: String,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// Id of the device, as its topic names it
    pub(crate) device: String,
    /// Folder of the site pack
    #[arg(long, value_name = "DIR")]
    pub(crate) site: PathBuf,
    /// Profile of the device. Without it the profiles are proposed that fit, and nothing is written
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// A file with a payload of the device: profiles are proposed by the keys that they know
    #[arg(long, value_name = "FILE")]
    pub(crate) payload: Option<PathBuf>,
    /// Name in Vietnamese (default: the id)
    #[arg(long, value_name = "NAME")]
    pub(crate) name_vi: Option<String>,
    /// Name in English (default: the id)
    #[arg(long, value_name = "NAME")]
    pub(crate) name_en: Option<String>,
    /// Code of the commune or ward where it stands
    #[arg(long, value_name = "CODE")]
    pub(crate) area: Option<String>,
    /// Show the entry and check it, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// Folder of the site pack, or the name of the built-in one
    #[arg(long, value_name = "DIR", default_value = "lao-cai")]
    pub(crate) site: String,
    /// Profile of the device that sent it
    #[arg(long)]
    pub(crate) profile: String,
    /// Topic on which it came. Without it one that suits the profile is taken
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// When it was received: ISO 8601 with a zone, now, or so long ago (-6h)
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true
    )]
    pub(crate) received: String,
    /// MQTT 5 content type that came with it
    #[arg(long, value_name = "TYPE", default_value = "")]
    pub(crate) content_type: String,
    /// File with the payload, byte for byte; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DecoderCommand {
    /// Run a profile's decoder on a payload: what it gives, or what went wrong and in which line, and how long it took
    Test(DecodeArgs),
}
