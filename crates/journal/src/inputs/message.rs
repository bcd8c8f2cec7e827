//! `message`: one MQTT PUBLISH (or a will that fell due), complete. The part that is constant for a
//! connection comes first, so that the listener encodes it once and appends it by one copy.

use super::{DecodeError, check_version};
use crate::wire::{Source, put_bytes, put_str, put_varint};

/// How a message reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrontDoor {
    /// Our own MQTT listener.
    Listener = 1,
    /// Our client, subscribed at an external broker.
    Client = 2,
}

/// What stands for a payload over the limit: its true length and hash (`payload` holds the first bytes only).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oversize {
    pub length: u64,
    pub sha256: [u8; 32],
}

/// A published message with everything the front door knew about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub front_door: FrontDoor,
    /// MQTT protocol level: 4 (3.1.1) or 5.
    pub protocol: u8,
    pub principal: &'a str,
    pub peer: &'a str,
    pub client_id: &'a str,
    pub session: u64,
    pub connection: u64,
    /// 0 for QoS 0 and wills.
    pub packet_id: u16,
    pub qos: u8,
    pub dup: bool,
    pub retain: bool,
    pub will: bool,
    pub oversize: Option<Oversize>,
    /// MQTT 5 property bytes as on the wire, without their length.
    pub properties: &'a [u8],
    pub topic: &'a str,
    pub payload: &'a [u8],
}

/// The part of a message that differs from the one before it on the same connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageBody<'a> {
    pub packet_id: u16,
    pub qos: u8,
    pub dup: bool,
    pub retain: bool,
    pub will: bool,
    pub oversize: Option<Oversize>,
    pub properties: &'a [u8],
    pub topic: &'a str,
    pub payload: &'a [u8],
}

/// The part of a message that is constant for a connection, encoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePrefix {
    bytes: Vec<u8>,
}

const QOS_MASK: u8 = 0b0000_0011;
const DUP: u8 = 0b0000_0100;
const RETAIN: u8 = 0b0000_1000;
const WILL: u8 = 0b0001_0000;
const OVERSIZE: u8 = 0b0010_0000;
const KNOWN_BITS: u8 = QOS_MASK | DUP | RETAIN | WILL | OVERSIZE;

impl MessagePrefix {
    pub fn new(
        front_door: FrontDoor,
        protocol: u8,
        principal: &str,
        peer: &str,
        client_id: &str,
        session: u64,
        connection: u64,
    ) -> Self {
        let mut bytes = Vec::with_capacity(32 + principal.len() + peer.len() + client_id.len());
        bytes.push(front_door as u8);
        bytes.push(protocol);
        put_str(&mut bytes, principal);
        put_str(&mut bytes, peer);
        put_str(&mut bytes, client_id);
        put_varint(&mut bytes, session);
        put_varint(&mut bytes, connection);
        Self { bytes }
    }

    /// Appends the whole record: the prefix by one copy, then the body.
    pub fn encode(&self, body: &MessageBody<'_>, out: &mut Vec<u8>) {
        out.reserve(self.bytes.len() + body.encoded_bytes_max());
        out.extend_from_slice(&self.bytes);
        body.encode(out);
    }

    /// Upper bound of the record's payload with this body; for sizing a batch.
    pub fn encoded_bytes_max(&self, body: &MessageBody<'_>) -> usize {
        self.bytes.len() + body.encoded_bytes_max()
    }
}

impl MessageBody<'_> {
    fn encoded_bytes_max(&self) -> usize {
        64 + self.properties.len() + self.topic.len() + self.payload.len()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut bits = self.qos & QOS_MASK;
        for (set, bit) in [
            (self.dup, DUP),
            (self.retain, RETAIN),
            (self.will, WILL),
            (self.oversize.is_some(), OVERSIZE),
        ] {
            if set {
                bits |= bit;
            }
        }
        out.push(bits);
        out.extend_from_slice(&self.packet_id.to_le_bytes());
        if let Some(oversize) = &self.oversize {
            put_varint(out, oversize.length);
            out.extend_from_slice(&oversize.sha256);
        }
        put_bytes(out, self.properties);
        put_str(out, self.topic);
        out.extend_from_slice(self.payload);
    }
}

impl<'a> Message<'a> {
    pub fn body(&self) -> MessageBody<'a> {
        MessageBody {
            packet_id: self.packet_id,
            qos: self.qos,
            dup: self.dup,
            retain: self.retain,
            will: self.will,
            oversize: self.oversize,
            properties: self.properties,
            topic: self.topic,
            payload: self.payload,
        }
    }

    pub fn prefix(&self) -> MessagePrefix {
        MessagePrefix::new(
            self.front_door,
            self.protocol,
            self.principal,
            self.peer,
            self.client_id,
            self.session,
            self.connection,
        )
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        self.prefix().encode(&self.body(), out);
    }

    pub fn decode(version: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        let front_door = match source.u8("front door")? {
            1 => FrontDoor::Listener,
            2 => FrontDoor::Client,
            value => {
                return Err(DecodeError::Value {
                    field: "front door",
                    value: u64::from(value),
                });
            }
        };
        let protocol = source.u8("protocol")?;
        let principal = source.str("principal")?;
        let peer = source.str("peer")?;
        let client_id = source.str("client id")?;
        let session = source.varint("session")?;
        let connection = source.varint("connection")?;
        let bits = source.u8("flags")?;
        if bits & !KNOWN_BITS != 0 || bits & QOS_MASK == QOS_MASK {
            return Err(DecodeError::Value {
                field: "flags",
                value: u64::from(bits),
            });
        }
        let packet_id = source.u16("packet id")?;
        let oversize = if bits & OVERSIZE == 0 {
            None
        } else {
            let length = source.varint("length of the oversize payload")?;
            Some(Oversize {
                length,
                sha256: source.hash("hash of the oversize payload")?,
            })
        };
        Ok(Self {
            front_door,
            protocol,
            principal,
            peer,
            client_id,
            session,
            connection,
            packet_id,
            qos: bits & QOS_MASK,
            dup: bits & DUP != 0,
            retain: bits & RETAIN != 0,
            will: bits & WILL != 0,
            oversize,
            properties: source.bytes("properties")?,
            topic: source.str("topic")?,
            payload: source.rest(),
        })
    }
}
