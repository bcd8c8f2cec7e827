//! A PUBLISH over the limit, however it is cut on the way.

use mqtt::codec::{
    Decoded, Drain, Limits, Malformed, Oversize, PAYLOAD_HEAD_BYTES, Packet, Protocol, Qos, Reason,
    decode,
};

use crate::generate::{packet, text};
use crate::random::Random;

const LIMITS: Limits = Limits {
    packet_bytes_max: 1000,
    topic_bytes_max: 100,
    topic_levels_max: 10,
    discouraged_text: mqtt::codec::DiscouragedText::Accept,
    check_payload_format: true,
};

fn publish(first: u8, topic: &[u8], properties: Option<&[u8]>, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, topic);
    if first & 6 != 0 {
        body.extend_from_slice(&[1, 2]);
    }
    if let Some(properties) = properties {
        crate::generate::varint(&mut body, properties.len());
        body.extend_from_slice(properties);
    }
    body.extend_from_slice(payload);
    packet(first, &body)
}

fn start(bytes: &[u8], protocol: Protocol) -> (Oversize, Drain) {
    match decode(bytes, Some(protocol), &LIMITS) {
        Ok(Decoded::TooLarge(oversize)) => (oversize, oversize.drain(protocol, &LIMITS)),
        other => panic!("{other:?}"),
    }
}

/// Feeds a packet and what follows it in pieces; gives the payload that was handed through.
fn feed(
    drain: &mut Drain,
    bytes: &[u8],
    mut piece: impl FnMut() -> usize,
) -> Result<Vec<u8>, Malformed> {
    let mut payload = Vec::new();
    let mut rest = bytes;
    loop {
        let fed = drain.feed(&rest[..piece().min(rest.len())])?;
        payload.extend_from_slice(fed.payload);
        rest = &rest[fed.bytes..];
        assert_eq!(fed.done, drain.is_done());
        if fed.done {
            assert_eq!(rest, b"next", "what follows is left");
            return Ok(payload);
        }
    }
}

#[test]
fn an_oversize_publish_is_drained_however_it_is_cut() {
    let payload: Vec<u8> = (0..10_000_u32).map(|index| index as u8).collect();
    let properties = [0x23, 0, 9, 0x26, 0, 1, b'k', 0, 1, b'v'];
    for (protocol, first, properties) in [
        (Protocol::V3, 0x31, None),
        (Protocol::V3, 0x3A, None),
        (Protocol::V5, 0x30, Some(&properties[..])),
        (Protocol::V5, 0x3D, Some(&properties[..])),
        (Protocol::V5, 0x32, Some(&[][..])),
    ] {
        let mut bytes = publish(first, "trạm/1".as_bytes(), properties, &payload);
        let total = bytes.len();
        let Ok(Decoded::Packet {
            packet: Packet::Publish(whole),
            ..
        }) = decode(&bytes, Some(protocol), &Limits::default())
        else {
            panic!("valid but for its size");
        };
        let mut expected = whole;
        expected.payload = &payload[..PAYLOAD_HEAD_BYTES];
        let copy = bytes.clone();
        let expected = {
            let Ok(Decoded::Packet {
                packet: Packet::Publish(mut whole),
                ..
            }) = decode(&copy, Some(protocol), &Limits::default())
            else {
                panic!("valid but for its size");
            };
            assert_eq!(whole.topic, expected.topic);
            whole.payload = &payload[..PAYLOAD_HEAD_BYTES];
            whole
        };
        bytes.extend_from_slice(b"next");
        for seed in 0..50 {
            let random = &mut Random::new(seed);
            let largest = random.pick(&[1, 2, 7, 100, 5000, 100_000]);
            let (oversize, mut drain) = start(&bytes, protocol);
            assert_eq!(oversize.total_bytes(), total);
            let through = feed(&mut drain, &bytes, || 1 + random.below(largest));
            assert_eq!(through.as_deref(), Ok(payload.as_slice()));
            assert_eq!(drain.publish(), Some(expected));
            assert_eq!(drain.payload_bytes(), Some(payload.len() as u64));
        }
    }
}

#[test]
fn the_head_is_known_before_the_payload_is_through() {
    let bytes = publish(0x32, b"a/b", None, &[b'x'; 2000]);
    let (_, mut drain) = start(&bytes, Protocol::V3);
    assert_eq!(drain.publish(), None);
    drain.feed(&bytes[..9]).expect("so far so good");
    assert_eq!(
        drain.publish(),
        None,
        "one byte of the packet identifier is missing"
    );
    drain.feed(&bytes[9..12]).expect("so far so good");
    let publish = drain.publish().expect("known");
    assert_eq!(
        (publish.topic, publish.qos, publish.packet_id),
        ("a/b", Qos::AtLeastOnce, 0x0102)
    );
    assert_eq!(publish.payload, b"xx");
    assert_eq!(drain.payload_bytes(), Some(2000));
    assert!(!drain.is_done());
}

fn drained(bytes: &[u8], protocol: Protocol) -> Malformed {
    for piece in [1, 3, bytes.len()] {
        let (_, mut drain) = start(bytes, protocol);
        let mut rest = bytes;
        let error = loop {
            match drain.feed(&rest[..piece.min(rest.len())]) {
                Ok(fed) => {
                    assert!(!fed.done, "taken to its end");
                    rest = &rest[fed.bytes..];
                }
                Err(error) => break error,
            }
        };
        if piece == bytes.len() {
            return error;
        }
    }
    unreachable!("the last piece is the whole")
}

#[test]
fn a_malformed_oversize_publish_is_refused_while_it_is_drained() {
    let payload = [b'x'; 2000];
    let rule = |bytes: Vec<u8>, protocol| drained(&bytes, protocol).rule;
    assert_eq!(
        rule(publish(0x30, b"a/#", None, &payload), Protocol::V3),
        "MQTT-3.3.2-2"
    );
    assert_eq!(
        rule(publish(0x30, b"", None, &payload), Protocol::V3),
        "MQTT-4.7.3-1"
    );
    assert_eq!(
        rule(publish(0x30, &[b'a'; 101], None, &payload), Protocol::V3),
        "limit-topic-bytes"
    );
    assert_eq!(
        rule(
            publish(0x30, b"a", Some(&[0x23, 0, 0]), &payload),
            Protocol::V5
        ),
        "MQTT-3.3.2-8"
    );
    let mut long_varint = vec![0, 1, b'a', 0x80, 0];
    long_varint.resize(2000, b'x');
    assert_eq!(
        rule(packet(0x30, &long_varint), Protocol::V5),
        "MQTT-1.5.5-1"
    );
    let mut beyond = vec![0, 1, b'a', 0xFF, 0x7F];
    beyond.resize(2000, b'x');
    assert_eq!(rule(packet(0x30, &beyond), Protocol::V5), "MQTT5-2.1.4");
    let mut large = vec![9_u8, 0x07, 0xD0];
    large.resize(2003, b'x');
    let error = drained(&publish(0x30, b"a", Some(&large), &payload), Protocol::V5);
    assert_eq!(
        (error.reason, error.rule),
        (Reason::PacketTooLarge, "limit-packet")
    );
}
