//! The sinks that are set up, each with its mover: how they start, what they tell, how they end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alert::health::Positions;
use anyhow::{Context, Result};
use archive::{Archive, ArchiveSink, Identity};
use console::{
    CapBackend, ConnectionCounts, SinkCounts, SinkInfo, SinkKind, SinkState, SinkTrouble,
};
use event::{JournalId, PublicWarningId, Time};
use futures_util::future::{join_all, select_all};
use influxdb::InfluxSink;
use journal::{Clock, Cursors};
use kafka::KafkaSink;
use mqtt::client::{LinkState, LinkStatus};
use notify::{NotifyDeps, NotifySink};
use pipeline::{Code, Deps, Ended, Handle, Mover, Sink, State, Status};
use tokio::sync::watch;

use crate::config::Config;
use crate::notify_tools::{self, CapDesk};
use crate::store::Store;

/// All running movers.
pub(crate) struct Sinks {
    handles: Vec<Handle>,
    archive: Option<Arc<Archive>>,
    cap: Option<Arc<dyn CapBackend>>,
}

/// A cheap look at all of them, for screens and figures.
#[derive(Clone, Default)]
pub(crate) struct Watched(Vec<watch::Receiver<Status>>);

/// What is needed to start a mover, the same for all.
struct Start<'a> {
    store: &'a Store,
    cursors: Cursors,
    clock: Arc<dyn Clock>,
    handles: Vec<Handle>,
    cap: Option<Arc<dyn CapBackend>>,
}

/// What sinks need of the state as it is at the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) positions: Positions,
    /// Warnings to the public and when they were released.
    pub(crate) released: Vec<(PublicWarningId, Time)>,
}

impl Sinks {
    /// Starts a mover for every sink that is on. Nothing is connected to here: a sink that is down holds up no start.
    pub(crate) fn start(
        config: &Config,
        store: &Store,
        clock: Arc<dyn Clock>,
        known: Known,
    ) -> Result<Self> {
        let cursors = Cursors::open(store.storage()).context("cannot open the cursors")?;
        let mut start = Start {
            store,
            cursors,
            clock,
            handles: Vec::new(),
            cap: None,
        };
        let archive = start_all(config, &mut start, known)?;
        Ok(Self {
            handles: start.handles,
            cap: start.cap,
            archive,
        })
    }

    /// What answers questions about series; none when the archive is off.
    pub(crate) fn archive(&self) -> Option<Arc<Archive>> {
        self.archive.clone()
    }

    /// The CAP messages published, if there is a feed.
    pub(crate) fn cap(&self) -> Option<Arc<dyn CapBackend>> {
        self.cap.clone()
    }

    pub(crate) fn watched(&self) -> Watched {
        Watched(self.handles.iter().map(Handle::status).collect())
    }

    /// Resolves when one ends by itself.
    pub(crate) fn failed(&self) -> impl Future<Output = String> + Send + use<> {
        let ends: Vec<_> = self
            .handles
            .iter()
            .map(|handle| Box::pin(handle.ended()))
            .collect();
        async move {
            if ends.is_empty() {
                return std::future::pending().await;
            }
            match select_all(ends).await.0 {
                Ok(_) => "a sink ended unexpectedly".to_owned(),
                Err(error) => format!("{:#}", anyhow::Error::new(error)),
            }
        }
    }

    /// Delivers what can be delivered up to `to`; true when nothing is left.
    pub(crate) async fn drain(&mut self, to: u64, limit: Duration) -> Result<bool> {
        if let Some(archive) = &self.archive {
            archive.hurry();
        }
        let drains = self.handles.drain(..).map(|handle| async move {
            let name = handle.name();
            (name, handle.drain(to, limit).await)
        });
        let mut all = true;
        for (sink, ended) in join_all(drains).await {
            let Ended { position, .. } = ended?;
            let left = to.saturating_sub(position);
            if left > 0 {
                all = false;
                tracing::warn!(
                    sink,
                    left,
                    "not delivered yet; it stays in the journal and is sent after the next start"
                );
            }
        }
        Ok(all)
    }
}

