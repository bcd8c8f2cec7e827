//! The list of segments: names, and where in which file an offset is.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::JournalName;

const SUFFIX: &str = ".seg";
/// One entry in the sparse index about every so many bytes.
const INDEX_STEP_BYTES: u64 = 1024 * 1024;

/// Path of the segment that starts at `base`.
pub(crate) fn path(name: JournalName, base: u64) -> String {
    format!("{}/{base:020}{SUFFIX}", name.folder())
}

/// The base offset a segment's file name states.
pub(crate) fn parse_name(file: &str) -> Option<u64> {
    let digits = file.strip_suffix(SUFFIX)?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// What is known about one segment.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) base: u64,
    /// Room it takes on the volume.
    pub(crate) bytes: u64,
    /// Journal time when the next segment was begun: nothing in here is younger. `None` while it is active.
    pub(crate) ended_ns: Option<i64>,
    /// (offset, position in the file), ascending; may be empty.
    index: Vec<(u64, u64)>,
}

impl Segment {
    pub(crate) fn new(base: u64, bytes: u64) -> Self {
        Self {
            base,
            bytes,
            ended_ns: None,
            index: Vec::new(),
        }
    }

    /// Notes where a frame starts, if the last note is far enough behind.
    pub(crate) fn note(&mut self, offset: u64, position: u64) {
        let far = |(_, last): &(u64, u64)| position >= last + INDEX_STEP_BYTES;
        if self.index.last().is_none_or(far) {
            self.index.push((offset, position));
        }
    }

    /// The last noted frame at or before `offset`.
    fn hint(&self, offset: u64) -> Option<(u64, u64)> {
        let after = self.index.partition_point(|(noted, _)| *noted <= offset);
        after.checked_sub(1).map(|at| self.index[at])
    }
}

/// Where a reader finds a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// Retention took it: the oldest record there is has this offset.
    Before(u64),
    In {
        base: u64,
        /// The next segment's base, if there is one.
        end: Option<u64>,
        /// A frame at or before the position, as (offset, position in the file).
        hint: Option<(u64, u64)>,
    },
    Nowhere,
}

/// All segments, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments {
    pub(crate) list: VecDeque<Segment>,
}

impl Segments {
    pub(crate) fn first_offset(&self) -> Option<u64> {
        self.list.front().map(|segment| segment.base)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.list.iter().map(|segment| segment.bytes).sum()
    }

    pub(crate) fn locate(&self, offset: u64) -> Location {
        let after = self.list.partition_point(|segment| segment.base <= offset);
        match after.checked_sub(1) {
            Some(at) => Location::In {
                base: self.list[at].base,
                end: self.list.get(after).map(|next| next.base),
                hint: self.list[at].hint(offset),
            },
            None => self
                .first_offset()
                .map_or(Location::Nowhere, Location::Before),
        }
    }
}

/// Segments that no longer change: for readers of a journal that this process does not write.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) storage: Arc<dyn crate::Storage>,
    pub(crate) name: JournalName,
    pub(crate) id: crate::Id,
    pub(crate) segments: Segments,
    pub(crate) named: Arc<crate::redaction::Named>,
    /// One past the last record.
    pub(crate) end: u64,
}
