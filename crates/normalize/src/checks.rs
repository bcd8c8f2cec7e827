//! What a message must be before its values count: a topic of ours, a device that we know, text that is not empty. Each
//! refusal says what was wrong, where, and what to do.

use event::{Reject, RejectCode, Stream};

use crate::catalogue::{Catalogue, Device, Meaning, Profile, Source, stream_name};
use crate::fault::Fault;
use crate::message::Input;
use crate::reading::Reading;

/// Where a topic leads.
pub(crate) enum Route<'c, 't> {
    /// `ioc/{site}/{stream}/{device}/up`
    Up { stream: Stream, device: &'t str },
    /// `ioc/{site}/{stream}/{device}/online`
    Online { stream: Stream, device: &'t str },
    /// A topic of `sources.toml`.
    Source(&'c Source),
}

#[inline]
pub(crate) fn route<'c, 't>(
    catalogue: &'c Catalogue,
    topic: &'t str,
) -> Result<Route<'c, 't>, Fault> {
    let Some(rest) = topic.strip_prefix("ioc/") else {
        let source = catalogue.sources.find(topic);
        return source.map(Route::Source).ok_or_else(|| {
            let reason = "no source of the site pack has a filter for this topic; publish to \
                          ioc/{site}/{stream}/{device}/up, or add a source to sources.toml";
            Fault::new(RejectCode::TopicUnknown, reason)
        });
    };
    if let Some(rest) = rest.strip_suffix("/up") {
        let (stream, device) = own(catalogue, rest)?;
        return Ok(Route::Up { stream, device });
    }
    let rest = rest.strip_suffix("/online").ok_or_else(topic_unknown)?;
    let (stream, device) = own(catalogue, rest)?;
    Ok(Route::Online { stream, device })
}

/// Takes `{site}/{stream}/{device}` apart.
#[inline]
fn own<'t>(catalogue: &Catalogue, rest: &'t str) -> Result<(Stream, &'t str), Fault> {
    let (site, rest) = level(rest).ok_or_else(topic_unknown)?;
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
            "the topic names stream {word:?}; use disaster, energy, environment, tourism or city"
        );
        return Err(Fault::new(RejectCode::StreamUnknown, reason));
    };
    Ok((stream, device))
}

/// The first level and what follows it. Levels are short: a plain loop beats a searcher.
#[inline]
fn level(topic: &str) -> Option<(&str, &str)> {
    let at = topic.bytes().position(|byte| byte == b'/')?;
    Some((topic.get(..at)?, topic.get(at + 1..)?))
}

pub(crate) fn topic_unknown() -> Fault {
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

/// The device that a format calls so.
pub(crate) fn resolve_address(catalogue: &Catalogue, address: &str) -> Result<Device, Fault> {
    catalogue.by_address(address).ok_or_else(|| {
        let reason = format!(
            "device {address:?} is no address, id or family of the catalogue; add it or correct it"
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
    // The keys of a refusal for personal data are read back from its sentence.
    if fault.code != RejectCode::PersonalData && reason.len() > REASON_BYTES_MAX {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        reason.push('…');
    }
    let payload = match input.oversize {
        // What nobody may keep.
        _ if fault.code == RejectCode::PersonalData => &[],
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
