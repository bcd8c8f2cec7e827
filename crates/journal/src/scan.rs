//! Reading one segment file frame by frame. Everything read is checked: header CRC, offset, payload CRC.
//! Bytes that fail are never skipped in silence: the scan finds the next sound frame (the seeded header CRC makes
//! a false one impossible but for chance) and reports the offsets in between as damage. A frame that is named as
//! redacted is taken for what it is to be, whatever its checksums say, and comes out blanked.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::Stamp;
use crate::format::{
    self, FLAG_GROUP_START, FRAME_HEADER_BYTES, FrameHeader, SEGMENT_HEADER_BYTES, le_u64,
};
use crate::redaction::Named;
use crate::storage::{File, read_range};

/// Read size of the search behind damage.
const SEARCH_BYTES: usize = 1024 * 1024;

/// Complete, checked frames with consecutive offsets.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    pub(crate) first_offset: u64,
    pub(crate) count: u64,
    /// Where it starts in the file.
    pub(crate) position: u64,
    pub(crate) last_stamp: Stamp,
    /// Where the last commit that begins in here begins: whatever lies before that had been synced.
    pub(crate) group_start: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) enum Scanned {
    Frames(Chunk),
    /// The offsets `from..to` are unreadable; their bytes are at `position` in the file.
    Damage {
        from: u64,
        to: u64,
        position: u64,
        bytes: u64,
    },
    /// No sound frame follows. `dirty` bytes from `position` on are not zero (0 = a clean end).
    End {
        position: u64,
        dirty: u64,
    },
}

pub(crate) struct Scan {
    file: Arc<dyn File>,
    seed: u32,
    position: u64,
    /// Offset the next frame must have.
    expected: u64,
    named: Arc<Named>,
}

enum Walked {
    Some {
        bytes: usize,
        count: u64,
        last_stamp: Stamp,
        group_start: Option<u64>,
    },
    /// The first frame is longer than what was read.
    Longer(usize),
    /// The first frame's header holds, its payload does not.
    BadPayload(usize),
    BadHeader,
}

impl Scan {
    pub(crate) fn new(file: Arc<dyn File>, seed: u32, base: u64, named: Arc<Named>) -> Self {
        Self::at(file, seed, base, SEGMENT_HEADER_BYTES as u64, named)
    }

    /// Starts at a known frame.
    pub(crate) fn at(
        file: Arc<dyn File>,
        seed: u32,
        offset: u64,
        position: u64,
        named: Arc<Named>,
    ) -> Self {
        Self {
            file,
            seed,
            position,
            expected: offset,
            named,
        }
    }

