//! The listener: sockets, the accept loop, start and stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use journal::{Appender, Clock, State};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::ListenerConfig;
use crate::connection::{self, Presence};
use crate::counters::Counters;
use crate::error::Error;
use crate::filter::TopicFilters;
use crate::hub::Hub;
use crate::keeper;
use crate::metrics::{Meter, Refusal};
use crate::registry::Registry;
use crate::sessions::SessionTable;

/// Connections the system keeps for us before they are accepted.
const BACKLOG: u32 = 4_096;
/// How long accepting rests when the system has no descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// What the listener works with.
pub struct Deps {
    /// The `inputs` journal.
    pub inputs: Appender,
    /// Its state, which the listener follows: full = only disaster topics are acknowledged; poisoned =
    /// nothing is, and the listener ends.
    pub state: watch::Receiver<State>,
    /// The fold over all of `inputs` so far.
    pub sessions: SessionTable,
    /// The clock that stamps `inputs`: tells how long clients have been away.
    pub clock: Arc<dyn Clock>,
    /// Shared with whoever shows them.
    pub counters: Arc<Counters>,
}

/// The front door.
///
/// Acknowledgements leave in the order of what they answer, with one exception: while the journal is full,
/// messages on a disaster topic are acknowledged (from the reserve) ahead of others of the same
/// connection that are held back. Both standards ask for the order per quality of service; a river gauge
/// behind a full disk is worth the deviation.
pub struct Listener;

/// Sockets are bound, nothing is accepted yet.
pub struct Bound {
    hub: Arc<Hub>,
    state: watch::Receiver<State>,
    listeners: Vec<TcpListener>,
}

impl Listener {
    /// Binds every address of the configuration. Must be called in a Tokio runtime.
    pub fn bind(config: ListenerConfig, deps: Deps) -> Result<Bound, Error> {
        let mistakes = config.mistakes();
        if !mistakes.is_empty() {
            return Err(Error::Configuration { mistakes });
        }
        let disaster =
            TopicFilters::new(&config.disaster_topics).map_err(|error| Error::Configuration {
                mistakes: vec![error.to_string()],
            })?;
        let listeners = config
            .listen
            .iter()
            .map(|address| {
                listen(*address).map_err(|source| Error::Listen {
                    address: *address,
                    source,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let now_ns = deps.clock.now().journal_ns;
        let registry = Registry::new(deps.sessions, &config, Instant::now(), now_ns);
        let hub = Hub::new(
            config,
            disaster,
            deps.inputs,
            registry,
            Meter::new(deps.counters),
        );
        hub.follow(&deps.state.borrow());
        Ok(Bound {
            hub,
            state: deps.state,
            listeners,
        })
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if address.is_ipv6() {
        // `[::]` beside `0.0.0.0` is two listeners, not a conflict.
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    socket.set_reuseaddr(true)?;
    // Inherited by what is accepted; finds peers that are gone for good where there is no keep-alive.
    socket.set_keepalive(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Bound {
    /// The addresses that were taken, in the order of the configuration.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Who sent messages over the limit, and how many: a handle that stays good while the listener runs.
    pub fn oversize_by_client(&self) -> impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static {
        let hub = Arc::clone(&self.hub);
        move || hub.oversize().by_client()
    }

    /// Accepts and serves until `cancel`, then stops reading, waits for what is in flight (up to the stop
    /// time-out), acknowledges it, says goodbye and journals the end of every connection. `Ok` when all
    /// of that is durable. A journal that fails ends it at once, with nothing acknowledged.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), Error> {
        let keeping = CancellationToken::new();
        // Whatever way this ends, the tasks end with it.
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper::run(Arc::clone(&self.hub), keeping.clone()));
        let mut state = self.state.clone();
        let mut rest_until = None;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                changed = state.changed() => self.follow(changed)?,
                Some(ended) = tasks.join_next() => check(ended)?,
                () = rest(rest_until), if rest_until.is_some() => rest_until = None,
                accepted = std::future::poll_fn(|context| self.poll_accept(context)),
                    if rest_until.is_none() => match accepted {
                        Ok((stream, peer)) => self.admit(stream, peer, &mut tasks),
                        Err(error) => rest_until = self.accept_failed(&error),
                    },
            }
        }
        self.stop(tasks, &keeping).await
    }

    fn follow(&self, changed: Result<(), watch::error::RecvError>) -> Result<(), Error> {
        let state = self.state.borrow().clone();
        self.hub.follow(&state);
        if let State::Poisoned { error } = state {
            return Err(Error::Poisoned { error });
        }
        changed.map_err(|_| Error::JournalClosed)
    }

    /// The first listener that has somebody, so that none waits for another.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        for listener in &self.listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, tasks: &mut JoinSet<()>) {
        let admitted = self.hub.registry().admit(peer.ip(), &self.hub.config);
        match admitted {
            Ok((connection, control)) => {
                self.hub.meter.connection_opened();
                let presence = Presence {
                    hub: Arc::clone(&self.hub),
                    peer,
                    connection,
                    control,
                };
                // Without it acknowledgements wait for the client's delayed ones.
                if stream.set_nodelay(true).is_ok() {
                    tasks.spawn(connection::serve(presence, stream));
                }
            }
            // Dropping it closes it: before CONNECT there is no other word.
            Err(why) => self.hub.meter.refused(why),
        }
    }

    /// Until when accepting rests after a failure.
    fn accept_failed(&self, error: &io::Error) -> Option<Instant> {
        let code = error.raw_os_error();
        let exhausted = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
            .iter()
            .any(|errno| code == Some(errno.raw_os_error()));
        if exhausted {
            self.hub.meter.refused(Refusal::Descriptors);
            tracing::warn!(%error, "no descriptors left: connections have to wait");
        } else {
            // The peer was gone before we looked; or memory is short. Neither ends the listener.
            tracing::debug!(%error, "cannot accept a connection");
        }
        Some(Instant::now() + ACCEPT_REST)
    }

    async fn stop(
        mut self,
        mut tasks: JoinSet<()>,
        keeping: &CancellationToken,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + self.hub.config.stop_timeout();
        self.listeners.clear();
        keeping.cancel();
        self.hub.registry().stop();
        while !tasks.is_empty() {
            tokio::select! {
                biased;
                changed = self.state.changed() => self.follow(changed)?,
                Some(ended) = tasks.join_next() => check(ended)?,
                () = tokio::time::sleep_until(deadline) => {
                    return Err(Error::StopTimeout { connections: tasks.len() });
                }
            }
        }
        Ok(())
    }
}

async fn rest(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn check(ended: Result<(), tokio::task::JoinError>) -> Result<(), Error> {
    match ended {
        Err(error) if error.is_panic() => Err(Error::Panicked),
        Ok(()) | Err(_) => Ok(()),
    }
}
