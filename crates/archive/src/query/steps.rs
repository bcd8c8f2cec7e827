//! Points gathered into one number, and steps of equal width.

use event::Quality;

use super::range::{Found, Wanted};
use super::{Zone, bad, too_big};
use crate::answer::{PointOut, Scalar};
use crate::error::Problem;
use crate::index::Held;
use crate::question::Aggregate;

use super::known::scalar;

/// Points gathered into one number.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    pub(super) count: u64,
    sum: f64,
    /// What was lost in `sum` (Neumaier): so the order of the points hardly matters.
    lost: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) min_at: i64,
    pub(super) max_at: i64,
    pub(super) last: Option<(i64, Held)>,
    pub(super) quality: u16,
    pub(super) codes: bool,
}

impl Gathered {
    pub(super) fn add(&mut self, observed: i64, value: &Held, quality: u16) {
        let number = match value {
            Held::Number(number) => *number,
            Held::Boolean(boolean) => f64::from(u8::from(*boolean)),
            Held::Code(_) => {
                self.codes = true;
                0.0
            }
        };
        if self.count == 0 || number < self.min || number <= self.min && observed < self.min_at {
            (self.min, self.min_at) = (number, observed);
        }
        if self.count == 0 || number > self.max || number >= self.max && observed < self.max_at {
            (self.max, self.max_at) = (number, observed);
        }
        self.count += 1;
        let sum = self.sum + number;
        self.lost += if self.sum.abs() >= number.abs() {
            (self.sum - sum) + number
        } else {
            (number - sum) + self.sum
        };
        self.sum = sum;
        if self.last.as_ref().is_none_or(|(at, _)| *at <= observed) {
            self.last = Some((observed, value.clone()));
        }
        self.quality |= quality;
    }

    /// `None` where there is no such number: of codes only the last and the count, and of sums beyond all numbers.
    pub(super) fn value(&self, aggregate: Aggregate) -> Option<Scalar> {
        let (_, last) = self.last.as_ref()?;
        let number = match aggregate {
            Aggregate::Count => self.count as f64,
            Aggregate::Last | Aggregate::Raw => return Some(scalar(last)),
            Aggregate::Mean => {
                let mean = (self.sum + self.lost) / self.count as f64;
                // Of values so large that their sum is infinite the mean still lies between the extremes.
                if mean.is_finite() {
                    mean
                } else {
                    self.min / 2.0 + self.max / 2.0
                }
            }
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
        };
        Some(Scalar::Number(number))
    }
}

pub(super) struct Steps {
    start: i64,
    interval: i64,
    aggregate: Aggregate,
    steps: Vec<Gathered>,
}

impl Steps {
    pub(super) fn new(
        zone: &Zone,
        wanted: &Wanted<'_>,
        interval: i64,
        aggregate: Aggregate,
        limit: usize,
    ) -> Result<Self, Problem> {
        if interval <= 0 {
            return Err(bad("bước phải lớn hơn 0", "the interval must be above 0"));
        }
        let start = zone.step(wanted.from, interval);
        let span = i128::from(wanted.to) - i128::from(start);
        let count = (span + i128::from(interval) - 1) / i128::from(interval);
        match usize::try_from(count) {
            Ok(count) if count <= limit => Ok(Self {
                start,
                interval,
                aggregate,
                steps: vec![Gathered::default(); count],
            }),
            Ok(_) | Err(_) => {
                let seconds = (span / limit as i128).div_euclid(1_000_000_000) + 1;
                Err(too_big(
                    format!(
                        "khoảng này có {count} bước, tối đa {limit}; hãy chọn bước từ {seconds} giây hoặc khoảng ngắn hơn"
                    ),
                    format!(
                        "this span has {count} steps, at most {limit}: ask for an interval of at least {seconds} s, or a shorter span"
                    ),
                ))
            }
        }
    }

    pub(super) fn add(&mut self, point: &Found) {
        let at = (point.observed - self.start).div_euclid(self.interval);
        if let Some(step) = usize::try_from(at)
            .ok()
            .and_then(|at| self.steps.get_mut(at))
        {
            step.add(point.observed, &point.value, point.quality);
        }
    }

    pub(super) fn finish(self, zone: &Zone) -> Result<Vec<PointOut>, Problem> {
        let numbers = !matches!(self.aggregate, Aggregate::Last | Aggregate::Count);
        if numbers && self.steps.iter().any(|step| step.codes) {
            return Err(bad(
                "chuỗi này là mã, không phải số; hãy chọn last, count hoặc raw",
                "this series has codes, not numbers; ask for last, count or raw",
            ));
        }
        let points = self.steps.iter().enumerate().map(|(at, step)| {
            let has = step.count > 0 && !step.codes;
            PointOut {
                time: zone.text(self.start + at as i64 * self.interval),
                value: match self.aggregate {
                    Aggregate::Count => Some(Scalar::Number(step.count as f64)),
                    Aggregate::Mean
                    | Aggregate::Min
                    | Aggregate::Max
                    | Aggregate::Last
                    | Aggregate::Raw => step.value(self.aggregate),
                },
                quality: Quality(step.quality).names(),
                count: Some(step.count),
                min: has.then_some(step.min),
                max: has.then_some(step.max),
                status: None,
            }
        });
        Ok(points.collect())
    }
}
