//! Bytes on disk: the segment header and the frame header. `docs/journal-format.md` has the tables.

use crate::{ClockKind, Id, JournalName, Stamp};

pub(crate) const SEGMENT_MAGIC: [u8; 8] = *b"IOCJRNL\0";
/// Newest segment format this build reads, and the one it writes.
pub(crate) const FORMAT_VERSION: u16 = 1;
pub(crate) const RECORD_VERSION: u8 = 1;
pub(crate) const SEGMENT_HEADER_BYTES: usize = 64;
pub(crate) const FRAME_HEADER_BYTES: usize = 40;
/// No payload is larger; anything else in a header is damage.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Internal flag: the first frame of a commit. It proves that everything before it had been synced.
pub(crate) const FLAG_GROUP_START: u16 = 0x8000;
/// Internal flag: the times came with the record; without it the committer stamps.
pub(crate) const FLAG_STAMPED: u16 = 0x4000;
/// The payload was personal data and is blanked. Shown to readers.
pub(crate) const FLAG_REDACTED: u16 = 0x2000;
/// Flags that are the journal's own and not shown to readers.
pub(crate) const FLAGS_INTERNAL: u16 = FLAG_GROUP_START | FLAG_STAMPED;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) name: JournalName,
    pub(crate) clock_kind: ClockKind,
    pub(crate) id: Id,
    pub(crate) base: u64,
    pub(crate) created: Stamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Damaged,
    Newer(u16),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[10] = self.name.code();
        bytes[11] = self.clock_kind.code();
        bytes[16..32].copy_from_slice(&self.id.0);
        bytes[32..40].copy_from_slice(&self.base.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.created.journal_ns.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.created.wall_ns.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[0..60]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let bytes: &[u8; SEGMENT_HEADER_BYTES] = bytes.first_chunk().ok_or(HeaderFault::Damaged)?;
        if bytes[0..8] != SEGMENT_MAGIC || crc32c::crc32c(&bytes[0..60]) != le_u32(bytes, 60) {
            return Err(HeaderFault::Damaged);
        }
        let version = le_u16(bytes, 8);
        if version != FORMAT_VERSION {
            return Err(HeaderFault::Newer(version));
        }
        let name = JournalName::from_code(bytes[10]).ok_or(HeaderFault::Damaged)?;
        let clock_kind = ClockKind::from_code(bytes[11]).ok_or(HeaderFault::Damaged)?;
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[16..32]);
        Ok(Self {
            name,
            clock_kind,
            id: Id(id),
            base: le_u64(bytes, 32),
            created: Stamp {
                journal_ns: le_i64(bytes, 40),
                wall_ns: le_i64(bytes, 48),
            },
        })
    }
}

/// Seed of every header CRC in a segment. Bytes that look like a frame but belong to another journal, another
/// segment or a payload fail the check, so that the search behind damage cannot be fooled.
pub(crate) fn seed(id: Id, base: u64) -> u32 {
    let mut bytes = [0; 24];
    bytes[0..16].copy_from_slice(&id.0);
    bytes[16..24].copy_from_slice(&base.to_le_bytes());
    crc32c::crc32c(&bytes)
}

/// A frame header as read; its CRC is checked by [`FrameHeader::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) version: u8,
    pub(crate) kind: u8,
    pub(crate) flags: u16,
    pub(crate) payload_bytes: usize,
    pub(crate) payload_crc: u32,
    pub(crate) offset: u64,
    pub(crate) stamp: Stamp,
}

impl FrameHeader {
    /// Reads a header without checking it; for bytes that are known to be good.
    pub(crate) fn read(bytes: &[u8; FRAME_HEADER_BYTES]) -> Self {
        Self {
            version: bytes[4],
            kind: bytes[5],
            flags: le_u16(bytes, 6),
            payload_bytes: le_u32(bytes, 8) as usize,
            payload_crc: le_u32(bytes, 12),
            offset: le_u64(bytes, 16),
            stamp: Stamp {
                journal_ns: le_i64(bytes, 24),
                wall_ns: le_i64(bytes, 32),
            },
        }
    }

    pub(crate) fn decode(seed: u32, bytes: &[u8; FRAME_HEADER_BYTES]) -> Option<Self> {
        let header = Self::read(bytes);
        let sound = header.payload_bytes <= PAYLOAD_BYTES_MAX
            && crc32c::crc32c_append(seed, &bytes[4..]) == le_u32(bytes, 0);
        sound.then_some(header)
    }

    /// The header of a frame that is named as redacted and whose overwriting a crash may have torn: but for flags and
    /// checksums, all its fields are the same before and after.
    pub(crate) fn torn(bytes: &[u8; FRAME_HEADER_BYTES], offset: u64) -> Option<Self> {
        let header = Self::read(bytes);
        let plausible = header.offset == offset
            && header.version == RECORD_VERSION
            && header.payload_bytes <= PAYLOAD_BYTES_MAX;
        plausible.then_some(header)
    }

    pub(crate) fn frame_bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.payload_bytes
    }
}

/// Finishes a frame in place: offset, times, flags, header CRC. Returns the size of the frame, or `None` if
/// `frame` is too short to be one.
pub(crate) fn patch(
    frame: &mut [u8],
    seed: u32,
    offset: u64,
    now: Stamp,
    group_start: bool,
) -> Option<(usize, Stamp)> {
    let header: &mut [u8; FRAME_HEADER_BYTES] = frame.first_chunk_mut()?;
    let payload_bytes = le_u32(header, 8) as usize;
    header[16..24].copy_from_slice(&offset.to_le_bytes());
    // A frame patched before (its group was put back when the volume was full) is patched anew, times included.
    let flags = le_u16(header, 6) & !FLAG_GROUP_START;
    let stamp = if flags & FLAG_STAMPED == 0 {
        header[24..32].copy_from_slice(&now.journal_ns.to_le_bytes());
        header[32..40].copy_from_slice(&now.wall_ns.to_le_bytes());
        now
    } else {
        Stamp {
            journal_ns: le_i64(header, 24),
            wall_ns: le_i64(header, 32),
        }
    };
    let flags = if group_start {
        flags | FLAG_GROUP_START
    } else {
        flags
    };
    header[6..8].copy_from_slice(&flags.to_le_bytes());
    let crc = crc32c::crc32c_append(seed, &header[4..]);
    header[0..4].copy_from_slice(&crc.to_le_bytes());
    Some((FRAME_HEADER_BYTES + payload_bytes, stamp))
}

/// Makes a frame a redacted one in place: content blanked, flag set, checksums right.
pub(crate) fn redact(frame: &mut [u8], seed: u32, blank: crate::Blank) {
    let Some((header, payload)) = frame.split_first_chunk_mut::<FRAME_HEADER_BYTES>() else {
        return;
    };
    blank(header[5], header[4], payload);
    let flags = le_u16(header, 6) | FLAG_REDACTED;
    header[6..8].copy_from_slice(&flags.to_le_bytes());
    header[12..16].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let crc = crc32c::crc32c_append(seed, &header[4..]);
    header[0..4].copy_from_slice(&crc.to_le_bytes());
}

pub(crate) fn le_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn le_u32(bytes: &[u8], at: usize) -> u32 {
    let mut array = [0; 4];
    array.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(array)
}

pub(crate) fn le_u64(bytes: &[u8], at: usize) -> u64 {
    let mut array = [0; 8];
    array.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(array)
}

pub(crate) fn le_i64(bytes: &[u8], at: usize) -> i64 {
    le_u64(bytes, at).cast_signed()
}
