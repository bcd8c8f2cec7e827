//! A full disk, and a disk that fails.

use std::time::Duration;

use journal::storage::sim::Fault;
use mqtt::Error;
use tokio::io::AsyncWriteExt;

use crate::support::{
    LIMIT, Node, World, connect_v5, options, puback, pubcomp, publish_v3, publish_v5, pubrec,
    pubrel, until,
};

const NORMAL: &str = "ioc/x/energy/e/up";
const DISASTER: &str = "ioc/x/disaster/d/up";

/// A node whose disk has no room left, with a connected client.
async fn full() -> (Node, crate::support::Peer) {
    let world = World::new();
    let mut options = options();
    options.segment_bytes = 64 * 1024;
    options.reserve_disaster_bytes = 64 * 1024;
    options.reserve_system_bytes = 64 * 1024;
    let node = Node::with_options(world, options, |config| config.full_connects_max = 2).await;
    let mut peer = node.v3("a").await;
    peer.send(&publish_v3(NORMAL, "before", 1, 1)).await;
    peer.expect(&puback(1)).await;
    node.world.sim.set_capacity(Some(node.world.sim.used()));
    // Something has to be refused before the journal knows.
    peer.send(&publish_v3(NORMAL, "x".repeat(60_000), 1, 2))
        .await;
    peer.send(&publish_v3(NORMAL, "x".repeat(60_000), 1, 3))
        .await;
    let mut state = node.journal.state();
    tokio::time::timeout(
        LIMIT,
        state.wait_for(|state| matches!(state, journal::State::Full { .. })),
    )
    .await
    .expect("full in time")
    .expect("running");
    (node, peer)
}

#[tokio::test]
async fn full_only_disaster_topics_are_acknowledged_and_all_of_it_later() {
    let (node, mut peer) = full().await;
    peer.send(&publish_v3(NORMAL, "held", 1, 4)).await;
    peer.send(&publish_v3(DISASTER, "flood", 1, 5)).await;
    peer.send(&publish_v3(DISASTER, "flood again", 2, 6)).await;
    // Ahead of what is held.
    let mut acks = Vec::new();
    while acks.last() != Some(&pubrec(6)) {
        let (first, body) = peer.packet().await;
        acks.push([first, 2, body[0], body[1]]);
    }
    assert!(
        acks.contains(&puback(5)) && !acks.contains(&puback(4)),
        "{acks:02x?}"
    );
    peer.send(&pubrel(6)).await;
    peer.expect(&pubcomp(6)).await;
    // QoS 0 is dropped and counted, unless it is a disaster.
    peer.send(&publish_v3(NORMAL, "dropped", 0, 0)).await;
    peer.send(&publish_v3(DISASTER, "kept", 0, 0)).await;
    peer.ping().await;
    node.until_record("a ioc/x/disaster/d/up kept qos0").await;
    until("dropped", || node.count().dropped_full == 1).await;
    node.world.sim.set_capacity(None);
    for id in [2, 3, 4] {
        if !acks.contains(&puback(id)) {
            peer.expect(&puback(id)).await;
        }
    }
    assert!(
        !node
            .messages()
            .iter()
            .any(|words| words.contains("dropped"))
    );
}

#[tokio::test]
async fn full_a_bounded_number_may_connect() {
    let (node, _peer) = full().await;
    for n in 0..2 {
        let mut peer = node.v5(&format!("new-{n}")).await;
        peer.send(&publish_v5(DISASTER, "flood", 1, 1)).await;
        peer.expect(&puback(1)).await;
    }
    let mut more = node.client().await;
    more.send(&connect_v5("more", true, 0, &[])).await;
    let (first, body) = more.packet().await;
    assert_eq!((first, body[1]), (0x20, 0x89));
    more.expect_closed().await;
    node.world.sim.set_capacity(None);
    let mut state = node.journal.state();
    tokio::time::timeout(LIMIT, state.wait_for(|state| *state == journal::State::Ok))
        .await
        .expect("in time")
        .expect("running");
    until("connects again", || node.count().connections <= 2).await;
    node.v5("more").await.ping().await;
}

/// What is held back does not hold up a stop: it was never acknowledged and comes again.
#[tokio::test]
async fn full_a_stop_does_not_wait_for_room() {
    let (node, mut peer) = full().await;
    peer.send(&publish_v3(NORMAL, "held", 1, 4)).await;
    node.cancel();
    peer.expect_closed().await;
    let (_, result) = node.stop().await;
    assert!(matches!(result, Ok(())), "{result:?}");
}

#[tokio::test]
async fn poisoned_the_listener_ends_and_acknowledges_nothing() {
    let node = Node::start().await;
    let mut peer = node.v5("a").await;
    peer.send(&publish_v5("t", "x", 1, 1)).await;
    peer.expect(&puback(1)).await;
    // The write of the next group, or its sync.
    node.world.sim.fail(1, Fault::Io);
    node.world.sim.fail(2, Fault::Io);
    peer.send(&publish_v5("t", "lost", 1, 2)).await;
    peer.expect_closed().await;
    let counters = std::sync::Arc::clone(&node.counters);
    assert!(matches!(node.ended().await, Err(Error::Poisoned { .. })));
    assert_eq!(counters.snapshot().acknowledged, 1);
}

/// Packets that store nothing are answered in their turn too: what waits for that is bounded.
#[tokio::test]
async fn answers_behind_a_full_journal_are_bounded_by_not_reading() {
    let (node, mut peer) = full().await;
    let flood = pubrel(9).repeat(16 * 1024);
    let mut sent = 0;
    while sent < 64 * 1024 * 1024 {
        let rest = &flood[sent % flood.len()..];
        match tokio::time::timeout(Duration::from_millis(500), peer.stream.write(rest)).await {
            Ok(written) => sent += written.expect("open"),
            Err(_elapsed) => break,
        }
    }
    assert!(sent < 64 * 1024 * 1024, "it read {sent} bytes");
    // Nothing is lost over it.
    node.world.sim.set_capacity(None);
    peer.expect(&[puback(2), puback(3)].concat()).await;
    for _ in 0..sent / 4 {
        peer.expect(&pubcomp(9)).await;
    }
    peer.send(&pubrel(9)[sent % 4..]).await;
    peer.expect(&pubcomp(9)).await;
    peer.ping().await;
}
