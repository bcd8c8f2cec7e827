//! The writer's thread: batches into the block, the block into files, files into answers.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use pipeline::{Batch, Code, Trouble, Verdict};
use tokio::sync::{mpsc, oneshot};

use crate::block::{AlertRow, Block};
use crate::config::ArchiveConfig;
use crate::error::Error;
use crate::layout::{FileName, Kind, Partition, Place, day_of};
use crate::store::{Archive, table};
use crate::table::{Chunk, GROUP_ROWS, TableWriter};
use crate::{alerts, metrics, points, records};

/// Without a block the writer waits for a message alone.
const IDLE: Duration = Duration::from_secs(3_600);

pub(crate) enum Message {
    Open(u64, oneshot::Sender<Result<(), Trouble>>),
    Batch(Batch, oneshot::Sender<Verdict>),
    Close(oneshot::Sender<()>),
}

pub(crate) struct Writer {
    archive: Archive,
    /// Batches with a record in the block that is being filled.
    waiting: Vec<oneshot::Sender<Verdict>>,
    since: Option<Instant>,
    /// Set by a write that failed; until the sink is opened again every batch gets this answer.
    failed: Option<Trouble>,
    /// Files of the block whose write failed.
    left: Vec<Place>,
}

impl Writer {
    pub(crate) fn new(archive: Archive) -> Self {
        Self {
            archive,
            waiting: Vec::new(),
            since: None,
            failed: None,
            left: Vec::new(),
        }
    }

