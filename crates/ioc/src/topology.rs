//! The map of the product: ingest, monitor, outlets, and in which order they start; `stopping` has the way back.

mod stopping;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use event::PackFiles;
use journal::inputs::{Configuration, Kind, Node as NodeRecord, NodeChange};
use journal::{Batch, Class, ClockKind, Journal};
use mqtt::Listener;
use mqtt::client::Client;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::monitor::{Deps, Monitor, NodeClock, Progress, Stop};
use crate::quarantine::{Follower, Shelf};
use crate::runtime::Outlets;
use crate::sinks::Sinks;
use crate::store::{Recovered, Store};
use crate::{evidence, metrics, redactor, screens};

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Exit code of an orderly stop that leaves something for a sink in the journal: it is delivered after the next start.
pub(crate) const UNDELIVERED: u8 = 3;

/// What a node is built from.
pub(crate) struct Setup<'a> {
    pub(crate) config: &'a Config,
    pub(crate) pack: PackFiles,
    pub(crate) clock: Arc<dyn NodeClock>,
    pub(crate) clock_kind: ClockKind,
    /// Serve the page (a headless demo does not).
    pub(crate) page: bool,
}

/// Where the parts listen; also written to `addresses.json` in the data folder, since port 0 is allowed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Addresses {
    pub(crate) ingest: Vec<SocketAddr>,
    pub(crate) console: Option<SocketAddr>,
    pub(crate) admin: Option<SocketAddr>,
}

/// A running node.
pub(crate) struct Node {
    pub(crate) addresses: Addresses,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) inputs: Journal,
    outcomes: Journal,
    store: Store,
    monitor: Option<thread::JoinHandle<Result<()>>>,
    monitor_ended: watch::Receiver<bool>,
    monitor_stop: Stop,
    ingest: JoinHandle<Result<()>>,
    broker: Option<JoinHandle<Result<()>>>,
    /// How the clients at an outside broker stand, if there is one.
    pub(crate) broker_status: Option<watch::Receiver<mqtt::client::Status>>,
    sinks: Sinks,
    redactor: Option<redactor::Handle>,
    evidence: Option<evidence::Handle>,
    _quarantine: Follower,
    page: Option<JoinHandle<Result<()>>>,
    admin: Option<JoinHandle<Result<()>>>,
    stop_ingest: CancellationToken,
    stop_page: CancellationToken,
    stop_admin: CancellationToken,
    deadline: Duration,
    /// Held until the page and the admin port have stopped.
    _outlets: Outlets,
}

