//! The archive's folder as this process knows it: which files there are, and what is not in a file yet.
//!
//! One lock holds both, so that a question sees every point once: in the files or in the block, never in both. It is held
//! for as long as it takes to list files and to look through one block.

mod listed;
mod load;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use journal::Frame;
use tokio::sync::Notify;

use crate::block::Block;
use crate::config::ArchiveConfig;
use crate::disk::{Disk, StepHook};
use crate::error::Error;
use crate::index::Index;
use crate::layout::{FileName, Kind, Partition, Place};
use crate::records::RecordsIter;
use crate::table::{Table, TableFile};
use crate::writer::is_full;
use crate::{alerts, points, records};

pub(crate) use listed::{Listed, Opened};

/// Which journals the archive is fed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub inputs: journal::Id,
    pub outcomes: journal::Id,
}

/// The archive: shared by the sink that fills it and by everybody who asks. Cheap to clone.
#[derive(Clone)]
pub struct Archive {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: ArchiveConfig,
    pub(crate) disk: Disk,
    /// First digits of the identity of `outcomes`; empty when only reading.
    pub(crate) journal: String,
    /// Identity of `inputs`, as it is written into every row.
    pub(crate) inputs: Bytes,
    state: RwLock<State>,
    index: RwLock<Index>,
    /// From now on blocks are written as soon as nothing more arrives.
    hurry: AtomicBool,
    pub(crate) hurried: Notify,
    /// One merge or removal at a time.
    pub(crate) maintenance: Mutex<()>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileEntry {
    pub(crate) name: FileName,
    pub(crate) bytes: u64,
}

pub(crate) type Files = BTreeMap<Partition, Vec<FileEntry>>;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) files: Files,
    /// Being written.
    pub(crate) frozen: Option<Arc<Block>>,
    pub(crate) building: Block,
    /// One past the last outcome in a file.
    pub(crate) upto: u64,
    /// Digest of the configuration in force there.
    pub(crate) pack: Option<String>,
}

pub(crate) fn table(kind: Kind) -> Result<&'static Table, Error> {
    match kind {
        Kind::Points => points::table(),
        Kind::Alerts => alerts::table(),
        Kind::Records => records::table(),
    }
    .ok_or_else(|| Error::Incomplete("a table of this release cannot be made".to_owned()))
}

impl Archive {
    /// Opens the folder for writing and mends what a crash left. The caller holds the lock of the data directory.
    pub fn open(config: ArchiveConfig, dir: &Path, identity: Identity) -> Result<Self, Error> {
        Self::open_with(config, dir, identity, None)
    }

    /// The same with a hook before every change to the folder: for tests of crashes.
    pub fn open_with(
        config: ArchiveConfig,
        dir: &Path,
        identity: Identity,
        hook: Option<StepHook>,
    ) -> Result<Self, Error> {
        let journal: String = identity.outcomes.to_string().chars().take(8).collect();
        let disk = Disk::new(dir.to_owned(), hook);
        disk.create_folder(dir)?;
        let found = load::recover(&disk, &journal)?;
        let index = load::index(dir, config.series_max, &found.files)?;
        let state = State {
            building: Block::new(found.pack.clone()),
            files: found.files,
            frozen: None,
            upto: found.upto,
            pack: found.pack,
        };
        Ok(Self::of(
            config,
            disk,
            journal,
            identity.inputs.to_string(),
            state,
            index,
        ))
    }

    /// Opens the folder of a node, running or not, for questions only; what is not in a file yet is not seen.
    pub fn read_only(config: ArchiveConfig, dir: &Path) -> Result<Self, Error> {
        if !dir.is_dir() {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(Error::io("open the archive", dir)(missing));
        }
        let disk = Disk::new(dir.to_owned(), None);
        let files = load::look(dir)?;
        let index = load::index(dir, config.series_max, &files)?;
        let state = State {
            files,
            upto: u64::MAX,
            ..State::default()
        };
        Ok(Self::of(
            config,
            disk,
            String::new(),
            String::new(),
            state,
            index,
        ))
    }

    fn of(
        config: ArchiveConfig,
        disk: Disk,
        journal: String,
        inputs: String,
        state: State,
        index: Index,
    ) -> Self {
        let archive = Self {
            shared: Arc::new(Shared {
                config,
                disk,
                journal,
                inputs: inputs.into(),
                state: RwLock::new(state),
                index: RwLock::new(index),
                hurry: AtomicBool::new(false),
                hurried: Notify::new(),
                maintenance: Mutex::new(()),
            }),
        };
        archive.shared.report();
        archive
    }

    /// One past the last outcome that is durable here.
    pub fn position(&self) -> u64 {
        self.shared.state().upto
    }

    /// One past the last outcome of this journal that is in a file.
    pub fn covered(&self, journal: journal::Id) -> u64 {
        let names = self.record_names(&self.journal_prefix(Some(journal)), 0, u64::MAX);
        names.iter().map(|(_, name)| name.to).max().unwrap_or(0)
    }

