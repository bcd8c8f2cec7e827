//! Publishes a scenario over MQTT and moves the node's clock along.
//!
//! Contract: the clock never passes a moment before everything published earlier is acknowledged, so a message is
//! journalled at its own scenario time whatever the pace and however slow the node. Nothing is dropped: what a broken
//! connection left unacknowledged is sent again (DUP, same packet id) until it is acknowledged or the driver is told to
//! stop. Queues: each link's inbox holds [`INBOX_MAX`] moments; the driver waits when it is full.

mod board;
mod link;
mod outbox;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::publication::Moment;
use crate::scenario::Scenario;
use board::Board;
use link::{Link, Order};

/// Moments that may wait in front of one link.
const INBOX_MAX: usize = 8;
/// Publications under way in all, where no clock holds the driver back.
const UNSETTLED_MAX: u64 = 50_000;
/// How often the clock moves at [`Pace::Speed`].
const TICK: Duration = Duration::from_millis(20);

/// How fast a scenario passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Scenario seconds a real second.
    Speed(f64),
    /// The next moment as soon as everything before it is acknowledged.
    Max,
}

/// The clock that the driver moves: the scenario clock of the node.
pub trait DriveClock: Send + Sync {
    /// Sets the clock to `t_ns` (nanoseconds since 1970), never earlier than before.
    fn advance_to(&self, t_ns: i64);

    /// Whether acknowledgements must be awaited before the clock moves on; false for a clock that runs by itself.
    fn is_driven(&self) -> bool {
        true
    }

    /// Resolves when the node has so many messages. Behind a broker an acknowledgement says only that the broker has the
    /// message; without one it says all there is to know.
    fn arrived(&self, _messages: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// For a node on the real clock: nothing to move, nothing to wait for.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealTime;

impl DriveClock for RealTime {
    fn advance_to(&self, _t_ns: i64) {}

    fn is_driven(&self) -> bool {
        false
    }
}

/// Where to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub host: String,
    pub port: u16,
    /// Give up when a link stays without a connection for so long.
    pub patience: Duration,
}

impl Target {
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            patience: Duration::from_secs(60),
        }
    }
}

impl From<std::net::SocketAddr> for Target {
    fn from(address: std::net::SocketAddr) -> Self {
        let host = match address {
            std::net::SocketAddr::V4(v4) => v4.ip().to_string(),
            std::net::SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        Self::new(host, address.port())
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub from_ns: i64,
    pub to_ns: i64,
    pub now_ns: i64,
    pub totals: Totals,
}

/// What a run has done. `published` and `acknowledged` count unique messages: a repeat counts in `repeats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Unique messages handed to a connection.
    pub published: u64,
    /// Unique messages acknowledged (PUBACK or PUBCOMP).
    pub acknowledged: u64,
    /// Unique messages sent at QoS 0, which nobody acknowledges.
    pub unconfirmed: u64,
    /// Messages that say nothing new: sent a second time, as a device does that lost an acknowledgement, or passed on by
    /// somebody else.
    pub repeats: u64,
    /// Messages sent again because a connection broke before their acknowledgement came.
    pub redelivered: u64,
    /// Connections made, the first ones included.
    pub connects: u64,
    /// Connections on which the server had forgotten the session.
    pub sessions_lost: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error("connecting {client_id} to {host}:{port}, given up after {seconds} s")]
    Unreachable {
        client_id: String,
        host: String,
        port: u16,
        seconds: u64,
        #[source]
        source: Box<rumqttc::ConnectionError>,
    },
    #[error("the speed must be a positive number, not {0}")]
    Speed(f64),
    #[error("a publishing task ended early: {0}")]
    Task(String),
}

/// Runs `scenario` to its end or until `cancel`; returns when every publication is acknowledged.
pub async fn drive(
    scenario: Scenario,
    target: Target,
    pace: Pace,
    clock: Arc<dyn DriveClock>,
    progress: watch::Sender<Progress>,
    cancel: CancellationToken,
) -> Result<Totals, DriveError> {
    if let Pace::Speed(speed) = pace
        && !(speed.is_finite() && speed > 0.0)
    {
        return Err(DriveError::Speed(speed));
    }
    let board = Arc::new(Board::default());
    let stop = cancel.child_token();
    let mut tasks = JoinSet::new();
    let mut inboxes = Vec::new();
    for client_id in scenario.links() {
        let (inbox, orders) = mpsc::channel(INBOX_MAX);
        let link = Link::new(client_id, target.clone(), Arc::clone(&board));
        inboxes.push(inbox);
        tasks.spawn(link.run(orders, stop.clone()));
    }
    let (from_ns, to_ns) = (scenario.from_ns(), scenario.to_ns());
    let mut driver = Driver {
        inboxes,
        board: Arc::clone(&board),
        clock,
        progress,
        cancel,
        from_ns,
        to_ns,
    };
    // A link that gives up ends the run; links end in order only after their inbox is closed.
    let outcome = tokio::select! {
        () = driver.run(scenario, pace) => Ok(()),
        ended = tasks.join_next() => match ended {
            Some(Ok(Err(error))) => Err(error),
            Some(Ok(Ok(()))) | None => Ok(()),
            Some(Err(error)) => Err(DriveError::Task(error.to_string())),
        },
    };
    // On failure the other links have nothing left to wait for.
    if outcome.is_err() {
        stop.cancel();
    }
    driver.inboxes.clear();
    let mut result = outcome;
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| Err(DriveError::Task(error.to_string())));
        result = result.and(ended);
    }
    driver.report(to_ns);
    result.map(|()| board.totals())
}

