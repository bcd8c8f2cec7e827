//! Every bound at n and at n + 1.

use std::time::Duration;

use crate::support::{
    Node, World, connect_v3, connect_v5, puback, pubcomp, publish, publish_v3, publish_v5, pubrec,
    pubrel, until,
};

#[tokio::test]
async fn connections_at_the_bound_and_one_more() {
    let node = Node::with(World::new(), |config| config.connections_max = 3).await;
    let mut peers = Vec::new();
    for n in 0..3 {
        peers.push(node.v3(&n.to_string()).await);
    }
    let mut more = node.client().await;
    more.expect_closed().await;
    assert_eq!(node.count().connections_refused, 1);
    for peer in &mut peers {
        peer.ping().await;
    }
    peers.pop();
    until("room", || node.count().connections == 2).await;
    node.v3("again").await.ping().await;
}

#[tokio::test]
async fn connections_per_address_at_the_bound_and_one_more() {
    let node = Node::with(World::new(), |config| {
        config.connections_per_address_max = 2;
        config.listen = vec![
            "127.0.0.1:0".parse().expect("v4"),
            "[::1]:0".parse().expect("v6"),
        ];
    })
    .await;
    let _peers = [node.v3("1").await, node.v3("2").await];
    node.client().await.expect_closed().await;
    let mut other = crate::support::Peer::dial(node.addresses[1]).await;
    other.send(&connect_v3("3", true, 0)).await;
    other.expect(&[0x20, 2, 0, 0]).await;
}

#[tokio::test]
async fn a_slow_connect_is_cut_off() {
    let node = Node::with(World::new(), |config| config.connect_timeout_ms = 200).await;
    let mut silent = node.client().await;
    let mut slow = node.client().await;
    let connect = connect_v3("slow", true, 0);
    // One byte less than it takes.
    slow.send(&connect[..connect.len() - 1]).await;
    let mut good = node.v3("good").await;
    silent.expect_closed().await;
    slow.expect_closed().await;
    good.ping().await;
    assert_eq!(node.count().malformed, 2);
}

#[tokio::test]
async fn payload_at_the_bound_and_one_more() {
    let node = Node::with(World::new(), |config| config.payload_bytes_max = 100).await;
    let mut five = node.v5("five").await;
    five.send(&publish_v5("t", "x".repeat(100), 1, 1)).await;
    five.expect(&puback(1)).await;
    // Quota exceeded; the connection lives.
    five.send(&publish_v5("t", "x".repeat(101), 1, 2)).await;
    let (first, body) = five.packet().await;
    assert_eq!((first, &body[..3]), (0x40, [0, 2, 0x97].as_slice()));
    five.send(&publish_v5("u", "x".repeat(101), 2, 3)).await;
    let (first, body) = five.packet().await;
    assert_eq!((first, &body[..3]), (0x50, [0, 3, 0x97].as_slice()));
    five.send(&publish_v5("v", "x".repeat(101), 0, 0)).await;
    five.ping().await;
    let mut three = node.v3("three").await;
    three.send(&publish_v3("t", "x".repeat(101), 1, 2)).await;
    three.expect_closed().await;
    let count = node.count();
    assert_eq!((count.rejected_oversize, count.dropped_oversize), (3, 1));
    assert_eq!(
        (node.oversize_by_client)(),
        [("five".to_owned(), 3), ("three".to_owned(), 1)]
    );
    assert_eq!(node.messages().len(), 1);
}

#[tokio::test]
async fn maximum_packet_size_is_told_and_enforced() {
    let node = Node::with(World::new(), |config| config.payload_bytes_max = 100).await;
    let mut peer = node.client().await;
    peer.send(&connect_v5("a", true, 0, &[])).await;
    let (_, body) = peer.packet().await;
    let at = body
        .iter()
        .position(|byte| *byte == 0x27)
        .expect("maximum packet size");
    let max = u32::from_be_bytes(body[at + 1..at + 5].try_into().expect("four bytes"));
    peer.send(&publish_v5("t", "x".repeat(max as usize), 1, 1))
        .await;
    peer.expect_disconnect(0x95).await;
}

#[tokio::test]
async fn topic_length_and_depth_at_the_bound_and_one_more() {
    let node = Node::with(World::new(), |config| {
        config.topic_bytes_max = 10;
        config.topic_levels_max = 3;
    })
    .await;
    let mut peer = node.v5("a").await;
    for (id, topic) in (1..).zip(["0123456789", "a/b/c"]) {
        peer.send(&publish_v5(topic, "x", 1, id)).await;
        peer.expect(&puback(id)).await;
    }
    for topic in ["0123456789a", "a/b/c/d"] {
        let mut peer = node.v5("b").await;
        peer.send(&publish_v5(topic, "x", 1, 1)).await;
        let (first, _) = peer.packet().await;
        assert_eq!(first, 0xE0, "{topic}");
        peer.expect_closed().await;
    }
    assert_eq!(node.count().malformed, 2);
}

