//! Against another implementation, `rmqtt-codec`: over damaged packets both must refuse, or both
//! must read the same. Where they differ the reason is known and written down here.

use std::collections::BTreeMap;

use bytes::BytesMut;
use mqtt::codec::{Decoded, Limits, Packet, Protocol, decode};
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Decoder;

use crate::fixtures::packets;
use crate::generate::generate;
use crate::noise::{damage, mend_length};
use crate::random::{Random, rounds};
use crate::words;

/// Any packet type.
const ANY: &[u8] = &[];

/// Rules that we hold a client to and the other implementation does not, with the packet types
/// (numbers of the standard) where that was seen. A rule or a type that is not here is a failure.
const ONLY_WE_REFUSE: &[(&str, &[u8], &str)] = &[
    ("MQTT-1.5.4-2", ANY, "it takes NUL in every text"),
    (
        "MQTT-1.5.5-1",
        ANY,
        "it takes lengths that are longer than need be",
    ),
    (
        "MQTT-3.1.0-1",
        ANY,
        "it keeps no state: any packet may come first",
    ),
    (
        "MQTT-3.1.0-2",
        &[1],
        "it keeps no state: CONNECT may come again",
    ),
    (
        "MQTT-3.1.2-1",
        &[1],
        "it also speaks MQTT 3.1, under either name",
    ),
    (
        "MQTT-3.1.2-2",
        &[1],
        "it also speaks MQTT 3.1, under either name",
    ),
    (
        "MQTT-3.1.2-11",
        &[1],
        "it takes a will QoS without a will in MQTT 5",
    ),
    (
        "MQTT-3.1.2-12",
        &[1],
        "it looks at the will QoS only if there is a will",
    ),
    (
        "MQTT-3.1.2-13",
        &[1],
        "it takes will retain without a will in MQTT 5",
    ),
    (
        "MQTT3-3.1.2-22",
        &[1],
        "it takes a password without a user name in 3.1.1",
    ),
    (
        "MQTT5-3.1.2.11.10",
        &[1],
        "it takes authentication data without a method",
    ),
    ("MQTT-3.3.1-2", &[3], "it takes DUP with QoS 0"),
    ("MQTT-3.3.2-2", &[1, 3], "it takes wildcards in topic names"),
    (
        "MQTT-3.3.2-14",
        &[1, 3],
        "it takes wildcards in response topics",
    ),
    (
        "MQTT-3.3.4-6",
        &[3],
        "it takes subscription identifiers from a client",
    ),
    (
        "MQTT5-3.3.2.1",
        &[3],
        "it takes an empty topic without an alias",
    ),
    (
        "MQTT-3.4.2-1",
        &[4],
        "it takes reasons that only a server uses",
    ),
    (
        "MQTT-3.5.2-1",
        &[5],
        "it takes reasons that only a server uses",
    ),
    (
        "MQTT-3.14.2-1",
        &[14],
        "it takes reasons that only a server uses",
    ),
    (
        "MQTT-3.15.2-1",
        &[15],
        "it takes reasons that only a server uses",
    ),
    ("MQTT5-3.15.2.2.2", &[15], "it takes AUTH without a method"),
    (
        "MQTT-3.8.3-4",
        &[8],
        "it takes no local on shared subscriptions",
    ),
    (
        "MQTT3-3.8.3-4",
        &[8],
        "it ignores reserved bits of subscriptions in 3.1.1",
    ),
    ("MQTT-4.7.1-1", &[8, 10], "it takes # anywhere in a filter"),
    ("MQTT-4.7.1-2", &[8, 10], "it takes + anywhere in a filter"),
    (
        "MQTT-4.7.3-1",
        &[1, 3, 8, 10],
        "it takes empty filters in MQTT 5 and empty topics of wills and answers",
    ),
    (
        "MQTT-4.8.2-1",
        &[8, 10],
        "it does not look at shared subscriptions",
    ),
    (
        "MQTT-4.8.2-2",
        &[8, 10],
        "it does not look at shared subscriptions",
    ),
    (
        "MQTT5-2.1.2",
        &[2, 9, 11, 13],
        "it also reads what a server sends",
    ),
    (
        "MQTT5-2.1.4",
        &[1, 12, 14, 15],
        "it ignores what follows CONNECT, PINGREQ and DISCONNECT, and takes an empty AUTH",
    ),
    (
        "MQTT5-2.2.2.2",
        &[14],
        "it takes a server reference in a client's DISCONNECT",
    ),
];

