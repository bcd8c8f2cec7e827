//! Visitor counters: bare counts, nothing about anybody.

use crate::curve::Curve;
use crate::device::Sensor;
use crate::payload::Payload;
use crate::random::Random;
use crate::scenario::{hours_since, local_hour};

pub(in crate::scenario) struct Visitors {
    pub(in crate::scenario) origin_ns: i64,
    /// People at the busiest hour of an ordinary day.
    pub(in crate::scenario) busiest: f64,
    /// People that the place holds.
    pub(in crate::scenario) capacity: f64,
    /// Share of the ordinary crowd that comes (hours from `origin_ns`).
    pub(in crate::scenario) share: Curve,
    /// `open`, `restricted` or `closed` from an hour on; open before the first.
    pub(in crate::scenario) gate: Vec<(f64, &'static str)>,
}

/// Opening hours of everything that counts visitors.
const OPEN: std::ops::Range<f64> = 6.0..21.0;

impl Sensor for Visitors {
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload) {
        let hour = hours_since(self.origin_ns, at_ns);
        let gate = self
            .gate
            .iter()
            .rev()
            .find(|&&(from, _)| hour >= from)
            .map_or("open", |&(_, gate)| gate);
        let local = local_hour(at_ns);
        let course = if gate != "closed" && OPEN.contains(&local) {
            ((local - OPEN.start) / (OPEN.end - OPEN.start) * std::f64::consts::PI).sin()
        } else {
            0.0
        };
        let chance = 1.0 + random.around_zero(0.06);
        let people = (self.busiest * self.share.at(hour) * course * chance).round();
        // A visit lasts about 90 minutes, a count covers 5.
        let flow = people * 5.0 / 90.0;
        payload.number(
            "count_in",
            (flow * (1.0 + random.around_zero(0.2))).round(),
            0,
        );
        payload.number(
            "count_out",
            (flow * (1.0 + random.around_zero(0.2))).round(),
            0,
        );
        payload.number("people", people, 0);
        payload.number("occupancy_pct", people / self.capacity * 100.0, 1);
        payload.number("queue_minutes", (people / self.capacity * 20.0).round(), 0);
        payload.word("gate_state", gate);
    }
}
