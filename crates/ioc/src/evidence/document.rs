//! Everything that is known of why an alert rang, as one JSON value: for the API, for `--json`, and what the text is printed from.

use std::str::FromStr;

use event::{EvidenceValue, JournalId, Time};
use journal::inputs;
use serde_json::{Map, Value, json};

use super::again::{Again, Packs};
use super::format::{self, FrameState};
use super::read::{Found, Frame, Record};
use super::verify::Report;
use crate::journal_tools::cat::base64;

/// Bytes of a payload that are shown.
const PAYLOAD_BYTES_MAX: usize = 64 << 10;

/// `None` when nothing of the alert is kept.
pub(super) fn document(alert: &str, found: &Found, report: Option<&Report>) -> Option<Value> {
    let last = found.records.last()?;
    let mut packs = Packs::default();
    let now = &last.transition.alert;
    let again = packs.again(last);
    let rule_text = again.as_ref().and_then(|again| again.rule_text(&now.rule));
    let rule_title = again.as_ref().and_then(|again| {
        let rules = again.site.rules.info();
        let rule = rules.into_iter().find(|rule| rule.id == now.rule);
        rule.map(|rule| rule.title)
    });
    let state = found.life.last().map(|life| life.state.clone());
    let transitions: Vec<Value> = found
        .records
        .iter()
        .map(|record| transition(record, packs.again(record).as_deref()))
        .collect();
    Some(json!({
        "alert": alert,
        "entity": now.entity,
        "entity_name": now.entity_name,
        "area_name": now.area_name,
        "severity": now.severity,
        "status": now.status,
        "state": state,
        "since": now.since,
        "raised": now.raised,
        "retrospective": now.retrospective,
        "unofficial": now.unofficial,
        "rule": {
            "id": now.rule,
            "version": now.evidence.rule_version,
            "title": rule_title,
            "condition": now.evidence.condition,
            "hold_seconds": now.evidence.hold_seconds,
            "guidance": now.guidance,
            "file": rule_text.as_ref().map(|(file, _)| file),
            "text": rule_text.as_ref().map(|(_, text)| text),
            "pack": last.head.pack,
        },
        "transitions": transitions,
        "life": found.life,
        "damaged": found.damaged,
        "verify": report,
    }))
}

fn transition(record: &Record, again: Option<&Again>) -> Value {
    let transition = &record.transition;
    let alert = &transition.alert;
    let evidence = &alert.evidence;
    let values: Vec<Value> = evidence
        .values
        .iter()
        .map(|one| value(record, again, one))
        .collect();
    let frames: Vec<Value> = record.frames.iter().map(frame).collect();
    json!({
        "change": transition.change,
        "revision": alert.revision,
        "at": alert.changed,
        "since": alert.since,
        "returned": alert.returned,
        "value": alert.value,
        "unit": alert.unit,
        "message": alert.message,
        "outcome": record.head.outcome,
        "cause": record.head.cause,
        "values": values,
        "windows": evidence.windows,
        "limits": evidence.limits,
        "considered": evidence.considered,
        "last_heard": evidence.last_heard,
        "records": frames,
    })
}

fn value(record: &Record, again: Option<&Again>, value: &EvidenceValue) -> Value {
    let entity = value
        .entity
        .as_ref()
        .unwrap_or(&record.transition.alert.entity);
    let frames = record.frames.iter();
    let kept = frames
        .filter(|frame| frame.offset == value.offset)
        .find_map(|frame| frame.kept.as_ref());
    let journal = JournalId::from_str(&record.head.journal).unwrap_or_default();
    let device_time = again
        .zip(kept)
        .and_then(|(again, kept)| again.device_time(journal, kept, entity, &value.measure));
    // What was added to the device's clock to get the time of observation.
    let offset = device_time.map(|written| value.observed.since(written) as f64 / 1e9);
    json!({
        "entity": entity,
        "measure": value.measure,
        "value": value.value,
        "unit": value.unit,
        "quality": value.quality.names(),
        "observed": value.observed,
        "received": value.received,
        "processed": value.processed,
        "device_time": device_time,
        "clock_offset_seconds": offset,
        "derived": again.is_some_and(|again| again.is_derived(&value.measure)),
        "offset": value.offset,
    })
}

/// A record of `inputs`: where it came from and its bytes, as text where they are text.
fn frame(frame: &Frame) -> Value {
    let mut out = Map::new();
    out.insert("offset".to_owned(), json!(frame.offset));
    out.insert("state".to_owned(), json!(frame.state));
    out.insert("sha256".to_owned(), json!(frame.sha256));
    let Some(kept) = &frame.kept else {
        return Value::Object(out);
    };
    debug_assert!(frame.state == FrameState::Kept);
    out.insert("journal_time".to_owned(), json!(Time(kept.journal_ns)));
    out.insert("wall_time".to_owned(), json!(Time(kept.wall_ns)));
    let message = (kept.kind == u8::from(inputs::Kind::Message))
        .then(|| inputs::Message::decode(kept.version, &kept.payload).ok())
        .flatten();
    let bytes = match &message {
        Some(message) => {
            out.insert("topic".to_owned(), json!(message.topic));
            out.insert("client".to_owned(), json!(message.client_id));
            out.insert("qos".to_owned(), json!(message.qos));
            message.payload
        }
        None => &kept.payload,
    };
    let shown = &bytes[..bytes.len().min(PAYLOAD_BYTES_MAX)];
    out.insert("payload_bytes".to_owned(), json!(bytes.len()));
    match std::str::from_utf8(shown) {
        Ok(text) if message.is_some() => out.insert("payload".to_owned(), json!(text)),
        Ok(_) | Err(_) => {
            out.insert("payload_hex".to_owned(), json!(format::hex(shown)));
            out.insert("payload_base64".to_owned(), json!(base64(shown)))
        }
    };
    Value::Object(out)
}
