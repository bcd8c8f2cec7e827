//! `places.csv` (other names of areas) and `areas.geojson` (their borders). A pack may leave both out.

use std::collections::BTreeMap;

use event::{AreaInfo, Name, PackFiles};
use serde_json::Value;

use super::reader::{Mistakes, text_of};
use super::{PLACES_FILE, POLYGONS_FILE};

const HEADER: &str = "name,code";

/// Corners of all borders together: what a province needs is far below.
const CORNERS_MAX: usize = 2_000_000;

/// Names as they are compared.
pub(crate) fn folded(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let lower: String = name.nfc().flat_map(char::to_lowercase).collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Old districts and other spellings -> code.
pub(super) fn names(
    files: &PackFiles,
    areas: &BTreeMap<String, AreaInfo>,
    mistakes: &Mistakes,
) -> BTreeMap<String, Name> {
    let mut names = BTreeMap::new();
    if !files.files.contains_key(PLACES_FILE) {
        return names;
    }
    let Some(text) = text_of(files, PLACES_FILE, mistakes) else {
        return names;
    };
    let mut lines = (1_u32..)
        .zip(text.lines())
        .filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    if lines
        .next()
        .is_none_or(|(_, header)| header.trim_end() != HEADER)
    {
        mistakes.add(
            PLACES_FILE,
            1,
            format_args!("the first line must be `{HEADER}`"),
        );
        return names;
    }
    for (number, line) in lines {
        let Some((name, code)) = line.trim_end().split_once(',') else {
            mistakes.add(PLACES_FILE, number, "a line is a name, a comma and a code");
            continue;
        };
        let Some(area) = areas.get(code) else {
            mistakes.add(
                PLACES_FILE,
                number,
                format_args!("area `{code}` is not in areas.csv"),
            );
            continue;
        };
        if names.insert(folded(name), area.code.clone()).is_some() {
            mistakes.add(PLACES_FILE, number, format_args!("`{name}` appears twice"));
        }
    }
    names
}

/// The border of one area: rings of longitude and latitude, and the box around them.
#[derive(Clone, Debug)]
pub(super) struct Border {
    code: Name,
    km2: f64,
    rings: Vec<Vec<(f64, f64)>>,
    west_south_east_north: [f64; 4],
}

impl Border {
    /// Whether a point lies inside: an odd number of edges to its east (holes are rings too).
    fn holds(&self, lat: f64, lon: f64) -> bool {
        let [west, south, east, north] = self.west_south_east_north;
        if !(west..=east).contains(&lon) || !(south..=north).contains(&lat) {
            return false;
        }
        let crosses = |ring: &Vec<(f64, f64)>| {
            let next = ring.iter().cycle().skip(1);
            let edges = ring.iter().zip(next);
            edges
                .filter(|((x1, y1), (x2, y2))| {
                    (*y1 > lat) != (*y2 > lat) && lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1
                })
                .count()
        };
        self.rings.iter().map(crosses).sum::<usize>() % 2 == 1
    }
}

/// The smallest area that holds the point: real borders overlap.
pub(super) fn holding(borders: &[Border], lat: f64, lon: f64) -> Option<&Name> {
    let inside = borders.iter().filter(|border| border.holds(lat, lon));
    let smallest = inside.min_by(|a, b| a.km2.total_cmp(&b.km2));
    smallest.map(|border| &border.code)
}

/// GeoJSON features with the property `code`, Polygon or MultiPolygon.
pub(super) fn borders(
    files: &PackFiles,
    areas: &BTreeMap<String, AreaInfo>,
    mistakes: &Mistakes,
) -> Vec<Border> {
    if !files.files.contains_key(POLYGONS_FILE) {
        return Vec::new();
    }
    let Some(text) = text_of(files, POLYGONS_FILE, mistakes) else {
        return Vec::new();
    };
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
            mistakes.add(POLYGONS_FILE, line, error);
            return Vec::new();
        }
    };
    let Some(features) = document.get("features").and_then(Value::as_array) else {
        mistakes.add(
            POLYGONS_FILE,
            0,
            "a FeatureCollection with `features` is needed",
        );
        return Vec::new();
    };
    let mut corners = 0;
    let mut borders = Vec::new();
    for (number, feature) in features.iter().enumerate() {
        match border(feature, areas, &mut corners) {
            Ok(border) => borders.push(border),
            Err(message) => mistakes.add(
                POLYGONS_FILE,
                0,
                format_args!("feature {number}: {message}"),
            ),
        }
    }
    borders
}

fn border(
    feature: &Value,
    areas: &BTreeMap<String, AreaInfo>,
    corners: &mut usize,
) -> Result<Border, String> {
    let code = feature.pointer("/properties/code").and_then(Value::as_str);
    let code = code.ok_or("the property `code` is missing")?;
    let area = areas
        .get(code)
        .ok_or_else(|| format!("area `{code}` is not in areas.csv"))?;
    let coordinates = feature
        .pointer("/geometry/coordinates")
        .and_then(Value::as_array);
    let coordinates = coordinates.ok_or("the geometry has no coordinates")?;
    let polygons: Vec<&Value> = match feature.pointer("/geometry/type").and_then(Value::as_str) {
        Some("Polygon") => coordinates.iter().collect(),
        Some("MultiPolygon") => coordinates
            .iter()
            .filter_map(Value::as_array)
            .flatten()
            .collect(),
        _ => return Err("the geometry must be a Polygon or a MultiPolygon".to_owned()),
    };
    let mut border = Border {
        code: area.code.clone(),
        km2: area.km2,
        rings: Vec::new(),
        west_south_east_north: [f64::MAX, f64::MAX, f64::MIN, f64::MIN],
    };
    for ring in polygons {
        let ring = ring.as_array().ok_or("a ring is a list of positions")?;
        *corners += ring.len();
        if *corners > CORNERS_MAX {
            return Err(format!(
                "the borders have more than {CORNERS_MAX} corners; simplify them"
            ));
        }
        let position = |position: &Value| {
            let lon = position.get(0).and_then(Value::as_f64)?;
            let lat = position.get(1).and_then(Value::as_f64)?;
            (lon.abs() <= 180.0 && lat.abs() <= 90.0).then_some((lon, lat))
        };
        let ring: Option<Vec<(f64, f64)>> = ring.iter().map(position).collect();
        let ring = ring.ok_or("a position is [longitude, latitude] in degrees")?;
        for (lon, lat) in &ring {
            let bounds = &mut border.west_south_east_north;
            *bounds = [
                bounds[0].min(*lon),
                bounds[1].min(*lat),
                bounds[2].max(*lon),
                bounds[3].max(*lat),
            ];
        }
        border.rings.push(ring);
    }
    Ok(border)
}
