//! Packs of SenML records, and their resolution: base fields hold for the record that they stand in and for all behind it, until
//! another takes their place (RFC 8428, section 4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::cbor::{Item, Reader};
use crate::fault::Fault;

/// Records of one pack as they came; more is a bound of its own, before any is made into a reading.
const RECORDS_MAX: usize = 20_000;

/// Longest name, base and own together.
const NAME_BYTES_MAX: usize = 256;

/// Version 10 is RFC 8428; examples of the standard itself say 5. 26 adds secondary units (RFC 9100, feature 4).
const VERSION: f64 = 10.0;
const VERSION_WITH_SECONDARY_UNITS: f64 = 26.0;

/// The fields of a record by their labels in JSON and CBOR.
const LABELS: [(&str, i8, Label); 15] = [
    ("bver", -1, Label::BaseVersion),
    ("bn", -2, Label::BaseName),
    ("bt", -3, Label::BaseTime),
    ("bu", -4, Label::BaseUnit),
    ("bv", -5, Label::BaseValue),
    ("bs", -6, Label::BaseSum),
    ("n", 0, Label::Name),
    ("u", 1, Label::Unit),
    ("v", 2, Label::Value),
    ("vs", 3, Label::StringValue),
    ("vb", 4, Label::BooleanValue),
    ("s", 5, Label::Sum),
    ("t", 6, Label::Time),
    ("ut", 7, Label::UpdateTime),
    ("vd", 8, Label::DataValue),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    BaseVersion,
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    BaseSum,
    Name,
    Unit,
    Value,
    StringValue,
    BooleanValue,
    Sum,
    Time,
    UpdateTime,
    DataValue,
}

/// A record as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    pub(super) base_version: Option<f64>,
    pub(super) base_name: Option<String>,
    pub(super) base_time: Option<f64>,
    pub(super) base_unit: Option<String>,
    pub(super) base_value: Option<f64>,
    pub(super) base_sum: Option<f64>,
    pub(super) name: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) value: Option<Content>,
    pub(super) sum: Option<f64>,
    pub(super) time: Option<f64>,
    pub(super) update_time: Option<f64>,
    /// It has a field that is not a base field.
    regular: bool,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Number(f64),
    Text(String),
    Boolean(bool),
    /// As base64url, which is what JSON has.
    Data(String),
    Null,
}

/// A record without base fields.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resolved {
    /// The base name that was in force, for finding the device.
    pub(super) base_name: String,
    pub(super) name: String,
    pub(super) unit: Option<String>,
    pub(super) value: Option<Content>,
    pub(super) sum: Option<f64>,
    /// Seconds: since 1970, or from now if less than 2^28. 0 is now.
    pub(super) time: f64,
}

pub(super) fn from_json(document: &Value) -> Result<Vec<Entry>, Fault> {
    let Some(list) = document.as_array() else {
        return Err(Fault::shape(
            "a SenML pack is a list of records; this is none",
        ));
    };
    let mut entries = Vec::new();
    for (at, record) in list.iter().enumerate() {
        let Some(members) = record.as_object() else {
            return Err(wrong(at, "it is no object"));
        };
        let mut entry = Entry::default();
        for (key, value) in members {
            let item = match value {
                Value::Null => Item::Null,
                Value::Bool(word) => Item::Boolean(*word),
                Value::Number(number) => Item::Number(number.as_f64().unwrap_or(f64::NAN)),
                Value::String(text) => Item::Text(text.clone()),
                Value::Array(_) | Value::Object(_) => Item::Nested,
            };
            entry.set(at, named(key), key, item)?;
        }
        keep(&mut entries, entry)?;
    }
    Ok(entries)
}

