//! Merging the files of hours that are over, and letting old ones go.
//!
//! A merge writes one file whose name covers the range of those that it replaces, then removes them. A crash between the
//! two leaves both; the covering one counts. What arrives late is in new files and is merged at the next look.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use journal::Clock;
use parquet::data_type::ByteArray;

use crate::error::Error;
use crate::index::Key;
use crate::layout::{FileName, HOUR_NS, Kind, Partition, Place};
use crate::points::{ENTITY, MEASURE};
use crate::store::{Archive, FileEntry, Shared, table};
use crate::table::{TableFile, TableWriter, merge, splice};
use crate::writer::notes;
use crate::{alerts, metrics, points, records};

/// The thread that does it.
pub(crate) struct Keeper {
    stop: Arc<AtomicBool>,
    wake: mpsc::SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Keeper {
    pub(crate) fn start(archive: Archive, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let (wake, woken) = mpsc::sync_channel(1);
        let asked = Arc::clone(&stop);
        let interval = Duration::from_secs(archive.shared.config.compact_interval_s);
        let thread = std::thread::Builder::new()
            .name("archive-keeper".to_owned())
            .spawn(move || {
                while let Err(mpsc::RecvTimeoutError::Timeout) = woken.recv_timeout(interval) {
                    let now = clock.now().wall_ns;
                    let go_on = || !asked.load(Ordering::Relaxed);
                    if let Err(error) = archive.keep(now, &mut { go_on }) {
                        tracing::warn!(error = %error.sentence(), "files of the archive could not be merged or removed; it is tried again");
                    }
                }
            })
            .map_err(Error::Thread)?;
        Ok(Self { stop, wake, thread })
    }

    /// Gives up what is under way and joins the thread.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // Full or gone: either way it ends.
        let _ = self.wake.try_send(());
        drop(self.wake);
        let _ = self.thread.join();
    }
}

impl Archive {
    /// One look: lets go what is over its time, merges what can be merged, stores the index. `now` is wall time; `go_on`
    /// is asked now and then, false gives up.
    pub fn keep(&self, now: i64, go_on: &mut dyn FnMut() -> bool) -> Result<(), Error> {
        let shared = &*self.shared;
        let _one = shared
            .maintenance
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        shared.retain(now)?;
        if shared.config.compaction {
            let partitions: Vec<Partition> = shared.state().files.keys().copied().collect();
            for partition in partitions {
                if !go_on() {
                    return Ok(());
                }
                while let Some(run) = shared.next_merge(partition, now) {
                    if !shared.merge_run(partition, &run, go_on)? {
                        return Ok(());
                    }
                }
            }
        }
        let index = shared.index().clone();
        index.save(&shared.disk)?;
        shared.report();
        Ok(())
    }
}

impl Shared {
    /// Neighbouring files to merge next. While its time runs a partition is merged only when many files of one generation
    /// have gathered; when it is over everything becomes one file, small ones with small ones first.
    fn next_merge(&self, partition: Partition, now: i64) -> Option<Vec<FileName>> {
        let mut files = self.state().files.get(&partition)?.clone();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let max = self.config.compact_files;
        let is_over = partition.end_ns() <= now;
        let mut best: Option<(u64, &[FileEntry])> = None;
        for same in files.chunk_by(|a, b| a.name.journal == b.name.journal) {
            let fits = |run: &&[FileEntry]| {
                run.iter().map(|file| file.bytes).sum::<u64>() <= self.config.compact_bytes_max
            };
            let runs: Vec<&[FileEntry]> = if is_over {
                // As many at a time as may be; only when they are too large together, fewer.
                (2..=same.len().min(max))
                    .rev()
                    .map(|width| same.windows(width).filter(fits).collect::<Vec<_>>())
                    .find(|runs| !runs.is_empty())
                    .unwrap_or_default()
            } else {
                same.chunk_by(|a, b| a.name.generation == b.name.generation)
                    .filter(|run| run.len() >= max)
                    .map(|run| &run[..max])
                    .filter(fits)
                    .collect()
            };
            for run in runs {
                let bytes = run.iter().map(|file| file.bytes).sum();
                if best.is_none_or(|(least, _)| bytes < least) {
                    best = Some((bytes, run));
                }
            }
        }
        best.map(|(_, run)| run.iter().map(|file| file.name.clone()).collect())
    }

