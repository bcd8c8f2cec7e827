//! The end of the listener: in order, in time.

use mqtt::Error;

use crate::support::{
    LIMIT, Node, World, connect_v5, expiry, puback, publish_v3, publish_v5, until,
};

#[tokio::test]
async fn stop_acknowledges_what_is_in_flight_and_says_goodbye() {
    let node = Node::start().await;
    let mut three = node.v3("three").await;
    let mut five = node.client().await;
    five.send(&connect_v5("five", true, 0, &expiry(100))).await;
    five.packet().await;
    node.world.gate.shut();
    three.send(&publish_v3("t", "x", 1, 1)).await;
    five.send(&publish_v5("t", "x", 1, 1)).await;
    until("in flight", || node.count().in_flight == 2).await;
    node.cancel();
    let gate = std::sync::Arc::clone(&node.world.gate);
    let stopping = tokio::spawn(async move {
        let world = node.stop().await;
        Node::with(world.0, |_| ()).await.records()
    });
    tokio::task::yield_now().await;
    gate.open();
    three.expect(&puback(1)).await;
    three.expect_closed().await;
    five.expect(&puback(1)).await;
    five.expect_disconnect(0x8B).await;
    let records = tokio::time::timeout(LIMIT, stopping)
        .await
        .expect("in time")
        .expect("stopped");
    for wanted in [
        "three t x qos1 1",
        "five t x qos1 1",
        "[three closed ServerStopping expiry=0 will=false]",
        "[five closed ServerStopping expiry=100 will=false]",
    ] {
        assert!(
            records.iter().any(|words| words == wanted),
            "{wanted} in {records:#?}"
        );
    }
}

#[tokio::test]
async fn stop_refuses_newcomers_and_ends_half_open_ones() {
    let node = Node::start().await;
    let mut half = node.client().await;
    half.send(&[0x10]).await;
    until("accepted", || node.count().connections == 1).await;
    let address = node.addresses[0];
    let (_, result) = node.stop().await;
    result.expect("stops");
    half.expect_closed().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn stop_has_a_deadline() {
    let node = Node::with(World::new(), |config| config.stop_timeout_ms = 100).await;
    let mut peer = node.v3("a").await;
    node.world.gate.shut();
    peer.send(&publish_v3("t", "x", 1, 1)).await;
    until("in flight", || node.count().in_flight == 1).await;
    node.cancel();
    // Never acknowledged: it was not durable when the time was over.
    peer.expect_closed().await;
    let gate = std::sync::Arc::clone(&node.world.gate);
    until("given up", || node.count().connections == 0).await;
    gate.open();
    let (_, result) = node.stop().await;
    assert!(
        matches!(result, Err(Error::StopTimeout { connections: 1 })),
        "{result:?}"
    );
}
