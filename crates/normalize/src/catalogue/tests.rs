use event::{MeasureType, PackFiles, Stream};

use super::*;

/// A pack of the least size, to be spoilt.
fn pack() -> PackFiles {
    let mut files = PackFiles::default();
    let mut add = |path: &str, text: &str| {
        files
            .files
            .insert(path.to_owned(), text.as_bytes().to_vec())
    };
    add(
        "site.toml",
        "[site]\nid = \"s\"\nname = { vi = \"S\", en = \"S\" }\n\
         [streams.disaster]\nlateness_seconds = 1\n[streams.energy]\nlateness_seconds = 1\n\
         [streams.environment]\naliases = [\"env\"]\nlateness_seconds = 1\n[streams.tourism]\nlateness_seconds = 1\n",
    );
    add(
        "areas.csv",
        "# remark\ncode,type,name,lat,lon,km2\n00001,xa,A,22.0,104.0,100\n",
    );
    add(
        "measures.toml",
        "[units]\n\"m\" = { text = \"m\" }\n\"cm\" = { text = \"cm\", of = \"m\", factor = 0.01 }\n\"s\" = { text = \"s\" }\n\
         [measures.level]\nunit = \"m\"\ndecimals = 2\nlabel = { vi = \"M\", en = \"L\" }\n",
    );
    add(
        "profiles/p.toml",
        "[profiles.p]\nstream = \"disaster\"\ninterval_seconds = 60\n\
         fields.level = { measure = \"level\", unit = \"cm\", factor = 2.0, offset = 5.0, range = [0, 9] }\n",
    );
    add(
        "devices/d.toml",
        "[devices.d1]\nprofile = \"p\"\nname = { vi = \"D\", en = \"D\" }\narea = \"00001\"\n\
         [families.\"f-*\"]\nprofile = \"p\"\nname = { vi = \"F {id}\", en = \"F {id}\" }\nexpected = [\"f-1\"]\n",
    );
    files
}

