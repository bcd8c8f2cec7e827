//! Rate of change that one wrong reading does not move.

use crate::calendar::hours;

/// Units an hour between the two ends of the readings (time, value; ascending), each end the median of up to three of them; the
/// same as `rate()` of the rules. None while the readings cover less than half of `window`.
pub(crate) fn rate_an_hour(readings: &[(i64, f64)], window: i64) -> Option<f64> {
    let (first, last) = (readings.first()?, readings.last()?);
    let covered = last.0.saturating_sub(first.0);
    if covered <= 0 || covered < window / 2 {
        return None;
    }
    let group = (readings.len() / 2).min(3);
    let early = median(readings.get(..group)?)?;
    let late = median(readings.get(readings.len() - group..)?)?;
    let hours = hours(late.0.saturating_sub(early.0));
    (hours > 0.0).then(|| (late.1 - early.1) / hours)
}

/// Middle time and median value of one to three readings.
fn median(readings: &[(i64, f64)]) -> Option<(i64, f64)> {
    match readings {
        [] => None,
        [a] => Some(*a),
        [a, b] => Some((a.0 + (b.0 - a.0) / 2, f64::midpoint(a.1, b.1))),
        [a, b, c, ..] => Some((b.0, a.1.max(b.1).min(a.1.min(b.1).max(c.1)))),
    }
}
