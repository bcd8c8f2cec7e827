//! The segment being written, and what can go wrong with it.

use std::sync::Arc;

use crate::error::{is_no_space, passes};
use crate::format::{self, SEGMENT_HEADER_BYTES};
use crate::options::FullReason;
use crate::storage::File;

/// The segment being written.
pub(crate) struct Active {
    pub(crate) file: Arc<dyn File>,
    pub(crate) base: u64,
    pub(crate) seed: u32,
    /// Where the next frame goes.
    pub(crate) position: u64,
    /// Where it must end.
    pub(crate) capacity: u64,
    /// It was a reserve: only the classes that have one may write here.
    pub(crate) reserve: bool,
    /// Remains of a failed write lie behind `position` and could not be cut: nothing may follow here.
    pub(crate) spoiled: bool,
    /// A write found no room on the volume: nothing is written here until the journal has recovered.
    pub(crate) exhausted: bool,
}

impl Active {
    /// A fresh segment, as long as its header.
    pub(super) fn new(
        file: Arc<dyn File>,
        id: crate::Id,
        base: u64,
        capacity: u64,
        reserve: bool,
    ) -> Self {
        let position = SEGMENT_HEADER_BYTES as u64;
        Self::at(file, id, base, position, capacity, reserve)
    }

    pub(crate) fn at(
        file: Arc<dyn File>,
        id: crate::Id,
        base: u64,
        position: u64,
        capacity: u64,
        reserve: bool,
    ) -> Self {
        let seed = format::seed(id, base);
        Self {
            file,
            base,
            seed,
            position,
            capacity,
            reserve,
            spoiled: false,
            exhausted: false,
        }
    }

    pub(super) fn room(&self) -> u64 {
        if self.spoiled || self.exhausted {
            0
        } else {
            self.unused()
        }
    }

    pub(super) fn unused(&self) -> u64 {
        self.capacity.saturating_sub(self.position)
    }
}

/// Why something could not be done now.
pub(super) enum Trouble {
    /// It may pass.
    Wait(FullReason),
    /// It is final.
    Fatal(String),
}

impl Trouble {
    pub(super) fn of(what: &str, error: &std::io::Error) -> Self {
        if is_no_space(error) {
            Self::Wait(FullReason::Volume)
        } else if passes(error) {
            Self::Wait(FullReason::Refused(format!("{what}: {error}")))
        } else {
            Self::Fatal(format!("{what}: {error}"))
        }
    }

    /// For syncs: whatever the error says, what was written is in doubt.
    pub(super) fn sync(what: &str, error: &std::io::Error) -> Self {
        Self::Fatal(format!("{what}: {error}"))
    }
}
