//! Tasmota telemetry: `tele/{topic}/SENSOR`, `STATE`, `LWT` and their relatives, as the device's `FullTopic` orders them.
//!
//! Contract: the device is what `%topic%` stands for. A sensor message becomes one record whose keys are the paths of the
//! message (`ENERGY.Voltage`, `DS18B20-1.Temperature`); lists, which multi-phase meters send, are numbered from 1
//! (`ENERGY.Voltage.2`), and lists of what adds up also have a `.sum`. `TempUnit`, `PressureUnit` and `SpeedUnit` say the
//! unit of the values that they are about. `Time` has no zone: the profile says whose it is; an `Epoch` or `UtcTime` beside
//! it is better and is taken first. `STATE` and `RESULT` give a device state where the profile asks for one of their values.

use event::{Kind, RejectCode};
use serde_json::{Map, Value};

use super::shelly::{self, flatten};
use super::{Options, Raw, RawField, Record, Records, Stamp, Subject, Wire, stamp, tree};
use crate::fault::Fault;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Levels of the device's `FullTopic`; the last level, which says what the message is, comes behind them.
    full_topic: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Prefix,
    /// As many levels as the others leave.
    Topic,
    /// `%id%`, `%hostname%`.
    Any,
    Word(String),
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let text = options.text("full_topic")?.unwrap_or("%prefix%/%topic%/");
        let levels = text.strip_suffix('/').unwrap_or(text).split('/');
        let full_topic: Vec<Level> = levels
            .map(|level| match level {
                "%prefix%" => Ok(Level::Prefix),
                "%topic%" => Ok(Level::Topic),
                "%id%" | "%hostname%" => Ok(Level::Any),
                word if word.is_empty() || word.contains(['%', '+', '#']) => Err(format!(
                    "`options.full_topic` has the level `{word}`; there are %prefix%, %topic%, %id%, %hostname% and words"
                )),
                word => Ok(Level::Word(word.to_owned())),
            })
            .collect::<Result<_, _>>()?;
        let count = |wanted: &Level| full_topic.iter().filter(|level| *level == wanted).count();
        if count(&Level::Topic) != 1 || count(&Level::Prefix) > 1 {
            return Err(
                "`options.full_topic` needs %topic% once, and %prefix% at most once".to_owned(),
            );
        }
        Ok(Self { full_topic })
    }

    /// What `%topic%` stands for, and the last level.
    fn take<'t>(&self, topic: &'t str) -> Option<(&'t str, &'t str)> {
        let (full, what) = topic.rsplit_once('/')?;
        let at = self
            .full_topic
            .iter()
            .position(|level| *level == Level::Topic)?;
        let (before, after) = (self.full_topic.get(..at)?, self.full_topic.get(at + 1..)?);
        let fits = |level: &Level, word: &str| match level {
            Level::Prefix => word == "tele" || word == "stat",
            Level::Word(wanted) => wanted == word,
            Level::Any | Level::Topic => !word.is_empty(),
        };
        let mut name = full;
        for level in before {
            let (word, rest) = name.split_once('/')?;
            name = fits(level, word).then_some(rest)?;
        }
        for level in after.iter().rev() {
            let (rest, word) = name.rsplit_once('/')?;
            name = fits(level, word).then_some(rest)?;
        }
        (!name.is_empty()).then_some((name, what))
    }
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    super::modbus::check_size(wire)?;
    let (subject, what) = match wire.device {
        // The topic is not Tasmota's own: the message itself must say what it is.
        Some(_) => (Subject::Topic, guess(wire.payload)),
        None => {
            let (name, what) = plan.take(wire.topic).ok_or_else(|| {
                let reason = "the topic does not fit `options.full_topic` of the source; correct it or the device's FullTopic";
                Fault::new(RejectCode::TopicUnknown, reason)
            })?;
            (Subject::Address(name.to_owned()), what)
        }
    };
    match what {
        "SENSOR" => out.push(reading(wire, subject)?),
        // Answers to `Status 8` and `Status 10`: the same, one level deeper.
        "STATUS8" | "STATUS10" => out.push(answer(wire, subject)?),
        "LWT" => out.push(will(wire, subject)?),
        "STATE" | "RESULT" | "HASS_STATE" | "UPTIME" | "POWER" => state(wire, subject, out),
        _ if what.starts_with("INFO")
            || what.starts_with("STATUS")
            || what == "MARGINS"
            || what == "EVENT" =>
        {
            Ok(())
        }
        _ => {
            let reason = format!(
                "the last level {what:?} is none that Tasmota reports with; there are SENSOR, STATE, LWT, INFO and RESULT"
            );
            Err(Fault::new(RejectCode::TopicUnknown, reason))
        }
    }
}

