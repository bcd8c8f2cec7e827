//! What no case file shows: that no bytes at all make it panic.

use crate::format::indicators::probe::no_bytes_panic;

#[test]
fn no_bytes_make_it_panic() {
    let report = r#"{"period":{"from":"2026-11-21","to":"2026-11-22"},"khach_den":"45","guests_staying":120,
        "guests_in":{"total":45,"by_country":{"CN":3}},"by_country":[{"country":"CN","count":30},{"country":"KR","count":3}],"seq":7}"#;
    no_bytes_panic("ioc/lao-cai/tourism/lodging-1/up", report.as_bytes());
    let presence = r#"[{"type":"TourismPresenceObserved","dateObserved":"2026-11-22","hour":"9","locationCode":"cat-cat","nationality":"FR",
        "visitorCount":12,"location":{"type":"Point","coordinates":[103.833,22.329]}}]"#;
    no_bytes_panic("ioc/lao-cai/tourism/presence-1/up", presence.as_bytes());
}
