//! `ioc decode`, `ioc decoder test`, `ioc catalog check|adopt`: what they print is what people and scripts rely on.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ioc_tests::node::Folder;
use ioc_tests::process::{binary, output, repository, run};
use serde_json::{Value, json};

const RECEIVED: &str = "2026-11-23T12:00:05+07:00";

/// `ioc ARGS` with `payload` on standard input.
fn fed(args: &[&str], payload: &[u8]) -> Output {
    let mut child = Command::new(binary("ioc"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A wrong call does not wait for the payload.
    let _ = child.stdin.take().unwrap().write_all(payload);
    child.wait_with_output().unwrap()
}

fn decode(profile: &str, more: &[&str], payload: &[u8]) -> (Option<i32>, String) {
    let mut args = vec!["decode", "--profile", profile, "--received", RECEIVED];
    args.extend(more);
    args.push("-");
    let answer = fed(&args, payload);
    (
        answer.status.code(),
        String::from_utf8(answer.stdout).unwrap(),
    )
}

fn line(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_payload_becomes_the_event_that_kafka_gets() {
    let payload = br#"{"ts":"2026-11-23T05:00:00Z","level_cm":8050}"#;
    let topic = "ioc/lao-cai/disaster/wl-lao-cai/up";
    let (code, out) = decode("river-level", &["--topic", topic], payload);
    assert_eq!(code, Some(0));
    assert!(out.starts_with(r#"{"version":1,"id":""#), "{out}");
    let mut event = line(&out);
    assert_eq!(event["id"].as_str().unwrap().len(), 36);
    event.as_object_mut().unwrap().remove("id");
    event.as_object_mut().unwrap().remove("place");
    assert_eq!(
        event,
        json!({
            "version": 1, "kind": "reading", "stream": "disaster", "status": "actual",
            "site": "lao-cai", "entity": "wl-lao-cai", "device": "wl-lao-cai",
            "observed": "2026-11-23T05:00:00Z",
            "received": "2026-11-23T05:00:05Z", "processed": "2026-11-23T05:00:05Z",
            "flags": [],
            "values": {"level": {"value": 80.5, "unit": "m", "quality": []}},
        })
    );
    // The same bytes, the same line: nothing in it is of the moment.
    assert_eq!(decode("river-level", &["--topic", topic], payload).1, out);
}

#[test]
fn what_cannot_be_read_is_an_answer_and_a_wrong_call_is_not() {
    for (payload, code) in [
        (&b"\xff\xfe\x00"[..], "payload_not_utf8"),
        (b"", "payload_empty"),
        (b"{", "payload_not_json"),
        (b"[1]", "payload_shape"),
        (b"{\"nothing\":1}", "no_values"),
    ] {
        let (exit, out) = decode("river-level", &[], payload);
        let reject = line(&out)["reject"].clone();
        assert_eq!((exit, &reject["code"]), (Some(0), &json!(code)), "{out}");
        assert!(!reject["reason"].as_str().unwrap().is_empty());
    }
    let large = vec![b' '; 256 * 1024 + 1];
    assert_eq!(
        line(&decode("river-level", &[], &large).1)["reject"]["code"],
        "payload_too_large"
    );
    for wrong in [
        &["decode", "--profile", "none", "-"][..],
        &["decode", "--profile", "river-level", "/no/such/file"],
        &[
            "decode",
            "--profile",
            "river-level",
            "--received",
            "soon",
            "-",
        ],
        &[
            "decode",
            "--profile",
            "river-level",
            "--site",
            "/no/such/folder",
            "-",
        ],
        &["decode", "-"],
    ] {
        let answer = fed(wrong, b"{}");
        assert_eq!(answer.status.code(), Some(2), "{wrong:?}");
        assert!(
            answer.stdout.is_empty() && !answer.stderr.is_empty(),
            "{wrong:?}"
        );
    }
}

#[test]
fn decoder_test_says_how_long_it_took() {
    let args = ["decoder", "test", "--profile", "river-level", "-"];
    let answer = fed(&args, br#"{"level":1.5}"#);
    assert_eq!(answer.status.code(), Some(0));
    let text = String::from_utf8(answer.stdout).unwrap();
    assert!(
        text.lines()
            .last()
            .unwrap()
            .starts_with("13 bytes, 1 event(s), "),
        "{text}"
    );
    assert_eq!(fed(&args, b"{").status.code(), Some(1));
}

fn copied(folder: &Path) -> std::path::PathBuf {
    let site = folder.join("site");
    let source = repository().join("deploy/sites/lao-cai");
    run(
        "cp",
        ["-r", source.to_str().unwrap(), site.to_str().unwrap()],
    );
    site
}

#[test]
fn catalog_check_names_file_and_line_of_every_mistake() {
    let folder = Folder::new("catalog-check");
    let site = copied(folder.path());
    let check = |more: &[&str]| {
        let mut args = vec!["catalog", "check", site.to_str().unwrap()];
        args.extend(more);
        output(binary("ioc"), args)
    };
    assert_eq!(check(&[]).status.code(), Some(0));
    let extra = site.join("devices/extra.toml");
    fs::write(
        &extra,
        "[devices.a-1]\nprofile = \"no-such\"\nname = { vi = \"a\", en = \"a\" }\ncolour = 1\n",
    )
    .unwrap();
    let answer = check(&["--json"]);
    assert_eq!(answer.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(answer["good"], false);
    let lines: Vec<_> = answer["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mistake| {
            (
                mistake["file"].as_str().unwrap(),
                mistake["line"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        lines,
        [("devices/extra.toml", 2), ("devices/extra.toml", 4)]
    );
    let text = String::from_utf8(check(&[]).stdout).unwrap();
    assert!(text.contains("devices/extra.toml:2: "), "{text}");
    assert_eq!(
        output(binary("ioc"), ["catalog", "check", "/no/such"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn an_unknown_device_is_taken_in_and_its_messages_are_understood() {
    let folder = Folder::new("catalog-adopt");
    let site = copied(folder.path());
    let site = site.to_str().unwrap();
    let payload = folder.path().join("payload");
    fs::write(
        &payload,
        r#"{"rain_1h": 2.5, "rain_24h": 30, "battery": 3.6}"#,
    )
    .unwrap();
    let proposed = run(
        binary("ioc"),
        [
            "catalog",
            "adopt",
            "new-1",
            "--site",
            site,
            "--payload",
            payload.to_str().unwrap(),
        ],
    );
    assert!(
        proposed.starts_with("rain-gauge: knows 3 of 3 keys"),
        "{proposed}"
    );
    let adopt = |device: &str, profile: &str| {
        let args = [
            "catalog",
            "adopt",
            device,
            "--site",
            site,
            "--profile",
            profile,
        ];
        output(
            binary("ioc"),
            args.into_iter()
                .chain(["--name-vi", "Trạm mới", "--area", "02647"]),
        )
    };
    assert!(adopt("new-1", "rain-gauge").status.success());
    let topic = ["--site", site, "--topic", "ioc/lao-cai/disaster/new-1/up"];
    let (_, out) = decode("rain-gauge", &topic, &fs::read(&payload).unwrap());
    assert_eq!(line(&out)["place"]["area"], "02647", "{out}");
    assert_eq!(line(&out)["device"], "new-1");
    // Twice, or with a profile that is not there: refused, and the pack stays good.
    for (device, profile) in [("new-1", "rain-gauge"), ("new-2", "no-such")] {
        let answer = adopt(device, profile);
        assert_eq!(answer.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&answer.stderr).contains("nothing was written"));
    }
    assert!(
        output(binary("ioc"), ["catalog", "check", site])
            .status
            .success()
    );
}
