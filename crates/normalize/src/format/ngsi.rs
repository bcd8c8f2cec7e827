//! FIWARE NGSI in its encodings: keyValues, NGSI v2 normalized, NGSI-LD normalized, concise and simplified; single entities, lists,
//! notifications (v2, NGSI-LD, with the envelope of its MQTT binding), batch updates, GeoJSON features. `@context` is never fetched:
//! names that are URIs count by their last part.
//!
//! A field's `from` is the attribute's name; what lies in its value follows as `activePower.L1`, `thresholdBreach[0].measuredValue`.
//! Options: `device` = `id` (the entity's id, else its `refDevice`, is an address of the catalogue), `topic`, or without the
//! option the id if the catalogue knows it and else the topic; `type` (or a list): entities of others are passed over; `fractions`: attributes that
//! are parts of 1 where the value is at most 1 and percent where it is more, unless a unit came with them; `time`: more names
//! of the attribute that says when.

mod attribute;
mod units;
mod values;

use event::{EventFlags, RejectCode};
use serde_json::{Map, Value};

use super::{Options, Record, Records, Stamp, Subject, Wire, tree};
use crate::catalogue::Profile;
use crate::fault::Fault;
use crate::time;
use attribute::{Attribute, instances};
use values::{Groups, Leaves, Span, VALUE_DEPTH_MAX};

/// Attributes that say when, the most particular first.
const TIMES: [&str; 8] = [
    "dateObserved",
    "observationDateTime",
    "dateDetected",
    "dateIssued",
    "dateTime",
    "TimeInstant",
    "observedAt",
    "timestamp",
];

/// Attributes that say what everybody knows, or nothing of ours.
const KNOWN: [&str; 33] = [
    "id",
    "type",
    "@id",
    "@type",
    "@context",
    "scope",
    "address",
    "location",
    "alternateName",
    "areaServed",
    "createdAt",
    "dataProvider",
    "dateCreated",
    "dateModified",
    "dateObservedFrom",
    "dateObservedTo",
    "dateEnergyMeteringStarted",
    "deletedAt",
    "description",
    "modifiedAt",
    "name",
    "owner",
    "refDevice",
    "refPointOfInterest",
    "seeAlso",
    "source",
    "stationCode",
    "stationName",
    "stationID",
    "validFrom",
    "validTo",
    "validity",
    "observationSpace",
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Who {
    #[default]
    Either,
    Id,
    Topic,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    device: Who,
    types: Vec<String>,
    fractions: Vec<String>,
    times: Vec<String>,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let list = |key: &str| match options.value(key) {
            Some(toml::Value::String(text)) => Ok(vec![text.clone()]),
            _ => options
                .texts(key)
                .map(|list| list.into_iter().map(str::to_owned).collect()),
        };
        let words = [("id", Who::Id), ("topic", Who::Topic)];
        Ok(Self {
            device: options.word("device", &words)?.unwrap_or_default(),
            types: list("type")?,
            fractions: list("fractions")?,
            times: list("time")?,
        })
    }
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let document = tree::parse(wire)?;
    let mut found = 0;
    let entities = entities(&document)?;
    let count = entities.len();
    for entity in entities {
        let read = match entity.as_object() {
            Some(entity) => Reader { wire, plan, entity }.read(out),
            None => Err(Fault::shape("an entity is no object; check the sender")),
        };
        match read {
            Ok(wanted) => found += usize::from(wanted),
            Err(fault) if count == 1 => return Err(fault),
            Err(fault) => {
                found += 1;
                out.element(Err(fault))?;
            }
        }
    }
    if found == 0 && count > 0 {
        let wanted = plan.types.join(", ");
        return Err(Fault::shape(format!(
            "no entity is of type {wanted}; correct the topic or the profile"
        )));
    }
    Ok(())
}

