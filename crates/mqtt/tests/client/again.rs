//! Brokers that go and come back, forget us, refuse us, or throw us out.

use mqtt::client::{LinkState, ProtocolChoice};

use crate::support::{Broker, Fake, Node, V3, V5, packet, until};

const TOPIC: &str = "ioc/x/energy/e/up";

/// With its store, written before the end: our session is there, and what came meanwhile comes.
async fn a_broker_with_its_store_comes_back(protocol: ProtocolChoice) {
    let mut broker = Broker::start().await;
    let node = Node::start(&broker.url(), |config| config.protocol = protocol);
    node.ready().await;
    broker.publisher().await.send_many(TOPIC, 0, 100).await;
    node.acknowledged(100).await;
    // In flight over the restart: read, not durable, not acknowledged.
    node.world.gate.shut();
    broker.publisher().await.send_many(TOPIC, 100, 20).await;
    until("read", || node.count().received() == 120).await;
    broker.stop();
    node.state(LinkState::Waiting).await;
    node.world.gate.open();
    broker.again().await;
    node.ready().await;
    broker.publisher().await.send(TOPIC, "120").await;
    // The 20 were stored before and come again: their first acknowledgements died with the connection.
    node.acknowledged(121).await;
    let link = node.link(0);
    assert_eq!((link.lost_sessions, node.count().lost_sessions), (0, 0));
    assert!(
        link.reconnects >= 1 && link.last_error.is_some(),
        "{link:?}"
    );
    let payloads = node.payloads();
    assert_eq!(payloads.len(), 141);
    assert_eq!(payloads[100..120], payloads[120..140]);
    let messages = node.messages();
    assert!(messages[120..140].iter().all(|message| message.dup));
    for (first, again) in messages[100..120].iter().zip(&messages[120..140]) {
        // What tells a repeat without a device time.
        assert_eq!(
            (first.session, first.packet_id),
            (again.session, again.packet_id)
        );
    }
    assert_eq!(node.count().abandoned, 20);
}

#[tokio::test]
async fn a_broker_with_its_store_comes_back_v3() {
    a_broker_with_its_store_comes_back(V3).await;
}

#[tokio::test]
async fn a_broker_with_its_store_comes_back_v5() {
    a_broker_with_its_store_comes_back(V5).await;
}

/// Killed before it wrote its store: the session is gone, which is counted; the subscription is made again.
async fn a_broker_that_forgot_us_is_a_lost_session(protocol: ProtocolChoice) {
    let mut broker = Broker::start().await;
    let node = Node::start(&broker.url(), |config| config.protocol = protocol);
    node.ready().await;
    broker.publisher().await.send(TOPIC, "before").await;
    node.acknowledged(1).await;
    broker.kill();
    broker.forget();
    node.state(LinkState::Waiting).await;
    broker.again().await;
    node.ready().await;
    broker.publisher().await.send(TOPIC, "after").await;
    node.acknowledged(2).await;
    let messages = node.messages();
    assert_eq!(node.payloads(), ["before", "after"]);
    assert!(
        messages[0].session < messages[1].session,
        "another session, another number"
    );
    let link = node.link(0);
    assert_eq!((link.lost_sessions, node.count().lost_sessions), (1, 1));
    let words = link.last_error.expect("told");
    assert!(words.contains("forgotten our session"), "{words}");
}

#[tokio::test]
async fn a_broker_that_forgot_us_is_a_lost_session_v3() {
    a_broker_that_forgot_us_is_a_lost_session(V3).await;
}

#[tokio::test]
async fn a_broker_that_forgot_us_is_a_lost_session_v5() {
    a_broker_that_forgot_us_is_a_lost_session(V5).await;
}

