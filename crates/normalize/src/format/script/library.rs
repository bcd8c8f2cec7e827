//! What a decoder has to work with besides the language: bytes, bits, texts and checks. Everything that looks at a whole value
//! is charged by its size.
//!
//! Bytes: `p.len`, `p[i]`, `p.slice(from, count)`, `p.u8(i)`, `p.i8(i)`, `p.u16be(i)` and so on for u16 i16 u24 i24 u32 i32 i64
//! f32 f64 with `be` or `le`, `p.text(from, count)` (ASCII), `p.hex`, `p.crc16(start, poly)` (reflected), `p.sum()`, `p.xor()`.
//! Numbers: `bit(n, i)`, `bits(n, from, count)`, `signed(n, bits)`, `bcd(n)`. Texts: `bytes(t)`, `unhex(t)`, `unbase64(t)`, `len`, `trim`,
//! `upper`, `lower`, `split(t, by)`, `sub(t, from, count)`, `find(t, what)` (-1 if it is not there), `starts_with`, `ends_with`,
//! `contains`, `number(t)` (`()` if it is none). Lists: `len`, `push`. Maps: `len`, `keys`, `contains`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhai::{Array, Dynamic, Engine, EvalAltResult, INT, ImmutableString, Map};
use serde_json::Value;

use super::budget::charge_bytes;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// A payload, or a piece of it: copying one costs nothing.
#[derive(Clone, Debug)]
pub(super) struct Bytes(Arc<[u8]>);

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl Bytes {
    fn slice(&self, from: INT, count: INT) -> Result<&[u8]> {
        let range = usize::try_from(from)
            .ok()
            .and_then(|from| Some(from..from.checked_add(usize::try_from(count).ok()?)?));
        let found = range.and_then(|range| self.0.get(range));
        found.ok_or_else(|| {
            let length = self.0.len();
            format!(
                "bytes {from} to {} are not there: the payload has {length}",
                from.saturating_add(count)
            )
            .into()
        })
    }

    /// `N` bytes from `from` on, most significant first.
    fn word<const N: usize>(&self, from: INT, little: bool) -> Result<[u8; N]> {
        let mut word = [0; N];
        word.copy_from_slice(self.slice(from, N as INT)?);
        if little {
            word.reverse();
        }
        Ok(word)
    }
}

/// A JSON document as maps and lists; what the script makes of a large one is bounded by its limits.
pub(super) fn of_json(value: Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => value.into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::String(text) => text.into(),
        Value::Array(items) => items.into_iter().map(of_json).collect::<Array>().into(),
        Value::Object(members) => {
            let members = members
                .into_iter()
                .map(|(key, value)| (key.into(), of_json(value)));
            members.collect::<Map>().into()
        }
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_iterator::<Array>();
    engine.register_iterator::<std::ops::Range<INT>>();
    engine.register_iterator::<std::ops::RangeInclusive<INT>>();
    bytes(engine);
    numbers(engine);
    texts(engine);
    engine.register_fn("len", |list: &mut Array| list.len() as INT);
    engine.register_get("len", |list: &mut Array| list.len() as INT);
    engine.register_fn("push", |list: &mut Array, item: Dynamic| list.push(item));
    engine.register_fn("len", |map: &mut Map| map.len() as INT);
    engine.register_fn("contains", |map: &mut Map, key: &str| map.contains_key(key));
    engine.register_fn("keys", |map: &mut Map| -> Result<Array> {
        charge_bytes(map.len().saturating_mul(64))?;
        Ok(map
            .keys()
            .map(|key| Dynamic::from(key.to_string()))
            .collect())
    });
}

