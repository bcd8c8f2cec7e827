//! How long to rest before the next attempt: doubled each time up to a bound, with jitter, so that many nodes do
//! not come back to a broker at the same moment.

use std::time::Duration;

/// The rests between attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    min_ms: u64,
    max_ms: u64,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(min_ms: u64, max_ms: u64) -> Self {
        Self {
            min_ms,
            max_ms,
            attempts: 0,
        }
    }

    /// The next rest: between half and all of what the number of attempts gives, by `random`.
    pub(crate) fn next(&mut self, random: u64) -> Duration {
        let full = self
            .min_ms
            .saturating_mul(1 << self.attempts.min(30))
            .min(self.max_ms)
            .max(1);
        self.attempts = self.attempts.saturating_add(1);
        let half = full / 2;
        Duration::from_millis(half + random % (full - half + 1))
    }

    /// It went well: begin small again.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;

    #[test]
    fn rests_grow_to_the_bound_and_vary() {
        let mut backoff = Backoff::new(100, 1_000);
        let rests: Vec<_> = (0..6).map(|_| backoff.next(u64::MAX).as_millis()).collect();
        assert!(
            rests.iter().all(|rest| (50..=1_000).contains(rest)),
            "{rests:?}"
        );
        for (attempt, full) in [100, 200, 400, 800, 1_000, 1_000].into_iter().enumerate() {
            let mut backoff = Backoff::new(100, 1_000);
            (0..attempt).for_each(|_| _ = backoff.next(0));
            let (mut low, mut high) = (backoff, backoff);
            assert_eq!(low.next(0).as_millis(), full / 2);
            assert_eq!(high.next((full - full / 2) as u64).as_millis(), full);
        }
        backoff.reset();
        assert_eq!(backoff.next(0).as_millis(), 50);
        let mut long = Backoff::new(1, u64::MAX);
        (0..200).for_each(|_| _ = long.next(7));
    }
}
