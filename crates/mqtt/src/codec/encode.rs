//! The packets of a server that refuses subscriptions and never publishes.
//!
//! Each function appends one packet to a buffer (`Vec<u8>`, `BytesMut`, anything that grows), so
//! that many answers go out in one write. Optional text (reason strings) is left out when it would
//! push the packet over `bytes_max`, the client's Maximum Packet Size (`u32::MAX` when it set
//! none), as the standard demands. Nothing is left out for 3.1.1 callers to notice: what that
//! version cannot say is simply not sent.

use bytes::BufMut;

use super::header::{put_varint, varint_bytes};
use super::{Protocol, Qos, Reason, property};

/// CONNACK. `Default` is a plain success that changes no default of the standard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConnAck<'a> {
    /// Sent as false with any reason but success, whatever stands here.
    pub session_present: bool,
    /// In 3.1.1 translated by [`Reason::connack_v3`].
    pub reason: Reason,
    /// When it differs from what the client asked for.
    pub session_expiry_seconds: Option<u32>,
    /// How many QoS 1 and 2 messages we take at a time; never 0.
    pub receive_maximum: Option<u16>,
    /// Only 0 and 1 are sent: QoS 2 is the meaning of absence.
    pub maximum_qos: Option<Qos>,
    /// Absent means true.
    pub retain_available: Option<bool>,
    /// The largest packet that we take; never 0.
    pub packet_bytes_max: Option<u32>,
    /// When the client came without an identifier.
    pub assigned_client_id: Option<&'a str>,
    /// Topic aliases that we take; absent means 0.
    pub topic_alias_max: Option<u16>,
    /// For a person.
    pub reason_string: Option<&'a str>,
    /// Absent means true.
    pub wildcard_subscription_available: Option<bool>,
    /// Absent means true.
    pub subscription_ids_available: Option<bool>,
    /// Absent means true.
    pub shared_subscription_available: Option<bool>,
    /// When the client shall use this instead of its own.
    pub server_keep_alive_seconds: Option<u16>,
}

impl Default for ConnAck<'_> {
    fn default() -> Self {
        ConnAck {
            session_present: false,
            reason: Reason::Success,
            session_expiry_seconds: None,
            receive_maximum: None,
            maximum_qos: None,
            retain_available: None,
            packet_bytes_max: None,
            assigned_client_id: None,
            topic_alias_max: None,
            reason_string: None,
            wildcard_subscription_available: None,
            subscription_ids_available: None,
            shared_subscription_available: None,
            server_keep_alive_seconds: None,
        }
    }
}

/// CONNACK. False: nothing was written and the connection is to be closed without one, because
/// 3.1.1 has no return code for this reason, or because the client takes no packet that large.
#[must_use]
pub fn connack(
    out: &mut impl BufMut,
    protocol: Protocol,
    bytes_max: u32,
    connack: &ConnAck<'_>,
) -> bool {
    let present = connack.session_present && connack.reason == Reason::Success;
    match protocol {
        Protocol::V3 => {
            let Some(code) = connack.reason.connack_v3() else {
                return false;
            };
            out.put_slice(&[0x20, 2, u8::from(present), code]);
            true
        }
        Protocol::V5 => {
            let mut properties = connack_property_bytes(connack);
            let text = connack.reason_string.filter(|text| {
                fits(
                    2 + with_length(properties + 1 + text_bytes(text)),
                    bytes_max,
                )
            });
            if let Some(text) = text {
                properties += 1 + text_bytes(text);
            }
            if !fits(2 + with_length(properties), bytes_max) {
                return false;
            }
            out.put_u8(0x20);
            put_varint(out, 2 + with_length(properties));
            out.put_slice(&[u8::from(present), connack.reason.code()]);
            put_varint(out, properties);
            put_connack_properties(out, connack);
            put_reason_string(out, text);
            true
        }
    }
}

fn connack_property_bytes(connack: &ConnAck<'_>) -> usize {
    let mut bytes = 0;
    bytes += connack.session_expiry_seconds.map_or(0, |_| 5);
    bytes += connack.receive_maximum.map_or(0, |_| 3);
    bytes += sent_qos(connack).map_or(0, |_| 2);
    bytes += connack.retain_available.map_or(0, |_| 2);
    bytes += connack.packet_bytes_max.map_or(0, |_| 5);
    bytes += connack
        .assigned_client_id
        .map_or(0, |id| 1 + text_bytes(id));
    bytes += connack.topic_alias_max.map_or(0, |_| 3);
    bytes += connack.wildcard_subscription_available.map_or(0, |_| 2);
    bytes += connack.subscription_ids_available.map_or(0, |_| 2);
    bytes += connack.shared_subscription_available.map_or(0, |_| 2);
    bytes += connack.server_keep_alive_seconds.map_or(0, |_| 3);
    bytes
}