fn bytes(engine: &mut Engine) {
    engine.register_type_with_name::<Bytes>("bytes");
    engine.register_get("len", |bytes: &mut Bytes| bytes.0.len() as INT);
    engine.register_fn("len", |bytes: &mut Bytes| bytes.0.len() as INT);
    engine.register_indexer_get(|bytes: &mut Bytes, at: INT| -> Result<INT> {
        Ok(INT::from(u8::from_be_bytes(bytes.word(at, false)?)))
    });
    engine.register_fn(
        "slice",
        |bytes: &mut Bytes, from: INT, count: INT| -> Result<Bytes> {
            let piece = bytes.slice(from, count)?;
            charge_bytes(piece.len())?;
            Ok(Bytes::from(piece))
        },
    );
    engine.register_fn(
        "text",
        |bytes: &mut Bytes, from: INT, count: INT| -> Result<String> {
            let piece = bytes.slice(from, count)?;
            charge_bytes(piece.len())?;
            let text = std::str::from_utf8(piece)
                .ok()
                .filter(|text| text.is_ascii());
            text.map(str::to_owned)
                .ok_or_else(|| "these bytes are no ASCII text".into())
        },
    );
    engine.register_get("hex", |bytes: &mut Bytes| -> Result<String> {
        charge_bytes(bytes.0.len().saturating_mul(16))?;
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
        Ok(bytes
            .0
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xF)])
            .collect())
    });
    engine.register_fn("sum", |bytes: &mut Bytes| -> Result<INT> {
        charge_bytes(bytes.0.len())?;
        Ok(bytes.0.iter().map(|byte| INT::from(*byte)).sum())
    });
    engine.register_fn("xor", |bytes: &mut Bytes| -> Result<INT> {
        charge_bytes(bytes.0.len())?;
        Ok(bytes.0.iter().fold(0, |sum, byte| sum ^ INT::from(*byte)))
    });
    engine.register_fn(
        "crc16",
        |bytes: &mut Bytes, start: INT, poly: INT| -> Result<INT> {
            charge_bytes(bytes.0.len().saturating_mul(16))?;
            let crc = bytes.0.iter().fold(start & 0xFFFF, |mut crc, byte| {
                crc ^= INT::from(*byte);
                for _ in 0..8 {
                    crc = if crc & 1 == 1 {
                        crc >> 1 ^ (poly & 0xFFFF)
                    } else {
                        crc >> 1
                    };
                }
                crc
            });
            Ok(crc)
        },
    );
    /// One reader for each end of the number that may come first.
    macro_rules! reader {
        ($type:ty, $to:ty, $be:literal, $le:literal) => {
            engine.register_fn($be, |bytes: &mut Bytes, at: INT| -> Result<$to> {
                Ok(<$to>::from(<$type>::from_be_bytes(bytes.word(at, false)?)))
            });
            engine.register_fn($le, |bytes: &mut Bytes, at: INT| -> Result<$to> {
                Ok(<$to>::from(<$type>::from_be_bytes(bytes.word(at, true)?)))
            });
        };
    }
    reader!(u8, INT, "u8", "byte");
    reader!(u16, INT, "u16be", "u16le");
    reader!(i16, INT, "i16be", "i16le");
    reader!(u32, INT, "u32be", "u32le");
    reader!(i32, INT, "i32be", "i32le");
    reader!(i64, INT, "i64be", "i64le");
    reader!(f64, f64, "f64be", "f64le");
    engine.register_fn("i8", |bytes: &mut Bytes, at: INT| -> Result<INT> {
        Ok(INT::from(i8::from_be_bytes(bytes.word(at, false)?)))
    });
    for (name, little) in [("f32be", false), ("f32le", true)] {
        engine.register_fn(name, move |bytes: &mut Bytes, at: INT| -> Result<f64> {
            let value = f32::from_be_bytes(bytes.word(at, little)?);
            // The shortest decimal is what the device meant.
            Ok(value.to_string().parse().unwrap_or(f64::from(value)))
        });
    }
    for (name, little, negative) in [
        ("u24be", false, false),
        ("u24le", true, false),
        ("i24be", false, true),
        ("i24le", true, true),
    ] {
        engine.register_fn(name, move |bytes: &mut Bytes, at: INT| -> Result<INT> {
            let [high, middle, low] = bytes.word(at, little)?;
            let value = INT::from(high) << 16 | INT::from(middle) << 8 | INT::from(low);
            Ok(if negative && value & 0x80_0000 != 0 {
                value - 0x100_0000
            } else {
                value
            })
        });
    }
}

fn count_of_bits(bits: INT) -> Result<u32> {
    match bits {
        1..=63 => Ok(bits as u32),
        _ => Err(format!("{bits} bits: there must be from 1 to 63").into()),
    }
}

fn numbers(engine: &mut Engine) {
    engine.register_fn("bit", |number: INT, at: INT| -> Result<bool> {
        match at {
            0..=63 => Ok(number >> at & 1 == 1),
            _ => Err(format!("bit {at}: there are bits 0 to 63").into()),
        }
    });
    engine.register_fn(
        "bits",
        |number: INT, from: INT, count: INT| -> Result<INT> {
            let count = count_of_bits(count)?;
            match from {
                0..=63 => Ok((number as u64 >> from & ((1 << count) - 1)) as INT),
                _ => Err(format!("bit {from}: there are bits 0 to 63").into()),
            }
        },
    );
    engine.register_fn("signed", |number: INT, bits: INT| -> Result<INT> {
        let unused = 64 - count_of_bits(bits)?;
        Ok(number << unused >> unused)
    });
    engine.register_fn("bcd", |number: INT| -> Result<INT> {
        let mut value = 0;
        for at in (0..16).rev() {
            let digit = number as u64 >> (4 * at) & 0xF;
            if digit > 9 {
                return Err("a half byte above 9 is no decimal digit".into());
            }
            value = value * 10 + digit as INT;
        }
        Ok(value)
    });
}

