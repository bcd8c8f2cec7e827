//! One line of line protocol for one record.
//!
//! # Contract
//!
//! A line is a function of its record (and of the two switches of [`Columns`]) alone: a record that is sent again
//! overwrites itself and nothing else. What cannot be written leaves the buffer as it was and says why.
//!
//! **Events.** Measurement = stream. Tags (in the order that servers sort them): `area`, `entity`, `kind`, `site`,
//! `status`; an empty one is left out. Time = observed, in nanoseconds; the fold has told equal times of one entity apart.
//! The type of a field follows from its name alone, so that one event can never be refused because of another:
//!
//! | value | field | type |
//! |---|---|---|
//! | number | `<measure>` | float |
//! | boolean | `<measure>` | float, 1 or 0 |
//! | code | `<measure>_code` | text |
//! | quality, where not good | `<measure>_quality` | text: names of the flags, joined by a bar |
//! | what measured, where not the entity itself | `device` | text |
//! | id of the event: if configured, and where the event has no value | `event_id` | text |
//!
//! A number whose measure bears one of the names of the text columns (or `time`, which the server keeps for itself) has one
//! letter of it written in percent form.
//!
//! **Alert transitions.** Measurement `alerts`, for annotations. Tags: `area`, `change`, `entity`, `retrospective` (only
//! where true), `rule`, `severity`, `site`, `status`, `stream`. Time = the change in nanoseconds + the alert's revision in
//! nanoseconds: the transitions of one alert that one message brings about have one journal time and rising revisions,
//! and two alerts of one rule at one entity differ in a tag or in time.

use event::outcome::{DecodeError, EventView, MeasuredView, ValueView};
use event::{AlertState, Change, EventId, Kind, Quality, Severity, Status, Stream, Transition};
use thiserror::Error;

use crate::text::{put_float, put_name, put_percent, put_signed, put_text, put_text_part};

/// The times that InfluxDB takes.
const TIME_MIN: i64 = i64::MIN + 2;
const TIME_MAX: i64 = i64::MAX - 1;

const QUALITY_SUFFIX: &str = "_quality";
const CODE_SUFFIX: &str = "_code";
const DEVICE: &str = "device";
const EVENT_ID: &str = "event_id";

/// Text columns that are written besides the values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub event_id: bool,
    pub device: bool,
}

/// Why a record has no line.
#[derive(Debug, Error)]
pub enum LineError {
    #[error("the record cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    #[error("its time lies outside what InfluxDB stores (1677 to 2262)")]
    Time,
    #[error("a value is not a finite number")]
    NotFinite,
}

/// Writes the line of an event, with its line end.
pub fn put_event(
    event: &EventView<'_>,
    columns: Columns,
    out: &mut Vec<u8>,
) -> Result<(), LineError> {
    whole(out, |out| event_line(event, columns, out))
}

/// Writes the line of an alert transition, with its line end.
pub fn put_transition(transition: &Transition, out: &mut Vec<u8>) -> Result<(), LineError> {
    whole(out, |out| transition_line(transition, out))
}

fn whole(
    out: &mut Vec<u8>,
    put: impl FnOnce(&mut Vec<u8>) -> Result<(), LineError>,
) -> Result<(), LineError> {
    let start = out.len();
    put(out).inspect_err(|_| out.truncate(start))
}

fn event_line(event: &EventView<'_>, columns: Columns, out: &mut Vec<u8>) -> Result<(), LineError> {
    let time = checked(event.observed.0)?;
    out.extend_from_slice(stream_name(event.stream).as_bytes());
    put_tag(
        ",area=",
        event.place.and_then(|place| place.area).unwrap_or_default(),
        out,
    );
    put_tag(",entity=", event.entity, out);
    out.extend_from_slice(kind_tag(event.kind).as_bytes());
    put_tag(",site=", event.site, out);
    out.extend_from_slice(status_tag(event.status).as_bytes());
    let mut fields = Fields::new(out);
    for measured in event.values() {
        put_measured(&measured?, &mut fields)?;
    }
    if columns.device && event.device != event.entity {
        put_text(event.device, fields.fixed(DEVICE));
    }
    if columns.event_id || fields.none {
        put_event_id(event.id, fields.fixed(EVENT_ID));
    }
    end(time, out);
    Ok(())
}

fn put_measured(measured: &MeasuredView<'_>, fields: &mut Fields<'_>) -> Result<(), LineError> {
    let number = match measured.value {
        ValueView::Number(number) => number,
        ValueView::Boolean(boolean) => f64::from(u8::from(boolean)),
        ValueView::Code(code) => {
            put_text(code, fields.of_measure(measured.measure, CODE_SUFFIX));
            return put_quality(measured, fields);
        }
    };
    if !put_float(number, fields.of_number(measured.measure)) {
        return Err(LineError::NotFinite);
    }
    put_quality(measured, fields)
}

fn put_quality(measured: &MeasuredView<'_>, fields: &mut Fields<'_>) -> Result<(), LineError> {
    if measured.quality.is_good() {
        return Ok(());
    }
    let names = measured.quality.names();
    let known = Quality::from_names(names.iter().copied());
    let out = fields.of_measure(measured.measure, QUALITY_SUFFIX);
    out.push(b'"');
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push(b'|');
        }
        put_text_part(name, out);
    }
    if known != measured.quality {
        // Flags of a newer release.
        put_text_part(if names.is_empty() { "other" } else { "|other" }, out);
    }
    out.push(b'"');
    Ok(())
}

