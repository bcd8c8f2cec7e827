//! Small groups of people are not told apart.
//!
//! The rule, within one statement of one message, with k the smallest group that may be shown:
//! 1. Groups that the options do not name, and what the total has beyond all groups, belong to `other`.
//! 2. A group of 1 to k-1 people is added to `other`. A group of nobody stays 0: it tells of no one.
//! 3. While `other` has 1 to k-1 people, the smallest group that is still shown is added to it: otherwise total minus the
//!    shown groups would tell the small one.
//! 4. If nothing is left to add and `other` still has fewer than k, no group is shown at all, only the total.
//!
//! The total itself is never changed.

use std::collections::BTreeMap;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Folded {
    /// By code; `other` apart.
    pub(super) shown: BTreeMap<String, u64>,
    pub(super) other: Option<u64>,
    /// Somebody was added to `other`, or groups were left out.
    pub(super) folded: bool,
}

/// None: the groups have more people than the total, so that one of them is wrong.
pub(super) fn fold(
    groups: &BTreeMap<String, u64>,
    named: impl Fn(&str) -> bool,
    total: Option<u64>,
    k: u64,
) -> Option<Folded> {
    let sum: u64 = groups
        .values()
        .try_fold(0_u64, |sum, count| sum.checked_add(*count))?;
    let rest = match total {
        Some(total) => total.checked_sub(sum)?,
        None => 0,
    };
    let mut other = rest;
    let mut folded = false;
    let mut shown = BTreeMap::new();
    for (code, count) in groups {
        if !named(code) {
            other += count;
        } else if (1..k).contains(count) {
            other += count;
            folded = true;
        } else {
            shown.insert(code.clone(), *count);
        }
    }
    while (1..k).contains(&other) {
        let smallest = shown
            .iter()
            .filter(|(_, count)| **count > 0)
            .min_by_key(|(_, count)| **count);
        let Some(code) = smallest.map(|(code, _)| code.clone()) else {
            return Some(Folded {
                folded: true,
                ..Folded::default()
            });
        };
        other += shown.remove(&code).unwrap_or_default();
        folded = true;
    }
    Some(Folded {
        shown,
        other: Some(other),
        folded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
        list.iter()
            .map(|(code, count)| ((*code).to_owned(), *count))
            .collect()
    }

    fn check(
        list: &[(&str, u64)],
        total: Option<u64>,
        shown: &[(&str, u64)],
        other: Option<u64>,
        folded: bool,
    ) {
        let named = |code: &str| code != "ZZ";
        let expected = Folded {
            shown: groups(shown),
            other,
            folded,
        };
        assert_eq!(
            fold(&groups(list), named, total, 5),
            Some(expected),
            "{list:?} of {total:?}"
        );
    }

    #[test]
    fn the_rule_at_its_edges() {
        check(
            &[("CN", 30), ("VN", 100)],
            Some(130),
            &[("CN", 30), ("VN", 100)],
            Some(0),
            false,
        );
        check(
            &[("CN", 4), ("KR", 1), ("VN", 100)],
            Some(105),
            &[("VN", 100)],
            Some(5),
            true,
        );
        check(
            &[("CN", 4), ("KR", 7), ("VN", 100)],
            Some(111),
            &[("VN", 100)],
            Some(11),
            true,
        );
        check(
            &[("CN", 5), ("VN", 100)],
            None,
            &[("CN", 5), ("VN", 100)],
            Some(0),
            false,
        );
        check(
            &[("VN", 100), ("ZZ", 9)],
            None,
            &[("VN", 100)],
            Some(9),
            false,
        );
        check(
            &[("CN", 8), ("VN", 100), ("ZZ", 2)],
            None,
            &[("VN", 100)],
            Some(10),
            true,
        );
        check(&[("VN", 100)], Some(103), &[], Some(103), true);
        check(&[("CN", 3)], Some(3), &[], None, true);
        check(
            &[("CN", 0), ("VN", 9)],
            Some(9),
            &[("CN", 0), ("VN", 9)],
            Some(0),
            false,
        );
        assert_eq!(fold(&groups(&[("VN", 10)]), |_| true, Some(9), 5), None);
        assert_eq!(
            fold(&groups(&[("CN", 1), ("VN", u64::MAX)]), |_| true, None, 5),
            None
        );
    }

    proptest::proptest! {
        /// Nobody who knows the total and what is shown can tell a group of fewer than k, and nobody is lost.
        #[test]
        fn no_small_group_can_be_told(
            counts in proptest::collection::btree_map("[A-F]", 0_u64..40, 0..6), beyond in 0_u64..8, k in 2_u64..12
        ) {
            let total = counts.values().sum::<u64>() + beyond;
            let folded = fold(&counts, |code| code != "F", Some(total), k).unwrap();
            for count in folded.shown.values().chain(folded.other.as_ref()) {
                proptest::prop_assert!(*count == 0 || *count >= k);
            }
            match folded.other {
                Some(other) => proptest::prop_assert_eq!(folded.shown.values().sum::<u64>() + other, total),
                None => proptest::prop_assert!(folded.shown.is_empty() && total < k),
            }
        }
    }
}
