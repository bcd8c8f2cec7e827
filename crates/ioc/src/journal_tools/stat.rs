//! `ioc journal stat` and `verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use event::Time;
use event::outcome::OutcomeKind;
use journal::inputs::{self, Kind};
use journal::{ClockKind, GapReason, JournalName, ReadOnly};
use serde::Serialize;

use crate::cli::{JournalArgs, Which};

/// Distinct clients are counted one by one up to here; a flood of random ids must not fill the memory.
const CLIENTS_MAX: usize = 1_000_000;

#[derive(Serialize)]
struct Stat {
    journal: &'static str,
    id: String,
    clock: &'static str,
    first_offset: u64,
    next_offset: u64,
    segments: usize,
    bytes: u64,
    records: u64,
    /// Records whose content was personal data and is zeros.
    redacted: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Time>,
    /// Records by kind.
    kinds: BTreeMap<&'static str, u64>,
    /// `inputs` only: message records by QoS and distinct (client, topic, payload) counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Messages>,
    missing: Vec<Missing>,
}

#[derive(Default, Serialize)]
struct Messages {
    total: u64,
    qos0: u64,
    qos1: u64,
    qos2: u64,
    dup: u64,
    retain: u64,
    will: u64,
    oversize: u64,
    clients: usize,
    payload_bytes: u64,
}

#[derive(Serialize)]
struct Missing {
    from_offset: u64,
    to_offset: u64,
    why: &'static str,
}

