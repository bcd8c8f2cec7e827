use proptest::prelude::*;

use super::*;

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

/// Every cut and every flipped byte must be an answer and never a panic.
fn never_panics(bytes: &[u8]) {
    let decode_all = |bytes: &[u8]| {
        let _ = Message::decode(VERSION, bytes);
        let _ = Release::decode(VERSION, bytes);
        let _ = Session::decode(VERSION, bytes);
        let _ = Command::decode(VERSION, bytes);
        let _ = Configuration::decode(VERSION, bytes);
        let _ = ClockRecord::decode(VERSION, bytes);
        let _ = Node::decode(VERSION, bytes);
        let _ = Redaction::decode(VERSION, bytes);
        let _ = Reprocess::decode(VERSION, bytes);
        let _ = Outlet::decode(VERSION, bytes);
    };
    for length in 0..=bytes.len() {
        decode_all(&bytes[..length]);
    }
    let mut changed = bytes.to_vec();
    for at in 0..changed.len() {
        changed[at] = !changed[at];
        decode_all(&changed);
        changed[at] = !changed[at];
    }
}

/// A message as the first release wrote it: these bytes stay readable for ever.
#[test]
fn message_bytes_of_version_1() {
    let message = Message {
        front_door: FrontDoor::Listener,
        protocol: 5,
        principal: "p",
        peer: "h:1",
        client_id: "c",
        session: 300,
        connection: 2,
        packet_id: 0x0102,
        qos: 2,
        dup: true,
        retain: false,
        will: false,
        oversize: None,
        properties: &[0x01, 0x01],
        topic: "a/b",
        payload: b"{}",
    };
    let bytes = encoded(|out| message.encode(out));
    let expected = [
        &[1, 5, 1, b'p', 3, b'h', b':', b'1', 1, b'c', 0xac, 0x02, 2][..],
        &[0b0000_0110, 0x02, 0x01],
        &[2, 1, 1, 3, b'a', b'/', b'b', b'{', b'}'],
    ]
    .concat();
    assert_eq!(bytes, expected);
    assert_eq!(Message::decode(1, &bytes), Ok(message));
    assert_eq!(
        Message::decode(2, &bytes),
        Err(DecodeError::Version { version: 2 })
    );
    never_panics(&bytes);
}

#[test]
fn kinds_have_their_numbers() {
    for kind in Kind::ALL {
        assert_eq!(Kind::try_from(u8::from(kind)), Ok(kind));
    }
    assert_eq!(u8::from(Kind::Message), 1);
    assert_eq!(u8::from(Kind::Outlet), 10);
    assert_eq!(Kind::try_from(11), Err(DecodeError::Kind { kind: 11 }));
}

#[test]
fn rare_records_come_back() {
    let node = |change| Node {
        change,
        version: "0.1.0",
    };
    for node in [
        node(NodeChange::Start),
        node(NodeChange::Stop { clean: true }),
        node(NodeChange::Stop { clean: false }),
    ] {
        let bytes = encoded(|out| node.encode(out));
        assert_eq!(Node::decode(VERSION, &bytes), Ok(node));
        never_panics(&bytes);
    }
    for reason in [
        ClockReason::Tick,
        ClockReason::Step {
            wall_before_ns: -5,
            wall_after_ns: i64::MAX,
        },
    ] {
        let record = ClockRecord { reason };
        let bytes = encoded(|out| record.encode(out));
        assert_eq!(ClockRecord::decode(VERSION, &bytes), Ok(record));
        never_panics(&bytes);
    }
    let redaction = Redaction {
        journal: crate::JournalName::Outcomes,
        offset: 7,
        code: "visitor",
        keys: vec!["name", "phone"],
        hash: [9; 32],
    };
    let bytes = encoded(|out| redaction.encode(out));
    assert_eq!(Redaction::decode(VERSION, &bytes), Ok(redaction));
    never_panics(&bytes);
    for report in [
        OutletReport::Notice(Notice {
            key: "flood:g1:j-7@2/hook/an",
            alert: "flood:g1:j-7",
            revision: 2,
            channel: "hook",
            person: "an",
            result: NoticeResult::MovedOn,
            attempts: 3,
            at_ns: -1,
            grouped: 12,
            detail: "HTTP 503",
        }),
        OutletReport::Reject {
            offset: 1 << 40,
            reason: "type",
            record: &[0, 1],
        },
        OutletReport::Gap { from: 3, to: 900 },
    ] {
        let outlet = Outlet {
            outlet: "influx",
            report,
        };
        let bytes = encoded(|out| outlet.encode(out));
        assert_eq!(Outlet::decode(VERSION, &bytes), Ok(outlet));
        never_panics(&bytes);
    }
}

