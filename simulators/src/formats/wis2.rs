//! WIS 2.0 notification messages (WNM 1).

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use super::bytes::base64;
use super::times;

pub(crate) struct Notice<'n> {
    pub(crate) id: String,
    pub(crate) centre: &'n str,
    /// Path below the centre and of the data.
    pub(crate) data: &'n str,
    pub(crate) published_ns: i64,
    pub(crate) observed_ns: i64,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    /// Small data travel along, as UTF-8.
    pub(crate) content: Option<String>,
}

pub(crate) fn message(notice: &Notice<'_>) -> Value {
    let mut properties = Map::new();
    let data_id = format!("wis2/{}/{}", notice.centre, notice.data);
    let href = format!("https://wis2.example.vn/data/{data_id}");
    properties.insert(
        "pubtime".to_owned(),
        times::seconds(notice.published_ns).into(),
    );
    properties.insert("data_id".to_owned(), data_id.into());
    properties.insert(
        "datetime".to_owned(),
        times::seconds(notice.observed_ns).into(),
    );
    properties.insert("producer".to_owned(), notice.centre.into());
    if let Some(content) = &notice.content {
        let value = json!({"encoding": "utf-8", "size": content.len(), "value": content});
        properties.insert("content".to_owned(), value);
        let digest = base64(&Sha512::digest(content.as_bytes()));
        let value = json!({"method": "sha512", "value": digest});
        properties.insert("integrity".to_owned(), value);
    }
    json!({
        "id": notice.id, "conformsTo": ["http://wis.wmo.int/spec/wnm/1/conf/core"], "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [notice.lon, notice.lat]},
        "properties": properties,
        "links": [{"href": href, "rel": "canonical", "type": "application/bufr", "length": 2_048}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_what_the_specification_requires() {
        let text = message(&Notice {
            id: "31e9d66a-cd83-4174-9429-b932f1abe1be".to_owned(),
            centre: "vn-vnmha",
            data: "data/core/weather/surface-based-observations/synop/48803",
            published_ns: 1_795_316_646_000_000_000,
            observed_ns: 1_795_316_400_000_000_000,
            lat: 22.5,
            lon: 103.97,
            content: None,
        });
        for required in [
            "id",
            "conformsTo",
            "type",
            "geometry",
            "properties",
            "links",
        ] {
            assert!(text.get(required).is_some(), "{required}");
        }
        assert_eq!(text["properties"]["pubtime"], "2026-11-22T03:04:06Z");
        assert_eq!(text["geometry"]["coordinates"], json!([103.97, 22.5]));
    }

    #[test]
    fn integrity_is_that_of_the_content() {
        let text = message(&Notice {
            id: String::new(),
            centre: "vn-laocai",
            data: "x",
            published_ns: 0,
            observed_ns: 0,
            lat: 0.0,
            lon: 0.0,
            content: Some("abc".to_owned()),
        });
        // SHA-512 of "abc" is printed in FIPS 180: ddaf35a1 93617aba ... a54ca49f.
        let digest = text["properties"]["integrity"]["value"].as_str().unwrap();
        assert!(
            digest.starts_with("3a81oZNherrM") && digest.ends_with("pUyknw=="),
            "{digest}"
        );
        assert_eq!(text["properties"]["content"]["size"], 3);
    }
}
