//! Wills: published when due, discarded when not, and waiting when we are the ones who left.

use std::time::Duration;

use crate::support::{Node, World, connect, expiry, puback, publish_v3, until};

/// Will Delay Interval.
fn delay(seconds: u32) -> Vec<u8> {
    let mut property = vec![0x18];
    property.extend_from_slice(&seconds.to_be_bytes());
    property
}

const WILL: (&str, &str, u8, &[u8]) = ("w/a", "gone", 1, &[]);

async fn with_will(
    node: &Node,
    level: u8,
    id: &str,
    clean: bool,
    properties: &[u8],
    will: (&str, &str, u8, &[u8]),
) -> crate::support::Peer {
    let mut peer = node.client().await;
    peer.send(&connect(level, id, clean, 0, properties, Some(will)))
        .await;
    let (first, body) = peer.packet().await;
    assert_eq!((first, body[1]), (0x20, 0));
    peer
}

#[tokio::test]
async fn a_lost_connection_publishes_the_will_and_a_goodbye_does_not() {
    let node = Node::start().await;
    for level in [4, 5] {
        drop(with_will(&node, level, "lost", true, &[], WILL).await);
        let mut polite = with_will(&node, level, "polite", true, &[], WILL).await;
        polite.send(&[0xE0, 0]).await;
        polite.expect_closed().await;
        until("closed", || node.count().connections == 0).await;
    }
    // Malformed: also not a goodbye.
    let mut bad = with_will(&node, 4, "bad", true, &[], WILL).await;
    bad.send(&[0xC1, 0]).await;
    bad.expect_closed().await;
    node.until_record("[bad closed Malformed").await;
    let wanted = [
        "lost w/a gone qos1 0 will",
        "lost w/a gone qos1 0 will",
        "bad w/a gone qos1 0 will",
    ];
    assert_eq!(node.messages(), wanted);
    assert_eq!(node.count().wills, 3);
}

#[tokio::test]
async fn disconnect_with_will_publishes_it() {
    let node = Node::start().await;
    let mut peer = with_will(&node, 5, "a", true, &[], WILL).await;
    peer.send(&[0xE0, 1, 0x04]).await;
    peer.expect_closed().await;
    node.until_record("a w/a gone qos1 0 will").await;
    node.until_record("[a closed DisconnectedWithWill expiry=0 will=false]")
        .await;
}

#[tokio::test]
async fn a_delayed_will_waits_and_a_return_cancels_it() {
    let node = Node::start().await;
    let (session, one) = (expiry(100), delay(1));
    let will = ("w/a", "gone", 0, &*one);
    drop(with_will(&node, 5, "returns", false, &session, will).await);
    drop(with_will(&node, 5, "stays-away", false, &session, will).await);
    until("closed", || node.count().connections == 0).await;
    assert!(node.messages().is_empty());
    let back = with_will(
        &node,
        5,
        "returns",
        false,
        &session,
        ("w/b", "later", 0, &delay(90)),
    )
    .await;
    node.until_record("stays-away w/a gone qos0 0 will properties")
        .await;
    assert_eq!(node.messages().len(), 1);
    drop(back);
}

#[tokio::test]
async fn the_end_of_the_session_ends_the_delay() {
    let node = Node::start().await;
    // Session expiry 0: the session ends with the connection.
    drop(with_will(&node, 5, "a", true, &[], ("w/a", "gone", 0, &delay(1000))).await);
    node.until_record("a w/a gone").await;
    // Session of a second.
    drop(
        with_will(
            &node,
            5,
            "b",
            true,
            &expiry(1),
            ("w/b", "gone", 0, &delay(1000)),
        )
        .await,
    );
    node.until_record("b w/b gone").await;
    node.until_record("[b expired]").await;
    // A clean start ends the session that was.
    drop(
        with_will(
            &node,
            5,
            "c",
            true,
            &expiry(1000),
            ("w/c", "gone", 0, &delay(1000)),
        )
        .await,
    );
    until("closed", || node.count().connections == 0).await;
    let mut again = node.client().await;
    again.send(&connect(5, "c", true, 0, &[], None)).await;
    again.packet().await;
    let records = node.records();
    let at = |what: &str| {
        records
            .iter()
            .rposition(|words| words.contains(what))
            .expect("there")
    };
    assert!(at("c w/c gone") < at("[c opened"), "{records:#?}");
}

