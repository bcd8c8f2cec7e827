//! `ioc rules compare`: what a rule on trial would have told beside what the live one told, out of the outcomes of a node.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use event::outcome::{self, Outcome, OutcomeKind};
use journal::{DiskStorage, JournalName, ReadOnly, Storage};
use serde_json::json;

use super::args::CompareArgs;
use super::diff;
use super::episodes::{Row, Told};
use super::load::severity_name;
use crate::logging;
use crate::store::journal_options;

pub(super) fn run(args: &CompareArgs) -> Result<ExitCode> {
    logging::start("warn");
    let (live, trial) = read(&args.data, &args.rule)?;
    let found = diff::diff(&trial, &live);
    let mut out = io::stdout().lock();
    if args.json {
        let answer = json!({"rule": args.rule, "live": live, "shadow": trial, "diff": found});
        writeln!(out, "{answer}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{}: đang dùng / live {} · chạy thử / on trial {}",
        args.rule,
        live.len(),
        trial.len()
    )?;
    writeln!(
        out,
        "mới / new {} · mất / gone {} · sớm hơn / earlier {} · muộn hơn / later {} · khác / changed {} · như cũ / same {}",
        found.new.len(),
        found.gone.len(),
        found.earlier.len(),
        found.later.len(),
        found.changed.len(),
        found.same
    )?;
    for (sign, rows) in [("+", &found.new), ("−", &found.gone)] {
        for row in rows {
            line(sign, row, &mut out)?;
        }
    }
    for (sign, rows) in [
        ("<", &found.earlier),
        (">", &found.later),
        ("~", &found.changed),
    ] {
        for row in rows {
            writeln!(
                out,
                "{sign} {} {} … {} (trước / before: {})",
                row.entity,
                row.raised,
                row.cleared
                    .map_or("còn / open".to_owned(), |end| end.to_string()),
                row.raised_before
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(sign: &str, row: &Row, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{sign} {} {} … {} {} v{}",
        row.entity,
        row.raised,
        row.cleared
            .map_or("còn / open".to_owned(), |end| end.to_string()),
        severity_name(row.severity),
        row.version
    )
}

/// The episodes of a rule, live and on trial.
fn read(data: &Path, rule: &str) -> Result<(Vec<Row>, Vec<Row>)> {
    if !data.is_dir() {
        bail!(
            "{} is not a data folder: give the node's node.data_dir with --data",
            data.display()
        );
    }
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(data));
    let journal = ReadOnly::open_with(storage, journal_options(JournalName::Outcomes))
        .with_context(|| format!("cannot read the journal in {}", data.display()))?;
    let mut told = Told::default();
    let mut reader = journal.reader(journal.info().first_offset);
    while let Some(batch) = reader
        .next_blocking(None)
        .context("cannot read `outcomes`")?
    {
        for frame in batch.frames() {
            let kind = OutcomeKind::from_u8(frame.kind);
            if !matches!(kind, Some(OutcomeKind::Transition | OutcomeKind::Shadow))
                || frame.is_redacted()
            {
                continue;
            }
            match outcome::decode(frame.kind, frame.version, frame.payload) {
                Ok((_, Outcome::Transition(transition))) if transition.alert.rule == rule => {
                    told.transition(&transition, false);
                }
                Ok((_, Outcome::Shadow(transition))) if transition.alert.rule == rule => {
                    told.transition(&transition, true);
                }
                _ => {}
            }
        }
    }
    Ok((told.rows(None, None), told.shadow_rows(None, None)))
}
