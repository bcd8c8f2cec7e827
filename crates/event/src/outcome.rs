//! The records of `outcomes`: kinds, cause, and their binary form.
//!
//! Every payload begins with its [`Cause`]; what follows depends on the kind. Integers are LEB128 varints (signed ones in
//! zigzag), `f64` and the bare times little-endian, texts a varint length and UTF-8. Encoding is a function of its
//! arguments alone, so that a replay gives the same bytes. Decoding is strict: a byte too many, a number too long or a
//! value that is not finite is an error, never a guess.
//!
//! Alert transitions, verdicts and conclusions on reprocessing are JSON behind the cause: they are rare, wide, and read by people.

mod blank;
mod codes;
mod record;
mod view;
mod wire;

use thiserror::Error;

use crate::{
    Event, Incident, Name, PublicWarning, Reject, Reprocessed, SuppressionChange, Transition,
    Verdict,
};

pub use blank::blank;
pub use record::Names;
pub use view::{EventView, MeasuredView, PlaceView, ValueView};

/// Version of the payloads that this release writes; it reads this one and every older.
pub const VERSION: u8 = 1;

/// Kind byte of a frame in `outcomes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OutcomeKind {
    Event = 1,
    Reject = 2,
    Transition = 3,
    Verdict = 4,
    CommandCopy = 5,
    ClockCopy = 6,
    ConfigurationCopy = 7,
    NodeCopy = 8,
    /// What an outlet reported: a record it refused without its bytes, or a range it lost.
    OutletCopy = 9,
    /// What became of a message out of the quarantine.
    Reprocessed = 10,
    /// What a rule on trial would have told; no alert.
    Shadow = 11,
    /// A maintenance window or something out of service: ordered, begun, ended.
    Suppression = 12,
    /// An incident as it is now.
    Incident = 13,
    /// A warning to the public: proposed, released, rejected, over.
    PublicWarning = 14,
}

impl OutcomeKind {
    pub const ALL: [Self; 14] = [
        Self::Event,
        Self::Reject,
        Self::Transition,
        Self::Verdict,
        Self::CommandCopy,
        Self::ClockCopy,
        Self::ConfigurationCopy,
        Self::NodeCopy,
        Self::OutletCopy,
        Self::Reprocessed,
        Self::Shadow,
        Self::Suppression,
        Self::Incident,
        Self::PublicWarning,
    ];

    pub const fn from_u8(kind: u8) -> Option<Self> {
        Some(match kind {
            1 => Self::Event,
            2 => Self::Reject,
            3 => Self::Transition,
            4 => Self::Verdict,
            5 => Self::CommandCopy,
            6 => Self::ClockCopy,
            7 => Self::ConfigurationCopy,
            8 => Self::NodeCopy,
            9 => Self::OutletCopy,
            10 => Self::Reprocessed,
            11 => Self::Shadow,
            12 => Self::Suppression,
            13 => Self::Incident,
            14 => Self::PublicWarning,
            _ => return None,
        })
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Reject => "reject",
            Self::Transition => "transition",
            Self::Verdict => "verdict",
            Self::CommandCopy => "command_copy",
            Self::ClockCopy => "clock_copy",
            Self::ConfigurationCopy => "configuration_copy",
            Self::NodeCopy => "node_copy",
            Self::OutletCopy => "outlet_copy",
            Self::Reprocessed => "reprocessed",
            Self::Shadow => "shadow",
            Self::Suppression => "suppression",
            Self::Incident => "incident",
            Self::PublicWarning => "public_warning",
        }
    }
}

/// Which record of `inputs` brought this about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// Offset in `inputs`.
    pub offset: u64,
    /// Position within the outcomes of that record, from 0.
    pub index: u32,
    /// The last outcome of that record: a reader that has it has the whole group.
    pub last: bool,
}