enum Theirs {
    /// What it read, in our words, as far as words are comparable: not the properties.
    Read(String),
    Refused(String),
    Incomplete,
}

fn theirs(bytes: &[u8], protocol: Option<Protocol>) -> Theirs {
    // It has a decoder a version: the level of CONNECT chooses.
    let v5 = match protocol {
        Some(protocol) => protocol == Protocol::V5,
        None => {
            let length = bytes
                .iter()
                .skip(1)
                .take_while(|byte| **byte >= 0x80)
                .count();
            bytes.get(length + 8) == Some(&5)
        }
    };
    let mut buffer = BytesMut::from(bytes);
    if v5 {
        match v5::Codec::default().decode(&mut buffer) {
            Ok(Some((packet, _))) => Theirs::Read(words_v5(&packet)),
            Ok(None) => Theirs::Incomplete,
            Err(error) => Theirs::Refused(format!("{error:?}")),
        }
    } else {
        match v3::Codec::default().decode(&mut buffer) {
            Ok(Some((packet, _))) => Theirs::Read(words_v3(&packet)),
            Ok(None) => Theirs::Incomplete,
            Err(error) => Theirs::Refused(format!("{error:?}")),
        }
    }
}

type Will<'a> = (u8, bool, &'a str, &'a [u8]);

fn connect(
    protocol: Protocol,
    flags: (bool, u16),
    client_id: &str,
    credentials: (Option<&str>, Option<&[u8]>),
    will: Option<Will<'_>>,
) -> String {
    format!("CONNECT {protocol:?} {flags:?} {client_id:?} {credentials:?} {will:?}")
}

fn publish(
    flags: (bool, u8, bool),
    topic: &str,
    packet_id: u16,
    message: (Option<u16>, Option<u32>, bool),
    payload: &[u8],
) -> String {
    format!(
        "PUBLISH {flags:?} {topic:?} {packet_id} {message:?} {}",
        words::bytes(payload)
    )
}

fn ack(name: &str, packet_id: u16, reason: u8) -> String {
    format!("{name} {packet_id} {reason}")
}

fn words_v3(packet: &v3::Packet) -> String {
    use v3::Packet::*;
    match packet {
        Connect(packet) => connect(
            Protocol::V3,
            (packet.clean_session, packet.keep_alive),
            &packet.client_id,
            (packet.username.as_deref(), packet.password.as_deref()),
            packet
                .last_will
                .as_ref()
                .map(|will| (will.qos.value(), will.retain, &*will.topic, &*will.message)),
        ),
        Publish(packet) => publish(
            (packet.dup, packet.qos.value(), packet.retain),
            &packet.topic,
            packet.packet_id.map_or(0, |id| id.get()),
            (None, None, false),
            &packet.payload,
        ),
        PublishAck { packet_id } => ack("PUBACK", packet_id.get(), 0),
        PublishReceived { packet_id } => ack("PUBREC", packet_id.get(), 0),
        PublishRelease { packet_id } => ack("PUBREL", packet_id.get(), 0),
        PublishComplete { packet_id } => ack("PUBCOMP", packet_id.get(), 0),
        Subscribe {
            packet_id,
            topic_filters,
        } => {
            let filters = topic_filters.iter();
            let filters = filters.map(|(filter, qos)| (&**filter, qos.value(), false, false, 0));
            words::subscribe(packet_id.get(), "", filters)
        }
        Unsubscribe {
            packet_id,
            topic_filters,
        } => words::unsubscribe(
            packet_id.get(),
            "",
            topic_filters.iter().map(|filter| &**filter),
        ),
        PingRequest => "PINGREQ".to_owned(),
        Disconnect => "DISCONNECT 0".to_owned(),
        other @ (ConnectAck(_) | SubscribeAck { .. } | UnsubscribeAck { .. } | PingResponse) => {
            format!("{other:?}")
        }
    }
}

