//! What a message must be before its values count: a topic of ours, a device that we know, text that is not empty. Each
//! refusal says what was wrong, where, and what to do.

use event::{Reject, RejectCode, Stream};

use crate::catalogue::{Catalogue, Device, Meaning, Profile, stream_name};
use crate::message::Input;
use crate::native::{Fault, Reading};

/// Takes `ioc/{site}/{stream}/{device}/up` apart.
pub(crate) fn route<'t>(catalogue: &Catalogue, topic: &'t str) -> Result<(Stream, &'t str), Fault> {
    let rest = topic
        .strip_prefix("ioc/")
        .and_then(|rest| rest.strip_suffix("/up"));
    let (site, rest) = rest.and_then(level).ok_or_else(topic_unknown)?;
    let (word, device) = level(rest).ok_or_else(topic_unknown)?;
    if device.is_empty() || device.as_bytes().contains(&b'/') {
        return Err(topic_unknown());
    }
    if site != &*catalogue.site {
        let reason = format!(
            "the topic names site {site:?}; this node serves `{}`",
            catalogue.site
        );
        return Err(Fault::new(RejectCode::SiteUnknown, reason));
    }
    let Some(stream) = catalogue.stream(word) else {
        let reason = format!(
            "the topic names stream {word:?}; use disaster, energy, environment or tourism"
        );
        return Err(Fault::new(RejectCode::StreamUnknown, reason));
    };
    Ok((stream, device))
}

/// The first level and what follows it. Levels are short: a plain loop beats a searcher.
fn level(topic: &str) -> Option<(&str, &str)> {
    let at = topic.bytes().position(|byte| byte == b'/')?;
    Some((topic.get(..at)?, topic.get(at + 1..)?))
}

fn topic_unknown() -> Fault {
    let reason = "the topic is not of the form ioc/{site}/{stream}/{device}/up; publish there";
    Fault::new(RejectCode::TopicUnknown, reason)
}

pub(crate) fn resolve(catalogue: &Catalogue, id: &str) -> Result<Device, Fault> {
    catalogue.resolve(id).ok_or_else(|| {
        let reason = format!(
            "device {id:?} is not in the catalogue and fits no family; add it or correct it"
        );
        Fault::new(RejectCode::DeviceUnknown, reason)
    })
}

pub(crate) fn check_stream(profile: &Profile, stream: Stream, id: &str) -> Result<(), Fault> {
    if profile.stream == stream {
        return Ok(());
    }
    let (own, other) = (stream_name(profile.stream), stream_name(stream));
    let reason = format!("device `{id}` belongs to stream {own}, not {other}; correct the topic");
    Err(Fault::new(RejectCode::StreamUnknown, reason))
}

/// UTF-8 without a byte order mark, and not empty.
pub(crate) fn payload_text(payload: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(payload).map_err(|wrong| {
        let at = wrong.valid_up_to();
        let reason = format!("the payload is not UTF-8 (byte {at}); check the device's encoding");
        Fault::new(RejectCode::PayloadNotUtf8, reason)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        let reason = "the payload is empty; check the device or gateway";
        return Err(Fault::new(RejectCode::PayloadEmpty, reason));
    }
    Ok(text)
}

pub(crate) fn check_values(reading: &Reading, profile: &Profile) -> Result<(), Fault> {
    if !reading.values.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = profile.fields.iter().map(|field| &*field.key).collect();
    if reading.status_word {
        let valued = profile.fields.iter();
        let valued = valued.filter(|field| !matches!(field.meaning, Meaning::Quality { .. }));
        let valued: Vec<&str> = valued.map(|field| &*field.key).collect();
        let reason = format!(
            "the message says how the sensors are but carries no usable value ({} of no use, {} unknown keys); \
             send values with it: {}",
            reading.unusable,
            reading.unknown,
            valued.join(", ")
        );
        return Err(Fault::new(RejectCode::NoValues, reason));
    }
    let reason = format!(
        "no usable value ({} of no use, {} unknown keys); profile `{}` knows {}",
        reading.unusable,
        reading.unknown,
        profile.name,
        known.join(", ")
    );
    Err(Fault::new(RejectCode::NoValues, reason))
}

/// Longest sentence of a reject: some carry a piece of what came.
const REASON_BYTES_MAX: usize = 400;

/// Bytes kept of a payload that was over the limit.
const OVERSIZE_KEPT: usize = 4_096;

pub(crate) fn reject(input: &Input<'_>, fault: Fault) -> Reject {
    let mut reason = fault.reason;
    if reason.len() > REASON_BYTES_MAX {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        reason.push('…');
    }
    let payload = match input.oversize {
        Some(_) => input.payload.get(..OVERSIZE_KEPT).unwrap_or(input.payload),
        None => input.payload,
    };
    Reject {
        code: fault.code,
        reason,
        client: input.client.to_owned(),
        topic: input.topic.to_owned(),
        payload: payload.to_vec(),
    }
}
