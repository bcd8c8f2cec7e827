//! A client with its journal, and what that journal holds.

use std::sync::Arc;

use journal::inputs::{FrontDoor, Kind, Message};
use journal::{Clock, Journal, JournalName, Opened, Options, Preallocate, Storage};
use mqtt::client::{Client, ClientConfig, Counters, Deps, LinkState, LinkStatus, Snapshot, Status};
use mqtt::{Error, SessionTable};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::world::{Gated, World};
use super::{LIMIT, until};

pub(crate) struct Node {
    pub(crate) world: World,
    pub(crate) journal: Journal,
    pub(crate) counters: Arc<Counters>,
    status: watch::Receiver<Status>,
    cancel: CancellationToken,
    run: JoinHandle<Result<(), Error>>,
}

/// A message as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) client_id: String,
    pub(crate) principal: String,
    pub(crate) protocol: u8,
    pub(crate) session: u64,
    pub(crate) connection: u64,
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) packet_id: u16,
    pub(crate) qos: u8,
    pub(crate) dup: bool,
    pub(crate) retain: bool,
    pub(crate) oversize: Option<u64>,
    pub(crate) properties: Vec<u8>,
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

fn sessions(opened: &Opened) -> SessionTable {
    let mut table = SessionTable::default();
    let mut reader = opened.reader(opened.first_offset());
    while let Some(batch) = reader.next_blocking(None).expect("read") {
        for frame in batch.frames() {
            let journal_ns = frame.stamp.journal_ns;
            table
                .apply(frame.kind, frame.version, frame.payload, journal_ns)
                .expect("record");
        }
    }
    table
}

impl Node {
    pub(crate) fn start(url: &str, change: impl FnOnce(&mut ClientConfig)) -> Self {
        Self::on(World::new(), options(), url, change)
    }

    pub(crate) fn on(
        world: World,
        options: Options,
        url: &str,
        change: impl FnOnce(&mut ClientConfig),
    ) -> Self {
        let mut config = ClientConfig {
            url: url.to_owned(),
            clients: 1,
            filters: vec!["ioc/#".to_owned()],
            disaster_filters: Vec::new(),
            reconnect_min_ms: 10,
            reconnect_max_ms: 100,
            ..ClientConfig::default()
        };
        change(&mut config);
        let storage: Arc<dyn Storage> = Arc::new(Gated {
            inner: Arc::clone(&world.disk),
            gate: Arc::clone(&world.gate),
        });
        let opened = Opened::open(storage, options).expect("open");
        let sessions = sessions(&opened).broker_sessions();
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
        let client = Client::new(config, deps).expect("client");
        let status = client.status();
        let cancel = CancellationToken::new();
        let run = tokio::spawn(client.run(cancel.clone()));
        Self {
            world,
            journal,
            counters,
            status,
            cancel,
            run,
        }
    }

    pub(crate) fn count(&self) -> Snapshot {
        self.counters.snapshot()
    }

    /// The line of a connection.
    pub(crate) fn link(&self, index: usize) -> LinkStatus {
        self.status.borrow().links[index].clone()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.status.borrow().is_ready()
    }

    pub(crate) async fn ready(&self) {
        until("ready", || self.is_ready()).await;
    }

    pub(crate) async fn state(&self, state: LinkState) {
        until(&format!("{state:?}, not {:?}", self.link(0)), || {
            self.link(0).state == state
        })
        .await;
    }

    pub(crate) async fn stop(self) -> (World, Result<(), Error>) {
        self.cancel.cancel();
        self.ended().await
    }

    /// How the client ended by itself.
    pub(crate) async fn ended(self) -> (World, Result<(), Error>) {
        let ended = tokio::time::timeout(LIMIT, self.run)
            .await
            .expect("ends")
            .expect("no panic");
        let journal = self.journal;
        tokio::task::spawn_blocking(move || drop(journal.close()))
            .await
            .expect("close");
        (self.world, ended)
    }

    /// Dies without a word; what the journal has synced is there for the next.
    pub(crate) async fn crash(mut self) -> World {
        self.run.abort();
        _ = self.run.await;
        // Its thread has let go of everything.
        let gone = async { while self.status.changed().await.is_ok() {} };
        tokio::time::timeout(LIMIT, gone).await.expect("ends");
        let (world, journal) = (self.world.power_cut(), self.journal);
        self.world.gate.open();
        tokio::task::spawn_blocking(move || drop(journal.close()))
            .await
            .expect("close");
        world
    }

    /// Every durable message.
    pub(crate) fn messages(&self) -> Vec<Stored> {
        let mut messages = Vec::new();
        let end = self.journal.next_offset();
        let mut reader = self.journal.reader(self.journal.first_offset());
        while reader.position() < end {
            let batch = reader
                .next_blocking(Some(LIMIT))
                .expect("read")
                .expect("records");
            for frame in batch.frames() {
                assert_eq!(frame.kind, u8::from(Kind::Message));
                let message = Message::decode(frame.version, frame.payload).expect("message");
                assert_eq!(message.front_door, FrontDoor::Client);
                messages.push(Stored {
                    client_id: message.client_id.to_owned(),
                    principal: message.principal.to_owned(),
                    protocol: message.protocol,
                    session: message.session,
                    connection: message.connection,
                    topic: message.topic.to_owned(),
                    payload: String::from_utf8_lossy(message.payload).into_owned(),
                    packet_id: message.packet_id,
                    qos: message.qos,
                    dup: message.dup,
                    retain: message.retain,
                    oversize: message.oversize.map(|oversize| oversize.length),
                    properties: message.properties.to_vec(),
                });
            }
        }
        messages
    }

    pub(crate) fn payloads(&self) -> Vec<String> {
        self.messages()
            .into_iter()
            .map(|message| message.payload)
            .collect()
    }

    /// Waits for this many durable messages.
    pub(crate) async fn stored(&self, count: u64) {
        until(
            &format!("{count} durable, not {}", self.journal.next_offset()),
            || self.journal.next_offset() >= count,
        )
        .await;
    }

    /// Waits for this many acknowledgements.
    pub(crate) async fn acknowledged(&self, count: u64) {
        until(
            &format!("{count} acknowledged, not {:?}", self.count()),
            || self.count().acknowledged >= count,
        )
        .await;
    }
}
