//! The native payload: one flat JSON object, decoded in one pass without a tree.
//!
//! - Keys are the profile's fields and the keys of the format ([`RESERVED`]). Others are counted and skipped, nested ones
//!   included, down to the depth limit.
//! - `null` is absent. A number is a JSON number; text is read as a number only where the profile says so.
//! - A known key that comes twice is a reject: which of the two is right cannot be known.
//! - A device's word about its own sensors counts as text or as a number, with or without leading zeros (`"01"`, `"1"`, `1`); one
//!   that the profile does not list makes the values of the message as bad as a sensor fault, never good.
//! - A known field of the wrong type is left out and the event says so: one dead sensor of a station must not silence the
//!   others. A wrong `ts` or `status` is a reject, because time and drill decide what the values mean.

mod scalar;

use std::cell::Cell;
use std::fmt;

use event::{EventId, Measured, Name, Quality, RejectCode, Status, Value};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use crate::bind;
use crate::catalogue::{Field, Limits, Meaning, Profile, RESERVED};
use crate::fault::Fault;
use crate::reading::Reading;
use scalar::{Scalar, ScalarSeed};

/// Decodes `text` as sent by `device`.
#[inline]
pub(crate) fn decode(
    text: &str,
    device: &str,
    profile: &Profile,
    limits: &Limits,
) -> Result<Reading, Fault> {
    let mut decoder = Decoder {
        device,
        profile,
        limits,
        reading: Reading {
            values: Vec::with_capacity(profile.measures),
            ..Reading::default()
        },
        quality: Quality::GOOD,
        too_deep: Cell::new(false),
        fault: None,
        fields_seen: 0,
        slots_filled: 0,
        reserved_seen: 0,
        keys: 0,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let result = json.deserialize_map(&mut decoder).and_then(|()| json.end());
    if let Err(error) = result {
        return Err(decoder.explain(&error));
    }
    let Decoder {
        mut reading,
        quality,
        ..
    } = decoder;
    if !quality.is_good() {
        for measured in &mut reading.values {
            measured.quality = measured.quality.with(quality);
        }
    }
    bind::settle_gases(&mut reading.values);
    Ok(reading)
}

struct Decoder<'c> {
    device: &'c str,
    profile: &'c Profile,
    limits: &'c Limits,
    reading: Reading,
    /// Of all values, by the device's own word.
    quality: Quality,
    too_deep: Cell<bool>,
    fault: Option<Fault>,
    /// A bit a field of the profile; a profile has at most 64.
    fields_seen: u64,
    /// A bit a measure.
    slots_filled: u64,
    /// A bit a reserved key.
    reserved_seen: u16,
    keys: u64,
}

