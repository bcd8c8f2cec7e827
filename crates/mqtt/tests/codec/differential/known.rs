//! Where the two implementations differ, and why. A difference that is not here is a failure.

use mqtt::codec::{Packet, Property};

/// Any packet type.
const ANY: &[u8] = &[];

/// Rules that we hold a client to and the other implementation does not, with the packet types
/// (numbers of the standard) where that was seen. A rule or a type that is not here is a failure.
pub(crate) const ONLY_WE_REFUSE: &[(&str, &[u8], &str)] = &[
    ("MQTT-1.5.4-2", ANY, "it takes NUL in every text"),
    (
        "MQTT-1.5.5-1",
        ANY,
        "it takes lengths that are longer than need be",
    ),
    (
        "MQTT-3.1.0-1",
        ANY,
        "it keeps no state: any packet may come first",
    ),
    (
        "MQTT-3.1.0-2",
        &[1],
        "it keeps no state: CONNECT may come again",
    ),
    (
        "MQTT-3.1.2-1",
        &[1],
        "it also speaks MQTT 3.1, under either name",
    ),
    (
        "MQTT-3.1.2-2",
        &[1],
        "it also speaks MQTT 3.1, under either name",
    ),
    (
        "MQTT-3.1.2-11",
        &[1],
        "it takes a will QoS without a will in MQTT 5",
    ),
    (
        "MQTT-3.1.2-12",
        &[1],
        "it looks at the will QoS only if there is a will",
    ),
    (
        "MQTT-3.1.2-13",
        &[1],
        "it takes will retain without a will in MQTT 5",
    ),
    (
        "MQTT3-3.1.2-22",
        &[1],
        "it takes a password without a user name in 3.1.1",
    ),
    (
        "MQTT5-3.1.2.11.10",
        &[1],
        "it takes authentication data without a method",
    ),
    ("MQTT-3.3.1-2", &[3], "it takes DUP with QoS 0"),
    ("MQTT-3.3.2-2", &[1, 3], "it takes wildcards in topic names"),
    (
        "MQTT-3.3.2-14",
        &[1, 3],
        "it takes wildcards in response topics",
    ),
    (
        "MQTT-3.3.4-6",
        &[3],
        "it takes subscription identifiers from a client",
    ),
    (
        "MQTT5-3.3.2.1",
        &[3],
        "it takes an empty topic without an alias",
    ),
    (
        "MQTT-3.4.2-1",
        &[4],
        "it takes reasons that only a server uses",
    ),
    (
        "MQTT-3.5.2-1",
        &[5],
        "it takes reasons that only a server uses",
    ),
    (
        "MQTT-3.14.2-1",
        &[14],
        "it takes reasons that only a server uses",
    ),
    (
        "MQTT-3.15.2-1",
        &[15],
        "it takes reasons that only a server uses",
    ),
    ("MQTT5-3.15.2.2.2", &[15], "it takes AUTH without a method"),
    (
        "MQTT-3.8.3-4",
        &[8],
        "it takes no local on shared subscriptions",
    ),
    (
        "MQTT3-3.8.3-4",
        &[8],
        "it ignores reserved bits of subscriptions in 3.1.1",
    ),
    ("MQTT-4.7.1-1", &[8, 10], "it takes # anywhere in a filter"),
    ("MQTT-4.7.1-2", &[8, 10], "it takes + anywhere in a filter"),
    (
        "MQTT-4.7.3-1",
        &[1, 3, 8, 10],
        "it takes empty filters in MQTT 5 and empty topics of wills and answers",
    ),
    (
        "MQTT-4.8.2-1",
        &[8, 10],
        "it does not look at shared subscriptions",
    ),
    (
        "MQTT-4.8.2-2",
        &[8, 10],
        "it does not look at shared subscriptions",
    ),
    (
        "MQTT5-2.1.2",
        &[2, 9, 11, 13],
        "it also reads what a server sends",
    ),
    (
        "MQTT5-2.1.4",
        &[1, 12, 14, 15],
        "it ignores what follows CONNECT, PINGREQ and DISCONNECT, and takes an empty AUTH",
    ),
    (
        "MQTT5-2.2.2.2",
        &[14],
        "it takes a server reference in a client's DISCONNECT",
    ),
];

/// Valid packets that the other implementation refuses: it has no room for a message expiry of 0
/// seconds, which the standard does not forbid, and has MQTT 5 obey the rule of 3.1.1 that an empty
/// client identifier needs a clean session.
pub(crate) fn only_they_refuse(packet: &Packet<'_>) -> bool {
    let expiry = Property::MessageExpiryInterval(0);
    if let Packet::Publish(publish) = packet {
        return publish.message_expiry_seconds == Some(0);
    }
    if let Packet::Connect(connect) = packet {
        let will = connect.will;
        return (connect.client_id.is_empty() && !connect.clean_start)
            || will.is_some_and(|will| will.properties.iter().any(|p| p == expiry));
    }
    false
}

/// The entry of the list that explains why only we refuse a packet for this rule.
pub(crate) fn known(rule: &str, bytes: &[u8]) -> Option<&'static str> {
    let kind = bytes.first()? >> 4;
    ONLY_WE_REFUSE
        .iter()
        .find(|(known, kinds, _)| *known == rule && (kinds.is_empty() || kinds.contains(&kind)))
        .map(|(known, _, _)| *known)
}
