//! UTF-8 strings, topic names and topic filters.

use super::{DiscouragedText, Malformed, Protocol, Reason};

/// A UTF-8 string: well-formed (so without surrogates), without NUL. A byte order mark is a
/// character like any other: it stays.
#[inline]
pub(super) fn check(bytes: &[u8], discouraged: DiscouragedText) -> Result<&str, Malformed> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Malformed::packet("text that is not well-formed UTF-8", "MQTT-1.5.4-1"))?;
    if bytes.contains(&0) {
        return Err(Malformed::packet("NUL in a text", "MQTT-1.5.4-2"));
    }
    if discouraged == DiscouragedText::Refuse && text.chars().any(is_discouraged) {
        return Err(Malformed::packet(
            "control character or non-character in a text",
            "MQTT5-1.5.4",
        ));
    }
    Ok(text)
}

/// What the standards say a sender SHOULD NOT send.
fn is_discouraged(character: char) -> bool {
    let code = u32::from(character);
    character.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

/// Checks a topic name within the limits; empty is for the caller to judge.
#[inline]
pub(super) fn topic_name(topic: &str, levels_max: u16) -> Result<(), Malformed> {
    // Counted without a branch a byte, which the compiler turns into wide instructions.
    let mut wildcards = false;
    let mut slashes = 0_u16;
    for byte in topic.bytes() {
        wildcards |= byte == b'+' || byte == b'#';
        slashes += u16::from(byte == b'/');
    }
    if wildcards {
        return Err(Malformed::new(
            Reason::TopicNameInvalid,
            "wildcard in a topic name",
            "MQTT-3.3.2-2",
        ));
    }
    if slashes >= levels_max && levels_max < u16::MAX {
        return Err(Malformed::new(
            Reason::TopicNameInvalid,
            "topic with more levels than the limit",
            "limit-topic-levels",
        ));
    }
    Ok(())
}

/// Checks a topic filter.
pub(super) fn topic_filter(filter: &str, protocol: Protocol) -> Result<(), Malformed> {
    if protocol == Protocol::V5
        && let Some(shared) = filter.strip_prefix("$share/")
    {
        let Some((name, filter)) = shared.split_once('/') else {
            return Err(invalid(
                "shared subscription without a filter",
                "MQTT-4.8.2-2",
            ));
        };
        if name.is_empty() {
            return Err(invalid(
                "shared subscription without a name",
                "MQTT-4.8.2-1",
            ));
        }
        if name.contains(['+', '#']) {
            return Err(invalid("wildcard in a share name", "MQTT-4.8.2-2"));
        }
        if filter.is_empty() {
            return Err(invalid(
                "shared subscription without a filter",
                "MQTT-4.8.2-2",
            ));
        }
        return plain_filter(filter);
    }
    plain_filter(filter)
}

fn plain_filter(filter: &str) -> Result<(), Malformed> {
    if filter.is_empty() {
        return Err(invalid("empty topic filter", "MQTT-4.7.3-1"));
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return Err(invalid("# not alone in the last level", "MQTT-4.7.1-1"));
        }
        if level.contains('+') && level != "+" {
            return Err(invalid("+ not alone in its level", "MQTT-4.7.1-2"));
        }
    }
    Ok(())
}

fn invalid(sentence: &'static str, rule: &'static str) -> Malformed {
    Malformed::new(Reason::TopicFilterInvalid, sentence, rule)
}
