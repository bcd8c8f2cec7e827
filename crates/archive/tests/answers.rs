//! What is asked is answered, the same from memory, from files, after merging and after a start.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use archive::{Aggregate, Archive, Ask, Filter, Format, Order, ProblemCode, QualityWanted, render};
use common::{
    DAY, Folder, HOUR, MINUTE, ask, config, deliver, json, open, range, reading, records, steps,
};
use event::{Event, Quality, Status, Stream, Time, Value};
use proptest::prelude::*;
use serde_json::json;

fn number(value: f64) -> Value {
    Value::Number(value)
}

/// One gauge over six hours, every ten minutes, with a gap of an hour, a bad value and a drill.
fn gauge() -> Vec<Event> {
    let mut events = Vec::new();
    for at in 0..36_i64 {
        if (12..18).contains(&at) {
            continue;
        }
        let mut event = reading(
            "wl-1",
            DAY + at * 10 * MINUTE,
            &[("level", number(80.0 + at as f64), "m")],
        );
        if at == 3 {
            event.values[0].quality = Quality::SENSOR_FAULT;
        }
        if at == 4 {
            event.status = Status::Exercise;
        }
        events.push(event);
    }
    events
}

#[test]
fn a_range_has_unit_quality_and_zone_and_leaves_out_what_may_not_be_trusted() {
    let folder = Folder::new("range");
    let archive = open(&folder, &config(), None).unwrap();
    deliver(&archive, &records(&gauge()), 7);
    let mut question = steps("wl-1", "level", DAY, DAY + 6 * HOUR, HOUR, Aggregate::Mean);
    let answer = json(&ask(&archive, question.clone()));
    assert_eq!(
        answer["series"],
        json!({"site": "lao-cai", "entity": "wl-1", "measure": "level", "unit": "m", "stream": "disaster"})
    );
    assert_eq!(answer["zone"], "UTC");
    assert_eq!(answer["interval_seconds"], 3600.0);
    let points = answer["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    // The bad value and the drill do not count: (80 + 81 + 82 + 85) / 4.
    assert_eq!(
        points[0],
        json!({"time": "2024-09-09T00:00:00+00:00", "value": 82.0, "quality": [], "count": 4, "min": 80.0, "max": 85.0})
    );
    assert_eq!(
        points[2],
        json!({"time": "2024-09-09T02:00:00+00:00", "value": null, "quality": [], "count": 0})
    );
    if let Ask::Range {
        quality,
        drills,
        aggregate,
        ..
    } = &mut question
    {
        (*quality, *drills, *aggregate) = (QualityWanted::Any, true, Aggregate::Max);
    }
    let answer = json(&ask(&archive, question));
    assert_eq!(answer["points"][0]["count"], 6);
    assert_eq!(answer["points"][0]["quality"], json!(["sensor_fault"]));
    for (aggregate, value) in [
        (Aggregate::Min, 80.0),
        (Aggregate::Last, 85.0),
        (Aggregate::Count, 4.0),
    ] {
        let answer = json(&ask(
            &archive,
            steps("wl-1", "level", DAY, DAY + HOUR, HOUR, aggregate),
        ));
        assert_eq!(answer["points"][0]["value"], value, "{aggregate:?}");
    }
}

#[test]
fn days_begin_at_midnight_of_the_zone() {
    let folder = Folder::new("zone");
    let archive = open(&folder, &config(), None).unwrap();
    deliver(&archive, &records(&gauge()), 100);
    let question = archive::Question {
        ask: steps(
            "wl-1",
            "level",
            DAY,
            DAY + 6 * HOUR,
            24 * HOUR,
            Aggregate::Count,
        ),
        zone: "Asia/Ho_Chi_Minh".into(),
    };
    let answer = json(&archive.ask(&question, &|| false).unwrap());
    assert_eq!(answer["points"][0]["time"], "2024-09-09T00:00:00+07:00");
    assert_eq!(answer["points"][0]["value"], 28.0);
    assert_eq!(answer["from"], "2024-09-09T07:00:00+07:00");
    let wrong = archive::Question {
        zone: "Atlantis".into(),
        ..question
    };
    assert_eq!(
        archive.ask(&wrong, &|| false).unwrap_err().code,
        ProblemCode::BadQuestion
    );
}

#[test]
fn raw_points_come_page_by_page() {
    let folder = Folder::new("pages");
    let archive = open(&folder, &config(), None).unwrap();
    // Half in files, half in memory: the second sink is left open.
    let all = records(&gauge());
    deliver(&archive, &all[..15], 4);
    common::runtime().block_on(async {
        use pipeline::Sink;
        let clock = std::sync::Arc::new(common::Still(DAY));
        let mut sink = archive::ArchiveSink::new(archive.clone(), clock).unwrap();
        sink.open(common::resume(15, false)).await.unwrap();
        let _answer = sink.submit(common::batch(&all[15..])).await;
        // Opening again waits for what was submitted before; nothing has failed, so nothing is given up.
        sink.open(common::resume(15, true)).await.unwrap();
        let mut from = DAY;
        let mut times = Vec::new();
        loop {
            let mut question = range("wl-1", "level", from, DAY + 6 * HOUR);
            if let Ask::Range { limit, .. } = &mut question {
                *limit = 4;
            }
            let page = json(&ask(&archive, question));
            let points = page["points"].as_array().unwrap();
            assert!(points.len() <= 4);
            times.extend(
                points
                    .iter()
                    .map(|point| point["time"].as_str().unwrap().to_owned()),
            );
            assert_eq!(
                page["truncated"].as_bool().unwrap(),
                page.get("next").is_some()
            );
            match page.get("next").and_then(serde_json::Value::as_str) {
                Some(next) => from = Time::parse(next).unwrap().0,
                None => break,
            }
        }
        assert_eq!(times.len(), 30);
        assert!(times.is_sorted());
        let catalogue = json(&ask(&archive, common::catalogue()));
        assert_eq!(catalogue["series"][0]["points"], 30);
        let latest = json(&ask(&archive, common::latest()));
        assert_eq!(latest["latest"][0]["value"], 115.0);
    });
}

#[test]
fn what_is_too_big_says_how_to_narrow_it() {
    let folder = Folder::new("big");
    let mut config = config();
    config.query.rows_max = 10_000;
    config.query.files_max = 2;
    let archive = open(&folder, &config, None).unwrap();
    deliver(&archive, &records(&gauge()), 100);
    let refused = |ask: Ask| common::question(&archive, ask).unwrap_err();
    let problem = refused(steps(
        "wl-1",
        "level",
        DAY,
        DAY + 365 * 24 * HOUR,
        1,
        Aggregate::Mean,
    ));
    assert_eq!(problem.code, ProblemCode::TooBig);
    assert!(
        problem.detail.en.contains("at least 1577 s"),
        "{}",
        problem.detail.en
    );
    let problem = refused(range("wl-1", "level", DAY, DAY + 6 * HOUR));
    assert_eq!(problem.code, ProblemCode::TooBig);
    assert!(problem.detail.en.contains("shorter span") && problem.detail.vi.contains("ngắn hơn"));
    let mut question = range("wl-1", "level", DAY, DAY + HOUR);
    if let Ask::Range { limit, .. } = &mut question {
        *limit = 1_000_000;
    }
    assert_eq!(refused(question).code, ProblemCode::TooBig);
    assert_eq!(
        refused(range("wl-1", "level", DAY, DAY)).code,
        ProblemCode::BadQuestion
    );
    assert_eq!(
        refused(range("wl-2", "level", DAY, DAY + 1)).code,
        ProblemCode::Unknown
    );
    assert_eq!(
        refused(steps("wl-1", "level", DAY, DAY + 1, 0, Aggregate::Mean)).code,
        ProblemCode::BadQuestion
    );
    let question = archive::Question {
        ask: range("wl-1", "level", DAY, DAY + HOUR),
        zone: "UTC".into(),
    };
    assert_eq!(
        archive.ask(&question, &|| true).unwrap_err().code,
        ProblemCode::Stopped
    );
}

#[test]
fn codes_and_booleans_are_answered_as_what_they_are() {
    let folder = Folder::new("codes");
    let archive = open(&folder, &config(), None).unwrap();
    let events: Vec<Event> = (0..4_i64)
        .map(|at| {
            let door = if at < 2 { "open" } else { "closed, \"locked\"" };
            let values = [
                ("door", Value::Code(door.into()), ""),
                ("wet", Value::Boolean(at > 0), ""),
            ];
            reading("gate", DAY + at * MINUTE, &values)
        })
        .collect();
    deliver(&archive, &records(&events), 10);
    let last = json(&ask(
        &archive,
        steps("gate", "door", DAY, DAY + HOUR, HOUR, Aggregate::Last),
    ));
    assert_eq!(last["points"][0]["value"], "closed, \"locked\"");
    let refused = common::question(
        &archive,
        steps("gate", "door", DAY, DAY + HOUR, HOUR, Aggregate::Mean),
    );
    assert_eq!(refused.unwrap_err().code, ProblemCode::BadQuestion);
    let wet = json(&ask(&archive, range("gate", "wet", DAY, DAY + HOUR)));
    assert_eq!(wet["points"][0]["value"], false);
    let share = json(&ask(
        &archive,
        steps("gate", "wet", DAY, DAY + HOUR, HOUR, Aggregate::Mean),
    ));
    assert_eq!(share["points"][0]["value"], 0.75);
    let mut csv = Vec::new();
    render(
        &ask(&archive, range("gate", "door", DAY, DAY + HOUR)),
        Format::Csv,
        &mut csv,
    )
    .unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(
        csv.starts_with("entity,measure,unit,time,value,quality,status\n"),
        "{csv}"
    );
    assert!(
        csv.contains(
            "gate,door,,2024-09-09T00:02:00+00:00,\"closed, \"\"locked\"\"\",good,actual\n"
        ),
        "{csv}"
    );
    let mut parquet = Vec::new();
    render(
        &ask(&archive, range("gate", "door", DAY, DAY + HOUR)),
        Format::Parquet,
        &mut parquet,
    )
    .unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let mut lines = Vec::new();
    let export = archive::Export {
        from: Time(DAY),
        to: Time(DAY + HOUR),
        stream: None,
        entity: None,
        measure: None,
        format: archive::ExportFormat::JsonLines,
    };
    assert_eq!(archive.export(&export, &mut lines, &|| false).unwrap(), 8);
    assert_eq!(String::from_utf8(lines).unwrap().lines().count(), 8);
}

/// Events of a few entities in any order, within two days, some late, some bad, some of a drill.
fn some_events() -> impl Strategy<Value = Vec<Event>> {
    let event = (
        0..6_u8,
        0..3_u8,
        0..2 * 24 * 60_i64,
        -1_000..1_000_i32,
        0..10_u8,
    );
    proptest::collection::vec(event, 1..120).prop_map(|parts| {
        let mut taken = std::collections::BTreeSet::new();
        parts
            .into_iter()
            // An entity has one event at a time: the fold sees to it.
            .filter(|(entity, _, minute, _, _)| taken.insert((*entity, *minute)))
            .map(|(entity, stream, minute, value, odd)| {
                let values = [
                    ("a", number(f64::from(value) / 4.0), "m"),
                    ("b", number(f64::from(value)), "1"),
                ];
                let mut event = reading(&format!("e{entity}"), DAY + minute * MINUTE, &values);
                event.stream = [Stream::Disaster, Stream::Energy, Stream::Tourism]
                    [usize::from(entity % 3).min(usize::from(stream))];
                if odd == 0 {
                    event.values[0].quality = Quality::OUT_OF_RANGE;
                }
                if odd == 1 {
                    event.status = Status::Test;
                }
                event
            })
            .collect()
    })
}

fn everything(archive: &Archive) -> Vec<serde_json::Value> {
    let mut asks = vec![common::catalogue(), common::latest()];
    for entity in 0..6 {
        let entity = format!("e{entity}");
        asks.push(range(&entity, "a", DAY, DAY + 48 * HOUR));
        asks.push(steps(
            &entity,
            "b",
            DAY,
            DAY + 48 * HOUR,
            3 * HOUR,
            Aggregate::Mean,
        ));
        asks.push(steps(
            &entity,
            "a",
            DAY + 7 * MINUTE,
            DAY + 40 * HOUR,
            70 * MINUTE,
            Aggregate::Last,
        ));
    }
    for (aggregate, order) in [
        (Aggregate::Max, Order::Highest),
        (Aggregate::Mean, Order::Lowest),
        (Aggregate::Last, Order::Highest),
    ] {
        asks.push(Ask::Top {
            measure: "a".into(),
            stream: None,
            from: Time(DAY + 90 * MINUTE),
            to: Time(DAY + 30 * HOUR),
            aggregate,
            order,
            quality: QualityWanted::Good,
            n: 4,
        });
    }
    asks.into_iter()
        .map(|ask| match common::question(archive, ask) {
            Ok(answer) => json(&answer),
            Err(problem) => json!({"problem": problem.detail.en}),
        })
        .collect()
}

fn same(archive: &[serde_json::Value], wanted: &[serde_json::Value]) {
    for (found, wanted) in archive.iter().zip(wanted) {
        assert_eq!(found, wanted);
    }
    assert_eq!(archive.len(), wanted.len());
}

/// What the raw answers must be, from the events themselves.
fn expected(events: &[Event], entity: &str) -> Vec<(String, f64)> {
    let mut points: Vec<_> = events
        .iter()
        .filter(|event| &*event.entity == entity)
        .map(|event| match event.values[0].value {
            Value::Number(number) => (event.observed.0, number),
            Value::Boolean(_) | Value::Code(_) => unreachable!(),
        })
        .collect();
    points.sort_by_key(|(time, _)| *time);
    points
        .into_iter()
        .map(|(time, value)| (Time(time).to_string().replace('Z', "+00:00"), value))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 50, ..ProptestConfig::with_cases(10) })]
    #[test]
    fn answers_are_the_same_from_memory_files_merged_files_and_a_lost_index(events in some_events(), rows in 10..80_usize) {
        let all = records(&events);
        let in_memory = {
            let folder = Folder::new("memory");
            let archive = open(&folder, &config(), None).unwrap();
            common::runtime().block_on(async {
                use pipeline::Sink;
                let clock = std::sync::Arc::new(common::Still(DAY));
                let mut sink = archive::ArchiveSink::new(archive.clone(), clock).unwrap();
                sink.open(common::resume(0, false)).await.unwrap();
                let _answer = sink.submit(common::batch(&all)).await;
                sink.open(common::resume(0, true)).await.unwrap();
                assert_eq!(archive.size().0, 0, "nothing is in a file yet");
                everything(&archive)
            })
        };
        let folder = Folder::new("files");
        let config = archive::ArchiveConfig { flush_rows: rows, compact_files: 3, ..config() };
        let archive = open(&folder, &config, None).unwrap();
        deliver(&archive, &all, 5);
        same(&everything(&archive), &in_memory);
        archive.keep(DAY + 3 * HOUR, &mut || true).unwrap();
        same(&everything(&archive), &in_memory);
        let before = archive.size().0;
        archive.keep(DAY + 80 * HOUR, &mut || true).unwrap();
        prop_assert!(archive.size().0 <= before);
        same(&everything(&archive), &in_memory);
        drop(archive);
        same(&everything(&open(&folder, &config, None).unwrap()), &in_memory);
        std::fs::write(folder.path().join("series.index"), b"IOCSERI\x01nonsense").unwrap();
        same(&everything(&Archive::read_only(config.clone(), folder.path()).unwrap()), &in_memory);
        for entity in 0..6 {
            let entity = format!("e{entity}");
            let wanted = expected(&events, &entity);
            let answer = common::question(&open(&folder, &config, None).unwrap(), range(&entity, "a", DAY, DAY + 48 * HOUR));
            let found: Vec<_> = answer.map_or(Vec::new(), |answer| {
                json(&answer)["points"].as_array().unwrap().iter()
                    .map(|point| (point["time"].as_str().unwrap().to_owned(), point["value"].as_f64().unwrap()))
                    .collect()
            });
            prop_assert_eq!(found, wanted);
        }
    }
}

