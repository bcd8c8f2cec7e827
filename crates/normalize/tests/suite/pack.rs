//! The pack of Lào Cai: what other parts of the product and the issue count on.

use event::Stream;
use normalize::Catalogue;

use crate::support;

#[test]
fn the_pack_is_sound_and_complete() {
    let catalogue = support::catalogue();
    let vocabulary = catalogue.vocabulary();
    assert_eq!(vocabulary.site, "lao-cai");
    assert_eq!(vocabulary.areas.len(), 99);
    assert_eq!(
        vocabulary
            .areas
            .values()
            .filter(|area| area.kind == "phuong")
            .count(),
        10
    );
    let km2: f64 = vocabulary.areas.values().map(|area| area.km2).sum();
    assert!((km2 - 13_256.6).abs() < 5.0, "{km2}");
    for id in [
        "wl-lao-cai",
        "wl-bao-ha",
        "wl-yen-bai",
        "wl-bao-yen",
        "wl-van-ban",
        "wl-vinh-yen",
    ] {
        let entity = &vocabulary.entities[id];
        assert_eq!(
            (entity.stream, entity.expected),
            (Stream::Disaster, true),
            "{id}"
        );
        assert!(entity.labels.contains_key("river"), "{id}");
    }
    for entity in vocabulary.entities.values() {
        assert!(
            entity.area.is_some() && entity.lat.is_some(),
            "{} has a place",
            entity.id
        );
        let inside =
            |lat: f64, lon: f64| (21.3..22.9).contains(&lat) && (103.5..105.1).contains(&lon);
        assert!(
            inside(entity.lat.unwrap(), entity.lon.unwrap()),
            "{} lies here",
            entity.id
        );
    }
    for stream in [
        Stream::Disaster,
        Stream::Energy,
        Stream::Environment,
        Stream::Tourism,
    ] {
        assert!(
            vocabulary
                .entities
                .values()
                .any(|entity| entity.stream == stream),
            "{stream:?}"
        );
        assert!(
            vocabulary.lateness_seconds.contains_key(&stream),
            "{stream:?}"
        );
    }
    // No file of the pack has a name in two forms: labels are compared and drawn as they are.
    let texts = vocabulary
        .entities
        .values()
        .flat_map(|e| [&e.name.vi, &e.name.en]);
    assert!(
        texts
            .clone()
            .all(|text| !text.chars().any(|c| ('\u{300}'..'\u{370}').contains(&c)))
    );
}

#[test]
fn an_empty_pack_says_what_is_missing() {
    let list = Catalogue::load(&event::PackFiles::default()).expect_err("nothing is there");
    for file in [
        "site.toml",
        "areas.csv",
        "measures.toml",
        "profiles/",
        "devices/",
    ] {
        assert!(list.iter().any(|mistake| mistake.file == file), "{file}");
    }
}
