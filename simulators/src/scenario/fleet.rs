//! The named devices of the site, how often each kind speaks, and over which gateway.

use std::sync::Arc;

use super::sensors::air::{Air, AirSensor};
use super::{Options, Plot};
use crate::device::{Device, Fault, Plan, Sensor};
use crate::publication::Qos;
use crate::stamp::{MINUTE_NS, SECOND_NS};

/// Site whose devices are simulated: the second level of every topic.
pub const SITE: &str = "lao-cai";

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    River,
    Rain,
    Slope,
    Reservoir,
    Air,
    Weather,
    Transformer,
    Meter,
    Visitors,
}

/// Gateways of the named devices, by place in [`Plot::links`].
const GATEWAYS: [&str; 5] = [
    "sim-gw-river",
    "sim-gw-rain",
    "sim-gw-air",
    "sim-gw-power",
    "sim-gw-tourism",
];
/// Gateways of the numbered devices.
const FLEET_GATEWAYS_MAX: u32 = 8;

struct Habits {
    stream: &'static str,
    gateway: usize,
    every_minutes: i64,
    /// Minute of the interval at which the kind speaks: not all at once, and gauges on the round minute.
    phase_minutes: i64,
    qos: Qos,
}

impl Kind {
    fn habits(self) -> Habits {
        let (stream, gateway, every_minutes, phase_minutes, qos) = match self {
            Self::River => ("disaster", 0, 10, 0, Qos::AtLeastOnce),
            Self::Reservoir => ("disaster", 0, 15, 0, Qos::ExactlyOnce),
            Self::Rain => ("disaster", 1, 10, 1, Qos::AtLeastOnce),
            Self::Slope => ("disaster", 1, 10, 6, Qos::AtLeastOnce),
            Self::Air => ("environment", 2, 5, 2, Qos::AtLeastOnce),
            Self::Weather => ("environment", 2, 10, 7, Qos::AtLeastOnce),
            Self::Transformer => ("energy", 3, 5, 3, Qos::AtLeastOnce),
            Self::Meter => ("energy", 3, 15, 3, Qos::ExactlyOnce),
            Self::Visitors => ("tourism", 4, 5, 4, Qos::AtLeastOnce),
        };
        Habits {
            stream,
            gateway,
            every_minutes,
            phase_minutes,
            qos,
        }
    }
}

/// Devices being put together for a scenario.
pub(super) struct Fleet {
    seed: u64,
    from_ns: i64,
    links: Vec<String>,
    devices: Vec<Device>,
}

impl Fleet {
    pub(super) fn new(seed: u64, from_ns: i64) -> Self {
        let links = GATEWAYS.iter().map(|&name| name.to_owned()).collect();
        Self {
            seed,
            from_ns,
            links,
            devices: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        kind: Kind,
        name: &str,
        sensor: impl Sensor + 'static,
        faults: Vec<Fault>,
    ) {
        let habits = kind.habits();
        let plan = Plan {
            name: name.into(),
            topic: topic(habits.stream, name),
            link: habits.gateway,
            qos: habits.qos,
            every_ns: habits.every_minutes * MINUTE_NS,
            first_ns: self.from_ns + habits.phase_minutes * MINUTE_NS,
            faults,
            // A gauge or a dam reports the round minute; the others measure when they like.
            delay_ms_max: if habits.gateway == 0 { 0 } else { 900 },
        };
        self.devices
            .push(Device::new(plan, Box::new(sensor), self.seed));
    }

    /// Numbered air sensors that nobody waits for; without faults spread evenly over their interval, with faults all in
    /// step, so that what befalls them befalls them at once.
    fn add_numbered(&mut self, count: u32, every_ns: i64, gateways_max: u32, faults: &[Fault]) {
        let spread_ns = if faults.is_empty() {
            every_ns / i64::from(count.max(1))
        } else {
            0
        };
        let gateways = count.clamp(1, gateways_max);
        let first_link = self.links.len();
        self.links
            .extend((1..=gateways).map(|number| format!("sim-gw-fleet-{number:03}")));
        for index in 0..count {
            let name = format!("aqm-{:04}", index + 1);
            let plan = Plan {
                topic: topic("environment", &name),
                name: name.into(),
                link: first_link + usize::try_from(index % gateways).unwrap_or(0),
                qos: Qos::AtLeastOnce,
                every_ns,
                first_ns: self.from_ns + spread_ns * i64::from(index),
                faults: faults.to_vec(),
                delay_ms_max: 1,
            };
            let sensor = AirSensor::new(self.from_ns, Air::ordinary(16.0));
            self.devices
                .push(Device::new(plan, Box::new(sensor), self.seed));
        }
    }

    /// The numbered devices that the caller asked for beside the named ones.
    pub(super) fn add_asked(&mut self, options: &Options) {
        let count = match (options.devices, options.messages_per_second) {
            (Some(count), _) => count,
            (None, Some(_)) => 100,
            (None, None) => 0,
        };
        if count > 0 {
            self.add_numbered(count, interval_ns(count, options), FLEET_GATEWAYS_MAX, &[]);
        }
    }

    /// Numbered devices that share the same faults, over up to `gateways_max` connections.
    pub(super) fn add_storm(
        &mut self,
        count: u32,
        every_ns: i64,
        gateways_max: u32,
        faults: &[Fault],
    ) {
        self.add_numbered(count, every_ns, gateways_max, faults);
    }

    pub(super) fn finish(self, to_ns: i64) -> Plot {
        Plot {
            links: self.links,
            from_ns: self.from_ns,
            to_ns,
            devices: self.devices,
            speakers: Vec::new(),
        }
    }
}

fn topic(stream: &str, device: &str) -> Arc<str> {
    format!("ioc/{SITE}/{stream}/{device}/up").into()
}

/// One reading a minute, or what makes the asked rate of all numbered devices together; at least a millisecond.
pub(super) fn interval_ns(count: u32, options: &Options) -> i64 {
    match options.messages_per_second {
        Some(rate) => ((f64::from(count) / rate * SECOND_NS as f64) as i64).max(1_000_000),
        None => MINUTE_NS,
    }
}
