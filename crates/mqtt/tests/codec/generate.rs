//! Valid packets, any of them, each with what it means in words.

use mqtt::codec::{Property, Protocol, Qos, Reason};

use crate::random::Random;
use crate::words;

pub(crate) struct Generated {
    pub(crate) protocol: Option<Protocol>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) words: String,
}

const TEXTS: &[&str] = &[
    "",
    "a",
    "gauge-7",
    "trạm Lào Cai",
    "\u{FEFF}x",
    "\u{10FFFF}",
    "tab\t",
    "\u{FFFF}",
    "{}",
    "+#/$",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
];
const TOPICS: &[&str] = &[
    "a",
    "/",
    "//",
    "ioc/lao-cai/env/aqm-1/up",
    "mực nước/Bảo Hà",
    "$SYS/x",
    "a b",
    "a\tb",
    "\u{FEFF}",
];
const FILTERS: &[&str] = &[
    "a", "#", "+", "/", "+/+", "a/#", "/#", "+/#", "a/+/c", "$SYS/#", "$share", "mực/+", "//",
];
const SHARED: &[&str] = &["$share/g/a", "$share/g/#", "$share/nhóm/+/b", "$share/g//"];
const DATA: &[&[u8]] = &[b"", b"\0", b"\xFF\xFE", b"data", &[7; 200]];
const QOS: &[Qos] = &[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce];

pub(crate) fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text);
}

pub(crate) fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7F {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    varint(&mut out, body.len());
    out.extend_from_slice(body);
    out
}

fn put_property(out: &mut Vec<u8>, property: Property<'_>) {
    match property {
        Property::PayloadFormatIndicator(value) => out.extend_from_slice(&[1, u8::from(value)]),
        Property::RequestProblemInformation(value) => out.extend([0x17, u8::from(value)]),
        Property::RequestResponseInformation(value) => out.extend([0x19, u8::from(value)]),
        Property::MessageExpiryInterval(value) => number(out, 2, value),
        Property::SessionExpiryInterval(value) => number(out, 0x11, value),
        Property::WillDelayInterval(value) => number(out, 0x18, value),
        Property::MaximumPacketSize(value) => number(out, 0x27, value),
        Property::ReceiveMaximum(value) => short(out, 0x21, value),
        Property::TopicAliasMaximum(value) => short(out, 0x22, value),
        Property::TopicAlias(value) => short(out, 0x23, value),
        Property::ContentType(value) => data(out, 3, value.as_bytes()),
        Property::ResponseTopic(value) => data(out, 8, value.as_bytes()),
        Property::CorrelationData(value) => data(out, 9, value),
        Property::AuthenticationMethod(value) => data(out, 0x15, value.as_bytes()),
        Property::AuthenticationData(value) => data(out, 0x16, value),
        Property::ReasonString(value) => data(out, 0x1F, value.as_bytes()),
        Property::SubscriptionIdentifier(value) => {
            out.push(0x0B);
            varint(out, value as usize);
        }
        Property::UserProperty(name, value) => {
            data(out, 0x26, name.as_bytes());
            text(out, value.as_bytes());
        }
    }
}

fn data(out: &mut Vec<u8>, id: u8, value: &[u8]) {
    out.push(id);
    text(out, value);
}

fn number(out: &mut Vec<u8>, id: u8, value: u32) {
    out.push(id);
    out.extend_from_slice(&value.to_be_bytes());
}

fn short(out: &mut Vec<u8>, id: u8, value: u16) {
    out.push(id);
    out.extend_from_slice(&value.to_be_bytes());
}