    pub(crate) async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let shared = Arc::clone(&self.archive.shared);
        loop {
            let wait = self.since.map_or(IDLE, |since| {
                let age = Duration::from_secs(shared.config.flush_age_s);
                age.saturating_sub(since.elapsed())
            });
            let received = tokio::select! {
                received = messages.recv() => Some(received),
                () = tokio::time::sleep(wait) => None,
                () = shared.hurried.notified() => None,
            };
            match received {
                Some(Some(Message::Batch(batch, answer))) => {
                    self.take(&batch, answer);
                    if shared.is_hurried() && messages.is_empty() {
                        self.flush();
                    }
                }
                Some(Some(Message::Open(position, answer))) => {
                    // The mover may have given up waiting.
                    let _ = answer.send(self.open(position));
                }
                Some(Some(Message::Close(answer))) => {
                    self.flush();
                    self.save_index();
                    let _ = answer.send(());
                    return;
                }
                Some(None) => return,
                None => self.flush(),
            }
        }
    }

    /// After a failed write: what it left is removed, or counts if it was committed after all.
    fn open(&mut self, position: u64) -> Result<(), Trouble> {
        self.settle().map_err(|error| trouble(&error))?;
        self.failed = None;
        let upto = self.archive.position();
        if position > upto {
            tracing::warn!(
                from = upto,
                to = position,
                "the archive begins behind its cursor: these outcomes are not in it"
            );
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Error> {
        let shared = &self.archive.shared;
        let (disk, root) = (&shared.disk, shared.disk.root());
        let commit = self
            .left
            .iter()
            .find(|place| place.partition.kind() == Kind::Records);
        if let Some(commit) = commit.filter(|place| place.path(root).exists()) {
            // Renamed, but the sync of its folder failed. A new process would count it; so does this one, once it is safe.
            // Its rows were dropped from memory, so they are counted the way a start does.
            let path = commit.path(root);
            if let Some(folder) = path.parent() {
                disk.sync_folder(folder)?;
            }
            shared.adopt(&self.left)?;
            self.left.clear();
            return Ok(());
        }
        for place in &self.left {
            let path = place.path(root);
            disk.remove(&crate::disk::temporary(&path))?;
            disk.remove(&path)?;
        }
        self.left.clear();
        Ok(())
    }

    fn take(&mut self, batch: &Batch, answer: oneshot::Sender<Verdict>) {
        let shared = Arc::clone(&self.archive.shared);
        let mut frames = batch.frames().peekable();
        let mut in_block = false;
        while frames.peek().is_some() {
            if let Some(trouble) = &self.failed {
                answer_retry(answer, trouble);
                return;
            }
            let mut full = false;
            {
                let mut state = shared.state_mut();
                let upto = state.upto;
                while !full && let Some(frame) = frames.next() {
                    // Below it everything is durable already: the cursor was stored later than the block.
                    if frame.offset >= upto {
                        state.building.push(&frame);
                        in_block = true;
                        full = is_full(&state.building, &shared.config);
                    }
                }
            }
            if in_block && self.since.is_none() {
                self.since = Some(Instant::now());
            }
            if full {
                if frames.peek().is_none() {
                    // The batch ends with the block: it is answered with it.
                    self.waiting.push(answer);
                    self.flush();
                    return;
                }
                self.flush();
                in_block = false;
            }
        }
        drop(frames);
        if let Some(trouble) = &self.failed {
            answer_retry(answer, trouble);
        } else if in_block {
            self.waiting.push(answer);
            if self.waiting.len() * 2 >= shared.config.inflight_batches {
                self.flush();
            }
        } else {
            // Durable before: nothing to wait for.
            let _ = answer.send(Verdict::done());
        }
    }

    fn flush(&mut self) {
        self.since = None;
        let shared = Arc::clone(&self.archive.shared);
        let block = {
            let mut state = shared.state_mut();
            if state.building.is_empty() {
                return;
            }
            let next = Block::new(state.building.pack.clone());
            let block = Arc::new(std::mem::replace(&mut state.building, next));
            state.frozen = Some(Arc::clone(&block));
            block
        };
        let began = Instant::now();
        let verdict = match self.write(&block) {
            Ok(written) => {
                let bytes = written.iter().map(|(_, bytes)| bytes).sum();
                shared.commit(&block, written);
                self.left.clear();
                metrics::block(
                    block.records.len(),
                    block.points.len(),
                    bytes,
                    block.unreadable,
                    began.elapsed().as_secs_f64(),
                );
                shared.report();
                Verdict::done()
            }
            Err(error) => {
                let trouble = trouble(&error);
                // Room on a full disk is given back at once; what cannot be removed now is at the next opening.
                if let Err(error) = self.settle() {
                    tracing::debug!(error = %error.sentence(), "what the failed write left stays for now");
                }
                let mut state = shared.state_mut();
                state.frozen = None;
                state.building = Block::new(state.pack.clone());
                self.failed = Some(trouble.clone());
                Verdict::Retry {
                    trouble,
                    after: None,
                }
            }
        };
        for answer in self.waiting.drain(..) {
            let _ = answer.send(verdict.clone());
        }
    }

    /// Writes all files of the block under temporary names, then names them, the one that commits last.
    fn write(&mut self, block: &Block) -> Result<Vec<(Place, u64)>, Error> {
        let shared = &self.archive.shared;
        let disk = &shared.disk;
        let name = FileName {
            journal: shared.journal.clone(),
            from: block.from,
            to: block.to,
            generation: 0,
        };
        let place = |partition| Place {
            partition,
            name: name.clone(),
        };
        let mut written = Vec::new();
        for ((hour, stream), rows) in block.sorted_points() {
            let place = place(Partition::Points { hour, stream });
            self.left.push(place.clone());
            let chunks = rows
                .chunks(GROUP_ROWS)
                .map(|rows| points::chunk(block, rows, &shared.inputs));
            written.push(self.write_file(place, chunks, &notes(&points::NOTES, None))?);
        }
        for (day, rows) in by_day(&block.alerts) {
            let place = place(Partition::Alerts { day });
            self.left.push(place.clone());
            let chunks = std::iter::once(alerts::chunk(block, &rows));
            written.push(self.write_file(place, chunks, &notes(&alerts::NOTES, None))?);
        }
        let commit = place(Partition::Records { day: block.day() });
        self.left.push(commit.clone());
        let count = block.records.len();
        let chunks = (0..count)
            .step_by(GROUP_ROWS)
            .map(|from| from..count.min(from + GROUP_ROWS))
            .map(|rows| records::chunk(block, rows, &shared.inputs));
        let pack = block.pack.clone();
        let commit = self.write_file(commit, chunks, &notes(&records::NOTES, pack))?;

        for (place, _) in &written {
            let path = place.path(disk.root());
            disk.rename(&path)?;
            if let Some(folder) = path.parent() {
                disk.sync_folder(folder)?;
            }
        }
        let path = commit.0.path(disk.root());
        disk.rename(&path)?;
        if let Some(folder) = path.parent() {
            disk.sync_folder(folder)?;
        }
        written.push(commit);
        Ok(written)
    }

    fn write_file(
        &self,
        place: Place,
        chunks: impl Iterator<Item = Chunk>,
        notes: &[(&str, String)],
    ) -> Result<(Place, u64), Error> {
        let disk = &self.archive.shared.disk;
        let path = place.path(disk.root());
        let out = disk.create(&path)?;
        let mut writer = TableWriter::new(table(place.partition.kind())?, out, path)?;
        for chunk in chunks {
            writer.group(&chunk)?;
        }
        let (_, bytes) = writer.finish(notes)?;
        Ok((place, bytes))
    }

    fn save_index(&self) {
        let shared = &self.archive.shared;
        let _one = shared
            .maintenance
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = shared.index().save(&shared.disk) {
            tracing::warn!(error = %error.sentence(), "the series index could not be stored; the next start makes it again");
        }
    }
}

pub(crate) fn is_full(block: &Block, config: &ArchiveConfig) -> bool {
    block.rows() >= config.flush_rows
        || block.partitions() >= config.partitions_max
        || block.bytes() >= config.flush_bytes
}

fn by_day(rows: &[AlertRow]) -> std::collections::BTreeMap<i64, Vec<&AlertRow>> {
    let mut days = std::collections::BTreeMap::<i64, Vec<&AlertRow>>::new();
    for row in rows {
        days.entry(day_of(row.stamp.journal_ns))
            .or_default()
            .push(row);
    }
    days
}

pub(crate) fn notes(
    fixed: &[(&'static str, &'static str)],
    pack: Option<String>,
) -> Vec<(&'static str, String)> {
    let fixed = fixed.iter().map(|(key, value)| (*key, (*value).to_owned()));
    fixed
        .chain(pack.map(|pack| (records::PACK, pack)))
        .collect()
}

fn trouble(error: &Error) -> Trouble {
    Trouble::new(
        Code::Disk,
        format!(
            "the archive could not be written: {}; it is tried again, look at the room and the rights of its folder",
            error.sentence()
        ),
    )
}

fn answer_retry(answer: oneshot::Sender<Verdict>, trouble: &Trouble) {
    let _ = answer.send(Verdict::Retry {
        trouble: trouble.clone(),
        after: None,
    });
}
