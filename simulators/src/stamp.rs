//! Instants as nanoseconds since 1970 UTC, and their text in payloads (`2024-09-09T13:00:00.000Z`).

pub const SECOND_NS: i64 = 1_000_000_000;
pub const MINUTE_NS: i64 = 60 * SECOND_NS;
pub const HOUR_NS: i64 = 60 * MINUTE_NS;
pub const DAY_NS: i64 = 24 * HOUR_NS;

/// Viet Nam is UTC+07 all year.
pub const VIET_NAM_OFFSET_NS: i64 = 7 * HOUR_NS;

/// Length of [`text`].
pub const TEXT_BYTES: usize = 24;

/// Where a scenario lies in time: its own date, or moved, or moved and run through faster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    pub(crate) own_start_ns: i64,
    pub(crate) start_ns: i64,
    pub(crate) compression: f64,
}

impl Timeline {
    /// The time that goes on the wire for the scenario's own time `own_ns`.
    pub(crate) fn place(&self, own_ns: i64) -> i64 {
        self.start_ns
            .saturating_add(self.shorten(own_ns.saturating_sub(self.own_start_ns)))
    }

    /// A length of scenario time as it appears on the wire.
    pub(crate) fn shorten(&self, own_ns: i64) -> i64 {
        if (self.compression - 1.0).abs() < f64::EPSILON {
            return own_ns;
        }
        // A few days of nanoseconds are exact in an f64.
        (own_ns as f64 / self.compression) as i64
    }
}

/// Midnight at UTC+07 that begins the given date, in nanoseconds since 1970.
pub fn viet_nam_midnight(year: i64, month: i64, day: i64) -> i64 {
    days_from_civil(year, month, day) * DAY_NS - VIET_NAM_OFFSET_NS
}

/// ISO 8601 with milliseconds and `Z`, always [`TEXT_BYTES`] long for the years 0 to 9999.
pub fn text(ns: i64) -> [u8; TEXT_BYTES] {
    let ms_of_day = ns.rem_euclid(DAY_NS) / 1_000_000;
    let (year, month, day) = civil_from_days(ns.div_euclid(DAY_NS));
    let mut out = *b"0000-00-00T00:00:00.000Z";
    digits(&mut out[0..4], year);
    digits(&mut out[5..7], month);
    digits(&mut out[8..10], day);
    digits(&mut out[11..13], ms_of_day / 3_600_000);
    digits(&mut out[14..16], ms_of_day / 60_000 % 60);
    digits(&mut out[17..19], ms_of_day / 1_000 % 60);
    digits(&mut out[20..23], ms_of_day % 1_000);
    out
}

/// `value` in decimal over the whole of `out`, with leading zeros; what does not fit is cut on the left.
pub fn digits(out: &mut [u8], mut value: i64) {
    for place in out.iter_mut().rev() {
        *place = b'0' + u8::try_from(value.rem_euclid(10)).unwrap_or(0);
        value = value.div_euclid(10);
    }
}

/// Days since 1970-01-01 of a Gregorian date (H. Hinnant's `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_calendar_library() {
        for ns in [
            0,
            1_725_728_400_000_000_000,
            951_782_399_999_000_000,
            4_102_444_800_123_000_000,
        ] {
            let ours = String::from_utf8(text(ns).to_vec()).unwrap();
            let theirs: jiff::Timestamp = ours.parse().unwrap();
            assert_eq!(theirs.as_nanosecond(), i128::from(ns));
        }
        let midnight: jiff::Timestamp = "2024-09-08T00:00:00+07:00".parse().unwrap();
        assert_eq!(
            i128::from(viet_nam_midnight(2024, 9, 8)),
            midnight.as_nanosecond()
        );
    }
}
