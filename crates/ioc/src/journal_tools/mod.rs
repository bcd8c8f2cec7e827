//! `ioc journal …`: looks into the journals of a node, running or stopped, without its lock.

mod cat;
mod replay;
mod stat;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use journal::{DiskStorage, JournalName, ReadOnly, Storage};

use crate::cli::{JournalArgs, JournalCommand, Which};

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
    let name = match args.journal {
        Which::Inputs => JournalName::Inputs,
        Which::Outcomes => JournalName::Outcomes,
    };
    open_named(&args.data, name)
}

fn open_named(data: &Path, name: JournalName) -> Result<ReadOnly> {
    ReadOnly::open(storage(data)?, name).with_context(|| {
        format!(
            "cannot read the journal in {} (give the node's node.data_dir with --data)",
            data.display()
        )
    })
}
