//! Data inside a notification: unpacked within a bound, checked against its hash, and, where the profile says what it is,
//! read as values.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event::RejectCode;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Content, Plan};
use crate::fault::Fault;
use crate::format::indicators::csv;
use crate::format::{Raw, RawField, Record, Records, Wire, tree};

/// Of the encoded form; larger data are behind the link.
const ENCODED_MAX: usize = 4_096;
/// Levels of a JSON content that become dotted names.
const LEVELS: usize = 4;

/// The bytes of the data.
pub(super) fn unpack(wire: &Wire<'_>, content: &Map<String, Value>) -> Result<Vec<u8>, Fault> {
    let text = |key: &str| content.get(key).and_then(Value::as_str);
    let (Some(encoding), Some(value)) = (text("encoding"), text("value")) else {
        return Err(Fault::shape("`content` needs `encoding` and `value`"));
    };
    if value.len() > ENCODED_MAX {
        let reason =
            format!("`content.value` has more than {ENCODED_MAX} bytes; publish the data by link");
        return Err(Fault::shape(reason));
    }
    match encoding.to_ascii_lowercase().as_str() {
        "utf-8" => Ok(value.as_bytes().to_vec()),
        "base64" => base64(value),
        "gzip" => gunzip(&base64(value)?, wire.catalogue.limits.unpacked_bytes_max),
        _ => Err(Fault::shape(
            "`content.encoding` must be utf-8, base64 or gzip",
        )),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, Fault> {
    let plain: String = text
        .chars()
        .filter(|letter| !letter.is_ascii_whitespace())
        .collect();
    STANDARD
        .decode(plain)
        .map_err(|error| Fault::malformed(format!("`content.value` is not base64 ({error})")))
}

fn gunzip(packed: &[u8], bound: usize) -> Result<Vec<u8>, Fault> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1);
    let mut reader = flate2::read::GzDecoder::new(packed).take(limit);
    reader.read_to_end(&mut unpacked).map_err(|error| {
        let reason =
            format!("`content.value` cannot be unpacked ({error}); check the publisher's gzip");
        Fault::new(RejectCode::CompressionInvalid, reason)
    })?;
    if unpacked.len() > bound {
        let reason =
            format!("`content.value` unpacks to more than {bound} bytes; publish the data by link");
        return Err(Fault::new(RejectCode::UnpackedTooLarge, reason));
    }
    Ok(unpacked)
}

/// Whether there is a hash of a method that is known here; a wrong one refuses the message, because one of its parts is not
/// what its publisher sent.
pub(super) fn check(integrity: &Map<String, Value>, data: &[u8]) -> Result<bool, Fault> {
    let text = |key: &str| integrity.get(key).and_then(Value::as_str);
    let (Some(method), Some(value)) = (text("method"), text("value")) else {
        return Err(Fault::shape("`integrity` needs `method` and `value`"));
    };
    let own = match method.to_ascii_lowercase().as_str() {
        "sha256" => Sha256::digest(data).to_vec(),
        "sha384" => Sha384::digest(data).to_vec(),
        "sha512" => Sha512::digest(data).to_vec(),
        _ => return Ok(false),
    };
    let theirs = STANDARD.decode(value.trim()).unwrap_or_default();
    if theirs.len() != own.len() {
        // No hash of that method at all: it says nothing about the data.
        return Ok(false);
    }
    if theirs == own {
        return Ok(true);
    }
    let reason = format!(
        "the {method} of `content` is not the one in `integrity`; the message was changed on its way"
    );
    Err(Fault::malformed(reason))
}

/// The values of the data, on the frame of the notification.
pub(super) fn read(
    wire: &Wire<'_>,
    plan: &Plan,
    data: &[u8],
    frame: &Record,
    out: &mut Records,
) -> Result<(), Fault> {
    match plan.content {
        Content::Unread => Ok(()),
        Content::Json => {
            let text = crate::text::decode(data)?;
            match tree::parse_text(&text, wire.catalogue.limits.depth_max)? {
                Value::Array(items) => items
                    .iter()
                    .try_for_each(|item| object(plan, item, frame, out)),
                item @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_)) => object(plan, &item, frame, out),
            }
        }
        Content::Csv => table(plan, &crate::text::decode(data)?, frame, out),
    }
}

fn object(plan: &Plan, item: &Value, frame: &Record, out: &mut Records) -> Result<(), Fault> {
    let Value::Object(members) = item else {
        return Err(Fault::shape(
            "the JSON of `content` is not an object or a list of them",
        ));
    };
    let mut record = frame.clone();
    flatten(members, "", LEVELS, &mut record);
    timed(plan, &mut record)?;
    out.push(record)
}

fn flatten(members: &Map<String, Value>, prefix: &str, levels: usize, record: &mut Record) {
    for (key, value) in members {
        let name = format!("{prefix}{key}");
        let raw = match value {
            Value::Null => continue,
            Value::Bool(truth) => Raw::Boolean(*truth),
            Value::Number(number) => Raw::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Raw::Text(text.clone()),
            Value::Object(inner) if levels > 1 => {
                flatten(inner, &format!("{name}."), levels - 1, record);
                continue;
            }
            Value::Object(_) | Value::Array(_) => {
                record.unknown += 1;
                continue;
            }
        };
        record.fields.push(RawField::new(name, raw));
    }
}

fn table(plan: &Plan, text: &str, frame: &Record, out: &mut Records) -> Result<(), Fault> {
    let rows = csv::rows(text)?;
    let Some((head, rows)) = rows.split_first() else {
        return Err(Fault::shape("the table of `content` is empty"));
    };
    for row in rows {
        let mut record = frame.clone();
        let cells = head.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        record.fields = cells
            .map(|(name, cell)| RawField::new(name, Raw::Text(cell.clone())))
            .collect();
        timed(plan, &mut record)?;
        out.push(record)?;
    }
    Ok(())
}

/// The field that the options name is the time.
fn timed(plan: &Plan, record: &mut Record) -> Result<(), Fault> {
    let Some(at) = plan
        .time
        .as_ref()
        .and_then(|name| record.fields.iter().position(|field| field.key == *name))
    else {
        return Ok(());
    };
    let stamp = match record.fields.remove(at).value {
        Raw::Text(text) => crate::time::stamp(&text),
        Raw::Number(number) if number.is_finite() => {
            Some(crate::format::Stamp::At(crate::time::from_float(number)))
        }
        Raw::Number(_) | Raw::Boolean(_) | Raw::Null => None,
    };
    record.stamp = Some(stamp.ok_or_else(|| {
        Fault::new(
            RejectCode::TimeInvalid,
            "the time inside `content` cannot be read; correct `options.time` or the data",
        )
    })?);
    record.until = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn unpacking_stops_at_its_bound() {
        let packed = |length: usize| {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            writer.write_all(&vec![b'x'; length]).unwrap();
            writer.finish().unwrap()
        };
        assert_eq!(gunzip(&packed(10_000), 10_000).unwrap().len(), 10_000);
        let fault = gunzip(&packed(10_001), 10_000).unwrap_err();
        assert_eq!(fault.code, RejectCode::UnpackedTooLarge);
        // A thousandfold bomb costs no more than the bound.
        assert_eq!(
            gunzip(&packed(50 << 20), 10_000).unwrap_err().code,
            RejectCode::UnpackedTooLarge
        );
        assert_eq!(
            gunzip(b"no gzip", 10).unwrap_err().code,
            RejectCode::CompressionInvalid
        );
    }
}
