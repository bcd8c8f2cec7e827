//! Rain windows R1 to R72.
//!
//! **Method.** The rain of the window `(T - W, T]` at the time T of each reading, in mm. Cumulative gauges: sum of the steps of the
//! counter (`register`: wrap, reset counts from zero). Interval gauges: sum of the amounts. What fell between two readings is
//! spread evenly over the time between them, so that the window's left edge may cut a step.
//!
//! **Incomplete** where the gauge has been heard for less than the window; where the edge cuts a step longer than
//! `gap_minutes` in which it rained (when it fell is not known); where a counter fell to a value that cannot have fallen since;
//! for interval gauges also where the readings cover less than `coverage_min` of the window.

use event::{Quality, Time};

use super::register::{AfterFall, Register, overlap};
use super::{Answer, Known, Loading, Method, Port, Sample, Shape, View, union};
use crate::calendar::{HOUR, MINUTE, hours};
use crate::reader::Section;

const INPUTS: [Port; 1] = [Port::number("rain", &["mm"]).required()];

const WINDOWS: [i64; 7] = [1, 3, 6, 12, 24, 48, 72];

const OUTPUTS: [Port; 7] = [
    Port::number("r1", &["mm"]),
    Port::number("r3", &["mm"]),
    Port::number("r6", &["mm"]),
    Port::number("r12", &["mm"]),
    Port::number("r24", &["mm"]),
    Port::number("r48", &["mm"]),
    Port::number("r72", &["mm"]),
];

pub(crate) const KNOWN: Known = Known {
    name: "rain_windows",
    inputs: &INPUTS,
    outputs: &OUTPUTS,
    load,
};

#[derive(Clone, Debug)]
enum Gauge {
    Cumulative(Register),
    /// Length of the interval of a reading that does not say it.
    Interval {
        length: i64,
        coverage_min: f64,
    },
}

#[derive(Clone, Debug)]
struct Rain {
    gauge: Gauge,
    gap: i64,
    /// Longest window that is asked for.
    longest: i64,
    wanted: [bool; 7],
}

fn load(section: &Section<'_>, loading: &Loading<'_>) -> Option<Box<dyn Method>> {
    let gauge = match section.choice("gauge", &["cumulative", "interval"]) {
        "interval" => {
            if !section.has("interval_seconds") {
                section.missing("interval_seconds");
            }
            let seconds = section.number_in("interval_seconds", 1.0..=86_400.0, 600.0);
            Gauge::Interval {
                length: (seconds * Time::SECOND as f64) as i64,
                coverage_min: section.number_in("coverage_min", 0.0..=1.0, 0.9),
            }
        }
        _ => Gauge::Cumulative(Register {
            wrap: register_wrap(section),
            rate_max: section.number_in("rate_max_mm_h", 1.0..=5_000.0, 300.0),
            after_fall: AfterFall::FromZero,
        }),
    };
    if !section.has("gauge") {
        section.missing("gauge");
    }
    let mut wanted = [false; 7];
    for (at, wanted) in wanted.iter_mut().enumerate() {
        *wanted = loading.wants(at);
    }
    let longest = WINDOWS.iter().zip(wanted).filter(|(_, wanted)| *wanted);
    Some(Box::new(Rain {
        gauge,
        gap: section.number_in("gap_minutes", 1.0..=10_080.0, 60.0) as i64 * MINUTE,
        longest: longest.map(|(hours, _)| *hours).max().unwrap_or(1) * HOUR,
        wanted,
    }))
}

/// The value at which a counter wraps.
pub(crate) fn register_wrap(section: &Section<'_>) -> Option<f64> {
    let wrap = section.number("wrap");
    if wrap.is_some_and(|wrap| wrap <= 0.0) {
        section.mistake(section.line_of("wrap"), "`wrap` must be above 0");
    }
    wrap
}

/// What fell from `start` to `end`.
struct Fall {
    start: i64,
    end: i64,
    amount: f64,
    quality: Quality,
}

