//! What a decoder returned, as records. Anything that is not of the agreed form is a mistake of the script, and said so.

use event::{EventFlags, Kind, Quality, Status};
use rhai::{Array, Dynamic, INT, ImmutableString, Map};

use super::super::{Raw, RawField, Record, Stamp, Subject, stamp};
use crate::time;

pub(super) fn records(returned: Dynamic, topic_names_device: bool) -> Result<Vec<Record>, String> {
    if returned.is_unit() {
        return Ok(Vec::new());
    }
    if returned.is_map() {
        return Ok(vec![record(&map(returned)?, topic_names_device)?]);
    }
    let kind = returned.type_name();
    let list = returned.try_cast::<Array>().ok_or_else(|| {
        format!("`decode` returned a {kind}; it must be a map, a list of maps or ()")
    })?;
    list.into_iter()
        .enumerate()
        .map(|(at, item)| {
            let map = map(item).map_err(|what| format!("record {at}: {what}"))?;
            record(&map, topic_names_device).map_err(|what| format!("record {at}: {what}"))
        })
        .collect()
}

fn map(value: Dynamic) -> Result<Map, String> {
    let kind = value.type_name();
    value
        .try_cast::<Map>()
        .ok_or_else(|| format!("a {kind} where a map must be"))
}

fn record(map: &Map, topic_names_device: bool) -> Result<Record, String> {
    let mut record = Record::default();
    let (mut lat, mut lon, mut fields) = (None, None, None);
    for (key, value) in map {
        if value.is_unit() && key != "fields" {
            continue;
        }
        match key.as_str() {
            "fields" => fields = Some(value),
            "ts" => record.stamp = Some(moment(key, value)?),
            "ts_until" => record.until = Some(moment(key, value)?),
            "valid_from" => record.valid_from = Some(moment(key, value)?),
            "valid_to" => record.valid_to = Some(moment(key, value)?),
            "seq" => {
                let sequence = value
                    .as_int()
                    .ok()
                    .and_then(|number| u64::try_from(number).ok());
                record.sequence = Some(sequence.ok_or("`seq` must be a whole number from 0")?);
            }
            "lat" => lat = Some(number(key, value)?),
            "lon" => lon = Some(number(key, value)?),
            "status" => {
                record.status = match text(value).as_deref() {
                    Some("actual") => Status::Actual,
                    Some("exercise") => Status::Exercise,
                    Some("test") => Status::Test,
                    _ => return Err("`status` must be actual, exercise or test".to_owned()),
                }
            }
            "history" if boolean(key, value)? => {
                record.flags = record.flags.with(EventFlags::HISTORY)
            }
            "state" if boolean(key, value)? => record.kind = Some(Kind::State),
            "history" | "state" => {}
            "device" => {
                let device = text(value).filter(|device| (1..=256).contains(&device.len()));
                let device = device.ok_or("`device` must be a text of 1 to 256 bytes")?;
                record.subject = Subject::Address(device.to_string());
            }
            other => {
                return Err(format!(
                    "`{other}` is no part of a record; there are fields, ts, ts_until, valid_from, valid_to, seq, lat, lon, status, history, state, device"
                ));
            }
        }
    }
    record.place = match (lat, lon) {
        (Some(lat), Some(lon)) => Some((lat, lon)),
        (None, None) => None,
        _ => return Err("`lat` and `lon` come together".to_owned()),
    };
    if record.subject == Subject::Topic && !topic_names_device {
        return Err("the topic names no device; the record must have `device`".to_owned());
    }
    let fields = fields.and_then(|fields| fields.read_lock::<Map>());
    let fields = fields.ok_or("a record has no map `fields`")?;
    for (key, value) in fields.iter() {
        record.fields.push(field(key, value)?);
    }
    Ok(record)
}

