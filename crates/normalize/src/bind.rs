//! From a format's record to a reading: fields find their measures by the profile, values their units, times their zone.

use event::{Kind, Measured, Name, Quality, RejectCode, Time, Value};

use crate::catalogue::{Catalogue, Field, Meaning, Profile};
use crate::fault::Fault;
use crate::format::{Raw, RawField, Record, Stamp};
use crate::native::{battery, code_of};
use crate::personal::{self, Personal};
use crate::reading::Reading;
use crate::units;

/// The field of a device state that every profile knows.
const ONLINE: &str = "online";

/// Keys that are known only once the message is decoded: metrics of protocol buffers, labels of CBOR, parameters by name.
pub(crate) fn check_personal(field: &RawField, personal: &Personal) -> Result<(), Fault> {
    let key = last_part(&field.key);
    if personal.is_key(key) && !is_empty(&field.value) {
        return Err(personal::fault(&[key.to_owned()]));
    }
    Ok(())
}

/// Does not fail but for personal data: what a value lacks makes it unusable, not the message.
pub(crate) fn bind(
    record: Record,
    profile: &Profile,
    catalogue: &Catalogue,
    received: Time,
) -> Result<Reading, Fault> {
    let instant = |stamp: Stamp| match stamp {
        Stamp::At(time) => time,
        Stamp::Local(time) => time.plus(profile.zone_ns.saturating_neg()),
        Stamp::Ago(nanoseconds) => received.plus(nanoseconds.saturating_neg()),
    };
    let (stamp, ago) = match record.stamp {
        Some(Stamp::Ago(nanoseconds)) => (None, Some(nanoseconds)),
        other => (other.map(instant), None),
    };
    let mut reading = Reading {
        kind: record.kind,
        stamp,
        ago,
        until: record.until.map(instant),
        valid_from: record.valid_from.map(instant),
        valid_to: record.valid_to.map(instant),
        sequence: record.sequence,
        uuid: record.uuid,
        status: record.status,
        lat: None,
        lon: None,
        area: record.area,
        values: Vec::with_capacity(record.fields.len()),
        flags: record.flags,
        unusable: record.unusable,
        unknown: record.unknown,
        status_word: false,
    };
    match record.place {
        Some((lat, lon)) if lat.is_finite() && lon.is_finite() => {
            (reading.lat, reading.lon) = (Some(lat), Some(lon));
        }
        Some(_) => reading.unusable += 1,
        None => {}
    }
    let mut binder = Binder {
        profile,
        catalogue,
        reading,
        quality: record.quality,
        slots_filled: 0,
    };
    for field in record.fields {
        binder.field(field)?;
    }
    Ok(binder.finish())
}

struct Binder<'c> {
    profile: &'c Profile,
    catalogue: &'c Catalogue,
    reading: Reading,
    /// Of all values.
    quality: Quality,
    /// A bit a measure of the profile.
    slots_filled: u64,
}

impl Binder<'_> {
    fn field(&mut self, raw: RawField) -> Result<(), Fault> {
        let fields = &self.profile.fields;
        let named = |field: &&Field| field.from.as_deref().unwrap_or(&field.key) == raw.key;
        let Some(field) = fields.iter().find(named) else {
            self.unlisted(&raw);
            return Ok(());
        };
        if matches!(raw.value, Raw::Null) {
            return Ok(());
        }
        if let Meaning::Quality { words } = &field.meaning {
            self.reading.status_word = true;
            let known = words.iter().find(|(word, _)| is_word(&raw.value, word));
            self.quality = self
                .quality
                .with(known.map_or(Quality::SENSOR_FAULT, |(_, quality)| *quality));
            self.reading.unusable += u64::from(known.is_none());
            return Ok(());
        }
        if field.free_text
            && let Raw::Text(text) = &raw.value
            && personal::is_number_of_a_person(text)
        {
            return Err(personal::fault(&[field.key.to_string()]));
        }
        let slot = 1_u64 << (field.slot & 63);
        match self.measured(field, &raw) {
            // Two fields of one measure: the first wins, the other is told as unusable.
            Some(measured) if self.slots_filled & slot == 0 => {
                self.slots_filled |= slot;
                self.quality = self.quality.with(battery(field, &measured));
                self.reading.values.push(measured);
            }
            _ => self.reading.unusable += 1,
        }
        Ok(())
    }

    /// A field that the profile does not list: a device's state, or nothing of ours.
    fn unlisted(&mut self, raw: &RawField) {
        let state = self.reading.kind == Some(Kind::State);
        match (&self.catalogue.online, &raw.value) {
            (Some(measure), Raw::Boolean(online)) if state && raw.key == ONLINE => {
                self.reading.values.push(Measured {
                    measure: measure.clone(),
                    value: Value::Boolean(*online),
                    unit: Name::from(""),
                    quality: raw.quality,
                });
            }
            _ => self.reading.unknown += 1,
        }
    }

    fn measured(&mut self, field: &Field, raw: &RawField) -> Option<Measured> {
        let (measure, unit, value, quality) = match &field.meaning {
            Meaning::Number {
                measure,
                unit,
                conversion,
                range,
                text,
                gas,
                ..
            } => {
                let number = self.number(&raw.value, *text)?;
                let (conversion, gas) = match raw.unit.as_deref() {
                    // The unit that came with the value counts before the profile's; one that does not lead to the measure's
                    // makes the value unusable.
                    Some(own) => self.catalogue.units.between(own, measure, unit)?,
                    None => (*conversion, *gas),
                };
                let assumed = if gas { Quality::ASSUMED } else { Quality::GOOD };
                let value = Some(conversion.apply(number)).filter(|value| value.is_finite())?;
                let plausible = range.is_none_or(|(low, high)| (low..=high).contains(&value));
                let range = if plausible {
                    Quality::GOOD
                } else {
                    Quality::OUT_OF_RANGE
                };
                (measure, unit, Value::Number(value), range.with(assumed))
            }
            Meaning::Boolean { measure, unit } => {
                let truth = truth(&raw.value)?;
                (measure, unit, Value::Boolean(truth), Quality::GOOD)
            }
            Meaning::Code {
                measure,
                unit,
                codes,
                open,
            } => {
                let code = match &raw.value {
                    Raw::Text(text) => code_of(text, codes, *open)?,
                    Raw::Number(number) => code_of(&number.to_string(), codes, *open)?,
                    Raw::Boolean(_) | Raw::Null => return None,
                };
                (measure, unit, Value::Code(code), Quality::GOOD)
            }
            Meaning::Quality { .. } => return None,
        };
        Some(Measured {
            measure: measure.clone(),
            value,
            unit: unit.clone(),
            quality: quality.with(raw.quality),
        })
    }

    fn number(&self, value: &Raw, text_allowed: bool) -> Option<f64> {
        let number = match value {
            Raw::Number(number) => *number,
            Raw::Text(text) if text_allowed || self.profile.decimal_comma => {
                crate::text::number(text, self.profile.decimal_comma)?
            }
            Raw::Text(_) | Raw::Boolean(_) | Raw::Null => return None,
        };
        number.is_finite().then_some(number)
    }

    fn finish(mut self) -> Reading {
        if !self.quality.is_good() {
            for measured in &mut self.reading.values {
                measured.quality = measured.quality.with(self.quality);
            }
        }
        settle_gases(&mut self.reading.values);
        self.reading
    }
}

