//! What the server sends, byte by byte and through the other implementation's eyes.

use bytes::BytesMut;
use mqtt::codec::encode::{self, ConnAck};
use mqtt::codec::{Protocol, Qos, Reason};
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Decoder;

const ANY: u32 = u32::MAX;

fn sent(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

fn read_v3(bytes: &[u8]) -> v3::Packet {
    let mut buffer = BytesMut::from(bytes);
    let packet = v3::Codec::default()
        .decode(&mut buffer)
        .expect("valid")
        .expect("whole")
        .0;
    assert!(buffer.is_empty(), "{buffer:?} left over");
    packet
}

fn read_v5(bytes: &[u8]) -> v5::Packet {
    let mut buffer = BytesMut::from(bytes);
    let packet = v5::Codec::default()
        .decode(&mut buffer)
        .expect("valid")
        .expect("whole")
        .0;
    assert!(buffer.is_empty(), "{buffer:?} left over");
    packet
}

fn full() -> ConnAck<'static> {
    ConnAck {
        session_present: true,
        reason: Reason::Success,
        session_expiry_seconds: Some(86_400),
        receive_maximum: Some(1000),
        maximum_qos: Some(Qos::AtLeastOnce),
        retain_available: Some(true),
        packet_bytes_max: Some(300_000),
        assigned_client_id: Some("ioc-1"),
        topic_alias_max: Some(16),
        reason_string: Some("xin chào"),
        wildcard_subscription_available: Some(false),
        subscription_ids_available: Some(false),
        shared_subscription_available: Some(false),
        server_keep_alive_seconds: Some(60),
    }
}

#[test]
fn connack_of_5_carries_every_property() {
    let bytes = sent(|out| assert!(encode::connack(out, Protocol::V5, ANY, &full())));
    let v5::Packet::ConnectAck(read) = read_v5(&bytes) else {
        panic!("not a CONNACK")
    };
    assert!(read.session_present);
    assert_eq!(u8::from(read.reason_code), 0);
    assert_eq!(read.session_expiry_interval_secs, Some(86_400));
    assert_eq!(read.receive_max.get(), 1000);
    assert_eq!(read.max_qos.value(), 1);
    assert!(read.retain_available);
    assert_eq!(read.max_packet_size, Some(300_000));
    assert_eq!(read.assigned_client_id.as_deref(), Some("ioc-1"));
    assert_eq!(read.topic_alias_max, 16);
    assert_eq!(read.reason_string.as_deref(), Some("xin chào"));
    assert!(!read.wildcard_subscription_available);
    assert!(!read.subscription_identifiers_available);
    assert!(!read.shared_subscription_available);
    assert_eq!(read.server_keepalive_sec, Some(60));
}

#[test]
fn connack_without_properties_has_none() {
    let bytes = sent(|out| {
        assert!(encode::connack(out, Protocol::V5, ANY, &ConnAck::default()));
    });
    assert_eq!(bytes, [0x20, 3, 0, 0, 0]);
    let two = ConnAck {
        maximum_qos: Some(Qos::ExactlyOnce),
        ..ConnAck::default()
    };
    let bytes = sent(|out| assert!(encode::connack(out, Protocol::V5, ANY, &two)));
    assert_eq!(
        bytes,
        [0x20, 3, 0, 0, 0],
        "maximum QoS 2 is a protocol error"
    );
}

#[test]
fn a_refusing_connack_has_no_session_present() {
    let refusal = ConnAck {
        session_present: true,
        reason: Reason::ServerBusy,
        ..ConnAck::default()
    };
    let bytes = sent(|out| assert!(encode::connack(out, Protocol::V5, ANY, &refusal)));
    assert_eq!(bytes, [0x20, 3, 0, 0x89, 0]);
    let bytes = sent(|out| assert!(encode::connack(out, Protocol::V3, ANY, &refusal)));
    assert_eq!(bytes, [0x20, 2, 0, 3]);
}

#[test]
fn connack_of_3_1_1_has_its_own_codes_or_is_not_sent() {
    let codes = [
        (Reason::Success, Some(0)),
        (Reason::UnsupportedProtocolVersion, Some(1)),
        (Reason::ClientIdentifierNotValid, Some(2)),
        (Reason::ServerUnavailable, Some(3)),
        (Reason::BadUserNameOrPassword, Some(4)),
        (Reason::NotAuthorized, Some(5)),
        (Reason::MalformedPacket, None),
        (Reason::PacketTooLarge, None),
    ];
    for (reason, code) in codes {
        let mut out = Vec::new();
        let connack = ConnAck { reason, ..full() };
        assert_eq!(
            encode::connack(&mut out, Protocol::V3, ANY, &connack),
            code.is_some()
        );
        match code {
            Some(code) => assert_eq!(out, [0x20, 2, u8::from(code == 0), code]),
            None => assert!(out.is_empty()),
        }
    }
}

#[test]
fn connack_within_the_clients_maximum_packet_size() {
    let whole = sent(|out| assert!(encode::connack(out, Protocol::V5, ANY, &full())));
    for bytes_max in 1..whole.len() as u32 + 2 {
        let mut out = Vec::new();
        let fits = encode::connack(&mut out, Protocol::V5, bytes_max, &full());
        assert!(out.len() <= bytes_max as usize);
        assert_eq!(fits, !out.is_empty());
        if fits {
            let v5::Packet::ConnectAck(read) = read_v5(&out) else {
                panic!("not a CONNACK")
            };
            assert_eq!(
                read.reason_string.is_some(),
                bytes_max as usize >= whole.len()
            );
        }
    }
}

