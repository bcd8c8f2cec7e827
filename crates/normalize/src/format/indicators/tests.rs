//! What no case file shows: that no bytes at all make it panic.

use super::probe::no_bytes_panic;

#[test]
fn no_bytes_make_it_panic() {
    let json = r#"{"system":"education","period":"2026-11","indicators":[{"name":"attendance_pct","value":97.2,"unit":"%","target":98},
        {"name":"students","value":"150.234","unit":"người","status":"tạm tính","area":"02647","period":{"from":"2026-11-01","to":"2026-11-15"}}]}"#;
    no_bytes_panic("ioc/lao-cai/city/education/up", json.as_bytes());
    let table = "system;period;name;value;unit;target\r\nhealth;2026-W47;bed_occupancy_pct;\"81,5\";%;85\r\nhealth;2026-W47;beds_available;312;giường;\r\n";
    no_bytes_panic("ioc/lao-cai/city/health/up", table.as_bytes());
}
