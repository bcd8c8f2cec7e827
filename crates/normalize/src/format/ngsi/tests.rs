use event::RejectCode;
use serde_json::json;

use super::*;
use crate::format::json::testing::{records, survives_damage};

#[test]
fn every_code_is_known_to_the_converter() {
    for code in units::codes() {
        let ucum = units::ucum(code);
        assert!(ucum::validate(&ucum).is_ok(), "{code}: {ucum}");
    }
    for (code, ucum) in [
        ("CEL", "Cel"),
        ("cel", "Cel"),
        ("GQ", "ug/m3"),
        ("P1", "%"),
        ("MTS", "m/s"),
        ("°C", "Cel"),
        ("mm", "mm"),
    ] {
        assert_eq!(units::ucum(code), ucum);
    }
}

#[test]
fn places_of_all_shapes() {
    let close = |value: Value, wanted: Option<(f64, f64)>| {
        let found = attribute::place(&value, 16);
        let near =
            |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 1e-9 && (b - d).abs() < 1e-9;
        let same = match (found, wanted) {
            (Some(found), Some(wanted)) => near(found, wanted),
            (None, None) => true,
            _ => false,
        };
        assert!(same, "{value}: {found:?}");
    };
    close(
        json!({"type":"Point","coordinates":[103.8,22.3]}),
        Some((22.3, 103.8)),
    );
    close(
        json!({"type":"Point","coordinates":[103.8,22.3,1500]}),
        Some((22.3, 103.8)),
    );
    close(
        json!({"type":"LineString","coordinates":[[103.0,22.0],[104.0,23.0]]}),
        Some((22.5, 103.5)),
    );
    // The point that closes a ring counts once.
    close(
        json!({"type":"Polygon","coordinates":[[[103.0,22.0],[104.0,22.0],[104.0,23.0],[103.0,23.0],[103.0,22.0]]]}),
        Some((22.5, 103.5)),
    );
    close(json!("22.3, 103.8"), Some((22.3, 103.8)));
    close(
        json!("{\"type\":\"Point\",\"coordinates\":[103.8,22.3]}"),
        Some((22.3, 103.8)),
    );
    close(
        json!({"type":"Feature","geometry":{"type":"Point","coordinates":[103.8,22.3]}}),
        Some((22.3, 103.8)),
    );
    for wrong in [
        json!(""),
        json!("Lào Cai"),
        json!("1,2,3"),
        json!(5),
        json!({}),
        json!({"coordinates":[]}),
        json!({"coordinates":["a","b"]}),
        json!("{"),
    ] {
        close(wrong, None);
    }
}

#[test]
fn entities_at_the_limit_and_one_past_it() {
    let list = |count: usize| {
        let one = r#"{"id":"a","type":"AirQualityObserved","pm25":1}"#;
        format!("[{}]", vec![one; count].join(","))
    };
    assert_eq!(
        records("fw-air-1", list(5_000).as_bytes(), "")
            .expect("fits")
            .len(),
        5_000
    );
    let fault = records("fw-air-1", list(5_001).as_bytes(), "").expect_err("over");
    assert_eq!(fault.code, RejectCode::TooManyFields);
}

#[test]
fn attributes_of_no_use_are_counted() {
    let text = r#"{"id":"a","type":"AirQualityObserved","dateObserved":"2026-11-22T03:00:00Z","pm25":{"a":1},"odd":1,"odder":{"b":[2]},"address":{}}"#;
    let found = records("fw-air-1", text.as_bytes(), "").expect(text);
    assert_eq!((found[0].unusable, found[0].unknown), (1, 2));
}

#[test]
fn damage_breaks_nothing() {
    for (device, text) in [
        (
            "fw-air-1",
            r#"{"subscriptionId":"5","data":[{"id":"a","type":"AirQualityObserved","dateObserved":{"type":"DateTime","value":"2026-11-22T03:00:00.00Z","metadata":{}},"temperature":{"type":"Number","value":294.65,"metadata":{"unitCode":{"type":"Text","value":"KEL"}}},"location":{"type":"geo:json","value":{"type":"Point","coordinates":[103.842,22.3354]}}}]}"#,
        ),
        (
            "fw-meter-1",
            r#"{"id":"m","type":"ThreePhaseAcMeasurement","activePower":{"type":"Property","value":{"L1":1.5,"L2":2},"unitCode":"KWT","observedAt":"2026-11-22T03:00:00Z"},"frequency":[{"type":"Property","value":50,"datasetId":"x"}],"location":"22.3, 103.8"}"#,
        ),
    ] {
        survives_damage(device, text.as_bytes(), "");
    }
}
