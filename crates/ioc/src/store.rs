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
use crate::monitor::fold::{FORMAT, Fold};

/// Both journals after recovery, nothing running yet: the clock starts from what they hold.
pub(crate) struct Recovered {
    lock: LockGuard,
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
    _lock: LockGuard,
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
        let inputs = open(&storage, JournalName::Inputs, config, clock_kind)?;
        let outcomes = open(&storage, JournalName::Outcomes, config, clock_kind)?;
        let snapshots = Snapshots::open(storage).context("cannot open the snapshots")?;
        Ok(Self {
            lock,
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

    pub(crate) fn start(self, clock: Arc<dyn Clock>) -> Result<Store> {
        let written = last_cause(&self.outcomes)?;
        if let Some(cause) = written
            && cause.offset >= self.inputs.next_offset()
        {
            bail!(
                "`outcomes` rests on input record {} but `inputs` ends before {}: the inputs journal lost records; restore \
                 both journals from the same backup",
                cause.offset,
                self.inputs.next_offset()
            );
        }
        Ok(Store {
            inputs: self
                .inputs
                .start(Arc::clone(&clock))
                .context("cannot start the inputs journal")?,
            outcomes: self
                .outcomes
                .start(clock)
                .context("cannot start the outcomes journal")?,
            snapshots: self.snapshots,
            written,
            _lock: self.lock,
        })
    }
}

impl Store {
    pub(crate) fn journal_id(&self) -> JournalId {
        JournalId(self.inputs.id().0)
    }

    /// The fold as the newest usable snapshot has it, or the empty one when `inputs` still begins at its beginning.
    pub(crate) fn restore_fold(&self) -> Result<Fold> {
        let id = self.journal_id();
        let loaded = self
            .snapshots
            .load_latest()
            .context("cannot read the snapshots")?;
        if let Some((meta, bytes)) = loaded.latest
            && self.fits(&meta)
        {
            match Fold::restore(id, meta.format, meta.inputs_next, &bytes) {
                Ok(fold) => return Ok(fold),
                // Without the snapshot everything can be folded again, as long as `inputs` has it all.
                Err(error) => {
                    tracing::warn!(%error, "snapshot not used; folding from the first record");
                }
            }
        }
        if self.inputs.first_offset() > 0 {
            bail!(
                "`inputs` begins at record {} and no usable snapshot covers what went before: start with the release that \
                 wrote the last snapshot (this one reads format {FORMAT})",
                self.inputs.first_offset()
            );
        }
        Ok(Fold::new(id))
    }

    fn fits(&self, meta: &SnapshotMeta) -> bool {
        let fits = meta.journal == self.inputs.id()
            && meta.inputs_next <= self.inputs.next_offset()
            && meta.inputs_next >= self.inputs.first_offset();
        if !fits {
            tracing::warn!(
                at = meta.inputs_next,
                "snapshot belongs to another journal; not used"
            );
        }
        fits
    }
}

fn open(
    storage: &Arc<dyn Storage>,
    name: JournalName,
    config: &config::Journal,
    clock_kind: ClockKind,
) -> Result<Opened> {
    let mut options = Options::new(name);
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
