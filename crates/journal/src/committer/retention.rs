//! Which segments may go. Oldest first, whole segments, never the active one, and only behind a verified
//! snapshot. By age: when every registered reader is past it. By size: when no `hold` reader needs it; what
//! a `gap` reader loses is recorded to the record.

use super::Committer;
use crate::OnFull;
use crate::segment::{self, Segment};
use crate::shared::{Holds, guard};

impl Committer {
    /// Deletes what age and size ask for, with `wanted` more bytes about to be taken.
    pub(super) fn housekeep(&mut self, wanted: u64) {
        let mut deleted = 0;
        while let Some((oldest, end)) = self.oldest() {
            if !self.may_go(&oldest, end, wanted) {
                break;
            }
            // Off the list first: a reader that comes now sees a gap and not a missing file.
            guard(&self.shared.segments).list.pop_front();
            let path = segment::path(self.shared.options.name, oldest.base);
            if let Err(error) = self.shared.storage.remove(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%path, %error, "cannot delete a segment; trying again later");
                guard(&self.shared.segments).list.push_front(oldest);
                break;
            }
            self.record_gaps(&oldest, end);
            deleted += 1;
        }
        if deleted > 0 {
            self.meters.segments_deleted.increment(deleted);
            // Not needed for safety: a segment that comes back after a power cut is deleted again.
            if let Err(error) = self
                .shared
                .storage
                .sync_dir(self.shared.options.name.folder())
            {
                tracing::warn!(%error, "cannot sync the folder after deleting segments");
            }
        }
    }

    /// The oldest segment that is not the active one, and the offset it ends at.
    fn oldest(&self) -> Option<(Segment, u64)> {
        let segments = guard(&self.shared.segments);
        let end = segments.list.get(1)?.base;
        Some((segments.list.front()?.clone(), end))
    }

    fn may_go(&self, segment: &Segment, end: u64, wanted: u64) -> bool {
        let options = &self.shared.options;
        let too_much = self.bytes_after_seal() + wanted > options.bytes_max;
        let too_old = options
            .retain_age_ns
            .zip(segment.ended_ns)
            .is_some_and(|(age, ended)| {
                // The clock is asked only when age matters at all.
                self.clock.now().journal_ns.saturating_sub(ended) > age
            });
        if !too_much && !too_old {
            return false;
        }
        let holds = guard(&self.shared.holds);
        if end > holds.behind {
            return false;
        }
        let needed = |holds: &Holds, by: fn(OnFull) -> bool| {
            holds
                .readers
                .values()
                .any(|hold| hold.position < end && by(hold.on_full))
        };
        let held = needed(&holds, |on_full| on_full == OnFull::Hold);
        let lagging = held || needed(&holds, |on_full| on_full == OnFull::Gap);
        (too_much && !held) || (too_old && !lagging)
    }

    fn record_gaps(&self, segment: &Segment, end: u64) {
        let mut holds = guard(&self.shared.holds);
        let lost: Vec<(String, u64)> = holds
            .readers
            .iter()
            .filter(|(_, hold)| hold.position < end)
            .map(|(name, hold)| (name.clone(), hold.position.max(segment.base)))
            .collect();
        for (reader, from) in lost {
            tracing::warn!(
                journal = %self.shared.options.name, reader, from, to = end,
                "records were deleted at the size bound before this reader read them"
            );
            self.meters.gap_records.increment(end - from);
            holds.record_gap(&reader, from, end);
        }
    }
}
