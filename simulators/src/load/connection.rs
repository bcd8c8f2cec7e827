//! One connection under load: a task that writes runs of packets, and a task that counts acknowledgements.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use super::LoadError;
use super::histogram::Histogram;
use super::metronome::Metronome;
use super::packets::{Supply, connect};
use crate::wall;

const KEEP_ALIVE_SECONDS: u16 = 60;
const READ_BYTES: usize = 64 * 1024;
/// How long the end waits for the last acknowledgement or PINGRESP.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// What one connection did.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    pub(super) bytes: u64,
    pub(super) out_of_order: u64,
    pub(super) latency: Histogram,
}

/// Shared by the two tasks of a connection.
struct Progress {
    /// When each packet was (or should have been) sent, in ns since the start; by place.
    sent_at_ns: Vec<AtomicU64>,
    acknowledged: AtomicU64,
    ponged: AtomicBool,
    changed: Notify,
}

/// What holds the sender back.
#[derive(Clone)]
pub(super) enum Push {
    /// So many unacknowledged messages.
    Window(u64),
    /// The beat of a fixed rate.
    Beat(Arc<Metronome>),
}

pub(super) struct Connection {
    pub(super) client_id: String,
    pub(super) host: String,
    pub(super) packets: Supply,
    pub(super) qos: u8,
    /// Place among the connections of the load.
    pub(super) index: u32,
    pub(super) push: Push,
    pub(super) duration: Duration,
    /// Latencies of messages sent before this are not recorded.
    pub(super) warm_up: Duration,
}

impl Connection {
    /// Logs in; the load itself starts with [`Ready::run`], at the same time for all.
    pub(super) async fn open(self) -> Result<Ready, LoadError> {
        let lost = |source| LoadError::Io {
            client_id: self.client_id.clone(),
            source,
        };
        let mut socket = TcpStream::connect(&self.host).await.map_err(lost)?;
        socket.set_nodelay(true).map_err(lost)?;
        socket
            .write_all(&connect(&self.client_id, KEEP_ALIVE_SECONDS))
            .await
            .map_err(lost)?;
        let mut answer = [0; 4];
        socket.read_exact(&mut answer).await.map_err(lost)?;
        if answer[0] != 0x20 || answer[3] != 0 {
            return Err(LoadError::Refused {
                client_id: self.client_id,
                code: answer[3],
            });
        }
        Ok(Ready {
            connection: self,
            socket,
        })
    }
}

pub(super) struct Ready {
    connection: Connection,
    socket: TcpStream,
}

impl Ready {
    pub(super) async fn run(self, started: Instant) -> Result<Outcome, LoadError> {
        let connection = self.connection;
        let progress = Arc::new(Progress {
            sent_at_ns: (0..connection.packets.count())
                .map(|_| AtomicU64::new(0))
                .collect(),
            acknowledged: AtomicU64::new(0),
            ponged: AtomicBool::new(false),
            changed: Notify::new(),
        });
        let (reader, writer) = self.socket.into_split();
        let warm_up_ns = nanoseconds(connection.warm_up);
        let receiver = tokio::spawn(receive(reader, Arc::clone(&progress), started, warm_up_ns));
        let client_id = connection.client_id.clone();
        let lost = |source| LoadError::Io {
            client_id: client_id.clone(),
            source,
        };
        let mut sender = Sender {
            connection,
            writer,
            progress,
            started,
            sent: 0,
            bytes: 0,
        };
        let sending = async {
            sender.send().await?;
            sender.drain().await
        };
        let drained = sending.await.map_err(lost);
        let (bytes, sent) = (sender.bytes, sender.sent);
        // Closing our side ends the receiver.
        drop(sender);
        let mut outcome = receiver
            .await
            .map_err(|_| LoadError::Receiver)?
            .map_err(lost)?;
        drained?;
        outcome.sent = sent;
        outcome.bytes = bytes;
        Ok(outcome)
    }
}

struct Sender {
    connection: Connection,
    writer: OwnedWriteHalf,
    progress: Arc<Progress>,
    started: Instant,
    sent: u64,
    bytes: u64,
}

impl Sender {
    async fn send(&mut self) -> io::Result<()> {
        match self.connection.push.clone() {
            Push::Window(window) => self.send_at_max(window).await,
            Push::Beat(metronome) => self.send_at_rate(&metronome).await,
        }
    }

    async fn send_at_max(&mut self, window: u64) -> io::Result<()> {
        let window = window.clamp(1, self.connection.packets.count());
        // A quarter of the window at a time: large writes, and the server never runs dry.
        let least = (window / 4).max(1);
        while self.started.elapsed() < self.connection.duration {
            let free = self.free(window);
            if free < least {
                // Woken by the receiver; a permit is kept when it comes first.
                self.progress.changed.notified().await;
                continue;
            }
            self.write(free, None).await?;
        }
        Ok(())
    }