/// What a message is that a bridge republished.
fn guess(payload: &[u8]) -> &'static str {
    match payload.trim_ascii() {
        b"Online" | b"Offline" => "LWT",
        text if text.starts_with(b"{\"StatusSNS\"") => "STATUS8",
        _ => "SENSOR",
    }
}

fn object(wire: &Wire<'_>) -> Result<Map<String, Value>, Fault> {
    match tree::parse(wire)? {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Fault::shape(
                "a Tasmota message is a JSON object; check what else publishes on this topic",
            ))
        }
    }
}

fn reading(wire: &Wire<'_>, subject: Subject) -> Result<Record, Fault> {
    record(wire, subject, object(wire)?)
}

fn answer(wire: &Wire<'_>, subject: Subject) -> Result<Record, Fault> {
    match object(wire)?.remove("StatusSNS") {
        Some(Value::Object(members)) => record(wire, subject, members),
        _ => Err(Fault::shape(
            "the answer has no object `StatusSNS`; ask with `Status 8` or `Status 10`",
        )),
    }
}

/// `Online` and `Offline`, retained; the offline one is the broker's word for the device.
fn will(wire: &Wire<'_>, subject: Subject) -> Result<Record, Fault> {
    let text = crate::checks::payload_text(wire.payload)?;
    let word = text.trim().to_ascii_lowercase();
    let online = match word.as_str() {
        "online" => true,
        "offline" => false,
        _ => {
            let reason = "LWT is neither Online nor Offline; set the device back to the words of its firmware";
            return Err(Fault::shape(reason));
        }
    };
    Ok(shelly::online(subject, online))
}

/// What the device says of itself counts only where the profile asks for it.
fn state(wire: &Wire<'_>, subject: Subject, out: &mut Records) -> Result<(), Fault> {
    if wire.topic.ends_with("/POWER") {
        // `stat/{topic}/POWER` is the bare word.
        return Ok(());
    }
    let mut record = record(wire, subject, object(wire)?)?;
    record.kind = Some(Kind::State);
    shelly::keep_wanted(wire, &mut record);
    if record.fields.is_empty() {
        return Ok(());
    }
    out.push(record)
}

fn record(wire: &Wire<'_>, subject: Subject, members: Map<String, Value>) -> Result<Record, Fault> {
    let units = Units::of(&members);
    let stamp = time(&members)?;
    let mut fields = Vec::new();
    for (name, value) in &members {
        if HEAD.contains(&name.as_str()) {
            continue;
        }
        flatten(name, value, &mut fields);
        lists(name, value, &mut fields);
    }
    for field in &mut fields {
        field.unit = units.unit(&field.key).map(str::to_owned);
        switched(field);
    }
    let mut record = Record {
        subject,
        stamp,
        fields,
        ..Record::default()
    };
    if record.fields.len() > 32 {
        // Many sensors hang on one device; what the profile does not know need not be carried along.
        let before = record.fields.len();
        shelly::keep_wanted(wire, &mut record);
        record.unknown += (before - record.fields.len()) as u64;
    }
    Ok(record)
}

/// Members that are about the message, not values.
const HEAD: [&str; 7] = [
    "Time",
    "Epoch",
    "UtcTime",
    "UTC",
    "TempUnit",
    "PressureUnit",
    "SpeedUnit",
];

