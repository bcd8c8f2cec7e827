//! Messages that end every connection are taken out; nothing else is lost for it.

use tokio::io::AsyncWriteExt;

use crate::support::{Broker, Fake, Node, Peer, V3, V5, packet, puback, publish_v3, text, until};

const TOPIC: &str = "ioc/x/energy/e/up";

fn tight(config: &mut mqtt::client::ClientConfig) {
    config.payload_bytes_max = 4 * 1024;
    config.packet_bytes_max = 16 * 1024;
    config.poison_after = 3;
}

#[tokio::test]
async fn a_large_payload_is_recorded_by_its_hash_and_no_poison() {
    let broker = Broker::start().await;
    for protocol in [V3, V5] {
        let node = Node::start(&broker.url(), |config| {
            tight(config);
            config.protocol = protocol;
        });
        node.ready().await;
        let mut publisher = broker.publisher().await;
        publisher.send(TOPIC, "x".repeat(8 * 1024)).await;
        publisher.send(TOPIC, "behind").await;
        node.acknowledged(2).await;
        let messages = node.messages();
        assert_eq!(
            (messages[0].oversize, messages[0].payload.len()),
            (Some(8 * 1024), 4_096)
        );
        assert_eq!(messages[1].payload, "behind");
        let count = node.count();
        assert_eq!(
            (count.oversize_recorded, count.poison, count.disconnected),
            (1, 0, 0)
        );
        let (_, ended) = node.stop().await;
        ended.expect("in order");
    }
}

#[tokio::test]
async fn a_packet_over_the_limit_is_taken_out() {
    let broker = Broker::start().await;
    let node = Node::start(&broker.url(), tight);
    node.ready().await;
    let mut publisher = broker.publisher().await;
    publisher.send(TOPIC, "before").await;
    node.acknowledged(1).await;
    publisher.send(TOPIC, "x".repeat(300_000)).await;
    publisher.send_many(TOPIC, 0, 100).await;
    until("the last", || {
        node.payloads().last().is_some_and(|last| last == "99")
    })
    .await;
    node.ready().await;
    let messages = node.messages();
    let taken: Vec<_> = messages
        .iter()
        .filter(|message| message.oversize.is_some())
        .collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(
        (taken[0].oversize, taken[0].payload.len(), taken[0].qos),
        (Some(300_000), 4_096, 1)
    );
    for n in 0..100 {
        let wanted = n.to_string();
        assert!(
            messages.iter().any(|message| message.payload == wanted),
            "{wanted}"
        );
    }
    let (count, link) = (node.count(), node.link(0));
    assert_eq!(
        (count.poison, count.poison_rescued, count.fresh_sessions),
        (1, 1, 0)
    );
    assert_eq!((count.lost_sessions, link.poison), (0, 1));
    let words = link.last_poison.expect("named");
    assert!(words.contains(TOPIC) && words.contains("300000"), "{words}");
    assert!(link.last_error.expect("told").contains("packet_bytes_max"));
}

/// A PUBLISH whose topic is no text.
fn bad_topic(id: u16) -> Vec<u8> {
    let mut body = vec![0, 3, b'a', 0xFF, b'b'];
    body.extend(id.to_be_bytes());
    body.extend(b"bytes");
    packet(0x3A, &body)
}

#[tokio::test]
async fn a_topic_that_is_no_text_is_taken_out() {
    let fake = Fake::start().await;
    let node = Node::start(&fake.url(), tight);
    // Subscribed once, then cut off by the message each time.
    for attempt in 0..3 {
        let mut peer = fake.subscribed(attempt > 0).await;
        peer.send(&bad_topic(7)).await;
        peer.expect_closed().await;
    }
    // The rescue does not subscribe. What is not poison is passed over.
    let mut rescue = fake.connected(true).await;
    rescue.send(&publish_v3(TOPIC, "innocent", 1, 6)).await;
    rescue.send(&bad_topic(7)).await;
    rescue.expect(&puback(7)).await;
    rescue.send(&publish_v3(TOPIC, "new", 1, 8)).await;
    // Nothing else was acknowledged: goodbye.
    rescue.expect(&[0xE0, 0]).await;
    let mut peer = fake.subscribed(true).await;
    peer.send(&publish_v3(TOPIC, "innocent", 1, 6)).await;
    peer.expect(&puback(6)).await;
    let messages = node.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (&*messages[0].topic, &*messages[0].payload),
        ("a\u{FFFD}b", "bytes")
    );
    let count = node.count();
    assert_eq!((count.poison, count.poison_rescued), (1, 1));
}

/// Packet id 0 with QoS 1: nobody could acknowledge it.
async fn hopeless(peer: &mut Peer) {
    let mut body = Vec::new();
    text(&mut body, TOPIC);
    body.extend([0, 0]);
    peer.send(&packet(0x3A, &body)).await;
}

#[tokio::test]
async fn what_cannot_be_taken_out_costs_the_session_in_the_end() {
    let fake = Fake::start().await;
    let node = Node::start(&fake.url(), |config| {
        tight(config);
        config.poison_after = 1;
    });
    for rescue in 0..2 {
        let mut peer = fake.subscribed(rescue > 0).await;
        hopeless(&mut peer).await;
        peer.expect_closed().await;
        // A rescue that finds nothing: the broker closes.
        let mut rescue = fake.connected(true).await;
        rescue.stream.shutdown().await.expect("closed");
    }
    // Clean session.
    let (mut fresh, body) = fake.accept().await;
    assert_eq!(body[7] & 0b10, 0b10);
    fresh.send(&[0x20, 2, 0, 0]).await;
    fresh.expect(&[0xE0, 0]).await;
    let (mut peer, body) = fake.accept().await;
    assert_eq!(body[7] & 0b10, 0, "and then a session that stays");
    // Before it is answered: a slow answer would be an error of its own.
    let told = node.link(0).last_error.expect("told");
    assert!(told.contains("session was given up"), "{told}");
    peer.send(&[0x20, 2, 0, 0]).await;
    let count = node.count();
    assert_eq!(
        (count.poison, count.poison_rescued, count.fresh_sessions),
        (1, 0, 1)
    );
}