fn field(key: &str, value: &Dynamic) -> Result<RawField, String> {
    let Some(parts) = value.read_lock::<Map>() else {
        return Ok(RawField::new(key, raw(key, value)?));
    };
    let mut field = RawField::new(key, Raw::Null);
    for (name, part) in parts.iter() {
        match name.as_str() {
            "value" => field.value = raw(key, part)?,
            "unit" => {
                let unit =
                    text(part).ok_or_else(|| format!("the unit of `{key}` must be a text"))?;
                field.unit = Some(unit.to_string());
            }
            "quality" => {
                field.quality = match text(part).as_deref() {
                    Some("good") => Quality::GOOD,
                    Some("maintenance") => Quality::MAINTENANCE,
                    Some("sensor_fault") => Quality::SENSOR_FAULT,
                    Some("saturated") => Quality::SATURATED,
                    _ => {
                        return Err(format!(
                            "the quality of `{key}` must be good, maintenance, sensor_fault or saturated"
                        ));
                    }
                }
            }
            other => {
                return Err(format!(
                    "`{key}` has `{other}`; there are value, unit and quality"
                ));
            }
        }
    }
    Ok(field)
}

fn raw(key: &str, value: &Dynamic) -> Result<Raw, String> {
    if value.is_unit() {
        return Ok(Raw::Null);
    }
    if let Ok(value) = value.as_bool() {
        return Ok(Raw::Boolean(value));
    }
    if let Some(text) = text(value) {
        return Ok(Raw::Text(text.to_string()));
    }
    number(key, value).map(Raw::Number)
}

fn text(value: &Dynamic) -> Option<ImmutableString> {
    value.clone().try_cast::<ImmutableString>()
}

fn number(key: &str, value: &Dynamic) -> Result<f64, String> {
    match (value.as_int(), value.as_float()) {
        (Ok(whole), _) => Ok(whole as f64),
        (_, Ok(number)) => Ok(number),
        _ => Err(format!(
            "`{key}` is a {}; it must be a number, a text, a boolean or ()",
            value.type_name()
        )),
    }
}

fn boolean(key: &str, value: &Dynamic) -> Result<bool, String> {
    value
        .as_bool()
        .map_err(|kind| format!("`{key}` is a {kind}; it must be true or false"))
}

/// Seconds, milliseconds or microseconds since 1970 by their magnitude, or a text with a zone or without.
fn moment(key: &str, value: &Dynamic) -> Result<Stamp, String> {
    let found = match (value.as_int(), value.as_float()) {
        (Ok(whole), _) => Some(Stamp::At(time::from_whole(whole as INT))),
        (_, Ok(number)) => stamp::of_number(number),
        _ => text(value).and_then(|text| stamp::of_text(&text)),
    };
    found.ok_or_else(|| format!("`{key}` is no time; give seconds since 1970 or RFC 3339"))
}

/// A record as a line for people who try a decoder out.
pub(super) fn line(record: &Record) -> String {
    let mut line = String::new();
    if let Subject::Address(device) = &record.subject {
        line.push_str(&format!("device={device} "));
    }
    match record.stamp {
        Some(Stamp::At(time)) => line.push_str(&format!("ts={time} ")),
        Some(Stamp::Local(time)) => line.push_str(&format!(
            "ts={} (local) ",
            time.to_string().trim_end_matches('Z')
        )),
        Some(Stamp::Ago(_)) | None => {}
    }
    if let Some(sequence) = record.sequence {
        line.push_str(&format!("seq={sequence} "));
    }
    for name in record.flags.names() {
        line.push_str(&format!("{name} "));
    }
    for field in &record.fields {
        let value = match &field.value {
            Raw::Null => "null".to_owned(),
            Raw::Boolean(value) => value.to_string(),
            Raw::Number(number) => number.to_string(),
            Raw::Text(text) => format!("{text:?}"),
        };
        let unit = field.unit.as_deref().unwrap_or_default();
        line.push_str(&format!("{}={value}{unit} ", field.key));
        for name in field.quality.names() {
            line.push_str(&format!("({name}) "));
        }
    }
    line.trim_end().to_owned()
}
