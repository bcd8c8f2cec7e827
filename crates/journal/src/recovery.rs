//! What is found on disk at opening, and what is done about it. Recovery always ends: a torn tail is cut, damage
//! in the middle is set aside and reported by offset, and everything readable is kept.

use std::collections::BTreeSet;
use std::io::IoSlice;
use std::sync::Arc;

use crate::format::{self, FORMAT_VERSION, HeaderFault, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::read_batch::frames;
use crate::redaction::{Named, Redactions, Unfinished};
use crate::scan::{Scan, Scanned};
use crate::segment::{self, Segment, Segments};
use crate::storage::{Access, File, read_range};
use crate::{Error, Id, JournalName, Options, Stamp, Storage};

/// Bytes read at a time while everything is verified.
const PIECE_BYTES: usize = 1024 * 1024;

/// The offsets `from_offset..to_offset` are unreadable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub from_offset: u64,
    pub to_offset: u64,
    /// The segment file and where in it.
    pub file: String,
    pub position: u64,
    pub bytes: u64,
    /// A later commit follows, so these records had been durable. Otherwise they may be remains of a commit that
    /// never finished, and were then never acknowledged.
    pub certain: bool,
}

/// What opening a journal found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    pub segments: usize,
    /// Records that were read and found sound.
    pub records: u64,
    /// Segments too far back for the verification bound; they are verified when they are read.
    pub segments_unverified: usize,
    /// Bytes of an unfinished write, cut from the end.
    pub torn_bytes: u64,
    pub damaged: Vec<Damage>,
    /// Segment headers that were unreadable and were written again from the identity.
    pub headers_repaired: Vec<String>,
}

/// Result of looking at the segments of a journal.
pub(crate) struct Found {
    pub(crate) header: SegmentHeader,
    pub(crate) segments: Segments,
    pub(crate) recovery: Recovery,
    /// End of the last segment: next offset, position of the next frame.
    pub(crate) next: u64,
    pub(crate) position: u64,
    /// Where the last commit begins: everything before it had been synced, it itself may not have been.
    pub(crate) last_commit: u64,
    pub(crate) last_stamp: Option<Stamp>,
    /// Named frames that may not be overwritten yet.
    pub(crate) named: Arc<Named>,
    /// What was read of the redaction records, and from which offset on everything was read.
    pub(crate) redactions: Redactions,
    pub(crate) verified_from: u64,
}

/// Path of the copy of the first header: it identifies the journal when a segment header is damaged.
pub(crate) fn identity_path(options: &Options) -> String {
    format!("{}/identity", options.name.folder())
}

/// Base offsets of the segments, ascending.
pub(crate) fn bases(storage: &dyn Storage, folder: &str) -> Result<Vec<u64>, Error> {
    let names = storage.list(folder).map_err(Error::io("list", folder))?;
    let mut bases: Vec<u64> = names
        .iter()
        .filter_map(|name| segment::parse_name(name))
        .collect();
    bases.sort_unstable();
    Ok(bases)
}

/// Whether recovery may change what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Repair,
    LookOnly,
}

struct Opened {
    base: u64,
    path: String,
    file: Arc<dyn File>,
    bytes: u64,
    header: Option<SegmentHeader>,
}

/// Looks at everything; `None` if there is no segment. `verify_bytes` bounds how far back segments are read.
pub(crate) fn look(
    storage: &dyn Storage,
    options: &Options,
    mode: Mode,
    verify_bytes: u64,
) -> Result<Option<Found>, Error> {
    let known = options.redacted.iter().copied();
    let named = Arc::new(Named::new(options.blank, known));
    let Some((found, unfinished)) = look_with(storage, options, mode, verify_bytes, &named)? else {
        return Ok(None);
    };
    if unfinished.is_empty() {
        return Ok(Some(found));
    }
    // A redaction record comes behind the frame that it names. Known now, so what looked like damage may be none.
    unfinished.iter().for_each(|offset| named.insert(*offset));
    let torn = found.recovery.damaged.iter().any(|damage| {
        let range = damage.from_offset..damage.to_offset;
        unfinished.range(range).next().is_some()
    });
    if !torn {
        return Ok(Some(found));
    }
    let again = look_with(storage, options, mode, verify_bytes, &named)?;
    Ok(again.map(|(found, _)| found))
}

