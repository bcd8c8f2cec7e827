//! What outlives a node: a disk whose syncs can be held, and a clock that can be moved.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use journal::storage::sim::SimStorage;
use journal::storage::{Access, File, Held};
use journal::{Clock, Preallocate, Stamp, Storage};

/// A clock that tests can move.
#[derive(Clone)]
pub(crate) struct TestClock {
    start: Instant,
    ahead_ns: Arc<AtomicI64>,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        let now_ns = Arc::new(AtomicI64::new(1_700_000_000_000_000_000));
        Self {
            start: Instant::now(),
            ahead_ns: now_ns,
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.ahead_ns
            .fetch_add(by.as_nanos() as i64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Stamp {
        let now = self.ahead_ns.load(Ordering::SeqCst) + self.start.elapsed().as_nanos() as i64;
        Stamp {
            journal_ns: now,
            wall_ns: now,
        }
    }
}

/// Holds every sync while it is shut.
#[derive(Default)]
pub(crate) struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn shut(&self) {
        *self.shut.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    pub(crate) fn open(&self) {
        *self.shut.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(shut, |shut| *shut));
    }
}

/// A storage whose syncs wait for the gate.
pub(crate) struct Gated {
    pub(crate) inner: Arc<dyn Storage>,
    pub(crate) gate: Arc<Gate>,
}

struct GatedFile {
    inner: Arc<dyn File>,
    gate: Arc<Gate>,
}

impl Gated {
    fn wrap(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(GatedFile {
            inner: file,
            gate: Arc::clone(&self.gate),
        })
    }
}

impl Storage for Gated {
    fn create_dir(&self, dir: &str) -> std::io::Result<()> {
        self.inner.create_dir(dir)
    }
    fn list(&self, dir: &str) -> std::io::Result<Vec<String>> {
        self.inner.list(dir)
    }
    fn create(&self, path: &str) -> std::io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.inner.create(path)?))
    }
    fn open(&self, path: &str, access: Access) -> std::io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.inner.open(path, access)?))
    }
    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &str) -> std::io::Result<()> {
        self.inner.remove(path)
    }
    fn sync_dir(&self, dir: &str) -> std::io::Result<()> {
        self.inner.sync_dir(dir)
    }
    fn lock(&self, path: &str) -> std::io::Result<Box<dyn Held>> {
        self.inner.lock(path)
    }
    fn random(&self) -> std::io::Result<[u8; 16]> {
        self.inner.random()
    }
}

impl File for GatedFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> std::io::Result<usize> {
        self.inner.read_at(buffer, position)
    }
    fn write_at(&self, slices: &mut [std::io::IoSlice<'_>], position: u64) -> std::io::Result<()> {
        self.inner.write_at(slices, position)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        self.gate.pass();
        self.inner.sync_data()
    }
    fn bytes(&self) -> std::io::Result<u64> {
        self.inner.bytes()
    }
    fn truncate(&self, bytes: u64) -> std::io::Result<()> {
        self.inner.truncate(bytes)
    }
    fn preallocate(&self, bytes: u64, how: Preallocate) -> std::io::Result<()> {
        self.inner.preallocate(bytes, how)
    }
}

/// A journal's disk and clock, which outlive a node.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) disk: Arc<dyn Storage>,
    pub(crate) sim: SimStorage,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: TestClock,
}

impl World {
    pub(crate) fn new() -> Self {
        let sim = SimStorage::new(7);
        let disk: Arc<dyn Storage> = Arc::new(sim.clone());
        Self {
            disk,
            sim,
            gate: Arc::default(),
            clock: TestClock::new(),
        }
    }

    pub(crate) fn on(disk: Arc<dyn Storage>) -> Self {
        Self {
            disk,
            ..Self::new()
        }
    }

    /// Loses what was not synced, as a power cut does.
    pub(crate) fn power_cut(&self) -> Self {
        let sim = self.sim.power_cut();
        Self {
            disk: Arc::new(sim.clone()),
            sim,
            ..self.clone()
        }
    }
}
