//! QoS 0, 1, 2: what is acknowledged, when, in which order.

use crate::support::{
    Node, Peer, connect_v3, puback, pubcomp, publish_v3, publish_v5, pubrec, pubrel, until,
};

#[tokio::test]
async fn all_three_qualities_in_both_versions() {
    let node = Node::start().await;
    for (mut peer, publish) in [
        (
            node.v3("three").await,
            publish_v3 as fn(&str, &'static str, u8, u16) -> Vec<u8>,
        ),
        (node.v5("five").await, publish_v5),
    ] {
        peer.send(&publish("t/0", "a", 0, 0)).await;
        peer.send(&publish("t/1", "b", 1, 7)).await;
        peer.expect(&puback(7)).await;
        peer.send(&publish("t/2", "c", 2, 8)).await;
        peer.expect(&pubrec(8)).await;
        peer.send(&pubrel(8)).await;
        peer.expect(&pubcomp(8)).await;
    }
    let messages = node.messages();
    assert_eq!(
        messages,
        [
            "three t/0 a qos0 0",
            "three t/1 b qos1 7",
            "three t/2 c qos2 8",
            "five t/0 a qos0 0",
            "five t/1 b qos1 7",
            "five t/2 c qos2 8",
        ]
    );
    assert_eq!(
        node.records()
            .iter()
            .filter(|r| r.starts_with("[release"))
            .count(),
        2
    );
    until("counted", || node.count().in_flight == 0).await;
    let count = node.count();
    assert_eq!(
        (count.received(), count.journalled, count.acknowledged),
        (6, 6, 4)
    );
    assert_eq!((count.connections_accepted, count.in_flight_bytes), (2, 0));
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_durable() {
    let node = Node::start().await;
    let mut peer = node.v5("a").await;
    peer.send(&publish_v5("t", "held", 2, 3)).await;
    peer.expect(&pubrec(3)).await;
    node.world.gate.shut();
    peer.send(&publish_v5("t", "one", 1, 1)).await;
    peer.send(&publish_v5("t", "two", 2, 2)).await;
    peer.send(&pubrel(3)).await;
    // A later ping is answered, so the three before it have been read, and they are not.
    peer.ping().await;
    until("in flight", || node.count().in_flight == 2).await;
    peer.ping().await;
    assert_eq!(node.messages(), ["a t held qos2 3"]);
    node.world.gate.open();
    peer.expect(&[puback(1), pubrec(2), pubcomp(3)].concat())
        .await;
    assert_eq!(node.messages().len(), 3);
}

#[tokio::test]
async fn connack_waits_for_the_session_to_be_durable() {
    let node = Node::start().await;
    node.world.gate.shut();
    let mut peer = node.client().await;
    peer.send(&connect_v3("a", false, 0)).await;
    until("accepted", || node.count().connections == 1).await;
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), peer.packet()).await;
    assert!(early.is_err(), "CONNACK before the session was durable");
    node.world.gate.open();
    peer.expect(&[0x20, 2, 0, 0]).await;
    assert_eq!(
        node.records().first().map(String::as_str),
        Some("[a opened present=false expiry=2592000 will=false]")
    );
}

#[tokio::test]
async fn reading_goes_on_while_a_commit_is_in_flight() {
    let node = Node::start().await;
    let mut peer = node.v3("a").await;
    node.world.gate.shut();
    for id in 1..=200 {
        peer.send(&publish_v3("t", "x", 1, id)).await;
    }
    until("all read", || node.count().received() == 200).await;
    assert_eq!(node.count().acknowledged, 0);
    node.world.gate.open();
    for id in 1..=200 {
        peer.expect(&puback(id)).await;
    }
}

#[tokio::test]
async fn acknowledgements_keep_the_order_of_the_packets() {
    let node = Node::start().await;
    let mut peer = node.v3("a").await;
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for id in 1..=600_u16 {
        // Topics of the disaster class go another way through the journal.
        let topic = if id % 3 == 0 {
            "ioc/x/disaster/d/up"
        } else {
            "ioc/x/energy/e/up"
        };
        let qos = 1 + (id % 2) as u8;
        sent.extend(publish_v3(topic, id.to_string(), qos, id));
        expected.extend(if qos == 1 { puback(id) } else { pubrec(id) });
        if id % 100 == 0 {
            sent.extend([0xC0, 0]);
        }
    }
    for chunk in sent.chunks(97) {
        peer.send(chunk).await;
    }
    let (mut acks, mut pings) = (Vec::new(), 0);
    while acks.len() < expected.len() {
        let (first, body) = peer.packet().await;
        if first == 0xD0 {
            pings += 1;
        } else {
            acks.extend([first, 2]);
            acks.extend(body);
        }
    }
    assert_eq!(acks, expected);
    assert_eq!(pings, 6);
    assert_eq!(node.messages().len(), 600);
}

