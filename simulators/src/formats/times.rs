//! Times as the formats write them. Viet Nam is UTC+07 all year.

use crate::stamp::{self, SECOND_NS, VIET_NAM_OFFSET_NS};

/// `2026-11-22T03:04:06.678Z`.
pub(crate) fn millis(ns: i64) -> String {
    String::from_utf8_lossy(&stamp::text(ns)).into_owned()
}

/// `2026-11-22T03:04:06`, in UTC, without a zone.
fn plain(ns: i64) -> String {
    let mut text = millis(ns);
    text.truncate(19);
    text
}

/// `2026-11-22T03:04:06Z`.
pub(crate) fn seconds(ns: i64) -> String {
    format!("{}Z", plain(ns))
}

/// `2026-11-22T03:04:06.678901234` and a zone of the caller's: `+00:00` in ChirpStack, `Z` in The Things Stack.
pub(crate) fn nanos(ns: i64, zone: &str) -> String {
    format!("{}.{:09}{zone}", plain(ns), ns.rem_euclid(SECOND_NS))
}

/// `2026-11-22T10:04:06`: local time of Viet Nam, zone left out.
pub(crate) fn local(ns: i64) -> String {
    plain(ns + VIET_NAM_OFFSET_NS)
}

/// `2026-11-22 10:04:06`.
pub(crate) fn local_spaced(ns: i64) -> String {
    local(ns).replace('T', " ")
}

/// `2026-11-22`: the date in Viet Nam.
pub(crate) fn local_date(ns: i64) -> String {
    let mut text = local(ns);
    text.truncate(10);
    text
}

/// `2026-11-22T10:04:06+07:00`.
pub(crate) fn offset(ns: i64) -> String {
    format!("{}+07:00", local(ns))
}

/// `20261122100406`.
pub(crate) fn compact(ns: i64) -> String {
    local(ns).replace(['-', 'T', ':'], "")
}

/// `261122100406` of meters: two digits of the year.
pub(crate) fn compact_short(ns: i64) -> String {
    compact(ns).split_off(2)
}

/// `/Date(1789704000000)/`.
pub(crate) fn dot_net(ns: i64) -> String {
    format!("/Date({})/", ns / 1_000_000)
}

pub(crate) fn epoch_ms(ns: i64) -> u64 {
    u64::try_from(ns / 1_000_000).unwrap_or(0)
}

pub(crate) fn epoch_s(ns: i64) -> i64 {
    ns / SECOND_NS
}

/// Seconds with a fraction of milliseconds.
pub(crate) fn epoch_float(ns: i64) -> f64 {
    (ns / 1_000_000) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_every_form() {
        let ns = 1_795_316_646_678_901_234;
        assert_eq!(millis(ns), "2026-11-22T03:04:06.678Z");
        assert_eq!(seconds(ns), "2026-11-22T03:04:06Z");
        assert_eq!(nanos(ns, "+00:00"), "2026-11-22T03:04:06.678901234+00:00");
        assert_eq!(local(ns), "2026-11-22T10:04:06");
        assert_eq!(local_spaced(ns), "2026-11-22 10:04:06");
        assert_eq!(local_date(ns), "2026-11-22");
        assert_eq!(offset(ns), "2026-11-22T10:04:06+07:00");
        assert_eq!(compact(ns), "20261122100406");
        assert_eq!(compact_short(ns), "261122100406");
        assert_eq!(dot_net(ns), "/Date(1795316646678)/");
        assert!((epoch_float(ns) - 1_795_316_646.678).abs() < 1e-6);
    }
}
