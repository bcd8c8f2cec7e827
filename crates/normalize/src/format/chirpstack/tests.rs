use super::*;
use crate::format::lorawan::tests::{shake, wire};

#[test]
fn shaken_payloads_never_panic() {
    let good = br#"{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2026-11-22T03:04:05.775023242+00:00","deviceInfo":{"devEui":"24e124454e110001"},"fCnt":7,"fPort":85,"data":"AXVkA2f/AARoeQ==","object":{"temperature":20.5,"history":[{"timestamp":1795312800,"temperature":1}]},"rxInfo":[{"rssi":-36,"snr":10.5}],"location":{"latitude":22.3},"batteryLevel":3}"#;
    for event in ["up", "join", "status", "location", "integration", "log"] {
        let topic = format!("application/1/device/24e124454e110001/event/{event}");
        shake(good, |bytes| {
            let mut out = Records::new(100, 64);
            // Only that it comes back matters.
            let _ = decode(&wire(&topic, bytes), &Plan::default(), &mut out);
        });
    }
}

#[test]
fn best_gateway() {
    let gateways = serde_json::json!([{"rssi": -97}, {"rssi": -36, "snr": 10.5}, 7, {"snr": 1}]);
    // The last leaves its rssi out: 0.
    let best = radio(Some(&gateways)).expect("some gateway");
    assert_eq!((best.rssi, best.snr), (0.0, Some(1.0)));
    assert!(radio(Some(&serde_json::json!([]))).is_none());
}