/// A store that is written at every change outlives a kill.
#[tokio::test]
async fn a_killed_broker_with_its_store_is_no_lost_session() {
    let more = "allow_anonymous true\nautosave_interval 1\nautosave_on_changes true\n";
    let mut broker = Broker::with(more).await;
    let node = Node::start(&broker.url(), |_| ());
    node.ready().await;
    for n in 0..5 {
        broker.publisher().await.send(TOPIC, n.to_string()).await;
    }
    node.acknowledged(5).await;
    let store = broker.folder.join("mosquitto.db");
    until("saved", || std::fs::exists(&store).is_ok_and(|there| there)).await;
    broker.kill();
    broker.again().await;
    broker.publisher().await.send(TOPIC, "after").await;
    until("after", || {
        node.payloads().last().is_some_and(|last| last == "after")
    })
    .await;
    assert_eq!(node.count().lost_sessions, 0);
}

/// Refused is not connected: never connected but deaf. (mosquitto grants every subscription and then delivers
/// nothing, so a broker of bytes stands in.)
async fn a_refused_subscription_is_not_ready(
    protocol: ProtocolChoice,
    connack: &[u8],
    refused: &[u8],
    granted: &[u8],
) {
    let fake = Fake::start().await;
    let node = Node::start(&fake.url(), |config| config.protocol = protocol);
    let (mut peer, _) = fake.accept().await;
    peer.send(connack).await;
    for _ in 0..2 {
        let (first, body) = peer.packet().await;
        assert_eq!(first, 0x82);
        peer.send(&packet(0x90, &[&body[..2], refused].concat()))
            .await;
        node.state(LinkState::Refused).await;
    }
    assert!(!node.is_ready() && node.count().ready == 0);
    let words = node.link(0).last_error.expect("told");
    assert!(words.contains("\"ioc/#\""), "{words}");
    let (_, body) = peer.packet().await;
    peer.send(&packet(0x90, &[&body[..2], granted].concat()))
        .await;
    node.ready().await;
    assert_eq!(
        (node.count().ready, node.count().subscriptions_refused),
        (1, 2)
    );
    assert_eq!(node.count().disconnected, 0);
}

#[tokio::test]
async fn a_refused_subscription_is_not_ready_v3() {
    a_refused_subscription_is_not_ready(V3, &[0x20, 2, 1, 0], &[0x80], &[1]).await;
}

#[tokio::test]
async fn a_refused_subscription_is_not_ready_v5() {
    a_refused_subscription_is_not_ready(V5, &[0x20, 3, 1, 0, 0], &[0, 0x87], &[0, 1]).await;
}

#[tokio::test]
async fn a_refused_login_and_a_broker_that_is_away_are_told() {
    let mut broker = Broker::with("allow_anonymous false\n").await;
    for protocol in [V3, V5] {
        let node = Node::start(&broker.url(), |config| config.protocol = protocol);
        until("refused", || {
            node.link(0)
                .last_error
                .is_some_and(|words| words.contains("refused us") && words.contains("password"))
        })
        .await;
        let (_, ended) = node.stop().await;
        ended.expect("stops while it waits");
    }
    broker.stop();
    let node = Node::start(&broker.url(), |_| ());
    until("unreachable", || {
        node.link(0)
            .last_error
            .is_some_and(|words| words.contains("cannot be reached"))
    })
    .await;
    assert!(node.count().disconnected > 0 && node.count().connected == 0);
}

/// Two nodes with one client id throw each other out: both protocols say so in the end.
#[tokio::test]
async fn a_fight_for_the_client_id_is_told() {
    let broker = Broker::start().await;
    for (protocol, words) in [(V5, "our client id"), (V3, "client id \"ioc-1\"")] {
        let one = Node::start(&broker.url(), |config| config.protocol = protocol);
        let other = Node::start(&broker.url(), |config| config.protocol = protocol);
        until("told", || {
            [&one, &other].into_iter().any(|node| {
                node.link(0)
                    .last_error
                    .is_some_and(|told| told.contains(words))
            })
        })
        .await;
    }
}
