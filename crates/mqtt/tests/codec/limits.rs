//! The bounds, each at its edge.

use mqtt::codec::{Answer, Decoded, DiscouragedText, Limits, Malformed, Protocol, Reason, decode};

use crate::generate::{packet, text};

fn publish(topic: &str, payload: usize) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, topic.as_bytes());
    body.resize(body.len() + payload, b'x');
    packet(0x30, &body)
}

fn refused(bytes: &[u8], protocol: Protocol, limits: &Limits) -> Malformed {
    decode(bytes, Some(protocol), limits).expect_err("over the limit")
}

fn accepted(bytes: &[u8], protocol: Protocol, limits: &Limits) {
    let decoded = decode(bytes, Some(protocol), limits);
    assert!(matches!(decoded, Ok(Decoded::Packet { .. })), "{decoded:?}");
}

#[test]
fn publish_over_the_packet_limit_is_seen_from_its_header() {
    let bytes = publish("a/b", 200);
    let exact = Limits {
        packet_bytes_max: bytes.len() as u32,
        ..Limits::default()
    };
    accepted(&bytes, Protocol::V3, &exact);
    let limits = Limits {
        packet_bytes_max: bytes.len() as u32 - 1,
        ..Limits::default()
    };
    let Ok(Decoded::TooLarge(oversize)) = decode(&bytes[..3], Some(Protocol::V5), &limits) else {
        panic!("three bytes tell");
    };
    assert_eq!(oversize.total_bytes(), bytes.len());
    let refused = oversize.refused(Protocol::V5);
    assert_eq!(refused.answer, Answer::DisconnectV5(Reason::PacketTooLarge));
    assert_eq!(oversize.refused(Protocol::V3).answer, Answer::Close);
}

#[test]
fn other_packets_over_the_packet_limit_are_refused_from_their_header() {
    let limits = Limits {
        packet_bytes_max: 100,
        ..Limits::default()
    };
    for first in [0x40, 0x62, 0x82, 0xA2, 0xE0, 0xF0] {
        let error = refused(&[first, 0xFF, 0x7F], Protocol::V5, &limits);
        assert_eq!(error.answer, Answer::DisconnectV5(Reason::PacketTooLarge));
    }
    let error = decode(&[0x10, 0xFF, 0x7F], None, &limits).expect_err("a large CONNECT");
    assert_eq!(
        (error.reason, error.answer),
        (Reason::PacketTooLarge, Answer::Close)
    );
}

#[test]
fn topics_over_the_limits_are_refused() {
    let limits = Limits {
        topic_bytes_max: 7,
        topic_levels_max: 3,
        ..Limits::default()
    };
    accepted(&publish("a/b/cde", 0), Protocol::V3, &limits);
    let error = refused(&publish("a/b/cdef", 0), Protocol::V3, &limits);
    assert_eq!(
        (error.reason, error.rule),
        (Reason::TopicNameInvalid, "limit-topic-bytes")
    );
    let error = refused(&publish("a/b/c/", 0), Protocol::V3, &limits);
    assert_eq!(
        (error.reason, error.rule),
        (Reason::TopicNameInvalid, "limit-topic-levels")
    );
}

#[test]
fn discouraged_text_is_taken_or_refused_as_configured() {
    let refuse = Limits {
        discouraged_text: DiscouragedText::Refuse,
        ..Limits::default()
    };
    for topic in [
        "\u{1}",
        "\t",
        "\u{1F}",
        "\u{7F}",
        "\u{80}",
        "\u{9F}",
        "\u{FDD0}",
        "\u{FFFE}",
        "\u{1FFFF}",
    ] {
        accepted(&publish(topic, 0), Protocol::V3, &Limits::default());
        let error = refused(&publish(topic, 0), Protocol::V3, &refuse);
        assert_eq!(
            (error.reason, error.rule),
            (Reason::MalformedPacket, "MQTT5-1.5.4")
        );
    }
    for topic in [
        " ",
        "\u{A0}",
        "\u{FEFF}",
        "\u{FFFD}",
        "\u{FDCF}",
        "mực nước",
    ] {
        accepted(&publish(topic, 0), Protocol::V3, &refuse);
    }
}

#[test]
fn payload_announced_as_text_is_checked_if_asked() {
    let check = Limits {
        check_payload_format: true,
        ..Limits::default()
    };
    let text = |announced: u8, payload: &[u8]| {
        let mut body = vec![0, 1, b'a', 2, 1, announced];
        body.extend_from_slice(payload);
        packet(0x30, &body)
    };
    accepted(&text(1, b"\xFF"), Protocol::V5, &Limits::default());
    accepted(&text(0, b"\xFF"), Protocol::V5, &check);
    accepted(&text(1, "nước".as_bytes()), Protocol::V5, &check);
    let error = refused(&text(1, b"\xFF"), Protocol::V5, &check);
    assert_eq!(
        error.answer,
        Answer::DisconnectV5(Reason::PayloadFormatInvalid)
    );
}

#[test]
fn need_counts_from_the_start_of_the_packet() {
    let need = |bytes: &[u8]| match decode(bytes, Some(Protocol::V3), &Limits::default()) {
        Ok(Decoded::Incomplete { need }) => need,
        other => panic!("{other:?}"),
    };
    assert_eq!(need(&[]), 1);
    assert_eq!(need(&[0x30]), 2);
    assert_eq!(need(&[0x30, 0x80]), 3);
    assert_eq!(need(&[0x30, 0x80, 0x01]), 3 + 128);
    assert_eq!(need(&[0x30, 5, 0]), 7);
}

#[test]
fn the_default_limits_are_those_of_the_protocol() {
    let topic = "/".repeat(usize::from(u16::MAX));
    accepted(&publish(&topic, 0), Protocol::V3, &Limits::default());
    accepted(&publish(&topic, 100_000), Protocol::V3, &Limits::default());
    let largest = [0x30, 0xFF, 0xFF, 0xFF, 0x7F];
    let decoded = decode(&largest, Some(Protocol::V3), &Limits::default());
    assert_eq!(
        decoded,
        Ok(Decoded::Incomplete {
            need: 5 + 268_435_455
        })
    );
}