    async fn send_at_rate(&mut self, beat: &Metronome) -> io::Result<()> {
        loop {
            let (due, total) = beat.due(self.connection.index);
            // What the window refuses stays due: its latency counts from when it should have gone.
            let free = self.free(self.connection.packets.count());
            let wanted = due.saturating_sub(self.sent).min(free);
            if wanted > 0 {
                self.write(wanted, Some(beat)).await?;
            } else if self.sent >= total {
                return Ok(());
            } else if free == 0 {
                self.progress.changed.notified().await;
            } else {
                beat.beat(self.connection.index).await;
            }
        }
    }

    /// Messages that may go out now; at QoS 0 there is no window.
    fn free(&self, window: u64) -> u64 {
        if self.connection.qos == 0 {
            return window;
        }
        let under_way = self.sent - self.progress.acknowledged.load(Ordering::Acquire);
        window.saturating_sub(under_way)
    }

    async fn write(&mut self, mut wanted: u64, beat: Option<&Metronome>) -> io::Result<()> {
        let (count, index) = (self.connection.packets.count(), self.connection.index);
        while wanted > 0 {
            let now_ns = nanoseconds(self.started.elapsed());
            let (bytes, run) = self
                .connection
                .packets
                .prepare(self.sent, wanted, wall::now_ns());
            for number in self.sent..self.sent + run {
                let at_ns = beat.map_or(now_ns, |beat| beat.due_at_ns(index, number));
                let place = usize::try_from(number % count).unwrap_or(0);
                if let Some(sent_at) = self.progress.sent_at_ns.get(place) {
                    sent_at.store(at_ns, Ordering::Release);
                }
            }
            self.writer.write_all(bytes).await?;
            self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
            self.sent += run;
            wanted -= run;
        }
        Ok(())
    }

    /// Waits until the server has read everything: the last acknowledgement, or at QoS 0 the answer to a ping.
    async fn drain(&mut self) -> io::Result<()> {
        let finished = async {
            if self.connection.qos == 0 {
                self.writer.write_all(&[0xc0, 0]).await?;
                while !self.progress.ponged.load(Ordering::Acquire) {
                    self.progress.changed.notified().await;
                }
            } else {
                while self.progress.acknowledged.load(Ordering::Acquire) < self.sent {
                    self.progress.changed.notified().await;
                }
            }
            self.writer.write_all(&[0xe0, 0]).await?;
            self.writer.shutdown().await
        };
        let limit = tokio::time::timeout(DRAIN_LIMIT, finished).await;
        limit.unwrap_or_else(|_| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the last answer never came",
            ))
        })
    }
}

/// Counts acknowledgements until the connection ends.
async fn receive(
    mut reader: OwnedReadHalf,
    progress: Arc<Progress>,
    started: Instant,
    warm_up_ns: u64,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut buffer = vec![0; READ_BYTES];
    let mut kept = 0;
    loop {
        let read = match reader
            .read(buffer.get_mut(kept..).unwrap_or_default())
            .await
        {
            Ok(0) => return Ok(outcome),
            Ok(read) => read,
            // The server may close as soon as it has read our DISCONNECT.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(outcome),
            Err(error) => return Err(error),
        };
        let now_ns = nanoseconds(started.elapsed());
        let filled = kept + read;
        let used = parse(
            buffer.get(..filled).unwrap_or_default(),
            |kind, packet_id| match kind {
                4 => {
                    let count = progress.sent_at_ns.len().max(1);
                    let place = usize::try_from(outcome.acknowledged).unwrap_or(0) % count;
                    outcome.acknowledged += 1;
                    outcome.out_of_order += u64::from(usize::from(packet_id) != place + 1);
                    let sent_at = progress
                        .sent_at_ns
                        .get(place)
                        .map_or(0, |at| at.load(Ordering::Acquire));
                    if sent_at >= warm_up_ns {
                        outcome.latency.record(now_ns.saturating_sub(sent_at));
                    }
                }
                13 => progress.ponged.store(true, Ordering::Release),
                _ => {}
            },
        );
        buffer.copy_within(used..filled, 0);
        kept = filled - used;
        progress
            .acknowledged
            .store(outcome.acknowledged, Ordering::Release);
        progress.changed.notify_one();
    }
}

/// Calls `packet` with kind and packet identifier of each complete packet; returns the bytes used. Answers to a
/// publisher are shorter than 128 bytes, so their length is one byte.
fn parse(bytes: &[u8], mut packet: impl FnMut(u8, u16)) -> usize {
    let mut at = 0;
    while let Some(&[kind, length]) = bytes
        .get(at..at + 2)
        .and_then(|head| head.first_chunk::<2>())
    {
        let end = at + 2 + usize::from(length & 0x7f);
        if end > bytes.len() {
            break;
        }
        let identifier = bytes
            .get(at + 2..at + 4)
            .and_then(|two| two.first_chunk::<2>());
        packet(
            kind >> 4,
            identifier.map_or(0, |two| u16::from_be_bytes(*two)),
        );
        at = end;
    }
    at
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