impl Rain {
    fn fall(&self, before: Option<&Sample>, sample: &Sample) -> Option<Fall> {
        let cell = sample.cell(0)?;
        Some(match &self.gauge {
            Gauge::Cumulative(register) => {
                let before = before?;
                let old = before.cell(0)?;
                let step = register.step(
                    old.value,
                    cell.value,
                    hours(sample.at.saturating_sub(before.at)),
                );
                Fall {
                    start: before.at,
                    end: sample.at,
                    amount: step.amount,
                    quality: union(cell.quality, step.quality),
                }
            }
            Gauge::Interval { length, .. } => {
                let start = if sample.from < sample.at {
                    sample.from
                } else {
                    sample.at.saturating_sub(*length)
                };
                // A reading that comes early does not reach into the time of the one before.
                let before = before.map_or(i64::MIN, |before| before.at);
                let start = start.max(before).min(sample.at);
                Fall {
                    start,
                    end: sample.at,
                    amount: cell.value.max(0.0),
                    quality: cell.quality,
                }
            }
        })
    }
}

/// Rain, flags and covered time.
#[derive(Clone, Copy, Default)]
struct Sum {
    amount: f64,
    quality: Quality,
    covered: f64,
}

impl Sum {
    fn add(&mut self, fall: &Fall, part: f64) {
        self.amount += fall.amount * part;
        self.quality = union(self.quality, fall.quality);
        self.covered += fall.end.saturating_sub(fall.start) as f64 * part;
    }
}

impl Rain {
    /// Of every window, in one walk backwards: what fills a window begins the next longer one.
    fn sums(&self, view: &View<'_>, index: usize, now: i64) -> [Sum; 7] {
        let mut sums = [Sum::default(); 7];
        let (mut running, mut open) = (Sum::default(), 0);
        for at in (0..=index).rev() {
            let before = at.checked_sub(1).and_then(|at| view.samples.get(at));
            let fall = view
                .samples
                .get(at)
                .and_then(|sample| self.fall(before, sample));
            let Some(fall) = fall else { continue };
            // The windows whose left edge cuts this step, or lies behind it.
            while let Some(hours) = WINDOWS.get(open) {
                let from = now.saturating_sub(hours * HOUR);
                if fall.start >= from && fall.end > from {
                    break;
                }
                let mut sum = running;
                let part = overlap(fall.start, fall.end, from, now);
                if part > 0.0 {
                    sum.add(&fall, part);
                    if fall.amount > 0.0 && fall.end.saturating_sub(fall.start) > self.gap {
                        sum.quality = union(sum.quality, Quality::INCOMPLETE);
                    }
                }
                sums[open] = sum;
                open += 1;
            }
            if open >= WINDOWS.len() || WINDOWS[open] * HOUR > self.longest {
                return sums;
            }
            running.add(&fall, 1.0);
        }
        // The gauge was not heard before.
        sums[open..].fill(running);
        sums
    }
}

impl Method for Rain {
    fn shape(&self) -> Option<Shape> {
        Some(Shape {
            readings: true,
            reach_ns: self.longest,
            keep_ns: self.longest,
            per_device: true,
            interval: true,
            ..Shape::default()
        })
    }

    fn reading(&self, view: &View<'_>, index: usize) -> Vec<Answer> {
        let Some(now) = view.samples.get(index).map(|sample| sample.at) else {
            return Vec::new();
        };
        let sums = self.sums(view, index, now);
        let heard_since = view.samples.front().map_or(now, |sample| sample.at);
        let mut answers = Vec::new();
        for (output, (hours, sum)) in WINDOWS.iter().zip(sums).enumerate() {
            let Sum {
                amount,
                mut quality,
                covered,
            } = sum;
            let length = hours * HOUR;
            let full = match &self.gauge {
                Gauge::Cumulative(_) => heard_since <= now.saturating_sub(length),
                Gauge::Interval { coverage_min, .. } => covered >= length as f64 * coverage_min,
            };
            if !full {
                quality = union(quality, Quality::INCOMPLETE);
            }
            // The first reading of a counter says nothing about rain yet.
            let known = covered > 0.0 || matches!(self.gauge, Gauge::Interval { .. });
            if known && self.wanted[output] {
                answers.push(Answer::number(output, amount, quality));
            }
        }
        answers
    }
}