fn mistakes(path: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = pack();
    let text = files.text(path).expect("a file").replacen(from, to, 1);
    assert_ne!(files.text(path), Some(&*text), "`{from}` is in {path}");
    files.files.insert(path.to_owned(), text.into_bytes());
    match Catalogue::load(&files) {
        Ok(_) => Vec::new(),
        Err(list) => list.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_small_pack_loads() {
    let catalogue = Catalogue::load(&pack()).expect("a sound pack");
    let vocabulary = catalogue.vocabulary();
    assert_eq!(
        vocabulary.entities.keys().collect::<Vec<_>>(),
        ["d1", "f-1"]
    );
    let entity = &vocabulary.entities["f-1"];
    assert_eq!(
        (&*entity.name.vi, entity.expected, entity.interval_seconds),
        ("F f-1", true, 60)
    );
    assert_eq!(vocabulary.entities["d1"].lat, Some(22.0));
    assert_eq!(vocabulary.measures["level"].kind, MeasureType::Number);
    assert_eq!(vocabulary.measures["level"].unit_text.en, "m");
    assert_eq!(catalogue.stream("env"), Some(Stream::Environment));
    assert!(!catalogue.resolve("f-2").expect("a member").listed);
    assert!(catalogue.resolve("f-1").expect("expected").listed);
    assert!(catalogue.resolve("f-").is_none());
    assert!(catalogue.resolve("f-ü").is_none());
    // Own scale first, then the unit: (raw * 2 + 5) cm.
    let Meaning::Number { conversion, .. } = &catalogue.profiles[0].fields[0].meaning else {
        panic!("a number");
    };
    assert!((conversion.apply(100.0) - 2.05).abs() < 1e-12);
    assert_eq!(catalogue.fields("p").collect::<Vec<_>>(), ["level"]);
}

#[test]
fn every_mistake_is_told_with_its_line() {
    for (path, from, to, expected) in [
        (
            "site.toml",
            "id = \"s\"",
            "id = \"a b\"",
            "site.toml:2: `site.id` may have",
        ),
        (
            "site.toml",
            "id = \"s\"",
            "id = 5",
            "site.toml:2: `site.id` must be text, not integer",
        ),
        (
            "site.toml",
            "name",
            "nama",
            "site.toml:3: `site.nama` is not known here",
        ),
        (
            "site.toml",
            "vi = \"S\"",
            "vi = \" \"",
            "site.toml:3: `site.name.vi` is empty",
        ),
        (
            "site.toml",
            "[streams.energy]",
            "[streams.power]",
            "site.toml:6: stream `power` does not exist",
        ),
        (
            "site.toml",
            "\"env\"",
            "\"energy\"",
            "site.toml:9: alias `energy` is taken",
        ),
        (
            "site.toml",
            "lateness_seconds = 1",
            "lateness_seconds = -1",
            "site.toml:5: `streams.disaster.lateness_seconds` must be from",
        ),
        ("site.toml", "[site]", "[site", "site.toml:1: "),
        (
            "areas.csv",
            "00001",
            "1",
            "areas.csv:3: code `1` must be five digits",
        ),
        (
            "areas.csv",
            "22.0",
            "x",
            "areas.csv:3: lat `x` must be a number",
        ),
        (
            "areas.csv",
            "22.0",
            "NaN",
            "areas.csv:3: lat `NaN` must be a number",
        ),
        (
            "areas.csv",
            "xa,",
            "town,",
            "areas.csv:3: type `town` must be",
        ),
        (
            "areas.csv",
            "code,",
            "kode,",
            "areas.csv:2: the first line must be",
        ),
        (
            "measures.toml",
            "of = \"m\"",
            "of = \"km\"",
            "measures.toml:3: unit `km` is not a base unit",
        ),
        (
            "measures.toml",
            "text = \"s\"",
            "text = 5",
            "measures.toml:4: `units.s.text` must be text, or a table of `vi` and `en`",
        ),
        (
            "measures.toml",
            "text = \"s\"",
            "text = { vi = \"giây\" }",
            "measures.toml:4: `units.s.text.en` is missing",
        ),
        (
            "measures.toml",
            "factor = 0.01",
            "factor = 0",
            "measures.toml:3: `factor` must not be 0",
        ),
        (
            "measures.toml",
            "factor = 0.01",
            "factor = inf",
            "measures.toml:3: `units.cm.factor` must be a finite number",
        ),
        (
            "measures.toml",
            "unit = \"m\"",
            "unit = \"mm\"",
            "measures.toml:6: unit `mm` is not a base unit",
        ),
        (
            "measures.toml",
            "decimals = 2",
            "decimals = 20",
            "measures.toml:7: `measures.level.decimals` must be from 0 to 9",
        ),
        (
            "profiles/p.toml",
            "measure = \"level\"",
            "measure = \"lvl\"",
            "profiles/p.toml:4: measure `lvl` is not in measures.toml",
        ),
        (
            "profiles/p.toml",
            "unit = \"cm\"",
            "unit = \"s\"",
            "profiles/p.toml:4: unit `s` does not lead to `m`: they measure different things",
        ),
        (
            "profiles/p.toml",
            "unit = \"cm\"",
            "unit = \"feet\"",
            "profiles/p.toml:4: unit `feet` is not in measures.toml and is no UCUM code",
        ),
        (
            "profiles/p.toml",
            "[0, 9]",
            "[9, 0]",
            "profiles/p.toml:4: `profiles.p.fields.level.range` must be two numbers",
        ),
        (
            "profiles/p.toml",
            "factor",
            "faktor",
            "profiles/p.toml:4: `profiles.p.fields.level.faktor` is not known here",
        ),
        (
            "profiles/p.toml",
            "fields.level",
            "fields.ts",
            "profiles/p.toml:4: `ts` belongs to the format",
        ),
        (
            "profiles/p.toml",
            "disaster",
            "weather",
            "profiles/p.toml:2: stream `weather` does not exist",
        ),
        (
            "profiles/p.toml",
            "interval_seconds = 60\n",
            "",
            "profiles/p.toml:1: `profiles.p.interval_seconds` is missing",
        ),
        (
            "devices/d.toml",
            "profile = \"p\"",
            "profile = \"q\"",
            "devices/d.toml:2: profile `q` is in none of",
        ),
        (
            "devices/d.toml",
            "00001",
            "00002",
            "devices/d.toml:4: area `00002` is not in areas.csv",
        ),
        (
            "devices/d.toml",
            "area = \"00001\"",
            "lat = 22.0",
            "devices/d.toml:1: `lat` and `lon` come together",
        ),
        (
            "devices/d.toml",
            "f-*",
            "*",
            "devices/d.toml:5: a pattern is a beginning",
        ),
        (
            "devices/d.toml",
            "\"f-1\"",
            "\"g-1\"",
            "devices/d.toml:8: `g-1` does not fit the pattern `f-*`",
        ),
        (
            "devices/d.toml",
            "\"f-1\"",
            "\"f-1\", \"f-1\"",
            "devices/d.toml:8: device `f-1` is listed twice",
        ),
        (
            "devices/d.toml",
            "[devices.d1]",
            "[devices.\"d 1\"]",
            "devices/d.toml:1: ids of devices",
        ),
    ] {
        let found = mistakes(path, from, to);
        assert!(
            found.iter().any(|text| text.starts_with(expected)),
            "{expected}\nfound {found:#?}"
        );
    }
}

#[test]
fn mistakes_of_all_files_come_together_and_in_order() {
    let mut files = pack();
    files.files.remove("areas.csv");
    files.files.insert("profile/x.toml".to_owned(), Vec::new());
    files.files.insert(
        "devices/e.toml".to_owned(),
        b"[devices.x]\nprofile = 1\n".to_vec(),
    );
    files
        .files
        .insert("profiles/q.toml".to_owned(), vec![b'\n', 0xff]);
    let list = Catalogue::load(&files).expect_err("many mistakes");
    let found: Vec<String> = list.iter().map(ToString::to_string).collect();
    for expected in [
        "areas.csv: the file is missing",
        "devices/d.toml:4: area `00001`",
        "devices/e.toml:1: `devices.x.name` is missing",
        "devices/e.toml:2: `devices.x.profile` must be text",
        "profile/x.toml: this file has no place",
        "profiles/q.toml:2: the file is not UTF-8",
    ] {
        assert!(
            found.iter().any(|text| text.starts_with(expected)),
            "{expected}\n{found:#?}"
        );
    }
    assert!(
        found.is_sorted_by_key(|text| text.split(':').next().map(str::to_owned)),
        "{found:#?}"
    );
}
