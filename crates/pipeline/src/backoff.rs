//! How long to wait after a failure. Randomness comes from a seed: the same failures wait the same times again.

use std::time::Duration;

/// The longest wish of a server that is respected: a wrong one must not keep a sink away for a day.
const AFTER_MAX: Duration = Duration::from_secs(300);

/// A small generator (splitmix64).
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }
}

/// Doubles from `min` to `max`; each wait is between half of it and all of it.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    random: Random,
    attempts: u64,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration, seed: u64) -> Self {
        let min = min.max(Duration::from_millis(1));
        Self {
            min,
            max: max.max(min),
            random: Random(seed),
            attempts: 0,
        }
    }

    /// Failures in a row.
    pub(crate) fn attempts(&self) -> u64 {
        self.attempts
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// One more failure: how long to wait. `after` is the server's wish, respected up to five minutes.
    pub(crate) fn failed(&mut self, after: Option<Duration>) -> Duration {
        let doublings = u32::try_from(self.attempts).unwrap_or(u32::MAX).min(30);
        self.attempts += 1;
        let base = self.min.saturating_mul(1 << doublings).min(self.max);
        let half_ns = u64::try_from(base.as_nanos() / 2).unwrap_or(u64::MAX / 2);
        let jitter = Duration::from_nanos(self.random.number() % (half_ns + 1));
        let wished = after.unwrap_or_default().min(AFTER_MAX.max(self.max));
        (base / 2 + jitter).max(wished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_with_jitter_up_to_its_bound_and_starts_over() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut backoff = Backoff::new(min, max, 7);
        let mut again = Backoff::new(min, max, 7);
        let mut other = Backoff::new(min, max, 8);
        let mut differs = false;
        for attempt in 0..100_u32 {
            let wait = backoff.failed(None);
            let base = min.saturating_mul(1 << attempt.min(20)).min(max);
            assert!(wait >= base / 2 && wait <= base, "{attempt}: {wait:?}");
            assert_eq!(wait, again.failed(None));
            differs |= wait != other.failed(None);
        }
        assert!(differs);
        assert_eq!(backoff.attempts(), 100);
        backoff.reset();
        assert!(backoff.failed(None) <= min);
    }

    #[test]
    fn a_wish_is_respected_within_reason() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_secs(1), 7);
        let wish = Duration::from_secs(60);
        assert_eq!(backoff.failed(Some(wish)), wish);
        assert_eq!(backoff.failed(Some(wish * 10_000)), AFTER_MAX);
        assert!(backoff.failed(Some(Duration::ZERO)) >= Duration::from_millis(2));
    }
}
