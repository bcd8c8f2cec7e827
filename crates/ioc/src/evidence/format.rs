//! The bytes of the evidence store: one header and record after the other in a segment file. `docs/evidence.md` says the same
//! for people. All integers are little-endian.

use event::Transition;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(super) const MAGIC: [u8; 8] = *b"IOCEVID\x01";
/// Magic, journal id, number of the segment.
pub(super) const FILE_HEADER_BYTES: usize = 32;
pub(super) const HEADER_BYTES: usize = 40;
const VERSION: u8 = 1;
/// Bit of `flags`: the content was personal data and is zeros.
const BLANKED: u16 = 1;
/// Where that part of a header begins that blanking writes again.
pub(super) const FLAGS_AT: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// The bytes of a site pack, once in each segment that needs it.
    Pack = 1,
    /// A record of `inputs`, once in each segment that needs it.
    Frame = 2,
    /// A transition with what it rests on.
    Evidence = 3,
    /// One step in the life of an alert.
    Life = 4,
}

impl Kind {
    const fn from_u8(kind: u8) -> Option<Self> {
        Some(match kind {
            1 => Self::Pack,
            2 => Self::Frame,
            3 => Self::Evidence,
            4 => Self::Life,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// What the record is found by: offset of the frame, or the first bytes of a digest ([`key_of`]).
    pub(super) key: u64,
    /// Journal time of the transition that it was written for.
    pub(super) stamp: i64,
    pub(super) length: usize,
    pub(super) blanked: bool,
    payload_crc: u32,
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let crc = u32_at(header, 0)?;
        let known = header[9] == VERSION && crc == crc32c::crc32c(&header[4..FLAGS_AT]);
        if !known {
            return None;
        }
        Some(Self {
            kind: Kind::from_u8(header[8])?,
            key: u64_at(header, 16)?,
            stamp: i64::from_le_bytes(*header.get(24..)?.first_chunk()?),
            length: usize::try_from(u32_at(header, 4)?).ok()?,
            blanked: header[FLAGS_AT] & BLANKED.to_le_bytes()[0] != 0,
            payload_crc: u32_at(header, 36)?,
        })
    }

    /// Whether the payload is what was written.
    pub(super) fn holds(&self, payload: &[u8]) -> bool {
        self.payload_crc == crc32c::crc32c(payload)
    }
}

/// Appends one record.
pub(super) fn put(kind: Kind, key: u64, stamp: i64, payload: &[u8], out: &mut Vec<u8>) {
    let mut header = [0_u8; HEADER_BYTES];
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8] = kind as u8;
    header[9] = VERSION;
    header[16..24].copy_from_slice(&key.to_le_bytes());
    header[24..32].copy_from_slice(&stamp.to_le_bytes());
    header[36..40].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let crc = crc32c::crc32c(&header[4..FLAGS_AT]);
    header[0..4].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
}

/// What blanking writes over a record, from [`FLAGS_AT`] of its header on.
pub(super) fn blank(length: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; HEADER_BYTES - FLAGS_AT + length];
    let crc = crc32c::crc32c(&bytes[HEADER_BYTES - FLAGS_AT..]);
    bytes[0..2].copy_from_slice(&BLANKED.to_le_bytes());
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}

pub(super) fn file_header(journal: [u8; 16], number: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(FILE_HEADER_BYTES);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&journal);
    header.extend_from_slice(&number.to_le_bytes());
    let crc = crc32c::crc32c(&header);
    header.extend_from_slice(&crc.to_le_bytes());
    header
}

