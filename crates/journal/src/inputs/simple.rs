//! `command`, `configuration`, `clock` and `node`.

use super::{DecodeError, check_version};
use crate::wire::{Source, put_bool, put_str};

/// An operator's command; the body is the command as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    pub command_id: &'a str,
    pub operator: &'a str,
    /// Whether the operator's name was proven (accounts) or only typed.
    pub verified: bool,
    pub peer: &'a str,
    pub body: &'a [u8],
}

impl<'a> Command<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_str(out, self.command_id);
        put_str(out, self.operator);
        put_bool(out, self.verified);
        put_str(out, self.peer);
        out.extend_from_slice(self.body);
    }

    pub fn decode(version: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        Ok(Self {
            command_id: source.str("command id")?,
            operator: source.str("operator")?,
            verified: source.bool("verified")?,
            peer: source.str("peer")?,
            body: source.rest(),
        })
    }
}

/// A whole configuration pack, so that a replay sees the very bytes at the very place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration<'a> {
    pub name: &'a str,
    pub sha256: [u8; 32],
    pub content: &'a [u8],
}

impl<'a> Configuration<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_str(out, self.name);
        out.extend_from_slice(&self.sha256);
        out.extend_from_slice(self.content);
    }

    pub fn decode(version: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        Ok(Self {
            name: source.str("name")?,
            sha256: source.hash("hash")?,
            content: source.rest(),
        })
    }
}

/// Time passed (its frame says when), or the wall clock stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockRecord {
    pub reason: ClockReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockReason {
    /// A timer falls due while nothing arrives.
    Tick,
    /// The wall clock stepped; no timer moves.
    Step {
        wall_before_ns: i64,
        wall_after_ns: i64,
    },
}

impl ClockRecord {
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self.reason {
            ClockReason::Tick => out.push(1),
            ClockReason::Step {
                wall_before_ns,
                wall_after_ns,
            } => {
                out.push(2);
                out.extend_from_slice(&wall_before_ns.to_le_bytes());
                out.extend_from_slice(&wall_after_ns.to_le_bytes());
            }
        }
    }

    pub fn decode(version: u8, bytes: &[u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        let reason = match source.u8("reason")? {
            1 => ClockReason::Tick,
            2 => ClockReason::Step {
                wall_before_ns: source.i64("wall time before")?,
                wall_after_ns: source.i64("wall time after")?,
            },
            value => {
                return Err(DecodeError::Value {
                    field: "reason",
                    value: u64::from(value),
                });
            }
        };
        source.end()?;
        Ok(Self { reason })
    }
}

/// The node itself came or went: brackets our own downtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    pub change: NodeChange,
    /// Version of the software.
    pub version: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeChange {
    Start,
    /// `clean`: everything was drained in time.
    Stop {
        clean: bool,
    },
}

impl<'a> Node<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self.change {
            NodeChange::Start => 1,
            NodeChange::Stop { clean: true } => 2,
            NodeChange::Stop { clean: false } => 3,
        });
        put_str(out, self.version);
    }

    pub fn decode(version: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        let change = match source.u8("change")? {
            1 => NodeChange::Start,
            2 => NodeChange::Stop { clean: true },
            3 => NodeChange::Stop { clean: false },
            value => {
                return Err(DecodeError::Value {
                    field: "change",
                    value: u64::from(value),
                });
            }
        };
        let node = Self {
            change,
            version: source.str("version")?,
        };
        source.end()?;
        Ok(node)
    }
}
