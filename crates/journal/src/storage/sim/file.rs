//! An open file of the simulated storage.

use std::io::{self, IoSlice};

use super::SimStorage;
use super::world::{Change, apply, persist_part};
use crate::Preallocate;
use crate::storage::File;

pub(super) struct SimFile {
    pub(super) storage: SimStorage,
    pub(super) inode: usize,
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let world = self.storage.world();
        let content = &world.inodes[self.inode].now;
        let start = usize::try_from(position)
            .unwrap_or(usize::MAX)
            .min(content.len());
        let count = buffer.len().min(content.len() - start);
        buffer[..count].copy_from_slice(&content[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, slices: &mut [IoSlice<'_>], position: u64) -> io::Result<()> {
        let mut world = self.storage.world();
        let mut bytes: Vec<u8> = Vec::new();
        slices
            .iter()
            .for_each(|slice| bytes.extend_from_slice(slice));
        let position = position as usize;
        let outcome = match world.operation() {
            Some(fault) => Err(fault.error()),
            None => world.room_for(self.inode, position + bytes.len()),
        };
        if outcome.is_err() {
            // A failed write may have written any first part, as far as there is room.
            let part = world.random.below(bytes.len() as u64 + 1) as usize;
            bytes.truncate(part);
            if bytes.is_empty() || world.room_for(self.inode, position + part).is_err() {
                return outcome;
            }
        }
        world.change(self.inode, Change::Write { position, bytes });
        outcome
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut world = self.storage.world();
        let fault = world.operation();
        let mut random = world.random.clone();
        let inode = &mut world.inodes[self.inode];
        let pending = std::mem::take(&mut inode.pending);
        match fault {
            None => pending
                .iter()
                .for_each(|change| apply(&mut inode.durable, change)),
            // The pages are marked clean all the same: they stay visible and are lost.
            Some(_) => {
                for change in pending {
                    persist_part(&mut random, &mut inode.durable, change);
                }
            }
        }
        world.random = random;
        fault.map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.storage.world().inodes[self.inode].now.len() as u64)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let mut world = self.storage.world();
        world.check()?;
        world.change(self.inode, Change::Length(bytes as usize));
        Ok(())
    }

    fn preallocate(&self, bytes: u64, how: Preallocate) -> io::Result<()> {
        let mut world = self.storage.world();
        world.check()?;
        let (length, bytes) = (world.inodes[self.inode].now.len(), bytes as usize);
        world.room_for(self.inode, bytes)?;
        if how != Preallocate::None && bytes > length {
            world.change(self.inode, Change::Length(bytes));
        }
        Ok(())
    }
}
