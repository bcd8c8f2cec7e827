//! Field order of the binary records (version 1). Numbers here are on disk: they are never reused.

use std::collections::BTreeSet;

use super::codes::{
    kind_code, kind_from, reject_code, status_code, status_from, stream_code, stream_from,
};
use super::view::{MeasuredView, PlaceView, ValueView};
use super::wire::{Reader, put_bytes, put_f64, put_signed, put_varint};
use super::{Cause, DecodeError};
use crate::{
    Event, EventFlags, EventId, Kind, Measured, Name, Place, Quality, Reject, RejectCode, Status,
    Stream, Time, Value,
};

/// Names already seen, shared between the events that a reader decodes.
///
/// Owner: the reader. Bound: [`Names::MAX`] names; beyond it a name is simply not shared.
#[derive(Clone, Debug, Default)]
pub struct Names {
    seen: BTreeSet<Name>,
}

impl Names {
    pub const MAX: usize = 65_536;

    pub fn share(&mut self, text: &str) -> Name {
        if let Some(name) = self.seen.get(text) {
            return name.clone();
        }
        let name = Name::from(text);
        if self.seen.len() < Self::MAX {
            self.seen.insert(name.clone());
        }
        name
    }
}

const HAS_UNTIL: u8 = 1;
const HAS_VALID_FROM: u8 = 1 << 1;
const HAS_VALID_TO: u8 = 1 << 2;
pub(super) const HAS_SEQUENCE: u8 = 1 << 3;
const HAS_PLACE: u8 = 1 << 4;
const HAS_AREA: u8 = 1 << 5;
/// The device bears the entity's name, which is then written once.
pub(super) const DEVICE_IS_ENTITY: u8 = 1 << 6;
const PRESENCE_KNOWN: u8 = 0x7f;

const TAG_NUMBER: u8 = 0;
const TAG_FALSE: u8 = 1;
const TAG_TRUE: u8 = 2;
const TAG_CODE: u8 = 3;

/// Smallest value: empty measure, empty unit, quality, tag.
const VALUE_BYTES_MIN: usize = 4;

pub(super) fn put_cause(cause: Cause, out: &mut Vec<u8>) {
    put_varint(cause.offset, out);
    put_varint(u64::from(cause.index), out);
    out.push(u8::from(cause.last));
}

pub(super) fn take_cause(reader: &mut Reader<'_>) -> Result<Cause, DecodeError> {
    const WHAT: &str = "the cause";
    let offset = reader.varint(WHAT)?;
    let index = u32::try_from(reader.varint(WHAT)?).map_err(|_| DecodeError::Invalid(WHAT))?;
    let last = match reader.byte(WHAT)? {
        0 => false,
        1 => true,
        _ => return Err(DecodeError::Invalid(WHAT)),
    };
    Ok(Cause {
        offset,
        index,
        last,
    })
}

pub(super) fn put_event(event: &Event, out: &mut Vec<u8>) {
    let same_name = event.device == event.entity;
    let area = event.place.as_ref().and_then(|place| place.area.as_ref());
    let presence = [
        (event.observed_until.is_some(), HAS_UNTIL),
        (event.valid_from.is_some(), HAS_VALID_FROM),
        (event.valid_to.is_some(), HAS_VALID_TO),
        (event.sequence.is_some(), HAS_SEQUENCE),
        (event.place.is_some(), HAS_PLACE),
        (area.is_some(), HAS_AREA),
        (same_name, DEVICE_IS_ENTITY),
    ]
    .into_iter()
    .fold(
        0,
        |bits, (present, bit)| if present { bits | bit } else { bits },
    );

    out.extend_from_slice(&event.id.0);
    out.extend_from_slice(&[
        kind_code(event.kind),
        stream_code(event.stream),
        status_code(event.status),
        presence,
    ]);
    put_varint(u64::from(event.flags.0), out);
    out.extend_from_slice(&event.processed.0.to_le_bytes());
    // Times lie close together; the wrapping difference is exact for any two of them.
    put_time(event.received, event, out);
    put_time(event.observed, event, out);
    for time in [event.observed_until, event.valid_from, event.valid_to]
        .into_iter()
        .flatten()
    {
        put_time(time, event, out);
    }
    put_bytes(event.site.as_bytes(), out);
    put_bytes(event.entity.as_bytes(), out);
    if !same_name {
        put_bytes(event.device.as_bytes(), out);
    }
    if let Some(sequence) = event.sequence {
        put_varint(sequence, out);
    }
    if let Some(place) = &event.place {
        if let Some(area) = area {
            put_bytes(area.as_bytes(), out);
        }
        put_f64(place.lat, out);
        put_f64(place.lon, out);
    }
    put_varint(event.values.len() as u64, out);
    for measured in &event.values {
        put_measured(measured, out);
    }
}

