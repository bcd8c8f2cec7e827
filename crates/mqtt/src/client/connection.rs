//! The life of one connection between CONNACK and its end. One task owns the link, the line of what waits for the
//! journal, and so everything that may be acknowledged.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use journal::State;
use journal::inputs::MessagePrefix;
use tokio::sync::futures::Notified;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::connection::fifo::{Fifo, Group};
use crate::hub::Mode;

use super::Shared;
use super::fault::{Cause, Fault};
use super::intake;
use super::link::Link;
use super::status::{Line, LinkState};

/// What one read takes at most. The line may get longer than its bound by what one read of the library brings.
const READ_MAX: u64 = 1_024;
/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_millis(500);

/// Why a connection ended.
pub(super) enum Ended {
    /// We stopped; what could be acknowledged was.
    Stopped,
    /// To be tried again.
    Fault(Fault),
    /// Final.
    Journal(journal::Error),
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Ended::Fault(fault)
    }
}

impl From<journal::Error> for Ended {
    fn from(error: journal::Error) -> Self {
        Ended::Journal(error)
    }
}

pub(super) struct Connection<'a> {
    shared: &'a Arc<Shared>,
    line: &'a Line,
    filters: &'a [String],
    prefix: MessagePrefix,
    link: Option<Link>,
    fifo: Fifo,
    mode: Mode,
    /// SUBSCRIBE was sent and not answered.
    subscribing_since: Option<Instant>,
    /// A refused subscription is asked for again.
    again_at: Option<Instant>,
    ready: bool,
    pinged: Instant,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        line: &'a Line,
        filters: &'a [String],
        prefix: MessagePrefix,
        link: Link,
        mode: Mode,
    ) -> Self {
        Self {
            shared,
            line,
            filters,
            prefix,
            link: Some(link),
            fifo: Fifo::default(),
            mode,
            subscribing_since: None,
            again_at: None,
            ready: false,
            pinged: Instant::now(),
        }
    }

    /// Runs until the connection has to end; says also whether messages came to the last.
    pub(super) async fn run(
        mut self,
        state: &mut watch::Receiver<State>,
        cancel: &CancellationToken,
    ) -> (Ended, bool) {
        let ended = match self.live(state, cancel).await {
            Ok(()) => match self.stop(state).await {
                Ok(()) => Ended::Stopped,
                Err(ended) => ended,
            },
            Err(ended) => ended,
        };
        if self.ready {
            self.shared.meter.not_ready();
        }
        for group in self.fifo.left() {
            self.shared.meter.abandoned(group.messages, group.bytes);
        }
        (ended, self.ready)
    }

    /// `Ok` when we are to stop.
    async fn live(
        &mut self,
        state: &mut watch::Receiver<State>,
        cancel: &CancellationToken,
    ) -> Result<(), Ended> {
        // Also in a session that has them: it is how we learn that a right was taken away, and mosquitto does not
        // keep shared subscriptions in its store.
        self.subscribe()?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut events, mut acks) = (VecDeque::new(), Vec::new());
        let shared = Arc::clone(self.shared);
        let mut rest = pin!(None);
        loop {
            let gated = self.is_gated();
            let room = self.room();
            let Some(link) = self.link.as_mut() else {
                return Ok(());
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(()),
                changed = state.changed() => {
                    self.mode = follow(changed, state)?;
                }
                settled = settle(self.shared, &mut self.fifo, self.mode, &mut acks), if !self.fifo.is_empty() => {
                    settled?;
                    acknowledge(self.shared, link, &mut acks).await?;
                }
                () = over(rest.as_mut()), if rest.is_some() => rest.set(None),
                came = link.next(room, &mut events), if !gated && rest.is_none() => {
                    came?;
                    shared.meter.dropped_unseen(link.dropped());
                    rest.set(shared.pacer.rest());
                    let answers = intake::take(self.shared, &self.prefix, self.mode, &mut self.fifo, &mut events)?;
                    for refused in answers {
                        self.subscribed(&refused);
                    }
                }
                _ = tick.tick() => self.due(gated).await?,
            }
        }
    }

    /// Stops reading, waits for what is in flight, acknowledges it, says goodbye.
    async fn stop(&mut self, state: &mut watch::Receiver<State>) -> Result<(), Ended> {
        let Some(mut link) = self.link.take() else {
            return Ok(());
        };
        let deadline = Instant::now() + self.shared.dial.config.stop_timeout();
        let mut acks = Vec::new();
        // What a full journal holds back may take for ever: it is not waited for, and comes again.
        while !self.fifo.is_empty() && self.mode == Mode::Ok {
            tokio::select! {
                biased;
                changed = state.changed() => {
                    self.mode = follow(changed, state)?;
                }
                settled = settle(self.shared, &mut self.fifo, self.mode, &mut acks) => {
                    settled?;
                    acknowledge(self.shared, &mut link, &mut acks).await?;
                }
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        link.disconnect().await;
        Ok(())
    }

    /// Messages that may still come before one has to be acknowledged.
    fn room(&self) -> usize {
        let unacknowledged = self.fifo.messages - self.fifo.qos0;
        let left =
            u64::from(self.shared.dial.config.receive_maximum).saturating_sub(unacknowledged);
        left.clamp(1, READ_MAX) as usize
    }

    /// Whether a bound of ours keeps the connection from being read.
    fn is_gated(&self) -> bool {
        let config = &self.shared.dial.config;
        self.fifo.messages - self.fifo.qos0 >= u64::from(config.receive_maximum)
            || self.fifo.bytes >= config.inflight_bytes_max
            // With a full journal what has a reserve may stand behind what has none.
            || (self.fifo.is_unsubmitted() && self.mode == Mode::Ok)
    }

    fn subscribe(&mut self) -> Result<(), Fault> {
        if let Some(link) = &mut self.link {
            link.subscribe(self.filters)?;
        }
        self.again_at = None;
        self.subscribing_since = Some(Instant::now());
        if !self.ready {
            self.line
                .state(LinkState::Subscribing, self.shared.clock.now());
        }
        Ok(())
    }

    /// The broker's answer to our filters: the places of those that it refuses.
    fn subscribed(&mut self, refused: &[(usize, String)]) {
        self.subscribing_since = None;
        if refused.is_empty() {
            self.set_ready();
            return;
        }
        let name = |place: &usize| self.filters.get(*place).map_or("?", String::as_str);
        let list: Vec<_> = refused
            .iter()
            .map(|(place, why)| format!("\"{}\" ({why})", name(place)))
            .collect();
        let words = format!(
            "the broker refuses the subscription to {}: nothing comes from there; correct the broker's access list or our filters",
            list.join(", ")
        );
        let now = self.shared.clock.now();
        self.shared
            .meter
            .subscriptions_refused(refused.len() as u64);
        tracing::error!(client = self.line_name(), "{words}");
        self.line.error(words, now);
        self.line.state(LinkState::Refused, now);
        if std::mem::replace(&mut self.ready, false) {
            self.shared.meter.not_ready();
        }
        let rest = Duration::from_millis(self.shared.dial.config.reconnect_max_ms);
        self.again_at = Some(Instant::now() + rest);
    }

    fn set_ready(&mut self) {
        if !std::mem::replace(&mut self.ready, true) {
            self.shared.meter.ready();
            self.line.state(LinkState::Ready, self.shared.clock.now());
            tracing::info!(client = self.line_name(), "messages come from the broker");
        }
    }

    fn line_name(&self) -> String {
        self.line.name()
    }

    /// What the time asks for.
    async fn due(&mut self, gated: bool) -> Result<(), Fault> {
        let now = Instant::now();
        let config = &self.shared.dial.config;
        if self
            .subscribing_since
            .is_some_and(|since| now >= since + config.connect_timeout())
        {
            return Err(Fault::new(
                Cause::Timeout,
                "the broker did not answer our subscription in time",
            ));
        }
        if self.again_at.is_some_and(|at| now >= at) {
            self.subscribe()?;
        }
        if !gated {
            self.pinged = now;
        } else if now >= self.pinged + self.shared.dial.config.ping_every() {
            self.pinged = now;
            if let Some(link) = &mut self.link {
                link.ping().await?;
            }
        }
        Ok(())
    }
}

/// Waits for the end of a rest.
async fn over(rest: Pin<&mut Option<Notified<'_>>>) {
    if let Some(rest) = rest.as_pin_mut() {
        rest.await;
    }
}

fn follow(
    changed: Result<(), watch::error::RecvError>,
    state: &mut watch::Receiver<State>,
) -> Result<Mode, Ended> {
    let now = state.borrow_and_update().clone();
    if let State::Poisoned { error } = now {
        return Err(Ended::Journal(journal::Error::Poisoned {
            journal: journal::JournalName::Inputs,
            error,
        }));
    }
    changed.map_err(|_| journal::Error::Closed {
        journal: journal::JournalName::Inputs,
    })?;
    Ok(Mode::from(&now))
}

/// Waits until something has become durable, and gathers what may be acknowledged for it.
async fn settle(
    shared: &Shared,
    fifo: &mut Fifo,
    mode: Mode,
    acks: &mut Vec<u16>,
) -> Result<(), journal::Error> {
    std::future::poll_fn(|context| {
        let mut moved = false;
        let durable = |group: &Group| {
            moved = true;
            shared
                .meter
                .durable(group.messages, group.bytes, group.read_at.elapsed());
        };
        let full = mode == Mode::Full;
        fifo.poll(
            context,
            &shared.inputs,
            full,
            |ack| acks.push(ack.packet_id),
            durable,
        )?;
        if moved || !acks.is_empty() {
            std::task::Poll::Ready(Ok(()))
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

async fn acknowledge(shared: &Shared, link: &mut Link, acks: &mut Vec<u16>) -> Result<(), Fault> {
    if !acks.is_empty() {
        link.acknowledge(acks).await?;
        shared.meter.acknowledged(acks.len() as u64);
        acks.clear();
    }
    Ok(())
}
