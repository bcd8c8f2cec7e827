//! `redaction`, `reprocess` and `outlet`: part of the contract from day one, written by later releases.
//! They are rare, so decoding may allocate.

use super::{DecodeError, check_version};
use crate::wire::{Source, put_bool, put_bytes, put_str, put_varint};
use crate::{JournalName, Stamp};

/// Most key names one redaction may carry.
const KEYS_MAX: u64 = 4_096;

/// The record at `offset` of `journal` is personal data and was overwritten after this record was durable. A frame
/// named here is redacted whatever its CRC says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction<'a> {
    pub journal: JournalName,
    pub offset: u64,
    /// Why the record was refused, from a closed set of the domain.
    pub code: &'a str,
    /// Names of the keys that held it, never their values.
    pub keys: Vec<&'a str>,
    /// Keyed hash of what was there.
    pub hash: [u8; 32],
}

impl<'a> Redaction<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.journal.code());
        put_varint(out, self.offset);
        put_str(out, self.code);
        put_varint(out, self.keys.len() as u64);
        for key in &self.keys {
            put_str(out, key);
        }
        out.extend_from_slice(&self.hash);
    }

    pub fn decode(version: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        let journal = source.u8("journal")?;
        let journal = JournalName::from_code(journal).ok_or(DecodeError::Value {
            field: "journal",
            value: u64::from(journal),
        })?;
        let offset = source.varint("offset")?;
        let code = source.str("code")?;
        let count = source.varint("number of keys")?;
        if count > KEYS_MAX {
            return Err(DecodeError::Value {
                field: "number of keys",
                value: count,
            });
        }
        let keys = (0..count)
            .map(|_| source.str("key"))
            .collect::<Result<_, _>>()?;
        let redaction = Self {
            journal,
            offset,
            code,
            keys,
            hash: source.hash("hash")?,
        };
        source.end()?;
        Ok(redaction)
    }
}

/// A rejected message is to be tried again, with its bytes: the original may be gone by retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reprocess<'a> {
    /// Offset in `inputs` of the rejected record.
    pub offset: u64,
    /// Journal and wall time of that record: what comes of it now has the times that it would have had.
    pub stamp: Stamp,
    pub operator: &'a str,
    pub verified: bool,
    pub reason: &'a str,
    /// Kind and version of the record whose bytes follow.
    pub kind: u8,
    pub version: u8,
    /// The payload of that record as it was.
    pub record: &'a [u8],
}

impl<'a> Reprocess<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.offset);
        out.extend_from_slice(&self.stamp.journal_ns.to_le_bytes());
        out.extend_from_slice(&self.stamp.wall_ns.to_le_bytes());
        put_str(out, self.operator);
        put_bool(out, self.verified);
        put_str(out, self.reason);
        out.push(self.kind);
        out.push(self.version);
        out.extend_from_slice(self.record);
    }

    pub fn decode(version: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        Ok(Self {
            offset: source.varint("offset")?,
            stamp: Stamp {
                journal_ns: source.i64("journal time")?,
                wall_ns: source.i64("wall time")?,
            },
            operator: source.str("operator")?,
            verified: source.bool("verified")?,
            reason: source.str("reason")?,
            kind: source.u8("kind")?,
            version: source.u8("version")?,
            record: source.rest(),
        })
    }
}

/// What an outlet has to say to the fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlet<'a> {
    /// Name of the outlet, as its cursor is called.
    pub outlet: &'a str,
    pub report: OutletReport<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutletReport<'a> {
    /// What became of a notice.
    Notice(Notice<'a>),
    /// A sink refused the outcome at this offset for good; its bytes follow.
    Reject {
        offset: u64,
        reason: &'a str,
        record: &'a [u8],
    },
    /// The outlet lost the outcomes from `from` up to `to` (exclusive) at the disk bound.
    Gap { from: u64, to: u64 },
}