    fn merge_run(
        &self,
        partition: Partition,
        run: &[FileName],
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<bool, Error> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Ok(true);
        };
        let generation = run.iter().map(|name| name.generation).max().unwrap_or(0);
        let name = FileName {
            journal: first.journal.clone(),
            from: first.from,
            to: last.to,
            generation: generation + 1,
        };
        let place = Place { partition, name };
        let root = self.disk.root();
        let path = place.path(root);
        let at = |name: &FileName| {
            Place {
                partition,
                name: name.clone(),
            }
            .path(root)
        };
        let table = table(partition.kind())?;
        let files: Vec<TableFile> = run
            .iter()
            .map(|name| TableFile::open(table, &at(name)))
            .collect::<Result<_, _>>()?;
        let rows: u64 = files.iter().map(TableFile::rows).sum();
        let pack = files
            .last()
            .and_then(|file| file.note(records::PACK))
            .map(str::to_owned);
        let notes = match partition.kind() {
            Kind::Points => notes(&points::NOTES, None),
            Kind::Alerts => notes(&alerts::NOTES, None),
            Kind::Records => notes(&records::NOTES, pack),
        };
        let mut writer = TableWriter::new(table, self.disk.create(&path)?, path.clone())?;
        // Files of records and alerts follow each other; points are sorted anew.
        let finished = match partition.kind() {
            Kind::Points => merge(table, files, &mut writer, go_on)?,
            Kind::Alerts | Kind::Records => {
                let files: Vec<_> = run.iter().map(at).zip(files).collect();
                splice(&files, &mut writer, go_on)?
            }
        };
        if !finished {
            drop(writer);
            self.disk.remove(&crate::disk::temporary(&path))?;
            return Ok(false);
        }
        let (written, bytes) = writer.finish(&notes)?;
        if written != rows {
            return Err(Error::Damaged {
                path,
                why: format!("{written} rows were merged out of {rows}"),
            });
        }
        self.disk.rename(&path)?;
        if let Some(folder) = path.parent() {
            self.disk.sync_folder(folder)?;
        }
        self.replace_run(run, place, bytes)?;
        metrics::merged(run.len());
        Ok(true)
    }

    /// The merged file counts from now on; those that it covers are removed.
    fn replace_run(&self, run: &[FileName], place: Place, bytes: u64) -> Result<(), Error> {
        let Place { partition, name } = place;
        {
            let mut state = self.state_mut();
            let files = state.files.entry(partition).or_default();
            files.retain(|file| !run.contains(&file.name));
            files.push(FileEntry { name, bytes });
            files.sort_by(|a, b| a.name.cmp(&b.name));
        }
        for name in run {
            let place = Place {
                partition,
                name: name.clone(),
            };
            self.disk.remove(&place.path(self.disk.root()))?;
        }
        Ok(())
    }

    fn retain(&self, now: i64) -> Result<(), Error> {
        let keep = &self.config.retention_days;
        let days = |partition: &Partition| match partition {
            Partition::Points { stream, .. } => keep.of(*stream),
            Partition::Alerts { .. } => keep.alerts,
            Partition::Records { .. } => keep.records,
        };
        let over: Vec<(Partition, Vec<FileEntry>)> = self
            .state()
            .files
            .iter()
            .filter(|(partition, _)| {
                let days = i64::from(days(partition));
                days > 0 && partition.end_ns() <= now.saturating_sub(days * 24 * HOUR_NS)
            })
            .map(|(partition, files)| (*partition, files.clone()))
            .collect();
        for (partition, files) in over {
            for file in files {
                if partition.kind() != Kind::Records || !self.is_newest(&file.name) {
                    self.let_go(partition, file.name)?;
                }
            }
        }
        Ok(())
    }

    /// The newest file of records says how far a journal got: it stays.
    fn is_newest(&self, name: &FileName) -> bool {
        let state = self.state();
        let records = state
            .files
            .iter()
            .filter(|(key, _)| key.kind() == Kind::Records);
        !records
            .flat_map(|(_, files)| files)
            .any(|file| file.name.journal == name.journal && file.name.to > name.to)
    }

    fn let_go(&self, partition: Partition, name: FileName) -> Result<(), Error> {
        let place = Place { partition, name };
        let path = place.path(self.disk.root());
        let counts = match partition {
            Partition::Points { .. } => counts(&path)?,
            Partition::Alerts { .. } | Partition::Records { .. } => Vec::new(),
        };
        self.disk.remove(&path)?;
        {
            let mut state = self.state_mut();
            if let Some(files) = state.files.get_mut(&partition) {
                files.retain(|file| file.name != place.name);
                if files.is_empty() {
                    state.files.remove(&partition);
                }
            }
            let mut index = self.index_mut();
            for (key, points) in counts {
                index.forget(&key, points, partition.end_ns());
            }
        }
        if let Some(folder) = path.parent() {
            self.disk.remove_empty(folder);
        }
        metrics::removed(1);
        Ok(())
    }
}

/// Points of each series in a file, in its order.
fn counts(path: &Path) -> Result<Vec<(Key, u64)>, Error> {
    let file = TableFile::open(table(Kind::Points)?, path)?;
    let mut counts: Vec<(Key, u64)> = Vec::new();
    for group in 0..file.groups() {
        let rows = 0..file.group_rows(group);
        let mut scan = file.scan(group, &[ENTITY, MEASURE], vec![rows])?;
        while let Some(chunk) = scan.next(8_192)? {
            for (entity, measure) in chunk.text(0).iter().zip(chunk.text(1)) {
                let (entity, measure) = (ByteArray::data(entity), ByteArray::data(measure));
                match counts.last_mut() {
                    Some(((of, what), count)) if of == entity && what == measure => *count += 1,
                    Some(_) | None => counts.push((
                        (
                            Bytes::copy_from_slice(entity),
                            Bytes::copy_from_slice(measure),
                        ),
                        1,
                    )),
                }
            }
        }
    }
    Ok(counts)
}
