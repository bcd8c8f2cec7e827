use super::*;

fn one(line: &str) -> Result<Option<Message<'_>>, String> {
    parse(line.as_bytes())
}

fn payload(line: &str) -> Vec<u8> {
    one(line).unwrap().unwrap().payload.into_owned()
}

fn written(payload: &str, more: &str) -> String {
    format!(r#"{{"received":"2024-09-09T00:00:00+07:00","topic":"t","payload":{payload}{more}}}"#)
}

#[test]
fn a_payload_is_text_base64_or_json() {
    assert_eq!(
        payload(&written(r#""{\"level\":1}""#, "")),
        br#"{"level":1}"#
    );
    assert_eq!(
        payload(&written(r#""3q2+7wAB""#, "")),
        b"\xde\xad\xbe\xef\x00\x01"
    );
    assert_eq!(payload(&written(r#""eyJhIjoxfQ==""#, "")), br#"{"a":1}"#);
    assert_eq!(
        payload(&written(r#""eyJhIjoxfQ==""#, r#","encoding":"utf8""#)),
        b"eyJhIjoxfQ=="
    );
    assert_eq!(
        payload(&written(r#""AQI=""#, r#","encoding":"base64""#)),
        [1, 2]
    );
    // What could be something else stays as it is: short, a number, hexadecimal digits, a word.
    for text in ["AQI=", "20240909", "0a1b2c3d", "offlines", "12.5"] {
        assert_eq!(payload(&written(&format!("{text:?}"), "")), text.as_bytes());
    }
    assert_eq!(payload(&written(r#"{"level": 1}"#, "")), br#"{"level":1}"#);
    assert_eq!(payload(&written("12.5", "")), b"12.5");
    let both = r#"{"received":"2024-09-09T00:00:00Z","topic":"t","payload_base64":"AQI="}"#;
    assert_eq!(payload(both), [1, 2]);
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    for (line, said) in [
        ("nonsense", "not a JSON object"),
        ("[1]", "not a JSON object"),
        (r#"{"topic":"t","payload":"x"}"#, "`received` is missing"),
        (
            r#"{"received":"yesterday","topic":"t","payload":"x"}"#,
            "no instant",
        ),
        (
            r#"{"received":"2024-09-09T00:00:00Z","payload":"x"}"#,
            "`topic` is missing",
        ),
        (
            r#"{"received":"2024-09-09T00:00:00Z","topic":"t"}"#,
            "`payload` is missing",
        ),
        (
            &written(r#""x""#, r#","encoding":"rot13""#),
            "neither utf8 nor base64",
        ),
        (&written(r#""!""#, r#","encoding":"base64""#), "not base64"),
    ] {
        let error = one(line).unwrap_err();
        assert!(error.contains(said), "{line}: {error}");
    }
    assert_eq!(one(" \t"), Ok(None));
    assert_eq!(
        one(r#"{"kind":"clock","wall_time":"2024-09-09T00:00:00Z"}"#),
        Ok(None)
    );
}

#[test]
fn a_file_out_of_order_is_sorted_and_bad_lines_are_told_once() {
    let path = std::env::temp_dir().join(format!("ioc-traffic-{}.jsonl", std::process::id()));
    let line = |second: u32| {
        format!(
            r#"{{"received":"2024-09-09T00:00:{second:02}Z","topic":"{second}","payload":"x"}}"#
        )
    };
    let text = format!(
        "{}\nbroken\n{}\n\n{}\n{}\n",
        line(5),
        line(9),
        line(2),
        line(9)
    );
    std::fs::write(&path, text).unwrap();
    let mut seen = Vec::new();
    let end = read(&path, &mut |message| {
        seen.push(message.topic.to_string());
        Ok(true)
    });
    assert!(matches!(end.unwrap(), End::Disorder));
    seen.clear();
    let lines = read_sorted(&path, &mut |message| {
        seen.push(message.topic.to_string());
        Ok(true)
    })
    .unwrap();
    assert_eq!(seen, ["2", "5", "9", "9"]);
    assert_eq!(
        (lines.lines, lines.messages, lines.others, lines.bad),
        (6, 4, 1, 1)
    );
    assert_eq!(lines.mistakes[0].line, 2);
    assert!(lines.sorted);
    std::fs::remove_file(&path).unwrap();
}
