//! NowCast of particles: Decision 1459/QĐ-TCMT of 2019-11-12 (confidence high).
//!
//! `c1` is the newest hourly mean, `c12` that of 11 hours before. `w* = cmin / cmax` over the hours that are there, `w = max(w*, 1/2)`.
//! `w > 1/2`: `Σ w^(i-1)·c_i / Σ w^(i-1)`. `w = 1/2`: `Σ (1/2)^i·c_i`. At least two of `c1, c2, c3` must be there.
//!
//! **Decided here, for the text is silent:**
//! * `cmax = 0` (all hours zero): `w = 1`, the result is 0.
//! * `w = 1/2` with all 12 hours: the literal sum. With missing hours the literal sum would be too low by their weight,
//!   so the sum is divided by the weights of the hours that are there.

/// From `hours[0]` = `c1`. Hours beyond twelve are not looked at.
pub fn nowcast(hours: &[Option<f64>]) -> Option<f64> {
    let hours = hours.get(..hours.len().min(12))?;
    if hours.iter().take(3).flatten().count() < 2 {
        return None;
    }
    let known = || hours.iter().flatten().copied();
    let least = known().reduce(f64::min)?;
    let most = known().reduce(f64::max)?;
    let weight = if most > 0.0 {
        (least / most).max(0.5)
    } else {
        1.0
    };
    let (mut sum, mut weights) = (0.0, 0.0);
    let mut power = 1.0;
    for hour in hours {
        if let Some(concentration) = hour {
            sum += power * concentration;
            weights += power;
        }
        power *= weight;
    }
    if weight > 0.5 || known().count() < 12 {
        Some(sum / weights)
    } else {
        // (1/2)^i is half of (1/2)^(i-1).
        Some(sum / 2.0)
    }
}
