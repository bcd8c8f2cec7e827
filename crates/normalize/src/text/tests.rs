use super::*;

#[test]
fn encodings_by_their_marks() {
    let wide = |text: &str, unit: fn(u16) -> [u8; 2]| {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(unit).collect::<Vec<u8>>()
    };
    assert_eq!(decode("Sa Pả 1".as_bytes()).unwrap(), "Sa Pả 1");
    assert_eq!(decode("\u{feff}Sa Pả 1".as_bytes()).unwrap(), "Sa Pả 1");
    assert_eq!(
        decode(&wide("Sa Pả 1", u16::to_le_bytes)).unwrap(),
        "Sa Pả 1"
    );
    assert_eq!(
        decode(&wide("Sa Pả 1", u16::to_be_bytes)).unwrap(),
        "Sa Pả 1"
    );
    let code = |payload: &[u8]| decode(payload).unwrap_err().code;
    assert_eq!(code(b"\xff\xfeA"), RejectCode::PayloadNotUtf8);
    assert_eq!(code(b"\xff\xfe\x00\xd8"), RejectCode::PayloadNotUtf8);
    assert_eq!(code(b"\xff\xfe \x00"), RejectCode::PayloadEmpty);
    assert_eq!(code(b"L\xe0o Cai"), RejectCode::PayloadNotUtf8);
    assert_eq!(code(b"  \r\n"), RejectCode::PayloadEmpty);
}

/// What a program makes of the text that takes its UTF-8 for Windows-1252.
fn misread(text: &str) -> String {
    let letter = |byte: u8| {
        (0x80..=0xFFFF_u32)
            .filter_map(char::from_u32)
            .find(|letter| u32::from(*letter) > 0xFF && byte_of(*letter) == Some(byte))
            .unwrap_or(char::from(byte))
    };
    text.bytes().map(letter).collect()
}

#[test]
fn misread_text_is_mended_and_flagged() {
    for text in [
        "Lào Cai",
        "Nguy cơ cao",
        "Rất cao",
        "Xã Tả Phìn, Thị xã Sa Pa",
        "MƯỜNG KHƯƠNG",
        "Ô Quy Hồ – 12 °C, 5 µg/m³",
    ] {
        let broken = misread(text);
        assert_ne!(broken, text);
        let cleaned = clean(&broken);
        assert_eq!((&*cleaned.text, cleaned.damaged), (text, true), "{broken}");
        let twice = misread(&broken);
        assert_eq!(clean(&twice).text, text, "{twice}");
        // As plain Latin-1, where 0x80 to 0x9f are control characters.
        let latin: String = text.bytes().map(char::from).collect();
        assert_eq!(clean(&latin).text, text);
    }
    assert_eq!(clean("áº¡").text, "ạ");
    // A part of it only.
    assert_eq!(clean("Xã LÃ\u{a0}o Cai").text, "Xã Lào Cai");
    // Its blank that does not break made a plain one: certain only beside other damage.
    assert_eq!(clean("Tá»‰nh LÃ o Cai").text, "Tỉnh Lào Cai");
    assert_eq!(clean("ĐÃ có").text, "ĐÃ có");
}

#[test]
fn sound_text_is_left_alone() {
    for text in [
        "",
        "Lào Cai",
        "“NGÔ NGÃ”",
        "Nhà «Bá»",
        "ÂM ĐỘ ẨM: 80 %",
        "Tỉnh Lào Cai – Âu Lâu, Ã Ã",
        "ÃO ÁO ÂN ĐÃ",
        "plain & simple; a<b",
        "R&D;",
        "AT&amp",
    ] {
        let cleaned = clean(text);
        assert_eq!((&*cleaned.text, cleaned.damaged), (text, false), "{text}");
    }
    assert!(clean("L\u{fffd}o Cai").damaged);
}

