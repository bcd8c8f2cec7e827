//! A packet in one line of words: what fixtures expect, what the generator meant, what the other
//! implementation read.

use std::fmt::Write;

use mqtt::codec::{Ack, Packet, Protocol, Qos, Reason, Will};

/// Bytes readable where they are text.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    if bytes.len() > 64 {
        let sum = bytes.iter().fold(0xCBF2_9CE4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        });
        return format!("{} bytes {sum:016x}", bytes.len());
    }
    format!("\"{}\"", bytes.escape_ascii())
}

pub(crate) fn publish(
    flags: (bool, Qos, bool),
    topic: &str,
    packet_id: u16,
    properties: &str,
    payload: &[u8],
) -> String {
    let (dup, qos, retain) = flags;
    let mut words = format!("PUBLISH qos={} topic={topic:?}", qos.bits());
    for (flag, name) in [(dup, " dup"), (retain, " retain")] {
        if flag {
            words += name;
        }
    }
    if qos != Qos::AtMostOnce {
        let _ = write!(words, " id={packet_id}");
    }
    words + properties + " payload=" + &bytes(payload)
}

pub(crate) fn ack(name: &str, packet_id: u16, reason: Reason, properties: &str) -> String {
    format!("{name} id={packet_id} reason={reason:?}{properties}")
}

pub(crate) struct Connect<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) clean_start: bool,
    pub(crate) keep_alive_seconds: u16,
    pub(crate) client_id: &'a str,
    pub(crate) will: Option<String>,
    pub(crate) user_name: Option<&'a str>,
    pub(crate) password: Option<&'a [u8]>,
    pub(crate) properties: String,
}

pub(crate) fn connect(connect: &Connect<'_>) -> String {
    let mut words = format!(
        "CONNECT {:?} clean={} keep-alive={} client={:?}{}",
        connect.protocol,
        connect.clean_start,
        connect.keep_alive_seconds,
        connect.client_id,
        connect.properties,
    );
    if let Some(user) = connect.user_name {
        let _ = write!(words, " user={user:?}");
    }
    if let Some(password) = connect.password {
        let _ = write!(words, " password={}", bytes(password));
    }
    if let Some(will) = &connect.will {
        let _ = write!(words, " {will}");
    }
    words
}

pub(crate) fn will(qos: Qos, retain: bool, topic: &str, properties: &str, body: &[u8]) -> String {
    format!(
        "will({} retain={retain} {topic:?}{properties} {})",
        qos.bits(),
        bytes(body)
    )
}

/// Properties as the packet gives them, one by one, followed by what was read from them.
pub(crate) fn properties<T: std::fmt::Debug>(list: impl IntoIterator<Item = T>) -> String {
    list.into_iter().fold(String::new(), |mut words, property| {
        let _ = write!(words, " {property:?}");
        words
    })
}

fn our_will(packet: &Will<'_>) -> String {
    will(
        packet.qos,
        packet.retain,
        packet.topic,
        &properties(packet.properties),
        packet.payload,
    )
}

fn our_ack(name: &str, packet: &Ack<'_>) -> String {
    ack(
        name,
        packet.packet_id,
        packet.reason,
        &properties(packet.properties),
    )
}

/// One of our packets in words.
pub(crate) fn packet(packet: &Packet<'_>) -> String {
    match packet {
        Packet::Connect(packet) => connect(&Connect {
            protocol: packet.protocol,
            clean_start: packet.clean_start,
            keep_alive_seconds: packet.keep_alive_seconds,
            client_id: packet.client_id,
            will: packet.will.as_ref().map(our_will),
            user_name: packet.user_name,
            password: packet.password,
            properties: properties(packet.properties.all),
        }),
        Packet::Publish(packet) => publish(
            (packet.dup, packet.qos, packet.retain),
            packet.topic,
            packet.packet_id,
            &properties(packet.properties),
            packet.payload,
        ),
        Packet::PubAck(packet) => our_ack("PUBACK", packet),
        Packet::PubRec(packet) => our_ack("PUBREC", packet),
        Packet::PubRel(packet) => our_ack("PUBREL", packet),
        Packet::PubComp(packet) => our_ack("PUBCOMP", packet),
        Packet::Subscribe(packet) => {
            let filters = packet.filters.iter().map(|filter| {
                (
                    filter.filter,
                    filter.qos.bits(),
                    filter.no_local,
                    filter.retain_as_published,
                    filter.retain_handling as u8,
                )
            });
            subscribe(packet.packet_id, &properties(packet.properties), filters)
        }
        Packet::Unsubscribe(packet) => unsubscribe(
            packet.packet_id,
            &properties(packet.properties),
            packet.filters.iter(),
        ),
        Packet::PingReq => "PINGREQ".to_owned(),
        Packet::Disconnect(packet) => {
            format!(
                "DISCONNECT reason={:?}{}",
                packet.reason,
                properties(packet.properties)
            )
        }
        Packet::Auth(packet) => {
            format!(
                "AUTH reason={:?}{}",
                packet.reason,
                properties(packet.properties)
            )
        }
    }
}

pub(crate) fn subscribe<'a>(
    packet_id: u16,
    properties: &str,
    filters: impl Iterator<Item = (&'a str, u8, bool, bool, u8)>,
) -> String {
    filters.fold(
        format!("SUBSCRIBE id={packet_id}{properties}"),
        |mut words, (filter, qos, no_local, as_published, handling)| {
            let _ = write!(words, " {filter:?}:{qos}");
            if no_local || as_published || handling != 0 {
                let _ = write!(words, ",{no_local},{as_published},{handling}");
            }
            words
        },
    )
}

pub(crate) fn unsubscribe<'a>(
    packet_id: u16,
    properties: &str,
    filters: impl Iterator<Item = &'a str>,
) -> String {
    filters.fold(
        format!("UNSUBSCRIBE id={packet_id}{properties}"),
        |mut words, filter| {
            let _ = write!(words, " {filter:?}");
            words
        },
    )
}
