//! What the client of an outside broker costs: messages a second through a real mosquitto into a real journal, and
//! CPU a message of this process alone, which does nothing else. The load comes from `ioc-load`.
//!
//! `cargo run --release -p mqtt --example client_cost -- --protocol 3.1.1 --clients 1 --rate 10000 --seconds 10`
#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::{Clock, DiskStorage, JournalName, Opened, Options, Stamp};
use mqtt::client::{Client, ClientConfig, Counters, Deps, ProtocolChoice};
use tokio_util::sync::CancellationToken;

/// Any clock will do here.
struct Ticks(Instant);

impl Clock for Ticks {
    fn now(&self) -> Stamp {
        let now = 1_700_000_000_000_000_000 + self.0.elapsed().as_nanos() as i64;
        Stamp {
            journal_ns: now,
            wall_ns: now,
        }
    }
}

struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn parse() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let pairs = words.chunks(2).filter_map(|pair| match pair {
            [key, value] => Some((key.trim_start_matches('-').to_owned(), value.clone())),
            _ => None,
        });
        Self(pairs.collect())
    }

    fn text(&self, key: &str, default: &str) -> String {
        self.0.get(key).map_or(default, String::as_str).to_owned()
    }

    fn number(&self, key: &str, default: u64) -> u64 {
        self.0
            .get(key)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    }
}

/// Seconds of CPU of this process so far, its own and the system's for it.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after_name
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    // Fields 14 and 15 of the line, in ticks of a hundredth of a second; two stand before the name's end.
    fields
        .get(11..13)
        .map_or(0.0, |ticks| ticks.iter().sum::<f64>() / 100.0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let folder = PathBuf::from(arguments.text("folder", "target/client-cost"));
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let port = arguments.number("port", 28_831);
    let shown = folder.canonicalize()?;
    let mut config = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\nset_tcp_nodelay true\n\
         max_queued_messages 1000000\nmax_queued_bytes 0\nmax_inflight_messages {}\n",
        shown.display(),
        arguments.number("inflight", 2_000),
    );
    if rustix::process::geteuid().is_root() {
        config.push_str("user root\n");
    }
    std::fs::write(folder.join("mosquitto.conf"), config)?;
    let mut broker = Command::new("mosquitto")
        .arg("-c")
        .arg(folder.join("mosquitto.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let measured = runtime.block_on(measure(&arguments, port, &folder));
    broker.kill()?;
    broker.wait()?;
    measured
}

async fn measure(
    arguments: &Arguments,
    port: u64,
    folder: &std::path::Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let storage = Arc::new(DiskStorage::new(folder.join("data")));
    let clock: Arc<dyn Clock> = Arc::new(Ticks(Instant::now()));
    let journal =
        Opened::open(storage, Options::new(JournalName::Inputs))?.start(Arc::clone(&clock))?;
    let protocol = match &*arguments.text("protocol", "3.1.1") {
        "5" => ProtocolChoice::V5,
        _ => ProtocolChoice::V3,
    };
    let clients = arguments.number("clients", 1) as u16;
    let config = ClientConfig {
        url: format!("mqtt://127.0.0.1:{port}"),
        protocol,
        clients,
        shared_group: if clients > 1 {
            "cost".to_owned()
        } else {
            String::new()
        },
        filters: vec!["ioc/#".to_owned()],
        disaster_filters: Vec::new(),
        gather_ms: arguments.number("gather", 2),
        receive_maximum: arguments.number("window", 2_048) as u16,
        ..ClientConfig::default()
    };
    let counters = Arc::new(Counters::default());
    let client = Client::new(
        config,
        Deps {
            inputs: journal.appender(),
            state: journal.state(),
            sessions: BTreeMap::new(),
            clock,
            counters: Arc::clone(&counters),
        },
    )?;
    let mut status = client.status();
    let cancel = CancellationToken::new();
    let run = tokio::spawn(client.run(cancel.clone()));
    status.wait_for(|status| status.is_ready()).await?;
    let load = arguments.text("load", "");
    let mut load = Command::new("sh")
        .arg("-c")
        .arg(load)
        .stdout(Stdio::inherit())
        .spawn()?;
    while counters.snapshot().acknowledged == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (began, cpu, before, commits) = (
        Instant::now(),
        cpu_seconds(),
        counters.snapshot(),
        journal.stats().commits,
    );
    tokio::time::sleep(Duration::from_secs(arguments.number("seconds", 8))).await;
    let (after, seconds, used) = (
        counters.snapshot(),
        began.elapsed().as_secs_f64(),
        cpu_seconds() - cpu,
    );
    let messages = (after.acknowledged - before.acknowledged) as f64;
    let commits = (journal.stats().commits - commits) as f64;
    println!(
        "{protocol:?} clients {clients}: {:.0} messages/s, {:.2} us CPU a message, {:.1} messages a commit, in flight {}",
        messages / seconds,
        used / messages * 1e6,
        messages / commits.max(1.0),
        after.in_flight
    );
    for link in &status.borrow().links {
        if let Some(error) = &link.last_error {
            println!(
                "{} connected again {} times: {error}",
                link.client_id, link.reconnects
            );
        }
    }
    load.kill()?;
    load.wait()?;
    cancel.cancel();
    run.await??;
    journal.close()?;
    Ok(())
}
