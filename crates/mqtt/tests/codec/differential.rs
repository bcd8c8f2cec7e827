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

mod known;

use known::{ONLY_WE_REFUSE, known, only_they_refuse};

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

#[derive(Default)]
struct Tally {
    both_read: usize,
    both_refused: usize,
    only_we: BTreeMap<&'static str, usize>,
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
