//! Power and visitors of `yagi-2024`: invented to match the flood.

use super::{at, from_ns};
use crate::curve::Curve;
use crate::device::Fault;
use crate::scenario::fleet::{Fleet, Kind};
use crate::scenario::sensors::power::{Meter, Supply, Transformer};
use crate::scenario::sensors::visitors::Visitors;

pub(super) fn add(fleet: &mut Fleet) {
    power(fleet);
    visitors(fleet);
}

fn power(fleet: &mut Fleet) {
    let ordinary = |load: f64| Supply::ordinary(from_ns(), load);
    let lao_cai = Supply {
        load: curve(&[(0.0, 58.0), (40.0, 70.0), (60.0, 64.0), (96.0, 58.0)]),
        ..ordinary(58.0)
    };
    // The lines around Sa Pa are fed through one transformer after two others are lost.
    let sa_pa = Supply {
        load: curve(&[
            (0.0, 62.0),
            (34.0, 74.0),
            (38.0, 118.0),
            (46.0, 122.0),
            (52.0, 84.0),
            (96.0, 60.0),
        ]),
        ..ordinary(62.0)
    };
    // Voltage sags before the line is lost on the 9th at 02:10; repaired at 15:25.
    let bac_ha = Supply {
        voltage: curve(&[
            (0.0, 222.0),
            (22.0, 219.0),
            (25.0, 196.0),
            (40.0, 214.0),
            (50.0, 222.0),
        ]),
        outages: vec![(26.0 + 10.0 / 60.0, 39.0 + 25.0 / 60.0)],
        ..ordinary(55.0)
    };
    // Switched off when the water reaches the post on the 10th at 01:00; on again on the 11th at 09:00.
    let yen_bai = Supply {
        outages: vec![(49.0, 81.0)],
        ..ordinary(57.0)
    };
    let nghia_lo = Supply {
        voltage: curve(&[
            (0.0, 221.0),
            (28.0, 217.0),
            (34.0, 204.0),
            (44.0, 203.0),
            (54.0, 216.0),
            (70.0, 222.0),
        ]),
        ..ordinary(52.0)
    };
    let lost_ack = vec![Fault::Resend {
        at_ns: at(43, 0),
        messages: 5,
    }];
    fleet.add(
        Kind::Transformer,
        "tr-lao-cai",
        Transformer(lao_cai.clone()),
        lost_ack,
    );
    fleet.add(
        Kind::Transformer,
        "tr-sa-pa",
        Transformer(sa_pa.clone()),
        Vec::new(),
    );
    fleet.add(
        Kind::Transformer,
        "tr-tang-loong",
        Transformer(ordinary(66.0)),
        Vec::new(),
    );
    fleet.add(
        Kind::Transformer,
        "tr-bac-ha",
        Transformer(bac_ha),
        Vec::new(),
    );
    fleet.add(
        Kind::Transformer,
        "tr-yen-bai",
        Transformer(yen_bai.clone()),
        Vec::new(),
    );
    fleet.add(
        Kind::Transformer,
        "tr-nghia-lo",
        Transformer(nghia_lo),
        Vec::new(),
    );
    let feeder = |supply: Supply| Supply {
        rated_current: 160.0,
        ..supply
    };
    fleet.add(
        Kind::Meter,
        "em-lao-cai",
        Meter::new(feeder(lao_cai), 1_204_310.0),
        Vec::new(),
    );
    // The feeder carries what its transformer carries, without the overload of the post.
    fleet.add(
        Kind::Meter,
        "em-sa-pa",
        Meter::new(feeder(ordinary(64.0)), 846_022.0),
        Vec::new(),
    );
    fleet.add(
        Kind::Meter,
        "em-yen-bai",
        Meter::new(feeder(yen_bai), 1_733_904.0),
        Vec::new(),
    );
}

fn visitors(fleet: &mut Fleet) {
    let falling = &[
        (0.0, 0.75),
        (12.0, 0.5),
        (30.0, 0.12),
        (60.0, 0.05),
        (84.0, 0.12),
        (96.0, 0.2),
    ];
    let warned = vec![(12.0, "closed"), (90.0, "restricted")];
    // Name, people at the busiest hour of an ordinary day, capacity, gate.
    let places = [
        ("vc-sa-pa-church", 1_800.0, 3_500.0, Vec::new()),
        ("vc-fansipan", 1_500.0, 2_600.0, warned.clone()),
        ("vc-cat-cat", 900.0, 1_600.0, warned.clone()),
        (
            "vc-bac-ha-market",
            1_100.0,
            2_000.0,
            vec![(30.0, "closed"), (80.0, "open")],
        ),
        (
            "vc-mu-cang-chai",
            700.0,
            1_500.0,
            vec![(24.0, "restricted")],
        ),
        (
            "vc-border-gate",
            800.0,
            1_800.0,
            vec![(44.0, "restricted"), (86.0, "open")],
        ),
    ];
    for (name, busiest, capacity, gate) in places {
        let faults = match name {
            "vc-cat-cat" => vec![Fault::Offline {
                from_ns: at(33, 0),
                to_ns: at(37, 0),
            }],
            "vc-border-gate" => vec![Fault::Resend {
                at_ns: at(10, 0),
                messages: 3,
            }],
            _ => Vec::new(),
        };
        let counter = Visitors {
            origin_ns: from_ns(),
            busiest,
            capacity,
            share: curve(falling),
            gate,
        };
        fleet.add(Kind::Visitors, name, counter, faults);
    }
}

fn curve(points: &[(f64, f64)]) -> Curve {
    Curve::through(points)
}
