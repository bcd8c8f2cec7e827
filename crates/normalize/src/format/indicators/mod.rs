//! The figures of the province's other systems: named indicators with unit, period and target, as JSON or as a table (CSV).
//!
//! ```json
//! {"system": "education", "period": "2026-11", "indicators": [{"name": "attendance_pct", "value": 97.2, "unit": "%", "target": 98}]}
//! ```
//!
//! `indicators` may also be an object `{"name": value}` or `{"name": {"value": …, "unit": …}}`. A period is a year, quarter,
//! month, week, day or an interval (see [`period`]); an indicator may have its own, and its own `area`: those of one period
//! and area are one record. A table has the columns `name` and `value` and any of `system`, `period`, `unit`, `target`,
//! `status`, `area`, also by their Vietnamese names.
//!
//! The unit that comes with a figure is converted: `0.58` of unit `1` and `58` of unit `%` are the same. A target is the
//! value `{name}_target`. A figure that is provisional is marked incomplete.
//!
//! Options: `system` (what the feed must call itself; another one is a mistake in the topic).

pub(in crate::format) mod csv;
mod period;
mod units;

use event::{Quality, RejectCode, Status};
use serde_json::{Map, Value};

use super::reservoir::folded;
use super::{Options, Raw, RawField, Record, Records, Stamp, Wire, tree};
use crate::catalogue::{Meaning, Profile};
use crate::fault::Fault;

/// Figures of one message.
const INDICATORS_MAX: usize = 10_000;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    system: Option<String>,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        Ok(Self {
            system: options.text("system")?.map(folded),
        })
    }
}

/// What indicators of one period and area share.
#[derive(Clone, Debug, Default, PartialEq)]
struct Frame {
    stamp: Option<Stamp>,
    until: Option<Stamp>,
    area: Option<String>,
    status: Status,
}

/// One figure as it came, whatever it came in.
#[derive(Default)]
struct Figure<'v> {
    name: &'v str,
    value: Option<Raw>,
    target: Option<Raw>,
    unit: Option<&'v str>,
    status: Option<&'v str>,
}

struct Gathered<'c> {
    profile: Option<&'c Profile>,
    records: Vec<(Frame, Record)>,
    count: usize,
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let text = crate::text::decode(wire.payload)?;
    let mut gathered = Gathered {
        profile: wire.profile,
        records: Vec::new(),
        count: 0,
    };
    if text.trim_start().starts_with(['{', '[']) {
        let document = tree::parse(wire)?;
        match &document {
            Value::Array(items) => {
                for item in items {
                    let members = item.as_object().ok_or_else(no_feed)?;
                    feed(plan, members, &mut gathered)?;
                }
            }
            Value::Object(members) => feed(plan, members, &mut gathered)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(no_feed());
            }
        }
    } else {
        table(plan, &text, &mut gathered)?;
    }
    if gathered.count == 0 {
        return Err(Fault::new(
            RejectCode::NoValues,
            "the feed has no indicator",
        ));
    }
    gathered
        .records
        .into_iter()
        .try_for_each(|(_, record)| out.push(record))
}

fn no_feed() -> Fault {
    Fault::shape(
        "an indicator feed is an object with `period` and `indicators`, a list of them, or a table",
    )
}

fn check_system(plan: &Plan, system: Option<&str>) -> Result<(), Fault> {
    match (&plan.system, system) {
        (Some(wanted), Some(system)) if !system.is_empty() && folded(system) != *wanted => {
            let system: String = system.chars().take(40).collect();
            let reason = format!(
                "the feed is of system {system:?}, the topic's device is for `{wanted}`; correct the topic"
            );
            Err(Fault::new(RejectCode::DeviceMismatch, reason))
        }
        _ => Ok(()),
    }
}

fn feed(
    plan: &Plan,
    members: &Map<String, Value>,
    gathered: &mut Gathered<'_>,
) -> Result<(), Fault> {
    let text = |key: &str| members.get(key).and_then(Value::as_str);
    check_system(plan, text("system").or_else(|| text("he_thong")))?;
    let frame = frame(members, &Frame::default())?;
    match members
        .get("indicators")
        .or_else(|| members.get("chi_tieu"))
    {
        Some(Value::Array(items)) => {
            for item in items {
                let Value::Object(item) = item else {
                    return Err(Fault::shape(
                        "`indicators` has something that is no object with `name` and `value`",
                    ));
                };
                let name = item
                    .get("name")
                    .or_else(|| item.get("ten"))
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                gathered.add(&self::frame(item, &frame)?, &figure(name, item))?;
            }
            Ok(())
        }
        Some(Value::Object(items)) => {
            for (name, item) in items {
                match item {
                    Value::Object(item) => {
                        gathered.add(&self::frame(item, &frame)?, &figure(name, item))?
                    }
                    plain @ (Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)) => gathered.add(
                        &frame,
                        &Figure {
                            name,
                            value: raw(Some(plain)),
                            ..Figure::default()
                        },
                    )?,
                }
            }
            Ok(())
        }
        _ => Err(no_feed()),
    }
}

