//! One writer a data directory.

use std::io;
use std::sync::Arc;

use crate::storage::{Access, Held, read_all};
use crate::{Error, Storage};

const PATH: &str = "lock";

/// Held by the process that writes; dropping it, or the end of the process, releases.
#[must_use = "the data directory is locked only while this lives"]
pub struct LockGuard {
    _held: Box<dyn Held>,
}

/// Takes the data directory for this process, creating it if it is missing.
pub fn lock(storage: &Arc<dyn Storage>) -> Result<LockGuard, Error> {
    storage
        .create_dir("")
        .map_err(Error::io("create", "the data directory"))?;
    match storage.lock(PATH) {
        Ok(held) => Ok(LockGuard { _held: held }),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Error::Locked {
            holder: holder(&**storage),
        }),
        Err(error) => Err(Error::io("lock", PATH)(error)),
    }
}

/// The name the holder left; only for the message.
fn holder(storage: &dyn Storage) -> String {
    storage
        .open(PATH, Access::Read)
        .and_then(|file| read_all(&*file, 256))
        .ok()
        .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown process".to_owned())
}
