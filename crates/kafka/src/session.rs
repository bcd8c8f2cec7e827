//! One producer's life: a thread that encodes, sends, and takes in delivery reports.
//!
//! # Contract
//!
//! - Per partition, messages leave in the order of the journal and nothing after the first that failed.
//! - Nothing is given up while the producer lives: without a broker, batches simply stay unanswered.
//! - Any error of a message or of the producer ends the session: what is unfinished is answered `Retry`, and the mover
//!   opens a new one.
//! - Bounds: [`HANDED_OVER_MAX`] batches on the way to the thread, the client's own queue (messages and bytes) behind it.

use std::sync::atomic::AtomicU32;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use journal::Frame;
use pipeline::{Batch, Code, Trouble, Verdict};
use rdkafka::producer::BaseProducer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::context::{Context, lock};
use crate::flight::{Flight, Token};
use crate::link::{Link, choose};
use crate::metrics::Meter;
use crate::outbox::Outbox;
use crate::topic::Topic;
use crate::vector::Vector;

/// Batches between the mover and the thread.
const HANDED_OVER_MAX: usize = 2;

pub(crate) enum Job {
    Batch(Batch, oneshot::Sender<Verdict>, OwnedSemaphorePermit),
    Close,
}

/// What the sink keeps of a session.
pub(crate) struct Session {
    jobs: SyncSender<Job>,
    room: Arc<Semaphore>,
    give_up_at: Arc<OnceLock<Instant>>,
    ended: oneshot::Receiver<()>,
}

/// What a session is made of.
pub(crate) struct Parts {
    pub(crate) producer: BaseProducer<Context>,
    pub(crate) outbox: Outbox,
    pub(crate) vector: Arc<Mutex<Vector>>,
    /// As it was at the opening.
    pub(crate) known: Vector,
    pub(crate) topics: [String; Topic::COUNT],
    pub(crate) message_bytes: [u32; Topic::COUNT],
    pub(crate) request_bytes: Arc<AtomicU32>,
    pub(crate) trouble: watch::Sender<Option<Trouble>>,
    pub(crate) unreachable_after: Duration,
    pub(crate) meter: Meter,
}

impl Session {
    pub(crate) fn start(parts: Parts) -> std::io::Result<Self> {
        let (jobs, queue) = std::sync::mpsc::sync_channel(HANDED_OVER_MAX + 1);
        let (alive, ended) = oneshot::channel();
        let room = Arc::new(Semaphore::new(HANDED_OVER_MAX));
        let give_up_at = Arc::new(OnceLock::new());
        let worker = Worker {
            outbox: parts.outbox,
            skips: Skips::new(parts.known, parts.meter.clone()),
            link: Link {
                partitions: Topic::ALL.map(|topic| lock(&parts.vector).partitions(topic)),
                flight: Flight::new(parts.vector),
                producer: parts.producer,
                topics: parts.topics,
                message_bytes: parts.message_bytes,
                reports: Vec::new(),
                failures: Vec::new(),
                request_bytes: parts.request_bytes,
                trouble: parts.trouble,
                unreachable_after: parts.unreachable_after,
                meter: parts.meter,
                give_up_at: Arc::clone(&give_up_at),
                since_poll: 0,
            },
        };
        let closing = CloseOnDrop(Arc::clone(&room));
        std::thread::Builder::new()
            .name("kafka".to_owned())
            .spawn(move || {
                worker.run(&queue);
                drop(closing);
                drop(alive);
            })?;
        Ok(Self {
            jobs,
            room,
            give_up_at,
            ended,
        })
    }

    /// Waits for room; the answer comes some time later, or never if the session has ended.
    pub(crate) async fn submit(&self, batch: Batch) -> Option<oneshot::Receiver<Verdict>> {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok()?;
        let (reply, answer) = oneshot::channel();
        match self.jobs.try_send(Job::Batch(batch, reply, permit)) {
            Ok(()) => Some(answer),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }

    /// Ends when all is delivered or `wait` is over.
    pub(crate) async fn close(mut self, wait: Duration) {
        let _ = self.give_up_at.set(Instant::now() + wait);
        // A full queue means that batches are waiting: the thread sees the deadline by itself.
        let _ = self.jobs.try_send(Job::Close);
        let _ = (&mut self.ended).await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.give_up_at.set(Instant::now());
    }
}

/// Lets go whoever waits for room, also when the thread ends unexpectedly.
struct CloseOnDrop(Arc<Semaphore>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Worker {
    outbox: Outbox,
    skips: Skips,
    link: Link,
}

/// What the partitions had at the opening.
struct Skips {
    known: Vector,
    /// Nothing from here on can be delivered already.
    before: u64,
    meter: Meter,
}

impl Worker {
    fn run(mut self, queue: &Receiver<Job>) {
        match self.serve(queue) {
            Ok(()) => self.link.drain(),
            Err(trouble) => self.link.fail(&trouble),
        }
        self.link.trouble.send_replace(None);
    }

    /// Until the sink closes (`Ok`) or something fails.
    fn serve(&mut self, queue: &Receiver<Job>) -> Result<(), Trouble> {
        loop {
            match queue.recv_timeout(self.link.pause()) {
                Ok(Job::Batch(batch, reply, permit)) => {
                    self.send(&batch, reply)?;
                    drop(permit);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Job::Close) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.link.pump(Duration::ZERO)?;
            self.link.show_trouble();
        }
    }

    fn send(&mut self, batch: &Batch, reply: oneshot::Sender<Verdict>) -> Result<(), Trouble> {
        let serial = self.link.flight.begin(batch.from(), batch.to(), reply);
        for frame in batch.frames() {
            let Ok(record) = u32::try_from(frame.offset - batch.from()) else {
                return Err(Trouble::new(
                    Code::Other,
                    "a batch of more records than the Kafka sink can count",
                ));
            };
            self.send_frame(&frame, serial, record)?;
        }
        self.link.flight.seal();
        Ok(())
    }

    fn send_frame(&mut self, frame: &Frame<'_>, batch: u32, record: u32) -> Result<(), Trouble> {
        let Self {
            outbox,
            skips,
            link,
        } = self;
        let sent = outbox.messages(
            frame,
            |topic, key| !skips.has(topic, key, frame.offset),
            |message| {
                let token = Token {
                    batch,
                    record,
                    topic: message.topic,
                };
                link.send(message, frame.offset, token)
            },
        );
        match sent {
            Ok(sent) => sent,
            Err(error) => {
                let reason = std::error::Error::source(&error)
                    .map_or_else(String::new, |source| format!(": {source}"));
                link.refuse(frame.offset, format!("{error}{reason}"));
                Ok(())
            }
        }
    }
}

impl Skips {
    fn new(known: Vector, meter: Meter) -> Self {
        let before = Topic::ALL
            .into_iter()
            .flat_map(|topic| known.positions(topic))
            .filter_map(|position| position.delivered)
            .max()
            .map_or(0, |delivered| delivered + 1);
        Self {
            known,
            before,
            meter,
        }
    }

    fn has(&self, topic: Topic, key: &[u8], offset: u64) -> bool {
        if offset >= self.before {
            return false;
        }
        let partition = choose(key, offset, self.known.partitions(topic));
        let has = self.known.has(topic, partition, offset);
        if has {
            self.meter.skipped(1);
        }
        has
    }
}
