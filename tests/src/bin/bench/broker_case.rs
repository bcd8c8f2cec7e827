//! Behind mosquitto: the node as its client, against a bare subscriber that does nothing but acknowledge.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ioc_tests::wait;
use rumqttc::{Client, Event, Incoming, MqttOptions, NetworkOptions, QoS};

use crate::load::Load;
use crate::results::{Results, Target};
use crate::servers::{Servers, With};
use crate::sink_cases::{BOTH, Delivered, push, threads};
use crate::{Plan, cpu};

const RATE: u32 = 10_000;
/// Together what mosquitto may hold for its slowest subscriber without dropping anything.
const CONNECTIONS: u32 = 8;
const WINDOW: u32 = 2_000;
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) fn run(plan: Plan, servers: &mut Servers, results: &mut Results) -> Result<()> {
    let fixed = Load {
        connections: CONNECTIONS,
        qos: 1,
        rate: Some(RATE),
        window: 1,
        duration: plan.fixed_rate / 2,
    };
    let fastest = Load {
        rate: None,
        window: WINDOW,
        duration: plan.load / 2,
        ..fixed
    };
    one(servers, results, "broker-10k", &fixed, None)?;
    one(servers, results, "broker-max", &fastest, Some(22_000.0))
}

fn one(
    servers: &mut Servers,
    results: &mut Results,
    case: &str,
    load: &Load,
    rate: Option<f64>,
) -> Result<()> {
    let bare = subscriber(servers, load)?;
    let site = servers.node(With {
        broker: true,
        ..BOTH
    })?;
    let broker_before = cpu::process_seconds(servers.mosquitto.server.pid())?;
    let ours = push(&site, load, servers.mosquitto.address)?;
    let broker_seconds = cpu::process_seconds(servers.mosquitto.server.pid())? - broker_before;
    site.stop()?;
    rows(results, case, &ours, &bare, rate)?;
    results.add(
        case,
        "mosquitto cpu per message",
        "us",
        broker_seconds * 1e6 / ours.messages,
        None,
        None,
    )?;
    threads(results, case, &ours)
}

fn rows(
    results: &mut Results,
    case: &str,
    ours: &Delivered,
    bare: &Bare,
    rate: Option<f64>,
) -> Result<()> {
    results.add(
        case,
        "cpu per message, both sinks",
        "us",
        ours.cpu_us,
        Some(bare.cpu_us),
        Some(Target::AtMost(16.0)),
    )?;
    results.add(
        case,
        "delivered per second, both sinks",
        "1/s",
        ours.messages_per_second,
        Some(bare.messages_per_second),
        rate.map(Target::AtLeast),
    )?;
    results.add(case, "peak memory", "MiB", ours.peak_mib, None, None)
}

/// The bare subscriber's figures.
struct Bare {
    cpu_us: f64,
    messages_per_second: f64,
}

/// The same load with a subscriber in this process, which does nothing else meanwhile.
fn subscriber(servers: &Servers, load: &Load) -> Result<Bare> {
    let address = servers.mosquitto.address;
    let (received, stop) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (thread, client) = subscribe(address, &received, &stop)?;
    let cpu_before = cpu::process_seconds(std::process::id())?;
    let started = Instant::now();
    let report = load.run(address)?;
    wait::until("the bare subscriber has everything", LIMIT, || {
        (received.load(Ordering::Relaxed) >= report.sent).then_some(())
    });
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = cpu::process_seconds(std::process::id())? - cpu_before;
    stop.store(true, Ordering::Relaxed);
    client.disconnect().context("disconnecting")?;
    let Ok(()) = thread.join() else {
        bail!("the bare subscriber panicked")
    };
    Ok(Bare {
        cpu_us: cpu_seconds * 1e6 / report.sent as f64,
        messages_per_second: report.sent as f64 / seconds,
    })
}

fn subscribe(
    address: SocketAddr,
    received: &Arc<AtomicU64>,
    stop: &Arc<AtomicBool>,
) -> Result<(JoinHandle<()>, Client)> {
    let mut options = MqttOptions::new("bench-bare", address.ip().to_string(), address.port());
    options.set_max_packet_size(1 << 20, 1 << 20);
    options.set_keep_alive(Duration::from_secs(60));
    let (client, mut connection) = Client::new(options, 64);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    connection.eventloop.set_network_options(network);
    client.subscribe("ioc/#", QoS::AtLeastOnce)?;
    let (received, stop) = (Arc::clone(received), Arc::clone(stop));
    let subscribed = Arc::new(AtomicBool::new(false));
    let ready = Arc::clone(&subscribed);
    let thread = thread::spawn(move || {
        for event in connection.iter() {
            match event {
                // Acknowledged by the client itself.
                Ok(Event::Incoming(Incoming::Publish(_))) => {
                    received.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Event::Incoming(Incoming::SubAck(_))) => ready.store(true, Ordering::Relaxed),
                Ok(_) if stop.load(Ordering::Relaxed) => return,
                Ok(_) => {}
                // The end of the connection, which is ours.
                Err(_) => return,
            }
        }
    });
    wait::until(
        "the bare subscriber is there",
        Duration::from_secs(20),
        || subscribed.load(Ordering::Relaxed).then_some(()),
    );
    Ok((thread, client))
}
