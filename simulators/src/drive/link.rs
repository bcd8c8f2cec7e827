//! One MQTT connection (3.1.1, persistent session) that several devices share, with its own outbox.
//!
//! rumqttc keeps no record that survives our needs (it resends without DUP and forgets everything when the server says
//! "no session present"), so the outbox is ours: on each new connection everything unacknowledged is sent again first,
//! in order. Packets are written in batches with one flush.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::{
    ConnAck, ConnectionError, Disconnect, Event, EventLoop, MqttOptions, Packet, PubRel, Publish,
    QoS, Request,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::outbox::Outbox;
use super::{DriveError, Target};
use crate::publication::{Publication, Qos};

/// Unacknowledged messages a connection: well inside what a server grants.
const WINDOW: u16 = 100;
/// Messages taken from the inbox and not yet sent; more wait in the inbox.
const QUEUE_MAX: usize = 20_000;
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const PACKET_BYTES_MAX: usize = 1024 * 1024;
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// What the driver asks of a link at one moment.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Break the connection first, without DISCONNECT.
    pub(super) cut: bool,
    pub(super) publications: Vec<Publication>,
}

pub(super) struct Link {
    client_id: String,
    target: Target,
    board: Arc<Board>,
    network: EventLoop,
    connected: bool,
    outbox: Outbox,
    queue: VecDeque<Publication>,
    retry: Duration,
    /// Since when there is no connection although one is wanted.
    down_since: Option<Instant>,
}

impl Link {
    pub(super) fn new(client_id: &str, target: Target, board: Arc<Board>) -> Self {
        let mut options = MqttOptions::new(client_id, target.host.clone(), target.port);
        options.set_clean_session(false);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        options.set_inflight(WINDOW);
        let mut network = EventLoop::new(options, 1);
        network.network_options.set_tcp_nodelay(true);
        Self {
            client_id: client_id.to_owned(),
            target,
            board,
            network,
            connected: false,
            outbox: Outbox::new(WINDOW),
            queue: VecDeque::new(),
            retry: RETRY_FIRST,
            down_since: None,
        }
    }

