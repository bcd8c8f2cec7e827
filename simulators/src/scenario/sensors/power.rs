//! Transformers and feeder meters.

use super::daylight;
use crate::curve::Curve;
use crate::device::Sensor;
use crate::payload::Payload;
use crate::random::Random;
use crate::scenario::{hours_since, local_hour};

/// Supply at one transformer post (hours from `origin_ns`).
#[derive(Clone)]
pub(in crate::scenario) struct Supply {
    pub(in crate::scenario) origin_ns: i64,
    /// Mean load in percent of the rating, before the course of the day.
    pub(in crate::scenario) load: Curve,
    /// Phase voltage in V.
    pub(in crate::scenario) voltage: Curve,
    /// Without supply from, to (hours).
    pub(in crate::scenario) outages: Vec<(f64, f64)>,
    /// Current at full load in A.
    pub(in crate::scenario) rated_current: f64,
}

impl Supply {
    /// A post in good order.
    pub(in crate::scenario) fn ordinary(origin_ns: i64, load: f64) -> Self {
        let constant = |value: f64| Curve::through(&[(0.0, value)]);
        let (load, voltage) = (constant(load), constant(223.0));
        Self {
            origin_ns,
            load,
            voltage,
            outages: Vec::new(),
            rated_current: 580.0,
        }
    }

    fn on(&self, hour: f64) -> bool {
        !self
            .outages
            .iter()
            .any(|&(from, to)| (from..to).contains(&hour))
    }

    /// Load in percent, voltage in V, current in A; all zero in an outage.
    fn reading(&self, at_ns: i64, random: &mut Random) -> (f64, f64, f64) {
        let hour = hours_since(self.origin_ns, at_ns);
        // Chance is drawn whether or not there is supply: an outage moves no later figure.
        let course = 0.88 + 0.16 * daylight(local_hour(at_ns));
        let load = self.load.at(hour) * course + random.around_zero(1.0);
        let voltage = self.voltage.at(hour) + random.around_zero(0.8);
        if self.on(hour) {
            (load, voltage, load / 100.0 * self.rated_current)
        } else {
            (0.0, 0.0, 0.0)
        }
    }
}

pub(in crate::scenario) struct Transformer(pub(in crate::scenario) Supply);

impl Sensor for Transformer {
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload) {
        let on = self.0.on(hours_since(self.0.origin_ns, at_ns));
        let (load, voltage, current) = self.0.reading(at_ns, random);
        payload.number("load_pct", load, 1);
        payload.number("voltage", voltage, 1);
        payload.number("current", current, 0);
        payload.number("oil_temp", 38.0 + load * 0.32 + random.around_zero(0.5), 1);
        if on {
            payload.number("power_factor", 0.95 + random.around_zero(0.01), 3);
        }
        payload.boolean("supply_on", on);
    }
}

/// A meter: the register only ever rises.
pub(in crate::scenario) struct Meter {
    supply: Supply,
    energy_kwh: f64,
    last_ns: Option<i64>,
}

impl Meter {
    pub(in crate::scenario) fn new(supply: Supply, energy_kwh: f64) -> Self {
        Self {
            supply,
            energy_kwh,
            last_ns: None,
        }
    }
}

impl Sensor for Meter {
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload) {
        let on = self.supply.on(hours_since(self.supply.origin_ns, at_ns));
        let (_, voltage, current) = self.supply.reading(at_ns, random);
        // Three phases at a power factor of 0.95.
        let power_kw = 3.0 * voltage * current * 0.95 / 1_000.0;
        let passed = self
            .last_ns
            .map_or(0.0, |last_ns| hours_since(last_ns, at_ns));
        self.energy_kwh += power_kw * passed;
        self.last_ns = Some(at_ns);
        payload.number("voltage", voltage, 1);
        payload.number("current", current, 1);
        payload.number("power", power_kw, 1);
        payload.number("energy", self.energy_kwh, 1);
        if on {
            payload.number("frequency", 50.0 + random.around_zero(0.03), 2);
            payload.number("power_factor", 0.95 + random.around_zero(0.01), 3);
        }
        payload.boolean("supply_on", on);
    }
}
