//! What one message costs at the most: every message of the corpus blown up to the bounds of size, each list and object of it in
//! turn, as it is (256 KiB) and packed (1 MiB unpacked). Ends with 1 if one of them costs more than 50 ms of CPU.
//!
//! `cargo run -p normalize --release --example cost_bound -- CRATE_FOLDER PACK_FOLDER`

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use event::{JournalId, PackFiles, Time};
use normalize::{Catalogue, Input, Normalizer};
use serde_json::Value;

const WIRE: usize = 256 << 10;
const UNPACKED: usize = 1 << 20;
const BOUND_MS: f64 = 50.0;

struct Worst {
    ms: f64,
    what: String,
    results: usize,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let folder = arguments
        .next()
        .unwrap_or_else(|| "crates/normalize".into());
    let pack = arguments
        .next()
        .unwrap_or_else(|| "deploy/sites/lao-cai".into());
    let mut files = PackFiles::default();
    read(&pack, "", &mut files)?;
    let catalogue = Catalogue::load(&files).map_err(|mistakes| format!("{mistakes:?}"))?;
    let catalogue = Arc::new(catalogue);
    let mut channels: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for line in fs::read_to_string(folder.join("fuzz/topics.txt"))?.lines() {
        let mut columns = line.split('\t').map(str::to_owned);
        let (format, topic) = (columns.next(), columns.next());
        let own = channels.entry(format.ok_or("a format")?).or_default();
        own.push((topic.ok_or("a topic")?, columns.next().unwrap_or_default()));
    }
    let mut out = std::io::stdout().lock();
    let mut over = false;
    for (format, channels) in channels {
        let mut worst = Worst {
            ms: 0.0,
            what: String::new(),
            results: 0,
        };
        for entry in fs::read_dir(folder.join("fuzz/corpus").join(&format))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            for (choice, payload) in split(&fs::read(&path)?) {
                let channel = &channels[usize::from(choice & 31) % channels.len()];
                try_all(&catalogue, channel, &payload, &name, &mut worst)?;
            }
        }
        over |= worst.ms > BOUND_MS;
        writeln!(
            out,
            "{format:<14} {:>8.1} ms {:>6} results  {}",
            worst.ms, worst.results, worst.what
        )?;
    }
    Ok(ExitCode::from(u8::from(over)))
}

fn try_all(
    catalogue: &Arc<Catalogue>,
    (topic, content_type): &(String, String),
    payload: &[u8],
    name: &str,
    worst: &mut Worst,
) -> Result<(), Box<dyn Error>> {
    for (bound, packed) in [(WIRE, false), (UNPACKED, true)] {
        for (what, blown) in blown_up(payload, bound) {
            let (content_type, bytes) = if packed {
                let kind = content_type.split(';').next().unwrap_or_default();
                let kind = if kind.is_empty() {
                    "application/x"
                } else {
                    kind
                };
                (format!("{kind}+zstd"), zstd::bulk::compress(&blown, 1)?)
            } else {
                (content_type.clone(), blown)
            };
            if bytes.len() > WIRE {
                continue;
            }
            let mut normalizer = Normalizer::new(Arc::clone(catalogue));
            let mut results = Vec::new();
            let now = Time::from_seconds(1_795_316_646);
            let input = Input {
                journal: JournalId([1; 16]),
                offset: 1,
                journal_time: now,
                wall_time: now,
                client: "gateway-1",
                session: 1,
                packet_id: 1,
                qos: 1,
                dup: false,
                retain: false,
                from_broker: false,
                reprocessed: false,
                content_type: &content_type,
                topic,
                payload: &bytes,
                oversize: None,
            };
            let start = cpu_ms()?;
            normalizer.apply(&input, &mut results);
            let ms = cpu_ms()? - start;
            if ms > worst.ms {
                *worst = Worst {
                    ms,
                    what: format!("{name} {what}{}", if packed { ", packed" } else { "" }),
                    results: results.len(),
                };
            }
        }
    }
    Ok(())
}

