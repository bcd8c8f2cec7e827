//! What lies in quarantine: one short entry a refused message, folded from `outcomes`. It holds no payload and no reason; those
//! are read from the journal when somebody looks.
//!
//! Owner: the node's [`super::Shelf`], or a tool. Bounds: [`ENTRIES_MAX`] messages (32 bytes each), of which the oldest leave first and
//! are counted as forgotten; [`DEVICES_MAX`] names of devices, beyond which one is "others".

use std::collections::{BTreeMap, HashMap, VecDeque};

use console::{
    QuarantineDevice, QuarantineFilter, QuarantineOverview, QuarantineReason, QuarantineState,
};
use event::outcome::{self, Outcome, OutcomeKind};
use event::{RejectCode, ReprocessResult, Time};
use journal::Frame;

/// 8 MiB.
pub(crate) const ENTRIES_MAX: usize = 262_144;
const DEVICES_MAX: usize = 16_384;
const DEVICE_CHARS_MAX: usize = 128;
/// The device of whoever came after the bound.
const OTHERS: u32 = 0;
/// Devices told in one answer, those with most to do first.
const DEVICES_TOLD_MAX: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Of the message in `inputs`.
    pub(crate) offset: u64,
    /// Of its reject in `outcomes`.
    pub(crate) outcome: u64,
    /// Journal time at which the message came.
    pub(crate) time: Time,
    device: u32,
    pub(crate) code: RejectCode,
    pub(crate) state: QuarantineState,
}

impl Entry {
    /// A message that reprocessing may still deliver.
    pub(crate) fn is_to_do(&self) -> bool {
        matches!(
            self.state,
            QuarantineState::Pending | QuarantineState::Failed
        ) && is_reprocessable(self.code)
    }
}

/// Of the others the bytes are not there (blanked, cut), or there was no message.
pub(crate) const fn is_reprocessable(code: RejectCode) -> bool {
    !matches!(
        code,
        RejectCode::PersonalData
            | RejectCode::SinkRefused
            | RejectCode::RecordUnreadable
            | RejectCode::PayloadTooLarge
            | RejectCode::ConfigurationInvalid
    )
}

pub(crate) struct Index {
    /// Ascending by offset: `outcomes` follow the order of their causes.
    entries: VecDeque<Entry>,
    names: Vec<Box<str>>,
    by_name: HashMap<Box<str>, u32>,
    next: u64,
    forgotten: u64,
    /// One past the input record of the newest outcome.
    caused: u64,
    /// Input record of the newest conclusion on reprocessing: a reject in its group is no new message.
    concluded: Option<u64>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            names: vec!["".into()],
            by_name: HashMap::new(),
            next: 0,
            forgotten: 0,
            caused: 0,
            concluded: None,
        }
    }
}

impl Index {
    /// Input records below this one are concluded.
    pub(crate) fn caused(&self) -> u64 {
        self.caused
    }

    /// Takes one outcome. One that cannot be read (blanked, or of a newer release) is passed over: the index is a help for
    /// people, the journal is what counts.
    pub(crate) fn apply(&mut self, frame: &Frame<'_>) {
        self.next = frame.offset + 1;
        if let Ok(cause) = outcome::decode_cause(frame.version, frame.payload) {
            self.caused = self.caused.max(cause.offset + 1);
        }
        let wanted = [OutcomeKind::Reject as u8, OutcomeKind::Reprocessed as u8];
        if frame.is_redacted() || !wanted.contains(&frame.kind) {
            return;
        }
        match outcome::decode(frame.kind, frame.version, frame.payload) {
            Ok((cause, Outcome::Reject(reject))) if self.concluded != Some(cause.offset) => {
                // One message, one entry: what else was wrong with it is in its reasons.
                if self.entries.back().map(|entry| entry.offset) == Some(cause.offset) {
                    return;
                }
                let entry = Entry {
                    offset: cause.offset,
                    outcome: frame.offset,
                    time: Time(frame.stamp.journal_ns),
                    device: self.intern(device_of(&reject.topic, &reject.client)),
                    code: reject.code,
                    state: QuarantineState::Pending,
                };
                if self.entries.len() == ENTRIES_MAX {
                    self.entries.pop_front();
                    self.forgotten += 1;
                }
                self.entries.push_back(entry);
            }
            Ok((cause, Outcome::Reprocessed(done))) => {
                self.concluded = Some(cause.offset);
                let Some(entry) = self.entry_mut(done.original) else {
                    return;
                };
                match done.result {
                    ReprocessResult::Failed { code, .. } => {
                        (entry.state, entry.code) = (QuarantineState::Failed, code);
                    }
                    ReprocessResult::Delivered { .. }
                    | ReprocessResult::Nothing
                    | ReprocessResult::Already => entry.state = QuarantineState::Done,
                }
            }
            Ok(_) | Err(_) => {}
        }
    }

