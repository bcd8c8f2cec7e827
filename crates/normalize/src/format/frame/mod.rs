//! A device's own binary frame as the whole payload of `ioc/{site}/{stream}/{device}/up`, as gateways forward it.
//!
//! Options: `codec` (see `codec`), `encoding` = binary (default), hex or base64, and `port`, the LoRaWAN port that the
//! frame came from where the codec asks for it (default 2). Gateways with a codec of their own send an object with the decoded
//! fields instead: it is read as what a LoRaWAN server's codec makes, its time from `timestamp`, `time` or `ts`.

use event::RejectCode;

use base64::Engine;
use serde_json::{Map, Value};

use super::codec::Codec;
use super::lorawan;
use super::{Options, Record, Records, Wire, tree};
use crate::fault::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Binary,
    Hex,
    Base64,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(super) codec: Codec,
    encoding: Encoding,
    port: u64,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let words = [
            ("binary", Encoding::Binary),
            ("hex", Encoding::Hex),
            ("base64", Encoding::Base64),
        ];
        let port = options.whole("port")?.unwrap_or(2);
        Ok(Self {
            codec: Codec::option(options)?.ok_or("format frame needs `options.codec`")?,
            encoding: options
                .word("encoding", &words)?
                .unwrap_or(Encoding::Binary),
            port: u64::try_from(port)
                .ok()
                .filter(|port| *port <= 255)
                .ok_or("`options.port` must be from 0 to 255")?,
        })
    }
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    if let Some(members) = decoded_object(wire)? {
        return object(wire, members, out);
    }
    let text = || crate::checks::payload_text(wire.payload).map(str::trim);
    let unpacked = match plan.encoding {
        Encoding::Binary => None,
        Encoding::Hex => Some(hex(text()?).ok_or_else(|| wrong("hexadecimal"))?),
        Encoding::Base64 => Some(
            lorawan::BASE64
                .decode(text()?)
                .map_err(|_| wrong("base64"))?,
        ),
    };
    let bytes = unpacked.as_deref().unwrap_or(wire.payload);
    if bytes.is_empty() {
        let reason = "the payload is empty; check the device or gateway";
        return Err(Fault::new(RejectCode::PayloadEmpty, reason));
    }
    let decoded = lorawan::decode(plan.codec, bytes, plan.port)?;
    lorawan::push(decoded, wire.profile, None, &Record::default(), out)
}

/// A payload in braces that is JSON: no codec here has a frame like that.
fn decoded_object(wire: &Wire<'_>) -> Result<Option<Map<String, Value>>, Fault> {
    let trimmed = wire.payload.trim_ascii();
    if trimmed.first() != Some(&b'{') || trimmed.last() != Some(&b'}') {
        return Ok(None);
    }
    match tree::parse(wire) {
        Ok(Value::Object(members)) => Ok(Some(members)),
        Ok(_) => Ok(None),
        Err(fault) if fault.code == RejectCode::PayloadNotJson => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn object(
    wire: &Wire<'_>,
    mut members: Map<String, Value>,
    out: &mut Records,
) -> Result<(), Fault> {
    let mut basis = Record::default();
    for key in ["timestamp", "time", "ts"] {
        let Some(value) = members.remove(key).filter(|value| !value.is_null()) else {
            continue;
        };
        let stamp = crate::time::stamp_of(&value).ok_or_else(|| {
            let reason = format!("`{key}` is no time; send ISO 8601 or seconds since 1970");
            Fault::new(RejectCode::TimeInvalid, reason)
        })?;
        basis.stamp = basis.stamp.or(Some(stamp));
    }
    lorawan::push(
        lorawan::from_object(&members),
        wire.profile,
        None,
        &basis,
        out,
    )
}

fn wrong(what: &str) -> Fault {
    Fault::malformed(format!(
        "the payload is not {what}; check the gateway or `options.encoding`"
    ))
}

/// Hexadecimal digits in pairs, either case; blanks, colons and hyphens between them and a leading `0x` are allowed.
fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for letter in text.chars() {
        if high.is_none() && (letter.is_ascii_whitespace() || matches!(letter, ':' | '-')) {
            continue;
        }
        let digit = u8::try_from(letter.to_digit(16)?).ok()?;
        match high.take() {
            None => high = Some(digit << 4),
            Some(high) => bytes.push(high | digit),
        }
    }
    high.is_none().then_some(bytes)
}

#[cfg(test)]
mod tests;
