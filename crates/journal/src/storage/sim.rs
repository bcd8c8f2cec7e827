//! A storage in memory that does what file systems do on a bad day, from a seed: it tears writes, loses what was
//! not synced, reorders what was, fails any chosen operation and runs out of room.
//!
//! The model: a write is pending until its file is synced, a name until its folder is. [`SimStorage::power_cut`]
//! keeps any part of what was pending (sectors of 512 bytes, in any order) and nothing of what a *failed*
//! sync covered need ever become durable, even if a later sync succeeds. [`SimStorage::kill`] is the death of
//! the process alone: everything written stays visible. Both return a new world; handles into the old one are dead
//! ends that no longer matter.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, File, Held, Storage};

mod file;
mod world;

use file::SimFile;
use world::{Change, Inode, NameChange, World, apply_name, folder_of};

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

/// See the module. Clones share one world.
#[derive(Clone, Debug)]
pub struct SimStorage {
    world: Arc<Mutex<World>>,
}

impl SimStorage {
    pub fn new(seed: u64) -> Self {
        Self::of(World::new(seed))
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
