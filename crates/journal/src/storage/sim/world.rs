//! The state of the simulated storage: what the system sees, what is on the platter, and what is between.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::{Fault, Random};

const SECTOR_BYTES: usize = 512;

#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { position: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    /// What the running system sees.
    pub(super) now: Vec<u8>,
    /// What is on the platter.
    pub(super) durable: Vec<u8>,
    pub(super) pending: Vec<Change>,
}

#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) random: Random,
    pub(super) inodes: Vec<Inode>,
    pub(super) names: BTreeMap<String, usize>,
    pub(super) durable_names: BTreeMap<String, usize>,
    pub(super) pending_names: Vec<NameChange>,
    pub(super) folders: BTreeSet<String>,
    pub(super) locked: bool,
    pub(super) operations: u64,
    pub(super) faults: BTreeMap<u64, Fault>,
    pub(super) capacity: Option<usize>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
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
        }
    }

    pub(super) fn used(&self) -> usize {
        self.names
            .values()
            .map(|inode| self.inodes[*inode].now.len())
            .sum()
    }

    pub(super) fn operation(&mut self) -> Option<Fault> {
        let fault = self.faults.remove(&self.operations);
        self.operations += 1;
        fault
    }

    pub(super) fn check(&mut self) -> io::Result<()> {
        self.operation().map_or(Ok(()), |fault| Err(fault.error()))
    }

    pub(super) fn lookup(&self, path: &str) -> io::Result<usize> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn room_for(&self, inode: usize, length: usize) -> io::Result<()> {
        let more = length.saturating_sub(self.inodes[inode].now.len());
        match self.capacity {
            Some(capacity) if more > 0 && self.used() + more > capacity => {
                Err(Fault::NoSpace.error())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn change(&mut self, inode: usize, change: Change) {
        let inode = &mut self.inodes[inode];
        apply(&mut inode.now, &change);
        inode.pending.push(change);
    }

    pub(super) fn cut_power(&mut self) {
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

pub(super) fn apply(content: &mut Vec<u8>, change: &Change) {
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
pub(super) fn persist_part(random: &mut Random, content: &mut Vec<u8>, change: Change) {
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

pub(super) fn apply_name(names: &mut BTreeMap<String, usize>, change: &NameChange) {
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

pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