fn put_connack_properties(out: &mut impl BufMut, connack: &ConnAck<'_>) {
    put_u32(
        out,
        property::SESSION_EXPIRY_INTERVAL,
        connack.session_expiry_seconds,
    );
    put_u16(out, property::RECEIVE_MAXIMUM, connack.receive_maximum);
    put_u8(out, property::MAXIMUM_QOS, sent_qos(connack));
    put_u8(
        out,
        property::RETAIN_AVAILABLE,
        connack.retain_available.map(u8::from),
    );
    put_u32(out, property::MAXIMUM_PACKET_SIZE, connack.packet_bytes_max);
    if let Some(id) = connack.assigned_client_id {
        out.put_u8(property::ASSIGNED_CLIENT_IDENTIFIER);
        put_text(out, id);
    }
    put_u16(out, property::TOPIC_ALIAS_MAXIMUM, connack.topic_alias_max);
    put_u8(
        out,
        property::WILDCARD_SUBSCRIPTION_AVAILABLE,
        connack.wildcard_subscription_available.map(u8::from),
    );
    put_u8(
        out,
        property::SUBSCRIPTION_IDENTIFIER_AVAILABLE,
        connack.subscription_ids_available.map(u8::from),
    );
    put_u8(
        out,
        property::SHARED_SUBSCRIPTION_AVAILABLE,
        connack.shared_subscription_available.map(u8::from),
    );
    put_u16(
        out,
        property::SERVER_KEEP_ALIVE,
        connack.server_keep_alive_seconds,
    );
}

/// A Maximum QoS of 2 is a protocol error: absence says it.
fn sent_qos(connack: &ConnAck<'_>) -> Option<u8> {
    connack
        .maximum_qos
        .filter(|qos| *qos != Qos::ExactlyOnce)
        .map(Qos::bits)
}

/// PUBACK. In 3.1.1 the reason is not sent: whoever would send an error closes instead.
pub fn puback(
    out: &mut impl BufMut,
    protocol: Protocol,
    bytes_max: u32,
    packet_id: u16,
    reason: Reason,
    reason_string: Option<&str>,
) {
    ack(
        out,
        0x40,
        protocol,
        bytes_max,
        packet_id,
        reason,
        reason_string,
    );
}

/// PUBREC, as [`puback`].
pub fn pubrec(
    out: &mut impl BufMut,
    protocol: Protocol,
    bytes_max: u32,
    packet_id: u16,
    reason: Reason,
    reason_string: Option<&str>,
) {
    ack(
        out,
        0x50,
        protocol,
        bytes_max,
        packet_id,
        reason,
        reason_string,
    );
}

/// PUBCOMP, as [`puback`].
pub fn pubcomp(
    out: &mut impl BufMut,
    protocol: Protocol,
    bytes_max: u32,
    packet_id: u16,
    reason: Reason,
    reason_string: Option<&str>,
) {
    ack(
        out,
        0x70,
        protocol,
        bytes_max,
        packet_id,
        reason,
        reason_string,
    );
}

/// PUBACK with success, the same four bytes in both versions: the hot path.
#[inline]
pub fn puback_ok(out: &mut impl BufMut, packet_id: u16) {
    ack_ok(out, 0x40, packet_id);
}

/// PUBREC with success, the same four bytes in both versions.
#[inline]
pub fn pubrec_ok(out: &mut impl BufMut, packet_id: u16) {
    ack_ok(out, 0x50, packet_id);
}

/// PUBCOMP with success, the same four bytes in both versions.
#[inline]
pub fn pubcomp_ok(out: &mut impl BufMut, packet_id: u16) {
    ack_ok(out, 0x70, packet_id);
}

#[inline]
fn ack_ok(out: &mut impl BufMut, first: u8, packet_id: u16) {
    let [high, low] = packet_id.to_be_bytes();
    out.put_slice(&[first, 2, high, low]);
}

