//! The load generator of the benchmark: as cheap a publisher as can be, so that it is never what is measured.
//!
//! Packets are encoded once ([`packets`]) and written thousands at a time over raw sockets; of the answers only
//! acknowledgements are looked at. Two ways to push: as fast as a window of unacknowledged messages allows, or at a
//! fixed rate (open loop), where a latency counts from the instant at which the message was due, so that a stall of the
//! server is not hidden by a sender that politely waited.

mod connection;
mod histogram;
mod metronome;
mod packets;
mod pool;
pub mod reference;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

use connection::{Connection, Outcome, Push};
pub use histogram::{Histogram, Quantiles};
use metronome::Metronome;
use packets::{Packets, Supply};
use pool::Pool;

use crate::wall;

/// How hard to push.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// All connections together.
    Rate { messages_per_second: f64 },
    /// As fast as `window` unacknowledged messages a connection allow.
    Max { window: u64 },
}

#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// `host:port`.
    pub host: String,
    pub connections: u32,
    /// 0 or 1.
    pub qos: u8,
    pub pace: Pace,
    pub duration: Duration,
    pub warm_up: Duration,
    /// Devices in all, shared out over the connections.
    pub devices: u32,
    /// Number of the first device, so that two loads at once use different ones.
    pub first_device: u32,
    pub client_prefix: String,
    /// Wire format of the messages, by its word in the catalogue; without it native readings.
    pub format: Option<String>,
}

/// What came of it; printed as one JSON line.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub sent: u64,
    pub acknowledged: u64,
    pub out_of_order: u64,
    pub bytes: u64,
    pub packet_bytes: usize,
    /// From the first packet to the last answer.
    pub seconds: f64,
    pub messages_per_second: f64,
    /// Publish to PUBACK, after the warm-up.
    pub latency: Quantiles,
    /// CPU time of this process, which shows whether the generator was the bottleneck; absent where there is no /proc.
    pub cpu_seconds: Option<f64>,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the connection of {client_id} broke")]
    Io {
        client_id: String,
        #[source]
        source: io::Error,
    },
    #[error("{client_id} was refused with code {code}")]
    Refused { client_id: String, code: u8 },
    #[error("no simulated device speaks the format {0:?}")]
    Format(String),
    #[error("quality of service {0} is not offered, only 0 and 1")]
    Quality(u8),
    #[error("starting the thread that keeps the rate")]
    Metronome(#[source] io::Error),
    #[error("a receiving task panicked")]
    Receiver,
}

/// Packets that a connection keeps; more would only cost cache.
const PACKETS_MAX: u64 = 60_000;
const PACKETS_MIN: u64 = 256;

/// Runs the load to its end.
pub async fn run(options: &LoadOptions) -> Result<Report, LoadError> {
    if options.qos > 1 {
        return Err(LoadError::Quality(options.qos));
    }
    let connections = options.connections.max(1);
    let metronome = match options.pace {
        Pace::Rate {
            messages_per_second,
        } => Some(Metronome::new(
            messages_per_second,
            options.duration,
            connections,
        )),
        Pace::Max { .. } => None,
    };
    let mut ready = Vec::new();
    for index in 0..connections {
        let connection = connection(options, index, metronome.clone())?;
        ready.push(connection.open().await?);
    }
    let started = Instant::now();
    if let Some(metronome) = &metronome {
        metronome.start(started).map_err(LoadError::Metronome)?;
    }
    let result = collect(ready.into_iter().map(|connection| connection.run(started))).await;
    if let Some(metronome) = metronome {
        metronome.stop();
    }
    result.map(|outcome| report(&outcome, started.elapsed().as_secs_f64()))
}

/// Runs all connections and adds up what they did.
async fn collect<F>(connections: impl Iterator<Item = F>) -> Result<Outcome, LoadError>
where
    F: Future<Output = Result<Outcome, LoadError>> + Send + 'static,
{
    let mut tasks: JoinSet<Result<Outcome, LoadError>> = connections.collect();
    let mut all = Outcome::default();
    while let Some(ended) = tasks.join_next().await {
        let outcome = ended.map_err(|_| LoadError::Receiver)??;
        all.sent += outcome.sent;
        all.acknowledged += outcome.acknowledged;
        all.out_of_order += outcome.out_of_order;
        all.bytes += outcome.bytes;
        all.latency.add(&outcome.latency);
    }
    Ok(all)
}

