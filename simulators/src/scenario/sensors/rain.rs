//! Rain gauges: an hourly hyetograph, uneven as rain is, summed over the last hour and the last day.

use super::battery;
use crate::curve::Curve;
use crate::device::Sensor;
use crate::payload::Payload;
use crate::random::Random;
use crate::scenario::hours_since;

/// A tipping bucket: 0.2 mm a tip.
const TIP_MM: f64 = 0.2;

/// The rain of one gauge: all that has fallen since a day before the scenario, by hour.
#[derive(Clone)]
pub(in crate::scenario) struct Rainfall {
    origin_ns: i64,
    fallen: Curve,
}

impl Rainfall {
    /// `intensity` in mm/h by hour from `origin_ns`; each hour is scaled by `share` and by chance (0.5 to 1.5).
    pub(in crate::scenario) fn new(
        origin_ns: i64,
        hours: i32,
        intensity: &Curve,
        share: f64,
        random: &mut Random,
    ) -> Self {
        let mut sum = 0.0;
        let mut points = vec![(-25.0, 0.0)];
        for hour in -24..=hours {
            let chance = 0.5 + random.unit();
            sum += intensity.at(f64::from(hour) - 0.5) * share * chance;
            points.push((f64::from(hour), sum));
        }
        Self {
            origin_ns,
            fallen: Curve::through(&points),
        }
    }

    /// Millimetres in the `hours` before `at_ns`.
    pub(in crate::scenario) fn over(&self, at_ns: i64, hours: f64) -> f64 {
        let now = hours_since(self.origin_ns, at_ns);
        self.fallen.at(now) - self.fallen.at(now - hours)
    }
}

pub(in crate::scenario) struct RainGauge(pub(in crate::scenario) Rainfall);

impl Sensor for RainGauge {
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload) {
        let tips = |mm: f64| (mm / TIP_MM).floor() * TIP_MM;
        payload.number("rain_1h", tips(self.0.over(at_ns, 1.0)), 1);
        payload.number("rain_24h", tips(self.0.over(at_ns, 24.0)), 1);
        payload.number("battery", battery(random), 1);
    }
}
