//! Stopping: the signals, and the end of the process when a second one comes.

use std::process;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal as listen};

/// Why the node stops.
#[derive(Debug)]
pub(crate) enum Why {
    Signal,
    /// The scenario is over (`--exit-at-end`).
    Finished,
    /// A part ended that should not have.
    Failed(String),
}

/// Resolves at the first SIGINT or SIGTERM; a second one ends the process at once.
pub(crate) async fn signal() -> Result<Why> {
    let mut interrupt = listen(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = listen(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping; a second signal ends the process at once");
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        process::exit(130);
    });
    Ok(Why::Signal)
}
