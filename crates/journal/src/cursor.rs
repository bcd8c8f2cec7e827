//! Cursors: where a named reader is, stored in one step. After a crash the old or the new position is there,
//! never something else; a damaged file is an error and not a position. A note of the reader's own (a position per
//! partition) may go with it, in the same file: the two are of the same moment or not there.

use std::io;
use std::sync::Arc;

use crate::format::{le_u32, le_u64};
use crate::storage::{Access, read_all, remove_temporary, replace};
use crate::{Error, Storage};

const FOLDER: &str = "cursors";
/// Given up when the volume is full, so that a cursor can still move; taken again later.
const BALLAST: &str = "cursors/ballast";
const BALLAST_BYTES: u64 = 256 * 1024;
const MAGIC: [u8; 8] = *b"IOCCURS\x01";
const BYTES: usize = 20;
const MAGIC_NOTED: [u8; 8] = *b"IOCCURS\x02";
/// Magic, position and length of the note; the note and the CRC follow.
const NOTED_HEADER_BYTES: usize = 20;
const FILE_BYTES_MAX: u64 = (NOTED_HEADER_BYTES + Cursors::NOTE_BYTES_MAX + 4) as u64;
const NAME_BYTES_MAX: usize = 64;

/// The cursors of a data directory. The caller holds its lock.
#[derive(Clone)]
pub struct Cursors {
    storage: Arc<dyn Storage>,
}

impl Cursors {
    /// Largest note.
    pub const NOTE_BYTES_MAX: usize = 65 * 1024;

    pub fn open(storage: Arc<dyn Storage>) -> Result<Self, Error> {
        storage
            .create_dir(FOLDER)
            .map_err(Error::io("create", FOLDER))?;
        remove_temporary(&*storage, FOLDER).map_err(Error::io("tidy", FOLDER))?;
        let cursors = Self { storage };
        cursors.take_ballast();
        Ok(cursors)
    }

    /// For looking only, also beside a running node: makes and tidies nothing.
    pub fn read_only(storage: Arc<dyn Storage>) -> Self {
        Self { storage }
    }

    /// The stored position; `None` if this reader never stored one.
    pub fn load(&self, name: &str) -> Result<Option<u64>, Error> {
        Ok(self.load_with_note(name)?.map(|(position, _note)| position))
    }

    /// The stored position and what was stored with it (nothing is the same as an empty note).
    pub fn load_with_note(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let path = path(name)?;
        let bytes = match self.storage.open(&path, Access::Read) {
            Ok(file) => match file.bytes() {
                Ok(bytes) if bytes > FILE_BYTES_MAX => Vec::new(),
                _ => read_all(&*file, FILE_BYTES_MAX).map_err(Error::io("read", &path))?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path)(error)),
        };
        match decode(&bytes) {
            Some(found) => Ok(Some(found)),
            None => Err(Error::Damaged {
                path,
                why: "it is not a cursor",
            }),
        }
    }

    /// Durable when it returns.
    pub fn store(&self, name: &str, position: u64) -> Result<(), Error> {
        self.store_with_note(name, position, &[])
    }

    /// Position and note in one step; durable when it returns.
    pub fn store_with_note(&self, name: &str, position: u64, note: &[u8]) -> Result<(), Error> {
        let path = path(name)?;
        if note.len() > Self::NOTE_BYTES_MAX {
            return Err(Error::RecordTooLarge {
                bytes: note.len(),
                max: Self::NOTE_BYTES_MAX,
            });
        }
        let bytes = encode(position, note);
        let stored = match replace(&*self.storage, FOLDER, &path, &bytes) {
            Err(error) if crate::error::is_no_space(&error) => {
                // Whether or not it was still there: the second answer counts.
                let _ = self.storage.remove(BALLAST);
                replace(&*self.storage, FOLDER, &path, &bytes)
            }
            stored => stored,
        };
        stored.map_err(Error::io("store", &path))
    }

    /// Names of all stored cursors.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let mut names = self
            .storage
            .list(FOLDER)
            .map_err(Error::io("list", FOLDER))?;
        names.retain(|name| path(name).is_ok() && name != "ballast");
        names.sort();
        Ok(names)
    }

    fn take_ballast(&self) {
        let size = self
            .storage
            .open(BALLAST, Access::Read)
            .and_then(|file| file.bytes());
        if size.is_ok_and(|size| size == BALLAST_BYTES) {
            return;
        }
        let zeros = vec![0; BALLAST_BYTES as usize];
        if let Err(error) = replace(&*self.storage, FOLDER, BALLAST, &zeros) {
            tracing::debug!(%error, "no room for the cursors' ballast");
        }
    }
}

/// Without a note the file is as it was before there were notes.
fn encode(position: u64, note: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(NOTED_HEADER_BYTES + note.len() + 4);
    let magic = if note.is_empty() { MAGIC } else { MAGIC_NOTED };
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&position.to_le_bytes());
    if !note.is_empty() {
        bytes.extend_from_slice(&(note.len() as u32).to_le_bytes());
        bytes.extend_from_slice(note);
    }
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// `None`: it is not a cursor.
fn decode(bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    if body.len() + 4 < BYTES || crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return None;
    }
    let position = le_u64(body, 8);
    if body[0..8] == MAGIC {
        return (bytes.len() == BYTES).then(|| (position, Vec::new()));
    }
    let (header, note) = body.split_at_checked(NOTED_HEADER_BYTES)?;
    let sound = header[0..8] == MAGIC_NOTED && le_u32(header, 16) as usize == note.len();
    sound.then(|| (position, note.to_vec()))
}

fn path(name: &str) -> Result<String, Error> {
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    let good = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name != "ballast"
        && name.bytes().all(plain);
    if good {
        Ok(format!("{FOLDER}/{name}"))
    } else {
        Err(Error::CursorName {
            name: name.chars().take(80).collect(),
        })
    }
}