#[test]
fn line_ends_references_and_accents() {
    assert_eq!(clean("Nguy cơ cao&#x0D;").text, "Nguy cơ cao");
    assert_eq!(clean("một&#13;&#10;hai").text, "một\n\nhai");
    assert_eq!(clean(" a\r\nb\rc \r\n").text, "a\nb\nc");
    assert_eq!(
        clean("A &amp; B &lt;1&gt; &quot;x&quot; &#225; &#xE1;").text,
        "A & B <1> \"x\" á á"
    );
    assert_eq!(
        clean("&#0;&#x110000;&bogus;&").text,
        "&#0;&#x110000;&bogus;&"
    );
    let apart = "La\u{300}o Cai";
    let cleaned = clean(apart);
    assert_eq!((&*cleaned.text, cleaned.damaged), ("Lào Cai", false));
}

#[test]
fn numbers_with_a_decimal_comma() {
    for (text, wanted) in [
        ("80,55", 80.55),
        ("1.168", 1168.0),
        ("1.234,5", 1234.5),
        ("1.234.567,25", 1_234_567.25),
        (" 12 ", 12.0),
        ("-0,5", -0.5),
        ("\u{2212}3,25", -3.25),
        ("+7", 7.0),
        ("80.55", 80.55),
        ("0.168", 0.168),
        ("1234.567", 1234.567),
        ("1 234,5", 1234.5),
        ("1\u{a0}234", 1234.0),
        (",5", 0.5),
        ("12,", 12.0),
        ("1,5e3", 1500.0),
    ] {
        assert_eq!(number(text, true), Some(wanted), "{text}");
    }
    for text in [
        "1,2,3",
        "1.23.456",
        "1,234.5",
        "12.3456.789",
        "1.234,5,6",
        "1.2345,6",
    ] {
        assert_eq!(number(text, true), None, "{text}");
    }
}

#[test]
fn numbers_with_a_decimal_point() {
    for (text, wanted) in [
        ("80.55", 80.55),
        ("1.168", 1.168),
        ("1,234.5", 1234.5),
        ("1,234,567", 1_234_567.0),
        ("\t12\r\n", 12.0),
        ("-1e-3", -0.001),
        ("6.02E+2", 602.0),
        (".5", 0.5),
        ("007", 7.0),
    ] {
        assert_eq!(number(text, false), Some(wanted), "{text}");
    }
    for text in ["80,55", "1,168", "1.234.567", "1,23.4"] {
        assert_eq!(number(text, false), None, "{text}");
    }
}

#[test]
fn what_is_no_number_in_any_case() {
    let long = "1".repeat(65);
    for text in [
        "",
        " ",
        ".",
        ",",
        "-",
        "+-1",
        "--1",
        "NaN",
        "nan",
        "inf",
        "-Infinity",
        "0x1F",
        "1e",
        "e5",
        "1e5.0",
        "12 mm",
        "12%",
        "1_000",
        "१२",
        "1e999",
        "--",
        "1 2",
        "true",
        &long,
    ] {
        for comma in [false, true] {
            assert_eq!(number(text, comma), None, "{text}");
        }
    }
}

proptest::proptest! {
    /// A number written by the rules of the language comes back, with and without thousands.
    #[test]
    fn numbers_come_back(thousandths in -1_000_000_000_000_i64..1_000_000_000_000) {
        let (sign, size) = (if thousandths < 0 { "-" } else { "" }, thousandths.unsigned_abs());
        let (whole, part) = ((size / 1_000).to_string(), size % 1_000);
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at) % 3 == 0 {
                grouped.push('.');
            }
            grouped.push(digit);
        }
        let wanted = format!("{sign}{whole}.{part:03}").parse().ok();
        proptest::prop_assert_eq!(number(&format!("{sign}{grouped},{part:03}"), true), wanted);
        proptest::prop_assert_eq!(number(&format!("{sign}{whole},{part:03}"), true), wanted);
        proptest::prop_assert_eq!(number(&format!("{sign}{whole}.{part:03}"), false), wanted);
    }

    #[test]
    fn no_text_breaks_it(text: String, comma: bool) {
        let _ = number(&text, comma);
        let once = clean(&text);
        proptest::prop_assert!(once.text.len() <= 4 * text.len() + 4);
    }
}
