//! The node around the mover: two journals and cursors on a storage that can be killed, and what was written to them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use journal::inputs::{Kind, Outlet, OutletReport};
use journal::storage::sim::SimStorage;
use journal::storage::{Access, File, Held};
use journal::{
    Batch, Class, Clock, Cursors, Journal, JournalName, Opened, Options, Preallocate, Stamp,
    Storage,
};
use pipeline::{Deps, REJECT_KIND};

use crate::server::{Told, payload};

/// Moves by itself with every look.
pub(crate) struct Ticking(pub(crate) AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Stamp {
        let now = self.0.fetch_add(1_000_000, Ordering::Relaxed);
        Stamp {
            journal_ns: now,
            wall_ns: now,
        }
    }
}

/// The storage of the cursors, which refuses while it is told to.
struct Flaky {
    inner: SimStorage,
    refuses: Arc<AtomicBool>,
}

impl Flaky {
    fn check(&self) -> io::Result<()> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk does not answer"));
        }
        Ok(())
    }
}

impl Storage for Flaky {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.inner.create_dir(dir)
    }
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        self.check()?;
        self.inner.create(path)
    }
    fn open(&self, path: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.inner.open(path, access)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.check()?;
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.inner.remove(path)
    }
    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.check()?;
        self.inner.sync_dir(dir)
    }
    fn lock(&self, path: &str) -> io::Result<Box<dyn Held>> {
        self.inner.lock(path)
    }
    fn random(&self) -> io::Result<[u8; 16]> {
        self.inner.random()
    }
}

/// One life of a node.
pub(crate) struct Node {
    pub(crate) storage: SimStorage,
    pub(crate) outcomes: Journal,
    pub(crate) inputs: Journal,
    pub(crate) cursors: Cursors,
    /// Cursors cannot be stored while it is true.
    pub(crate) cursors_refuse: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

fn options(name: JournalName, bytes_max: u64) -> Options {
    let mut options = Options::new(name);
    options.segment_bytes = 4096;
    options.bytes_max = bytes_max;
    options.queue_batches_max = 64;
    options.queue_bytes_max = 256 * 1024;
    options.record_bytes_max = 64 * 1024;
    options.memory_tail_bytes = 4096;
    options.reserve_disaster_bytes = 0;
    options.reserve_system_bytes = 0;
    options.preallocate = Preallocate::None;
    options
}

impl Node {
    pub(crate) fn start(storage: SimStorage, outcomes_bytes_max: u64) -> Self {
        let shared: Arc<dyn Storage> = Arc::new(storage.clone());
        let clock: Arc<dyn Clock> = Arc::new(Ticking(AtomicI64::new(1_000_000_000)));
        let open = |name, bytes_max| {
            Opened::open(Arc::clone(&shared), options(name, bytes_max))
                .unwrap()
                .start(Arc::clone(&clock))
                .unwrap()
        };
        let outcomes = open(JournalName::Outcomes, outcomes_bytes_max);
        let inputs = open(JournalName::Inputs, 1 << 30);
        let cursors_refuse = Arc::new(AtomicBool::new(false));
        let cursors = Cursors::open(Arc::new(Flaky {
            inner: storage.clone(),
            refuses: Arc::clone(&cursors_refuse),
        }))
        .unwrap();
        Self {
            storage,
            outcomes,
            inputs,
            cursors,
            cursors_refuse,
            clock,
        }
    }

    pub(crate) fn deps(&self, seed: u64) -> Deps {
        Deps {
            outcomes: self.outcomes.clone(),
            inputs: self.inputs.appender(),
            cursors: self.cursors.clone(),
            clock: Arc::clone(&self.clock),
            seed,
        }
    }

    /// Appends to outcomes, durably, before anything else goes on. Returns the first offset.
    pub(crate) fn append(&self, records: &[(u8, Told, usize)]) -> u64 {
        let mut batch = Batch::new();
        for (kind, told, bytes) in records {
            batch.push(*kind, |out| out.extend_from_slice(&payload(*told, *bytes)));
        }
        let ticket = self
            .outcomes
            .appender()
            .append_blocking(Class::System, batch)
            .unwrap();
        ticket.wait().unwrap().first_offset
    }

    /// What the sink did not get, as it is on disk.
    pub(crate) fn reports(&self) -> Reports {
        let mut reports = Reports::default();
        let end = self.inputs.next_offset();
        let mut reader = self.inputs.reader(self.inputs.first_offset());
        while reader.position() < end {
            let read = reader.next_blocking(None).unwrap().unwrap();
            for frame in read.frames() {
                assert_eq!(frame.kind, u8::from(Kind::Outlet));
                let outlet = Outlet::decode(frame.version, frame.payload).unwrap();
                assert_eq!(outlet.outlet, crate::server::NAME);
                match outlet.report {
                    OutletReport::Reject {
                        offset,
                        reason,
                        record,
                    } => {
                        reports
                            .rejects
                            .push((offset, reason.to_owned(), record.to_vec()));
                    }
                    OutletReport::Gap { from, to } => reports.gaps.push((from, to)),
                    OutletReport::Notice(_) => panic!("a notice"),
                }
            }
        }
        reports
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Reports {
    pub(crate) rejects: Vec<(u64, String, Vec<u8>)>,
    pub(crate) gaps: Vec<(u64, u64)>,
}

impl Reports {
    pub(crate) fn is_rejected(&self, offset: u64) -> bool {
        self.rejects.iter().any(|reject| reject.0 == offset)
    }

    pub(crate) fn is_gap(&self, offset: u64) -> bool {
        self.gaps
            .iter()
            .any(|(from, to)| (*from..*to).contains(&offset))
    }
}

/// A record as the producer remembers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) kind: u8,
    pub(crate) told: Told,
    pub(crate) bytes: usize,
}

impl Made {
    /// The bytes that its quarantine has to show.
    pub(crate) fn reported(&self) -> Vec<u8> {
        if self.kind == REJECT_KIND {
            Vec::new()
        } else {
            payload(self.told, self.bytes)
        }
    }
}
