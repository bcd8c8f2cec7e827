//! FIWARE entities in their three encodings: key-values, NGSI v2 normalized, NGSI-LD normalized.

use serde_json::{Map, Value, json};

pub(crate) enum Attribute {
    Number(f64, &'static str),
    /// A time, with its zone or without.
    Time(String),
    Text(String),
    /// Latitude, longitude. GeoJSON has them the other way round.
    Place(f64, f64),
    /// As it is, in every encoding.
    Nested(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    KeyValues,
    Normalized,
    /// Times of the values, units as UN/CEFACT codes.
    Linked,
}

pub(crate) struct Entity<'e> {
    pub(crate) id: String,
    pub(crate) kind: &'e str,
    /// `observedAt` of NGSI-LD.
    pub(crate) observed_at: String,
    pub(crate) attributes: Vec<(&'e str, Attribute)>,
    /// The publishers' classic mistake: latitude first in GeoJSON.
    pub(crate) swapped: bool,
}

fn point(lat: f64, lon: f64, swapped: bool) -> Value {
    let coordinates = if swapped { [lat, lon] } else { [lon, lat] };
    json!({"type": "Point", "coordinates": coordinates})
}

pub(crate) fn entity(entity: &Entity<'_>, encoding: Encoding) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), entity.id.clone().into());
    object.insert("type".to_owned(), entity.kind.into());
    for (name, attribute) in &entity.attributes {
        let value = match encoding {
            Encoding::KeyValues => plain(attribute, entity.swapped),
            Encoding::Normalized => normalized(attribute, entity.swapped),
            Encoding::Linked => linked(attribute, entity),
        };
        object.insert((*name).to_owned(), value);
    }
    if encoding == Encoding::Linked {
        let context = json!(["https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"]);
        object.insert("@context".to_owned(), context);
    }
    Value::Object(object)
}

fn plain(attribute: &Attribute, swapped: bool) -> Value {
    match attribute {
        Attribute::Number(value, _) => json!(value),
        Attribute::Time(text) | Attribute::Text(text) => json!(text),
        Attribute::Place(lat, lon) => point(*lat, *lon, swapped),
        Attribute::Nested(value) => value.clone(),
    }
}

fn normalized(attribute: &Attribute, swapped: bool) -> Value {
    let kind = match attribute {
        Attribute::Number(..) => "Number",
        Attribute::Time(_) => "DateTime",
        Attribute::Text(_) => "Text",
        Attribute::Place(..) => "geo:json",
        Attribute::Nested(_) => "StructuredValue",
    };
    json!({"type": kind, "value": plain(attribute, swapped), "metadata": {}})
}

fn linked(attribute: &Attribute, entity: &Entity<'_>) -> Value {
    match attribute {
        Attribute::Number(value, unit) => {
            let mut property =
                json!({"type": "Property", "value": value, "observedAt": entity.observed_at});
            if let Some(fields) = property.as_object_mut().filter(|_| !unit.is_empty()) {
                fields.insert("unitCode".to_owned(), (*unit).into());
            }
            property
        }
        Attribute::Time(text) => {
            json!({"type": "Property", "value": {"@type": "DateTime", "@value": text}})
        }
        Attribute::Place(lat, lon) => {
            json!({"type": "GeoProperty", "value": point(*lat, *lon, entity.swapped)})
        }
        Attribute::Text(_) | Attribute::Nested(_) => {
            json!({"type": "Property", "value": plain(attribute, entity.swapped)})
        }
    }
}

/// A subscription's notification around entities.
pub(crate) fn notification(entities: Vec<Value>) -> Value {
    json!({"subscriptionId": "5947d174793fe6f7eb5e3961", "data": entities})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_encodings_say_the_same() {
        let station = Entity {
            id: "urn:ngsi-ld:WaterObserved:1".to_owned(),
            kind: "WaterObserved",
            observed_at: "2026-11-22T03:00:00Z".to_owned(),
            attributes: vec![
                ("waterLevel", Attribute::Number(80.5, "MTR")),
                ("location", Attribute::Place(22.5, 103.97)),
            ],
            swapped: false,
        };
        let plain = entity(&station, Encoding::KeyValues);
        assert_eq!(
            (&plain["waterLevel"], &plain["location"]["coordinates"]),
            (&json!(80.5), &json!([103.97, 22.5]))
        );
        let normal = entity(&station, Encoding::Normalized);
        assert_eq!(
            normal["waterLevel"],
            json!({"type": "Number", "value": 80.5, "metadata": {}})
        );
        assert_eq!(normal["location"]["type"], "geo:json");
        let linked = entity(&station, Encoding::Linked);
        assert_eq!(
            linked["waterLevel"],
            json!({"type": "Property", "value": 80.5, "observedAt": "2026-11-22T03:00:00Z", "unitCode": "MTR"})
        );
        assert_eq!(linked["location"]["type"], "GeoProperty");
    }
}
