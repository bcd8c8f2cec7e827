//! What a valid packet means is what is decoded: nothing that the standards allow is refused.

use mqtt::codec::{Connect, Decoded, Limits, Packet, Properties, Property, Publish, decode};

use crate::generate::generate;
use crate::random::{Random, rounds};
use crate::words;

#[test]
fn valid_packets_decode_to_what_was_meant() {
    for seed in 0..rounds(100_000) as u64 {
        let meant = generate(&mut Random::new(seed));
        match decode(&meant.bytes, meant.protocol, &Limits::default()) {
            Ok(Decoded::Packet { packet, bytes }) => {
                assert_eq!(bytes, meant.bytes.len(), "seed {seed}");
                assert_eq!(words::packet(&packet), meant.words, "seed {seed}");
                shortcuts_agree_with_the_properties(&packet);
            }
            other => panic!(
                "seed {seed}: {other:?} of {}\n{:02x?}",
                meant.words, meant.bytes
            ),
        }
    }
}

/// The fields that are read off the properties say what the properties say.
fn shortcuts_agree_with_the_properties(packet: &Packet<'_>) {
    match packet {
        Packet::Publish(publish) => publish_agrees(publish),
        Packet::Connect(connect) => connect_agrees(connect),
        Packet::Subscribe(subscribe) => {
            assert_eq!(subscribe.filters.len(), subscribe.filters.iter().count());
            let id = first(subscribe.properties, |property| {
                if let Property::SubscriptionIdentifier(id) = property {
                    Some(id)
                } else {
                    None
                }
            });
            assert_eq!(subscribe.subscription_id, id);
        }
        Packet::Unsubscribe(unsubscribe) => {
            assert_eq!(
                unsubscribe.filters.len(),
                unsubscribe.filters.iter().count()
            );
        }
        Packet::Disconnect(disconnect) => {
            let expiry = first(disconnect.properties, |property| {
                if let Property::SessionExpiryInterval(seconds) = property {
                    Some(seconds)
                } else {
                    None
                }
            });
            assert_eq!(disconnect.session_expiry_seconds, expiry);
        }
        Packet::PubAck(_)
        | Packet::PubRec(_)
        | Packet::PubRel(_)
        | Packet::PubComp(_)
        | Packet::PingReq
        | Packet::Auth(_) => {}
    }
}

fn first<T>(all: Properties<'_>, pick: impl FnMut(Property<'_>) -> Option<T>) -> Option<T> {
    all.iter().find_map(pick)
}

fn publish_agrees(publish: &Publish<'_>) {
    let alias = first(publish.properties, |property| {
        if let Property::TopicAlias(alias) = property {
            Some(alias)
        } else {
            None
        }
    });
    let expiry = first(publish.properties, |property| {
        if let Property::MessageExpiryInterval(seconds) = property {
            Some(seconds)
        } else {
            None
        }
    });
    assert_eq!(publish.topic_alias, alias);
    assert_eq!(publish.message_expiry_seconds, expiry);
    let is_text = publish
        .properties
        .iter()
        .any(|p| p == Property::PayloadFormatIndicator(true));
    assert_eq!(publish.payload_is_text, is_text);
}

fn connect_agrees(connect: &Connect<'_>) {
    let known = &connect.properties;
    let has = |property| known.all.iter().any(|p| p == property);
    let expiry = known.session_expiry_seconds;
    assert!(expiry == 0 || has(Property::SessionExpiryInterval(expiry)));
    let receive = known.receive_maximum;
    assert!(receive == u16::MAX || has(Property::ReceiveMaximum(receive)));
    let bytes = known.packet_bytes_max;
    assert!(bytes == u32::MAX || has(Property::MaximumPacketSize(bytes)));
    let aliases = known.topic_alias_max;
    assert!(aliases == 0 || has(Property::TopicAliasMaximum(aliases)));
    let response = has(Property::RequestResponseInformation(true));
    assert_eq!(known.request_response_information, response);
    let no_problem = has(Property::RequestProblemInformation(false));
    assert_eq!(known.request_problem_information, !no_problem);
    if let Some(will) = &connect.will {
        let delay = Property::WillDelayInterval(will.delay_seconds);
        assert!(will.delay_seconds == 0 || will.properties.iter().any(|p| p == delay));
    }
}