/// Looks once; also says which named frames were not seen overwritten.
fn look_with(
    storage: &dyn Storage,
    options: &Options,
    mode: Mode,
    verify_bytes: u64,
    named: &Arc<Named>,
) -> Result<Option<(Found, BTreeSet<u64>)>, Error> {
    let mut opened = Vec::new();
    for base in bases(storage, options.name.folder())? {
        match open_segment(storage, options, mode, base)? {
            Some(one) => opened.push(one),
            // Deleted by a running node since it was listed.
            None if mode == Mode::LookOnly => opened.clear(),
            None => {}
        }
    }
    if opened.is_empty() {
        return Ok(None);
    }
    let header = identify(storage, options, &opened)?;
    let mut recovery = Recovery {
        segments: opened.len(),
        ..Recovery::default()
    };
    if mode == Mode::Repair {
        repair_headers(&opened, header, &mut recovery)?;
    }
    let mut found = Found {
        header,
        segments: Segments::default(),
        recovery,
        next: 0,
        position: 0,
        last_commit: 0,
        last_stamp: None,
        named: Arc::clone(named),
        redactions: Redactions::default(),
        verified_from: 0,
    };
    let mut unfinished = Unfinished::default();
    let mut verify = vec![false; opened.len()];
    let mut budget = verify_bytes;
    for (at, one) in opened.iter().enumerate().rev() {
        let last = at + 1 == opened.len();
        verify[at] = last || one.bytes <= budget;
        if !verify[at] {
            break;
        }
        budget = budget.saturating_sub(one.bytes);
    }
    for (at, one) in opened.iter().enumerate() {
        let next = opened.get(at + 1);
        let mut segment = Segment::new(one.base, one.bytes);
        segment.ended_ns = opened[at + 1..]
            .iter()
            .find_map(|later| later.header.map(|header| header.created.journal_ns));
        if verify[at] {
            verify_segment(
                one,
                next.map(|next| next.base),
                header.id,
                &mut segment,
                &mut found,
                &mut unfinished,
            )?;
        } else {
            found.recovery.segments_unverified += 1;
            found.verified_from = next.map_or(0, |next| next.base);
        }
        found.segments.list.push_back(segment);
    }
    if found.last_stamp.is_none() && found.next > 0 {
        found.last_stamp = opened
            .last()
            .and_then(|one| one.header)
            .map(|header| header.created);
    }
    Ok(Some((found, unfinished.named)))
}

fn open_segment(
    storage: &dyn Storage,
    options: &Options,
    mode: Mode,
    base: u64,
) -> Result<Option<Opened>, Error> {
    let path = segment::path(options.name, base);
    let access = if mode == Mode::Repair {
        Access::Write
    } else {
        Access::Read
    };
    let file = match storage.open(&path, access) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", &path)(error)),
    };
    let head = read_range(&*file, 0, SEGMENT_HEADER_BYTES).map_err(Error::io("read", &path))?;
    let header = match SegmentHeader::decode(&head) {
        Ok(header) => Some(header),
        Err(HeaderFault::Damaged) => None,
        Err(HeaderFault::Newer(found)) => {
            return Err(Error::Newer {
                path,
                found,
                newest: FORMAT_VERSION,
            });
        }
    };
    let bytes = file.bytes().map_err(Error::io("read", &path))?;
    Ok(Some(Opened {
        base,
        path,
        file,
        bytes,
        header,
    }))
}

/// The identity all segments must share: from the identity file, else from the first header that is readable.
fn identify(
    storage: &dyn Storage,
    options: &Options,
    opened: &[Opened],
) -> Result<SegmentHeader, Error> {
    let identity = read_identity(storage, options)?;
    let wanted = identity
        .or_else(|| opened.iter().find_map(|one| one.header))
        .ok_or(Error::Unidentified {
            journal: options.name,
        })?;
    for one in opened {
        if let Some(header) = one.header
            && header.id != wanted.id
        {
            let path = one.path.clone();
            return Err(Error::Foreign {
                path,
                found: header.id,
                wanted: wanted.id,
            });
        }
    }
    Ok(wanted)
}

