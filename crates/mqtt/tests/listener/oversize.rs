//! Messages over the limit, over and over.

use crate::support::{Node, World, puback, publish_v3, publish_v5, pubrec, until};

/// Larger than any packet that is taken whole.
const LENGTH: usize = 1_000_000;

async fn node() -> Node {
    Node::with(World::new(), |config| config.payload_bytes_max = 1_000).await
}

#[tokio::test]
async fn the_third_coming_is_recorded_and_acknowledged_in_mqtt3() {
    let node = node().await;
    let huge = publish_v3("t/huge", vec![b'z'; LENGTH], 1, 5);
    for coming in 1..=2 {
        let mut peer = node.v3("a").await;
        // The listener closes before all is sent.
        _ = tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &huge).await;
        peer.expect_closed().await;
        until("counted", || node.count().rejected_oversize == coming).await;
    }
    let mut peer = node.v3("a").await;
    peer.send(&[huge, publish_v3("t/behind", "fine", 1, 6)].concat())
        .await;
    peer.expect(&[puback(5), puback(6)].concat()).await;
    assert_eq!(
        node.messages(),
        ["a t/huge ... qos1 5 oversize", "a t/behind fine qos1 6"]
    );
    assert_eq!(node.count().oversize_recorded, 1);
    check_record(&node, b'z', LENGTH);
    // Recorded: the next one begins anew.
    let mut peer = node.v3("b").await;
    _ = tokio::io::AsyncWriteExt::write_all(
        &mut peer.stream,
        &publish_v3("t/huge", vec![b'z'; LENGTH], 1, 5),
    )
    .await;
    peer.expect_closed().await;
}

#[tokio::test]
async fn the_third_coming_is_recorded_and_acknowledged_in_mqtt5() {
    let node = node().await;
    let huge = publish_v5("t/huge", vec![b'y'; LENGTH], 2, 5);
    for _ in 0..2 {
        let mut peer = node.v5("a").await;
        _ = tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &huge).await;
        let (first, body) = peer.packet().await;
        assert_eq!((first, body[0]), (0xE0, 0x95));
    }
    let mut peer = node.v5("a").await;
    for chunk in huge.chunks(10_001) {
        peer.send(chunk).await;
    }
    peer.expect(&pubrec(5)).await;
    assert_eq!(node.messages(), ["a t/huge ... qos2 5 oversize"]);
    check_record(&node, b'y', LENGTH);
    assert_eq!((node.oversize_by_client)(), [("a".to_owned(), 3)]);
}

#[tokio::test]
async fn a_payload_over_the_limit_in_a_packet_that_is_not() {
    let node = node().await;
    let mut peer = node.v5("a").await;
    let message = publish_v5("t", vec![b'x'; 5_000], 1, 1);
    for _ in 0..2 {
        peer.send(&message).await;
        let (first, body) = peer.packet().await;
        assert_eq!((first, body[2]), (0x40, 0x97));
    }
    peer.send(&message).await;
    peer.expect(&puback(1)).await;
    assert_eq!(node.messages(), ["a t ... qos1 1 oversize"]);
    check_record(&node, b'x', 5_000);
}

#[tokio::test]
async fn different_messages_are_counted_apart() {
    let node = node().await;
    for n in 0..6_usize {
        let mut peer = node.v3("a").await;
        let huge = publish_v3("t", vec![b'x'; LENGTH + n], 1, 1);
        _ = tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &huge).await;
        peer.expect_closed().await;
    }
    until("counted", || node.count().rejected_oversize == 6).await;
    assert!(node.messages().is_empty());
}

fn check_record(node: &Node, byte: u8, length: usize) {
    use sha2::Digest;
    let mut reader = node.journal.reader(node.journal.first_offset());
    let end = node.journal.next_offset();
    while reader.position() < end {
        let batch = reader.next_blocking(None).expect("read").expect("records");
        for frame in batch.frames().filter(|frame| frame.kind == 1) {
            let message =
                journal::inputs::Message::decode(frame.version, frame.payload).expect("message");
            if let Some(oversize) = message.oversize {
                assert_eq!(oversize.length, length as u64);
                let wanted: [u8; 32] = sha2::Sha256::digest(vec![byte; length]).into();
                assert_eq!(oversize.sha256, wanted);
                assert_eq!(message.payload, vec![byte; 4096]);
                return;
            }
        }
    }
    panic!("no oversize record");
}
