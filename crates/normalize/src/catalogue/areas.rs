//! Communes and wards (`areas.csv`), and which of them a place belongs to.

use std::collections::BTreeMap;

use event::{AreaInfo, Name, PackFiles, Place};

use super::places::{Border, folded, holding};
use super::reader::{Mistakes, text_of};

pub(super) const FILE: &str = "areas.csv";
const HEADER: &str = "code,type,name,lat,lon,km2";

const KM_PER_DEGREE: f64 = 111.2;

/// An area as a circle of its size around its centroid, in kilometres on a plane that is flat enough for one province.
#[derive(Clone, Debug)]
struct Circle {
    code: Name,
    x_km: f64,
    y_km: f64,
    radius_km: f64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Areas {
    circles: Vec<Circle>,
    /// Code, and centroid as a place, by code and by folded name.
    names: BTreeMap<String, Place>,
    /// Real borders, where the operator has them.
    borders: Vec<Border>,
    /// South, west, north, east of all areas with the tolerance around.
    bounds: Option<[f64; 4]>,
    km_per_degree_east: f64,
    tolerance_km: f64,
}

impl Areas {
    pub(super) fn new(
        areas: &BTreeMap<String, AreaInfo>,
        tolerance_km: f64,
        aliases: &BTreeMap<String, Name>,
        borders: Vec<Border>,
    ) -> Self {
        let count = areas.len().max(1) as f64;
        let latitude = areas.values().map(|area| area.lat).sum::<f64>() / count;
        let km_per_degree_east = KM_PER_DEGREE * latitude.to_radians().cos();
        let circles = areas
            .values()
            .map(|area| Circle {
                code: area.code.clone(),
                x_km: area.lon * km_per_degree_east,
                y_km: area.lat * KM_PER_DEGREE,
                radius_km: (area.km2 / std::f64::consts::PI).sqrt(),
            })
            .collect();
        let mut names = BTreeMap::new();
        for area in areas.values() {
            let place = Place {
                area: Some(area.code.clone()),
                lat: area.lat,
                lon: area.lon,
            };
            names.insert(area.code.to_string(), place.clone());
            names.entry(folded(&area.name)).or_insert(place);
        }
        for (alias, code) in aliases {
            if let Some(place) = names.get(&**code).cloned() {
                names.entry(alias.clone()).or_insert(place);
            }
        }
        Self {
            circles,
            names,
            borders,
            bounds: bounds(areas, tolerance_km, km_per_degree_east),
            km_per_degree_east,
            tolerance_km,
        }
    }

    /// The middle of the area of that code or name.
    pub(crate) fn named(&self, name: &str) -> Option<Place> {
        self.names.get(&folded(name)).cloned()
    }

    /// Latitude and longitude the right way round: swapped when only so they lie within the site.
    pub(crate) fn upright(&self, lat: f64, lon: f64) -> (f64, f64, bool) {
        let Some([south, west, north, east]) = self.bounds else {
            return (lat, lon, false);
        };
        let within =
            |lat: f64, lon: f64| (south..=north).contains(&lat) && (west..=east).contains(&lon);
        if !within(lat, lon) && within(lon, lat) {
            (lon, lat, true)
        } else {
            (lat, lon, false)
        }
    }

    /// The area whose centroid is nearest, measured in radii of the area; none when the place lies outside all of them by
    /// more than the tolerance. Some places that matter most lie on the border line, hence no strict containment.
    ///
    /// Where the pack has borders, the area inside which the place lies comes before that.
    pub(crate) fn locate(&self, lat: f64, lon: f64) -> Option<&Name> {
        if let Some(area) = holding(&self.borders, lat, lon) {
            return Some(area);
        }
        let (x, y) = (lon * self.km_per_degree_east, lat * KM_PER_DEGREE);
        let mut best: Option<(&Circle, f64)> = None;
        for circle in &self.circles {
            let (dx, dy) = (x - circle.x_km, y - circle.y_km);
            let distance = (dx * dx + dy * dy) / (circle.radius_km * circle.radius_km);
            if best.is_none_or(|(_, nearest)| distance < nearest) {
                best = Some((circle, distance));
            }
        }
        let (circle, distance) = best?;
        let reach_km = circle.radius_km + self.tolerance_km;
        (distance.sqrt() * circle.radius_km <= reach_km).then_some(&circle.code)
    }
}

/// The box around all circles and the tolerance.
fn bounds(
    areas: &BTreeMap<String, AreaInfo>,
    tolerance_km: f64,
    km_per_degree_east: f64,
) -> Option<[f64; 4]> {
    let reach = |area: &AreaInfo| (area.km2 / std::f64::consts::PI).sqrt() + tolerance_km;
    let mut all: Option<[f64; 4]> = None;
    for area in areas.values() {
        let (north, east) = (
            reach(area) / KM_PER_DEGREE,
            reach(area) / km_per_degree_east,
        );
        let own = [
            area.lat - north,
            area.lon - east,
            area.lat + north,
            area.lon + east,
        ];
        all = Some(all.map_or(own, |all| {
            [
                all[0].min(own[0]),
                all[1].min(own[1]),
                all[2].max(own[2]),
                all[3].max(own[3]),
            ]
        }));
    }
    all
}

/// Reads the table; lines that begin with `#` are remarks (source and licence).
pub(super) fn load(files: &PackFiles, mistakes: &Mistakes) -> BTreeMap<String, AreaInfo> {
    let mut areas = BTreeMap::new();
    let Some(text) = text_of(files, FILE, mistakes) else {
        return areas;
    };
    let mut lines = (1_u32..)
        .zip(text.lines())
        .filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    match lines.next() {
        Some((_, header)) if header.trim_end() == HEADER => {}
        other => {
            let line = other.map_or(0, |(line, _)| line);
            mistakes.add(
                FILE,
                line,
                format_args!("the first line must be `{HEADER}`"),
            );
            return areas;
        }
    }
    for (number, line) in lines {
        match row(line) {
            Ok(area) => {
                let code = area.code.to_string();
                if areas.insert(code.clone(), area).is_some() {
                    mistakes.add(FILE, number, format_args!("code `{code}` appears twice"));
                }
            }
            Err(message) => mistakes.add(FILE, number, message),
        }
    }
    if areas.is_empty() {
        mistakes.add(FILE, 0, "no area is listed");
    }
    areas
}

fn row(line: &str) -> Result<AreaInfo, String> {
    let cells: Vec<&str> = line.trim_end().split(',').collect();
    let [code, kind, name, lat, lon, km2] = cells[..] else {
        return Err(format!("six columns are needed, {} found", cells.len()));
    };
    if code.len() != 5 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "code `{code}` must be five digits, leading zeros kept"
        ));
    }
    if !matches!(kind, "phuong" | "xa") {
        return Err(format!("type `{kind}` must be phuong or xa"));
    }
    if name.trim().is_empty() {
        return Err("the name is empty".to_owned());
    }
    let number = |column: &str, text: &str, low: f64, high: f64| {
        text.parse::<f64>()
            .ok()
            .filter(|number| (low..=high).contains(number))
            .ok_or_else(|| format!("{column} `{text}` must be a number from {low} to {high}"))
    };
    Ok(AreaInfo {
        code: Name::from(code),
        kind: kind.to_owned(),
        name: name.to_owned(),
        lat: number("lat", lat, -90.0, 90.0)?,
        lon: number("lon", lon, -180.0, 180.0)?,
        km2: number("km2", km2, 0.01, 1.0e6)?,
    })
}
