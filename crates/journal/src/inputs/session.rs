//! `session` and `release`: what the listener promised its clients. The session table is the fold of these
//! records and of the messages, so that a restart answers "session present" truthfully.

use super::{DecodeError, check_version};
use crate::wire::{Source, put_bool, put_bytes, put_str, put_varint};

/// A PUBREL: the packet id of a QoS 2 message is free again once this is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release<'a> {
    pub client_id: &'a str,
    pub session: u64,
    pub connection: u64,
    pub packet_id: u16,
}

impl<'a> Release<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_str(out, self.client_id);
        put_varint(out, self.session);
        put_varint(out, self.connection);
        out.extend_from_slice(&self.packet_id.to_le_bytes());
    }

    pub fn decode(version: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        let release = Self {
            client_id: source.str("client id")?,
            session: source.varint("session")?,
            connection: source.varint("connection")?,
            packet_id: source.u16("packet id")?,
        };
        source.end()?;
        Ok(release)
    }
}

/// A change of one client's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session<'a> {
    pub client_id: &'a str,
    pub session: u64,
    pub connection: u64,
    pub change: SessionChange<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionChange<'a> {
    /// A CONNECT was accepted; durable before its CONNACK.
    Opened(Opening<'a>),
    /// The connection ended.
    Closed {
        reason: CloseReason,
        expiry_seconds: u32,
        will_pending: bool,
    },
    /// The session ended by its age or by the bound on sessions.
    Expired,
}

/// What a client asked for and got when it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening<'a> {
    pub principal: &'a str,
    pub peer: &'a str,
    pub protocol: u8,
    pub clean_start: bool,
    /// What CONNACK said.
    pub present: bool,
    /// The client id was given by us.
    pub assigned_id: bool,
    /// `u32::MAX` = never.
    pub expiry_seconds: u32,
    pub keep_alive_seconds: u16,
    pub will: Option<Will<'a>>,
}

/// A will as the client left it with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    pub topic: &'a str,
    pub qos: u8,
    pub retain: bool,
    pub delay_seconds: u32,
    /// Will property bytes as on the wire, without their length.
    pub properties: &'a [u8],
    pub payload: &'a [u8],
}

/// Why a connection ended; the numbers are the listener's and are kept as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseReason(pub u8);

const OPENED: u8 = 1;
const CLOSED: u8 = 2;
const EXPIRED: u8 = 3;

impl<'a> Session<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_str(out, self.client_id);
        put_varint(out, self.session);
        put_varint(out, self.connection);
        match &self.change {
            SessionChange::Opened(opening) => {
                out.push(OPENED);
                opening.encode(out);
            }
            SessionChange::Closed {
                reason,
                expiry_seconds,
                will_pending,
            } => {
                out.push(CLOSED);
                out.push(reason.0);
                out.extend_from_slice(&expiry_seconds.to_le_bytes());
                put_bool(out, *will_pending);
            }
            SessionChange::Expired => out.push(EXPIRED),
        }
    }

    pub fn decode(version: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        let client_id = source.str("client id")?;
        let session = source.varint("session")?;
        let connection = source.varint("connection")?;
        let change = match source.u8("change")? {
            OPENED => SessionChange::Opened(Opening::decode(&mut source)?),
            CLOSED => SessionChange::Closed {
                reason: CloseReason(source.u8("reason")?),
                expiry_seconds: source.u32("expiry")?,
                will_pending: source.bool("will pending")?,
            },
            EXPIRED => SessionChange::Expired,
            value => {
                return Err(DecodeError::Value {
                    field: "change",
                    value: u64::from(value),
                });
            }
        };
        source.end()?;
        Ok(Self {
            client_id,
            session,
            connection,
            change,
        })
    }
}

impl<'a> Opening<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_str(out, self.principal);
        put_str(out, self.peer);
        out.push(self.protocol);
        put_bool(out, self.clean_start);
        put_bool(out, self.present);
        put_bool(out, self.assigned_id);
        out.extend_from_slice(&self.expiry_seconds.to_le_bytes());
        out.extend_from_slice(&self.keep_alive_seconds.to_le_bytes());
        put_bool(out, self.will.is_some());
        if let Some(will) = &self.will {
            put_str(out, will.topic);
            out.push(will.qos);
            put_bool(out, will.retain);
            out.extend_from_slice(&will.delay_seconds.to_le_bytes());
            put_bytes(out, will.properties);
            put_bytes(out, will.payload);
        }
    }

    fn decode(source: &mut Source<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            principal: source.str("principal")?,
            peer: source.str("peer")?,
            protocol: source.u8("protocol")?,
            clean_start: source.bool("clean start")?,
            present: source.bool("session present")?,
            assigned_id: source.bool("assigned id")?,
            expiry_seconds: source.u32("expiry")?,
            keep_alive_seconds: source.u16("keep alive")?,
            will: if source.bool("will")? {
                Some(Will {
                    topic: source.str("will topic")?,
                    qos: source.u8("will qos")?,
                    retain: source.bool("will retain")?,
                    delay_seconds: source.u32("will delay")?,
                    properties: source.bytes("will properties")?,
                    payload: source.bytes("will payload")?,
                })
            } else {
                None
            },
        })
    }
}
