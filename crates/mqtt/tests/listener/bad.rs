//! What is malformed or refused: the right answer, counted, and nobody else notices.

use crate::support::{
    Node, connect, connect_v3, connect_v5, packet, puback, publish, publish_v3, publish_v5,
};

/// What the sender gets.
enum Answer {
    /// Closed without a word.
    Closed,
    /// CONNACK with this code (the last byte in 3.1.1, the second in MQTT 5).
    Connack(u8),
}
use Answer::{Closed, Connack};

/// First packets.
fn first_packets() -> Vec<(&'static str, Vec<u8>, Answer)> {
    let mut level_3 = connect_v3("a", true, 0);
    level_3[8] = 3;
    let mut level_6 = connect_v3("a", true, 0);
    level_6[8] = 6;
    let mut reserved = connect_v3("a", true, 0);
    reserved[9] |= 1;
    let mut name = connect_v3("a", true, 0);
    name[4] = b'm';
    let mut method = vec![0x15];
    crate::support::text(&mut method, "SCRAM");
    vec![
        ("not CONNECT", publish_v3("t", "x", 0, 0), Closed),
        ("a ping", vec![0xC0, 0], Closed),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Closed),
        (
            "TLS",
            vec![0x16, 3, 1, 0, 0xA5, 1, 0, 0, 0xA1, 3, 3],
            Closed,
        ),
        ("reserved type", vec![0x00, 0], Closed),
        ("flags of CONNECT", vec![0x11, 10], Closed),
        (
            "length of five bytes",
            vec![0x10, 0xff, 0xff, 0xff, 0xff, 1],
            Closed,
        ),
        ("protocol name", name, Closed),
        ("protocol level 3", level_3, Connack(1)),
        ("protocol level 6", level_6, Connack(0x84)),
        ("reserved connect flag", reserved, Closed),
        (
            "no identifier, kept session",
            connect_v3("", false, 0),
            Connack(2),
        ),
        (
            "authentication method",
            connect_v5("a", true, 0, &method),
            Connack(0x8C),
        ),
        (
            "property twice",
            connect_v5("a", true, 0, &[0x21, 0, 1, 0x21, 0, 1]),
            Connack(0x82),
        ),
        (
            "receive maximum 0",
            connect_v5("a", true, 0, &[0x21, 0, 0]),
            Connack(0x82),
        ),
        (
            "property not for CONNECT",
            connect_v5("a", true, 0, &[0x23, 0, 1]),
            Connack(0x81),
        ),
        (
            "wildcard in the will",
            connect(5, "a", true, 0, &[], Some(("w/#", "x", 0, &[]))),
            Connack(0x90),
        ),
    ]
}