impl Start<'_> {
    fn spawn<S: Sink>(&mut self, sink: S) -> Result<()> {
        let name = sink.name();
        let deps = Deps {
            outcomes: self.store.outcomes.clone(),
            inputs: self.store.inputs.appender(),
            cursors: self.cursors.clone(),
            clock: Arc::clone(&self.clock),
            seed: self.seed(name),
        };
        let handle = Mover::new(sink, deps)
            .and_then(Mover::spawn)
            .with_context(|| format!("cannot start the sink {name}"))?;
        self.handles.push(handle);
        Ok(())
    }

    /// Nodes and sinks differ, so that many do not knock at the same moment after an outage.
    fn seed(&self, name: &str) -> u64 {
        let id = self.store.outcomes.id().0;
        id.iter()
            .chain(name.as_bytes())
            .fold(0, |seed: u64, byte| seed.rotate_left(7) ^ u64::from(*byte))
    }

    /// Notices to people, if they are on.
    fn notices(&mut self, config: &Config, positions: &Positions) -> Result<()> {
        if !config.notify.enabled {
            return Ok(());
        }
        let directory = notify_tools::directory(config, positions)?;
        let deps = NotifyDeps {
            clock: Arc::clone(&self.clock),
            inputs: self.store.inputs.appender(),
            outcomes: self.store.outcomes.id().0,
            seed: self.seed("notify-addresses"),
        };
        let dir = notify_tools::dir(config);
        let sink = NotifySink::new(&config.notify, directory, &dir, deps)
            .context("cannot set up the notices")?;
        self.cap = sink.cap_feed().map(|feed| {
            let clock = Arc::clone(&self.clock);
            Arc::new(CapDesk { feed, clock }) as Arc<dyn CapBackend>
        });
        self.spawn(sink)
    }
}

/// Kafka, InfluxDB, the notices and the archive, as far as they are on; the archive also answers questions.
fn start_all(config: &Config, start: &mut Start<'_>, known: Known) -> Result<Option<Arc<Archive>>> {
    if config.kafka.is_on() {
        let journal = JournalId(start.store.inputs.id().0);
        start.spawn(kafka_sink(config, journal, known.released)?)?;
    }
    if config.influxdb.enabled() {
        let sink = InfluxSink::new(&config.influxdb).context("cannot set up InfluxDB")?;
        start.spawn(sink)?;
    }
    start.notices(config, &known.positions)?;
    if !config.archive.enabled {
        return Ok(None);
    }
    let dir = archive_dir(config);
    let identity = Identity {
        inputs: start.store.inputs.id(),
        outcomes: start.store.outcomes.id(),
    };
    let mut archive_config = config.archive.clone();
    archive_config.flush_bytes = flush_bytes(config);
    let archive = Archive::open(archive_config, &dir, identity)
        .with_context(|| format!("cannot open the archive {}", dir.display()))?;
    let sink = ArchiveSink::new(archive.clone(), Arc::clone(&start.clock))
        .context("cannot set up the archive")?;
    start.spawn(sink)?;
    Ok(Some(Arc::new(archive)))
}

/// Kafka as it is set up; `released` as in [`Known`].
pub(crate) fn kafka_sink(
    config: &Config,
    journal: JournalId,
    released: Vec<(PublicWarningId, Time)>,
) -> Result<KafkaSink> {
    let sink = KafkaSink::new(config.kafka.clone(), journal);
    if config.kafka.topic_cap.is_empty() {
        return Ok(sink);
    }
    Ok(sink.with_cap(notify_tools::cap_source(config, released)?))
}

/// What is not in a file yet holds `outcomes`: a block may never be so large that a small bound is reached by waiting for it.
fn flush_bytes(config: &Config) -> usize {
    let share = usize::try_from(config.journal.outcomes_bytes_max / 8).unwrap_or(usize::MAX);
    config.archive.flush_bytes.min(share)
}

