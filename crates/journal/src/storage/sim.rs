//! A storage in memory that does what file systems do on a bad day, from a seed: it tears writes, loses what was
//! not synced, reorders what was, fails any chosen operation and runs out of room.
//!
//! The model: a write is pending until its file is synced, a name until its folder is. [`SimStorage::power_cut`]
//! keeps any part of what was pending (sectors of 512 bytes, in any order) and nothing of what a *failed*
//! sync covered need ever become durable, even if a later sync succeeds. [`SimStorage::kill`] is the death of
//! the process alone: everything written stays visible. Both return a new world; handles into the old one are dead
//! ends that no longer matter.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, File, Held, Storage};
mod file;

use file::SimFile;

const SECTOR_BYTES: usize = 512;

/// What an operation is made to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// EIO.
    Io,
    /// ENOSPC.
    NoSpace,
}

impl Fault {
    fn error(self) -> io::Error {
        match self {
            Self::Io => rustix::io::Errno::IO.into(),
            Self::NoSpace => rustix::io::Errno::NOSPC.into(),
        }
    }
}

/// A small generator (splitmix64): the same seed gives the same run on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// Below `bound` (0 for 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.number() % bound }
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

#[derive(Clone, Debug)]
enum Change {
    Write { position: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Clone, Debug, Default)]
struct Inode {
    /// What the running system sees.
    now: Vec<u8>,
    /// What is on the platter.
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone, Debug)]
struct World {
    random: Random,
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<NameChange>,
    folders: BTreeSet<String>,
    locked: bool,
    operations: u64,
    faults: BTreeMap<u64, Fault>,
    capacity: Option<usize>,
}

/// See the module. Clones share one world.
#[derive(Clone, Debug)]
pub struct SimStorage {
    world: Arc<Mutex<World>>,
}

impl SimStorage {
    pub fn new(seed: u64) -> Self {
        Self::of(World {
            random: Random::new(seed),
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: Vec::new(),
            folders: BTreeSet::new(),
            locked: false,
            operations: 0,
            faults: BTreeMap::new(),
            capacity: None,
        })
    }

    fn of(world: World) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Operations so far that can be made to fail.
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// The `after`-th operation from now fails (0 = the next one).
    pub fn fail(&self, after: u64, fault: Fault) {
        let mut world = self.world();
        let at = world.operations + after;
        world.faults.insert(at, fault);
    }

    /// Takes the planned faults back, not the bound.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Takes everything back: no planned fault, no bound.
    pub fn heal(&self) {
        let mut world = self.world();
        world.faults.clear();
        world.capacity = None;
    }

    /// Bound of all files together; `None` = no bound.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.world().capacity = bytes;
    }

    /// Size of all files.
    pub fn used(&self) -> usize {
        self.world().used()
    }

    /// The process dies, the machine lives.
    pub fn kill(&self) -> Self {
        let mut world = self.world().clone();
        world.locked = false;
        world.faults.clear();
        Self::of(world)
    }

    /// The machine loses power: what was not synced is there in any part, or not.
    pub fn power_cut(&self) -> Self {
        let mut world = self.world().clone();
        world.cut_power();
        Self::of(world)
    }

    /// Paths of all files.
    pub fn files(&self) -> Vec<String> {
        self.world().names.keys().cloned().collect()
    }

    /// A file as the system sees it.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        let world = self.world();
        world
            .names
            .get(path)
            .map(|inode| world.inodes[*inode].now.clone())
    }

    /// Replaces a file's content behind everybody's back: damage.
    pub fn damage(&self, path: &str, content: Vec<u8>) {
        let mut world = self.world();
        if let Some(inode) = world.names.get(path).copied() {
            world.inodes[inode] = Inode {
                now: content.clone(),
                durable: content,
                pending: Vec::new(),
            };
        }
    }
}

impl World {
    fn used(&self) -> usize {
        self.names
            .values()
            .map(|inode| self.inodes[*inode].now.len())
            .sum()
    }

    fn operation(&mut self) -> Option<Fault> {
        let fault = self.faults.remove(&self.operations);
        self.operations += 1;
        fault
    }

