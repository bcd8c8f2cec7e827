//! Instants and durations as people write them in an address.

use event::Time;

/// ISO 8601 with a zone, `now`, or so long before `now`: `-6h`, `-PT6H`.
pub(super) fn instant(text: &str, now: Time) -> Option<Time> {
    if text == "now" {
        return Some(now);
    }
    if let Some(ago) = text.strip_prefix('-') {
        return Some(now.plus(-duration_ns(ago)?));
    }
    // A plus sign that was not encoded arrives as a space.
    Time::parse(text).or_else(|| Time::parse(&text.replace(' ', "+")))
}

/// ISO 8601 durations of weeks, days, hours, minutes and whole seconds (`P1DT12H`, `PT10M`), or one number with a unit
/// (`10m`); in nanoseconds. Months and years are refused: they have no length of their own.
pub(super) fn duration_ns(text: &str) -> Option<i64> {
    let Some(rest) = text.strip_prefix('P') else {
        let unit = text.chars().last()?;
        let number = text.strip_suffix(unit)?;
        return part(number, unit.to_ascii_uppercase(), true)
            .or_else(|| part(number, unit.to_ascii_uppercase(), false));
    };
    let (days, clock) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((days, clock)) => (days, clock),
        None => (rest, ""),
    };
    if days.is_empty() && clock.is_empty() {
        return None;
    }
    parts(days, "WD", false)?.checked_add(parts(clock, "HMS", true)?)
}

/// Numbers, each with a unit, the units in order and at most once.
fn parts(mut text: &str, mut units: &str, clock: bool) -> Option<i64> {
    let mut sum = 0_i64;
    while !text.is_empty() {
        let end = text.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, rest) = text.split_at_checked(end)?;
        let unit = rest.chars().next()?;
        units = units.split_once(unit)?.1;
        sum = sum.checked_add(part(number, unit, clock)?)?;
        text = rest.get(unit.len_utf8()..)?;
    }
    Some(sum)
}

fn part(number: &str, unit: char, clock: bool) -> Option<i64> {
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = match (unit, clock) {
        ('W', false) => 604_800,
        ('D', false) => 86_400,
        ('H', true) => 3_600,
        ('M', true) => 60,
        ('S', true) => 1,
        _ => return None,
    };
    number
        .parse::<i64>()
        .ok()?
        .checked_mul(seconds)?
        .checked_mul(Time::SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("PT10M", 600),
            ("PT1H30M", 5_400),
            ("P1D", 86_400),
            ("P1DT12H", 129_600),
            ("P2W", 1_209_600),
            ("PT0S", 0),
            ("90m", 5_400),
            ("6h", 21_600),
            ("3d", 259_200),
            ("1w", 604_800),
            ("15s", 15),
        ] {
            assert_eq!(duration_ns(text), Some(seconds * Time::SECOND), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "PT10",
            "10",
            "PT10MS",
            "PT1M1H",
            "PT1M2M",
            "P1M",
            "P1Y",
            "-PT1H",
            "PT1.5H",
            "1.5h",
            "h",
            "PTM",
            "P1H",
            "PT1D",
            "PT99999999999H",
            "10é",
            "é",
            "P1é",
            "PT١H",
        ] {
            assert_eq!(duration_ns(text), None, "{text}");
        }
    }

    #[test]
    fn instants() {
        let now = Time::parse("2024-09-08T12:00:00Z").unwrap();
        for (text, wanted) in [
            ("now", "2024-09-08T12:00:00Z"),
            ("-6h", "2024-09-08T06:00:00Z"),
            ("-PT6H", "2024-09-08T06:00:00Z"),
            ("2024-09-08T06:00:00+07:00", "2024-09-07T23:00:00Z"),
            ("2024-09-08T06:00:00 07:00", "2024-09-07T23:00:00Z"),
        ] {
            assert_eq!(instant(text, now), Time::parse(wanted), "{text}");
        }
        for text in [
            "",
            "-",
            "6h",
            "2024-09-08",
            "2024-09-08T06:00:00",
            "gestern",
        ] {
            assert_eq!(instant(text, now), None, "{text}");
        }
    }
}
