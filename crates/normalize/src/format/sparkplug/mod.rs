//! Sparkplug B 3.0: `spBv1.0/{group}/{type}/{edge node}[/{device}]`, protobuf.
//!
//! A device is addressed as `{group}/{edge node}/{device}`, a node as `{group}/{edge node}`; fields of a profile are named
//! after metrics. Births and deaths give device states, births also values. A sequence gap, or data before a birth, makes
//! all that follows uncertain until the next birth: without it nobody knows what an alias stands for. We cannot ask for
//! one from here; [`Memory::pending_rebirth`] says who should be asked.

mod memory;
mod readings;
mod wire;

use std::io::Read;

use event::{EventFlags, Kind, Quality, RejectCode};

use super::{Options, Raw, RawField, Record, Records, Stamp, Subject, Wire};
use crate::catalogue::Profile;
use crate::fault::Fault;
use memory::{Node, Table};
use readings::Readings;
use wire::{Payload, Value};

pub(crate) use memory::{Before, Memory};

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {}

impl Plan {
    pub(crate) fn new(_options: &Options<'_>) -> Result<Self, String> {
        Ok(Self {})
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Birth,
    Data,
    Death,
    /// Commands, and states of host applications: for others.
    Other,
}

/// Whom a message is about.
struct Topic<'a> {
    kind: Type,
    /// `group/edge node`.
    node: String,
    device: Option<&'a str>,
}

impl Topic<'_> {
    fn address(&self) -> String {
        match self.device {
            Some(device) => format!("{}/{device}", self.node),
            None => self.node.clone(),
        }
    }
}

/// Longest `group/edge node`.
const NODE_NAME_MAX: usize = 512;

fn topic(text: &str) -> Result<Topic<'_>, Fault> {
    let levels: Vec<&str> = text.splitn(7, '/').collect();
    let unknown = || {
        let reason = "the topic is not of the form spBv1.0/{group}/{type}/{edge node}[/{device}]; correct the edge node";
        Fault::new(RejectCode::TopicUnknown, reason)
    };
    let (group, word, edge, device) = match *levels.as_slice() {
        ["spBv1.0", "STATE", _] => ("", "STATE", "", None),
        ["spBv1.0", group, word, edge] => (group, word, edge, None),
        ["spBv1.0", group, word, edge, device] => (group, word, edge, Some(device)),
        _ => return Err(unknown()),
    };
    let kind = match (word, device) {
        ("NBIRTH", None) | ("DBIRTH", Some(_)) => Type::Birth,
        ("NDATA", None) | ("DDATA", Some(_)) => Type::Data,
        ("NDEATH", None) | ("DDEATH", Some(_)) => Type::Death,
        ("NCMD", None) | ("DCMD", Some(_)) | ("STATE", None) => Type::Other,
        _ => return Err(unknown()),
    };
    let named =
        !group.is_empty() && !edge.is_empty() && device.is_none_or(|device| !device.is_empty());
    if kind != Type::Other && (!named || group.len() + edge.len() >= NODE_NAME_MAX) {
        return Err(unknown());
    }
    Ok(Topic {
        kind,
        node: format!("{group}/{edge}"),
        device,
    })
}

pub(crate) fn decode(
    wire: &Wire<'_>,
    _plan: &Plan,
    memory: &mut Memory,
    out: &mut Records,
) -> Result<(), Fault> {
    let topic = topic(wire.topic)?;
    if topic.kind == Type::Other {
        return Ok(());
    }
    if wire.payload.is_empty() {
        let reason = "the payload is empty; check the edge node";
        return Err(Fault::new(RejectCode::PayloadEmpty, reason));
    }
    let packed = wire::payload(wire.payload)?;
    let unpacked = match unpacked(&packed, wire.catalogue.limits.unpacked_bytes_max)? {
        Some(bytes) => bytes,
        None => return message(wire, &topic, memory, &packed, out),
    };
    let mut payload = wire::payload(&unpacked)?;
    // What is outside holds for what is inside.
    payload.timestamp = payload.timestamp.or(packed.timestamp);
    payload.sequence = packed.sequence.or(payload.sequence);
    message(wire, &topic, memory, &payload, out)
}

