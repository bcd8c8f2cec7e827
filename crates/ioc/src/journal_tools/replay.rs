//! `ioc journal replay`: folds `inputs` again and compares every outcome, byte for byte.

use std::collections::VecDeque;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use event::JournalId;
use event::outcome::{self, OutcomeKind};
use journal::{Frame, Gap, JournalName, ReadOnly, Reader, Snapshots, Stamp};

use crate::cli::JournalArgs;
use crate::monitor::fold::Fold;

/// One outcome as the fold gives it now.
struct Expected {
    kind: OutcomeKind,
    stamp: Stamp,
    payload: Vec<u8>,
}

/// One outcome as it is in the journal.
struct Found {
    offset: u64,
    kind: u8,
    version: u8,
    stamp: Stamp,
    /// Its content is zeros: only what it rests on can be compared.
    redacted: bool,
    payload: Vec<u8>,
}

/// `outcomes`, one after the other.
struct Written {
    reader: Reader,
    ahead: VecDeque<Found>,
}

#[derive(Default)]
struct Totals {
    inputs: u64,
    outcomes: u64,
    /// Concluded now, not yet in `outcomes`: the node was killed before it wrote them and will at its next start.
    to_come: u64,
}

pub(super) fn replay(args: &JournalArgs, out: &mut impl Write) -> Result<ExitCode> {
    let inputs = super::open_named(&args.data, JournalName::Inputs)?;
    let mut fold = start(args, &inputs)?;
    let redactions = inputs
        .redactions(fold.next_input())
        .context("cannot read what `inputs` says of redactions")?;
    let outcomes = super::open_outcomes(&args.data, super::redacted_outcomes(&redactions))?;
    fold.set_redactions(redactions);
    let mut written = Written::from(&outcomes, fold.next_input())?;
    let mut totals = Totals::default();
    let mut reader = inputs.reader(fold.next_input());
    while let Some(batch) = reader.next_blocking(None).context("cannot read `inputs`")? {
        if let Some(gap) = batch.gap() {
            return missing(args, out, gap, &totals);
        }
        for frame in batch.frames() {
            totals.inputs += 1;
            if let Some(difference) = compare(&mut fold, &frame, &mut written, &mut totals)? {
                return differs(args, out, frame.offset, &difference);
            }
        }
    }
    if let Some(found) = written.next()? {
        let difference = format!(
            "outcome {} rests on an input record that is not there",
            found.offset
        );
        return differs(args, out, fold.next_input(), &difference);
    }
    if args.json {
        let answer = serde_json::json!({
            "identical": true, "inputs": totals.inputs, "outcomes": totals.outcomes, "to_come": totals.to_come,
        });
        writeln!(out, "{answer}")?;
    } else {
        writeln!(
            out,
            "{} input records folded, {} outcomes identical",
            totals.inputs, totals.outcomes
        )?;
        if totals.to_come > 0 {
            writeln!(
                out,
                "{} outcome(s) not written yet: the node writes them at its next start",
                totals.to_come
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn differs(
    args: &JournalArgs,
    out: &mut impl Write,
    offset: u64,
    difference: &str,
) -> Result<ExitCode> {
    if args.json {
        let answer = serde_json::json!({"identical": false, "input_offset": offset, "difference": difference});
        writeln!(out, "{answer}")?;
    } else {
        writeln!(out, "DIFFERENT at input record {}: {difference}", offset)?;
    }
    Ok(ExitCode::FAILURE)
}

/// Without these records nothing after them can be compared: they may have changed the state.
fn missing(
    args: &JournalArgs,
    out: &mut impl Write,
    gap: &Gap,
    totals: &Totals,
) -> Result<ExitCode> {
    if args.json {
        let answer = serde_json::json!({
            "identical": false, "inputs": totals.inputs, "outcomes": totals.outcomes, "missing": {"from": gap.from, "to": gap.to},
        });
        writeln!(out, "{answer}")?;
    } else {
        writeln!(
            out,
            "input records {} to {} (exclusive) are missing: {} outcomes before them are identical, nothing after them can be \
             compared; `ioc journal verify` says why",
            gap.from, gap.to, totals.outcomes
        )?;
    }
    Ok(ExitCode::FAILURE)
}

/// From the beginning where `inputs` has it, else from the oldest snapshot.
fn start(args: &JournalArgs, inputs: &ReadOnly) -> Result<Fold> {
    let info = inputs.info();
    let id = JournalId(info.id.0);
    let from = args.from.unwrap_or(info.first_offset);
    if info.first_offset == 0 && from == 0 {
        return Ok(Fold::new(id));
    }
    let snapshots =
        Snapshots::open(super::storage(&args.data)?).context("cannot open the snapshots")?;
    let usable = snapshots.load_all().context("cannot read the snapshots")?;
    let best = usable
        .into_iter()
        .filter(|(meta, _)| {
            meta.journal == info.id
                && meta.inputs_next >= info.first_offset
                && meta.inputs_next <= from.max(info.first_offset)
        })
        .max_by_key(|(meta, _)| meta.inputs_next);
    match best {
        Some((meta, bytes)) => Fold::restore(id, meta.format, meta.inputs_next, &bytes)
            .context("cannot restore the snapshot"),
        None if info.first_offset == 0 => Ok(Fold::new(id)),
        None => bail!(
            "`inputs` begins at record {} and no snapshot covers what went before",
            info.first_offset
        ),
    }
}

/// The first difference in what one input record gives, in words.
fn compare(
    fold: &mut Fold,
    frame: &Frame<'_>,
    written: &mut Written,
    totals: &mut Totals,
) -> Result<Option<String>> {
    let mut expected = Vec::new();
    fold.step(frame, &mut |_, kind, write| {
        let mut payload = Vec::new();
        write(&mut payload)?;
        expected.push(Expected {
            kind,
            stamp: frame.stamp,
            payload,
        });
        Ok(())
    })
    .context("cannot encode an outcome")?;
    for (index, expected) in expected.iter().enumerate() {
        let Some(found) = written.next()? else {
            totals.to_come += 1;
            continue;
        };
        totals.outcomes += 1;
        let difference = difference(index, expected, &found);
        if difference.is_some() {
            return Ok(difference);
        }
    }
    Ok(None)
}

fn difference(index: usize, expected: &Expected, found: &Found) -> Option<String> {
    let place = format!("outcome {} (its {index}. conclusion)", found.offset);
    if found.kind != expected.kind as u8 {
        return Some(format!(
            "{place} is of kind {}, the fold gives {}",
            found.kind, expected.kind as u8
        ));
    }
    if found.stamp != expected.stamp {
        return Some(format!("{place} carries other times than its cause"));
    }
    if found.redacted {
        let rests_on = |payload: &[u8]| outcome::decode_cause(found.version, payload).ok();
        return (rests_on(&found.payload) != rests_on(&expected.payload))
            .then(|| format!("{place} (redacted) rests on another input record"));
    }
    let at = found
        .payload
        .iter()
        .zip(&expected.payload)
        .position(|(left, right)| left != right);
    match at {
        Some(at) => Some(format!("{place} differs at byte {at}")),
        None if found.payload.len() != expected.payload.len() => Some(format!(
            "{place} is {} bytes long, the fold gives {}",
            found.payload.len(),
            expected.payload.len()
        )),
        None => None,
    }
}

impl Written {
    /// Positioned at the first outcome that rests on an input record at or after `input`.
    fn from(outcomes: &ReadOnly, input: u64) -> Result<Self> {
        let mut written = Self {
            reader: outcomes.reader(outcomes.info().first_offset),
            ahead: VecDeque::new(),
        };
        while let Some(found) = written.next()? {
            let before = outcome::decode_cause(found.version, &found.payload)
                .is_ok_and(|cause| cause.offset < input);
            if !before {
                written.ahead.push_front(found);
                break;
            }
        }
        Ok(written)
    }

    fn next(&mut self) -> Result<Option<Found>> {
        while self.ahead.is_empty() {
            let Some(batch) = self
                .reader
                .next_blocking(None)
                .context("cannot read `outcomes`")?
            else {
                return Ok(None);
            };
            self.ahead.extend(batch.frames().map(|frame| Found {
                offset: frame.offset,
                kind: frame.kind,
                version: frame.version,
                stamp: frame.stamp,
                redacted: frame.is_redacted(),
                payload: frame.payload.to_vec(),
            }));
        }
        Ok(self.ahead.pop_front())
    }
}
