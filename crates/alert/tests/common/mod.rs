//! What the tests of this crate share: a small vocabulary, packs from folders, and a script that drives an engine.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub(crate) mod drive;
pub(crate) mod order;
pub(crate) mod script;
pub(crate) mod site;

use std::path::{Path, PathBuf};

use event::{
    AreaInfo, EntityInfo, JournalId, MeasureInfo, MeasureType, PackFiles, Stream, Text, Vocabulary,
};

pub(crate) const JOURNAL: JournalId = JournalId([7; 16]);

pub(crate) fn text(vi: &str, en: &str) -> Text {
    Text {
        vi: vi.to_owned(),
        en: en.to_owned(),
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The files of a folder, as a pack.
pub(crate) fn pack(folder: &Path) -> PackFiles {
    let mut files = PackFiles::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/");
                files.files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

pub(crate) fn measure(
    vocabulary: &mut Vocabulary,
    name: &str,
    kind: MeasureType,
    unit: &str,
    decimals: u8,
) {
    let info = MeasureInfo {
        name: name.into(),
        kind,
        unit: unit.into(),
        unit_text: text(unit, unit),
        label: text(name, name),
        decimals,
    };
    vocabulary.measures.insert(name.to_owned(), info);
}

pub(crate) fn entity(id: &str, profile: &str, expected: bool) -> EntityInfo {
    EntityInfo {
        id: id.into(),
        name: text(&format!("Trạm {id}"), &format!("Station {id}")),
        stream: Stream::Disaster,
        profile: profile.into(),
        area: Some("02647".into()),
        lat: Some(22.5),
        lon: Some(103.9),
        labels: [("river".to_owned(), text("sông Thao", "Thao river"))].into(),
        interval_seconds: 600,
        expected,
        gateway: None,
        river: None,
        river_km: None,
    }
}

/// Two gauges, one of them with fewer limits, and a device that is expected to speak.
pub(crate) fn vocabulary() -> Vocabulary {
    let mut vocabulary = Vocabulary {
        site: "test".to_owned(),
        ..Vocabulary::default()
    };
    measure(&mut vocabulary, "level", MeasureType::Number, "m", 2);
    measure(&mut vocabulary, "flow", MeasureType::Number, "m3/s", 0);
    measure(&mut vocabulary, "temp", MeasureType::Number, "Cel", 1);
    measure(&mut vocabulary, "on", MeasureType::Boolean, "", 0);
    measure(&mut vocabulary, "mode", MeasureType::Code, "", 0);
    for info in [
        entity("g1", "gauge", false),
        entity("g2", "gauge", false),
        entity("e1", "box", true),
    ] {
        vocabulary.entities.insert(info.id.to_string(), info);
    }
    let area = AreaInfo {
        code: "02647".into(),
        kind: "phuong".to_owned(),
        name: "Lào Cai".to_owned(),
        lat: 22.5,
        lon: 104.0,
        km2: 72.3,
    };
    vocabulary.areas.insert("02647".to_owned(), area);
    vocabulary
}