fn figure<'v>(name: &'v str, item: &'v Map<String, Value>) -> Figure<'v> {
    let any = |keys: [&str; 2]| keys.iter().find_map(|key| item.get(*key));
    Figure {
        name,
        value: raw(any(["value", "gia_tri"])),
        target: raw(any(["target", "muc_tieu"])),
        unit: any(["unit", "don_vi"]).and_then(Value::as_str),
        status: any(["status", "trang_thai"]).and_then(Value::as_str),
    }
}

/// None: absent or null, which is no value and no fault.
fn raw(value: Option<&Value>) -> Option<Raw> {
    match value? {
        Value::Null => None,
        Value::Bool(truth) => Some(Raw::Boolean(*truth)),
        Value::Number(number) => Some(Raw::Number(number.as_f64().unwrap_or(f64::NAN))),
        Value::String(text) => Some(Raw::Text(text.clone())),
        // Found unusable behind.
        Value::Array(_) | Value::Object(_) => Some(Raw::Number(f64::NAN)),
    }
}

/// The frame that an object sets, on top of the one around it.
fn frame(members: &Map<String, Value>, around: &Frame) -> Result<Frame, Fault> {
    let mut frame = around.clone();
    match members.get("period").or_else(|| members.get("ky")) {
        Some(Value::String(text)) => set_period(text, &mut frame)?,
        Some(Value::Number(year)) => set_period(&year.to_string(), &mut frame)?,
        Some(Value::Object(inner)) => {
            let end = |keys: [&str; 2]| {
                keys.iter()
                    .find_map(|key| inner.get(*key))
                    .and_then(Value::as_str)
            };
            let (from, to) = (end(["from", "tu"]), end(["to", "den"]));
            let ends = from.zip(to).and_then(period::ends);
            let (from, to) = ends.ok_or_else(|| no_period("{from, to}"))?;
            (frame.stamp, frame.until) = (Some(from), Some(to));
        }
        None | Some(Value::Null) => {}
        Some(Value::Bool(_) | Value::Array(_)) => return Err(no_period("the period")),
    }
    if frame.stamp.is_none()
        && let Some(value) = ["ts", "time", "observed_at"]
            .iter()
            .find_map(|key| members.get(*key))
    {
        frame.stamp = Some(crate::time::stamp_of(value).ok_or_else(|| no_period("the time"))?);
    }
    if let Some(area) = members
        .get("area")
        .or_else(|| members.get("ma_xa"))
        .and_then(Value::as_str)
    {
        frame.area = Some(area.to_owned());
    }
    // Beside `value` the word says what the figure is, not what the message is.
    if !members.contains_key("value") && !members.contains_key("gia_tri") {
        frame.status = match members.get("status").and_then(Value::as_str) {
            Some("exercise") => Status::Exercise,
            Some("test") => Status::Test,
            _ => frame.status,
        };
    }
    Ok(frame)
}

fn set_period(text: &str, frame: &mut Frame) -> Result<(), Fault> {
    let (from, to) = period::read(text).ok_or_else(|| no_period(text))?;
    (frame.stamp, frame.until) = (Some(from), to);
    Ok(())
}

fn no_period(text: &str) -> Fault {
    let text: String = text.chars().take(40).collect();
    let reason = format!(
        "{text:?} is no period; write 2026, 2026-Q3, 2026-11, 2026-W47, 2026-11-22 or {{from, to}}"
    );
    Fault::new(RejectCode::TimeInvalid, reason)
}

