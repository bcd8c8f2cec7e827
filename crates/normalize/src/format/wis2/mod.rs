//! WIS 2.0 notification messages (WNM 1, and v04 before it): data of a centre are available.
//!
//! The centre is the fourth level of the topic (`origin/a/wis2/{centre-id}/data/…`, the same under `cache`); its device has
//! the address `wis2:{centre-id}`. A notification is an announcement, observed at its `pubtime`; the time of the data is its
//! validity. Under a topic that names the device itself the centre does not count.
//!
//! Identity is `data_id`, `pubtime` and what happened (new, update, deletion), not `id`: a global cache issues the same
//! notification again under another `id` but must not change the other two, so that both copies are one event.
//!
//! What the standard requires is required: 8,192 bytes at most, a UUID, `pubtime` and the times of the data in RFC 3339
//! (another zone than UTC is clear and only counted), exactly one form of data time, a link that names what happened. Inline
//! content is at most 4,096 bytes encoded and must have its hash; methods that are not known here (SHA-3) are counted.
//!
//! Options of the centre's profile: `content` (what is inside: none, json, csv; its values become readings by the profile's
//! fields), `time` (name of the field in it that is the time; else the time of the data).

mod content;

use event::{EventId, Kind, RejectCode, Time};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Options, Raw, RawField, Record, Records, Stamp, Subject, Wire, tree};
use crate::fault::Fault;

const BYTES_MAX: usize = 8_192;
const CONFORMANCE: &str = "http://wis.wmo.int/spec/wnm/1/conf/core";
const UPDATE: [&str; 2] = ["http://def.wmo.int/def/rel/wnm/-/update", "update"];
const DELETION: [&str; 2] = ["http://def.wmo.int/def/rel/wnm/-/deletion", "deletion"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Unread,
    Json,
    Csv,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    content: Content,
    time: Option<String>,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let words = [
            ("none", Content::Unread),
            ("json", Content::Json),
            ("csv", Content::Csv),
        ];
        Ok(Self {
            content: options.word("content", &words)?.unwrap_or(Content::Unread),
            time: options.text("time")?.map(str::to_owned),
        })
    }
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    if wire.payload.len() > BYTES_MAX {
        let reason =
            format!("a notification has at most {BYTES_MAX} bytes; publish the data by link");
        return Err(Fault::new(RejectCode::PayloadTooLarge, reason));
    }
    let subject = subject(wire)?;
    let own = centre_plan(wire, &subject);
    let plan = own.as_ref().unwrap_or(plan);
    let document = tree::parse(wire)?;
    let message = document
        .as_object()
        .ok_or_else(|| Fault::shape("a notification is a JSON object"))?;
    let properties = checked(message)?;
    let mut unknown = 0;
    let mut time = |key: &str| rfc3339(properties, key, &mut unknown);
    let published = time("pubtime")?.ok_or_else(|| no_time("pubtime"))?;
    let (from, to) = match (
        properties.contains_key("datetime"),
        time("start_datetime")?,
        time("end_datetime")?,
    ) {
        (true, None, None) => (time("datetime")?, None),
        (false, Some(from), Some(to)) if from <= to => (Some(from), Some(to)),
        _ => {
            let reason = "a notification has either `datetime` (or null) or both `start_datetime` and `end_datetime` in order";
            return Err(Fault::shape(reason));
        }
    };
    let data_id = text(properties, "data_id")
        .ok_or_else(|| Fault::shape("`properties.data_id` is missing"))?;
    let (action, link) = link(message)?;
    let frame = Record {
        subject,
        place: place(message)?,
        ..Record::default()
    };
    let data = match properties.get("content") {
        None | Some(Value::Null) => None,
        Some(Value::Object(inner)) => Some(content::unpack(wire, inner)?),
        Some(_) => return Err(Fault::shape("`content` is no object")),
    };
    match (properties.get("integrity"), &data) {
        (Some(Value::Object(integrity)), Some(data)) => {
            unknown += u64::from(!content::check(integrity, data)?)
        }
        (None | Some(Value::Null | Value::Object(_)), _) => {}
        (Some(_), _) => return Err(Fault::shape("`integrity` is no object")),
    }
    let mut record = Record {
        kind: Some(Kind::Announcement),
        stamp: Some(Stamp::At(published)),
        valid_from: from.map(Stamp::At),
        valid_to: to.map(Stamp::At),
        uuid: Some(identity(data_id, published, action)),
        unknown,
        ..frame.clone()
    };
    record.fields = values(properties, data_id, action, link, data.as_deref());
    out.push(record)?;
    if let Some(data) = data.filter(|_| action != "deletion") {
        let frame = Record {
            kind: Some(Kind::Reading),
            stamp: Some(Stamp::At(from.unwrap_or(published))),
            until: to.map(Stamp::At),
            ..frame
        };
        content::read(wire, plan, &data, &frame, out)?;
    }
    Ok(())
}

