//! Time a message of each format, bytes to events, beside a native one: over the good cases of `tests/formats`, one after the other, in a
//! normalizer that knows their devices.
//!
//! `cargo run -p normalize --release --example format_cost -- CRATE_FOLDER PACK_FOLDER` prints one JSON object:
//! `{"formats": [{"format": "senml", "messages": 33, "events": 60, "bytes": 210, "ns": 5300, "ratio": 6.1}, …]}`.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use event::{JournalId, PackFiles, Time};
use normalize::{Catalogue, Input, Normalized, Normalizer, State};
use serde::Serialize;
use serde_json::Value;

const ROUNDS: usize = 60;

struct Message {
    topic: String,
    content_type: String,
    payload: Vec<u8>,
    received: Time,
}

#[derive(Serialize)]
struct Row {
    format: String,
    messages: usize,
    events: usize,
    /// Of a payload, in the mean.
    bytes: usize,
    /// Of a message, in the mean.
    ns: f64,
    /// To the native format's.
    ratio: f64,
}

#[derive(Serialize)]
struct Table {
    formats: Vec<Row>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let crate_folder = arguments
        .next()
        .unwrap_or_else(|| "crates/normalize".into());
    let pack_folder = arguments
        .next()
        .unwrap_or_else(|| "deploy/sites/lao-cai".into());
    let mut files = PackFiles::default();
    read(&pack_folder, "", &mut files)?;
    let catalogue = Catalogue::load(&files).map_err(|mistakes| format!("{mistakes:?}"))?;
    let catalogue = Arc::new(catalogue);
    let native = cost(&catalogue, "native".to_owned(), &native(), None)?;
    let unit = native.ns;
    let mut formats = vec![native];
    let mut folders: Vec<PathBuf> = fs::read_dir(crate_folder.join("tests/formats"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let name = folder.file_name().and_then(|name| name.to_str());
        let name = name.ok_or("a folder's name")?.to_owned();
        formats.push(cost(&catalogue, name, &good_cases(folder)?, Some(unit))?);
    }
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &Table { formats })?;
    writeln!(out)?;
    Ok(())
}

/// The best of the rounds; each begins with what was known after the pool went through once, without what was seen.
fn cost(
    catalogue: &Arc<Catalogue>,
    format: String,
    pool: &[Message],
    unit: Option<f64>,
) -> Result<Row, Box<dyn Error>> {
    let mut normalizer = Normalizer::new(Arc::clone(catalogue));
    run(&mut normalizer, pool);
    let mut state = serde_json::to_value(normalizer.save())?;
    for memory in state["devices"].as_array_mut().ok_or("devices")? {
        memory[1]["ids"] = Value::Array(Vec::new());
        memory[1]["newest_stamp"] = i64::MIN.into();
        memory[1]["newest_sequence"] = Value::Null;
    }
    let mut best = f64::MAX;
    let mut events = 0;
    for _ in 0..ROUNDS {
        let state: State = serde_json::from_value(state.clone())?;
        let mut normalizer =
            Normalizer::restore(Arc::clone(catalogue), state).ok_or("another form")?;
        let start = Instant::now();
        events = run(&mut normalizer, pool);
        best = best.min(start.elapsed().as_nanos() as f64);
    }
    let messages = pool.len().max(1);
    let ns = best / messages as f64;
    Ok(Row {
        format,
        messages,
        events,
        bytes: pool
            .iter()
            .map(|message| message.payload.len())
            .sum::<usize>()
            / messages,
        ns,
        ratio: ns / unit.unwrap_or(ns),
    })
}

fn run(normalizer: &mut Normalizer, pool: &[Message]) -> usize {
    let mut out = Vec::with_capacity(64);
    let mut events = 0;
    for (message, offset) in pool.iter().zip(0_u64..) {
        let input = Input {
            journal: JournalId([7; 16]),
            offset,
            journal_time: message.received,
            wall_time: message.received,
            client: "gateway-1",
            session: 1,
            packet_id: 1,
            qos: 0,
            dup: false,
            retain: false,
            from_broker: false,
            reprocessed: false,
            content_type: &message.content_type,
            topic: &message.topic,
            payload: &message.payload,
            oversize: None,
        };
        normalizer.apply(&input, &mut out);
        let is_event = |result: &&Normalized| matches!(result, Normalized::Event(_));
        events += black_box(&out).iter().filter(is_event).count();
        out.clear();
    }
    events
}

fn native() -> Vec<Message> {
    let received = Time::from_seconds(1_795_316_646);
    let message = |number: u32| Message {
        topic: format!("ioc/lao-cai/env/aqm-{number:04}/up"),
        content_type: String::new(),
        payload: format!(
            "{{\"id\":\"aqm-{number:04}\",\"seq\":{number},\"ts\":\"2026-11-22T03:04:05.678Z\",\
             \"pm25\":41.2,\"pm10\":66.0,\"no2\":18.1,\"temp\":24.6,\"hum\":78.2}}"
        )
        .into_bytes(),
        received,
    };
    (1..=40).map(message).collect()
}

/// Messages of the cases that give at least one event and no refusal.
fn good_cases(folder: &Path) -> Result<Vec<Message>, Box<dyn Error>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let mut pool = Vec::new();
    for path in paths {
        let case: Value = serde_json::from_slice(&fs::read(&path)?)?;
        let messages = case["messages"].as_array().ok_or("messages")?;
        let expected = || {
            messages
                .iter()
                .filter_map(|message| message["expect"].as_array())
                .flatten()
        };
        if expected().any(|wanted| wanted.get("event").is_some())
            && !expected().any(|wanted| wanted.get("reject").is_some())
        {
            for message in messages {
                pool.push(decoded(message)?);
            }
        }
    }
    Ok(pool)
}

fn decoded(message: &Value) -> Result<Message, Box<dyn Error>> {
    let text = |key: &str| message[key].as_str();
    let payload = match (text("payload_hex"), text("payload_base64")) {
        (Some(hex), _) => {
            let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
            let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16);
            digits.chunks(2).map(byte).collect::<Result<_, _>>()?
        }
        (None, Some(packed)) => base64::engine::general_purpose::STANDARD.decode(packed)?,
        (None, None) => match text("payload") {
            Some(text) => text.as_bytes().to_vec(),
            None => serde_json::to_vec(&message["payload"])?,
        },
    };
    Ok(Message {
        topic: text("topic").ok_or("a topic")?.to_owned(),
        content_type: text("content_type").unwrap_or_default().to_owned(),
        payload,
        received: text("received").and_then(Time::parse).ok_or("a time")?,
    })
}

fn read(folder: &Path, prefix: &str, files: &mut PackFiles) -> Result<(), std::io::Error> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            read(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            files
                .files
                .insert(format!("{prefix}{name}"), fs::read(&path)?);
        }
    }
    Ok(())
}
