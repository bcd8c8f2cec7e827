//! The value of every kind of message: JSON, a function of the record alone, so that a repeat has equal bytes.
//!
//! Schemas: `deploy/schemas/{event,alert-transition,alert,reject}.v1.json`.

mod event;
mod text;

use ::event::outcome::DecodeError;
use ::event::{Alert, Reject, Transition};
use journal::Stamp;
use serde::Serialize;
use thiserror::Error;

pub(crate) use event::put_event;
pub(crate) use text::{put_id, put_padded, put_time, put_unsigned};

/// Version of the JSON of transitions, alerts and rejects.
const VERSION: u8 = 1;

/// A payload that is text is shown as such up to this size.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Why a record has no message.
#[derive(Debug, Error)]
pub(crate) enum EncodeError {
    #[error("the record cannot be read")]
    Record(#[from] DecodeError),
    #[error("writing JSON")]
    Json(#[source] serde_json::Error),
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u8,
    #[serde(flatten)]
    body: &'a T,
}

/// Every change of an alert, with the whole alert.
pub(crate) fn put_transition(
    transition: &Transition,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    put_versioned(transition, out)
}

/// The latest state of an alert.
pub(crate) fn put_alert(alert: &Alert, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    put_versioned(alert, out)
}

fn put_versioned<T: Serialize>(body: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let versioned = Versioned {
        version: VERSION,
        body,
    };
    serde_json::to_writer(out, &versioned).map_err(EncodeError::Json)
}

/// Appends a reject; of its payload at most as much as fits into `message_bytes`, so that quarantine never fills
/// itself with rejects of rejects.
pub(crate) fn put_reject(
    id: &str,
    reject: &Reject,
    stamp: Stamp,
    message_bytes: usize,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"version\":");
    put_unsigned(VERSION.into(), out);
    out.extend_from_slice(b",\"id\":");
    text::put_text(id, out);
    out.extend_from_slice(b",\"code\":");
    text::put_text(reject.code.name(), out);
    out.extend_from_slice(b",\"reason\":");
    text::put_text(&reject.reason, out);
    out.extend_from_slice(b",\"client\":");
    text::put_text(&reject.client, out);
    out.extend_from_slice(b",\"topic\":");
    text::put_text(&reject.topic, out);
    out.extend_from_slice(b",\"recorded\":\"");
    put_time(::event::Time(stamp.wall_ns), out);
    out.extend_from_slice(b"\",\"payload_bytes\":");
    put_unsigned(reject.payload.len() as u64, out);
    // Base64 takes 4/3; the rest is for headers and framing.
    let room = message_bytes.saturating_sub(out.len() + 1_024) / 2;
    let kept = &reject.payload[..reject.payload.len().min(room)];
    let whole = kept.len() == reject.payload.len();
    out.extend_from_slice(if whole {
        b",\"payload_truncated\":false".as_slice()
    } else {
        b",\"payload_truncated\":true".as_slice()
    });
    out.extend_from_slice(b",\"payload_base64\":\"");
    text::put_base64(kept, out);
    out.push(b'"');
    // Escapes can take six bytes for one.
    let small = kept.len() <= TEXT_BYTES_MAX
        && kept.len() * 6 < message_bytes.saturating_sub(out.len() + 1_024);
    if let (true, true, Ok(readable)) = (whole, small, std::str::from_utf8(kept)) {
        out.extend_from_slice(b",\"payload_text\":");
        text::put_text(readable, out);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests;
