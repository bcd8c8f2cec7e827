//! A batch: complete frames in one buffer but for what only the committer knows (offset, times, header CRC),
//! which it patches in place. The very same bytes are written, kept in memory for readers and dropped: no copy.

use crate::Stamp;
use crate::format::{self, FLAG_STAMPED, FRAME_HEADER_BYTES, RECORD_VERSION};

/// Records on their way into a journal; they are committed together and get consecutive offsets.
#[derive(Debug, Default)]
pub struct Batch {
    buffer: Vec<u8>,
    count: u32,
    payload_max: usize,
}

impl Batch {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            buffer: Vec::with_capacity(bytes),
            count: 0,
            payload_max: 0,
        }
    }

    /// Adds a record; the committer stamps it with its clock. `encode` appends the payload to the buffer and
    /// must not touch what is before it.
    pub fn push(&mut self, kind: u8, encode: impl FnOnce(&mut Vec<u8>)) {
        self.frame(kind, None, encode);
    }

    /// Adds a record that carries the times of its cause.
    pub fn push_stamped(&mut self, kind: u8, stamp: Stamp, encode: impl FnOnce(&mut Vec<u8>)) {
        self.frame(kind, Some(stamp), encode);
    }

    fn frame(&mut self, kind: u8, stamp: Option<Stamp>, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.buffer.len();
        let mut header = [0_u8; FRAME_HEADER_BYTES];
        header[4] = RECORD_VERSION;
        header[5] = kind;
        if let Some(stamp) = stamp {
            header[6..8].copy_from_slice(&FLAG_STAMPED.to_le_bytes());
            header[24..32].copy_from_slice(&stamp.journal_ns.to_le_bytes());
            header[32..40].copy_from_slice(&stamp.wall_ns.to_le_bytes());
        }
        self.buffer.extend_from_slice(&header);
        encode(&mut self.buffer);
        let payload = &self.buffer[start + FRAME_HEADER_BYTES..];
        let payload_bytes = payload.len();
        let crc = crc32c::crc32c(payload);
        // A payload past the format's bound is refused as a whole by the append, which looks at `payload_max`.
        let length = u32::try_from(payload_bytes).unwrap_or(u32::MAX);
        self.buffer[start + 8..start + 12].copy_from_slice(&length.to_le_bytes());
        self.buffer[start + 12..start + 16].copy_from_slice(&crc.to_le_bytes());
        self.count += 1;
        self.payload_max = self.payload_max.max(payload_bytes);
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Size in bytes, headers included.
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Empties the batch and keeps its room.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.count = 0;
        self.payload_max = 0;
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Size of the largest payload.
    pub(crate) fn payload_max(&self) -> usize {
        self.payload_max
    }

    /// Gives every frame its offset, its times and its CRC. Returns the stamp of the last one.
    pub(crate) fn patch(
        &mut self,
        seed: u32,
        first_offset: u64,
        now: Stamp,
        group_start: bool,
    ) -> Stamp {
        let mut rest = self.buffer.as_mut_slice();
        let mut offset = first_offset;
        let mut last = now;
        while let Some((bytes, stamp)) = format::patch(
            rest,
            seed,
            offset,
            now,
            group_start && offset == first_offset,
        ) {
            last = stamp;
            offset += 1;
            let Some((_, tail)) = rest.split_at_mut_checked(bytes) else {
                break;
            };
            rest = tail;
        }
        debug_assert_eq!(offset - first_offset, u64::from(self.count));
        last
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}
