//! Makes personal data vanish: reads `outcomes` behind the monitor, and for every message refused for personal data first
//! makes a redaction record durable, then overwrites the content wherever a journal holds it, and only then moves its
//! cursor. A kill at any moment leads to the same end: what was begun is found again from the cursor.
//!
//! Bounds: one thread, [`FINDS_MAX`] rejects at a time. When it cannot go on (no room, a failing disk) it tries again for
//! ever, visibly; `outcomes` is not deleted past it, so at the bound on disk ingest stops.

mod key;
mod targets;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use event::outcome::{self, Outcome, OutcomeKind};
use journal::inputs::{Kind, Redaction};
use journal::{
    Appender, Batch, Class, Cursors, Frame, Journal, JournalName, OnFull, Overwritten, ReadBatch,
    Reader,
};
use tokio::sync::watch;

use crate::evidence;
use crate::redactor::key::Key;
use crate::redactor::targets::{Find, Finder, Target};
use crate::store::Store;

/// Name of the cursor, and of the hold on `outcomes`.
const NAME: &str = "redactor";
/// Most rejects that are worked on at a time.
const FINDS_MAX: usize = 256;
/// Longest wait for records: a stop is noticed within this time.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// A cursor that moved is stored at least so often.
const STORE_EVERY: Duration = Duration::from_secs(1);
/// Between two tries when something stands in the way.
const RETRY: Duration = Duration::from_secs(1);
/// Room for one redaction record.
const RECORD_BYTES: usize = 160;

/// What it has done and has to do, for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    done: AtomicU64,
    pending: AtomicU64,
}

impl Figures {
    /// Messages whose content was overwritten since the start.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Recognised and not overwritten yet.
    pub(crate) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }
}

/// The running redactor.
pub(crate) struct Handle {
    figures: Arc<Figures>,
    stop_at: Arc<AtomicU64>,
    thread: Option<JoinHandle<Result<()>>>,
    ended: watch::Receiver<bool>,
}

impl Handle {
    pub(crate) fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.figures)
    }

    /// Resolves when it ends by itself.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.clone();
        async move {
            // An error says that the thread is gone, which is the same news.
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }

    /// Works on up to this offset of `outcomes`, then ends. Blocks.
    pub(crate) fn finish(mut self, to: u64) -> Result<()> {
        self.stop_at.store(to, Ordering::Release);
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        thread.thread().unpark();
        match thread.join() {
            Ok(result) => result,
            Err(_) => anyhow::bail!("the redactor panicked"),
        }
    }
}

struct Redactor {
    inputs: Journal,
    appender: Appender,
    outcomes: Journal,
    cursors: Cursors,
    /// Copies of records that alerts rest on.
    evidence: Arc<evidence::Store>,
    key: Key,
    reader: Reader,
    /// Everything before it is done.
    position: u64,
    stored: (u64, Instant),
    stop_at: Arc<AtomicU64>,
    figures: Arc<Figures>,
}

/// Starts it where it stopped. The journals run; what the cursor has not passed is looked at again.
pub(crate) fn start(
    store: &Store,
    data_dir: &std::path::Path,
    evidence: Arc<evidence::Store>,
) -> Result<Handle> {
    let key = Key::load(data_dir, &*store.storage())?;
    let cursors = Cursors::open(store.storage()).context("cannot open the cursors")?;
    let position = load_cursor(&cursors, &store.outcomes)?;
    let (figures, stop_at) = (
        Arc::new(Figures::default()),
        Arc::new(AtomicU64::new(u64::MAX)),
    );
    store.outcomes.set_hold(NAME, Some(position), OnFull::Hold);
    let redactor = Redactor {
        inputs: store.inputs.clone(),
        appender: store.inputs.appender(),
        outcomes: store.outcomes.clone(),
        cursors,
        evidence,
        key,
        reader: store.outcomes.reader(position),
        position,
        stored: (position, Instant::now()),
        stop_at: Arc::clone(&stop_at),
        figures: Arc::clone(&figures),
    };
    let (end, ended) = watch::channel(false);
    let thread = thread::Builder::new()
        .name(NAME.to_owned())
        .spawn(move || {
            let _guard = End(end);
            redactor.run()
        })
        .context("cannot start the redactor")?;
    Ok(Handle {
        figures,
        stop_at,
        thread: Some(thread),
        ended,
    })
}

