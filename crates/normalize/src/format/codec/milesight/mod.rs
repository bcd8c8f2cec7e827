//! Milesight frames: channel (1 byte), type (1 byte), value; little endian. Channel and type together say how long the value
//! is, so behind an unknown pair nothing can be read: what came before it is kept, the rest counted as unknown.

mod tables;

use event::{Quality, Time};

use super::super::lorawan::Decoded;
use super::super::{Raw, RawField, Stamp};
use crate::fault::Fault;
use tables::{COMMON, Channel};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// Whatever is the same in all: for devices that are not listed.
    Any,
    Wts506,
    Em500Swl,
    Em500Udl,
    Em310Udl,
    Em410Rdl,
    Am319,
    Ct3xx,
    Uc300,
    Uc50x,
    Uc51x,
    Uc521,
}

/// A piece of a value.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// Seconds since 1970: what follows is an entry of the device's own memory.
    Stamp,
    U8(&'static str, f64),
    I16(&'static str, f64),
    U16(&'static str, f64),
    /// The highest values are no measurements: 0xffff not read, 0xfffd out of range.
    U16Or(&'static str, f64),
    I16Or(&'static str, f64),
    U32(&'static str, f64),
    I32(&'static str, f64),
    /// Half-precision float.
    F16(&'static str),
    Word(&'static str, &'static [(u8, &'static str)]),
    /// For each bit that is set a field and its word.
    Bits(&'static [(u8, &'static str, &'static str)]),
    Skip(usize),
    /// State of one of two valves, then its pulses.
    Valve,
    /// A Modbus channel: number, then definition with length and type, then the value.
    Modbus(Modbus),
}

/// The two ways of saying what a Modbus channel carries.
#[derive(Clone, Copy, Debug)]
enum Modbus {
    /// UC300: channel from 0, size, sign bit and type.
    Sized,
    /// UC50x: channel from 7, type and size in one byte.
    Packed,
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }
}

pub(super) fn decode(model: Model, bytes: &[u8]) -> Result<Decoded, Fault> {
    let mut reader = Reader { rest: bytes };
    let mut decoded = Decoded::default();
    let mut understood = false;
    while let Some((&[channel, kind], _)) = reader.rest.split_first_chunk::<2>() {
        let Some(known) = find(model, channel, kind) else {
            let at = bytes.len() - reader.rest.len();
            if !understood {
                let reason = format!(
                    "channel {channel:#04x} of type {kind:#04x} at byte {at} is none of this Milesight model's; correct `options.codec`"
                );
                return Err(Fault::malformed(reason));
            }
            decoded.unknown += 1;
            return Ok(decoded);
        };
        let start = bytes.len() - reader.rest.len();
        reader.skip(2);
        if value(known, &mut reader, &mut decoded).is_none() {
            let reason = format!(
                "the frame ends in the middle of the value at byte {start}; check the gateway"
            );
            if understood {
                // Some firmware cuts its last value off at the size limit of the data rate.
                decoded.unknown += 1;
                return Ok(decoded);
            }
            return Err(Fault::malformed(reason));
        }
        understood = true;
    }
    if !reader.rest.is_empty() {
        if !understood {
            return Err(Fault::malformed(
                "a Milesight frame has more than one byte; check the gateway",
            ));
        }
        decoded.unknown += 1;
    }
    Ok(decoded)
}

fn find(model: Model, channel: u8, kind: u8) -> Option<&'static Channel> {
    let tables = tables::of(model).iter().chain([&COMMON]);
    let mut channels = tables.flat_map(|table| table.iter());
    channels.find(|known| known.id == channel && known.kind == kind)
}

/// Reads one value; `None` if the frame is too short for it.
fn value(channel: &Channel, reader: &mut Reader<'_>, decoded: &mut Decoded) -> Option<()> {
    let mut fields = Vec::new();
    let mut stamp = None;
    let mut unusable = 0;
    for part in channel.parts {
        match *part {
            Part::Stamp => {
                let seconds = u32::from_le_bytes(reader.array()?);
                stamp = Some(Stamp::At(Time(i64::from(seconds) * Time::SECOND)));
            }
            Part::Skip(bytes) => reader.skip(bytes)?,
            Part::Word(key, words) => {
                let byte = reader.byte()?;
                let known = words.iter().find(|(value, _)| *value == byte);
                let word = known.map_or_else(
                    || format!("unknown({byte})"),
                    |(_, word)| (*word).to_owned(),
                );
                fields.push(RawField::new(key, Raw::Text(word)));
            }
            Part::Bits(bits) => {
                let byte = reader.byte()?;
                for (mask, key, word) in bits {
                    if byte & mask != 0 {
                        fields.push(RawField::new(*key, Raw::Text((*word).to_owned())));
                    }
                }
            }
            Part::Valve => valve(reader, &mut fields)?,
            Part::Modbus(form) => modbus(form, reader, &mut fields, &mut unusable)?,
            Part::U16Or(key, _) | Part::I16Or(key, _) => {
                let raw = reader
                    .rest
                    .split_first_chunk::<2>()
                    .map(|(raw, _)| u16::from_le_bytes(*raw))?;
                let number = number(*part, reader)?;
                if raw == 0xffff || raw == 0xfffd {
                    unusable += 1;
                } else {
                    fields.push(RawField::number(key, number));
                }
            }
            Part::U8(key, _)
            | Part::I16(key, _)
            | Part::U16(key, _)
            | Part::U32(key, _)
            | Part::I32(key, _)
            | Part::F16(key) => fields.push(RawField::number(key, number(*part, reader)?)),
        }
    }
    decoded.unusable += unusable;
    match stamp {
        None => decoded.fields.append(&mut fields),
        // A clock that was never set gives entries of nowhen.
        Some(Stamp::At(Time(0))) => decoded.unusable += 1,
        Some(stamp) => decoded.history.push((stamp, fields)),
    }
    Some(())
}

/// The number of a part; divisors, not factors, so that 255 / 10 is 25.5 and not a hair beside it.
fn number(part: Part, reader: &mut Reader<'_>) -> Option<f64> {
    Some(match part {
        Part::U8(_, divisor) => f64::from(reader.byte()?) / divisor,
        Part::I16(_, divisor) | Part::I16Or(_, divisor) => {
            f64::from(i16::from_le_bytes(reader.array()?)) / divisor
        }
        Part::U16(_, divisor) | Part::U16Or(_, divisor) => {
            f64::from(u16::from_le_bytes(reader.array()?)) / divisor
        }
        Part::U32(_, divisor) => f64::from(u32::from_le_bytes(reader.array()?)) / divisor,
        Part::I32(_, divisor) => f64::from(i32::from_le_bytes(reader.array()?)) / divisor,
        Part::F16(_) => half(u16::from_le_bytes(reader.array()?)),
        Part::Stamp
        | Part::Word(..)
        | Part::Bits(_)
        | Part::Skip(_)
        | Part::Valve
        | Part::Modbus(_) => return None,
    })
}

/// IEEE 754 half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let fraction = f64::from(bits & 0x3ff);
    let size = match i32::from((bits >> 10) & 0x1f) {
        0 => fraction * 2_f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1.0 + fraction / 1_024.0) * 2_f64.powi(exponent - 15),
    };
    sign * size
}

/// As the shortest decimal that means it.
fn float(number: f32) -> f64 {
    number
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(number))
}

/// History of a valve controller: bit 0 on, bit 1 as input or output (else counter), bit 2 level of the input, bit 4 which.
fn valve(reader: &mut Reader<'_>, fields: &mut Vec<RawField>) -> Option<()> {
    let status = reader.byte()?;
    let pulses = u32::from_le_bytes(reader.array()?);
    let on = |bit: u8| Raw::Text(if status & bit == 0 { "off" } else { "on" }.to_owned());
    let number = if status & 0x10 == 0 { 1 } else { 2 };
    fields.push(RawField::new(format!("valve_{number}"), on(0x01)));
    if status & 0x02 == 0 {
        fields.push(RawField::number(
            format!("valve_{number}_pulse"),
            f64::from(pulses),
        ));
    } else {
        fields.push(RawField::new(format!("gpio_{number}"), on(0x04)));
    }
    Some(())
}

fn modbus(
    form: Modbus,
    reader: &mut Reader<'_>,
    fields: &mut Vec<RawField>,
    unusable: &mut u64,
) -> Option<()> {
    let (number, size, signed, kind) = match form {
        Modbus::Sized => {
            let [channel, size, kind] = reader.array()?;
            (
                i32::from(channel) + 1,
                usize::from(size),
                kind & 0x80 != 0,
                kind & 0x7f,
            )
        }
        Modbus::Packed => {
            let [channel, definition] = reader.array()?;
            let size = usize::from(definition >> 3);
            (i32::from(channel) - 6, size, false, definition & 7)
        }
    };
    let bytes = reader.rest.get(..size)?;
    reader.skip(size)?;
    let value = match (kind, bytes) {
        (0 | 1, [byte, ..]) => f64::from(*byte),
        (2 | 3, [a, b, ..]) => {
            let bits = [*a, *b];
            if signed {
                f64::from(i16::from_le_bytes(bits))
            } else {
                f64::from(u16::from_le_bytes(bits))
            }
        }
        (4 | 6, [a, b, c, d, ..]) => {
            let bits = [*a, *b, *c, *d];
            if signed {
                f64::from(i32::from_le_bytes(bits))
            } else {
                f64::from(u32::from_le_bytes(bits))
            }
        }
        (5 | 7, [a, b, c, d, ..]) => float(f32::from_le_bytes([*a, *b, *c, *d])),
        _ => {
            *unusable += 1;
            return Some(());
        }
    };
    let mut field = RawField::number(format!("modbus_chn_{number}"), value);
    if number < 1 {
        // No controller has such a channel: whose value it is, nobody can say.
        field.quality = Quality::UNCERTAIN_SOURCE;
    }
    fields.push(field);
    Some(())
}
