//! Guests, visitors, border gates and cable cars: counts, never people.
//!
//! A JSON object, or a list of them, with counts by their English or Vietnamese names, the time or interval they are of, and
//! perhaps a breakdown by country (ISO 3166-1 alpha-2) as object `{"CN": 30}` or list `[{"country": "CN", "count": 30}]`.
//! The breakdown is of the total that stands beside it (`guests_staying`, else in, else others: see [`TOTALS`]), or of the one
//! whose object holds it. Small groups are folded: see [`groups`]. `TourismPresenceObserved` entities of one place and time
//! are the groups of one statement.
//!
//! A count is a whole number of at least 0. What the counts are called is fixed here; the profile says which measures they are.
//!
//! Options: `k` (5, not below), `countries` (which are told apart; the others are `other`).

mod groups;
mod presence;

use std::collections::{BTreeMap, BTreeSet};

use event::{EventFlags, RejectCode, Status};
use serde_json::{Map, Value};

use super::reservoir::folded;
use super::{Options, Raw, RawField, Record, Records, Stamp, Subject, Wire, tree};
use crate::fault::Fault;

/// Smaller groups are never shown, whatever the options say.
const K_MIN: i64 = 5;
const COUNTRIES: [&str; 16] = [
    "VN", "CN", "KR", "JP", "TW", "TH", "SG", "MY", "IN", "US", "CA", "AU", "GB", "FR", "DE", "RU",
];
/// No country of the world has a larger population than its bound; more is a mistake.
const COUNT_MAX: u64 = 10_000_000;
/// What a breakdown that stands beside the counts is of: the first that is there.
const TOTALS: [&str; 6] = [
    "total",
    "guests_staying",
    "guests_in",
    "count_in",
    "people",
    "passengers_up",
];
/// Places of one message.
const ITEMS_MAX: usize = 2_000;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    k: u64,
    countries: BTreeSet<String>,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let k = options.whole("k")?.unwrap_or(K_MIN);
        if !(K_MIN..=1_000).contains(&k) {
            return Err(format!("`options.k` must be from {K_MIN} to 1000"));
        }
        let listed = options.texts("countries")?;
        let countries = if listed.is_empty() {
            COUNTRIES.to_vec()
        } else {
            listed
        };
        if let Some(wrong) = countries.iter().find(|code| !is_country(code)) {
            return Err(format!(
                "`options.countries` has `{wrong}`, which is no code of two capital letters"
            ));
        }
        Ok(Self {
            k: u64::try_from(k).unwrap_or(u64::MAX),
            countries: countries.into_iter().map(str::to_owned).collect(),
        })
    }
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let document = tree::parse(wire)?;
    let items: Vec<&Map<String, Value>> = match &document {
        Value::Object(members) => match members.get("data").and_then(Value::as_array) {
            Some(inner) => inner.iter().filter_map(Value::as_object).collect(),
            None => vec![members],
        },
        Value::Array(items) => items.iter().filter_map(Value::as_object).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(Fault::shape(
                "counts come as a JSON object or a list of objects",
            ));
        }
    };
    if items.is_empty() {
        return Err(Fault::new(
            RejectCode::NoValues,
            "the message has no object with counts",
        ));
    }
    if items.len() > ITEMS_MAX {
        let reason = format!("more than {ITEMS_MAX} statements in one message; split it");
        return Err(Fault::new(RejectCode::TooManyFields, reason));
    }
    let (presences, others): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|item| presence::is_one(item));
    presence::decode(wire, plan, &presences, out)?;
    others
        .into_iter()
        .try_for_each(|item| statement(wire, plan, item, out))
}

