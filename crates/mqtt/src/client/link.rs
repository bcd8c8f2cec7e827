//! One connection to the broker, whatever is spoken on it. It is made for one connection and never made new:
//! what it was told to acknowledge dies with it, so no acknowledgement of an older connection can go out on a
//! newer one, where its packet id may stand for another message.

mod v3;
mod v5;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio_rustls::rustls;

use super::address::Address;
use super::config::{ClientConfig, ProtocolChoice};
use super::fault::Fault;

/// A message from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// 0 with QoS 0.
    pub(crate) packet_id: u16,
    pub(crate) qos: u8,
    pub(crate) dup: bool,
    pub(crate) retain: bool,
    /// May be no UTF-8 in MQTT 5.
    pub(crate) topic: Bytes,
    pub(crate) payload: Bytes,
    /// MQTT 5 properties as on the wire, without their length.
    pub(crate) properties: Bytes,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Publish(Delivery),
    /// A word for each filter that was refused, by its place.
    Subscribed(Vec<(usize, String)>),
}

/// What all connections have in common.
pub(crate) struct Dial {
    pub(crate) config: ClientConfig,
    pub(crate) address: Address,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
}

pub(crate) enum Link {
    V3(Box<v3::Link>),
    V5(Box<v5::Link>),
}

impl Link {
    /// Up to CONNACK. The second part: the broker still had our session.
    pub(crate) async fn connect(
        dial: &Dial,
        client_id: &str,
        fresh: bool,
    ) -> Result<(Self, bool), Fault> {
        let connecting = async {
            match dial.config.protocol {
                ProtocolChoice::V3 => {
                    let (link, present) = v3::Link::connect(dial, client_id, fresh).await?;
                    Ok((Link::V3(Box::new(link)), present))
                }
                ProtocolChoice::V5 => {
                    let (link, present) = v5::Link::connect(dial, client_id, fresh).await?;
                    Ok((Link::V5(Box::new(link)), present))
                }
            }
        };
        tokio::time::timeout(dial.config.connect_timeout(), connecting)
            .await
            .unwrap_or_else(|_| Err(Fault::connect_timeout()))
    }

    /// Asks for these filters; [`Incoming::Subscribed`] is the answer.
    pub(crate) fn subscribe(&mut self, filters: &[String]) -> Result<(), Fault> {
        match self {
            Link::V3(link) => link.subscribe(filters),
            Link::V5(link) => link.subscribe(filters),
        }
    }

    /// Waits until something has come, then takes what else is there, up to `max` in all. Nothing is lost when
    /// it is given up half-way.
    pub(crate) async fn next(
        &mut self,
        max: usize,
        into: &mut VecDeque<Incoming>,
    ) -> Result<(), Fault> {
        match self {
            Link::V3(link) => link.next(max, into).await,
            Link::V5(link) => link.next(max, into).await,
        }
    }

    /// Acknowledges these messages, in this order.
    pub(crate) async fn acknowledge(&mut self, packet_ids: &[u16]) -> Result<(), Fault> {
        match self {
            Link::V3(link) => link.acknowledge(packet_ids).await,
            Link::V5(link) => {
                link.acknowledge(packet_ids);
                Ok(())
            }
        }
    }

    /// QoS 0 messages that had to be dropped before they could be fetched, since the last time.
    pub(crate) fn dropped(&self) -> u64 {
        match self {
            // Not read is not dropped.
            Link::V3(_) => 0,
            Link::V5(link) => link.dropped(),
        }
    }

    /// A sign of life while the connection is not read.
    pub(crate) async fn ping(&mut self) -> Result<(), Fault> {
        match self {
            Link::V3(link) => link.ping().await,
            // The receive maximum keeps the broker from sending what we would have to leave unread for long.
            Link::V5(_) => Ok(()),
        }
    }

    /// Says goodbye; the session stays.
    pub(crate) async fn disconnect(self) {
        match self {
            Link::V3(link) => link.disconnect().await,
            Link::V5(link) => link.disconnect().await,
        }
    }
}