struct Driver {
    /// One a link, in the order of [`Scenario::links`].
    inboxes: Vec<mpsc::Sender<Order>>,
    board: Arc<Board>,
    clock: Arc<dyn DriveClock>,
    progress: watch::Sender<Progress>,
    cancel: CancellationToken,
    from_ns: i64,
    to_ns: i64,
}

impl Driver {
    async fn run(&mut self, scenario: Scenario, pace: Pace) {
        self.clock.advance_to(self.from_ns);
        let finished = match pace {
            Pace::Max => self.run_at_max(scenario).await,
            Pace::Speed(speed) => self.run_at_speed(scenario, speed).await,
        };
        if finished && self.settled(0).await {
            self.clock.advance_to(self.to_ns);
        }
    }

    async fn run_at_max(&mut self, scenario: Scenario) -> bool {
        for moment in scenario {
            if !self.settled(0).await {
                return false;
            }
            self.clock.advance_to(moment.at_ns);
            let at_ns = moment.at_ns;
            if !self.send(moment).await {
                return false;
            }
            self.report(at_ns);
        }
        true
    }

    async fn run_at_speed(&mut self, scenario: Scenario, speed: f64) -> bool {
        let started = Instant::now();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut moments = scenario.peekable();
        let unsettled_max = if self.clock.is_driven() {
            0
        } else {
            UNSETTLED_MAX
        };
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => return false,
                _ = ticks.tick() => {}
            }
            let passed_ns = started.elapsed().as_secs_f64() * speed * 1e9;
            // Saturating: a scenario lasts days, an i64 of nanoseconds three centuries.
            let now_ns = self
                .from_ns
                .saturating_add(passed_ns as i64)
                .min(self.to_ns);
            while let Some(moment) = moments.next_if(|moment| moment.at_ns <= now_ns) {
                if !self.settled(unsettled_max).await {
                    return false;
                }
                self.clock.advance_to(moment.at_ns);
                if !self.send(moment).await {
                    return false;
                }
            }
            if !self.settled(unsettled_max).await {
                return false;
            }
            self.clock.advance_to(now_ns);
            self.report(now_ns);
            if now_ns >= self.to_ns && moments.peek().is_none() {
                return true;
            }
        }
    }

    /// Hands the parts of a moment to their links; false when told to stop.
    async fn send(&mut self, moment: Moment) -> bool {
        let mut orders: Vec<Order> = self.inboxes.iter().map(|_| Order::default()).collect();
        for link in moment.cuts {
            if let Some(order) = orders.get_mut(link) {
                order.cut = true;
            }
        }
        for publication in moment.publications {
            if let Some(order) = orders.get_mut(publication.link) {
                self.board.hand_over(publication.is_repeat());
                order.publications.push(publication);
            }
        }
        for (inbox, order) in self.inboxes.iter().zip(orders) {
            if !order.cut && order.publications.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.cancel.cancelled() => return false,
                sent = inbox.send(order) => if sent.is_err() { return false },
            }
        }
        true
    }

    /// Waits until at most `unsettled_max` publications are unacknowledged; false when told to stop.
    async fn settled(&self, unsettled_max: u64) -> bool {
        let settled = async {
            self.board.settled(unsettled_max).await;
            if self.clock.is_driven() {
                let totals = self.board.totals();
                self.clock
                    .arrived(totals.acknowledged + totals.repeats)
                    .await;
            }
        };
        tokio::select! {
            () = self.cancel.cancelled() => false,
            () = settled => true,
        }
    }

    fn report(&self, now_ns: i64) {
        let totals = self.board.totals();
        let (from_ns, to_ns) = (self.from_ns, self.to_ns);
        self.progress.send_replace(Progress {
            from_ns,
            to_ns,
            now_ns,
            totals,
        });
    }
}

#[cfg(test)]
mod tests;
