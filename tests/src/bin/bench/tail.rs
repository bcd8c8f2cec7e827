//! Follows `outcomes` of a running node from outside, by the file format of `docs/journal-format.md`.
//!
//! A record counts as there when its frame can be read from the segment; the sync that makes it durable is under way at that
//! moment or done (readers inside the node, such as the live feed, get it only after the sync).

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use event::Transition;
use event::outcome::{Outcome, OutcomeKind, decode};

const SEGMENT_HEADER_BYTES: u64 = 64;
const FRAME_HEADER_BYTES: usize = 40;
const READ_BYTES: usize = 1024 * 1024;

pub(crate) struct Tail {
    folder: PathBuf,
    file: File,
    /// Where the next frame begins in the file.
    position: u64,
    /// Offset of the next record.
    offset: u64,
    buffer: Vec<u8>,
}

impl Tail {
    /// Begins at the first record of the newest segment.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let folder = data.join("outcomes");
        let newest = fs::read_dir(&folder)
            .context("reading the outcomes folder")?
            .filter_map(|entry| {
                entry
                    .ok()?
                    .path()
                    .file_stem()?
                    .to_str()?
                    .parse::<u64>()
                    .ok()
            })
            .max()
            .context("outcomes has no segment")?;
        let file = File::open(segment(&folder, newest))?;
        let buffer = vec![0; READ_BYTES];
        Ok(Self {
            folder,
            file,
            position: SEGMENT_HEADER_BYTES,
            offset: newest,
            buffer,
        })
    }

    /// Reads what is there and hands over the transitions in it.
    pub(crate) fn read(&mut self, mut found: impl FnMut(Transition)) -> Result<()> {
        loop {
            let read = self.file.read_at(&mut self.buffer, self.position)?;
            let mut at = 0;
            while let Some(frame) = self.frame(at, read) {
                if frame.kind == OutcomeKind::Transition as u8 {
                    let payload = self
                        .buffer
                        .get(at + FRAME_HEADER_BYTES..frame.end)
                        .unwrap_or_default();
                    if let (_, Outcome::Transition(transition)) =
                        decode(frame.kind, frame.version, payload)?
                    {
                        found(*transition);
                    }
                }
                at = frame.end;
                self.offset += 1;
            }
            self.position += u64::try_from(at)?;
            if at > 0 {
                continue;
            }
            // Nothing more here: a new segment, if there is one, begins with the record that we wait for.
            match File::open(segment(&self.folder, self.offset)) {
                Ok(file) if self.position > SEGMENT_HEADER_BYTES => {
                    self.file = file;
                    self.position = SEGMENT_HEADER_BYTES;
                }
                Ok(_) | Err(_) => return Ok(()),
            }
        }
    }

    /// The frame at `at`, when all of it is there and it is the next record. Room not yet written holds zeros, and of a write
    /// under way any part may be there: the payload's CRC tells.
    fn frame(&self, at: usize, read: usize) -> Option<Frame> {
        let bytes = self.buffer.get(at..read)?;
        let header = bytes.first_chunk::<FRAME_HEADER_BYTES>()?;
        let number = |range: std::ops::Range<usize>| {
            header.get(range).map_or(0, |bytes| {
                bytes
                    .iter()
                    .rev()
                    .fold(0_u64, |value, &byte| value << 8 | u64::from(byte))
            })
        };
        let end = FRAME_HEADER_BYTES + usize::try_from(number(8..12)).ok()?;
        let payload = bytes.get(FRAME_HEADER_BYTES..end)?;
        let whole = number(0..4) != 0
            && number(16..24) == self.offset
            && number(12..16) == u64::from(crc32c::crc32c(payload));
        whole.then_some(Frame {
            version: header[4],
            kind: header[5],
            end: at + end,
        })
    }
}

struct Frame {
    version: u8,
    kind: u8,
    end: usize,
}

fn segment(folder: &Path, base: u64) -> PathBuf {
    folder.join(format!("{base:020}.seg"))
}
