//! What a journal is told when it is opened, and the small words of its contract.

use crate::{Blank, Error};

/// Which of the two journals; also its folder below the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JournalName {
    /// What happened.
    Inputs,
    /// What the monitor concluded.
    Outcomes,
}

impl JournalName {
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Outcomes => "outcomes",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Inputs => 1,
            Self::Outcomes => 2,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Inputs),
            2 => Some(Self::Outcomes),
            _ => None,
        }
    }
}

impl std::fmt::Display for JournalName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.folder())
    }
}

/// Whose time the journal runs on. A journal keeps its kind for life: opening it with the other is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockKind {
    Real,
    Scenario,
}

impl std::fmt::Display for ClockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Real => "real",
            Self::Scenario => "scenario",
        })
    }
}

impl ClockKind {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Real => 1,
            Self::Scenario => 2,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Real),
            2 => Some(Self::Scenario),
            _ => None,
        }
    }
}

/// The two times of a record: journal time (the only clock of the domain) and wall time, both in
/// nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    pub journal_ns: i64,
    pub wall_ns: i64,
}

/// Where the committer takes its time from, once a commit.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Stamp;
}

/// Identity of a journal: random at its creation, new after a restore.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub [u8; 16]);

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Id({self})")
    }
}

/// Which reserve an append may use when the volume or the size bound is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// None: waits, unacknowledged, until there is room.
    Normal,
    /// Messages of disaster topics.
    Disaster,
    /// Commands, clock, sessions and the outcomes.
    System,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Normal, Self::Disaster, Self::System];

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Normal => 0,
            Self::Disaster => 1,
            Self::System => 2,
        }
    }
}

/// What a reader that lags wants at the size bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFull {
    /// Let the oldest segments go and record the exact range.
    Gap,
    /// Keep them: ingest stops instead.
    Hold,
}

/// Why nothing but the reserves is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FullReason {
    /// The volume has no room (ENOSPC, quota).
    Volume,
    /// The size bound is reached and nothing may be deleted: no snapshot covers it, or a `hold` reader needs it.
    Bound,
    /// The storage refuses for another reason that can pass (read-only, permission, no descriptors).
    Refused(String),
}

impl std::fmt::Display for FullReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Volume => f.write_str("the volume is full"),
            Self::Bound => f.write_str("the size bound is reached and nothing may be deleted"),
            Self::Refused(why) => write!(f, "the storage refuses: {why}"),
        }
    }
}

/// What a running journal can do at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Ok,
    /// `Normal` appends wait; `Disaster` and `System` use their reserves. Ends by itself when there is room.
    Full {
        why: FullReason,
    },
    /// A write or sync failed. Final: nothing is acknowledged any more; the process must end and read again.
    Poisoned {
        error: String,
    },
}

/// How the room of a segment is taken in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preallocate {
    /// Not at all: every commit grows the file.
    None,
    /// Extents are reserved (`fallocate`); the file system converts them as they are written.
    Reserve,
    /// Extents are reserved and zeros written in the background before they are needed, so that a commit changes
    /// no metadata. The first segment is filled at once.
    Zero,
}

/// Bounds and habits of one journal. Everything here has a default by [`Options::new`].
#[derive(Clone, Debug)]
pub struct Options {
    pub name: JournalName,
    pub clock_kind: ClockKind,
    /// A segment is closed when the next group would pass this size.
    pub segment_bytes: u64,
    /// Bound of all segments together (the reserves come on top while they are unused).
    pub bytes_max: u64,
    /// Segments whose last record is older than this may go, behind a snapshot and every reader.
    pub retain_age_ns: Option<i64>,
    /// Most batches waiting, per class.
    pub queue_batches_max: usize,
    /// Most bytes waiting, per class.
    pub queue_bytes_max: usize,
    /// Committed batches kept in memory for readers near the head.
    pub memory_tail_bytes: usize,
    /// 0 = no such reserve.
    pub reserve_disaster_bytes: u64,
    pub reserve_system_bytes: u64,
    /// Largest payload of one record.
    pub record_bytes_max: usize,
    /// Most bytes written by one commit (one larger batch still goes through).
    pub commit_bytes_max: usize,
    pub preallocate: Preallocate,
    /// How often a full journal tries again, and retention is looked at.
    pub retry_ms: u64,
    /// At opening, segments are verified from the newest backwards up to this many bytes; what is older is verified
    /// when it is read.
    pub verify_bytes_max: u64,
    /// How the content of a redacted frame is blanked.
    pub blank: Blank,
    /// Frames of this journal that redaction records name; `inputs` finds its own by itself.
    pub redacted: Vec<u64>,
}

const MIB: u64 = 1024 * 1024;

impl Options {
    pub fn new(name: JournalName) -> Self {
        Self {
            name,
            clock_kind: ClockKind::Real,
            segment_bytes: 64 * MIB,
            bytes_max: 8 * 1024 * MIB,
            retain_age_ns: None,
            queue_batches_max: 1024,
            queue_bytes_max: 64 * MIB as usize,
            memory_tail_bytes: 32 * MIB as usize,
            reserve_disaster_bytes: match name {
                JournalName::Inputs => 16 * MIB,
                JournalName::Outcomes => 0,
            },
            reserve_system_bytes: 16 * MIB,
            record_bytes_max: 8 * MIB as usize,
            commit_bytes_max: 8 * MIB as usize,
            preallocate: Preallocate::Reserve,
            retry_ms: 250,
            verify_bytes_max: 1024 * MIB,
            blank: match name {
                JournalName::Inputs => crate::inputs::blank,
                JournalName::Outcomes => crate::redaction::blank_all,
            },
            redacted: Vec::new(),
        }
    }

    /// Refuses bounds that cannot work together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |why: &'static str| {
            Err(Error::Options {
                journal: self.name,
                why,
            })
        };
        if self.segment_bytes < 4096 {
            return refuse("segment_bytes must be at least 4096");
        }
        if self.bytes_max < self.segment_bytes.saturating_mul(2) {
            return refuse("bytes_max must be at least two segments");
        }
        if self.queue_batches_max == 0 || self.queue_bytes_max < self.queue_batches_max {
            return refuse("queue bounds must be positive, with at least one byte a batch");
        }
        if self.queue_bytes_max > u32::MAX as usize {
            return refuse("queue_bytes_max must be below 4 GiB");
        }
        if self.record_bytes_max > crate::format::PAYLOAD_BYTES_MAX {
            return refuse("record_bytes_max must not pass 64 MiB");
        }
        if self.record_bytes_max + crate::format::FRAME_HEADER_BYTES > self.queue_bytes_max {
            return refuse("record_bytes_max must fit into queue_bytes_max");
        }
        Ok(())
    }
}
