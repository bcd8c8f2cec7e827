//! Alerts all along: the hourly rain of one gauge after the other crosses its limit, and it is measured how long it takes from the
//! PUBLISH to the live feed. Each crossing has a gauge of its own: one that comes and goes is held as chattering.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use event::Time;
use serde_json::Value;

use super::load::wall_us;
use super::packets::{Link, publish};

/// Rings on the first reading of 50 mm in an hour or more.
const RULE: &str = "rain-1h-50";
const LIMIT_MM: f64 = 50.0;
/// One alert after the other, so often.
const EVERY: Duration = Duration::from_millis(150);
/// An alert that nobody saw by then is lost.
const LIMIT: Duration = Duration::from_secs(20);

/// One crossing.
#[derive(Clone, Copy, Debug)]
pub struct Rang {
    pub at: Instant,
    pub acknowledged: Duration,
    pub on_feed: Duration,
}

pub struct Alarm {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Rang>>>,
}

impl Alarm {
    pub fn start(ingest: SocketAddr, console: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, seen) = sync_channel(1_024);
        let feed = open(console);
        let ringing = Arc::clone(&stop);
        thread::spawn(move || follow(feed, &sender));
        let link = Link::connect(ingest, "alarm");
        let thread = thread::spawn(move || ring(link, &seen, &ringing));
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Every crossing was seen; gives how long each took.
    pub fn finish(mut self) -> Vec<Rang> {
        self.stop.store(true, Ordering::Relaxed);
        let rang = self.thread.take().unwrap().join();
        rang.expect("every alert is on the feed")
    }

    /// Fails if an alert did not come.
    pub fn check(&self) {
        let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        assert!(!ended, "an alert was not on the feed within {LIMIT:?}");
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Seen {
    station: String,
    amount: f64,
    at: Instant,
}

fn ring(mut link: Link, seen: &Receiver<Seen>, stop: &AtomicBool) -> Vec<Rang> {
    let mut rang = Vec::new();
    let mut sequence = 0;
    for crossing in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let station = format!("rg-alarm-{crossing}");
        // Each crossing has an amount of its own.
        let amount = LIMIT_MM + 5.0 + f64::from(crossing % 5_000) * 0.001;
        let at = Instant::now();
        send(&mut link, &station, &mut sequence, amount);
        let acknowledged = at.elapsed();
        let on_feed = loop {
            let left = LIMIT.saturating_sub(at.elapsed());
            let one = seen.recv_timeout(left);
            let one = one.unwrap_or_else(|error| panic!("{station} at {amount}: {error}"));
            if one.station == station && (one.amount - amount).abs() < 1e-6 {
                break one.at - at;
            }
        };
        rang.push(Rang {
            at,
            acknowledged,
            on_feed,
        });
        thread::park_timeout(EVERY.saturating_sub(at.elapsed()));
    }
    rang
}

fn send(link: &mut Link, station: &str, sequence: &mut u64, amount: f64) {
    *sequence += 1;
    let payload = format!(
        "{{\"id\":\"{station}\",\"seq\":{sequence},\"ts\":\"{}\",\"rain_1h\":{amount:.3}}}",
        Time(wall_us() * 1_000)
    );
    let mut packet = Vec::new();
    let topic = format!("ioc/lao-cai/disaster/{station}/up");
    publish(&mut packet, &topic, 1, payload.as_bytes());
    link.stream.write_all(&packet).unwrap();
    assert_eq!(link.puback(), Some(1), "{station}");
}

fn open(console: SocketAddr) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(console).unwrap();
    stream.set_nodelay(true).unwrap();
    let limit = Some(Duration::from_secs(30));
    stream.set_read_timeout(limit).unwrap();
    write!(
        stream,
        "GET /api/v1/feed HTTP/1.1\r\nHost: {console}\r\nAccept: text/event-stream\r\n\r\n"
    )
    .unwrap();
    let mut lines = BufReader::with_capacity(1 << 20, stream);
    let mut line = String::new();
    // The first event is the snapshot: what comes after it is news.
    while !line.starts_with("data:") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the feed ended");
    }
    lines
}

/// The time is taken before anything is parsed. Ends with the feed, or when nobody listens any more.
fn follow(mut lines: BufReader<TcpStream>, sender: &SyncSender<Seen>) {
    let mut line = String::new();
    loop {
        line.clear();
        if !lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            return;
        }
        let at = Instant::now();
        let Some(data) = line
            .strip_prefix("data:")
            .filter(|data| data.contains(RULE))
        else {
            continue;
        };
        let change: Value = serde_json::from_str(data.trim()).unwrap();
        for alert in change["alerts"].as_array().into_iter().flatten() {
            if alert["rule"] == RULE && alert["state"] == "unacknowledged" {
                let seen = Seen {
                    station: alert["entity"].as_str().unwrap().to_owned(),
                    amount: alert["value"].as_f64().unwrap(),
                    at,
                };
                if sender.send(seen).is_err() {
                    return;
                }
            }
        }
    }
}
