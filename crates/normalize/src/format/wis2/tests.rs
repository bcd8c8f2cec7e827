//! What no case file shows: that no bytes at all make it panic.

use crate::format::indicators::probe::no_bytes_panic;

#[test]
fn no_bytes_make_it_panic() {
    let message = r#"{"id":"31e9d66a-cd83-4174-9429-b932f1abe1be","conformsTo":["http://wis.wmo.int/spec/wnm/1/conf/core"],"type":"Feature",
        "geometry":{"type":"Polygon","coordinates":[[[103,22],[104,22],[104,23],[103,22]]]},"properties":{"pubtime":"2026-11-22T03:00:00Z",
        "datetime":"2026-11-22T02:50:00Z","data_id":"sapa/1","content":{"encoding":"base64","value":"eyJhaXJfdGVtcGVyYXR1cmUiOjEyLjV9","size":24}},
        "links":[{"href":"https://example.org/1","rel":"canonical","length":24}]}"#;
    no_bytes_panic(
        "origin/a/wis2/vn-laocai/data/core/weather/surface-based-observations/synop",
        message.as_bytes(),
    );
}
