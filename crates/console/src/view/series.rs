//! The recent course of one measure of one entity, thinned so that peaks survive.
//!
//! Two tiers: the last 6 h in buckets of one minute, what is older up to 48 h in buckets of ten. A bucket keeps the
//! lowest and the highest value in the order of their times, so a short crest is never averaged away. At most
//! 2 x 360 + 2 x 252 points of 24 bytes: 29 KiB.

use std::collections::VecDeque;

const HOUR_MS: i64 = 3_600_000;
pub(crate) const HOURS_MAX: u32 = 48;
const FINE_WINDOW_MS: i64 = 6 * HOUR_MS;
const FINE_BUCKET_MS: i64 = 60_000;
const COARSE_WINDOW_MS: i64 = HOURS_MAX as i64 * HOUR_MS;
const COARSE_BUCKET_MS: i64 = 600_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) at_ms: i64,
    pub(crate) value: f64,
    pub(crate) quality: u16,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    fine: VecDeque<Point>,
    coarse: VecDeque<Point>,
    /// The latest point as it came: its bucket may not have kept it.
    last: Option<Point>,
}

impl Series {
    /// Takes points in any order; what is older than the window is let go.
    pub(crate) fn push(&mut self, point: Point) {
        let newest = self
            .last
            .map_or(point.at_ms, |last| last.at_ms.max(point.at_ms));
        if self.last.is_none_or(|last| last.at_ms <= point.at_ms) {
            self.last = Some(point);
        }
        let age = newest.saturating_sub(point.at_ms);
        if age > COARSE_WINDOW_MS {
            return;
        }
        if age > FINE_WINDOW_MS {
            insert::<COARSE_BUCKET_MS>(&mut self.coarse, point);
        } else {
            insert::<FINE_BUCKET_MS>(&mut self.fine, point);
        }
        self.age(newest);
    }

    fn age(&mut self, newest: i64) {
        while let Some(oldest) = self.fine.front().copied()
            && newest.saturating_sub(oldest.at_ms) > FINE_WINDOW_MS
        {
            self.fine.pop_front();
            insert::<COARSE_BUCKET_MS>(&mut self.coarse, oldest);
        }
        while let Some(oldest) = self.coarse.front()
            && newest.saturating_sub(oldest.at_ms) > COARSE_WINDOW_MS
        {
            self.coarse.pop_front();
        }
    }

    /// Points from `from_ms` on, in the order of their times.
    pub(crate) fn since(&self, from_ms: i64) -> Vec<Point> {
        let kept = self.coarse.iter().chain(&self.fine).copied();
        let mut points: Vec<Point> = kept.filter(|point| point.at_ms >= from_ms).collect();
        if let Some(last) = self.last
            && last.at_ms >= from_ms
            && points.last() != Some(&last)
        {
            points.push(last);
        }
        points
    }
}

/// Puts the point in its place and, when its bucket then holds three, takes out the one between the extremes.
fn insert<const BUCKET_MS: i64>(points: &mut VecDeque<Point>, point: Point) {
    let at = match points.back() {
        Some(back) if back.at_ms > point.at_ms => {
            points.partition_point(|earlier| earlier.at_ms <= point.at_ms)
        }
        Some(_) | None => points.len(),
    };
    points.insert(at, point);
    // One division by a constant; the neighbours are then only compared.
    let start = point.at_ms.div_euclid(BUCKET_MS) * BUCKET_MS;
    let bucket = start..start.saturating_add(BUCKET_MS);
    let same = |index: usize| {
        points
            .get(index)
            .is_some_and(|other| bucket.contains(&other.at_ms))
    };
    let mut first = at;
    while first > 0 && same(first - 1) {
        first -= 1;
    }
    if !same(first + 2) {
        return;
    }
    // Of equals the first counts as lowest and the last as highest: a flat line keeps both its ends.
    let [a, b, c] = [first, first + 1, first + 2].map(|index| points[index].value);
    let lowest = if a <= b && a <= c {
        0
    } else if b <= c {
        1
    } else {
        2
    };
    let highest = if c >= a && c >= b {
        2
    } else if b >= a {
        1
    } else {
        0
    };
    let between = match (lowest, highest) {
        (0, 1) | (1, 0) => 2,
        (0, 2) | (2, 0) => 1,
        _ => 0,
    };
    points.remove(first + between);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at_ms: i64, value: f64) -> Point {
        Point {
            at_ms,
            value,
            quality: 0,
        }
    }

    #[test]
    fn a_crest_within_a_bucket_survives_and_memory_is_bounded() {
        let mut series = Series::default();
        for second in 0..(72 * 3600) {
            let crest = second == 40 * 3600 + 17;
            series.push(point(second * 1000, if crest { 99.0 } else { 1.0 }));
        }
        assert!(series.fine.len() <= 722, "{}", series.fine.len());
        assert!(series.coarse.len() <= 506, "{}", series.coarse.len());
        let all = series.since(i64::MIN);
        assert!(
            all.iter().any(|point| point.value > 98.0),
            "the crest is gone"
        );
        assert!(all.is_sorted_by_key(|point| point.at_ms));
        assert_eq!(
            all.last().map(|point| point.at_ms),
            Some((72 * 3600 - 1) * 1000)
        );
        assert!(all[0].at_ms >= 24 * 3600 * 1000 - 1000);
    }

    #[test]
    fn late_points_find_their_place() {
        let mut series = Series::default();
        for minute in [0, 1, 2, 5, 3, 4] {
            series.push(point(minute * 60_000, minute as f64));
        }
        let values: Vec<f64> = series.since(0).iter().map(|point| point.value).collect();
        assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(series.since(3 * 60_000).len(), 3);
    }

    #[test]
    fn a_bucket_keeps_its_extremes_whatever_the_order() {
        for values in [
            [1.0, 2.0, 3.0],
            [3.0, 2.0, 1.0],
            [2.0, 1.0, 3.0],
            [2.0, 3.0, 1.0],
            [1.0, 3.0, 2.0],
            [3.0, 1.0, 2.0],
        ] {
            let mut points = VecDeque::new();
            for (second, value) in values.into_iter().enumerate() {
                insert::<FINE_BUCKET_MS>(&mut points, point(second as i64 * 1000, value));
            }
            let mut kept: Vec<f64> = points.iter().map(|point| point.value).collect();
            kept.sort_by(f64::total_cmp);
            assert_eq!(kept, [1.0, 3.0], "{values:?}");
        }
    }
}
