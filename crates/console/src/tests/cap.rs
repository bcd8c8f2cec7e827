//! CAP messages over a backend that has published one.

use std::sync::Arc;

use super::App;
use crate::node::Node;
use crate::{CapBackend, ConsoleConfig};

struct Fake;

impl CapBackend for Fake {
    fn feed(&self) -> Vec<u8> {
        b"<feed/>".to_vec()
    }

    fn message(&self, id: &str) -> Option<Vec<u8>> {
        (id == "river-bd3:wl bao:1-7.1").then(|| b"<alert/>".to_vec())
    }
}

#[tokio::test]
async fn the_feed_and_its_messages_are_served_as_what_they_are() {
    let node = Node::new();
    let mut deps = node.deps(Vec::new());
    deps.cap = Some(Arc::new(Fake));
    let app = App::with_deps(node, ConsoleConfig::default(), deps).await;
    let feed = app.get("/api/v1/cap").await;
    assert_eq!(
        (feed.status.as_u16(), &*feed.body),
        (200, b"<feed/>".as_slice())
    );
    assert_eq!(feed.header("content-type"), "application/atom+xml");
    let one = app.get("/api/v1/cap/river-bd3:wl%20bao:1-7.1").await;
    assert_eq!(
        (one.status.as_u16(), &*one.body),
        (200, b"<alert/>".as_slice())
    );
    assert_eq!(one.header("content-type"), "application/cap+xml");
    app.get("/api/v1/cap/none").await.is_problem(404);
}

#[tokio::test]
async fn without_a_feed_there_is_none() {
    let app = App::new(ConsoleConfig::default(), Vec::new()).await;
    app.get("/api/v1/cap").await.is_problem(404);
    app.get("/api/v1/cap/any").await.is_problem(404);
}
