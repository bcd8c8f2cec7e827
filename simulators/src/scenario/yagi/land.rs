//! Rain, slopes, air and weather of `yagi-2024`: invented to match the flood.

use super::{HOURS, at, from_ns};
use crate::curve::Curve;
use crate::device::Fault;
use crate::random::Random;
use crate::scenario::fleet::{Fleet, Kind};
use crate::scenario::sensors::air::{Air, AirSensor};
use crate::scenario::sensors::rain::{RainGauge, Rainfall};
use crate::scenario::sensors::slope::Slope;
use crate::scenario::sensors::weather::Weather;

/// Hourly rain in mm at a gauge with share 1: two waves, the evening of the 8th and the night to the 10th.
const INTENSITY: &[(f64, f64)] = &[
    (-24.0, 0.3),
    (-6.0, 1.0),
    (6.0, 3.0),
    (14.0, 6.0),
    (20.0, 14.0),
    (26.0, 8.0),
    (34.0, 5.0),
    (42.0, 9.0),
    (48.0, 13.0),
    (54.0, 5.0),
    (62.0, 2.0),
    (72.0, 0.6),
    (80.0, 0.1),
    (84.0, 0.0),
];

/// Gauge and its share of [`INTENSITY`].
const RAIN: [(&str, f64); 13] = [
    ("rg-lao-cai", 0.75),
    ("rg-sa-pa", 1.05),
    ("rg-bac-ha", 1.15),
    ("rg-lang-nu", 1.30),
    ("rg-y-ty", 1.20),
    ("rg-muong-khuong", 0.80),
    ("rg-bao-yen", 1.10),
    ("rg-van-ban", 0.95),
    ("rg-luc-yen", 1.00),
    ("rg-yen-bai", 0.90),
    ("rg-mu-cang-chai", 0.60),
    ("rg-nghia-lo", 0.70),
    ("rg-tram-tau", 0.75),
];

/// Station, share of [`INTENSITY`], and displacement in mm at the end.
const SLOPES: [(&str, f64, f64); 5] = [
    ("ls-lang-nu", 1.30, 140.0),
    ("ls-o-quy-ho", 1.05, 12.0),
    ("ls-y-ty", 1.20, 26.0),
    ("ls-khau-pha", 0.60, 4.0),
    ("ls-mu-cang-chai", 0.60, 5.0),
];

pub(super) fn add(fleet: &mut Fleet, seed: u64) {
    let intensity = Curve::through(INTENSITY);
    for (name, share) in RAIN {
        let faults = match name {
            // Back within the six hours in which a late reading still counts as the same episode …
            "rg-y-ty" => vec![Fault::Offline {
                from_ns: at(27, 0),
                to_ns: at(31, 30),
            }],
            // … and after them.
            "rg-mu-cang-chai" => vec![Fault::Offline {
                from_ns: at(48, 0),
                to_ns: at(57, 0),
            }],
            "rg-bac-ha" => vec![Fault::Resend {
                at_ns: at(29, 0),
                messages: 8,
            }],
            _ => Vec::new(),
        };
        let rain = rainfall(seed, name, &intensity, share);
        fleet.add(Kind::Rain, name, RainGauge(rain), faults);
    }
    for (name, share, creep) in SLOPES {
        let faults = match name {
            "ls-lang-nu" => vec![Fault::Silent {
                from_ns: at(54, 0),
                to_ns: i64::MAX,
            }],
            _ => Vec::new(),
        };
        let slope = Slope {
            origin_ns: from_ns(),
            rain: rainfall(seed, name, &intensity, share),
            dry: 48.0,
            creep: Curve::through(&[
                (12.0, 0.0),
                (36.0, creep * 0.15),
                (50.0, creep * 0.5),
                (60.0, creep),
            ]),
        };
        fleet.add(Kind::Slope, name, slope, faults);
    }
    air(fleet);
    weather(fleet);
}

fn rainfall(seed: u64, name: &str, intensity: &Curve, share: f64) -> Rainfall {
    let mut random = Random::named(seed, &format!("{name} rain"));
    Rainfall::new(from_ns(), HOURS, intensity, share, &mut random)
}

/// Rain washes the dust out; on the last afternoon dried mud and clearing fires fill the air of Tằng Loỏng and Lào Cai.
fn air(fleet: &mut Fleet) {
    let stations = [
        ("aqm-lao-cai", 18.0, 44.0),
        ("aqm-tang-loong", 26.0, 64.0),
        ("aqm-sa-pa", 9.0, 14.0),
        ("aqm-yen-bai", 17.0, 38.0),
    ];
    for (name, before, after) in stations {
        let faults = match name {
            "aqm-lao-cai" => vec![Fault::Resend {
                at_ns: at(14, 0),
                messages: 6,
            }],
            _ => Vec::new(),
        };
        let air = Air {
            pm25: Curve::through(&[
                (0.0, before),
                (20.0, before * 0.35),
                (60.0, before * 0.3),
                (78.0, before),
                (87.0, after),
                (92.0, after),
                (96.0, after * 0.8),
            ]),
            temperature: Curve::through(&[(0.0, 25.0), (24.0, 22.5), (54.0, 22.0), (90.0, 26.5)]),
            humidity: Curve::through(&[(0.0, 88.0), (20.0, 96.0), (60.0, 96.0), (90.0, 78.0)]),
        };
        fleet.add(Kind::Air, name, AirSensor::new(from_ns(), air), faults);
    }
}

fn weather(fleet: &mut Fleet) {
    // Name, degrees against Lào Cai, station pressure in hPa, exposure to wind.
    let stations = [
        ("wx-lao-cai", 0.0, 990.0, 1.0),
        ("wx-sa-pa", -7.5, 842.0, 1.2),
        ("wx-fansipan", -15.5, 690.0, 2.2),
        ("wx-bac-ha", -4.5, 900.0, 1.0),
        ("wx-yen-bai", 0.5, 996.0, 0.9),
        ("wx-mu-cang-chai", -4.0, 896.0, 1.0),
    ];
    for (name, cooler, pressure, exposure) in stations {
        let station = Weather {
            origin_ns: from_ns(),
            temperature: Curve::through(&[
                (0.0, 25.0 + cooler),
                (24.0, 22.5 + cooler),
                (54.0, 22.0 + cooler),
                (90.0, 26.5 + cooler),
            ]),
            humidity: Curve::through(&[(0.0, 90.0), (20.0, 97.0), (60.0, 97.0), (90.0, 79.0)]),
            wind: Curve::through(&[
                (0.0, 5.0 * exposure),
                (8.0, 6.5 * exposure),
                (24.0, 3.0 * exposure),
                (96.0, 1.8 * exposure),
            ]),
            pressure: Curve::through(&[
                (0.0, pressure - 6.0),
                (10.0, pressure - 8.0),
                (40.0, pressure - 2.0),
                (96.0, pressure),
            ]),
            visibility: Curve::through(&[
                (0.0, 6_000.0),
                (20.0, 1_500.0),
                (60.0, 2_000.0),
                (90.0, 9_000.0),
            ]),
        };
        fleet.add(Kind::Weather, name, station, Vec::new());
    }
}
