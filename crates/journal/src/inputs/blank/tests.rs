use proptest::prelude::*;

use super::super::{FrontDoor, Kind, Opening, Oversize, VERSION, Will};
use super::*;

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    bytes
}

fn blanked(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    let mut blanked = bytes.to_vec();
    blank(kind as u8, VERSION, &mut blanked);
    let mut again = blanked.clone();
    blank(kind as u8, VERSION, &mut again);
    assert_eq!(again, blanked, "a second time changes nothing");
    assert_eq!(blanked.len(), bytes.len());
    blanked
}

fn message<'a>(
    properties: &'a [u8],
    topic: &'a str,
    payload: &'a [u8],
    oversize: Option<Oversize>,
) -> Message<'a> {
    Message {
        front_door: FrontDoor::Listener,
        protocol: 5,
        principal: "hotel",
        peer: "10.0.0.7:50123",
        client_id: "sapa-12",
        session: 7,
        connection: 300,
        packet_id: 41,
        qos: 2,
        dup: true,
        retain: false,
        will: false,
        oversize,
        properties,
        topic,
        payload,
    }
}

proptest! {
    #[test]
    fn a_blanked_message_is_the_same_message_without_content(
        properties in prop::collection::vec(1_u8.., 0..300),
        payload in prop::collection::vec(1_u8.., 0..300),
        topic in ".{0,200}",
        length in prop::option::of(any::<u64>()),
    ) {
        let oversize = length.map(|length| Oversize { length, sha256: [9; 32] });
        let before = message(&properties, &topic, &payload, oversize);
        let bytes = blanked(Kind::Message, &encoded(|out| before.encode(out)));
        let (no_properties, no_payload) = (vec![0; properties.len()], vec![0; payload.len()]);
        let oversize = length.map(|length| Oversize { length, sha256: [0; 32] });
        let after = message(&no_properties, &topic, &no_payload, oversize);
        prop_assert_eq!(Message::decode(VERSION, &bytes), Ok(after));
        let reprocess = Reprocess {
            offset: 3, stamp: crate::Stamp { journal_ns: 1, wall_ns: 2 }, operator: "lan", verified: true, reason: "mapping mended",
            kind: Kind::Message as u8, version: VERSION, record: &encoded(|out| before.encode(out)),
        };
        let bytes = blanked(Kind::Reprocess, &encoded(|out| reprocess.encode(out)));
        let after = encoded(|out| after.encode(out));
        prop_assert_eq!(
            Reprocess::decode(VERSION, &bytes),
            Ok(Reprocess { record: &after, ..reprocess })
        );
    }

    #[test]
    fn a_blanked_will_keeps_its_session(
        bytes in prop::collection::vec(1_u8.., 0..200), topic in ".{0,40}",
    ) {
        let opening = |content| Session {
            client_id: "sapa-12", session: 7, connection: 300,
            change: SessionChange::Opened(Opening {
                principal: "hotel", peer: "p", protocol: 5, clean_start: true, present: false,
                assigned_id: false, expiry_seconds: 60, keep_alive_seconds: 30,
                will: Some(Will {
                    topic: &topic, qos: 1, retain: false, delay_seconds: 5,
                    properties: content, payload: content,
                }),
            }),
        };
        let after = blanked(Kind::Session, &encoded(|out| opening(&bytes).encode(out)));
        let nothing = vec![0; bytes.len()];
        prop_assert_eq!(Session::decode(VERSION, &after), Ok(opening(&nothing)));
    }

    #[test]
    fn what_cannot_be_read_becomes_zeros(
        kind in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut payload = bytes.clone();
        blank(kind, VERSION + 1, &mut payload);
        prop_assert!(payload.iter().all(|byte| *byte == 0));
        blank(kind, VERSION, &mut bytes.clone());
    }
}
