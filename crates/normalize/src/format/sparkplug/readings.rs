//! The metrics of a message, gathered into readings by their times.

use std::collections::BTreeMap;

use event::{EventFlags, Quality};

use super::super::{Raw, RawField, Record, Records};
use super::memory::Node;
use super::wire::{Metric, Payload, Value};
use super::{Topic, stamp};
use crate::fault::Fault;

/// Metrics of one time, historical or not.
#[derive(Default)]
pub(super) struct Reading {
    historical: bool,
    timestamp: Option<u64>,
    pub(super) fields: Vec<RawField>,
}

/// The metrics of a message, gathered by their times.
#[derive(Default)]
pub(super) struct Readings {
    /// In order of first appearance.
    pub(super) list: Vec<Reading>,
    pub(super) readable: usize,
    pub(super) alias_unknown: Option<u64>,
    unknown: u64,
}

impl Readings {
    pub(super) fn of(node: &Node, topic: &Topic<'_>, payload: &Payload<'_>) -> Result<Self, Fault> {
        let mut all = Self::default();
        let mut places: BTreeMap<(bool, Option<u64>), usize> = BTreeMap::new();
        for metric in &payload.metrics {
            let (name, datatype) = match (metric.name, metric.alias) {
                (Some(name), _) if !name.is_empty() => {
                    let known = || node.datatype(topic.device, name);
                    (name, metric.datatype.or_else(known).unwrap_or(0))
                }
                (_, Some(alias)) => match node.by_alias(topic.device, alias) {
                    Some((name, datatype)) => (name, metric.datatype.unwrap_or(datatype)),
                    None => {
                        all.alias_unknown = all.alias_unknown.or(Some(alias));
                        all.unknown += 1;
                        continue;
                    }
                },
                _ => {
                    all.unknown += 1;
                    continue;
                }
            };
            all.readable += 1;
            // The session's own housekeeping.
            if name == "bdSeq"
                || name.starts_with("Node Control/")
                || name.starts_with("Device Control/")
            {
                continue;
            }
            // A null is said on purpose and is no value; what is transient is not to be kept, and we keep everything.
            if metric.null {
                continue;
            }
            let value = match metric.value {
                Some(value) if !metric.transient => raw(value, datatype),
                _ => None,
            };
            let Some(value) = value else {
                all.unknown += 1;
                continue;
            };
            let mut field = RawField::new(name, value);
            field.quality = quality(metric)?;
            let timestamp = metric.timestamp.or(payload.timestamp);
            let place = *places
                .entry((metric.historical, timestamp))
                .or_insert_with(|| {
                    let reading = Reading {
                        historical: metric.historical,
                        timestamp,
                        fields: Vec::new(),
                    };
                    all.list.push(reading);
                    all.list.len() - 1
                });
            if let Some(reading) = all.list.get_mut(place) {
                reading.fields.push(field);
            }
        }
        Ok(all)
    }

    pub(super) fn push(self, basis: &Record, out: &mut Records) -> Result<(), Fault> {
        let mut unknown = self.unknown;
        for reading in self.list {
            let history = if reading.historical {
                EventFlags::HISTORY
            } else {
                EventFlags::default()
            };
            out.push(Record {
                stamp: reading.timestamp.map(stamp),
                flags: basis.flags.with(history),
                fields: reading.fields,
                unknown: std::mem::take(&mut unknown),
                ..basis.clone()
            })?;
        }
        Ok(())
    }
}

/// Good is 192, and so are its shades in OPC (192-255); 500 is stale and 64-127 uncertain; what else there is, is bad.
fn quality(metric: &Metric<'_>) -> Result<Quality, Fault> {
    Ok(match metric.quality()? {
        None | Some(192..=255) => Quality::GOOD,
        Some(500 | 64..=127) => Quality::UNCERTAIN_SOURCE,
        Some(_) => Quality::SENSOR_FAULT,
    })
}

/// The value by its datatype: signed integers travel as the two's complement of their width.
fn raw(value: Value<'_>, datatype: u64) -> Option<Raw> {
    Some(match (value, datatype) {
        (Value::Int(bits), 1) => Raw::Number(f64::from(bits as i8)),
        (Value::Int(bits), 2) => Raw::Number(f64::from(bits as i16)),
        (Value::Int(bits), 3) => Raw::Number(f64::from(bits.cast_signed())),
        (Value::Int(bits), 4) => Raw::Number(f64::from(bits.cast_signed())),
        (Value::Int(bits), _) => Raw::Number(f64::from(bits)),
        (Value::Long(bits), 1) => Raw::Number(f64::from(bits as i8)),
        (Value::Long(bits), 2) => Raw::Number(f64::from(bits as i16)),
        (Value::Long(bits), 3) => Raw::Number(f64::from(bits as i32)),
        (Value::Long(bits), 4) => Raw::Number(bits.cast_signed() as f64),
        (Value::Long(bits), _) => Raw::Number(bits as f64),
        (Value::Float(number), _) => Raw::Number(decimal(number)),
        (Value::Double(number), _) => Raw::Number(number),
        (Value::Boolean(value), _) => Raw::Boolean(value),
        (Value::Text(text), _) => Raw::Text(text.to_owned()),
        (Value::Other, _) => return None,
    })
}

/// A 32-bit float as the shortest decimal that means it: 23.4 stays 23.4.
fn decimal(number: f32) -> f64 {
    number
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(number))
}