#[tokio::test]
async fn takeover_publishes_the_will_unless_it_waits_for_a_return() {
    let node = Node::start().await;
    let mut old = with_will(&node, 4, "three", false, &[], WILL).await;
    let _new = with_will(&node, 4, "three", false, &[], WILL).await;
    old.expect_closed().await;
    node.until_record("three w/a gone").await;
    let patient = delay(100);
    let mut old = with_will(
        &node,
        5,
        "five",
        false,
        &expiry(100),
        ("w/5", "gone", 0, &patient),
    )
    .await;
    let _new = with_will(
        &node,
        5,
        "five",
        false,
        &expiry(100),
        ("w/5", "gone", 0, &patient),
    )
    .await;
    old.expect_disconnect(0x8E).await;
    node.until_record("[five closed TakenOver").await;
    assert_eq!(node.messages(), ["three w/a gone qos1 0 will"]);
}

#[tokio::test]
async fn a_will_cut_off_by_our_own_end_waits_for_the_client() {
    for crash in [false, true] {
        let node = Node::start().await;
        let back = with_will(&node, 4, "back", true, &[], WILL).await;
        let away = with_will(&node, 4, "away", true, &[], WILL).await;
        let mut session = with_will(&node, 4, "session", false, &[], WILL).await;
        session.send(&publish_v3("t", "x", 1, 1)).await;
        session.expect(&puback(1)).await;
        let world = if crash {
            node.crash().await.power_cut()
        } else {
            let (world, result) = node.stop().await;
            result.expect("stops");
            world
        };
        drop((back, away, session));
        world.clock.advance(Duration::from_secs(1000));
        let node = Node::with(world, |config| config.reconnect_grace_seconds = 1).await;
        assert_eq!(node.count().wills, 0, "nothing is due at once");
        let mut back = node.client().await;
        back.send(&connect(4, "back", true, 0, &[], None)).await;
        back.expect(&[0x20, 2, 0, 0]).await;
        let mut session = node.client().await;
        session
            .send(&connect(4, "session", false, 0, &[], None))
            .await;
        session.expect(&[0x20, 2, 1, 0]).await;
        node.until_record("away w/a gone").await;
        node.until_record("[away expired]").await;
        assert_eq!(
            node.messages(),
            ["session t x qos1 1", "away w/a gone qos1 0 will"]
        );
        node.stop().await.1.expect("stops");
    }
}

#[tokio::test]
async fn the_bytes_of_all_wills_are_bounded() {
    let node = Node::with(World::new(), |config| config.will_bytes_max = 10).await;
    let kept = with_will(&node, 4, "kept", true, &[], WILL).await;
    let mut refused = node.client().await;
    refused
        .send(&connect(5, "refused", true, 0, &[], Some(WILL)))
        .await;
    let (first, body) = refused.packet().await;
    assert_eq!((first, body[1]), (0x20, 0x97));
    refused.expect_closed().await;
    drop(kept);
    until("closed", || node.count().wills == 1).await;
    let _fits = with_will(&node, 5, "refused", true, &[], WILL).await;
}

#[tokio::test]
async fn a_will_is_published_retained_if_it_asked_for_it() {
    let node = Node::start().await;
    let mut peer = node.client().await;
    let mut bytes = connect(4, "a", true, 0, &[], Some(WILL));
    // Will Retain.
    bytes[9] |= 0x20;
    peer.send(&bytes).await;
    peer.expect(&[0x20, 2, 0, 0]).await;
    drop(peer);
    node.until_record("a w/a gone qos1 0 retain will").await;
}