    fn check(&mut self) -> io::Result<()> {
        self.operation().map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn lookup(&self, path: &str) -> io::Result<usize> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn room_for(&self, inode: usize, length: usize) -> io::Result<()> {
        let more = length.saturating_sub(self.inodes[inode].now.len());
        match self.capacity {
            Some(capacity) if more > 0 && self.used() + more > capacity => {
                Err(Fault::NoSpace.error())
            }
            _ => Ok(()),
        }
    }

    fn change(&mut self, inode: usize, change: Change) {
        let inode = &mut self.inodes[inode];
        apply(&mut inode.now, &change);
        inode.pending.push(change);
    }

    fn cut_power(&mut self) {
        self.locked = false;
        self.faults.clear();
        let mut random = self.random.clone();
        for inode in &mut self.inodes {
            for change in std::mem::take(&mut inode.pending) {
                persist_part(&mut random, &mut inode.durable, change);
            }
            inode.now.clone_from(&inode.durable);
        }
        for change in std::mem::take(&mut self.pending_names) {
            // A name change reaches the platter whole or not at all, in any order with contents.
            if random.once_in(2) {
                apply_name(&mut self.durable_names, &change);
            }
        }
        self.names.clone_from(&self.durable_names);
        self.random = random;
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { position, bytes } => {
            let end = position + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*position..end].copy_from_slice(bytes);
        }
        Change::Length(length) => content.resize(*length, 0),
    }
}

/// Applies any part of a change: all, nothing, or some of its sectors.
fn persist_part(random: &mut Random, content: &mut Vec<u8>, change: Change) {
    match random.below(4) {
        0 => {}
        1 => apply(content, &change),
        _ => match change {
            Change::Length(_) => apply(content, &change),
            Change::Write { position, bytes } => {
                let mut at = 0;
                while at < bytes.len() {
                    let to_boundary = SECTOR_BYTES - (position + at) % SECTOR_BYTES;
                    let end = bytes.len().min(at + to_boundary);
                    if random.once_in(2) {
                        let part = bytes[at..end].to_vec();
                        apply(
                            content,
                            &Change::Write {
                                position: position + at,
                                bytes: part,
                            },
                        );
                    }
                    at = end;
                }
            }
        },
    }
}

fn apply_name(names: &mut BTreeMap<String, usize>, change: &NameChange) {
    match change {
        NameChange::Create(path, inode) => {
            names.insert(path.clone(), *inode);
        }
        NameChange::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
        NameChange::Remove(path) => {
            names.remove(path);
        }
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Storage for SimStorage {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.world().folders.insert(dir.to_owned());
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let world = self.world();
        if !world.folders.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = world.names.keys().filter(|path| folder_of(path) == dir);
        Ok(inside
            .map(|path| path[dir.len() + usize::from(!dir.is_empty())..].to_owned())
            .collect())
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let mut world = self.world();
        world.check()?;
        let inode = match world.names.get(path).copied() {
            Some(inode) => {
                world.change(inode, Change::Length(0));
                inode
            }
            None => {
                world.inodes.push(Inode::default());
                let inode = world.inodes.len() - 1;
                world.names.insert(path.to_owned(), inode);
                world
                    .pending_names
                    .push(NameChange::Create(path.to_owned(), inode));
                inode
            }
        };
        Ok(Arc::new(SimFile {
            storage: self.clone(),
            inode,
        }))
    }

    fn open(&self, path: &str, _access: Access) -> io::Result<Arc<dyn File>> {
        let mut world = self.world();
        let inode = world.lookup(path)?;
        world.check()?;
        Ok(Arc::new(SimFile {
            storage: self.clone(),
            inode,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        world.check()?;
        world.lookup(from)?;
        let change = NameChange::Rename(from.to_owned(), to.to_owned());
        apply_name(&mut world.names, &change);
        world.pending_names.push(change);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut world = self.world();
        world.lookup(path)?;
        world.check()?;
        let change = NameChange::Remove(path.to_owned());
        apply_name(&mut world.names, &change);
        world.pending_names.push(change);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut world = self.world();
        world.check()?;
        let (here, elsewhere) = std::mem::take(&mut world.pending_names)
            .into_iter()
            .partition::<Vec<_>, _>(|change| match change {
                NameChange::Create(path, _)
                | NameChange::Rename(_, path)
                | NameChange::Remove(path) => folder_of(path) == dir,
            });
        world.pending_names = elsewhere;
        for change in here {
            apply_name(&mut world.durable_names, &change);
        }
        Ok(())
    }

    fn lock(&self, _path: &str) -> io::Result<Box<dyn Held>> {
        let mut world = self.world();
        if world.locked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        world.locked = true;
        Ok(Box::new(SimLock {
            storage: self.clone(),
        }))
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        let mut world = self.world();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&world.random.number().to_le_bytes());
        bytes[8..].copy_from_slice(&world.random.number().to_le_bytes());
        Ok(bytes)
    }
}

struct SimLock {
    storage: SimStorage,
}

impl Held for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.storage.world().locked = false;
    }
}
