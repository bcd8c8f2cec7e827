//! Where the next bytes go: the next segment, a reserve when there is none, and the way back to normal.

use std::io::IoSlice;
use std::sync::Arc;

use super::prepare::Prepared;
use super::{Active, Committer, Trouble, later, list_segment};
use crate::format::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::options::{FullReason, State};
use crate::segment;
use crate::shared::{Shared, guard};
use crate::{Class, Preallocate, Stamp};

impl Committer {
    pub(super) fn become_full(&mut self, why: FullReason, needed: u64) {
        self.needed = needed;
        if self.full.as_ref() != Some(&why) {
            tracing::warn!(journal = %self.shared.options.name, %why, "journal is full");
        }
        self.full = Some(why.clone());
        if let Some(preparer) = &self.preparer {
            preparer.discard();
        }
        self.set_state(State::Full { why });
    }

    /// Has the next segment made ready when a quarter of this one is used, if the bound allows both.
    pub(super) fn prepare(&mut self) {
        let Some(preparer) = self.preparer.clone() else {
            return;
        };
        if self.asked {
            preparer.advance(self.active.position);
        } else if self.active.position >= self.active.capacity / 4 && self.full.is_none() {
            self.asked = true;
            let capacity = self.shared.options.segment_bytes;
            // This one will be full by then.
            let wanted = self.active.unused() + capacity;
            self.housekeep(wanted);
            if self.bytes_after_seal() + wanted <= self.shared.options.bytes_max {
                preparer.want(capacity, self.active.position);
            }
        }
    }

    /// Tries to get back to normal: reserves first, so that the next time is as safe as this one.
    pub(super) fn try_recover(&mut self, opening: bool) {
        let done = self
            .reserves
            .ensure(&*self.shared.storage)
            .map_err(|error| Trouble::of("create a reserve", &error))
            .and_then(|()| {
                if opening {
                    return Ok(());
                }
                let elsewhere = self.active.reserve || self.active.spoiled;
                if elsewhere || self.active.unused() < self.needed {
                    return self.roll(self.needed);
                }
                let wanted = self.active.position + self.needed;
                self.active
                    .file
                    .preallocate(wanted, Preallocate::Reserve)
                    .map_err(|error| Trouble::of("preallocate", &error))
            });
        match done {
            Ok(()) => {
                if self.full.take().is_some() {
                    tracing::info!(journal = %self.shared.options.name, "journal has room again");
                }
                self.active.exhausted = false;
                self.needed = 0;
                self.spent = [0; 3];
                self.blocked = [false; 3];
                self.set_state(State::Ok);
            }
            Err(Trouble::Wait(why)) => {
                let needed = self.needed;
                self.become_full(why, needed);
            }
            Err(Trouble::Fatal(error)) => self.poison(error),
        }
    }

    /// Closes the active segment and begins the next one, with room for at least `needed` bytes.
    pub(super) fn roll(&mut self, needed: u64) -> Result<(), Trouble> {
        let capacity = self
            .shared
            .options
            .segment_bytes
            .max(SEGMENT_HEADER_BYTES as u64 + needed);
        self.housekeep(capacity);
        if self.bytes_after_seal() + capacity > self.shared.options.bytes_max {
            return Err(Trouble::Wait(FullReason::Bound));
        }
        let now = later(self.clock.now(), self.last_stamp);
        let prepared = self.preparer.as_ref().map(|next| next.take(capacity));
        let made = match prepared {
            Some(Some(prepared)) => begin_segment(&self.shared, prepared, self.next, now),
            // Zeros now would keep everybody waiting.
            Some(None) => {
                create_segment(&self.shared, self.next, capacity, Preallocate::Reserve, now)
            }
            None => {
                let how = self.shared.options.preallocate;
                create_segment(&self.shared, self.next, capacity, how, now)
            }
        };
        let fresh = made.map_err(|(what, error)| {
            if what == SYNC {
                Trouble::sync(what, &error)
            } else {
                Trouble::of(what, &error)
            }
        })?;
        self.change_to(fresh, now);
        Ok(())
    }

