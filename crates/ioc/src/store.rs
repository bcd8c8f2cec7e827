//! A node's data folder: both journals, the snapshots, the lock.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use event::JournalId;
use event::outcome::Cause;
use journal::{
    Clock, ClockKind, DiskStorage, Journal, JournalName, LockGuard, Opened, Options, SnapshotMeta,
    Snapshots, Stamp, Storage,
};

use crate::config;
use crate::monitor::fold::Fold;
use crate::monitor::saved::FORMAT;

/// Both journals after recovery, nothing running yet: the clock starts from what they hold.
pub(crate) struct Recovered {
    lock: LockGuard,
    storage: Arc<dyn Storage>,
    inputs: Opened,
    outcomes: Opened,
    snapshots: Snapshots,
}

/// Both journals, running.
pub(crate) struct Store {
    pub(crate) inputs: Journal,
    pub(crate) outcomes: Journal,
    pub(crate) snapshots: Snapshots,
    /// The last outcome that is already written; what the fold gives up to here again is not written twice.
    pub(crate) written: Option<Cause>,
    /// The state to go on from; taken by the monitor.
    pub(crate) fold: Option<Fold>,
    storage: Arc<dyn Storage>,
    _lock: LockGuard,
}

impl Store {
    /// The data folder, for what else lives there (cursors).
    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.storage)
    }
}

impl Recovered {
    pub(crate) fn open(
        data_dir: &Path,
        config: &config::Journal,
        clock_kind: ClockKind,
    ) -> Result<Self> {
        std::fs::create_dir_all(data_dir)
            .with_context(|| format!("cannot make the data folder {}", data_dir.display()))?;
        let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(data_dir));
        let lock = journal::lock(&storage)
            .with_context(|| format!("cannot lock the data folder {}", data_dir.display()))?;
        let inputs = open(
            &storage,
            JournalName::Inputs,
            config,
            clock_kind,
            Vec::new(),
        )?;
        let redacted = inputs.known_redactions().offsets(JournalName::Outcomes);
        let redacted = redacted.collect();
        let outcomes = open(
            &storage,
            JournalName::Outcomes,
            config,
            clock_kind,
            redacted,
        )?;
        let snapshots =
            Snapshots::open(Arc::clone(&storage)).context("cannot open the snapshots")?;
        Ok(Self {
            lock,
            storage,
            inputs,
            outcomes,
            snapshots,
        })
    }

    /// The latest time that either journal has seen.
    pub(crate) fn last_stamp(&self) -> Option<Stamp> {
        let stamps = [self.inputs.last_stamp(), self.outcomes.last_stamp()];
        stamps
            .into_iter()
            .flatten()
            .max_by_key(|stamp| stamp.journal_ns)
    }

    /// Chooses where the fold begins, closes what damage left open, and starts both journals.
    pub(crate) fn start(mut self, clock: Arc<dyn Clock>) -> Result<Store> {
        let written = last_cause(&self.outcomes)?;
        let mut fold = self.restore_fold()?;
        let redactions = self.inputs.redactions(fold.next_input());
        fold.set_redactions(redactions.context("cannot read what `inputs` says of redactions")?);
        self.skip_lost_inputs(written, fold.next_input())?;
        let inputs = self
            .inputs
            .start(Arc::clone(&clock))
            .context("cannot start the inputs journal")?;
        let outcomes = self
            .outcomes
            .start(clock)
            .context("cannot start the outcomes journal")?;
        Ok(Store {
            inputs,
            outcomes,
            snapshots: self.snapshots,
            written,
            fold: Some(fold),
            storage: self.storage,
            _lock: self.lock,
        })
    }

    /// The newest snapshot that both journals still bear out; else everything from the first record; else, when the
    /// outcomes are lost and the inputs before the snapshot are gone too, the snapshot with a gap in `outcomes`.
    fn restore_fold(&mut self) -> Result<Fold> {
        let id = JournalId(self.inputs.id().0);
        let snapshots = self
            .snapshots
            .load_all()
            .context("cannot read the snapshots")?;
        let mut usable: Vec<(SnapshotMeta, Fold)> = Vec::new();
        for (meta, bytes) in snapshots {
            if meta.journal != self.inputs.id() {
                tracing::warn!(
                    at = meta.inputs_next,
                    "a snapshot belongs to another journal; not used"
                );
                continue;
            }
            match Fold::restore(id, meta.format, meta.inputs_next, &bytes) {
                Ok(fold) => usable.push((meta, fold)),
                Err(error) => tracing::warn!(%error, "a snapshot is not used"),
            }
        }
        let whole = usable
            .iter()
            .position(|(meta, _)| meta.outcomes_next <= self.outcomes.next_offset());
        if let Some(index) = whole {
            if index > 0 {
                tracing::warn!(
                    "outcomes are missing at the end; concluding them again from an older snapshot"
                );
            }
            return Ok(usable.swap_remove(index).1);
        }
        if self.inputs.first_offset() == 0 {
            if !usable.is_empty() {
                tracing::warn!("outcomes are missing; concluding them again from the first input");
            }
            return Ok(Fold::new(id));
        }
        let Some((meta, fold)) = usable.into_iter().next() else {
            bail!(
                "`inputs` begins at record {} and no usable snapshot covers what went before: start with the release that \
                 wrote the last snapshot (this one reads formats 1 to {FORMAT})",
                self.inputs.first_offset()
            );
        };
        tracing::warn!(
            to = meta.outcomes_next,
            "outcomes before this one are lost for good: a gap is left"
        );
        self.outcomes
            .skip_to(meta.outcomes_next)
            .context("cannot leave the gap in `outcomes`")?;
        Ok(fold)
    }

    /// Damage at the very end of `inputs` looks like an unfinished write; that there was more, only `outcomes` and the
    /// snapshot know. The offsets are not given out again: they read as a gap.
    fn skip_lost_inputs(&mut self, written: Option<Cause>, folded: u64) -> Result<()> {
        let known = written.map_or(0, |cause| cause.offset + 1).max(folded);
        let next = self.inputs.next_offset();
        if known > next {
            tracing::error!(
                from = next,
                to = known,
                "input records are lost (damaged end of the journal); what was concluded from them stands in `outcomes`"
            );
            self.inputs
                .skip_to(known)
                .context("cannot step over the lost records")?;
        }
        Ok(())
    }
}

