//! Reports of reservoirs, and the announcements of what they will release.
//!
//! A report is a JSON object, or a list of them (also under `reservoirs`, `data`, `reports`), with the fields of the
//! operating procedure by their English or Vietnamese names. It names its reservoir, or the topic does.
//!
//! An announcement has an order number and the time from which it holds (`valid_from`), which usually is still to come. What
//! is wrong with its times is told at once, while somebody can still ask: an end before the beginning, no beginning, or a
//! beginning farther ahead than `ahead_days_max` days (a wrong year). One that was over before it came is history. A report and
//! an announcement in one object are two events.
//!
//! Options: `ahead_days_max` (60).

mod names;

pub(in crate::format) use names::folded;

use event::{EventFlags, Kind, RejectCode, Status, Time};
use serde_json::{Map, Value};

use super::{Options, Raw, RawField, Record, Records, Stamp, Subject, Wire, tree};
use crate::fault::Fault;
use names::Name;

const DAY_NS: i64 = 86_400 * Time::SECOND;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    ahead_ns: i64,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let days = options.whole("ahead_days_max")?.unwrap_or(60);
        if !(1..=3_650).contains(&days) {
            return Err("`options.ahead_days_max` must be from 1 to 3650".to_owned());
        }
        Ok(Self {
            ahead_ns: days * DAY_NS,
        })
    }
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let document = tree::parse(wire)?;
    match &document {
        Value::Array(items) => list(wire, plan, items, out),
        Value::Object(members) => {
            let inner = [
                "reservoirs",
                "reports",
                "announcements",
                "data",
                "ho_chua",
                "danh_sach",
            ];
            let lists: Vec<&Vec<Value>> = inner
                .iter()
                .filter_map(|key| members.get(*key)?.as_array())
                .collect();
            if lists.is_empty() {
                return one(wire, plan, members, out);
            }
            lists
                .into_iter()
                .try_for_each(|items| list(wire, plan, items, out))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(Fault::shape(
            "a reservoir report is a JSON object or a list of them",
        )),
    }
}

fn list(wire: &Wire<'_>, plan: &Plan, items: &[Value], out: &mut Records) -> Result<(), Fault> {
    if items.is_empty() {
        return Err(Fault::new(
            RejectCode::NoValues,
            "the list of reservoir reports is empty",
        ));
    }
    for item in items {
        let members = item.as_object().ok_or_else(|| {
            Fault::shape("the list of reservoir reports has something that is no object")
        })?;
        one(wire, plan, members, out)?;
    }
    Ok(())
}

/// What the members of one object are, sorted by what they mean.
#[derive(Default)]
struct Parts {
    subject: Subject,
    status: Status,
    time: Option<Stamp>,
    issued: Option<Stamp>,
    valid_from: Option<Stamp>,
    valid_to: Option<Stamp>,
    /// It says of itself that it is an announcement.
    announced: bool,
    ordered: bool,
    /// Of the report.
    measured: Vec<RawField>,
    /// Of the announcement.
    planned: Vec<RawField>,
    unusable: u64,
    unknown: u64,
    damaged: bool,
}

fn one(
    wire: &Wire<'_>,
    plan: &Plan,
    members: &Map<String, Value>,
    out: &mut Records,
) -> Result<(), Fault> {
    let mut parts = Parts::default();
    gather(wire, members, &mut parts, 0)?;
    // An order's number alone is a remark on a report.
    let announces = parts.announced
        || (parts.valid_from.is_some() && !parts.planned.is_empty())
        || (parts.ordered && !parts.planned.iter().all(is_order));
    let flags = match parts.damaged {
        true => EventFlags::TEXT_DAMAGED,
        false => EventFlags::default(),
    };
    let base = Record {
        subject: parts.subject.clone(),
        status: parts.status,
        flags,
        ..Record::default()
    };
    if announces {
        let record = Record {
            kind: Some(Kind::Announcement),
            stamp: parts.issued.or(parts.time),
            fields: std::mem::take(&mut parts.planned),
            ..base.clone()
        };
        out.push(announcement(wire, plan, &parts, record)?)?;
    }
    if !parts.measured.is_empty() || !announces {
        out.push(Record {
            kind: Some(Kind::Reading),
            stamp: parts.time,
            fields: parts.measured.into_iter().chain(parts.planned).collect(),
            unusable: parts.unusable,
            unknown: parts.unknown,
            ..base
        })?;
    }
    Ok(())
}

fn is_order(field: &RawField) -> bool {
    field.key == "order_no"
}

