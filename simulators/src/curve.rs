//! Smooth curves through given points, without overshoot.
//!
//! Piecewise cubic Hermite interpolation with the slopes of Fritsch and Carlson (PCHIP): the curve passes through
//! every point exactly and is monotone between two neighbours, so an interpolated flood never rises above its peak
//! nor dips below the level it started from. Outside the points the first or last value holds.

/// A curve over hours (any origin).
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    points: Vec<Point>,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    at: f64,
    value: f64,
    slope: f64,
}

impl Curve {
    /// `points` are (hour, value) with strictly rising hours; others are left out.
    pub(crate) fn through(points: &[(f64, f64)]) -> Self {
        let mut kept: Vec<Point> = Vec::with_capacity(points.len());
        for &(at, value) in points {
            if kept.last().is_none_or(|last| at > last.at) {
                kept.push(Point {
                    at,
                    value,
                    slope: 0.0,
                });
            }
        }
        set_slopes(&mut kept);
        Self { points: kept }
    }

    pub(crate) fn at(&self, hour: f64) -> f64 {
        let after = self.points.partition_point(|point| point.at <= hour);
        let (Some(left), right) = (
            after
                .checked_sub(1)
                .and_then(|before| self.points.get(before)),
            self.points.get(after),
        ) else {
            return self.points.first().map_or(0.0, |first| first.value);
        };
        let Some(right) = right else {
            return left.value;
        };
        let width = right.at - left.at;
        let s = (hour - left.at) / width;
        let (s2, s3) = (s * s, s * s * s);
        (2.0 * s3 - 3.0 * s2 + 1.0) * left.value
            + (s3 - 2.0 * s2 + s) * width * left.slope
            + (3.0 * s2 - 2.0 * s3) * right.value
            + (s3 - s2) * width * right.slope
    }

    /// Distance in hours to the nearest given point.
    pub(crate) fn hours_to_nearest(&self, hour: f64) -> f64 {
        self.points
            .iter()
            .map(|point| (point.at - hour).abs())
            .fold(f64::INFINITY, f64::min)
    }
}

/// Weighted harmonic mean of the two neighbouring secants where they agree in sign, else flat; flat at the ends.
fn set_slopes(points: &mut [Point]) {
    for middle in 1..points.len().saturating_sub(1) {
        let (before, here, after) = (points[middle - 1], points[middle], points[middle + 1]);
        let (left_width, right_width) = (here.at - before.at, after.at - here.at);
        let left = (here.value - before.value) / left_width;
        let right = (after.value - here.value) / right_width;
        if left * right > 0.0 {
            let left_weight = 2.0 * right_width + left_width;
            let right_weight = right_width + 2.0 * left_width;
            points[middle].slope =
                (left_weight + right_weight) / (left_weight / left + right_weight / right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Curve;

    #[test]
    fn hits_its_points_and_is_monotone_between_them() {
        let points = [(0.0, 1.0), (5.0, 2.0), (6.0, 7.0), (20.0, 7.5), (21.0, 0.0)];
        let curve = Curve::through(&points);
        for (at, value) in points {
            assert!((curve.at(at) - value).abs() < 1e-12);
        }
        for pair in points.windows(2) {
            let (low, high) = (pair[0].1.min(pair[1].1), pair[0].1.max(pair[1].1));
            let mut last = pair[0].1;
            for step in 1..=200 {
                let hour = pair[0].0 + (pair[1].0 - pair[0].0) * f64::from(step) / 200.0;
                let value = curve.at(hour);
                assert!(value >= low - 1e-9 && value <= high + 1e-9);
                assert!((value - last) * (pair[1].1 - pair[0].1) >= -1e-9);
                last = value;
            }
        }
    }

    #[test]
    fn holds_outside_and_survives_few_points() {
        let curve = Curve::through(&[(1.0, 3.0), (1.0, 9.0), (2.0, 4.0)]);
        assert!((curve.at(-5.0) - 3.0).abs() < 1e-12 && (curve.at(50.0) - 4.0).abs() < 1e-12);
        assert!(Curve::through(&[]).at(1.0).abs() < 1e-12);
    }
}
