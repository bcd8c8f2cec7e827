//! Looking into the evidence store without writing, also beside a running node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result};
use event::{Transition, Value};
use journal::Storage;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::format::{self, FrameState, Head, Header, KeptFrame, Kind, Life};
use super::store::{list, path, read_whole, records};

/// Transitions of one alert that are explained, and steps of its life: the newest.
const RECORDS_MAX: usize = 256;
const LIFE_MAX: usize = 4_096;

/// What the store holds of one alert.
#[derive(Default)]
pub(super) struct Found {
    /// In order.
    pub(super) records: Vec<Record>,
    pub(super) life: Vec<Life>,
    /// What cannot be read, with where it is.
    pub(super) damaged: Vec<String>,
}

pub(super) struct Record {
    pub(super) head: Head,
    /// The bytes of the transition as it stood in `outcomes`.
    pub(super) text: Vec<u8>,
    pub(super) transition: Transition,
    pub(super) pack: Option<Arc<Vec<u8>>>,
    pub(super) frames: Vec<Frame>,
}

pub(super) struct Frame {
    pub(super) offset: u64,
    pub(super) state: FrameState,
    /// As the record that names it says.
    pub(super) sha256: Option<String>,
    /// Digest of what is there now.
    pub(super) found_sha256: Option<String>,
    pub(super) kept: Option<KeptFrame>,
}

/// Everything kept of an alert.
pub(super) fn find(storage: &dyn Storage, alert: &str) -> Result<Found> {
    let key = format::key_of(alert.as_bytes());
    let mut found = Found::default();
    let mut packs: BTreeMap<String, Arc<Vec<u8>>> = BTreeMap::new();
    for number in list(storage).context("cannot list the evidence")? {
        let bytes = match read_whole(storage, number) {
            Ok(bytes) => bytes,
            // The oldest goes while we look.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path(number)));
            }
        };
        segment(&bytes, number, (alert, key), &mut found, &mut packs);
    }
    found.records.sort_by_key(|record| record.head.outcome);
    found.records.dedup_by_key(|record| record.head.outcome);
    let surplus = found.records.len().saturating_sub(RECORDS_MAX);
    found.records.drain(..surplus);
    found.life.sort();
    found.life.dedup();
    let surplus = found.life.len().saturating_sub(LIFE_MAX);
    found.life.drain(..surplus);
    Ok(found)
}

fn segment(
    bytes: &[u8],
    number: u32,
    (alert, key): (&str, u64),
    found: &mut Found,
    packs: &mut BTreeMap<String, Arc<Vec<u8>>>,
) {
    let damaged = |at: usize, what: &str| format!("{} at byte {at}: {what}", path(number));
    let mut heads = Vec::new();
    for (at, header, payload) in records(bytes) {
        if header.key != key || !matches!(header.kind, Kind::Evidence | Kind::Life) {
            continue;
        }
        if !header.holds(payload) {
            found.damaged.push(damaged(at, "the checksum is wrong"));
            continue;
        }
        if header.kind == Kind::Life {
            match serde_json::from_slice::<Life>(payload) {
                Ok(life) if life.alert == alert => found.life.push(life),
                Ok(_) => {}
                Err(error) => found.damaged.push(damaged(at, &error.to_string())),
            }
            continue;
        }
        match Head::from_bytes(payload) {
            Some((head, text)) if head.alert == alert => heads.push((at, head, text.to_vec())),
            Some(_) => {}
            None => found.damaged.push(damaged(at, "the record cannot be read")),
        }
    }
    if heads.is_empty() {
        return;
    }
    let offsets: BTreeSet<u64> = heads
        .iter()
        .flat_map(|(_, head, _)| head.frames.iter().map(|frame| frame.offset))
        .collect();
    let mut frames: BTreeMap<u64, (Header, &[u8])> = BTreeMap::new();
    for (at, header, payload) in records(bytes) {
        if header.kind == Kind::Frame && offsets.contains(&header.key) {
            if !header.blanked && !header.holds(payload) {
                found.damaged.push(damaged(at, "the checksum is wrong"));
            } else {
                frames.insert(header.key, (header, payload));
            }
        }
        if header.kind == Kind::Pack
            && let Some((digest, pack)) = payload.split_first_chunk::<32>()
        {
            if header.holds(payload) {
                let pack = Arc::new(pack.to_vec());
                packs.insert(format::hex(digest), pack);
            } else {
                found.damaged.push(damaged(at, "the checksum is wrong"));
            }
        }
    }
    for (at, head, text) in heads {
        match exact(&text) {
            Ok(transition) => found.records.push(Record {
                pack: head.pack.as_ref().and_then(|pack| packs.get(pack).cloned()),
                frames: head.frames.iter().map(|frame| of(frame, &frames)).collect(),
                transition,
                text,
                head,
            }),
            Err(error) => found.damaged.push(damaged(at, &error.to_string())),
        }
    }
}

fn of(named: &format::FrameRef, frames: &BTreeMap<u64, (Header, &[u8])>) -> Frame {
    let mut frame = Frame {
        offset: named.offset,
        state: named.state,
        sha256: named.sha256.clone(),
        found_sha256: None,
        kept: None,
    };
    match frames.get(&named.offset) {
        Some((header, _)) if header.blanked => frame.state = FrameState::Blanked,
        Some((_, payload)) if named.state == FrameState::Kept => {
            frame.found_sha256 = Some(format::hex(&format::sha256(payload)));
            frame.kept = KeptFrame::from_bytes(payload);
        }
        Some(_) | None => {}
    }
    frame
}

/// The numbers of a transition as they are written.
#[derive(Deserialize)]
struct Numbers<'a> {
    #[serde(borrow)]
    alert: AlertNumbers<'a>,
}

#[derive(Deserialize)]
struct AlertNumbers<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    evidence: EvidenceNumbers<'a>,
}

#[derive(Deserialize)]
struct EvidenceNumbers<'a> {
    #[serde(borrow)]
    values: Vec<ValueNumber<'a>>,
    #[serde(borrow, default)]
    windows: Vec<WindowNumbers<'a>>,
}

#[derive(Deserialize)]
struct ValueNumber<'a> {
    #[serde(borrow)]
    value: MaybeNumber<'a>,
}

#[derive(Deserialize)]
struct MaybeNumber<'a> {
    #[serde(borrow, default)]
    number: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WindowNumbers<'a> {
    #[serde(borrow)]
    samples: Vec<(event::Time, &'a RawValue, u64)>,
}

/// Reads a transition with its numbers bit for bit: the JSON reader may be off by the last bit, the writer is not.
pub(super) fn exact(text: &[u8]) -> Result<Transition, serde_json::Error> {
    let mut transition: Transition = serde_json::from_slice(text)?;
    let numbers: Numbers<'_> = serde_json::from_slice(text)?;
    let read = |raw: &RawValue| raw.get().parse::<f64>().ok();
    let alert = &mut transition.alert;
    if let Some(value) = numbers.alert.value.and_then(read) {
        alert.value = Some(value);
    }
    let evidence = numbers.alert.evidence;
    for (value, number) in alert.evidence.values.iter_mut().zip(&evidence.values) {
        if let Some(number) = number.value.number.and_then(read) {
            value.value = Value::Number(number);
        }
    }
    for (window, numbers) in alert.evidence.windows.iter_mut().zip(&evidence.windows) {
        for (sample, (_, number, _)) in window.samples.iter_mut().zip(&numbers.samples) {
            if let Some(number) = read(number) {
                sample.1 = number;
            }
        }
    }
    Ok(transition)
}
