//! Blocks as gateways write them in JSON: one object, a list of them, or an object with `blocks`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::RejectCode;
use serde_json::{Map, Value};

use super::super::{Stamp, Wire, stamp, tree};
use super::{BLOCKS_MAX, Block, Content, Plan, exception, hex, map};
use crate::fault::Fault;

const FUNCTION: [&str; 3] = ["fc", "function", "function_code"];
const START: [&str; 5] = ["start", "address", "start_address", "register", "offset"];
const REGISTERS: [&str; 3] = ["registers", "regs", "values"];
const HEX: [&str; 2] = ["hex", "data_hex"];
const BASE64: [&str; 2] = ["base64", "b64"];
const TIME: [&str; 4] = ["ts", "timestamp", "time", "datetime"];
const UNIT: [&str; 4] = ["unit", "unit_id", "slave", "slave_id"];
const BLOCKS: [&str; 3] = ["blocks", "reads", "responses"];

pub(super) fn blocks(wire: &Wire<'_>, plan: &Plan) -> Result<Vec<Block>, Fault> {
    let mut blocks = Vec::new();
    match tree::parse(wire)? {
        Value::Array(items) => list(&items, None, None, plan, &mut blocks)?,
        Value::Object(members) => {
            let time = time(&members)?;
            let unit = unit(&members)?;
            match find(&members, &BLOCKS) {
                Some((_, Value::Array(items))) => list(items, time, unit, plan, &mut blocks)?,
                Some((key, _)) => {
                    return Err(Fault::shape(format!(
                        "`{key}` must be a list of register blocks"
                    )));
                }
                None => list(&[Value::Object(members)], time, unit, plan, &mut blocks)?,
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let reason = "a register block is a JSON object, or a list of them; correct the gateway's template";
            return Err(Fault::shape(reason));
        }
    }
    Ok(blocks)
}

fn list(
    items: &[Value],
    time_of_all: Option<Stamp>,
    unit_of_all: Option<u64>,
    plan: &Plan,
    blocks: &mut Vec<Block>,
) -> Result<(), Fault> {
    if items.is_empty() {
        return Err(Fault::shape(
            "there is no register block in the message; correct the gateway's template",
        ));
    }
    if items.len() > BLOCKS_MAX {
        let reason = format!("more than {BLOCKS_MAX} register blocks in one message; split it");
        return Err(Fault::new(RejectCode::TooManyFields, reason));
    }
    for item in items {
        let Value::Object(members) = item else {
            return Err(Fault::shape(
                "a register block must be an object; correct the gateway's template",
            ));
        };
        let unit = unit(members)?.or(unit_of_all);
        if let (Some(own), Some(unit)) = (plan.unit, unit)
            && u64::from(own) != unit
        {
            continue;
        }
        let mut block = block(members)?;
        block.stamp = time(members)?.or(time_of_all);
        blocks.push(block);
    }
    Ok(())
}

fn find<'m>(
    members: &'m Map<String, Value>,
    keys: &[&'static str],
) -> Option<(&'static str, &'m Value)> {
    keys.iter()
        .find_map(|key| members.get(*key).map(|value| (*key, value)))
        .filter(|(_, value)| !value.is_null())
}

/// A whole number, perhaps written as text, perhaps in hexadecimal.
fn whole(members: &Map<String, Value>, keys: &[&'static str]) -> Result<Option<u64>, Fault> {
    let Some((key, value)) = find(members, keys) else {
        return Ok(None);
    };
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => map::number(text).map(u64::from),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let number = number.filter(|number| *number <= 0xFFFF);
    number
        .map(Some)
        .ok_or_else(|| Fault::shape(format!("`{key}` must be a whole number up to 65535")))
}

fn unit(members: &Map<String, Value>) -> Result<Option<u64>, Fault> {
    whole(members, &UNIT)
}

fn time(members: &Map<String, Value>) -> Result<Option<Stamp>, Fault> {
    let Some((key, value)) = find(members, &TIME) else {
        return Ok(None);
    };
    stamp::of_json(value).map(Some).ok_or_else(|| {
        let reason = format!("`{key}` is no time; send RFC 3339 or seconds since 1970");
        Fault::new(RejectCode::TimeInvalid, reason)
    })
}

fn block(members: &Map<String, Value>) -> Result<Block, Fault> {
    let function = whole(members, &FUNCTION)?;
    let start = whole(members, &START)?;
    if let Some(why) = failure(members, function)? {
        let count = whole(members, &["count", "quantity", "length"])?;
        return Ok(Block {
            function: function.and_then(|code| u8::try_from(code & 0x7F).ok()),
            start: start
                .and_then(|start| u32::try_from(start).ok())
                .unwrap_or(0),
            content: Content::Failed {
                why,
                count: count.and_then(|count| u32::try_from(count).ok()),
            },
            stamp: None,
        });
    }
    let Some(start) = start.and_then(|start| u32::try_from(start).ok()) else {
        return Err(Fault::shape(
            "a register block has no `start`; let the gateway send the first address",
        ));
    };
    let function = match function {
        None => None,
        Some(code @ 1..=4) => u8::try_from(code).ok(),
        Some(code) => {
            let reason = format!(
                "function {code} does not read registers; blocks come from functions 1 to 4"
            );
            return Err(Fault::shape(reason));
        }
    };
    Ok(Block {
        function,
        start,
        content: content(members, function)?,
        stamp: None,
    })
}

/// What the bus or the meter said instead of values.
fn failure(members: &Map<String, Value>, function: Option<u64>) -> Result<Option<String>, Fault> {
    if let Some(code) = whole(members, &["exception", "exception_code"])?
        && code > 0
    {
        return Ok(Some(exception(code)));
    }
    if function.is_some_and(|code| code & 0x80 != 0) {
        return Ok(Some(
            "a Modbus exception whose code the gateway left out".to_owned(),
        ));
    }
    match find(members, &["error", "err"]) {
        Some((_, Value::String(word))) if !word.is_empty() && word != "0" && word != "ok" => {
            let short: String = word.chars().take(80).collect();
            Ok(Some(format!("the gateway says {short:?}")))
        }
        Some((_, Value::Number(code))) if code.as_i64() != Some(0) => {
            Ok(Some(format!("the gateway says error {code}")))
        }
        Some((_, Value::Bool(true))) => Ok(Some("the gateway says that reading failed".to_owned())),
        _ => Ok(None),
    }
}

fn content(members: &Map<String, Value>, function: Option<u8>) -> Result<Content, Fault> {
    if let Some((key, value)) = find(members, &REGISTERS) {
        let Value::Array(items) = value else {
            return Err(Fault::shape(format!("`{key}` must be a list of registers")));
        };
        return registers(key, items, function);
    }
    if let Some((key, value)) = find(members, &HEX) {
        let bytes = value.as_str().and_then(hex);
        return packed(
            bytes.ok_or_else(|| Fault::shape(format!("`{key}` is not hexadecimal")))?,
            function,
        );
    }
    if let Some((key, value)) = find(members, &BASE64) {
        let bytes = value
            .as_str()
            .and_then(|text| STANDARD.decode(text.trim()).ok());
        return packed(
            bytes.ok_or_else(|| Fault::shape(format!("`{key}` is not base64")))?,
            function,
        );
    }
    match members.get("data") {
        Some(Value::Array(items)) => registers("data", items, function),
        Some(Value::String(text)) => {
            let bytes = hex(text).or_else(|| STANDARD.decode(text.trim()).ok());
            packed(
                bytes.ok_or_else(|| Fault::shape("`data` is neither hexadecimal nor base64"))?,
                function,
            )
        }
        _ => Err(Fault::shape(
            "a register block has no `registers`, `hex`, `base64` or `data`",
        )),
    }
}

fn registers(key: &str, items: &[Value], function: Option<u8>) -> Result<Content, Fault> {
    let coils = matches!(function, Some(1 | 2));
    if coils || (function.is_none() && items.first().is_some_and(Value::is_boolean)) {
        let bit = |item: &Value| match item {
            Value::Bool(bit) => Some(Some(*bit)),
            Value::Null => Some(None),
            Value::Number(number) => match number.as_u64() {
                Some(bit @ 0..=1) => Some(Some(bit == 1)),
                _ => None,
            },
            Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let bits: Option<Vec<_>> = items.iter().map(bit).collect();
        return bits.map(Content::Bits).ok_or_else(|| {
            Fault::shape(format!(
                "`{key}` of coils and inputs has 0, 1, true and false alone"
            ))
        });
    }
    // Some gateways write registers as signed numbers.
    let register = |item: &Value| match item {
        Value::Null => Some(None),
        Value::Number(number) => match number.as_i64() {
            Some(word @ -0x8000..=0xFFFF) => Some(Some((word & 0xFFFF) as u16)),
            _ => None,
        },
        Value::String(text) => map::number(text)
            .and_then(|word| u16::try_from(word).ok())
            .map(Some),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let words = items.iter().enumerate().map(|(at, item)| {
        register(item).ok_or_else(|| {
            let reason =
                format!("`{key}[{at}]` is no register; each is a whole number from 0 to 65535");
            Fault::shape(reason)
        })
    });
    words.collect::<Result<_, _>>().map(Content::Registers)
}

/// Registers big endian, two bytes each; coils from the lowest bit of the first byte.
pub(super) fn packed(bytes: Vec<u8>, function: Option<u8>) -> Result<Content, Fault> {
    if matches!(function, Some(1 | 2)) {
        let bits = bytes
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| Some(byte >> bit & 1 == 1)));
        return Ok(Content::Bits(bits.collect()));
    }
    let (words, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Fault::shape(
            "an odd number of bytes is no list of registers; two bytes make one",
        ));
    }
    Ok(Content::Registers(
        words
            .iter()
            .map(|word| Some(u16::from_be_bytes(*word)))
            .collect(),
    ))
}
