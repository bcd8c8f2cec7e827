//! What the LoRaWAN servers have in common: an uplink is either decoded by the server's own codec (an object of fields) or
//! raw, and then the codec that the device's profile names decodes it. Both give the same names, so that one profile serves
//! both.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use event::{EventFlags, Kind, RejectCode};
use serde_json::{Map, Value};

use super::codec::Codec;
use super::{Plan, Raw, RawField, Record, Records, Stamp, Wire};
use crate::catalogue::{Field, Meaning, Profile};
use crate::fault::Fault;

/// Bytes of an application payload; LoRaWAN itself stops at 242.
const FRAME_BYTES_MAX: usize = 1_024;

/// Fields that are looked at; how many one reading may have is the site's affair, and less.
const FIELDS_MAX: usize = 10_000;
/// Longest path of a field.
const KEY_BYTES_MAX: usize = 256;
/// Entries of a decoded history that are looked at; more than a site's `readings_max` is refused behind.
const HISTORY_MAX: usize = 100_001;

/// Standard base64, padded or not.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An uplink, taken out of its server's envelope.
pub(super) struct Uplink<'a> {
    /// Subject, time, sequence and identity.
    pub(super) basis: Record,
    pub(super) address: &'a str,
    /// What the server's codec made of it.
    pub(super) object: Option<&'a Map<String, Value>>,
    /// Base64 of what the device sent.
    pub(super) data: Option<&'a str>,
    pub(super) port: u64,
    pub(super) radio: Option<Radio>,
    /// Codec of devices whose profile names none.
    pub(super) codec: Option<Codec>,
}

/// Reception by the gateway that heard best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Radio {
    pub(super) rssi: f64,
    pub(super) snr: Option<f64>,
}

/// What was read of a payload, by the server's codec or by ours.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decoded {
    pub(super) fields: Vec<RawField>,
    /// Entries of the device's own memory, each with its time.
    pub(super) history: Vec<(Stamp, Vec<RawField>)>,
    /// A report about the device itself (version, battery), not a measurement.
    pub(super) state: bool,
    pub(super) unknown: u64,
    pub(super) unusable: u64,
}

/// A device EUI as the catalogue writes it: 16 small hexadecimal digits.
pub(super) fn eui(text: &str) -> Option<String> {
    let digits = text
        .chars()
        .filter(|letter| !matches!(letter, '-' | ':' | ' '));
    let digits: String = digits
        .take(17)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let sound = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    sound.then_some(digits)
}

pub(super) fn profile<'a>(wire: &Wire<'a>, address: &str) -> Option<&'a Profile> {
    let device = wire.catalogue.by_address(address)?;
    wire.catalogue.profiles.get(device.profile)
}

/// The codec that a profile names, whichever of the formats it is written for.
fn codec(profile: &Profile) -> Option<Codec> {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other formats have no codec"
    )]
    match &profile.plan {
        Plan::Chirpstack(plan) => plan.codec,
        Plan::Ttn(plan) => plan.codec,
        Plan::Frame(plan) => Some(plan.codec),
        _ => None,
    }
}

pub(super) fn deliver(wire: &Wire<'_>, uplink: Uplink<'_>, out: &mut Records) -> Result<(), Fault> {
    let profile = profile(wire, uplink.address);
    let object = uplink.object.filter(|object| !object.is_empty());
    let data = uplink.data.filter(|data| !data.is_empty());
    let decoded = match (object, data) {
        (Some(object), _) => from_object(object),
        (None, Some(data)) => {
            let bytes = BASE64.decode(data.trim()).map_err(|error| {
                Fault::shape(format!(
                    "`data` is not base64 ({error}); check the LoRaWAN server"
                ))
            })?;
            match (profile.and_then(codec).or(uplink.codec), profile) {
                (Some(codec), _) => decode(codec, &bytes, uplink.port)?,
                // That the device is not known is said behind.
                (None, None) => return out.push(uplink.basis),
                (None, Some(profile)) => {
                    let reason = format!(
                        "the uplink of `{}` is raw and profile `{}` names no codec; set `options.codec`, or a codec in the LoRaWAN server",
                        uplink.address, profile.name
                    );
                    return Err(Fault::new(RejectCode::FormatUnknown, reason));
                }
            }
        }
        // The device was only heard.
        (None, None) => return Ok(()),
    };
    push(decoded, profile, uplink.radio, &uplink.basis, out)
}

pub(super) fn decode(codec: Codec, bytes: &[u8], port: u64) -> Result<Decoded, Fault> {
    if bytes.len() > FRAME_BYTES_MAX {
        let reason = format!(
            "the frame has {} bytes, more than {FRAME_BYTES_MAX}; no device sends such a one",
            bytes.len()
        );
        return Err(Fault::malformed(reason));
    }
    codec.decode(bytes, port)
}