#[tokio::test]
async fn client_identifier_at_the_bound_and_one_more() {
    let node = Node::with(World::new(), |config| config.client_id_bytes_max = 4).await;
    node.v5("abcd").await;
    let mut five = node.client().await;
    five.send(&connect_v5("abcde", true, 0, &[])).await;
    let (first, body) = five.packet().await;
    assert_eq!((first, body[1]), (0x20, 0x85));
    let mut three = node.client().await;
    three.send(&connect_v3("abcde", true, 0)).await;
    three.expect(&[0x20, 2, 0, 2]).await;
    three.expect_closed().await;
}

#[tokio::test]
async fn receive_maximum_at_the_bound_and_one_more() {
    let node = Node::with(World::new(), |config| {
        config.inflight_per_connection_max = 3
    })
    .await;
    let mut peer = node.client().await;
    peer.send(&connect_v5("a", true, 0, &[])).await;
    let (_, body) = peer.packet().await;
    assert!(
        body.windows(3).any(|window| window == [0x21, 0, 3]),
        "{body:02x?}"
    );
    // QoS 2 counts until PUBCOMP.
    peer.send(&publish_v5("t", "x", 2, 1)).await;
    peer.expect(&pubrec(1)).await;
    node.world.gate.shut();
    peer.send(&[publish_v5("t", "x", 1, 2), publish_v5("t", "x", 1, 3)].concat())
        .await;
    // QoS 0 does not.
    peer.send(&publish_v5("t", "x", 0, 0)).await;
    peer.ping().await;
    node.world.gate.open();
    peer.expect(&[puback(2), puback(3)].concat()).await;
    peer.send(&pubrel(1)).await;
    peer.expect(&pubcomp(1)).await;
    node.world.gate.shut();
    for id in 4..=7 {
        peer.send(&publish_v5("t", "x", 1, id)).await;
    }
    let (first, body) = peer.packet().await;
    assert_eq!((first, body[0]), (0xE0, 0x93));
    node.world.gate.open();
    peer.expect_closed().await;
}

#[tokio::test]
async fn in_flight_of_a_connection_is_bounded_by_not_reading() {
    let node = Node::with(World::new(), |config| {
        config.inflight_per_connection_max = 3
    })
    .await;
    let mut peer = node.v3("a").await;
    node.world.gate.shut();
    for id in 1..=10 {
        peer.send(&publish_v3("t", "x", 1, id)).await;
    }
    until("at the bound", || node.count().in_flight == 3).await;
    let mut other = node.v3_ungated("b").await;
    other.send(&[0xC0, 0]).await;
    assert_eq!(node.count().received(), 3);
    node.world.gate.open();
    for id in 1..=10 {
        peer.expect(&puback(id)).await;
    }
}

#[tokio::test]
async fn in_flight_bytes_of_a_connection_are_bounded_by_not_reading() {
    let node = Node::with(World::new(), |config| {
        config.payload_bytes_max = 1_000;
        config.inflight_bytes_per_connection_max = 100_000;
    })
    .await;
    let mut peer = node.v3("a").await;
    node.world.gate.shut();
    let message = |id| publish_v3("t", "x".repeat(1_000), 1, id);
    let size = message(1).len() as u64;
    for id in 1..=150 {
        peer.send(&message(id)).await;
    }
    until("at the bound", || node.count().in_flight == 100_000 / size).await;
    assert!(node.count().in_flight_bytes <= 100_000);
    node.world.gate.open();
    for id in 1..=150 {
        peer.expect(&puback(id)).await;
    }
}

#[tokio::test]
async fn in_flight_of_all_is_bounded_and_shared() {
    let node = Node::with(World::new(), |config| config.inflight_max = 4).await;
    let mut peers = [node.v5("a").await, node.v5("b").await, node.v3("c").await];
    node.world.gate.shut();
    for peer in &mut peers[..2] {
        for id in 1..=3 {
            peer.send(&publish_v5("t", "x", 1, id)).await;
        }
    }
    until("at the bound", || node.count().in_flight == 4).await;
    peers[2].send(&publish_v3("t", "x", 1, 1)).await;
    assert_eq!(node.count().received(), 4);
    node.world.gate.open();
    for peer in &mut peers[..2] {
        for id in 1..=3 {
            peer.expect(&puback(id)).await;
        }
    }
    peers[2].expect(&puback(1)).await;
    until("given back", || node.count().in_flight == 0).await;
}

#[tokio::test]
async fn messages_a_second_slow_down_a_client_and_drop_its_qos0() {
    let node = Node::with(World::new(), |config| config.messages_per_second_max = 20).await;
    let mut other = node.v3("other").await;
    let mut peer = node.v3("a").await;
    let start = std::time::Instant::now();
    for id in 1..=30 {
        peer.send(&publish_v3("t", "x", 1, id)).await;
    }
    other.send(&publish_v3("t", "x", 1, 1)).await;
    other.expect(&puback(1)).await;
    for id in 1..=30 {
        peer.expect(&puback(id)).await;
    }
    // Twenty at once, the other ten at twenty a second.
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(400) && took < Duration::from_secs(3),
        "{took:?}"
    );
    let mut loud = node.v3("loud").await;
    for _ in 0..50 {
        loud.send(&publish_v3("t", "x", 0, 0)).await;
    }
    loud.ping().await;
    let dropped = node.count().dropped_rate;
    assert!((25..=30).contains(&dropped), "{dropped}");
    assert_eq!(node.count().dropped(), dropped);
}

