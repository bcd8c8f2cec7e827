//! Air-quality stations.

use super::{battery, daylight};
use crate::curve::Curve;
use crate::device::Sensor;
use crate::payload::Payload;
use crate::random::Random;
use crate::scenario::{hours_since, local_hour};

/// The air at one place (hours from the scenario's origin).
pub(in crate::scenario) struct Air {
    /// Fine dust in ug/m3.
    pub(in crate::scenario) pm25: Curve,
    /// Mean temperature over the days.
    pub(in crate::scenario) temperature: Curve,
    /// Mean humidity in percent.
    pub(in crate::scenario) humidity: Curve,
}

impl Air {
    /// A dry autumn day with so much fine dust.
    pub(in crate::scenario) fn ordinary(pm25: f64) -> Self {
        let constant = |value: f64| Curve::through(&[(0.0, value)]);
        Self {
            pm25: constant(pm25),
            temperature: constant(23.0),
            humidity: constant(72.0),
        }
    }
}

pub(in crate::scenario) struct AirSensor {
    origin_ns: i64,
    air: Air,
}

impl AirSensor {
    pub(in crate::scenario) fn new(origin_ns: i64, air: Air) -> Self {
        Self { origin_ns, air }
    }
}

impl Sensor for AirSensor {
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload) {
        let hour = hours_since(self.origin_ns, at_ns);
        let day = daylight(local_hour(at_ns));
        let pm25 = self.air.pm25.at(hour) * (1.0 + random.around_zero(0.06));
        payload.number("pm25", pm25, 1);
        payload.number("pm10", pm25 * 1.6 + random.around_zero(1.0), 1);
        payload.number(
            "no2",
            9.0 + pm25 * 0.3 + 4.0 * day + random.around_zero(0.8),
            1,
        );
        payload.number("so2", 6.0 + pm25 * 0.1 + random.around_zero(0.5), 1);
        payload.number("co", 400.0 + pm25 * 8.0 + random.around_zero(15.0), 0);
        payload.number("o3", 30.0 + 35.0 * day + random.around_zero(2.0), 1);
        let temperature = self.air.temperature.at(hour) + 3.5 * (day - 0.5);
        payload.number("temp", temperature + random.around_zero(0.2), 1);
        let humidity = self.air.humidity.at(hour) - 14.0 * (day - 0.5) + random.around_zero(0.8);
        payload.number("hum", humidity.clamp(20.0, 99.0), 1);
        payload.number("battery", battery(random), 1);
    }
}