/// A decoded record. Copies keep the bytes of the record that they copy.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    Event(Event),
    Reject(Reject),
    Transition(Box<Transition>),
    Verdict(Box<Verdict>),
    CommandCopy(&'a [u8]),
    ClockCopy(&'a [u8]),
    ConfigurationCopy(&'a [u8]),
    NodeCopy(&'a [u8]),
    OutletCopy(&'a [u8]),
    Reprocessed(Box<Reprocessed>),
    Shadow(Box<Transition>),
    Suppression(Box<SuppressionChange>),
    Incident(Box<Incident>),
    PublicWarning(Box<PublicWarning>),
}

impl Outcome<'_> {
    pub const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Event(_) => OutcomeKind::Event,
            Self::Reject(_) => OutcomeKind::Reject,
            Self::Transition(_) => OutcomeKind::Transition,
            Self::Verdict(_) => OutcomeKind::Verdict,
            Self::CommandCopy(_) => OutcomeKind::CommandCopy,
            Self::ClockCopy(_) => OutcomeKind::ClockCopy,
            Self::ConfigurationCopy(_) => OutcomeKind::ConfigurationCopy,
            Self::NodeCopy(_) => OutcomeKind::NodeCopy,
            Self::OutletCopy(_) => OutcomeKind::OutletCopy,
            Self::Reprocessed(_) => OutcomeKind::Reprocessed,
            Self::Shadow(_) => OutcomeKind::Shadow,
            Self::Suppression(_) => OutcomeKind::Suppression,
            Self::Incident(_) => OutcomeKind::Incident,
            Self::PublicWarning(_) => OutcomeKind::PublicWarning,
        }
    }
}

/// Why a record could not be written.
#[derive(Debug, Error)]
pub enum EncodeError {
    #[error("writing a {kind} as JSON")]
    Json {
        kind: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

/// Why a record could not be read.
#[derive(Debug, Error)]
pub enum DecodeError {
    #[error("outcome kind {0} is not known to this release")]
    KindUnknown(u8),
    #[error("outcome version {0} is newer than this release reads")]
    VersionUnknown(u8),
    #[error("the record ends within {0}")]
    Short(&'static str),
    #[error("{0} bytes are left over after the record")]
    Long(usize),
    #[error("{0} is not valid")]
    Invalid(&'static str),
    #[error("reading a {kind} from JSON")]
    Json {
        kind: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

pub fn encode_event(cause: Cause, event: &Event, out: &mut Vec<u8>) {
    record::put_cause(cause, out);
    record::put_event(event, out);
}

pub fn encode_reject(cause: Cause, reject: &Reject, out: &mut Vec<u8>) {
    record::put_cause(cause, out);
    record::put_reject(reject, out);
}

/// On an error `out` is as before.
pub fn encode_transition(
    cause: Cause,
    transition: &Transition,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_json(OutcomeKind::Transition, cause, transition, out)
}

/// On an error `out` is as before.
pub fn encode_verdict(
    cause: Cause,
    verdict: &Verdict,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_json(OutcomeKind::Verdict, cause, verdict, out)
}

/// On an error `out` is as before.
pub fn encode_reprocessed(
    cause: Cause,
    reprocessed: &Reprocessed,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_json(OutcomeKind::Reprocessed, cause, reprocessed, out)
}

/// On an error `out` is as before.
pub fn encode_shadow(
    cause: Cause,
    transition: &Transition,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_json(OutcomeKind::Shadow, cause, transition, out)
}

/// On an error `out` is as before.
pub fn encode_suppression(
    cause: Cause,
    change: &SuppressionChange,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_json(OutcomeKind::Suppression, cause, change, out)
}

/// On an error `out` is as before.
pub fn encode_incident(
    cause: Cause,
    incident: &Incident,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_json(OutcomeKind::Incident, cause, incident, out)
}

/// On an error `out` is as before.
pub fn encode_public_warning(
    cause: Cause,
    warning: &PublicWarning,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_json(OutcomeKind::PublicWarning, cause, warning, out)
}

/// Copies the payload of an `inputs` record (command, clock, configuration, node, outlet) behind its cause.
pub fn encode_copy(cause: Cause, bytes: &[u8], out: &mut Vec<u8>) {
    record::put_cause(cause, out);
    out.extend_from_slice(bytes);
}

fn encode_json<T: serde::Serialize>(
    kind: OutcomeKind,
    cause: Cause,
    body: &T,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = out.len();
    record::put_cause(cause, out);
    serde_json::to_writer(&mut *out, body).map_err(|source| {
        out.truncate(start);
        EncodeError::Json {
            kind: kind.name(),
            source,
        }
    })
}

/// Reads a record; every name in it becomes an allocation of its own.
pub fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<(Cause, Outcome<'_>), DecodeError> {
    decode_with(kind, version, payload, &mut |text| Name::from(text))
}

/// Like [`decode`], with names shared through `names`: for readers of many events.
pub fn decode_interned<'a>(
    names: &mut Names,
    kind: u8,
    version: u8,
    payload: &'a [u8],
) -> Result<(Cause, Outcome<'a>), DecodeError> {
    decode_with(kind, version, payload, &mut |text| names.share(text))
}

/// Reads the cause alone: cheap, for readers that only follow positions.
pub fn decode_cause(version: u8, payload: &[u8]) -> Result<Cause, DecodeError> {
    check_version(version)?;
    record::take_cause(&mut wire::Reader::new(payload))
}

fn check_version(version: u8) -> Result<(), DecodeError> {
    if version == VERSION {
        Ok(())
    } else {
        Err(DecodeError::VersionUnknown(version))
    }
}

fn decode_with<'a>(
    kind: u8,
    version: u8,
    payload: &'a [u8],
    name: &mut dyn FnMut(&str) -> Name,
) -> Result<(Cause, Outcome<'a>), DecodeError> {
    let kind = OutcomeKind::from_u8(kind).ok_or(DecodeError::KindUnknown(kind))?;
    check_version(version)?;
    let mut reader = wire::Reader::new(payload);
    let cause = record::take_cause(&mut reader)?;
    let outcome = match kind {
        OutcomeKind::Event => Outcome::Event(record::take_event(&mut reader, name)?),
        OutcomeKind::Reject => Outcome::Reject(record::take_reject(&mut reader)?),
        OutcomeKind::Transition => Outcome::Transition(decode_json(kind, reader.rest())?),
        OutcomeKind::Verdict => Outcome::Verdict(decode_json(kind, reader.rest())?),
        OutcomeKind::CommandCopy => Outcome::CommandCopy(reader.rest()),
        OutcomeKind::ClockCopy => Outcome::ClockCopy(reader.rest()),
        OutcomeKind::ConfigurationCopy => Outcome::ConfigurationCopy(reader.rest()),
        OutcomeKind::NodeCopy => Outcome::NodeCopy(reader.rest()),
        OutcomeKind::OutletCopy => Outcome::OutletCopy(reader.rest()),
        OutcomeKind::Reprocessed => Outcome::Reprocessed(decode_json(kind, reader.rest())?),
        OutcomeKind::Shadow => Outcome::Shadow(decode_json(kind, reader.rest())?),
        OutcomeKind::Suppression => Outcome::Suppression(decode_json(kind, reader.rest())?),
        OutcomeKind::Incident => Outcome::Incident(decode_json(kind, reader.rest())?),
        OutcomeKind::PublicWarning => Outcome::PublicWarning(decode_json(kind, reader.rest())?),
    };
    reader.finish()?;
    Ok((cause, outcome))
}

fn decode_json<T: serde::de::DeserializeOwned>(
    kind: OutcomeKind,
    body: &[u8],
) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|source| DecodeError::Json {
        kind: kind.name(),
        source,
    })
}

#[cfg(test)]
mod tests;