#[tokio::test]
async fn qos2_packet_id_in_use_is_answered_again_and_not_journalled_again() {
    let node = Node::start().await;
    let mut peer = node.v3("a").await;
    let message = publish_v3("t", "once", 2, 9);
    peer.send(&message).await;
    peer.expect(&pubrec(9)).await;
    let mut again = message.clone();
    again[0] |= 0x08;
    peer.send(&again).await;
    peer.expect(&pubrec(9)).await;
    // Both copies in one segment.
    let twice = [publish_v3("t", "two", 2, 10), publish_v3("t", "two", 2, 10)].concat();
    peer.send(&twice).await;
    peer.expect(&[pubrec(10), pubrec(10)].concat()).await;
    peer.send(&[pubrel(9), pubrel(10)].concat()).await;
    peer.expect(&[pubcomp(9), pubcomp(10)].concat()).await;
    assert_eq!(node.messages(), ["a t once qos2 9", "a t two qos2 10"]);
    assert_eq!(node.count().repeated, 2);
    // Released: the same identifier is a new message.
    peer.send(&message).await;
    peer.expect(&pubrec(9)).await;
    assert_eq!(node.messages().len(), 3);
}

#[tokio::test]
async fn pubrel_of_an_unknown_id_is_completed() {
    let node = Node::start().await;
    let mut three = node.v3("three").await;
    three.send(&pubrel(5)).await;
    three.expect(&pubcomp(5)).await;
    let mut five = node.v5("five").await;
    five.send(&pubrel(5)).await;
    let (first, body) = five.packet().await;
    assert_eq!((first, &body[..3]), (0x70, [0, 5, 0x92].as_slice()));
    assert!(body.len() > 4, "a reason string is welcome by default");
    // Request Problem Information 0: none.
    let mut terse = node.client().await;
    terse
        .send(&crate::support::connect_v5("terse", true, 0, &[0x17, 0]))
        .await;
    terse.packet().await;
    terse.send(&pubrel(5)).await;
    assert_eq!(terse.packet().await, (0x70, vec![0, 5, 0x92]));
}

#[tokio::test]
async fn packets_arrive_in_any_pieces() {
    let node = Node::start().await;
    let mut peer = node.v5("a").await;
    let big = "x".repeat(200_000);
    let bytes = [
        publish_v5("t/small", "1", 1, 1),
        publish_v5("t/big", &big, 1, 2),
        publish_v5("t/small", "2", 1, 3),
    ]
    .concat();
    for byte in &bytes[..30] {
        peer.send(&[*byte]).await;
    }
    for chunk in bytes[30..].chunks(7_777) {
        peer.send(chunk).await;
    }
    peer.expect(&[puback(1), puback(2), puback(3)].concat())
        .await;
    assert_eq!(
        node.messages(),
        [
            "a t/small 1 qos1 1",
            "a t/big ... qos1 2",
            "a t/small 2 qos1 3"
        ]
    );
}

#[tokio::test]
async fn publishing_before_connack_is_taken_after_it() {
    let node = Node::start().await;
    let mut peer = node.client().await;
    peer.send(&[connect_v3("a", true, 0), publish_v3("t", "early", 1, 1)].concat())
        .await;
    peer.expect(&[0x20, 2, 0, 0]).await;
    peer.expect(&puback(1)).await;
}

#[tokio::test]
async fn qos0_just_before_a_goodbye_is_kept() {
    let node = Node::start().await;
    let mut peer = node.v3("a").await;
    peer.send(&[publish_v3("t", "last", 0, 0), vec![0xE0, 0]].concat())
        .await;
    peer.expect_closed().await;
    node.until_record("a t last qos0").await;
    node.until_record("[a closed Disconnected expiry=0 will=false]")
        .await;
}

#[tokio::test]
async fn properties_flags_and_topic_are_journalled_whole() {
    let node = Node::start().await;
    let mut peer = node.v5("a").await;
    // User property, then RETAIN and DUP.
    let properties = [&[0x26][..], &[0, 1, b'k', 0, 1, b'v']].concat();
    let mut message = crate::support::publish("t/x", b"p", 1, 1, Some(&properties));
    message[0] |= 0x09;
    peer.send(&message).await;
    peer.expect(&puback(1)).await;
    assert_eq!(node.messages(), ["a t/x p qos1 1 dup retain properties"]);
}

#[tokio::test]
async fn both_addresses_are_served() {
    let node = Node::with(crate::support::World::new(), |config| {
        config.listen = vec![
            "127.0.0.1:0".parse().expect("v4"),
            "[::1]:0".parse().expect("v6"),
        ];
    })
    .await;
    assert_eq!(node.addresses.len(), 2);
    for address in node.addresses.clone() {
        let mut peer = Peer::dial(address).await;
        peer.send(&connect_v3("a", true, 0)).await;
        peer.expect(&[0x20, 2, 0, 0]).await;
    }
}

#[tokio::test]
async fn works_on_a_real_disk() {
    let directory = std::env::temp_dir().join(format!("ioc-mqtt-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("directory");
    let disk = std::sync::Arc::new(journal::DiskStorage::new(&directory));
    let node = Node::with(crate::support::World::on(disk), |_| ()).await;
    let mut peer = node.v3("a").await;
    for id in 1..=100 {
        peer.send(&publish_v3("t", "x", 1, id)).await;
    }
    for id in 1..=100 {
        peer.expect(&puback(id)).await;
    }
    assert_eq!(node.messages().len(), 100);
    drop(peer);
    node.stop().await.1.expect("stops");
    std::fs::remove_dir_all(&directory).expect("removed");
}
