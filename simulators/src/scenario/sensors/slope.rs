//! Slope stations: soil that fills with the rain above it, and creeps when it is full.

use super::battery;
use super::rain::Rainfall;
use crate::curve::Curve;
use crate::device::Sensor;
use crate::payload::Payload;
use crate::random::Random;
use crate::scenario::hours_since;

pub(in crate::scenario) struct Slope {
    pub(in crate::scenario) origin_ns: i64,
    pub(in crate::scenario) rain: Rainfall,
    /// Soil moisture without rain, in percent.
    pub(in crate::scenario) dry: f64,
    /// Displacement since the start, in mm.
    pub(in crate::scenario) creep: Curve,
}

impl Sensor for Slope {
    fn measure(&mut self, at_ns: i64, random: &mut Random, payload: &mut Payload) {
        let hour = hours_since(self.origin_ns, at_ns);
        let rain = self.rain.over(at_ns, 24.0);
        // Saturates: 100 mm a day fills about two thirds of what was free.
        let filled = 1.0 - (-rain / 90.0).exp();
        let moisture = self.dry + (96.0 - self.dry) * filled;
        let creep = self.creep.at(hour);
        payload.number("soil_moisture", moisture + random.around_zero(0.3), 1);
        payload.number("tilt", 0.4 + creep / 60.0 + random.around_zero(0.01), 2);
        payload.number("displacement", creep + random.around_zero(0.1), 1);
        payload.number(
            "pore_pressure",
            8.0 + 42.0 * filled + random.around_zero(0.5),
            1,
        );
        payload.number("battery", battery(random), 1);
    }
}
