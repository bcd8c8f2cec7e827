//! Reading the folder at a start: which files count, and what a crash left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parquet::data_type::ByteArray;

use super::{FileEntry, Files, table};
use crate::disk::{Disk, TEMPORARY, walk};
use crate::error::Error;
use crate::index::{Entry, Index, Key, Newest, Stats};
use crate::layout::{Kind, Partition, Place, stream_bit};
use crate::points::{
    self, CODE, ENTITY, MEASURE, OBSERVED, OUTCOME, QUALITY, SITE, STATUS, TYPE, UNIT, VALUE,
};
use crate::records;
use crate::table::TableFile;

pub(super) struct Found {
    pub(super) files: Files,
    pub(super) upto: u64,
    pub(super) pack: Option<String>,
}

struct Seen {
    files: Files,
    temporary: Vec<PathBuf>,
}

fn see(root: &Path, below: &Path) -> Result<Seen, Error> {
    let mut paths = Vec::new();
    walk(below, &mut paths)?;
    let mut seen = Seen {
        files: Files::new(),
        temporary: Vec::new(),
    };
    for path in paths {
        if path.as_os_str().to_string_lossy().ends_with(TEMPORARY) {
            seen.temporary.push(path);
            continue;
        }
        let place = path.strip_prefix(root).ok().and_then(Place::parse);
        // Files of others are left alone.
        let Some(Place { partition, name }) = place else {
            continue;
        };
        let bytes = match path.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("look at", &path)(error)),
        };
        let entry = FileEntry { name, bytes };
        seen.files.entry(partition).or_default().push(entry);
    }
    for files in seen.files.values_mut() {
        files.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(seen)
}

/// Takes out of `files` what a merged file covers.
fn take_covered(files: &mut Files) -> Vec<Place> {
    let mut covered = Vec::new();
    for (partition, files) in files.iter_mut() {
        let all = files.clone();
        files.retain(|file| {
            let stays = !all.iter().any(|other| other.name.covers(&file.name));
            if !stays {
                covered.push(Place {
                    partition: *partition,
                    name: file.name.clone(),
                });
            }
            stays
        });
    }
    covered
}

/// One past the last outcome of every journal, by the files that commit a block.
fn ends(files: &Files) -> BTreeMap<String, u64> {
    let mut ends = BTreeMap::new();
    for (partition, files) in files {
        if partition.kind() == Kind::Records {
            for file in files {
                let end = ends.entry(file.name.journal.clone()).or_insert(0);
                *end = file.name.to.max(*end);
            }
        }
    }
    ends
}

/// Takes out of `files` what belongs to a block that was never committed.
fn take_uncommitted(files: &mut Files, ends: &BTreeMap<String, u64>) -> Vec<Place> {
    let mut uncommitted = Vec::new();
    for (partition, files) in files.iter_mut() {
        files.retain(|file| {
            let end = ends.get(&file.name.journal).copied().unwrap_or(0);
            let stays = file.name.from < end;
            if !stays {
                uncommitted.push(Place {
                    partition: *partition,
                    name: file.name.clone(),
                });
            }
            stays
        });
    }
    uncommitted
}

/// For a reader beside the owner: nothing is changed.
pub(super) fn look(root: &Path) -> Result<Files, Error> {
    let mut files = Files::new();
    for kind in Kind::ALL {
        files.extend(see(root, &root.join(kind.folder()))?.files);
    }
    take_covered(&mut files);
    let ends = ends(&files);
    if !ends.is_empty() {
        take_uncommitted(&mut files, &ends);
    }
    Ok(files)
}

pub(super) fn look_below(root: &Path, folder: &Path) -> Result<Files, Error> {
    let mut files = see(root, folder)?.files;
    take_covered(&mut files);
    Ok(files)
}

/// For the owner: half-written files go, and so does what was never committed or is covered by a merged file.
pub(super) fn recover(disk: &Disk, journal: &str) -> Result<Found, Error> {
    let root = disk.root();
    let mut files = Files::new();
    let mut temporary = Vec::new();
    for kind in Kind::ALL {
        let seen = see(root, &root.join(kind.folder()))?;
        files.extend(seen.files);
        temporary.extend(seen.temporary);
    }
    let covered = take_covered(&mut files);
    let ends = ends(&files);
    let uncommitted = take_uncommitted(&mut files, &ends);
    let blocks: BTreeSet<_> = uncommitted
        .iter()
        .map(|place| (&place.name.journal, place.name.from, place.name.to))
        .collect();
    // A crash leaves the files of one block. More means that somebody took files out of `records`.
    if blocks.len() > 1 {
        return Err(Error::Incomplete(format!(
            "{} files of {} blocks lie beyond the newest file in {}/records: put the missing files of records back, or move those files out of the archive",
            uncommitted.len(),
            blocks.len(),
            root.display()
        )));
    }
    if !uncommitted.is_empty() || !temporary.is_empty() {
        tracing::info!(
            files = uncommitted.len() + temporary.len(),
            "removing what an interrupted write left in the archive; it is written again from the journal"
        );
    }
    let doomed = covered
        .iter()
        .chain(&uncommitted)
        .map(|place| place.path(root));
    for path in doomed.chain(temporary) {
        disk.remove(&path)?;
    }
    let upto = ends.get(journal).copied().unwrap_or(0);
    let pack = settle_newest(disk, &files, journal, upto)?;
    Ok(Found { files, upto, pack })
}

