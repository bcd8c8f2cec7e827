//! The overwriting itself: finds named frames, writes them blanked over what was there, syncs, and only then forgets
//! their bytes in memory. May be done again at any time; a crash at any step is finished by doing it again.

use std::io::IoSlice;
use std::sync::Arc;

use crate::format::{self, SEGMENT_HEADER_BYTES};
use crate::options::State;
use crate::queue::Ended;
use crate::read_batch::skip;
use crate::scan::{Scan, Scanned};
use crate::segment::{self, Location};
use crate::shared::{Shared, guard};
use crate::storage::{Access, File};
use crate::{Error, aside};

/// Bytes read at a time on the way to a frame: the index has one about every MiB.
const PIECE_BYTES: usize = 128 * 1024;

/// What became of a frame that was to be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwritten {
    /// Its content is zeros, durably.
    Done,
    /// Retention took it: nothing is left to overwrite.
    Gone,
    /// Its bytes are unreadable together with those of other records, and were left as they are.
    Unreadable,
}

/// One segment that is being worked on, and what was written to it.
struct Open {
    base: u64,
    path: String,
    file: Arc<dyn File>,
    scan: Scan,
    /// (index of the answer, offset): durable with the next sync.
    written: Vec<(usize, u64)>,
}

/// Overwrites the frames at `offsets`; the answers are in the same order. The caller has made a redaction record for each
/// of them durable.
pub(crate) fn redact(shared: &Shared, offsets: &[u64]) -> Result<Vec<Overwritten>, Error> {
    let journal = shared.options.name;
    let next = shared.next_offset();
    if let Some(beyond) = offsets.iter().find(|offset| **offset >= next) {
        return Err(Error::Position {
            journal,
            position: *beyond,
            next,
        });
    }
    let mut order: Vec<(usize, u64)> = offsets.iter().copied().enumerate().collect();
    order.sort_by_key(|(_, offset)| *offset);
    let mut answers = vec![Overwritten::Gone; offsets.len()];
    let mut open: Option<Open> = None;
    for (index, offset) in order {
        // Before the first byte changes: a reader that comes across half of it must know.
        shared.named.insert(offset);
        aside::forget(&*shared.storage, journal, offset);
        let location = guard(&shared.segments).locate(offset);
        let Location::In { base, end, hint } = location else {
            shared.named.done(offset);
            continue;
        };
        if open.as_ref().is_none_or(|open| open.base != base) {
            finish(shared, open.take())?;
            open = open_segment(shared, base, hint)?;
        }
        let Some(open) = &mut open else {
            shared.named.done(offset);
            continue;
        };
        let end = end.unwrap_or(next).min(next);
        answers[index] = overwrite(open, offset, end)?;
        match answers[index] {
            Overwritten::Done => open.written.push((index, offset)),
            Overwritten::Gone | Overwritten::Unreadable => {}
        }
    }
    finish(shared, open)?;
    Ok(answers)
}

/// `None`: retention was faster.
fn open_segment(
    shared: &Shared,
    base: u64,
    hint: Option<(u64, u64)>,
) -> Result<Option<Open>, Error> {
    let path = segment::path(shared.options.name, base);
    let file = match shared.storage.open(&path, Access::Write) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", &path)(error)),
    };
    let (offset, at) = hint.unwrap_or((base, SEGMENT_HEADER_BYTES as u64));
    let seed = format::seed(shared.id, base);
    let named = Arc::clone(&shared.named);
    let scan = Scan::at(Arc::clone(&file), seed, offset, at, named);
    Ok(Some(Open {
        base,
        path,
        file,
        scan,
        written: Vec::new(),
    }))
}

/// Writes one frame blanked; not durable yet. What the scan gives for a named frame is the frame as it is to be.
fn overwrite(open: &mut Open, offset: u64, end: u64) -> Result<Overwritten, Error> {
    let file = Arc::clone(&open.file);
    let write = |bytes: &[u8], position: u64| -> std::io::Result<()> {
        // Also where it looks written: after a failed sync, pages look clean in memory without being on disk.
        file.write_at(&mut [IoSlice::new(bytes)], position)
    };
    while open.scan.expected() <= offset && open.scan.expected() < end {
        // A piece may hold several of the offsets: read up to this one and no further.
        let scanned = open
            .scan
            .next(offset + 1, PIECE_BYTES)
            .map_err(Error::io("read", &open.path))?;
        match scanned {
            Scanned::Frames(chunk) if open.scan.expected() > offset => {
                let at = skip(&chunk.bytes, offset - chunk.first_offset);
                let frame = &chunk.bytes[at..];
                write(frame, chunk.position + at as u64)
                    .map_err(Error::io("overwrite a frame of", &open.path))?;
                return Ok(Overwritten::Done);
            }
            // The bytes of this one record alone, or one of many: those of others are not ours to take.
            Scanned::Damage {
                from,
                to,
                position,
                bytes,
            } if to > offset => {
                if (from, to) != (offset, offset + 1) {
                    return Ok(Overwritten::Unreadable);
                }
                let zeros = vec![0; usize::try_from(bytes).unwrap_or(0)];
                write(&zeros, position).map_err(Error::io("overwrite a frame of", &open.path))?;
                return Ok(Overwritten::Done);
            }
            Scanned::Frames(_) | Scanned::Damage { .. } => {}
            Scanned::End { .. } => return Ok(Overwritten::Unreadable),
        }
    }
    Ok(Overwritten::Unreadable)
}

/// Makes what was written to a segment durable, then takes it out of memory. A failed sync is final, as everywhere.
fn finish(shared: &Shared, open: Option<Open>) -> Result<(), Error> {
    let Some(open) = open.filter(|open| !open.written.is_empty()) else {
        return Ok(());
    };
    if let Err(error) = open.file.sync_data() {
        let error = format!("sync {} after a redaction: {error}", open.path);
        tracing::error!(journal = %shared.options.name, %error, "journal is poisoned");
        shared.queue.end(Ended::Poisoned(error.clone()));
        let journal = shared.options.name;
        shared.state.send_replace(State::Poisoned {
            error: error.clone(),
        });
        return Err(Error::Poisoned { journal, error });
    }
    let seed = format::seed(shared.id, open.base);
    for (_, offset) in &open.written {
        guard(&shared.tail).redact(*offset, seed, shared.named.blank);
        shared.named.done(*offset);
    }
    Ok(())
}
