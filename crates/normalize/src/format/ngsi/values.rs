//! The single values within attributes, and their readings by time.

use event::EventFlags;
use serde_json::Value;

use super::attribute::instances;
use super::units;
use crate::format::{Raw, RawField, Record, Stamp};
use crate::text;

/// Nesting within an attribute's value.
pub(super) const VALUE_DEPTH_MAX: u32 = 4;

/// A time, or a time from and until.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) from: Stamp,
    pub(super) until: Option<Stamp>,
}

/// The single values within an attribute that the profile wants.
pub(super) struct Leaves<'w> {
    pub(super) wanted: &'w dyn Fn(&str) -> bool,
    pub(super) unit: Option<String>,
    pub(super) fraction: bool,
    pub(super) found: Vec<RawField>,
    pub(super) flags: EventFlags,
    pub(super) unusable: u64,
}

impl Leaves<'_> {
    pub(super) fn take(&mut self, key: &str, value: &Value, levels_left: u32) {
        let wanted = (self.wanted)(key);
        let raw = match value {
            Value::Null => Raw::Null,
            // So NGSI-LD says that an attribute was deleted.
            Value::String(written) if written == "urn:ngsi-ld:null" => Raw::Null,
            Value::Bool(word) => Raw::Boolean(*word),
            Value::Number(number) => Raw::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(written) => {
                let cleaned = text::clean(written);
                if wanted && cleaned.damaged {
                    self.flags = self.flags.with(EventFlags::TEXT_DAMAGED);
                }
                Raw::Text(cleaned.text.into_owned())
            }
            Value::Array(_) | Value::Object(_) => {
                let before = self.found.len();
                if let Some(levels_left) = levels_left.checked_sub(1) {
                    self.inside(key, value, levels_left);
                }
                // Where one value was wanted there are many, and none of them has a name.
                self.unusable += u64::from(wanted && self.found.len() == before);
                return;
            }
        };
        if !wanted {
            return;
        }
        let mut field = RawField::new(key, raw);
        field.unit.clone_from(&self.unit);
        if self.fraction && self.unit.as_deref().is_none_or(|unit| unit == "1") {
            as_percent(&mut field);
        }
        self.found.push(field);
    }

    fn inside(&mut self, key: &str, value: &Value, levels_left: u32) {
        match value {
            Value::Array(list) => {
                // Readings of one thing are few; nobody names the seventeenth.
                for (at, item) in list.iter().take(16).enumerate() {
                    self.take(&format!("{key}[{at}]"), item, levels_left);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    // Phases may be properties themselves.
                    let own = instances(member);
                    for attribute in own {
                        let outer = self.unit.clone();
                        if let Some(unit) = attribute.unit {
                            self.unit = Some(units::ucum(unit));
                        }
                        self.take(&format!("{key}.{name}"), attribute.value, levels_left);
                        self.unit = outer;
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Parts of 1, as the models want it, or percent, as many send it.
fn as_percent(field: &mut RawField) {
    let number = match &field.value {
        Raw::Number(number) => Some(*number),
        Raw::Text(written) => text::number(written, false),
        Raw::Null | Raw::Boolean(_) => None,
    };
    if let Some(number) = number {
        let percent = if (0.0..=1.0).contains(&number) {
            number * 100.0
        } else {
            number
        };
        field.value = Raw::Number(percent);
        field.unit = Some("%".to_owned());
    }
}

/// Attributes by the time that each has: most entities have one.
pub(super) struct Groups {
    /// Attributes with the entity's own time, or without any.
    pub(super) entity: Record,
    span: Option<Span>,
    others: Vec<Record>,
}

/// Times that attributes of one entity may have; temporal lists are longer.
const TIMES_SEARCHED: usize = 64;

impl Groups {
    pub(super) fn new(entity: Record, span: Option<Span>) -> Self {
        Self {
            entity,
            span,
            others: Vec::new(),
        }
    }

    pub(super) fn of(&mut self, observed: Option<Stamp>) -> &mut Record {
        let Some(observed) = observed.filter(|at| self.span.is_none_or(|span| span.from != *at))
        else {
            return &mut self.entity;
        };
        let searched = self.others.len().saturating_sub(TIMES_SEARCHED);
        let known = self
            .others
            .iter()
            .skip(searched)
            .position(|other| other.stamp == Some(observed));
        let at = match known {
            Some(known) => known + searched,
            None => {
                self.others.push(Record {
                    subject: self.entity.subject.clone(),
                    place: self.entity.place,
                    stamp: Some(observed),
                    ..Record::default()
                });
                self.others.len() - 1
            }
        };
        // The position is one of the list.
        match self.others.get_mut(at) {
            Some(record) => record,
            None => &mut self.entity,
        }
    }

    /// Attributes without any time belong to the latest of the others.
    pub(super) fn into_records(mut self) -> Vec<Record> {
        let when = |record: &Record| match record.stamp {
            Some(Stamp::At(time) | Stamp::Local(time)) => Some(time),
            Some(Stamp::Ago(_)) | None => None,
        };
        self.others.sort_by_key(when);
        if self.span.is_none()
            && let Some(latest) = self.others.last_mut()
        {
            latest.fields.append(&mut self.entity.fields);
            latest.flags = latest.flags.with(self.entity.flags);
            latest.unusable += self.entity.unusable;
            latest.unknown += self.entity.unknown;
            (latest.valid_from, latest.valid_to) = (self.entity.valid_from, self.entity.valid_to);
            return self.others;
        }
        if self.others.is_empty() || !self.entity.fields.is_empty() {
            self.others.push(self.entity);
        }
        self.others
    }
}
