use super::*;

fn personal() -> Personal {
    let keys = [
        "phone",
        "full_name",
        "cccd",
        "passport",
        "dob",
        "sdt",
        "email",
    ];
    Personal::new(keys.iter().map(|key| (*key).to_owned()).collect())
}

fn found(payload: &[u8]) -> Vec<String> {
    personal().scan(payload)
}

#[test]
fn a_key_with_a_value_is_found_in_whatever_form() {
    for payload in [
        r#"{"phone":"0912345678"}"#,
        r#"{"phone" : 912345678}"#,
        r#"{"a":{"b":[{"c":{"phone":"1"}}]}}"#,
        r#"{"ph\u006fne":"1"}"#,
        r#"{"\u0070\u0068\u006F\u006e\u0065":"1"}"#,
        // A document in a text of another, escaped once and twice.
        r#"{"data":"{\"phone\":\"1\"}"}"#,
        r#"{"data":"{\"in\":\"{\\\"phone\\\":\\\"1\\\"}\"}"}"#,
        r#"{"data":"{\"ph\\u006fne\":\"1\"}"}"#,
        // Documents that break off, before, in and behind it.
        r#"{"phone":"09"#,
        r#"{"phone":""#,
        r#"{"note":"abc, "phone": "0912"}"#,
        r#"te": "x", "phone": "09"#,
        r#"{"phone":null,"phone":"1"}"#,
        "{'phone': '1'}",
        "{\"phone\":\r\n\t\"1\"}",
        r#"{"phone":{"type":"Text","value":"1"}}"#,
        r#"{"phone":[null,"1"]}"#,
        "\u{feff}{\"phone\":1}",
        "<guest><phone>1</phone></guest>",
        "<g:phone xmlns:g='urn:x'>1</g:phone>",
        "<phone><![CDATA[1]]></phone>",
        "<phone>\n <number>1</number></phone>",
        "<guest phone=\"1\"/>",
        "<guest a='2' x:phone = '1'>",
        "<phone>09",
        "<parameter><valueName>phone</valueName>\n <value>1</value></parameter>",
        "phone=0912",
        "a=1&phone=0912&b=2",
        "probe,room=4 phone=0912",
        "phone: 0912",
        "phone;0912",
        "phone\t0912\r\n",
        "room,phone\r\n4,\r\n5,0912\r\n",
        "\u{feff}\"room\";\"phone\"\n4;0912",
    ] {
        assert_eq!(found(payload.as_bytes()), ["phone"], "{payload}");
    }
}

#[test]
fn what_says_nothing_about_anybody_is_no_hit() {
    for payload in [
        r#"{"phone":null}"#,
        r#"{"phone": null }"#,
        r#"{"phone":""}"#,
        r#"{"phone":[],"cccd":{},"dob":[null, null],"sdt":[""]}"#,
        r#"{"phone":{"type":"Text","value":null}}"#,
        r#"{"data":"{\"phone\":null}"}"#,
        r#"{"data":"{\"phone\":\"\"}"}"#,
        r#"{"phone":"#,
        r#"{"phone":}"#,
        "{'phone': ''}",
        // Other keys: parts of one, another case, texts that are one.
        r#"{"name":"Sa Pa","phones":1,"telephon":2,"Phone":3,"my_phone":"4","phone_model":"5"}"#,
        r#"{"kind":"phone","label":"email","x":1}"#,
        r#"["phone","email"]"#,
        r#"{"reading":123456789,"serial":"001090012345","time":912345678901}"#,
        r#"{"text":"gọi phone: 1900 hoặc email: x"}"#,
        r#"{"href":"https://example.vn/?phone=1"}"#,
        "<phone/>",
        "<phone></phone>",
        "<phone>\n</phone>",
        "<phone /><x>1</x>",
        "<guest phone=\"\" a='1'/>",
        "<info>\nphone: 1900\n</info>",
        "<valueName>phone</valueName><value></value>",
        "<valueName>phone</valueName>",
        "phone=",
        "phone: ",
        "phone=&a=1",
        "room,phone\r\n4,\r\n5,\r\n",
        "room,phone",
        "",
        "\"",
        "phone",
    ] {
        assert!(found(payload.as_bytes()).is_empty(), "{payload}");
    }
}

#[test]
fn binary_payloads_and_other_widths() {
    // CBOR: {"phone": "1"}, {"phone": null}, {"full_name": 1} behind bytes that are no text.
    assert_eq!(found(b"\xa1\x65phone\x611"), ["phone"]);
    assert!(found(b"\xa1\x65phone\xf6").is_empty());
    assert!(found(b"\xa1\x65phone\x60").is_empty());
    assert_eq!(found(b"\xff\x00\xbf\x69full_name\x01"), ["full_name"]);
    // It breaks off.
    assert_eq!(found(b"\xa1\x65phone\x6a09"), ["phone"]);
    assert!(found(b"\xa1\x65phone").is_empty());
    let wide: Vec<u8> = r#"{"phone":"1"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(found(&wide), ["phone"]);
    // The name of a metric: only where the message is refused anyhow.
    let metric = b"\x12\x0c\x0a\x05phone\x20\x0c\x7a\x011";
    assert!(found(metric).is_empty());
    assert_eq!(personal().scan_refused(metric), ["phone"]);
}

#[test]
fn every_key_is_told_once_and_sorted() {
    let payload = br#"{"phone":1,"cccd":"2","phone":3,"g":{"dob":"x"}}"#;
    assert_eq!(found(payload), ["cccd", "dob", "phone"]);
    assert!(Personal::default().scan(payload).is_empty());
}

#[test]
fn the_worst_payloads_are_cheap_to_look_through() {
    let megabyte = |part: &str| part.repeat((1 << 20) / part.len());
    let began = std::time::Instant::now();
    for part in [
        "\"",
        "'\"",
        "\\\"",
        "<",
        "<a ",
        "=",
        "<a=",
        "\"a\":[",
        "\"sdt\":[null],",
        "\\u0061",
        "\"sdt\":{\"value\":null},",
        "e\0",
        "\n:",
        "a,",
        "<sdt>",
        "<sdt></sdt>",
    ] {
        found(megabyte(part).as_bytes());
    }
    let took = began.elapsed();
    // Sixteen of them in a debug build: what grows with the square of the length takes minutes.
    assert!(took < std::time::Duration::from_secs(30), "{took:?}");
}

#[test]
fn numbers_of_persons_in_texts() {
    for text in [
        "gọi 0912345678",
        "gọi 0912 345 678 ngay",
        "0912.345.678",
        "091-234-5678",
        "+84 912 345 678",
        "84912345678",
        "CCCD 001090012345",
        "số 001 090 012 345",
        "123456789",
    ] {
        assert!(is_number_of_a_person(text), "{text}");
    }
    for text in [
        "lúc 01-11-2026 03:04",
        "05.11.2026 03.04.05",
        "2026-11-22 03:04:06",
        "1.250.000.000 đồng",
        "250.000.000.000",
        "QL4D km 12 345",
        "22.3354 103.8420",
        "gọi 114, 1900 1234",
        "",
    ] {
        assert!(!is_number_of_a_person(text), "{text}");
    }
}