fn open(
    storage: &Arc<dyn Storage>,
    name: JournalName,
    config: &config::Journal,
    clock_kind: ClockKind,
    redacted: Vec<u64>,
) -> Result<Opened> {
    let mut options = journal_options(name);
    options.redacted = redacted;
    options.clock_kind = clock_kind;
    options.segment_bytes = config.segment_bytes;
    options.bytes_max = match name {
        JournalName::Inputs => config.inputs_bytes_max,
        JournalName::Outcomes => config.outcomes_bytes_max,
    };
    options.retain_age_ns = i64::try_from(config.retain_days)
        .ok()
        .map(|days| days * 24 * 3600 * 1_000_000_000);
    options.reserve_disaster_bytes = match name {
        JournalName::Inputs => config.reserve_disaster_bytes,
        // Nothing but system records is written to `outcomes`.
        JournalName::Outcomes => 0,
    };
    options.reserve_system_bytes = config.reserve_system_bytes;
    options.memory_tail_bytes = usize::try_from(config.memory_tail_bytes).unwrap_or(usize::MAX);
    let opened = Opened::open(Arc::clone(storage), options)
        .with_context(|| format!("cannot open the {name:?} journal").to_lowercase())?;
    report(name, &opened);
    Ok(opened)
}

/// The habits that whoever opens a journal shares, for writing or looking.
pub(crate) fn journal_options(name: JournalName) -> Options {
    let mut options = Options::new(name);
    if name == JournalName::Outcomes {
        options.blank = event::outcome::blank;
    }
    options
}

fn report(name: JournalName, opened: &Opened) {
    let recovery = opened.recovery();
    if recovery.torn_bytes > 0 {
        tracing::info!(journal = ?name, bytes = recovery.torn_bytes, "torn tail cut (never acknowledged)");
    }
    for damage in &recovery.damaged {
        tracing::warn!(journal = ?name, from = damage.from_offset, to = damage.to_offset, file = %damage.file, bytes = damage.bytes, "damaged range set aside");
    }
}

/// The cause of the last outcome.
fn last_cause(outcomes: &Opened) -> Result<Option<Cause>> {
    let next = outcomes.next_offset();
    if next == outcomes.first_offset() {
        return Ok(None);
    }
    let mut reader = outcomes.reader(next - 1);
    let batch = reader
        .next_blocking(None)
        .context("cannot read the last outcome")?;
    let cause = batch.as_ref().and_then(|batch| {
        batch
            .frames()
            .last()
            .map(|frame| event::outcome::decode_cause(frame.version, frame.payload))
    });
    match cause {
        Some(cause) => Ok(Some(cause.context("cannot decode the last outcome")?)),
        None => bail!(
            "the last outcome (record {}) is unreadable: run `ioc journal verify --journal outcomes`",
            next - 1
        ),
    }
}