/// The times of an announcement are what it is for.
fn announcement(
    wire: &Wire<'_>,
    plan: &Plan,
    parts: &Parts,
    mut record: Record,
) -> Result<Record, Fault> {
    let invalid = |reason: String| Fault::new(RejectCode::TimeInvalid, reason);
    let instant = |stamp: Stamp| match stamp {
        Stamp::At(time) => time,
        Stamp::Local(time) => time.plus(-wire.profile.map_or(0, |profile| profile.zone_ns)),
        Stamp::Ago(ago) => wire.received.plus(ago.saturating_neg()),
    };
    let Some(from) = parts.valid_from else {
        let reason =
            "the announcement does not say from when it holds (`valid_from`); ask its sender"
                .to_owned();
        return Err(invalid(reason));
    };
    let begins = instant(from);
    if begins.since(wire.received) > plan.ahead_ns {
        let days = plan.ahead_ns / DAY_NS;
        return Err(invalid(format!(
            "the announcement begins at {begins}, more than {days} days ahead; check its date"
        )));
    }
    let ends = parts.valid_to.map(instant);
    if ends.is_some_and(|ends| ends < begins) {
        return Err(invalid(format!(
            "the announcement begins at {begins} and ends before; check its times"
        )));
    }
    if ends.is_some_and(|ends| ends < wire.received) {
        record.flags = record.flags.with(EventFlags::HISTORY);
    }
    record.valid_from = Some(from);
    record.valid_to = parts.valid_to;
    if parts.measured.is_empty() {
        record.unusable = parts.unusable;
        record.unknown = parts.unknown;
    }
    Ok(record)
}

/// Two levels: `validity`, `gates` and the like may be objects of their own.
fn gather(
    wire: &Wire<'_>,
    members: &Map<String, Value>,
    parts: &mut Parts,
    depth: usize,
) -> Result<(), Fault> {
    for (key, value) in members {
        let key = names::folded(key);
        if let (Value::Object(inner), true) = (value, depth < 2) {
            gather(wire, inner, parts, depth + 1)?;
            continue;
        }
        let Some(name) = names::of(&key) else {
            parts.unknown += u64::from(!names::remark(&key));
            continue;
        };
        if value.is_null() {
            continue;
        }
        let mut time = |into: fn(&mut Parts) -> &mut Option<Stamp>| {
            let stamp = crate::time::stamp_of(value);
            // The time of an observation that cannot be read may be any: nothing can be made of the message.
            let stamp = stamp.ok_or_else(|| {
                let reason =
                    format!("`{key}` is no time that can be read; write 2026-09-09T20:00:00+07:00");
                Fault::new(RejectCode::TimeInvalid, reason)
            })?;
            *into(parts) = Some(stamp);
            Ok::<(), Fault>(())
        };
        match name {
            Name::Time => time(|parts| &mut parts.time)?,
            Name::Issued => time(|parts| &mut parts.issued)?,
            Name::From => time(|parts| &mut parts.valid_from)?,
            Name::To => time(|parts| &mut parts.valid_to)?,
            Name::Reservoir => subject(wire, value, parts),
            Name::Status => status(value, parts),
            Name::Type => parts.announced |= value.as_str().is_some_and(names::announcement),
            Name::Measured(canonical) => {
                parts
                    .measured
                    .extend(field(canonical, value, &mut parts.unusable))
            }
            Name::Planned(canonical) => {
                if let Some(mut field) = field(canonical, value, &mut parts.unusable) {
                    clean(&mut field, &mut parts.damaged);
                    parts.ordered |= canonical == "order_no" || canonical == "action";
                    parts.planned.push(field);
                }
            }
        }
    }
    Ok(())
}

fn clean(field: &mut RawField, damaged: &mut bool) {
    if let Raw::Text(text) = &mut field.value {
        let cleaned = crate::text::clean(text);
        *damaged |= cleaned.damaged;
        let cleaned = cleaned.text.into_owned();
        *text = match field.key.as_str() {
            "action" => names::action(&cleaned).map_or(cleaned, str::to_owned),
            _ => cleaned,
        };
    }
}

fn field(key: &str, value: &Value, unusable: &mut u64) -> Option<RawField> {
    let raw = match value {
        Value::Number(number) => Raw::Number(number.as_f64()?),
        Value::String(text) => Raw::Text(text.clone()),
        Value::Bool(truth) => Raw::Boolean(*truth),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            *unusable += 1;
            return None;
        }
    };
    Some(RawField::new(key, raw))
}

/// The reservoir that the report names, if the catalogue knows it so; else the topic's device.
fn subject(wire: &Wire<'_>, value: &Value, parts: &mut Parts) {
    let Some(text) = value.as_str() else { return };
    let known = wire.catalogue.by_address(text).or_else(|| {
        let folded = names::folded(text);
        wire.catalogue.by_address(&folded)
    });
    if let Some(device) = known {
        parts.subject = Subject::Address(device.id.to_string());
    } else if wire.device.is_none() {
        parts.subject = Subject::Address(text.to_owned());
    }
}

fn status(value: &Value, parts: &mut Parts) {
    match value.as_str().map(names::folded).as_deref() {
        Some("exercise" | "dien_tap" | "drill") => parts.status = Status::Exercise,
        Some("test" | "thu_nghiem" | "draft") => parts.status = Status::Test,
        Some("actual" | "thuc_te" | "official") => {}
        _ => parts.unknown += 1,
    }
}

#[cfg(test)]
mod tests {
    use crate::format::indicators::probe::no_bytes_panic;

    #[test]
    fn no_bytes_make_it_panic() {
        let report = r#"{"reservoirs":[{"ho_chua":"ho_thac_ba","thoi_gian":"2026-11-22T09:00:00","muc_nuoc_thuong_luu":"57,42","luu_luong_den":280,
            "order_no":"12/CD","valid_from":"2026-11-22T20:00:00+07:00","action":"open","planned_gates_surface":2}]}"#;
        no_bytes_panic("ioc/lao-cai/disaster/rvr-thac-ba/up", report.as_bytes());
    }
}
