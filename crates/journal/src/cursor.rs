//! Cursors: where a named reader is, stored in one step. After a crash the old or the new position is there,
//! never something else; a damaged file is an error and not a position.

use std::io;
use std::sync::Arc;

use crate::format::{le_u32, le_u64};
use crate::storage::{Access, read_all, remove_temporary, replace};
use crate::{Error, Storage};

const FOLDER: &str = "cursors";
/// Given up when the volume is full, so that a cursor can still move; taken again later.
const BALLAST: &str = "cursors/ballast";
const BALLAST_BYTES: u64 = 64 * 1024;
const MAGIC: [u8; 8] = *b"IOCCURS\x01";
const BYTES: usize = 20;
const NAME_BYTES_MAX: usize = 64;

/// The cursors of a data directory. The caller holds its lock.
#[derive(Clone)]
pub struct Cursors {
    storage: Arc<dyn Storage>,
}

impl Cursors {
    pub fn open(storage: Arc<dyn Storage>) -> Result<Self, Error> {
        storage
            .create_dir(FOLDER)
            .map_err(Error::io("create", FOLDER))?;
        remove_temporary(&*storage, FOLDER).map_err(Error::io("tidy", FOLDER))?;
        let cursors = Self { storage };
        cursors.take_ballast();
        Ok(cursors)
    }

    /// The stored position; `None` if this reader never stored one.
    pub fn load(&self, name: &str) -> Result<Option<u64>, Error> {
        let path = path(name)?;
        let bytes = match self.storage.open(&path, Access::Read) {
            Ok(file) => read_all(&*file, 4096).map_err(Error::io("read", &path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path)(error)),
        };
        let sound = bytes.len() == BYTES
            && bytes[0..8] == MAGIC
            && crc32c::crc32c(&bytes[0..16]) == le_u32(&bytes, 16);
        if sound {
            Ok(Some(le_u64(&bytes, 8)))
        } else {
            Err(Error::Damaged {
                path,
                why: "it is not a cursor",
            })
        }
    }

    /// Durable when it returns.
    pub fn store(&self, name: &str, position: u64) -> Result<(), Error> {
        let path = path(name)?;
        let mut bytes = [0; BYTES];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&position.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[0..16]);
        bytes[16..20].copy_from_slice(&crc.to_le_bytes());
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
