//! What ends or prevents the console. Requests never give one of these: they answer with a problem.

use std::net::SocketAddr;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    #[error("console configuration: {}", .0.join("; "))]
    Configuration(Vec<String>),
    #[error("listening on {address}")]
    Bind {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("asking for the address listened on")]
    Address(#[source] std::io::Error),
    /// Stop: without `outcomes` the screens would freeze while looking alive.
    #[error("reading the outcomes journal at offset {offset}")]
    Journal {
        offset: u64,
        #[source]
        source: journal::Error,
    },
    #[error("{task} task failed")]
    Task {
        task: &'static str,
        #[source]
        source: tokio::task::JoinError,
    },
}
