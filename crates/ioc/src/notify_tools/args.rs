//! What `ioc notify` can be told.

use clap::{Args, Subcommand};

use crate::cli::ConfigArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send one message to one person by one channel, marked as a test; says what came back
    Test(TestArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Id of the channel in the directory
    #[arg(long, value_name = "ID")]
    pub(crate) channel: String,
    /// Id of the person in the directory
    #[arg(long, value_name = "ID")]
    pub(crate) to: String,
}