/// Where the archive lives.
pub(crate) fn archive_dir(config: &Config) -> PathBuf {
    if config.archive.dir.is_empty() {
        config.node.data_dir.join("archive")
    } else {
        PathBuf::from(&config.archive.dir)
    }
}

impl Watched {
    pub(crate) fn statuses(&self) -> Vec<Status> {
        self.0
            .iter()
            .map(|status| status.borrow().clone())
            .collect()
    }

    pub(crate) fn infos(&self) -> Vec<SinkInfo> {
        self.statuses().into_iter().map(info).collect()
    }
}

fn info(status: Status) -> SinkInfo {
    SinkInfo {
        name: status.sink,
        kind: SinkKind::Outlet,
        state: match status.state {
            State::Starting => SinkState::Starting,
            State::Running => SinkState::Running,
            State::Retrying => SinkState::Retrying,
            State::Draining => SinkState::Draining,
            State::Stopped => SinkState::Stopped,
            State::Failed => SinkState::Failed,
        },
        since: Time(status.since_ns),
        position: Some(status.position),
        lag_records: status.lag_records,
        lag_seconds: status.lag_seconds,
        trouble: status.trouble.map(|trouble| SinkTrouble {
            code: trouble.code.name(),
            message: trouble.message,
            at: Time(trouble.at_ns),
            attempts: trouble.attempts,
        }),
        gaps: status.gaps,
        held_ratio: Some(status.held_ratio),
        counts: SinkCounts {
            received: status.counts.received,
            written: status.counts.written,
            rejected: status.counts.rejected,
            retried: status.counts.retried,
            dropped: status.counts.dropped,
            inflight_batches: status.counts.inflight_batches,
        },
        connections: None,
    }
}

/// The clients at an outside broker as one line beside the sinks.
pub(crate) fn front_door(status: &mqtt::client::Status) -> SinkInfo {
    let links = &status.links;
    let worst = links
        .iter()
        .find(|link| !matches!(link.state, LinkState::Ready | LinkState::Stopped));
    let since = links.iter().map(|link| link.since_ns).max().unwrap_or(0);
    let connected = links
        .iter()
        .filter(|link| link.state == LinkState::Ready)
        .count();
    let sum = |figure: fn(&LinkStatus) -> u64| links.iter().map(figure).sum();
    let last = worst.or_else(|| links.iter().max_by_key(|link| link.last_error_ns));
    SinkInfo {
        name: "broker".to_owned(),
        kind: SinkKind::FrontDoor,
        state: match worst.map(|link| link.state) {
            None if links.iter().all(|link| link.state == LinkState::Stopped) => SinkState::Stopped,
            None => SinkState::Running,
            Some(LinkState::Connecting | LinkState::Subscribing)
                if worst.is_some_and(|link| link.last_error.is_none()) =>
            {
                SinkState::Starting
            }
            Some(_) => SinkState::Retrying,
        },
        since: Time(since),
        position: None,
        lag_records: 0,
        lag_seconds: 0.0,
        trouble: last.and_then(|link| {
            Some(SinkTrouble {
                code: match link.state {
                    LinkState::Refused => Code::Forbidden.name(),
                    LinkState::Rescuing => Code::BadRecord.name(),
                    LinkState::Connecting
                    | LinkState::Subscribing
                    | LinkState::Ready
                    | LinkState::Waiting
                    | LinkState::Stopped => Code::Unreachable.name(),
                },
                message: format!("{}: {}", link.client_id, link.last_error.clone()?),
                at: Time(link.last_error_ns.unwrap_or(0)),
                attempts: link.reconnects,
            })
        }),
        gaps: Vec::new(),
        held_ratio: None,
        counts: SinkCounts::default(),
        connections: Some(ConnectionCounts {
            clients: links.len() as u64,
            connected: connected as u64,
            reconnects: sum(|link| link.reconnects),
            lost_sessions: sum(|link| link.lost_sessions),
            refused: sum(|link| link.poison),
        }),
    }
}
