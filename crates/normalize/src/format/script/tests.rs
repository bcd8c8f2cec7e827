use std::time::{Duration, Instant};

use super::*;
use crate::format::mangle;

/// Of a build without optimisation on a busy machine; optimised, the worst of them takes 10 ms.
const TIME_MAX: Duration = Duration::from_millis(1_000);

fn with(input: Input, script: &str, payload: Dynamic) -> Result<Dynamic, Fault> {
    let nothing = toml::Table::new();
    let files = event::PackFiles::default();
    let limits = Limits::of(&Options::new(&nothing, &files)).unwrap();
    let plan = Plan::of("t.rhai", script, input, limits)
        .unwrap_or_else(|error| panic!("{script}: {error}"));
    run(&plan, payload, "topic", "device")
}

fn body(body: &str) -> Result<Dynamic, Fault> {
    let script = format!("fn decode(payload, topic, device) {{ {body} }}");
    with(Input::Text, &script, Dynamic::from("text".to_owned()))
}

#[test]
fn hostile_scripts_end_at_their_bounds() {
    let deep = "fn decode(p, t, d) { f(0) } fn f(n) { f(n + 1) }".to_owned();
    let mutual = "fn decode(p, t, d) { a(0) } fn a(n) { b(n) } fn b(n) { a(n) }".to_owned();
    let one = |body: &str| format!("fn decode(payload, topic, device) {{ {body} }}");
    let scripts = [
        one("loop { }"),
        one("let i = 0; while true { i += 1; }"),
        one("for i in 0..9000000000000 { }"),
        one("let s = \"x\"; loop { s += s; }"),
        one("let s = \"x\"; loop { s = s + s + \"y\"; }"),
        one("let a = []; loop { a.push(1); }"),
        one("let a = [1]; loop { a += a; }"),
        one("let a = []; loop { a = [a]; }"),
        one("let m = #{}; let i = 0; loop { m[\"k\" + i] = i; i += 1; }"),
        one("let m = #{}; loop { m = #{ a: m, b: m }; }"),
        one("let a = []; for i in 0..1000 { a.push(i); } loop { let b = a; }"),
        one("let a = []; for i in 0..1000 { a.push(i); } let n = 0; loop { n += a.len; }"),
        one("let s = \"xxxxxxxxxxxxxxxx\"; for i in 0..11 { s += s; } loop { s.find(\"yyyy\"); }"),
        one("let s = \"xxxxxxxxxxxxxxxx\"; for i in 0..11 { s += s; } loop { let u = s.upper(); }"),
        one("let s = \"x,x,x,x,x,x,x,x,\"; for i in 0..11 { s += s; } loop { s.split(\",\"); }"),
        one(
            "let s = \"xxxxxxxxxxxxxxxx\"; for i in 0..11 { s += s; } let t = s + \"a\"; let n = 0; loop { if s == t { n += 1; } }",
        ),
        one(
            "let b = bytes(\"xxxxxxxx\"); let s = \"xxxxxxxxxxxxxxxx\"; for i in 0..11 { s += s; } let b = bytes(s); loop { b.crc16(0, 1); }",
        ),
        one(
            "let s = \"xxxxxxxxxxxxxxxx\"; for i in 0..11 { s += s; } let b = bytes(s); loop { b.hex; }",
        ),
        deep,
        mutual,
    ];
    for script in scripts {
        let begun = Instant::now();
        let fault =
            with(Input::Text, &script, Dynamic::from("text".to_owned())).expect_err(&script);
        let taken = begun.elapsed();
        assert_eq!(
            fault.code,
            RejectCode::DecoderLimit,
            "{script}: {}",
            fault.reason
        );
        assert!(taken < TIME_MAX, "{script}: {taken:?}");
    }
}

#[test]
fn failures_have_their_line() {
    for (script, words) in [
        (
            "fn decode(p, t, d) {\n  let a = 9223372036854775807;\n  a + 1\n}",
            "t.rhai:3",
        ),
        ("fn decode(p, t, d) {\n  1 / 0\n}", "t.rhai:2"),
        ("fn decode(p, t, d) {\n\n  p.nothing()\n}", "t.rhai:3"),
        (
            "fn decode(p, t, d) {\n\n  throw \"not mine\"\n}",
            "not mine",
        ),
        (
            "fn decode(p, t, d) { f(p) }\nfn f(p) {\n  [1][2]\n}",
            "t.rhai:3",
        ),
        (
            "fn decode(p, t, d) {\n  bytes(p).u32be(2)\n}",
            "the payload has 4",
        ),
        (
            "fn decode(p, t, d) { try { throw 1 } catch (e) { throw \"again\" } }",
            "again",
        ),
    ] {
        let fault = with(Input::Text, script, Dynamic::from("text".to_owned())).expect_err(script);
        assert_eq!(fault.code, RejectCode::DecoderFailed, "{script}");
        assert!(fault.reason.contains(words), "{script}: {}", fault.reason);
    }
    // No script can catch its own bound.
    let fault = body("loop { try { loop { } } catch { } }").unwrap_err();
    assert_eq!(fault.code, RejectCode::DecoderLimit);
    let fault = body("let a = []; for i in 0..1000 { a.push(i); } loop { try { loop { let b = a; } } catch { } }").unwrap_err();
    assert_eq!(fault.code, RejectCode::DecoderLimit);
}