fn blown_up(payload: &[u8], bound: usize) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    // Whatever the format: what readers of text and of keys find hard.
    for (what, piece) in [
        ("apostrophes", "'\\"),
        ("quotes", "\"\":"),
        ("escapes", "\"\\u0063ccd\":\"\","),
        ("tags", "<a>"),
        ("brackets", "["),
        ("lines", "a:b\n"),
        ("near keys", "ho_te"),
    ] {
        let count = bound / piece.len();
        all.push((what.to_owned(), piece.repeat(count).into_bytes()));
    }
    if let Ok(document) = serde_json::from_slice::<Value>(payload) {
        let mut paths = Vec::new();
        pointers(&document, String::new(), &mut paths);
        for path in paths {
            let room = bound.saturating_sub(payload.len());
            let mut grown = document.clone();
            if let Some(place) = grown.pointer_mut(&path) {
                grow(place, room);
            }
            if let Ok(bytes) = serde_json::to_vec(&grown)
                && bytes.len() <= bound
            {
                all.push((path, bytes));
            }
        }
    } else if !payload.is_empty() {
        all.push(("repeated".to_owned(), payload.repeat(bound / payload.len())));
        let lines: Vec<&[u8]> = payload.split_inclusive(|byte| *byte == b'\n').collect();
        if let Some(last) = lines.last().filter(|_| lines.len() > 1) {
            let count = bound.saturating_sub(payload.len()) / (last.len() + 1);
            let mut bytes = payload.to_vec();
            for _ in 0..count {
                bytes.push(b'\n');
                bytes.extend(*last);
            }
            all.push(("last line repeated".to_owned(), bytes));
        }
        elements(payload, bound, &mut all);
    }
    all
}

/// XML: each closed element again and again.
fn elements(payload: &[u8], bound: usize, all: &mut Vec<(String, Vec<u8>)>) {
    let Ok(text) = std::str::from_utf8(payload) else {
        return;
    };
    for (at, _) in text.match_indices("</") {
        let Some(name) = text[at + 2..].split('>').next() else {
            continue;
        };
        let end = at + 3 + name.len();
        let Some(start) = text[..at].rfind(&format!("<{name}")) else {
            continue;
        };
        let Some(element) = text.get(start..end) else {
            continue;
        };
        let count = bound.saturating_sub(text.len()) / element.len().max(1);
        let grown = [&text[..end], &element.repeat(count), &text[end..]].concat();
        all.push((name.to_owned(), grown.into_bytes()));
    }
}

fn pointers(value: &Value, path: String, out: &mut Vec<String>) {
    match value {
        Value::Array(list) => {
            for (at, inner) in list.iter().enumerate().take(3) {
                pointers(inner, format!("{path}/{at}"), out);
            }
            out.push(path);
        }
        Value::Object(map) => {
            for (key, inner) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers(inner, format!("{path}/{key}"), out);
            }
            out.push(path);
        }
        Value::String(_) => out.push(path),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn grow(place: &mut Value, room: usize) {
    match place {
        Value::Array(list) => {
            let Some(last) = list.last().cloned() else {
                *place = Value::Array(vec![Value::from(1); room / 2]);
                return;
            };
            let count = room / (last.to_string().len() + 1);
            list.extend(std::iter::repeat_n(last, count));
        }
        Value::Object(map) => {
            let last = map.iter().next_back();
            let (key, value) = last.map_or_else(
                || ("k".to_owned(), Value::from(1)),
                |(key, value)| (key.clone(), value.clone()),
            );
            let count = room / (value.to_string().len() + key.len() + 10);
            for number in 0..count {
                map.insert(format!("{key}{number}"), value.clone());
            }
        }
        Value::String(text) => {
            let piece = if text.is_empty() { "a" } else { text.as_str() };
            *place = Value::String(piece.repeat(room / (piece.len() + 1)));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn split(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut messages = Vec::new();
    while let [choice, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        messages.push((*choice, payload.to_vec()));
        bytes = rest;
    }
    messages
}

/// By the kernel's account of this thread.
fn cpu_ms() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text
        .split_whitespace()
        .next()
        .ok_or("no account")?
        .parse()?;
    Ok(nanoseconds / 1e6)
}

fn read(folder: &Path, prefix: &str, files: &mut PackFiles) -> Result<(), std::io::Error> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            read(&path, &format!("{name}/"), files)?;
        } else {
            files.files.insert(name, fs::read(&path)?);
        }
    }
    Ok(())
}
