//! What stands in the files for whoever reads them without us.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use std::path::{Path, PathBuf};

use common::{DAY, Folder, HOUR, MINUTE, config, deliver, open, reading};
use event::outcome::{Cause, OutcomeKind, VERSION, encode_copy, encode_transition};
use event::{
    Alert, AlertId, AlertState, Change, Evidence, Quality, Severity, Status, Stream, Text, Time,
    Transition, Value,
};
use journal::Stamp;
use journal::inputs::Configuration;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use pipeline::Record;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn json(row: &Row) -> serde_json::Value {
    let columns = row.get_column_iter().map(|(name, field)| {
        let value = if let Field::Null = field {
            serde_json::Value::Null
        } else if let Field::Int(number) = field {
            (*number).into()
        } else if let Field::Long(number) = field {
            (*number).into()
        } else if let Field::Double(number) = field {
            (*number).into()
        } else if let Field::Str(text) = field {
            text.as_str().into()
        } else if let Field::Bytes(bytes) = field {
            let hex: String = bytes
                .data()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            hex.into()
        } else {
            field.to_string().into()
        };
        (name.clone(), value)
    });
    columns.collect::<serde_json::Map<_, _>>().into()
}

/// The rows of every file of a table as JSON, with the folder they are in.
fn rows(folder: &Folder, table: &str) -> Vec<(String, serde_json::Value)> {
    let root = folder.path().join(table);
    let mut paths = Vec::new();
    files(&root, &mut paths);
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let place = path
            .parent()
            .unwrap()
            .strip_prefix(&root)
            .unwrap()
            .display()
            .to_string();
        for row in reader.get_row_iter(None).unwrap() {
            let row: Row = row.unwrap();
            all.push((place.clone(), json(&row)));
        }
    }
    all
}

fn other(offset: u64, kind: OutcomeKind, at: i64, payload: Vec<u8>) -> Record {
    Record {
        offset,
        kind: kind as u8,
        version: VERSION,
        stamp: Stamp {
            journal_ns: at,
            wall_ns: at + 5,
        },
        payload,
    }
}

const CAUSE: Cause = Cause {
    offset: 40,
    index: 2,
    last: true,
};

fn transition(at: i64) -> Transition {
    Transition {
        change: Change::Raised,
        by: None,
        command_id: None,
        alert: Alert {
            id: AlertId("flood:wl-1:x-1".into()),
            rule: "flood".into(),
            severity: Severity::Critical,
            status: Status::Actual,
            stream: Stream::Disaster,
            site: "lao-cai".into(),
            entity: "wl-1".into(),
            entity_name: Text::default(),
            area: None,
            area_name: None,
            lat: None,
            lon: None,
            state: AlertState::Unacknowledged,
            revision: 3,
            since: Time(at - MINUTE),
            raised: Time(at),
            changed: Time(at),
            returned: None,
            acknowledged: None,
            shelved: None,
            comments: Vec::new(),
            occurrences: 1,
            episodes: Vec::new(),
            rating: event::Rating::default(),
            handling: event::Handling::default(),
            incident: None,
            retrospective: false,
            measure: Some("level".into()),
            value: Some(84.5),
            unit: Some("m".into()),
            message: Text {
                vi: "Lũ trên báo động 3".into(),
                en: "Flood above alarm 3".into(),
            },
            guidance: Text::default(),
            scale: Vec::new(),
            unofficial: true,
            evidence: Evidence {
                rule: "flood".into(),
                rule_version: 1,
                condition: "level > 83.5".into(),
                hold_seconds: 0,
                values: Vec::new(),
                limits: Vec::new(),
                last_heard: None,
                windows: Vec::new(),
                considered: Vec::new(),
            },
        },
    }
}

fn configuration(digest: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let configuration = Configuration {
        name: "site",
        sha256: [digest; 32],
        content: b"pack",
    };
    configuration.encode(&mut bytes);
    let mut payload = Vec::new();
    encode_copy(CAUSE, &bytes, &mut payload);
    payload
}

#[test]
fn rows_say_where_they_come_from_and_which_configuration_was_in_force() {
    let folder = Folder::new("tables");
    let event = |at: i64| {
        let mut event = reading(
            "wl-1",
            DAY + 13 * HOUR + at * MINUTE,
            &[("level", Value::Number(84.5), "m")],
        );
        event.values[0].quality = Quality::MAINTENANCE;
        event
    };
    let mut raised = Vec::new();
    encode_transition(CAUSE, &transition(DAY + 25 * HOUR), &mut raised).unwrap();
    let archive = open(&folder, &config(), None).unwrap();
    let first = [
        common::record(0, &event(0)),
        other(1, OutcomeKind::ConfigurationCopy, DAY, configuration(0xab)),
        common::record(2, &event(1)),
        other(3, OutcomeKind::Transition, DAY + 25 * HOUR, raised),
    ];
    deliver(&archive, &first, 2);
    drop(archive);
    // A new process goes on with the configuration that was in force.
    let archive = open(&folder, &config(), None).unwrap();
    deliver(&archive, &[common::record(4, &event(2))], 1);

    let points = rows(&folder, "points");
    let packs: Vec<_> = points.iter().map(|(_, row)| row["pack"].clone()).collect();
    assert_eq!(
        packs,
        [
            serde_json::Value::Null,
            "ab".repeat(32).into(),
            "ab".repeat(32).into()
        ]
    );
    let (place, row) = &points[1];
    assert_eq!(place, "stream=disaster/date=2024-09-09/hour=13");
    assert_eq!(row["event_id"], "30313233343536373839616263646566");
    assert_eq!(
        (&row["entity"], &row["device"]),
        (&"wl-1".into(), &"dev-wl-1".into())
    );
    assert_eq!(
        (&row["value"], &row["unit"], &row["quality"]),
        (&84.5.into(), &"m".into(), &2.into())
    );
    assert_eq!(
        (&row["status"], &row["site"]),
        (&"actual".into(), &"lao-cai".into())
    );
    assert_eq!(
        (&row["offset"], &row["index"], &row["outcome_offset"]),
        (&4.into(), &1.into(), &2.into())
    );
    assert_eq!(row["journal_id"], "01".repeat(16));

    let alerts = rows(&folder, "alerts");
    assert_eq!(alerts.len(), 1);
    let (place, row) = &alerts[0];
    assert_eq!(place, "date=2024-09-10");
    assert_eq!(
        (&row["change"], &row["severity"], &row["state"]),
        (
            &"raised".into(),
            &"critical".into(),
            &"unacknowledged".into()
        )
    );
    assert_eq!(
        (&row["value"], &row["returned"]),
        (&84.5.into(), &serde_json::Value::Null)
    );
    assert_eq!(row["message_vi"], "Lũ trên báo động 3");

    let kinds: Vec<_> = rows(&folder, "records")
        .into_iter()
        .map(|(_, row)| row["kind"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            "event",
            "configuration_copy",
            "event",
            "transition",
            "event"
        ]
    );
}
