//! Attributes of an entity in the encodings of NGSI, made one: value, unit, time.

use serde_json::Value;

use crate::format::{Stamp, tree};
use crate::time;

/// One attribute, whatever encoding it came in.
#[derive(Clone, Debug)]
pub(super) struct Attribute<'v> {
    pub(super) value: &'v Value,
    pub(super) unit: Option<&'v str>,
    pub(super) observed: Option<Stamp>,
    /// It says a time, and the time is none.
    pub(super) time_wrong: bool,
}

/// Kinds of attributes in NGSI-LD, and the member that holds the value.
const LD_KINDS: [(&str, &str); 7] = [
    ("Property", "value"),
    ("GeoProperty", "value"),
    ("Relationship", "object"),
    ("LanguageProperty", "languageMap"),
    ("JsonProperty", "json"),
    ("VocabProperty", "vocab"),
    ("ListProperty", "valueList"),
];

/// Instances of an attribute: one, but for the multi-attributes and temporal lists of NGSI-LD.
pub(super) fn instances(value: &Value) -> Vec<Attribute<'_>> {
    if let Some(series) = series(value) {
        return series;
    }
    if let Value::Array(list) = value
        && !list.is_empty()
        && list.iter().all(is_instance)
    {
        // Of several sources the one without `datasetId` is the default; times tell the others apart.
        let default: Vec<&Value> = list
            .iter()
            .filter(|item| item.get("datasetId").is_none())
            .collect();
        let chosen = if default.is_empty() {
            list.iter().take(1).collect()
        } else {
            default
        };
        return chosen.into_iter().filter_map(one).collect();
    }
    one(value).into_iter().collect()
}

/// The simplified temporal form: `values`, each a value and its time.
fn series(value: &Value) -> Option<Vec<Attribute<'_>>> {
    let members = value.as_object()?;
    let unit = members.get("unitCode").and_then(Value::as_str);
    let pairs = members
        .get("values")
        .filter(|_| members.contains_key("type"))?;
    let pair = |pair: &'_ Value| pair.as_array().is_some_and(|pair| pair.len() == 2);
    let pairs = pairs.as_array().filter(|pairs| pairs.iter().all(pair))?;
    let instance = |pair| {
        let (value, time) = (Value::get(pair, 0)?, Value::get(pair, 1)?);
        let observed = time::stamp_of(time);
        Some(Attribute {
            value,
            unit,
            observed,
            time_wrong: observed.is_none(),
        })
    };
    pairs.iter().map(instance).collect()
}

fn is_instance(item: &Value) -> bool {
    let Some(members) = item.as_object() else {
        return false;
    };
    let kind = members.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| LD_KINDS.iter().any(|(known, _)| *known == kind))
        || members.contains_key("value") && members.contains_key("observedAt")
}

fn one(value: &Value) -> Option<Attribute<'_>> {
    let Some(members) = value.as_object() else {
        return Some(plain(value));
    };
    let kind = members.get("type").and_then(Value::as_str);
    let holder = LD_KINDS.iter().find(|(known, _)| Some(*known) == kind);
    let held = match holder {
        Some((_, holder)) => members.get(*holder).or_else(|| members.get("value"))?,
        // NGSI v2 normalized and NGSI-LD concise.
        None => match members.get("value") {
            Some(held) => held,
            None => match members.get("object").filter(|_| members.len() <= 3) {
                Some(held) => held,
                None => return Some(plain(value)),
            },
        },
    };
    let held = match kind {
        Some("LanguageProperty") => in_a_language(held),
        _ => held,
    };
    let metadata = members.get("metadata").and_then(Value::as_object);
    let said = |names: &[&str]| {
        let direct = names.iter().find_map(|name| members.get(*name));
        let direct = direct.or_else(|| names.iter().find_map(|name| metadata?.get(*name)));
        direct.map(|said| said.get("value").unwrap_or_else(|| inner(said)))
    };
    let time = said(&[
        "observedAt",
        "TimeInstant",
        "dateObserved",
        "timestamp",
        "dateTime",
    ]);
    let time = time.filter(|time| !time.is_null());
    let observed = time.and_then(time::stamp_of);
    Some(Attribute {
        value: inner(held),
        unit: said(&["unitCode", "unit", "unitText"]).and_then(Value::as_str),
        observed,
        time_wrong: time.is_some() && observed.is_none(),
    })
}

/// Vietnamese if it is there, else English, else whatever is.
fn in_a_language(map: &Value) -> &Value {
    let Some(words) = map.as_object() else {
        return map;
    };
    let known = ["vi", "en", "@none"]
        .into_iter()
        .find_map(|language| words.get(language));
    known.or_else(|| words.values().next()).unwrap_or(map)
}

fn plain(value: &Value) -> Attribute<'_> {
    Attribute {
        value: inner(value),
        unit: None,
        observed: None,
        time_wrong: false,
    }
}

/// What a typed value or a property within a property holds.
fn inner(value: &Value) -> &Value {
    let Some(members) = value.as_object() else {
        return value;
    };
    match members.get("@value") {
        Some(inner) => inner,
        None if members.contains_key("type") => members.get("value").unwrap_or(value),
        None => value,
    }
}

/// Latitude and longitude of a place: GeoJSON (longitude first) of any shape by the mean of its corners, `geo:point` text
/// (latitude first).
pub(super) fn place(value: &Value, depth_max: u64) -> Option<(f64, f64)> {
    match value {
        Value::String(text) if text.trim_start().starts_with('{') => {
            // GeoJSON as text: an object, so this goes no deeper.
            place(&tree::parse_text(text, depth_max).ok()?, depth_max)
        }
        Value::String(text) => lat_lon(text),
        Value::Object(members) => {
            let mut corners = Corners::default();
            match members.get("geometry") {
                Some(geometry) => corners.take(geometry.get("coordinates")?, 6),
                None => corners.take(members.get("coordinates")?, 6),
            }
            corners.mean()
        }
        // geo:line and geo:polygon of NGSI v2: texts as of geo:point.
        Value::Array(list) => {
            let mut corners = Corners::default();
            for corner in list {
                let (lat, lon) = corner.as_str().and_then(lat_lon)?;
                corners.add(lat, lon);
            }
            corners.mean()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn lat_lon(text: &str) -> Option<(f64, f64)> {
    let (lat, lon) = text.split_once(',')?;
    let number = |part: &str| part.trim().parse::<f64>().ok();
    number(lat).zip(number(lon))
}

#[derive(Default)]
struct Corners {
    lat: f64,
    lon: f64,
    count: f64,
}

impl Corners {
    fn take(&mut self, value: &Value, levels_left: u32) {
        let (Some(list), Some(levels_left)) = (value.as_array(), levels_left.checked_sub(1)) else {
            return;
        };
        if let (Some(lon), Some(lat)) = (
            list.first().and_then(Value::as_f64),
            list.get(1).and_then(Value::as_f64),
        ) {
            self.add(lat, lon);
            return;
        }
        // A ring ends where it began.
        let closed = list.len() > 3 && list.first() == list.last();
        let end = list.len() - usize::from(closed);
        for item in list.iter().take(end) {
            self.take(item, levels_left);
        }
    }

    fn add(&mut self, lat: f64, lon: f64) {
        self.lat += lat;
        self.lon += lon;
        self.count += 1.0;
    }

    fn mean(self) -> Option<(f64, f64)> {
        (self.count > 0.0).then(|| (self.lat / self.count, self.lon / self.count))
    }
}
