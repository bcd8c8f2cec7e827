//! Levels of `yagi-2024`: what was published, and what is assumed in between.
//!
//! Only the points marked [`Basis::Published`] are figures from bulletins or the press; everything between them is
//! interpolated (monotone cubic), and start, end and the shape of the fall are assumptions. No curve here is a record of
//! the real gauge. Hours count from 2024-09-08 00:00 +07; levels are above each station's own datum.

use crate::curve::Curve;

/// Where a point comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Source tag of the domain reference.
    Published(&'static str),
    /// Why it was put there.
    Assumed(&'static str),
}

/// One point of a hydrograph.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub hour: f64,
    pub level: f64,
    pub basis: Basis,
}

/// One gauge.
#[derive(Clone, Copy, Debug)]
pub struct Hydrograph {
    pub gauge: &'static str,
    pub points: &'static [Point],
}

impl Hydrograph {
    pub(crate) fn curve(&self) -> Curve {
        let points: Vec<(f64, f64)> = self
            .points
            .iter()
            .map(|point| (point.hour, point.level))
            .collect();
        Curve::through(&points)
    }
}

const fn published(hour: f64, level: f64, source: &'static str) -> Point {
    Point {
        hour,
        level,
        basis: Basis::Published(source),
    }
}

const fn assumed(hour: f64, level: f64, why: &'static str) -> Point {
    Point {
        hour,
        level,
        basis: Basis::Assumed(why),
    }
}

const START: &str = "below BĐ1 before the flood";
const FALL: &str = "shape of the fall";
const END: &str = "below BĐ1 again at the end, so that the episode closes";

pub const GAUGES: [Hydrograph; 6] = [
    Hydrograph {
        gauge: "wl-lao-cai",
        points: &[
            assumed(0.0, 78.60, START),
            published(20.0, 80.65, "S9"),
            published(44.0, 86.91, "S10"),
            assumed(58.0, 85.10, FALL),
            assumed(72.0, 82.40, FALL),
            assumed(84.0, 80.70, FALL),
            assumed(96.0, 79.40, END),
        ],
    },
    Hydrograph {
        gauge: "wl-bao-ha",
        points: &[
            assumed(0.0, 54.20, START),
            published(20.0, 58.13, "S9"),
            published(44.0, 61.09, "S10"),
            assumed(56.0, 60.00, FALL),
            assumed(70.0, 57.60, FALL),
            assumed(82.0, 55.80, FALL),
            assumed(96.0, 54.50, END),
        ],
    },
    Hydrograph {
        gauge: "wl-yen-bai",
        points: &[
            assumed(0.0, 28.40, START),
            assumed(
                20.0,
                31.20,
                "between the start and the first published level",
            ),
            published(37.0, 33.98, "S13"),
            assumed(
                50.0,
                35.73,
                "height from a later bulletin (medium confidence), hour assumed: night of 10 September",
            ),
            assumed(62.0, 35.00, FALL),
            assumed(76.0, 32.60, FALL),
            assumed(88.0, 30.60, FALL),
            assumed(96.0, 29.60, END),
        ],
    },
    Hydrograph {
        gauge: "wl-bao-yen",
        points: &[
            assumed(0.0, 69.20, START),
            assumed(30.0, 70.50, "shape of the rise"),
            assumed(
                46.0,
                72.20,
                "the 87 m printed in 2024 do not fit this datum; an older flood (BĐ1 + 1.20 m) is taken",
            ),
            assumed(66.0, 70.80, FALL),
            assumed(96.0, 69.50, END),
        ],
    },
    Hydrograph {
        gauge: "wl-van-ban",
        points: &[
            assumed(0.0, 87.60, START),
            published(20.0, 89.67, "S9"),
            assumed(26.0, 90.70, "BĐ3 + 0.2 m named in S9 without an hour"),
            assumed(42.0, 89.00, FALL),
            assumed(60.0, 88.20, FALL),
            assumed(96.0, 87.40, END),
        ],
    },
    Hydrograph {
        gauge: "wl-vinh-yen",
        points: &[
            assumed(0.0, 128.90, START),
            assumed(20.0, 130.20, "shape of the rise"),
            assumed(36.0, 134.00, "the forecast peak of S12 taken as reached"),
            assumed(50.0, 132.20, FALL),
            assumed(64.0, 130.60, FALL),
            assumed(96.0, 129.20, END),
        ],
    },
];

/// Thác Bà: level, inflow and outflow of 2024-09-11 10:45 and 13:00 (S63); the rest is assumed.
pub(super) const THAC_BA_LEVEL: &[(f64, f64)] = &[
    (0.0, 57.70),
    (30.0, 58.00),
    (60.0, 59.20),
    (82.75, 59.83),
    (96.0, 59.80),
];
pub(super) const THAC_BA_INFLOW: &[(f64, f64)] = &[
    (0.0, 620.0),
    (30.0, 1_900.0),
    (52.0, 4_200.0),
    (82.75, 2_960.0),
    (85.0, 2_992.0),
    (96.0, 2_700.0),
];
pub(super) const THAC_BA_OUTFLOW: &[(f64, f64)] = &[
    (0.0, 560.0),
    (30.0, 1_200.0),
    (56.0, 3_050.0),
    (82.75, 2_920.0),
    (85.0, 3_005.0),
    (96.0, 2_950.0),
];
pub(super) const THAC_BA_DOWNSTREAM: &[(f64, f64)] = &[(0.0, 23.6), (52.0, 27.9), (96.0, 27.2)];

/// Bắc Hà: the release of 2024-09-09 09:15 (S12: 3,700 to 4,160 m3/s with Vĩnh Hà); the rest is assumed.
pub(super) const BAC_HA_LEVEL: &[(f64, f64)] = &[
    (0.0, 176.5),
    (20.0, 178.2),
    (36.0, 179.6),
    (60.0, 178.4),
    (96.0, 177.0),
];
pub(super) const BAC_HA_INFLOW: &[(f64, f64)] = &[
    (0.0, 420.0),
    (20.0, 1_500.0),
    (32.0, 3_950.0),
    (50.0, 2_400.0),
    (96.0, 600.0),
];
pub(super) const BAC_HA_OUTFLOW: &[(f64, f64)] = &[
    (0.0, 400.0),
    (20.0, 1_350.0),
    (33.25, 3_700.0),
    (52.0, 2_500.0),
    (96.0, 640.0),
];
pub(super) const BAC_HA_DOWNSTREAM: &[(f64, f64)] =
    &[(0.0, 118.0), (33.25, 126.5), (52.0, 123.5), (96.0, 118.8)];
