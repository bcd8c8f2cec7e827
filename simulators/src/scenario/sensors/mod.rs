//! What the instruments of each kind show. Each sensor is a function of scenario time plus its own small noise.

pub(super) mod air;
pub(super) mod power;
pub(super) mod rain;
pub(super) mod river;
pub(super) mod slope;
pub(super) mod visitors;
pub(super) mod weather;

use crate::random::Random;

/// 0 at night, 1 in the early afternoon: the day's course of temperature, traffic and demand.
fn daylight(hour: f64) -> f64 {
    let angle = (hour - 14.0) / 24.0 * std::f64::consts::TAU;
    0.5 + 0.5 * angle.cos()
}

/// Voltage of a healthy battery.
fn battery(random: &mut Random) -> f64 {
    12.6 + random.around_zero(0.1)
}