impl Gathered<'_> {
    fn add(&mut self, frame: &Frame, figure: &Figure<'_>) -> Result<(), Fault> {
        self.count += 1;
        if self.count > INDICATORS_MAX {
            let reason = format!("more than {INDICATORS_MAX} indicators in one message; split it");
            return Err(Fault::new(RejectCode::TooManyFields, reason));
        }
        // Feeds come in order, so that the frame is nearly always the last one.
        let at = self
            .records
            .iter()
            .rev()
            .take(64)
            .position(|(known, _)| known == frame);
        let record = match at.and_then(|back| self.records.iter_mut().rev().nth(back)) {
            Some((_, record)) => record,
            None => {
                let record = Record {
                    stamp: frame.stamp,
                    until: frame.until,
                    area: frame.area.clone(),
                    status: frame.status,
                    ..Record::default()
                };
                self.records.push((frame.clone(), record));
                let Some((_, record)) = self.records.last_mut() else {
                    return Ok(());
                };
                record
            }
        };
        let name = folded(figure.name);
        if name.is_empty() {
            record.unusable += 1;
            return Ok(());
        }
        let quality = quality(figure.status, record);
        let unit = figure
            .unit
            .and_then(units::code)
            .map(|unit| match unit.as_str() {
                // A share without a percent sign: 0.58 is 58 %.
                "1" if percent(self.profile, &name) => "{ratio}".to_owned(),
                _ => unit,
            });
        let both = [
            (name.clone(), &figure.value),
            (format!("{name}_target"), &figure.target),
        ];
        for (key, value) in both {
            let Some(value) = value else { continue };
            record.fields.push(RawField {
                key,
                value: value.clone(),
                unit: unit.clone(),
                quality,
            });
        }
        Ok(())
    }
}

/// Whether the measure of that field is in percent.
fn percent(profile: Option<&Profile>, name: &str) -> bool {
    let fields = profile
        .map(|profile| profile.fields.as_slice())
        .unwrap_or_default();
    let field = fields
        .iter()
        .find(|field| field.from.as_deref().unwrap_or(&field.key) == name);
    matches!(field.map(|field| &field.meaning), Some(Meaning::Number { unit, .. }) if **unit == *"%")
}

fn quality(status: Option<&str>, record: &mut Record) -> Quality {
    match status.map(folded).as_deref() {
        None
        | Some("" | "final" | "official" | "confirmed" | "chinh_thuc" | "actual" | "ok" | "good") => {
            Quality::GOOD
        }
        Some(
            "provisional" | "preliminary" | "estimate" | "estimated" | "partial" | "tam_tinh"
            | "uoc_tinh" | "so_bo",
        ) => Quality::INCOMPLETE,
        Some("error" | "invalid" | "loi") => Quality::SENSOR_FAULT,
        Some(_) => {
            record.unknown += 1;
            Quality::GOOD
        }
    }
}

fn table(plan: &Plan, text: &str, gathered: &mut Gathered<'_>) -> Result<(), Fault> {
    let rows = csv::rows(text)?;
    let Some((head, rows)) = rows.split_first() else {
        return Err(no_feed());
    };
    let head: Vec<String> = head.iter().map(|title| folded(title)).collect();
    let column = |names: &[&str]| {
        head.iter()
            .position(|title| names.contains(&title.as_str()))
    };
    let (Some(name), Some(value)) = (
        column(&["name", "indicator", "chi_tieu", "ten", "ten_chi_tieu"]),
        column(&["value", "gia_tri", "so_lieu"]),
    ) else {
        return Err(Fault::shape(
            "the table has no columns `name` and `value` in its first line",
        ));
    };
    let system = column(&["system", "he_thong"]);
    let period = column(&["period", "ky", "ky_bao_cao", "thoi_gian"]);
    let (unit, target) = (
        column(&["unit", "don_vi"]),
        column(&["target", "muc_tieu", "chi_tieu_giao"]),
    );
    let (status, area) = (
        column(&["status", "trang_thai"]),
        column(&["area", "ma_xa", "xa"]),
    );
    for row in rows {
        let cell = |at: Option<usize>| {
            at.and_then(|at| row.get(at))
                .map(String::as_str)
                .filter(|text| !text.is_empty())
        };
        check_system(plan, cell(system))?;
        let mut frame = Frame {
            area: cell(area).map(str::to_owned),
            ..Frame::default()
        };
        if let Some(text) = cell(period) {
            set_period(text, &mut frame)?;
        }
        let text = |at: Option<usize>| cell(at).map(|text| Raw::Text(text.to_owned()));
        let figure = Figure {
            name: cell(Some(name)).unwrap_or_default(),
            value: text(Some(value)),
            target: text(target),
            unit: cell(unit),
            status: cell(status),
        };
        gathered.add(&frame, &figure)?;
    }
    Ok(())
}

#[cfg(test)]
pub(in crate::format) mod probe;
#[cfg(test)]
mod tests;
