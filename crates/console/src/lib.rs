//! HTTP API, live feed and the embedded operator page.
//!
//! Contract:
//!
//! - The console decides nothing. It shows a **view** folded from the `outcomes` journal ([`start`] is handed the fold of
//!   everything before, as an [`Image`]) and puts operators' commands into `inputs`; the answer to a command is the
//!   monitor's verdict, read back from `outcomes`, never our own guess.
//! - One task tails `outcomes` and owns the writing of the view; one task turns what changed into frames, each serialised
//!   once for all clients. Requests only read.
//! - A client of the feed gets a snapshot, then every change in numbered frames, at most ten a second; one that falls
//!   behind gets `resync` and a new snapshot, never a gap.
//! - Everything is bounded by [`ConsoleConfig`]: connections, feed clients, waiting commands, bodies, view.
//! - At cancellation the feed says `bye`, open requests finish, and what is left at the deadline is cut off.

pub mod admin;

mod alerts_api;
mod api;
mod assets;
mod cap;
mod commands;
mod config;
mod deps;
mod error;
mod explain;
mod feed;
mod guard;
mod health;
mod metrics;
mod problem;
mod quarantine;
mod registers_api;
mod routes;
mod rules;
mod series;
mod server;
mod shared;
mod sinks;
mod tail;
mod view;

#[cfg(test)]
extern crate self as console;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the test programs outside the crate")]
#[path = "../tests/common/client.rs"]
mod client;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the test programs outside the crate")]
#[path = "../tests/common/node.rs"]
mod node;
#[cfg(test)]
#[path = "../tests/common/sample.rs"]
mod sample;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use cap::CapBackend;
pub use config::{AdminConfig, ConsoleConfig};
pub use deps::{Deps, Image, Intake, MapLine, Mode, RuleInfo, SiteInfo, Trend};
pub use error::Error;
pub use explain::ExplainBackend;
pub use health::{HealthAsk, HealthBackend, HealthProblem};
pub use quarantine::{
    AdoptAnswer, AdoptAsk, AdoptProposal, ProfileProposal, QuarantineBackend, QuarantineCounts,
    QuarantineDevice, QuarantineFilter, QuarantineGroup, QuarantineItem, QuarantineOverview,
    QuarantineProblem, QuarantineReason, QuarantineState, ReprocessAnswer, ReprocessAsk,
};
pub use rules::{
    ApplyAnswer, ApplyAsk, PackLimit, RuleChange, RuleChangeKind, RuleInForce, RuleText,
    RulesBackend, RulesDiff, RulesInForce, RulesMistake, RulesProblem,
};
pub use series::{
    Aggregate, QualityWanted, SeriesAsk, SeriesBackend, SeriesFilter, SeriesFormat, SeriesProblem,
    SeriesProblemCode, SeriesQuery, SeriesStop, TopOrder, parse_duration_ns, parse_instant,
};
pub use sinks::{
    ConnectionCounts, SinkCounts, SinkInfo, SinkKind, SinkState, SinkTrouble, TROUBLE_CODES,
};
pub use view::Health;

use shared::Shared;

/// A console that listens. Dropping it does not stop it: cancel the token, then [`Bound::join`].
pub struct Bound {
    local_addr: SocketAddr,
    handle: JoinHandle<Result<(), Error>>,
    shared: Arc<Shared>,
}

impl Bound {
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// How far the view is and whether it is whole; for `/readyz`.
    pub fn health(&self) -> impl Fn() -> Health + Send + Sync + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.health()
    }

    /// Ends when the console has stopped: in order after cancellation, with an error when it could not go on.
    pub async fn join(self) -> Result<(), Error> {
        self.handle.await.map_err(|source| Error::Task {
            task: "console",
            source,
        })?
    }

    /// The task itself, for a supervisor that watches several.
    pub fn into_handle(self) -> JoinHandle<Result<(), Error>> {
        self.handle
    }
}

/// Reads back the recent past, binds the address and serves until `cancel`.
pub async fn start(
    config: ConsoleConfig,
    deps: Deps,
    cancel: CancellationToken,
) -> Result<Bound, Error> {
    config.check()?;
    // A child of our own: a failure here stops the console in order and is reported, the node decides the rest.
    let stop = cancel.child_token();
    let (shared, position) = tail::prepare(config, deps, stop.clone()).await?;
    let listener = TcpListener::bind(shared.config.listen)
        .await
        .map_err(|source| Error::Bind {
            address: shared.config.listen,
            source,
        })?;
    let local_addr = listener.local_addr().map_err(Error::Address)?;
    let handle = tokio::spawn(run(Arc::clone(&shared), listener, position, stop));
    tracing::info!(address = %local_addr, "console listens");
    Ok(Bound {
        local_addr,
        handle,
        shared,
    })
}

/// Tail, feed and server end together, whichever ends first.
async fn run(
    shared: Arc<Shared>,
    listener: TcpListener,
    position: u64,
    stop: CancellationToken,
) -> Result<(), Error> {
    let tail = tokio::spawn(tail::run(Arc::clone(&shared), position, stop.clone()));
    let feed = tokio::spawn(feed::run(Arc::clone(&shared), stop.clone()));
    let router = routes::router(Arc::clone(&shared));
    let limits = server::Limits::from(&shared.config);
    let web = tokio::spawn(server::serve(listener, router, limits, stop.clone()));
    let (tail, feed, web) = tokio::join!(
        ended("console tail", tail, stop.clone()),
        ended("console feed", feed, stop.clone()),
        ended("console server", web, stop.clone()),
    );
    tail.and(feed).and(web)
}

/// Waits for a task and takes the others with it.
async fn ended(
    task: &'static str,
    handle: JoinHandle<Result<(), Error>>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let result = handle
        .await
        .map_err(|source| Error::Task { task, source })
        .and_then(|result| result);
    stop.cancel();
    result
}
