//! SenML (RFC 8428) in JSON and CBOR, with the secondary units of RFC 8798.
//!
//! What a measure is called is the end of its resolved name: where base name and own name meet says nothing (section 4.6), so a
//! profile's field takes the longest end of the name that is one of its `from`s and stands behind one of `:/._-`. Options: `device` =
//! `topic` (the default: the topic names the device) or `prefix` (the beginning of the name is an address of the catalogue);
//! `unnamed`: the field of values whose name is the device alone, or a table of such fields by SenML unit. A sum has the field's `from` with `#sum` behind it, in the unit
//! times seconds. Values in `lat` and `lon` are the place. Records of one device and time are one reading.

mod cbor;
mod pack;
mod units;

use std::cell::RefCell;
use std::collections::HashMap;

use event::{EventFlags, Time};

use super::{Options, Raw, RawField, Record, Records, Stamp, Subject, Wire, tree};
use crate::catalogue::Profile;
use crate::fault::Fault;
use crate::{text, time};
use pack::{Content, Resolved};
pub(crate) use units::ucum_of_people;

/// Times below are relative to now (section 4.5.3).
const RELATIVE_SECONDS: f64 = 268_435_456.0;

/// Beginnings of one name that are looked up.
const PREFIXES_MAX: usize = 8;

/// Beginnings of names of one pack that are looked up: no gateway has so many devices in one message.
const LOOKUPS_MAX: usize = 4_096;

/// Ends of one name that are compared with the profile's fields.
const ENDS_MAX: usize = 8;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Who {
    #[default]
    Topic,
    Prefix,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    device: Who,
    /// Fields of values whose name is the device alone, by their units; without a unit: of all.
    unnamed: Vec<(Option<String>, String)>,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let words = [("topic", Who::Topic), ("prefix", Who::Prefix)];
        Ok(Self {
            device: options.word("device", &words)?.unwrap_or_default(),
            unnamed: unnamed(options)?,
        })
    }
}

fn unnamed(options: &Options<'_>) -> Result<Vec<(Option<String>, String)>, String> {
    let wrong = || "`options.unnamed` must be a field, or a table of fields by unit".to_owned();
    match options.value("unnamed") {
        None => Ok(Vec::new()),
        Some(toml::Value::String(field)) => Ok(vec![(None, field.clone())]),
        Some(toml::Value::Table(table)) => {
            let fields = table.iter().map(|(unit, field)| {
                let field = field.as_str().ok_or_else(wrong)?;
                Ok((Some(unit.clone()), field.to_owned()))
            });
            fields.collect()
        }
        Some(_) => Err(wrong()),
    }
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let entries = match encoding(wire)? {
        Encoding::Json => pack::from_json(&tree::parse(wire)?)?,
        Encoding::Cbor => pack::from_cbor(wire.payload)?,
    };
    let mut reader = Reader {
        wire,
        plan,
        known: RefCell::default(),
        records: Vec::new(),
        by_moment: HashMap::new(),
    };
    let fields_max = usize::try_from(wire.catalogue.limits.fields_max).unwrap_or(usize::MAX);
    for resolved in pack::resolve(entries)? {
        reader.take(resolved, fields_max);
    }
    // By time, so that nothing is late that need not be; what is now stands among the relative times.
    reader.records.sort_by_key(|open| match open.record.stamp {
        Some(Stamp::At(time) | Stamp::Local(time)) => (0, time.0),
        Some(Stamp::Ago(nanoseconds)) => (1, nanoseconds.saturating_neg()),
        None => (1, 0),
    });
    for open in reader.records {
        let mut record = open.record;
        match (open.lat, open.lon) {
            (Some(lat), Some(lon)) => record.place = Some((lat, lon)),
            (None, None) => {}
            // Half a place is none.
            _ => record.unusable += 1,
        }
        out.push(record)?;
    }
    Ok(())
}

enum Encoding {
    Json,
    Cbor,
}

/// By the content type, else by the first byte: lists of CBOR begin with 0x80 to 0x9f or with a tag, no JSON does.
fn encoding(wire: &Wire<'_>) -> Result<Encoding, Fault> {
    let kind = wire
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let kind = kind.to_ascii_lowercase();
    let (family, suffix) = kind.split_once('+').unwrap_or((&kind, ""));
    let senml = matches!(family, "application/senml" | "application/sensml");
    match suffix {
        "json" if senml => Ok(Encoding::Json),
        "cbor" if senml => Ok(Encoding::Cbor),
        "xml" if senml => Err(not_read("XML")),
        _ if kind == "application/senml-exi" || kind == "application/sensml-exi" => {
            Err(not_read("EXI"))
        }
        _ => match wire.payload.first() {
            Some(0x80..=0x9F | 0xC0..=0xDB) => Ok(Encoding::Cbor),
            _ => Ok(Encoding::Json),
        },
    }
}

