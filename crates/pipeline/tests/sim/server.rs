//! The other side: a server that keeps what it was given, and a sink that delivers to it well or badly, from a seed.
//!
//! Two characters. *Ordered* is a log with partitions: in order, it stops at the first failure, and its note says how far each
//! partition is. *Bulk* takes batches side by side, whole or not at all, and complains in every way there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use journal::Cursors;
use journal::storage::sim::Random;
use pipeline::{Batch, Code, Completion, Limits, Refused, Resume, Sink, Trouble, Verdict};
use tokio::time::Instant;

pub(crate) const NAME: &str = "kafka";
pub(crate) const PARTITIONS: u64 = 3;

/// What a record of the simulation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) key: u8,
    pub(crate) poison: bool,
}

pub(crate) fn payload(told: Told, bytes: usize) -> Vec<u8> {
    let mut payload = vec![told.key, u8::from(told.poison)];
    payload.resize(2 + bytes, told.key);
    payload
}

fn told(payload: &[u8]) -> Told {
    Told {
        key: payload[0],
        poison: payload[1] == 1,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) offset: u64,
    pub(crate) key: u8,
    pub(crate) life: u32,
}

pub(crate) struct Server {
    pub(crate) random: Random,
    pub(crate) limits: Limits,
    pub(crate) ordered: bool,
    /// Once in so many batches something fails; 0 = never.
    pub(crate) fails_once_in: u64,
    pub(crate) delay_max_ms: u64,
    pub(crate) down_until: Option<Instant>,
    pub(crate) life: u32,
    /// Everything that was taken, in order.
    pub(crate) log: Vec<Delivered>,
    /// What broke a promise of the mover.
    pub(crate) complaints: Vec<String>,
    pub(crate) inflight: usize,
    pub(crate) submissions: u64,
    pub(crate) opened: u64,
    /// The mover is told to stop, or killed.
    pub(crate) ending: bool,
    /// Where the cursor is read back: the window counts from what is on disk.
    pub(crate) cursors: Option<Cursors>,
    /// Batches of an older one are lost.
    generation: u64,
    busy_until: Option<Instant>,
}

impl Server {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let ordered = random.once_in(2);
        let window_records = 20 + random.below(200);
        let limits = Limits {
            batch_records: 1 + random.below(30),
            batch_bytes: 40 + random.below(2000) as usize,
            batch_age: Duration::from_millis([0, 0, 20, 500][random.below(4) as usize]),
            inflight_batches: 1 + random.below(6) as usize,
            window_records,
            retry_min: Duration::from_millis(50),
            retry_max: Duration::from_secs(5),
            on_full: Default::default(),
        };
        Self {
            limits,
            ordered,
            fails_once_in: [0, 4, 12, 40][random.below(4) as usize],
            delay_max_ms: [1, 20, 400][random.below(3) as usize],
            random,
            down_until: None,
            life: 0,
            log: Vec::new(),
            complaints: Vec::new(),
            inflight: 0,
            submissions: 0,
            opened: 0,
            ending: false,
            cursors: None,
            generation: 0,
            busy_until: None,
        }
    }

    /// The process at our end is another one.
    pub(crate) fn new_life(&mut self, cursors: Cursors) {
        self.life += 1;
        self.generation += 1;
        self.inflight = 0;
        self.ending = false;
        self.busy_until = None;
        self.cursors = Some(cursors);
    }

    pub(crate) fn heal(&mut self) {
        self.fails_once_in = 0;
        self.down_until = None;
    }

    /// Deliveries of what had been delivered.
    pub(crate) fn repeats(&self) -> usize {
        let different: BTreeSet<u64> = self.log.iter().map(|taken| taken.offset).collect();
        self.log.len() - different.len()
    }

    fn is_down(&self) -> bool {
        self.down_until.is_some_and(|until| Instant::now() < until)
    }

    fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    fn take(&mut self, offset: u64, told: Told) {
        if told.poison {
            self.complain(format!("poison {offset} was stored"));
        }
        let (key, life) = (told.key, self.life);
        self.log.push(Delivered { offset, key, life });
    }

    /// Looks at what the mover promised for every submission.
    fn check_submission(&mut self, batch: &Batch, offsets: &[u64]) {
        self.submissions += 1;
        self.inflight += 1;
        let limits = self.limits;
        if self.inflight > limits.inflight_batches {
            self.complain(format!("{} batches in flight", self.inflight));
        }
        if offsets.is_empty() {
            self.complain("an empty batch".to_owned());
        }
        if !offsets.is_sorted() {
            self.complain(format!("not ascending: {offsets:?}"));
        }
        if offsets.len() as u64 > limits.batch_records {
            self.complain(format!("a batch of {} records", offsets.len()));
        }
        let bytes: usize = batch.frames().map(|frame| frame.payload.len()).sum();
        if bytes > limits.batch_bytes && offsets.len() > 1 {
            self.complain(format!("a batch of {bytes} bytes"));
        }
        let cursors = self.cursors.clone().unwrap();
        let stored = cursors.load(NAME).unwrap().unwrap();
        if batch.to() > stored + limits.window_records {
            self.complain(format!(
                "submitted up to {} with the cursor at {stored}",
                batch.to()
            ));
        }
    }
}