/// The name of a count; its own name if it is none of the usual ones.
fn name_of(key: &str) -> Option<&'static str> {
    Some(match key {
        "guests_in" | "check_in" | "checkins" | "check_ins" | "arrivals" | "khach_den"
        | "so_khach_den" | "luot_khach_den" => "guests_in",
        "guests_out" | "check_out" | "checkouts" | "check_outs" | "departures" | "khach_di"
        | "so_khach_di" => "guests_out",
        "guests_staying" | "staying" | "guests" | "khach_luu_tru" | "khach_dang_luu_tru"
        | "so_khach_luu_tru" => "guests_staying",
        "guests_foreign" | "foreign" | "international" | "khach_quoc_te" | "khach_nuoc_ngoai" => {
            "guests_foreign"
        }
        "guests_domestic" | "domestic" | "khach_noi_dia" | "khach_trong_nuoc" => "guests_domestic",
        "rooms_total" | "rooms" | "so_phong" | "tong_so_phong" => "rooms_total",
        "rooms_occupied" | "occupied_rooms" | "phong_co_khach" | "so_phong_co_khach" => {
            "rooms_occupied"
        }
        "occupancy_pct" | "occupancy" | "cong_suat_phong" => "occupancy_pct",
        "count_in" | "in" | "entries" | "luot_vao" | "nhap_canh" | "so_luot_vao" => "count_in",
        "count_out" | "out" | "exits" | "luot_ra" | "xuat_canh" | "so_luot_ra" => "count_out",
        "people" | "present" | "dang_co_mat" | "so_khach_hien_tai" => "people",
        "total" | "visitors" | "visitor_count" | "tong" | "tong_so" | "tong_so_khach"
        | "luot_khach" => "total",
        "passengers_up" | "up" | "khach_len" | "luot_len" => "passengers_up",
        "passengers_down" | "down" | "khach_xuong" | "luot_xuong" => "passengers_down",
        "cabins" | "cabins_running" | "so_cabin" => "cabins",
        "queue_minutes" | "wait_minutes" | "thoi_gian_cho" => "queue_minutes",
        _ => return None,
    })
}

/// These are no counts of people or things.
fn is_measure(name: &str) -> bool {
    matches!(name, "occupancy_pct" | "queue_minutes")
}