#[test]
fn what_is_over_its_time_goes_and_the_rest_stays() {
    let folder = Folder::new("retention");
    let mut config = config();
    config.retention_days.disaster = 2;
    config.retention_days.records = 1;
    let archive = open(&folder, &config, None).unwrap();
    let old = reading("old", DAY, &[("a", number(1.0), "m")]);
    let new = reading("new", DAY + 60 * HOUR, &[("a", number(2.0), "m")]);
    let first = records(&[old]);
    deliver(&archive, &first, 1);
    deliver(&archive, &[common::record(1, &new)], 1);
    archive.keep(DAY + 61 * HOUR, &mut || true).unwrap();
    let catalogue = json(&ask(&archive, common::catalogue()));
    assert_eq!(catalogue["series"].as_array().unwrap().len(), 1);
    assert_eq!(catalogue["series"][0]["entity"], "new");
    assert_eq!(archive.missing_records(None, 0, 2), [(0, 1)]);
    // The newest file of records stays whatever its age: it says how far the archive got.
    archive.keep(DAY + 600 * HOUR, &mut || true).unwrap();
    assert_eq!(archive.missing_records(None, 0, 2), [(0, 1)]);
    assert_eq!(open(&folder, &config, None).unwrap().position(), 2);
    let filter = Filter {
        stream: Some(Stream::Energy),
        ..Filter::default()
    };
    let none = json(&ask(
        &archive,
        Ask::Catalogue {
            filter,
            after: None,
            limit: 5,
        },
    ));
    assert_eq!(none["series"], json!([]));
}

#[test]
fn files_taken_out_of_records_are_told_and_nothing_is_removed() {
    let folder = Folder::new("incomplete");
    let config = archive::ArchiveConfig {
        flush_rows: 5,
        ..config()
    };
    let archive = open(&folder, &config, None).unwrap();
    deliver(&archive, &records(&gauge()), 5);
    let files = archive.size().0;
    drop(archive);
    std::fs::remove_dir_all(folder.path().join("records")).unwrap();
    let error = open(&folder, &config, None).err().unwrap();
    assert!(error.to_string().contains("records"), "{error}");
    let reader = Archive::read_only(config, folder.path()).unwrap();
    assert!(reader.size().0 > files / 2);
}
