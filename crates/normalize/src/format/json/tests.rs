use event::{PackFiles, RejectCode};

use super::testing::{records, survives_damage};
use super::*;
use crate::format::{Raw, Stamp, Subject};

fn plan(text: &str) -> Result<Plan, String> {
    let table: toml::Table = text.parse().expect("TOML");
    let files = PackFiles::default();
    let options = Options::new(&table, &files);
    let plan = Plan::new(&options)?;
    options.finish().map(|()| plan)
}

#[test]
fn mistakes_in_options_are_told_at_load() {
    for (text, word) in [
        ("each = 'a['", "options.each"),
        ("each = 'a[*]..b'", "options.each"),
        ("each = 'a[*].b[*].c[*].d[*].e'", "options.each"),
        ("each = '@key'", "options.each"),
        ("time = 'a..b'", "options.time"),
        ("time = ['a', 'b.']", "options.time"),
        ("time = 5", "options.time"),
        ("device = 7", "options.device"),
        ("lat = 'a'", "options.lat"),
        ("time = 'a'\nage = 'b'", "options.age"),
        ("embedded = ['a', 'b', 'c', 'd', 'e']", "options.embedded"),
        ("units = 'a'", "options.units"),
        ("units = { temp = 'a[' }", "options.units.temp"),
        ("nothing = 'a'", "nothing"),
    ] {
        let told = plan(text).expect_err(text);
        assert!(told.contains(word), "{text}: {told}");
    }
    for text in [
        "",
        "each = '$'",
        "each = 'a[*].b[*]'",
        "time = ['a', 'b']",
        "embedded = 'a.b'",
    ] {
        plan(text).unwrap_or_else(|told| panic!("{text}: {told}"));
    }
}

#[test]
fn mistakes_in_fields_are_told_at_load() {
    let files = |from: &str, options: &str| {
        let mut files = PackFiles::default();
        let mut add =
            |name: &str, text: String| files.files.insert(name.to_owned(), text.into_bytes());
        let profile = format!(
            "[profiles.p]\nstream = \"city\"\ninterval_seconds = 60\nformat = \"json\"\n{options}\n\
             fields.a = {{ from = \"{from}\", measure = \"online\" }}\n"
        );
        add("profiles/p.toml", profile);
        add(
            "measures.toml",
            "[measures.online]\nkind = \"boolean\"\nlabel = { vi = \"a\", en = \"a\" }\n".into(),
        );
        files
    };
    let told = |from: &str, options: &str| {
        let mistakes =
            crate::Catalogue::load(&files(from, options)).expect_err("other files are missing");
        let own: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        own.into_iter()
            .filter(|line| line.contains("profiles/p.toml"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(told("a.b[0]", ""), "");
    assert!(
        told("a.b[", "").contains("field `a`: path `a.b[`"),
        "{}",
        told("a.b[", "")
    );
    assert!(told("a", "options.units = { b = 'c' }").contains("`b`, which is no field"));
}

#[test]
fn what_surrounds_an_element_counts_for_options_alone() {
    let text = r#"{"from":"2026-11-22T02:00:00Z","rain":{"h1":9},"stations":[{"code":"jrg-1","bat":3.5}]}"#;
    let found = records("jrg-hub", text.as_bytes(), "").expect(text);
    assert_eq!(found.len(), 1);
    assert!(matches!(found[0].stamp, Some(Stamp::At(_))));
    assert_eq!(found[0].subject, Subject::Address("jrg-1".to_owned()));
    let keys: Vec<&str> = found[0]
        .fields
        .iter()
        .map(|field| field.key.as_str())
        .collect();
    assert_eq!(keys, ["bat"], "rain of the document is not the station's");
}

#[test]
fn what_nobody_asked_for_is_counted() {
    let text = r#"{"t":1795316400,"h":312,"x":1,"y":{"z":2},"log":[{"t":1795316400,"h":1,"w":0}]}"#;
    let found = records("jwl-1", text.as_bytes(), "").expect(text);
    assert_eq!(
        found
            .iter()
            .map(|record| record.unknown)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(found[1].fields[0].value, Raw::Number(312.0));
}

#[test]
fn readings_at_the_limit_and_one_past_it() {
    let message = |count: usize| {
        let one = r#"{"code":"jrg-1","bat":3.5}"#;
        format!(r#"{{"stations":[{}]}}"#, vec![one; count].join(","))
    };
    assert_eq!(
        records("jrg-hub", message(5_000).as_bytes(), "")
            .expect("fits")
            .len(),
        5_000
    );
    let fault = records("jrg-hub", message(5_001).as_bytes(), "").expect_err("over");
    assert_eq!(fault.code, RejectCode::TooManyFields);
}

#[test]
fn damage_breaks_nothing() {
    for (device, text) in [
        (
            "jwx-1",
            r#"{"msgId":"0b7e6c1e-2f4a-4d7e-9c55-7f0c8f3b1a01","seq":41,"gps":{"lat":22.3,"lng":103.8},"obs":{"date":"22/11/2026","clock":"10:00","temperature":{"value":"21,5","unit":"°C"},"wind":[3.2,140],"qfe.hPa":"1.013,25"},"sys":{"bat.v":3.61,"state":"ok"}}"#,
        ),
        (
            "jgate-hub",
            r#"{"sites":[{"at":"2026-11-22T10:00:00+07:00","gates":{"jgate-a":{"in":12,"out":3,"state":"open"}}}]}"#,
        ),
        (
            "jen-1",
            r#"{"message":{"body":"{\"ts\":\"2026-11-22 10:00\",\"p\":12.5,\"registers\":[1,2,48211.75],\"on\":\"off\"}"}}"#,
        ),
    ] {
        survives_damage(device, text.as_bytes(), "application/json");
    }
}