/// Gases that came by volume, put right by the air's own temperature and pressure where the message has them. Without a
/// temperature they stay as of 25 °C and 1 atm and say so.
#[inline]
pub(crate) fn settle_gases(values: &mut [Measured]) {
    if !values
        .iter()
        .any(|measured| measured.quality.has(Quality::ASSUMED))
    {
        return;
    }
    let good = |name: &str, unit: &str| {
        let measured = values.iter().find(|measured| &*measured.measure == name)?;
        let sound = measured.quality.is_usable() && &*measured.unit == unit;
        if let Value::Number(value) = measured.value {
            sound.then_some(value)
        } else {
            None
        }
    };
    let Some(celsius) = good("temp", "Cel").filter(|celsius| (-60.0..=80.0).contains(celsius))
    else {
        return;
    };
    let factor = units::at_conditions(celsius, good("pressure", "hPa"));
    for measured in values {
        if measured.quality.has(Quality::ASSUMED)
            && let Value::Number(value) = &mut measured.value
        {
            *value *= factor;
            measured.quality = Quality(measured.quality.0 & !Quality::ASSUMED.0);
        }
    }
}

/// What makes a reading with nothing in it a reject.
pub(crate) fn check_values(
    reading: &Reading,
    profile: &Profile,
    keys: &[String],
) -> Result<(), Fault> {
    if !reading.values.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = profile
        .fields
        .iter()
        .map(|field| field.from.as_deref().unwrap_or(&field.key))
        .collect();
    let reason = format!(
        "no usable value ({} of no use; it has {}); profile `{}` knows {}",
        reading.unusable,
        keys.join(", "),
        profile.name,
        known.join(", ")
    );
    Err(Fault::new(RejectCode::NoValues, reason))
}

/// `object.a.phone`, `urn:x:phone` -> `phone`.
fn last_part(key: &str) -> &str {
    key.rsplit(['.', '/', ':']).next().unwrap_or(key)
}

fn is_empty(value: &Raw) -> bool {
    match value {
        Raw::Null => true,
        Raw::Text(text) => text.trim().is_empty(),
        Raw::Boolean(_) | Raw::Number(_) => false,
    }
}

fn is_word(value: &Raw, word: &str) -> bool {
    let number = |text: &str| text.parse::<u64>().ok();
    match value {
        Raw::Text(text) => {
            let text = text.trim_ascii();
            text == word || number(text).is_some_and(|own| number(word) == Some(own))
        }
        Raw::Number(own) => number(word).is_some_and(|word| (word as f64 - own).abs() < 1e-9),
        Raw::Boolean(own) => (word == "true" && *own) || (word == "false" && !*own),
        Raw::Null => false,
    }
}

/// Booleans as devices write them: `true`, `"True"`, `"on"`, 1.
fn truth(value: &Raw) -> Option<bool> {
    match value {
        Raw::Boolean(truth) => Some(*truth),
        Raw::Number(number) if *number == 1.0 => Some(true),
        Raw::Number(number) if *number == 0.0 => Some(false),
        Raw::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" | "online" | "open" => Some(true),
            "false" | "off" | "no" | "0" | "offline" | "closed" => Some(false),
            _ => None,
        },
        Raw::Number(_) | Raw::Null => None,
    }
}