/// Some of the properties allowed, in any order, with user properties between them; appended with
/// their length.
fn properties(random: &mut Random, out: &mut Vec<u8>, allowed: &[Property<'static>]) -> String {
    let mut chosen: Vec<Property<'static>> = allowed
        .iter()
        .copied()
        .filter(|_| random.one_in(3))
        .collect();
    for _ in 0..random.pick(&[0, 0, 0, 1, 2]) {
        let property = Property::UserProperty(random.pick(TEXTS), random.pick(TEXTS));
        chosen.insert(random.below(chosen.len() + 1), property);
    }
    for index in (1..chosen.len()).rev() {
        chosen.swap(index, random.below(index + 1));
    }
    // Data needs its method.
    if !chosen
        .iter()
        .any(|property| matches!(property, Property::AuthenticationMethod(_)))
    {
        chosen.retain(|property| !matches!(property, Property::AuthenticationData(_)));
    }
    put_properties(out, &chosen)
}

fn put_properties(out: &mut Vec<u8>, chosen: &[Property<'_>]) -> String {
    let mut bytes = Vec::new();
    chosen
        .iter()
        .for_each(|property| put_property(&mut bytes, *property));
    varint(out, bytes.len());
    out.extend_from_slice(&bytes);
    words::properties(chosen)
}

fn of_message(random: &mut Random) -> Vec<Property<'static>> {
    vec![
        Property::PayloadFormatIndicator(random.one_in(2)),
        Property::MessageExpiryInterval(random.next() as u32),
        Property::ContentType(random.pick(TEXTS)),
        Property::ResponseTopic(random.pick(TOPICS)),
        Property::CorrelationData(random.pick(DATA)),
    ]
}

/// 1 to 65,535.
fn nonzero(random: &mut Random) -> u16 {
    (random.next() as u16).max(1)
}

/// A valid packet.
pub(crate) fn generate(random: &mut Random) -> Generated {
    let v5 = random.one_in(2);
    let protocol = if v5 { Protocol::V5 } else { Protocol::V3 };
    let kind = random.below(if v5 { 11 } else { 10 });
    if kind == 0 {
        let (bytes, words) = connect(random, protocol);
        return Generated {
            protocol: None,
            bytes,
            words,
        };
    }
    let (bytes, words) = match kind {
        1..=3 => publish(random, v5),
        4 => ack(random, v5),
        5 => pubrel(random, v5),
        6 => subscribe(random, v5),
        7 => unsubscribe(random, v5),
        8 => (vec![0xC0, 0], "PINGREQ".to_owned()),
        9 => disconnect(random, v5),
        _ => auth(random),
    };
    Generated {
        protocol: Some(protocol),
        bytes,
        words,
    }
}

fn publish(random: &mut Random, v5: bool) -> (Vec<u8>, String) {
    let qos = random.pick(QOS);
    let dup = qos != Qos::AtMostOnce && random.one_in(2);
    let retain = random.one_in(2);
    let mut topic = random.pick(TOPICS);
    let mut allowed = of_message(random);
    let alias = random.one_in(2).then(|| nonzero(random));
    if v5 && alias.is_some() && random.one_in(2) {
        topic = "";
    }
    let mut body = Vec::new();
    text(&mut body, topic.as_bytes());
    let packet_id = nonzero(random);
    if qos != Qos::AtMostOnce {
        body.extend_from_slice(&packet_id.to_be_bytes());
    }
    let mut words = String::new();
    if v5 {
        if let Some(alias) = alias {
            allowed.retain(|_| random.one_in(3));
            allowed.push(Property::TopicAlias(alias));
            words = put_properties(&mut body, &allowed);
        } else {
            words = properties(random, &mut body, &allowed);
        }
    }
    let payload = random.pick(DATA);
    body.extend_from_slice(payload);
    let first = 0x30 | u8::from(dup) << 3 | qos.bits() << 1 | u8::from(retain);
    let words = words::publish((dup, qos, retain), topic, packet_id, &words, payload);
    (packet(first, &body), words)
}

fn connect(random: &mut Random, protocol: Protocol) -> (Vec<u8>, String) {
    let v5 = protocol == Protocol::V5;
    let user_name = random.one_in(2).then(|| random.pick(TEXTS));
    let password = (random.one_in(2) && (v5 || user_name.is_some())).then(|| random.pick(DATA));
    let client_id = random.pick(TEXTS);
    let clean_start = random.one_in(2) || (!v5 && client_id.is_empty());
    let keep_alive_seconds = random.next() as u16;
    let with_will = random.one_in(2);
    let (qos, retain) = (random.pick(QOS), random.one_in(2));

    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', protocol.level()];
    let will_flags = if with_will {
        4 | qos.bits() << 3 | u8::from(retain) << 5
    } else {
        0
    };
    body.push(
        u8::from(user_name.is_some()) << 7
            | u8::from(password.is_some()) << 6
            | will_flags
            | u8::from(clean_start) << 1,
    );
    body.extend_from_slice(&keep_alive_seconds.to_be_bytes());
    let mut property_words = String::new();
    if v5 {
        let allowed = [
            Property::SessionExpiryInterval(random.next() as u32),
            Property::ReceiveMaximum(nonzero(random)),
            Property::MaximumPacketSize((random.next() as u32).max(1)),
            Property::TopicAliasMaximum(random.next() as u16),
            Property::RequestResponseInformation(random.one_in(2)),
            Property::RequestProblemInformation(random.one_in(2)),
            Property::AuthenticationMethod(random.pick(TEXTS)),
            Property::AuthenticationData(random.pick(DATA)),
        ];
        property_words = properties(random, &mut body, &allowed);
    }
    text(&mut body, client_id.as_bytes());
    let will = with_will.then(|| {
        let mut words = String::new();
        if v5 {
            let mut allowed = of_message(random);
            allowed.push(Property::WillDelayInterval(random.next() as u32));
            words = properties(random, &mut body, &allowed);
        }
        let (topic, payload) = (random.pick(TOPICS), random.pick(DATA));
        text(&mut body, topic.as_bytes());
        text(&mut body, payload);
        words::will(qos, retain, topic, &words, payload)
    });
    user_name.inspect(|name| text(&mut body, name.as_bytes()));
    password.inspect(|password| text(&mut body, password));
    let words = words::connect(&words::Connect {
        protocol,
        clean_start,
        keep_alive_seconds,
        client_id,
        will,
        user_name,
        password,
        properties: property_words,
    });
    (packet(0x10, &body), words)
}

fn ack(random: &mut Random, v5: bool) -> (Vec<u8>, String) {
    let reasons = [
        Reason::Success,
        Reason::UnspecifiedError,
        Reason::ImplementationSpecificError,
        Reason::NotAuthorized,
        Reason::TopicNameInvalid,
        Reason::PacketIdentifierInUse,
        Reason::QuotaExceeded,
        Reason::PayloadFormatInvalid,
    ];
    let (first, name) = random.pick(&[(0x40, "PUBACK"), (0x50, "PUBREC")]);
    acknowledgement(random, v5, first, name, &reasons)
}

fn pubrel(random: &mut Random, v5: bool) -> (Vec<u8>, String) {
    let reasons = [Reason::Success, Reason::PacketIdentifierNotFound];
    let (first, name) = random.pick(&[(0x62, "PUBREL"), (0x70, "PUBCOMP")]);
    acknowledgement(random, v5, first, name, &reasons)
}

fn acknowledgement(
    random: &mut Random,
    v5: bool,
    first: u8,
    name: &str,
    reasons: &[Reason],
) -> (Vec<u8>, String) {
    let packet_id = nonzero(random);
    let mut body = packet_id.to_be_bytes().to_vec();
    let mut reason = Reason::Success;
    let mut words = String::new();
    let form = if v5 { random.below(3) } else { 0 };
    if form > 0 {
        reason = random.pick(reasons);
        body.push(reason.code());
    }
    if form > 1 {
        let why = Property::ReasonString(random.pick(TEXTS));
        words = properties(random, &mut body, &[why]);
    }
    (
        packet(first, &body),
        words::ack(name, packet_id, reason, &words),
    )
}

fn subscribe(random: &mut Random, v5: bool) -> (Vec<u8>, String) {
    let packet_id = nonzero(random);
    let mut body = packet_id.to_be_bytes().to_vec();
    let mut words = String::new();
    if v5 {
        let id = (random.next() as u32 & 0x0FFF_FFFF).max(1) >> random.pick(&[0, 7, 14, 21]);
        words = properties(
            random,
            &mut body,
            &[Property::SubscriptionIdentifier(id.max(1))],
        );
    }
    let filters: Vec<_> = (0..1 + random.below(3))
        .map(|_| {
            let shared = v5 && random.one_in(3);
            let filter = random.pick(if shared { SHARED } else { FILTERS });
            let qos = random.pick(QOS).bits();
            let no_local = v5 && !shared && random.one_in(2);
            let as_published = v5 && random.one_in(2);
            let handling = if v5 { random.below(3) as u8 } else { 0 };
            text(&mut body, filter.as_bytes());
            body.push(qos | u8::from(no_local) << 2 | u8::from(as_published) << 3 | handling << 4);
            (filter, qos, no_local, as_published, handling)
        })
        .collect();
    (
        packet(0x82, &body),
        words::subscribe(packet_id, &words, filters.into_iter()),
    )
}

fn unsubscribe(random: &mut Random, v5: bool) -> (Vec<u8>, String) {
    let packet_id = nonzero(random);
    let mut body = packet_id.to_be_bytes().to_vec();
    let words = if v5 {
        properties(random, &mut body, &[])
    } else {
        String::new()
    };
    let filters: Vec<_> = (0..1 + random.below(3))
        .map(|_| {
            let from = if random.one_in(3) { SHARED } else { FILTERS };
            let filter = random.pick(from);
            text(&mut body, filter.as_bytes());
            filter
        })
        .collect();
    (
        packet(0xA2, &body),
        words::unsubscribe(packet_id, &words, filters.into_iter()),
    )
}

fn disconnect(random: &mut Random, v5: bool) -> (Vec<u8>, String) {
    let mut body = Vec::new();
    let mut reason = Reason::Success;
    let mut words = String::new();
    let form = if v5 { random.below(3) } else { 0 };
    if form > 0 {
        reason = random.pick(&[
            Reason::Success,
            Reason::DisconnectWithWill,
            Reason::UnspecifiedError,
            Reason::ProtocolError,
            Reason::TopicAliasInvalid,
            Reason::PayloadFormatInvalid,
        ]);
        body.push(reason.code());
    }
    if form > 1 {
        let allowed = [
            Property::SessionExpiryInterval(random.next() as u32),
            Property::ReasonString(random.pick(TEXTS)),
        ];
        words = properties(random, &mut body, &allowed);
    }
    (
        packet(0xE0, &body),
        format!("DISCONNECT reason={reason:?}{words}"),
    )
}

fn auth(random: &mut Random) -> (Vec<u8>, String) {
    let reason = random.pick(&[Reason::ContinueAuthentication, Reason::ReAuthenticate]);
    let mut body = vec![reason.code()];
    let mut chosen = vec![Property::AuthenticationMethod(random.pick(TEXTS))];
    if random.one_in(2) {
        chosen.push(Property::AuthenticationData(random.pick(DATA)));
    }
    if random.one_in(2) {
        chosen.insert(0, Property::ReasonString(random.pick(TEXTS)));
    }
    let words = put_properties(&mut body, &chosen);
    (
        packet(0xF0, &body),
        format!("AUTH reason={reason:?}{words}"),
    )
}
