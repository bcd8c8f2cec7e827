//! When an acknowledgement leaves, and when it never does.

use std::time::Duration;

use journal::storage::sim::Fault;
use mqtt::Error;
use mqtt::client::LinkState;

use crate::support::{Fake, LIMIT, Node, Peer, puback, publish_v3, text, until};

const TOPIC: &str = "ioc/x/energy/e/up";

/// Nothing comes for a while.
async fn silent(peer: &mut Peer) {
    let came = tokio::time::timeout(Duration::from_millis(100), peer.packet()).await;
    assert!(came.is_err(), "{came:02x?}");
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_durable_and_all_in_order() {
    let fake = Fake::start().await;
    let node = Node::start(&fake.url(), |_| ());
    let mut peer = fake.subscribed(false).await;
    node.ready().await;
    node.world.gate.shut();
    for id in [3, 1, 2] {
        peer.send(&publish_v3(TOPIC, "x", 1, id)).await;
    }
    until("read", || node.count().received() == 3).await;
    silent(&mut peer).await;
    assert_eq!(node.count().acknowledged, 0);
    node.world.gate.open();
    for id in [3, 1, 2] {
        peer.expect(&puback(id)).await;
    }
}

#[tokio::test]
async fn acknowledgements_of_one_commit_leave_together() {
    let fake = Fake::start().await;
    let node = Node::start(&fake.url(), |_| ());
    let mut peer = fake.subscribed(false).await;
    node.ready().await;
    node.world.gate.shut();
    let mut many = Vec::new();
    for id in 1..=500 {
        many.extend(publish_v3(TOPIC, "x", 1, id));
    }
    peer.send(&many).await;
    until("read", || node.count().received() == 500).await;
    node.world.gate.open();
    node.acknowledged(500).await;
    let mut bytes = vec![0; 8 * 1024];
    let read = tokio::time::timeout(
        LIMIT,
        tokio::io::AsyncReadExt::read(&mut peer.stream, &mut bytes),
    )
    .await
    .expect("in time")
    .expect("open");
    // The first commit may have begun with the first few; the rest comes as one.
    assert!(read >= 400, "{read} bytes at once");
}

/// An acknowledgement carries only a packet id: one of an older connection could confirm another message.
#[tokio::test]
async fn an_acknowledgement_of_an_older_connection_never_goes_out() {
    let fake = Fake::start().await;
    let node = Node::start(&fake.url(), |_| ());
    let mut first = fake.subscribed(false).await;
    node.ready().await;
    node.world.gate.shut();
    first.send(&publish_v3(TOPIC, "old", 1, 1)).await;
    until("read", || node.count().received() == 1).await;
    drop(first);
    let mut second = fake.subscribed(true).await;
    until("ready again", || {
        node.link(0).reconnects == 1 && node.is_ready()
    })
    .await;
    node.world.gate.open();
    node.stored(1).await;
    // Another message with the same id is acknowledged for itself, after itself, once.
    silent(&mut second).await;
    node.world.gate.shut();
    second.send(&publish_v3(TOPIC, "new", 1, 1)).await;
    until("read", || node.count().received() == 2).await;
    silent(&mut second).await;
    node.world.gate.open();
    second.expect(&puback(1)).await;
    second.send(&publish_v3(TOPIC, "newer", 1, 2)).await;
    second.expect(&puback(2)).await;
    node.acknowledged(2).await;
    assert_eq!(node.payloads(), ["old", "new", "newer"]);
    assert_eq!(node.count().acknowledged, 2);
}

#[tokio::test]
async fn a_failed_journal_ends_the_client_with_nothing_acknowledged() {
    let fake = Fake::start().await;
    let node = Node::start(&fake.url(), |_| ());
    let mut peer = fake.subscribed(false).await;
    node.ready().await;
    node.world.sim.fail(1, Fault::Io);
    peer.send(&publish_v3(TOPIC, "x", 1, 1)).await;
    peer.expect_closed().await;
    let (_, ended) = node.ended().await;
    assert!(matches!(ended, Err(Error::Poisoned { .. })), "{ended:?}");
}

/// The bound on what is in hand: above it the connection is not read, and the broker is told that we live.
#[tokio::test]
async fn more_than_the_window_stays_unread() {
    let fake = Fake::start().await;
    let node = Node::start(&fake.url(), |config| config.receive_maximum = 10);
    let mut peer = fake.subscribed(false).await;
    node.ready().await;
    node.world.gate.shut();
    let mut many = Vec::new();
    for id in 1..=1_000 {
        many.extend(publish_v3(TOPIC, "x".repeat(1_000), 1, id));
    }
    peer.send(&many).await;
    until("read", || node.count().in_flight >= 10).await;
    silent(&mut peer).await;
    let held = node.count().in_flight;
    assert!(held < 40, "{held} in hand");
    node.world.gate.open();
    for id in 1..=1_000 {
        peer.expect(&puback(id)).await;
    }
}

#[tokio::test]
async fn a_broker_that_never_answers_is_given_up() {
    let fake = Fake::start().await;
    let node = Node::start(&fake.url(), |config| config.connect_timeout_ms = 100);
    // No CONNACK.
    let (_silent, _) = fake.accept().await;
    // No SUBACK.
    let _deaf = fake.connected(true).await;
    let _next = fake.accept().await;
    let words = node.link(0).last_error.expect("told");
    assert!(words.contains("subscription in time"), "{words}");
    assert_ne!(node.link(0).state, LinkState::Ready);
}

/// The filters that are asked for, shared.
#[tokio::test]
async fn filters_are_shared_and_disaster_has_a_connection_of_its_own() {
    let fake = Fake::start().await;
    let _node = Node::start(&fake.url(), |config| {
        config.clients = 2;
        config.shared_group = "g".to_owned();
        config.filters = vec!["a/+".to_owned(), "b/#".to_owned()];
        config.disaster_filters = vec!["d/#".to_owned()];
    });
    let mut asked = Vec::new();
    for _ in 0..3 {
        let mut peer = fake.connected(false).await;
        let (first, body) = peer.packet().await;
        assert_eq!(first, 0x82);
        asked.push(body[2..].to_vec());
    }
    asked.sort();
    let mut both = Vec::new();
    for filter in ["$share/g/a/+", "$share/g/b/#"] {
        text(&mut both, filter);
        both.push(1);
    }
    let mut disaster = Vec::new();
    text(&mut disaster, "$share/g/d/#");
    disaster.push(1);
    assert_eq!(asked, [both.clone(), both, disaster]);
}
