//! Opening a journal for writing: recovery first, then the start-up fold reads, then the committer starts.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::aside;
use crate::committer::{Active, Committer};
use crate::format::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::options::State;
use crate::queue::Queue;
use crate::recovery::{self, Found, Mode, Recovery};
use crate::redaction::Named;
use crate::reserve::Reserves;
use crate::segment::{self, Segments, View};
use crate::shared::{Head, Shared};
use crate::storage::{Access, remove_temporary, replace};
use crate::{
    Clock, Error, Id, Journal, Options, Preallocate, Reader, Redactions, Stamp, Stats, Storage,
};

/// A journal after recovery, with nothing running. The caller holds the lock of the data directory.
pub struct Opened {
    storage: Arc<dyn Storage>,
    options: Options,
    id: Id,
    segments: Segments,
    recovery: Recovery,
    next: u64,
    last_stamp: Option<Stamp>,
    /// Where the last segment can be continued: base and position.
    continued: Option<(u64, u64)>,
    named: Arc<Named>,
    /// What the verified part of the journal (from the second on) says of redacted frames.
    redactions: (Redactions, u64),
}

impl Opened {
    /// Opens, or creates if there is none. Damaged bytes are set aside and reported ([`Opened::recovery`]),
    /// never a reason not to start.
    pub fn open(storage: Arc<dyn Storage>, options: Options) -> Result<Self, Error> {
        options.check()?;
        let folder = options.name.folder();
        storage
            .create_dir(folder)
            .map_err(Error::io("create", folder))?;
        remove_temporary(&*storage, folder).map_err(Error::io("tidy", folder))?;
        let found = recovery::look(&*storage, &options, Mode::Repair, options.verify_bytes_max)?;
        match found {
            Some(found) => Self::existing(storage, options, found),
            None => Self::create(storage, options),
        }
    }

    fn create(storage: Arc<dyn Storage>, options: Options) -> Result<Self, Error> {
        let path = recovery::identity_path(&options);
        let id = Id(storage
            .random()
            .map_err(Error::io("find randomness for", &path))?);
        write_identity(&*storage, &options, id)?;
        let named = Arc::new(Named::new(options.blank, []));
        Ok(Self {
            storage,
            options,
            id,
            segments: Segments::default(),
            recovery: Recovery::default(),
            next: 0,
            last_stamp: None,
            continued: None,
            named,
            redactions: (Redactions::default(), 0),
        })
    }

    fn existing(storage: Arc<dyn Storage>, options: Options, found: Found) -> Result<Self, Error> {
        let header = found.header;
        if header.clock_kind != options.clock_kind {
            return Err(Error::ClockKind {
                journal: options.name,
                found: header.clock_kind,
                wanted: options.clock_kind,
            });
        }
        aside::set_aside(&*storage, &options, &found);
        recovery::settle(&*storage, &options, &found)?;
        let Found {
            segments,
            recovery,
            next,
            position,
            last_stamp,
            named,
            redactions,
            verified_from,
            ..
        } = found;
        let last = segments.list.back().map(|last| last.base);
        if recovery::read_identity(&*storage, &options)?.is_none() {
            write_identity(&*storage, &options, header.id)?;
        }
        let continued = last.map(|base| (base, position.max(SEGMENT_HEADER_BYTES as u64)));
        let id = header.id;
        Ok(Self {
            storage,
            options,
            id,
            segments,
            recovery,
            next,
            last_stamp,
            continued,
            named,
            redactions: (redactions, verified_from),
        })
    }

    pub fn id(&self) -> Id {
        self.id
    }

    /// Times of the last record.
    pub fn last_stamp(&self) -> Option<Stamp> {
        self.last_stamp
    }

    pub fn first_offset(&self) -> u64 {
        self.segments.first_offset().unwrap_or(self.next)
    }

    pub fn next_offset(&self) -> u64 {
        self.next
    }

    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Reads what is on disk and ends at `next_offset`.
    pub fn reader(&self, from: u64) -> Reader {
        let view = View {
            storage: Arc::clone(&self.storage),
            name: self.options.name,
            id: self.id,
            segments: self.segments.clone(),
            named: Arc::clone(&self.named),
            end: self.next,
        };
        Reader::fixed(Arc::new(view), from)
    }

