//! A listener with its journal, and what that journal holds, in words.

use std::net::SocketAddr;
use std::sync::Arc;

use journal::inputs::{self, Kind};
use journal::{Clock, Journal, JournalName, Opened, Options, Preallocate, Storage};
use mqtt::{Bound, Counters, Deps, Error, Listener, ListenerConfig, SessionTable, Snapshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::world::{Gated, World};
use super::{LIMIT, Peer, connect_v3, connect_v5, until};

/// A listener with its journal.
pub(crate) struct Node {
    pub(crate) world: World,
    pub(crate) journal: Journal,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) oversize_by_client: Box<dyn Fn() -> Vec<(String, u64)> + Send + Sync>,
    cancel: CancellationToken,
    run: JoinHandle<Result<(), Error>>,
}

pub(crate) fn options() -> Options {
    let mut options = Options::new(JournalName::Inputs);
    options.segment_bytes = 1024 * 1024;
    options.reserve_disaster_bytes = 256 * 1024;
    options.reserve_system_bytes = 256 * 1024;
    options.preallocate = Preallocate::None;
    options.retry_ms = 5;
    options
}

/// The fold over all of the journal.
pub(crate) fn fold(opened: &Opened) -> SessionTable {
    let mut table = SessionTable::default();
    let mut reader = opened.reader(opened.first_offset());
    while let Some(batch) = reader.next_blocking(None).expect("read") {
        for frame in batch.frames() {
            table
                .apply(
                    frame.kind,
                    frame.version,
                    frame.payload,
                    frame.stamp.journal_ns,
                )
                .expect("record");
        }
    }
    table
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::with(World::new(), |_| ()).await
    }

    pub(crate) async fn with(world: World, change: impl FnOnce(&mut ListenerConfig)) -> Self {
        Self::with_options(world, options(), change).await
    }

    pub(crate) async fn with_options(
        world: World,
        options: Options,
        change: impl FnOnce(&mut ListenerConfig),
    ) -> Self {
        let mut config = ListenerConfig {
            listen: vec!["127.0.0.1:0".parse().expect("address")],
            inflight_per_connection_max: 1_000,
            reconnect_grace_seconds: 0,
            ..ListenerConfig::default()
        };
        change(&mut config);
        let storage: Arc<dyn Storage> = Arc::new(Gated {
            inner: Arc::clone(&world.disk),
            gate: Arc::clone(&world.gate),
        });
        let opened = Opened::open(storage, options).expect("open");
        let sessions = fold(&opened);
        let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
        let journal = opened.start(Arc::clone(&clock)).expect("start");
        let counters = Arc::new(Counters::default());
        let deps = Deps {
            inputs: journal.appender(),
            state: journal.state(),
            sessions,
            clock,
            counters: Arc::clone(&counters),
        };
        let bound: Bound = Listener::bind(config, deps).expect("bind");
        let addresses = bound.local_addrs();
        let oversize_by_client = Box::new(bound.oversize_by_client());
        let cancel = CancellationToken::new();
        let run = tokio::spawn(bound.run(cancel.clone()));
        // Its turn to begin.
        tokio::task::yield_now().await;
        Self {
            world,
            journal,
            addresses,
            counters,
            oversize_by_client,
            cancel,
            run,
        }
    }

    pub(crate) fn count(&self) -> Snapshot {
        self.counters.snapshot()
    }

    pub(crate) async fn client(&self) -> Peer {
        Peer::dial(self.addresses[0]).await
    }

    /// A connected 3.1.1 client, clean session.
    pub(crate) async fn v3(&self, id: &str) -> Peer {
        let mut peer = self.client().await;
        peer.send(&connect_v3(id, true, 0)).await;
        peer.expect(&[0x20, 2, 0, 0]).await;
        peer
    }

    /// A 3.1.1 client that has sent its CONNECT; its answer waits for the gate.
    pub(crate) async fn v3_ungated(&self, id: &str) -> Peer {
        let mut peer = self.client().await;
        peer.send(&connect_v3(id, true, 0)).await;
        peer
    }

    /// A connected MQTT 5 client, clean start, no session expiry.
    pub(crate) async fn v5(&self, id: &str) -> Peer {
        let mut peer = self.client().await;
        peer.send(&connect_v5(id, true, 0, &[])).await;
        let (first, body) = peer.packet().await;
        assert_eq!((first, body[0], body[1]), (0x20, 0, 0), "{body:02x?}");
        peer
    }

    /// Stops in order.
    pub(crate) async fn stop(self) -> (World, Result<(), Error>) {
        self.cancel.cancel();
        let result = tokio::time::timeout(LIMIT, self.run)
            .await
            .expect("stops")
            .expect("no panic");
        let journal = self.journal;
        tokio::task::spawn_blocking(move || drop(journal.close()))
            .await
            .expect("close");
        (self.world, result)
    }

    /// Begins to stop; see [`Node::stop`].
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// How the listener ended by itself.
    pub(crate) async fn ended(self) -> Result<(), Error> {
        let ended = tokio::time::timeout(LIMIT, self.run)
            .await
            .expect("ends")
            .expect("no panic");
        let journal = self.journal;
        tokio::task::spawn_blocking(move || drop(journal.close()))
            .await
            .expect("close");
        ended
    }

    /// Dies without a word; what the journal has synced is there for the next.
    pub(crate) async fn crash(self) -> World {
        self.run.abort();
        _ = self.run.await;
        let journal = self.journal;
        tokio::task::spawn_blocking(move || drop(journal.close()))
            .await
            .expect("close");
        self.world
    }

    /// Every durable record, in words.
    pub(crate) fn records(&self) -> Vec<String> {
        let mut words = Vec::new();
        let end = self.journal.next_offset();
        let mut reader = self.journal.reader(self.journal.first_offset());
        while reader.position() < end {
            let batch = reader
                .next_blocking(Some(LIMIT))
                .expect("read")
                .expect("records");
            for frame in batch.frames() {
                words.push(describe(frame.kind, frame.version, frame.payload));
            }
        }
        words
    }

    /// Durable messages, in words.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.records()
            .into_iter()
            .filter(|words| !words.starts_with('['))
            .collect()
    }

    /// Waits for a durable record.
    pub(crate) async fn until_record(&self, what: &str) {
        until(what, || {
            self.records().iter().any(|words| words.contains(what))
        })
        .await;
    }
}