fn not_read(encoding: &str) -> Fault {
    Fault::malformed(format!(
        "SenML in {encoding} is not read here; send JSON or CBOR"
    ))
}

/// A reading that may still grow.
#[derive(Debug, Default)]
struct Open {
    record: Record,
    lat: Option<f64>,
    lon: Option<f64>,
}

struct Reader<'a> {
    wire: &'a Wire<'a>,
    plan: &'a Plan,
    /// Beginnings of names that were looked up. For looking up only: its order is never seen.
    known: RefCell<HashMap<String, Option<bool>>>,
    records: Vec<Open>,
    /// The latest reading of a device and time. For looking up only.
    by_moment: HashMap<Moment, usize>,
}

/// A device (empty: that of the topic) and a time: absolute or not, and its nanoseconds.
type Moment = (String, Option<(bool, i64)>);

impl<'a> Reader<'a> {
    fn take(&mut self, resolved: Resolved, fields_max: usize) {
        let Resolved {
            base_name,
            name,
            unit,
            value,
            sum,
            time,
        } = resolved;
        let device = match self.plan.device {
            Who::Topic => String::new(),
            Who::Prefix => self.device(&base_name, &name),
        };
        let profile = match self.plan.device {
            Who::Topic => self.wire.profile,
            Who::Prefix => self.profile(&device),
        };
        let rest = match name.strip_prefix(device.as_str()) {
            Some(rest) if !device.is_empty() => rest.trim_start_matches(is_mark),
            _ => &name,
        };
        let stamp = stamp(time);
        let moment = (device, stamp.map(comparable));
        let at = match self.by_moment.get(&moment) {
            Some(at) => *at,
            None => self.begin(moment.clone(), stamp),
        };
        let coordinate = matches!(unit.as_deref(), Some("lat" | "lon"));
        let mut fields = Vec::new();
        let (unit_code, offset) = match unit.as_deref().map(units::registered) {
            None => (None, 0.0),
            Some(Some(known)) => (Some(known.ucum.to_owned()), known.offset),
            Some(None) => (unit.as_deref().map(ucum_of_people), 0.0),
        };
        let mut flags = EventFlags::default();
        let number = match &value {
            Some(Content::Number(number)) => Some(*number),
            _ => None,
        };
        if let Some(value) = value.filter(|_| !coordinate) {
            let key = self.key(profile, rest, unit.as_deref(), "");
            let mut field = RawField::new(key, raw(value, offset, &mut flags));
            field.unit.clone_from(&unit_code);
            fields.push(field);
        }
        if let Some(sum) = sum {
            let mut field = RawField::number(self.key(profile, rest, unit.as_deref(), "#sum"), sum);
            field.unit = unit_code.map(|unit| format!("{unit}.s"));
            fields.push(field);
        }
        let taken = |record: &Record| {
            let same = |field: &RawField| fields.iter().any(|new| new.key == field.key);
            record.fields.len() >= fields_max || record.fields.iter().any(same)
        };
        // The same measure of the same time twice: two readings.
        let full = self.records.get(at).is_some_and(|open| taken(&open.record));
        let at = if full { self.begin(moment, stamp) } else { at };
        let Some(open) = self.records.get_mut(at) else {
            return;
        };
        open.record.flags = open.record.flags.with(flags);
        open.record.fields.append(&mut fields);
        match unit.as_deref() {
            Some("lat") => open.lat = number.or(open.lat),
            Some("lon") => open.lon = number.or(open.lon),
            _ => {}
        }
    }

    fn begin(&mut self, moment: Moment, stamp: Option<Stamp>) -> usize {
        let subject = match &*moment.0 {
            "" => Subject::Topic,
            device => Subject::Address(device.to_owned()),
        };
        let record = Record {
            subject,
            stamp,
            ..Record::default()
        };
        self.records.push(Open {
            record,
            ..Open::default()
        });
        let at = self.records.len() - 1;
        self.by_moment.insert(moment, at);
        at
    }

    /// The beginning of the name that is a device: the base name, else the longest beginning that is listed, else the
    /// shortest that fits a family (families take almost any end).
    fn device(&self, base_name: &str, name: &str) -> String {
        let base = base_name.trim_end_matches(is_mark);
        if !base.is_empty() && self.known(base).is_some() {
            return base.to_owned();
        }
        let ends = name
            .char_indices()
            .rev()
            .filter(|(_, letter)| is_mark(*letter));
        let parts = ends.filter_map(|(at, _)| name.get(..at)).take(PREFIXES_MAX);
        let candidates: Vec<&str> = std::iter::once(name)
            .chain(parts)
            .filter(|part| !part.is_empty())
            .collect();
        let listed = candidates
            .iter()
            .find(|part| self.known(part) == Some(true));
        let family = || {
            candidates
                .iter()
                .rev()
                .find(|part| self.known(part).is_some())
        };
        if let Some(found) = listed.or_else(family) {
            return (*found).to_owned();
        }
        // None is known: the refusal names what was most likely meant.
        let parent = name.rfind(is_mark).and_then(|at| name.get(..at));
        let likely = if base.is_empty() {
            parent.unwrap_or(name)
        } else {
            base
        };
        likely.to_owned()
    }

