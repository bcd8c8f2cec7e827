//! Writing the evidence store. Owner of the files: the node. The keeper appends, the redactor blanks; one lock covers reading a
//! record of `inputs` and appending it, so that what the redactor overwrites is either not kept any more or found here.
//!
//! Bounds: [`Limits`]; the oldest segment goes when the store is too large or the segment too old, and is counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use journal::Storage;
use journal::storage::{Access, File};

use super::format::{
    self, FILE_HEADER_BYTES, FLAGS_AT, FrameRef, FrameState, HEADER_BYTES, Head, Header, KeptFrame,
    Kind, Life,
};

pub(super) const FOLDER: &str = "evidence";
const ENDING: &str = ".ev";

/// Bounds of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) bytes_max: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) retain_ns: i64,
}

/// What it holds and lost, for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) kept: AtomicU64,
    pub(crate) frames: AtomicU64,
    /// Records of `inputs` that an alert names and that could not be kept.
    pub(crate) missing: AtomicU64,
    pub(crate) blanked: AtomicU64,
    pub(crate) segments_dropped: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

pub(crate) struct Store {
    storage: Arc<dyn Storage>,
    limits: Limits,
    journal: [u8; 16],
    inner: Mutex<Inner>,
    pub(crate) figures: Arc<Figures>,
}

#[derive(Default)]
struct Inner {
    segments: BTreeMap<u32, Segment>,
    current: Option<Current>,
}

#[derive(Default)]
struct Segment {
    bytes: u64,
    newest: i64,
    /// Offset in `inputs`, position in the file, length; for blanking.
    frames: Vec<(u64, u64, usize)>,
}

/// The segment that is written.
struct Current {
    number: u32,
    file: Arc<dyn File>,
    held: Held,
}

/// What the segment holds already.
#[derive(Clone, Default)]
struct Held {
    frames: HashMap<u64, [u8; 32]>,
    packs: HashSet<u64>,
    /// Key and offset in `outcomes`.
    evidence: HashSet<(u64, u64)>,
    life: HashSet<(u64, u64)>,
}

pub(super) fn path(number: u32) -> String {
    format!("{FOLDER}/{number:010}{ENDING}")
}

