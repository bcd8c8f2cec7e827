//! Periods of statistics: a year, quarter, month, week or day of the calendar, in local time. A period ends where the next
//! begins.

use event::Time;

use crate::format::Stamp;

const DAY_NS: i64 = 86_400 * Time::SECOND;

/// `2026`, `2026-Q3`, `2026-H1`, `2026-11`, `11/2026`, `2026-W47`, `2026-11-22`, `22/11/2026`, an ISO 8601 interval, or an instant (no end).
pub(super) fn read(text: &str) -> Option<(Stamp, Option<Stamp>)> {
    let text = text.trim();
    if let Some((from, to)) = calendar(text) {
        return Some((Stamp::Local(from), Some(Stamp::Local(to))));
    }
    if text.contains('/')
        && let Some((from, to)) = ends(text.split_once('/')?)
    {
        return Some((from, Some(to)));
    }
    crate::time::stamp(text).map(|stamp| (stamp, None))
}

/// From the beginning of the first to the end of the second: a last day is meant whole.
pub(super) fn ends((from, to): (&str, &str)) -> Option<(Stamp, Stamp)> {
    let (from, _) = read_one(from)?;
    let (to, end) = read_one(to)?;
    let to = end.unwrap_or(to);
    let instant = |stamp| match stamp {
        Stamp::At(time) | Stamp::Local(time) => time,
        Stamp::Ago(_) => Time(0),
    };
    (instant(from) < instant(to)).then_some((from, to))
}

fn read_one(text: &str) -> Option<(Stamp, Option<Stamp>)> {
    let text = text.trim();
    match calendar(text) {
        Some((from, to)) => Some((Stamp::Local(from), Some(Stamp::Local(to)))),
        None => crate::time::stamp(text).map(|stamp| (stamp, None)),
    }
}

fn calendar(text: &str) -> Option<(Time, Time)> {
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<i64>().ok(),
        false => None,
    };
    let parts: Vec<&str> = text.split('-').collect();
    let year = |text: &str| number(text).filter(|_| text.len() == 4);
    match *parts.as_slice() {
        [only] if only.len() == 4 => months(year(only)?, 1, 12),
        [of, part] if of.len() == 4 => {
            let of = year(of)?;
            if let Some(quarter) = part.strip_prefix(['Q', 'q']) {
                let quarter = number(quarter).filter(|quarter| (1..=4).contains(quarter))?;
                return months(of, quarter * 3 - 2, 3);
            }
            if let Some(half) = part.strip_prefix(['H', 'h']) {
                let half = number(half).filter(|half| (1..=2).contains(half))?;
                return months(of, half * 6 - 5, 6);
            }
            if let Some(week) = part.strip_prefix(['W', 'w']) {
                return self::week(of, number(week).filter(|_| part.len() == 3)?);
            }
            months(
                of,
                number(part).filter(|month| part.len() == 2 && (1..=12).contains(month))?,
                1,
            )
        }
        [of, month, day] if of.len() == 4 && month.len() == 2 && day.len() == 2 => self::day(text),
        [_] => {
            let parts: Vec<&str> = text.split('/').collect();
            match *parts.as_slice() {
                [month, of] if of.len() == 4 => months(
                    year(of)?,
                    number(month).filter(|month| (1..=12).contains(month))?,
                    1,
                ),
                [day, month, of] if of.len() == 4 => {
                    self::day(&format!("{of}-{month:0>2}-{day:0>2}"))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn midnight(text: &str) -> Option<Time> {
    crate::time::from_text(&format!("{text}T00:00:00Z"))
}

fn day(text: &str) -> Option<(Time, Time)> {
    let from = midnight(text)?;
    Some((from, from.plus(DAY_NS)))
}

/// `count` months from a month (1 to 12) on; they may reach into the next year.
fn months(year: i64, first: i64, count: i64) -> Option<(Time, Time)> {
    let begin = |month: i64| {
        let (year, month) = (year + (month - 1) / 12, (month - 1) % 12 + 1);
        midnight(&format!("{year:04}-{month:02}-01"))
    };
    Some((begin(first)?, begin(first + count)?))
}

/// ISO 8601: weeks begin on Monday, and the first of a year has its 4 January.
fn week(year: i64, week: i64) -> Option<(Time, Time)> {
    let fourth = |year: i64| midnight(&format!("{year:04}-01-04"));
    let monday = |year: i64| {
        let days = fourth(year)?.0.div_euclid(DAY_NS);
        // 1970-01-01 was a Thursday: three days after Monday.
        Some(days - (days + 3).rem_euclid(7))
    };
    let first = monday(year)?;
    let from = first + (week - 1) * 7;
    let inside = (1..=53).contains(&week) && from < monday(year + 1)?;
    let at = |day: i64| Time(day.saturating_mul(DAY_NS));
    inside.then(|| (at(from), at(from + 7)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, from: &str, to: &str) {
        let local = |text: &str| Stamp::Local(midnight(text).unwrap());
        assert_eq!(read(text), Some((local(from), Some(local(to)))), "{text}");
    }

    #[test]
    fn periods_of_the_calendar() {
        check("2026", "2026-01-01", "2027-01-01");
        check("2026-Q3", "2026-07-01", "2026-10-01");
        check("2026-Q4", "2026-10-01", "2027-01-01");
        check("2026-H2", "2026-07-01", "2027-01-01");
        check("2026-02", "2026-02-01", "2026-03-01");
        check("11/2026", "2026-11-01", "2026-12-01");
        check("2026-12", "2026-12-01", "2027-01-01");
        check("2028-02-29", "2028-02-29", "2028-03-01");
        check("9/2/2026", "2026-02-09", "2026-02-10");
        // 2026-11-16 is a Monday; 2026 has 53 weeks, its first began in 2025.
        check("2026-W47", "2026-11-16", "2026-11-23");
        check("2026-W01", "2025-12-29", "2026-01-05");
        check("2026-W53", "2026-12-28", "2027-01-04");
        check("2026-11-01/2026-11-15", "2026-11-01", "2026-11-16");
        check("2026-01/2026-03", "2026-01-01", "2026-04-01");
        for wrong in [
            "",
            "2026-13",
            "2026-Q5",
            "2025-W53",
            "2026-W00",
            "2026-W7",
            "2026-02-30",
            "26-11",
            "2026-11-15/2026-11-01",
            "soon",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(matches!(
            read("2026-11-22T08:00:00+07:00"),
            Some((Stamp::At(_), None))
        ));
    }
}