/// The sink under the mover. Its vector and its holes live and die with the process.
pub(crate) struct FakeSink {
    pub(crate) server: Arc<Mutex<Server>>,
    own: Arc<Mutex<Own>>,
}

/// What the ordered sink knows of its partitions.
#[derive(Default)]
struct Own {
    /// One past the last delivered record of each partition.
    vector: BTreeMap<u64, u64>,
    holes: BTreeSet<u64>,
    generation: u64,
}

impl Own {
    fn has(&self, offset: u64, key: u8) -> bool {
        let partition = u64::from(key) % PARTITIONS;
        let next = self.vector.get(&partition).copied().unwrap_or(0);
        offset < next && !self.holes.contains(&offset)
    }

    fn note(&self) -> Vec<u8> {
        let mut note = Vec::new();
        for partition in 0..PARTITIONS {
            let next = self.vector.get(&partition).copied().unwrap_or(0);
            note.extend_from_slice(&next.to_le_bytes());
        }
        for hole in &self.holes {
            note.extend_from_slice(&hole.to_le_bytes());
        }
        note
    }

    fn of_note(note: &[u8]) -> Self {
        let mut numbers = note
            .chunks_exact(8)
            .map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap()));
        let vector = (0..PARTITIONS).zip(numbers.by_ref()).collect();
        Self {
            vector,
            holes: numbers.collect(),
            generation: 0,
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl FakeSink {
    pub(crate) fn new(server: Arc<Mutex<Server>>) -> Self {
        Self {
            server,
            own: Arc::default(),
        }
    }
}

/// Counts a batch out when it is answered; only a mover that ends may drop it before.
struct Inflight {
    server: Arc<Mutex<Server>>,
    life: u32,
    answered: bool,
}

impl Drop for Inflight {
    fn drop(&mut self) {
        let mut server = lock(&self.server);
        if server.life == self.life {
            server.inflight -= 1;
            if !self.answered && !server.ending {
                server.complain("a batch was given up before its answer".to_owned());
            }
        }
    }
}

impl Sink for FakeSink {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self) -> Limits {
        lock(&self.server).limits
    }

    async fn open(&mut self, resume: Resume<'_>) -> Result<(), Trouble> {
        let wait = lock(&self.server).random.below(20);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let mut server = lock(&self.server);
        server.opened += 1;
        if server.inflight > 0 {
            server.complain("opened with batches in flight".to_owned());
        }
        if server.is_down() {
            return Err(Trouble::new(Code::Unreachable, "nobody there"));
        }
        server.generation += 1;
        server.busy_until = None;
        let mut own = lock(&self.own);
        if !resume.again {
            *own = Own::of_note(resume.note);
        }
        own.generation = server.generation;
        Ok(())
    }

    async fn submit(&mut self, batch: Batch) -> Completion {
        let offsets: Vec<u64> = batch.frames().map(|frame| frame.offset).collect();
        let wait = {
            let mut server = lock(&self.server);
            server.check_submission(&batch, &offsets);
            server.random.once_in(10).then(|| server.random.below(30))
        };
        let mut inflight = Inflight {
            server: Arc::clone(&self.server),
            life: lock(&self.server).life,
            answered: false,
        };
        if let Some(wait) = wait {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        let (server, own) = (Arc::clone(&self.server), Arc::clone(&self.own));
        let (at, ordered) = {
            let mut server = lock(&server);
            let most = server.delay_max_ms + 1;
            let delay = server.random.below(most);
            let mut at = Instant::now() + Duration::from_millis(delay);
            if server.ordered {
                at = at.max(server.busy_until.unwrap_or(at));
                server.busy_until = Some(at);
            }
            (at, server.ordered)
        };
        Box::pin(async move {
            tokio::time::sleep_until(at).await;
            let verdict = if ordered {
                lock(&server).answer_in_order(&batch, &mut lock(&own))
            } else {
                lock(&server).answer_in_bulk(&batch)
            };
            inflight.answered = true;
            drop(inflight);
            verdict
        })
    }

    fn resume_note(&self) -> Vec<u8> {
        lock(&self.own).note()
    }

    async fn close(&mut self) {
        let wait = lock(&self.server).random.below(20);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

impl Server {
    fn fails(&mut self) -> bool {
        self.is_down() || self.fails_once_in > 0 && self.random.once_in(self.fails_once_in)
    }

    fn retry(&mut self) -> Verdict {
        let wish = self.random.below(3000);
        Verdict::Retry {
            trouble: Trouble::new(Code::Unavailable, "not now"),
            after: self.random.once_in(3).then(|| Duration::from_millis(wish)),
        }
    }

    /// A prefix of what came, and nothing behind a failure.
    fn answer_in_order(&mut self, batch: &Batch, own: &mut Own) -> Verdict {
        if own.generation != self.generation {
            return self.retry();
        }
        let keep = if self.fails() {
            self.generation += 1;
            self.random.below(batch.len() + 1)
        } else {
            batch.len()
        };
        let mut refused = Vec::new();
        for frame in batch.frames().take(keep as usize) {
            let told = told(frame.payload);
            if own.has(frame.offset, told.key) {
                continue;
            }
            if told.poison {
                own.holes.insert(frame.offset);
                refused.push(Refused {
                    offset: frame.offset,
                    reason: format!("poison at {}", frame.offset),
                });
                continue;
            }
            self.take(frame.offset, told);
            own.holes.remove(&frame.offset);
            let partition = u64::from(told.key) % PARTITIONS;
            own.vector.insert(partition, frame.offset + 1);
        }
        if own.generation == self.generation {
            Verdict::Done { refused }
        } else {
            self.retry()
        }
    }

    /// All or nothing, or all but some.
    fn answer_in_bulk(&mut self, batch: &Batch) -> Verdict {
        if self.fails() {
            if self.random.once_in(3) {
                // It has it, and the answer is lost.
                self.take_all(batch);
            }
            return self.retry();
        }
        let poison: Vec<u64> = batch
            .frames()
            .filter(|frame| told(frame.payload).poison)
            .map(|frame| frame.offset)
            .collect();
        let refused = |offsets: &[u64]| {
            offsets
                .iter()
                .map(|offset| Refused {
                    offset: *offset,
                    reason: format!("poison at {offset}"),
                })
                .collect()
        };
        let large = batch.frames().count() > 1 && self.random.once_in(30);
        if large {
            return Verdict::Split(Trouble::new(Code::TooLarge, "too large"));
        }
        if poison.is_empty() {
            self.take_all(batch);
            return Verdict::done();
        }
        match self.random.below(3) {
            0 => Verdict::Split(Trouble::new(Code::BadRecord, "something is wrong")),
            1 => Verdict::Without {
                refused: refused(&poison[..1]),
            },
            _ => {
                self.take_all(batch);
                Verdict::Done {
                    refused: refused(&poison),
                }
            }
        }
    }

    fn take_all(&mut self, batch: &Batch) {
        for frame in batch.frames() {
            let told = told(frame.payload);
            if !told.poison {
                self.take(frame.offset, told);
            }
        }
    }
}
