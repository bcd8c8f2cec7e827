//! What a question reads: the files of some hours and the blocks in memory, as they were at one moment.

use std::ops::RangeInclusive;

use event::Stream;

use super::{Shared, load, table};
use crate::block::Block;
use crate::error::Error;
use crate::layout::{FileName, Partition, Place, stream_bit};
use crate::table::TableFile;

/// Files to read and which of their rows not to.
pub(crate) struct Listed {
    pub(crate) partition: Partition,
    pub(crate) names: Vec<FileName>,
    /// Rows from this outcome on are not in the snapshot's files: they were in its block.
    pub(crate) upto: u64,
}

pub(crate) struct Opened {
    pub(crate) file: TableFile,
    pub(crate) upto: Option<u64>,
}

impl Shared {
    /// Files of the hours and streams that hold points of the question, oldest first, and what `recent` finds in the blocks at the
    /// same moment.
    pub(crate) fn snapshot<T>(
        &self,
        hours: RangeInclusive<i64>,
        streams: u8,
        mut recent: impl FnMut(&Block, &mut T),
    ) -> (Vec<Listed>, T)
    where
        T: Default,
    {
        let mut found = T::default();
        let state = self.state();
        for block in state.blocks() {
            recent(block, &mut found);
        }
        if hours.is_empty() {
            return (Vec::new(), found);
        }
        let first = Partition::Points {
            hour: *hours.start(),
            stream: Stream::Disaster,
        };
        let last = Partition::Points {
            hour: *hours.end(),
            stream: Stream::Tourism,
        };
        let listed = state
            .files
            .range(first..=last)
            .filter(|(partition, files)| {
                let wanted = match partition {
                    Partition::Points { stream, .. } => streams & stream_bit(*stream) != 0,
                    Partition::Alerts { .. } | Partition::Records { .. } => false,
                };
                wanted && !files.is_empty()
            })
            .map(|(partition, files)| Listed {
                partition: *partition,
                names: files.iter().map(|file| file.name.clone()).collect(),
                upto: state.upto,
            })
            .collect();
        (listed, found)
    }

    /// Opens all files of a partition. When one was replaced since it was listed, the list is made again.
    pub(crate) fn open_all(&self, listed: &Listed) -> Result<Vec<Opened>, Error> {
        const TRIES: u32 = 5;
        let mut names = listed.names.clone();
        let mut tries = 0;
        loop {
            match self.try_open(listed, &names) {
                Err(error) if error.is_gone() && tries < TRIES => {
                    tries += 1;
                    names = self.list_again(listed.partition)?;
                }
                opened => return opened,
            }
        }
    }

    fn try_open(&self, listed: &Listed, names: &[FileName]) -> Result<Vec<Opened>, Error> {
        let table = table(listed.partition.kind())?;
        let own = |name: &FileName| !self.journal.is_empty() && name.journal == self.journal;
        names
            .iter()
            .filter(|name| !own(name) || name.from < listed.upto)
            .map(|name| {
                let place = Place {
                    partition: listed.partition,
                    name: name.clone(),
                };
                Ok(Opened {
                    file: TableFile::open(table, &place.path(self.disk.root()))?,
                    upto: (own(name) && name.to > listed.upto).then_some(listed.upto),
                })
            })
            .collect()
    }

    fn list_again(&self, partition: Partition) -> Result<Vec<FileName>, Error> {
        if !self.journal.is_empty() {
            let state = self.state();
            let files = state.files.get(&partition).map_or(&[][..], Vec::as_slice);
            return Ok(files.iter().map(|file| file.name.clone()).collect());
        }
        let root = self.disk.root();
        let files = load::look_below(root, &root.join(partition.folder()))?;
        Ok(files
            .into_values()
            .flatten()
            .map(|file| file.name)
            .collect())
    }
}