fn put_time(time: Time, event: &Event, out: &mut Vec<u8>) {
    put_signed(time.0.wrapping_sub(event.processed.0), out);
}

fn put_measured(measured: &Measured, out: &mut Vec<u8>) {
    put_bytes(measured.measure.as_bytes(), out);
    put_bytes(measured.unit.as_bytes(), out);
    put_varint(u64::from(measured.quality.0), out);
    match &measured.value {
        Value::Number(number) => {
            out.push(TAG_NUMBER);
            put_f64(*number, out);
        }
        Value::Boolean(false) => out.push(TAG_FALSE),
        Value::Boolean(true) => out.push(TAG_TRUE),
        Value::Code(code) => {
            out.push(TAG_CODE);
            put_bytes(code.as_bytes(), out);
        }
    }
}

/// The fields before the names.
pub(super) struct Head {
    pub(super) id: EventId,
    pub(super) kind: Kind,
    pub(super) stream: Stream,
    pub(super) status: Status,
    pub(super) presence: u8,
    pub(super) flags: EventFlags,
    pub(super) processed: Time,
    pub(super) received: Time,
    pub(super) observed: Time,
    pub(super) observed_until: Option<Time>,
    pub(super) valid_from: Option<Time>,
    pub(super) valid_to: Option<Time>,
}

pub(super) fn take_head(reader: &mut Reader<'_>) -> Result<Head, DecodeError> {
    let id = EventId(reader.array("the event id")?);
    let kind = kind_from(reader.byte("the kind")?)?;
    let stream = stream_from(reader.byte("the stream")?)?;
    let status = status_from(reader.byte("the status")?)?;
    let presence = reader.byte("the presence bits")?;
    if presence & !PRESENCE_KNOWN != 0 {
        return Err(DecodeError::Invalid("the presence bits"));
    }
    let flags = EventFlags(take_u16(reader, "the flags")?);
    let processed = Time(i64::from_le_bytes(reader.array("the processed time")?));
    let received = take_time(reader, processed)?;
    let observed = take_time(reader, processed)?;
    let mut optional_time = |bit: u8| -> Result<Option<Time>, DecodeError> {
        if presence & bit == 0 {
            Ok(None)
        } else {
            take_time(reader, processed).map(Some)
        }
    };
    let observed_until = optional_time(HAS_UNTIL)?;
    let valid_from = optional_time(HAS_VALID_FROM)?;
    let valid_to = optional_time(HAS_VALID_TO)?;
    Ok(Head {
        id,
        kind,
        stream,
        status,
        presence,
        flags,
        processed,
        received,
        observed,
        observed_until,
        valid_from,
        valid_to,
    })
}

pub(super) fn take_event(
    reader: &mut Reader<'_>,
    name: &mut dyn FnMut(&str) -> Name,
) -> Result<Event, DecodeError> {
    let Head {
        id,
        kind,
        stream,
        status,
        presence,
        flags,
        processed,
        received,
        observed,
        observed_until,
        valid_from,
        valid_to,
    } = take_head(reader)?;
    let site = name(reader.text("the site")?);
    let entity = name(reader.text("the entity")?);
    let device = if presence & DEVICE_IS_ENTITY == 0 {
        name(reader.text("the device")?)
    } else {
        entity.clone()
    };
    let sequence = if presence & HAS_SEQUENCE == 0 {
        None
    } else {
        Some(reader.varint("the sequence")?)
    };
    let place = take_place(reader, presence, name)?;
    let count = usize::try_from(reader.varint("the number of values")?)
        .map_err(|_| DecodeError::Invalid("the number of values"))?;
    // The record's own length bounds what is set aside for it.
    let mut values = Vec::with_capacity(count.min(reader.left() / VALUE_BYTES_MIN));
    for _ in 0..count {
        values.push(take_measured(reader, name)?);
    }
    Ok(Event {
        id,
        kind,
        stream,
        status,
        site,
        entity,
        device,
        observed,
        observed_until,
        valid_from,
        valid_to,
        received,
        processed,
        sequence,
        place,
        flags,
        values,
    })
}

