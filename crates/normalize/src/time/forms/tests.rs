use super::*;

fn at(text: &str) -> Stamp {
    Stamp::At(Time::parse(text).unwrap())
}

fn local(text: &str) -> Stamp {
    Stamp::Local(Time::parse(&format!("{text}Z")).unwrap())
}

#[test]
fn with_a_zone() {
    let wanted = at("2024-09-09T11:50:00Z");
    for text in [
        "2024-09-09T11:50:00Z",
        "2024-09-09T18:50:00+07:00",
        " 2024-09-09T18:50:00+0700 ",
        "2024-09-09T18:50:00+07",
        "2024-09-09 18:50:00 +07:00",
        "2024-09-09T18:50+07:00",
        "2024-09-09 11:50:00 UTC",
        "2024-09-09T11:50Z",
        "2024/09/09 18:50:00 GMT+7",
        "20240909T115000Z",
        "20240909T1850+07",
        "20240909185000+0700",
        "20240909T185000 +07:00",
        "09/09/2024 18:50 +07:00",
        "18:50:00 ICT 9/9/2024",
        "Mon, 09 Sep 2024 11:50:00 +0000",
        "Mon, 9 Sep 2024 18:50:00 +0700",
        "9 Sep 2024 11:50:00 GMT",
        "/Date(1725882600000)/",
        "/Date(1725882600000+0700)/",
        "/Date(1725882600000-0500)/",
        "\\/Date(1725882600000)\\/",
        "1725882600",
        "1725882600000",
        "1725882600000000",
        "1725882600000000000",
        "1725882600.0",
    ] {
        assert_eq!(stamp(text), Some(wanted), "{text}");
    }
    assert_eq!(stamp("1725882600.25"), Some(at("2024-09-09T11:50:00.25Z")));
    assert_eq!(
        stamp("2024-09-09T18:50:00,125+0700"),
        Some(at("2024-09-09T11:50:00.125Z"))
    );
    assert_eq!(stamp("/Date(-1000)/"), Some(at("1969-12-31T23:59:59Z")));
    assert_eq!(stamp("-1"), Some(at("1969-12-31T23:59:59Z")));
}

#[test]
fn without_a_zone() {
    let wanted = local("2024-09-09T18:50:00");
    for text in [
        "2024-09-09T18:50:00",
        "2024-09-09 18:50:00",
        "2024-09-09t18:50",
        "2024-9-9 18:50",
        "2024/09/09 18:50",
        "20240909185000",
        "202409091850",
        "20240909T185000",
        "09/09/2024 18:50",
        "09/09/2024 18:50:00",
        "9/9/2024 18:50",
        "09-09-2024 18:50:00",
        "09.09.2024 18:50",
        "18:50 09/09/2024",
        "18:50:00 - 09/09/2024",
        "18:50, 9/9/2024",
        "18h50 ngày 09/09/2024",
        "18h50' 9/9/2024",
        "09/09/2024 6:50 PM",
        "09/09/2024 6:50:00 CH",
        "09/09/2024 06:50PM",
        "Mon Sep 9 18:50:00 2024",
    ] {
        assert_eq!(stamp(text), Some(wanted), "{text}");
    }
    // The day stands first.
    assert_eq!(
        stamp("03/11/2026 07:00"),
        Some(local("2026-11-03T07:00:00"))
    );
    assert_eq!(stamp("7h 3/11/2026"), Some(local("2026-11-03T07:00:00")));
    assert_eq!(
        stamp("12:05 SA 3/11/2026"),
        Some(local("2026-11-03T00:05:00"))
    );
    assert_eq!(
        stamp("12:05 CH 3/11/2026"),
        Some(local("2026-11-03T12:05:00"))
    );
    assert_eq!(
        stamp("2024-09-09 18:50:00.5"),
        Some(local("2024-09-09T18:50:00.5"))
    );
    for text in ["2024-09-09", "20240909", "9/9/2024", "2024/9/9"] {
        assert_eq!(stamp(text), Some(local("2024-09-09T00:00:00")), "{text}");
    }
    assert_eq!(
        stamp("2024-09-09T24:00:00"),
        Some(local("2024-09-10T00:00:00"))
    );
    assert_eq!(stamp("2024-02-29"), Some(local("2024-02-29T00:00:00")));
}