    /// For an archive opened for questions only: what the journal has beyond the files, as the sink of a running node has it
    /// in memory. Takes no more than a block; false when there was more.
    pub fn look_ahead<'a>(&self, frames: impl Iterator<Item = Frame<'a>>) -> bool {
        let mut state = self.shared.state_mut();
        for frame in frames {
            if is_full(&state.building, &self.shared.config) {
                return false;
            }
            state.building.push(&frame);
        }
        true
    }

    /// From now on a block is written as soon as nothing more arrives: call it before a drain.
    pub fn hurry(&self) {
        self.shared.hurry.store(true, Ordering::Release);
        self.shared.hurried.notify_one();
    }

    /// Files and their bytes.
    pub fn size(&self) -> (usize, u64) {
        self.shared.size()
    }

    /// The outcomes `from..to` of this journal (`None`: the one that the archive is fed from, or the only one there is), as
    /// far as they are in a file, with the very bytes that they had.
    pub fn records(&self, journal: Option<journal::Id>, from: u64, to: u64) -> RecordsIter {
        RecordsIter::new(self.clone(), self.journal_prefix(journal), from, to)
    }

    /// Which of `from..to` no file covers.
    pub fn missing_records(
        &self,
        journal: Option<journal::Id>,
        from: u64,
        to: u64,
    ) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut at = from;
        for (_, name) in self.record_names(&self.journal_prefix(journal), from, to) {
            if name.from > at {
                missing.push((at, name.from.min(to)));
            }
            at = at.max(name.to);
        }
        if at < to {
            missing.push((at, to));
        }
        missing
    }

    fn journal_prefix(&self, journal: Option<journal::Id>) -> String {
        match journal {
            Some(id) => id.to_string().chars().take(8).collect(),
            None if self.shared.journal.is_empty() => {
                let state = self.shared.state();
                let newest = state
                    .files
                    .iter()
                    .rev()
                    .find(|(key, _)| key.kind() == Kind::Records);
                newest
                    .and_then(|(_, files)| files.last())
                    .map(|file| file.name.journal.clone())
                    .unwrap_or_default()
            }
            None => self.shared.journal.clone(),
        }
    }

    fn record_names(&self, journal: &str, from: u64, to: u64) -> Vec<(Partition, FileName)> {
        let state = self.shared.state();
        let mut names: Vec<_> = state
            .files
            .iter()
            .filter(|(partition, _)| partition.kind() == Kind::Records)
            .flat_map(|(partition, files)| files.iter().map(|file| (*partition, &file.name)))
            .filter(|(_, name)| name.journal == journal && name.from < to && name.to > from)
            .map(|(partition, name)| (partition, name.clone()))
            .collect();
        names.sort_by_key(|(_, name)| name.from);
        names
    }

    pub(crate) fn record_files(&self, journal: &str, from: u64, to: u64) -> Vec<PathBuf> {
        self.record_names(journal, from, to)
            .into_iter()
            .map(|(partition, name)| Place { partition, name }.path(self.shared.disk.root()))
            .collect()
    }
}

impl State {
    /// What is not in a file yet.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.frozen.as_deref().into_iter().chain([&self.building])
    }
}

impl Shared {
    // A panic while the lock was held ends the process in order; until then the state is whole.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_hurried(&self) -> bool {
        self.hurry.load(Ordering::Acquire)
    }

    fn size(&self) -> (usize, u64) {
        let state = self.state();
        let files = state.files.values().flatten();
        files.fold((0, 0), |(count, bytes), file| {
            (count + 1, bytes + file.bytes)
        })
    }

    pub(crate) fn report(&self) {
        let (files, bytes) = self.size();
        crate::metrics::disk(files, bytes);
    }

    /// A block is durable: its files are known, its series counted, and it is no longer in memory.
    pub(crate) fn commit(&self, block: &Block, written: Vec<(Place, u64)>) {
        let mut state = self.state_mut();
        for (Place { partition, name }, bytes) in written {
            state
                .files
                .entry(partition)
                .or_default()
                .push(FileEntry { name, bytes });
        }
        state.upto = block.to;
        state.pack.clone_from(&block.pack);
        state.frozen = None;
        let mut index = self.index_mut();
        index.add_block(block);
        index.upto.insert(self.journal.clone(), block.to);
    }

    /// Files of a block that turned out to be committed although its write failed.
    pub(crate) fn adopt(&self, places: &[Place]) -> Result<(), Error> {
        let root = self.disk.root();
        let mut found = Files::new();
        let (mut upto, mut pack) = (0, None);
        for place in places {
            let path = place.path(root);
            let bytes = path.metadata().map_err(Error::io("look at", &path))?.len();
            upto = place.name.to;
            if place.partition.kind() == Kind::Records {
                let file = TableFile::open(table(Kind::Records)?, &path)?;
                pack = file.note(records::PACK).map(str::to_owned);
            }
            let name = place.name.clone();
            found
                .entry(place.partition)
                .or_default()
                .push(FileEntry { name, bytes });
        }
        let mut state = self.state_mut();
        let mut index = self.index_mut();
        load::add_files(&mut index, root, &found)?;
        for (partition, files) in found {
            state.files.entry(partition).or_default().extend(files);
        }
        state.upto = upto;
        state.frozen = None;
        state.building = Block::new(pack.clone());
        state.pack = pack;
        Ok(())
    }
}
