//! Forest-fire danger index P and class.
//!
//! **Method** (modified Nesterov, confidence medium): `P = Σ t13 · d13` over the days since the last one with rain of `rain_reset_mm` or more; on
//! such a day P is 0. `t13` is the temperature at 13:00 local in °C (below 0 counts as 0), `d13` the saturation deficit in hPa (= mb) from
//! temperature and humidity: `e_s = 6.112 · exp(17.62 t / (243.12 + t))` (Magnus), `d = e_s · (1 - RH / 100)`.
//! The reading nearest to 13:00 within `tolerance_minutes` counts. The rain of a day is that of the 24 h before.
//!
//! The day's result is due at 13:00 + tolerance. Until a first rain has reset it the sum begins somewhere and is `INCOMPLETE`; so it is
//! after a day without a reading. The class comes from a table of the site (each province sets its own): `UNOFFICIAL` always,
//! `ASSUMED` while the table is not verified.

use event::Quality;
use serde::{Deserialize, Serialize};

use super::rain::register_wrap;
use super::register::{AfterFall, Register};
use super::{Answer, Base, Clocked, Known, Loading, Method, Port, Sample, Shape, View, union};
use crate::calendar::{DAY, HOUR, MINUTE, Period, hours};
use crate::reader::Section;

const TEMP: usize = 0;
const HUM: usize = 1;
const RAIN: usize = 2;
const INPUTS: [Port; 3] = [
    Port::number("temperature", &["Cel"]).required(),
    Port::number("humidity", &["%"]).required(),
    Port::number("rain", &["mm"]),
];

const OUTPUTS: [Port; 2] = [Port::number("index", &["1"]), Port::code("class")];

const CLASSES: [&str; 5] = ["i", "ii", "iii", "iv", "v"];

pub(crate) const KNOWN: Known = Known {
    name: "forest_fire",
    inputs: &INPUTS,
    outputs: &OUTPUTS,
    load,
};

/// Days farther back than this give nothing, so that a clock gone wild costs nothing.
const DAYS_MAX: i64 = 400;

/// The sum up to and with a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Day {
    day: i64,
    sum: f64,
    /// Of the days since the last reset.
    quality: Quality,
}

#[derive(Clone, Copy, Debug)]
enum RainKind {
    /// Sum of the last 24 h, of the reading that counts.
    Day,
    /// Amount since the reading before.
    Interval,
    Cumulative(Register),
}

#[derive(Clone, Debug)]
struct Fire {
    /// Ends when the day's result is due.
    day: Period,
    tolerance: i64,
    rain: RainKind,
    rain_reset: f64,
    /// Upper ends of classes I to IV.
    classes: [f64; 4],
    assumed: bool,
}

fn load(section: &Section<'_>, loading: &Loading<'_>) -> Option<Box<dyn Method>> {
    let tolerance = section.number_in("tolerance_minutes", 5.0..=180.0, 60.0) as i64 * MINUTE;
    let rain = match section.choice("rain_kind", &["window_24h", "interval", "cumulative"]) {
        "interval" => RainKind::Interval,
        "cumulative" => RainKind::Cumulative(Register {
            wrap: register_wrap(section),
            rate_max: section.number_in("rate_max_mm_h", 1.0..=5_000.0, 300.0),
            after_fall: AfterFall::FromZero,
        }),
        _ => RainKind::Day,
    };
    let (mut classes, mut assumed) = ([5_000.0, 10_000.0, 15_000.0, 20_000.0], true);
    match section.section("classes") {
        Some(table) => {
            let keys = ["i", "ii", "iii", "iv"];
            for (class, key) in classes.iter_mut().zip(keys) {
                if !table.has(key) {
                    table.missing(key);
                }
                *class = table.number(key).unwrap_or(*class);
            }
            if !classes.is_sorted_by(|a, b| a < b) {
                table.mistake(table.line(), "classes must rise from `i` to `iv`");
            }
            assumed = !table.sourced();
            table.finish();
        }
        None => section.missing("classes"),
    }
    Some(Box::new(Fire {
        day: Period::new(DAY, loading.zone_ns).starting_at(13 * HOUR + tolerance),
        tolerance,
        rain,
        rain_reset: section.number_in("rain_reset_mm", 0.1..=100.0, 5.0),
        classes,
        assumed,
    }))
}

/// Saturation deficit of the air in hPa from temperature (°C) and relative humidity (%).
pub fn saturation_deficit_hpa(temperature: f64, humidity: f64) -> f64 {
    let saturated = 6.112 * (17.62 * temperature / (243.12 + temperature)).exp();
    saturated * (1.0 - humidity.clamp(0.0, 100.0) / 100.0)
}

/// What a day gives to the sum.
struct Given {
    product: Option<f64>,
    rain: f64,
    quality: Quality,
}