pub(crate) fn read_identity(
    storage: &dyn Storage,
    options: &Options,
) -> Result<Option<SegmentHeader>, Error> {
    let path = identity_path(options);
    let bytes = match storage.open(&path, Access::Read) {
        Ok(file) => {
            read_range(&*file, 0, SEGMENT_HEADER_BYTES).map_err(Error::io("read", &path))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", &path)(error)),
    };
    match SegmentHeader::decode(&bytes) {
        Ok(header) => Ok(Some(header)),
        Err(HeaderFault::Damaged) => Ok(None),
        Err(HeaderFault::Newer(found)) => Err(Error::Newer {
            path,
            found,
            newest: FORMAT_VERSION,
        }),
    }
}

fn repair_headers(
    opened: &[Opened],
    identity: SegmentHeader,
    recovery: &mut Recovery,
) -> Result<(), Error> {
    for one in opened.iter().filter(|one| one.header.is_none()) {
        // When it was begun is the one thing lost.
        let header = SegmentHeader {
            base: one.base,
            ..identity
        };
        one.file
            .write_at(&mut [IoSlice::new(&header.encode())], 0)
            .and_then(|()| one.file.sync_data())
            .map_err(Error::io("repair the header of", &one.path))?;
        recovery.headers_repaired.push(one.path.clone());
    }
    Ok(())
}

/// Reads a whole segment. `end` is the base of the next one.
fn verify_segment(
    one: &Opened,
    end: Option<u64>,
    id: Id,
    segment: &mut Segment,
    found: &mut Found,
    unfinished: &mut Unfinished,
) -> Result<(), Error> {
    let (file, seed) = (Arc::clone(&one.file), format::seed(id, one.base));
    let mut scan = Scan::new(file, seed, one.base, Arc::clone(&found.named));
    // Only `inputs` has records that this crate can read.
    let reads = found.header.name == JournalName::Inputs;
    let limit = end.unwrap_or(u64::MAX);
    let damaged_before = found.recovery.damaged.len();
    found.last_commit = SEGMENT_HEADER_BYTES as u64;
    let damage = |from_offset, to_offset, position, bytes, recovery: &mut Recovery| {
        let merged = recovery
            .damaged
            .last_mut()
            .filter(|last| last.file == one.path && last.to_offset == from_offset);
        match merged {
            Some(last) => {
                last.to_offset = to_offset;
                last.bytes = position + bytes - last.position;
            }
            None => recovery.damaged.push(Damage {
                from_offset,
                to_offset,
                file: one.path.clone(),
                position,
                bytes,
                certain: end.is_some(),
            }),
        }
    };
    while scan.expected() < limit {
        match scan
            .next(limit, PIECE_BYTES)
            .map_err(Error::io("read", &one.path))?
        {
            Scanned::Frames(chunk) => {
                segment.note(chunk.first_offset, chunk.position);
                found.recovery.records += chunk.count;
                found.last_stamp = Some(chunk.last_stamp);
                for frame in frames(&chunk.bytes).filter(|_| reads) {
                    unfinished.note(&frame, &mut found.redactions);
                }
                if let Some(position) = chunk.group_start {
                    found.last_commit = position;
                    found.recovery.damaged[damaged_before..]
                        .iter_mut()
                        .for_each(|damage| damage.certain = true);
                }
            }
            Scanned::Damage {
                from,
                to,
                position,
                bytes,
            } => {
                damage(from, to, position, bytes, &mut found.recovery);
            }
            Scanned::End { position, dirty } => {
                match end {
                    Some(end) => {
                        damage(scan.expected(), end, position, dirty, &mut found.recovery);
                    }
                    None => found.recovery.torn_bytes = dirty,
                }
                break;
            }
        }
    }
    found.next = end.unwrap_or(scan.expected());
    found.position = scan.position();
    Ok(())
}

/// Cuts the torn tail, and makes durable what is about to be shown as durable: the last commit may have been written
/// and never synced, or its sync failed (then its pages look clean and never reach the disk by themselves), so it is
/// written again and synced. The name of the last segment may be in the same state.
pub(crate) fn settle(storage: &dyn Storage, options: &Options, found: &Found) -> Result<(), Error> {
    let Some(last) = found.segments.list.back() else {
        return Ok(());
    };
    let path = segment::path(options.name, last.base);
    let file = storage
        .open(&path, Access::Write)
        .map_err(Error::io("open", &path))?;
    let end = found.position.max(SEGMENT_HEADER_BYTES as u64);
    let length = end.saturating_sub(found.last_commit) as usize;
    read_range(&*file, found.last_commit, length)
        .and_then(|commit| {
            file.write_at(&mut [IoSlice::new(&commit)], found.last_commit)?;
            if found.recovery.torn_bytes > 0 {
                file.truncate(end)?;
            }
            file.sync_data()
        })
        .map_err(Error::io("settle the end of", &path))?;
    let folder = options.name.folder();
    storage.sync_dir(folder).map_err(Error::io("sync", folder))
}