fn take_time(reader: &mut Reader<'_>, processed: Time) -> Result<Time, DecodeError> {
    Ok(Time(processed.0.wrapping_add(reader.signed("a time")?)))
}

fn take_place(
    reader: &mut Reader<'_>,
    presence: u8,
    name: &mut dyn FnMut(&str) -> Name,
) -> Result<Option<Place>, DecodeError> {
    let place = view_place(reader, presence)?;
    Ok(place.map(|place| Place {
        area: place.area.map(name),
        lat: place.lat,
        lon: place.lon,
    }))
}

pub(super) fn view_place<'a>(
    reader: &mut Reader<'a>,
    presence: u8,
) -> Result<Option<PlaceView<'a>>, DecodeError> {
    if presence & HAS_PLACE == 0 {
        return if presence & HAS_AREA == 0 {
            Ok(None)
        } else {
            Err(DecodeError::Invalid("the presence bits"))
        };
    }
    let area = if presence & HAS_AREA == 0 {
        None
    } else {
        Some(reader.text("the area")?)
    };
    Ok(Some(PlaceView {
        area,
        lat: reader.finite("the latitude")?,
        lon: reader.finite("the longitude")?,
    }))
}

fn take_measured(
    reader: &mut Reader<'_>,
    name: &mut dyn FnMut(&str) -> Name,
) -> Result<Measured, DecodeError> {
    let measured = view_measured(reader)?;
    Ok(Measured {
        measure: name(measured.measure),
        unit: name(measured.unit),
        quality: measured.quality,
        value: match measured.value {
            ValueView::Number(number) => Value::Number(number),
            ValueView::Boolean(boolean) => Value::Boolean(boolean),
            ValueView::Code(code) => Value::Code(name(code)),
        },
    })
}

pub(super) fn view_measured<'a>(reader: &mut Reader<'a>) -> Result<MeasuredView<'a>, DecodeError> {
    Ok(MeasuredView {
        measure: reader.text("a measure")?,
        unit: reader.text("a unit")?,
        quality: Quality(take_u16(reader, "a quality")?),
        value: match reader.byte("a value")? {
            TAG_NUMBER => ValueView::Number(reader.finite("a value")?),
            TAG_FALSE => ValueView::Boolean(false),
            TAG_TRUE => ValueView::Boolean(true),
            TAG_CODE => ValueView::Code(reader.text("a code")?),
            _ => return Err(DecodeError::Invalid("a value")),
        },
    })
}

fn take_u16(reader: &mut Reader<'_>, what: &'static str) -> Result<u16, DecodeError> {
    u16::try_from(reader.varint(what)?).map_err(|_| DecodeError::Invalid(what))
}

pub(super) fn put_reject(reject: &Reject, out: &mut Vec<u8>) {
    out.push(reject_code(reject.code));
    put_bytes(reject.reason.as_bytes(), out);
    put_bytes(reject.client.as_bytes(), out);
    put_bytes(reject.topic.as_bytes(), out);
    put_bytes(&reject.payload, out);
}

pub(super) fn take_reject(reader: &mut Reader<'_>) -> Result<Reject, DecodeError> {
    const WHAT: &str = "the reject code";
    let code = reader.byte(WHAT)?;
    let code = RejectCode::ALL
        .into_iter()
        .find(|candidate| reject_code(*candidate) == code)
        .ok_or(DecodeError::Invalid(WHAT))?;
    Ok(Reject {
        code,
        reason: reader.text("the reason")?.to_owned(),
        client: reader.text("the client")?.to_owned(),
        topic: reader.text("the topic")?.to_owned(),
        payload: reader.bytes("the payload")?.to_vec(),
    })
}
