//! `ioc journal cat`: records as text, or one JSON object each.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use event::Time;
use event::outcome::{self, Outcome};
use journal::Frame;
use journal::inputs::{self, Kind, NodeChange, SessionChange};
use serde_json::{Map, Value, json};

use super::redacted::Sayings;
use super::stat::{input_kind, outcome_kind};
use crate::cli::{JournalArgs, Which};

/// A text line shows at most this much of a payload.
const TEXT_MAX: usize = 200;

pub(super) fn cat(args: &JournalArgs, out: &mut impl Write) -> Result<ExitCode> {
    let journal = super::open(args)?;
    let mut reader = journal.reader(args.from.unwrap_or(journal.info().first_offset));
    let mut redacted = Sayings::new(args, &journal);
    while let Some(batch) = reader
        .next_blocking(None)
        .context("cannot read the journal")?
    {
        if let Some(gap) = batch.gap() {
            warn_of_gap(gap);
        }
        for frame in batch.frames() {
            let mut record = match args.journal {
                Which::Inputs => input(&frame),
                Which::Outcomes => outcome(&frame),
            };
            if frame.is_redacted() {
                redacted.put(frame.offset, &mut record)?;
            }
            if args.json {
                serde_json::to_writer(&mut *out, &record)?;
                writeln!(out)?;
            } else {
                line(&record, out)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn warn_of_gap(gap: &journal::Gap) {
    tracing::warn!(from = gap.from, to = gap.to, reason = ?gap.reason, "records are missing here");
}

fn head(frame: &Frame<'_>, kind: &str) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("offset".into(), frame.offset.into());
    record.insert(
        "time".into(),
        Time(frame.stamp.journal_ns).to_string().into(),
    );
    record.insert(
        "wall_time".into(),
        Time(frame.stamp.wall_ns).to_string().into(),
    );
    record.insert("kind".into(), kind.into());
    record
}

fn extend(record: &mut Map<String, Value>, fields: Value) {
    if let Value::Object(fields) = fields {
        record.extend(fields);
    }
}

/// Bytes as `payload` where they are text, else as `payload_base64`.
fn put_payload(record: &mut Map<String, Value>, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => record.insert("payload".into(), text.into()),
        Err(_) => record.insert("payload_base64".into(), base64(bytes).into()),
    };
}

fn input(frame: &Frame<'_>) -> Map<String, Value> {
    let mut record = head(frame, input_kind(frame.kind));
    if let Err(error) = input_fields(frame, &mut record) {
        record.insert("error".into(), error.to_string().into());
        record.insert("record_base64".into(), base64(frame.payload).into());
    }
    record
}

fn input_fields(
    frame: &Frame<'_>,
    record: &mut Map<String, Value>,
) -> Result<(), inputs::DecodeError> {
    let (version, bytes) = (frame.version, frame.payload);
    match Kind::try_from(frame.kind)? {
        Kind::Message => message(&inputs::Message::decode(version, bytes)?, record),
        Kind::Release => {
            let release = inputs::Release::decode(version, bytes)?;
            extend(
                record,
                json!({"client": release.client_id, "session": release.session, "connection": release.connection, "packet_id": release.packet_id}),
            );
        }
        Kind::Session => session(&inputs::Session::decode(version, bytes)?, record),
        Kind::Command => {
            let command = inputs::Command::decode(version, bytes)?;
            let body: Value = serde_json::from_slice(command.body).unwrap_or(Value::Null);
            extend(
                record,
                json!({"command_id": command.command_id, "operator": command.operator, "verified": command.verified, "peer": command.peer, "command": body}),
            );
        }
        Kind::Configuration => {
            let configuration = inputs::Configuration::decode(version, bytes)?;
            extend(
                record,
                json!({"name": configuration.name, "sha256": hex(&configuration.sha256), "bytes": configuration.content.len()}),
            );
        }
        Kind::Clock => match inputs::ClockRecord::decode(version, bytes)?.reason {
            inputs::ClockReason::Tick => extend(record, json!({"reason": "tick"})),
            inputs::ClockReason::Step {
                wall_before_ns,
                wall_after_ns,
            } => {
                extend(
                    record,
                    json!({"reason": "step", "wall_before": Time(wall_before_ns), "wall_after": Time(wall_after_ns)}),
                );
            }
        },
        Kind::Node => {
            let node = inputs::Node::decode(version, bytes)?;
            let (change, clean) = match node.change {
                NodeChange::Start => ("start", None),
                NodeChange::Stop { clean } => ("stop", Some(clean)),
            };
            extend(
                record,
                json!({"change": change, "clean": clean, "version": node.version}),
            );
        }
        Kind::Redaction => extend(
            record,
            super::redacted::fields(&inputs::Redaction::decode(version, bytes)?, &hex),
        ),
        Kind::Reprocess => {
            record.insert("record_base64".into(), base64(bytes).into());
        }
        Kind::Outlet => match inputs::Outlet::decode(version, bytes)? {
            inputs::Outlet {
                outlet,
                report: inputs::OutletReport::Notice(notice),
            } => extend(
                record,
                json!({
                    "outlet": outlet,
                    "notice": notice.key,
                    "alert": notice.alert,
                    "revision": notice.revision,
                    "channel": notice.channel,
                    "person": notice.person,
                    "result": notice.result.name(),
                    "attempts": notice.attempts,
                    "grouped": notice.grouped,
                    "detail": notice.detail,
                }),
            ),
            inputs::Outlet {
                report: inputs::OutletReport::Reject { .. } | inputs::OutletReport::Gap { .. },
                ..
            } => {
                record.insert("record_base64".into(), base64(bytes).into());
            }
        },
    }
    Ok(())
}

fn message(message: &inputs::Message<'_>, record: &mut Map<String, Value>) {
    extend(
        record,
        json!({
            "client": message.client_id,
            "topic": message.topic,
            "qos": message.qos,
            "dup": message.dup,
            "retain": message.retain,
            "will": message.will,
            "packet_id": message.packet_id,
            "protocol": message.protocol,
            "principal": message.principal,
            "peer": message.peer,
            "session": message.session,
            "connection": message.connection,
        }),
    );
    if let Some(oversize) = &message.oversize {
        extend(
            record,
            json!({"oversize": {"bytes": oversize.length, "sha256": hex(&oversize.sha256)}}),
        );
    }
    if !message.properties.is_empty() {
        record.insert(
            "properties_base64".into(),
            base64(message.properties).into(),
        );
    }
    put_payload(record, message.payload);
}

fn session(session: &inputs::Session<'_>, record: &mut Map<String, Value>) {
    extend(
        record,
        json!({"client": session.client_id, "session": session.session, "connection": session.connection}),
    );
    let change = match &session.change {
        SessionChange::Opened(opening) => json!({
            "change": "opened",
            "principal": opening.principal,
            "peer": opening.peer,
            "protocol": opening.protocol,
            "clean_start": opening.clean_start,
            "session_present": opening.present,
            "assigned_id": opening.assigned_id,
            "expiry_seconds": opening.expiry_seconds,
            "keep_alive_seconds": opening.keep_alive_seconds,
            "will_topic": opening.will.as_ref().map(|will| will.topic),
        }),
        SessionChange::Closed {
            reason,
            expiry_seconds,
            will_pending,
        } => json!({
            "change": "closed", "reason": reason.0, "expiry_seconds": expiry_seconds, "will_pending": will_pending,
        }),
        SessionChange::Expired => json!({"change": "expired"}),
    };
    extend(record, change);
}

fn outcome(frame: &Frame<'_>) -> Map<String, Value> {
    let mut record = head(frame, outcome_kind(frame.kind));
    match outcome::decode(frame.kind, frame.version, frame.payload) {
        Ok((cause, outcome)) => {
            extend(
                &mut record,
                json!({"cause": {"offset": cause.offset, "index": cause.index, "last": cause.last}}),
            );
            match outcome {
                Outcome::Event(event) => {
                    record.insert(
                        "event".into(),
                        serde_json::to_value(event.json()).unwrap_or_default(),
                    );
                }
                Outcome::Reject(reject) => {
                    extend(
                        &mut record,
                        json!({"code": reject.code, "reason": reject.reason, "client": reject.client, "topic": reject.topic}),
                    );
                    put_payload(&mut record, &reject.payload);
                }
                Outcome::Transition(transition) => {
                    extend(&mut record, json!({"transition": transition}))
                }
                Outcome::Verdict(verdict) => extend(&mut record, json!({"verdict": verdict})),
                Outcome::Reprocessed(reprocessed) => {
                    extend(&mut record, json!({"reprocessed": reprocessed}));
                }
                Outcome::Shadow(transition) => extend(&mut record, json!({"shadow": transition})),
                Outcome::Suppression(change) => {
                    extend(&mut record, json!({"suppression": change}));
                }
                Outcome::Incident(incident) => extend(&mut record, json!({"incident": incident})),
                Outcome::PublicWarning(warning) => {
                    extend(&mut record, json!({"public_warning": warning}));
                }
                Outcome::CommandCopy(bytes)
                | Outcome::ClockCopy(bytes)
                | Outcome::ConfigurationCopy(bytes)
                | Outcome::NodeCopy(bytes)
                | Outcome::OutletCopy(bytes) => {
                    record.insert("bytes".into(), bytes.len().into());
                }
            }
        }
        Err(error) => {
            record.insert("error".into(), error.to_string().into());
            record.insert("record_base64".into(), base64(frame.payload).into());
        }
    }
    record
}

/// `offset time kind` and the rest as `key=value`, long values cut, control characters escaped.
fn line(record: &Map<String, Value>, out: &mut impl Write) -> Result<()> {
    for (index, (key, value)) in record.iter().enumerate() {
        let mut text = value
            .as_str()
            .map_or_else(|| value.to_string(), |text| text.escape_debug().to_string());
        if text.chars().count() > TEXT_MAX {
            text = text.chars().take(TEXT_MAX).chain("…".chars()).collect();
        }
        match index {
            0 => write!(out, "{text:>10}")?,
            1 | 3 => write!(out, "  {text}")?,
            2 => {}
            _ => write!(out, "  {key}={text}")?,
        }
    }
    writeln!(out)?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            if digit <= chunk.len() {
                text.push(char::from(
                    ALPHABET[(word >> (18 - 6 * digit) & 63) as usize],
                ));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn base64_is_the_standard_one() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
