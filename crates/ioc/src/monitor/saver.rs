//! Saves snapshots beside the monitor: encoding is the monitor's, but writing, syncing and reading back megabytes must not
//! delay an alert.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use journal::{Journal, SnapshotMeta, Snapshots, Ticket};

/// A state to be saved.
pub(super) struct Job {
    pub(super) meta: SnapshotMeta,
    pub(super) state: Vec<u8>,
    /// Once this is durable, so is everything that the state has concluded: a start from the snapshot does not conclude
    /// it again.
    pub(super) concluded: Option<Ticket>,
}

/// One thread, at most one job waiting.
pub(super) struct Saver {
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
}

impl Saver {
    pub(super) fn start(inputs: Journal, outcomes: Journal, snapshots: Snapshots) -> Result<Self> {
        let (jobs, queue) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || work(&queue, &inputs, &outcomes, &snapshots))
            .context("cannot start the snapshot thread")?;
        Ok(Self { jobs, thread })
    }

    /// False when the one before is still waiting: then this one is left out.
    pub(super) fn offer(&self, job: Job) -> bool {
        self.jobs.try_send(job).is_ok()
    }

    /// Saves the last one and ends.
    pub(super) fn finish(self, last: Option<Job>) {
        if let Some(job) = last {
            // The thread ends only when `jobs` is dropped, or by a panic that `join` shows.
            let _ = self.jobs.send(job);
        }
        drop(self.jobs);
        if self.thread.join().is_err() {
            tracing::error!("the snapshot thread panicked");
        }
    }
}

fn work(queue: &Receiver<Job>, inputs: &Journal, outcomes: &Journal, snapshots: &Snapshots) {
    while let Ok(job) = queue.recv() {
        let mut meta = job.meta;
        match job.concluded.map(Ticket::wait) {
            Some(Ok(committed)) => {
                meta.outcomes_next = committed.first_offset + u64::from(committed.count)
            }
            // The journal is poisoned or closed: what the state rests on may not be on disk.
            Some(Err(_)) => continue,
            None => {}
        }
        match snapshots.save(&meta, &job.state) {
            Ok(()) => {
                inputs.retain_behind(meta.inputs_next);
                outcomes.retain_behind(meta.outcomes_next);
            }
            // The journal has everything: a missed snapshot costs time at the next start, nothing else.
            Err(error) => tracing::warn!(%error, "snapshot not saved; trying again later"),
        }
    }
}