pub(super) fn stat(args: &JournalArgs, out: &mut impl Write) -> Result<ExitCode> {
    let journal = super::open(args)?;
    let stat = count(&journal, args)?;
    if args.json {
        serde_json::to_writer(&mut *out, &stat)?;
        writeln!(out)?;
    } else {
        print(&stat, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn count(journal: &ReadOnly, args: &JournalArgs) -> Result<Stat> {
    let info = journal.info();
    let inputs = args.journal == Which::Inputs;
    let mut stat = Stat {
        journal: if inputs { "inputs" } else { "outcomes" },
        id: event::JournalId(info.id.0).to_string(),
        clock: match info.clock_kind {
            ClockKind::Real => "real",
            ClockKind::Scenario => "scenario",
        },
        first_offset: info.first_offset,
        next_offset: info.next_offset,
        segments: info.segments,
        bytes: info.bytes,
        records: 0,
        redacted: 0,
        from: None,
        to: None,
        kinds: BTreeMap::new(),
        messages: inputs.then(Messages::default),
        missing: Vec::new(),
    };
    let mut clients = BTreeSet::new();
    let mut reader = journal.reader(args.from.unwrap_or(info.first_offset));
    while let Some(batch) = reader
        .next_blocking(None)
        .context("cannot read the journal")?
    {
        if let Some(gap) = batch.gap() {
            stat.missing.push(Missing {
                from_offset: gap.from,
                to_offset: gap.to,
                why: gap_reason(gap.reason),
            });
        }
        for frame in batch.frames() {
            stat.records += 1;
            stat.redacted += u64::from(frame.is_redacted());
            let time = Time(frame.stamp.journal_ns);
            stat.from.get_or_insert(time);
            stat.to = Some(time);
            let name = if inputs {
                input_kind(frame.kind)
            } else {
                outcome_kind(frame.kind)
            };
            *stat.kinds.entry(name).or_default() += 1;
            if let Some(messages) = &mut stat.messages
                && frame.kind == Kind::Message as u8
            {
                messages.add(frame.version, frame.payload, &mut clients)?;
            }
        }
    }
    if let Some(messages) = &mut stat.messages {
        messages.clients = clients.len();
    }
    Ok(stat)
}

impl Messages {
    fn add(&mut self, version: u8, payload: &[u8], clients: &mut BTreeSet<String>) -> Result<()> {
        let message =
            inputs::Message::decode(version, payload).context("cannot decode a message record")?;
        self.total += 1;
        match message.qos {
            0 => self.qos0 += 1,
            1 => self.qos1 += 1,
            _ => self.qos2 += 1,
        }
        self.dup += u64::from(message.dup);
        self.retain += u64::from(message.retain);
        self.will += u64::from(message.will);
        self.oversize += u64::from(message.oversize.is_some());
        self.payload_bytes += message.payload.len() as u64;
        if clients.len() < CLIENTS_MAX && !clients.contains(message.client_id) {
            clients.insert(message.client_id.to_owned());
        }
        Ok(())
    }
}

fn print(stat: &Stat, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "journal    {} {} ({} clock)",
        stat.journal, stat.id, stat.clock
    )?;
    writeln!(
        out,
        "offsets    {} to {} (next)",
        stat.first_offset, stat.next_offset
    )?;
    writeln!(
        out,
        "records    {} in {} segment(s), {} bytes on disk",
        stat.records, stat.segments, stat.bytes
    )?;
    if let (Some(from), Some(to)) = (stat.from, stat.to) {
        writeln!(out, "time       {from} to {to}")?;
    }
    for (kind, count) in &stat.kinds {
        writeln!(out, "  {kind:<15} {count}")?;
    }
    if let Some(messages) = &stat.messages {
        writeln!(
            out,
            "messages   {} (QoS 0: {}, QoS 1: {}, QoS 2: {}) from {} client(s), {} payload bytes",
            messages.total,
            messages.qos0,
            messages.qos1,
            messages.qos2,
            messages.clients,
            messages.payload_bytes
        )?;
        writeln!(
            out,
            "flags      DUP {}, RETAIN {}, will {}, over the size limit {}",
            messages.dup, messages.retain, messages.will, messages.oversize
        )?;
    }
    if stat.redacted > 0 {
        writeln!(
            out,
            "redacted   {} record(s) whose content was personal data",
            stat.redacted
        )?;
    }
    for missing in &stat.missing {
        writeln!(
            out,
            "MISSING    {} to {} (exclusive): {}",
            missing.from_offset, missing.to_offset, missing.why
        )?;
    }
    Ok(())
}

fn gap_reason(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Retention => "retention",
        GapReason::Damage => "damage",
    }
}

pub(super) fn verify(args: &JournalArgs, out: &mut impl Write) -> Result<ExitCode> {
    let journal = super::open(args)?;
    let report = journal.verify().context("cannot verify the journal")?;
    let lost = lost_at_the_end(args, &journal)?;
    let sound = report.damaged.is_empty() && lost == 0;
    if args.json {
        let damaged = report.damaged.iter().map(|damage| {
            serde_json::json!({"file": damage.file, "from_offset": damage.from_offset, "to_offset": damage.to_offset, "bytes": damage.bytes})
        });
        let answer = serde_json::json!({
            "sound": sound, "records": report.records, "damaged_records": report.damaged_records(), "segments": report.segments,
            "torn_bytes": report.torn_bytes, "lost_at_the_end": lost, "damaged": damaged.collect::<Vec<_>>(),
        });
        writeln!(out, "{answer}")?;
    } else {
        writeln!(
            out,
            "{} records in {} segment(s) read",
            report.records, report.segments
        )?;
        if lost > 0 {
            writeln!(
                out,
                "LOST       {lost} record(s) at the end that `outcomes` rests on; the node steps over them at its next start"
            )?;
        } else if report.torn_bytes > 0 {
            writeln!(
                out,
                "torn tail: {} bytes, never acknowledged; cut at the next start",
                report.torn_bytes
            )?;
        }
        for damage in &report.damaged {
            writeln!(
                out,
                "DAMAGED {}: records {} to {} (exclusive), {} bytes",
                damage.file, damage.from_offset, damage.to_offset, damage.bytes
            )?;
        }
        writeln!(
            out,
            "{}",
            if sound {
                "sound"
            } else {
                "damaged: restore these records from a backup, or from the sinks"
            }
        )?;
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Records beyond the end of `inputs` that `outcomes` already rests on: damage at the very end looks like an unfinished
/// write, and only the other journal knows better.
fn lost_at_the_end(args: &JournalArgs, inputs: &ReadOnly) -> Result<u64> {
    if args.journal != Which::Inputs {
        return Ok(0);
    }
    let outcomes = match super::open_named(&args.data, JournalName::Outcomes) {
        Ok(outcomes) => outcomes,
        // A folder with `inputs` alone: nothing to compare with.
        Err(_) => return Ok(0),
    };
    let next = outcomes.info().next_offset;
    let mut reader = outcomes.reader(next.saturating_sub(1).max(outcomes.info().first_offset));
    let mut known = 0;
    while let Some(batch) = reader
        .next_blocking(None)
        .context("cannot read `outcomes`")?
    {
        for frame in batch.frames() {
            let cause = event::outcome::decode_cause(frame.version, frame.payload)
                .context("cannot decode an outcome")?;
            known = known.max(cause.offset + 1);
        }
    }
    // The node may have gone on between the two looks.
    let now = super::open_named(&args.data, JournalName::Inputs)?
        .info()
        .next_offset;
    Ok(known.saturating_sub(now.max(inputs.info().next_offset)))
}

pub(super) fn input_kind(kind: u8) -> &'static str {
    Kind::try_from(kind).map_or("unknown", Kind::name)
}

pub(super) fn outcome_kind(kind: u8) -> &'static str {
    OutcomeKind::from_u8(kind).map_or("unknown", OutcomeKind::name)
}
