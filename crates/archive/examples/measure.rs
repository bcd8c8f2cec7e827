//! Measures the archive: bytes a point, time a point to write and to merge, and the three questions of the benchmark.
//!
//! `cargo run --release -p archive --example measure -- FOLDER [POINTS] [SERIES]`; the folder is made and left behind.
//! Prints one line of JSON. Readings like a river gauge's: a smooth level with a resolution of a centimetre, a battery
//! voltage, one message every ten seconds with two values.
#![allow(
    clippy::print_stdout,
    reason = "the result of this program is what it prints"
)]
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be made ends")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use archive::{
    Aggregate, Answer, Archive, ArchiveConfig, ArchiveSink, Ask, Filter, Identity, Order,
    QualityWanted, Question,
};
use event::outcome::{Cause, OutcomeKind, VERSION, encode_event};
use event::{Event, EventFlags, EventId, Kind, Measured, Quality, Status, Stream, Time, Value};
use journal::{Clock, Id, Stamp};
use pipeline::{Batch, Record, RecordBuffer, Resume, Sink, Verdict};

const DAY: i64 = 1_725_840_000 * Time::SECOND;
const PERIOD: i64 = 10 * Time::SECOND;
const BATCH: usize = 4_096;

struct Still;

impl Clock for Still {
    fn now(&self) -> Stamp {
        Stamp {
            journal_ns: DAY,
            wall_ns: DAY,
        }
    }
}

/// Numbers that look random and are the same every time.
struct Mixer(u64);

impl Mixer {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

struct Source {
    events: Vec<(Event, f64)>,
    mixer: Mixer,
    offset: u64,
}

impl Source {
    fn new(entities: usize) -> Self {
        let events = (0..entities).map(|at| {
            let name = format!("wl-{at:05}");
            let measured = |measure: &str, unit: &str| Measured {
                measure: measure.into(),
                value: Value::Number(0.0),
                unit: unit.into(),
                quality: Quality::GOOD,
            };
            let event = Event {
                id: EventId([0; 16]),
                kind: Kind::Reading,
                stream: if at % 4 == 0 {
                    Stream::Environment
                } else {
                    Stream::Disaster
                },
                status: Status::Actual,
                site: "lao-cai".into(),
                entity: name.as_str().into(),
                device: name.as_str().into(),
                observed: Time(DAY),
                observed_until: None,
                valid_from: None,
                valid_to: None,
                received: Time(DAY),
                processed: Time(DAY),
                sequence: Some(0),
                place: None,
                flags: EventFlags::default(),
                values: vec![
                    measured("water_level", "m"),
                    measured("battery_voltage", "V"),
                ],
            };
            (event, 80.0 + (at % 17) as f64)
        });
        Self {
            events: events.collect(),
            mixer: Mixer(7),
            offset: 0,
        }
    }