/// The device of the topic, else the one with the centre's address.
fn subject(wire: &Wire<'_>) -> Result<Subject, Fault> {
    if wire.device.is_some() {
        return Ok(Subject::Topic);
    }
    let mut levels = wire.topic.split('/');
    match (levels.next(), levels.next(), levels.next(), levels.next()) {
        (Some("origin" | "cache"), Some("a"), Some("wis2"), Some(centre)) if !centre.is_empty() => {
            Ok(Subject::Address(format!("wis2:{centre}")))
        }
        _ => {
            let reason = "the topic is not of the form origin/a/wis2/{centre-id}/… or cache/a/wis2/{centre-id}/…";
            Err(Fault::new(RejectCode::TopicUnknown, reason))
        }
    }
}

/// The plan of the centre's own profile, where the message came by a source.
fn centre_plan(wire: &Wire<'_>, subject: &Subject) -> Option<Plan> {
    let Subject::Address(address) = subject else {
        return None;
    };
    let device = wire.catalogue.by_address(address)?;
    let plan = &wire.catalogue.profiles.get(device.profile)?.plan;
    let super::Plan::Wis2(plan) = plan else {
        return None;
    };
    Some(plan.clone())
}

/// The properties of a message that is one of ours.
fn checked(message: &Map<String, Value>) -> Result<&Map<String, Value>, Fault> {
    let shape = |reason: &str| Err(Fault::shape(reason));
    let conforms = message.get("conformsTo").and_then(Value::as_array);
    let conforms =
        conforms.is_some_and(|list| list.iter().any(|item| item.as_str() == Some(CONFORMANCE)));
    if !conforms && text(message, "version") != Some("v04") {
        return shape("neither `conformsTo` names the core of WNM 1 nor is `version` v04");
    }
    if text(message, "type") != Some("Feature") {
        return shape("`type` is not Feature");
    }
    // The simple form too: 32 digits. Nil is nobody's.
    let id = text(message, "id").and_then(|id| id.parse::<EventId>().ok());
    if id.is_none_or(|id| id == EventId::default()) {
        return shape("`id` is no UUID");
    }
    match message.get("properties") {
        Some(Value::Object(properties)) => Ok(properties),
        _ => shape("`properties` is missing"),
    }
}

fn text<'v>(members: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
    members
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn no_time(key: &str) -> Fault {
    let reason = format!("`{key}` is missing or not of the form 2026-09-09T13:00:00Z");
    Fault::new(RejectCode::TimeInvalid, reason)
}

fn rfc3339(
    properties: &Map<String, Value>,
    key: &str,
    unknown: &mut u64,
) -> Result<Option<Time>, Fault> {
    match properties.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let time = crate::time::from_text(text).ok_or_else(|| no_time(key))?;
            *unknown += u64::from(!text.ends_with(['Z', 'z']) && !text.ends_with("+00:00"));
            Ok(Some(time))
        }
        Some(_) => Err(no_time(key)),
    }
}