    /// Whether the catalogue knows a device of that address, and whether it is listed.
    fn known(&self, address: &str) -> Option<bool> {
        let mut known = self.known.borrow_mut();
        if let Some(found) = known.get(address) {
            return *found;
        }
        if known.len() >= LOOKUPS_MAX {
            return None;
        }
        let found = self
            .wire
            .catalogue
            .by_address(address)
            .map(|device| device.listed);
        known.insert(address.to_owned(), found);
        found
    }

    fn profile(&self, address: &str) -> Option<&'a Profile> {
        let catalogue = self.wire.catalogue;
        catalogue
            .profiles
            .get(catalogue.by_address(address)?.profile)
    }

    /// Whether the name is that of the device that the topic names.
    fn is_topics(&self, name: &str) -> bool {
        let Some(own) = self.wire.device else {
            return false;
        };
        let name = name.trim_end_matches(is_mark);
        let device = self.wire.catalogue.by_address(name);
        name == own || device.is_some_and(|device| &*device.id == own)
    }

    /// The field's name for this value: see the module.
    fn key(
        &self,
        profile: Option<&Profile>,
        rest: &str,
        unit: Option<&str>,
        suffix: &str,
    ) -> String {
        let named = |candidate: &str| {
            let fields = profile.into_iter().flat_map(|profile| &profile.fields);
            let mut names = fields.map(|field| field.from.as_deref().unwrap_or(&field.key));
            names.any(|name| name.strip_suffix(suffix) == Some(candidate))
        };
        let begins = rest
            .char_indices()
            .rev()
            .filter(|(_, letter)| is_mark(*letter));
        let ends = begins
            .filter_map(|(at, _)| rest.get(at + 1..))
            .take(ENDS_MAX);
        let ends: Vec<&str> = ends.collect();
        let found = std::iter::once(rest)
            .chain(ends.into_iter().rev())
            .find(|end| !end.is_empty() && named(end));
        let unnamed = || {
            if !rest.is_empty() && !is_device_urn(rest) && !self.is_topics(rest) {
                return rest;
            }
            let mut fields = self.plan.unnamed.iter();
            let field = fields.find(|(own, _)| own.is_none() || own.as_deref() == unit);
            field.map_or(rest, |(_, field)| field.as_str())
        };
        format!("{}{suffix}", found.unwrap_or_else(unnamed))
    }
}

/// What stands between the parts of a name.
fn is_mark(letter: char) -> bool {
    matches!(letter, ':' | '/' | '.' | '_' | '-')
}

/// A device's own URN (RFC 9039) and nothing behind it: parts of a device follow a `_`, or a `:` in packs of older days.
fn is_device_urn(name: &str) -> bool {
    let parts = name
        .strip_prefix("urn:dev:")
        .map(|rest| rest.split_once(':'));
    let Some(Some((kind, id))) = parts else {
        return false;
    };
    matches!(kind, "mac" | "ow" | "org" | "os" | "ops")
        && !id.is_empty()
        && !id.contains([':', '_', '/'])
}

fn comparable(stamp: Stamp) -> (bool, i64) {
    match stamp {
        Stamp::At(time) | Stamp::Local(time) => (true, time.0),
        Stamp::Ago(nanoseconds) => (false, nanoseconds),
    }
}

/// Seconds since 1970, or from now. 0 says now and no more: the sender has no clock.
fn stamp(seconds: f64) -> Option<Stamp> {
    if seconds == 0.0 {
        return None;
    }
    if seconds.abs() < RELATIVE_SECONDS {
        return Some(Stamp::Ago((seconds * -1e9).round() as i64));
    }
    if seconds.abs() < 1e11 {
        // What a number holds of the microseconds; a cast stops at the ends of the range.
        let microseconds = (seconds * 1e6).round() as i64;
        return Some(Stamp::At(Time(microseconds.saturating_mul(1_000))));
    }
    // The year 5138 in seconds: milliseconds, in truth, by a sender who did not read the standard.
    Some(Stamp::At(time::from_float(seconds)))
}

fn raw(content: Content, offset: f64, flags: &mut EventFlags) -> Raw {
    match content {
        Content::Number(number) => Raw::Number(number + offset),
        Content::Boolean(word) => Raw::Boolean(word),
        Content::Data(data) => Raw::Text(data),
        Content::Null => Raw::Null,
        Content::Text(written) => {
            let cleaned = text::clean(&written);
            if cleaned.damaged {
                *flags = flags.with(EventFlags::TEXT_DAMAGED);
            }
            Raw::Text(cleaned.text.into_owned())
        }
    }
}

#[cfg(test)]
mod tests;
