use super::*;
use crate::format::mangle;

fn plan(full_topic: &str) -> Result<Plan, String> {
    let table: toml::Table = format!("full_topic = \"{full_topic}\"").parse().unwrap();
    Plan::new(&Options::new(&table, &event::PackFiles::default()))
}

#[test]
fn full_topics() {
    for (full_topic, topic, wanted) in [
        (
            "%prefix%/%topic%/",
            "tele/pump/SENSOR",
            Some(("pump", "SENSOR")),
        ),
        (
            "%prefix%/%topic%/",
            "stat/pump/STATUS8",
            Some(("pump", "STATUS8")),
        ),
        // A topic of the device may have levels of its own.
        (
            "%prefix%/%topic%/",
            "tele/hall/pump/LWT",
            Some(("hall/pump", "LWT")),
        ),
        (
            "%topic%/%prefix%/",
            "pump/tele/SENSOR",
            Some(("pump", "SENSOR")),
        ),
        (
            "tasmota/%topic%/%prefix%/",
            "tasmota/pump/tele/STATE",
            Some(("pump", "STATE")),
        ),
        (
            "%prefix%/%hostname%/%topic%",
            "tele/host-1/pump/SENSOR",
            Some(("pump", "SENSOR")),
        ),
        ("%prefix%/%topic%/", "cmnd/pump/POWER", None),
        ("%prefix%/%topic%/", "tele/SENSOR", None),
        ("%prefix%/%topic%/", "tele//SENSOR", None),
        ("tasmota/%topic%/%prefix%/", "other/pump/tele/STATE", None),
        ("%prefix%/%topic%/", "SENSOR", None),
    ] {
        assert_eq!(
            plan(full_topic).unwrap().take(topic),
            wanted,
            "{full_topic} {topic}"
        );
    }
    for wrong in [
        "%prefix%/",
        "%topic%/%topic%/",
        "%prefix%/%prefix%/%topic%/",
        "%prefix%/+/%topic%/",
        "a%topic%/",
        "",
    ] {
        assert!(plan(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn damaged_payloads() {
    let payload = br#"{"Time":"2026-11-22T10:00:00","ENERGY":{"Total":[1.5,2,3],"Power":[100,200,300],"Voltage":[230,231,232]},"TempUnit":"F","DS18B20":{"Temperature":70.1}}"#;
    mangle::survives("tele/tasmota-3p-1/SENSOR", payload);
}
