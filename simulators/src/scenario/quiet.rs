//! `quiet-day`: 2024-10-15 (+07), an ordinary autumn day. Every named device speaks at its pace and nothing is out of
//! order, so any alert is a false one.

use super::fleet::{Fleet, Kind};
use super::sensors::air::{Air, AirSensor};
use super::sensors::power::{Meter, Supply, Transformer};
use super::sensors::rain::{RainGauge, Rainfall};
use super::sensors::river::{Dam, RiverGauge};
use super::sensors::slope::Slope;
use super::sensors::visitors::Visitors;
use super::sensors::weather::Weather;
use super::{Options, Plot};
use crate::curve::Curve;
use crate::random::Random;
use crate::stamp::{DAY_NS, MINUTE_NS, viet_nam_midnight};

pub(super) fn from_ns() -> i64 {
    viet_nam_midnight(2024, 10, 15)
}

pub(super) fn plot(seed: u64, options: &Options) -> Plot {
    let mut fleet = Fleet::new(seed, from_ns());
    named(&mut fleet, seed, from_ns());
    fleet.add_asked(options);
    fleet.finish(from_ns() + DAY_NS - MINUTE_NS)
}

/// All named devices on an ordinary day that begins at `origin_ns`.
pub(super) fn named(fleet: &mut Fleet, seed: u64, origin_ns: i64) {
    water(fleet, seed, origin_ns);
    air(fleet, origin_ns);
    power(fleet, origin_ns);
    for (name, busiest, capacity) in [
        ("vc-sa-pa-church", 1_200.0, 3_500.0),
        ("vc-fansipan", 1_000.0, 2_600.0),
        ("vc-cat-cat", 600.0, 1_600.0),
        ("vc-bac-ha-market", 700.0, 2_000.0),
        ("vc-mu-cang-chai", 500.0, 1_500.0),
        ("vc-border-gate", 600.0, 1_800.0),
    ] {
        let share = constant(0.85);
        let counter = Visitors {
            origin_ns,
            busiest,
            capacity,
            share,
            gate: Vec::new(),
        };
        fleet.add(Kind::Visitors, name, counter, Vec::new());
    }
}

fn constant(value: f64) -> Curve {
    Curve::through(&[(0.0, value)])
}

fn water(fleet: &mut Fleet, seed: u64, origin_ns: i64) {
    for (name, level) in [
        ("wl-lao-cai", 76.80),
        ("wl-bao-ha", 51.90),
        ("wl-yen-bai", 26.10),
        ("wl-bao-yen", 68.30),
        ("wl-van-ban", 86.90),
        ("wl-vinh-yen", 128.40),
    ] {
        let curve = Curve::through(&[(0.0, level), (10.0, level + 0.08), (24.0, level - 0.06)]);
        fleet.add(
            Kind::River,
            name,
            RiverGauge::new(origin_ns, curve),
            Vec::new(),
        );
    }
    for (name, level, downstream, flow) in [
        ("rv-thac-ba", 57.10, 22.4, 260.0),
        ("rv-bac-ha", 174.0, 117.4, 180.0),
    ] {
        let dam = Dam {
            origin_ns,
            level: Curve::through(&[(0.0, level), (24.0, level - 0.10)]),
            downstream: constant(downstream),
            inflow: constant(flow),
            outflow: constant(flow + 8.0),
            turbines_max: 340.0,
            gate_flow: 900.0,
        };
        fleet.add(Kind::Reservoir, name, dam, Vec::new());
    }
    // A passing shower in the afternoon, a few millimetres.
    let shower = Curve::through(&[(0.0, 0.0), (14.0, 0.0), (15.5, 1.4), (17.0, 0.0)]);
    let rainfall = |name: &str, share: f64| {
        let mut random = Random::named(seed, &format!("{name} rain"));
        Rainfall::new(origin_ns, 24, &shower, share, &mut random)
    };
    for name in [
        "rg-lao-cai",
        "rg-sa-pa",
        "rg-bac-ha",
        "rg-lang-nu",
        "rg-y-ty",
        "rg-muong-khuong",
        "rg-bao-yen",
        "rg-van-ban",
        "rg-luc-yen",
        "rg-yen-bai",
        "rg-mu-cang-chai",
        "rg-nghia-lo",
        "rg-tram-tau",
    ] {
        fleet.add(Kind::Rain, name, RainGauge(rainfall(name, 1.0)), Vec::new());
    }
    for name in [
        "ls-lang-nu",
        "ls-o-quy-ho",
        "ls-y-ty",
        "ls-khau-pha",
        "ls-mu-cang-chai",
    ] {
        let slope = Slope {
            origin_ns,
            rain: rainfall(name, 1.0),
            dry: 42.0,
            creep: constant(0.4),
        };
        fleet.add(Kind::Slope, name, slope, Vec::new());
    }
}

fn air(fleet: &mut Fleet, origin_ns: i64) {
    for (name, pm25) in [
        ("aqm-lao-cai", 17.0),
        ("aqm-tang-loong", 21.0),
        ("aqm-sa-pa", 8.0),
        ("aqm-yen-bai", 16.0),
    ] {
        fleet.add(
            Kind::Air,
            name,
            AirSensor::new(origin_ns, Air::ordinary(pm25)),
            Vec::new(),
        );
    }
    for (name, temperature, pressure) in [
        ("wx-lao-cai", 24.0, 1_000.0),
        ("wx-sa-pa", 16.5, 850.0),
        ("wx-fansipan", 8.5, 700.0),
        ("wx-bac-ha", 19.5, 910.0),
        ("wx-yen-bai", 24.5, 1_006.0),
        ("wx-mu-cang-chai", 20.0, 906.0),
    ] {
        let station = Weather {
            origin_ns,
            temperature: constant(temperature),
            humidity: constant(74.0),
            wind: constant(2.0),
            pressure: constant(pressure),
            visibility: constant(12_000.0),
        };
        fleet.add(Kind::Weather, name, station, Vec::new());
    }
}

fn power(fleet: &mut Fleet, origin_ns: i64) {
    for (name, load) in [
        ("tr-lao-cai", 56.0),
        ("tr-sa-pa", 58.0),
        ("tr-tang-loong", 62.0),
        ("tr-bac-ha", 50.0),
        ("tr-yen-bai", 55.0),
        ("tr-nghia-lo", 48.0),
    ] {
        let post = Transformer(Supply::ordinary(origin_ns, load));
        fleet.add(Kind::Transformer, name, post, Vec::new());
    }
    for (name, register) in [
        ("em-lao-cai", 1_310_204.0),
        ("em-sa-pa", 902_118.0),
        ("em-yen-bai", 1_801_550.0),
    ] {
        let supply = Supply {
            rated_current: 160.0,
            ..Supply::ordinary(origin_ns, 56.0)
        };
        fleet.add(Kind::Meter, name, Meter::new(supply, register), Vec::new());
    }
}
