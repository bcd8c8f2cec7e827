//! Scenarios: a named fleet with its weather, its faults and its span of time, as an ordered iterator of moments.
//!
//! The same (name, seed, options) gives the same moments, byte for byte. Times never go backwards. Memory holds the
//! devices and their backlogs, never the whole scenario.

mod burst;
mod fleet;
mod ledger;
mod mixed;
mod quiet;
mod sensors;
mod yagi;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

pub use fleet::SITE;
pub use ledger::{Ledger, Tally, ledger};
pub use mixed::FORMATS;
pub(crate) use mixed::Mill;
pub use yagi::hydrographs::{Basis, GAUGES, Hydrograph, Point};

use crate::device::{Device, Sent};
use crate::publication::{Moment, Publication, Qos};
use crate::stamp::{self, Timeline};
use mixed::speaker::{Said, Speaker};

/// Names that [`scenario`] knows, with a line for `--help`.
pub const NAMES: [(&str, &str); 4] = [
    (
        "yagi-2024",
        "the flood of 8 to 11 September 2024 on all four streams",
    ),
    (
        "quiet-day",
        "one ordinary day: every device speaks, nothing rings",
    ),
    (
        "burst",
        "a reconnect storm: many devices come back at once with hours of backlog",
    ),
    (
        "mixed-city",
        "an hour in which devices of all wire formats speak at once, with the faults of the field",
    ),
];

/// What a caller may change in a scenario.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Devices beside the named ones (`aqm-0001` …); for `burst` the devices of the storm.
    pub devices: Option<u32>,
    /// All messages of those devices together, a second of scenario time; without it each speaks once a minute.
    pub messages_per_second: Option<f64>,
    /// Delivery for all devices; without it the scenario's own (QoS 1, some 0 and 2).
    pub qos: Option<Qos>,
    /// Moves the scenario so that it begins here, in nanoseconds since 1970; without it, at its own date.
    pub start_ns: Option<i64>,
    /// Scenario seconds a second on the wire, where the stamps must be the present's although the scenario passes faster
    /// than life; without it 1.
    pub compression: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    #[error("no scenario is called {name:?}; there are yagi-2024, quiet-day, burst and mixed-city")]
    Unknown { name: String },
    #[error("at most {max} devices can be simulated, not {asked}")]
    TooManyDevices { asked: u32, max: u32 },
    #[error("rates and speeds must be positive numbers")]
    BadRate,
}

/// Bound on [`Options::devices`].
pub const DEVICES_MAX: u32 = 100_000;

/// A scenario under way: iterate over its moments.
pub struct Scenario {
    name: String,
    links: Vec<String>,
    to_ns: i64,
    timeline: Timeline,
    devices: Vec<Device>,
    speakers: Vec<Speaker>,
    /// Numbers of the last publications of each device, then of each speaker, newest last: for `duplicate_of`.
    numbers: Vec<VecDeque<u64>>,
    due: BinaryHeap<Reverse<(i64, usize)>>,
    published: u64,
}

/// How far back a repeat can point.
const NUMBERS_KEPT: usize = 64;

/// A fleet and its span, before it starts: what each scenario module builds.
struct Plot {
    links: Vec<String>,
    from_ns: i64,
    to_ns: i64,
    devices: Vec<Device>,
    speakers: Vec<Speaker>,
}

/// Builds a scenario by name; see [`NAMES`].
pub fn scenario(name: &str, seed: u64, options: &Options) -> Result<Scenario, ScenarioError> {
    if let Some(asked) = options.devices.filter(|&asked| asked > DEVICES_MAX) {
        return Err(ScenarioError::TooManyDevices {
            asked,
            max: DEVICES_MAX,
        });
    }
    if options
        .messages_per_second
        .is_some_and(|rate| !rate.is_finite() || rate <= 0.0)
    {
        return Err(ScenarioError::BadRate);
    }
    let mut plot = match name {
        "yagi-2024" => yagi::plot(seed, options),
        "quiet-day" => quiet::plot(seed, options),
        "burst" => burst::plot(seed, options),
        "mixed-city" => mixed::plot(seed, options),
        _ => {
            return Err(ScenarioError::Unknown {
                name: name.to_owned(),
            });
        }
    };
    if let Some(qos) = options.qos {
        for device in &mut plot.devices {
            device.plan.qos = qos;
        }
        for speaker in &mut plot.speakers {
            speaker.qos = Some(qos);
        }
    }
    let timeline = Timeline {
        own_start_ns: plot.from_ns,
        start_ns: options.start_ns.unwrap_or(plot.from_ns),
        compression: options.compression.unwrap_or(1.0),
    };
    let first = plot.devices.iter().map(|device| device.next_ns);
    let then = plot.speakers.iter().map(|speaker| speaker.next_ns);
    let due = first
        .chain(then)
        .enumerate()
        .map(|(at, next_ns)| Reverse((next_ns, at)));
    Ok(Scenario {
        name: name.to_owned(),
        links: plot.links,
        to_ns: plot.to_ns,
        timeline,
        due: due.collect(),
        numbers: vec![VecDeque::new(); plot.devices.len() + plot.speakers.len()],
        devices: plot.devices,
        speakers: plot.speakers,
        published: 0,
    })
}

impl Scenario {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Client identifiers of the connections, stable from run to run; [`Publication::link`] points into it.
    pub fn links(&self) -> &[String] {
        &self.links
    }

