//! Sessions: present or not, taken over, remembered across restarts, forgotten in time.

use std::time::Duration;

use crate::support::{
    Node, Peer, World, connect, connect_v3, connect_v5, expiry, puback, pubcomp, publish_v3,
    publish_v5, pubrec, pubrel, until,
};

async fn session_present(peer: &mut Peer, connect: &[u8]) -> bool {
    peer.send(connect).await;
    let (first, body) = peer.packet().await;
    assert_eq!((first, body[1]), (0x20, 0), "{body:02x?}");
    body[0] == 1
}

async fn present(node: &Node, connect: &[u8]) -> bool {
    let mut peer = node.client().await;
    let present = session_present(&mut peer, connect).await;
    peer.send(&[0xE0, 0]).await;
    peer.expect_closed().await;
    present
}

#[tokio::test]
async fn session_present_follows_clean_session_and_expiry() {
    let node = Node::start().await;
    assert!(!present(&node, &connect_v3("three", false, 0)).await);
    assert!(present(&node, &connect_v3("three", false, 0)).await);
    assert!(!present(&node, &connect_v3("three", true, 0)).await);
    assert!(
        !present(&node, &connect_v3("three", false, 0)).await,
        "clean session leaves none"
    );
    assert!(!present(&node, &connect_v5("five", false, 0, &expiry(100))).await);
    assert!(present(&node, &connect_v5("five", false, 0, &[])).await);
    assert!(
        !present(&node, &connect_v5("five", false, 0, &expiry(100))).await,
        "expiry 0"
    );
    assert!(!present(&node, &connect_v5("five", true, 0, &expiry(100))).await);
}

#[tokio::test]
async fn session_and_qos2_state_outlive_a_restart() {
    for crash in [false, true] {
        let node = Node::start().await;
        let mut peer = node.client().await;
        assert!(!session_present(&mut peer, &connect_v3("a", false, 0)).await);
        peer.send(&[publish_v3("t", "m", 2, 1), publish_v3("t", "n", 2, 2)].concat())
            .await;
        peer.expect(&[pubrec(1), pubrec(2)].concat()).await;
        peer.send(&pubrel(2)).await;
        peer.expect(&pubcomp(2)).await;
        let world = if crash {
            node.crash().await.power_cut()
        } else {
            node.stop().await.0
        };

        let node = Node::with(world, |_| ()).await;
        let mut peer = node.client().await;
        assert!(
            session_present(&mut peer, &connect_v3("a", false, 0)).await,
            "crash {crash}"
        );
        // The first is still held: answered again, not stored again. The second is a new message.
        let mut again = publish_v3("t", "m", 2, 1);
        again[0] |= 0x08;
        peer.send(&[again, publish_v3("t", "new", 2, 2)].concat())
            .await;
        peer.expect(&[pubrec(1), pubrec(2)].concat()).await;
        peer.send(&[pubrel(1), pubrel(2)].concat()).await;
        peer.expect(&[pubcomp(1), pubcomp(2)].concat()).await;
        assert_eq!(
            node.messages(),
            ["a t m qos2 1", "a t n qos2 2", "a t new qos2 2"]
        );
        node.stop().await.1.expect("stops");
    }
}

#[tokio::test]
async fn an_expired_session_is_gone_also_after_a_restart() {
    let node = Node::start().await;
    assert!(!present(&node, &connect_v5("short", false, 0, &expiry(60))).await);
    assert!(!present(&node, &connect_v5("long", false, 0, &expiry(600))).await);
    let (world, _) = node.stop().await;
    world.clock.advance(Duration::from_secs(120));
    let node = Node::with(world, |_| ()).await;
    node.until_record("[short expired]").await;
    assert!(!present(&node, &connect_v5("short", false, 0, &expiry(60))).await);
    assert!(present(&node, &connect_v5("long", false, 0, &expiry(600))).await);
}

