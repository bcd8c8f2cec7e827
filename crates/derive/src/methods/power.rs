//! Voltage deviation, unbalance of the phases, load factor.
//!
//! **Voltage deviation** in %: `(U - U_n) / U_n · 100` of the phase that is farthest from the nominal voltage.
//!
//! **Unbalance** in %, of three values of one event. `formula = "max_deviation"`: greatest distance of a phase from the mean of
//! the three, in % of the mean (for currents, and for voltages when nothing better is there).
//! `formula = "line_negative_sequence"`: the ratio of negative to positive sequence, exact from three line-to-line voltages:
//! `β = Σ U⁴ / (Σ U²)²`, `√((1 - √(3 - 6β)) / (1 + √(3 - 6β)))`. The limits of the rules for supply are of this one.
//!
//! **Load factor**, 0 to 1, of a local day: mean of the hourly means / greatest reading. `INCOMPLETE` with less than 24 hours, none with
//! less than `day_hours_min`.

use event::{Name, Quality};

use super::{Answer, Cell, Clocked, Known, Loading, Method, Port, Shape, View, union};
use crate::calendar::{DAY, HOUR, Period};
use crate::reader::Section;

const PHASES: [Port; 3] = [
    Port::number("l1", &["V", "A"]).required(),
    Port::number("l2", &["V", "A"]),
    Port::number("l3", &["V", "A"]),
];

const THREE: [Port; 3] = [
    Port::number("l1", &["V", "A"]).required(),
    Port::number("l2", &["V", "A"]).required(),
    Port::number("l3", &["V", "A"]).required(),
];

const PERCENT: [Port; 1] = [Port::number("percent", &["%"]).required()];

pub(crate) const DEVIATION: Known = Known {
    name: "voltage_deviation",
    inputs: &PHASES,
    outputs: &PERCENT,
    load: load_deviation,
};

pub(crate) const UNBALANCE: Known = Known {
    name: "unbalance",
    inputs: &THREE,
    outputs: &PERCENT,
    load: load_unbalance,
};

const POWER: [Port; 1] = [Port::number("power", &["kW"]).required()];

const FACTOR: [Port; 1] = [Port::number("load_factor", &["1"]).required()];

pub(crate) const LOAD_FACTOR: Known = Known {
    name: "load_factor",
    inputs: &POWER,
    outputs: &FACTOR,
    load: load_factor,
};

#[derive(Clone, Debug)]
struct Deviation {
    nominal: f64,
}

fn load_deviation(section: &Section<'_>, _: &Loading<'_>) -> Option<Box<dyn Method>> {
    if !section.has("nominal_v") {
        section.missing("nominal_v");
    }
    let nominal = section.number_in("nominal_v", 1.0..=1e6, 220.0);
    Some(Box::new(Deviation { nominal }))
}

impl Method for Deviation {
    fn instant(&self, _: &Name, cells: &[Option<Cell>]) -> Vec<Answer> {
        let deviations = cells.iter().flatten().map(|cell| {
            let percent = (cell.value - self.nominal) / self.nominal * 100.0;
            (percent, cell.quality)
        });
        deviations
            .reduce(|a, b| if b.0.abs() > a.0.abs() { b } else { a })
            .map(|(percent, quality)| Answer::number(0, percent, quality))
            .into_iter()
            .collect()
    }
}

#[derive(Clone, Debug)]
struct Unbalance {
    negative_sequence: bool,
}

fn load_unbalance(section: &Section<'_>, _: &Loading<'_>) -> Option<Box<dyn Method>> {
    let formula = section.choice("formula", &["max_deviation", "line_negative_sequence"]);
    Some(Box::new(Unbalance {
        negative_sequence: formula == "line_negative_sequence",
    }))
}

/// Greatest distance from the mean in % of the mean; none when the mean is not above zero.
pub fn max_deviation_pct(phases: [f64; 3]) -> Option<f64> {
    let mean = phases.iter().sum::<f64>() / 3.0;
    let farthest = phases.iter().map(|phase| (phase - mean).abs());
    let farthest = farthest.fold(0.0, f64::max);
    (mean > 0.0).then(|| farthest / mean * 100.0)
}

/// Negative to positive sequence in %, from the lengths of three line-to-line voltages; none when they close no triangle.
pub fn negative_sequence_pct(lines: [f64; 3]) -> Option<f64> {
    let squares: f64 = lines.iter().map(|line| line * line).sum();
    let fourths: f64 = lines.iter().map(|line| line.powi(4)).sum();
    if squares <= 0.0 {
        return None;
    }
    let inner = 3.0 - 6.0 * fourths / (squares * squares);
    // Rounding may leave a flat or an even triangle just outside.
    let root = (inner > -1e-9).then(|| inner.clamp(0.0, 1.0).sqrt())?;
    Some(((1.0 - root) / (1.0 + root)).sqrt() * 100.0)
}

impl Method for Unbalance {
    fn instant(&self, _: &Name, cells: &[Option<Cell>]) -> Vec<Answer> {
        let [Some(a), Some(b), Some(c)] = cells else {
            return Vec::new();
        };
        let phases = [a.value, b.value, c.value];
        let percent = if self.negative_sequence {
            negative_sequence_pct(phases)
        } else {
            max_deviation_pct(phases)
        };
        let quality = union(union(a.quality, b.quality), c.quality);
        percent
            .map(|percent| Answer::number(0, percent, quality))
            .into_iter()
            .collect()
    }
}

#[derive(Clone, Debug)]
struct LoadFactor {
    hour: Period,
    day: Period,
    hours_min: u64,
}

fn load_factor(section: &Section<'_>, loading: &Loading<'_>) -> Option<Box<dyn Method>> {
    Some(Box::new(LoadFactor {
        hour: Period::new(HOUR, loading.zone_ns),
        day: Period::new(DAY, loading.zone_ns),
        hours_min: section.whole("day_hours_min", 1..=24).unwrap_or(18),
    }))
}

impl Method for LoadFactor {
    fn shape(&self) -> Option<Shape> {
        Some(Shape {
            keep_ns: DAY,
            periods: vec![Clocked {
                period: self.day,
                later: 0,
                trailing: 0,
            }],
            ..Shape::default()
        })
    }

    fn period(&self, view: &View<'_>, _: usize, bucket: i64) -> Vec<Answer> {
        let first = self.hour.bucket(self.day.start(bucket));
        let (mut sum, mut hours, mut most, mut quality) = (0.0, 0_u64, 0.0_f64, Quality::GOOD);
        for hour in first..first + 24 {
            let (mut of_hour, mut count) = (0.0, 0_u64);
            for cell in view.of(&self.hour, hour).filter_map(|s| s.cell(0)) {
                of_hour += cell.value;
                count += 1;
                most = most.max(cell.value);
                quality = union(quality, cell.quality);
            }
            if count > 0 {
                sum += of_hour / count as f64;
                hours += 1;
            }
        }
        if hours < self.hours_min || most <= 0.0 {
            return Vec::new();
        }
        if hours < 24 {
            quality = union(quality, Quality::INCOMPLETE);
        }
        vec![Answer::number(0, sum / hours as f64 / most, quality)]
    }
}
