//! `TourismPresenceObserved` (Smart Data Models): an entity for each nationality, so that the groups of one place and hour are
//! several entities of one message. What a publisher has folded already ("Outros - GDPR", at 0,0) is `other`, and is nowhere.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Plan, country, show, whole};
use crate::fault::Fault;
use crate::format::{RawField, Record, Records, Stamp, Subject, Wire};

/// Of one place and time.
#[derive(Default)]
struct Group {
    record: Record,
    counts: BTreeMap<String, u64>,
}

pub(super) fn is_one(item: &Map<String, Value>) -> bool {
    plain(item.get("type")).and_then(Value::as_str) == Some("TourismPresenceObserved")
}

/// The value itself, also where it stands in `{"type": ..., "value": ...}`.
fn plain(value: Option<&Value>) -> Option<&Value> {
    match value? {
        Value::Object(members) => members.get("value"),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)) => Some(other),
    }
}

pub(super) fn decode(
    wire: &Wire<'_>,
    plan: &Plan,
    items: &[&Map<String, Value>],
    out: &mut Records,
) -> Result<(), Fault> {
    let mut groups: BTreeMap<(String, String, String), Group> = BTreeMap::new();
    for item in items {
        let text = |key: &str| {
            plain(item.get(key)).map(|value| match value {
                Value::String(text) => text.clone(),
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => other.to_string(),
            })
        };
        let (date, hour) = (
            text("dateObserved").unwrap_or_default(),
            text("hour").unwrap_or_default(),
        );
        let code = text("locationCode")
            .or_else(|| text("locationName"))
            .unwrap_or_default();
        let group = groups
            .entry((date.clone(), hour.clone(), code.clone()))
            .or_default();
        let Some(count) = plain(item.get("visitorCount")).and_then(whole) else {
            group.record.unusable += 1;
            continue;
        };
        let nationality = country(&text("nationality").unwrap_or_default());
        let sum = group.counts.entry(nationality).or_insert(0);
        *sum = sum.saturating_add(count);
        if group.record.stamp.is_none() {
            (group.record.stamp, group.record.until) = times(&date, &hour)?;
        }
        if let Some(device) = Some(&code)
            .filter(|code| !code.is_empty())
            .and_then(|code| wire.catalogue.by_address(code))
        {
            group.record.subject = Subject::Address(device.id.to_string());
        }
        group.record.place = group.record.place.or_else(|| place(item.get("location")));
    }
    for group in groups.into_values() {
        let mut record = group.record;
        let total = group
            .counts
            .values()
            .fold(0_u64, |sum, count| sum.saturating_add(*count));
        if !group.counts.is_empty() {
            record.fields.push(RawField::number("total", total as f64));
        }
        show(plan, "country", &group.counts, Some(total), &mut record);
        out.push(record)?;
    }
    Ok(())
}

type Times = (Option<Stamp>, Option<Stamp>);

/// The hour of a day, or the instant or interval that the date itself is.
fn times(date: &str, hour: &str) -> Result<Times, Fault> {
    if let Some((from, to)) = crate::time::interval(date) {
        return Ok((Some(from), Some(to)));
    }
    let day = date.get(..10).unwrap_or(date);
    let hour = hour
        .trim()
        .split(':')
        .next()
        .and_then(|hour| hour.parse::<u8>().ok())
        .filter(|hour| *hour < 24);
    let from = match hour {
        Some(hour) => crate::time::stamp(&format!("{day}T{hour:02}:00:00")),
        None => crate::time::stamp(date),
    };
    let from = from.ok_or_else(|| super::no_time("dateObserved"))?;
    let until = hour.and(Some(match from {
        Stamp::At(time) => Stamp::At(time.plus(3_600 * event::Time::SECOND)),
        Stamp::Local(time) => Stamp::Local(time.plus(3_600 * event::Time::SECOND)),
        Stamp::Ago(ago) => Stamp::Ago(ago),
    }));
    Ok((Some(from), until))
}

/// GeoJSON: longitude first. Nobody was counted in the Gulf of Guinea.
fn place(location: Option<&Value>) -> Option<(f64, f64)> {
    let location = location?;
    let location = location.get("value").unwrap_or(location);
    let pair = location.get("coordinates")?.as_array()?;
    let (lon, lat) = (pair.first()?.as_f64()?, pair.get(1)?.as_f64()?);
    (lat != 0.0 || lon != 0.0).then_some((lat, lon))
}
