//! Copies of unreadable bytes, for whoever wants to look; and their end when the records in them are redacted.

use crate::recovery::Found;
use crate::segment;
use crate::storage::{Access, read_range};
use crate::{JournalName, Options, Storage};

/// Most bytes of one damaged range that are set aside.
const ASIDE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most files set aside; further damage is reported without a copy.
const ASIDE_FILES_MAX: usize = 200;
const ASIDE_FOLDER: &str = "damaged";

/// Copies what is unreadable out of the journal before anything is cut, for whoever wants to look. Best effort:
/// a full volume must not keep the journal from starting.
pub(crate) fn set_aside(storage: &dyn Storage, options: &Options, found: &Found) {
    let last = found
        .segments
        .list
        .back()
        .map(|last| segment::path(options.name, last.base));
    let torn = last.filter(|_| found.recovery.torn_bytes > 0).map(|path| {
        let name = format!("{}-torn-{:020}", options.name.folder(), found.next);
        (name, path, found.position, found.recovery.torn_bytes)
    });
    let damaged = found.recovery.damaged.iter().map(|damage| {
        let (from, to) = (damage.from_offset, damage.to_offset);
        let name = format!("{}-{from:020}-{to:020}", options.name.folder());
        (name, damage.file.clone(), damage.position, damage.bytes)
    });
    for (name, path, position, bytes) in damaged.chain(torn) {
        tracing::warn!(journal = %options.name, file = path, position, bytes, copy = name,
            "unreadable bytes were found and set aside");
        if let Err(error) = copy_aside(storage, &name, &path, position, bytes) {
            tracing::warn!(copy = name, %error, "cannot set the unreadable bytes aside");
        }
    }
}

fn copy_aside(
    storage: &dyn Storage,
    name: &str,
    path: &str,
    position: u64,
    bytes: u64,
) -> std::io::Result<()> {
    storage.create_dir(ASIDE_FOLDER)?;
    let existing = storage.list(ASIDE_FOLDER)?;
    if existing.len() >= ASIDE_FILES_MAX || existing.iter().any(|other| other == name) {
        return Ok(());
    }
    let from = storage.open(path, Access::Read)?;
    let content = read_range(&*from, position, bytes.min(ASIDE_BYTES_MAX) as usize)?;
    crate::storage::replace(
        storage,
        ASIDE_FOLDER,
        &format!("{ASIDE_FOLDER}/{name}"),
        &content,
    )
}

/// Removes the copies that hold this record: they are whole ranges, and nobody can redact a part of what nobody can read.
pub(crate) fn forget(storage: &dyn Storage, journal: JournalName, offset: u64) {
    let Ok(names) = storage.list(ASIDE_FOLDER) else {
        return;
    };
    for name in names {
        let Some((from, to)) = range_of(journal, &name) else {
            continue;
        };
        if !(from..to).contains(&offset) {
            continue;
        }
        let removed = storage
            .remove(&format!("{ASIDE_FOLDER}/{name}"))
            .and_then(|()| storage.sync_dir(ASIDE_FOLDER));
        match removed {
            Ok(()) => tracing::info!(
                copy = name,
                offset,
                "a copy that held a redacted record is removed"
            ),
            Err(error) => {
                tracing::warn!(copy = name, %error, "cannot remove a copy that holds a redacted record")
            }
        }
    }
}

/// The offsets that a copy's name states.
fn range_of(journal: JournalName, name: &str) -> Option<(u64, u64)> {
    let (from, to) = name
        .strip_prefix(journal.folder())?
        .strip_prefix('-')?
        .split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}
