//! A listener with its journal, and a client that speaks bytes.

mod node;
mod packets;
mod peer;
mod world;

use std::time::{Duration, Instant};

pub(crate) use node::{Node, options};
pub(crate) use packets::{
    connect, connect_v3, connect_v5, expiry, packet, puback, pubcomp, publish, publish_v3,
    publish_v5, pubrec, pubrel, text,
};
pub(crate) use peer::Peer;
pub(crate) use world::World;

/// Nothing in these tests takes this long unless it is broken.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < end, "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
