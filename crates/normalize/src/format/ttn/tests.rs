use super::*;
use crate::format::lorawan::tests::{shake, wire};

#[test]
fn shaken_payloads_never_panic() {
    let good = br#"{"end_device_ids":{"device_id":"lv-07","dev_eui":"A84041B931837A0B"},"received_at":"2026-11-22T03:04:05Z","simulated":true,"uplink_message":{"f_cnt":7,"f_port":2,"frm_payload":"DUoG2AAA+wE=","decoded_payload":{"Distance":"1752 mm","a":[1,{"b":null}]},"rx_metadata":[{"rssi":-36,"snr":10.5}],"locations":{"user":{"latitude":22.1}},"received_at":"2026-11-22T03:04:05Z"},"join_accept":{},"location_solved":{"location":{"latitude":1}},"uplink_normalized":{"normalized_payload":{"air":{"temperature":1}}}}"#;
    for event in [
        "up",
        "join",
        "location/solved",
        "service/data",
        "up/normalized",
        "down/ack",
    ] {
        let topic = format!("v3/lao-cai@ttn/devices/lv-07/{event}");
        shake(good, |bytes| {
            let mut out = Records::new(100, 64);
            // Only that it comes back matters.
            let _ = decode(&wire(&topic, bytes), &Plan::default(), &mut out);
        });
    }
}
