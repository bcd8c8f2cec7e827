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
    /// This is the same message once more (same payload), as a device does that lost an acknowledgement.
    pub duplicate_of: Option<u64>,
}

/// Everything that happens at one instant of a scenario, in order: first the cuts, then the publications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at_ns: i64,
    /// Links whose connection breaks without a DISCONNECT; the next publication on one makes it connect again.
    pub cuts: Vec<usize>,
    pub publications: Vec<Publication>,
}