/// Records of what was decoded: the current reading, and one for each entry of history.
pub(super) fn push(
    decoded: Decoded,
    profile: Option<&Profile>,
    radio: Option<Radio>,
    basis: &Record,
    out: &mut Records,
) -> Result<(), Fault> {
    let mut fields = decoded.fields;
    if !fields.is_empty() {
        if let (Some(profile), Some(radio)) = (profile, radio) {
            let values = [("rssi", Some(radio.rssi)), ("snr", radio.snr)];
            for (key, value) in values {
                let free = fields.iter().all(|field| field.key != key);
                if let (Some(value), true) = (value, free && field(profile, key).is_some()) {
                    fields.push(RawField::number(key, value));
                }
            }
        }
        mend(profile, &mut fields);
        out.push(Record {
            kind: if decoded.state {
                Some(Kind::State)
            } else {
                basis.kind
            },
            fields,
            unknown: basis.unknown + decoded.unknown,
            unusable: basis.unusable + decoded.unusable,
            ..basis.clone()
        })?;
    } else if decoded.unusable > 0 {
        // A message of nothing but faulty sensors is not silence.
        out.push(Record {
            unknown: basis.unknown + decoded.unknown,
            unusable: basis.unusable + decoded.unusable,
            ..basis.clone()
        })?;
    }
    for (stamp, mut fields) in decoded.history {
        mend(profile, &mut fields);
        out.push(Record {
            stamp: Some(stamp),
            // Sequence number, identity and place belong to the uplink that carried it.
            sequence: None,
            uuid: None,
            place: None,
            flags: basis.flags.with(EventFlags::HISTORY),
            fields,
            ..basis.clone()
        })?;
    }
    Ok(())
}

/// A state of the device with what the profile knows of `fields`; nothing if it knows none of them.
pub(super) fn known_only(
    wire: &Wire<'_>,
    address: &str,
    fields: Vec<RawField>,
    basis: Record,
    out: &mut Records,
) -> Result<(), Fault> {
    let Some(profile) = profile(wire, address) else {
        return Ok(());
    };
    let fields = known(profile, fields);
    if fields.is_empty() {
        return Ok(());
    }
    out.push(Record {
        kind: Some(Kind::State),
        fields,
        ..basis
    })
}

/// Those that the profile knows, read as it expects them.
pub(super) fn known(profile: &Profile, mut fields: Vec<RawField>) -> Vec<RawField> {
    fields.retain(|known| field(profile, &known.key).is_some());
    mend(Some(profile), &mut fields);
    fields
}

/// The device is heard from: joins, solved locations.
pub(super) fn online(basis: Record, out: &mut Records) -> Result<(), Fault> {
    out.push(Record {
        kind: Some(Kind::State),
        fields: vec![RawField::new("online", Raw::Boolean(true))],
        ..basis
    })
}

/// Place of a location object; a coordinate that is left out is zero, two of them are no place.
pub(super) fn place(location: &Value) -> Option<(f64, f64)> {
    let coordinate = |key: &str| location.get(key).and_then(number);
    match (coordinate("latitude"), coordinate("longitude")) {
        (None, None) => None,
        (lat, lon) => Some((lat.unwrap_or(0.0), lon.unwrap_or(0.0))),
    }
}

/// Altitude and the like, for profiles that want them.
pub(super) fn location_fields(location: &Value) -> Vec<RawField> {
    let keys = ["altitude", "accuracy"];
    let fields = keys
        .into_iter()
        .filter_map(|key| Some((key, number(location.get(key)?)?)));
    fields
        .map(|(key, value)| RawField::number(key, value))
        .collect()
}

/// A number, also one that the JSON mapping of protobuf wrote as text.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn field<'p>(profile: &'p Profile, key: &str) -> Option<&'p Field> {
    let mut fields = profile.fields.iter();
    fields.find(|field| **field.from.as_ref().unwrap_or(&field.key) == *key)
}

/// What a server's codec made: nested objects as `a.b`, lists as `a[0]`, and `history` as a list of entries with times.
pub(super) fn from_object(object: &Map<String, Value>) -> Decoded {
    let mut decoded = Decoded::default();
    for (key, value) in object {
        let entries = value.as_array().filter(|_| key == "history");
        let Some(entries) = entries else {
            flatten(key, value, &mut decoded.fields);
            continue;
        };
        // Where they are delivered, one more than may be is told.
        for entry in entries.iter().take(HISTORY_MAX) {
            history(entry, &mut decoded);
        }
    }
    decoded
}

