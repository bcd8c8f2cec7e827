//! A token bucket: a client's messages a second.

use std::time::Duration;

use tokio::time::Instant;

/// Fills at `per_second`, holds one second's worth, starts full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self {
            tokens: f64::from(per_second),
            filled: now,
        }
    }

    /// Takes one token, or says how long until there is one.
    pub(crate) fn take(&mut self, per_second: u32, now: Instant) -> Result<(), Duration> {
        let rate = f64::from(per_second);
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(rate);
        self.filled = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // A millisecond is what the timer can tell apart.
        Err(Duration::from_secs_f64((1.0 - self.tokens) / rate).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Bucket;

    #[test]
    fn a_second_gives_the_rate_and_no_more() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, start);
        assert!((0..10).all(|_| bucket.take(10, start).is_ok()));
        let wait = bucket.take(10, start).expect_err("empty");
        assert!(wait > Duration::from_millis(90) && wait <= Duration::from_millis(100));
        let later = start + Duration::from_millis(500);
        assert_eq!(
            (0..10).filter(|_| bucket.take(10, later).is_ok()).count(),
            5
        );
        let much_later = start + Duration::from_secs(3600);
        assert_eq!(
            (0..100)
                .filter(|_| bucket.take(10, much_later).is_ok())
                .count(),
            10
        );
    }
}
