//! The zone in which times are written and days begin.

use event::Time;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::bad;
use crate::error::Problem;
use crate::layout::HOUR_NS;

pub(super) struct Zone {
    pub(super) name: String,
    zone: TimeZone,
}

impl Zone {
    pub(super) fn named(name: &str) -> Result<Self, Problem> {
        let zone = match name {
            "UTC" => TimeZone::UTC,
            name => match (TimeZone::get(name), name) {
                (Ok(zone), _) => zone,
                // A machine without a zone database: Viet Nam has kept this offset since 1975.
                (Err(_), "Asia/Ho_Chi_Minh") => TimeZone::fixed(Offset::constant(7)),
                (Err(_), _) => {
                    return Err(bad(
                        format!("không biết múi giờ {name}; ví dụ UTC hoặc Asia/Ho_Chi_Minh"),
                        format!(
                            "the zone {name} is not known; for instance UTC or Asia/Ho_Chi_Minh"
                        ),
                    ));
                }
            },
        };
        Ok(Self {
            name: name.to_owned(),
            zone,
        })
    }

    /// RFC 3339 with the offset of the zone; nanoseconds only where there are any.
    pub(super) fn text(&self, ns: i64) -> String {
        Timestamp::from_nanosecond(i128::from(ns)).map_or_else(
            |_| Time(ns).to_string(),
            |stamp| {
                let zoned = stamp.to_zoned(self.zone.clone());
                zoned.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
            },
        )
    }

    /// The beginning of the step that `ns` lies in; steps are counted from midnight of the zone.
    pub(super) fn step(&self, ns: i64, interval: i64) -> i64 {
        let offset = Timestamp::from_nanosecond(i128::from(ns)).map_or(0, |stamp| {
            i64::from(self.zone.to_offset(stamp).seconds()) * (HOUR_NS / 3_600)
        });
        let local = ns.saturating_add(offset);
        local
            .saturating_sub(local.rem_euclid(interval))
            .saturating_sub(offset)
    }
}