/// The newest commit may have been renamed but not synced; and it knows which configuration was in force.
fn settle_newest(
    disk: &Disk,
    files: &Files,
    journal: &str,
    upto: u64,
) -> Result<Option<String>, Error> {
    let newest = files.iter().find_map(|(partition, files)| {
        let name = files
            .iter()
            .map(|file| &file.name)
            .find(|name| name.journal == journal && name.to == upto)?;
        (partition.kind() == Kind::Records).then(|| Place {
            partition: *partition,
            name: name.clone(),
        })
    });
    let Some(place) = newest else {
        return Ok(None);
    };
    let path = place.path(disk.root());
    if let Some(folder) = path.parent() {
        disk.sync_folder(folder)?;
    }
    let file = TableFile::open(table(Kind::Records)?, &path)?;
    Ok(file.note(records::PACK).map(str::to_owned))
}

/// The stored index with everything added that it does not count yet.
pub(super) fn index(root: &Path, max: usize, files: &Files) -> Result<Index, Error> {
    let mut index = Index::load(root, max);
    add_files(&mut index, root, files)?;
    Ok(index)
}

/// Adds what the index does not count yet.
pub(super) fn add_files(index: &mut Index, root: &Path, files: &Files) -> Result<(), Error> {
    let counted = index.upto.clone();
    for (partition, files) in files {
        let Partition::Points { .. } = partition else {
            continue;
        };
        for file in files {
            let from = counted.get(&file.name.journal).copied().unwrap_or(0);
            if file.name.to > from {
                let place = Place {
                    partition: *partition,
                    name: file.name.clone(),
                };
                match add_file(index, &place, root, from) {
                    Err(error) if error.is_gone() => {}
                    added => added?,
                }
            }
        }
    }
    for (journal, end) in ends(files) {
        let known = index.upto.entry(journal).or_insert(0);
        *known = end.max(*known);
    }
    Ok(())
}

fn add_file(index: &mut Index, place: &Place, root: &Path, from: u64) -> Result<(), Error> {
    const ROWS: usize = 8_192;
    const COLUMNS: [usize; 11] = [
        ENTITY, MEASURE, OBSERVED, VALUE, CODE, TYPE, UNIT, QUALITY, STATUS, SITE, OUTCOME,
    ];
    let Partition::Points { stream, .. } = place.partition else {
        return Ok(());
    };
    let file = TableFile::open(table(Kind::Points)?, &place.path(root))?;
    let mut run: Option<(Key, Entry)> = None;
    for group in 0..file.groups() {
        let rows = 0..file.group_rows(group);
        let mut scan = file.scan(group, &COLUMNS, vec![rows])?;
        while let Some(chunk) = scan.next(ROWS)? {
            let bytes = |field: usize, row: usize| -> &[u8] {
                chunk.text(field).get(row).map_or(&[], ByteArray::data)
            };
            for row in 0..chunk.rows() {
                let offset = chunk.int64(10)[row].cast_unsigned();
                if offset < from {
                    continue;
                }
                let (entity, measure) = (bytes(0, row), bytes(1, row));
                let same = run.as_ref().is_some_and(|((of, what), entry)| {
                    of == entity && what == measure && entry.unit == bytes(6, row)
                });
                if !same {
                    let key = (
                        Bytes::copy_from_slice(entity),
                        Bytes::copy_from_slice(measure),
                    );
                    let entry = Entry {
                        site: Bytes::copy_from_slice(bytes(9, row)),
                        unit: Bytes::copy_from_slice(bytes(6, row)),
                        stream,
                        streams: stream_bit(stream),
                        stats: Stats::default(),
                    };
                    if let Some((key, entry)) = run.replace((key, entry)) {
                        index.add(key, entry);
                    }
                }
                if let Some((_, entry)) = &mut run {
                    let point = Newest {
                        observed: chunk.int64(2)[row],
                        offset,
                        value: points::held(&chunk, 3, 4, 5, row),
                        quality: points::quality(chunk.int32(7)[row]).0,
                    };
                    entry.stats.add(point, bytes(8, row) == b"actual");
                }
            }
        }
    }
    if let Some((key, entry)) = run {
        index.add(key, entry);
    }
    Ok(())
}
