//! The quarantine of a stopped node, in its data folder.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use console::{QuarantineState, ReprocessAnswer, ReprocessAsk};
use event::PackFiles;
use journal::inputs::{self, Kind, NodeChange};
use journal::{ClockKind, DiskStorage, Journal, JournalName, ReadOnly, Storage};
use sha2::{Digest, Sha256};

use super::args::ReprocessArgs;
use super::index::Index;
use crate::clock::RealClock;
use crate::config::{self, Config};
use crate::monitor::fold::Fold;
use crate::site::{self, Site};
use crate::store::{Recovered, Store};
use crate::topology;

/// A look at a journal that is still being read.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn storage(data: &Path) -> Arc<dyn Storage> {
    Arc::new(DiskStorage::new(data))
}

/// The index of a folder, without writing anything there.
pub(super) fn look(data: &Path) -> Result<(ReadOnly, Index)> {
    let journal = ReadOnly::open(storage(data), JournalName::Outcomes)
        .with_context(|| format!("cannot read the journal in {}", data.display()))?;
    let mut index = Index::default();
    let mut reader = journal.reader(journal.info().first_offset);
    while let Some(batch) = reader
        .next_blocking(None)
        .context("cannot read `outcomes`")?
    {
        batch.frames().for_each(|frame| index.apply(&frame));
    }
    if let Ok(inputs) = ReadOnly::open(storage(data), JournalName::Inputs) {
        let end = inputs.info().next_offset;
        mark_waiting(&mut index, &|from| inputs.reader(from), end)?;
    }
    Ok((journal, index))
}

/// What was asked for and is not folded yet stands behind the last conclusion: it takes effect at the next start.
fn mark_waiting(index: &mut Index, open: &dyn Fn(u64) -> journal::Reader, end: u64) -> Result<()> {
    let mut reader = open(index.caused());
    while reader.position() < end {
        let Some(batch) = reader
            .next_blocking(Some(PAUSE))
            .context("cannot read `inputs`")?
        else {
            break;
        };
        for frame in batch.frames() {
            if frame.kind == u8::from(Kind::Reprocess)
                && let Ok(record) = inputs::Reprocess::decode(frame.version, frame.payload)
            {
                index.set_state(record.offset, QuarantineState::Queued);
            }
        }
    }
    Ok(())
}

/// Which site pack a stopped node is to have; a guess would put another one in force.
pub(super) fn pack(args: &ReprocessArgs, config: &Config) -> Result<PackFiles> {
    let said =
        args.place.config.config.is_some() || config::environment().contains_key("IOC__NODE__SITE");
    let site = match &args.site {
        Some(site) => site,
        None if said => &config.node.site,
        None => bail!(
            "the node is stopped: say with --site (or its --config) with which site pack they are tried again"
        ),
    };
    let pack = site::read(site)?;
    if let Err(mistakes) = Site::load(&pack) {
        let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        bail!("the site pack {site} has mistakes:\n{}", list.join("\n"));
    }
    Ok(pack)
}

/// Opens the journals of a stopped node as a node does: a start, the site pack if it is another one, the records, a stop. So
/// they are folded by the mended pack, and the time in which the node was down stays what it was.
pub(super) fn reprocess(
    data: &Path,
    config: &Config,
    pack: &PackFiles,
    ask: &ReprocessAsk,
) -> Result<ReprocessAnswer> {
    let recovered = Recovered::open(data, &config.journal, ClockKind::Real)?;
    let clock = Arc::new(RealClock::start(recovered.last_stamp(), false)?);
    let store = recovered.start(clock)?;
    let mut index = Index::default();
    follow_to_end(&store.outcomes, &mut index)?;
    let (inputs, end) = (store.inputs.clone(), store.inputs.next_offset());
    mark_waiting(&mut index, &|from| inputs.reader(from), end)?;
    let counted = super::count(&index, ask);
    let answer = if counted.to_do == 0 {
        Ok(counted)
    } else {
        node(&inputs, NodeChange::Start)?;
        put_in_force(&store, pack)?;
        let answer = super::reprocess(&Mutex::new(index), &inputs, &store.outcomes, ask);
        node(&inputs, NodeChange::Stop { clean: true })?;
        answer
    };
    let closed = inputs.close().and(store.outcomes.clone().close());
    let answer = answer?;
    closed.context("cannot close the journals")?;
    Ok(answer)
}

fn node(inputs: &Journal, change: NodeChange) -> Result<()> {
    let record = inputs::Node {
        change,
        version: topology::VERSION,
    };
    topology::append(inputs, Kind::Node, |buffer| record.encode(buffer))
}

fn put_in_force(store: &Store, pack: &PackFiles) -> Result<()> {
    let content = pack.to_bytes();
    let sha256: [u8; 32] = Sha256::digest(&content).into();
    let fold = store.fold.as_ref();
    let mut in_force = fold.and_then(Fold::pack_digest);
    let mut reader = store.inputs.reader(fold.map_or(0, Fold::next_input));
    while reader.position() < store.inputs.next_offset() {
        let Some(batch) = reader
            .next_blocking(Some(PAUSE))
            .context("cannot read `inputs`")?
        else {
            continue;
        };
        for frame in batch.frames() {
            if frame.kind == u8::from(Kind::Configuration)
                && let Ok(record) = inputs::Configuration::decode(frame.version, frame.payload)
            {
                in_force = Some(record.sha256);
            }
        }
    }
    if in_force == Some(sha256) {
        return Ok(());
    }
    let record = inputs::Configuration {
        name: "site",
        sha256,
        content: &content,
    };
    topology::append(&store.inputs, Kind::Configuration, |buffer| {
        record.encode(buffer)
    })
}

fn follow_to_end(outcomes: &Journal, index: &mut Index) -> Result<()> {
    let mut reader = outcomes.reader(outcomes.first_offset());
    while reader.position() < outcomes.next_offset() {
        if let Some(batch) = reader
            .next_blocking(Some(PAUSE))
            .context("cannot read `outcomes`")?
        {
            batch.frames().for_each(|frame| index.apply(&frame));
        }
    }
    Ok(())
}
