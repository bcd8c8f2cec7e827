//! A strict codec for what a publisher may send and what a server answers, MQTT 3.1.1 and 5.0.
//!
//! # Contract
//!
//! [`decode`] looks at the front of a buffer and says one of four things: not enough bytes yet
//! (and how many it takes before asking again is worth while), a whole valid packet that borrows
//! from the buffer, a PUBLISH over the limit (to refuse or to [`Drain`]), or [`Malformed`] with the
//! answer that the standards ask for. It keeps no state, allocates nothing, copies nothing, has no
//! unsafe code and never panics; a call on a partial packet looks at its first five bytes at most.
//! What is wrong with the first byte, the flags or the length is refused before the rest arrives.
//!
//! It accepts what the standards allow and nothing else. Where a standard leaves a choice ("MAY",
//! "SHOULD NOT") the choice is a field of [`Limits`] or written at the function that makes it. The
//! rules one by one, each with its test: `docs/mqtt-conformance.md`.
//!
//! What depends on the state of a connection is the listener's: topic alias against the announced
//! maximum, receive maximum, sessions, time-outs. Only one state is here, whether CONNECT has come:
//! `protocol` is `None` until then. Before it every other packet is refused, after it a second one.

mod connect;
mod control;
mod drain;
pub mod encode;
mod error;
mod header;
mod packet;
mod property;
mod publish;
mod reader;
mod subscribe;
mod text;

pub use drain::{Drain, Fed, Oversize, PAYLOAD_HEAD_BYTES};
pub use error::{Answer, Malformed, Reason};
pub use packet::{
    Ack, Auth, Connect, ConnectProperties, Disconnect, Packet, Publish, Qos, Subscribe,
    Unsubscribe, Will,
};
pub use property::{Properties, PropertiesIter, Property};
pub use subscribe::{
    Filter, Filters, FiltersIter, RetainHandling, UnsubscribeFilters, UnsubscribeFiltersIter,
};

use header::{Header, Kind};

/// The largest packet that the protocol can express: five header bytes and 268,435,455 more.
pub const PACKET_BYTES_MAX: u32 = 5 + header::REMAINING_LENGTH_MAX;

/// The protocol of a connection, fixed by its CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.0.
    V5,
}

impl Protocol {
    /// The protocol level byte of CONNECT: 4 or 5.
    pub fn level(self) -> u8 {
        match self {
            Protocol::V3 => 4,
            Protocol::V5 => 5,
        }
    }
}

/// What to do with text that the standards say a sender SHOULD NOT send (control characters
/// U+0001..U+001F and U+007F..U+009F, Unicode non-characters). NUL and surrogates are always
/// refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DiscouragedText {
    /// Take it: closing the connection would make the device send the same message for ever and
    /// starve what is behind it. Whoever shows the text must escape it.
    #[default]
    Accept,
    /// Refuse the packet as malformed, which both standards permit.
    Refuse,
}

/// The bounds of a decoder. The default is what the protocol itself allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A whole packet, fixed header included (the meaning of MQTT 5 Maximum Packet Size).
    pub packet_bytes_max: u32,
    /// A topic name of a PUBLISH or a will, in bytes.
    pub topic_bytes_max: u16,
    /// The levels of a topic name: its slashes and one. `u16::MAX` = no limit.
    pub topic_levels_max: u16,
    /// Text that SHOULD NOT be sent.
    pub discouraged_text: DiscouragedText,
    /// Refuse (0x99) an MQTT 5 payload announced as UTF-8 that is not. Costs a pass over the
    /// payload; the standard permits it and does not demand it.
    pub check_payload_format: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            packet_bytes_max: PACKET_BYTES_MAX,
            topic_bytes_max: u16::MAX,
            topic_levels_max: u16::MAX,
            discouraged_text: DiscouragedText::Accept,
            check_payload_format: false,
        }
    }
}

/// What stands at the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decoded<'a> {
    /// Nothing is wrong so far; call again when the buffer holds `need` bytes or more.
    Incomplete {
        /// Bytes from the start of the packet; always more than the buffer holds now.
        need: usize,
    },
    /// A valid packet in the first `bytes` bytes.
    Packet {
        /// The packet, borrowing from the buffer.
        packet: Packet<'a>,
        /// How many bytes of the buffer it took.
        bytes: usize,
    },
    /// A PUBLISH over `packet_bytes_max`, seen from its fixed header alone: nothing was consumed.
    /// Refuse it with 0x95 or take it in pieces with [`Oversize::drain`]. Any other packet that is
    /// too large is [`Malformed`] at once.
    TooLarge(Oversize),
}

/// Decodes the packet at the front of `buffer`. `protocol` is `None` until CONNECT has come.
#[inline]
pub fn decode<'a>(
    buffer: &'a [u8],
    protocol: Option<Protocol>,
    limits: &Limits,
) -> Result<Decoded<'a>, Malformed> {
    // An error in CONNECT is answered in the protocol that it asks for: connect.rs does that.
    decode_packet(buffer, protocol, limits).map_err(|error| error.on(protocol))
}

#[inline]
fn decode_packet<'a>(
    buffer: &'a [u8],
    protocol: Option<Protocol>,
    limits: &Limits,
) -> Result<Decoded<'a>, Malformed> {
    let header = match header::read(buffer, protocol)? {
        header::Read::Incomplete { need } => return Ok(Decoded::Incomplete { need }),
        header::Read::Header(header) => header,
    };
    let total = header.total_bytes();
    if total > limits.packet_bytes_max as usize {
        if let Kind::Publish { dup, qos, retain } = header.kind {
            return Ok(Decoded::TooLarge(Oversize::new(&header, dup, qos, retain)));
        }
        return Err(Malformed::new(
            Reason::PacketTooLarge,
            "packet larger than the limit",
            "MQTT5-3.2.2.3.6",
        ));
    }
    let Some(body) = buffer.get(header.header_bytes..total) else {
        return Ok(Decoded::Incomplete { need: total });
    };
    let packet = decode_body(&header, body, protocol, limits)?;
    Ok(Decoded::Packet {
        packet,
        bytes: total,
    })
}

#[inline]
fn decode_body<'a>(
    header: &Header,
    body: &'a [u8],
    protocol: Option<Protocol>,
    limits: &Limits,
) -> Result<Packet<'a>, Malformed> {
    let Some(protocol) = protocol else {
        // The header refused everything else.
        return connect::decode(body, limits).map(Packet::Connect);
    };
    Ok(match header.kind {
        Kind::Publish { dup, qos, retain } => {
            Packet::Publish(publish::decode(dup, qos, retain, body, protocol, limits)?)
        }
        Kind::Connect => Packet::Connect(connect::decode(body, limits)?),
        Kind::PubAck => Packet::PubAck(control::puback(body, protocol, limits)?),
        Kind::PubRec => Packet::PubRec(control::pubrec(body, protocol, limits)?),
        Kind::PubRel => Packet::PubRel(control::pubrel(body, protocol, limits)?),
        Kind::PubComp => Packet::PubComp(control::pubcomp(body, protocol, limits)?),
        Kind::Subscribe => Packet::Subscribe(subscribe::subscribe(body, protocol, limits)?),
        Kind::Unsubscribe => Packet::Unsubscribe(subscribe::unsubscribe(body, protocol, limits)?),
        Kind::PingReq => Packet::PingReq,
        Kind::Disconnect => Packet::Disconnect(control::disconnect(body, protocol, limits)?),
        Kind::Auth => Packet::Auth(control::auth(body, limits)?),
    })
}