/// The entities of whatever wraps them.
fn entities(document: &Value) -> Result<Vec<&Value>, Fault> {
    let mut at = document;
    // The MQTT binding of NGSI-LD has the HTTP headers beside the body.
    if let (Some(body), Some(_)) = (at.get("body"), at.get("metadata"))
        && at.get("id").is_none()
    {
        at = body;
    }
    let notification = at.get("subscriptionId").is_some()
        || at.get("type").and_then(Value::as_str) == Some("Notification");
    let inner = match at {
        Value::Object(_) if notification => at.get("data"),
        Value::Object(members) if members.contains_key("actionType") => at.get("entities"),
        Value::Object(_) if at.get("type").and_then(Value::as_str) == Some("FeatureCollection") => {
            at.get("features")
        }
        Value::Object(_) | Value::Array(_) => Some(at),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    match inner {
        Some(Value::Array(list)) => Ok(list.iter().collect()),
        Some(collection @ Value::Object(members)) => match members.get("features") {
            Some(Value::Array(list)) => Ok(list.iter().collect()),
            _ => Ok(vec![collection]),
        },
        _ => Err(Fault::shape(
            "the document is no NGSI entity, list of entities or notification with `data`; check the sender",
        )),
    }
}

/// The last part of a name that is a URI.
fn short(name: &str) -> &str {
    match name.contains("://") || name.starts_with("urn:") {
        true => name.rsplit(['/', '#', ':']).next().unwrap_or(name),
        false => name,
    }
}

struct Reader<'a> {
    wire: &'a Wire<'a>,
    plan: &'a Plan,
    entity: &'a Map<String, Value>,
}