fn texts(engine: &mut Engine) {
    engine.register_get("len", |text: &mut ImmutableString| text.len() as INT);
    engine.register_fn("len", |text: &str| text.len() as INT);
    engine.register_fn("unhex", |text: &str| -> Result<Bytes> {
        charge_bytes(text.len().saturating_mul(4))?;
        let bytes = super::super::modbus::hex(text);
        Ok(Bytes::from(
            bytes.ok_or("the text is not hexadecimal")?.as_slice(),
        ))
    });
    engine.register_fn("bytes", |text: &str| -> Result<Bytes> {
        charge_bytes(text.len())?;
        Ok(Bytes::from(text.as_bytes()))
    });
    engine.register_fn("unbase64", |text: &str| -> Result<Bytes> {
        charge_bytes(text.len().saturating_mul(4))?;
        let bytes = STANDARD
            .decode(text.trim())
            .map_err(|_| "the text is not base64")?;
        Ok(Bytes::from(bytes.as_slice()))
    });
    engine.register_fn("trim", |text: &str| -> Result<String> {
        charged(text, str::trim)
    });
    engine.register_fn("upper", |text: &str| -> Result<String> {
        charge_bytes(text.len().saturating_mul(8))?;
        Ok(text.to_ascii_uppercase())
    });
    engine.register_fn("lower", |text: &str| -> Result<String> {
        charge_bytes(text.len().saturating_mul(8))?;
        Ok(text.to_ascii_lowercase())
    });
    engine.register_fn("split", |text: &str, by: &str| -> Result<Array> {
        if by.is_empty() {
            return Err("split by an empty text".into());
        }
        charge_bytes(text.len().saturating_mul(8))?;
        // Longer lists than any decoder may have are refused by the engine.
        Ok(text
            .split(by)
            .take(4_096)
            .map(|part| Dynamic::from(part.to_owned()))
            .collect())
    });
    engine.register_fn(
        "sub",
        |text: &str, from: INT, count: INT| -> Result<String> {
            charge_bytes(text.len().saturating_mul(2))?;
            let skip = usize::try_from(from).map_err(|_| "a text begins at 0")?;
            let take = usize::try_from(count).map_err(|_| "a count is not negative")?;
            Ok(text.chars().skip(skip).take(take).collect())
        },
    );
    engine.register_fn("find", |text: &str, what: &str| -> Result<INT> {
        charge_bytes(text.len().saturating_add(what.len()).saturating_mul(4))?;
        let at = text
            .find(what)
            .map(|at| text.get(..at).unwrap_or_default().chars().count() as INT);
        Ok(at.unwrap_or(-1))
    });
    engine.register_fn("contains", |text: &str, what: &str| -> Result<bool> {
        charge_bytes(text.len().saturating_add(what.len()).saturating_mul(4))?;
        Ok(text.contains(what))
    });
    engine.register_fn("starts_with", |text: &str, what: &str| {
        text.starts_with(what)
    });
    engine.register_fn("ends_with", |text: &str, what: &str| text.ends_with(what));
    engine.register_fn("number", |text: &str| -> Dynamic {
        let text = text.trim();
        let sound = text.len() <= 32 && text.bytes().any(|byte| byte.is_ascii_digit());
        match (sound, text.parse::<INT>(), text.parse::<f64>()) {
            (true, Ok(whole), _) => whole.into(),
            (true, _, Ok(number)) => number.into(),
            _ => Dynamic::UNIT,
        }
    });
    engine.register_fn("+", |text: &str, number: INT| -> Result<String> {
        charged(text, |text| format!("{text}{number}"))
    });
    engine.register_fn("+", |text: &str, number: f64| -> Result<String> {
        charged(text, |text| format!("{text}{number}"))
    });
    engine.register_fn("+", |text: &str, value: bool| -> Result<String> {
        charged(text, |text| format!("{text}{value}"))
    });
    engine.register_fn("+", |number: INT, text: &str| -> Result<String> {
        charged(text, |text| format!("{number}{text}"))
    });
    engine.register_fn("to_string", |number: INT| number.to_string());
    engine.register_fn("to_string", |number: f64| number.to_string());
    engine.register_fn("to_string", |value: bool| value.to_string());
}

fn charged<'t, T: Into<String>>(text: &'t str, make: impl FnOnce(&'t str) -> T) -> Result<String> {
    charge_bytes(text.len())?;
    Ok(make(text).into())
}