fn transition_line(transition: &Transition, out: &mut Vec<u8>) -> Result<(), LineError> {
    let alert = &transition.alert;
    let time = checked(alert.changed.0.saturating_add(i64::from(alert.revision)))?;
    out.extend_from_slice(b"alerts");
    put_tag(",area=", alert.area.as_deref().unwrap_or_default(), out);
    put_tag(",change=", Change::name(transition.change), out);
    put_tag(",entity=", &alert.entity, out);
    if alert.retrospective {
        out.extend_from_slice(b",retrospective=true");
    }
    put_tag(",rule=", &alert.rule, out);
    put_tag(",severity=", severity_name(alert.severity), out);
    put_tag(",site=", &alert.site, out);
    out.extend_from_slice(status_tag(alert.status).as_bytes());
    put_tag(",stream=", stream_name(alert.stream), out);

    let mut fields = Fields::new(out);
    put_text(&alert.id.0, fields.fixed("id"));
    put_text(state_name(alert.state), fields.fixed("state"));
    let texts = [
        ("title_vi", Some(&*alert.message.vi)),
        ("title_en", Some(&*alert.message.en)),
        ("entity_vi", Some(&*alert.entity_name.vi)),
        ("entity_en", Some(&*alert.entity_name.en)),
        ("area_name", alert.area_name.as_deref()),
        ("measure", alert.measure.as_deref()),
        ("unit", alert.unit.as_deref()),
        ("by", transition.by.as_deref()),
    ];
    for (key, text) in texts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            put_text(text, fields.fixed(key));
        }
    }
    let numbers = [
        ("value", alert.value),
        ("revision", Some(f64::from(alert.revision))),
        ("occurrences", Some(f64::from(alert.occurrences))),
    ];
    for (key, number) in numbers {
        if let Some(number) = number
            && !put_float(number, fields.fixed(key))
        {
            return Err(LineError::NotFinite);
        }
    }
    end(time, out);
    Ok(())
}

fn checked(time: i64) -> Result<i64, LineError> {
    if (TIME_MIN..=TIME_MAX).contains(&time) {
        Ok(time)
    } else {
        Err(LineError::Time)
    }
}

fn end(time: i64, out: &mut Vec<u8>) {
    out.push(b' ');
    put_signed(time, out);
    out.push(b'\n');
}

/// An empty tag value is not allowed: the tag is left out.
fn put_tag(key: &str, value: &str, out: &mut Vec<u8>) {
    if !value.is_empty() {
        out.extend_from_slice(key.as_bytes());
        put_name(value, out);
    }
}

fn put_event_id(id: EventId, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for (index, byte) in id.0.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    out.push(b'"');
}

/// The field set of a line: what stands between two fields, and their keys.
struct Fields<'a> {
    out: &'a mut Vec<u8>,
    none: bool,
}

impl<'a> Fields<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, none: true }
    }

    fn next(&mut self) -> &mut Vec<u8> {
        self.out.push(if self.none { b' ' } else { b',' });
        self.none = false;
        self.out
    }

    /// The value is to be written next.
    fn fixed(&mut self, key: &str) -> &mut Vec<u8> {
        let out = self.next();
        out.extend_from_slice(key.as_bytes());
        out.push(b'=');
        out
    }

    fn of_measure(&mut self, measure: &str, suffix: &str) -> &mut Vec<u8> {
        let out = self.next();
        put_name(measure, out);
        out.extend_from_slice(suffix.as_bytes());
        out.push(b'=');
        out
    }

    /// The key of a float: never one that a text field can have.
    fn of_number(&mut self, measure: &str) -> &mut Vec<u8> {
        let taken = matches!(measure, "time" | DEVICE | EVENT_ID)
            || measure.ends_with(QUALITY_SUFFIX)
            || measure.ends_with(CODE_SUFFIX);
        let out = self.next();
        match measure.as_bytes().split_last() {
            None => out.push(b'%'),
            Some((last, _)) if taken => {
                put_name(&measure[..measure.len() - 1], out);
                put_percent(*last, out);
            }
            Some(_) => put_name(measure, out),
        }
        out.push(b'=');
        out
    }
}

const fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Disaster => "disaster",
        Stream::Energy => "energy",
        Stream::Environment => "environment",
        Stream::Tourism => "tourism",
        Stream::City => "city",
    }
}

const fn kind_tag(kind: Kind) -> &'static str {
    match kind {
        Kind::Reading => ",kind=reading",
        Kind::State => ",kind=state",
        Kind::Warning => ",kind=warning",
        Kind::Announcement => ",kind=announcement",
    }
}

const fn status_tag(status: Status) -> &'static str {
    match status {
        Status::Actual => ",status=actual",
        Status::Exercise => ",status=exercise",
        Status::Test => ",status=test",
    }
}

const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Major => "major",
        Severity::Minor => "minor",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

const fn state_name(state: AlertState) -> &'static str {
    match state {
        AlertState::Unacknowledged => "unacknowledged",
        AlertState::Acknowledged => "acknowledged",
        AlertState::ReturnedUnacknowledged => "returned_unacknowledged",
        AlertState::Normal => "normal",
        AlertState::Latched => "latched",
    }
}
