//! `mixed-city`: 22 November 2026 from 08:00 (+07), seventy minutes in which devices of all wire formats speak at once,
//! beside the named native ones, with the faults of the field at a low rate.
//!
//! Every message carries its ground truth ([`Truth`](crate::Truth)): whether events, nothing or a reject must come of it.

mod feeds;
mod home;
mod lora;
mod meters;
mod people;
mod plant;
mod probes;
mod records;
pub(crate) mod speaker;
mod strays;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::fleet::Fleet;
use super::{Options, Plot, SITE, quiet};
use crate::publication::Truth;
use crate::stamp::{self, MINUTE_NS, SECOND_NS, Timeline};
use speaker::{Speaker, Voice};

/// Formats that the city speaks beside the native one.
pub const FORMATS: [&str; 19] = [
    "json",
    "senml",
    "ngsi",
    "sparkplug",
    "chirpstack",
    "ttn",
    "frame",
    "tasmota",
    "shelly",
    "modbus",
    "obis",
    "wis2",
    "cap",
    "station-file",
    "hydromet",
    "reservoir",
    "lodging",
    "indicators",
    "script",
];

const LENGTH_NS: i64 = 70 * MINUTE_NS;

fn from_ns() -> i64 {
    stamp::viet_nam_midnight(2026, 11, 22) + 8 * stamp::HOUR_NS
}

/// Which connection a device speaks over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gateway {
    /// Network servers of LoRaWAN.
    Lora,
    /// The plant's edge node and the cabinets behind it.
    Plant,
    /// Plugs and meters that speak MQTT themselves.
    Home,
    /// Offices and their feeds.
    Office,
    /// Loggers that are built in-house.
    Logger,
}

const GATEWAYS: [(Gateway, &str); 5] = [
    (Gateway::Lora, "sim-gw-lorawan"),
    (Gateway::Plant, "sim-gw-plant"),
    (Gateway::Home, "sim-gw-home"),
    (Gateway::Office, "sim-gw-office"),
    (Gateway::Logger, "sim-gw-logger"),
];

/// All speakers of the city under one seed.
struct City {
    seed: u64,
    from_ns: i64,
    first_link: usize,
    speakers: Vec<Speaker>,
}

impl City {
    /// `phase_s` into each interval of `every_s` seconds; the order of adding is the order within an instant.
    fn add(
        &mut self,
        gateway: Gateway,
        format: &'static str,
        name: &str,
        (every_s, phase_s): (i64, i64),
        voice: impl Voice + 'static,
    ) -> &mut Speaker {
        let place = GATEWAYS.iter().position(|(each, _)| *each == gateway);
        let speaker = Speaker::new(
            format,
            name,
            self.first_link + place.unwrap_or(0),
            every_s * SECOND_NS,
            self.from_ns + phase_s * SECOND_NS,
            self.seed,
            Box::new(voice),
        );
        let at = self.speakers.len();
        self.speakers.push(speaker);
        &mut self.speakers[at]
    }

    fn populate(&mut self) {
        plant::add(self);
        meters::add(self);
        probes::add(self);
        lora::add(self);
        home::add(self);
        records::add(self);
        feeds::add(self);
        people::add(self);
    }
}

pub(super) fn plot(seed: u64, options: &Options) -> Plot {
    let from_ns = from_ns();
    let mut fleet = Fleet::new(seed, from_ns);
    quiet::named(&mut fleet, seed, from_ns);
    fleet.add_asked(options);
    let mut plot = fleet.finish(from_ns + LENGTH_NS);
    let mut city = City {
        seed,
        from_ns,
        first_link: plot.links.len(),
        speakers: Vec::new(),
    };
    city.populate();
    strays::add(&mut city);
    plot.links
        .extend(GATEWAYS.iter().map(|(_, name)| (*name).to_owned()));
    plot.speakers = city.speakers;
    plot
}

/// The topic of a device of ours that speaks another format than the native one.
fn topic(stream: &str, device: &str) -> String {
    format!("ioc/{SITE}/{stream}/{device}/up")
}

/// Sound messages of one format without end, for the load generator: its devices take turns, and time passes at
/// [`MILL_STEP_NS`] a message, so that at a benchmark's rates the times stay near the present.
pub(crate) struct Mill {
    speakers: Vec<Speaker>,
    timeline: Timeline,
    next: usize,
    ready: VecDeque<(Arc<str>, Bytes)>,
}

const MILL_STEP_NS: i64 = 20_000;

impl Mill {
    /// None when no device speaks the format.
    pub(crate) fn new(format: &str, seed: u64, start_ns: i64) -> Option<Self> {
        let mut city = City {
            seed,
            from_ns: start_ns,
            first_link: 0,
            speakers: Vec::new(),
        };
        city.populate();
        let mut speakers = city.speakers;
        speakers.retain(|speaker| speaker.speaks(format));
        let voices = i64::try_from(speakers.len())
            .ok()
            .filter(|&voices| voices > 0)?;
        for (place, speaker) in (0..).zip(&mut speakers) {
            speaker.next_ns = start_ns + place * SECOND_NS;
            speaker.every_ns = voices * SECOND_NS;
        }
        let timeline = Timeline {
            own_start_ns: start_ns,
            start_ns,
            compression: (SECOND_NS / MILL_STEP_NS) as f64,
        };
        Some(Self {
            speakers,
            timeline,
            next: 0,
            ready: VecDeque::new(),
        })
    }
}

impl Iterator for Mill {
    type Item = (Arc<str>, Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        // Every device has something sound to say within its cycle of faults.
        while self.ready.is_empty() {
            let said = self.speakers.get_mut(self.next)?.say(&self.timeline);
            self.next = (self.next + 1) % self.speakers.len();
            let sound = said.into_iter().filter(|said| {
                matches!(said.truth, Truth::Events(_) | Truth::State) && said.fault.is_none()
            });
            self.ready
                .extend(sound.map(|said| (said.topic, said.payload)));
        }
        self.ready.pop_front()
    }
}
