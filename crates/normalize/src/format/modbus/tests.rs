use super::*;
use crate::format::mangle;

fn plan(options: &str) -> Result<Plan, String> {
    let table: toml::Table = options.parse().unwrap();
    Plan::new(&Options::new(&table, &event::PackFiles::default()))
}

#[test]
fn options_are_checked() {
    assert!(plan("").is_ok());
    assert!(
        plan("encoding = \"rtu\"\npolls = [\"3/100/6\"]\nunit = 17\nword_order = \"dcba\"").is_ok()
    );
    for wrong in [
        "encoding = \"ascii\"",
        "encoding = \"rtu\"",
        "polls = [\"3/100/6\"]",
        "text = \"hex\"",
        "word_order = \"acbd\"",
        "unit = 0",
        "unit = 248",
    ] {
        assert!(plan(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn hexadecimal() {
    assert_eq!(hex("0x01 02:ff-A0").as_deref(), Some(&[1, 2, 255, 160][..]));
    assert_eq!(hex("").as_deref(), Some(&[][..]));
    for wrong in ["1", "0g", "0 1", "123", "é0"] {
        assert_eq!(hex(wrong), None, "{wrong}");
    }
}

#[test]
fn damaged_payloads() {
    let json = br#"{"ts":1795316400,"blocks":[{"fc":4,"start":0,"registers":[17254,0,17255,0]},{"fc":4,"start":"0x0034","hex":"44822000"},{"fc":4,"start":62,"exception":2}]}"#;
    mangle::survives("ioc/lao-cai/energy/mb-sdm630-9/up", json);
    let mut frame = vec![17, 3, 12, 8, 253, 0, 152, 1, 89, 0, 0, 0xD6, 0x87, 0, 0x12];
    frame.extend(super::super::obis::crc16_reflected(&frame, 0xFFFF).to_le_bytes());
    mangle::survives("ioc/lao-cai/energy/mb-rtu-9/up", &frame);
    mangle::survives(
        "ioc/lao-cai/energy/mb-tcp-9/up",
        b"00010000000f01030c08fd009801590000d6870012",
    );
}

#[test]
fn every_register_map_of_the_pack_is_sound() {
    let catalogue = mangle::catalogue();
    let mut maps = 0;
    for profile in &catalogue.profiles {
        if profile.format == crate::format::Format::Modbus {
            maps += 1;
            assert!(Map::of(profile, Order::Abcd).is_ok(), "{}", profile.name);
        }
    }
    assert!(maps >= 3);
}

#[test]
fn longer_messages_than_devices_send_are_refused() {
    let mut normalizer = crate::Normalizer::new(mangle::catalogue());
    let mut reject = |topic: &str, bytes: usize| {
        let payload = "1".repeat(bytes);
        match mangle::apply(&mut normalizer, 0, topic, payload.as_bytes()).first() {
            Some(crate::Normalized::Reject(reject)) => reject.code,
            other => panic!("{other:?}"),
        }
    };
    for topic in [
        "tele/tasmota-3p-1/SENSOR",
        "shellypro3em-1/events/rpc",
        "ioc/lao-cai/energy/mb-sdm630-1/up",
        "ioc/lao-cai/energy/mb-rtu-1/up",
        "ioc/lao-cai/energy/om-1/up",
    ] {
        assert_ne!(
            reject(topic, PAYLOAD_BYTES_MAX),
            RejectCode::PayloadTooLarge,
            "{topic}"
        );
        assert_eq!(
            reject(topic, PAYLOAD_BYTES_MAX + 1),
            RejectCode::PayloadTooLarge,
            "{topic}"
        );
    }
}