    /// Until the inbox is closed and everything is acknowledged, or until told to stop.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        stop: CancellationToken,
    ) -> Result<(), DriveError> {
        let work = self.work(&mut orders);
        let result = tokio::select! {
            result = work => result,
            () = stop.cancelled() => Ok(()),
        };
        if self.connected {
            // Best effort: the connection may be gone, and everything that counts is acknowledged.
            let _ = self.disconnect().await;
        }
        result
    }

    async fn work(&mut self, orders: &mut mpsc::Receiver<Order>) -> Result<(), DriveError> {
        let mut open = true;
        loop {
            let idle = self.outbox.is_empty() && self.queue.is_empty();
            if idle && !open {
                return Ok(());
            }
            if !self.connected && idle {
                match orders.recv().await {
                    Some(order) => self.take(order),
                    None => open = false,
                }
                continue;
            }
            if !self.connected {
                self.connect().await?;
                continue;
            }
            if let Err(error) = self.send_queued().await {
                self.broken(&error);
                continue;
            }
            tokio::select! {
                order = orders.recv(), if open && self.queue.len() < QUEUE_MAX => match order {
                    Some(order) => self.take(order),
                    None => open = false,
                },
                event = self.network.poll() => match event {
                    Ok(event) => self.settle(&event),
                    Err(error) => self.broken(&error),
                },
            }
        }
    }

    fn take(&mut self, order: Order) {
        if order.cut && self.connected {
            tracing::debug!(client = %self.client_id, "connection cut by the scenario");
            self.forget_connection();
        }
        self.queue.extend(order.publications);
    }

    async fn connect(&mut self) -> Result<(), DriveError> {
        let down_since = *self.down_since.get_or_insert_with(Instant::now);
        match self.network.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(accepted))) => {
                if let Err(error) = self.resume(&accepted).await {
                    self.broken(&error);
                }
                Ok(())
            }
            Ok(Event::Incoming(_) | Event::Outgoing(_)) => Ok(()),
            Err(source) if down_since.elapsed() >= self.target.patience => {
                Err(DriveError::Unreachable {
                    client_id: self.client_id.clone(),
                    host: self.target.host.clone(),
                    port: self.target.port,
                    seconds: self.target.patience.as_secs(),
                    source: Box::new(source),
                })
            }
            Err(error) => {
                tracing::warn!(client = %self.client_id, %error, "connecting failed, trying again");
                tokio::time::sleep(self.retry).await;
                self.retry = (self.retry * 2).min(RETRY_MAX);
                Ok(())
            }
        }
    }

    /// A new connection: sends again what is unacknowledged, as the standard asks of a resumed session; on a session
    /// that the server has forgotten, as new messages.
    async fn resume(&mut self, accepted: &ConnAck) -> Result<(), ConnectionError> {
        self.connected = true;
        self.down_since = None;
        self.retry = RETRY_FIRST;
        let present = accepted.session_present;
        self.board.connected(!present && !self.outbox.is_empty());
        self.board.redelivered(self.outbox.len());
        let mut requests = Vec::with_capacity(self.outbox.len());
        for entry in self.outbox.entries() {
            entry.received &= present;
            requests.push(if entry.received {
                Request::PubRel(PubRel::new(entry.packet_id))
            } else {
                let mut publish = packet(&entry.publication, entry.packet_id);
                publish.dup |= present;
                Request::Publish(publish)
            });
        }
        for request in requests {
            self.write(request).await?;
        }
        self.flush().await
    }

    async fn send_queued(&mut self) -> Result<(), ConnectionError> {
        let mut written = false;
        let mut settled = false;
        while let Some(publication) = self.queue.pop_front() {
            let publish = if publication.qos == Qos::AtMostOnce {
                self.board.settle(publication.is_repeat(), false);
                settled = true;
                packet(&publication, 0)
            } else {
                let copy = publication.clone();
                match self.outbox.push(publication) {
                    Ok(packet_id) => packet(&copy, packet_id),
                    Err(publication) => {
                        self.queue.push_front(*publication);
                        break;
                    }
                }
            };
            written = true;
            self.write(Request::Publish(publish)).await?;
        }
        if written {
            self.flush().await?;
        }
        if settled {
            self.board.wake();
        }
        Ok(())
    }

    fn settle(&mut self, event: &Event) {
        let done = match event {
            Event::Incoming(Packet::PubAck(ack)) => self.outbox.settle(ack.pkid),
            Event::Incoming(Packet::PubComp(completed)) => self.outbox.settle(completed.pkid),
            Event::Incoming(Packet::PubRec(received)) => {
                self.outbox.received(received.pkid);
                None
            }
            Event::Incoming(_) | Event::Outgoing(_) => None,
        };
        if let Some(publication) = done {
            self.board.settle(publication.is_repeat(), true);
            if self.outbox.is_empty() {
                self.board.wake();
            }
        }
    }

    async fn write(&mut self, request: Request) -> Result<(), ConnectionError> {
        let packet = self.network.state.handle_outgoing_packet(request)?;
        if let (Some(packet), Some(network)) = (packet, self.network.network.as_mut()) {
            network.write(packet).await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ConnectionError> {
        if let Some(network) = self.network.network.as_mut() {
            network.flush().await?;
        }
        Ok(())
    }

    async fn disconnect(&mut self) -> Result<(), ConnectionError> {
        self.write(Request::Disconnect(Disconnect)).await?;
        self.flush().await
    }

    fn broken(&mut self, error: &ConnectionError) {
        tracing::info!(client = %self.client_id, %error, unacknowledged = self.outbox.len(), "connection lost");
        self.forget_connection();
    }

    fn forget_connection(&mut self) {
        self.connected = false;
        self.network.clean();
        // The outbox is the record of what is under way; rumqttc's own list would send it a second time.
        self.network.pending.clear();
        self.network.state.events.clear();
    }
}

fn packet(publication: &Publication, packet_id: u16) -> Publish {
    let qos = match publication.qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    };
    let mut publish = Publish::from_bytes(&*publication.topic, qos, publication.payload.clone());
    publish.pkid = packet_id;
    publish.retain = publication.retain;
    // A repeat is a delivery attempted again; the flag exists only above QoS 0.
    publish.dup = publication.duplicate_of.is_some() && qos != QoS::AtMostOnce;
    publish
}
