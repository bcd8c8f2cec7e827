//! VN_AQI of one concentration: Decision 1459/QĐ-TCMT of 2019-11-12 (confidence high).
//!
//! Breakpoints in µg/m³, also of CO. The index between two breakpoints is linear and continuous; above the last one it stays 500.
//!
//! **Rounding.** The decision says "rounded to an integer" and not how, and no one rule gives every value that it prints (its examples
//! have 59.35 -> 60 and 65.4 -> 65). Here: half up, once, at the end.

/// In the order in which they are named dominant when two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pollutant {
    Pm25,
    Pm10,
    O3,
    No2,
    So2,
    Co,
}

impl Pollutant {
    pub const ALL: [Self; 6] = [
        Self::Pm25,
        Self::Pm10,
        Self::O3,
        Self::No2,
        Self::So2,
        Self::Co,
    ];

    /// As the codes of a measure name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pm25 => "pm25",
            Self::Pm10 => "pm10",
            Self::O3 => "o3",
            Self::No2 => "no2",
            Self::So2 => "so2",
            Self::Co => "co",
        }
    }
}

/// What kind of mean a concentration is; it matters to ozone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Averaging {
    /// 1 h, 24 h or NowCast: the table's only column of all but ozone, and ozone's 1 h column.
    Usual,
    /// Ozone over 8 h.
    EightHours,
}

const INDEX: [f64; 8] = [0.0, 50.0, 100.0, 150.0, 200.0, 300.0, 400.0, 500.0];

const PM25: [f64; 8] = [0.0, 25.0, 50.0, 80.0, 150.0, 250.0, 350.0, 500.0];
const PM10: [f64; 8] = [0.0, 50.0, 150.0, 250.0, 350.0, 420.0, 500.0, 600.0];
const NO2: [f64; 8] = [0.0, 100.0, 200.0, 700.0, 1_200.0, 2_350.0, 3_100.0, 3_850.0];
const SO2: [f64; 8] = [0.0, 125.0, 350.0, 550.0, 800.0, 1_600.0, 2_100.0, 2_630.0];
const CO: [f64; 8] = [
    0.0, 10_000.0, 30_000.0, 45_000.0, 60_000.0, 90_000.0, 120_000.0, 150_000.0,
];
const O3_1H: [f64; 8] = [0.0, 160.0, 200.0, 300.0, 400.0, 800.0, 1_000.0, 1_200.0];
/// Not used above 400 µg/m³: the index then comes from the 1 h mean.
const O3_8H: [f64; 6] = [0.0, 100.0, 120.0, 170.0, 210.0, 400.0];

/// Index of a concentration in µg/m³, not rounded. None for an 8 h ozone mean above 400, and for 8 h means of others.
pub fn index(pollutant: Pollutant, averaging: Averaging, concentration: f64) -> Option<f64> {
    let breakpoints: &[f64] = match (pollutant, averaging) {
        (Pollutant::O3, Averaging::EightHours) => {
            if concentration > 400.0 {
                return None;
            }
            &O3_8H
        }
        (_, Averaging::EightHours) => return None,
        (Pollutant::Pm25, Averaging::Usual) => &PM25,
        (Pollutant::Pm10, Averaging::Usual) => &PM10,
        (Pollutant::No2, Averaging::Usual) => &NO2,
        (Pollutant::So2, Averaging::Usual) => &SO2,
        (Pollutant::Co, Averaging::Usual) => &CO,
        (Pollutant::O3, Averaging::Usual) => &O3_1H,
    };
    // An instrument near its zero may read a little below it.
    let concentration = concentration.max(0.0);
    let above = breakpoints
        .windows(2)
        .zip(INDEX.windows(2))
        .find(|(limits, _)| matches!(limits, [_, high] if concentration <= *high));
    match above {
        Some(([low, high], [below, next])) => {
            Some((next - below) / (high - low) * (concentration - low) + below)
        }
        _ => Some(500.0),
    }
}

/// Half up. What arithmetic leaves of 64.5 (64.49999999999999) counts as 64.5.
pub fn rounded(index: f64) -> f64 {
    (index + 0.5 + 1e-9).floor()
}

/// Code of the category of a rounded index.
pub(crate) fn category(index: f64) -> &'static str {
    match index {
        ..=50.0 => "good",
        ..=100.0 => "moderate",
        ..=150.0 => "poor",
        ..=200.0 => "bad",
        ..=300.0 => "very_bad",
        _ => "hazardous",
    }
}
