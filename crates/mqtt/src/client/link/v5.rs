//! MQTT 5 by rumqttc. Its network is closed to us: acknowledgements go through its queue and are written one by
//! one. Its loop must not be given up between two steps (a packet that it holds would be lost), so it runs inside
//! this link for as long as the link lives, and puts what came on a shelf.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, RetainForwardRule, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};

use crate::client::fault::{Cause, Fault};

use super::{Delivery, Dial, Incoming};

/// Events on the shelf beyond the receive maximum. The loop cannot write without reading, so it never rests: the
/// broker keeps its promise about QoS 1 (mosquitto 2.0.11 roughly), and QoS 0 is dropped there.
const SHELF_SPARE: usize = 4_096;
/// SUBSCRIBE and DISCONNECT beside the acknowledgements.
const OTHER_REQUESTS_MAX: usize = 16;

type Pump = Pin<Box<dyn Future<Output = Fault> + Send>>;

pub(crate) struct Link {
    client: AsyncClient,
    pump: Pump,
    shelf: Arc<Shelf>,
    /// Acknowledgements for which the library's queue had no room.
    waiting: VecDeque<u16>,
    failed: Option<Fault>,
}

/// What came and was not fetched.
struct Shelf {
    events: Mutex<VecDeque<Incoming>>,
    events_max: usize,
    /// QoS 0 messages that found no room.
    dropped: AtomicU64,
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Incoming>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False: there is no room for what has a right to it.
    fn put(&self, event: Event, events: &mut VecDeque<Incoming>) -> bool {
        let Some(incoming) = incoming(event) else {
            return true;
        };
        if events.len() < self.events_max {
            events.push_back(incoming);
        } else if matches!(&incoming, Incoming::Publish(delivery) if delivery.qos == 0) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            return false;
        }
        true
    }
}

fn options(dial: &Dial, client_id: &str, fresh: bool) -> MqttOptions {
    let config = &dial.config;
    let mut options = MqttOptions::new(client_id, dial.address.host.clone(), dial.address.port);
    let mut network = NetworkOptions::new();
    // Without it acknowledgements wait for the broker's delayed ones.
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let patience = config.connect_timeout() + config.write_timeout();
    options
        .set_clean_start(fresh)
        .set_session_expiry_interval(Some(config.session_expiry_seconds))
        .set_receive_maximum(Some(config.receive_maximum))
        .set_max_packet_size(Some(config.packet_bytes_max))
        .set_manual_acks(true)
        .set_keep_alive(config.ping_every())
        .set_connection_timeout(patience.as_secs().max(1))
        // We publish nothing; without it room for 65,536 messages is taken.
        .set_outgoing_inflight_upper_limit(1);
    if !config.user.is_empty() {
        options.set_credentials(config.user.clone(), config.password.reveal());
    }
    if let Some(tls) = &dial.tls {
        let tls = TlsConfiguration::Rustls(tls.clone());
        options.set_transport(Transport::tls_with_config(tls));
    }
    options
}

impl Link {
    pub(crate) async fn connect(
        dial: &Dial,
        client_id: &str,
        fresh: bool,
    ) -> Result<(Self, bool), Fault> {
        let window = usize::from(dial.config.receive_maximum);
        let requests = window + OTHER_REQUESTS_MAX;
        let (client, mut events) = AsyncClient::new(options(dial, client_id, fresh), requests);
        let present = match events.poll().await? {
            Event::Incoming(Packet::ConnAck(connack)) => connack.session_present,
            Event::Incoming(_) | Event::Outgoing(_) => {
                return Err(Fault::new(
                    Cause::Protocol,
                    "the broker's first packet was no CONNACK",
                ));
            }
        };
        let shelf = Arc::new(Shelf {
            events: Mutex::default(),
            events_max: 2 * window + SHELF_SPARE,
            dropped: AtomicU64::new(0),
        });
        let link = Self {
            client,
            pump: Box::pin(pump(events, Arc::clone(&shelf))),
            shelf,
            waiting: VecDeque::new(),
            failed: None,
        };
        Ok((link, present))
    }

    pub(crate) fn subscribe(&mut self, filters: &[String]) -> Result<(), Fault> {
        let filters = filters.iter().map(|filter| {
            let mut filter = Filter::new(filter.clone(), QoS::AtLeastOnce);
            // What is retained is sent when we subscribe for the first time, not at each reconnect; and it says
            // that it is retained also when it is published again.
            filter.retain_forward_rule = RetainForwardRule::OnNewSubscribe;
            filter.preserve_retain = true;
            filter
        });
        self.client
            .try_subscribe_many(filters)
            .map_err(|error| Fault::new(Cause::Protocol, format!("cannot subscribe ({error})")))
    }