fn words_v5(packet: &v5::Packet) -> String {
    use v5::Packet::*;
    match packet {
        Connect(packet) => connect(
            Protocol::V5,
            (packet.clean_start, packet.keep_alive),
            &packet.client_id,
            (packet.username.as_deref(), packet.password.as_deref()),
            packet
                .last_will
                .as_ref()
                .map(|will| (will.qos.value(), will.retain, &*will.topic, &*will.message)),
        ),
        Publish(packet) => {
            let properties = packet.properties.clone().unwrap_or_default();
            publish(
                (packet.dup, packet.qos.value(), packet.retain),
                &packet.topic,
                packet.packet_id.map_or(0, |id| id.get()),
                (
                    properties.topic_alias.map(|alias| alias.get()),
                    properties
                        .message_expiry_interval
                        .map(|seconds| seconds.get()),
                    properties.is_utf8_payload,
                ),
                &packet.payload,
            )
        }
        PublishAck(packet) => ack("PUBACK", packet.packet_id.get(), packet.reason_code.into()),
        PublishReceived(packet) => ack("PUBREC", packet.packet_id.get(), packet.reason_code.into()),
        PublishRelease(packet) => ack("PUBREL", packet.packet_id.get(), packet.reason_code.into()),
        PublishComplete(packet) => {
            ack("PUBCOMP", packet.packet_id.get(), packet.reason_code.into())
        }
        Subscribe(packet) => {
            let filters = packet.topic_filters.iter().map(|(filter, options)| {
                (
                    &**filter,
                    options.qos.value(),
                    options.no_local,
                    options.retain_as_published,
                    options.retain_handling.into(),
                )
            });
            words::subscribe(packet.packet_id.get(), "", filters)
        }
        Unsubscribe(packet) => words::unsubscribe(
            packet.packet_id.get(),
            "",
            packet.topic_filters.iter().map(|filter| &**filter),
        ),
        PingRequest => "PINGREQ".to_owned(),
        Disconnect(packet) => format!("DISCONNECT {}", u8::from(packet.reason_code)),
        Auth(packet) => format!("AUTH {}", u8::from(packet.reason_code)),
        other @ (ConnectAck(_) | SubscribeAck(_) | UnsubscribeAck(_) | PingResponse) => {
            format!("{other:?}")
        }
    }
}

fn ours(packet: &Packet<'_>) -> String {
    match packet {
        Packet::Connect(packet) => connect(
            packet.protocol,
            (packet.clean_start, packet.keep_alive_seconds),
            packet.client_id,
            (packet.user_name, packet.password),
            packet
                .will
                .map(|will| (will.qos.bits(), will.retain, will.topic, will.payload)),
        ),
        Packet::Publish(packet) => publish(
            (packet.dup, packet.qos.bits(), packet.retain),
            packet.topic,
            packet.packet_id,
            (
                packet.topic_alias,
                packet.message_expiry_seconds,
                packet.payload_is_text,
            ),
            packet.payload,
        ),
        Packet::PubAck(packet) => ack("PUBACK", packet.packet_id, packet.reason.code()),
        Packet::PubRec(packet) => ack("PUBREC", packet.packet_id, packet.reason.code()),
        Packet::PubRel(packet) => ack("PUBREL", packet.packet_id, packet.reason.code()),
        Packet::PubComp(packet) => ack("PUBCOMP", packet.packet_id, packet.reason.code()),
        Packet::Subscribe(packet) => {
            let filters = packet.filters.iter().map(|filter| {
                let handling = filter.retain_handling as u8;
                let qos = filter.qos.bits();
                (
                    filter.filter,
                    qos,
                    filter.no_local,
                    filter.retain_as_published,
                    handling,
                )
            });
            words::subscribe(packet.packet_id, "", filters)
        }
        Packet::Unsubscribe(packet) => {
            words::unsubscribe(packet.packet_id, "", packet.filters.iter())
        }
        Packet::PingReq => "PINGREQ".to_owned(),
        Packet::Disconnect(packet) => format!("DISCONNECT {}", packet.reason.code()),
        Packet::Auth(packet) => format!("AUTH {}", packet.reason.code()),
    }
}

