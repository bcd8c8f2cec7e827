//! Trying a payload out without a topic: it is read as its own source would have sent it.

use normalize::{Catalogue, Normalized, try_out};

use crate::support;

/// What becomes of a payload: `device kind measure=value,...`, or the code of its refusal.
fn tried(profile: &str, payload: &[u8]) -> Vec<String> {
    let catalogue = Catalogue::load(&support::pack()).expect("a sound pack");
    let received = support::time("2026-11-22T03:04:06Z");
    let list = try_out(catalogue, profile, None, received, "", payload).expect("a known profile");
    list.iter()
        .map(|one| match one {
            Normalized::Event(event) => {
                let json = serde_json::to_value(event.json()).expect("JSON");
                let values = json["values"].as_object().expect("values");
                let values: Vec<String> = values
                    .iter()
                    .map(|(measure, said)| format!("{measure}={}", said["value"]))
                    .collect();
                let kind = json["kind"].as_str().expect("a kind");
                format!("{} {kind} {}", event.device, values.join(","))
            }
            Normalized::Reject(reject) => format!("{:?}", reject.code),
            Normalized::Duplicate => "duplicate".to_owned(),
            Normalized::State => "state".to_owned(),
        })
        .collect()
}

const CHIRPSTACK: &str = r#"{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2026-11-22T03:04:05.775023242+00:00",
    "deviceInfo":{"devEui":"0101010101010101"},"devAddr":"00189440","dr":1,"fPort":85,"#;

#[test]
fn envelopes_of_lorawan_servers_name_their_device() {
    let raw = format!(r#"{CHIRPSTACK}"data":"AXVkA2f5AARoaA=="}}"#);
    assert_eq!(
        tried("milesight-wts506", raw.as_bytes()),
        ["0101010101010101 reading battery_pct=100.0,hum=52.0,temp=24.9"]
    );
    // Also where the profile is of no LoRaWAN format.
    let object = format!(r#"{CHIRPSTACK}"object":{{"soil":{{"moisture":"31.5"}}}}}}"#);
    assert_eq!(
        tried("lorawan-slope", object.as_bytes()),
        ["0101010101010101 reading soil_moisture=31.5"]
    );
    let status = r#"{"deviceInfo":{"devEui":"0101010101010101"},"margin":10,"batteryLevel":95.5}"#;
    assert_eq!(
        tried("milesight-wts506", status.as_bytes()),
        ["0101010101010101 state battery_pct=95.5,link_margin=10.0"]
    );
    let stack = r#"{"end_device_ids":{"device_id":"dev1","dev_eui":"0004A30B001C0530"},"received_at":"2026-11-22T03:04:05Z",
        "uplink_message":{"decoded_payload":{"temperature":1.0},"received_at":"2026-11-22T03:04:05Z"}}"#;
    assert_eq!(
        tried("dragino-aqs01", stack.as_bytes()),
        ["0004a30b001c0530 reading temp=1.0"]
    );
}

#[test]
fn topics_that_say_a_part_of_the_message_are_guessed_from_the_rest() {
    // NBIRTH: bdSeq 0, Supply/Voltage 230.5, sequence 0.
    let birth = b"\x08\x80\x84\xaf\xa7\xa0\x34\x12\x0b\x0a\x05bdSeq\x20\x08\x58\x00\x12\x17\x0a\x0eSupply/Voltage\x20\x09\x65\x00\x80\x66\x43\x18\x00";
    assert_eq!(
        tried("sparkplug-node", birth),
        [
            "trial-trial reading voltage=230.5",
            "trial-trial state online=true"
        ]
    );
    let death = b"\x12\x0b\x0a\x05bdSeq\x20\x08\x58\x00";
    assert_eq!(
        tried("sparkplug-node", death),
        ["trial-trial state online=false"]
    );
    assert_eq!(
        tried("tasmota-meter", b"Offline"),
        ["trial state online=false"]
    );
    assert_eq!(tried("shelly-em", b"true"), ["trial state online=true"]);
}

#[test]
fn fields_that_a_gateway_decoded_are_read_as_such() {
    let decoded = br#"{"battery":100,"temperature":24.9,"humidity":"52"}"#;
    assert_eq!(
        tried("milesight-wts506", decoded),
        ["trial reading battery_pct=100.0,hum=52.0,temp=24.9"]
    );
    assert_eq!(
        tried("milesight-wts506", b"{\"battery\":100"),
        ["PayloadMalformed"]
    );
}