#[tokio::test]
async fn expiry_ends_a_session_and_disconnect_can_change_it() {
    let node = Node::start().await;
    let mut peer = node.client().await;
    session_present(&mut peer, &connect_v5("a", false, 0, &expiry(3600))).await;
    // DISCONNECT, normal, Session Expiry Interval 1.
    peer.send(&[0xE0, 7, 0, 5, 0x11, 0, 0, 0, 1]).await;
    peer.expect_closed().await;
    node.until_record("[a closed Disconnected expiry=1 will=false]")
        .await;
    node.until_record("[a expired]").await;
    assert!(!present(&node, &connect_v5("a", false, 0, &expiry(3600))).await);
    assert_eq!(node.count().sessions, 1);
}

#[tokio::test]
async fn disconnect_cannot_make_a_session_out_of_none() {
    let node = Node::start().await;
    let mut peer = node.v5("a").await;
    peer.send(&[0xE0, 7, 0, 5, 0x11, 0, 0, 0, 1]).await;
    peer.expect_disconnect(0x82).await;
}

#[tokio::test]
async fn expiry_over_the_limit_is_told() {
    let node = Node::start().await;
    let mut peer = node.client().await;
    peer.send(&connect_v5("a", true, 0, &expiry(u32::MAX)))
        .await;
    let (_, body) = peer.packet().await;
    let thirty_days = [&[0x11][..], &2_592_000_u32.to_be_bytes()].concat();
    assert!(
        body.windows(5).any(|window| window == thirty_days),
        "{body:02x?}"
    );
}

#[tokio::test]
async fn a_client_without_an_identifier_gets_one() {
    let node = Node::start().await;
    let mut peer = node.client().await;
    peer.send(&connect_v5("", true, 0, &[])).await;
    let (_, body) = peer.packet().await;
    let at = body
        .iter()
        .position(|byte| *byte == 0x12)
        .expect("assigned client identifier");
    let length = usize::from(u16::from_be_bytes([body[at + 1], body[at + 2]]));
    let id = String::from_utf8(body[at + 3..at + 3 + length].to_vec()).expect("text");
    assert!(id.starts_with("ioc-"), "{id}");
    peer.send(&publish_v5("t", "x", 1, 1)).await;
    peer.expect(&puback(1)).await;
    assert_eq!(node.messages(), [format!("{id} t x qos1 1")]);
    // 3.1.1: with a clean session it works silently.
    let mut three = node.v3("").await;
    three.ping().await;
    let mut refused = node.client().await;
    refused.send(&connect_v3("", false, 0)).await;
    refused.expect(&[0x20, 2, 0, 2]).await;
    refused.expect_closed().await;
}

#[tokio::test]
async fn takeover_ends_the_old_connection_and_its_acknowledgements() {
    let node = Node::start().await;
    let mut old = node.client().await;
    session_present(&mut old, &connect_v5("a", false, 0, &expiry(100))).await;
    node.world.gate.shut();
    old.send(&[publish_v5("t", "m", 1, 1), publish_v5("t", "q", 2, 2)].concat())
        .await;
    until("in flight", || node.count().in_flight == 2).await;
    let mut new = node.client().await;
    new.send(&connect_v5("a", false, 0, &expiry(100))).await;
    // The old one is told at once and never sees the acknowledgements.
    let (first, body) = old.packet().await;
    assert_eq!((first, body[0]), (0xE0, 0x8E));
    node.world.gate.open();
    old.expect_closed().await;
    let (first, body) = new.packet().await;
    assert_eq!((first, body[0], body[1]), (0x20, 1, 0), "session present");
    // What was stored meanwhile is known: QoS 2 is not stored twice.
    let mut again = publish_v5("t", "q", 2, 2);
    again[0] |= 0x08;
    new.send(&again).await;
    new.expect(&pubrec(2)).await;
    assert_eq!(node.messages(), ["a t m qos1 1", "a t q qos2 2"]);
    assert_eq!(node.count().takeovers, 1);
    until("one left", || node.count().connections == 1).await;
}

#[tokio::test]
async fn takeover_in_a_row_leaves_the_last() {
    let node = Node::start().await;
    let mut peers = Vec::new();
    for _ in 0..20 {
        let mut peer = node.client().await;
        peer.send(&connect_v3("a", false, 0)).await;
        peers.push(peer);
    }
    until("one left", || {
        node.count().connections == 1 && node.count().connections_accepted == 20
    })
    .await;
    until("settled", || node.count().sessions == 1).await;
    assert!(present(&node, &connect_v3("a", false, 0)).await);
}

