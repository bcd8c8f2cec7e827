//! River gauges and reservoirs: levels through given points.

use super::battery;
use crate::curve::Curve;
use crate::device::Sensor;
use crate::payload::Payload;
use crate::random::Random;
use crate::scenario::hours_since;

/// Wave noise of a gauge, in metres: far inside the dead band of the alarm levels (0.1 m).
const NOISE_M: f64 = 0.015;

/// A gauge that follows a hydrograph (hours from `origin_ns`).
pub(in crate::scenario) struct RiverGauge {
    origin_ns: i64,
    level: Curve,
}

impl RiverGauge {
    pub(in crate::scenario) fn new(origin_ns: i64, level: Curve) -> Self {
        Self { origin_ns, level }
    }
}

impl Sensor for RiverGauge {
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload) {
        let hour = hours_since(self.origin_ns, at_ns);
        // The noise fades out towards a given point, so that the published figures appear as published.
        let fading = (self.level.hours_to_nearest(hour) * 2.0).min(1.0);
        let level = self.level.at(hour) + random.around_zero(NOISE_M) * fading;
        payload.number("level", level, 2);
        payload.number("battery", battery(random), 1);
    }
}

/// A dam: levels in m, flows in m3/s.
pub(in crate::scenario) struct Dam {
    pub(in crate::scenario) origin_ns: i64,
    pub(in crate::scenario) level: Curve,
    pub(in crate::scenario) downstream: Curve,
    pub(in crate::scenario) inflow: Curve,
    pub(in crate::scenario) outflow: Curve,
    /// What the turbines take at most; the rest goes over the spillway.
    pub(in crate::scenario) turbines_max: f64,
    /// What one open gate passes.
    pub(in crate::scenario) gate_flow: f64,
}

impl Sensor for Dam {
    fn measure(&mut self, at_ns: i64, _random: &mut Random, payload: &mut Payload) {
        let hour = hours_since(self.origin_ns, at_ns);
        let outflow = self.outflow.at(hour);
        let spill = (outflow - self.turbines_max).max(0.0);
        payload.number("level", self.level.at(hour), 2);
        payload.number("downstream_level", self.downstream.at(hour), 2);
        payload.number("inflow", self.inflow.at(hour), 0);
        payload.number("outflow", outflow, 0);
        payload.number("outflow_spill", spill, 0);
        payload.number("gates_open", (spill / self.gate_flow).ceil(), 0);
    }
}