fn describe(kind: u8, version: u8, payload: &[u8]) -> String {
    use inputs::SessionChange as Change;
    match Kind::try_from(kind).expect("kind") {
        Kind::Message => {
            let message = inputs::Message::decode(version, payload).expect("message");
            let payload = String::from_utf8_lossy(message.payload).into_owned();
            let payload = if payload.len() > 40 {
                "...".to_owned()
            } else {
                payload
            };
            let mut words = format!(
                "{} {} {} qos{} {}",
                message.client_id, message.topic, payload, message.qos, message.packet_id
            );
            for (flag, name) in [
                (message.dup, " dup"),
                (message.retain, " retain"),
                (message.will, " will"),
                (message.oversize.is_some(), " oversize"),
                (!message.properties.is_empty(), " properties"),
            ] {
                if flag {
                    words.push_str(name);
                }
            }
            words
        }
        Kind::Release => {
            let release = inputs::Release::decode(version, payload).expect("release");
            format!("[release {} {}]", release.client_id, release.packet_id)
        }
        Kind::Session => {
            let session = inputs::Session::decode(version, payload).expect("session");
            let change = match session.change {
                Change::Opened(opening) => format!(
                    "opened present={} expiry={} will={}",
                    opening.present,
                    opening.expiry_seconds,
                    opening.will.is_some()
                ),
                Change::Closed {
                    reason,
                    expiry_seconds,
                    will_pending,
                } => format!(
                    "closed {:?} expiry={expiry_seconds} will={will_pending}",
                    mqtt::Close::from_code(reason.0).expect("known reason")
                ),
                Change::Expired => "expired".to_owned(),
            };
            format!("[{} {change}]", session.client_id)
        }
        other @ (Kind::Command
        | Kind::Configuration
        | Kind::Clock
        | Kind::Node
        | Kind::Redaction
        | Kind::Reprocess
        | Kind::Outlet) => format!("[{}]", other.name()),
    }
}
