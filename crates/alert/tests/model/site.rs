//! The site that the rules are for: three gauges, two boxes that are expected to speak, and things that are listed nowhere.

use std::sync::Arc;

use alert::RuleSet;
use event::{EntityInfo, MeasureInfo, MeasureType, PackFiles, Stream, Text, Vocabulary};

/// Entities that speak; `f9` is in no catalogue.
pub(crate) const SPEAKERS: [&str; 4] = ["g1", "g2", "e1", "f9"];
/// The gateway of `g1` and `e1` where the site has one; it says nothing of its own.
pub(crate) const GATEWAY: &str = "gw";
pub(crate) const BEHIND_GATEWAY: [&str; 2] = ["g1", "e1"];

/// Entities whose silence means something.
pub(crate) fn expected(gateway: bool) -> &'static [&'static str] {
    if gateway { &["e1", GATEWAY] } else { &["e1"] }
}

fn text(words: &str) -> Text {
    Text {
        vi: words.to_owned(),
        en: words.to_owned(),
    }
}

fn entity(id: &str, profile: &str, gateway: bool) -> EntityInfo {
    EntityInfo {
        id: id.into(),
        name: text(id),
        stream: Stream::Disaster,
        profile: profile.into(),
        area: None,
        lat: None,
        lon: None,
        labels: [].into(),
        interval_seconds: 600,
        expected: expected(gateway).contains(&id),
        gateway: (gateway && BEHIND_GATEWAY.contains(&id)).then(|| GATEWAY.into()),
        river: None,
        river_km: None,
    }
}

pub(crate) fn vocabulary(gateway: bool) -> Vocabulary {
    let mut vocabulary = Vocabulary {
        site: "test".to_owned(),
        ..Vocabulary::default()
    };
    for (name, kind) in [
        ("level", MeasureType::Number),
        ("flow", MeasureType::Number),
        ("temp", MeasureType::Number),
        ("on", MeasureType::Boolean),
        ("mode", MeasureType::Code),
    ] {
        let info = MeasureInfo {
            name: name.into(),
            kind,
            unit: "m".into(),
            unit_text: text("m"),
            label: text(name),
            decimals: 2,
        };
        vocabulary.measures.insert(name.to_owned(), info);
    }
    let mut listed = vec![("g1", "gauge"), ("g2", "gauge"), ("e1", "box")];
    if gateway {
        listed.push((GATEWAY, "gateway"));
    }
    for (id, profile) in listed {
        vocabulary
            .entities
            .insert(id.to_owned(), entity(id, profile, gateway));
    }
    let bound = u64::try_from(crate::BOUND / 1_000_000_000).unwrap_or(0);
    vocabulary.lateness_seconds.insert(Stream::Disaster, bound);
    vocabulary
}

/// A rule file as a pack.
pub(crate) fn load(text: &str, vocabulary: &Vocabulary) -> Arc<RuleSet> {
    let mut files = PackFiles::default();
    files.files.insert("rules/all.toml".to_owned(), text.into());
    files.files.insert("thresholds.toml".to_owned(), Vec::new());
    Arc::new(RuleSet::load(&files, vocabulary).unwrap())
}