/// What happened, and the link that says so.
fn link(message: &Map<String, Value>) -> Result<(&'static str, &Map<String, Value>), Fault> {
    let links = message.get("links").and_then(Value::as_array);
    let links: Vec<&Map<String, Value>> = links
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    for link in &links {
        let (href, rel) = (text(link, "href").unwrap_or_default(), text(link, "rel"));
        let (scheme, rest) = href.split_once("://").unwrap_or_default();
        let known =
            ["http", "https", "ftp", "sftp"].contains(&scheme.to_ascii_lowercase().as_str());
        if rel.is_none() || !known || rest.is_empty() {
            return Err(Fault::shape(
                "a link needs `rel` and an `href` of http, https, ftp or sftp",
            ));
        }
    }
    let of = |names: &[&str]| {
        links
            .iter()
            .find(|link| names.contains(&text(link, "rel").unwrap_or_default()))
    };
    let found = of(&DELETION).map(|link| ("deletion", *link));
    let found = found.or_else(|| of(&UPDATE).map(|link| ("update", *link)));
    let found = found.or_else(|| of(&["canonical"]).map(|link| ("canonical", *link)));
    found.ok_or_else(|| Fault::shape("`links` has none with `rel` canonical, update or deletion"))
}

/// Latitude first, as records have it; GeoJSON has longitude first.
fn place(message: &Map<String, Value>) -> Result<Option<(f64, f64)>, Fault> {
    let wrong = || Fault::shape("`geometry` must be null, a Point or a Polygon (longitude first)");
    let geometry = match message.get("geometry") {
        Some(Value::Null) => return Ok(None),
        Some(Value::Object(geometry)) => geometry,
        _ => return Err(wrong()),
    };
    let coordinates = geometry
        .get("coordinates")
        .and_then(Value::as_array)
        .ok_or_else(wrong)?;
    let pair = |value: &Value| {
        let (lon, lat) = (value.get(0)?.as_f64()?, value.get(1)?.as_f64()?);
        (lat.abs() <= 180.0 && lon.abs() <= 180.0).then_some((lat, lon))
    };
    match text(geometry, "type") {
        Some("Point") => pair(&Value::Array(coordinates.clone()))
            .map(Some)
            .ok_or_else(wrong),
        Some("Polygon") => {
            let ring = coordinates
                .first()
                .and_then(Value::as_array)
                .ok_or_else(wrong)?;
            let corners: Vec<(f64, f64)> = ring
                .iter()
                .map(pair)
                .collect::<Option<_>>()
                .ok_or_else(wrong)?;
            if corners.len() < 4 || corners.first() != corners.last() {
                return Err(wrong());
            }
            // The middle of its box: a polygon of a notification is an extent, not a shape.
            let span = |of: fn(&(f64, f64)) -> f64| {
                let all = corners.iter().map(of);
                all.clone()
                    .fold(f64::INFINITY, f64::min)
                    .midpoint(all.fold(f64::NEG_INFINITY, f64::max))
            };
            Ok(Some((span(|corner| corner.0), span(|corner| corner.1))))
        }
        _ => Err(wrong()),
    }
}

fn values(
    properties: &Map<String, Value>,
    data_id: &str,
    action: &str,
    link: &Map<String, Value>,
    data: Option<&[u8]>,
) -> Vec<RawField> {
    let mut fields = Vec::new();
    let mut code = |key: &str, value: Option<&str>| {
        fields.extend(value.map(|value| RawField::new(key, Raw::Text(value.to_owned()))));
    };
    code("data_id", Some(data_id));
    code("action", Some(action));
    code("href", text(link, "href"));
    code("media_type", text(link, "type"));
    code("metadata_id", text(properties, "metadata_id"));
    code("producer", text(properties, "producer"));
    // Of the data: what the link says, else what lies inside.
    let length = link
        .get("length")
        .and_then(Value::as_f64)
        .or_else(|| data.map(|data| data.len() as f64));
    fields.extend(length.map(|length| RawField::number("length", length)));
    fields
}

fn identity(data_id: &str, published: Time, action: &str) -> EventId {
    let hash: [u8; 32] = Sha256::digest(format!("wis2,{action},{},{data_id}", published.0)).into();
    let mut id = EventId::default();
    id.0.copy_from_slice(hash.split_at(16).0);
    id
}

#[cfg(test)]
mod tests;
