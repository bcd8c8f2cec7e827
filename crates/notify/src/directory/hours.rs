//! Hours of the day in local time, which is a fixed offset: a site has one zone, without summer time.

use event::Time;
use serde::{Deserialize, Deserializer};

const DAY_S: i64 = 86_400;

/// `22:00-06:00`: from, included, to, excluded; may go over midnight. Equal ends are the whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from_s: i64,
    to_s: i64,
}

impl Hours {
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        Some(Self {
            from_s: minute_of_day(from)?,
            to_s: minute_of_day(to)?,
        })
    }

    pub fn contain(self, time: Time, zone_seconds: i32) -> bool {
        let second = second_of_day(time, zone_seconds);
        if self.from_s < self.to_s {
            (self.from_s..self.to_s).contains(&second)
        } else {
            second >= self.from_s || second < self.to_s
        }
    }

    /// The first instant after `time` at which the hours are over.
    pub fn end_after(self, time: Time, zone_seconds: i32) -> Time {
        after(self.to_s, time, zone_seconds)
    }

    /// The first instant after `time` at which the hours begin.
    pub fn begin_after(self, time: Time, zone_seconds: i32) -> Time {
        after(self.from_s, time, zone_seconds)
    }
}

fn after(wanted_s: i64, time: Time, zone_seconds: i32) -> Time {
    let second = second_of_day(time, zone_seconds);
    let ahead = (wanted_s - second - 1).rem_euclid(DAY_S) + 1;
    let whole = time.0.div_euclid(Time::SECOND) * Time::SECOND;
    Time(whole).plus(ahead.saturating_mul(Time::SECOND))
}

fn minute_of_day(text: &str) -> Option<i64> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some(hour * 3_600 + minute * 60)
}

fn second_of_day(time: Time, zone_seconds: i32) -> i64 {
    (time.0.div_euclid(Time::SECOND) + i64::from(zone_seconds)).rem_euclid(DAY_S)
}

/// Days since 1970-01-01 in local time.
pub fn local_day(time: Time, zone_seconds: i32) -> i64 {
    (time.0.div_euclid(Time::SECOND) + i64::from(zone_seconds)).div_euclid(DAY_S)
}

/// 0 = Monday.
pub fn weekday(time: Time, zone_seconds: i32) -> usize {
    // The first of January 1970 was a Thursday.
    usize::try_from((local_day(time, zone_seconds) + 3).rem_euclid(7)).unwrap_or(0)
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} are no hours; write 22:00-06:00"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: i32 = 7 * 3_600;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn hours_go_over_midnight_in_local_time() {
        let night = Hours::parse("22:00-06:00").unwrap();
        assert!(night.contain(at("2024-09-10T22:00:00+07:00"), ZONE));
        assert!(night.contain(at("2024-09-11T05:59:59+07:00"), ZONE));
        assert!(!night.contain(at("2024-09-11T06:00:00+07:00"), ZONE));
        let end = night.end_after(at("2024-09-10T23:30:00.5+07:00"), ZONE);
        assert_eq!(end, at("2024-09-11T06:00:00+07:00"));
        assert_eq!(weekday(at("2024-09-09T00:30:00+07:00"), ZONE), 0);
        assert!(Hours::parse("25:00-06:00").is_none());
    }
}