    /// The redactions of the part that recovery verified.
    pub fn known_redactions(&self) -> &Redactions {
        &self.redactions.0
    }

    /// Every redaction recorded at or after `from`: what a fold from there on needs to know, since a frame is always
    /// named behind itself. Usually known from the recovery.
    pub fn redactions(&self, from: u64) -> Result<Redactions, Error> {
        let (known, verified_from) = &self.redactions;
        if from >= *verified_from {
            return Ok(known.clone());
        }
        Redactions::read(&mut self.reader(from))
    }

    /// Never gives out offsets below `offset` again. For the case that damage took the end of this journal, which
    /// the journal itself cannot see, but a snapshot or the other journal can: the offsets in between read as a gap.
    pub fn skip_to(&mut self, offset: u64) -> Result<(), Error> {
        if offset < self.next {
            let (journal, next) = (self.options.name, self.next);
            return Err(Error::Position {
                journal,
                position: offset,
                next,
            });
        }
        if offset > self.next {
            tracing::warn!(journal = %self.options.name, from = self.next, to = offset,
                "records that others know of are missing at the end of this journal");
            self.next = offset;
            self.continued = None;
        }
        Ok(())
    }

    /// Starts the committer. `Disaster` and `System` may be written at once even if the volume is full.
    pub fn start(self, clock: Arc<dyn Clock>) -> Result<Journal, Error> {
        let (shared, committer) = self.into_parts(clock)?;
        Journal::start(shared, committer)
    }

    pub(crate) fn into_parts(
        self,
        clock: Arc<dyn Clock>,
    ) -> Result<(Arc<Shared>, Committer), Error> {
        let active = self.reopen()?;
        let reserves = Reserves::new(&self.options);
        let shared = Arc::new(Shared {
            id: self.id,
            queue: Queue::new(&self.options),
            options: self.options,
            storage: self.storage,
            head: watch::Sender::new(Head {
                next: self.next,
                ended: None,
            }),
            state: watch::Sender::new(State::Ok),
            tail: Mutex::default(),
            segments: Mutex::new(self.segments),
            holds: Mutex::default(),
            named: self.named,
            stats: Mutex::new(Stats::default()),
        });
        let committer = Committer::new(
            Arc::clone(&shared),
            clock,
            active,
            self.next,
            self.last_stamp,
            reserves,
        )?;
        committer.count_recovery(&self.recovery);
        Ok((shared, committer))
    }

    /// The last segment, to be continued; `None` if a new one has to be begun.
    fn reopen(&self) -> Result<Option<Active>, Error> {
        let Some((base, position)) = self.continued else {
            return Ok(None);
        };
        let path = segment::path(self.options.name, base);
        let file = self
            .storage
            .open(&path, Access::Write)
            .map_err(Error::io("open", &path))?;
        let bytes = file.bytes().map_err(Error::io("read", &path))?;
        let capacity = self.options.segment_bytes.max(bytes);
        if bytes < capacity {
            // Without it commits still work; a full volume shows itself at the first of them.
            let how = self.options.preallocate;
            if let Err(error) = file.preallocate(capacity, how) {
                tracing::debug!(%path, %error, "cannot preallocate the last segment");
            } else if how != Preallocate::None {
                file.sync_data().map_err(Error::io("sync", &path))?;
            }
        }
        Ok(Some(Active::at(
            file, self.id, base, position, capacity, false,
        )))
    }
}

fn write_identity(storage: &dyn Storage, options: &Options, id: Id) -> Result<(), Error> {
    let header = SegmentHeader {
        name: options.name,
        clock_kind: options.clock_kind,
        id,
        base: 0,
        created: Stamp {
            journal_ns: 0,
            wall_ns: 0,
        },
    };
    let path = recovery::identity_path(options);
    replace(storage, options.name.folder(), &path, &header.encode())
        .map_err(Error::io("write", &path))
}
