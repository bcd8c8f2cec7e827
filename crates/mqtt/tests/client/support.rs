//! A client with its journal, a mosquitto of its own, and a broker that speaks bytes.

mod broker;
mod fake;
mod node;
#[path = "../listener/support/packets.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the listener, which use all of it"
)]
mod packets;
#[path = "../listener/support/peer.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the listener, which use all of it"
)]
mod peer;
#[path = "../listener/support/world.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the listener, which use all of it"
)]
mod world;

use std::time::{Duration, Instant};

pub(crate) use broker::Broker;
pub(crate) use fake::Fake;
pub(crate) use mqtt::client::ProtocolChoice::{V3, V5};
pub(crate) use node::{Node, options};
pub(crate) use packets::{packet, puback, publish_v3, text};
pub(crate) use peer::Peer;
pub(crate) use world::World;

/// Nothing in these tests takes this long unless it is broken.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < end, "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
