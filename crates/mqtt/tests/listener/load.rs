//! How fast it is. Not part of the default run: `cargo test --release -p mqtt --test listener -- --ignored
//! --nocapture load`. CPU is taken from the process's own accounting, the generator's threads apart.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use crate::support::{Node, World, connect_v3, publish_v3};

const PAYLOAD: &str = r#"{"id":"aqm-0001","seq":123,"ts":"2026-11-22T03:04:05.678Z","pm25":41.2,"pm10":66.0,"no2":18.1,"temp":24.6,"hum":78.2}"#;

/// Publishes `count` messages with at most `window` unacknowledged; returns when all are acknowledged.
fn generate(address: SocketAddr, id: usize, qos: u8, count: usize, window: usize) {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_nodelay(true).expect("nodelay");
    stream
        .write_all(&connect_v3(&format!("gen-{id}"), true, 0))
        .expect("connect");
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).expect("connack");
    let one = |n: usize| {
        publish_v3(
            "ioc/lao-cai/env/aqm-0001/up",
            PAYLOAD,
            qos,
            (n % 60_000) as u16 + 1,
        )
    };
    let size = one(0).len();
    let block = window.min(60_000) / 2;
    let bytes: Vec<u8> = (0..block).flat_map(one).collect();
    if qos == 0 {
        for _ in 0..count / block {
            stream.write_all(&bytes).expect("sent");
        }
        stream.write_all(&[0xC0, 0]).expect("ping");
        stream.read_exact(&mut answer[..2]).expect("pong");
        return;
    }
    let mut sink = vec![0; 256 * 1024];
    let (mut sent, mut acked) = (0, 0);
    while acked < count * 4 {
        while sent < count && sent - acked / 4 + block <= window {
            stream.write_all(&bytes[..size * block]).expect("sent");
            sent += block;
        }
        acked += stream.read(&mut sink).expect("acks");
        if sent >= count && acked >= sent * 4 {
            break;
        }
    }
}

/// CPU seconds of this process by thread name.
fn cpu(wanted: &str) -> f64 {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task")
        .expect("tasks")
        .flatten()
    {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else {
            continue;
        };
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else {
            continue;
        };
        if stat[open + 1..close].starts_with(wanted) {
            let fields: Vec<&str> = stat[close + 2..].split(' ').collect();
            ticks += fields[11].parse::<u64>().expect("utime");
            ticks += fields[12].parse::<u64>().expect("stime");
        }
    }
    ticks as f64 / 100.0
}

fn measure(qos: u8, connections: usize, count: usize, window: usize) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("listener")
        .enable_all()
        .build()
        .expect("runtime");
    let directory = std::env::temp_dir().join(format!("ioc-load-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("directory");
    let world = World::on(Arc::new(journal::DiskStorage::new(&directory)));
    let options = journal::Options::new(journal::JournalName::Inputs);
    let node = runtime.block_on(Node::with_options(world, options, |config| {
        config.inflight_per_connection_max = 60_000;
    }));
    let address = node.addresses[0];
    let (listener, committer, start) = (cpu("listener"), cpu("journal"), Instant::now());
    let each = count / connections;
    let threads: Vec<_> = (0..connections)
        .map(|id| {
            std::thread::Builder::new()
                .name("gen".to_owned())
                .spawn(move || generate(address, id, qos, each, window))
                .expect("thread")
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("generator"));
    let took = start.elapsed().as_secs_f64();
    runtime.block_on(async {
        crate::support::until("durable", || node.count().in_flight == 0).await;
    });
    let stats = node.journal.stats();
    let n = node.count().journalled as f64;
    let figures = format!(
        "QoS {qos}, {connections:>3} connections: {:>9.0} msg/s, listener {:.2} us, committer {:.2} us a \
         message; {} commits, {:.0} records a commit",
        n / took,
        (cpu("listener") - listener) / n * 1e6,
        (cpu("journal") - committer) / n * 1e6,
        stats.commits,
        stats.records as f64 / stats.commits as f64,
    );
    runtime.block_on(node.stop()).1.expect("stops");
    std::fs::remove_dir_all(&directory).expect("removed");
    figures
}

#[test]
#[ignore = "a measurement, meant for an optimised build"]
fn load() {
    for (qos, connections, count, window) in [
        (1, 1, 2_000_000, 20_000),
        (1, 64, 2_000_000, 1_000),
        (0, 1, 2_000_000, 20_000),
        (0, 64, 2_000_000, 1_000),
        (1, 64, 200_000, 20),
    ] {
        println!("{}", measure(qos, connections, count, window));
    }
}