impl Fire {
    fn given(&self, view: &View<'_>, day: i64) -> Given {
        let noon = self.day.end(day).saturating_sub(self.tolerance);
        let distance = |sample: &&Sample| sample.at.saturating_sub(noon).saturating_abs();
        let near = |slot: usize| {
            view.of(&self.day, day)
                .filter(move |sample| sample.cell(slot).is_some())
                .filter(|sample| distance(sample) <= self.tolerance)
                .min_by_key(distance)
        };
        let counting = near(TEMP).filter(|sample| sample.cell(HUM).is_some());
        let mut given = Given {
            product: None,
            rain: 0.0,
            quality: Quality::GOOD,
        };
        if let Some(sample) = counting
            && let (Some(temp), Some(hum)) = (sample.cell(TEMP), sample.cell(HUM))
        {
            let deficit = saturation_deficit_hpa(temp.value, hum.value);
            given.product = Some(temp.value.max(0.0) * deficit);
            given.quality = union(temp.quality, hum.quality);
        } else {
            given.quality = Quality::INCOMPLETE;
        }
        match self.rain {
            RainKind::Day => {
                let cell = near(RAIN).and_then(|sample| sample.cell(RAIN));
                given.rain = cell.map_or(0.0, |cell| cell.value);
            }
            RainKind::Interval => {
                let cells = view.of(&self.day, day).filter_map(|s| s.cell(RAIN));
                given.rain = cells.map(|cell| cell.value.max(0.0)).sum();
            }
            RainKind::Cumulative(register) => given.rain = self.counted(view, day, &register),
        }
        given
    }

    fn counted(&self, view: &View<'_>, day: i64, register: &Register) -> f64 {
        let with_rain = |sample: &&Sample| sample.cell(RAIN).is_some();
        let start = self.day.start(day);
        let mut before = view
            .between(start.saturating_sub(DAY), start)
            .rfind(with_rain);
        let mut sum = 0.0;
        for sample in view.of(&self.day, day).filter(with_rain) {
            if let Some(before) = before
                && let (Some(old), Some(now)) = (before.cell(RAIN), sample.cell(RAIN))
            {
                let step = register.step(
                    old.value,
                    now.value,
                    hours(sample.at.saturating_sub(before.at)),
                );
                sum += step.amount;
            }
            before = Some(sample);
        }
        sum
    }

    /// The sum of a day, from what is remembered and the readings that are kept.
    fn sum(&self, view: &View<'_>, day: i64) -> Option<(Day, bool)> {
        let first = self.day.bucket(view.samples.front()?.at);
        let first = first.max(day.saturating_sub(DAYS_MAX));
        let mut sum = view.base.fire.unwrap_or(Day {
            day: first.saturating_sub(1),
            sum: 0.0,
            quality: Quality::INCOMPLETE,
        });
        if sum.day > day {
            return None;
        }
        let mut has_product = false;
        // Days that are neither remembered nor kept give nothing.
        if first > sum.day.saturating_add(1) {
            sum.quality = union(sum.quality, Quality::INCOMPLETE);
        }
        for at in first.max(sum.day.saturating_add(1))..=day {
            let given = self.given(view, at);
            has_product = given.product.is_some();
            if given.rain >= self.rain_reset {
                sum.sum = 0.0;
                sum.quality = Quality::GOOD;
            } else {
                sum.sum += given.product.unwrap_or(0.0);
                sum.quality = union(sum.quality, given.quality);
            }
            sum.day = at;
        }
        Some((sum, has_product))
    }
}

impl Method for Fire {
    fn shape(&self) -> Option<Shape> {
        Some(Shape {
            keep_ns: DAY,
            periods: vec![Clocked {
                period: self.day,
                // Until the next rain; the fold stops at the last closed day.
                later: DAYS_MAX,
                trailing: 0,
            }],
            whole: Some(self.day),
            ..Shape::default()
        })
    }

    fn period(&self, view: &View<'_>, _number: usize, bucket: i64) -> Vec<Answer> {
        let Some((sum, true)) = self.sum(view, bucket) else {
            return Vec::new();
        };
        let class = self.classes.iter().filter(|end| sum.sum > **end).count();
        let quality = if self.assumed {
            union(sum.quality, Quality::ASSUMED)
        } else {
            sum.quality
        };
        vec![
            Answer::number(0, sum.sum, sum.quality),
            Answer::code(1, CLASSES[class], quality),
        ]
    }

    fn let_go(&self, view: &View<'_>, count: usize, base: &mut Base) {
        let last = count.checked_sub(1).and_then(|at| view.samples.get(at));
        let Some(day) = last.map(|sample| self.day.bucket(sample.at)) else {
            return;
        };
        if base.fire.is_none_or(|known| known.day < day)
            && let Some((sum, _)) = self.sum(view, day)
        {
            base.fire = Some(sum);
        }
    }
}
