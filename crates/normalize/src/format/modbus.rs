//! Register blocks that a Modbus gateway publishes: as JSON, or the very frames that the meter answered with.
//!
//! Contract: the profile is the register map. A field's `from` is `[function/]address:type[:order]`: `0x0034:f32`,
//! `3/40:u16`, `0x0100:i32:cdab`, `0x0010:bit3` (bit 0 is the lowest), `2/7:bit` for inputs and coils. Types are u16, i16,
//! u32, i32, u64, i64, f32, f64. A field takes its value from the first block that holds all its registers; fields that no
//! block touches are absent, fields that lie only partly in the blocks, or on registers that are null, are unusable. A block
//! that is an exception or an error of the bus makes its fields unusable; when nothing else came, the message is rejected with
//! what the exception means. Frames do not say which registers they answer for: `options.polls` does.

mod frame;
mod json;
mod map;

use event::RejectCode;

use super::{Options, Record, Records, Stamp, Wire};
use crate::fault::Fault;
use map::{Map, Order};

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    encoding: Encoding,
    /// Of the raw frames.
    text: Text,
    order: Order,
    /// Slaves other than this one are not ours.
    unit: Option<u8>,
    polls: Vec<frame::Poll>,
    /// 0xFFFF, 0x8000 and their longer kin stand for "not there".
    not_available: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Json,
    Rtu,
    Tcp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    None,
    Hex,
    Base64,
}

/// One answer of a slave.
#[derive(Clone, Debug, Default)]
struct Block {
    function: Option<u8>,
    start: u32,
    content: Content,
    stamp: Option<Stamp>,
}

#[derive(Clone, Debug)]
enum Content {
    Registers(Vec<Option<u16>>),
    Bits(Vec<Option<bool>>),
    /// Why there are no values, and over how many registers if known.
    Failed {
        why: String,
        count: Option<u32>,
    },
}

impl Default for Content {
    fn default() -> Self {
        Self::Registers(Vec::new())
    }
}

/// Of one message.
const BLOCKS_MAX: usize = 256;

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let encodings = [
            ("json", Encoding::Json),
            ("rtu", Encoding::Rtu),
            ("tcp", Encoding::Tcp),
        ];
        let encoding = options
            .word("encoding", &encodings)?
            .unwrap_or(Encoding::Json);
        let texts = [
            ("none", Text::None),
            ("hex", Text::Hex),
            ("base64", Text::Base64),
        ];
        let text = options.word("text", &texts)?.unwrap_or(Text::None);
        let unit = match options.whole("unit")? {
            None => None,
            Some(unit) => match u8::try_from(unit) {
                Ok(unit @ 1..=247) => Some(unit),
                _ => return Err("`options.unit` must be from 1 to 247".to_owned()),
            },
        };
        let polls = frame::polls(&options.texts("polls")?)?;
        if encoding == Encoding::Json && (!polls.is_empty() || text != Text::None) {
            return Err(
                "`options.polls` and `options.text` are for raw frames; set `encoding`".to_owned(),
            );
        }
        if encoding != Encoding::Json && polls.is_empty() {
            return Err("raw frames do not say what they answer for: list `options.polls`, as in [\"4/0x0000/18\"]".to_owned());
        }
        Ok(Self {
            encoding,
            text,
            order: options
                .word("word_order", &Order::WORDS)?
                .unwrap_or_default(),
            unit,
            polls,
            not_available: options.boolean("not_available")?.unwrap_or(false),
        })
    }
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    check_size(wire)?;
    let Some(profile) = wire.profile else {
        let reason = "Modbus messages do not name their device; give the source a `device_level`";
        return Err(Fault::new(RejectCode::FormatUnknown, reason));
    };
    let map = Map::of(profile, plan.order)
        .map_err(|reason| Fault::new(RejectCode::FormatUnknown, reason))?;
    let blocks = match plan.encoding {
        Encoding::Json => json::blocks(wire, plan)?,
        Encoding::Rtu | Encoding::Tcp => frame::blocks(wire, plan)?,
    };
    if blocks.is_empty() {
        // Other slaves of the gateway, whose values are another device's.
        return Ok(());
    }
    let mut records: Vec<Record> = Vec::new();
    let mut failures = Vec::new();
    for group in blocks.chunk_by(|one, other| one.stamp == other.stamp) {
        let mut record = Record {
            stamp: group.first().and_then(|block| block.stamp),
            ..Record::default()
        };
        for block in group {
            if let Content::Failed { why, .. } = &block.content {
                failures.push(why.clone());
            }
        }
        map.read(group, plan.not_available, &mut record);
        if !record.fields.is_empty() {
            records.push(record);
        }
    }
    if records.is_empty() {
        let reason = match failures.first() {
            Some(why) => format!("the meter gave no values: {why}"),
            None => format!(
                "no field of profile `{}` lies in the registers that came; compare its `from` with what the gateway polls",
                profile.name
            ),
        };
        return Err(Fault::new(RejectCode::NoValues, reason));
    }
    for record in records {
        out.push(record)?;
    }
    Ok(())
}

/// Of a message of one device or gateway, unpacked: far beyond what any sends, and short enough to be read in time.
const PAYLOAD_BYTES_MAX: usize = 262_144;

pub(super) fn check_size(wire: &Wire<'_>) -> Result<(), Fault> {
    if wire.payload.len() <= PAYLOAD_BYTES_MAX {
        return Ok(());
    }
    let reason = format!(
        "the message has {} bytes, more than the {PAYLOAD_BYTES_MAX} that a device may send; split it",
        wire.payload.len()
    );
    Err(Fault::new(RejectCode::PayloadTooLarge, reason))
}

/// What an exception code means (Modbus application protocol 1.1b3, section 7).
fn exception(code: u64) -> String {
    let meaning = match code {
        1 => "illegal function: the meter does not know it",
        2 => "illegal data address: correct the registers that the gateway polls",
        3 => "illegal data value: correct the number of registers that the gateway polls",
        4 => "the device failed: look at the meter",
        5 => "acknowledged, still working: poll later",
        6 => "the device is busy: poll more slowly",
        8 => "memory parity error: look at the meter",
        10 => "the gateway has no path to the meter: look at the gateway",
        11 => "the meter does not answer the gateway: look at wiring, address and speed",
        _ => "not a code of the standard",
    };
    format!("Modbus exception {code}, {meaning}")
}

/// Hexadecimal digits, with or without spaces, colons or `0x` between the bytes.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let text = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for letter in text.bytes() {
        let digit = match letter {
            b'0'..=b'9' => letter - b'0',
            b'a'..=b'f' => letter - b'a' + 10,
            b'A'..=b'F' => letter - b'A' + 10,
            b' ' | b':' | b'-' if high.is_none() => continue,
            _ => return None,
        };
        match high.take() {
            None => high = Some(digit),
            Some(upper) => bytes.push(upper << 4 | digit),
        }
    }
    high.is_none().then_some(bytes)
}

#[cfg(test)]
mod tests;
