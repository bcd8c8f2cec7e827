//! The one source of chance in this crate: SplitMix64, seeded, so that the same seed gives the same messages.
//!
//! Each device has its own generator, seeded from (seed, device name): adding a device to a scenario changes no
//! message of another one.

/// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, good enough for noise, not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator for one named thing under one seed (FNV-1a of the name, mixed with the seed).
    pub(crate) fn named(seed: u64, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut random = Self::new(seed ^ hash);
        // Two names that differ in one bit start far apart.
        random.bits();
        random
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..bound`; 0 when the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The bias of the multiply-shift is below 2^-32 for every bound used here.
        let wide = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        let top = u32::try_from(self.bits() >> 32).unwrap_or(0);
        f64::from(top) / 4_294_967_296.0
    }

    /// True so many times in a thousand.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// Uniform in `[-amplitude, amplitude)`.
    pub(crate) fn around_zero(&mut self, amplitude: f64) -> f64 {
        (self.unit() * 2.0 - 1.0) * amplitude
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn same_seed_same_sequence_and_names_differ() {
        let sequence = |mut random: Random| (0..8).map(|_| random.bits()).collect::<Vec<_>>();
        assert_eq!(
            sequence(Random::named(7, "a")),
            sequence(Random::named(7, "a"))
        );
        assert_ne!(
            sequence(Random::named(7, "a")),
            sequence(Random::named(7, "b"))
        );
        assert_ne!(
            sequence(Random::named(7, "a")),
            sequence(Random::named(8, "a"))
        );
    }

    #[test]
    fn ranges_are_kept() {
        let mut random = Random::new(1);
        for _ in 0..10_000 {
            assert!(random.below(7) < 7);
            assert!((0.0..1.0).contains(&random.unit()));
            assert!(random.around_zero(0.5).abs() <= 0.5);
        }
        assert_eq!(random.below(0), 0);
    }
}
