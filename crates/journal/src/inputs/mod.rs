//! The records of the `inputs` journal: what happened, with every byte that may matter later.
//!
//! Each kind is a struct that borrows what it holds and has `encode` (appends to a buffer, for
//! [`crate::Batch::push`]) and `decode` (borrows from the payload of a [`crate::Frame`]). The version of a
//! record travels in its frame; a newer version than this build knows is refused, never guessed.

mod blank;
mod later;
mod message;
mod session;
mod simple;

pub use blank::blank;
pub use later::{Notice, NoticeResult, Outlet, OutletReport, Redaction, Reprocess};
pub use message::{FrontDoor, Message, MessageBody, MessagePrefix, Oversize};
pub use session::{CloseReason, Opening, Release, Session, SessionChange, Will};
pub use simple::{ClockReason, ClockRecord, Command, Configuration, Node, NodeChange};

/// Version of every record this build writes.
pub const VERSION: u8 = crate::format::RECORD_VERSION;

/// Kinds of `inputs` records, as stored in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    Message = 1,
    Release = 2,
    Session = 3,
    Command = 4,
    Configuration = 5,
    Clock = 6,
    Node = 7,
    Redaction = 8,
    Reprocess = 9,
    Outlet = 10,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 10] = [
        Self::Message,
        Self::Release,
        Self::Session,
        Self::Command,
        Self::Configuration,
        Self::Clock,
        Self::Node,
        Self::Redaction,
        Self::Reprocess,
        Self::Outlet,
    ];

    /// The name people see, for instance in `ioc journal cat`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Release => "release",
            Self::Session => "session",
            Self::Command => "command",
            Self::Configuration => "configuration",
            Self::Clock => "clock",
            Self::Node => "node",
            Self::Redaction => "redaction",
            Self::Reprocess => "reprocess",
            Self::Outlet => "outlet",
        }
    }
}

impl From<Kind> for u8 {
    fn from(kind: Kind) -> Self {
        kind as Self
    }
}

impl TryFrom<u8> for Kind {
    type Error = DecodeError;

    fn try_from(value: u8) -> Result<Self, DecodeError> {
        Self::ALL
            .into_iter()
            .find(|kind| u8::from(*kind) == value)
            .ok_or(DecodeError::Kind { kind: value })
    }
}

/// Why the bytes of a record cannot be understood. The bytes were stored as written (their CRC held), so this
/// is a version or a programming error, not damage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("record kind {kind} is unknown to this version")]
    Kind { kind: u8 },
    #[error("record version {version} is unknown to this version (it reads {VERSION})")]
    Version { version: u8 },
    #[error("record ends inside {field}")]
    Short { field: &'static str },
    #[error("{field} is not a valid number")]
    Varint { field: &'static str },
    #[error("{field} is not UTF-8")]
    Utf8 { field: &'static str },
    #[error("{field} has the unknown value {value}")]
    Value { field: &'static str, value: u64 },
    #[error("{bytes} bytes follow the last field")]
    Trailing { bytes: usize },
}

/// Refuses record versions this build does not know.
pub(crate) fn check_version(version: u8) -> Result<(), DecodeError> {
    if version == VERSION {
        Ok(())
    } else {
        Err(DecodeError::Version { version })
    }
}

#[cfg(test)]
mod tests;
