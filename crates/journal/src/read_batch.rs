//! What a reader hands out: committed frames in shared memory, or the news that some are not there.

use bytes::Bytes;

use crate::Stamp;
use crate::format::{FLAG_REDACTED, FLAGS_INTERNAL, FRAME_HEADER_BYTES, FrameHeader};

/// One record of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub offset: u64,
    pub kind: u8,
    pub version: u8,
    pub flags: u16,
    pub stamp: Stamp,
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// The content was personal data and is zeros; the redaction record that names the frame says more.
    pub fn is_redacted(&self) -> bool {
        self.flags & FLAG_REDACTED != 0
    }
}

/// Why records are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// Retention took them before this reader came.
    Retention,
    /// The bytes on disk are damaged.
    Damage,
}

/// The records `from..to` are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub from: u64,
    pub to: u64,
    pub reason: GapReason,
}

/// Frames with consecutive offsets, or a gap instead; never both, never nothing.
#[derive(Clone, Debug, Default)]
pub struct ReadBatch {
    chunks: Vec<Bytes>,
    gap: Option<Gap>,
    count: u64,
}

impl ReadBatch {
    pub(crate) fn gap_of(gap: Gap) -> Self {
        Self {
            gap: Some(gap),
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, chunk: Bytes, count: u64) {
        self.chunks.push(chunk);
        self.count += count;
    }

    /// Set when records are missing here; then there are no frames.
    pub fn gap(&self) -> Option<&Gap> {
        self.gap.as_ref()
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes records off the front: at most `records`, with payloads of at most `bytes` together. Shares the memory, looks
    /// at headers only. `None` if not even the first one fits, or there is none.
    pub fn take_front(&mut self, records: u64, bytes: usize) -> Option<Taken> {
        let mut taken: Option<Taken> = None;
        let mut whole_chunks = 0;
        'chunks: for chunk in &mut self.chunks {
            let (mut at, mut count) = (0, 0);
            while let Some(header) = header_at(chunk, at) {
                let payload = header.payload_bytes;
                let (had, held) = taken
                    .as_ref()
                    .map_or((0, 0), |taken| (taken.records, taken.bytes));
                if had == records || held.saturating_add(payload) > bytes {
                    if let (true, Some(taken)) = (count > 0, &mut taken) {
                        taken.read.push(chunk.split_to(at), count);
                    }
                    break 'chunks;
                }
                let taken = taken.get_or_insert_with(|| Taken {
                    read: Self::default(),
                    records: 0,
                    bytes: 0,
                    stamps: (header.stamp, header.stamp),
                });
                taken.records += 1;
                taken.bytes += payload;
                taken.stamps.1 = header.stamp;
                at += header.frame_bytes();
                count += 1;
            }
            if let Some(taken) = &mut taken {
                taken.read.push(std::mem::take(chunk), count);
            }
            whole_chunks += 1;
        }
        self.chunks.drain(..whole_chunks);
        self.count -= taken.as_ref().map_or(0, |taken| taken.records);
        taken
    }

    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.chunks.iter().flat_map(|chunk| Frames { rest: chunk })
    }
}

/// What [`ReadBatch::take_front`] took.
#[derive(Clone, Debug)]
pub struct Taken {
    pub read: ReadBatch,
    pub records: u64,
    /// Bytes of the payloads.
    pub bytes: usize,
    /// Of the first and of the last record.
    pub stamps: (Stamp, Stamp),
}

/// The frames of bytes that were checked.
pub(crate) fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    Frames { rest: bytes }
}

/// Walks over bytes that were checked when they were read, or never left this process.
struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let (header, rest) = self.rest.split_first_chunk::<FRAME_HEADER_BYTES>()?;
        let header = FrameHeader::read(header);
        let (payload, rest) = rest.split_at_checked(header.payload_bytes)?;
        self.rest = rest;
        Some(Frame {
            offset: header.offset,
            kind: header.kind,
            version: header.version,
            flags: header.flags & !FLAGS_INTERNAL,
            stamp: header.stamp,
            payload,
        })
    }
}

fn header_at(frames: &[u8], at: usize) -> Option<FrameHeader> {
    let header = frames.get(at..)?.first_chunk::<FRAME_HEADER_BYTES>()?;
    Some(FrameHeader::read(header))
}

/// Bytes to skip in `frames` to leave out the first `count` frames.
pub(crate) fn skip(frames: &[u8], count: u64) -> usize {
    let mut at = 0;
    for _ in 0..count {
        let Some(header) = frames
            .get(at..)
            .and_then(|rest| rest.first_chunk::<FRAME_HEADER_BYTES>())
        else {
            break;
        };
        at += FrameHeader::read(header).frame_bytes();
    }
    at
}