/// The inner payload of a compressed one, as the reference implementation writes them.
fn unpacked(payload: &Payload<'_>, bytes_max: usize) -> Result<Option<Vec<u8>>, Fault> {
    if payload.uuid != Some("SPBV1.0_COMPRESSED") {
        return Ok(None);
    }
    let algorithm = payload
        .metrics
        .iter()
        .find(|metric| metric.name == Some("algorithm"));
    let body = payload.body.unwrap_or_default();
    // One byte more than may be, to see that it is more.
    let limit = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut bytes = Vec::new();
    let read = match algorithm.and_then(|metric| metric.value) {
        Some(Value::Text("GZIP")) => flate2::read::GzDecoder::new(body)
            .take(limit)
            .read_to_end(&mut bytes),
        None | Some(Value::Text("DEFLATE")) => flate2::read::ZlibDecoder::new(body)
            .take(limit)
            .read_to_end(&mut bytes),
        Some(_) => {
            let reason = "the compressed Sparkplug payload names an algorithm that is not GZIP or DEFLATE; use one of them";
            return Err(Fault::new(RejectCode::CompressionInvalid, reason));
        }
    };
    if let Err(error) = read {
        let reason = format!(
            "the compressed Sparkplug payload cannot be unpacked ({error}); check the edge node"
        );
        return Err(Fault::new(RejectCode::CompressionInvalid, reason));
    }
    if bytes.len() > bytes_max {
        let reason =
            format!("the Sparkplug payload unpacks to more than {bytes_max} bytes; split it");
        return Err(Fault::new(RejectCode::UnpackedTooLarge, reason));
    }
    Ok(Some(bytes))
}

fn message(
    wire: &Wire<'_>,
    topic: &Topic<'_>,
    memory: &mut Memory,
    payload: &Payload<'_>,
    out: &mut Records,
) -> Result<(), Fault> {
    match topic.kind {
        Type::Birth => birth(wire, topic, memory, payload, out),
        Type::Data => data(wire, topic, memory, payload, out),
        Type::Death => death(wire, topic, memory, payload, out),
        Type::Other => Ok(()),
    }
}

fn birth(
    wire: &Wire<'_>,
    topic: &Topic<'_>,
    memory: &mut Memory,
    payload: &Payload<'_>,
    out: &mut Records,
) -> Result<(), Fault> {
    let table = Table::of(&payload.metrics)?;
    memory.room(&topic.node, topic.device, &table)?;
    let node = memory.admit(&topic.node)?;
    let (gap, sound) = match topic.device {
        None => {
            node.born(session(payload), payload.sequence, table);
            (false, true)
        }
        Some(device) => {
            let gap = node.step(payload.sequence);
            (gap, node.device_born(device, table)?.sound)
        }
    };
    let basis = basis(topic, payload, gap, sound);
    let mut readings = Readings::of(node, topic, payload)?;
    let address = topic.address();
    let device = wire.catalogue.by_address(&address);
    let profile = device
        .as_ref()
        .and_then(|device| wire.catalogue.profiles.get(device.profile));
    match profile {
        // A certificate lists everything; that nothing of it is wanted here is no mistake.
        Some(profile) => readings
            .list
            .retain(|reading| wanted(profile, &reading.fields)),
        // A node that only speaks for its devices need not be listed.
        None if readings.list.is_empty() => return Ok(()),
        None => {}
    }
    // Values first: of two statements of one instant the later is put a nanosecond off, and that may be the state.
    readings.push(&basis, out)?;
    out.push(online(&basis, true))
}

fn wanted(profile: &Profile, fields: &[RawField]) -> bool {
    fields.iter().any(|field| {
        let mut known = profile.fields.iter();
        known.any(|known| **known.from.as_ref().unwrap_or(&known.key) == *field.key)
    })
}

