//! What a scenario gives out: publications, grouped by the instant at which they are sent.

use std::sync::Arc;

use bytes::Bytes;

/// Delivery that a device asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qos {
    AtMostOnce,
    AtLeastOnce,
    ExactlyOnce,
}

impl Qos {
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// What the product owes for a message: the ground truth that a run's totals are checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// At least so many events come of it; more than one where a message holds readings of several devices or times.
    Events(u16),
    /// Sound, with nothing to deliver: it only changes what is remembered.
    State,
    /// Kept in quarantine, whole.
    Reject,
    /// The same message as an earlier one.
    Duplicate,
}

/// One PUBLISH of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Counts the publications of the scenario, repeats included, from 0.
    pub number: u64,
    /// When it is sent (scenario time, nanoseconds since 1970).
    pub at_ns: i64,
    /// When the device says that it measured: the `ts` of the payload.
    pub observed_ns: i64,
    /// Which connection carries it: index into [`Scenario::links`](crate::Scenario::links).
    pub link: usize,
    pub device: Arc<str>,
    pub topic: Arc<str>,
    pub payload: Bytes,
    pub qos: Qos,
    pub retain: bool,
    /// Wire format, by its word in the catalogue.
    pub format: &'static str,
    pub truth: Truth,
    /// What went wrong with it in the field, where something did.
    pub fault: Option<&'static str>,
    /// This is the same message once more (same payload), as a device does that lost an acknowledgement.
    pub duplicate_of: Option<u64>,
}

impl Publication {
    /// Says nothing new: a repeat byte for byte, or the same data passed on by somebody else.
    pub(crate) fn is_repeat(&self) -> bool {
        self.truth == Truth::Duplicate
    }
}

/// Everything that happens at one instant of a scenario, in order: first the cuts, then the publications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at_ns: i64,
    /// Links whose connection breaks without a DISCONNECT; the next publication on one makes it connect again.
    pub cuts: Vec<usize>,
    pub publications: Vec<Publication>,
}
