//! Snapshots of the monitor's state. One counts only after it was read back and its CRC held; retention may then
//! delete the inputs it covers. The two newest are kept, so that one damaged file costs a longer fold and nothing
//! else.

use std::io::{self, IoSlice};
use std::sync::Arc;

use crate::format::{le_i64, le_u16, le_u32, le_u64};
use crate::storage::{Access, read_all, remove_temporary};
use crate::{Error, Id, Stamp, Storage};

const FOLDER: &str = "snapshots";
const SUFFIX: &str = ".snap";
const MAGIC: [u8; 8] = *b"IOCSNAP\x01";
const HEADER_BYTES: usize = 80;
/// How many are kept.
const KEPT: usize = 2;
/// No state is larger.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// Version of the body; its owner's.
    pub format: u16,
    /// The fold has seen every input below this offset …
    pub inputs_next: u64,
    /// … and written every outcome below that one.
    pub outcomes_next: u64,
    /// Identity of the inputs journal.
    pub journal: Id,
    pub stamp: Stamp,
}

/// A snapshot file that could not be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableSnapshot {
    pub file: String,
    pub why: String,
}

/// What was found at loading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub latest: Option<(SnapshotMeta, Vec<u8>)>,
    /// Newer ones that were skipped.
    pub unreadable: Vec<UnreadableSnapshot>,
}

/// The snapshots of a data directory. The caller holds its lock.
#[derive(Clone)]
pub struct Snapshots {
    storage: Arc<dyn Storage>,
}

impl Snapshots {
    pub fn open(storage: Arc<dyn Storage>) -> Result<Self, Error> {
        storage
            .create_dir(FOLDER)
            .map_err(Error::io("create", FOLDER))?;
        remove_temporary(&*storage, FOLDER).map_err(Error::io("tidy", FOLDER))?;
        Ok(Self { storage })
    }

    /// Saves, syncs, reads back and verifies; only then older ones go. On a full volume the older of the two kept
    /// makes room.
    pub fn save(&self, meta: &SnapshotMeta, body: &[u8]) -> Result<(), Error> {
        let path = format!(
            "{FOLDER}/{:020}-{:020}{SUFFIX}",
            meta.inputs_next, meta.outcomes_next
        );
        let header = encode_header(meta, body);
        let written = match self.write(&path, &header, body) {
            Err(error) if crate::error::is_no_space(&error) => {
                self.remove_old(1, None);
                self.write(&path, &header, body)
            }
            written => written,
        };
        written.map_err(Error::io("write", &path))?;
        match self.read(&path)? {
            Ok((read, bytes)) if read == *meta && bytes == body => {}
            Ok(_) => {
                return Err(Error::Damaged {
                    path,
                    why: "it reads back differently",
                });
            }
            Err(why) => return Err(Error::Damaged { path, why }),
        }
        self.remove_old(KEPT, Some(&path));
        Ok(())
    }

    /// The newest that can be read.
    pub fn load_latest(&self) -> Result<Loaded, Error> {
        let mut loaded = Loaded::default();
        for path in self.newest_first()? {
            match self.read(&path)? {
                Ok(snapshot) => {
                    loaded.latest = Some(snapshot);
                    break;
                }
                Err(why) => {
                    tracing::warn!(file = path, why, "a snapshot is unreadable");
                    loaded.unreadable.push(UnreadableSnapshot {
                        file: path,
                        why: why.to_owned(),
                    });
                }
            }
        }
        Ok(loaded)
    }

    /// All that can be read, newest first.
    pub fn load_all(&self) -> Result<Vec<(SnapshotMeta, Vec<u8>)>, Error> {
        let mut all = Vec::new();
        for path in self.newest_first()? {
            all.extend(self.read(&path)?.ok());
        }
        Ok(all)
    }

