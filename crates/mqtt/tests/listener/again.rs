//! What comes a second time, and what only looks like it; and clients that leave before their answers.

use tokio::io::AsyncWriteExt;

use crate::support::{
    Node, connect_v3, connect_v5, expiry, packet, puback, pubcomp, publish_v3, publish_v5, pubrec,
    pubrel,
};

fn with_dup(mut publish: Vec<u8>) -> Vec<u8> {
    publish[0] |= 0x08;
    publish
}

/// A client that lost its state, but not its session, counts from 1 again. Its message is new: by the
/// book a redelivery has DUP, and this has another content as well.
#[tokio::test]
async fn a_used_identifier_without_dup_and_with_new_content_is_a_new_message() {
    for crash in [false, true] {
        let mut node = Node::start().await;
        let mut peer = node.client().await;
        peer.send(&connect_v3("a", false, 0)).await;
        peer.expect(&[0x20, 2, 0, 0]).await;
        peer.send(&publish_v3("t", "held", 2, 1)).await;
        peer.expect(&pubrec(1)).await;
        // On one connection it is the same message, whatever is in it.
        peer.send(&publish_v3("t", "other", 2, 1)).await;
        peer.expect(&pubrec(1)).await;
        if crash {
            node = Node::with(node.crash().await.power_cut(), |_| ()).await;
        } else {
            drop(peer);
            node.until_record("[a closed Lost expiry=2592000 will=false]")
                .await;
        }
        let mut peer = node.client().await;
        peer.send(&connect_v3("a", false, 0)).await;
        peer.expect(&[0x20, 2, 1, 0]).await;
        peer.send(&publish_v3("t", "new", 2, 1)).await;
        peer.expect(&pubrec(1)).await;
        peer.send(&with_dup(publish_v3("t", "new", 2, 1))).await;
        peer.expect(&pubrec(1)).await;
        peer.send(&pubrel(1)).await;
        peer.expect(&pubcomp(1)).await;
        assert_eq!(
            node.messages(),
            ["a t held qos2 1", "a t new qos2 1"],
            "crash {crash}"
        );
    }
}

/// There are clients that never set DUP.
#[tokio::test]
async fn a_redelivery_without_dup_is_known_by_its_content() {
    let node = Node::start().await;
    for present in [0, 1, 1] {
        let mut peer = node.client().await;
        peer.send(&connect_v3("a", false, 0)).await;
        peer.expect(&[0x20, 2, present, 0]).await;
        peer.send(&publish_v3("t", "same", 2, 1)).await;
        peer.expect(&pubrec(1)).await;
    }
    assert_eq!(node.messages(), ["a t same qos2 1"]);
}

#[tokio::test]
async fn a_repeated_message_takes_one_place_in_the_receive_maximum() {
    let node = Node::with(crate::support::World::new(), |config| {
        config.inflight_per_connection_max = 2;
    })
    .await;
    let mut peer = node.client().await;
    peer.send(&connect_v5("a", false, 0, &expiry(100))).await;
    peer.packet().await;
    let first = publish_v5("t", "m", 2, 1);
    let second = publish_v5("t", "n", 2, 2);
    peer.send(&[first.clone(), second.clone()].concat()).await;
    peer.expect(&[pubrec(1), pubrec(2)].concat()).await;
    for _ in 0..5 {
        peer.send(&with_dup(first.clone())).await;
        peer.expect(&pubrec(1)).await;
    }
    // What is released on the next connection gives back no place that it never had there.
    let mut peer = node.client().await;
    peer.send(&connect_v5("a", false, 0, &expiry(100))).await;
    peer.packet().await;
    peer.send(&pubrel(1)).await;
    peer.expect(&pubcomp(1)).await;
    let more = [
        with_dup(second),
        publish_v5("t", "o", 2, 3),
        publish_v5("t", "p", 2, 4),
    ];
    peer.send(&more.concat()).await;
    let mut last = peer.packet().await;
    while last.0 == 0x50 {
        last = peer.packet().await;
    }
    assert_eq!((last.0, last.1[0]), (0xE0, 0x93), "{last:02x?}");
}

/// A client that publishes, says goodbye and closes still learns what was stored.
#[tokio::test]
async fn a_goodbye_does_not_cost_the_acknowledgements_before_it() {
    let node = Node::start().await;
    let messages = |level: u8| {
        let publish = if level == 5 { publish_v5 } else { publish_v3 };
        [publish("t", "1", 1, 1), publish("t", "2", 2, 2)].concat()
    };
    let mut peer = node.v3("three").await;
    peer.send(&[messages(4), packet(0xE0, &[])].concat()).await;
    peer.expect(&[puback(1), pubrec(2)].concat()).await;
    peer.expect_closed().await;
    let mut peer = node.v5("five").await;
    peer.send(&[messages(5), packet(0xE0, &[])].concat()).await;
    peer.expect(&[puback(1), pubrec(2)].concat()).await;
    peer.expect_closed().await;
    // Or closes its sending side only.
    let mut peer = node.v3("half").await;
    peer.send(&messages(4)).await;
    peer.stream.shutdown().await.expect("shut down");
    peer.expect(&[puback(1), pubrec(2)].concat()).await;
    peer.expect_closed().await;
}

/// Answers that fill the buffer stop the reading only until they are written.
#[tokio::test]
async fn a_hundred_thousand_pings_at_once_are_all_answered() {
    const PINGS: usize = 100_000;
    let node = Node::start().await;
    let mut peer = node.v3("a").await;
    let (mut reading, mut writing) = peer.stream.split();
    let pings = [0xC0, 0].repeat(PINGS);
    let mut answers = vec![0; pings.len()];
    let both = async {
        tokio::try_join!(
            writing.write_all(&pings),
            tokio::io::AsyncReadExt::read_exact(&mut reading, &mut answers)
        )
    };
    let done = tokio::time::timeout(crate::support::LIMIT, both).await;
    done.expect("answered in time").expect("open");
    assert_eq!(answers, [0xD0, 0].repeat(PINGS));
}
