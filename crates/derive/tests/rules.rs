//! `derive.toml`: what is refused, each with its line and what to do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::sync::Arc;

use derive::Rules;
use event::PackFiles;
use site::*;

/// Mistakes of a text: line and message.
fn mistakes(text: &str) -> Vec<(u32, String)> {
    let errors = load(text).expect_err("the text must be refused");
    assert!(
        errors.iter().all(|error| error.file == "derive.toml"),
        "{errors:?}"
    );
    errors
        .into_iter()
        .map(|error| (error.line, error.message))
        .collect()
}

#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    let text = DERIVE.replacen(from, to, 1);
    assert_ne!(text, DERIVE, "`{from}` is not in the file");
    let found = mistakes(&text);
    let line = DERIVE[..DERIVE.find(from).unwrap()].lines().count() as u32;
    assert!(
        found.iter().any(|(_, message)| message.contains(expected)),
        "{expected} is not in {found:#?}"
    );
    // Within the rule that was changed.
    assert!(
        found.iter().all(|(at, _)| at.abs_diff(line) < 18),
        "line {line}: {found:#?}"
    );
}

#[test]
fn the_site_s_rules_are_sound() {
    let rules = load(DERIVE).unwrap();
    assert!(!rules.is_empty());
    let entities: Vec<String> = rules.entities().iter().map(ToString::to_string).collect();
    assert!(entities.contains(&"aqm-1".to_owned()) && entities.is_sorted());
    assert!(
        rules
            .measures()
            .any(|(rule, measure)| &**rule == "aqi" && &**measure == "vn_aqi")
    );
}

#[test]
fn without_the_file_there_are_no_rules() {
    let rules = Rules::load(&PackFiles::default(), &vocabulary()).unwrap();
    assert!(rules.is_empty());
    let mut deriver = derive::Deriver::new(Arc::new(rules));
    assert_eq!(
        fold(&mut deriver, &reading("aqm-1", START, &[("pm25", 1.0)])),
        []
    );
}

#[test]
fn wrong_names_are_told() {
    check(
        r#"method = "level""#,
        r#"method = "levels""#,
        "`method` must be one of",
    );
    check(
        r#"["wl-radar"]"#,
        r#"["wl-rader"]"#,
        "unknown entity `wl-rader`",
    );
    check(
        r#"["air-quality"]"#,
        r#"["air"]"#,
        "no listed entity has the profile `air`",
    );
    check(
        r#"inputs.distance = "distance""#,
        r#"inputs.distance = "far""#,
        "measure `far` is not in measures.toml",
    );
    check(
        "rate_minutes = 60",
        "rate_minuts = 60",
        "`rules.river-status.rate_minuts` is not known here",
    );
    check(
        "inputs.level",
        "inputs.levle",
        "`rules.river-status.inputs.levle` is not known here",
    );
    check(
        r#"gauge = "interval""#,
        r#"gauge = "tipping""#,
        "must be one of `cumulative`, `interval`",
    );
}

#[test]
fn what_is_missing_is_told() {
    check(
        "verified = false\ninputs.distance",
        "inputs.distance",
        "`rules.radar-level.verified` is missing",
    );
    check(
        "source = \"Nominal voltage of the low-voltage network\"\n",
        "",
        "`rules.voltage.source` is missing",
    );
    check(
        "interval_seconds = 600\n",
        "",
        "`rules.rain-interval.interval_seconds` is missing",
    );
    check(
        "nominal_v = 220\n",
        "",
        "`rules.voltage.nominal_v` is missing",
    );
    check(
        "power_max_kw = 500\n",
        "",
        "`rules.energy.power_max_kw` is missing",
    );
    check(
        "outputs.percent = \"voltage_deviation\"\n",
        "",
        "`rules.voltage.outputs` is missing",
    );
    check(
        "entities = [\"rv-1\"]\n",
        "",
        "`entities` or `profiles` must say",
    );
    check(
        "counts = \"interval\"\n",
        "",
        "`rules.square.counts` is missing",
    );
}

#[test]
fn what_does_not_fit_is_told() {
    check(
        r#"r1 = "rain_1h""#,
        r#"r1 = "level""#,
        "measure `level` is in `m`, not `mm`",
    );
    check(
        r#"status = "bd_status""#,
        r#"status = "level""#,
        "measure `level` is not of kind code",
    );
    check(
        r#"hour = "vn_aqi""#,
        r#"hour = "vn_aqi_dominant""#,
        "is not of kind number",
    );
    check(
        r#"r3 = "rain_3h""#,
        r#"r3 = "rain_1h""#,
        "give the same measure",
    );
    check(
        r#"["wl-lao-cai", "wl-vinh-yen", "wl-radar"]"#,
        r#"["wl-depth"]"#,
        "thresholds.toml has no bd1, bd2 or bd3 of `wl-depth`",
    );
    check(
        r#"entities = ["wl-radar"]"#,
        r#"entities = ["wl-radar", "wl-depth"]"#,
        "`datum` does not say where `wl-depth` hangs",
    );
    check(
        r#"{ pm25 = "pm25", pm10 = "pm10", "#,
        "{ ",
        "without them there is no index",
    );
    check(
        "i = 5000, ii = 10000",
        "i = 5000, ii = 4000",
        "classes must rise",
    );
    check(
        "rate_max_mm_h = 300",
        "rate_max_mm_h = -3",
        "must be from 1 to 5000",
    );
    check("wrap = 1000.0", "wrap = 0", "`wrap` must be above 0");
    let lent = r#"lent.rg-tip = "wx-sa-pa""#;
    check(
        lent,
        r#"lent.rg-tip = "aqm-1""#,
        "the rule is not about `aqm-1`",
    );
    check(lent, r#"lent.rg-tap = "wx-sa-pa""#, "`rg-tap` is unknown");
    check(
        "wrap = 65536",
        "lent.vc-2 = \"vc-2\"",
        "`vc-2` is unknown, or the rule is about it",
    );
    check(
        "revise_hours = 48",
        "revise_hours = 4800",
        "must be from 1 to 168",
    );
    check(
        r#"turbine = "outflow_turbine", "#,
        "",
        "output `spill` needs the input `turbine`",
    );
}

#[test]
fn a_broken_file_is_told_with_its_line() {
    let found = mistakes("[limits]\n\n[rules.a\nmethod = 1\n");
    assert_eq!(found[0].0, 3, "{found:?}");
    let found = mistakes("[rules.a]\nmethod = 1\n[rules.b]\nmethod = \"level\"\nsource = 2\n");
    assert!(found.len() >= 4, "all mistakes at once: {found:#?}");
}
