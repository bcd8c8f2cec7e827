//! MQTT 3.1.1 by rumqttc. Acknowledgements of a batch are written one after the other and flushed once.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Packet, PubAck, Publish, SubscribeFilter,
    SubscribeReasonCode, TlsConfiguration, Transport,
};

use crate::client::config::ClientConfig;
use crate::client::fault::{Cause, Fault};

use super::{Delivery, Dial, Incoming};

/// We publish nothing; SUBSCRIBE and DISCONNECT find room.
const REQUESTS_MAX: usize = 16;
/// Packets other than PUBLISH that we send are small.
const OUTGOING_BYTES_MAX: usize = 256 * 1024;

pub(crate) struct Link {
    client: AsyncClient,
    events: EventLoop,
    /// Told after what came before it was taken.
    failed: Option<Fault>,
    write_timeout: Duration,
}

fn options(dial: &Dial, client_id: &str, fresh: bool) -> MqttOptions {
    let config: &ClientConfig = &dial.config;
    let mut options = MqttOptions::new(client_id, dial.address.host.clone(), dial.address.port);
    options
        .set_clean_session(fresh)
        .set_manual_acks(true)
        .set_keep_alive(config.ping_every())
        .set_max_packet_size(config.packet_bytes_max as usize, OUTGOING_BYTES_MAX)
        .set_inflight(1);
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
        let (client, mut events) = AsyncClient::new(options(dial, client_id, fresh), REQUESTS_MAX);
        // Without it acknowledgements wait for the broker's delayed ones.
        events.network_options.set_tcp_nodelay(true);
        // Ours is the shorter one, and its error the better one.
        let patience = dial.config.connect_timeout() + dial.config.write_timeout();
        events
            .network_options
            .set_connection_timeout(patience.as_secs().max(1));
        let present = match events.poll().await? {
            Event::Incoming(Packet::ConnAck(connack)) => connack.session_present,
            Event::Incoming(_) | Event::Outgoing(_) => {
                return Err(Fault::new(
                    Cause::Protocol,
                    "the broker's first packet was no CONNACK",
                ));
            }
        };
        let link = Self {
            client,
            events,
            failed: None,
            write_timeout: dial.config.write_timeout(),
        };
        Ok((link, present))
    }

    pub(crate) fn subscribe(&mut self, filters: &[String]) -> Result<(), Fault> {
        let filters = filters
            .iter()
            .map(|filter| SubscribeFilter::new(filter.clone(), rumqttc::QoS::AtLeastOnce));
        self.client
            .try_subscribe_many(filters)
            .map_err(|error| Fault::new(Cause::Protocol, format!("cannot subscribe ({error})")))
    }

    pub(crate) async fn next(
        &mut self,
        max: usize,
        into: &mut VecDeque<Incoming>,
    ) -> Result<(), Fault> {
        if let Some(fault) = self.failed.take() {
            return Err(fault);
        }
        while into.is_empty() {
            let event = self.events.poll().await?;
            take(event, into);
            self.drain(into);
        }
        while into.len() < max {
            match self.events.poll().now_or_never() {
                None => break,
                Some(Ok(event)) => {
                    take(event, into);
                    self.drain(into);
                }
                Some(Err(error)) => {
                    // What is left of the last read comes again on the next connection.
                    self.failed = Some(error.into());
                    break;
                }
            }
        }
        Ok(())
    }

    fn drain(&mut self, into: &mut VecDeque<Incoming>) {
        for event in self.events.state.events.drain(..) {
            take(event, into);
        }
    }

    pub(crate) async fn acknowledge(&mut self, packet_ids: &[u16]) -> Result<(), Fault> {
        let Some(network) = self.events.network.as_mut() else {
            return Err(Fault::closed());
        };
        let writing = async {
            for id in packet_ids {
                // Straight to the buffer: the library keeps no account of acknowledgements that go out.
                network.write(Packet::PubAck(PubAck::new(*id))).await?;
            }
            network.flush().await
        };
        within(self.write_timeout, writing).await
    }

    pub(crate) async fn ping(&mut self) -> Result<(), Fault> {
        let Some(network) = self.events.network.as_mut() else {
            return Err(Fault::closed());
        };
        // Past the library's account: the answer lies behind what we do not read.
        let writing = async {
            network.write(Packet::PingReq).await?;
            network.flush().await
        };
        within(self.write_timeout, writing).await
    }

    pub(crate) async fn disconnect(mut self) {
        if let Some(network) = self.events.network.as_mut() {
            let writing = async {
                network.write(Packet::Disconnect).await?;
                network.flush().await
            };
            // It is only a courtesy.
            _ = within(Duration::from_secs(1), writing).await;
        }
    }
}

async fn within(
    limit: Duration,
    writing: impl Future<Output = Result<(), rumqttc::StateError>>,
) -> Result<(), Fault> {
    match tokio::time::timeout(limit, writing).await {
        Ok(written) => Ok(written?),
        Err(_) => Err(Fault::write_timeout()),
    }
}

fn take(event: Event, into: &mut VecDeque<Incoming>) {
    match event {
        Event::Incoming(Packet::Publish(publish)) => {
            into.push_back(Incoming::Publish(delivery(publish)))
        }
        Event::Incoming(Packet::SubAck(suback)) => {
            let refused = suback
                .return_codes
                .iter()
                .enumerate()
                .filter_map(|(place, code)| match code {
                    SubscribeReasonCode::Success(_) => None,
                    SubscribeReasonCode::Failure => {
                        Some((place, "not allowed or not possible".to_owned()))
                    }
                });
            into.push_back(Incoming::Subscribed(refused.collect()));
        }
        Event::Incoming(_) | Event::Outgoing(_) => {}
    }
}

fn delivery(publish: Publish) -> Delivery {
    Delivery {
        packet_id: publish.pkid,
        qos: publish.qos as u8,
        dup: publish.dup,
        retain: publish.retain,
        topic: Bytes::from(publish.topic),
        payload: publish.payload,
        properties: Bytes::new(),
    }
}
