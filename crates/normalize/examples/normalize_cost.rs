//! CPU time of the native path, message bytes to encoded event, a message.
//!
//! `cargo run -p normalize --release --example normalize_cost -- PACK_FOLDER`

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use event::outcome::{Cause, encode_event};
use event::{JournalId, PackFiles, Time};
use normalize::{Catalogue, Input, Normalized, Normalizer};

const MESSAGES: u64 = 200_000;
const ROUNDS: usize = 5;
const DEVICES: u64 = 1_000;
const START: i64 = 1_795_316_645;

struct Case {
    name: &'static str,
    topics: Vec<String>,
    payloads: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "deploy/sites/lao-cai".to_owned());
    let catalogue = Arc::new(
        Catalogue::load(&read(Path::new(&folder))?).map_err(|mistakes| {
            mistakes
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        })?,
    );
    let mut out = std::io::stdout().lock();
    for case in cases() {
        let mut best = f64::MAX;
        let mut events = 0;
        for _ in 0..ROUNDS {
            let start = cpu_ns()?;
            events = run(&catalogue, &case);
            best = best.min(cpu_ns()? - start);
        }
        let nanoseconds = best / MESSAGES as f64;
        writeln!(
            out,
            "{:<32} {nanoseconds:>7.0} ns a message ({events} events)",
            case.name
        )?;
    }
    Ok(())
}

/// CPU time of this thread by the kernel's account: what others do on the machine does not count.
fn cpu_ns() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text
        .split_whitespace()
        .next()
        .ok_or("no account")?
        .parse()?)
}

fn run(catalogue: &Arc<Catalogue>, case: &Case) -> u64 {
    let mut normalizer = Normalizer::new(catalogue.clone());
    let mut results = Vec::new();
    let mut bytes = Vec::with_capacity(1 << 20);
    let inputs = case.topics.iter().zip(&case.payloads).zip(0_u64..);
    for ((topic, payload), offset) in inputs {
        let now = Time::from_seconds(START + i64::try_from(offset / DEVICES).unwrap_or(0));
        let input = Input {
            journal: JournalId([1; 16]),
            offset,
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
            content_type: "",
            topic,
            payload: payload.as_bytes(),
            oversize: None,
        };
        normalizer.apply(&input, &mut results);
        for result in results.drain(..) {
            if let Normalized::Event(event) = result {
                encode_event(
                    Cause {
                        offset,
                        index: 0,
                        last: true,
                    },
                    &event,
                    &mut bytes,
                );
            }
        }
        if bytes.len() > 1 << 19 {
            black_box(&bytes);
            bytes.clear();
        }
    }
    normalizer.counts().events
}

fn cases() -> Vec<Case> {
    let case = |name, payload: &dyn Fn(u64) -> String| Case {
        name,
        topics: (0..MESSAGES)
            .map(|n| format!("ioc/lao-cai/env/aqm-{:04}/up", n % DEVICES))
            .collect(),
        payloads: (0..MESSAGES).map(payload).collect(),
    };
    const FIELDS: &str = "\"pm25\":41.2,\"pm10\":66.0,\"no2\":18.1,\"temp\":24.6,\"hum\":78.2}";
    let id = |n: u64| format!("{{\"id\":\"aqm-{:04}\",\"seq\":{n}", n % DEVICES);
    let second = |n: u64| Time::from_seconds(START + i64::try_from(n / DEVICES).unwrap_or(0));
    vec![
        case("issue's example, text time", &|n| {
            format!(
                "{},\"ts\":\"{}\",{FIELDS}",
                id(n),
                second(n).plus(678_000_000)
            )
        }),
        case("the same, epoch time", &|n| {
            format!("{},\"ts\":{},{FIELDS}", id(n), second(n).0 / 1_000_000)
        }),
        case("no sequence", &|n| {
            format!("{{\"ts\":{},{FIELDS}", second(n).0 / 1_000_000)
        }),
        case("no time", &|_| format!("{{{FIELDS}")),
        case("one field", &|n| {
            format!(
                "{{\"seq\":{n},\"ts\":{},\"pm25\":1.5}}",
                second(n).0 / 1_000_000
            )
        }),
        case("backwards (window scanned)", &|n| {
            format!(
                "{},\"ts\":{},{FIELDS}",
                id(n),
                second(MESSAGES - n).0 / 1_000_000
            )
        }),
        case("all duplicates but one a device", &|n| {
            format!("{{\"seq\":1,\"ts\":{START},\"pm25\":{}}}", n % DEVICES)
        }),
        case("with a place", &|n| {
            format!(
                "{},\"ts\":{},\"lat\":22.3354,\"lon\":103.842,{FIELDS}",
                id(n),
                second(n).0 / 1_000_000
            )
        }),
        case("not JSON", &|_| "{\"pm25\":41.2,".to_owned()),
    ]
}

fn read(folder: &Path) -> Result<PackFiles, std::io::Error> {
    let mut files = BTreeMap::new();
    for inner in ["", "profiles", "devices", "measures", "decoders"] {
        let folder_of = folder.join(inner);
        if !folder_of.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(folder_of)? {
            let path = entry?.path();
            if path.is_file() {
                let name = path
                    .strip_prefix(folder)
                    .unwrap_or(&path)
                    .to_string_lossy()
                    .into_owned();
                files.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(PackFiles { files })
}
