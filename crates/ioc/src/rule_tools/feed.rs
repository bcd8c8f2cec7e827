//! Where the records of a back-test come from: recorded traffic, the inputs journal of a node, its archive.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use archive::{Archive, ArchiveConfig};
use event::outcome::{self, Names, Outcome};
use event::{EventFlags, JournalId, Time};
use journal::inputs::{FrontDoor, Kind, MessageBody, MessagePrefix};
use journal::{DiskStorage, JournalName, ReadOnly, Stamp, Storage};
use serde::Serialize;

use super::lane::{Lane, frame};
use super::traffic::{self, BadLine, End, Lines};
use crate::store::journal_options;

/// From when to when records are folded (journal time); alerts are listed from `listed`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) from: Option<Time>,
    pub(super) to: Option<Time>,
}

impl Span {
    fn before(&self, journal_ns: i64) -> bool {
        self.from.is_some_and(|from| journal_ns < from.0)
    }

    fn after(&self, journal_ns: i64) -> bool {
        self.to.is_some_and(|to| journal_ns >= to.0)
    }
}

/// What went in.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct InputReport {
    pub(super) source: &'static str,
    /// Lines of recorded traffic, or records of journal and archive.
    pub(super) lines: u64,
    pub(super) messages: u64,
    pub(super) events: u64,
    pub(super) state: u64,
    pub(super) duplicates: u64,
    pub(super) rejects: u64,
    /// Lines that could not be read and were left out.
    pub(super) bad_lines: u64,
    pub(super) mistakes: Vec<BadLine>,
    /// The lines were not in the order of `received` and were sorted.
    pub(super) sorted: bool,
    /// Records that should be there and are not.
    pub(super) missing: u64,
    /// Journal time of the first and the last record.
    pub(super) first: Option<Time>,
    pub(super) last: Option<Time>,
}

impl InputReport {
    fn seen(&mut self, journal_ns: i64) {
        self.first.get_or_insert(Time(journal_ns));
        self.last = Some(Time(journal_ns));
    }
}

/// Recorded traffic. `lanes` makes them anew: a file that is out of order is begun again.
pub(super) fn traffic(
    path: &Path,
    span: Span,
    lanes: &dyn Fn() -> Vec<Lane>,
) -> Result<(Vec<Lane>, InputReport)> {
    let mut lanes_now = lanes();
    let mut report = InputReport::default();
    let lines = {
        let mut feeder = Feeder::new(span, &mut lanes_now, &mut report);
        traffic::read(path, &mut |message| feeder.message(message))?
    };
    let lines = match lines {
        End::All(lines) => lines,
        End::Disorder => {
            (lanes_now, report) = (lanes(), InputReport::default());
            let mut feeder = Feeder::new(span, &mut lanes_now, &mut report);
            traffic::read_sorted(path, &mut |message| feeder.message(message))?
        }
    };
    if let Some(to) = span.to {
        lanes_now.iter_mut().for_each(|lane| lane.idle_until(to));
    }
    let Lines {
        lines,
        bad,
        mistakes,
        sorted,
        ..
    } = lines;
    report = InputReport {
        source: "traffic",
        lines,
        bad_lines: bad,
        mistakes,
        sorted,
        ..report
    };
    Ok((lanes_now, report))
}

/// Makes of a line the record that the listener would have written.
struct Feeder<'a> {
    span: Span,
    lanes: &'a mut [Lane],
    report: &'a mut InputReport,
    offset: u64,
    client: String,
    prefix: MessagePrefix,
    payload: Vec<u8>,
}

impl<'a> Feeder<'a> {
    fn new(span: Span, lanes: &'a mut [Lane], report: &'a mut InputReport) -> Self {
        Self {
            span,
            lanes,
            report,
            offset: 0,
            client: String::new(),
            prefix: prefix(""),
            payload: Vec::new(),
        }
    }

    /// False once the end of the span is reached.
    fn message(&mut self, message: &traffic::Message<'_>) -> Result<bool> {
        let at = message.received.0;
        if self.span.after(at) {
            return Ok(false);
        }
        if self.span.before(at) {
            return Ok(true);
        }
        if self.client != message.client {
            self.client.clear();
            self.client.push_str(&message.client);
            self.prefix = prefix(&self.client);
        }
        self.payload.clear();
        let body = MessageBody {
            packet_id: 0,
            qos: 0,
            dup: false,
            retain: message.retain,
            will: false,
            oversize: None,
            properties: &[],
            topic: &message.topic,
            payload: &message.payload,
        };
        self.prefix.encode(&body, &mut self.payload);
        let stamp = Stamp {
            journal_ns: at,
            wall_ns: at,
        };
        self.offset += 1;
        let record = frame(Kind::Message, self.offset, stamp, &self.payload);
        for lane in &mut *self.lanes {
            lane.record(&record)?;
        }
        self.report.seen(at);
        Ok(true)
    }
}

