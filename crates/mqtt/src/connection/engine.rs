//! The life of a connection between CONNACK and its end, as one state machine that one task polls: it
//! reads on while commits are in flight, acknowledges what became durable, and writes, without a task,
//! an allocation or a wake-up for a single message.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, Sleep};

use crate::control::{Control, Signal};
use crate::hub::{Hub, Mode};
use crate::session::CoreGuard;

use super::aliases::Aliases;
use super::client::Client;
use super::draining::Draining;
use super::end::End;
use super::fifo::{Fifo, Group};
use super::input::Input;
use super::out::Out;

/// Reads in one poll before other tasks get their turn.
const ROUNDS: usize = 8;
/// Nothing is due before this.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Engine {
    pub(super) hub: Arc<Hub>,
    control: Arc<Control>,
    pub(super) stream: TcpStream,
    pub(super) client: Client,
    pub(super) core: CoreGuard,
    pub(super) input: Input,
    pub(super) out: Out,
    pub(super) fifo: Fifo,
    pub(super) aliases: Aliases,
    pub(super) draining: Option<Draining>,
    /// Bytes the front packet takes in all; decoding is worth trying then.
    pub(super) need: usize,
    /// Bytes that the common credits must grant for the front packet.
    pub(super) least: u64,
    /// A bound left complete packets in the read buffer.
    pub(super) stalled: bool,
    /// MQTT 5: messages of QoS 1 and 2 whose last acknowledgement was not sent.
    pub(super) quota_used: u32,
    /// The client is above its rate until then.
    pub(super) rate_until: Option<Instant>,
    pub(super) waits_for_credit: Option<Pin<Box<OwnedNotified>>>,
    /// Journal bytes a byte read; for sizing batches.
    pub(super) expansion: f32,
    /// When the last packet came, or reading began again.
    pub(super) heard: Instant,
    /// We are waiting for the client, not the client for us.
    reading: bool,
    /// One and a half times the keep-alive.
    silence_max: Option<Duration>,
    stopping: bool,
    /// CONNACK said no: there is nothing more to say, and the will never came to life.
    pub(super) declined: bool,
    timer: Pin<Box<Sleep>>,
    armed: Instant,
}

impl Engine {
    pub(crate) fn new(
        hub: Arc<Hub>,
        control: Arc<Control>,
        stream: TcpStream,
        input: Input,
        client: Client,
        core: CoreGuard,
        keep_alive_seconds: u16,
    ) -> Self {
        let now = Instant::now();
        let keep_alive = Duration::from_secs(u64::from(keep_alive_seconds));
        let armed = now + IDLE;
        Self {
            hub,
            control,
            stream,
            client,
            core,
            // What came behind CONNECT is looked at first.
            stalled: input.len() > 0,
            input,
            out: Out::default(),
            fifo: Fifo::default(),
            aliases: Aliases::default(),
            draining: None,
            need: 2,
            least: 1,
            quota_used: 0,
            rate_until: None,
            waits_for_credit: None,
            expansion: 2.0,
            heard: now,
            reading: false,
            silence_max: (!keep_alive.is_zero()).then(|| keep_alive * 3 / 2),
            stopping: false,
            declined: false,
            timer: Box::pin(tokio::time::sleep_until(armed)),
            armed,
        }
    }

