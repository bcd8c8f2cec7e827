//! Cumulative registers: what has passed between two readings of a counter that may wrap, be reset or be exchanged.

use event::Quality;

/// What a fall means that no wrap explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFall {
    /// A reset: the new value has been counted from zero since (rain gauges, people counters).
    FromZero,
    /// Another meter: the new value is a new base and nothing is known of the time between (energy).
    NewBase,
}

/// How a counter behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Register {
    /// The value at which it begins again from zero.
    pub wrap: Option<f64>,
    /// The most that can pass in an hour; tells a wrap or a reset from an exchange.
    pub rate_max: f64,
    pub after_fall: AfterFall,
}

/// What passed between two readings; `amount` is never negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub amount: f64,
    pub quality: Quality,
}

/// Readings of one counter may come closer together than its bursts: the least time that a rate is taken over.
const HOURS_MIN: f64 = 0.25;

impl Register {
    /// * A rise counts as it is; one faster than `rate_max` is flagged `RATE` and counts too, for it may be true.
    /// * A fall is a wrap where a wrap is configured and what passed then is possible in the time.
    /// * Else it is a reset or an exchange, by [`AfterFall`]. A reset counts the new value, if that is possible in the time;
    ///   if it is not (a counter that went back a little, another gauge), nothing counts and the step is `INCOMPLETE`.
    pub fn step(&self, before: f64, now: f64, hours: f64) -> Step {
        let most = self.rate_max * hours.max(HOURS_MIN);
        if now >= before {
            let amount = now - before;
            let quality = if amount > most {
                Quality::RATE
            } else {
                Quality::GOOD
            };
            return Step { amount, quality };
        }
        if let Some(wrap) = self.wrap {
            let amount = wrap - before + now;
            if before <= wrap && amount <= most {
                return Step {
                    amount,
                    quality: Quality::GOOD,
                };
            }
        }
        match self.after_fall {
            AfterFall::FromZero if (0.0..=most).contains(&now) => Step {
                amount: now,
                quality: Quality::GOOD,
            },
            AfterFall::FromZero | AfterFall::NewBase => Step {
                amount: 0.0,
                quality: Quality::INCOMPLETE,
            },
        }
    }
}

/// Part of the interval from `start` to `end` that lies between `from` and `to`.
pub(crate) fn overlap(start: i64, end: i64, from: i64, to: i64) -> f64 {
    if end <= start {
        // An instant belongs to the interval that it closes.
        return f64::from(u8::from(start > from && start <= to));
    }
    let common = end.min(to).saturating_sub(start.max(from)).max(0);
    common as f64 / end.saturating_sub(start) as f64
}