/// Starts everything, the way in last: nothing is let in that the rest is not ready for.
pub(crate) async fn start(recovered: Recovered, setup: Setup<'_>) -> Result<Node> {
    let config = setup.config;
    let exporter = metrics::install()?;

    // Journals and monitor: the state is folded up to date before anybody may add to it.
    let clock = Arc::clone(&setup.clock);
    let mut store = recovered.start(Arc::new(ClockHandle(Arc::clone(&clock))))?;
    let monitor = caught_up(&mut store, &setup)?;
    let sessions = monitor.fold().sessions().clone();
    let (progress, monitor_stop) = (monitor.progress(), monitor.stop());
    let sinks = Sinks::start(
        config,
        &store,
        Arc::new(ClockHandle(Arc::clone(&clock))),
        screens::known(&monitor),
    )?;
    let evidence = evidence::start(
        &config.evidence,
        &store.storage(),
        [store.inputs.clone(), store.outcomes.clone()],
        setup.pack.to_bytes(),
    )?;
    let redactor = redactor::start(&store, &config.node.data_dir, evidence.store())?;
    let (shelf, quarantine) = Shelf::start(
        store.inputs.clone(),
        store.outcomes.clone(),
        setup.pack.clone(),
        config.node.site.clone(),
    )?;
    let broker = broker_client(config, &store, sessions.broker_sessions(), &clock)?;
    let broker_status = broker.as_ref().map(Client::status);
    let console_deps = screens::deps(
        &store,
        &setup,
        &monitor,
        progress.clone(),
        &sinks,
        shelf,
        broker_status.clone(),
    );
    let (ended, monitor_ended) = watch::channel(false);
    let monitor = spawn_monitor(monitor, ended)?;

    // Outlets: readers of `outcomes`, and the admin port.
    let outlets = Outlets::new()?;
    let (stop_page, stop_admin) = (CancellationToken::new(), CancellationToken::new());
    let mut addresses = Addresses {
        ingest: Vec::new(),
        console: None,
        admin: None,
    };
    let mut page = None;
    if setup.page {
        let starting = console::start(config.console.clone(), console_deps, stop_page.clone());
        let bound = outlets
            .spawn(starting)
            .await
            .context("the console panicked")?
            .context("cannot start the console")?;
        addresses.console = Some(bound.local_addr());
        page = Some(outlets.spawn(async move { bound.join().await.context("the console failed") }));
    }
    let reporter = metrics::Reporter::new(
        exporter,
        [store.inputs.clone(), store.outcomes.clone()],
        progress.clone(),
        Arc::clone(&clock),
        sinks.watched(),
        (redactor.figures(), evidence.figures()),
        broker_status.clone(),
    );
    let starting = console::admin::start(
        config.admin.clone(),
        reporter.into_admin(),
        stop_admin.clone(),
    );
    let bound = outlets
        .spawn(starting)
        .await
        .context("the admin server panicked")?
        .context("cannot start the admin server")?;
    addresses.admin = Some(bound.local_addr());
    let admin =
        Some(outlets.spawn(async move { bound.join().await.context("the admin server failed") }));

    // Ingest: from here on messages come in.
    let stop_ingest = CancellationToken::new();
    let deps = mqtt::Deps {
        inputs: store.inputs.appender(),
        state: store.inputs.state(),
        sessions,
        clock: Arc::new(ClockHandle(clock)),
        counters: Arc::new(mqtt::Counters::default()),
    };
    let bound =
        Listener::bind(config.ingest.clone(), deps).context("cannot open the MQTT listener")?;
    addresses.ingest = bound.local_addrs().to_vec();
    let token = stop_ingest.clone();
    let ingest =
        tokio::spawn(async move { bound.run(token).await.context("the MQTT listener failed") });

    // Cities that run a broker: its clients are a second way in, with the same promise.
    let broker = broker.map(|client| {
        let token = stop_ingest.clone();
        tokio::spawn(async move {
            client
                .run(token)
                .await
                .context("the client of the outside broker failed")
        })
    });

    write_addresses(&config.node.data_dir, &addresses)?;
    Ok(Node {
        addresses,
        progress,
        inputs: store.inputs.clone(),
        outcomes: store.outcomes.clone(),
        store,
        monitor: Some(monitor),
        monitor_ended,
        monitor_stop,
        ingest,
        broker,
        broker_status,
        sinks,
        redactor: Some(redactor),
        evidence: Some(evidence),
        _quarantine: quarantine,
        page,
        admin,
        stop_ingest,
        stop_page,
        stop_admin,
        deadline: Duration::from_secs(config.node.shutdown_seconds),
        _outlets: outlets,
    })
}

/// The client of the outside broker, if there is one; it does not connect yet.
fn broker_client(
    config: &Config,
    store: &Store,
    sessions: BTreeMap<String, u64>,
    clock: &Arc<dyn NodeClock>,
) -> Result<Option<Client>> {
    if !config.broker.is_on() {
        return Ok(None);
    }
    let deps = mqtt::client::Deps {
        inputs: store.inputs.appender(),
        state: store.inputs.state(),
        sessions,
        clock: Arc::new(ClockHandle(Arc::clone(clock))),
        counters: Arc::new(mqtt::client::Counters::default()),
    };
    Client::new(config.broker.clone(), deps)
        .context("cannot set up the client of the outside broker")
        .map(Some)
}

