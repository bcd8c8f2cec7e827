//! Registers in JSON: an object whose keys are codes, or a list of entries with `obis`.

use event::RejectCode;
use serde_json::{Map, Value};

use super::super::{Raw, RawField, Stamp, Wire, stamp, tree};
use super::code::{Code, Meaning};
use super::{Item, Readout};
use crate::fault::Fault;

const TIME: [&str; 5] = ["ts", "time", "timestamp", "clock", "datetime"];
const SERIAL: [&str; 4] = ["serial", "meter_serial", "meter_id", "serial_number"];
const INSIDE: [&str; 5] = ["values", "data", "readings", "registers", "objects"];
const CODE: [&str; 3] = ["obis", "code", "ln"];

pub(super) fn read(wire: &Wire<'_>, readout: &mut Readout) -> Result<(), Fault> {
    match tree::parse(wire)? {
        Value::Array(items) => list(&items, readout),
        Value::Object(members) => object(&members, true, readout),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(Fault::shape(
            "a readout is a JSON object or a list; correct the gateway's template",
        )),
    }
}

fn object(
    members: &Map<String, Value>,
    outermost: bool,
    readout: &mut Readout,
) -> Result<(), Fault> {
    for (key, value) in members {
        let word = key.as_str();
        if let Some(code) = Code::parse(word) {
            register(code, value, readout)?;
        } else if TIME.contains(&word) && outermost {
            readout.clock = time(word, value)?;
        } else if SERIAL.contains(&word) && outermost {
            serial(value, readout);
        } else if INSIDE.contains(&word) && outermost {
            match value {
                Value::Object(members) => object(members, false, readout)?,
                Value::Array(items) => list(items, readout)?,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    return Err(Fault::shape(format!(
                        "`{word}` must be an object or a list of registers"
                    )));
                }
            }
        } else {
            other(word, value, readout);
        }
    }
    Ok(())
}

/// Not a register: what the gateway says of itself, for profiles that want it.
fn other(key: &str, value: &Value, readout: &mut Readout) {
    let raw = match value {
        Value::Number(number) => Raw::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::Bool(value) => Raw::Boolean(*value),
        Value::String(text) => Raw::Text(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            readout.unknown += 1;
            return;
        }
    };
    readout.items.push(Item {
        field: RawField::new(key, raw),
        stamp: None,
    });
}

fn serial(value: &Value, readout: &mut Readout) {
    match value {
        Value::String(text) => readout.found_serial(1, text),
        Value::Number(number) => readout.found_serial(1, &number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => readout.unknown += 1,
    }
}

fn list(items: &[Value], readout: &mut Readout) -> Result<(), Fault> {
    for item in items {
        let Value::Object(members) = item else {
            return Err(Fault::shape(
                "an entry of the list must be an object with `obis` and `value`",
            ));
        };
        let word = CODE
            .iter()
            .find_map(|key| members.get(*key))
            .and_then(Value::as_str);
        let Some(word) = word else {
            return Err(Fault::shape(
                "an entry of the list has no `obis`; correct the gateway's template",
            ));
        };
        let Some(code) = Code::parse(word) else {
            // Makers have codes of their own.
            readout.unknown += 1;
            continue;
        };
        register(code, item, readout)?;
    }
    Ok(())
}

fn register(code: Code, value: &Value, readout: &mut Readout) -> Result<(), Fault> {
    let (value, unit, stamp) = match value {
        Value::Object(members) => {
            let value = ["value", "v", "val"]
                .iter()
                .find_map(|key| members.get(*key))
                .unwrap_or(&Value::Null);
            let unit = ["unit", "u"]
                .iter()
                .find_map(|key| members.get(*key))
                .and_then(Value::as_str);
            let mut stamp = None;
            for key in TIME {
                if let Some(value) = members.get(key) {
                    stamp = time(key, value)?;
                    break;
                }
            }
            // The power of ten of DLMS.
            let scaled = match (
                value.as_f64(),
                members.get("scaler").and_then(Value::as_i64),
            ) {
                (Some(number), Some(scaler @ -12..=12)) => Some(ten_to(number, scaler)),
                _ => None,
            };
            (scaled.unwrap_or_else(|| value.clone()), unit, stamp)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            (value.clone(), None, None)
        }
    };
    // What is a code and not a quantity stays text, leading zeros and all.
    let quantity = code.meaning() == Meaning::Value;
    match value {
        Value::String(text) => {
            let (digits, own) = split(&text);
            let raw = match number(digits).filter(|_| quantity) {
                Some(number) => Raw::Number(number),
                None => Raw::Text(digits.to_owned()),
            };
            readout.take(code, raw, own.or(unit), stamp)
        }
        Value::Number(number) if quantity => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            readout.take(code, Raw::Number(number), unit, stamp)
        }
        Value::Number(number) => readout.take(code, Raw::Text(number.to_string()), unit, stamp),
        Value::Bool(value) => readout.take(code, Raw::Boolean(value), unit, stamp),
        Value::Null => readout.take(code, Raw::Null, unit, stamp),
        Value::Array(_) | Value::Object(_) => Err(Fault::shape(format!(
            "the value of {code} must be a number or a text"
        ))),
    }
}

/// Division keeps decimal numbers exact where multiplying by 0.001 would not.
fn ten_to(number: f64, scaler: i64) -> Value {
    let power = 10_f64.powi(i32::try_from(scaler.unsigned_abs()).unwrap_or(0));
    let scaled = if scaler < 0 {
        number / power
    } else {
        number * power
    };
    serde_json::Number::from_f64(scaled).map_or(Value::Null, Value::Number)
}

/// `000123.400*kWh`, also with a space.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    match text.split_once('*') {
        Some((digits, unit)) => (digits.trim(), Some(unit)),
        None => match text.split_once(' ') {
            Some((digits, unit)) if number(digits).is_some() => (digits, Some(unit)),
            _ => (text, None),
        },
    }
}

/// Digits with leading zeros and a point; not the other words that a float may be.
pub(super) fn number(text: &str) -> Option<f64> {
    let sound = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let digits = text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().all(sound);
    text.parse().ok().filter(|_| digits && text.len() <= 32)
}

fn time(key: &str, value: &Value) -> Result<Option<Stamp>, Fault> {
    if value.is_null() {
        return Ok(None);
    }
    if let Value::String(text) = value
        && let Some(clock) = super::read_clock(text.trim())
    {
        return Ok(Some(clock));
    }
    stamp::of_json(value).map(Some).ok_or_else(|| {
        let reason = format!("`{key}` is no time; send RFC 3339 or seconds since 1970");
        Fault::new(RejectCode::TimeInvalid, reason)
    })
}
