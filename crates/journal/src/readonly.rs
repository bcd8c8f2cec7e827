//! Looking at a journal without writing: no lock, works beside a running node and on a stopped one. A view ends
//! where the journal ended when it was opened; the last records of a running node may not be durable yet.

use std::sync::Arc;

use crate::recovery::{self, Damage, Mode};
use crate::segment::View;
use crate::{ClockKind, Error, Id, JournalName, Options, Reader, Redactions, Storage};

/// A journal opened for reading only.
pub struct ReadOnly {
    view: Arc<View>,
    info: Info,
    options: Options,
    known: Redactions,
}

/// What a journal is and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    pub id: Id,
    pub name: JournalName,
    pub clock_kind: ClockKind,
    pub first_offset: u64,
    pub next_offset: u64,
    pub segments: usize,
    /// Room the segments take, preallocated room included.
    pub bytes: u64,
}

/// Result of reading every byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    pub segments: usize,
    pub records: u64,
    pub damaged: Vec<Damage>,
    /// Bytes after the last record that are not zero: a torn write, or one under way.
    pub torn_bytes: u64,
    /// Frames named by redaction records (of `inputs`).
    pub redacted: u64,
}

impl VerifyReport {
    /// Records that are missing inside.
    pub fn damaged_records(&self) -> u64 {
        self.damaged
            .iter()
            .map(|damage| damage.to_offset - damage.from_offset)
            .sum()
    }
}

impl ReadOnly {
    pub fn open(storage: Arc<dyn Storage>, name: JournalName) -> Result<Self, Error> {
        Self::open_with(storage, Options::new(name))
    }

    /// With what is known of redacted frames: without it one that a crash has torn may pass for damage.
    pub fn open_with(storage: Arc<dyn Storage>, options: Options) -> Result<Self, Error> {
        let name = options.name;
        let found = match recovery::look(&*storage, &options, Mode::LookOnly, 0) {
            Ok(Some(found)) => found,
            Ok(None) => return Err(Error::Missing { journal: name }),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Missing { journal: name });
            }
            Err(error) => return Err(error),
        };
        let info = Info {
            id: found.header.id,
            name,
            clock_kind: found.header.clock_kind,
            first_offset: found.segments.first_offset().unwrap_or(found.next),
            next_offset: found.next,
            segments: found.segments.list.len(),
            bytes: found.segments.bytes(),
        };
        let view = View {
            storage,
            name,
            id: found.header.id,
            segments: found.segments,
            named: found.named,
            end: found.next,
        };
        Ok(Self {
            view: Arc::new(view),
            info,
            options,
            known: found.redactions,
        })
    }

    pub fn info(&self) -> &Info {
        &self.info
    }

    pub fn reader(&self, from: u64) -> Reader {
        Reader::fixed(Arc::clone(&self.view), from)
    }

    /// The redactions of the newest segment: every one that may not be carried out yet.
    pub fn known_redactions(&self) -> &Redactions {
        &self.known
    }

    /// Every redaction recorded at or after `from` (of `inputs`).
    pub fn redactions(&self, from: u64) -> Result<Redactions, Error> {
        Redactions::read(&mut self.reader(from))
    }

    /// Reads and checks everything, as it is now.
    pub fn verify(&self) -> Result<VerifyReport, Error> {
        let storage = &*self.view.storage;
        let found = recovery::look(storage, &self.options, Mode::LookOnly, u64::MAX)?.ok_or(
            Error::Missing {
                journal: self.view.name,
            },
        )?;
        Ok(VerifyReport {
            segments: found.recovery.segments,
            records: found.recovery.records,
            damaged: found.recovery.damaged,
            torn_bytes: found.recovery.torn_bytes,
            redacted: found.redactions.len() as u64,
        })
    }
}