    pub(crate) async fn next(
        &mut self,
        max: usize,
        into: &mut VecDeque<Incoming>,
    ) -> Result<(), Fault> {
        std::future::poll_fn(|context| {
            self.hand_over();
            if self.failed.is_none()
                && let Poll::Ready(fault) = self.pump.as_mut().poll(context)
            {
                self.failed = Some(fault);
            }
            let mut shelf = self.shelf.lock();
            if shelf.is_empty() {
                return match &self.failed {
                    Some(fault) => Poll::Ready(Err(fault.clone())),
                    None => Poll::Pending,
                };
            }
            let taken = shelf.len().min(max.saturating_sub(into.len()).max(1));
            into.extend(shelf.drain(..taken));
            Poll::Ready(Ok(()))
        })
        .await
    }

    pub(crate) fn acknowledge(&mut self, packet_ids: &[u16]) {
        self.waiting.extend(packet_ids);
        self.hand_over();
    }

    /// QoS 0 messages dropped since the last time.
    pub(crate) fn dropped(&self) -> u64 {
        self.shelf.dropped.swap(0, Ordering::Relaxed)
    }

    fn hand_over(&mut self) {
        while let Some(id) = self.waiting.front() {
            let publish = Publish {
                qos: QoS::AtLeastOnce,
                pkid: *id,
                ..Publish::default()
            };
            if self.client.try_ack(&publish).is_err() {
                // No room: after the loop has written some.
                return;
            }
            self.waiting.pop_front();
        }
    }

    pub(crate) async fn disconnect(mut self) {
        // It is only a courtesy; the acknowledgements before it are more.
        let mut said = false;
        let going = std::future::poll_fn(move |context| {
            self.shelf.lock().clear();
            self.hand_over();
            if !said && self.waiting.is_empty() {
                said = self.client.try_disconnect().is_ok();
            }
            match &self.failed {
                Some(_) => Poll::Ready(()),
                None => self.pump.as_mut().poll(context).map(drop),
            }
        });
        _ = tokio::time::timeout(Duration::from_secs(1), going).await;
    }
}

async fn pump(mut events: EventLoop, shelf: Arc<Shelf>) -> Fault {
    loop {
        let event = match events.poll().await {
            Ok(event) => event,
            Err(error) => return error.into(),
        };
        let mut events_on_shelf = shelf.lock();
        let mut room = shelf.put(event, &mut events_on_shelf);
        for event in events.state.events.drain(..) {
            room &= shelf.put(event, &mut events_on_shelf);
        }
        drop(events_on_shelf);
        if !room {
            return Fault::new(
                Cause::Protocol,
                "the broker sends far more than our receive maximum",
            );
        }
    }
}

fn incoming(event: Event) -> Option<Incoming> {
    match event {
        Event::Incoming(Packet::Publish(publish)) => Some(Incoming::Publish(delivery(publish))),
        Event::Incoming(Packet::SubAck(suback)) => {
            let codes = suback.return_codes.iter().enumerate();
            let refused = codes
                .filter(|(_, code)| !matches!(code, SubscribeReasonCode::Success(_)))
                .map(|(place, code)| (place, format!("{code:?}")));
            Some(Incoming::Subscribed(refused.collect()))
        }
        Event::Incoming(_) | Event::Outgoing(_) => None,
    }
}

fn delivery(publish: Publish) -> Delivery {
    let properties = publish.properties.as_ref().map(wire).unwrap_or_default();
    Delivery {
        packet_id: publish.pkid,
        qos: publish.qos as u8,
        dup: publish.dup,
        retain: publish.retain,
        topic: publish.topic,
        payload: publish.payload,
        properties,
    }
}

/// The properties as they stood on the wire (their order apart), without their length.
fn wire(properties: &rumqttc::v5::mqttbytes::v5::PublishProperties) -> Bytes {
    let mut buffer = BytesMut::new();
    // Fails only above 256 MiB, which no packet has.
    if properties.write(&mut buffer).is_err() {
        return Bytes::new();
    }
    while buffer.has_remaining() && buffer.get_u8() & 0x80 != 0 {}
    buffer.freeze()
}