#[tokio::test]
async fn the_number_of_sessions_is_bounded() {
    let node = Node::with(World::new(), |config| config.sessions_max = 2).await;
    assert!(!present(&node, &connect_v5("first", false, 0, &expiry(100))).await);
    assert!(!present(&node, &connect_v5("second", false, 0, &expiry(200))).await);
    // The one that would end first makes room.
    let mut third = node.client().await;
    session_present(&mut third, &connect_v5("third", false, 0, &expiry(300))).await;
    node.until_record("[first expired]").await;
    let mut fourth = node.client().await;
    session_present(&mut fourth, &connect_v5("fourth", false, 0, &expiry(300))).await;
    // All are connected now: nobody has to go.
    let mut fifth = node.client().await;
    fifth
        .send(&connect_v5("fifth", false, 0, &expiry(300)))
        .await;
    let (first, body) = fifth.packet().await;
    assert_eq!((first, body[1]), (0x20, 0x97));
    fifth.expect_closed().await;
    let mut sixth = node.client().await;
    sixth.send(&connect_v3("sixth", false, 0)).await;
    sixth.expect(&[0x20, 2, 0, 3]).await;
    sixth.expect_closed().await;
    third.ping().await;
    assert_eq!(node.count().sessions, 2);
}

#[tokio::test]
async fn keep_alive_is_one_and_a_half_times_and_zero_is_never() {
    let node = Node::start().await;
    let mut forever = node.v3("forever").await;
    let mut three = node.client().await;
    three.send(&connect_v3("three", true, 1)).await;
    three.expect(&[0x20, 2, 0, 0]).await;
    let mut five = node.client().await;
    five.send(&connect_v5("five", true, 1, &[])).await;
    five.packet().await;
    let start = std::time::Instant::now();
    five.expect_disconnect(0x8D).await;
    let silent = start.elapsed();
    assert!(silent >= Duration::from_millis(1400), "{silent:?}");
    three.expect_closed().await;
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    forever.ping().await;
    node.until_record("[three closed KeepAlive expiry=0 will=false]")
        .await;
    assert_eq!(node.count().keep_alive_timeouts, 2);
}

#[tokio::test]
async fn keep_alive_counts_from_the_last_packet() {
    let node = Node::start().await;
    let mut peer = node.client().await;
    peer.send(&connect_v3("a", true, 1)).await;
    peer.expect(&[0x20, 2, 0, 0]).await;
    let start = std::time::Instant::now();
    let mut beat = tokio::time::interval(Duration::from_millis(700));
    while start.elapsed() < Duration::from_millis(2500) {
        beat.tick().await;
        peer.ping().await;
    }
}

#[tokio::test]
async fn server_keep_alive_is_told_to_mqtt5_only() {
    let node = Node::with(World::new(), |config| config.keep_alive_seconds_max = 60).await;
    for (asked, told) in [(0, true), (61, true), (60, false)] {
        let mut peer = node.client().await;
        peer.send(&connect_v5("a", true, asked, &[])).await;
        let (_, body) = peer.packet().await;
        let has = body.windows(3).any(|window| window == [0x13, 0, 60]);
        assert_eq!(has, told, "{asked}: {body:02x?}");
    }
    let mut three = node.client().await;
    three.send(&connect(4, "b", true, 0, &[], None)).await;
    three.expect(&[0x20, 2, 0, 0]).await;
}

#[tokio::test]
async fn assigned_identifiers_are_unique_also_after_a_restart() {
    let mut world = World::new();
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let node = Node::with(world, |_| ()).await;
        for _ in 0..5 {
            let mut peer = node.v5("").await;
            peer.send(&publish_v5("t", "x", 1, 1)).await;
            peer.expect(&puback(1)).await;
        }
        for words in node.messages() {
            ids.extend(words.split(' ').next().map(str::to_owned));
        }
        world = node.stop().await.0;
    }
    assert_eq!(ids.len(), 10);
}
