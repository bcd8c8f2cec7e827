//! Reading a device's time. Wrong clocks are kept, not refused: only what is no time at all is.

mod forms;

use event::Time;

pub(crate) use forms::{interval, stamp, stamp_of};

/// RFC 3339: `2026-11-22T03:04:05.678Z`, `…+07:00`; a space for the `T` and small letters are allowed, a missing zone is not.
/// Years beyond the range of [`Time`] stop at its ends: a wrong clock, judged later like any other. Digits beyond the
/// nanosecond are cut; a leap second is the second before it.
pub(crate) fn from_text(text: &str) -> Option<Time> {
    let (date, rest) = text.as_bytes().split_first_chunk::<10>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else {
        return None;
    };
    let (clock, rest) = rest.split_first_chunk::<9>()?;
    let [b'T' | b't' | b' ', h1, h2, b':', n1, n2, b':', s1, s2] = *clock else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    let (fraction, zone) = fraction(rest)?;
    let offset = zone_seconds(zone)?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second.min(59);
    let whole = i128::from(seconds - offset) * i128::from(Time::SECOND) + i128::from(fraction);
    let bound = if whole < 0 { i64::MIN } else { i64::MAX };
    Some(Time(i64::try_from(whole).unwrap_or(bound)))
}

fn two(high: u8, low: u8) -> Option<i64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    Some(digit(high)? * 10 + digit(low)?)
}

/// Nanoseconds behind the point, and what follows them.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', rest)) = text.split_first() else {
        return Some((0, text));
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, zone) = rest.split_at(digits);
    if digits.is_empty() {
        return None;
    }
    let padded = digits
        .iter()
        .copied()
        .chain(std::iter::repeat(b'0'))
        .take(9);
    Some((
        padded.fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0')),
        zone,
    ))
}

/// `+07:00` or `Z` as nanoseconds east of UTC.
pub(crate) fn zone(text: &str) -> Option<i64> {
    zone_seconds(text.as_bytes()).map(|seconds| seconds * Time::SECOND)
}

fn zone_seconds(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match *zone {
        [b'Z' | b'z'] => return Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => (sign, two(h1, h2)?, two(m1, m2)?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60;
    Some(if sign == b'-' { -seconds } else { seconds })
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap day is the last of a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// A whole number since 1970 in the unit that its magnitude tells: seconds below 10^11 (year 5138), milliseconds below
/// 10^14, microseconds below 10^17, else nanoseconds.
pub(crate) fn from_whole(number: i64) -> Time {
    let scale = match number.unsigned_abs() {
        0..100_000_000_000 => Time::SECOND,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    Time(number.saturating_mul(scale))
}

/// The same with a fraction, to the microsecond: an `f64` of today's seconds has no more.
pub(crate) fn from_float(number: f64) -> Time {
    let to_microseconds = match number.abs() {
        size if size < 1e11 => 1e6,
        size if size < 1e14 => 1e3,
        size if size < 1e17 => 1.0,
        _ => 1e-3,
    };
    // A cast from a float stops at the ends of the range.
    Time(((number * to_microseconds).round() as i64).saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitude_tells_the_unit() {
        let same = Time(1_732_245_845_000_000_000);
        for number in [
            1_732_245_845,
            1_732_245_845_000,
            1_732_245_845_000_000,
            same.0,
        ] {
            assert_eq!(from_whole(number), same, "{number}");
            assert_eq!(from_float(number as f64), same, "{number}");
        }
        assert_eq!(from_float(1_732_245_845.25), same.plus(250_000_000));
        assert_eq!(from_whole(0), Time(0));
        assert_eq!(from_whole(-1), Time(-Time::SECOND));
        assert_eq!(from_whole(i64::MIN), Time(i64::MIN));
        assert_eq!(from_float(1e300), Time(i64::MAX));
    }

    #[test]
    fn text_needs_a_zone_and_keeps_wrong_years() {
        assert_eq!(from_text("1970-01-01T00:00:01Z"), Some(Time(Time::SECOND)));
        assert_eq!(
            from_text("1970-01-01T07:00:01+07:00"),
            Some(Time(Time::SECOND))
        );
        assert_eq!(from_text("9999-12-31T23:59:59Z"), Some(Time(i64::MAX)));
        assert_eq!(from_text("0000-01-01T00:00:00Z"), Some(Time(i64::MIN)));
        for wrong in [
            "",
            "2026-11-22T03:04:05",
            "22/11/2026 03:04",
            "now",
            "1732245845",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+7",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00Zx",
            "2026-01-01T00:00:00 Z",
            "+026-01-01T00:00:00Z",
        ] {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
        assert_eq!(
            from_text("2016-12-31T23:59:60Z"),
            from_text("2016-12-31T23:59:59Z")
        );
        assert_eq!(
            from_text("1970-01-01t00:00:00.1234567899z"),
            Some(Time(123_456_789))
        );
        assert_eq!(
            from_text("1969-12-31 23:59:59.5-00:00"),
            Some(Time(-500_000_000))
        );
    }

    proptest::proptest! {
        /// Another reader, written by others, agrees on every instant that both can hold.
        #[test]
        fn agrees_with_the_calendar_of_the_library(nanoseconds: i64, hours in -23..=23_i8) {
            let text = Time(nanoseconds).to_string();
            proptest::prop_assert_eq!(from_text(&text), Some(Time(nanoseconds)));
            let (sign, size) = (if hours < 0 { '-' } else { '+' }, hours.unsigned_abs());
            let shifted = text.replace('Z', &format!("{sign}{size:02}:00"));
            proptest::prop_assert_eq!(
                from_text(&shifted), Some(Time(nanoseconds.saturating_sub(i64::from(hours) * 3_600 * Time::SECOND)))
            );
        }
    }
}
