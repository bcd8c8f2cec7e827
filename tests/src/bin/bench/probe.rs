//! One alert at a time: a river level crosses BĐ1, and three clocks stop: at its acknowledgement, when the alert stands in
//! `outcomes`, and when the live feed shows it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use event::AlertState;
use serde_json::Value;

use crate::results::note;
use crate::tail::Tail;

/// Stations that have a BĐ1, and its level.
const STATIONS: [(&str, f64); 5] = [
    ("wl-lao-cai", 80.0),
    ("wl-bao-ha", 55.0),
    ("wl-yen-bai", 30.0),
    ("wl-bao-yen", 71.0),
    ("wl-van-ban", 88.5),
];
const RULE: &str = "river-bd1";
const LIMIT: Duration = Duration::from_secs(10);
/// How often the file is looked at: the error of that figure.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// An alert that was seen somewhere.
struct Seen {
    entity: String,
    value: f64,
    at: Instant,
}

/// Two threads that watch the file and the feed.
pub(crate) struct Watch {
    outcomes: Receiver<Seen>,
    feed: Receiver<Seen>,
    stop: Arc<AtomicBool>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

impl Watch {
    pub(crate) fn start(data: &Path, console: SocketAddr) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tail = Tail::open(data)?;
        // What was there before does not count.
        tail.read(|_| {})?;
        let (sender, outcomes) = sync_channel(1_024);
        let stopped = Arc::clone(&stop);
        thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                if let Err(error) = watch_file(&mut tail, &sender) {
                    // Whoever waits for an alert is told by the closed channel.
                    let _ = note(&format!("reading outcomes failed: {error:#}"));
                    return;
                }
                thread::park_timeout(LOOK_EVERY);
            }
        });
        let mut stream = TcpStream::connect(console)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "GET /api/v1/feed HTTP/1.1\r\nHost: {console}\r\nAccept: text/event-stream\r\n\r\n"
        )?;
        let (sender, feed) = sync_channel(1_024);
        let mut lines = BufReader::with_capacity(1024 * 1024, stream);
        wait_for_snapshot(&mut lines)?;
        let stopped = Arc::clone(&stop);
        thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) && watch_feed(&mut lines, &sender).is_ok() {}
        });
        Ok(Self {
            outcomes,
            feed,
            stop,
        })
    }
}

fn watch_file(tail: &mut Tail, sender: &SyncSender<Seen>) -> Result<()> {
    let at = Instant::now();
    tail.read(|transition| {
        let alert = transition.alert;
        if alert.rule == RULE && alert.state == AlertState::Unacknowledged {
            let entity = alert.entity.to_string();
            // A full channel means that nobody measures any more.
            let _ = sender.try_send(Seen {
                entity,
                value: alert.value.unwrap_or(f64::NAN),
                at,
            });
        }
    })
}

fn wait_for_snapshot(lines: &mut impl BufRead) -> Result<()> {
    let mut line = String::new();
    let mut snapshot = false;
    while !(snapshot && line.starts_with("data:")) {
        snapshot |= line.trim_end() == "event: snapshot" || line.trim_end() == "event:snapshot";
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            bail!("the feed ended before its snapshot");
        }
    }
    Ok(())
}

/// One line of the feed; the time is taken before anything is parsed.
fn watch_feed(lines: &mut impl BufRead, sender: &SyncSender<Seen>) -> Result<()> {
    let mut line = String::new();
    if lines.read_line(&mut line)? == 0 {
        bail!("the feed ended");
    }
    let at = Instant::now();
    let Some(data) = line
        .strip_prefix("data:")
        .filter(|data| data.contains(RULE))
    else {
        return Ok(());
    };
    let change: Value = serde_json::from_str(data.trim())?;
    for alert in change["alerts"].as_array().into_iter().flatten() {
        if alert["rule"] == RULE && alert["state"] == "unacknowledged" {
            let entity = alert["entity"].as_str().unwrap_or_default().to_owned();
            let _ = sender.try_send(Seen {
                entity,
                value: alert["value"].as_f64().unwrap_or(f64::NAN),
                at,
            });
        }
    }
    Ok(())
}

