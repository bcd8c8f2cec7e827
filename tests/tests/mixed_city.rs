//! `mixed-city`: every wire format at once through the real binary. Its totals are those of the scenario's own ground truth, and
//! what different formats say in different units stands in the archive and in both stores in one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use ioc_tests::node::{Folder, journal};
use ioc_tests::outcomes::{Outcomes, derived};
use ioc_tests::process::{binary, repository, run};
use ioc_tests::readback;
use ioc_tests::services::{Influxdb, Kafka, Mosquitto};
use serde_json::Value;
use simulators::{Ledger, Truth};

const SEED: u64 = 1;

/// What the node asks an outside broker for: the streams, the sources of the site pack, and a stray topic that nobody knows.
/// Narrower than the sources where those would overlap.
const FILTERS: [&str; 14] = [
    "ioc/+/energy/+/up",
    "ioc/+/environment/+/up",
    "ioc/+/tourism/+/up",
    "ioc/+/city/+/up",
    "application/+/device/+/event/+",
    "v3/+/devices/#",
    "spBv1.0/#",
    "tele/#",
    "shellypro3em-08f9e0e68c98/#",
    "shellyproem50-34987a45fb02/#",
    "origin/a/wis2/#",
    "cache/a/wis2/#",
    "ioc/+/env/+/up",
    "factory/#",
];