/// Valid packets that the other implementation refuses: it has no room for a message expiry of 0
/// seconds, which the standard does not forbid, and has MQTT 5 obey the rule of 3.1.1 that an empty
/// client identifier needs a clean session.
fn only_they_refuse(packet: &Packet<'_>) -> bool {
    let expiry = mqtt::codec::Property::MessageExpiryInterval(0);
    if let Packet::Publish(publish) = packet {
        return publish.message_expiry_seconds == Some(0);
    }
    if let Packet::Connect(connect) = packet {
        let will = connect.will;
        return (connect.client_id.is_empty() && !connect.clean_start)
            || will.is_some_and(|will| will.properties.iter().any(|p| p == expiry));
    }
    false
}

#[derive(Default)]
struct Tally {
    both_read: usize,
    both_refused: usize,
    only_we: BTreeMap<&'static str, usize>,
}

/// The entry of the list that explains why only we refuse a packet for this rule.
fn known(rule: &str, bytes: &[u8]) -> Option<&'static str> {
    let kind = bytes.first()? >> 4;
    ONLY_WE_REFUSE
        .iter()
        .find(|(known, kinds, _)| *known == rule && (kinds.is_empty() || kinds.contains(&kind)))
        .map(|(known, _, _)| *known)
}

fn compare(bytes: &[u8], protocol: Option<Protocol>, tally: &mut Tally) -> Result<(), String> {
    let theirs = theirs(bytes, protocol);
    match (decode(bytes, protocol, &Limits::default()), theirs) {
        (Ok(Decoded::Packet { packet, .. }), Theirs::Read(read)) => {
            let ours = ours(&packet);
            tally.both_read += 1;
            if ours == read {
                Ok(())
            } else {
                Err(format!("we read {ours}\nthey {read}"))
            }
        }
        (Ok(Decoded::Packet { packet, .. }), Theirs::Refused(why)) => {
            if only_they_refuse(&packet) {
                return Ok(());
            }
            Err(format!(
                "only they refuse ({why}) {}",
                words::packet(&packet)
            ))
        }
        (Err(_), Theirs::Refused(_)) => {
            tally.both_refused += 1;
            Ok(())
        }
        (Err(error), Theirs::Read(read)) => match known(error.rule, bytes) {
            Some(rule) => {
                *tally.only_we.entry(rule).or_default() += 1;
                Ok(())
            }
            None => Err(format!("only we refuse ({error}) {read}")),
        },
        // It waits for the whole packet before it looks; and it takes any error in the remaining
        // length that is not five bytes for a sign to wait.
        (Err(_) | Ok(Decoded::Incomplete { .. }), Theirs::Incomplete) => Ok(()),
        (ours, Theirs::Incomplete) => Err(format!("only they wait: {ours:?}")),
        (ours, Theirs::Read(read)) => Err(format!("only they read {read}: {ours:?}")),
        (ours, Theirs::Refused(why)) => Err(format!("only they refuse ({why}): {ours:?}")),
    }
}

#[test]
fn we_and_another_implementation_agree_but_for_what_is_known() {
    let mut corpus = packets("valid.txt");
    corpus.extend(packets("malformed.txt"));
    let mut tally = Tally::default();
    for (protocol, bytes) in &corpus {
        compare(bytes, *protocol, &mut tally)
            .unwrap_or_else(|error| panic!("{error}\n{bytes:02x?}"));
    }
    for seed in 0..rounds(300_000) as u64 {
        let random = &mut Random::new(seed);
        let (protocol, mut bytes) = if random.one_in(2) {
            corpus[random.below(corpus.len())].clone()
        } else {
            let generated = generate(random);
            (generated.protocol, generated.bytes)
        };
        for _ in 0..1 + random.below(3) {
            damage(random, &mut bytes);
        }
        if !random.one_in(4) {
            mend_length(&mut bytes);
        }
        compare(&bytes, protocol, &mut tally)
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{bytes:02x?}"));
    }
    // Every known disagreement is real, or it does not belong here.
    let unseen: Vec<_> = ONLY_WE_REFUSE
        .iter()
        .filter(|(rule, _, _)| !tally.only_we.contains_key(rule))
        .collect();
    assert!(unseen.is_empty(), "no disagreement about {unseen:?}");
    println!(
        "both read {}, both refused {}, only we refused {:?}",
        tally.both_read, tally.both_refused, tally.only_we
    );
    assert!(tally.both_read > 20_000 && tally.both_refused > 20_000);
}
