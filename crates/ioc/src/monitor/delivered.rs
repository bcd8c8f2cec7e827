//! Which messages were delivered by reprocessing: what makes a second reprocessing change nothing.
//!
//! A sorted list of ranges of offsets in `inputs`, neighbours joined. Owner: the fold, with which it is saved. Bound:
//! [`RANGES_MAX`]; beyond it the lowest range is forgotten. A message forgotten here and reprocessed once more is
//! still told by its event ids, as long as the normalizer's window of its device reaches back; after that its events would
//! be written again under the same ids and times, which overwrites them and harms nobody.

use serde::{Deserialize, Serialize};

pub(crate) const RANGES_MAX: usize = 65_536;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivered {
    /// `from..to`, ascending, never touching each other.
    ranges: Vec<(u64, u64)>,
}

impl Delivered {
    pub(crate) fn contains(&self, offset: u64) -> bool {
        let behind = self.ranges.partition_point(|(from, _)| *from <= offset);
        behind
            .checked_sub(1)
            .and_then(|at| self.ranges.get(at))
            .is_some_and(|(_, to)| offset < *to)
    }

    pub(crate) fn insert(&mut self, offset: u64) {
        if self.contains(offset) {
            return;
        }
        let at = self.ranges.partition_point(|(from, _)| *from <= offset);
        let joins_before = at > 0 && self.ranges[at - 1].1 == offset;
        let joins_after = self
            .ranges
            .get(at)
            .is_some_and(|(from, _)| *from == offset + 1);
        match (joins_before, joins_after) {
            (true, true) => {
                self.ranges[at - 1].1 = self.ranges[at].1;
                self.ranges.remove(at);
            }
            (true, false) => self.ranges[at - 1].1 = offset + 1,
            (false, true) => self.ranges[at].0 = offset,
            (false, false) => {
                self.ranges.insert(at, (offset, offset + 1));
                if self.ranges.len() > RANGES_MAX {
                    self.ranges.remove(0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Against a plain set, in an order that joins on both sides.
    #[test]
    fn it_holds_what_was_put_in_and_joins_neighbours() {
        let (mut ranges, mut plain) = (Delivered::default(), BTreeSet::new());
        let mut number = 1_u64;
        for _ in 0..2_000 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let offset = (number >> 33) % 600;
            ranges.insert(offset);
            plain.insert(offset);
            assert!(ranges.ranges.is_sorted());
            assert!(ranges.ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
        for offset in 0..700 {
            assert_eq!(ranges.contains(offset), plain.contains(&offset), "{offset}");
        }
        for offset in 0..600 {
            ranges.insert(offset);
        }
        assert_eq!(ranges.ranges, [(0, 600)]);
    }

    #[test]
    fn at_the_bound_the_lowest_is_forgotten() {
        let mut ranges = Delivered::default();
        for number in 0..=RANGES_MAX as u64 {
            ranges.insert(number * 2);
        }
        assert_eq!(ranges.ranges.len(), RANGES_MAX);
        assert!(!ranges.contains(0));
        assert!(ranges.contains(2));
        assert!(ranges.contains(RANGES_MAX as u64 * 2));
        ranges.insert(3);
        assert_eq!(ranges.ranges[0], (2, 5), "joining needs no room");
    }
}
