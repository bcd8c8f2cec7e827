//! Redaction: a frame whose payload was personal data keeps its place, its times and its form; the content is zeros.
//!
//! A frame is *named* once a [`inputs::Redaction`] record for it is durable. From then on every reader blanks it on the
//! way out, whatever its checksums say, so a crash in the middle of the overwriting is no damage. Once it is overwritten
//! it says so itself ([`crate::Frame::is_redacted`]) and the name is not needed to read it any more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::inputs::{DecodeError, Kind, Redaction};
use crate::{Error, Frame, JournalName, Reader};

/// Blanks the content of a payload in place: same length, still a record of its kind where the kind is known, and the
/// same again when it is applied twice.
pub type Blank = fn(kind: u8, version: u8, payload: &mut [u8]);

/// The [`Blank`] of a journal whose records this crate does not know: zeros.
pub(crate) fn blank_all(_kind: u8, _version: u8, payload: &mut [u8]) {
    payload.fill(0);
}

/// Names kept after their frame was overwritten: a reader that read the bytes before looks at them after.
const DONE_KEPT: usize = 1024;

/// The named frames of one journal that may not be overwritten yet. Owner: the journal. Bound: what a start found
/// unfinished, what is being overwritten, and [`DONE_KEPT`].
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) blank: Blank,
    /// Whether there is any: the only thing a reader looks at while there is none.
    any: AtomicBool,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    offsets: BTreeSet<u64>,
    done: VecDeque<u64>,
}

impl Named {
    pub(crate) fn new(blank: Blank, offsets: impl IntoIterator<Item = u64>) -> Self {
        let offsets: BTreeSet<u64> = offsets.into_iter().collect();
        Self {
            blank,
            any: AtomicBool::new(!offsets.is_empty()),
            inner: RwLock::new(Inner {
                offsets,
                done: VecDeque::new(),
            }),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    pub(crate) fn contains(&self, offset: u64) -> bool {
        self.any() && self.read().offsets.contains(&offset)
    }

    pub(crate) fn insert(&self, offset: u64) {
        let mut inner = self.write();
        inner.offsets.insert(offset);
        inner.done.retain(|done| *done != offset);
        self.any.store(true, Ordering::Release);
    }

    /// The frame is overwritten, and that is durable.
    pub(crate) fn done(&self, offset: u64) {
        let mut inner = self.write();
        inner.done.push_back(offset);
        if inner.done.len() > DONE_KEPT
            && let Some(oldest) = inner.done.pop_front()
        {
            inner.offsets.remove(&oldest);
        }
    }
}

/// What a redaction record says of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    pub code: String,
    /// Names of the keys that held personal data.
    pub keys: Vec<String>,
}

/// Every redaction that a stretch of `inputs` records, for whoever folds or shows what is redacted. Bound:
/// [`Redactions::MAX`] frames, the lowest offsets go first; equal sayings are kept once.
#[derive(Clone, Debug, Default)]
pub struct Redactions {
    frames: [BTreeMap<u64, usize>; 2],
    sayings: Vec<Redacted>,
    index: BTreeMap<(String, Vec<String>), usize>,
    dropped: u64,
}

impl Redactions {
    /// Most frames: about 50 MB. Past it the fold gives a redacted message its reject without the key names.
    pub const MAX: usize = 1_000_000;

    /// Reads to the end of a journal that does not grow.
    pub fn read(reader: &mut Reader) -> Result<Self, Error> {
        let mut found = Self::default();
        while let Some(batch) = reader.next_blocking(None)? {
            for frame in batch.frames() {
                // One that cannot be decoded is of a newer release; the fold reports it.
                let _ = found.note(&frame);
            }
        }
        Ok(found)
    }

    /// Takes note of the record if it is a redaction; says which frame it names.
    pub fn note(&mut self, frame: &Frame<'_>) -> Result<Option<(JournalName, u64)>, DecodeError> {
        if frame.kind != u8::from(Kind::Redaction) {
            return Ok(None);
        }
        let record = Redaction::decode(frame.version, frame.payload)?;
        self.insert(&record);
        Ok(Some((record.journal, record.offset)))
    }

    fn insert(&mut self, record: &Redaction<'_>) {
        let keys: Vec<String> = record.keys.iter().map(|key| (*key).to_owned()).collect();
        let saying = match self.index.get(&(record.code.to_owned(), keys.clone())) {
            Some(at) => *at,
            None => {
                let code = record.code.to_owned();
                self.sayings.push(Redacted {
                    code: code.clone(),
                    keys: keys.clone(),
                });
                self.index.insert((code, keys), self.sayings.len() - 1);
                self.sayings.len() - 1
            }
        };
        let full = self.len() >= Self::MAX;
        let frames = &mut self.frames[place(record.journal)];
        if full && frames.pop_first().is_some() {
            self.dropped += 1;
        }
        // The first record stands: a second one comes from a crash between the two steps.
        frames.entry(record.offset).or_insert(saying);
    }

    pub fn get(&self, journal: JournalName, offset: u64) -> Option<&Redacted> {
        let at = self.frames[place(journal)].get(&offset)?;
        self.sayings.get(*at)
    }

    /// The named frames of a journal, ascending.
    pub fn offsets(&self, journal: JournalName) -> impl Iterator<Item = u64> {
        self.frames[place(journal)].keys().copied()
    }

    pub fn len(&self) -> usize {
        self.frames.iter().map(BTreeMap::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frames left out for the bound.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

const fn place(journal: JournalName) -> usize {
    match journal {
        JournalName::Inputs => 0,
        JournalName::Outcomes => 1,
    }
}

/// Finds, in one pass, which named frames are not overwritten yet.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    /// Overwritten frames whose record has not come by yet.
    overwritten: BTreeSet<u64>,
    pub(crate) named: BTreeSet<u64>,
}

impl Unfinished {
    pub(crate) fn note(&mut self, frame: &Frame<'_>, redactions: &mut Redactions) {
        if frame.is_redacted() {
            self.overwritten.insert(frame.offset);
        }
        if let Ok(Some((JournalName::Inputs, offset))) = redactions.note(frame)
            && !self.overwritten.remove(&offset)
        {
            self.named.insert(offset);
        }
    }
}
