//! The second front door: a client of an outside broker, for cities that already run one.
//!
//! # Contract
//!
//! - A PUBACK leaves only after the journal has made durable what it confirms, in the order in which the messages
//!   came on that connection (while the journal is full, disaster topics go ahead of what is held, as at the
//!   listener). Never on another connection than the message's: see [`link`].
//! - What is not acknowledged stays the broker's, within its own window and queue. After a kill of ours or a broken
//!   connection exactly that comes again, marked DUP; a broker that forgot our session is a counted loss.
//! - Order holds per connection. With several clients in the shared group, two messages of one device may come on
//!   two connections: the fold orders by device time.
//! - QoS 0 is taken while there is room and counted when it is not.
//! - No message may end connection after connection: see [`rescue`].
//!
//! # Both front doors give the same events
//!
//! A message that carries a UUID or a device time has an id made of its own words alone, so it is one event
//! however often and by whichever door, client or session it comes, within the device's window. Without a device
//! time a repeat is known by client id, session number, packet id and payload: the same session of the same client
//! gives one event, also over a restart of ours (the session's number lies in the journal). A repeat that moves
//! to another member of the shared group, as some brokers do when a member stays away, or that comes after
//! the broker lost the session, is then a second event: give such devices a clock.
//!
//! # 3.1.1 or 5
//!
//! The default is 3.1.1, by measurement: see `docs/broker.md`.

mod address;
mod backoff;
mod config;
mod connection;
mod counters;
mod fault;
mod intake;
mod link;
mod member;
mod pacer;
mod rescue;
mod secret;
mod status;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use journal::{Appender, Clock, State};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::filter::TopicFilters;
use crate::metrics::client::BrokerMeter;

pub use config::{ClientConfig, ProtocolChoice};
pub use counters::{Counters, Snapshot};
pub use secret::Secret;
pub use status::{LinkState, LinkStatus, Status};

use address::Address;
use link::Dial;
use member::Member;
use pacer::Pacer;
use status::Line;

/// What the client works with.
pub struct Deps {
    /// The `inputs` journal.
    pub inputs: Appender,
    /// Its state, which the client follows: full = only disaster topics are acknowledged; poisoned = nothing is,
    /// and the client ends.
    pub state: watch::Receiver<State>,
    /// Our sessions at the broker by client id, from [`crate::SessionTable::broker_sessions`].
    pub sessions: BTreeMap<String, u64>,
    /// The clock that stamps `inputs`.
    pub clock: Arc<dyn Clock>,
    /// Shared with whoever shows them.
    pub counters: Arc<Counters>,
}

/// What all connections share.
struct Shared {
    dial: Dial,
    disaster: TopicFilters,
    inputs: Appender,
    clock: Arc<dyn Clock>,
    meter: BrokerMeter,
    pacer: Pacer,
}

/// Checked and ready to run; nothing is connected yet.
pub struct Client {
    shared: Arc<Shared>,
    state: watch::Receiver<State>,
    members: Vec<Member>,
    board: watch::Sender<Status>,
}

impl Client {
    /// Checks the configuration and reads the certificate files. The configuration must be on.
    pub fn new(config: ClientConfig, deps: Deps) -> Result<Self, Error> {
        let unusable = |mistakes| Error::BrokerConfiguration { mistakes };
        let mistakes: Vec<_> = config
            .validate()
            .into_iter()
            .map(|(key, why)| format!("{key}: {why}"))
            .collect();
        if !mistakes.is_empty() {
            return Err(unusable(mistakes));
        }
        let address =
            Address::parse(&config.url).map_err(|why| unusable(vec![format!("url: {why}")]))?;
        let tls = if address.tls {
            Some(tls::load(&config).map_err(|why| unusable(vec![why]))?)
        } else {
            None
        };
        let disaster = TopicFilters::new(&config.disaster_topics)
            .map_err(|error| unusable(vec![format!("disaster_topics: {error}")]))?;
        let board = watch::Sender::new(Status {
            broker: address.to_string(),
            links: Vec::new(),
        });
        let members = members(&config, &deps, &board);
        Ok(Self {
            shared: Arc::new(Shared {
                pacer: Pacer::new(Duration::from_millis(config.gather_ms)),
                dial: Dial {
                    config,
                    address,
                    tls,
                },
                disaster,
                inputs: deps.inputs,
                clock: deps.clock,
                meter: BrokerMeter::new(deps.counters),
            }),
            state: deps.state,
            members,
            board,
        })
    }

