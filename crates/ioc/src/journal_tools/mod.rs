//! `ioc journal …`: looks into the journals of a node, running or stopped, without its lock.

pub(crate) mod cat;
mod redacted;
mod replay;
mod stat;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use journal::{DiskStorage, JournalName, Options, ReadOnly, Redactions, Storage};

use crate::cli::{JournalArgs, JournalCommand, Which};
use crate::store::journal_options;

pub(crate) fn run(command: &JournalCommand) -> Result<ExitCode> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let result = match command {
        JournalCommand::Stat(args) => stat::stat(args, &mut out),
        JournalCommand::Verify(args) => stat::verify(args, &mut out),
        JournalCommand::Cat(args) => cat::cat(args, &mut out),
        JournalCommand::Replay(args) => replay::replay(args, &mut out),
    };
    match result.and_then(|code| out.flush().map(|()| code).map_err(Into::into)) {
        // `ioc journal cat | head` is no error.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        other => other,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn storage(data: &Path) -> Result<Arc<dyn Storage>> {
    if !data.is_dir() {
        bail!(
            "{} is not a data folder: give the node's node.data_dir with --data",
            data.display()
        );
    }
    Ok(Arc::new(DiskStorage::new(data)))
}

fn open(args: &JournalArgs) -> Result<ReadOnly> {
    match args.journal {
        Which::Inputs => open_named(&args.data, JournalName::Inputs),
        // A torn redaction is no damage: `inputs` says which frames are redacted. Without it, they are looked at as
        // they are.
        Which::Outcomes => outcomes(&args.data),
    }
}

/// The outcomes of a node, running or stopped.
pub(crate) fn outcomes(data: &Path) -> Result<ReadOnly> {
    let redacted = open_named(data, JournalName::Inputs)
        .map(|inputs| redacted_outcomes(inputs.known_redactions()))
        .unwrap_or_default();
    open_outcomes(data, redacted)
}

fn redacted_outcomes(redactions: &Redactions) -> Vec<u64> {
    redactions.offsets(JournalName::Outcomes).collect()
}

fn open_outcomes(data: &Path, redacted: Vec<u64>) -> Result<ReadOnly> {
    let mut options = journal_options(JournalName::Outcomes);
    options.redacted = redacted;
    open_with(data, options)
}

fn open_named(data: &Path, name: JournalName) -> Result<ReadOnly> {
    open_with(data, journal_options(name))
}

fn open_with(data: &Path, options: Options) -> Result<ReadOnly> {
    ReadOnly::open_with(storage(data)?, options).with_context(|| {
        format!(
            "cannot read the journal in {} (give the node's node.data_dir with --data)",
            data.display()
        )
    })
}