    fn entry_mut(&mut self, offset: u64) -> Option<&mut Entry> {
        let at = self
            .entries
            .binary_search_by_key(&offset, |entry| entry.offset)
            .ok()?;
        self.entries.get_mut(at)
    }

    pub(crate) fn entry(&self, offset: u64) -> Option<Entry> {
        let at = self
            .entries
            .binary_search_by_key(&offset, |entry| entry.offset)
            .ok()?;
        self.entries.get(at).copied()
    }

    /// Told before the records are in the journal, so that nobody asks for the same twice.
    pub(crate) fn set_state(&mut self, offset: u64, state: QuarantineState) {
        if let Some(entry) = self.entry_mut(offset) {
            entry.state = state;
        }
    }

    pub(crate) fn device(&self, entry: &Entry) -> &str {
        self.names
            .get(entry.device as usize)
            .map_or("", |name| &**name)
    }

    /// What the filter picks, oldest first.
    pub(crate) fn picked<'a>(
        &'a self,
        filter: &'a QuarantineFilter,
    ) -> impl Iterator<Item = &'a Entry> + 'a {
        let device = filter.device.as_deref();
        let device = device.map(|device| self.by_name.get(device).copied());
        self.entries.iter().filter(move |entry| {
            filter.code.is_none_or(|code| code == entry.code)
                && device.is_none_or(|device| device == Some(entry.device))
                && filter.from.is_none_or(|from| from <= entry.time)
                && filter.to.is_none_or(|to| entry.time < to)
                && filter.offset.is_none_or(|offset| offset == entry.offset)
        })
    }

    pub(crate) fn overview(&self, filter: &QuarantineFilter) -> QuarantineOverview {
        let mut all = QuarantineOverview {
            offset: self.next,
            forgotten: self.forgotten,
            ..QuarantineOverview::default()
        };
        let mut reasons: BTreeMap<RejectCode, QuarantineReason> = BTreeMap::new();
        let mut devices: HashMap<u32, QuarantineDevice> = HashMap::new();
        for entry in self.picked(filter) {
            all.counts.add(entry.state, entry.is_to_do());
            let reason = reasons
                .entry(entry.code)
                .or_insert_with(|| QuarantineReason::new(entry.code, is_reprocessable(entry.code)));
            reason
                .group
                .add(entry.offset, entry.time, entry.state, entry.is_to_do());
            let device = devices
                .entry(entry.device)
                .or_insert_with(|| QuarantineDevice {
                    device: self.device(entry).to_owned(),
                    unknown: false,
                    others: entry.device == OTHERS,
                    group: console::QuarantineGroup::default(),
                });
            device.unknown |= entry.code == RejectCode::DeviceUnknown;
            device
                .group
                .add(entry.offset, entry.time, entry.state, entry.is_to_do());
        }
        all.reasons = reasons.into_values().collect();
        all.reasons.sort_by_key(|reason| {
            std::cmp::Reverse((reason.group.counts.to_do, reason.group.last))
        });
        all.devices = devices.into_values().collect();
        all.devices.sort_by(|a, b| {
            let key = |device: &QuarantineDevice| (device.group.counts.to_do, device.group.last);
            key(b).cmp(&key(a)).then_with(|| a.device.cmp(&b.device))
        });
        all.devices_left_out = all.devices.len().saturating_sub(DEVICES_TOLD_MAX);
        all.devices.truncate(DEVICES_TOLD_MAX);
        all
    }

    fn intern(&mut self, name: &str) -> u32 {
        if let Some(number) = self.by_name.get(name) {
            return *number;
        }
        let Ok(number) = u32::try_from(self.names.len()) else {
            return OTHERS;
        };
        if self.names.len() > DEVICES_MAX {
            return OTHERS;
        }
        let name: Box<str> = name.into();
        self.names.push(name.clone());
        self.by_name.insert(name, number);
        number
    }
}

/// The device in `ioc/{site}/{stream}/{device}/…`, else the whole topic; without a topic whoever sent it.
fn device_of<'a>(topic: &'a str, client: &'a str) -> &'a str {
    let parts: Vec<&str> = topic.splitn(5, '/').collect();
    let name = match parts.as_slice() {
        ["ioc", _, _, device, _] if !device.is_empty() => device,
        _ if topic.is_empty() => client,
        _ => topic,
    };
    match name.char_indices().nth(DEVICE_CHARS_MAX) {
        Some((end, _)) => name.get(..end).unwrap_or(name),
        None => name,
    }
}

#[cfg(test)]
mod tests;
