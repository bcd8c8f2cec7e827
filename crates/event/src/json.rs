//! The JSON form of an event: what the API, the page and Kafka carry. Its schema is `deploy/schemas/event.v1.json`.
//!
//! Times are ISO 8601 in UTC, flags and qualities lists of names, values an object by measure. What is absent is left out.
//! Within version 1 keys may be added; readers skip those that they do not know.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    Event, EventFlags, EventId, Kind, Measured, Name, Place, Quality, Status, Stream, Time, Value,
};

/// Version of the JSON form.
pub const JSON_VERSION: u8 = 1;

/// An event about to be written as JSON: give it to `serde_json`.
#[derive(Clone, Copy, Debug)]
pub struct EventJson<'a>(pub(crate) &'a Event);

impl Event {
    pub const fn json(&self) -> EventJson<'_> {
        EventJson(self)
    }

    /// Reads the JSON form.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let form: Form<Values> = serde_json::from_str(text)?;
        if form.version != JSON_VERSION {
            return Err(serde_json::Error::custom(format_args!(
                "event version {} is not known to this release",
                form.version
            )));
        }
        Ok(Self {
            id: form.id,
            kind: form.kind,
            stream: form.stream,
            status: form.status,
            site: form.site,
            entity: form.entity,
            device: form.device,
            observed: form.observed,
            observed_until: form.observed_until,
            valid_from: form.valid_from,
            valid_to: form.valid_to,
            received: form.received,
            processed: form.processed,
            sequence: form.sequence,
            place: form.place.map(|place| Place {
                area: place.area,
                lat: place.lat,
                lon: place.lon,
            }),
            flags: EventFlags::from_names(form.flags.iter().map(|name| &**name)),
            values: form.values.0,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Form<V> {
    version: u8,
    id: EventId,
    kind: Kind,
    stream: Stream,
    status: Status,
    site: Name,
    entity: Name,
    device: Name,
    observed: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    observed_until: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_from: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_to: Option<Time>,
    received: Time,
    processed: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<PlaceForm>,
    flags: Vec<std::borrow::Cow<'static, str>>,
    values: V,
}

#[derive(Serialize, Deserialize)]
struct PlaceForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    area: Option<Name>,
    lat: f64,
    lon: f64,
}

impl Serialize for EventJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.0;
        Form {
            version: JSON_VERSION,
            id: event.id,
            kind: event.kind,
            stream: event.stream,
            status: event.status,
            site: event.site.clone(),
            entity: event.entity.clone(),
            device: event.device.clone(),
            observed: event.observed,
            observed_until: event.observed_until,
            valid_from: event.valid_from,
            valid_to: event.valid_to,
            received: event.received,
            processed: event.processed,
            sequence: event.sequence,
            place: event.place.as_ref().map(|place| PlaceForm {
                area: place.area.clone(),
                lat: place.lat,
                lon: place.lon,
            }),
            flags: event.flags.names().into_iter().map(Into::into).collect(),
            values: ValuesJson(&event.values),
        }
        .serialize(serializer)
    }
}

/// Values by measure, in the event's order: also the shape of "latest values" in the API.
#[derive(Clone, Copy, Debug)]
pub struct ValuesJson<'a>(pub &'a [Measured]);

impl Serialize for ValuesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for measured in self.0 {
            map.serialize_entry(&*measured.measure, &ValueForm::from(measured))?;
        }
        map.end()
    }
}

#[derive(Serialize, Deserialize)]
struct ValueForm {
    value: Bare,
    unit: Name,
    quality: Vec<std::borrow::Cow<'static, str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Bare {
    Boolean(bool),
    Number(f64),
    Code(Name),
}

impl From<&Measured> for ValueForm {
    fn from(measured: &Measured) -> Self {
        Self {
            value: match &measured.value {
                Value::Number(number) => Bare::Number(*number),
                Value::Boolean(boolean) => Bare::Boolean(*boolean),
                Value::Code(code) => Bare::Code(code.clone()),
            },
            unit: measured.unit.clone(),
            quality: measured
                .quality
                .names()
                .into_iter()
                .map(Into::into)
                .collect(),
        }
    }
}

struct Values(Vec<Measured>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values by measure")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut values = Vec::new();
                while let Some((measure, form)) = map.next_entry::<Name, ValueForm>()? {
                    values.push(Measured {
                        measure,
                        value: match form.value {
                            Bare::Number(number) => Value::Number(number),
                            Bare::Boolean(boolean) => Value::Boolean(boolean),
                            Bare::Code(code) => Value::Code(code),
                        },
                        unit: form.unit,
                        quality: Quality::from_names(form.quality.iter().map(|name| &**name)),
                    });
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
