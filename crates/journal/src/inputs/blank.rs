//! What a redaction takes from a record of `inputs`: whatever a publisher may have written, and nothing of what the fold
//! of sessions reads.

use super::{Kind, Message, Reprocess, Session, SessionChange, VERSION};

/// Zeros over the properties and the payload of a message (with the hash of an oversize one), over those of a will, and
/// the same within the record that a `reprocess` carries. Lengths and everything else stay, so that the record
/// is still one. A record of any other kind or version, or one that cannot be read, becomes zeros.
pub fn blank(kind: u8, version: u8, payload: &mut [u8]) {
    let ranges = match Kind::try_from(kind) {
        _ if version != VERSION => None,
        Ok(Kind::Message) => message(version, payload),
        Ok(Kind::Session) => will(version, payload),
        Ok(Kind::Reprocess) => return reprocess(version, payload),
        Ok(
            Kind::Release
            | Kind::Command
            | Kind::Configuration
            | Kind::Clock
            | Kind::Node
            | Kind::Redaction
            | Kind::Outlet,
        )
        | Err(_) => None,
    };
    match ranges {
        Some(ranges) => {
            for range in ranges {
                payload[range].fill(0);
            }
        }
        None => payload.fill(0),
    }
}

type Ranges = Vec<std::ops::Range<usize>>;

fn message(version: u8, bytes: &[u8]) -> Option<Ranges> {
    let message = Message::decode(version, bytes).ok()?;
    let payload = bytes.len() - message.payload.len()..bytes.len();
    // Lengths have one form, so places follow from the back.
    let topic = message.topic.len();
    let properties_end = payload.start - topic - varint_bytes(topic);
    let properties = properties_end - message.properties.len()..properties_end;
    let mut ranges = vec![payload];
    if message.oversize.is_some() {
        let end = properties.start - varint_bytes(properties.len());
        ranges.push(end - 32..end);
    }
    ranges.push(properties);
    Some(ranges)
}

fn will(version: u8, bytes: &[u8]) -> Option<Ranges> {
    let session = Session::decode(version, bytes).ok()?;
    let SessionChange::Opened(opening) = session.change else {
        return Some(Vec::new());
    };
    let Some(will) = opening.will else {
        return Some(Vec::new());
    };
    let payload = bytes.len() - will.payload.len()..bytes.len();
    let properties_end = payload.start - varint_bytes(payload.len());
    let properties = properties_end - will.properties.len()..properties_end;
    Some(vec![payload, properties])
}

fn reprocess(version: u8, bytes: &mut [u8]) {
    let Ok(record) = Reprocess::decode(version, bytes) else {
        return bytes.fill(0);
    };
    let (kind, version, start) = (
        record.kind,
        record.version,
        bytes.len() - record.record.len(),
    );
    let inner = &mut bytes[start..];
    // One level: a reprocess never carries another.
    if kind == u8::from(Kind::Message) {
        blank(kind, version, inner);
    } else {
        inner.fill(0);
    }
}

/// Bytes of a number as the records write it.
fn varint_bytes(number: usize) -> usize {
    let bits = usize::BITS - number.leading_zeros();
    (bits.max(1) as usize).div_ceil(7)
}

#[cfg(test)]
mod tests;