#[test]
fn mistakes_are_found_when_the_pack_is_loaded() {
    let limits = Limits::of(&Options::new(
        &toml::Table::new(),
        &event::PackFiles::default(),
    ))
    .unwrap();
    for (script, words) in [
        ("fn decode(p, t, d) {\n  let = 1;\n}", "t.rhai:2"),
        ("fn decode(p) { }", "there is no function"),
        ("fn other(p, t, d) { }", "there is no function"),
        ("fn decode(p, t, d) { eval(\"1\") }", "t.rhai:1"),
        ("import \"x\" as y; fn decode(p, t, d) { }", "t.rhai:1"),
        ("fn decode(p, t, d) { print(\"x\") }", "t.rhai:1"),
        ("fn decode(p, t, d) { let f = Fn(\"g\"); }", "t.rhai:1"),
        ("fn decode(p, t, d) { let f = |x| x; }", "t.rhai:1"),
        ("fn decode(p, t, d) { unknown_name }", "t.rhai:1"),
    ] {
        let error = Plan::of("t.rhai", script, Input::Bytes, limits).expect_err(script);
        assert!(error.contains(words), "{script}: {error}");
    }
    for wrong in [
        "operations = 0",
        "operations = 500001",
        "call_depth = 33",
        "array_items = 0",
        "script = 1",
        "script = \"none\"",
    ] {
        let table: toml::Table = format!("{wrong}\n").parse().unwrap();
        assert!(
            Plan::new(&Options::new(&table, &event::PackFiles::default())).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn there_is_no_clock_no_chance_and_no_way_out() {
    for word in [
        "timestamp()",
        "rand()",
        "sleep(1)",
        "random()",
        "now()",
        "exit(1)",
        "parse_json(\"1\")",
        "load(\"x\")",
    ] {
        let fault = body(word).expect_err(word);
        assert_eq!(
            fault.code,
            RejectCode::DecoderFailed,
            "{word}: {}",
            fault.reason
        );
    }
}

#[test]
fn what_a_script_may_return() {
    let records = |text: &str| {
        let returned = body(text).unwrap_or_else(|fault| panic!("{text}: {}", fault.reason));
        result::records(returned, true)
    };
    assert_eq!(records("()").unwrap().len(), 0);
    assert_eq!(records("[]").unwrap().len(), 0);
    let full = records(
        "#{ fields: #{ a: 1, b: 2.5, c: true, d: \"x\", e: (), f: #{ value: 3, unit: \"mm\", quality: \"saturated\" } }, ts: 60, ts_until: \"1970-01-01T00:02:00Z\", seq: 7, lat: 22.3, lon: 103.8, status: \"test\", history: true, state: true, device: \"x-1\" }",
    )
    .unwrap();
    assert_eq!(
        result::line(&full[0]),
        "device=x-1 ts=1970-01-01T00:01:00Z seq=7 history a=1 b=2.5 c=true d=\"x\" e=null f=3mm (saturated)"
    );
    for wrong in [
        "1",
        "\"x\"",
        "[1]",
        "#{}",
        "#{ fields: 1 }",
        "#{ fields: #{}, other: 1 }",
        "#{ fields: #{ a: [1] } }",
        "#{ fields: #{ a: #{ value: 1, kind: 2 } } }",
        "#{ fields: #{}, ts: \"now\" }",
        "#{ fields: #{}, seq: -1 }",
        "#{ fields: #{}, lat: 1 }",
        "#{ fields: #{}, status: \"real\" }",
        "#{ fields: #{}, history: 1 }",
        "#{ fields: #{}, device: \"\" }",
    ] {
        assert!(records(wrong).is_err(), "{wrong}");
    }
    assert!(
        result::records(body("#{ fields: #{ a: 1 } }").unwrap(), false).is_err(),
        "somebody must say which device"
    );
}

#[test]
fn the_library_reads_what_devices_send() {
    let bytes = [
        0x01, 0xFF, 0xFE, 0x80, 0x00, 0x00, 0x41, 0x20, 0x00, 0x00, 0x12, 0x34,
    ];
    let number = |expression: &str| {
        let script = format!("fn decode(p, t, d) {{ {expression} }}");
        let value = with(
            Input::Bytes,
            &script,
            Dynamic::from(library::Bytes::from(&bytes[..])),
        )
        .unwrap_or_else(|fault| panic!("{expression}: {}", fault.reason));
        value
            .as_float()
            .or_else(|_| value.as_int().map(|number| number as f64))
            .unwrap_or_else(|kind| panic!("{expression}: {kind}"))
    };
    for (expression, wanted) in [
        ("p.len", 12.0),
        ("p[0]", 1.0),
        ("p.u8(1)", 255.0),
        ("p.i8(1)", -1.0),
        ("p.u16be(1)", 65_534.0),
        ("p.i16be(1)", -2.0),
        ("p.u16le(0)", 65_281.0),
        ("p.i16le(2)", -32_514.0),
        ("p.u24be(0)", 131_070.0),
        ("p.i24be(1)", -384.0),
        ("p.i24le(1)", -8_323_329.0),
        ("p.u32be(2)", 4_269_801_472.0),
        ("p.i32be(2)", -25_165_824.0),
        ("p.f32be(6)", 10.0),
        ("p.u32le(0)", 2_164_195_073.0),
        ("bcd(p.u16be(10))", 1_234.0),
        ("bits(p[10], 4, 4)", 1.0),
        ("signed(0xFFF, 12)", -1.0),
        ("if bit(p[0], 0) { 1 } else { 0 }", 1.0),
        ("unhex(\"0A ff\")[1]", 255.0),
        ("unbase64(\"AQI=\").len", 2.0),
        ("p.slice(10, 2).sum()", 70.0),
        ("bytes(\"123456789\").crc16(0xFFFF, 0xA001)", 19_255.0),
        ("bytes(\"AB\").xor()", 3.0),
        ("number(\" 80.55 \")", 80.55),
        ("\"a;b;c\".split(\";\").len", 3.0),
        ("\"Tằng Loỏng\".find(\"Loỏng\")", 5.0),
        ("let n = 0; for b in [1, 2, 3] { n += b; } n", 6.0),
    ] {
        assert_eq!(number(expression), wanted, "{expression}");
    }
}

#[test]
fn json_comes_as_maps_and_lists() {
    let script = "fn decode(p, t, d) { let n = 0.0; for item in p.list { n += item.v; } if p.none == () { n += 1.0; } if p.absent == () { n += 2.0; } if \"list\" in p { n += 4.0; } n }";
    let value = serde_json::json!({"list": [{"v": 10.5}, {"v": 20.5}], "none": null});
    let got = with(Input::Json, script, library::of_json(value)).unwrap();
    assert_eq!(got.as_float(), Ok(38.0));
}

#[test]
fn the_same_for_ever() {
    let script = "fn decode(p, t, d) { let m = #{ z: 1, a: 2, k: 3 }; let s = \"\"; for key in m.keys() { s = s + key; } #{ fields: #{ s: s } } }";
    let run = || try_script("t.rhai", script, "text", b"x", "topic", "device").unwrap();
    assert_eq!(run(), ["s=\"akz\""]);
    assert!((0..50).all(|_| run() == ["s=\"akz\""]));
}

#[test]
fn trying_a_decoder_out() {
    let script = "fn decode(p, t, d) { #{ ts: 60, fields: #{ level: p.u16be(0) / 100.0 } } }";
    assert_eq!(
        try_script("t.rhai", script, "bytes", &[0x1F, 0x77], "t", "d").unwrap(),
        ["ts=1970-01-01T00:01:00Z level=80.55"]
    );
    let error = try_script("t.rhai", script, "bytes", &[1], "t", "d").unwrap_err();
    assert!(
        error.starts_with("t.rhai:1: ") && error.contains("the payload has 1"),
        "{error}"
    );
    assert!(try_script("t.rhai", "fn", "bytes", &[], "t", "d").is_err());
    assert!(try_script("t.rhai", script, "csv", &[], "t", "d").is_err());
    assert!(try_script("t.rhai", script, "json", b"{", "t", "d").is_err());
}

#[test]
fn damaged_payloads() {
    let mut frame = vec![2, 0, 0x6B, 0x02, 0x51, 0x70, 1, 96, 255, 131, 0, 34, 14, 28];
    frame.extend(super::super::obis::crc16_reflected(&frame, 0xFFFF).to_le_bytes());
    mangle::survives("ioc/lao-cai/disaster/slope-probe-9/up", &frame);
    let line = |line: &str| {
        format!(
            "${line}*{:02X}\n",
            line.bytes().fold(0, |sum, byte| sum ^ byte)
        )
    };
    let lines = [
        line("WL,2026-11-22 09:50:00,80.30,12.6"),
        line("WL,2026-11-22 10:00:00,80.55,12.6"),
    ]
    .concat();
    mangle::survives("ioc/lao-cai/disaster/level-lines-9/up", lines.as_bytes());
}