impl Decoder<'_> {
    fn explain(&mut self, error: &serde_json::Error) -> Fault {
        if let Some(fault) = self.fault.take() {
            return fault;
        }
        if self.too_deep.get() {
            let depth = self.limits.depth_max;
            return Fault::new(
                RejectCode::PayloadShape,
                format!("the payload is nested deeper than {depth} levels; send one flat object"),
            );
        }
        if error.is_data() {
            return Fault::new(
                RejectCode::PayloadShape,
                "the payload is JSON but not an object; send one flat object",
            );
        }
        Fault::new(
            RejectCode::PayloadNotJson,
            format!("the payload is not valid JSON ({error}); check the device's firmware"),
        )
    }

    fn fail<E: Error>(&mut self, code: RejectCode, reason: String) -> E {
        self.fault = Some(Fault { code, reason });
        E::custom("rejected")
    }

    fn twice<E: Error>(&mut self, key: &str) -> E {
        let reason = format!("`{key}` appears twice in one payload; send each key once");
        self.fail(RejectCode::PayloadShape, reason)
    }

    #[inline]
    fn field<E: Error>(&mut self, index: usize, scalar: &Scalar<'_>) -> Result<(), E> {
        let profile = self.profile;
        let field = &profile.fields[index];
        let bit = 1_u64 << (index & 63);
        if self.fields_seen & bit != 0 {
            return Err(self.twice(&field.key));
        }
        self.fields_seen |= bit;
        if matches!(scalar, Scalar::Null) {
            return Ok(());
        }
        if let Meaning::Quality { words } = &field.meaning {
            let word = words.iter().find(|(word, _)| scalar.is_word(word));
            self.reading.status_word = true;
            // What the device says about itself and nobody understands is no reason to trust it.
            self.quality = self
                .quality
                .with(word.map_or(Quality::SENSOR_FAULT, |(_, quality)| *quality));
            self.reading.unusable += u64::from(word.is_none());
            return Ok(());
        }
        let slot = 1_u64 << (field.slot & 63);
        match measured(field, scalar) {
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

    fn reserved<E: Error>(&mut self, index: usize, scalar: &Scalar<'_>) -> Result<(), E> {
        let key = RESERVED[index];
        let bit = 1_u16 << index;
        if self.reserved_seen & bit != 0 {
            return Err(self.twice(key));
        }
        self.reserved_seen |= bit;
        if matches!(scalar, Scalar::Null) {
            return Ok(());
        }
        match key {
            "id" => self.id(scalar),
            "ts" => {
                self.reading.stamp = scalar.time();
                if self.reading.stamp.is_none() {
                    let reason = format!(
                        "`ts` is {scalar}, which is no time; send RFC 3339 with a zone or a number since 1970"
                    );
                    return Err(self.fail(RejectCode::TimeInvalid, reason));
                }
                Ok(())
            }
            "status" => self.status(scalar),
            _ => {
                if !self.optional(key, scalar) {
                    self.reading.unusable += 1;
                }
                Ok(())
            }
        }
    }

    fn id<E: Error>(&mut self, scalar: &Scalar<'_>) -> Result<(), E> {
        if scalar.text() == Some(self.device) {
            return Ok(());
        }
        let reason = format!(
            "the topic names device `{}` but `id` is {scalar}; make both the same",
            self.device
        );
        Err(self.fail(RejectCode::DeviceMismatch, reason))
    }

    fn status<E: Error>(&mut self, scalar: &Scalar<'_>) -> Result<(), E> {
        self.reading.status = match scalar.text() {
            Some("actual") => Status::Actual,
            Some("exercise") => Status::Exercise,
            Some("test") => Status::Test,
            _ => {
                let reason = format!(
                    "`status` is {scalar}; it must be \"actual\", \"exercise\" or \"test\""
                );
                return Err(self.fail(RejectCode::PayloadShape, reason));
            }
        };
        Ok(())
    }

    /// Keys that a message can do without; false when the value is of no use.
    fn optional(&mut self, key: &str, scalar: &Scalar<'_>) -> bool {
        let reading = &mut self.reading;
        match key {
            "seq" => keep(&mut reading.sequence, scalar.unsigned()),
            "ts_until" => keep(&mut reading.until, scalar.time()),
            "valid_from" => keep(&mut reading.valid_from, scalar.time()),
            "valid_to" => keep(&mut reading.valid_to, scalar.time()),
            // The nil UUID is what a device sends that has none: it identifies nothing.
            "uuid" | "event_id" => {
                let uuid = scalar.text().and_then(|text| text.parse().ok());
                let uuid = uuid.filter(|id: &EventId| *id != EventId::default());
                keep(&mut reading.uuid, uuid)
            }
            "lat" => keep(
                &mut reading.lat,
                scalar.number().filter(|lat| lat.abs() <= 90.0),
            ),
            "lon" => keep(
                &mut reading.lon,
                scalar.number().filter(|lon| lon.abs() <= 180.0),
            ),
            _ => false,
        }
    }
}

fn keep<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let usable = value.is_some();
    if usable {
        *place = value;
    }
    usable
}