pub(super) fn from_cbor(bytes: &[u8]) -> Result<Vec<Entry>, Fault> {
    let broken = |what: &'static str| {
        Fault::malformed(format!(
            "the payload is not SenML in CBOR: {what}; check the sender"
        ))
    };
    let mut reader = Reader::new(bytes);
    let mut records = reader.list().map_err(broken)?;
    let mut entries = Vec::new();
    while reader.more(&mut records).map_err(broken)? {
        let at = entries.len();
        let mut fields = reader.map().map_err(broken)?;
        let mut entry = Entry::default();
        let mut seen = [false; LABELS.len()];
        while reader.more(&mut fields).map_err(broken)? {
            let key = reader.item().map_err(broken)?;
            let item = reader.item().map_err(broken)?;
            let (label, shown) = match &key {
                Item::Number(number) => {
                    let known = LABELS
                        .iter()
                        .find(|(_, code, _)| f64::from(*code) == *number);
                    (known.map(|(_, _, label)| *label), number.to_string())
                }
                Item::Text(text) => (named(text), text.clone()),
                Item::Null | Item::Boolean(_) | Item::Bytes(_) | Item::Nested => {
                    return Err(wrong(at, "a label is neither a number nor text"));
                }
            };
            let place = LABELS
                .iter()
                .position(|(_, _, known)| Some(*known) == label);
            if let Some(seen) = place.and_then(|place| seen.get_mut(place))
                && std::mem::replace(seen, true)
            {
                return Err(wrong(at, &format!("field `{shown}` appears twice")));
            }
            entry.set(at, label, &shown, item)?;
        }
        keep(&mut entries, entry)?;
    }
    if !reader.is_empty() {
        return Err(broken("something follows the list"));
    }
    Ok(entries)
}

fn named(key: &str) -> Option<Label> {
    LABELS
        .iter()
        .find(|(name, _, _)| *name == key)
        .map(|(_, _, label)| *label)
}

fn keep(entries: &mut Vec<Entry>, entry: Entry) -> Result<(), Fault> {
    if entries.len() >= RECORDS_MAX {
        let reason = format!("the pack has more than {RECORDS_MAX} records; split it");
        return Err(Fault::new(event::RejectCode::TooManyFields, reason));
    }
    entries.push(entry);
    Ok(())
}

fn wrong(at: usize, what: &str) -> Fault {
    Fault::shape(format!(
        "SenML record {} of the pack: {what}; correct the sender",
        at + 1
    ))
}

impl Entry {
    fn set(&mut self, at: usize, label: Option<Label>, key: &str, item: Item) -> Result<(), Fault> {
        let Some(label) = label else {
            // Whoever adds a field that must be understood ends its name so (section 4.4).
            if key.ends_with('_') {
                let shown: String = key.chars().take(32).collect();
                let what = format!("field `{shown}` must be understood and is not known here");
                return Err(wrong(at, &what));
            }
            return Ok(());
        };
        let not = |kind: &str| wrong(at, &format!("field `{key}` is no {kind}"));
        let number = |item: Item| match item {
            Item::Number(number) if number.is_finite() => Ok(number),
            Item::Number(_) | Item::Null | Item::Boolean(_) => Err(not("number")),
            Item::Text(_) | Item::Bytes(_) | Item::Nested => Err(not("number")),
        };
        let text = |item: Item| match item {
            Item::Text(text) => Ok(text),
            Item::Null | Item::Boolean(_) | Item::Number(_) => Err(not("text")),
            Item::Bytes(_) | Item::Nested => Err(not("text")),
        };
        let base = |label| {
            use Label::{BaseName, BaseSum, BaseTime, BaseUnit, BaseValue, BaseVersion};
            matches!(
                label,
                BaseName | BaseSum | BaseTime | BaseUnit | BaseValue | BaseVersion
            )
        };
        self.regular |= !base(label);
        match label {
            Label::BaseVersion => self.base_version = Some(number(item)?),
            Label::BaseName => self.base_name = Some(text(item)?),
            Label::BaseTime => self.base_time = Some(number(item)?),
            Label::BaseUnit => self.base_unit = Some(text(item)?),
            Label::BaseValue => self.base_value = Some(number(item)?),
            Label::BaseSum => self.base_sum = Some(number(item)?),
            Label::Name => self.name = Some(text(item)?),
            Label::Unit => self.unit = Some(text(item)?),
            Label::Sum => self.sum = Some(number(item)?),
            Label::Time => self.time = Some(number(item)?),
            Label::UpdateTime => self.update_time = Some(number(item)?),
            Label::Value | Label::StringValue | Label::BooleanValue | Label::DataValue => {
                let content = content(label, item).ok_or_else(|| not("value of its kind"))?;
                if self.value.replace(content).is_some() {
                    return Err(wrong(at, "it has more than one value"));
                }
            }
        }
        Ok(())
    }
}