fn data(
    wire: &Wire<'_>,
    topic: &Topic<'_>,
    memory: &mut Memory,
    payload: &Payload<'_>,
    out: &mut Records,
) -> Result<(), Fault> {
    // Who is not listed and was never born has nothing that is worth remembering.
    let listed = || wire.catalogue.by_address(&topic.address()).is_some();
    let mut stranger = Node::default();
    let node = if memory.node(&topic.node).is_some() || listed() {
        &mut *memory.admit(&topic.node)?
    } else {
        &mut stranger
    };
    let gap = node.step(payload.sequence);
    let sound = match node.owner(topic.device) {
        Some(owner) if owner.alive => owner.sound,
        Some(_) | None => {
            node.rebirth = true;
            false
        }
    };
    let basis = basis(topic, payload, gap, sound);
    let readings = Readings::of(node, topic, payload)?;
    if let Some(alias) = readings.alias_unknown {
        node.rebirth = true;
        if readings.readable == 0 {
            let reason = format!(
                "alias {alias} of `{}` was named by no birth certificate; let the edge node `{}` send its births again",
                topic.address(),
                topic.node
            );
            return Err(Fault::new(RejectCode::AliasUnknown, reason));
        }
    }
    readings.push(&basis, out)
}

fn death(
    wire: &Wire<'_>,
    topic: &Topic<'_>,
    memory: &mut Memory,
    payload: &Payload<'_>,
    out: &mut Records,
) -> Result<(), Fault> {
    if let Some(device) = topic.device {
        let mut gap = false;
        if let Some(node) = memory.node(&topic.node) {
            gap = node.step(payload.sequence);
            node.device_died(device);
        }
        // A death says nothing that a gap could make uncertain.
        return out.push(online(&basis(topic, payload, gap, true), false));
    }
    let mut devices = Vec::new();
    if let Some(node) = memory.node(&topic.node) {
        let stale =
            matches!((node.session, session(payload)), (Some(now), Some(then)) if now != then);
        // The will of an earlier session may come after the birth of the next; and one death is enough.
        if stale || !node.own.alive && node.session.is_some() && node.devices.is_empty() {
            return Ok(());
        }
        devices = node.died();
    }
    let mut basis = basis(topic, payload, false, true);
    // The will was written when the session began: its time is not that of the death.
    basis.stamp = None;
    basis.sequence = None;
    let addresses = std::iter::once(topic.node.clone());
    let addresses = addresses.chain(
        devices
            .iter()
            .map(|device| format!("{}/{device}", topic.node)),
    );
    for address in addresses {
        if wire.catalogue.by_address(&address).is_some() {
            basis.subject = Subject::Address(address);
            out.push(online(&basis, false))?;
        }
    }
    Ok(())
}

fn session(payload: &Payload<'_>) -> Option<u64> {
    let metric = payload
        .metrics
        .iter()
        .find(|metric| metric.name == Some("bdSeq"))?;
    match metric.value? {
        Value::Int(number) => Some(u64::from(number)),
        Value::Long(number) => Some(number),
        Value::Float(_) | Value::Double(_) | Value::Boolean(_) | Value::Text(_) | Value::Other => {
            None
        }
    }
}

/// What all records of a message have in common.
fn basis(topic: &Topic<'_>, payload: &Payload<'_>, gap: bool, sound: bool) -> Record {
    Record {
        subject: Subject::Address(topic.address()),
        stamp: payload.timestamp.map(stamp),
        sequence: Some(payload.sequence.unwrap_or(0)),
        flags: if gap || !sound {
            EventFlags::SEQUENCE_GAP
        } else {
            EventFlags::default()
        },
        quality: if sound {
            Quality::GOOD
        } else {
            Quality::UNCERTAIN_SOURCE
        },
        ..Record::default()
    }
}

/// Milliseconds, as the standard says; other units by evidence.
fn stamp(number: u64) -> Stamp {
    Stamp::At(crate::time::from_whole(
        i64::try_from(number).unwrap_or(i64::MAX),
    ))
}

fn online(basis: &Record, alive: bool) -> Record {
    Record {
        kind: Some(Kind::State),
        fields: vec![RawField::new("online", Raw::Boolean(alive))],
        quality: Quality::GOOD,
        ..basis.clone()
    }
}

/// The type of message that a payload most likely is, where no topic says it: births and deaths of nodes carry `bdSeq`.
pub(crate) fn likely_type(payload: &[u8]) -> &'static str {
    let Ok(payload) = wire::payload(payload) else {
        return "NDATA";
    };
    match (session(&payload), payload.sequence, payload.metrics.len()) {
        (Some(_), None, 0..=1) => "NDEATH",
        (Some(_), _, _) => "NBIRTH",
        (None, _, _) => "NDATA",
    }
}

#[cfg(test)]
mod tests;
