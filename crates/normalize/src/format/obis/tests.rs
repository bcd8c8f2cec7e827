use super::*;
use crate::format::mangle;

#[test]
fn check_word_of_the_specification() {
    // The usual check word of CRC-16/ARC.
    assert_eq!(crc16_reflected(b"123456789", 0), 0xBB3D);
}

#[test]
fn clocks() {
    let local = |text: &str| Some(Stamp::Local(crate::time::from_text(text).unwrap()));
    let at = |text: &str| Some(Stamp::At(crate::time::from_text(text).unwrap()));
    assert_eq!(read_clock("210204163628W"), local("2021-02-04T16:36:28Z"));
    assert_eq!(read_clock("210704163628S"), local("2021-07-04T15:36:28Z"));
    assert_eq!(read_clock("20210204163628"), local("2021-02-04T16:36:28Z"));
    // 60 minutes east of Greenwich.
    assert_eq!(
        read_clock("07E5020404102400FFFFC400"),
        at("2021-02-04T15:36:00Z")
    );
    for wrong in [
        "",
        "W",
        "210204",
        "211304163628W",
        "210204166028W",
        "ffffffffffffffffffffffff",
        "07E50204041024000080FF",
        "é",
    ] {
        assert_eq!(read_clock(wrong), None, "{wrong}");
    }
}

#[test]
fn damaged_payloads() {
    let topic = "ioc/lao-cai/energy/om-9/up";
    let json = br#"[{"obis":"1-0:1.8.0","value":"000123.4*kWh","ts":1795316400},{"obis":"1.7.0","v":5,"u":"W","scaler":-1},{"obis":"0-0:96.1.0","value":"20123456"}]"#;
    mangle::survives(topic, json);
    let text = "/ISk5\\2MT382-1000\r\n\r\n0-0:1.0.0(261122100000W)\r\n0-0:96.1.1(4B384547303034303436333935353037)\r\n1-0:1.8.0(004179.186*kWh)\r\n0-1:24.2.1(261122090000W)(12785.123*m3)\r\n!";
    mangle::survives(topic, format!("{text}\r\n").as_bytes());
    let crc = crc16_reflected(text.as_bytes(), 0);
    mangle::survives(topic, format!("{text}{crc:04X}\r\n").as_bytes());
}