fn content(label: Label, item: Item) -> Option<Content> {
    match (label, item) {
        // A number may be none (CBOR has NaN), and some senders put it in quotation marks: the binder judges both.
        (Label::Value, Item::Number(number)) => Some(Content::Number(number)),
        (Label::Value | Label::StringValue, Item::Text(text)) => Some(Content::Text(text)),
        (Label::Value, Item::Null) => Some(Content::Null),
        (Label::BooleanValue, Item::Boolean(word)) => Some(Content::Boolean(word)),
        (Label::DataValue, Item::Bytes(bytes)) => {
            Some(Content::Data(URL_SAFE_NO_PAD.encode(bytes)))
        }
        (Label::DataValue, Item::Text(text)) => {
            let text = text.trim_end_matches('=');
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            Some(Content::Data(URL_SAFE_NO_PAD.encode(bytes)))
        }
        _ => None,
    }
}

/// Base fields in force.
#[derive(Debug, Default)]
struct Base {
    name: String,
    time: f64,
    unit: Option<String>,
    value: Option<f64>,
    sum: Option<f64>,
    version: Option<f64>,
}

/// Records without base fields, in their order. One record that is wrong makes the pack wrong: what it changed for those behind it
/// is not known.
pub(super) fn resolve(entries: Vec<Entry>) -> Result<Vec<Resolved>, Fault> {
    let mut base = Base::default();
    let mut resolved = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        base.version = Some(check_version(base.version, &entry, at)?);
        if let Some(name) = entry.base_name {
            base.name = name;
        }
        base.time = entry.base_time.unwrap_or(base.time);
        base.unit = entry.base_unit.or(base.unit);
        base.value = entry.base_value.or(base.value);
        base.sum = entry.base_sum.or(base.sum);
        if !entry.regular {
            // It only carries the base of those behind it.
            continue;
        }
        let name = format!("{}{}", base.name, entry.name.unwrap_or_default());
        check_name(&name, at)?;
        let value = match (entry.value, base.value) {
            (Some(Content::Number(value)), Some(base)) => Some(Content::Number(base + value)),
            (Some(Content::Text(text)), Some(base)) => match crate::text::number(&text, false) {
                Some(value) => Some(Content::Number(base + value)),
                None => Some(Content::Text(text)),
            },
            // What is missing counts as 0.
            (None, Some(base)) if entry.sum.is_none() => Some(Content::Number(base)),
            (value, _) => value,
        };
        let sum = match (entry.sum, base.sum) {
            (None, None) => None,
            (sum, base) => Some(sum.unwrap_or(0.0) + base.unwrap_or(0.0)),
        };
        if value.is_none() && sum.is_none() {
            return Err(wrong(at, "it has neither a value nor a sum"));
        }
        resolved.push(Resolved {
            base_name: base.name.clone(),
            name,
            unit: entry.unit.or_else(|| base.unit.clone()),
            value,
            sum,
            time: base.time + entry.time.unwrap_or(0.0),
        });
    }
    if resolved.is_empty() {
        return Err(Fault::shape(
            "the SenML pack has no record with a value; check the sender",
        ));
    }
    Ok(resolved)
}

/// All records of a pack have one version, and it must be one that we know.
fn check_version(in_force: Option<f64>, entry: &Entry, at: usize) -> Result<f64, Fault> {
    let Some(version) = entry.base_version else {
        return Ok(in_force.unwrap_or(VERSION));
    };
    let whole = version.fract() == 0.0;
    let known = (1.0..=VERSION).contains(&version) || version == VERSION_WITH_SECONDARY_UNITS;
    if !whole || !known {
        return Err(wrong(
            at,
            &format!("base version {version} is not known here (10 is)"),
        ));
    }
    if in_force.is_some_and(|in_force| in_force != version) {
        return Err(wrong(
            at,
            "its base version differs from that of the records before it",
        ));
    }
    Ok(version)
}

/// Section 4.5.1: letters, digits and `-:./_`; a letter or digit first.
fn check_name(name: &str, at: usize) -> Result<(), Fault> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-:./_".contains(&byte);
    let first = name.bytes().next();
    if first.is_none() {
        return Err(wrong(at, "it has no name"));
    }
    if !first.is_some_and(|byte| byte.is_ascii_alphanumeric()) || !name.bytes().all(sound) {
        let shown: String = name.chars().take(64).collect();
        let what = format!(
            "name {shown:?} may have letters, digits and `-:./_` and begins with one of the first two"
        );
        return Err(wrong(at, &what));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(wrong(
            at,
            &format!("its name has more than {NAME_BYTES_MAX} bytes"),
        ));
    }
    Ok(())
}