    /// Makes a reserve the active segment. `false`: none is left, or the batch does not fit into one.
    pub(super) fn open_reserve(&mut self, class: Class, bytes: u64) -> Result<bool, Trouble> {
        if self.spent[class.index()] + bytes > self.reserves.budget(class) {
            return Ok(false);
        }
        let storage = Arc::clone(&self.shared.storage);
        let opened = self.reserves.open(&*storage, class);
        let Some(reserve) = opened.map_err(|error| Trouble::of("open a reserve", &error))? else {
            return Ok(false);
        };
        let now = later(self.clock.now(), self.last_stamp);
        let header = segment_header(&self.shared, self.next, now).encode();
        reserve
            .file
            .write_at(&mut [IoSlice::new(&header)], 0)
            .map_err(|error| Trouble::of("write the header of a reserve", &error))?;
        reserve
            .file
            .sync_data()
            .map_err(|error| Trouble::sync("sync a reserve", &error))?;
        let name = self.shared.options.name;
        storage
            .rename(&reserve.path, &segment::path(name, self.next))
            .map_err(|error| Trouble::of("rename a reserve", &error))?;
        storage
            .sync_dir(name.folder())
            .map_err(|error| Trouble::sync("sync the folder", &error))?;
        let active = Active::new(reserve.file, self.shared.id, self.next, reserve.bytes, true);
        tracing::warn!(journal = %name, ?class, base = self.next, "a reserve is in use");
        self.change_to(active, now);
        Ok(true)
    }

    fn change_to(&mut self, fresh: Active, now: Stamp) {
        let old = std::mem::replace(&mut self.active, fresh);
        self.asked = false;
        // Gives the unused room back. If it fails, zeros stay behind the last frame, which readers know.
        let sealed = old.file.truncate(old.position).is_ok();
        {
            let mut segments = guard(&self.shared.segments);
            if let Some(segment) = segments.list.back_mut() {
                segment.ended_ns = Some(now.journal_ns);
                if sealed {
                    segment.bytes = old.position;
                }
            }
        }
        list_segment(&self.shared, &self.active, now);
        self.report();
    }
}

/// Step of [`create_segment`] whose failure is final.
const SYNC: &str = "sync a new segment";

fn segment_header(shared: &Shared, base: u64, created: Stamp) -> SegmentHeader {
    SegmentHeader {
        name: shared.options.name,
        clock_kind: shared.options.clock_kind,
        id: shared.id,
        base,
        created,
    }
}

/// Takes the room of a segment and begins it.
pub(super) fn create_segment(
    shared: &Shared,
    base: u64,
    capacity: u64,
    how: Preallocate,
    created: Stamp,
) -> Result<Active, (&'static str, std::io::Error)> {
    let path = format!("{}/next.tmp", shared.options.name.folder());
    let file = shared
        .storage
        .create(&path)
        .map_err(|error| ("create a segment", error))?;
    if let Err(error) = file.preallocate(capacity, how) {
        // Frees the room it took; a leftover is removed at the next opening.
        let _ = shared.storage.remove(&path);
        return Err(("preallocate a segment", error));
    }
    let prepared = Prepared::new(path, file, capacity);
    begin_segment(shared, prepared, base, created)
}

/// A complete segment appears under its name or not at all.
fn begin_segment(
    shared: &Shared,
    prepared: Prepared,
    base: u64,
    created: Stamp,
) -> Result<Active, (&'static str, std::io::Error)> {
    let (storage, name) = (&*shared.storage, shared.options.name);
    let Prepared {
        path,
        file,
        capacity,
        ..
    } = prepared;
    let header = segment_header(shared, base, created).encode();
    let made = file
        .write_at(&mut [IoSlice::new(&header)], 0)
        .map_err(|error| ("preallocate a segment", error))
        .and_then(|()| {
            file.sync_data().map_err(|error| (SYNC, error))?;
            storage
                .rename(&path, &segment::path(name, base))
                .map_err(|error| ("rename a segment", error))?;
            storage
                .sync_dir(name.folder())
                .map_err(|error| (SYNC, error))
        });
    if let Err(error) = made {
        let _ = storage.remove(&path);
        return Err(error);
    }
    Ok(Active::new(file, shared.id, base, capacity, false))
}