fn prefix(client: &str) -> MessagePrefix {
    MessagePrefix::new(FrontDoor::Listener, 5, "", "", client, 0, 0)
}

/// What of a node's folder is replayed.
pub(super) struct Folder {
    /// Of `inputs`: part of every alert's id.
    journal: JournalId,
    inputs: Option<ReadOnly>,
    archive: Option<Archive>,
    outcomes: Option<ReadOnly>,
}

impl Folder {
    /// `archive`: none = as far as `inputs` does not reach back; true = the archive alone; false = `inputs` alone.
    pub(super) fn open(data: &Path, archive: Option<bool>) -> Result<Self> {
        if !data.is_dir() {
            bail!(
                "{} is not a data folder: give the node's node.data_dir with --data",
                data.display()
            );
        }
        let open = |name: JournalName| {
            let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(data));
            ReadOnly::open_with(storage, journal_options(name))
                .with_context(|| format!("cannot read the journal in {}", data.display()))
        };
        let inputs = match archive {
            // A folder may have outlived its journals.
            Some(true) => open(JournalName::Inputs).ok(),
            _ => Some(open(JournalName::Inputs)?),
        };
        let journal = inputs
            .as_ref()
            .map_or_else(JournalId::default, |inputs| JournalId(inputs.info().id.0));
        let inputs = inputs.filter(|_| archive != Some(true));
        let begins_late = inputs
            .as_ref()
            .is_some_and(|inputs| inputs.info().first_offset > 0);
        let folder = data.join("archive");
        let wanted = match archive {
            Some(wanted) => wanted,
            None => begins_late && folder.is_dir(),
        };
        let archive = wanted
            .then(|| {
                Archive::read_only(ArchiveConfig::default(), &folder)
                    .with_context(|| format!("cannot read the archive {}", folder.display()))
            })
            .transpose()?;
        // What the node concluded since it wrote its last file.
        let outcomes = (wanted && data.join("outcomes").is_dir())
            .then(|| open(JournalName::Outcomes))
            .transpose()?;
        Ok(Self {
            journal,
            inputs,
            archive,
            outcomes,
        })
    }

    pub(super) fn journal(&self) -> JournalId {
        self.journal
    }

    /// The pack of the last configuration that the node recorded.
    pub(super) fn pack_in_force(&self) -> Result<Option<Vec<u8>>> {
        let mut found = None;
        let Some(inputs) = &self.inputs else {
            return Ok(None);
        };
        let mut reader = inputs.reader(inputs.info().first_offset);
        while let Some(batch) = reader.next_blocking(None).context("cannot read `inputs`")? {
            for frame in batch.frames() {
                if frame.kind == Kind::Configuration as u8
                    && let Ok(record) =
                        journal::inputs::Configuration::decode(frame.version, frame.payload)
                {
                    found = Some(record.content.to_vec());
                }
            }
        }
        Ok(found)
    }

    pub(super) fn feed(&self, span: Span, lanes: &mut [Lane]) -> Result<InputReport> {
        let mut report = InputReport::default();
        let until = self
            .inputs
            .as_ref()
            .map_or(u64::MAX, |inputs| inputs.info().first_offset);
        if let Some(archive) = &self.archive {
            self.feed_archive(archive, until, span, lanes, &mut report)?;
        }
        if let Some(inputs) = &self.inputs {
            feed_inputs(inputs, span, lanes, &mut report)?;
        }
        report.source = match (&self.inputs, &self.archive) {
            (Some(_), None) => "journal",
            (Some(_), Some(_)) => "archive and journal",
            (None, _) => "archive",
        };
        Ok(report)
    }

    /// Outcomes of input records before `until`, by offset.
    fn feed_archive(
        &self,
        archive: &Archive,
        until: u64,
        span: Span,
        lanes: &mut [Lane],
        report: &mut InputReport,
    ) -> Result<()> {
        const END: u64 = i64::MAX as u64;
        let mut names = Names::default();
        if let Some(outcomes) = &self.outcomes {
            let covered = archive.covered(outcomes.info().id);
            let missing = archive.missing_records(None, 0, covered);
            let of = |(from, to): &(u64, u64)| to.saturating_sub(*from);
            report.missing += missing.iter().map(of).sum::<u64>();
        }
        for buffer in archive.records(None, 0, END) {
            let buffer = buffer.context("the archive could not be read to the end")?;
            for record in &buffer.records {
                let concluded = Concluded {
                    kind: record.kind,
                    version: record.version,
                    stamp: record.stamp,
                    payload: &record.payload,
                };
                if !concluded.again(&mut names, until, span, lanes, report)? {
                    return Ok(());
                }
            }
        }
        let Some(outcomes) = &self.outcomes else {
            return Ok(());
        };
        let mut reader = outcomes.reader(archive.covered(outcomes.info().id));
        while let Some(batch) = reader
            .next_blocking(None)
            .context("cannot read `outcomes`")?
        {
            for frame in batch.frames() {
                let concluded = Concluded {
                    kind: frame.kind,
                    version: frame.version,
                    stamp: frame.stamp,
                    payload: frame.payload,
                };
                if !frame.is_redacted()
                    && !concluded.again(&mut names, until, span, lanes, report)?
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn feed_inputs(
    inputs: &ReadOnly,
    span: Span,
    lanes: &mut [Lane],
    report: &mut InputReport,
) -> Result<()> {
    let first = inputs.info().first_offset;
    for lane in &mut *lanes {
        let redactions = inputs
            .redactions(first)
            .context("cannot read what `inputs` says of redactions")?;
        lane.set_redactions(redactions);
    }
    let mut reader = inputs.reader(first);
    while let Some(batch) = reader.next_blocking(None).context("cannot read `inputs`")? {
        if let Some(gap) = batch.gap() {
            report.missing += gap.to - gap.from;
            continue;
        }
        for record in batch.frames() {
            if span.after(record.stamp.journal_ns) {
                return Ok(());
            }
            if span.before(record.stamp.journal_ns) {
                continue;
            }
            report.lines += 1;
            report.seen(record.stamp.journal_ns);
            for lane in &mut *lanes {
                lane.record(&record)?;
            }
        }
    }
    Ok(())
}

/// A record of `outcomes` that a back-test begins again from.
struct Concluded<'a> {
    kind: u8,
    version: u8,
    stamp: Stamp,
    payload: &'a [u8],
}

impl Concluded<'_> {
    /// False once the end is reached.
    fn again(
        &self,
        names: &mut Names,
        until: u64,
        span: Span,
        lanes: &mut [Lane],
        report: &mut InputReport,
    ) -> Result<bool> {
        let at = self.stamp.journal_ns;
        if span.after(at) {
            return Ok(false);
        }
        if span.before(at) {
            return Ok(true);
        }
        let Ok((cause, outcome)) =
            outcome::decode_interned(names, self.kind, self.version, self.payload)
        else {
            report.missing += 1;
            return Ok(true);
        };
        if cause.offset >= until {
            return Ok(false);
        }
        report.lines += 1;
        report.seen(at);
        let record = |kind, payload| frame(kind, cause.offset, self.stamp, payload);
        let copy = match &outcome {
            Outcome::Event(event) => {
                // Derived measures are derived again.
                if !event.flags.has(EventFlags::DERIVED) {
                    for lane in &mut *lanes {
                        lane.event(&record(Kind::Message, &[]), event.clone())?;
                    }
                    report.messages += u64::from(cause.index == 0);
                }
                return Ok(true);
            }
            Outcome::CommandCopy(bytes) => record(Kind::Command, bytes),
            Outcome::ClockCopy(bytes) => record(Kind::Clock, bytes),
            Outcome::ConfigurationCopy(bytes) => record(Kind::Configuration, bytes),
            Outcome::NodeCopy(bytes) => record(Kind::Node, bytes),
            Outcome::Reject(_)
            | Outcome::Transition(_)
            | Outcome::Verdict(_)
            | Outcome::OutletCopy(_)
            | Outcome::Reprocessed(_)
            | Outcome::Shadow(_)
            | Outcome::Suppression(_)
            | Outcome::Incident(_)
            | Outcome::PublicWarning(_) => return Ok(true),
        };
        for lane in lanes {
            lane.record(&copy)?;
        }
        Ok(true)
    }
}