#[derive(Default)]
struct Parts {
    record: Record,
    /// Total beside the groups, by the name of the count that they divide.
    counts: BTreeMap<String, u64>,
    breakdowns: Vec<(Option<&'static str>, BTreeMap<String, u64>)>,
}

fn statement(
    wire: &Wire<'_>,
    plan: &Plan,
    members: &Map<String, Value>,
    out: &mut Records,
) -> Result<(), Fault> {
    let mut parts = Parts::default();
    for (key, value) in members {
        member(wire, &folded(key), value, &mut parts)?;
    }
    let breakdowns = std::mem::take(&mut parts.breakdowns);
    for (of, groups) in breakdowns {
        let total = match of {
            Some(name) => parts.counts.get(name),
            None => TOTALS.iter().find_map(|name| parts.counts.get(*name)),
        };
        let prefix = of.map_or_else(|| "country".to_owned(), |name| format!("{name}.country"));
        show(plan, &prefix, &groups, total.copied(), &mut parts.record);
    }
    out.push(parts.record)
}

fn member(wire: &Wire<'_>, key: &str, value: &Value, parts: &mut Parts) -> Result<(), Fault> {
    match key {
        "ts" | "time" | "timestamp" | "observed_at" | "thoi_gian" | "ngay" | "date" => {
            time(key, value, &mut parts.record.stamp)
        }
        "from" | "start" | "tu" | "tu_ngay" => time(key, value, &mut parts.record.stamp),
        "to" | "end" | "until" | "ts_until" | "den" | "den_ngay" => {
            time(key, value, &mut parts.record.until)
        }
        "period" | "ky" | "interval" => match value {
            Value::Object(ends) => ends
                .iter()
                .try_for_each(|(key, value)| member(wire, &folded(key), value, parts)),
            Value::String(text) => {
                let (from, to) = crate::time::interval(text).ok_or_else(|| no_time(key))?;
                (parts.record.stamp, parts.record.until) = (Some(from), Some(to));
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Err(no_time(key)),
        },
        "site" | "establishment" | "place" | "gate" | "location" | "id" | "code" | "ma"
        | "dia_diem" | "cua_khau" | "co_so" => {
            // A place that the catalogue knows by that name; else the topic's device stands for it.
            if let Some(device) = value
                .as_str()
                .and_then(|text| wire.catalogue.by_address(text))
            {
                parts.record.subject = Subject::Address(device.id.to_string());
            }
            Ok(())
        }
        "seq" | "sequence" => {
            parts.record.sequence = value.as_u64();
            Ok(())
        }
        "status" => {
            match value.as_str() {
                Some("exercise") => parts.record.status = Status::Exercise,
                Some("test") => parts.record.status = Status::Test,
                Some("actual") => {}
                _ => parts.record.unknown += 1,
            }
            Ok(())
        }
        "by_country" | "countries" | "nationality" | "nationalities" | "theo_quoc_tich"
        | "quoc_tich" | "quoc_gia" => {
            let groups = groups_of(value, &mut parts.record.unusable);
            parts.breakdowns.push((None, groups));
            Ok(())
        }
        "type" | "note" | "ghi_chu" | "name" | "ten" | "version" | "unit" => Ok(()),
        _ => {
            count(key, value, parts);
            Ok(())
        }
    }
}

fn no_time(key: &str) -> Fault {
    let reason = format!("`{key}` is no time that can be read; write 2026-09-09T20:00:00+07:00");
    Fault::new(RejectCode::TimeInvalid, reason)
}

fn time(key: &str, value: &Value, into: &mut Option<Stamp>) -> Result<(), Fault> {
    if value.is_null() {
        return Ok(());
    }
    *into = Some(crate::time::stamp_of(value).ok_or_else(|| no_time(key))?);
    Ok(())
}

/// A count, or an object of a count and its breakdown: `{"guests_in": {"total": 45, "by_country": {...}}}`.
fn count(key: &str, value: &Value, parts: &mut Parts) {
    let Some(name) = name_of(key) else {
        parts.record.unknown += 1;
        return;
    };
    let value = match value {
        Value::Object(inner) => {
            for (key, value) in inner {
                if matches!(
                    folded(key).as_str(),
                    "by_country" | "countries" | "theo_quoc_tich"
                ) {
                    let groups = groups_of(value, &mut parts.record.unusable);
                    parts.breakdowns.push((Some(name), groups));
                }
            }
            match inner.get("total").or_else(|| inner.get("tong")) {
                Some(total) => total,
                None => return,
            }
        }
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)) => other,
    };
    if value.is_null() {
        return;
    }
    if is_measure(name) {
        let raw = match value {
            Value::Number(number) => number.as_f64().map(Raw::Number),
            Value::String(text) => Some(Raw::Text(text.clone())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        parts.record.unusable += u64::from(raw.is_none());
        parts
            .record
            .fields
            .extend(raw.map(|raw| RawField::new(name, raw)));
        return;
    }
    match whole(value) {
        Some(number) => {
            parts.counts.insert(name.to_owned(), number);
            parts
                .record
                .fields
                .push(RawField::number(name, number as f64));
        }
        None => parts.record.unusable += 1,
    }
}

/// A whole number of at least 0, as number or as text; counts have no decimals, so that a dot parts thousands.
fn whole(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => crate::text::number(text, true)?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let sound = number >= 0.0 && number.fract() == 0.0 && number <= COUNT_MAX as f64;
    sound.then_some(number as u64)
}

fn groups_of(value: &Value, unusable: &mut u64) -> BTreeMap<String, u64> {
    let mut groups = BTreeMap::new();
    let mut add = |code: &str, count: Option<u64>| match count {
        Some(count) => {
            let sum = groups.entry(country(code)).or_insert(0_u64);
            *sum = sum.saturating_add(count);
        }
        None => *unusable += 1,
    };
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(code, count)| add(code, whole(count))),
        Value::Array(items) => {
            for item in items {
                let text = |key: &str| item.get(key).and_then(Value::as_str);
                let code = text("country")
                    .or_else(|| text("nationality"))
                    .or_else(|| text("code"))
                    .or_else(|| text("quoc_gia"));
                let count = item
                    .get("count")
                    .or_else(|| item.get("visitorCount"))
                    .or_else(|| item.get("so_luong"));
                add(code.unwrap_or("other"), count.and_then(whole));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => *unusable += 1,
    }
    groups
}

/// The code in capitals; whatever is no code is `other`.
fn country(code: &str) -> String {
    let code = code.trim().to_ascii_uppercase();
    let code = if code == "UK" { "GB".to_owned() } else { code };
    if is_country(&code) {
        code
    } else {
        "other".to_owned()
    }
}

/// The groups that may be shown, as values `{prefix}.CN` and `{prefix}.other`.
fn show(
    plan: &Plan,
    prefix: &str,
    groups: &BTreeMap<String, u64>,
    total: Option<u64>,
    record: &mut Record,
) {
    let named = |code: &str| plan.countries.contains(code);
    let Some(folded) = groups::fold(groups, named, total, plan.k) else {
        record.unusable += groups.len() as u64;
        return;
    };
    for (code, count) in folded.shown {
        record
            .fields
            .push(RawField::number(format!("{prefix}.{code}"), count as f64));
    }
    if let Some(other) = folded.other.filter(|_| !groups.is_empty()) {
        record
            .fields
            .push(RawField::number(format!("{prefix}.other"), other as f64));
    }
    if folded.folded {
        record.flags = record.flags.with(EventFlags::GROUPS_FOLDED);
    }
}

#[cfg(test)]
mod tests;