#[tokio::test]
async fn topic_aliases_are_resolved_before_the_journal_and_bounded() {
    let node = Node::with(World::new(), |config| config.topic_alias_max = 2).await;
    let mut peer = node.client().await;
    peer.send(&connect_v5("a", true, 0, &[])).await;
    let (_, body) = peer.packet().await;
    assert!(
        body.windows(3).any(|window| window == [0x22, 0, 2]),
        "{body:02x?}"
    );
    let alias = |n: u8| [0x23, 0, n];
    peer.send(&publish("long/topic", b"1", 1, 1, Some(&alias(2))))
        .await;
    peer.send(&publish("", b"2", 1, 2, Some(&alias(2)))).await;
    peer.expect(&[puback(1), puback(2)].concat()).await;
    assert_eq!(
        node.messages(),
        [
            "a long/topic 1 qos1 1 properties",
            "a long/topic 2 qos1 2 properties"
        ]
    );
    peer.send(&publish("x", b"3", 1, 3, Some(&alias(3)))).await;
    peer.expect_disconnect(0x94).await;
    let mut unknown = node.v5("b").await;
    unknown
        .send(&publish("", b"1", 1, 1, Some(&alias(1))))
        .await;
    unknown.expect_disconnect(0x82).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let node = Node::with(World::new(), |config| config.write_timeout_ms = 200).await;
    let socket = tokio::net::TcpSocket::new_v4().expect("socket");
    socket.set_recv_buffer_size(4 * 1024).expect("small buffer");
    let stream = socket.connect(node.addresses[0]).await.expect("connect");
    let mut peer = crate::support::Peer { stream };
    peer.send(&connect_v5("deaf", true, 0, &[])).await;
    peer.packet().await;
    // Answers, each of fifty bytes, that nobody reads until no buffer takes more.
    let pings = pubrel(1).repeat(16 * 1024);
    let flood = async {
        loop {
            if tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &pings)
                .await
                .is_err()
            {
                break;
            }
        }
    };
    tokio::time::timeout(crate::support::LIMIT, flood)
        .await
        .expect("cut off");
    node.until_record("[deaf closed WriteTimeout").await;
}

#[tokio::test]
async fn a_large_connect_is_refused_by_its_size() {
    let node = Node::with(World::new(), |config| config.payload_bytes_max = 100).await;
    let mut peer = node.client().await;
    // 16 MiB announced, none of it sent.
    peer.send(&[0x10, 0x80, 0x80, 0x80, 0x08]).await;
    peer.expect_closed().await;
}

#[tokio::test]
async fn topic_aliases_end_with_their_connection() {
    let node = Node::start().await;
    let session = crate::support::expiry(100);
    let mut peer = node.client().await;
    peer.send(&connect_v5("a", false, 0, &session)).await;
    peer.packet().await;
    peer.send(&publish("t", b"1", 1, 1, Some(&[0x23, 0, 1])))
        .await;
    peer.expect(&puback(1)).await;
    drop(peer);
    let mut peer = node.client().await;
    peer.send(&connect_v5("a", false, 0, &session)).await;
    let (_, body) = peer.packet().await;
    assert_eq!(body[0], 1, "the session is resumed");
    peer.send(&publish("", b"2", 1, 2, Some(&[0x23, 0, 1])))
        .await;
    peer.expect_disconnect(0x82).await;
}

#[tokio::test]
async fn after_an_error_pubrec_the_identifier_is_free() {
    let node = Node::with(World::new(), |config| config.payload_bytes_max = 10).await;
    let mut peer = node.v5("a").await;
    peer.send(&publish_v5("t", "x".repeat(11), 2, 1)).await;
    let (first, body) = peer.packet().await;
    assert_eq!((first, body[2]), (0x50, 0x97));
    peer.send(&publish_v5("t", "fits", 2, 1)).await;
    peer.expect(&pubrec(1)).await;
    peer.send(&pubrel(1)).await;
    peer.expect(&pubcomp(1)).await;
    assert_eq!(node.messages(), ["a t fits qos2 1"]);
}

#[tokio::test]
async fn a_message_larger_than_the_credits_left_waits_for_them() {
    let node = Node::with(World::new(), |config| {
        config.payload_bytes_max = 1_000;
        config.inflight_bytes_max = 68_000;
    })
    .await;
    let (mut one, mut two) = (node.v3("one").await, node.v3("two").await);
    node.world.gate.shut();
    for id in 1..=67 {
        one.send(&publish_v3("t", "x".repeat(1_000), 1, id)).await;
    }
    until("nearly all", || node.count().in_flight == 67).await;
    two.send(&publish_v3("t", "y".repeat(1_000), 1, 1)).await;
    node.world.gate.open();
    for id in 1..=67 {
        one.expect(&puback(id)).await;
    }
    two.expect(&puback(1)).await;
}
