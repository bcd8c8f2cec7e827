//! An event as it lies in its record.
//!
//! For readers of very many events that keep little of each (screens, statistics): nothing is copied or allocated.

use super::record::{self, DEVICE_IS_ENTITY, HAS_SEQUENCE};
use super::wire::Reader;
use super::{Cause, DecodeError};
use crate::{EventFlags, EventId, Kind, Quality, Status, Stream, Time};

/// The part of an event that says what it is about; its values are read by [`EventView::values`].
#[derive(Clone, Debug)]
pub struct EventView<'a> {
    pub cause: Cause,
    pub id: EventId,
    pub kind: Kind,
    pub stream: Stream,
    pub status: Status,
    pub flags: EventFlags,
    pub processed: Time,
    pub received: Time,
    pub observed: Time,
    pub observed_until: Option<Time>,
    pub valid_from: Option<Time>,
    pub valid_to: Option<Time>,
    pub site: &'a str,
    pub entity: &'a str,
    pub device: &'a str,
    /// Code of the commune or ward, where the place is known.
    pub area: Option<&'a str>,
    pub sequence: Option<u64>,
    pub place: Option<PlaceView<'a>>,
    count: u64,
    values: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueView<'a> {
    /// Always finite.
    Number(f64),
    Boolean(bool),
    Code(&'a str),
}

/// WGS84.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaceView<'a> {
    pub area: Option<&'a str>,
    pub lat: f64,
    pub lon: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredView<'a> {
    pub measure: &'a str,
    pub unit: &'a str,
    pub quality: Quality,
    pub value: ValueView<'a>,
}

impl<'a> EventView<'a> {
    /// Reads the payload of a record of kind [`super::OutcomeKind::Event`].
    pub fn read(version: u8, payload: &'a [u8]) -> Result<Self, DecodeError> {
        super::check_version(version)?;
        let mut reader = Reader::new(payload);
        let cause = record::take_cause(&mut reader)?;
        let head = record::take_head(&mut reader)?;
        let site = reader.text("the site")?;
        let entity = reader.text("the entity")?;
        let device = if head.presence & DEVICE_IS_ENTITY == 0 {
            reader.text("the device")?
        } else {
            entity
        };
        let sequence = if head.presence & HAS_SEQUENCE == 0 {
            None
        } else {
            Some(reader.varint("the sequence")?)
        };
        let place = record::view_place(&mut reader, head.presence)?;
        let count = reader.varint("the number of values")?;
        Ok(Self {
            cause,
            id: head.id,
            kind: head.kind,
            stream: head.stream,
            status: head.status,
            flags: head.flags,
            processed: head.processed,
            received: head.received,
            observed: head.observed,
            observed_until: head.observed_until,
            valid_from: head.valid_from,
            valid_to: head.valid_to,
            site,
            entity,
            device,
            area: place.and_then(|place| place.area),
            sequence,
            place,
            count,
            values: reader.rest(),
        })
    }

    /// The values in the order of the event; ends at the first that cannot be read.
    pub fn values(&self) -> impl Iterator<Item = Result<MeasuredView<'a>, DecodeError>> + use<'a> {
        let mut reader = Reader::new(self.values);
        let mut left = self.count;
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let measured = record::view_measured(&mut reader);
            if measured.is_err() {
                left = 0;
            }
            Some(measured)
        })
    }
}
