//! `yagi-2024`: the flood after storm Yagi, 2024-09-08 00:00 to 2024-09-11 23:59 (+07), on all four streams.
//!
//! Levels go through the published points of [`hydrographs`]. Rain, slopes, power, air and visitors are invented to match
//! the course of those days; no instrument record stands behind them.
//!
//! What goes wrong on the way:
//! - The gauge of Bảo Hà dies right after its peak (last reading 2024-09-09 20:00) and is back on 2024-09-10 06:40: more
//!   than ten hours of silence at high water.
//! - The slope station of Làng Nủ falls silent for good on 2024-09-10 at 06:06.
//! - The rain gauges of Y Tý and Mù Cang Chải and the counter of Cát Cát lose their network for hours and then send what
//!   they measured meanwhile, late.
//! - Five devices lose a connection and send their last messages a second time.
//! - Bắc Hà and Yên Bái lose power, Sa Pa is overloaded, Nghĩa Lộ has low voltage.

pub(crate) mod hydrographs;
mod land;
mod people;

use super::fleet::{Fleet, Kind};
use super::sensors::river::{Dam, RiverGauge};
use super::{Options, Plot};
use crate::curve::Curve;
use crate::device::Fault;
use crate::stamp::{DAY_NS, HOUR_NS, MINUTE_NS, viet_nam_midnight};
use hydrographs as levels;

/// Hours from the start to the end.
const HOURS: i32 = 96;

pub(super) fn from_ns() -> i64 {
    viet_nam_midnight(2024, 9, 8)
}

pub(super) fn plot(seed: u64, options: &Options) -> Plot {
    let mut fleet = Fleet::new(seed, from_ns());
    rivers(&mut fleet);
    dams(&mut fleet);
    land::add(&mut fleet, seed);
    people::add(&mut fleet);
    fleet.add_asked(options);
    fleet.finish(from_ns() + 4 * DAY_NS - MINUTE_NS)
}

/// Nanoseconds of an hour and minute counted from the start (hour 44 = 9 September 20:00).
fn at(hour: i64, minute: i64) -> i64 {
    from_ns() + hour * HOUR_NS + minute * MINUTE_NS
}

fn rivers(fleet: &mut Fleet) {
    for hydrograph in &levels::GAUGES {
        let faults = match hydrograph.gauge {
            "wl-bao-ha" => vec![Fault::Silent {
                from_ns: at(44, 5),
                to_ns: at(54, 40),
            }],
            "wl-yen-bai" => vec![Fault::Resend {
                at_ns: at(51, 0),
                messages: 4,
            }],
            _ => Vec::new(),
        };
        let gauge = RiverGauge::new(from_ns(), hydrograph.curve());
        fleet.add(Kind::River, hydrograph.gauge, gauge, faults);
    }
}

fn dams(fleet: &mut Fleet) {
    let thac_ba = Dam {
        origin_ns: from_ns(),
        level: Curve::through(levels::THAC_BA_LEVEL),
        downstream: Curve::through(levels::THAC_BA_DOWNSTREAM),
        inflow: Curve::through(levels::THAC_BA_INFLOW),
        outflow: Curve::through(levels::THAC_BA_OUTFLOW),
        turbines_max: 420.0,
        gate_flow: 900.0,
    };
    fleet.add(Kind::Reservoir, "rv-thac-ba", thac_ba, Vec::new());
    let bac_ha = Dam {
        origin_ns: from_ns(),
        level: Curve::through(levels::BAC_HA_LEVEL),
        downstream: Curve::through(levels::BAC_HA_DOWNSTREAM),
        inflow: Curve::through(levels::BAC_HA_INFLOW),
        outflow: Curve::through(levels::BAC_HA_OUTFLOW),
        turbines_max: 340.0,
        gate_flow: 1_200.0,
    };
    fleet.add(Kind::Reservoir, "rv-bac-ha", bac_ha, Vec::new());
}
