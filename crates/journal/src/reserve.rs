//! The two reserves: files taken in advance, so that disaster messages and the system's own records find room
//! when the volume has none. One is used by renaming it into place as the next segment; each class may use as
//! many bytes as its own reserve has, whichever file they end up in (offsets follow one another, so two
//! classes that alternate share the file that is open).

use std::io;
use std::sync::Arc;

use crate::storage::{Access, File};
use crate::{Class, JournalName, Options, Preallocate, Storage};

/// The classes that have a reserve.
const CLASSES: [Class; 2] = [Class::Disaster, Class::System];

/// An opened reserve, about to become a segment.
pub(crate) struct ReserveFile {
    pub(crate) path: String,
    pub(crate) file: Arc<dyn File>,
    pub(crate) bytes: u64,
}

pub(crate) struct Reserves {
    name: JournalName,
    /// Size by class; 0 = none wanted.
    bytes: [u64; 3],
    /// Whether the file is in place, by class.
    ready: [bool; 3],
}

impl Reserves {
    pub(crate) fn new(options: &Options) -> Self {
        let mut bytes = [0; 3];
        bytes[Class::Disaster.index()] = options.reserve_disaster_bytes;
        bytes[Class::System.index()] = options.reserve_system_bytes;
        Self {
            name: options.name,
            bytes,
            ready: [false; 3],
        }
    }

    fn path(&self, class: Class) -> String {
        let suffix = match class {
            Class::Normal | Class::Disaster => "disaster",
            Class::System => "system",
        };
        format!("{}/reserve-{suffix}", self.name.folder())
    }

    pub(crate) fn budget(&self, class: Class) -> u64 {
        self.bytes[class.index()]
    }

    fn missing(&self, class: Class) -> bool {
        self.bytes[class.index()] > 0 && !self.ready[class.index()]
    }

    /// Creates what is missing. An error leaves what is there usable.
    pub(crate) fn ensure(&mut self, storage: &dyn Storage) -> io::Result<()> {
        for class in CLASSES {
            if self.missing(class) {
                self.create(storage, class)?;
                self.ready[class.index()] = true;
            }
        }
        Ok(())
    }

    fn create(&self, storage: &dyn Storage, class: Class) -> io::Result<()> {
        let (path, bytes) = (self.path(class), self.bytes[class.index()]);
        match storage.open(&path, Access::Read) {
            Ok(file) if file.bytes()? >= bytes => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let temporary = format!("{path}.tmp");
        let made = storage.create(&temporary).and_then(|file| {
            // Real zeros: the room must be there whatever the file system does with reserved extents.
            file.preallocate(bytes, Preallocate::Zero)?;
            file.sync_data()
        });
        if let Err(error) = made.and_then(|()| storage.rename(&temporary, &path)) {
            let _ = storage.remove(&temporary);
            return Err(error);
        }
        storage.sync_dir(self.name.folder())
    }

    /// A reserve file to become a segment: the class's own if it is there, else the other one.
    pub(crate) fn open(
        &mut self,
        storage: &dyn Storage,
        class: Class,
    ) -> io::Result<Option<ReserveFile>> {
        let own_first = CLASSES.into_iter().filter(|other| *other == class);
        let others = CLASSES.into_iter().filter(|other| *other != class);
        for candidate in own_first.chain(others) {
            if self.ready[candidate.index()] {
                let path = self.path(candidate);
                let file = storage.open(&path, Access::Write)?;
                let bytes = file.bytes()?;
                self.ready[candidate.index()] = false;
                return Ok(Some(ReserveFile { path, file, bytes }));
            }
        }
        Ok(None)
    }
}