    /// Runs until the connection has to end.
    pub(crate) async fn run(&mut self) -> End {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        match self.control.listen(context) {
            Some(Signal::TakenOver) => return Poll::Ready(End::TakenOver),
            Some(Signal::Stop) => self.stopping = true,
            None => {}
        }
        let now = Instant::now();
        if let Err(end) = self.exchange(context, now) {
            return Poll::Ready(end);
        }
        let held_back = self.out.is_full();
        let flushed = self.out.poll_flush(&mut self.stream, context, now);
        if held_back && !self.out.is_full() {
            // What kept this connection from being read is gone, and nobody else will say so.
            context.waker().wake_by_ref();
        }
        match flushed {
            Poll::Ready(Err(_)) => return Poll::Ready(End::Lost),
            // What a full journal holds back may take for ever: it is not waited for, and comes again.
            Poll::Ready(Ok(()))
                if self.stopping && (self.fifo.is_empty() || self.hub.mode() != Mode::Ok) =>
            {
                return Poll::Ready(End::Stop);
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        match self.poll_timer(context, now) {
            Some(end) => Poll::Ready(end),
            None => Poll::Pending,
        }
    }

    /// Acknowledges, reads, and looks at the tickets of what was read, which makes them wake this task.
    fn exchange(&mut self, context: &mut Context<'_>, now: Instant) -> Result<(), End> {
        self.collect(context).map_err(End::Journal)?;
        if self.stopping {
            return Ok(());
        }
        let before = self.fifo.pushed;
        self.read(context, now)?;
        if self.fifo.pushed == before {
            return Ok(());
        }
        let messages = self.fifo.messages;
        self.collect(context).map_err(End::Journal)?;
        if self.stalled && self.fifo.messages < messages {
            // Durable that fast: there is room again.
            context.waker().wake_by_ref();
        }
        Ok(())
    }

    /// Acknowledges what has become durable.
    pub(super) fn collect(&mut self, context: &mut Context<'_>) -> Result<(), journal::Error> {
        let full = self.hub.mode() == Mode::Full;
        let (out, client, quota) = (&mut self.out.buffer, &self.client, &mut self.quota_used);
        let (hub, mut acknowledged) = (&*self.hub, 0);
        self.fifo.poll(
            context,
            &hub.inputs,
            full,
            |ack| {
                if client.encode(ack, out) {
                    *quota = quota.saturating_sub(1);
                }
                acknowledged += u64::from(ack.kind.is_acceptance());
            },
            |group| {
                hub.credits.give_back(group.credit);
                hub.meter
                    .durable(group.messages, group.bytes, group.read_at.elapsed());
            },
        )?;
        hub.meter.acknowledged(acknowledged);
        Ok(())
    }

    /// The same for a connection whose client is done.
    pub(super) fn collect_last(&mut self, context: &mut Context<'_>) -> Result<(), journal::Error> {
        // Mode changes count, signals do not.
        _ = self.control.listen(context);
        self.collect(context)
    }

    /// The same for a connection that is over: nothing is acknowledged any more.
    pub(super) fn settle(&mut self, context: &mut Context<'_>) -> Result<(), journal::Error> {
        // Mode changes count, signals do not.
        _ = self.control.listen(context);
        let hub = &*self.hub;
        let done = |group: &Group| {
            hub.credits.give_back(group.credit);
            hub.meter
                .durable(group.messages, group.bytes, group.read_at.elapsed());
        };
        self.fifo.poll(context, &hub.inputs, false, |_| (), done)
    }

    fn read(&mut self, context: &mut Context<'_>, now: Instant) -> Result<(), End> {
        for _ in 0..ROUNDS {
            if !self.round(context, now)? {
                return Ok(());
            }
        }
        // There may be more: after the others.
        context.waker().wake_by_ref();
        Ok(())
    }

    /// Reads once and takes what is complete. False: nothing more can be done now.
    fn round(&mut self, context: &mut Context<'_>, now: Instant) -> Result<bool, End> {
        let was_reading = std::mem::replace(&mut self.reading, false);
        if self.is_gated(context, now) {
            return Ok(false);
        }
        if !self.stalled {
            match self.input.poll_fill(&mut self.stream, context, self.need) {
                Poll::Pending => {
                    self.reading = true;
                    if !was_reading {
                        self.heard = now;
                    }
                    return Ok(false);
                }
                Poll::Ready(Ok(0) | Err(_)) => return Err(End::Lost),
                Poll::Ready(Ok(_)) if self.input.len() < self.need => {
                    self.reading = was_reading;
                    return Ok(true);
                }
                Poll::Ready(Ok(_)) => {}
            }
        }
        let least = self.least;
        self.take(now)?;
        self.reading = was_reading;
        // Short of the common credits: the next round asks for what it takes, or waits for it.
        Ok(!self.stalled || self.waits_for_credit.is_some() || self.least > least)
    }

    /// Whether something of ours keeps this connection from being read.
    fn is_gated(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        if self.rate_until.is_some_and(|until| now < until)
            || self.out.is_full()
            || self.fifo.is_full()
        {
            return true;
        }
        self.rate_until = None;
        // With a full journal what has a reserve may stand behind what has none.
        if self.fifo.is_unsubmitted() && self.hub.mode() == Mode::Ok {
            return true;
        }
        if let Some(wait) = &mut self.waits_for_credit {
            if wait.as_mut().poll(context).is_pending() {
                return true;
            }
            self.waits_for_credit = None;
        }
        false
    }

    /// Looks at what may be over by now and sets the timer for the next.
    fn poll_timer(&mut self, context: &mut Context<'_>, mut now: Instant) -> Option<End> {
        loop {
            if !self.reading {
                self.heard = now;
            }
            let silence = self
                .silence_max
                .filter(|_| !self.stopping)
                .map(|max| self.heard + max);
            let stuck = self
                .out
                .stuck_since
                .map(|since| since + self.hub.config.write_timeout());
            if silence.is_some_and(|due| due <= now) {
                return Some(End::KeepAlive);
            }
            if stuck.is_some_and(|due| due <= now) {
                return Some(End::WriteTimeout);
            }
            let next = [silence, stuck, self.rate_until]
                .into_iter()
                .flatten()
                .min();
            if let Some(next) = next
                && next < self.armed
            {
                self.armed = next;
                self.timer.as_mut().reset(next);
            }
            // The timer may have been set for something that has moved since.
            if self.timer.as_mut().poll(context).is_pending() {
                return None;
            }
            now = Instant::now();
            self.armed = now + IDLE;
            self.timer.as_mut().reset(self.armed);
            if self.rate_until.is_some_and(|until| until <= now) {
                context.waker().wake_by_ref();
                return None;
            }
        }
    }
}
