//! Wire formats, one module each. A format module knows what a message says and nothing of this site: it makes
//! [`Record`]s out of bytes. Which format a message has is said by the catalogue: the `format` of the device's profile for
//! `ioc/{site}/{stream}/{device}/up` and for sources that name the device in the topic, the `format` of the source
//! (`sources.toml`) for topics whose device is named inside (LoRaWAN servers, Sparkplug, FIWARE...).
//!
//! The native format has a path of its own ([`crate::native`]) because it is the hot one.

mod cap;
mod chirpstack;
mod codec;
mod frame;
mod hydromet;
mod indicators;
mod json;
mod lodging;
mod lorawan;
#[cfg(test)]
mod mangle;
mod modbus;
mod ngsi;
mod obis;
mod options;
mod record;
mod reservoir;
mod script;
mod senml;
mod shelly;
mod sparkplug;
mod stamp;
mod station_file;
mod tasmota;
pub(crate) mod tree;
mod ttn;
mod wis2;

use event::Time;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, Field, Profile};
use crate::fault::Fault;

pub(crate) use options::Options;
#[allow(unused_imports, reason = "some formats need only some of the words")]
pub(crate) use record::{Raw, RawField, Record, Records, Stamp, Subject};
pub use script::try_script;
pub(crate) use sparkplug::likely_type as sparkplug_type;

/// A message as a format gets it: unpacked, with what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire<'a> {
    pub(crate) topic: &'a str,
    /// Unpacked, within the site's bound.
    pub(crate) payload: &'a [u8],
    /// MQTT 5 content type; empty when there was none.
    pub(crate) content_type: &'a str,
    /// For looking up the devices that a message names inside.
    pub(crate) catalogue: &'a Catalogue,
    /// The device that the topic names, and its profile; formats of sources that name it inside have neither.
    pub(crate) device: Option<&'a str>,
    pub(crate) profile: Option<&'a Profile>,
    /// Journal time of the record. For judging, never for stamping: a time that the message does not have is `None`.
    pub(crate) received: Time,
}

/// The formats by their word in the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    #[default]
    Native,
    Json,
    Senml,
    Ngsi,
    Sparkplug,
    Chirpstack,
    Ttn,
    Frame,
    Tasmota,
    Shelly,
    Modbus,
    Obis,
    Wis2,
    Cap,
    StationFile,
    Hydromet,
    Reservoir,
    Lodging,
    Indicators,
    Script,
}

impl Format {
    const WORDS: [(&'static str, Self); 20] = [
        ("native", Self::Native),
        ("json", Self::Json),
        ("senml", Self::Senml),
        ("ngsi", Self::Ngsi),
        ("sparkplug", Self::Sparkplug),
        ("chirpstack", Self::Chirpstack),
        ("ttn", Self::Ttn),
        ("frame", Self::Frame),
        ("tasmota", Self::Tasmota),
        ("shelly", Self::Shelly),
        ("modbus", Self::Modbus),
        ("obis", Self::Obis),
        ("wis2", Self::Wis2),
        ("cap", Self::Cap),
        ("station-file", Self::StationFile),
        ("hydromet", Self::Hydromet),
        ("reservoir", Self::Reservoir),
        ("lodging", Self::Lodging),
        ("indicators", Self::Indicators),
        ("script", Self::Script),
    ];

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == name);
        found.map(|(_, format)| *format)
    }

    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Self::WORDS.iter().map(|(word, _)| *word)
    }
}

/// A format with the options of a profile or of a source, checked.
#[derive(Clone, Debug, Default)]
pub(crate) enum Plan {
    #[default]
    Native,
    Json(Box<json::Plan>),
    Senml(senml::Plan),
    Ngsi(ngsi::Plan),
    Sparkplug(sparkplug::Plan),
    Chirpstack(chirpstack::Plan),
    Ttn(ttn::Plan),
    Frame(frame::Plan),
    Tasmota(tasmota::Plan),
    Shelly(shelly::Plan),
    Modbus(modbus::Plan),
    Obis(obis::Plan),
    Wis2(wis2::Plan),
    Cap(cap::Plan),
    StationFile(station_file::Plan),
    Hydromet(hydromet::Plan),
    Reservoir(reservoir::Plan),
    Lodging(lodging::Plan),
    Indicators(indicators::Plan),
    Script(script::Plan),
}

impl Plan {
    /// Whether messages of this format change what is remembered of their sources.
    pub(crate) const fn remembers(&self) -> bool {
        matches!(self, Self::Sparkplug(_) | Self::Cap(_))
    }

    /// Whether texts of the message may not stand in its bytes as they read: packed inside, or behind references, comments
    /// and sections of XML.
    pub(crate) fn veils(&self, payload: &[u8]) -> bool {
        let holds = |word: &[u8]| payload.windows(word.len()).any(|window| window == word);
        (matches!(self, Self::Sparkplug(_)) && holds(b"SPBV1.0_COMPRESSED"))
            || (matches!(self, Self::Cap(_)) && (holds(b"&#") || holds(b"<!")))
    }

