//! CONNECT: both versions, and the answer to those that are neither.

use super::property::{self, Place, Property};
use super::publish;
use super::reader::Reader;
use super::{
    Answer, Connect, ConnectProperties, Limits, Malformed, Properties, Protocol, Qos, Reason, Will,
};

const USER_NAME: u8 = 0x80;
const PASSWORD: u8 = 0x40;
const WILL_RETAIN: u8 = 0x20;
const WILL_QOS: u8 = 0x18;
const WILL: u8 = 0x04;
const CLEAN_START: u8 = 0x02;
const RESERVED: u8 = 0x01;

pub(super) fn decode<'a>(body: &'a [u8], limits: &Limits) -> Result<Connect<'a>, Malformed> {
    let mut reader = Reader::new(body);
    let protocol = protocol(&mut reader)?;
    decode_rest(protocol, reader, limits).map_err(|error| error.on_connect(protocol))
}

/// Protocol name and level. Nobody knows yet what the client understands, so the answer to a level
/// that we do not speak is in the words of that level: the 3.1.1 form up to 4 (and for bridges that
/// set the top bit to try), the MQTT 5 form above.
fn protocol(reader: &mut Reader<'_>) -> Result<Protocol, Malformed> {
    let name = reader.binary()?;
    let level = reader.u8()?;
    let unsupported = Malformed::new(
        Reason::UnsupportedProtocolVersion,
        "protocol level neither 4 nor 5",
        "MQTT-3.1.2-2",
    );
    match (name, level) {
        (b"MQTT", 4) => Ok(Protocol::V3),
        (b"MQTT", 5) => Ok(Protocol::V5),
        (b"MQTT", level) if level & 0x7F > 4 => Err(Malformed {
            answer: Answer::ConnackV5(unsupported.reason),
            ..unsupported
        }),
        // MQTT 3.1 has another name and the same CONNACK.
        (b"MQTT", _) | (b"MQIsdp", 3 | 0x83) => Err(Malformed {
            answer: Answer::ConnackV3(1),
            ..unsupported
        }),
        _ => Err(Malformed::new(
            Reason::UnsupportedProtocolVersion,
            "protocol name is not MQTT",
            "MQTT-3.1.2-1",
        )),
    }
}

fn decode_rest<'a>(
    protocol: Protocol,
    mut reader: Reader<'a>,
    limits: &Limits,
) -> Result<Connect<'a>, Malformed> {
    let flags = reader.u8()?;
    check_flags(flags, protocol)?;
    let clean_start = flags & CLEAN_START != 0;
    let keep_alive_seconds = reader.u16()?;
    let properties = match protocol {
        Protocol::V3 => ConnectProperties::default(),
        Protocol::V5 => properties(&mut reader, limits)?,
    };
    let client_id = reader.text(limits.discouraged_text)?;
    if client_id.is_empty() && !clean_start && protocol == Protocol::V3 {
        return Err(Malformed::new(
            Reason::ClientIdentifierNotValid,
            "empty client identifier without clean session",
            "MQTT3-3.1.3-8",
        ));
    }
    let will = match flags & WILL {
        0 => None,
        _ => Some(will(flags, protocol, &mut reader, limits)?),
    };
    let user_name = match flags & USER_NAME {
        0 => None,
        _ => Some(reader.text(limits.discouraged_text)?),
    };
    let password = match flags & PASSWORD {
        0 => None,
        _ => Some(reader.binary()?),
    };
    reader.end()?;
    Ok(Connect {
        protocol,
        clean_start,
        keep_alive_seconds,
        client_id,
        will,
        user_name,
        password,
        properties,
    })
}

fn check_flags(flags: u8, protocol: Protocol) -> Result<(), Malformed> {
    if flags & RESERVED != 0 {
        return Err(Malformed::packet(
            "reserved flag of CONNECT",
            "MQTT-3.1.2-3",
        ));
    }
    if flags & WILL_QOS == WILL_QOS {
        return Err(Malformed::packet("will with QoS 3", "MQTT-3.1.2-12"));
    }
    if flags & WILL == 0 && flags & WILL_QOS != 0 {
        return Err(Malformed::packet(
            "will QoS without a will",
            "MQTT-3.1.2-11",
        ));
    }
    if flags & WILL == 0 && flags & WILL_RETAIN != 0 {
        return Err(Malformed::packet(
            "will retain without a will",
            "MQTT-3.1.2-13",
        ));
    }
    if protocol == Protocol::V3 && flags & USER_NAME == 0 && flags & PASSWORD != 0 {
        return Err(Malformed::packet(
            "password without a user name",
            "MQTT3-3.1.2-22",
        ));
    }
    Ok(())
}

fn properties<'a>(
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<ConnectProperties<'a>, Malformed> {
    let mut known = ConnectProperties::default();
    known.all = property::read(Place::Connect, reader, limits, |property| match property {
        Property::SessionExpiryInterval(seconds) => known.session_expiry_seconds = seconds,
        Property::ReceiveMaximum(packets) => known.receive_maximum = packets,
        Property::MaximumPacketSize(bytes) => known.packet_bytes_max = bytes,
        Property::TopicAliasMaximum(aliases) => known.topic_alias_max = aliases,
        Property::RequestResponseInformation(wanted) => known.request_response_information = wanted,
        Property::RequestProblemInformation(wanted) => known.request_problem_information = wanted,
        Property::AuthenticationMethod(method) => known.authentication_method = Some(method),
        Property::AuthenticationData(data) => known.authentication_data = Some(data),
        // User properties are kept as they came; the others cannot stand here.
        Property::PayloadFormatIndicator(_)
        | Property::MessageExpiryInterval(_)
        | Property::ContentType(_)
        | Property::ResponseTopic(_)
        | Property::CorrelationData(_)
        | Property::SubscriptionIdentifier(_)
        | Property::WillDelayInterval(_)
        | Property::ReasonString(_)
        | Property::TopicAlias(_)
        | Property::UserProperty(..) => {}
    })?;
    if known.authentication_data.is_some() && known.authentication_method.is_none() {
        return Err(Malformed::protocol(
            "authentication data without a method",
            "MQTT5-3.1.2.11.10",
        ));
    }
    Ok(known)
}

fn will<'a>(
    flags: u8,
    protocol: Protocol,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<Will<'a>, Malformed> {
    let mut delay_seconds = 0;
    let mut is_text = false;
    let properties = match protocol {
        Protocol::V3 => Properties::EMPTY,
        Protocol::V5 => property::read(Place::Will, reader, limits, |property| {
            if let Property::WillDelayInterval(seconds) = property {
                delay_seconds = seconds;
            }
            if let Property::PayloadFormatIndicator(text) = property {
                is_text = text;
            }
        })?,
    };
    let topic = publish::topic(reader, limits)?;
    if topic.is_empty() {
        return Err(Malformed::packet("empty will topic", "MQTT-4.7.3-1"));
    }
    let payload = reader.binary()?;
    if is_text {
        publish::check_payload(payload, limits)?;
    }
    Ok(Will {
        topic,
        // QoS 3 was refused with the flags.
        qos: Qos::from_bits((flags & WILL_QOS) >> 3).unwrap_or(Qos::ExactlyOnce),
        retain: flags & WILL_RETAIN != 0,
        delay_seconds,
        properties,
        payload,
    })
}
