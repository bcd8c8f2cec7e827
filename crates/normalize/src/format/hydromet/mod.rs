//! The web feeds of the hydro-met service and of rain networks, as gateways pass them on: commune warnings of flash floods and
//! landslides, rain gauges, soil moisture, risk spots, VRAIN.
//!
//! What a feed is shows in its fields; `options.feed` says it where they do not. It may be wrapped in `{"d": …}` and, once
//! more, in a string. Each commune, gauge or spot is a device of its own: `nchmf-{commune}`, `rain-{station}`,
//! `soil-{commune}`, `spot-{name}`, `vrain-{name}`, by address or family of the catalogue. What lies in other provinces is
//! passed over.
//!
//! Names of after the reform (`*_2cap`) go before the old ones. Of a commune that comes twice the highest levels are taken.
//! A warning holds for `sogiodubao` hours from its issue. Texts are put right (wrong encodings, `&#x0D;`, blanks); a risk in
//! words that are not known is unusable, not "none".
//!
//! Options: `feed` (warnings, rain, soil, spots, vrain), `provinces` (names that are ours, default Lào Cai and Yên Bái).

mod feeds;
mod large;
mod names;

use std::collections::BTreeMap;

use event::{AreaInfo, EventFlags};
use serde_json::{Map, Value};

use super::{Options, Raw, RawField, Records, Stamp, Wire, tree};
use crate::fault::Fault;

/// From here on a feed is read item by item.
const LARGE_BYTES: usize = 64 << 10;
const PROVINCES: [&str; 2] = ["Lào Cai", "Yên Bái"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    Warnings,
    Rain,
    Soil,
    Spots,
    Vrain,
}

const FEEDS: [(&str, Feed); 5] = [
    ("warnings", Feed::Warnings),
    ("rain", Feed::Rain),
    ("soil", Feed::Soil),
    ("spots", Feed::Spots),
    ("vrain", Feed::Vrain),
];

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    feed: Option<Feed>,
    provinces: Vec<String>,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let listed = options.texts("provinces")?;
        let provinces = if listed.is_empty() {
            PROVINCES.to_vec()
        } else {
            listed
        };
        Ok(Self {
            feed: options.word("feed", &FEEDS)?,
            provinces: provinces.into_iter().map(names::key).collect(),
        })
    }
}

/// What all items of a message are read with.
struct Context<'c> {
    wire: &'c Wire<'c>,
    plan: &'c Plan,
    by_name: BTreeMap<String, &'c AreaInfo>,
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let context = Context {
        wire,
        plan,
        by_name: names::index(&wire.catalogue.vocabulary().areas),
    };
    let kept = match wire.payload.len() {
        0..LARGE_BYTES => None,
        _ => large::items(&context, &crate::text::decode(wire.payload)?, out)?,
    };
    match kept {
        Some(kept) if kept.is_empty() => Ok(()),
        Some(kept) => read(&context, &kept.into(), out),
        None => read(&context, &unwrapped(wire, tree::parse(wire)?)?, out),
    }
}

fn read(context: &Context<'_>, document: &Value, out: &mut Records) -> Result<(), Fault> {
    let items = items(document)?;
    let Some(first) = items.first() else {
        // No warning in force, or the hour has not been computed yet.
        return Ok(());
    };
    let feed = context
        .plan
        .feed
        .or_else(|| recognized(first))
        .ok_or_else(|| {
            let reason =
                "the items have the fields of no known feed; set `options.feed` in the profile";
            Fault::shape(reason)
        })?;
    let items: Vec<Item<'_>> = items.into_iter().map(Item).collect();
    match feed {
        Feed::Warnings => feeds::warnings(context, &items, out),
        Feed::Rain => feeds::rain(context, &items, out),
        Feed::Soil => feeds::soil(context, &items, out),
        Feed::Spots => feeds::spots(context, &items, out),
        Feed::Vrain => feeds::vrain(context, &items, out),
    }
}

