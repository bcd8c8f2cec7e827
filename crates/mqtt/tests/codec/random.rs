//! A small seeded generator: the same seed gives the same packets on every machine.

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `bound` - 1.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next() as u8
    }
}

/// How many rounds a seeded test runs: the default, or what the environment asks for.
pub(crate) fn rounds(default: usize) -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no ioc::config to read it from"
    )]
    let asked = std::env::var("MQTT_CODEC_ROUNDS").ok();
    asked.map_or(default, |rounds| {
        rounds.parse().expect("MQTT_CODEC_ROUNDS is a number")
    })
}
