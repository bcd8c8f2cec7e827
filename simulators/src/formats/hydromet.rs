//! Shapes of the hydro-meteorological web feeds, and what is wrong with their text.

use serde_json::{Value, json};

use super::times;

pub(crate) struct Commune<'c> {
    /// Name, province and old district after and before the reform of 2025.
    pub(crate) name: &'c str,
    pub(crate) name_before: &'c str,
    pub(crate) district: &'c str,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    /// Risk in words, as typed: case and blanks vary.
    pub(crate) landslide: &'c str,
    pub(crate) flash_flood: &'c str,
    pub(crate) rain_mm: f64,
}

/// Flash flood and landslide warnings of communes for the next `hours`.
pub(crate) fn warnings(communes: &[Commune<'_>], at_ns: i64, hours: u8) -> Value {
    let entries = communes.iter().zip(1..).map(|(commune, number)| {
        json!({
            "id": number, "commune_id": 9_000 + number, "commune_name": commune.name_before,
            "commune_name_2cap": commune.name, "district_name": commune.district, "provinceName": "Lào Cai",
            "provinceName_2cap": "Lào Cai", "province_ref": 15,
            "nguycosatlo": commune.landslide, "nguycoluquet": commune.flash_flood,
            "luongmuatd": commune.rain_mm, "luongmuadb": commune.rain_mm / 2.0, "luongmuatd_db": commune.rain_mm * 1.5,
            "lat": commune.lat, "lon": commune.lon, "nguonmuadubao": "WRF", "sogiodubao": hours,
            "thoigian": times::local_spaced(at_ns), "ngay_capnhat": times::dot_net(at_ns), "nguoi_capnhat": "system",
        })
    });
    Value::Array(entries.collect())
}

/// Automatic rain gauges: GeoJSON inside a string.
pub(crate) fn rain_gauges(gauges: &[(&str, &str, f64, f64, [f64; 4])]) -> Value {
    let features = gauges.iter().map(|(number, name, lat, lon, sums)| {
        let [one, three, six, twelve] = sums;
        json!({
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {
                "station_id": number, "station_no": number, "ten": name, "tinh_id": 15,
                "luongmua1h": one.to_string(), "luongmua3h": three.to_string(),
                "luongmua6h": six.to_string(), "luongmua12h": twelve.to_string(),
            },
        })
    });
    let collection = json!({"type": "FeatureCollection", "features": features.collect::<Vec<_>>()});
    Value::String(collection.to_string())
}

/// Soil moisture of communes, 0 to 1; date and hour apart.
pub(crate) fn soil(communes: &[(&str, f64)], at_ns: i64) -> Value {
    let entries = communes.iter().map(|(name, moisture)| {
        json!({
            "loai": "xa", "provinceName": "Lào Cai", "district_name": "", "commune_name": name, "doAm": moisture,
            "giocapnhat": times::local_spaced(at_ns).get(11..16), "ngaycapnhat": times::local_date(at_ns),
        })
    });
    Value::Array(entries.collect())
}

/// Places at risk with the households there: name, commune, latitude, longitude, households.
pub(crate) fn spots(spots: &[(&str, &str, f64, f64, u64)]) -> Value {
    let entries = spots.iter().map(|(name, commune, lat, lon, households)| {
        json!({
            "ten": name, "diadiem": commune, "ten_tinh": "Lào Cai", "ten_xa": commune, "kinhdo": lon, "vido": lat,
            "soho_satlodat": households, "soho_luquet": households / 2, "soho_nguyco_ratcao": households / 4,
        })
    });
    Value::Array(entries.collect())
}

/// The VRAIN network: names of one or two letters.
pub(crate) fn vrain(stations: &[(&str, f64, f64, f64)]) -> Value {
    let entries = stations.iter().map(|(name, lat, lon, depth)| {
        json!({"sn": name, "lt": lat, "lg": lon, "d": depth, "l": 1, "c": "#00ff00"})
    });
    Value::Array(entries.collect())
}

/// UTF-8 read as Latin-1 and written as UTF-8 again.
pub(crate) fn mojibake(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_inside_a_string_is_json_twice() {
        let feed = rain_gauges(&[("71531", "Sa Pả", 22.3, 103.8, [1.0, 2.0, 3.0, 4.5])]);
        let inner: Value = serde_json::from_str(feed.as_str().unwrap()).unwrap();
        assert_eq!(inner["features"][0]["properties"]["luongmua12h"], "4.5");
    }

    #[test]
    fn mojibake_is_the_known_kind() {
        // U+1EA3 is E1 BA A3 in UTF-8.
        assert_eq!(mojibake("Sa Pả"), "Sa P\u{e1}\u{ba}\u{a3}");
        assert_eq!(mojibake("abc"), "abc");
    }

    #[test]
    fn the_other_feeds_have_the_keys_of_their_readers() {
        let soil = soil(&[("Sa Pa", 0.41)], 1_795_316_646_000_000_000);
        assert_eq!(
            (&soil[0]["doAm"], &soil[0]["giocapnhat"]),
            (&json!(0.41), &json!("10:04"))
        );
        let spots = spots(&[("Khe Ngang", "Sa Pa", 22.3, 103.8, 12)]);
        assert_eq!(
            (&spots[0]["vido"], &spots[0]["soho_nguyco_ratcao"]),
            (&json!(22.3), &json!(3))
        );
        assert_eq!(vrain(&[("Sa Pả", 22.3, 103.8, 7.5)])[0]["d"], 7.5);
    }
}