/// Services of .NET wrap the answer in `d`, and may make a string of it.
fn unwrapped(wire: &Wire<'_>, mut document: Value) -> Result<Value, Fault> {
    for _ in 0..3 {
        document = match document {
            Value::String(text) => tree::parse_text(&text, wire.catalogue.limits.depth_max)?,
            Value::Object(mut members) if members.len() == 1 && members.contains_key("d") => {
                members.remove("d").unwrap_or_default()
            }
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => return Ok(other),
        };
    }
    Ok(document)
}

/// The items of a list, of a GeoJSON collection, or of `data`; GeoJSON features are told by their properties.
fn items(document: &Value) -> Result<Vec<&Map<String, Value>>, Fault> {
    let list = match document {
        Value::Array(items) => items,
        Value::Object(members) => {
            let list = ["features", "data", "items", "result"]
                .iter()
                .find_map(|key| members.get(*key)?.as_array());
            match list {
                Some(list) => list,
                None => return Ok(vec![members]),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(Fault::shape(
                "a hydro-met feed is a list of objects or a GeoJSON collection",
            ));
        }
    };
    let objects: Vec<&Map<String, Value>> = list.iter().filter_map(Value::as_object).collect();
    if objects.is_empty() && !list.is_empty() {
        return Err(Fault::shape("the list of the feed has no object"));
    }
    Ok(objects)
}

fn recognized(first: &Map<String, Value>) -> Option<Feed> {
    let item = Item(first);
    let has = |key: &str| item.get(key).is_some();
    if has("nguycosatlo") || has("nguycoluquet") {
        Some(Feed::Warnings)
    } else if has("doAm") {
        Some(Feed::Soil)
    } else if has("luongmua1h") || has("station_no") {
        Some(Feed::Rain)
    } else if has("kinhdo") && has("vido") {
        Some(Feed::Spots)
    } else if has("sn") && has("d") {
        Some(Feed::Vrain)
    } else {
        None
    }
}

/// One object of a feed: members of its own, or of its `properties`.
#[derive(Clone, Copy)]
struct Item<'v>(&'v Map<String, Value>);

impl<'v> Item<'v> {
    fn get(self, key: &str) -> Option<&'v Value> {
        let inner = self.0.get("properties").and_then(Value::as_object);
        let found = inner
            .and_then(|inner| inner.get(key))
            .or_else(|| self.0.get(key));
        found.filter(|value| !value.is_null())
    }

    /// A text put right; none if it is empty.
    fn text(self, key: &str, flags: &mut EventFlags) -> Option<String> {
        let text = match self.get(key)? {
            Value::String(text) => {
                let cleaned = crate::text::clean(text);
                if cleaned.damaged {
                    *flags = flags.with(EventFlags::TEXT_DAMAGED);
                }
                cleaned.text.into_owned()
            }
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// A number, also as text.
    fn number(self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => {
                let comma = text.contains(',') && !text.contains('.');
                crate::text::number(text, comma)
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// What is there, for the fields behind; counted when it is no number.
    fn field(self, key: &str, fields: &mut Vec<RawField>, unusable: &mut u64) {
        let blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
        if self.get(key).is_none_or(blank) {
            return;
        }
        match self.number(key) {
            Some(number) => fields.push(RawField::new(key, Raw::Number(number))),
            None => *unusable += 1,
        }
    }

    fn time(self, key: &str) -> Option<Stamp> {
        crate::time::stamp_of(self.get(key)?)
    }

    /// Latitude and longitude, by whatever names.
    fn place(self) -> Option<(f64, f64)> {
        let named = [
            ("lat", "lon"),
            ("vido", "kinhdo"),
            ("lt", "lg"),
            ("lat", "lng"),
        ];
        let of = |(lat, lon): &(&str, &str)| Some((self.number(lat)?, self.number(lon)?));
        let point = || {
            let pair = self.0.get("geometry")?.get("coordinates")?.as_array()?;
            Some((pair.get(1)?.as_f64()?, pair.first()?.as_f64()?))
        };
        let sound = |(lat, lon): &(f64, f64)| {
            lat.abs() <= 180.0 && lon.abs() <= 180.0 && (*lat != 0.0 || *lon != 0.0)
        };
        named.iter().find_map(of).or_else(point).filter(sound)
    }
}

#[cfg(test)]
mod tests;
