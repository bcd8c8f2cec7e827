//! Hours and days of the site's clock, numbered; a fixed distance from UTC, as the site has no daylight saving.

use event::Time;

pub(crate) const MINUTE: i64 = 60 * Time::SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A repeating stretch of local time: bucket `n` is `[start(n), start(n + 1))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) length: i64,
    /// What is added to a time before it is divided: the zone, less where in the day the period begins.
    shift: i64,
    /// 1 where a reading at the very boundary still belongs to the bucket that ends there.
    early: i64,
}

impl Period {
    pub(crate) const fn new(length: i64, zone_ns: i64) -> Self {
        Self {
            length,
            shift: zone_ns,
            early: 0,
        }
    }

    /// Days that begin at this local time of day.
    pub(crate) const fn starting_at(self, time_of_day: i64) -> Self {
        Self {
            shift: self.shift - time_of_day,
            ..self
        }
    }

    /// For sources that stamp a mean with the end of its interval.
    pub(crate) const fn stamped_at_the_end(self) -> Self {
        Self { early: 1, ..self }
    }

    pub(crate) const fn bucket(&self, at: i64) -> i64 {
        at.saturating_add(self.shift - self.early)
            .div_euclid(self.length)
    }

    pub(crate) const fn start(&self, bucket: i64) -> i64 {
        bucket
            .saturating_mul(self.length)
            .saturating_sub(self.shift)
    }

    pub(crate) const fn end(&self, bucket: i64) -> i64 {
        self.start(bucket.saturating_add(1))
    }
}

pub(crate) fn hours(ns: i64) -> f64 {
    ns as f64 / HOUR as f64
}