fn ack(
    out: &mut impl BufMut,
    first: u8,
    protocol: Protocol,
    bytes_max: u32,
    packet_id: u16,
    reason: Reason,
    reason_string: Option<&str>,
) {
    let text = reason_string.filter(|text| {
        protocol == Protocol::V5 && fits(3 + with_length(1 + text_bytes(text)), bytes_max)
    });
    // Short forms: no reason when it is success, no property length when there are none.
    if protocol == Protocol::V3 || (reason == Reason::Success && text.is_none()) {
        return ack_ok(out, first, packet_id);
    }
    let properties = text.map_or(0, |text| 1 + text_bytes(text));
    out.put_u8(first);
    put_varint(
        out,
        3 + if properties == 0 {
            0
        } else {
            with_length(properties)
        },
    );
    out.put_u16(packet_id);
    out.put_u8(reason.code());
    if properties != 0 {
        put_varint(out, properties);
        put_reason_string(out, text);
    }
}

/// SUBACK: one reason a filter, in the order of the filters. In 3.1.1 every error is 0x80.
pub fn suback(
    out: &mut impl BufMut,
    protocol: Protocol,
    packet_id: u16,
    reasons: impl ExactSizeIterator<Item = Reason>,
) {
    out.put_u8(0x90);
    match protocol {
        Protocol::V3 => {
            put_varint(out, 2 + reasons.len());
            out.put_u16(packet_id);
            reasons.for_each(|reason| out.put_u8(reason.code().min(0x80)));
        }
        Protocol::V5 => {
            put_varint(out, 3 + reasons.len());
            out.put_u16(packet_id);
            out.put_u8(0);
            reasons.for_each(|reason| out.put_u8(reason.code()));
        }
    }
}

/// UNSUBACK: one reason a filter in MQTT 5, none in 3.1.1.
pub fn unsuback(
    out: &mut impl BufMut,
    protocol: Protocol,
    packet_id: u16,
    reasons: impl ExactSizeIterator<Item = Reason>,
) {
    if protocol == Protocol::V3 {
        return ack_ok(out, 0xB0, packet_id);
    }
    out.put_u8(0xB0);
    put_varint(out, 3 + reasons.len());
    out.put_u16(packet_id);
    out.put_u8(0);
    reasons.for_each(|reason| out.put_u8(reason.code()));
}

/// PINGRESP.
pub fn pingresp(out: &mut impl BufMut) {
    out.put_slice(&[0xD0, 0]);
}

/// DISCONNECT. Only MQTT 5 lets a server send it: in 3.1.1 nothing is written.
pub fn disconnect(
    out: &mut impl BufMut,
    protocol: Protocol,
    bytes_max: u32,
    reason: Reason,
    reason_string: Option<&str>,
) {
    if protocol == Protocol::V3 {
        return;
    }
    let text = reason_string.filter(|text| fits(1 + with_length(1 + text_bytes(text)), bytes_max));
    match text {
        None => out.put_slice(&[0xE0, 1, reason.code()]),
        Some(string) => {
            let properties = 1 + text_bytes(string);
            out.put_u8(0xE0);
            put_varint(out, 1 + with_length(properties));
            out.put_u8(reason.code());
            put_varint(out, properties);
            put_reason_string(out, text);
        }
    }
}

/// Whether a packet with this remaining length is one that the client takes.
fn fits(remaining: usize, bytes_max: u32) -> bool {
    1 + varint_bytes(remaining) + remaining <= bytes_max as usize
}

/// Property bytes together with their length prefix.
fn with_length(properties: usize) -> usize {
    varint_bytes(properties) + properties
}

/// The bytes of a text with its length prefix, cut where the prefix ends.
fn text_bytes(text: &str) -> usize {
    2 + cut(text).len()
}

/// A text of ours is never longer than 65,535 bytes; should one be, it is cut at a character.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn put_text(out: &mut impl BufMut, text: &str) {
    let text = cut(text);
    out.put_u16(text.len() as u16);
    out.put_slice(text.as_bytes());
}

fn put_reason_string(out: &mut impl BufMut, text: Option<&str>) {
    if let Some(text) = text {
        out.put_u8(property::REASON_STRING);
        put_text(out, text);
    }
}

fn put_u8(out: &mut impl BufMut, id: u8, value: Option<u8>) {
    if let Some(value) = value {
        out.put_slice(&[id, value]);
    }
}

fn put_u16(out: &mut impl BufMut, id: u8, value: Option<u16>) {
    if let Some(value) = value {
        out.put_u8(id);
        out.put_u16(value);
    }
}

fn put_u32(out: &mut impl BufMut, id: u8, value: Option<u32>) {
    if let Some(value) = value {
        out.put_u8(id);
        out.put_u32(value);
    }
}