/// Packets after CONNECT: what MQTT 5 is told. 3.1.1 is closed without a word.
fn later_packets() -> Vec<(&'static str, Vec<u8>, u8)> {
    vec![
        ("second CONNECT", connect_v5("b", true, 0, &[]), 0x82),
        ("CONNACK", vec![0x20, 2, 0, 0], 0x82),
        ("SUBACK", vec![0x90, 3, 0, 1, 0], 0x82),
        ("PINGRESP", vec![0xD0, 0], 0x82),
        ("reserved type", vec![0x00, 0], 0x81),
        ("QoS 3", vec![0x36, 7, 0, 1, b't', 0, 1, 0, b'x'], 0x81),
        ("DUP with QoS 0", vec![0x38, 5, 0, 1, b't', 0, b'x'], 0x81),
        (
            "packet identifier 0",
            vec![0x32, 7, 0, 1, b't', 0, 0, 0, b'x'],
            0x82,
        ),
        (
            "wildcard in the topic",
            vec![0x30, 5, 0, 1, b'#', 0, b'x'],
            0x90,
        ),
        (
            "plus in the topic",
            vec![0x30, 5, 0, 1, b'+', 0, b'x'],
            0x90,
        ),
        ("NUL in the topic", vec![0x30, 5, 0, 1, 0, 0, b'x'], 0x81),
        ("topic not UTF-8", vec![0x30, 5, 0, 1, 0xff, 0, b'x'], 0x81),
        (
            "surrogate in the topic",
            vec![0x30, 7, 0, 3, 0xED, 0xA0, 0x80, 0, b'x'],
            0x81,
        ),
        (
            "topic beyond the packet",
            vec![0x30, 4, 0, 9, b't', 0],
            0x81,
        ),
        ("flags of PUBREL", vec![0x60, 2, 0, 1], 0x81),
        ("PUBREL of identifier 0", vec![0x62, 2, 0, 0], 0x82),
        ("flags of PINGREQ", vec![0xC1, 0], 0x81),
        ("PINGREQ with a body", vec![0xC0, 1, 0], 0x81),
        ("SUBSCRIBE without filters", vec![0x82, 3, 0, 1, 0], 0x82),
        (
            "flags of SUBSCRIBE",
            vec![0x80, 7, 0, 1, 0, 0, 1, b'a', 0],
            0x81,
        ),
        (
            "filter a/#/b",
            {
                let mut body = vec![0, 1, 0];
                crate::support::text(&mut body, "a/#/b");
                body.push(0);
                packet(0x82, &body)
            },
            0x8F,
        ),
        ("length not shortest", vec![0xC0, 0x80, 0x00], 0x81),
        (
            "length of five bytes",
            vec![0x30, 0x80, 0x80, 0x80, 0x80, 1],
            0x81,
        ),
    ]
}

/// MQTT 5 only.
fn later_packets_v5() -> Vec<(&'static str, Vec<u8>, u8)> {
    vec![
        (
            "empty topic without alias",
            publish("", b"x", 0, 0, Some(&[])),
            0x82,
        ),
        (
            "alias 0",
            publish("t", b"x", 0, 0, Some(&[0x23, 0, 0])),
            0x94,
        ),
        (
            "alias above the maximum",
            publish("t", b"x", 0, 0, Some(&[0x23, 1, 0])),
            0x94,
        ),
        (
            "unknown property",
            publish("t", b"x", 0, 0, Some(&[0x7f, 0])),
            0x81,
        ),
        (
            "property not for PUBLISH",
            publish("t", b"x", 0, 0, Some(&[0x21, 0, 1])),
            0x81,
        ),
        (
            "property twice",
            publish("t", b"x", 0, 0, Some(&[0x01, 0, 0x01, 0])),
            0x82,
        ),
        (
            "subscription identifier",
            publish("t", b"x", 0, 0, Some(&[0x0b, 1])),
            0x82,
        ),
        ("AUTH", vec![0xF0, 2, 0x18, 0], 0x82),
        ("unknown reason in DISCONNECT", vec![0xE0, 1, 0x05], 0x81),
        ("reason in PUBREL", vec![0x62, 3, 0, 1, 0x10], 0x81),
    ]
}

#[tokio::test]
async fn malformed_first_packets_get_their_answer() {
    let node = Node::start().await;
    let mut witness = node.v3("witness").await;
    let cases = first_packets();
    let total = cases.len() as u64;
    for (name, bytes, answer) in cases {
        let mut peer = node.client().await;
        peer.send(&bytes).await;
        if let Connack(code) = answer {
            let (first, body) = peer.packet().await;
            let got = if body.len() == 2 {
                body[1]
            } else {
                body.get(1).copied().unwrap_or(0)
            };
            assert_eq!((first, got), (0x20, code), "{name}: {body:02x?}");
        }
        peer.expect_closed().await;
    }
    assert_eq!(node.count().malformed, total);
    witness.ping().await;
}