/// The journal whose records are kept there.
pub(super) fn read_file_header(bytes: &[u8]) -> Option<[u8; 16]> {
    let header: &[u8; FILE_HEADER_BYTES] = bytes.first_chunk()?;
    let whole = header[..8] == MAGIC && u32_at(header, 28)? == crc32c::crc32c(&header[..28]);
    whole.then(|| header[8..24].first_chunk().copied())?
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// By which the records of an alert or a pack are found.
pub(super) fn key_of(bytes: &[u8]) -> u64 {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    u64_at(&digest, 0).unwrap_or_default()
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A record of `inputs` as it is kept: stamps, kind, version, payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptFrame {
    pub(super) offset: u64,
    pub(super) journal_ns: i64,
    pub(super) wall_ns: i64,
    pub(super) kind: u8,
    pub(super) version: u8,
    pub(super) payload: Vec<u8>,
}

impl KeptFrame {
    pub(super) fn of(frame: &journal::Frame<'_>) -> Self {
        Self {
            offset: frame.offset,
            journal_ns: frame.stamp.journal_ns,
            wall_ns: frame.stamp.wall_ns,
            kind: frame.kind,
            version: frame.version,
            payload: frame.payload.to_vec(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(26 + self.payload.len());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.journal_ns.to_le_bytes());
        out.extend_from_slice(&self.wall_ns.to_le_bytes());
        out.extend_from_slice(&[self.kind, self.version]);
        out.extend_from_slice(&self.payload);
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[kind, version], payload) = bytes.get(24..)?.split_first_chunk()?;
        Some(Self {
            offset: u64_at(bytes, 0)?,
            journal_ns: i64::from_le_bytes(*bytes.get(8..)?.first_chunk()?),
            wall_ns: i64::from_le_bytes(*bytes.get(16..)?.first_chunk()?),
            kind,
            version,
            payload: payload.to_vec(),
        })
    }
}

/// What became of a record of `inputs` that an alert names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FrameState {
    Kept,
    /// Its content was personal data.
    Blanked,
    /// Retention or damage took it before it could be kept.
    Gone,
    /// Past the bound of records or bytes an alert.
    Beyond,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FrameRef {
    pub(super) offset: u64,
    pub(super) state: FrameState,
    /// Of the kept record, as [`KeptFrame::to_bytes`] writes it.
    pub(super) sha256: Option<String>,
}

/// The first part of an evidence record; the transition follows as it stood in `outcomes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) alert: String,
    pub(super) revision: u32,
    /// Identity of `inputs`.
    pub(super) journal: String,
    /// Offset of the transition in `outcomes`, and of the record in `inputs` that it rests on.
    pub(super) outcome: u64,
    pub(super) cause: u64,
    pub(super) wall_ns: i64,
    /// Digest of the site pack in force.
    pub(super) pack: Option<String>,
    pub(super) frames: Vec<FrameRef>,
    /// Of the transition.
    pub(super) sha256: String,
}

impl Head {
    pub(super) fn to_bytes(&self, transition: &[u8]) -> Vec<u8> {
        // Plain texts and numbers: there is nothing in it that JSON cannot hold.
        let head = serde_json::to_vec(self).unwrap_or_default();
        let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
        let mut out = length.to_le_bytes().to_vec();
        out.extend_from_slice(&head);
        out.extend_from_slice(transition);
        out
    }

    /// The head, and the transition's bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (head, transition) = rest.split_at_checked(length)?;
        Some((serde_json::from_slice(head).ok()?, transition))
    }
}

/// A digest of the pack in front of its bytes.
pub(super) fn pack_bytes(digest: &[u8; 32], pack: &[u8]) -> Vec<u8> {
    [digest.as_slice(), pack].concat()
}

/// One step in the life of an alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Life {
    pub(super) outcome: u64,
    pub(super) cause: u64,
    pub(super) alert: String,
    pub(super) revision: u32,
    pub(super) change: String,
    pub(super) by: Option<String>,
    pub(super) at: String,
    pub(super) state: String,
}

impl Life {
    pub(super) fn of(outcome: u64, cause: u64, transition: &Transition) -> Self {
        let state = serde_json::to_value(transition.alert.state);
        let state = state.ok().and_then(|word| word.as_str().map(str::to_owned));
        Self {
            outcome,
            cause,
            alert: transition.alert.id.to_string(),
            revision: transition.alert.revision,
            change: transition.change.name().to_owned(),
            by: transition.by.clone(),
            at: transition.alert.changed.to_string(),
            state: state.unwrap_or_default(),
        }
    }
}
