//! What a message says of one device, in the site's measures and units: the same from every format.

use event::{EventFlags, EventId, Kind, Measured, Status, Time};

#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) kind: Option<Kind>,
    pub(crate) stamp: Option<Time>,
    /// Without a stamp: so many nanoseconds before reception.
    pub(crate) ago: Option<i64>,
    pub(crate) until: Option<Time>,
    pub(crate) valid_from: Option<Time>,
    pub(crate) valid_to: Option<Time>,
    pub(crate) sequence: Option<u64>,
    pub(crate) uuid: Option<EventId>,
    pub(crate) status: Status,
    pub(crate) lat: Option<f64>,
    pub(crate) lon: Option<f64>,
    /// An area by code or name, where no coordinates came.
    pub(crate) area: Option<String>,
    pub(crate) values: Vec<Measured>,
    pub(crate) flags: EventFlags,
    /// Known keys whose values could not be used.
    pub(crate) unusable: u64,
    pub(crate) unknown: u64,
    /// The device said how its sensors are.
    pub(crate) status_word: bool,
}