    /// How the connections stand; changes are told.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.board.subscribe()
    }

    /// Connects and takes messages until `cancel`, then stops reading, waits for what is in flight (up to the stop
    /// time-out), acknowledges it and says goodbye. A broker that is away is waited for, for ever. A journal
    /// that fails ends it at once, with nothing acknowledged.
    ///
    /// The connections live on a thread of their own (see [`pacer`]), which ends with this future, also when it is
    /// dropped.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), Error> {
        let abandoned = CancellationToken::new();
        let _guard = abandoned.clone().drop_guard();
        let (done, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("broker".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                let ended = runtime.map_err(Error::Thread).and_then(|runtime| {
                    runtime.block_on(async {
                        tokio::select! {
                            biased;
                            // Nobody is told any more.
                            () = abandoned.cancelled() => Ok(()),
                            ended = self.live(cancel) => ended,
                        }
                    })
                });
                // Its receiver may be gone.
                _ = done.send(ended);
            })
            .map_err(Error::Thread)?;
        // A thread that ends without a word panicked.
        ended.await.unwrap_or(Err(Error::Panicked))
    }

    async fn live(self, cancel: CancellationToken) -> Result<(), Error> {
        let mut tasks = JoinSet::new();
        let state = self.state;
        for member in self.members {
            let shared = Arc::clone(&self.shared);
            tasks.spawn(member.run(shared, state.clone(), cancel.clone()));
        }
        // The first failure ends the others with it: the set aborts what it still holds when it is dropped.
        loop {
            let ended = tokio::select! {
                ended = tasks.join_next() => ended,
                () = self.shared.pacer.run() => None,
            };
            match ended {
                None => return Ok(()),
                Some(Ok(ended)) => ended.map_err(|error| fatal(&state, &error))?,
                Some(Err(error)) if error.is_panic() => return Err(Error::Panicked),
                Some(Err(_)) => {}
            }
        }
    }
}

fn fatal(state: &watch::Receiver<State>, error: &journal::Error) -> Error {
    match &*state.borrow() {
        State::Poisoned { error } => Error::Poisoned {
            error: error.clone(),
        },
        State::Ok | State::Full { .. } => {
            tracing::error!(%error, "the journal takes no message of the broker");
            Error::JournalClosed
        }
    }
}

/// The connections of the shared group, then the one of the disaster filters.
fn members(config: &ClientConfig, deps: &Deps, board: &watch::Sender<Status>) -> Vec<Member> {
    let ordinary = (1..=config.clients)
        .map(|number| (number.to_string(), &config.filters))
        .filter(|_| !config.filters.is_empty());
    let disaster = Some(("disaster".to_owned(), &config.disaster_filters))
        .filter(|_| !config.disaster_filters.is_empty());
    let since_ns = deps.clock.now().journal_ns;
    let mut members = Vec::new();
    for (index, (suffix, filters)) in ordinary.chain(disaster).enumerate() {
        let client_id = format!("{}-{suffix}", config.client_id);
        let filters = filters.iter().map(|filter| {
            if config.shared_group.is_empty() {
                filter.clone()
            } else {
                format!("$share/{}/{filter}", config.shared_group)
            }
        });
        board.send_modify(|status| {
            status.links.push(LinkStatus {
                client_id: client_id.clone(),
                state: LinkState::Connecting,
                since_ns,
                last_error: None,
                last_error_ns: None,
                reconnects: 0,
                lost_sessions: 0,
                poison: 0,
                last_poison: None,
            });
        });
        let line = Line {
            board: board.clone(),
            index,
        };
        let session = deps.sessions.get(&client_id).copied();
        members.push(Member::new(client_id, filters.collect(), session, line));
    }
    members
}
