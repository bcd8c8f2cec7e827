//! One entity: its latest values, each with its recent course, and their JSON.

use event::outcome::{MeasuredView, ValueView};
use event::{EventFlags, Name, Quality, Status, Stream, Time, Value};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::series::{Point, Series};

/// Measures of one entity; a catalogue has far fewer.
const MEASURES_MAX: usize = 64;

pub(super) struct Entity {
    pub(super) name: Name,
    pub(super) device: Name,
    pub(super) stream: Stream,
    pub(super) status: Status,
    pub(super) flags: EventFlags,
    pub(super) observed: Time,
    pub(super) received: Time,
    /// Journal time of the last event: what counts for who is silent longest.
    pub(super) heard: Time,
    pub(super) values: Vec<Current>,
    /// Empty when out of date.
    pub(super) json: String,
    pub(super) dirty: bool,
}

pub(super) struct Current {
    pub(super) measure: Name,
    pub(super) unit: Name,
    pub(super) value: Value,
    pub(super) quality: Quality,
    pub(super) observed: Time,
    pub(super) series: Option<Box<Series>>,
}

impl Entity {
    /// Takes one value; true when the measure has numbers but no series yet.
    ///
    /// `position` is that of the value in its event: a device sends its values in the same order each time.
    pub(super) fn take(
        &mut self,
        position: usize,
        measured: &MeasuredView<'_>,
        observed: Time,
    ) -> bool {
        let is = |current: &Current| &*current.measure == measured.measure;
        let known = if self.values.get(position).is_some_and(is) {
            self.values.get_mut(position)
        } else {
            self.values.iter_mut().find(|current| is(current))
        };
        let Some(current) = known else {
            if self.values.len() >= MEASURES_MAX {
                return false;
            }
            let current = Current::new(measured, observed);
            let wants = current.wants_series();
            self.values.push(current);
            return wants;
        };
        if let Some(series) = &mut current.series
            && let Some(value) = number(measured.value)
        {
            series.push(Point {
                at_ms: observed.0.div_euclid(1_000_000),
                value,
                quality: measured.quality.0,
            });
        }
        if observed >= current.observed {
            current.observed = observed;
            current.quality = measured.quality;
            if &*current.unit != measured.unit {
                current.unit = Name::from(measured.unit);
            }
            current.set(measured.value);
        }
        current.wants_series()
    }
}

impl Current {
    fn new(measured: &MeasuredView<'_>, observed: Time) -> Self {
        let mut current = Self {
            measure: Name::from(measured.measure),
            unit: Name::from(measured.unit),
            value: Value::Boolean(false),
            quality: measured.quality,
            observed,
            series: None,
        };
        current.set(measured.value);
        current
    }

    fn set(&mut self, value: ValueView<'_>) {
        match (value, &self.value) {
            (ValueView::Number(number), _) => self.value = Value::Number(number),
            (ValueView::Boolean(boolean), _) => self.value = Value::Boolean(boolean),
            (ValueView::Code(code), Value::Code(before)) if &**before == code => {}
            (ValueView::Code(code), _) => self.value = Value::Code(Name::from(code)),
        }
    }

    pub(super) fn wants_series(&self) -> bool {
        self.series.is_none() && matches!(self.value, Value::Number(_) | Value::Boolean(_))
    }

    pub(super) fn point(&self, observed: Time) -> Option<Point> {
        let value = match &self.value {
            Value::Number(number) => *number,
            Value::Boolean(boolean) => f64::from(u8::from(*boolean)),
            Value::Code(_) => return None,
        };
        (observed == self.observed).then(|| Point {
            at_ms: observed.0.div_euclid(1_000_000),
            value,
            quality: self.quality.0,
        })
    }
}

fn number(value: ValueView<'_>) -> Option<f64> {
    match value {
        ValueView::Number(number) => Some(number),
        ValueView::Boolean(boolean) => Some(f64::from(u8::from(boolean))),
        ValueView::Code(_) => None,
    }
}

impl Serialize for Entity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Latest", 8)?;
        out.serialize_field("entity", &self.name)?;
        out.serialize_field("device", &self.device)?;
        out.serialize_field("stream", &self.stream)?;
        out.serialize_field("observed", &self.observed)?;
        out.serialize_field("received", &self.received)?;
        out.serialize_field("status", &self.status)?;
        out.serialize_field("flags", &self.flags.names())?;
        out.serialize_field("values", &Values(&self.values))?;
        out.end()
    }
}

struct Values<'a>(&'a [Current]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.0.len()))?;
        for current in self.0 {
            out.serialize_entry(&*current.measure, current)?;
        }
        out.end()
    }
}

impl Serialize for Current {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Value", 4)?;
        match &self.value {
            Value::Number(number) => out.serialize_field("value", number)?,
            Value::Boolean(boolean) => out.serialize_field("value", boolean)?,
            Value::Code(code) => out.serialize_field("value", code)?,
        }
        out.serialize_field("unit", &self.unit)?;
        out.serialize_field("quality", &self.quality.names())?;
        out.serialize_field("observed", &self.observed)?;
        out.end()
    }
}
