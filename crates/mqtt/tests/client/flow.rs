//! What goes well: everything of a message is kept, once, in order, by both protocols.

use std::collections::BTreeSet;

use mqtt::client::{LinkState, ProtocolChoice};

use crate::support::{Broker, Node, V3, V5, until};

const TOPIC: &str = "ioc/x/energy/e/up";

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

async fn everything_is_kept_in_order(protocol: ProtocolChoice, level: u8) {
    let broker = Broker::start().await;
    let node = Node::start(&broker.url(), |config| config.protocol = protocol);
    node.ready().await;
    let mut publisher = broker.publisher().await;
    publisher.send_many(TOPIC, 0, 2_000).await;
    node.acknowledged(2_000).await;
    assert_eq!(node.payloads(), numbers(2_000));
    for message in node.messages() {
        assert_eq!(
            (&*message.topic, message.qos, message.protocol),
            (TOPIC, 1, level)
        );
        assert_eq!(&*message.client_id, "ioc-1");
        assert!(message.session > 0 && message.connection >= message.session);
        assert!(!message.dup && !message.retain && message.packet_id > 0);
    }
    let count = node.count();
    assert_eq!(
        (count.received_qos1, count.journalled, count.in_flight),
        (2_000, 2_000, 0)
    );
    let (world, ended) = node.stop().await;
    ended.expect("in order");
    // All of it was acknowledged: only what is new comes to the next run, in the same session.
    publisher.send(TOPIC, "new").await;
    let session = {
        let node = Node::on(world, crate::support::options(), &broker.url(), |config| {
            config.protocol = protocol;
        });
        node.acknowledged(1).await;
        let messages = node.messages();
        assert_eq!(messages.len(), 2_001);
        assert_eq!(messages[2_000].payload, "new");
        assert_eq!(node.link(0).lost_sessions, 0);
        (messages[0].session, messages[2_000].session)
    };
    assert_eq!(
        session.0, session.1,
        "one session at the broker has one number"
    );
}

#[tokio::test]
async fn everything_is_kept_in_order_v3() {
    everything_is_kept_in_order(V3, 4).await;
}

#[tokio::test]
async fn everything_is_kept_in_order_v5() {
    everything_is_kept_in_order(V5, 5).await;
}

/// What was read and not durable when we died comes again; nothing is lost and nothing was confirmed.
async fn a_crash_loses_nothing(protocol: ProtocolChoice) {
    let broker = Broker::start().await;
    let change = |config: &mut mqtt::client::ClientConfig| config.protocol = protocol;
    let node = Node::start(&broker.url(), change);
    node.ready().await;
    let mut publisher = broker.publisher().await;
    publisher.send_many(TOPIC, 0, 10).await;
    node.acknowledged(10).await;
    node.world.gate.shut();
    publisher.send_many(TOPIC, 10, 50).await;
    until("read", || node.count().received() == 60).await;
    let world = node.crash().await;
    world.gate.open();
    let node = Node::on(world, crate::support::options(), &broker.url(), change);
    node.acknowledged(50).await;
    // A power cut may leave some of what was not synced; it was not acknowledged either and comes again.
    let messages = node.messages();
    let (before, again) = messages.split_at(messages.len() - 50);
    assert_eq!(node.payloads()[..10], numbers(60)[..10]);
    assert_eq!(node.payloads()[before.len()..], numbers(60)[10..]);
    assert!(again.iter().all(|message| message.dup), "sent again");
    assert_eq!(before[9].session, again[0].session);
    assert_ne!(before[9].connection, again[0].connection);
}

#[tokio::test]
async fn a_crash_loses_nothing_v3() {
    a_crash_loses_nothing(V3).await;
}

#[tokio::test]
async fn a_crash_loses_nothing_v5() {
    a_crash_loses_nothing(V5).await;
}

async fn two_clients_share(protocol: ProtocolChoice) {
    let broker = Broker::start().await;
    let node = Node::start(&broker.url(), |config| {
        config.protocol = protocol;
        config.clients = 2;
        config.shared_group = "ioc".to_owned();
    });
    node.ready().await;
    let mut publisher = broker.publisher().await;
    publisher.send_many(TOPIC, 0, 1_000).await;
    node.acknowledged(1_000).await;
    let messages = node.messages();
    let all: BTreeSet<usize> = messages
        .iter()
        .map(|message| message.payload.parse().expect("number"))
        .collect();
    assert_eq!((messages.len(), all.len()), (1_000, 1_000), "each once");
    for client in ["ioc-1", "ioc-2"] {
        let own: Vec<usize> = messages
            .iter()
            .filter(|message| message.client_id == client)
            .map(|message| message.payload.parse().expect("number"))
            .collect();
        assert!(own.len() > 100, "{client} has its share, not {}", own.len());
        assert!(own.is_sorted(), "in order on {client}");
    }
}

#[tokio::test]
async fn two_clients_share_v3() {
    two_clients_share(V3).await;
}

#[tokio::test]
async fn two_clients_share_v5() {
    two_clients_share(V5).await;
}

#[tokio::test]
async fn flags_and_the_login_are_kept() {
    let broker = Broker::start().await;
    let mut publisher = broker.publisher().await;
    publisher.send_retained(TOPIC, "kept").await;
    let node = Node::start(&broker.url(), |config| {
        config.user = "city".to_owned();
        config.password = "secret".to_owned().into();
    });
    node.acknowledged(1).await;
    publisher.send_qos0(TOPIC, "quick").await;
    node.stored(2).await;
    let messages = node.messages();
    assert!(messages[0].retain && !messages[1].retain);
    assert_eq!((messages[1].qos, messages[1].packet_id), (0, 0));
    assert_eq!(messages[0].principal, "city");
    let count = node.count();
    assert_eq!((count.received_retained, count.received_qos0), (1, 1));
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_flight() {
    let broker = Broker::start().await;
    let node = Node::start(&broker.url(), |_| ());
    node.ready().await;
    let mut publisher = broker.publisher().await;
    node.world.gate.shut();
    publisher.send_many(TOPIC, 0, 20).await;
    until("read", || node.count().received() == 20).await;
    let (gate, counters) = (
        std::sync::Arc::clone(&node.world.gate),
        std::sync::Arc::clone(&node.counters),
    );
    let stopping = tokio::spawn(node.stop());
    tokio::task::yield_now().await;
    assert_eq!(counters.snapshot().acknowledged, 0);
    gate.open();
    let (world, ended) = stopping.await.expect("no panic");
    ended.expect("in order");
    assert_eq!(counters.snapshot().acknowledged, 20);
    let node = Node::on(world, crate::support::options(), &broker.url(), |_| ());
    publisher.send(TOPIC, "new").await;
    node.acknowledged(1).await;
    assert_eq!(node.messages().len(), 21);
    node.state(LinkState::Ready).await;
}
