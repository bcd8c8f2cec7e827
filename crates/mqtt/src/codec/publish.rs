//! PUBLISH, the hot path.

use super::property::{self, Place, Property};
use super::reader::Reader;
use super::{Limits, Malformed, Properties, Protocol, Publish, Qos, Reason, text};

#[inline]
pub(super) fn decode<'a>(
    dup: bool,
    qos: Qos,
    retain: bool,
    body: &'a [u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Publish<'a>, Malformed> {
    let mut reader = Reader::new(body);
    let topic = topic(&mut reader, limits)?;
    let packet_id = match qos {
        Qos::AtMostOnce => 0,
        Qos::AtLeastOnce | Qos::ExactlyOnce => reader.packet_id()?,
    };
    let mut publish = Publish {
        dup,
        qos,
        retain,
        topic,
        packet_id,
        topic_alias: None,
        message_expiry_seconds: None,
        payload_is_text: false,
        properties: Properties::EMPTY,
        payload: &[],
    };
    match protocol {
        Protocol::V5 => read_properties(&mut publish, &mut reader, limits)?,
        Protocol::V3 if topic.is_empty() => {
            return Err(Malformed::packet("empty topic", "MQTT-4.7.3-1"));
        }
        Protocol::V3 => {}
    }
    publish.payload = reader.rest();
    if publish.payload_is_text {
        check_payload(publish.payload, limits)?;
    }
    Ok(publish)
}

fn read_properties<'a>(
    publish: &mut Publish<'a>,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<(), Malformed> {
    publish.properties = property::read(Place::Publish, reader, limits, |property| {
        // The rest is kept as it came, for whoever reads the message.
        if let Property::TopicAlias(alias) = property {
            publish.topic_alias = Some(alias);
        } else if let Property::MessageExpiryInterval(seconds) = property {
            publish.message_expiry_seconds = Some(seconds);
        } else if let Property::PayloadFormatIndicator(text) = property {
            publish.payload_is_text = text;
        }
    })?;
    if publish.topic.is_empty() && publish.topic_alias.is_none() {
        return Err(Malformed::protocol(
            "empty topic without a topic alias",
            "MQTT5-3.3.2.1",
        ));
    }
    Ok(())
}

/// A topic name of a PUBLISH or of a will; empty is for the caller to judge.
#[inline]
pub(super) fn topic<'a>(reader: &mut Reader<'a>, limits: &Limits) -> Result<&'a str, Malformed> {
    let topic = reader.text(limits.discouraged_text)?;
    if topic.len() > usize::from(limits.topic_bytes_max) {
        return Err(topic_too_long());
    }
    text::topic_name(topic, limits.topic_levels_max)?;
    Ok(topic)
}

pub(super) fn topic_too_long() -> Malformed {
    Malformed::new(
        Reason::TopicNameInvalid,
        "topic longer than the limit",
        "limit-topic-bytes",
    )
}

/// The payload of a message that says it is text.
pub(super) fn check_payload(payload: &[u8], limits: &Limits) -> Result<(), Malformed> {
    if limits.check_payload_format && std::str::from_utf8(payload).is_err() {
        return Err(Malformed::new(
            Reason::PayloadFormatInvalid,
            "payload announced as UTF-8 that is not",
            "MQTT5-3.3.2.3.2",
        ));
    }
    Ok(())
}