fn demo(data: &Path, variables: &[(String, String)]) -> Value {
    let output = Command::new(binary("ioc"))
        .args(["demo", "--config"])
        .arg(repository().join("deploy/ioc.toml"))
        .args(["--scenario", "mixed-city", "--speed", "max", "--headless"])
        .args(["--exit-at-end", "--json", "--seed", &SEED.to_string()])
        .arg("--data")
        .arg(data)
        .arg("--site")
        .arg(repository().join("deploy/sites/lao-cai"))
        .envs(variables.iter().cloned())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn scenario() -> simulators::Scenario {
    simulators::scenario("mixed-city", SEED, &simulators::Options::default()).unwrap()
}

/// The run's totals are the ground truth's, and add up.
fn check_totals(totals: &Value, ledger: &Ledger) {
    let all = ledger.all;
    assert!(ledger.formats.len() >= 20, "{:?}", ledger.formats.keys());
    for (key, expected) in [
        ("published", all.messages - all.duplicates),
        ("acknowledged", all.messages - all.duplicates),
        ("journaled", all.messages),
        ("events", all.delivering),
        ("state", all.state),
        ("duplicates", all.duplicates),
        ("rejected", all.rejects),
        ("lost", 0),
    ] {
        assert_eq!(totals[key], expected, "{key}: {totals}, {ledger:?}");
    }
    assert_eq!(
        all.messages,
        all.delivering + all.state + all.rejects + all.duplicates
    );
}

/// The events are those of the messages, and what was derived from them is marked; no two are the same.
fn check_outcomes(outcomes: &Outcomes, ledger: &Ledger) {
    let events = outcomes.events.values();
    let (computed, direct): (Vec<&Value>, Vec<&Value>) = events.partition(|event| derived(event));
    assert_eq!(direct.len() as u64, ledger.all.events);
    assert_eq!(outcomes.rejects.len() as u64, ledger.all.rejects);
    let ids: BTreeSet<&str> = outcomes
        .events
        .values()
        .map(|event| event["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), outcomes.events.len(), "an event came twice");
    let measures: BTreeSet<&String> = computed
        .iter()
        .flat_map(|event| event["values"].as_object().unwrap().keys())
        .collect();
    for measure in [
        "bd_status",
        "energy_use",
        "people_present",
        "voltage_deviation",
    ] {
        assert!(measures.contains(&measure.to_owned()), "{measures:?}");
    }
}

/// One series whose messages say the value in a unit of their own.
struct Said {
    entity: &'static str,
    measure: &'static str,
    unit: &'static str,
    /// All values of a payload in the canonical unit.
    read: fn(&[u8]) -> Vec<f64>,
}

/// Three measures, each from formats that send it in different units.
const SAID: [Said; 9] = [
    // Degrees Fahrenheit.
    Said {
        entity: "tasmota-air-2",
        measure: "temp",
        unit: "Cel",
        read: |payload| {
            number(payload, "/DS18B20-1/Temperature", |fahrenheit| {
                (fahrenheit - 32.0) / 1.8
            })
        },
    },
    Said {
        entity: "tasmota-air-1",
        measure: "temp",
        unit: "Cel",
        read: |payload| number(payload, "/AM2301/Temperature", |celsius| celsius),
    },
    // SenML.
    Said {
        entity: "swx-sa-pa",
        measure: "temp",
        unit: "Cel",
        read: |payload| {
            let pack: Vec<Value> = serde_json::from_slice(payload).unwrap();
            let named = pack.iter().filter(|record| record["n"] == "temp");
            named.map(|record| record["v"].as_f64().unwrap()).collect()
        },
    },
    // Text with a decimal comma.
    Said {
        entity: "jwx-1",
        measure: "temp",
        unit: "Cel",
        read: |payload| {
            let said: Value = serde_json::from_slice(payload).unwrap();
            let text = said["obs"]["temperature"]["value"].as_str().unwrap();
            vec![text.replace(',', ".").parse().unwrap()]
        },
    },
    // Centimetres, and what was kept while there was no signal.
    Said {
        entity: "jwl-1",
        measure: "level",
        unit: "m",
        read: |payload| {
            let said: Value = serde_json::from_slice(payload).unwrap();
            let kept = said["log"].as_array().into_iter().flatten();
            let all = kept.chain([&said]);
            all.map(|one| one["h"].as_f64().unwrap() / 100.0).collect()
        },
    },
    // NGSI-LD, UN/CEFACT code MTR.
    Said {
        entity: "fw-water-sa-pa",
        measure: "level",
        unit: "m",
        read: |payload| number(payload, "/waterLevel/value", |metres| metres),
    },
    // A script reads `$WL,2026-11-22 08:01:19,81.37,12.6*28` lines.
    Said {
        entity: "level-lines-1",
        measure: "level",
        unit: "m",
        read: |payload| {
            let text = String::from_utf8(payload.to_vec()).unwrap();
            let level = |line: &str| line.split(',').nth(2).unwrap().parse().unwrap();
            text.lines().map(level).collect()
        },
    },
    // Watts in NGSI v2.
    Said {
        entity: "fw-meter-1",
        measure: "power",
        unit: "kW",
        read: |payload| {
            number(payload, "/data/0/totalActivePower/value", |watts| {
                watts / 1000.0
            })
        },
    },
    // Kilowatts under an OBIS code.
    Said {
        entity: "om-sa-pa-1",
        measure: "power",
        unit: "kW",
        read: |payload| number(payload, "/1-0:1.7.0/value", |kilowatts| kilowatts),
    },
];

/// The number at `pointer`; a message of the device that is about something else has none.
fn number(payload: &[u8], pointer: &str, convert: fn(f64) -> f64) -> Vec<f64> {
    let said: Option<Value> = serde_json::from_slice(payload).ok();
    let found = said.and_then(|said| said.pointer(pointer).and_then(Value::as_f64));
    found.map(convert).into_iter().collect()
}

/// What was said of each series, in canonical units, in order of size.
fn said() -> Vec<(&'static Said, Vec<f64>)> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for publication in scenario().flat_map(|moment| moment.publications) {
        let of = SAID.iter().find(|one| {
            let mut levels = publication.topic.split('/');
            levels.any(|level| level == one.entity)
        });
        if let Some(one) = of
            && matches!(publication.truth, Truth::Events(_))
        {
            let read = (one.read)(&publication.payload);
            values.entry(one.entity).or_default().extend(read);
        }
    }
    let all = SAID.iter().map(|one| {
        let mut values = values.remove(one.entity).unwrap_or_default();
        values.sort_by(f64::total_cmp);
        (one, values)
    });
    all.collect()
}

fn check_equal(said: &[f64], mut found: Vec<f64>, what: &str) {
    found.sort_by(f64::total_cmp);
    assert_eq!(said.len(), found.len(), "{what}");
    for (said, found) in said.iter().zip(&found) {
        assert!(
            (said - found).abs() < 1e-9 * said.abs(),
            "{what}: {said} and {found}"
        );
    }
}

/// `ioc query range` on the archive.
fn check_archive(data: &Path) {
    for (one, values) in said() {
        let what = format!("{} {}", one.entity, one.measure);
        assert!(values.len() > 50, "{what}: {} values", values.len());
        let args = [
            "query",
            "range",
            one.entity,
            one.measure,
            "--from",
            "2026-11-20T00:00:00Z",
            "--to",
            "2026-11-30T00:00:00Z",
            "--any-quality",
            "--format",
            "json",
            "--data",
        ];
        let text = run(
            binary("ioc"),
            args.into_iter().chain([data.to_str().unwrap()]),
        );
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["series"]["unit"], one.unit, "{what}");
        let points = answer["points"].as_array().unwrap();
        let found = points.iter().map(|point| point["value"].as_f64().unwrap());
        check_equal(&values, found.collect(), &what);
    }
}

/// Grouped by reason, newest first in each, and as many as the ground truth has.
fn check_quarantine(data: &Path, ledger: &Ledger) {
    let list = [
        "quarantine",
        "list",
        "--json",
        "--data",
        data.to_str().unwrap(),
    ];
    let list: Value = serde_json::from_str(&run(binary("ioc"), list)).unwrap();
    let reasons: BTreeMap<&str, u64> = list["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| {
            assert!(!reason["meaning"]["vi"].as_str().unwrap().is_empty());
            (
                reason["code"].as_str().unwrap(),
                reason["total"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(reasons.values().sum::<u64>(), ledger.all.rejects);
    for (fault, code) in [
        ("unknown_device", "device_unknown"),
        ("unknown_topic", "topic_unknown"),
        ("personal_data", "personal_data"),
        ("modbus_exception", "no_values"),
        ("alias_before_birth", "alias_unknown"),
    ] {
        assert_eq!(reasons.get(code), ledger.faults.get(fault), "{reasons:?}");
    }
    // What was personal is gone: nothing of it can be tried again.
    let again = ledger.all.rejects - ledger.faults["personal_data"];
    assert_eq!(list["to_do"], again);
}

fn check_replay(data: &Path) {
    let replay: Value = serde_json::from_str(&journal(data, &["replay", "--json"])).unwrap();
    assert_eq!(replay["identical"], true, "{replay}");
    assert_eq!(replay["to_come"], 0);
}

#[test]
fn every_format_becomes_what_its_ground_truth_says_in_common_units() {
    let folder = Folder::new("mixed-city");
    let ledger = simulators::ledger(scenario());
    check_totals(&demo(folder.path(), &[]), &ledger);
    check_outcomes(&Outcomes::read(folder.path()), &ledger);
    check_archive(folder.path());
    check_quarantine(folder.path(), &ledger);
    check_replay(folder.path());
}

#[test]
fn behind_a_broker_kafka_and_influxdb_have_the_same() {
    let folder = Folder::new("mixed-city-served");
    let influxdb = Influxdb::start(folder.path());
    let kafka = Kafka::start(folder.path());
    let broker = Mosquitto::start(folder.path());
    let bucket = &influxdb.bucket;
    let variables = [
        ("IOC__KAFKA__BROKERS", kafka.topics.brokers.clone()),
        ("IOC__KAFKA__TOPIC_DRILLS", readback::DRILLS.to_owned()),
        ("IOC__INFLUXDB__URL", bucket.url()),
        ("IOC__INFLUXDB__ORG", bucket.org.clone()),
        ("IOC__INFLUXDB__BUCKET", bucket.bucket.clone()),
        ("IOC__INFLUXDB__TOKEN", bucket.token.clone()),
        ("IOC__BROKER__URL", broker.url()),
        ("IOC__BROKER__FILTERS", FILTERS.join(",")),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let data = folder.path().join("data");
    let ledger = simulators::ledger(scenario());
    check_totals(&demo(&data, &variables), &ledger);
    let outcomes = Outcomes::read(&data);
    check_outcomes(&outcomes, &ledger);
    check_archive(&data);
    check_quarantine(&data, &ledger);
    let repeats = readback::check_events(&outcomes, &kafka.topics);
    assert_eq!(repeats, readback::Repeats::default(), "nobody was killed");
    readback::check_drills(&outcomes, &kafka.topics);
    assert!(readback::distinct(&kafka.topics, readback::DRILLS) > 0);
    readback::check_alerts_and_rejects(&outcomes, &kafka.topics);
    readback::check_points(
        &readback::expected_points(&outcomes),
        &readback::points(bucket),
    );
    check_replay(&data);
}
