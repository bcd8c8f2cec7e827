//! A journal without room: the broker's window holds what has no reserve.

use journal::State;

use crate::support::{Broker, LIMIT, Node, World, options, until};

const NORMAL: &str = "ioc/x/energy/e/up";
const DISASTER: &str = "ioc/x/disaster/d/up";

#[tokio::test]
async fn full_only_disaster_is_acknowledged_and_all_of_it_later() {
    let mut options = options();
    options.segment_bytes = 64 * 1024;
    options.reserve_disaster_bytes = 64 * 1024;
    options.reserve_system_bytes = 64 * 1024;
    let broker = Broker::start().await;
    let node = Node::on(World::new(), options, &broker.url(), |config| {
        config.filters = vec!["ioc/+/energy/#".to_owned()];
        config.disaster_filters = vec!["ioc/+/disaster/#".to_owned()];
        config.receive_maximum = 50;
    });
    node.ready().await;
    let mut publisher = broker.publisher().await;
    publisher.send(NORMAL, "before").await;
    node.acknowledged(1).await;
    node.world.sim.set_capacity(Some(node.world.sim.used()));
    // Something has to be refused before the journal knows.
    publisher.send(NORMAL, "x".repeat(60_000)).await;
    publisher.send(NORMAL, "x".repeat(60_000)).await;
    let mut state = node.journal.state();
    tokio::time::timeout(
        LIMIT,
        state.wait_for(|state| matches!(state, State::Full { .. })),
    )
    .await
    .expect("full in time")
    .expect("running");
    // More than the window of the ordinary connection.
    let before = node.count().acknowledged;
    publisher.send_many(NORMAL, 0, 300).await;
    publisher.send_qos0(NORMAL, "shed").await;
    publisher.send(DISASTER, "flood").await;
    until("the flood", || {
        node.payloads().last().is_some_and(|last| last == "flood")
    })
    .await;
    until("acknowledged", || node.count().acknowledged == before + 1).await;
    assert!(node.count().in_flight >= 50, "held");
    assert!(node.is_ready());
    node.world.sim.set_capacity(None);
    node.acknowledged(before + 1 + 300).await;
    until("all", || node.count().in_flight == 0).await;
    let payloads = node.payloads();
    for n in 0..300 {
        assert!(payloads.contains(&n.to_string()), "{n}");
    }
    // Shed while full, or still on its way at the broker then: counted or kept, never both.
    let kept = payloads.iter().filter(|payload| *payload == "shed").count() as u64;
    until("settled", || node.count().dropped_full + kept <= 1).await;
    assert_eq!(node.count().disconnected, 0);
}