impl Reader<'_> {
    /// Whether the entity is of a type that is wanted.
    fn read(&self, out: &mut Records) -> Result<bool, Fault> {
        let entity = self.entity;
        // A GeoJSON feature has the attributes in `properties`.
        if entity.get("type").and_then(Value::as_str) == Some("Feature")
            && let Some(properties) = entity.get("properties").and_then(Value::as_object)
        {
            let mut flat = properties.clone();
            for (name, member) in [("id", "id"), ("location", "geometry")] {
                if let Some(value) = entity.get(member).filter(|value| !value.is_null()) {
                    flat.entry(name).or_insert_with(|| value.clone());
                }
            }
            let reader = Reader {
                entity: &flat,
                ..*self
            };
            return reader.read_entity(out);
        }
        self.read_entity(out)
    }

    fn read_entity(&self, out: &mut Records) -> Result<bool, Fault> {
        if !self.is_wanted()? {
            out.elsewhere += 1;
            return Ok(false);
        }
        let subject = self.subject()?;
        let profile = self.profile(&subject);
        let span = self.span()?;
        let mut record = Record {
            stamp: span.map(|span| span.from),
            until: span.and_then(|span| span.until),
            ..Record::default()
        };
        record.place = self.place(&mut record.unusable);
        record.valid_from = self.time_of("validFrom")?;
        record.valid_to = self.time_of("validTo")?;
        record.subject = subject;
        let mut groups = Groups::new(record, span);
        if let Some(profile) = profile {
            self.fields(profile, &mut groups)?;
        }
        for record in groups.into_records() {
            out.push(record)?;
        }
        Ok(true)
    }

    fn is_wanted(&self) -> Result<bool, Fault> {
        let kind = self.entity.get("type").or_else(|| self.entity.get("@type"));
        let kinds: Vec<&str> = match kind {
            Some(Value::String(kind)) => vec![short(kind)],
            Some(Value::Array(kinds)) => {
                kinds.iter().filter_map(Value::as_str).map(short).collect()
            }
            _ => Vec::new(),
        };
        if kinds.is_empty() || self.id().is_none() {
            return Err(Fault::shape(
                "an NGSI entity has an `id` and a `type`; check the sender",
            ));
        }
        let wanted = |kind: &&str| self.plan.types.iter().any(|wanted| wanted == kind);
        Ok(self.plan.types.is_empty() || kinds.iter().any(wanted))
    }

    fn id(&self) -> Option<&str> {
        let id = self.entity.get("id").or_else(|| self.entity.get("@id"));
        id.and_then(Value::as_str).filter(|id| !id.is_empty())
    }

    fn subject(&self) -> Result<Subject, Fault> {
        let id = self.id().unwrap_or_default();
        let known = |address: &str| self.wire.catalogue.by_address(address).is_some();
        if self.plan.device == Who::Topic {
            return Ok(Subject::Topic);
        }
        if known(id) {
            return Ok(Subject::Address(id.to_owned()));
        }
        let device = self
            .entity
            .get("refDevice")
            .map(instances)
            .unwrap_or_default();
        let device = device.first().and_then(|device| match device.value {
            Value::Array(list) => list.first()?.as_str(),
            value @ (Value::String(_) | Value::Object(_)) => value.as_str(),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        });
        if let Some(device) = device.filter(|device: &&str| known(device)) {
            return Ok(Subject::Address(device.to_owned()));
        }
        if self.plan.device == Who::Either && self.wire.device.is_some() {
            return Ok(Subject::Topic);
        }
        Ok(Subject::Address(id.to_owned()))
    }

    fn profile(&self, subject: &Subject) -> Option<&Profile> {
        match subject {
            Subject::Topic => self.wire.profile,
            Subject::Address(address) => {
                let device = self.wire.catalogue.by_address(address)?;
                self.wire.catalogue.profiles.get(device.profile)
            }
        }
    }

    /// When the entity was observed, as a whole.
    fn span(&self) -> Result<Option<Span>, Fault> {
        if let (Some(from), Some(until)) = (
            self.time_of("dateObservedFrom")?,
            self.time_of("dateObservedTo")?,
        ) {
            return Ok(Some(Span {
                from,
                until: Some(until),
            }));
        }
        let names = self.plan.times.iter().map(String::as_str).chain(TIMES);
        for name in names {
            let Some(attribute) = self.first(name) else {
                continue;
            };
            let interval = attribute.value.as_str().and_then(time::interval);
            if let Some((from, until)) = interval {
                return Ok(Some(Span {
                    from,
                    until: Some(until),
                }));
            }
            if let Some(from) = self.time_of(name)? {
                return Ok(Some(Span { from, until: None }));
            }
        }
        self.time_of("dateObservedFrom")
            .map(|from| from.map(|from| Span { from, until: None }))
    }

    fn first(&self, name: &str) -> Option<Attribute<'_>> {
        instances(self.entity.get(name)?).into_iter().next()
    }

    fn time_of(&self, name: &str) -> Result<Option<Stamp>, Fault> {
        let Some(attribute) = self.first(name).filter(|found| !found.value.is_null()) else {
            return Ok(None);
        };
        let stamp = time::stamp_of(attribute.value);
        stamp.map(Some).ok_or_else(|| {
            let reason = format!("`{name}` of the entity is no time; send ISO 8601");
            Fault::new(RejectCode::TimeInvalid, reason)
        })
    }

    fn place(&self, unusable: &mut u64) -> Option<(f64, f64)> {
        let location = self
            .first("location")
            .filter(|found| !found.value.is_null())?;
        let place = attribute::place(location.value, self.wire.catalogue.limits.depth_max);
        *unusable += u64::from(place.is_none());
        // Where nobody was to be located, providers write zeros: it is no place.
        place.filter(|(lat, lon)| *lat != 0.0 || *lon != 0.0)
    }

    fn fields(&self, profile: &Profile, groups: &mut Groups) -> Result<(), Fault> {
        let wanted = |key: &str| {
            let fields = &profile.fields;
            fields
                .iter()
                .any(|field| field.from.as_deref().unwrap_or(&field.key) == key)
        };
        for (name, value) in self.entity {
            let name = short(name);
            let own_time = TIMES.contains(&name) || self.plan.times.iter().any(|time| time == name);
            let known = own_time || KNOWN.contains(&name);
            let mut used = known;
            for attribute in instances(value) {
                if attribute.time_wrong {
                    let reason =
                        format!("attribute `{name}` was observed at no time; send ISO 8601");
                    return Err(Fault::new(RejectCode::TimeInvalid, reason));
                }
                let mut leaves = Leaves {
                    wanted: &wanted,
                    unit: attribute.unit.map(units::ucum),
                    fraction: self.plan.fractions.iter().any(|fraction| fraction == name),
                    found: Vec::new(),
                    flags: EventFlags::default(),
                    unusable: 0,
                };
                leaves.take(name, attribute.value, VALUE_DEPTH_MAX);
                used |= !leaves.found.is_empty() || leaves.unusable > 0;
                let observed = attribute.observed.filter(|_| !leaves.found.is_empty());
                let record = groups.of(observed);
                record.flags = record.flags.with(leaves.flags);
                record.unusable += leaves.unusable;
                record.fields.append(&mut leaves.found);
            }
            groups.entity.unknown += u64::from(!used);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
