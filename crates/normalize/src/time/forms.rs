//! Times as people and programs write them, beyond RFC 3339. What has no zone is local time of whoever wrote it. A day stands
//! before its month, as in Viet Nam; no American dates.

use event::Time;
use serde_json::Value;

use super::{days, days_in, from_float, from_text, from_whole, two};
use crate::format::Stamp;

/// Longest time worth reading.
const BYTES_MAX: usize = 64;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// A time of any usual form:
/// RFC 3339; ISO 8601 with or without zone, seconds or clock (`2024-09-09T18:50`, `2024/09/09 18:50:00 +07`, `2024-09-09`,
/// `20240909T115000Z`); `yyyyMMddHHmmss`, `yyyyMMddHHmm`, `yyyyMMdd`; `9/9/2024 18:50`, `18:50 09/09/2024`, `18h50 ngày 9-9-2024`,
/// with AM, PM, SA, CH; RFC 2822; `/Date(1789704000000+0700)/`; seconds, milliseconds, microseconds or nanoseconds since 1970.
pub(crate) fn stamp(text: &str) -> Option<Stamp> {
    let text = text.trim();
    if text.is_empty() || text.len() > BYTES_MAX {
        return None;
    }
    if let Some(time) = from_text(text) {
        return Some(Stamp::At(time));
    }
    if text.starts_with("/Date(") || text.starts_with("\\/Date(") {
        return dotnet(text);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits(text);
    }
    let number = |byte: u8| byte.is_ascii_digit() || byte == b'.' || byte == b'-';
    if text.bytes().all(number) && text.matches('.').count() <= 1 && !text.contains("--") {
        // A sign can only be the first; `2024-09-09` is a date.
        let plain = text.rfind('-').is_none_or(|at| at == 0);
        if let Some(number) = text.parse::<f64>().ok().filter(|_| plain) {
            return Some(Stamp::At(from_float(number)));
        }
    }
    compact(text).or_else(|| words(text))
}