/// Told also when the thread panics.
struct End(watch::Sender<bool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

/// A cursor that cannot be trusted is gone back on: doing it again is harmless, leaving out is not.
fn load_cursor(cursors: &Cursors, outcomes: &Journal) -> Result<u64> {
    let (first, next) = (outcomes.first_offset(), outcomes.next_offset());
    match cursors.load_with_note(NAME) {
        Ok(Some((position, note))) if note == outcomes.id().0 => Ok(position.clamp(first, next)),
        Ok(Some(_)) => {
            tracing::warn!(
                "the redactor's cursor is of another journal: beginning with the oldest outcome"
            );
            Ok(first)
        }
        Ok(None) => Ok(first),
        Err(error @ journal::Error::Damaged { .. }) => {
            tracing::warn!(%error, "the redactor begins with the oldest outcome");
            Ok(first)
        }
        Err(error) => Err(error).context("cannot load the redactor's cursor"),
    }
}

impl Redactor {
    fn run(mut self) -> Result<()> {
        while self.position < self.stop_at.load(Ordering::Acquire) {
            match self.reader.next_blocking(Some(WAIT_MAX)) {
                Ok(Some(batch)) => self.take(&batch)?,
                Ok(None) => {}
                Err(error) if self.is_stopping() => {
                    tracing::warn!(%error, "the redactor ends before the end of `outcomes`");
                    break;
                }
                Err(error) => return Err(error).context("the redactor cannot read `outcomes`"),
            }
            if self.stored.1.elapsed() >= STORE_EVERY {
                self.store_cursor();
            }
        }
        self.store_cursor();
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.stop_at.load(Ordering::Acquire) != u64::MAX
    }

    fn take(&mut self, batch: &ReadBatch) -> Result<()> {
        if let Some(gap) = batch.gap() {
            tracing::warn!(
                from = gap.from,
                to = gap.to,
                "outcomes are missing: what they refused for personal data is not known"
            );
        }
        let finds: Vec<Find> = batch.frames().filter_map(|frame| find(&frame)).collect();
        self.figures
            .pending
            .store(finds.len() as u64, Ordering::Relaxed);
        for some in finds.chunks(FINDS_MAX) {
            if !self.redact_until_done(some)? {
                return Ok(());
            }
            let count = some.len() as u64;
            self.figures.done.fetch_add(count, Ordering::Relaxed);
            self.figures.pending.fetch_sub(count, Ordering::Relaxed);
        }
        self.position = self.reader.position();
        Ok(())
    }

    /// False when the node stops before it could be done: the next start does it.
    fn redact_until_done(&mut self, finds: &[Find]) -> Result<bool> {
        let mut failed = false;
        loop {
            match self.redact(finds) {
                Ok(()) => {
                    if failed {
                        tracing::info!("personal data is overwritten, after all");
                    }
                    return Ok(true);
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    if !failed {
                        tracing::warn!(
                            "personal data is not overwritten yet, trying again: {error:#}"
                        );
                    }
                    failed = true;
                }
            }
            if self.is_stopping() {
                // What stands in the way would keep the node from stopping. The position stays: ended by this.
                self.stop_at.store(0, Ordering::Release);
                return Ok(false);
            }
            thread::park_timeout(RETRY);
        }
    }

    /// First the records, then the contents. Everything in it may be done twice.
    fn redact(&self, finds: &[Find]) -> Result<()> {
        let finder = Finder {
            inputs: &self.inputs,
            outcomes: &self.outcomes,
            key: &self.key,
        };
        let mut targets = Vec::with_capacity(finds.len());
        for find in finds {
            for target in finder.targets(find)? {
                targets.push((target, find));
            }
        }
        self.name(&targets)?;
        for journal in [&self.inputs, &self.outcomes] {
            let offsets: Vec<u64> = targets
                .iter()
                .filter(|(target, _)| target.journal == journal.name())
                .map(|(target, _)| target.offset)
                .collect();
            overwrite(journal, &offsets)?;
            // After the journal: what is not copied yet is not copied any more.
            if journal.name() == JournalName::Inputs {
                self.evidence
                    .blank(&offsets)
                    .context("cannot overwrite in the evidence")?;
            }
        }
        Ok(())
    }

    /// Makes a redaction record durable for every frame that has none. The reserve for the system's own records serves
    /// them when the volume is full.
    fn name(&self, targets: &[(Target, &Find)]) -> Result<()> {
        let mut batch = Batch::with_capacity(targets.len() * RECORD_BYTES);
        for (target, find) in targets.iter().filter(|(target, _)| !target.named) {
            let record = Redaction {
                journal: target.journal,
                offset: target.offset,
                code: target.code.name(),
                keys: find.keys.iter().map(String::as_str).collect(),
                hash: target.hash,
            };
            batch.push(Kind::Redaction.into(), |out| record.encode(out));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let ticket = self
            .appender
            .append_blocking(Class::System, batch)
            .context("cannot append a redaction record")?;
        ticket
            .wait()
            .context("cannot make a redaction record durable")?;
        Ok(())
    }

    fn store_cursor(&mut self) {
        let now = Instant::now();
        if self.stored.0 != self.position {
            let note = self.outcomes.id().0;
            match self.cursors.store_with_note(NAME, self.position, &note) {
                Ok(()) => self
                    .outcomes
                    .set_hold(NAME, Some(self.position), OnFull::Hold),
                // Done again after a restart, which is harmless.
                Err(error) => {
                    tracing::warn!(%error, "cannot store the redactor's cursor");
                    self.stored.1 = now;
                    return;
                }
            }
        }
        self.stored = (self.position, now);
    }
}

/// Whether this outcome refuses a message for personal data.
fn find(frame: &Frame<'_>) -> Option<Find> {
    if frame.kind != OutcomeKind::Reject as u8 {
        return None;
    }
    let (cause, outcome) = outcome::decode(frame.kind, frame.version, frame.payload).ok()?;
    let Outcome::Reject(reject) = outcome else {
        return None;
    };
    (reject.code == event::RejectCode::PersonalData).then(|| Find {
        cause: cause.offset,
        keys: reject
            .personal_keys()
            .into_iter()
            .map(str::to_owned)
            .collect(),
    })
}

fn overwrite(journal: &Journal, offsets: &[u64]) -> Result<()> {
    if offsets.is_empty() {
        return Ok(());
    }
    let answers = journal
        .redact(offsets)
        .with_context(|| format!("cannot overwrite in `{}`", journal.name()))?;
    for (offset, answer) in offsets.iter().zip(answers) {
        match answer {
            Overwritten::Done | Overwritten::Gone => {}
            Overwritten::Unreadable => tracing::error!(
                journal = %journal.name(), offset,
                "a record with personal data lies in a damaged range: remove the range by hand, or let retention take it"
            ),
        }
    }
    Ok(())
}

/// Whether trying again is of no use: the journal has ended.
fn is_final(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<journal::Error>().is_some_and(|error| {
            matches!(
                error,
                journal::Error::Poisoned { .. } | journal::Error::Closed { .. }
            )
        })
    })
}

#[cfg(test)]
mod tests;