    fn write(&self, path: &str, header: &[u8], body: &[u8]) -> io::Result<()> {
        let temporary = format!("{FOLDER}/new.tmp");
        let written = self.storage.create(&temporary).and_then(|file| {
            file.write_at(&mut [IoSlice::new(header), IoSlice::new(body)], 0)?;
            file.sync_data()
        });
        if let Err(error) = written.and_then(|()| self.storage.rename(&temporary, path)) {
            // Frees the room; a leftover is removed at the next opening.
            let _ = self.storage.remove(&temporary);
            return Err(error);
        }
        self.storage.sync_dir(FOLDER)
    }

    /// The outer error is the storage's, the inner one says what is wrong with the file.
    fn read(&self, path: &str) -> Result<Result<(SnapshotMeta, Vec<u8>), &'static str>, Error> {
        let file = self
            .storage
            .open(path, Access::Read)
            .map_err(Error::io("open", path))?;
        let mut bytes = read_all(&*file, BODY_BYTES_MAX).map_err(Error::io("read", path))?;
        let meta = match decode_header(&bytes) {
            Ok(meta) => meta,
            Err(why) => return Ok(Err(why)),
        };
        bytes.drain(..HEADER_BYTES);
        Ok(Ok((meta, bytes)))
    }

    fn newest_first(&self) -> Result<Vec<String>, Error> {
        let names = self
            .storage
            .list(FOLDER)
            .map_err(Error::io("list", FOLDER))?;
        let mut paths: Vec<String> = names
            .into_iter()
            .filter(|name| name.ends_with(SUFFIX))
            .map(|name| format!("{FOLDER}/{name}"))
            .collect();
        // The names are zero-padded: the order of text is the order of offsets.
        paths.sort_unstable_by(|a, b| b.cmp(a));
        Ok(paths)
    }

    /// Leaves the newest ones. `saved` was just verified and stays whatever its name says (after a restore
    /// it may sort below older ones).
    fn remove_old(&self, keep: usize, saved: Option<&str>) {
        let Ok(paths) = self.newest_first() else {
            return;
        };
        let others = paths.iter().filter(|path| Some(path.as_str()) != saved);
        let keep = if saved.is_some() { keep - 1 } else { keep };
        for path in others.skip(keep) {
            if let Err(error) = self.storage.remove(path) {
                tracing::warn!(file = path, %error, "cannot delete an old snapshot");
            }
        }
    }
}

fn encode_header(meta: &SnapshotMeta, body: &[u8]) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&meta.format.to_le_bytes());
    bytes[16..32].copy_from_slice(&meta.journal.0);
    bytes[32..40].copy_from_slice(&meta.inputs_next.to_le_bytes());
    bytes[40..48].copy_from_slice(&meta.outcomes_next.to_le_bytes());
    bytes[48..56].copy_from_slice(&meta.stamp.journal_ns.to_le_bytes());
    bytes[56..64].copy_from_slice(&meta.stamp.wall_ns.to_le_bytes());
    bytes[64..72].copy_from_slice(&(body.len() as u64).to_le_bytes());
    bytes[72..76].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
    let crc = crc32c::crc32c(&bytes[0..76]);
    bytes[76..80].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode_header(bytes: &[u8]) -> Result<SnapshotMeta, &'static str> {
    let (header, body) = bytes
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or("it is shorter than its header")?;
    if header[0..8] != MAGIC {
        return Err("it is not a snapshot of a version known here");
    }
    if crc32c::crc32c(&header[0..76]) != le_u32(header, 76) {
        return Err("the CRC of its header does not hold");
    }
    if body.len() as u64 != le_u64(header, 64) {
        return Err("its length is wrong");
    }
    if crc32c::crc32c(body) != le_u32(header, 72) {
        return Err("the CRC of its content does not hold");
    }
    let mut id = [0; 16];
    id.copy_from_slice(&header[16..32]);
    Ok(SnapshotMeta {
        format: le_u16(header, 8),
        inputs_next: le_u64(header, 32),
        outcomes_next: le_u64(header, 40),
        journal: Id(id),
        stamp: Stamp {
            journal_ns: le_i64(header, 48),
            wall_ns: le_i64(header, 56),
        },
    })
}
