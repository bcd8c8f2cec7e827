//! Every change to the archive's folder goes through here, so that a test can end the process at any of them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;

/// One change to the folder, about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    CreateFolder,
    Create,
    Write,
    Sync,
    Rename,
    SyncFolder,
    Remove,
}

/// Asked before each step; an error is what the step then fails with.
pub type StepHook = Arc<dyn Fn(Step, &Path) -> io::Result<()> + Send + Sync>;

const BUFFER_BYTES: usize = 256 * 1024;
pub(crate) const TEMPORARY: &str = ".tmp";

#[derive(Clone)]
pub(crate) struct Disk {
    root: PathBuf,
    hook: Option<StepHook>,
}

/// A file being written under a temporary name.
pub(crate) struct Out {
    file: BufWriter<Raw>,
    temporary: PathBuf,
}

struct Raw {
    file: File,
    disk: Disk,
    path: PathBuf,
}

impl Disk {
    pub(crate) fn new(root: PathBuf, hook: Option<StepHook>) -> Self {
        Self { root, hook }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn ask(&self, step: Step, path: &Path) -> io::Result<()> {
        self.hook.as_ref().map_or(Ok(()), |hook| hook(step, path))
    }

    /// Makes the folder and those above it, each durable in its parent.
    pub(crate) fn create_folder(&self, folder: &Path) -> Result<(), Error> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.create_folder(parent)?;
        }
        self.ask(Step::CreateFolder, folder)
            .and_then(|()| match fs::create_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                made => made,
            })
            .map_err(Error::io("create the folder", folder))?;
        match folder.parent() {
            Some(parent) if folder != self.root => self.sync_folder(parent).inspect_err(|_| {
                // Next time it must be new again, else nobody would sync its name.
                let _ = fs::remove_dir(folder);
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Opens `path` plus `.tmp` for writing; nobody sees it before [`Self::rename`].
    pub(crate) fn create(&self, path: &Path) -> Result<Out, Error> {
        if let Some(folder) = path.parent() {
            self.create_folder(folder)?;
        }
        let temporary = temporary(path);
        let file = self
            .ask(Step::Create, &temporary)
            .and_then(|()| File::create(&temporary))
            .map_err(Error::io("create", &temporary))?;
        let raw = Raw {
            file,
            disk: self.clone(),
            path: temporary.clone(),
        };
        Ok(Out {
            file: BufWriter::with_capacity(BUFFER_BYTES, raw),
            temporary,
        })
    }

    /// Gives a written and synced file its name. The folder is not synced.
    pub(crate) fn rename(&self, path: &Path) -> Result<(), Error> {
        let temporary = temporary(path);
        self.ask(Step::Rename, path)
            .and_then(|()| fs::rename(&temporary, path))
            .map_err(Error::io("rename to", path))
    }

    pub(crate) fn sync_folder(&self, folder: &Path) -> Result<(), Error> {
        self.ask(Step::SyncFolder, folder)
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(Error::io("sync the folder", folder))
    }

    /// A file that is not there any more counts as removed.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), Error> {
        self.ask(Step::Remove, path)
            .and_then(|()| match fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            })
            .map_err(Error::io("remove", path))
    }

    /// Removes the folder if it is empty, and then those above it below the root.
    pub(crate) fn remove_empty(&self, folder: &Path) {
        let mut at = folder;
        while at != self.root && at.starts_with(&self.root) {
            // Not empty, or gone already: both are fine.
            if fs::remove_dir(at).is_err() {
                return;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => return,
            }
        }
    }

    /// Writes a whole small file: afterwards the old one or the new one is there.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut out = self.create(path)?;
        out.write_all(bytes).map_err(Error::io("write", path))?;
        out.finish()?;
        self.rename(path)?;
        path.parent()
            .map_or(Ok(()), |folder| self.sync_folder(folder))
    }
}

pub(crate) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY);
    PathBuf::from(name)
}

/// All files below `folder`, in no order; none when it does not exist.
pub(crate) fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("list", folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(Error::io("list", folder))?;
        let kind = entry.file_type().map_err(Error::io("list", folder))?;
        if kind.is_dir() {
            walk(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

impl Out {
    /// Writes out what is buffered and syncs it. Returns the size.
    pub(crate) fn finish(mut self) -> Result<u64, Error> {
        let path = self.temporary;
        self.file.flush().map_err(Error::io("write", &path))?;
        let raw = self.file.get_ref();
        raw.disk
            .ask(Step::Sync, &path)
            .and_then(|()| raw.file.sync_all())
            .map_err(Error::io("sync", &path))?;
        let bytes = raw.file.metadata().map_err(Error::io("look at", &path))?;
        Ok(bytes.len())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.ask(Step::Write, &self.path)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