/// The monitor with everything folded that the journal holds, our own start and the site pack included.
fn caught_up(store: &mut Store, setup: &Setup<'_>) -> Result<Monitor> {
    let deps = Deps {
        inputs: store.inputs.clone(),
        outcomes: store.outcomes.clone(),
        snapshots: store.snapshots.clone(),
        clock: Arc::clone(&setup.clock),
        snapshot_every_records: setup.config.node.snapshot_every_records,
        // Often enough that old segments can go long before the bound is reached.
        snapshot_every_bytes: setup.config.journal.inputs_bytes_max / 8,
        heartbeat_ns: Duration::from_secs(setup.config.node.heartbeat_seconds)
            .as_nanos()
            .try_into()
            .unwrap_or(i64::MAX),
    };
    let fold = store.fold.take().context("the state was taken already")?;
    let mut monitor = Monitor::new(deps, fold, store.written);
    monitor.catch_up()?;
    append(&store.inputs, Kind::Node, |buffer| {
        NodeRecord {
            change: NodeChange::Start,
            version: VERSION,
        }
        .encode(buffer)
    })?;
    let content = setup.pack.to_bytes();
    let sha256: [u8; 32] = Sha256::digest(&content).into();
    if monitor.fold().pack_digest() != Some(sha256) {
        let record = Configuration {
            name: "site",
            sha256,
            content: &content,
        };
        append(&store.inputs, Kind::Configuration, |buffer| {
            record.encode(buffer)
        })?;
    }
    monitor.catch_up()?;
    if monitor.fold().pack_digest() != Some(sha256) {
        bail!("the site pack was not accepted: run `ioc check` to see why");
    }
    Ok(monitor)
}

/// Appends one system record and waits until it is durable.
pub(crate) fn append(
    journal: &Journal,
    kind: Kind,
    encode: impl FnOnce(&mut Vec<u8>),
) -> Result<()> {
    let mut batch = Batch::with_capacity(256);
    batch.push(kind as u8, encode);
    let ticket = journal
        .appender()
        .append_blocking(Class::System, batch)
        .context("cannot append to `inputs`")?;
    ticket.wait().context("cannot make a record durable")?;
    Ok(())
}

fn spawn_monitor(
    monitor: Monitor,
    ended: watch::Sender<bool>,
) -> Result<thread::JoinHandle<Result<()>>> {
    thread::Builder::new()
        .name("monitor".to_owned())
        .spawn(move || {
            // Told also when the monitor panics: half a node must not go on.
            let _guard = EndGuard(ended);
            monitor.run()
        })
        .context("cannot start the monitor thread")
}

struct EndGuard(watch::Sender<bool>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl Node {
    pub(crate) fn announce(&self) {
        for address in &self.addresses.ingest {
            tracing::info!("listening for MQTT on mqtt://{address}");
        }
        if let Some(address) = self.addresses.console {
            tracing::info!("operators' page on http://{address}");
        }
        if let Some(address) = self.addresses.admin {
            tracing::info!("health and metrics on http://{address}");
        }
    }
}

/// A `NodeClock` as the plain clock that the journals want.
struct ClockHandle(Arc<dyn NodeClock>);

impl journal::Clock for ClockHandle {
    fn now(&self) -> journal::Stamp {
        self.0.now()
    }
}

/// Temporary name and rename: a reader never sees half a file.
fn write_addresses(data_dir: &Path, addresses: &Addresses) -> Result<()> {
    let text = serde_json::to_vec_pretty(addresses).context("cannot write the addresses")?;
    let (temporary, path) = (
        data_dir.join("addresses.json.tmp"),
        data_dir.join("addresses.json"),
    );
    fs::write(&temporary, text)
        .and_then(|()| fs::rename(&temporary, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}
