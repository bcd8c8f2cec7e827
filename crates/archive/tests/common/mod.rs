//! Outcomes made by hand, and a mover as simple as can be.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::{
    Aggregate, Answer, Archive, ArchiveConfig, ArchiveSink, Ask, Filter, Identity, QualityWanted,
    Question, StepHook,
};
use event::outcome::{Cause, OutcomeKind, VERSION, encode_event};
use event::{Event, EventFlags, EventId, Kind, Measured, Quality, Status, Stream, Time, Value};
use journal::{Clock, Id, Stamp};
use pipeline::{Batch, Record, RecordBuffer, Resume, Sink, Verdict};

/// 2024-09-09T00:00:00Z.
pub(crate) const DAY: i64 = 1_725_840_000 * Time::SECOND;
pub(crate) const MINUTE: i64 = 60 * Time::SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;

pub(crate) const IDENTITY: Identity = Identity {
    inputs: Id([1; 16]),
    outcomes: Id([2; 16]),
};

pub(crate) struct Still(pub(crate) i64);

impl Clock for Still {
    fn now(&self) -> Stamp {
        Stamp {
            journal_ns: self.0,
            wall_ns: self.0,
        }
    }
}

pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        // Thousands of small synced files: in memory where there is such a place.
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let path = base.join(format!("ioc-archive-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn config() -> ArchiveConfig {
    ArchiveConfig {
        flush_age_s: 3_600,
        flush_rows: 1_000_000,
        compact_interval_s: 86_400,
        retention_days: archive::RetentionDays {
            disaster: 0,
            energy: 0,
            environment: 0,
            tourism: 0,
            city: 0,
            alerts: 0,
            records: 0,
        },
        ..ArchiveConfig::default()
    }
}

pub(crate) fn reading(entity: &str, observed: i64, values: &[(&str, Value, &str)]) -> Event {
    Event {
        id: EventId(*b"0123456789abcdef"),
        kind: Kind::Reading,
        stream: Stream::Disaster,
        status: Status::Actual,
        site: "lao-cai".into(),
        entity: entity.into(),
        device: format!("dev-{entity}").as_str().into(),
        observed: Time(observed),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: Time(observed + 1_000),
        processed: Time(observed + 2_000),
        sequence: Some(7),
        place: None,
        flags: EventFlags::default(),
        values: values
            .iter()
            .map(|(measure, value, unit)| Measured {
                measure: (*measure).into(),
                value: value.clone(),
                unit: (*unit).into(),
                quality: Quality::GOOD,
            })
            .collect(),
    }
}

pub(crate) fn record(offset: u64, event: &Event) -> Record {
    let mut payload = Vec::new();
    let cause = Cause {
        offset: offset * 2,
        index: 1,
        last: true,
    };
    encode_event(cause, event, &mut payload);
    Record {
        offset,
        kind: OutcomeKind::Event as u8,
        version: VERSION,
        stamp: Stamp {
            journal_ns: event.processed.0,
            wall_ns: event.received.0,
        },
        payload,
    }
}

pub(crate) fn records(events: &[Event]) -> Vec<Record> {
    (0..)
        .zip(events)
        .map(|(offset, event)| record(offset, event))
        .collect()
}

pub(crate) fn batch(records: &[Record]) -> Batch {
    Batch::of_records(RecordBuffer {
        records: records.to_vec(),
    })
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Opens, delivers all records in batches of `batch_records` and closes. Panics unless everything is answered with done.
pub(crate) fn deliver(archive: &Archive, records: &[Record], batch_records: usize) {
    runtime().block_on(async {
        let mut sink = ArchiveSink::new(archive.clone(), Arc::new(Still(DAY))).unwrap();
        let position = records.first().map_or(0, |record| record.offset);
        sink.open(resume(position, false)).await.unwrap();
        let mut answers = Vec::new();
        for records in records.chunks(batch_records) {
            answers.push(sink.submit(batch(records)).await);
        }
        sink.close().await;
        for answer in answers {
            assert!(matches!(answer.await, Verdict::Done { .. }));
        }
    });
}

pub(crate) fn resume(position: u64, again: bool) -> Resume<'static> {
    Resume {
        position,
        note: &[],
        again,
    }
}

pub(crate) fn open(
    folder: &Folder,
    config: &ArchiveConfig,
    hook: Option<StepHook>,
) -> Result<Archive, archive::Error> {
    Archive::open_with(config.clone(), folder.path(), IDENTITY, hook)
}

pub(crate) fn ask(archive: &Archive, ask: Ask) -> Answer {
    question(archive, ask).unwrap_or_else(|problem| panic!("{problem}"))
}

pub(crate) fn question(archive: &Archive, ask: Ask) -> Result<Answer, archive::Problem> {
    let question = Question {
        ask,
        zone: "UTC".into(),
    };
    archive.ask(&question, &|| false)
}

pub(crate) fn range(entity: &str, measure: &str, from: i64, to: i64) -> Ask {
    Ask::Range {
        entity: entity.into(),
        measure: measure.into(),
        from: Time(from),
        to: Time(to),
        interval_ns: None,
        aggregate: Aggregate::Raw,
        quality: QualityWanted::Any,
        drills: true,
        limit: 20_000,
    }
}

pub(crate) fn steps(
    entity: &str,
    measure: &str,
    from: i64,
    to: i64,
    interval_ns: i64,
    aggregate: Aggregate,
) -> Ask {
    Ask::Range {
        entity: entity.into(),
        measure: measure.into(),
        from: Time(from),
        to: Time(to),
        interval_ns: Some(interval_ns),
        aggregate,
        quality: QualityWanted::Good,
        drills: false,
        limit: 20_000,
    }
}

pub(crate) fn catalogue() -> Ask {
    Ask::Catalogue {
        filter: Filter::default(),
        after: None,
        limit: 10_000,
    }
}

pub(crate) fn latest() -> Ask {
    Ask::Latest {
        filter: Filter::default(),
        quality: QualityWanted::Any,
        after: None,
        limit: 10_000,
    }
}

pub(crate) fn json(answer: &Answer) -> serde_json::Value {
    serde_json::to_value(answer).unwrap()
}

/// Everything that the records give back, by offset; fails on a repeat.
pub(crate) fn read_back(archive: &Archive, to: u64) -> BTreeMap<u64, Record> {
    let mut all = BTreeMap::new();
    for buffer in archive.records(None, 0, to) {
        for record in buffer.unwrap().records {
            assert!(
                all.insert(record.offset, record).is_none(),
                "an outcome came twice"
            );
        }
    }
    all
}

pub(crate) fn assert_same(found: &Record, wanted: &Record) {
    assert_eq!(found.offset, wanted.offset);
    assert_eq!((found.kind, found.version), (wanted.kind, wanted.version));
    assert_eq!(found.stamp, wanted.stamp);
    assert_eq!(found.payload, wanted.payload, "offset {}", wanted.offset);
}
