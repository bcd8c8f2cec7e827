//! The fixed header: packet type, flags, remaining length. Everything that can be wrong in it is
//! found here, before the rest of the packet has arrived.

use bytes::BufMut;

use super::{Malformed, Protocol, Qos};

/// The largest remaining length: four bytes of seven bits.
pub(super) const REMAINING_LENGTH_MAX: u32 = 268_435_455;

/// The type of a packet that a client may send, with the flags of PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    Publish { dup: bool, qos: Qos, retain: bool },
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    Subscribe,
    Unsubscribe,
    PingReq,
    Disconnect,
    Auth,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes of the fixed header: 2 to 5.
    pub(super) header_bytes: usize,
    pub(super) remaining: u32,
}

impl Header {
    pub(super) fn total_bytes(&self) -> usize {
        self.header_bytes + self.remaining as usize
    }
}

pub(super) enum Read {
    Incomplete { need: usize },
    Header(Header),
}

/// Reads the fixed header at the front of a buffer.
#[inline]
pub(super) fn read(buffer: &[u8], protocol: Option<Protocol>) -> Result<Read, Malformed> {
    let Some((&first, rest)) = buffer.split_first() else {
        return Ok(Read::Incomplete { need: 1 });
    };
    let kind = kind(first, protocol)?;
    match varint(rest) {
        Varint::Incomplete => Ok(Read::Incomplete {
            need: buffer.len() + 1,
        }),
        Varint::TooLong => Err(Malformed::packet(
            "remaining length longer than four bytes",
            "MQTT5-1.5.5",
        )),
        Varint::NotShortest => Err(Malformed::packet(
            "remaining length not in its shortest form",
            "MQTT-1.5.5-1",
        )),
        Varint::Value { value, bytes } => {
            check_remaining(kind, value, protocol)?;
            Ok(Read::Header(Header {
                kind,
                header_bytes: 1 + bytes,
                remaining: value,
            }))
        }
    }
}

fn kind(first: u8, protocol: Option<Protocol>) -> Result<Kind, Malformed> {
    let flags = first & 0x0F;
    let (kind, flags_wanted, flags_rule) = match first >> 4 {
        1 => (Kind::Connect, 0, "MQTT-2.1.3-1"),
        3 => (publish_flags(flags)?, flags, ""),
        4 => (Kind::PubAck, 0, "MQTT-2.1.3-1"),
        5 => (Kind::PubRec, 0, "MQTT-2.1.3-1"),
        6 => (Kind::PubRel, 2, "MQTT-3.6.1-1"),
        7 => (Kind::PubComp, 0, "MQTT-2.1.3-1"),
        8 => (Kind::Subscribe, 2, "MQTT-3.8.1-1"),
        10 => (Kind::Unsubscribe, 2, "MQTT-3.10.1-1"),
        12 => (Kind::PingReq, 0, "MQTT-2.1.3-1"),
        14 => (Kind::Disconnect, 0, "MQTT-3.14.1-1"),
        15 if protocol != Some(Protocol::V3) => (Kind::Auth, 0, "MQTT-3.15.1-1"),
        2 | 9 | 11 | 13 => return Err(from_server()),
        _ => return Err(Malformed::packet("reserved packet type", "MQTT5-2.1.2")),
    };
    if flags != flags_wanted {
        return Err(Malformed::packet(
            "reserved flags of the fixed header",
            flags_rule,
        ));
    }
    match (protocol, kind == Kind::Connect) {
        (None, false) => Err(Malformed::protocol(
            "first packet is not CONNECT",
            "MQTT-3.1.0-1",
        )),
        (Some(_), true) => Err(Malformed::protocol("second CONNECT", "MQTT-3.1.0-2")),
        (None, true) | (Some(_), false) => Ok(kind),
    }
}

/// CONNACK, SUBACK, UNSUBACK and PINGRESP go from server to client only.
fn from_server() -> Malformed {
    Malformed::protocol("packet type that only a server sends", "MQTT5-2.1.2")
}

fn publish_flags(flags: u8) -> Result<Kind, Malformed> {
    let qos = Qos::from_bits(flags >> 1 & 3)
        .ok_or_else(|| Malformed::packet("PUBLISH with QoS 3", "MQTT-3.3.1-4"))?;
    let dup = flags & 8 != 0;
    if dup && qos == Qos::AtMostOnce {
        return Err(Malformed::packet("DUP with QoS 0", "MQTT-3.3.1-2"));
    }
    Ok(Kind::Publish {
        dup,
        qos,
        retain: flags & 1 != 0,
    })
}

/// Lengths that no packet of the type can have.
fn check_remaining(kind: Kind, bytes: u32, protocol: Option<Protocol>) -> Result<(), Malformed> {
    let v3 = protocol == Some(Protocol::V3);
    let (least, most) = match kind {
        Kind::Connect => (10, u32::MAX),
        Kind::Publish { qos, .. } => {
            let packet_id = if qos == Qos::AtMostOnce { 0 } else { 2 };
            (2 + packet_id + u32::from(!v3), u32::MAX)
        }
        Kind::PubAck | Kind::PubRec | Kind::PubRel | Kind::PubComp => {
            (2, if v3 { 2 } else { u32::MAX })
        }
        Kind::Subscribe => (2, u32::MAX),
        Kind::Unsubscribe => (2, u32::MAX),
        Kind::PingReq => (0, 0),
        Kind::Disconnect => (0, if v3 { 0 } else { u32::MAX }),
        // A client's has a reason, so a property length.
        Kind::Auth => (2, u32::MAX),
    };
    if bytes < least {
        return Err(Malformed::packet(
            "remaining length too short for the type",
            "MQTT5-2.1.4",
        ));
    }
    if bytes > most {
        return Err(Malformed::packet(
            "bytes after the end of the packet",
            "MQTT5-2.1.4",
        ));
    }
    Ok(())
}

/// A variable byte integer at the front of some bytes.
pub(super) enum Varint {
    Value { value: u32, bytes: usize },
    Incomplete,
    TooLong,
    NotShortest,
}

#[inline]
pub(super) fn varint(input: &[u8]) -> Varint {
    let mut value = 0;
    for (index, &byte) in input.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            if byte == 0 && index > 0 {
                return Varint::NotShortest;
            }
            return Varint::Value {
                value,
                bytes: index + 1,
            };
        }
    }
    if input.len() < 4 {
        Varint::Incomplete
    } else {
        Varint::TooLong
    }
}

/// The bytes that a length takes as a variable byte integer.
pub(super) fn varint_bytes(value: usize) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

/// Appends a variable byte integer.
pub(super) fn put_varint(out: &mut impl BufMut, value: usize) {
    let mut rest = value;
    loop {
        let byte = (rest & 0x7F) as u8;
        rest >>= 7;
        if rest == 0 {
            return out.put_u8(byte);
        }
        out.put_u8(byte | 0x80);
    }
}
