//! The quarantine over HTTP: what was refused, by reason and by device, one message with its bytes, and trying again.
//!
//! The console checks the request and owns the bounds; what answers is a [`QuarantineBackend`], called on a thread that may block.
//! Trying again is attributed as a command is: a typed name until accounts exist, and a reason.

mod answer;
mod form;

use event::{RejectCode, Text, Time};
use serde::{Deserialize, Serialize};

pub(crate) use answer::{Counter, adopt, one, overview, reprocess};

/// Answers for the quarantine. Each call may block.
pub trait QuarantineBackend: Send + Sync {
    fn overview(&self, filter: &QuarantineFilter) -> QuarantineOverview;

    /// One message by its offset in `inputs`; `None` when it is not in quarantine.
    fn one(&self, offset: u64) -> Result<Option<QuarantineItem>, QuarantineProblem>;

    /// Puts what the filter picks and is still to do into `inputs` once more; with `dry_run` only counts it. Returns when
    /// the records are durable.
    fn reprocess(&self, ask: &ReprocessAsk) -> Result<ReprocessAnswer, QuarantineProblem>;

    /// Writes a device into the site pack's folder, unless the pack would then not be accepted. In force after the next start.
    fn adopt(&self, ask: &AdoptAsk) -> Result<AdoptAnswer, QuarantineProblem>;
}

/// Which messages; a field that is absent picks all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarantineFilter {
    pub code: Option<RejectCode>,
    pub device: Option<String>,
    /// Came at or after.
    pub from: Option<Time>,
    /// Came before.
    pub to: Option<Time>,
    /// One message alone.
    pub offset: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineState {
    /// As it was refused.
    Pending,
    /// Asked to be tried again, not concluded yet.
    Queued,
    /// Tried again and refused again.
    Failed,
    /// Out of the quarantine: delivered as history, or found to be nothing new.
    Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineCounts {
    pub total: u64,
    /// What reprocessing may still deliver.
    pub to_do: u64,
    pub queued: u64,
    pub failed: u64,
    pub reprocessed: u64,
}

impl QuarantineCounts {
    pub fn add(&mut self, state: QuarantineState, to_do: bool) {
        self.total += 1;
        self.to_do += u64::from(to_do);
        match state {
            QuarantineState::Pending => {}
            QuarantineState::Queued => self.queued += 1,
            QuarantineState::Failed => self.failed += 1,
            QuarantineState::Done => self.reprocessed += 1,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineGroup {
    #[serde(flatten)]
    pub counts: QuarantineCounts,
    pub first: Option<Time>,
    pub last: Option<Time>,
    /// Offsets of the newest ones, newest first.
    pub samples: Vec<u64>,
}

impl QuarantineGroup {
    const SAMPLES_MAX: usize = 3;

    /// Messages are added in the order in which they came.
    pub fn add(&mut self, offset: u64, time: Time, state: QuarantineState, to_do: bool) {
        self.counts.add(state, to_do);
        self.first.get_or_insert(time);
        self.last = Some(time);
        self.samples.insert(0, offset);
        self.samples.truncate(Self::SAMPLES_MAX);
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuarantineReason {
    pub code: RejectCode,
    /// What it means and what to do.
    pub meaning: Text,
    /// Whether trying again can help at all.
    pub reprocessable: bool,
    #[serde(flatten)]
    pub group: QuarantineGroup,
}

impl QuarantineReason {
    pub fn new(code: RejectCode, reprocessable: bool) -> Self {
        Self {
            code,
            meaning: code.text(),
            reprocessable,
            group: QuarantineGroup::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineDevice {
    /// Id of the device in the topic, else the topic, else the client.
    pub device: String,
    /// The catalogue did not know it.
    pub unknown: bool,
    /// Whoever came after the bound of names.
    pub others: bool,
    #[serde(flatten)]
    pub group: QuarantineGroup,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QuarantineOverview {
    /// Outcomes below this one are in the figures.
    pub offset: u64,
    #[serde(flatten)]
    pub counts: QuarantineCounts,
    /// Older messages that left the index at its bound; their rejects are in the archive.
    pub forgotten: u64,
    pub reasons: Vec<QuarantineReason>,
    pub devices: Vec<QuarantineDevice>,
    /// Devices beyond those told here.
    pub devices_left_out: usize,
}

/// One refused message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuarantineItem {
    pub offset: u64,
    pub time: Time,
    pub state: QuarantineState,
    pub code: RejectCode,
    pub meaning: Text,
    /// The sentence of the refusal when it came.
    pub reason: String,
    pub reprocessable: bool,
    pub device: String,
    pub client: String,
    pub topic: String,
    pub payload_bytes: usize,
    /// The payload as text where it is UTF-8; with `payload_base64` absent for a message whose content was blanked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
    /// Only the beginning of the payload is here.
    pub payload_cut: bool,
    /// For a device that the catalogue does not know: what may be added to the site pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<AdoptProposal>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptProposal {
    pub profiles: Vec<ProfileProposal>,
    /// The entry for the best profile, as it would stand in `devices/adopted.toml`.
    pub snippet: String,
    /// The command that writes it.
    pub command: String,
    /// The pack is a folder of the node's: it can be written from here.
    pub writable: bool,
}

/// A device to be taken into the site pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptAsk {
    pub operator: String,
    pub device: String,
    pub profile: String,
    pub name: Text,
    /// Code of the commune or ward.
    pub area: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptAnswer {
    /// The entry that was written.
    pub snippet: String,
    /// The file of the site pack.
    pub file: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileProposal {
    pub profile: String,
    /// Keys of the payload that it knows, of how many.
    pub known: usize,
    pub keys: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReprocessAsk {
    pub filter: QuarantineFilter,
    pub operator: String,
    pub verified: bool,
    /// Why; goes into the journal.
    pub reason: String,
    pub dry_run: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReprocessAnswer {
    pub dry_run: bool,
    /// Picked by the filter and still to do.
    pub to_do: u64,
    /// Put into the journal by this request.
    pub queued: u64,
    /// To do and not put there by this request: its bound was reached, ask again.
    pub left: u64,
    /// Picked by the filter and not to be reprocessed: content blanked or cut, or no message.
    pub not_reprocessable: u64,
    /// Picked and done, or queued, before.
    pub done_before: u64,
    /// To do, but neither `inputs` nor `outcomes` has the bytes any more.
    pub gone: u64,
}

/// Why the backend cannot answer.
#[derive(Clone, Debug, PartialEq)]
pub struct QuarantineProblem {
    /// Nothing is wrong with the request: it may be repeated.
    pub later: bool,
    pub detail: Text,
}
