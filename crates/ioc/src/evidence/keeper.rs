//! The thread that keeps evidence: follows `outcomes` behind the monitor, and for every transition that rests on values copies the
//! records of `inputs` that it names, the site pack in force and the transition into the [`Store`]; then moves its cursor. A kill at
//! any moment leads to the same end: what the cursor has not passed is looked at again, and what is kept already is not kept twice.
//!
//! Bounds: one thread; records and bytes an alert ([`super::gather`]). It holds `inputs` back [`LOOK_BACK`] records before the one that it
//! has come to and `outcomes` at its position, both as a reader that gives way: at the bound on disk evidence is lost, not messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use event::outcome::{self, Outcome, OutcomeKind};
use event::{Change, RejectCode, Transition};
use journal::inputs;
use journal::{Cursors, Frame, Journal, OnFull, ReadBatch, Reader};
use tokio::sync::watch;

use super::format::{self, Head, Life};
use super::gather::{Bounds, Gather};
use super::store::{Figures, Store};

/// Name of the cursor, and of both holds.
const NAME: &str = "evidence";
/// Longest wait for records: a stop is noticed within this time.
const WAIT_MAX: Duration = Duration::from_millis(50);
const STORE_EVERY: Duration = Duration::from_secs(1);
/// Between two tries when something stands in the way.
const RETRY: Duration = Duration::from_secs(1);
/// How far behind a transition the records that it names are held back.
const LOOK_BACK: u64 = 100_000;

/// A site pack by its digest.
#[derive(Clone)]
struct Pack {
    digest: [u8; 32],
    bytes: Arc<Vec<u8>>,
}

/// The running keeper.
pub(crate) struct Handle {
    store: Arc<Store>,
    stop_at: Arc<AtomicU64>,
    thread: Option<JoinHandle<Result<()>>>,
    ended: watch::Receiver<bool>,
}

impl Handle {
    pub(crate) fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.store.figures)
    }

    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
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
            Err(_) => anyhow::bail!("the keeper of the evidence panicked"),
        }
    }
}

pub(super) struct Keeper {
    inputs: Journal,
    outcomes: Journal,
    store: Arc<Store>,
    cursors: Cursors,
    bounds: Bounds,
    /// In force where it has come to; the one before, should the new one prove to be refused.
    pack: Option<Pack>,
    before: Option<(u64, Option<Pack>)>,
    reader: Reader,
    position: u64,
    cause: u64,
    stored: (u64, Instant),
    stop_at: Arc<AtomicU64>,
}