/// The same of a JSON value.
pub(crate) fn stamp_of(value: &Value) -> Option<Stamp> {
    match value {
        Value::String(text) => stamp(text),
        Value::Number(number) => {
            let whole = number.as_i64().map(from_whole);
            let whole = whole.or_else(|| number.as_u64().map(|_| from_whole(i64::MAX)));
            Some(Stamp::At(
                whole.or_else(|| number.as_f64().map(from_float))?,
            ))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// ISO 8601 intervals: `start/end`, `start/duration`, `duration/end`. The end is never before the start.
pub(crate) fn interval(text: &str) -> Option<(Stamp, Stamp)> {
    let text = text.trim();
    if text.len() > 2 * BYTES_MAX || text.starts_with("/Date(") {
        return None;
    }
    let (first, second) = text.split_once('/').or_else(|| text.split_once("--"))?;
    let (first, second) = (first.trim(), second.trim());
    // `09/09/2024` is a date.
    let full = |part: &str| part.len() >= 8;
    let (start, end) = match (duration(first), duration(second)) {
        (None, None) if full(first) && full(second) => (stamp(first)?, stamp(second)?),
        (None, Some(span)) if full(first) => {
            let start = stamp(first)?;
            (start, moved(start, span))
        }
        (Some(span), None) if full(second) => {
            let end = stamp(second)?;
            (moved(end, -span), end)
        }
        _ => return None,
    };
    let ordered = match (start, end) {
        (Stamp::At(start), Stamp::At(end)) | (Stamp::Local(start), Stamp::Local(end)) => {
            start <= end
        }
        // Of two kinds: whoever binds them knows the zone.
        _ => true,
    };
    ordered.then_some((start, end))
}

fn moved(stamp: Stamp, nanoseconds: i64) -> Stamp {
    match stamp {
        Stamp::At(time) => Stamp::At(time.plus(nanoseconds)),
        Stamp::Local(time) => Stamp::Local(time.plus(nanoseconds)),
        Stamp::Ago(ago) => Stamp::Ago(ago.saturating_sub(nanoseconds)),
    }
}

/// `P1D`, `PT1H30M`, `PT0.5S`, `P2W` as nanoseconds. Months and years have no fixed length.
fn duration(text: &str) -> Option<i64> {
    let text = text.strip_prefix('P')?;
    let (date, clock) = text.split_once('T').unwrap_or((text, ""));
    if date.is_empty() && clock.is_empty() {
        return None;
    }
    let sum = |text: &str, units: &[(char, f64)]| {
        let (mut rest, mut total) = (text, 0.0);
        while !rest.is_empty() {
            let at = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
            let (number, tail) = rest.split_at(at);
            let letter = tail.chars().next()?;
            let (_, seconds) = units.iter().find(|(unit, _)| *unit == letter)?;
            let sound = number
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            total += number.parse::<f64>().ok().filter(|_| sound)? * seconds;
            rest = tail.get(1..)?;
        }
        Some(total)
    };
    let seconds = sum(date, &[('D', 86_400.0), ('W', 604_800.0)])?
        + sum(clock, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?;
    // Centuries are no interval of a reading.
    (seconds < 3.2e9).then_some((seconds * 1e9).round() as i64)
}

/// `/Date(1789704000000)/`: milliseconds of UTC; a zone behind them is for display only.
fn dotnet(text: &str) -> Option<Stamp> {
    let text = text.strip_prefix('\\').unwrap_or(text);
    let inner = text.strip_prefix("/Date(")?;
    let inner = inner
        .strip_suffix(")/")
        .or_else(|| inner.strip_suffix(")\\/"))?;
    let sign = inner.get(1..)?.find(['+', '-']).map(|at| at + 1);
    let number = match sign {
        Some(at) => {
            let zone = inner.get(at + 1..)?;
            if zone.len() != 4 || !zone.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            inner.get(..at)?
        }
        None => inner,
    };
    let milliseconds: i64 = number.parse().ok()?;
    Some(Stamp::At(Time(milliseconds.saturating_mul(1_000_000))))
}

/// Digits only: a date run together if it is one of 1970 to 2199, else a number since 1970.
fn digits(text: &str) -> Option<Stamp> {
    let date = match text.len() {
        8 | 12 | 14 => run_together(text.as_bytes()),
        _ => None,
    };
    date.map(Stamp::Local).or_else(|| {
        let whole = text.parse::<i64>().ok()?;
        Some(Stamp::At(from_whole(whole)))
    })
}

fn run_together(digits: &[u8]) -> Option<Time> {
    let mut pairs = digits.chunks(2).map(|pair| match *pair {
        [high, low] => two(high, low),
        _ => None,
    });
    let mut next = || pairs.next().unwrap_or(Some(0));
    let year = next()? * 100 + next()?;
    let date = (year, next()?, next()?);
    (1970..2200).contains(&year).then_some(())?;
    at(date, (next()?, next()?, next()?, 0))
}

/// `20240909T115000Z`, `20240909T1150+07`, `20240909115000+0700`.
fn compact(text: &str) -> Option<Stamp> {
    let letter = text.find(['T', 't', 'Z', 'z', '+', '-', ' '])?;
    let (date, rest) = text.split_at(letter);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(date.len(), 8 | 12 | 14) || !digits(date) {
        return None;
    }
    let mut all = date.to_owned();
    let mut zone_text = rest;
    if let Some(clock) = rest
        .strip_prefix(['T', 't', ' '])
        .filter(|_| date.len() == 8)
    {
        let end = clock
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(clock.len());
        let (clock, zone) = clock.split_at(end);
        if !matches!(clock.len(), 4 | 6) {
            return None;
        }
        all.push_str(clock);
        zone_text = zone;
    }
    let local = run_together(all.as_bytes())?;
    placed(local, zone_text.trim())
}

fn placed(local: Time, zone_text: &str) -> Option<Stamp> {
    if zone_text.is_empty() {
        return Some(Stamp::Local(local));
    }
    let seconds = zone(zone_text)?;
    Some(Stamp::At(local.plus(-seconds * Time::SECOND)))
}

/// `Z`, `UTC`, `GMT`, `+07`, `+0700`, `+07:00`, `GMT+7`, and the names that RFC 2822 and Viet Nam have.
fn zone(text: &str) -> Option<i64> {
    let offset = text
        .strip_prefix("UTC")
        .or_else(|| text.strip_prefix("GMT"))
        .unwrap_or(text);
    if offset.is_empty() || matches!(text, "Z" | "z" | "UT") {
        return Some(0);
    }
    if text == "ICT" {
        return Some(7 * 3_600);
    }
    let (sign, digits) = match offset.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match *digits {
        [h] => (two(b'0', h)?, 0),
        [h1, h2] => (two(h1, h2)?, 0),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => (two(h1, h2)?, two(m1, m2)?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn at(date: (i64, i64, i64), clock: (i64, i64, i64, i64)) -> Option<Time> {
    let ((year, month, day), (hour, minute, second, nanosecond)) = (date, clock);
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    // The end of a day may be written as 24:00.
    let end_of_day = hour == 24 && minute == 0 && second == 0 && nanosecond == 0;
    if (hour > 23 && !end_of_day) || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second.min(59);
    let whole = i128::from(seconds) * i128::from(Time::SECOND) + i128::from(nanosecond);
    let bound = if whole < 0 { i64::MIN } else { i64::MAX };
    Some(Time(i64::try_from(whole).unwrap_or(bound)))
}

/// What stands between blanks: each word is a date, a clock, a half of the day, a zone, or says nothing.
fn words(text: &str) -> Option<Stamp> {
    let (mut date, mut clock, mut half, mut zone_seconds) = (None, None, None, None);
    let mut spelled = Spelled::default();
    // `T` between a date and a clock is a blank; in `Tue` it is not.
    let split = text.char_indices().map(|(at, letter)| {
        let between = matches!(letter, 'T' | 't')
            && text
                .get(..at)
                .is_some_and(|before| before.ends_with(|c: char| c.is_ascii_digit()))
            && text
                .get(at + 1..)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if between || letter == ',' && !decimal(text, at) {
            ' '
        } else {
            letter
        }
    });
    let split: String = split.collect();
    for word in split.split_whitespace() {
        let lower = word.to_lowercase();
        match &*lower {
            "-" | "–" | "ngày" | "ngay" | "lúc" | "luc" => continue,
            "am" | "sa" => set(&mut half, 0)?,
            "pm" | "ch" => set(&mut half, 12)?,
            _ if is_week_day(&lower) => {}
            _ => {
                if spelled.take(&lower) {
                    continue;
                }
                if let Some(seconds) = zone(word) {
                    set(&mut zone_seconds, seconds)?;
                } else if let Some(found) = date_of(word) {
                    set(&mut date, found)?;
                } else {
                    let (found, rest) = clock_of(&lower)?;
                    set(&mut clock, found)?;
                    match rest {
                        "" => {}
                        "am" | "sa" => set(&mut half, 0)?,
                        "pm" | "ch" => set(&mut half, 12)?,
                        rest => set(&mut zone_seconds, zone(&rest.to_uppercase())?)?,
                    }
                }
            }
        }
    }
    if let Some(found) = spelled.date()? {
        set(&mut date, found)?;
    }
    let (hour, minute, second, nanosecond) = clock.unwrap_or_default();
    let hour = match half {
        None => hour,
        Some(half) if clock.is_some() && (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
    };
    let local = at(date?, (hour, minute, second, nanosecond))?;
    Some(match zone_seconds {
        None => Stamp::Local(local),
        Some(seconds) => Stamp::At(local.plus(-seconds * Time::SECOND)),
    })
}

/// A comma between digits behind a colon is the fraction of a second.
fn decimal(text: &str, at: usize) -> bool {
    let digit = |letter: char| letter.is_ascii_digit();
    text.get(at + 1..)
        .is_some_and(|rest| rest.starts_with(digit))
        && text.get(..at).is_some_and(|before| {
            before.ends_with(digit) && before.trim_end_matches(digit).ends_with(':')
        })
}

/// Each part may be said once.
fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// In full or by three letters.
fn is_week_day(word: &str) -> bool {
    let day = matches!(
        word.get(..3),
        Some("mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun")
    );
    day && (word.len() == 3 || word.ends_with("day"))
}

/// A date in words apart: `22 Nov 2026`.
#[derive(Default)]
struct Spelled {
    day: Option<i64>,
    month: Option<i64>,
    year: Option<i64>,
}

impl Spelled {
    fn take(&mut self, word: &str) -> bool {
        if let Some(month) = MONTHS.iter().position(|month| word == *month) {
            return set(&mut self.month, month as i64 + 1).is_some();
        }
        if !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        let number = word.parse().unwrap_or(0);
        match word.len() {
            1 | 2 => set(&mut self.day, number).is_some(),
            4 => set(&mut self.year, number).is_some(),
            _ => false,
        }
    }

    /// `Some(None)` when no part of it came.
    #[allow(
        clippy::option_option,
        reason = "none of it, all of it, or a part that means nothing"
    )]
    fn date(&self) -> Option<Option<(i64, i64, i64)>> {
        match (self.year, self.month, self.day) {
            (None, None, None) => Some(None),
            (Some(year), Some(month), Some(day)) => Some(Some((year, month, day))),
            _ => None,
        }
    }
}

/// `2024-09-09`, `2024/9/9`, `9/9/2024`, `09-09-2024`, `09.09.2024`.
fn date_of(word: &str) -> Option<(i64, i64, i64)> {
    let mark = word
        .chars()
        .find(|letter| matches!(letter, '-' | '/' | '.'))?;
    let mut parts = word.split(mark);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let short = |text: &str| number(text, 1..=2);
    if first.len() == 4 {
        return Some((number(first, 4..=4)?, short(second)?, short(third)?));
    }
    Some((number(third, 4..=4)?, short(second)?, short(first)?))
}

fn number(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits && length.contains(&text.len()))
}

type Clock = (i64, i64, i64, i64);

/// `18:50`, `18:50:00.25`, `18h50`, `18h`, `18h50'`, with what follows: a zone or a half of the day.
fn clock_of(word: &str) -> Option<(Clock, &str)> {
    let end = word.find(|letter: char| !letter.is_ascii_digit())?;
    let (hour, rest) = word.split_at(end);
    let hour = number(hour, 1..=2)?;
    let spoken = rest.starts_with('h');
    let rest = rest.strip_prefix([':', 'h'])?;
    let (minute, rest) = leading(rest);
    let minute = match minute {
        "" if spoken => 0,
        minute => number(minute, 2..=2)?,
    };
    let rest = if spoken {
        rest.trim_start_matches(['\'', '’', 'p'])
    } else {
        rest
    };
    let Some(after) = rest.strip_prefix(':') else {
        return Some(((hour, minute, 0, 0), rest));
    };
    let (second, rest) = leading(after);
    let second = number(second, 2..=2)?;
    let (nanosecond, rest) = match rest.strip_prefix(['.', ',']) {
        None => (0, rest),
        Some(after) => {
            let (digits, rest) = leading(after);
            if digits.is_empty() {
                return None;
            }
            let padded: String = digits.chars().chain("000000000".chars()).take(9).collect();
            (padded.parse().ok()?, rest)
        }
    };
    Some(((hour, minute, second, nanosecond), rest))
}

fn leading(text: &str) -> (&str, &str) {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests;