#[test]
fn acknowledgements_have_short_forms() {
    for (name, ok, ack) in [
        (
            0x40,
            encode::puback_ok as fn(&mut Vec<u8>, u16),
            encode::puback as fn(&mut Vec<u8>, _, _, _, _, Option<&str>),
        ),
        (0x50, encode::pubrec_ok, encode::pubrec),
        (0x70, encode::pubcomp_ok, encode::pubcomp),
    ] {
        let short = [name, 2, 1, 2];
        assert_eq!(sent(|out| ok(out, 0x0102)), short);
        for protocol in [Protocol::V3, Protocol::V5] {
            assert_eq!(
                sent(|out| ack(out, protocol, ANY, 0x0102, Reason::Success, None)),
                short
            );
        }
        let reason = Reason::PacketIdentifierNotFound;
        assert_eq!(
            sent(|out| ack(out, Protocol::V3, ANY, 0x0102, reason, Some("no"))),
            short
        );
        assert_eq!(
            sent(|out| ack(out, Protocol::V5, ANY, 0x0102, reason, None)),
            [name, 3, 1, 2, 0x92]
        );
        assert_eq!(
            sent(|out| ack(out, Protocol::V5, ANY, 0x0102, reason, Some("no"))),
            [name, 9, 1, 2, 0x92, 5, 0x1F, 0, 2, b'n', b'o']
        );
        assert_eq!(
            sent(|out| ack(out, Protocol::V5, 10, 0x0102, reason, Some("no"))),
            [name, 3, 1, 2, 0x92],
            "the text would make it larger than the client takes"
        );
    }
}

#[test]
fn acknowledgements_append_to_one_buffer() {
    let bytes = sent(|out| (1..=3).for_each(|id| encode::puback_ok(out, id)));
    assert_eq!(bytes, [0x40, 2, 0, 1, 0x40, 2, 0, 2, 0x40, 2, 0, 3]);
}

#[test]
fn a_long_reason_string_is_whole() {
    let text = "n".repeat(70_000);
    let ack = |bytes_max| {
        sent(|out| {
            encode::puback(
                out,
                Protocol::V5,
                bytes_max,
                1,
                Reason::QuotaExceeded,
                Some(&text),
            )
        })
    };
    let v5::Packet::PublishAck(read) = read_v5(&ack(ANY)) else {
        panic!("not a PUBACK")
    };
    assert_eq!(
        read.reason_string.map(|text| text.len()),
        Some(65_535),
        "cut where its length ends"
    );
    assert_eq!(ack(1000), [0x40, 3, 0, 1, 0x97]);
}

#[test]
fn suback_answers_filter_by_filter() {
    let reasons = [Reason::NotAuthorized, Reason::Success, Reason::GrantedQos2];
    let suback = |protocol| sent(|out| encode::suback(out, protocol, 7, reasons.into_iter()));
    assert_eq!(suback(Protocol::V3), [0x90, 5, 0, 7, 0x80, 0, 2]);
    assert_eq!(suback(Protocol::V5), [0x90, 6, 0, 7, 0, 0x87, 0, 2]);
    assert!(matches!(
        read_v3(&suback(Protocol::V3)),
        v3::Packet::SubscribeAck { .. }
    ));
    assert!(matches!(
        read_v5(&suback(Protocol::V5)),
        v5::Packet::SubscribeAck(_)
    ));
    let many = std::iter::repeat_n(Reason::NotAuthorized, 300);
    let bytes = sent(|out| encode::suback(out, Protocol::V5, 7, many));
    let v5::Packet::SubscribeAck(read) = read_v5(&bytes) else {
        panic!("not a SUBACK")
    };
    assert_eq!(read.status.len(), 300);
}

#[test]
fn unsuback_answers_filter_by_filter_in_5_only() {
    let reasons = [Reason::NoSubscriptionExisted; 2];
    let unsuback = |protocol| sent(|out| encode::unsuback(out, protocol, 7, reasons.into_iter()));
    assert_eq!(unsuback(Protocol::V3), [0xB0, 2, 0, 7]);
    assert_eq!(unsuback(Protocol::V5), [0xB0, 5, 0, 7, 0, 0x11, 0x11]);
}

#[test]
fn pingresp_is_two_bytes() {
    assert_eq!(sent(encode::pingresp), [0xD0, 0]);
}

#[test]
fn disconnect_exists_in_5_only() {
    let disconnect = |protocol, bytes_max, text| {
        sent(|out| encode::disconnect(out, protocol, bytes_max, Reason::SessionTakenOver, text))
    };
    assert!(disconnect(Protocol::V3, ANY, Some("no")).is_empty());
    assert_eq!(disconnect(Protocol::V5, ANY, None), [0xE0, 1, 0x8E]);
    let long = disconnect(Protocol::V5, ANY, Some("no"));
    assert_eq!(long, [0xE0, 7, 0x8E, 5, 0x1F, 0, 2, b'n', b'o']);
    assert_eq!(disconnect(Protocol::V5, 9, Some("no")), long);
    assert_eq!(disconnect(Protocol::V5, 8, Some("no")), [0xE0, 1, 0x8E]);
}