/// Told also when the thread panics.
struct End(watch::Sender<bool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

/// Starts it where it stopped. `pack` is the site pack with which the node starts.
pub(crate) fn start(
    [inputs, outcomes]: [Journal; 2],
    cursors: Cursors,
    store: Store,
    bounds: Bounds,
    pack: Vec<u8>,
) -> Result<Handle> {
    let store = Arc::new(store);
    let stop_at = Arc::new(AtomicU64::new(u64::MAX));
    let keeper = Keeper::new(
        [inputs, outcomes],
        cursors,
        Arc::clone(&store),
        bounds,
        pack,
        Arc::clone(&stop_at),
    )?;
    let (end, ended) = watch::channel(false);
    let thread = thread::Builder::new()
        .name(NAME.to_owned())
        .spawn(move || {
            let _guard = End(end);
            keeper.run()
        })
        .context("cannot start the keeper of the evidence")?;
    Ok(Handle {
        store,
        stop_at,
        thread: Some(thread),
        ended,
    })
}

impl Keeper {
    pub(super) fn new(
        [inputs, outcomes]: [Journal; 2],
        cursors: Cursors,
        store: Arc<Store>,
        bounds: Bounds,
        pack: Vec<u8>,
        stop_at: Arc<AtomicU64>,
    ) -> Result<Self> {
        let (position, known) = load_cursor(&cursors, &outcomes)?;
        let given = Pack {
            digest: format::sha256(&pack),
            bytes: Arc::new(pack),
        };
        let pack = match known {
            Some(digest) if digest != given.digest => store
                .pack(&digest)
                .context("cannot look for the site pack in the evidence")?
                .map(|bytes| Pack {
                    digest,
                    bytes: Arc::new(bytes),
                }),
            Some(_) | None => Some(given),
        };
        let keeper = Self {
            reader: outcomes.reader(position),
            inputs,
            outcomes,
            store,
            cursors,
            bounds,
            pack,
            before: None,
            position,
            cause: 0,
            stored: (position, Instant::now()),
            stop_at,
        };
        keeper.hold();
        Ok(keeper)
    }

    /// Holds give way at the size bound: evidence may be lost, messages not.
    fn hold(&self) {
        self.outcomes
            .set_hold(NAME, Some(self.position), OnFull::Gap);
        let needed = self.cause.saturating_sub(LOOK_BACK);
        self.inputs.set_hold(NAME, Some(needed), OnFull::Gap);
    }

    pub(super) fn run(mut self) -> Result<()> {
        while self.position < self.stop_at.load(Ordering::Acquire) {
            match self.reader.next_blocking(Some(WAIT_MAX)) {
                Ok(Some(batch)) => self.take(&batch),
                Ok(None) => {}
                Err(error) if self.is_stopping() => {
                    tracing::warn!(%error, "the keeper of the evidence ends before the end of `outcomes`");
                    break;
                }
                Err(error) => {
                    return Err(error).context("the keeper of the evidence cannot read `outcomes`");
                }
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

    fn take(&mut self, batch: &ReadBatch) {
        if let Some(gap) = batch.gap() {
            tracing::warn!(
                from = gap.from,
                to = gap.to,
                "outcomes are missing: their alerts are kept without evidence"
            );
        }
        for frame in batch.frames() {
            if !self.one_until_done(&frame) {
                return;
            }
        }
        self.position = self.reader.position();
    }

    /// False when the node stops before it could be done: the next start does it.
    fn one_until_done(&mut self, frame: &Frame<'_>) -> bool {
        let mut failed = false;
        loop {
            match self.one(frame) {
                Ok(()) => {
                    if failed {
                        tracing::info!("evidence is kept, after all");
                    }
                    return true;
                }
                Err(error) => {
                    if !failed {
                        tracing::warn!("evidence cannot be kept yet, trying again: {error:#}");
                    }
                    failed = true;
                }
            }
            if self.is_stopping() {
                // What stands in the way would keep the node from stopping. The position stays: ended by this.
                self.stop_at.store(0, Ordering::Release);
                return false;
            }
            thread::park_timeout(RETRY);
        }
    }

    fn one(&mut self, frame: &Frame<'_>) -> Result<()> {
        if frame.is_redacted() {
            return Ok(());
        }
        let Ok(cause) = outcome::decode_cause(frame.version, frame.payload) else {
            return Ok(());
        };
        self.cause = self.cause.max(cause.offset);
        let wanted = [
            OutcomeKind::Transition as u8,
            OutcomeKind::ConfigurationCopy as u8,
            OutcomeKind::Reject as u8,
        ];
        if !wanted.contains(&frame.kind) {
            return Ok(());
        }
        // What this release cannot read it cannot explain either.
        match outcome::decode(frame.kind, frame.version, frame.payload) {
            Ok((_, Outcome::Transition(transition))) => {
                let mut prefix = Vec::new();
                outcome::encode_copy(cause, b"", &mut prefix);
                let text = frame.payload.get(prefix.len()..).unwrap_or_default();
                self.keep(frame, cause.offset, &transition, text)
            }
            Ok((_, Outcome::ConfigurationCopy(bytes))) => {
                if let Ok(record) = inputs::Configuration::decode(frame.version, bytes) {
                    let fresh = Pack {
                        digest: format::sha256(record.content),
                        bytes: Arc::new(record.content.to_vec()),
                    };
                    self.before = Some((cause.offset, self.pack.replace(fresh)));
                }
                Ok(())
            }
            Ok((_, Outcome::Reject(reject))) if reject.code == RejectCode::ConfigurationInvalid => {
                if self.before.as_ref().map(|(at, _)| *at) == Some(cause.offset)
                    && let Some((_, pack)) = self.before.take()
                {
                    self.pack = pack;
                }
                Ok(())
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn keep(
        &mut self,
        frame: &Frame<'_>,
        cause: u64,
        transition: &Transition,
        text: &[u8],
    ) -> Result<()> {
        let stamp = frame.stamp.journal_ns;
        let id = transition.alert.id.to_string();
        let mut turn = self.store.turn()?;
        turn.life(&Life::of(frame.offset, cause, transition), stamp);
        let rests_on_values = matches!(
            transition.change,
            Change::Raised | Change::Reopened | Change::Revised
        );
        if rests_on_values && !turn.has_evidence(&id, frame.offset) {
            let mut gather = Gather::new(&self.inputs, self.bounds);
            let frames = gather.frames(&mut turn, transition, stamp)?;
            if let Some(pack) = &self.pack
                && !turn.has_pack(&pack.digest)
            {
                turn.pack(&pack.digest, &pack.bytes, stamp);
            }
            let head = Head {
                alert: id,
                revision: transition.alert.revision,
                journal: format::hex(&self.inputs.id().0),
                outcome: frame.offset,
                cause,
                wall_ns: frame.stamp.wall_ns,
                pack: self.pack.as_ref().map(|pack| format::hex(&pack.digest)),
                frames,
                sha256: format::hex(&format::sha256(text)),
            };
            turn.evidence(&head, text, stamp);
        }
        turn.commit()
    }

    fn store_cursor(&mut self) {
        let now = Instant::now();
        if self.stored.0 != self.position {
            let mut note = self.outcomes.id().0.to_vec();
            note.extend(self.pack.iter().flat_map(|pack| pack.digest));
            match self.cursors.store_with_note(NAME, self.position, &note) {
                Ok(()) => self.hold(),
                // Done again after a restart, which is harmless.
                Err(error) => {
                    tracing::warn!(%error, "cannot store the cursor of the evidence");
                    self.stored.1 = now;
                    return;
                }
            }
        }
        self.stored = (self.position, now);
    }
}

/// A cursor that cannot be trusted is gone back on: doing it again is harmless, leaving out is not.
fn load_cursor(cursors: &Cursors, outcomes: &Journal) -> Result<(u64, Option<[u8; 32]>)> {
    let (first, next) = (outcomes.first_offset(), outcomes.next_offset());
    match cursors.load_with_note(NAME) {
        Ok(Some((position, note))) => match note.strip_prefix(&outcomes.id().0) {
            Some(pack) => Ok((position.clamp(first, next), pack.try_into().ok())),
            None => {
                tracing::warn!(
                    "the cursor of the evidence is of another journal: beginning with the oldest outcome"
                );
                Ok((first, None))
            }
        },
        Ok(None) => Ok((first, None)),
        Err(error @ journal::Error::Damaged { .. }) => {
            tracing::warn!(%error, "the evidence begins with the oldest outcome");
            Ok((first, None))
        }
        Err(error) => Err(error).context("cannot load the cursor of the evidence"),
    }
}
