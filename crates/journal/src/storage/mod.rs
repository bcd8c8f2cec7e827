//! Every file operation of this crate goes through [`Storage`], so that tests can tear writes, lose what was
//! not synced and fail any operation ([`sim`]). Paths are relative to the data directory, with `/`.

mod disk;
pub mod sim;

use std::io;
use std::sync::Arc;

pub use disk::DiskStorage;

use crate::options::Preallocate;

/// A directory tree with the guarantees of a POSIX file system and no more: contents are durable after
/// [`File::sync_data`], names after [`Storage::sync_dir`].
pub trait Storage: Send + Sync + 'static {
    /// Creates the folder (and its parents) if it is missing; `""` is the data directory itself.
    fn create_dir(&self, dir: &str) -> io::Result<()>;
    /// Names of the plain files in the folder, in no order.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    /// Creates an empty file for reading and writing; an existing one is emptied.
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>>;
    /// Opens an existing file.
    fn open(&self, path: &str, access: Access) -> io::Result<Arc<dyn File>>;
    /// Replaces `to` by `from` in one step.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Makes names created, renamed and removed in the folder durable.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
    /// Takes the exclusive lock on this file until the guard is dropped; `WouldBlock` if somebody has it.
    fn lock(&self, path: &str) -> io::Result<Box<dyn Held>>;
    /// Sixteen random bytes for an identity.
    fn random(&self) -> io::Result<[u8; 16]>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// One open file.
pub trait File: Send + Sync + 'static {
    /// Reads what is there, up to the size of the buffer; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Writes all slices one after the other, or fails with any part of them written.
    fn write_at(&self, slices: &mut [io::IoSlice<'_>], position: u64) -> io::Result<()>;
    /// Contents and length are on stable storage when this returns `Ok`. After an error nothing is known about
    /// what was written since the last success; asking again would lie.
    fn sync_data(&self) -> io::Result<()>;
    fn bytes(&self) -> io::Result<u64>;
    fn truncate(&self, bytes: u64) -> io::Result<()>;
    /// Makes the file `bytes` long, with room behind it that later writes need not ask for.
    fn preallocate(&self, bytes: u64, how: Preallocate) -> io::Result<()>;
}

/// A held lock; dropping it releases.
pub trait Held: Send + Sync {}

/// Reads the whole file, at most `max` bytes.
pub(crate) fn read_all(file: &dyn File, max: u64) -> io::Result<Vec<u8>> {
    let length = file.bytes()?;
    if length > max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "larger than it can be",
        ));
    }
    read_range(file, 0, length as usize)
}

/// Reads `length` bytes from `position`, fewer at the end of the file.
pub(crate) fn read_range(file: &dyn File, position: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let count = file.read_at(&mut bytes[filled..], position + filled as u64)?;
        if count == 0 {
            break;
        }
        filled += count;
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Writes a whole small file so that a crash leaves the old one or the new one: temporary file, sync, rename,
/// sync of the folder.
pub(crate) fn replace(
    storage: &dyn Storage,
    dir: &str,
    path: &str,
    bytes: &[u8],
) -> io::Result<()> {
    let temporary = format!("{path}.tmp");
    let written = storage.create(&temporary).and_then(|file| {
        file.write_at(&mut [io::IoSlice::new(bytes)], 0)?;
        file.sync_data()
    });
    if let Err(error) = written.and_then(|()| storage.rename(&temporary, path)) {
        // The old file still stands; a leftover is removed at the next opening if this fails.
        let _ = storage.remove(&temporary);
        return Err(error);
    }
    storage.sync_dir(dir)
}

/// Removes temporary files that a crash left.
pub(crate) fn remove_temporary(storage: &dyn Storage, dir: &str) -> io::Result<()> {
    for name in storage.list(dir)? {
        if name.ends_with(".tmp") {
            storage.remove(&format!("{dir}/{name}"))?;
        }
    }
    Ok(())
}