    /// Names of all devices, in no particular order.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        let native = self.devices.iter().map(|device| &*device.plan.name);
        native.chain(self.speakers.iter().map(|speaker| &*speaker.name))
    }

    /// Start of the scenario, as moved by the options.
    pub fn from_ns(&self) -> i64 {
        self.timeline.start_ns
    }

    /// End of the scenario, as moved by the options; every moment lies before it or on it.
    pub fn to_ns(&self) -> i64 {
        self.timeline.place(self.to_ns)
    }

    /// Lets the device or speaker at `index` act at its instant; when it acts next, or none when there is no such one.
    fn act(&mut self, index: usize, moment: &mut Moment) -> Option<i64> {
        let numbers = self.numbers.get_mut(index)?;
        let mut desk = Desk {
            numbers,
            published: &mut self.published,
            moment,
        };
        if let Some(device) = self.devices.get_mut(index) {
            let step = device.step(&self.timeline);
            let link = device.plan.link;
            if step.cut && !desk.moment.cuts.contains(&link) {
                desk.moment.cuts.push(link);
            }
            let known = desk.numbers.len();
            for sent in step.sent {
                let publication = desk.of_device(device, sent);
                desk.publish(publication.0, publication.1, known);
            }
            desk.tidy();
            return Some(device.next_ns);
        }
        let speaker = self.speakers.get_mut(index - self.devices.len())?;
        let (link, known) = (speaker.link, desk.numbers.len());
        let (said, cut) = speaker.step(&self.timeline);
        if cut && !desk.moment.cuts.contains(&link) {
            desk.moment.cuts.push(link);
        }
        for said in said {
            let publication = desk.of_speaker(speaker, said);
            desk.publish(publication.0, publication.1, known);
        }
        desk.tidy();
        Some(speaker.next_ns)
    }
}

/// Numbers the publications of one device at one moment.
struct Desk<'s> {
    numbers: &'s mut VecDeque<u64>,
    published: &'s mut u64,
    moment: &'s mut Moment,
}

impl Desk<'_> {
    fn of_device(&self, device: &Device, sent: Sent) -> (Publication, Option<usize>) {
        let publication = Publication {
            number: 0,
            at_ns: self.moment.at_ns,
            observed_ns: sent.observed_ns,
            link: device.plan.link,
            device: device.plan.name.clone(),
            topic: device.plan.topic.clone(),
            truth: sent.truth(),
            payload: sent.payload,
            qos: device.plan.qos,
            retain: false,
            format: "native",
            fault: sent.repeats.map(|_| "repeated"),
            duplicate_of: None,
        };
        (publication, sent.repeats)
    }

    fn of_speaker(&self, speaker: &Speaker, said: Said) -> (Publication, Option<usize>) {
        let publication = Publication {
            number: 0,
            at_ns: self.moment.at_ns,
            observed_ns: said.observed_ns,
            link: speaker.link,
            device: speaker.name.clone(),
            topic: said.topic,
            payload: said.payload,
            qos: speaker.qos.unwrap_or(said.qos),
            retain: said.retain,
            format: said.format,
            truth: said.truth,
            fault: said.fault,
            duplicate_of: None,
        };
        (publication, said.repeats)
    }

    /// `repeats` counts back from the `known` messages of before this moment.
    fn publish(&mut self, mut publication: Publication, repeats: Option<usize>, known: usize) {
        publication.number = *self.published;
        *self.published += 1;
        let earlier = |back: usize| {
            let at = known.checked_sub(back)?;
            self.numbers.get(at).copied()
        };
        publication.duplicate_of = repeats.and_then(earlier);
        if publication.duplicate_of.is_none() {
            self.numbers.push_back(publication.number);
        }
        self.moment.publications.push(publication);
    }

    fn tidy(&mut self) {
        while self.numbers.len() > NUMBERS_KEPT {
            self.numbers.pop_front();
        }
    }
}

impl Iterator for Scenario {
    type Item = Moment;

    fn next(&mut self) -> Option<Moment> {
        loop {
            let &Reverse((at_ns, _)) = self.due.peek()?;
            if at_ns > self.to_ns {
                return None;
            }
            let mut moment = Moment {
                at_ns: self.timeline.place(at_ns),
                cuts: Vec::new(),
                publications: Vec::new(),
            };
            while let Some(&Reverse((due_ns, index))) = self.due.peek()
                && due_ns == at_ns
            {
                self.due.pop();
                if let Some(next_ns) = self.act(index, &mut moment) {
                    self.due.push(Reverse((next_ns, index)));
                }
            }
            if !moment.publications.is_empty() || !moment.cuts.is_empty() {
                return Some(moment);
            }
        }
    }
}

/// Hours from `from_ns` to `at_ns`.
fn hours_since(from_ns: i64, at_ns: i64) -> f64 {
    // Milliseconds of a few days are exact in an f64.
    let ms = (at_ns - from_ns) / 1_000_000;
    ms as f64 / 3_600_000.0
}

/// Hour of the day in Viet Nam, 0 to 24.
fn local_hour(at_ns: i64) -> f64 {
    hours_since(
        0,
        (at_ns + stamp::VIET_NAM_OFFSET_NS).rem_euclid(stamp::DAY_NS),
    )
}