#[test]
fn the_short_form_of_a_notice_is_still_read() {
    let bytes = [1, b'n', 1, 1, b'k', 1, 0];
    let outlet = Outlet::decode(VERSION, &bytes).unwrap();
    let OutletReport::Notice(notice) = outlet.report else {
        panic!("{outlet:?}");
    };
    assert_eq!((notice.key, notice.result), ("k", NoticeResult::Delivered));
}

#[test]
fn a_number_has_one_form() {
    // 300 in three bytes instead of two, as the session of a release.
    let bytes = [1, b'c', 0xac, 0x82, 0x00, 1, 0, 0];
    assert_eq!(
        Release::decode(VERSION, &bytes),
        Err(DecodeError::Varint { field: "session" })
    );
}

prop_compose! {
    fn oversizes()(length: u64, sha256: [u8; 32]) -> Oversize { Oversize { length, sha256 } }
}

proptest! {
    #[test]
    fn messages_come_back(
        client in any::<bool>(), protocol in 4_u8..=5, texts in prop::array::uniform4(".{0,40}"),
        numbers in any::<(u64, u64, u16)>(), qos in 0_u8..=2, bits in any::<(bool, bool, bool)>(),
        oversize in prop::option::of(oversizes()),
        properties in prop::collection::vec(any::<u8>(), 0..200),
        payload in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let message = Message {
            front_door: if client { FrontDoor::Client } else { FrontDoor::Listener },
            protocol,
            principal: &texts[0], peer: &texts[1], client_id: &texts[2], topic: &texts[3],
            session: numbers.0, connection: numbers.1, packet_id: numbers.2,
            qos, dup: bits.0, retain: bits.1, will: bits.2, oversize,
            properties: &properties, payload: &payload,
        };
        let bytes = encoded(|out| message.encode(out));
        prop_assert_eq!(Message::decode(VERSION, &bytes), Ok(message));
        let mut by_prefix = vec![7];
        message.prefix().encode(&message.body(), &mut by_prefix);
        prop_assert_eq!(&by_prefix[1..], &bytes[..]);
        prop_assert!(message.prefix().encoded_bytes_max(&message.body()) >= bytes.len());
    }

    #[test]
    fn sessions_come_back(
        texts in prop::array::uniform4(".{0,40}"), numbers in any::<(u64, u64, u32, u16, u32)>(),
        bits in any::<(bool, bool, bool, bool)>(), which in 0_u8..4, small in any::<(u8, u8)>(),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let will = bits.3.then_some(Will {
            topic: &texts[3], qos: small.0, retain: bits.0, delay_seconds: numbers.4,
            properties: &bytes, payload: &bytes,
        });
        let change = match which {
            0 => SessionChange::Expired,
            1 => SessionChange::Closed {
                reason: CloseReason(small.1), expiry_seconds: numbers.2, will_pending: bits.1,
            },
            _ => SessionChange::Opened(Opening {
                principal: &texts[1], peer: &texts[2], protocol: small.1, clean_start: bits.0,
                present: bits.1, assigned_id: bits.2, expiry_seconds: numbers.2,
                keep_alive_seconds: numbers.3, will,
            }),
        };
        let (session, connection) = (numbers.0, numbers.1);
        let session = Session { client_id: &texts[0], session, connection, change };
        let encoded = encoded(|out| session.encode(out));
        prop_assert_eq!(Session::decode(VERSION, &encoded), Ok(session));
    }

    #[test]
    fn other_records_come_back(
        texts in prop::array::uniform3(".{0,40}"), bit: bool, numbers in any::<(u64, u64, u16)>(),
        hash: [u8; 32], body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let command = Command {
            command_id: &texts[0], operator: &texts[1], verified: bit, peer: &texts[2], body: &body,
        };
        let bytes = encoded(|out| command.encode(out));
        prop_assert_eq!(Command::decode(VERSION, &bytes), Ok(command));
        let configuration = Configuration { name: &texts[0], sha256: hash, content: &body };
        let bytes = encoded(|out| configuration.encode(out));
        prop_assert_eq!(Configuration::decode(VERSION, &bytes), Ok(configuration));
        let release = Release {
            client_id: &texts[0], session: numbers.0, connection: numbers.1, packet_id: numbers.2,
        };
        let bytes = encoded(|out| release.encode(out));
        prop_assert_eq!(Release::decode(VERSION, &bytes), Ok(release));
        let reprocess = Reprocess {
            offset: numbers.0, stamp: crate::Stamp { journal_ns: 5, wall_ns: -7 }, operator: &texts[1], verified: bit, reason: &texts[2],
            kind: 1, version: 1, record: &body,
        };
        let bytes = encoded(|out| reprocess.encode(out));
        prop_assert_eq!(Reprocess::decode(VERSION, &bytes), Ok(reprocess));
    }

    #[test]
    fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        never_panics(&bytes);
    }
}