/// `Time` follows the device's `Time` setting: ISO without zone, ISO with one, seconds or milliseconds since 1970.
fn time(members: &Map<String, Value>) -> Result<Option<Stamp>, Fault> {
    for key in ["Epoch", "UtcTime", "UTC"] {
        match members.get(key).and_then(stamp::of_json) {
            // These two are UTC by their name, with or without a zone.
            Some(Stamp::Local(time) | Stamp::At(time)) => return Ok(Some(Stamp::At(time))),
            Some(Stamp::Ago(_)) | None => {}
        }
    }
    match members.get("Time") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match stamp::of_json(value) {
            Some(time) => Ok(Some(time)),
            None => {
                let reason = "`Time` cannot be read; set the device's `Time` to 1, 2, 3 or 4";
                Err(Fault::new(RejectCode::TimeInvalid, reason))
            }
        },
    }
}

/// Lists of a block: one key an element, and a sum of what adds up.
fn lists(path: &str, value: &Value, fields: &mut Vec<RawField>) {
    const ADD_UP: [&str; 6] = [
        "Power",
        "ApparentPower",
        "ReactivePower",
        "Total",
        "Today",
        "Yesterday",
    ];
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                lists(&format!("{path}.{name}"), member, fields);
            }
        }
        Value::Array(items) if items.len() <= ELEMENTS_MAX => {
            for (at, item) in items.iter().enumerate() {
                if !item.is_array() && !item.is_object() {
                    flatten(&format!("{path}.{}", at + 1), item, fields);
                }
            }
            let numbers: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
            let adds_up = path
                .rsplit('.')
                .next()
                .is_some_and(|name| ADD_UP.contains(&name));
            if let Some(numbers) = numbers.filter(|numbers| adds_up && !numbers.is_empty()) {
                fields.push(RawField::number(
                    format!("{path}.sum"),
                    numbers.iter().sum(),
                ));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {}
    }
}

/// Longer lists are not one element a phase.
const ELEMENTS_MAX: usize = 32;

/// Relays and switches say ON and OFF.
fn switched(field: &mut RawField) {
    let name = field
        .key
        .trim_end_matches(|letter: char| letter.is_ascii_digit());
    if !["POWER", "Switch", "Relay"].contains(&name) {
        return;
    }
    if let Raw::Text(word) = &field.value {
        match word.as_str() {
            "ON" | "On" | "on" => field.value = Raw::Boolean(true),
            "OFF" | "Off" | "off" => field.value = Raw::Boolean(false),
            _ => {}
        }
    }
}

/// The units that the message names, as UCUM codes.
#[derive(Clone, Copy, Debug, Default)]
struct Units {
    temperature: Option<&'static str>,
    pressure: Option<&'static str>,
    speed: Option<&'static str>,
}

impl Units {
    fn of(members: &Map<String, Value>) -> Self {
        let word = |key: &str| members.get(key).and_then(Value::as_str).map(str::trim);
        Self {
            temperature: word("TempUnit").and_then(|unit| match unit {
                "C" | "°C" => Some("Cel"),
                "F" | "°F" => Some("[degF]"),
                _ => None,
            }),
            pressure: word("PressureUnit").and_then(|unit| match unit {
                "hPa" => Some("hPa"),
                "mmHg" => Some("mm[Hg]"),
                "inHg" => Some("[in_i'Hg]"),
                _ => None,
            }),
            speed: word("SpeedUnit").and_then(|unit| match unit {
                "m/s" | "ms" => Some("m/s"),
                "km/h" | "kmh" => Some("km/h"),
                "kn" | "kts" => Some("[kn_i]"),
                "mph" => Some("[mi_i]/h"),
                "ft/s" | "ftps" => Some("[ft_i]/s"),
                _ => None,
            }),
        }
    }

    fn unit(&self, key: &str) -> Option<&'static str> {
        let (_, name) = key.rsplit_once('.')?;
        match name.trim_end_matches(|letter: char| letter.is_ascii_digit()) {
            "Temperature" | "DewPoint" | "HeatIndex" | "OBJTMP" | "AMBTMP" => self.temperature,
            "Pressure" | "SeaPressure" | "SeaLevelPressure" => self.pressure,
            "Speed" | "Gust" | "WindSpeed" => self.speed,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
