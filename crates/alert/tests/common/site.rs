//! The vocabulary of the real site pack, read by plain means: this crate does not know the catalogue's code.

use event::{AreaInfo, EntityInfo, MeasureInfo, MeasureType, PackFiles, Stream, Text, Vocabulary};
use toml::{Table, Value};

use super::{pack, root, text};

pub(crate) fn site() -> (PackFiles, Vocabulary) {
    let files = pack(&root().join("../../deploy/sites/lao-cai"));
    let table = |path: &str| files.text(path).unwrap().parse::<Table>().unwrap();
    let mut vocabulary = Vocabulary {
        site: "lao-cai".to_owned(),
        ..Vocabulary::default()
    };
    let mut units = Table::new();
    let mut measures = Table::new();
    let listed = |path: &str| path == "measures.toml" || path.starts_with("measures/");
    for path in files.files.keys().filter(|path| listed(path)) {
        let table = table(path);
        for (key, all) in [("units", &mut units), ("measures", &mut measures)] {
            let own = table.get(key).and_then(Value::as_table);
            all.extend(own.cloned().unwrap_or_default());
        }
    }
    for (name, measure) in &measures {
        let unit = measure
            .get("unit")
            .map_or("", |unit| unit.as_str().unwrap());
        let unit_text = units
            .get(unit)
            .map(|unit| {
                let words = &unit["text"];
                words
                    .as_str()
                    .map_or_else(|| bilingual(words), |same| text(same, same))
            })
            .unwrap_or_default();
        let info = MeasureInfo {
            name: name.as_str().into(),
            kind: match measure.get("kind").and_then(Value::as_str) {
                Some("boolean") => MeasureType::Boolean,
                Some("code") => MeasureType::Code,
                _ => MeasureType::Number,
            },
            unit: unit.into(),
            unit_text,
            label: Text::default(),
            decimals: measure
                .get("decimals")
                .and_then(Value::as_integer)
                .map_or(1, |d| d as u8),
        };
        vocabulary.measures.insert(name.clone(), info);
    }
    let mut profiles = Table::new();
    for (path, _) in files
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("profiles/"))
    {
        profiles.extend(table(path)["profiles"].as_table().unwrap().clone());
    }
    for (path, _) in files
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("devices/"))
    {
        let table = table(path);
        let devices = table.get("devices").and_then(Value::as_table);
        // A file may have families alone.
        for (id, device) in devices.into_iter().flatten() {
            let info = entity(id, device, &profiles);
            vocabulary.entities.insert(id.clone(), info);
        }
    }
    for line in files
        .text("areas.csv")
        .unwrap()
        .lines()
        .filter(|line| line.starts_with('0'))
    {
        let fields: Vec<&str> = line.split(',').collect();
        let area = AreaInfo {
            code: fields[0].into(),
            kind: fields[1].to_owned(),
            name: fields[2].to_owned(),
            lat: fields[3].parse().unwrap(),
            lon: fields[4].parse().unwrap(),
            km2: fields[5].parse().unwrap(),
        };
        vocabulary.areas.insert(fields[0].to_owned(), area);
    }
    (files, vocabulary)
}

fn bilingual(value: &Value) -> Text {
    text(value["vi"].as_str().unwrap(), value["en"].as_str().unwrap())
}

fn entity(id: &str, device: &Value, profiles: &Table) -> EntityInfo {
    let profile = device["profile"].as_str().unwrap();
    let labels = device
        .get("labels")
        .and_then(Value::as_table)
        .into_iter()
        .flatten();
    EntityInfo {
        id: id.into(),
        name: bilingual(&device["name"]),
        stream: match profiles[profile]["stream"].as_str().unwrap() {
            "disaster" => Stream::Disaster,
            "energy" => Stream::Energy,
            "environment" => Stream::Environment,
            "city" => Stream::City,
            _ => Stream::Tourism,
        },
        profile: profile.into(),
        area: device.get("area").and_then(Value::as_str).map(Into::into),
        lat: None,
        lon: None,
        labels: labels
            .map(|(name, value)| (name.clone(), bilingual(value)))
            .collect(),
        interval_seconds: profiles[profile]["interval_seconds"].as_integer().unwrap() as u64,
        expected: device
            .get("expected")
            .and_then(Value::as_bool)
            .unwrap_or(true),
        gateway: (device.get("gateway").and_then(Value::as_str)).map(Into::into),
        river: (device.get("river").and_then(Value::as_str)).map(Into::into),
        river_km: device.get("river_km").and_then(Value::as_float),
    }
}
