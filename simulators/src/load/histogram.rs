//! A latency histogram with log-linear buckets: 32 steps an octave, so a figure is at most 3 % too high.

use serde::Serialize;

const STEPS_BITS: u32 = 5;
const STEPS: u64 = 1 << STEPS_BITS;
const BUCKETS: usize = 64 * 32;

/// Counts nanoseconds.
#[derive(Clone)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max_ns: u64,
}

/// The usual figures, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quantiles {
    pub count: u64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            max_ns: 0,
        }
    }
}

impl Histogram {
    pub fn record(&mut self, ns: u64) {
        if let Some(bucket) = self.buckets.get_mut(bucket_of(ns)) {
            *bucket += 1;
        }
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// Upper edge of the bucket that holds the given share (0 to 1) of all values.
    pub fn quantile_ns(&self, share: f64) -> u64 {
        let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_edge(bucket).min(self.max_ns);
            }
        }
        self.max_ns
    }

    pub fn quantiles(&self) -> Quantiles {
        let us = |share: f64| self.quantile_ns(share) as f64 / 1_000.0;
        Quantiles {
            count: self.count,
            p50_us: us(0.5),
            p90_us: us(0.9),
            p99_us: us(0.99),
            p999_us: us(0.999),
            max_us: self.max_ns as f64 / 1_000.0,
        }
    }
}

/// Values below 32 have a bucket each; above, the five bits under the highest one choose it.
fn bucket_of(ns: u64) -> usize {
    let index = if ns < STEPS {
        ns
    } else {
        let shift = ns.ilog2() - STEPS_BITS;
        u64::from(shift + 1) * STEPS + ((ns >> shift) - STEPS)
    };
    usize::try_from(index).unwrap_or(BUCKETS - 1)
}

fn upper_edge(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(0);
    match (bucket / STEPS).checked_sub(1) {
        None => bucket,
        Some(shift) => ((bucket % STEPS + STEPS + 1) << shift) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_their_values() {
        for exponent in 0..48 {
            for value in [1_u64 << exponent, (1 << exponent) + (1 << exponent) / 3] {
                let edge = upper_edge(bucket_of(value));
                assert!(
                    edge >= value && edge as f64 <= value as f64 * 1.04,
                    "{value} {edge}"
                );
            }
        }
    }

    #[test]
    fn quantiles_of_a_line() {
        let (mut low, mut high) = (Histogram::default(), Histogram::default());
        (1..=500).for_each(|value| low.record(value * 1_000));
        (501..=1000).for_each(|value| high.record(value * 1_000));
        low.add(&high);
        let quantiles = low.quantiles();
        assert!((500.0..516.0).contains(&quantiles.p50_us));
        assert!((990.0..1_000.1).contains(&quantiles.p99_us));
        assert!((quantiles.max_us - 1_000.0).abs() < 1e-9 && quantiles.count == 1_000);
    }
}
