//! The quarantine: every refused message with its reason, and the way back for those whose mapping was mended.
//!
//! The messages themselves lie in the journals. [`index`] follows `outcomes` on a thread of its own from the oldest record
//! that is still there, holding nothing back; [`requeue`] puts chosen ones into `inputs` again, from where the fold takes them
//! ([`crate::monitor`]). The same parts serve the page, and the command line on a stopped node ([`tool`]).

pub(crate) mod args;
mod folder;
mod index;
mod item;
mod requeue;
mod tool;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use console::{
    AdoptAnswer, AdoptAsk, QuarantineBackend, QuarantineFilter, QuarantineItem, QuarantineOverview,
    QuarantineProblem, QuarantineState, ReprocessAnswer, ReprocessAsk,
};
use event::{PackFiles, Text};
use journal::Journal;

use index::{Entry, Index};
use requeue::{By, MESSAGES_MAX, Requeued};

pub(crate) use tool::run;

use crate::site_tools;

/// Longest wait for records: a stop is noticed within this time.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// What lies in quarantine, of a running node.
pub(crate) struct Shelf {
    index: Mutex<Index>,
    inputs: Journal,
    outcomes: Journal,
    pack: PackFiles,
    /// Where `node.site` points, for the command that takes a device in.
    site: String,
    /// One request at a time puts records into the journal.
    working: Mutex<()>,
}

/// Stops the thread that follows `outcomes`.
pub(crate) struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It has told its error already.
            let _ = thread.join();
        }
    }
}

impl Shelf {
    pub(crate) fn start(
        inputs: Journal,
        outcomes: Journal,
        pack: PackFiles,
        site: String,
    ) -> Result<(Arc<Self>, Follower)> {
        let shelf = Arc::new(Self {
            index: Mutex::default(),
            inputs,
            outcomes,
            pack,
            site,
            working: Mutex::new(()),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let (followed, asked) = (Arc::clone(&shelf), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name("quarantine".to_owned())
            .spawn(move || {
                if let Err(error) = followed.follow(&asked) {
                    tracing::error!(%error, "the quarantine is not followed any more; restart the node to see it whole");
                }
            })
            .context("cannot start the quarantine's thread")?;
        let follower = Follower {
            stop,
            thread: Some(thread),
        };
        Ok((shelf, follower))
    }

    fn follow(&self, stop: &AtomicBool) -> Result<()> {
        let mut reader = self.outcomes.reader(self.outcomes.first_offset());
        while !stop.load(Ordering::Acquire) {
            let read = match reader.next_blocking(Some(WAIT_MAX)) {
                Ok(read) => read,
                // The node closes its journals.
                Err(journal::Error::Closed { .. }) => return Ok(()),
                Err(error) => return Err(error).context("cannot read `outcomes`"),
            };
            if let Some(batch) = read {
                let mut index = self.index();
                batch.frames().for_each(|frame| index.apply(&frame));
            }
        }
        Ok(())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QuarantineBackend for Shelf {
    fn overview(&self, filter: &QuarantineFilter) -> QuarantineOverview {
        self.index().overview(filter)
    }

    fn one(&self, offset: u64) -> Result<Option<QuarantineItem>, QuarantineProblem> {
        let found = {
            let index = self.index();
            index
                .entry(offset)
                .map(|entry| (entry, index.device(&entry).to_owned()))
        };
        let Some((entry, device)) = found else {
            return Ok(None);
        };
        let open = |from| self.outcomes.reader(from);
        let end = self.outcomes.next_offset();
        item::read(&open, end, &entry, device, Some((&self.pack, &self.site)))
            .map_err(|error| problem(&error))
    }

    fn reprocess(&self, ask: &ReprocessAsk) -> Result<ReprocessAnswer, QuarantineProblem> {
        let _turn = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        reprocess(&self.index, &self.inputs, &self.outcomes, ask).map_err(|error| problem(&error))
    }

    fn adopt(&self, ask: &AdoptAsk) -> Result<AdoptAnswer, QuarantineProblem> {
        let _turn = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let snippet =
            site_tools::adopt(Path::new(&self.site), ask).map_err(|error| QuarantineProblem {
                later: false,
                detail: Text {
                    vi: format!("không ghi được vào gói địa bàn: {error:#}"),
                    en: format!("{error:#}"),
                },
            })?;
        tracing::info!(
            operator = ask.operator,
            device = ask.device,
            profile = ask.profile,
            "a device was taken into the site pack; in force after the next start"
        );
        Ok(AdoptAnswer {
            snippet,
            file: site_tools::ADOPTED_FILE.to_owned(),
        })
    }
}

fn problem(error: &anyhow::Error) -> QuarantineProblem {
    QuarantineProblem {
        later: true,
        detail: Text {
            vi: format!("chưa thực hiện được, hãy thử lại sau: {error:#}"),
            en: format!("it could not be done, try again later: {error:#}"),
        },
    }
}

/// What the request picks.
fn count(index: &Index, ask: &ReprocessAsk) -> ReprocessAnswer {
    let mut answer = ReprocessAnswer {
        dry_run: ask.dry_run,
        ..ReprocessAnswer::default()
    };
    for entry in index.picked(&ask.filter) {
        if entry.is_to_do() {
            answer.to_do += 1;
        } else if matches!(entry.state, QuarantineState::Queued | QuarantineState::Done) {
            answer.done_before += 1;
        } else {
            answer.not_reprocessable += 1;
        }
    }
    answer
}

/// Counts what the request picks, and unless it only asks puts it into `inputs`. Told to the index first, so that the next request
/// finds nothing to do; what did not get into the journal is taken back.
fn reprocess(
    index: &Mutex<Index>,
    inputs: &Journal,
    outcomes: &Journal,
    ask: &ReprocessAsk,
) -> Result<ReprocessAnswer> {
    let lock = || index.lock().unwrap_or_else(PoisonError::into_inner);
    let mut index = lock();
    let mut answer = count(&index, ask);
    if ask.dry_run {
        return Ok(answer);
    }
    let to_do = index.picked(&ask.filter).filter(|entry| entry.is_to_do());
    let chosen: Vec<Entry> = to_do.take(MESSAGES_MAX).copied().collect();
    for entry in &chosen {
        index.set_state(entry.offset, QuarantineState::Queued);
    }
    drop(index);
    let by = By {
        operator: &ask.operator,
        verified: ask.verified,
        reason: &ask.reason,
    };
    let mut done = Requeued::default();
    let result = requeue::requeue(inputs, outcomes, &chosen, by, &mut done);
    (answer.queued, answer.gone) = (done.queued.len() as u64, done.gone.len() as u64);
    answer.left = answer.to_do - answer.queued - answer.gone;
    done.queued.sort_unstable();
    let mut index = lock();
    for entry in &chosen {
        if done.queued.binary_search(&entry.offset).is_err() {
            index.set_state(entry.offset, entry.state);
        }
    }
    drop(index);
    tracing::info!(
        operator = ask.operator,
        queued = answer.queued,
        "messages are taken out of the quarantine"
    );
    // What is durable already stands; asking again goes on with the rest.
    result.map(|()| answer)
}