    pub(crate) fn expected(&self) -> u64 {
        self.expected
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next run of frames below `limit`, about `want` bytes (one larger frame still goes through), or the
    /// damage or end that comes next. Call it only while `expected() < limit`.
    pub(crate) fn next(&mut self, limit: u64, want: usize) -> io::Result<Scanned> {
        let length = self.file.bytes()?;
        let left = usize::try_from(length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let mut bytes = read_range(&*self.file, self.position, want.min(left))?;
        loop {
            match self.walk(&mut bytes, limit) {
                Walked::Some {
                    bytes: size,
                    count,
                    last_stamp,
                    group_start,
                } => {
                    bytes.truncate(size);
                    let (first_offset, position) = (self.expected, self.position);
                    self.expected += count;
                    self.position += size as u64;
                    let bytes = Bytes::from(bytes);
                    return Ok(Scanned::Frames(Chunk {
                        bytes,
                        first_offset,
                        count,
                        position,
                        last_stamp,
                        group_start,
                    }));
                }
                Walked::Longer(size) if size <= left && bytes.len() < size => {
                    bytes = read_range(&*self.file, self.position, size)?;
                    if bytes.len() < size {
                        return self.behind_damage(length, limit);
                    }
                }
                Walked::BadPayload(size) => {
                    return self.behind_bad_payload(size as u64, length, limit, want);
                }
                Walked::Longer(_) | Walked::BadHeader => return self.behind_damage(length, limit),
            }
        }
    }

    fn walk(&self, bytes: &mut [u8], limit: u64) -> Walked {
        let mut at = 0;
        let mut count = 0;
        let mut last_stamp = Stamp {
            journal_ns: 0,
            wall_ns: 0,
        };
        let mut group_start = None;
        let first_fault = loop {
            let offset = self.expected + count;
            if offset >= limit {
                break Walked::BadHeader;
            }
            let Some(header) = bytes[at..].first_chunk::<FRAME_HEADER_BYTES>() else {
                break Walked::Longer(FRAME_HEADER_BYTES);
            };
            let named = self.named.contains(offset);
            let sound = FrameHeader::decode(self.seed, header).filter(|it| it.offset == offset);
            let torn = || FrameHeader::torn(header, offset).filter(|_| named);
            let Some(header) = sound.or_else(torn) else {
                break Walked::BadHeader;
            };
            let size = header.frame_bytes();
            let Some(frame) = bytes.get_mut(at..at + size) else {
                break Walked::Longer(size);
            };
            if named {
                format::redact(frame, self.seed, self.named.blank);
            } else if crc32c::crc32c(&frame[FRAME_HEADER_BYTES..]) != header.payload_crc {
                break Walked::BadPayload(size);
            }
            if header.flags & FLAG_GROUP_START != 0 {
                group_start = Some(self.position + at as u64);
            }
            at += size;
            count += 1;
            last_stamp = header.stamp;
        };
        if count == 0 {
            first_fault
        } else {
            Walked::Some {
                bytes: at,
                count,
                last_stamp,
                group_start,
            }
        }
    }

    /// Nothing sound at `position`: either the next sound frame and the range lost before it, or the end.
    fn behind_damage(&mut self, length: u64, limit: u64) -> io::Result<Scanned> {
        let dirty_until = self.dirty_until(length)?;
        if dirty_until > self.position
            && let Some((position, offset)) =
                self.search(self.position + 1, self.expected, dirty_until, length, limit)?
        {
            return Ok(self.damage_until(position, offset));
        }
        Ok(Scanned::End {
            position: self.position,
            dirty: dirty_until - self.position,
        })
    }

    /// The header at `position` holds, its payload does not: one record is lost, unless this was a misplaced
    /// copy of its head and the record itself follows. At the very end it is a torn write.
    fn behind_bad_payload(
        &mut self,
        size: u64,
        length: u64,
        limit: u64,
        want: usize,
    ) -> io::Result<Scanned> {
        let until = self.dirty_until(length)?;
        let after = self.search(self.position + 1, self.expected, until, length, limit)?;
        match after {
            Some((position, offset)) if offset == self.expected => {
                self.position = position;
                self.next(limit, want)
            }
            None if limit == u64::MAX => {
                let position = self.position;
                Ok(Scanned::End {
                    position,
                    dirty: until.max(position + size) - position,
                })
            }
            // Usually the next frame, right behind this one.
            Some((position, offset)) => Ok(self.damage_until(position, offset)),
            None => Ok(self.damage_until(self.position + size, self.expected + 1)),
        }
    }

    /// Moves on to a frame and reports what was passed over.
    fn damage_until(&mut self, position: u64, offset: u64) -> Scanned {
        let damage = Scanned::Damage {
            from: self.expected,
            to: offset,
            position: self.position,
            bytes: position - self.position,
        };
        self.position = position;
        self.expected = offset;
        damage
    }

    /// One past the last byte that is not zero, at least `position`.
    fn dirty_until(&self, length: u64) -> io::Result<u64> {
        let mut dirty = self.position;
        let mut at = self.position;
        while at < length {
            let bytes = read_range(&*self.file, at, SEARCH_BYTES)?;
            if bytes.is_empty() {
                break;
            }
            if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                dirty = at + last as u64 + 1;
            }
            at += bytes.len() as u64;
        }
        Ok(dirty)
    }

    /// Position and offset of the frame that goes on after damage: the one with the lowest offset, at least
    /// `lowest`, among the sound headers from `from` on. Looking on for a while after the first one keeps a
    /// misplaced copy of later frames from hiding the frames in between.
    fn search(
        &self,
        from: u64,
        lowest: u64,
        until: u64,
        length: u64,
        limit: u64,
    ) -> io::Result<Option<(u64, u64)>> {
        let header_bytes = FRAME_HEADER_BYTES as u64;
        // A frame has at least a header, so the rest of the file has room for so many offsets and no more.
        let room = (length - self.position) / header_bytes + 1;
        let mut highest = limit.min(self.expected + room);
        let mut until = until;
        let mut best = None;
        let mut at = from;
        while at < until && highest > lowest {
            let bytes = read_range(&*self.file, at, SEARCH_BYTES + FRAME_HEADER_BYTES)?;
            for start in 0..bytes.len().min(SEARCH_BYTES) {
                let Some(header) = bytes[start..].first_chunk::<FRAME_HEADER_BYTES>() else {
                    break;
                };
                // Cheap test first: almost no place has a plausible offset.
                let offset = le_u64(header, 16);
                if offset < lowest || offset >= highest {
                    continue;
                }
                let position = at + start as u64;
                let sound = FrameHeader::decode(self.seed, header)
                    .is_some_and(|header| position + header.frame_bytes() as u64 <= length);
                if sound {
                    if best.is_none() {
                        until = until.min(position + SEARCH_BYTES as u64);
                    }
                    highest = offset;
                    best = Some((position, offset));
                }
            }
            at += SEARCH_BYTES as u64;
        }
        Ok(best)
    }
}
