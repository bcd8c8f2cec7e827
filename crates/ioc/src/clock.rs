//! The only module that reads the wall clock.
//!
//! **Journal time** is the clock of the whole domain. In a live node it runs on the monotonic clock and is slewed towards
//! the wall clock: it never goes backwards, and a step of the wall clock moves no timer (it is recorded, then approached
//! slowly). In a scenario it is whatever the simulators say it is.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use journal::{Clock, Stamp};

/// Journal time runs at most this much faster or slower than the monotonic clock (1/20 = 5 %): after a step of one hour
/// it agrees with the wall clock again within a day, and a hold of ten minutes is off by thirty seconds at most.
const SLEW_DIVISOR: i64 = 20;
/// A wall clock that moved this much against the monotonic clock between two looks was stepped.
const STEP_NS: i64 = 500_000_000;
/// A start more than this ahead of the journal's last record needs `--accept-clock`.
const AHEAD_NS: i64 = 30 * 24 * 3600 * 1_000_000_000;

/// The wall clock was stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) wall_before_ns: i64,
    pub(crate) wall_after_ns: i64,
}

pub(crate) struct RealClock {
    inner: Mutex<Inner>,
}

struct Inner {
    journal_ns: i64,
    wall_ns: i64,
    at: Instant,
    step: Option<Step>,
}

/// The wall clock is further ahead of the journal than a machine is likely to have been off.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the wall clock is {days} days ahead of the last journal record: check this machine's date; if it is right, start \
     once with --accept-clock"
)]
pub(crate) struct ClockAhead {
    days: i64,
}

impl RealClock {
    /// Starts at the later of the journal's last time and the wall clock.
    pub(crate) fn start(last: Option<Stamp>, accept: bool) -> Result<Self, ClockAhead> {
        Self::start_at(wall_now(), last, accept)
    }

    fn start_at(wall_ns: i64, last: Option<Stamp>, accept: bool) -> Result<Self, ClockAhead> {
        let journal_ns = match last {
            Some(last) => {
                let ahead = wall_ns.saturating_sub(last.journal_ns);
                if ahead > AHEAD_NS && !accept {
                    return Err(ClockAhead {
                        days: ahead / (24 * 3600 * 1_000_000_000),
                    });
                }
                last.journal_ns.max(wall_ns)
            }
            None => wall_ns,
        };
        // A journal that is ahead of the wall clock comes from a clock that was wrong then or is wrong now.
        let behind = last.filter(|last| last.wall_ns.saturating_sub(wall_ns) > STEP_NS);
        let step = behind.map(|last| Step {
            wall_before_ns: last.wall_ns,
            wall_after_ns: wall_ns,
        });
        let inner = Inner {
            journal_ns,
            wall_ns,
            at: Instant::now(),
            step,
        };
        Ok(Self {
            inner: Mutex::new(inner),
        })
    }

    /// A step of the wall clock seen since the last call, for the journal.
    pub(crate) fn take_step(&self) -> Option<Step> {
        self.lock().step.take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A panic while holding this lock is impossible (plain arithmetic); its state would still be usable.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for RealClock {
    fn now(&self) -> Stamp {
        let mut inner = self.lock();
        let (wall, at) = (wall_now(), Instant::now());
        let elapsed = i64::try_from(at.duration_since(inner.at).as_nanos()).unwrap_or(i64::MAX);
        inner.tick(wall, elapsed);
        inner.at = at;
        Stamp {
            journal_ns: inner.journal_ns,
            wall_ns: inner.wall_ns,
        }
    }
}

impl Inner {
    /// Moves on by `elapsed` monotonic nanoseconds, with the wall clock now at `wall`.
    fn tick(&mut self, wall: i64, elapsed: i64) {
        let moved = wall.saturating_sub(self.wall_ns);
        if moved.saturating_sub(elapsed).abs() > STEP_NS {
            let before = self.step.map_or(self.wall_ns, |step| step.wall_before_ns);
            self.step = Some(Step {
                wall_before_ns: before,
                wall_after_ns: wall,
            });
        }
        let error = wall.saturating_sub(self.journal_ns.saturating_add(elapsed));
        let slew = error.clamp(-(elapsed / SLEW_DIVISOR), elapsed / SLEW_DIVISOR);
        self.journal_ns = self
            .journal_ns
            .saturating_add(elapsed.saturating_add(slew).max(0));
        self.wall_ns = wall;
    }
}

/// A clock that the simulators drive. Wall time is the scenario's too: a simulated night is simulated throughout.
#[derive(Default)]
pub(crate) struct ScenarioClock {
    now_ns: AtomicI64,
}

impl ScenarioClock {
    pub(crate) fn starting_at(ns: i64) -> Self {
        Self {
            now_ns: AtomicI64::new(ns),
        }
    }

    /// Never goes backwards.
    pub(crate) fn advance_to(&self, ns: i64) {
        self.now_ns.fetch_max(ns, Ordering::AcqRel);
    }
}

impl Clock for ScenarioClock {
    fn now(&self) -> Stamp {
        let ns = self.now_ns.load(Ordering::Acquire);
        Stamp {
            journal_ns: ns,
            wall_ns: ns,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the wall clock"
)]
pub(crate) fn wall_now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn inner(journal_ns: i64, wall_ns: i64) -> Inner {
        Inner {
            journal_ns,
            wall_ns,
            at: Instant::now(),
            step: None,
        }
    }

    #[test]
    fn steps_of_the_wall_clock_move_no_timer() {
        for step in [
            3600 * SECOND,
            -3600 * SECOND,
            i64::MIN / 2,
            2_000_000_000 * SECOND,
        ] {
            let mut clock = inner(1_000 * SECOND, 1_000 * SECOND);
            clock.tick((1_001 * SECOND).saturating_add(step), SECOND);
            let moved = clock.journal_ns - 1_000 * SECOND;
            assert!(
                (SECOND - SECOND / 20..=SECOND + SECOND / 20).contains(&moved),
                "{step}: {moved}"
            );
            let seen = clock.step.expect("a step is noticed");
            assert_eq!(seen.wall_before_ns, 1_000 * SECOND);
        }
    }

    #[test]
    fn an_offset_is_slewed_away() {
        let mut clock = inner(1_010 * SECOND, 1_000 * SECOND);
        for second in 1..=250 {
            let before = clock.journal_ns;
            clock.tick((1_000 + second) * SECOND, SECOND);
            assert!(clock.journal_ns >= before);
        }
        assert_eq!(clock.journal_ns, 1_250 * SECOND);
        assert_eq!(clock.step, None);
    }

    #[test]
    fn a_start_far_ahead_needs_consent() {
        let last = Some(Stamp {
            journal_ns: 0,
            wall_ns: 0,
        });
        let far = 31 * 24 * 3600 * SECOND;
        assert_eq!(
            RealClock::start_at(far, last, false).err(),
            Some(ClockAhead { days: 31 })
        );
        assert!(RealClock::start_at(far, last, true).is_ok());
        let behind = RealClock::start_at(-far, last, false).expect("the later of both");
        assert!(behind.now().journal_ns >= 0);
    }

    #[test]
    fn a_scenario_never_goes_backwards() {
        let clock = ScenarioClock::starting_at(5);
        clock.advance_to(9);
        clock.advance_to(7);
        assert_eq!(
            clock.now(),
            Stamp {
                journal_ns: 9,
                wall_ns: 9
            }
        );
    }
}
