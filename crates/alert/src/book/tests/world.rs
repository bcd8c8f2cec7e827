//! The site that the scripts play at.

use std::collections::BTreeMap;
use std::sync::Arc;

use event::{AreaInfo, EntityInfo, PackFiles, Stream, Text, Time, Vocabulary};

use crate::book::Book;
use crate::ruleset::RuleSet;

/// 2024-09-08 20:00 local, a Sunday.
pub(super) const START: &str = "2024-09-08T13:00:00Z";

pub(super) struct World {
    pub(super) rules: RuleSet,
    pub(super) vocabulary: Vocabulary,
    pub(super) book: Book,
    pub(super) now: Time,
    pub(super) offset: u64,
    /// Whether a step is carried out on a restored copy too.
    pub(super) checked: bool,
}

pub(super) fn text(words: &str) -> Text {
    Text {
        vi: words.to_owned(),
        en: words.to_owned(),
    }
}

const RULES: &str = include_str!("rules.toml");
const ESCALATION: &str = include_str!("escalation.toml");
const CAUSES: &str = include_str!("causes.toml");

pub(super) fn vocabulary() -> Vocabulary {
    let mut vocabulary = Vocabulary {
        site: "test".to_owned(),
        ..Vocabulary::default()
    };
    // a1 and a2 are neighbours (about 22 km), a9 is far away.
    for (code, lat, lon) in [
        ("a1", 22.0, 104.0),
        ("a2", 22.2, 104.0),
        ("a9", 23.5, 104.0),
    ] {
        let area = AreaInfo {
            code: code.into(),
            kind: "xa".to_owned(),
            name: code.to_owned(),
            lat,
            lon,
            km2: 1.0,
        };
        vocabulary.areas.insert(code.to_owned(), area);
    }
    let listed = [
        ("gw", None, None),
        ("d1", Some("gw"), None),
        ("d2", Some("gw"), None),
    ];
    let rivers = [
        ("r1", None, Some("thao")),
        ("r2", None, Some("thao")),
        ("g1", None, None),
    ];
    for (id, gateway, river) in listed.into_iter().chain(rivers) {
        let info = EntityInfo {
            id: id.into(),
            name: text(id),
            stream: Stream::Disaster,
            profile: "p".into(),
            area: None,
            lat: None,
            lon: None,
            labels: BTreeMap::new(),
            interval_seconds: 60,
            expected: true,
            gateway: gateway.map(Into::into),
            river: river.map(Into::into),
            river_km: None,
        };
        vocabulary.entities.insert(id.to_owned(), info);
    }
    vocabulary
}

pub(super) fn world() -> World {
    let vocabulary = vocabulary();
    let mut files = PackFiles::default();
    for (path, content) in [
        ("rules/all.toml", RULES),
        ("escalation.toml", ESCALATION),
        ("causes.toml", CAUSES),
    ] {
        files.files.insert(path.to_owned(), content.into());
    }
    let rules = RuleSet::load(&files, &vocabulary).unwrap();
    World {
        book: Book::new(Arc::clone(&rules.book)),
        rules,
        vocabulary,
        now: Time::parse(START).unwrap(),
        offset: 0,
        checked: true,
    }
}