#[test]
fn what_is_no_time() {
    let long = "1".repeat(65);
    for text in [
        "",
        " ",
        "now",
        "hôm nay",
        "12:00",
        "2024-13-01",
        "2023-02-29",
        "31/04/2024",
        "13/13/2024",
        "2024-09-09T25:00:00",
        "2024-09-09T24:00:01",
        "2024-09-09T18:60:00",
        "2024-09-09T18:50:61",
        "2024-09-09T18:50:00+25:00",
        "2024-09-09T18:50:00X",
        "9/9/24",
        "09/09/2024 13:00 PM",
        "09/09/2024 0:30 AM",
        "2024-09-09 2024-09-10",
        "18:50 18:51 9/9/2024",
        "Mon, 9 Sep 11:50:00",
        "9 Sep Sep 2024",
        "/Date()/",
        "/Date(x)/",
        "/Date(12",
        "/Date(1+7)/",
        "1.2.3",
        "1-2",
        "-",
        "2024-09-09T18:50:00.",
        "99999999999999999999",
        "NaN",
        "--1",
        "18:5 9/9/2024",
        &long,
    ] {
        assert_eq!(stamp(text), None, "{text}");
    }
}

#[test]
fn digits_are_a_date_where_they_can_be() {
    assert_eq!(stamp("20261122030406"), Some(local("2026-11-22T03:04:06")));
    // No such month: so milliseconds, of the year 2612.
    assert!(matches!(stamp("20269922030406"), Some(Stamp::At(_))));
    assert_eq!(stamp("0"), Some(Stamp::At(Time(0))));
}

#[test]
fn json_values() {
    let of = |text: &str| stamp_of(&serde_json::from_str(text).unwrap());
    assert_eq!(of("1725882600"), Some(at("2024-09-09T11:50:00Z")));
    assert_eq!(of("1725882600000"), Some(at("2024-09-09T11:50:00Z")));
    assert_eq!(of("1725882600.5"), Some(at("2024-09-09T11:50:00.5Z")));
    assert_eq!(of("18446744073709551615"), Some(Stamp::At(Time(i64::MAX))));
    assert_eq!(
        of("\"2024-09-09 18:50\""),
        Some(local("2024-09-09T18:50:00"))
    );
    for text in ["null", "true", "[]", "{}", "\"\""] {
        assert_eq!(of(text), None, "{text}");
    }
}

#[test]
fn intervals() {
    let hour = Some((at("2024-09-09T11:00:00Z"), at("2024-09-09T12:00:00Z")));
    for text in [
        "2024-09-09T11:00:00Z/2024-09-09T12:00:00Z",
        "2024-09-09T11:00:00.000Z / 2024-09-09T12:00:00.000Z",
        "2024-09-09T18:00:00+07:00/2024-09-09T19:00:00+0700",
        "2024-09-09T11:00:00Z/PT1H",
        "2024-09-09T11:00:00Z/PT60M",
        "PT3600S/2024-09-09T12:00:00Z",
    ] {
        assert_eq!(interval(text), hour, "{text}");
    }
    assert_eq!(
        interval("2018-08-07T10:40:00/2018-08-07T10:45:00"),
        Some((local("2018-08-07T10:40:00"), local("2018-08-07T10:45:00")))
    );
    assert_eq!(
        interval("2024-09-09/P1DT12H"),
        Some((local("2024-09-09T00:00:00"), local("2024-09-10T12:00:00")))
    );
    for text in [
        "",
        "/",
        "2024-09-09",
        "09/09/2024",
        "09/09/2024 18:50",
        "PT1H/PT1H",
        "2024-09-09T11:00:00Z/",
        "2024-09-09T12:00:00Z/2024-09-09T11:00:00Z",
        "2024-09-09T11:00:00Z/P1M",
        "a/b",
        "2024-09-09T11:00:00Z/P",
        "2024-09-09T11:00:00Z/PT-1H",
        "/Date(1725882600000)/",
    ] {
        assert_eq!(interval(text), None, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn every_form_says_the_same_instant(seconds in 0_i64..7_258_118_400, zone in -12_i64..=14) {
        let time = Time::from_seconds(seconds);
        let utc = time.to_string();
        let plain = utc.trim_end_matches('Z').to_owned();
        proptest::prop_assert_eq!(stamp(&plain), Some(Stamp::Local(time)));
        let (date, clock) = plain.split_once('T').unwrap();
        let mut parts = date.split('-');
        let (y, m, d) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let run: String = plain.chars().filter(char::is_ascii_digit).collect();
        for text in [format!("{d}/{m}/{y} {clock}"), format!("{clock} {d}-{m}-{y}"), run] {
            proptest::prop_assert_eq!(stamp(&text), Some(Stamp::Local(time)), "{}", text);
        }
        let sign = if zone < 0 { '-' } else { '+' };
        let text = format!("{date} {clock} {sign}{:02}", zone.abs());
        let wanted = Stamp::At(Time::from_seconds(seconds - zone * 3_600));
        proptest::prop_assert_eq!(stamp(&text), Some(wanted), "{}", text);
    }

    #[test]
    fn no_text_breaks_it(text: String, marks in "[0-9TZ:/ +.,hPDM()-]{0,40}") {
        let _ = (stamp(&text), interval(&text), stamp(&marks), interval(&marks));
    }
}
