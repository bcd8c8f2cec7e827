//! The arithmetic of the report.

use std::collections::BTreeMap;
use std::hash::Hash;

use super::report::Level;

pub(super) const SECOND_NS: f64 = 1e9;

pub(super) fn seconds(ns: i64) -> f64 {
    ns as f64 / SECOND_NS
}

/// None of nothing.
pub(super) fn percent(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part * 100.0 / whole)
}

/// Median, 90th percentile by nearest rank, maximum.
pub(super) fn spread_of(mut times: Vec<i64>) -> (Option<f64>, Option<f64>, Option<f64>) {
    times.sort_unstable();
    let count = times.len();
    let at = |rank: usize| times.get(rank.wrapping_sub(1)).copied().map(seconds);
    let median = match (at(count.div_ceil(2)), at(count / 2 + 1)) {
        (Some(low), Some(high)) => Some(f64::midpoint(low, high)),
        _ => None,
    };
    (median, at((count * 9).div_ceil(10)), at(count))
}

/// The `most` with the highest counts; equal ones in the order of their keys.
pub(super) fn top<K: Ord + Clone + Hash>(counts: &BTreeMap<K, u64>, most: usize) -> Vec<(K, u64)> {
    let mut all: Vec<(K, u64)> = counts.iter().map(|(k, n)| (k.clone(), *n)).collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(most);
    all
}

/// How many spans run at a time in `[from, end)`; each is `[from, to)`.
pub(super) fn level(spans: &[(i64, i64)], from: i64, end: i64) -> Level {
    let within = |span: &&(i64, i64)| span.0 < end && span.1 > from && span.0 < span.1;
    let mut edges: Vec<(i64, i64)> = Vec::new();
    let mut level = Level::default();
    for (begins, ends) in spans.iter().filter(within) {
        level.spans += 1;
        level.at_end += u64::from(*ends >= end);
        edges.push((from.max(*begins), 1));
        edges.push((end.min(*ends), -1));
    }
    // At one instant those that end go before those that begin.
    edges.sort_unstable();
    let mut running = 0_i64;
    for (_, edge) in edges {
        running += edge;
        level.most = level.most.max(running.unsigned_abs());
    }
    level
}
