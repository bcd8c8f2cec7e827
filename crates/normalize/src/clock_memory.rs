//! What is learned of a device's clock.
//!
//! A message cannot be from the future, so a clock that is ahead of reception by the same amount again and again is wrong by
//! that amount: its times are put right and flagged. A clock that seems to be behind may be a link that is slow by the same
//! amount each time; that is reported, and its times are believed.

use event::Time;
use serde::{Deserialize, Serialize};

/// Messages after which the clock is known.
const NEEDED: u8 = 8;
/// Within this much they count as the same offset.
const SAME_NS: i64 = 10 * Time::SECOND;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockMemory {
    /// Reception less device time: negative where the clock is ahead.
    offset_ns: i64,
    /// Messages in a row that agreed, up to [`NEEDED`].
    agreed: u8,
}

impl ClockMemory {
    /// Takes one live message into account.
    #[inline]
    pub(crate) fn learn(&mut self, stamp: Time, received: Time) {
        let delta = received.since(stamp);
        if self.agreed > 0 && delta.saturating_sub(self.offset_ns).saturating_abs() <= SAME_NS {
            self.agreed = NEEDED.min(self.agreed + 1);
            // The quickest message had the least of the link in it.
            self.offset_ns = self.offset_ns.min(delta);
        } else {
            *self = Self {
                offset_ns: delta,
                agreed: 1,
            };
        }
    }

    /// The offset, once enough messages agree.
    pub(crate) fn known(&self) -> Option<i64> {
        (self.agreed >= NEEDED).then_some(self.offset_ns)
    }

    /// What to add to a time that lies in the future, if the clock is known to be ahead by about that.
    pub(crate) fn correction(&self, stamp: Time, received: Time) -> Option<i64> {
        let offset = self.known().filter(|offset| *offset < 0)?;
        let left = received.since(stamp.plus(offset));
        (left.saturating_abs() <= SAME_NS).then_some(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600 * Time::SECOND;

    #[test]
    fn a_clock_ahead_is_learned_and_a_mended_one_forgotten() {
        let mut memory = ClockMemory::default();
        for step in 0..i64::from(NEEDED) {
            let received = Time(step * 600 * Time::SECOND);
            assert_eq!(memory.correction(received.plus(7 * HOUR), received), None);
            memory.learn(received.plus(7 * HOUR), received.plus(step % 3));
        }
        let now = Time(HOUR);
        assert_eq!(memory.correction(now.plus(7 * HOUR), now), Some(-7 * HOUR));
        // Another time than the clock's error explains is not put right.
        assert_eq!(memory.correction(now.plus(9 * HOUR), now), None);
        memory.learn(now, now);
        assert_eq!(memory.known(), None);
    }

    #[test]
    fn a_slow_link_is_known_and_believed() {
        let mut memory = ClockMemory::default();
        for step in 0..20 {
            let received = Time(step * 600 * Time::SECOND);
            memory.learn(received.plus(-HOUR), received);
        }
        assert_eq!(memory.known(), Some(HOUR));
        assert_eq!(memory.correction(Time(0), Time(HOUR)), None);
    }
}