    /// One message of every entity, spread over the period as they would come in.
    fn round(&mut self, round: i64, records: &mut Vec<Record>) {
        let count = self.events.len() as i64;
        for (at, (event, level)) in self.events.iter_mut().enumerate() {
            let random = self.mixer.next();
            *level += ((random % 7) as f64 - 3.0) / 200.0;
            let observed = DAY + round * PERIOD + at as i64 * (PERIOD / count);
            let mut id = [0; 16];
            id[..8].copy_from_slice(&random.to_le_bytes());
            id[8..].copy_from_slice(&self.mixer.next().to_le_bytes());
            event.id = EventId(id);
            // Devices report milliseconds; reception is some tens of milliseconds later, a commit at a time.
            event.observed = Time(observed / 1_000_000 * 1_000_000);
            let received = observed + 40_000_000 + (random % 9_000_000) as i64;
            event.received = Time(received / 2_000_000 * 2_000_000 + 123_457);
            event.processed = Time(event.received.0 + 311);
            event.sequence = Some(round as u64);
            event.values[0].value = Value::Number((*level * 100.0).round() / 100.0);
            event.values[1].value = Value::Number(12.0 + (random >> 32) as f64 % 40.0 / 100.0);
            let cause = Cause {
                offset: self.offset,
                index: 0,
                last: true,
            };
            let mut payload = Vec::with_capacity(128);
            encode_event(cause, event, &mut payload);
            records.push(Record {
                offset: self.offset,
                kind: OutcomeKind::Event as u8,
                version: VERSION,
                stamp: Stamp {
                    journal_ns: event.processed.0,
                    wall_ns: event.received.0,
                },
                payload,
            });
            self.offset += 1;
        }
    }
}

fn cpu_seconds() -> f64 {
    // Fields 14 and 15: user and system time in ticks of 10 ms.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

async fn write(archive: &Archive, points: u64, entities: usize) -> (i64, f64) {
    let mut sink = ArchiveSink::new(archive.clone(), Arc::new(Still)).unwrap();
    let resume = Resume {
        position: 0,
        note: &[],
        again: false,
    };
    sink.open(resume).await.unwrap();
    let mut source = Source::new(entities);
    let (mut round, mut made) = (0, 0.0);
    let mut records = Vec::new();
    let mut last = None;
    while source.offset * 2 < points {
        let before = cpu_seconds();
        source.round(round, &mut records);
        made += cpu_seconds() - before;
        round += 1;
        while records.len() >= BATCH {
            let rest = records.split_off(BATCH);
            let batch = RecordBuffer {
                records: std::mem::replace(&mut records, rest),
            };
            last = Some(sink.submit(Batch::of_records(batch)).await);
        }
    }
    if !records.is_empty() {
        last = Some(
            sink.submit(Batch::of_records(RecordBuffer { records }))
                .await,
        );
    }
    sink.close().await;
    if let Some(last) = last {
        assert!(matches!(last.await, Verdict::Done { .. }));
    }
    (round, made)
}

/// Median and worst of some tries, milliseconds; the first one is told apart.
fn timed(archive: &Archive, tries: usize, ask: impl Fn(usize) -> Ask) -> (f64, f64, f64) {
    let mut all = Vec::new();
    for at in 0..tries {
        let question = Question {
            ask: ask(at),
            zone: "Asia/Ho_Chi_Minh".to_owned(),
        };
        let began = Instant::now();
        let answer = archive.ask(&question, &|| false).unwrap();
        all.push(began.elapsed().as_secs_f64() * 1e3);
        match answer {
            Answer::Range(answer) => {
                assert!(answer.points.iter().any(|point| point.value.is_some()))
            }
            Answer::Latest(answer) => assert!(!answer.latest.is_empty()),
            Answer::Top(answer) => assert_eq!(answer.top.len(), 10),
            Answer::Catalogue(answer) => assert!(!answer.series.is_empty()),
        }
    }
    let first = all[0];
    all.sort_by(f64::total_cmp);
    (first, all[all.len() / 2], all[all.len() - 1])
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap();
    let points: u64 = arguments
        .next()
        .map_or(50_000_000, |text| text.parse().unwrap());
    let series: usize = arguments.next().map_or(5_000, |text| text.parse().unwrap());
    let folder = Path::new(&folder);
    let config = ArchiveConfig {
        compact_interval_s: 86_400,
        ..ArchiveConfig::default()
    };
    let identity = Identity {
        inputs: Id([1; 16]),
        outcomes: Id([2; 16]),
    };
    let archive = Archive::open(config.clone(), folder, identity).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let (rounds, made) = runtime.block_on(write(&archive, points, series / 2));
    let end = DAY + rounds * PERIOD;
    let (write_seconds, write_cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu - made);
    let write_peak = peak_mib();
    let files = archive.size().0;
    let (began, cpu) = (Instant::now(), cpu_seconds());
    // As if the last hour were still running.
    archive.keep(end - PERIOD, &mut || true).unwrap();
    let (merge_seconds, merge_cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let total = archive.size().1;
    let part = |name: &str| folder_bytes(&folder.join(name)) as f64 / points as f64;
    let day = 24 * 3_600 * Time::SECOND;
    let start = Instant::now();
    let archive = Archive::open(config, folder, identity).unwrap();
    let open_ms = start.elapsed().as_secs_f64() * 1e3;
    let mean = timed(&archive, 11, |at| Ask::Range {
        entity: format!("wl-{:05}", at * 191 % (series / 2)),
        measure: "water_level".to_owned(),
        from: Time(end - day),
        to: Time(end),
        interval_ns: Some(600 * Time::SECOND),
        aggregate: Aggregate::Mean,
        quality: QualityWanted::Good,
        drills: false,
        limit: 1_000,
    });
    let latest = timed(&archive, 11, |_| Ask::Latest {
        filter: Filter::default(),
        quality: QualityWanted::Good,
        after: None,
        limit: 1_000,
    });
    let top = timed(&archive, 5, |_| Ask::Top {
        measure: "water_level".to_owned(),
        stream: None,
        from: Time(end - 3_600 * Time::SECOND),
        to: Time(end),
        aggregate: Aggregate::Max,
        order: Order::Highest,
        quality: QualityWanted::Good,
        n: 10,
    });
    println!(
        "{}",
        serde_json::json!({
            "points": points, "series": series, "hours": rounds * 10 / 3600,
            "files_before": files, "files_after": archive.size().0, "bytes_per_point": total as f64 / points as f64,
            "points_bytes_per_point": part("points"), "records_bytes_per_point": part("records"),
            "write_us_per_point": write_cpu * 1e6 / points as f64, "write_wall_s": write_seconds,
            "merge_us_per_point": merge_cpu * 1e6 / points as f64, "merge_wall_s": merge_seconds,
            "peak_mib_writing": write_peak, "peak_mib": peak_mib(), "open_ms": open_ms,
            "mean_10min_day_ms": {"first": mean.0, "median": mean.1, "worst": mean.2},
            "latest_1000_ms": {"first": latest.0, "median": latest.1, "worst": latest.2},
            "top10_hour_ms": {"first": top.0, "median": top.1, "worst": top.2},
        })
    );
}