fn report(outcome: &Outcome, seconds: f64) -> Report {
    Report {
        sent: outcome.sent,
        acknowledged: outcome.acknowledged,
        out_of_order: outcome.out_of_order,
        bytes: outcome.bytes,
        packet_bytes: usize::try_from(outcome.bytes / outcome.sent.max(1)).unwrap_or(0),
        seconds,
        messages_per_second: outcome.sent as f64 / seconds,
        latency: outcome.latency.quantiles(),
        cpu_seconds: cpu_seconds(),
    }
}

/// User and system time of this process by its own accounting, in hundredths of a second.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in brackets, may hold spaces; user and system time are the 14th and 15th field.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .flat_map(str::parse)
        .collect();
    (ticks.len() == 2).then(|| ticks.iter().sum::<f64>() / 100.0)
}

fn connection(
    options: &LoadOptions,
    index: u32,
    metronome: Option<Arc<Metronome>>,
) -> Result<Connection, LoadError> {
    let connections = options.connections.max(1);
    let devices = (options.devices / connections).max(1);
    let packets = match options.pace {
        Pace::Max { window } => window,
        // Two seconds of messages may be unacknowledged before the window holds the sender back.
        Pace::Rate {
            messages_per_second,
        } => (messages_per_second / f64::from(connections) * 2.0) as u64,
    };
    let packets = u16::try_from(packets.clamp(PACKETS_MIN, PACKETS_MAX)).unwrap_or(u16::MAX);
    let first_device = options.first_device + index * devices;
    let supply = match &options.format {
        Some(format) => {
            // Every connection says other values.
            let pool = Pool::new(
                format,
                packets,
                u64::from(first_device),
                wall::now_ns(),
                options.qos,
            );
            Supply::Pool(pool.ok_or_else(|| LoadError::Format(format.clone()))?)
        }
        None => Supply::Native(Packets::new(packets, first_device, devices, options.qos)),
    };
    Ok(Connection {
        client_id: format!("{}-{index:04}", options.client_prefix),
        host: options.host.clone(),
        index,
        packets: supply,
        qos: options.qos,
        push: match (metronome, options.pace) {
            (Some(metronome), _) => Push::Beat(metronome),
            (None, Pace::Max { window }) => Push::Window(window),
            (None, Pace::Rate { .. }) => Push::Window(1),
        },
        duration: options.duration,
        warm_up: options.warm_up,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::FORMATS;

    async fn load(format: Option<&str>, connections: u32, qos: u8, pace: Pace) -> Report {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(reference::serve(listener));
        let options = LoadOptions {
            host,
            connections,
            qos,
            pace,
            duration: Duration::from_millis(300),
            warm_up: Duration::ZERO,
            devices: 100,
            first_device: 1,
            client_prefix: "load".to_owned(),
            format: format.map(str::to_owned),
        };
        let report = run(&options).await.unwrap();
        server.abort();
        report
    }

    #[tokio::test]
    async fn every_message_is_acknowledged_in_order() {
        for (connections, pace) in [
            (1, Pace::Max { window: 5_000 }),
            (
                8,
                Pace::Rate {
                    messages_per_second: 2_000.0,
                },
            ),
        ] {
            let report = load(None, connections, 1, pace).await;
            assert!(report.sent > 500);
            assert_eq!((report.acknowledged, report.out_of_order), (report.sent, 0));
            assert_eq!(report.latency.count, report.sent);
            assert!(report.latency.p99_us > 0.0 && report.packet_bytes > 200);
        }
        let report = load(None, 2, 0, Pace::Max { window: 1_000 }).await;
        assert!(report.sent > 1_000 && report.acknowledged == 0);
    }

    #[tokio::test]
    async fn every_format_can_be_pushed() {
        for format in FORMATS {
            let report = load(Some(format), 2, 1, Pace::Max { window: 500 }).await;
            assert!(report.sent > 500, "{format}");
            assert_eq!((report.acknowledged, report.out_of_order), (report.sent, 0));
            assert!(report.packet_bytes > 20, "{format}");
        }
        let options = LoadOptions {
            host: String::new(),
            connections: 1,
            qos: 1,
            pace: Pace::Max { window: 1 },
            duration: Duration::ZERO,
            warm_up: Duration::ZERO,
            devices: 1,
            first_device: 1,
            client_prefix: String::new(),
            format: Some("morse".to_owned()),
        };
        assert!(matches!(run(&options).await, Err(LoadError::Format(_))));
    }
}
