//! Scenarios: a named fleet with its weather, its faults and its span of time, as an ordered iterator of moments.
//!
//! The same (name, seed, options) gives the same moments, byte for byte. Times never go backwards. Memory holds the
//! devices and their backlogs, never the whole scenario.

mod burst;
mod fleet;
mod quiet;
mod sensors;
mod yagi;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

pub use fleet::SITE;
pub use yagi::hydrographs::{Basis, GAUGES, Hydrograph, Point};

use crate::device::{Device, Step};
use crate::publication::{Moment, Publication, Qos};
use crate::stamp::{self, Timeline};

/// Names that [`scenario`] knows, with a line for `--help`.
pub const NAMES: [(&str, &str); 3] = [
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
    #[error("no scenario is called {name:?}; there are yagi-2024, quiet-day and burst")]
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
    /// Numbers of the last publications of each device, newest last: for `duplicate_of`.
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
    }
    let timeline = Timeline {
        own_start_ns: plot.from_ns,
        start_ns: options.start_ns.unwrap_or(plot.from_ns),
        compression: options.compression.unwrap_or(1.0),
    };
    let due = plot
        .devices
        .iter()
        .enumerate()
        .map(|(at, device)| Reverse((device.next_ns, at)));
    Ok(Scenario {
        name: name.to_owned(),
        links: plot.links,
        to_ns: plot.to_ns,
        timeline,
        due: due.collect(),
        numbers: vec![VecDeque::new(); plot.devices.len()],
        devices: plot.devices,
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
        self.devices.iter().map(|device| &*device.plan.name)
    }

    /// Start of the scenario, as moved by the options.
    pub fn from_ns(&self) -> i64 {
        self.timeline.start_ns
    }

    /// End of the scenario, as moved by the options; every moment lies before it or on it.
    pub fn to_ns(&self) -> i64 {
        self.timeline.place(self.to_ns)
    }

    fn add(&mut self, index: usize, step: Step, moment: &mut Moment) {
        let (Some(device), Some(numbers)) = (self.devices.get(index), self.numbers.get_mut(index))
        else {
            return;
        };
        let link = device.plan.link;
        if step.cut && !moment.cuts.contains(&link) {
            moment.cuts.push(link);
        }
        let known = numbers.len();
        for sent in step.sent {
            let number = self.published;
            self.published += 1;
            let earlier = |back: usize| {
                known
                    .checked_sub(back)
                    .and_then(|at| numbers.get(at))
                    .copied()
            };
            let duplicate_of = sent.repeats.and_then(earlier);
            if duplicate_of.is_none() {
                numbers.push_back(number);
            }
            moment.publications.push(Publication {
                number,
                at_ns: moment.at_ns,
                observed_ns: sent.observed_ns,
                link,
                device: device.plan.name.clone(),
                topic: device.plan.topic.clone(),
                payload: sent.payload,
                qos: device.plan.qos,
                duplicate_of,
            });
        }
        while numbers.len() > NUMBERS_KEPT {
            numbers.pop_front();
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
                let Some(device) = self.devices.get_mut(index) else {
                    continue;
                };
                let step = device.step(&self.timeline);
                self.due.push(Reverse((device.next_ns, index)));
                self.add(index, step, &mut moment);
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
