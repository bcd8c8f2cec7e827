//! CPU a line: `cargo run --release -p influxdb --example influxdb_cost [URL ORG BUCKET TOKEN [CA_FILE]]`.
//!
//! Without a server: the encoder alone, and with gzip. With one: a million lines through the whole sink.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement on the command line"
)]

use std::time::Instant;

use event::outcome::{self, Cause, OutcomeKind, VERSION};
use event::{
    Event, EventFlags, EventId, Kind, Measured, Place, Quality, Status, Stream, Time, Value,
};
use influxdb::line::Columns;
use influxdb::{InfluxConfig, InfluxSink, Lines};
use pipeline::{Batch, Record, RecordBuffer, Resume, Sink, Verdict};

const LINES: u64 = 5_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let batches: Vec<_> = (0..20).map(batch).collect();
    for event_id in [false, true] {
        alone(
            &batches,
            Columns {
                event_id,
                device: true,
            },
        );
    }
    if let [url, org, bucket, token, rest @ ..] = &arguments[..] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        for (gzip, event_id) in [(true, false), (false, false), (true, true)] {
            let config = InfluxConfig {
                url: url.clone(),
                org: org.clone(),
                bucket: bucket.clone(),
                token: token.clone().into(),
                ca_file: rest.first().map(Into::into).unwrap_or_default(),
                gzip,
                event_id,
                ..InfluxConfig::default()
            };
            runtime.block_on(whole(&batches, config));
        }
    }
}

/// 205-byte readings of 1,000 devices, with three decimals; every instant new.
fn batch(number: u64) -> Batch {
    let record = |index: u64| {
        let offset = number * LINES + index;
        let entity = format!("sub-{:04}", offset % 1_000);
        let observed = 1_725_840_000_000_000_000 + (offset as i64) * 1_000_003;
        let value = |measure: &str, unit: &str, number: f64| Measured {
            measure: measure.into(),
            value: Value::Number((number * 1_000.0).round() / 1_000.0),
            unit: unit.into(),
            quality: Quality::GOOD,
        };
        let drift = (offset as f64 / 700.0).sin();
        let id = (u128::from(offset) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let event = Event {
            id: EventId(id.to_be_bytes()),
            kind: Kind::Reading,
            stream: Stream::Energy,
            status: Status::Actual,
            site: "lao-cai".into(),
            entity: entity.as_str().into(),
            device: format!("meter-{:04}", offset % 1_000).into(),
            observed: Time(observed),
            observed_until: None,
            valid_from: None,
            valid_to: None,
            received: Time(observed),
            processed: Time(observed),
            sequence: Some(offset),
            place: Some(Place {
                area: Some("02647".into()),
                lat: 22.48,
                lon: 103.97,
            }),
            flags: EventFlags::default(),
            values: vec![
                value("active_power", "kW", 350.0 + 120.0 * drift),
                value("voltage", "V", 22_000.0 + 150.0 * drift),
                value("frequency", "Hz", 50.0 + 0.04 * drift),
            ],
        };
        let cause = Cause {
            offset,
            index: 0,
            last: true,
        };
        let mut payload = Vec::new();
        outcome::encode_event(cause, &event, &mut payload);
        Record {
            offset,
            kind: OutcomeKind::Event as u8,
            version: VERSION,
            stamp: journal::Stamp {
                journal_ns: observed,
                wall_ns: observed,
            },
            payload,
        }
    };
    Batch::of_records(RecordBuffer {
        records: (0..LINES).map(record).collect(),
    })
}

fn alone(batches: &[Batch], columns: Columns) {
    const ROUNDS: usize = 40;
    let mut lines = Lines::default();
    let count = (ROUNDS * batches.len()) as f64 * LINES as f64;
    for gzip in [false, true] {
        let mut bytes = 0;
        let from = cpu_seconds();
        for batch in std::iter::repeat_n(batches, ROUNDS).flatten() {
            lines.fill(batch, columns);
            bytes += if gzip {
                lines.body(true).unwrap().len()
            } else {
                lines.text().len()
            };
        }
        println!(
            "encoder gzip={gzip} event_id={}: {:.3} us CPU a line, {:.0} bytes a line",
            columns.event_id,
            (cpu_seconds() - from) / count * 1e6,
            bytes as f64 / count
        );
    }
}

async fn whole(batches: &[Batch], config: InfluxConfig) {
    let mut sink = InfluxSink::new(&config).unwrap();
    let start = Resume {
        position: 0,
        note: &[],
        again: false,
    };
    sink.open(start).await.unwrap();
    let (cpu, from) = (cpu_seconds(), Instant::now());
    let mut count = 0;
    for _ in 0..10 {
        for pair in batches.chunks(2) {
            let mut completions = Vec::new();
            for batch in pair {
                completions.push(tokio::spawn(sink.submit(batch.clone()).await));
                count += LINES;
            }
            for completion in completions {
                let verdict = completion.await.unwrap();
                assert!(
                    matches!(&verdict, Verdict::Done { refused } if refused.is_empty()),
                    "{verdict:?}"
                );
            }
        }
    }
    let (cpu, wall) = (cpu_seconds() - cpu, from.elapsed().as_secs_f64());
    println!(
        "whole sink gzip={} event_id={}: {:.3} us CPU a line, {:.0} lines a second",
        config.gzip,
        config.event_id,
        cpu / count as f64 * 1e6,
        count as f64 / wall
    );
}

/// Of this process, all threads, user and system.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}