    pub(crate) fn new(format: Format, options: &Options<'_>) -> Result<Self, String> {
        let plan = match format {
            Format::Native => Self::Native,
            Format::Json => Self::Json(Box::new(json::Plan::new(options)?)),
            Format::Senml => Self::Senml(senml::Plan::new(options)?),
            Format::Ngsi => Self::Ngsi(ngsi::Plan::new(options)?),
            Format::Sparkplug => Self::Sparkplug(sparkplug::Plan::new(options)?),
            Format::Chirpstack => Self::Chirpstack(chirpstack::Plan::new(options)?),
            Format::Ttn => Self::Ttn(ttn::Plan::new(options)?),
            Format::Frame => Self::Frame(frame::Plan::new(options)?),
            Format::Tasmota => Self::Tasmota(tasmota::Plan::new(options)?),
            Format::Shelly => Self::Shelly(shelly::Plan::new(options)?),
            Format::Modbus => Self::Modbus(modbus::Plan::new(options)?),
            Format::Obis => Self::Obis(obis::Plan::new(options)?),
            Format::Wis2 => Self::Wis2(wis2::Plan::new(options)?),
            Format::Cap => Self::Cap(cap::Plan::new(options)?),
            Format::StationFile => Self::StationFile(station_file::Plan::new(options)?),
            Format::Hydromet => Self::Hydromet(hydromet::Plan::new(options)?),
            Format::Reservoir => Self::Reservoir(reservoir::Plan::new(options)?),
            Format::Lodging => Self::Lodging(lodging::Plan::new(options)?),
            Format::Indicators => Self::Indicators(indicators::Plan::new(options)?),
            Format::Script => Self::Script(script::Plan::new(options)?),
        };
        options.finish()?;
        Ok(plan)
    }

    /// Takes the profile's fields, where the format reads their `from`.
    pub(crate) fn with_fields(mut self, fields: &[Field]) -> Result<Self, String> {
        if let Self::Json(plan) = &mut self {
            plan.set_fields(fields)?;
        }
        Ok(self)
    }
}

/// What formats remember from one message to the next: part of the fold and of its snapshot.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    sparkplug: sparkplug::Memory,
    cap: cap::Memory,
}

/// What one message can change of it, as it was before.
pub(crate) enum Before {
    Nothing,
    Sparkplug(Box<sparkplug::Before>),
    Cap(Box<cap::Memory>),
}

impl Memory {
    pub(crate) fn before(&self, topic: &str, plan: &Plan) -> Before {
        if let Plan::Sparkplug(_) = plan {
            Before::Sparkplug(Box::new(self.sparkplug.before(topic)))
        } else if let Plan::Cap(_) = plan {
            Before::Cap(Box::new(self.cap.clone()))
        } else {
            Before::Nothing
        }
    }

    pub(crate) fn put_back(&mut self, before: Before) {
        match before {
            Before::Nothing => {}
            Before::Sparkplug(before) => self.sparkplug.put_back(*before),
            Before::Cap(before) => self.cap = *before,
        }
    }
}

/// Nothing in `out` and no fault means: the message changed what is remembered and has nothing to deliver.
pub(crate) fn decode(
    wire: &Wire<'_>,
    plan: &Plan,
    memory: &mut Memory,
    out: &mut Records,
) -> Result<(), Fault> {
    match plan {
        // The native format is decoded elsewhere; a source cannot name it.
        Plan::Native => Err(Fault::shape("the native format has no records")),
        Plan::Json(plan) => json::decode(wire, plan, out),
        Plan::Senml(plan) => senml::decode(wire, plan, out),
        Plan::Ngsi(plan) => ngsi::decode(wire, plan, out),
        Plan::Sparkplug(plan) => sparkplug::decode(wire, plan, &mut memory.sparkplug, out),
        Plan::Chirpstack(plan) => chirpstack::decode(wire, plan, out),
        Plan::Ttn(plan) => ttn::decode(wire, plan, out),
        Plan::Frame(plan) => frame::decode(wire, plan, out),
        Plan::Tasmota(plan) => tasmota::decode(wire, plan, out),
        Plan::Shelly(plan) => shelly::decode(wire, plan, out),
        Plan::Modbus(plan) => modbus::decode(wire, plan, out),
        Plan::Obis(plan) => obis::decode(wire, plan, out),
        Plan::Wis2(plan) => wis2::decode(wire, plan, out),
        Plan::Cap(plan) => cap::decode(wire, plan, &mut memory.cap, out),
        Plan::StationFile(plan) => station_file::decode(wire, plan, out),
        Plan::Hydromet(plan) => hydromet::decode(wire, plan, out),
        Plan::Reservoir(plan) => reservoir::decode(wire, plan, out),
        Plan::Lodging(plan) => lodging::decode(wire, plan, out),
        Plan::Indicators(plan) => indicators::decode(wire, plan, out),
        Plan::Script(plan) => script::decode(wire, plan, out),
    }
}
