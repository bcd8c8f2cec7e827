//! Weather stations.

use super::daylight;
use crate::curve::Curve;
use crate::device::Sensor;
use crate::payload::Payload;
use crate::random::Random;
use crate::scenario::{hours_since, local_hour};

/// One place; curves over hours from `origin_ns`.
pub(in crate::scenario) struct Weather {
    pub(in crate::scenario) origin_ns: i64,
    pub(in crate::scenario) temperature: Curve,
    pub(in crate::scenario) humidity: Curve,
    /// Mean wind in m/s.
    pub(in crate::scenario) wind: Curve,
    /// Station pressure in hPa.
    pub(in crate::scenario) pressure: Curve,
    /// Range of sight in m.
    pub(in crate::scenario) visibility: Curve,
}

impl Sensor for Weather {
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload) {
        let hour = hours_since(self.origin_ns, at_ns);
        let day = daylight(local_hour(at_ns)) - 0.5;
        let wind = (self.wind.at(hour) * (1.0 + random.around_zero(0.25))).max(0.2);
        payload.number(
            "temp",
            self.temperature.at(hour) + 4.0 * day + random.around_zero(0.2),
            1,
        );
        let humidity = self.humidity.at(hour) - 14.0 * day + random.around_zero(0.8);
        payload.number("hum", humidity.clamp(20.0, 99.0), 1);
        payload.number("wind_speed", wind, 1);
        payload.number("wind_gust", wind * (1.4 + 0.3 * random.unit()), 1);
        payload.number(
            "wind_dir",
            (135.0 + random.around_zero(40.0)).rem_euclid(360.0),
            0,
        );
        payload.number(
            "pressure",
            self.pressure.at(hour) + random.around_zero(0.2),
            1,
        );
        payload.number(
            "visibility",
            self.visibility.at(hour) * (1.0 + random.around_zero(0.1)),
            0,
        );
    }
}