/// Numbers of the segments there are, ascending.
pub(super) fn list(storage: &dyn Storage) -> io::Result<Vec<u32>> {
    let names = match storage.list(FOLDER) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let numbers = names.iter().filter_map(|name| name.strip_suffix(ENDING));
    let mut numbers: Vec<u32> = numbers.filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

pub(super) fn read_whole(storage: &dyn Storage, number: u32) -> io::Result<Vec<u8>> {
    let file = storage.open(&path(number), Access::Read)?;
    let length = usize::try_from(file.bytes()?).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let count = file.read_at(&mut bytes[filled..], filled as u64)?;
        if count == 0 {
            break;
        }
        filled += count;
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The records of a segment with their positions, up to the first that is not whole.
pub(super) fn records(bytes: &[u8]) -> impl Iterator<Item = (usize, Header, &[u8])> {
    let mut at = FILE_HEADER_BYTES;
    std::iter::from_fn(move || {
        let header = Header::read(bytes.get(at..)?)?;
        let start = at + HEADER_BYTES;
        let payload = bytes.get(start..start.checked_add(header.length)?)?;
        let position = at;
        at = start + header.length;
        Some((position, header, payload))
    })
}

impl Store {
    /// Finds what is there and cuts off what a crash left unfinished.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        journal: [u8; 16],
        limits: Limits,
    ) -> Result<Self> {
        storage
            .create_dir(FOLDER)
            .context("cannot make the folder of the evidence")?;
        let mut inner = Inner::default();
        let numbers = list(&*storage).context("cannot list the evidence")?;
        for number in &numbers {
            let bytes = read_whole(&*storage, *number)
                .with_context(|| format!("cannot read {}", path(*number)))?;
            let newest = numbers.last() == Some(number);
            let (segment, held) = look(&bytes, newest);
            let whole = segment.bytes;
            inner.segments.insert(*number, segment);
            if !newest || format::read_file_header(&bytes) != Some(journal) {
                continue;
            }
            let file = storage
                .open(&path(*number), Access::Write)
                .with_context(|| format!("cannot open {}", path(*number)))?;
            if whole < bytes.len() as u64 {
                tracing::info!(
                    bytes = bytes.len() as u64 - whole,
                    "torn end of the evidence cut off"
                );
                file.truncate(whole)
                    .and_then(|()| file.sync_data())
                    .context("cannot cut off the torn end of the evidence")?;
            }
            let number = *number;
            inner.current = Some(Current { number, file, held });
        }
        let store = Self {
            storage,
            limits,
            journal,
            inner: Mutex::new(inner),
            figures: Arc::default(),
        };
        store.count_bytes(&store.lock());
        Ok(store)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_bytes(&self, inner: &Inner) {
        let bytes = inner.segments.values().map(|segment| segment.bytes).sum();
        self.figures.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Begins to add. Nothing is kept before [`Turn::commit`].
    pub(super) fn turn(&self) -> Result<Turn<'_>> {
        let mut inner = self.lock();
        let full = match &inner.current {
            Some(current) => inner
                .segments
                .get(&current.number)
                .is_none_or(|segment| segment.bytes >= self.limits.segment_bytes),
            None => true,
        };
        if full {
            self.roll(&mut inner)
                .context("cannot begin a segment of the evidence")?;
        }
        Ok(Turn {
            store: self,
            inner,
            batch: Vec::new(),
            frames: Vec::new(),
            added: Held::default(),
            newest: i64::MIN,
        })
    }

    fn roll(&self, inner: &mut Inner) -> io::Result<()> {
        let number = inner
            .segments
            .last_key_value()
            .map_or(0, |(last, _)| last + 1);
        let file = self.storage.create(&path(number))?;
        let header = format::file_header(self.journal, number);
        file.write_at(&mut [IoSlice::new(&header)], 0)?;
        file.sync_data()?;
        self.storage.sync_dir(FOLDER)?;
        let segment = Segment {
            bytes: header.len() as u64,
            newest: i64::MIN,
            frames: Vec::new(),
        };
        inner.segments.insert(number, segment);
        inner.current = Some(Current {
            number,
            file,
            held: Held::default(),
        });
        Ok(())
    }

    /// Overwrites what is kept of these records of `inputs`; durable when it returns. May be done twice.
    pub(crate) fn blank(&self, offsets: &[u64]) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let offsets: BTreeSet<u64> = offsets.iter().copied().collect();
        let mut inner = self.lock();
        if let Some(current) = &mut inner.current {
            // Named again, it is looked for again, and found to be redacted.
            current
                .held
                .frames
                .retain(|offset, _| !offsets.contains(offset));
        }
        for (number, segment) in &inner.segments {
            let found = segment.frames.iter();
            let found: Vec<_> = found
                .filter(|(offset, ..)| offsets.contains(offset))
                .collect();
            if found.is_empty() {
                continue;
            }
            let what = || format!("cannot overwrite in {}", path(*number));
            let file = self
                .storage
                .open(&path(*number), Access::Write)
                .with_context(what)?;
            for (_, position, length) in &found {
                let bytes = format::blank(*length);
                file.write_at(&mut [IoSlice::new(&bytes)], position + FLAGS_AT as u64)
                    .with_context(what)?;
            }
            file.sync_data().with_context(what)?;
            let count = found.len() as u64;
            self.figures.blanked.fetch_add(count, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The bytes of a pack that the store holds.
    pub(super) fn pack(&self, digest: &[u8; 32]) -> io::Result<Option<Vec<u8>>> {
        let inner = self.lock();
        for number in inner.segments.keys().rev() {
            let bytes = read_whole(&*self.storage, *number)?;
            let found = records(&bytes).find_map(|(_, header, payload)| {
                let pack = payload.strip_prefix(digest.as_slice())?;
                let is_it = header.kind == Kind::Pack && header.holds(payload);
                is_it.then(|| pack.to_vec())
            });
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn trim(&self, inner: &mut Inner) -> io::Result<()> {
        let newest = inner.segments.values().map(|segment| segment.newest).max();
        let oldest_kept = newest
            .unwrap_or(i64::MIN)
            .saturating_sub(self.limits.retain_ns);
        while inner.segments.len() > 1 {
            let bytes: u64 = inner.segments.values().map(|segment| segment.bytes).sum();
            let Some((number, oldest)) = inner.segments.first_key_value() else {
                break;
            };
            if bytes <= self.limits.bytes_max && oldest.newest >= oldest_kept {
                break;
            }
            let number = *number;
            self.storage.remove(&path(number))?;
            self.storage.sync_dir(FOLDER)?;
            inner.segments.remove(&number);
            self.figures
                .segments_dropped
                .fetch_add(1, Ordering::Relaxed);
            tracing::info!(
                segment = number,
                "the oldest evidence goes (evidence.bytes_max, evidence.retain_days)"
            );
        }
        Ok(())
    }
}

/// What a segment holds. Of the newest, the end that a crash tore off does not count.
fn look(bytes: &[u8], newest: bool) -> (Segment, Held) {
    let mut segment = Segment {
        bytes: bytes.len().min(FILE_HEADER_BYTES) as u64,
        newest: i64::MIN,
        frames: Vec::new(),
    };
    let mut held = Held::default();
    for (position, header, payload) in records(bytes) {
        let end = (position + HEADER_BYTES + payload.len()) as u64;
        let good = header.blanked || header.holds(payload);
        // A record that is not whole with nothing whole behind it was being written.
        if good || !newest {
            segment.bytes = end;
        }
        segment.newest = segment.newest.max(header.stamp);
        if header.kind == Kind::Frame {
            segment
                .frames
                .push((header.key, position as u64, payload.len()));
        }
        if !good {
            continue;
        }
        match header.kind {
            Kind::Frame if !header.blanked => {
                held.frames.insert(header.key, format::sha256(payload));
            }
            Kind::Frame => {}
            Kind::Pack => {
                held.packs.insert(header.key);
            }
            Kind::Evidence => {
                if let Some((head, _)) = Head::from_bytes(payload) {
                    held.evidence.insert((header.key, head.outcome));
                }
            }
            Kind::Life => {
                if let Ok(life) = serde_json::from_slice::<Life>(payload) {
                    held.life.insert((header.key, life.outcome));
                }
            }
        }
    }
    if !newest {
        segment.bytes = bytes.len() as u64;
    }
    let whole = segment.bytes;
    segment.frames.retain(|(_, position, _)| *position < whole);
    (segment, held)
}

/// Adding to the store: holds its lock from the reading of a record to its append.
pub(super) struct Turn<'a> {
    store: &'a Store,
    inner: MutexGuard<'a, Inner>,
    batch: Vec<u8>,
    /// Of the batch: offset, position in it, length.
    frames: Vec<(u64, usize, usize)>,
    added: Held,
    newest: i64,
}

impl Turn<'_> {
    fn held<T>(&self, look: impl Fn(&Held) -> Option<T>) -> Option<T> {
        let current = self.inner.current.as_ref();
        look(&self.added).or_else(|| current.and_then(|current| look(&current.held)))
    }

    fn put(&mut self, kind: Kind, key: u64, stamp: i64, payload: &[u8]) {
        self.newest = self.newest.max(stamp);
        format::put(kind, key, stamp, payload, &mut self.batch);
    }

    /// Digest of a record of `inputs` that the segment holds.
    pub(super) fn has_frame(&self, offset: u64) -> Option<[u8; 32]> {
        self.held(|held| held.frames.get(&offset).copied())
    }

    pub(super) fn frame(&mut self, frame: &KeptFrame, stamp: i64) -> [u8; 32] {
        let payload = frame.to_bytes();
        let digest = format::sha256(&payload);
        self.frames
            .push((frame.offset, self.batch.len(), payload.len()));
        self.put(Kind::Frame, frame.offset, stamp, &payload);
        self.added.frames.insert(frame.offset, digest);
        digest
    }

    pub(super) fn has_pack(&self, digest: &[u8; 32]) -> bool {
        let key = format::key_of(digest);
        self.held(|held| held.packs.contains(&key).then_some(()))
            .is_some()
    }

    pub(super) fn pack(&mut self, digest: &[u8; 32], pack: &[u8], stamp: i64) {
        let key = format::key_of(digest);
        self.put(Kind::Pack, key, stamp, &format::pack_bytes(digest, pack));
        self.added.packs.insert(key);
    }

    pub(super) fn has_evidence(&self, alert: &str, outcome: u64) -> bool {
        let key = (format::key_of(alert.as_bytes()), outcome);
        self.held(|held| held.evidence.contains(&key).then_some(()))
            .is_some()
    }

    pub(super) fn evidence(&mut self, head: &Head, transition: &[u8], stamp: i64) {
        let key = format::key_of(head.alert.as_bytes());
        self.put(Kind::Evidence, key, stamp, &head.to_bytes(transition));
        self.added.evidence.insert((key, head.outcome));
        let figures = &self.store.figures;
        figures.kept.fetch_add(1, Ordering::Relaxed);
        let of = |wanted: fn(&FrameRef) -> bool| {
            head.frames.iter().filter(|frame| wanted(frame)).count() as u64
        };
        let kept = of(|frame| frame.state == FrameState::Kept);
        figures.frames.fetch_add(kept, Ordering::Relaxed);
        let missing = of(|frame| frame.state != FrameState::Kept);
        figures.missing.fetch_add(missing, Ordering::Relaxed);
    }

    pub(super) fn life(&mut self, life: &Life, stamp: i64) {
        let key = (format::key_of(life.alert.as_bytes()), life.outcome);
        if self
            .held(|held| held.life.contains(&key).then_some(()))
            .is_some()
        {
            return;
        }
        // Plain texts and numbers: there is nothing in it that JSON cannot hold.
        let payload = serde_json::to_vec(life).unwrap_or_default();
        self.put(Kind::Life, key.0, stamp, &payload);
        self.added.life.insert(key);
    }

    /// Durable when it returns; on an error nothing of the turn is kept.
    pub(super) fn commit(mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let inner = &mut *self.inner;
        let Some(current) = &mut inner.current else {
            anyhow::bail!("the evidence has no segment to write to");
        };
        let Some(segment) = inner.segments.get_mut(&current.number) else {
            anyhow::bail!("the evidence has no segment to write to");
        };
        let start = segment.bytes;
        current
            .file
            .write_at(&mut [IoSlice::new(&self.batch)], start)
            .and_then(|()| current.file.sync_data())
            .with_context(|| format!("cannot write {}", path(current.number)))?;
        segment.bytes += self.batch.len() as u64;
        segment.newest = segment.newest.max(self.newest);
        let frames = self.frames.drain(..);
        segment.frames.extend(
            frames.map(|(offset, position, length)| (offset, start + position as u64, length)),
        );
        let added = std::mem::take(&mut self.added);
        current.held.frames.extend(added.frames);
        current.held.packs.extend(added.packs);
        current.held.evidence.extend(added.evidence);
        current.held.life.extend(added.life);
        self.store
            .trim(inner)
            .context("cannot remove the oldest evidence")?;
        self.store.count_bytes(inner);
        Ok(())
    }
}