fn history(entry: &Value, decoded: &mut Decoded) {
    const TIMES: [&str; 3] = ["timestamp", "time", "ts"];
    let members = entry.as_object();
    let time = members.and_then(|members| {
        TIMES
            .iter()
            .find_map(|key| Some((*key, members.get(*key)?)))
    });
    let stamp = time.and_then(|(_, value)| match value.as_str() {
        Some(text) => crate::time::from_text(text).map(Stamp::At),
        None => number(value).map(|number| Stamp::At(crate::time::from_float(number))),
    });
    let (Some(members), Some((time, _)), Some(stamp)) = (members, time, stamp) else {
        // Without its own time an entry cannot be told from the present.
        decoded.unusable += 1;
        return;
    };
    let mut fields = Vec::new();
    for (key, value) in members.iter().filter(|(key, _)| *key != time) {
        flatten(key, value, &mut fields);
    }
    if !fields.is_empty() {
        decoded.history.push((stamp, fields));
    }
}

/// The depth of the document is bounded where it was parsed, its width and the length of its names here: each item of a list
/// carries the whole path.
pub(super) fn flatten(key: &str, value: &Value, fields: &mut Vec<RawField>) {
    if fields.len() > FIELDS_MAX {
        return;
    }
    if key.len() > KEY_BYTES_MAX {
        // Nobody asks for such a name: it is counted as unknown.
        let start = key.get(..key.floor_char_boundary(KEY_BYTES_MAX));
        fields.push(RawField::new(start.unwrap_or_default(), Raw::Null));
        return;
    }
    match value {
        Value::Null => {}
        Value::Bool(value) => fields.push(RawField::new(key, Raw::Boolean(*value))),
        Value::Number(number) => {
            fields.push(RawField::number(key, number.as_f64().unwrap_or(f64::NAN)));
        }
        Value::String(text) => fields.push(RawField::new(key, Raw::Text(text.clone()))),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{key}[{at}]"), item, fields);
            }
        }
        Value::Object(members) => {
            for (inner, value) in members {
                flatten(&format!("{key}.{inner}"), value, fields);
            }
        }
    }
}

/// Codecs write booleans and quantities as words (`"True"`, `"1752 mm"`): read as what the profile expects.
fn mend(profile: Option<&Profile>, fields: &mut [RawField]) {
    let Some(profile) = profile else { return };
    for raw in fields {
        let Some(known) = field(profile, &raw.key) else {
            continue;
        };
        match (&known.meaning, &raw.value) {
            (Meaning::Boolean { .. }, Raw::Text(text)) => {
                if let Some(value) = boolean(text) {
                    raw.value = Raw::Boolean(value);
                }
            }
            (Meaning::Boolean { .. }, Raw::Number(number)) if *number == 0.0 || *number == 1.0 => {
                raw.value = Raw::Boolean(*number == 1.0);
            }
            (Meaning::Number { .. }, Raw::Text(text)) => {
                if let Some((number, unit)) = quantity(text) {
                    raw.value = Raw::Number(number);
                    raw.unit = Some(unit.to_owned());
                }
            }
            (Meaning::Quality { .. }, Raw::Boolean(value)) => {
                raw.value = Raw::Text(value.to_string());
            }
            _ => {}
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    const YES: [&str; 9] = [
        "true", "yes", "on", "1", "high", "trigger", "alarm", "open", "occupied",
    ];
    const NO: [&str; 9] = [
        "false", "no", "off", "0", "low", "idle", "normal", "close", "vacant",
    ];
    let is = |words: &[&str]| {
        words
            .iter()
            .any(|word| text.trim().eq_ignore_ascii_case(word))
    };
    match (is(&YES), is(&NO)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// `1752 mm`, `3.402 V`, `25.10 °C`: a number with a unit behind it.
fn quantity(text: &str) -> Option<(f64, &'static str)> {
    const UNITS: [(&str, &str); 13] = [
        ("mm", "mm"),
        ("cm", "cm"),
        ("m", "m"),
        ("mV", "mV"),
        ("V", "V"),
        ("°C", "Cel"),
        ("℃", "Cel"),
        ("C", "Cel"),
        ("%", "%"),
        ("%RH", "%"),
        ("hPa", "hPa"),
        ("kPa", "kPa"),
        ("m/s", "m/s"),
    ];
    let text = text.trim();
    let digit = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-' | '+');
    let end = text.find(|letter| !digit(letter))?;
    let (number, unit) = text.split_at_checked(end)?;
    let unit = unit.trim();
    let (_, unit) = UNITS.iter().find(|(word, _)| *word == unit)?;
    let number: f64 = number.parse().ok()?;
    number.is_finite().then_some((number, *unit))
}

#[cfg(test)]
pub(super) mod tests;