#[inline]
fn measured(field: &Field, scalar: &Scalar<'_>) -> Option<Measured> {
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
            let raw = match scalar.text().filter(|_| *text) {
                Some(digits) => number_in(digits)?,
                None => scalar.number()?,
            };
            let value = Some(conversion.apply(raw)).filter(|value| value.is_finite())?;
            let plausible = range.is_none_or(|(low, high)| (low..=high).contains(&value));
            let quality = if plausible {
                Quality::GOOD
            } else {
                Quality::OUT_OF_RANGE
            };
            let quality = if *gas {
                quality.with(Quality::ASSUMED)
            } else {
                quality
            };
            (measure, unit, Value::Number(value), quality)
        }
        Meaning::Boolean { measure, unit } => {
            let Scalar::Boolean(value) = scalar else {
                return None;
            };
            (measure, unit, Value::Boolean(*value), Quality::GOOD)
        }
        Meaning::Code {
            measure,
            unit,
            codes,
            open,
        } => {
            let word = scalar.text()?;
            let code = code_of(word, codes, *open)?;
            (measure, unit, Value::Code(code), Quality::GOOD)
        }
        Meaning::Quality { .. } => return None,
    };
    Some(Measured {
        measure: measure.clone(),
        value,
        unit: unit.clone(),
        quality,
    })
}

/// What a low battery means for all values of its message.
#[inline]
pub(crate) fn battery(field: &Field, measured: &Measured) -> Quality {
    match (&field.meaning, &measured.value) {
        (Meaning::Number { low: Some(low), .. }, Value::Number(value)) if value < low => {
            Quality::LOW_BATTERY
        }
        _ => Quality::GOOD,
    }
}

/// A word of the list, or any text where the list is open.
pub(crate) fn code_of(word: &str, codes: &[Name], open: Option<usize>) -> Option<Name> {
    let listed = codes.iter().find(|code| &***code == word);
    listed.cloned().or_else(|| {
        let bytes_max = open?;
        (!word.is_empty() && word.len() <= bytes_max).then(|| Name::from(word))
    })
}

/// Digits, sign, point and exponent only: `inf`, `nan` and decimal commas are not numbers here.
fn number_in(text: &str) -> Option<f64> {
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let number: f64 = text.bytes().all(plain).then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}

impl<'de> Visitor<'de> for &mut Decoder<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut hint = 0;
        while let Some(key) = map.next_key_seed(KeySeed {
            profile: self.profile,
            hint,
        })? {
            self.keys += 1;
            if self.keys > self.limits.fields_max {
                let reason = format!(
                    "more than {} keys in one payload; split it",
                    self.limits.fields_max
                );
                return Err(self.fail(RejectCode::TooManyFields, reason));
            }
            let seed = ScalarSeed {
                levels_left: self.limits.depth_max,
                too_deep: &self.too_deep,
            };
            let scalar = map.next_value_seed(seed)?;
            match key {
                Key::Field(index) => {
                    hint = index + 1;
                    self.field(index, &scalar)?;
                }
                Key::Reserved(index) => self.reserved(index, &scalar)?,
                Key::Unknown => self.reading.unknown += 1,
            }
        }
        Ok(())
    }
}

enum Key {
    Field(usize),
    Reserved(usize),
    Unknown,
}

/// Compares a key where it lies. Devices send their fields in one order, so the one after the last is tried first.
struct KeySeed<'c> {
    profile: &'c Profile,
    hint: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        let fields = &self.profile.fields;
        if fields
            .get(self.hint)
            .is_some_and(|field| &*field.key == key)
        {
            return Ok(Key::Field(self.hint));
        }
        if let Some(index) = RESERVED.iter().position(|reserved| *reserved == key) {
            return Ok(Key::Reserved(index));
        }
        let field = fields.iter().position(|field| &*field.key == key);
        Ok(field.map_or(Key::Unknown, Key::Field))
    }
}
