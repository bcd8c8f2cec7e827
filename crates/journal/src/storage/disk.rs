//! The real storage: a directory, `pwritev`, `fdatasync`, `fallocate`, `flock`.

use std::fs;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, FlockOperation};

use super::{Access, File, Held, Storage};
use crate::options::Preallocate;

/// Most slices one `pwritev` takes (`IOV_MAX`).
const SLICES_MAX: usize = 1024;
/// Piece size when zeros are written in advance.
const ZERO_BYTES: usize = 1024 * 1024;

/// A data directory on a real file system.
#[derive(Debug, Clone)]
pub struct DiskStorage {
    root: PathBuf,
}

impl DiskStorage {
    /// Names the directory; nothing is touched yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() {
            self.root.clone()
        } else {
            self.root.join(path)
        }
    }
}

impl Storage for DiskStorage {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        let path = self.path(dir);
        if path.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(&path)?;
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
            _ => Ok(()),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir))? {
            let entry = entry?;
            // Removed in between: not there any more, which is all that a caller can want to know.
            if entry.file_type().is_ok_and(|kind| kind.is_file())
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let file = fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(self.path(path))?;
        Ok(Arc::new(DiskFile(file)))
    }

    fn open(&self, path: &str, access: Access) -> io::Result<Arc<dyn File>> {
        let file = fs::File::options()
            .read(true)
            .write(access == Access::Write)
            .open(self.path(path))?;
        Ok(Arc::new(DiskFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        fs::File::open(self.path(dir))?.sync_all()
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Held>> {
        let file = fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path(path))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        // The holder's name is for the message of the one who comes second. The lock does not need it, and a
        // full volume must not keep us from starting.
        let name = format!("process {}\n", std::process::id());
        let _ = file
            .set_len(0)
            .and_then(|()| file.write_all_at(name.as_bytes(), 0));
        Ok(Box::new(DiskLock { _file: file }))
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        let mut bytes = [0; 16];
        let mut filled = 0;
        while filled < bytes.len() {
            filled += rustix::rand::getrandom(
                &mut bytes[filled..],
                rustix::rand::GetRandomFlags::empty(),
            )?;
        }
        Ok(bytes)
    }
}

/// Keeps the descriptor open; the kernel releases the lock when it closes, whatever way the process ends.
struct DiskLock {
    _file: fs::File,
}

impl Held for DiskLock {}

struct DiskFile(fs::File);

impl File for DiskFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, position) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn write_at(&self, slices: &mut [IoSlice<'_>], position: u64) -> io::Result<()> {
        let mut rest = slices;
        let mut position = position;
        while rest.iter().any(|slice| !slice.is_empty()) {
            let count = rest.len().min(SLICES_MAX);
            match rustix::io::pwritev(&self.0, &rest[..count], position) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    position += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn preallocate(&self, bytes: u64, how: Preallocate) -> io::Result<()> {
        let length = self.bytes()?;
        if how == Preallocate::None || bytes == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => {}
            // A file system without it: zeros do the same, slower.
            Err(rustix::io::Errno::OPNOTSUPP) => return self.write_zeros(length, bytes),
            Err(error) => return Err(error.into()),
        }
        if how == Preallocate::Zero {
            self.write_zeros(length, bytes)
        } else {
            Ok(())
        }
    }
}

impl DiskFile {
    fn write_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        let zeros = vec![0; ZERO_BYTES];
        let mut position = from;
        while position < to {
            let count = usize::try_from(to - position)
                .unwrap_or(ZERO_BYTES)
                .min(ZERO_BYTES);
            self.0.write_all_at(&zeros[..count], position)?;
            position += count as u64;
        }
        Ok(())
    }
}