/// Microseconds from the write of the PUBLISH.
pub(crate) struct Taken {
    pub(crate) acknowledged_us: f64,
    pub(crate) outcomes_us: f64,
    pub(crate) feed_us: f64,
}

/// A publisher of its own.
pub(crate) struct Probe {
    socket: TcpStream,
    sequence: u64,
    crossings: usize,
}

impl Probe {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(LIMIT))?;
        let name = b"bench-probe";
        let mut packet = vec![
            0x10,
            12 + u8::try_from(name.len())?,
            0,
            4,
            b'M',
            b'Q',
            b'T',
            b'T',
            4,
            2,
            0,
            0,
            0,
        ];
        packet.push(u8::try_from(name.len())?);
        packet.extend_from_slice(name);
        socket.write_all(&packet)?;
        let mut answer = [0; 4];
        socket.read_exact(&mut answer)?;
        if answer != [0x20, 2, 0, 0] {
            bail!("the probe was refused: {answer:?}");
        }
        Ok(Self {
            socket,
            sequence: 0,
            crossings: 0,
        })
    }

    /// Raises the next station above BĐ1 and waits until everybody has seen it. Each crossing has a level of its own.
    pub(crate) fn cross(&mut self, watch: &Watch) -> Result<Taken> {
        let (station, limit) = self.station();
        let level = limit + 0.2 + self.crossings as f64 * 0.001;
        let started = self.publish(station, level)?;
        self.acknowledged()?;
        let us = |at: Instant| at.duration_since(started).as_secs_f64() * 1e6;
        let acknowledged_us = us(Instant::now());
        let outcomes =
            seen(&watch.outcomes, station, level).context("the alert never came in outcomes")?;
        let feed = seen(&watch.feed, station, level).context("the alert never came on the feed")?;
        Ok(Taken {
            acknowledged_us,
            outcomes_us: us(outcomes),
            feed_us: us(feed),
        })
    }

    /// Lets the same station fall below BĐ1 again, so that its next crossing is a new one.
    pub(crate) fn fall(&mut self) -> Result<()> {
        let (station, limit) = self.station();
        self.crossings += 1;
        self.publish(station, limit - 1.0)?;
        self.acknowledged()
    }

    fn station(&self) -> (&'static str, f64) {
        STATIONS[self.crossings % STATIONS.len()]
    }

    fn publish(&mut self, station: &str, level: f64) -> Result<Instant> {
        self.sequence += 1;
        #[allow(clippy::disallowed_methods, reason = "a probe stamps its readings")]
        // a device has its own clock
        let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH)?;
        let payload = format!(
            r#"{{"id":"{station}","seq":{},"ts":{},"level":{level:.3}}}"#,
            self.sequence,
            now.as_millis()
        );
        let topic = format!("ioc/lao-cai/disaster/{station}/up");
        let mut body = u16::try_from(topic.len())?.to_be_bytes().to_vec();
        body.extend_from_slice(topic.as_bytes());
        body.extend_from_slice(&1_u16.to_be_bytes());
        body.extend_from_slice(payload.as_bytes());
        let length = body.len();
        let mut packet = vec![0x32];
        if length < 128 {
            packet.push(u8::try_from(length)?);
        } else {
            packet.extend_from_slice(&[
                u8::try_from(length % 128)? | 0x80,
                u8::try_from(length / 128)?,
            ]);
        }
        packet.append(&mut body);
        let started = Instant::now();
        self.socket.write_all(&packet)?;
        Ok(started)
    }

    fn acknowledged(&mut self) -> Result<()> {
        let mut answer = [0; 4];
        self.socket
            .read_exact(&mut answer)
            .context("waiting for the PUBACK of a probe")?;
        if answer != [0x40, 2, 0, 1] {
            bail!("the probe got {answer:?}");
        }
        Ok(())
    }
}

/// When this crossing was first seen.
fn seen(receiver: &Receiver<Seen>, station: &str, level: f64) -> Result<Instant> {
    let end = Instant::now() + LIMIT;
    loop {
        match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(seen) if seen.entity == station && (seen.value - level).abs() < 1e-6 => {
                return Ok(seen.at);
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => bail!("not within {LIMIT:?}"),
            Err(RecvTimeoutError::Disconnected) => bail!("the watching thread ended"),
        }
    }
}