/// What became of one notice on one channel. No personal data: channel and person are ids of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// Alert + transition, channel, person: reports of equal keys are of the same notice.
    pub key: &'a str,
    /// Id of the alert, or of the warning to the public.
    pub alert: &'a str,
    /// Revision of the alert at that transition.
    pub revision: u32,
    pub channel: &'a str,
    pub person: &'a str,
    pub result: NoticeResult,
    pub attempts: u32,
    /// Journal time.
    pub at_ns: i64,
    /// It went with so many as one (1 = alone).
    pub grouped: u32,
    /// What the other side said, shortened.
    pub detail: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeResult {
    Delivered,
    /// The other side will never take it.
    Refused,
    /// Failed here; it goes on on the next channel of the person.
    MovedOn,
    /// Given up because of its age.
    Expired,
}

impl NoticeResult {
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Refused, Self::MovedOn, Self::Expired];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::MovedOn => "moved_on",
            Self::Expired => "expired",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Delivered => 1,
            Self::Refused => 2,
            Self::MovedOn => 3,
            Self::Expired => 4,
        }
    }
}

impl<'a> Notice<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_str(out, self.key);
        put_str(out, self.alert);
        put_varint(out, u64::from(self.revision));
        put_str(out, self.channel);
        put_str(out, self.person);
        out.push(self.result.code());
        put_varint(out, u64::from(self.attempts));
        out.extend_from_slice(&self.at_ns.to_le_bytes());
        put_varint(out, u64::from(self.grouped));
        put_str(out, self.detail);
    }

    fn decode(source: &mut Source<'a>) -> Result<Self, DecodeError> {
        let (key, alert) = (source.str("key")?, source.str("alert")?);
        let revision = number(source, "revision")?;
        let (channel, person) = (source.str("channel")?, source.str("person")?);
        let code = source.u8("result")?;
        let result = NoticeResult::ALL
            .into_iter()
            .find(|result| result.code() == code)
            .ok_or(DecodeError::Value {
                field: "result",
                value: u64::from(code),
            })?;
        Ok(Self {
            key,
            alert,
            revision,
            channel,
            person,
            result,
            attempts: number(source, "attempts")?,
            at_ns: source.i64("at")?,
            grouped: number(source, "grouped")?,
            detail: source.str("detail")?,
        })
    }

    /// The short form of the first releases (report 1), which none of them wrote: still read.
    fn decode_short(source: &mut Source<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            key: source.str("key")?,
            alert: "",
            revision: 0,
            channel: "",
            person: "",
            result: if source.bool("delivered")? {
                NoticeResult::Delivered
            } else {
                NoticeResult::Expired
            },
            attempts: 0,
            at_ns: 0,
            grouped: 1,
            detail: source.str("detail")?,
        })
    }
}

fn number(source: &mut Source<'_>, field: &'static str) -> Result<u32, DecodeError> {
    let value = source.varint(field)?;
    u32::try_from(value).map_err(|_| DecodeError::Value { field, value })
}

impl<'a> Outlet<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_str(out, self.outlet);
        match self.report {
            OutletReport::Notice(notice) => {
                out.push(4);
                notice.encode(out);
            }
            OutletReport::Reject {
                offset,
                reason,
                record,
            } => {
                out.push(2);
                put_varint(out, offset);
                put_str(out, reason);
                put_bytes(out, record);
            }
            OutletReport::Gap { from, to } => {
                out.push(3);
                put_varint(out, from);
                put_varint(out, to);
            }
        }
    }

    pub fn decode(version: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check_version(version)?;
        let mut source = Source::new(bytes);
        let outlet = source.str("outlet")?;
        let report = match source.u8("report")? {
            1 => OutletReport::Notice(Notice::decode_short(&mut source)?),
            4 => OutletReport::Notice(Notice::decode(&mut source)?),
            2 => OutletReport::Reject {
                offset: source.varint("offset")?,
                reason: source.str("reason")?,
                record: source.bytes("record")?,
            },
            3 => OutletReport::Gap {
                from: source.varint("from")?,
                to: source.varint("to")?,
            },
            value => {
                return Err(DecodeError::Value {
                    field: "report",
                    value: u64::from(value),
                });
            }
        };
        source.end()?;
        Ok(Self { outlet, report })
    }
}