#[tokio::test]
async fn malformed_packets_close_only_their_connection_with_the_right_reason() {
    let node = Node::start().await;
    let mut witness = node.v3("witness").await;
    let mut total = 0;
    let five = later_packets().into_iter().chain(later_packets_v5());
    for (name, bytes, reason) in five {
        let mut peer = node.v5("five").await;
        // What is valid before it counts.
        peer.send(&[publish_v5("t", name, 0, 0), bytes].concat())
            .await;
        let (first, body) = peer.packet().await;
        assert_eq!((first, body[0]), (0xE0, reason), "{name}: {body:02x?}");
        assert!(body.len() > 3, "{name}: a reason string");
        peer.expect_closed().await;
        total += 1;
    }
    for (name, bytes, _) in later_packets() {
        // Properties make a few of them valid 3.1.1, or incomplete.
        if [
            "SUBSCRIBE without filters",
            "filter a/#/b",
            "topic beyond the packet",
        ]
        .contains(&name)
        {
            continue;
        }
        let mut peer = node.v3("three").await;
        peer.send(&bytes).await;
        peer.expect_closed().await;
        total += 1;
    }
    assert_eq!(node.count().malformed, total);
    witness.send(&publish_v3("t", "fine", 1, 1)).await;
    witness.expect(&puback(1)).await;
    node.until_record("five t alias 0 qos0").await;
}

#[tokio::test]
async fn malformed_flood_leaves_nothing_behind() {
    let node = Node::start().await;
    for n in 0..300_u16 {
        let mut peer = node.client().await;
        let junk: Vec<u8> = (0..200_u16)
            .map(|i| (i.wrapping_mul(n) >> 3) as u8)
            .collect();
        peer.send(&[connect_v5(&n.to_string(), true, 0, &[]), junk].concat())
            .await;
    }
    crate::support::until("all gone", || node.count().connections == 0).await;
    crate::support::until("no session", || node.count().sessions == 0).await;
    assert_eq!(node.count().in_flight, 0);
    node.v3("fine").await.ping().await;
}

#[tokio::test]
async fn subscribe_is_refused_by_code_and_unsubscribe_answered() {
    let node = Node::start().await;
    let mut filters = Vec::new();
    for filter in ["a/b", "#"] {
        crate::support::text(&mut filters, filter);
        filters.push(1);
    }
    let mut three = node.v3("three").await;
    three
        .send(&packet(0x82, &[&[0, 9][..], &filters].concat()))
        .await;
    three.expect(&[0x90, 4, 0, 9, 0x80, 0x80]).await;
    three.send(&packet(0xA2, &[0, 10, 0, 1, b'a'])).await;
    three.expect(&[0xB0, 2, 0, 10]).await;
    three.ping().await;
    let mut five = node.v5("five").await;
    five.send(&packet(0x82, &[&[0, 9, 0][..], &filters].concat()))
        .await;
    five.expect(&[0x90, 5, 0, 9, 0, 0x87, 0x87]).await;
    five.send(&packet(0xA2, &[0, 10, 0, 0, 1, b'a', 0, 1, b'b']))
        .await;
    five.expect(&[0xB0, 5, 0, 10, 0, 0x11, 0x11]).await;
    five.ping().await;
    assert_eq!(node.count().subscriptions_refused, 4);
}

#[tokio::test]
async fn answers_to_messages_we_never_sent_are_ignored() {
    let node = Node::start().await;
    for mut peer in [node.v3("three").await, node.v5("five").await] {
        peer.send(&[0x40, 2, 0, 1, 0x50, 2, 0, 1, 0x70, 2, 0, 1])
            .await;
        peer.ping().await;
    }
}

#[tokio::test]
async fn reason_strings_respect_the_clients_packet_size() {
    let node = Node::start().await;
    let mut peer = node.client().await;
    // Maximum Packet Size 64: room for CONNACK, none for a long reason string.
    peer.send(&connect_v5("a", true, 0, &[0x27, 0, 0, 0, 30]))
        .await;
    peer.packet().await;
    peer.send(&[0xF0, 2, 0x18, 0]).await;
    assert_eq!(peer.packet().await, (0xE0, vec![0x82]));
    peer.expect_closed().await;
}

#[test]
fn at_least_forty_malformed_packets() {
    let total = first_packets().len() + later_packets().len() + later_packets_v5().len();
    assert!(total >= 40, "{total}");
}
