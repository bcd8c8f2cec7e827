//! Packets written down byte by byte, each with what must come of it.

use std::fmt::Write;
use std::path::PathBuf;

use mqtt::codec::{Answer, Decoded, Limits, Malformed, Protocol, decode};

use crate::words;

struct Case {
    comment: String,
    line: usize,
    protocol: Option<Protocol>,
    bytes: Vec<u8>,
    expected: String,
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

/// The packets of a file that must be accepted or refused, for tests that mutate them.
pub(crate) fn packets(name: &str) -> Vec<(Option<Protocol>, Vec<u8>)> {
    read(name)
        .into_iter()
        .map(|case| (case.protocol, case.bytes))
        .collect()
}

fn read(name: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(path(name)).expect("fixture file");
    let mut cases = Vec::new();
    let mut comment = String::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(text) = line.strip_prefix('#') {
            comment = text.trim().to_owned();
        } else if let Some(expected) = line.strip_prefix(['!', '=']) {
            let case: &mut Case = cases.last_mut().expect("expected before a packet");
            assert!(
                case.expected.is_empty(),
                "{name}:{}: two answers",
                index + 1
            );
            case.expected = expected.trim().to_owned();
        } else if let Some((protocol, hex)) = line.split_once(':') {
            let protocol = match protocol {
                "-" => None,
                "3" => Some(Protocol::V3),
                "5" => Some(Protocol::V5),
                other => panic!("{name}:{}: protocol {other:?}", index + 1),
            };
            let byte = |hex| u8::from_str_radix(hex, 16).expect("two hex digits");
            let bytes = hex.split_whitespace().map(byte).collect();
            let comment = comment.clone();
            cases.push(Case {
                comment,
                line: index + 1,
                protocol,
                bytes,
                expected: String::new(),
            });
        }
    }
    cases
}

fn answer(error: &Malformed) -> String {
    let answer = match error.answer {
        Answer::Close => "close".to_owned(),
        Answer::ConnackV3(code) => format!("connack3-{code}"),
        Answer::ConnackV5(reason) => {
            assert_eq!(reason, error.reason);
            "connack5".to_owned()
        }
        Answer::DisconnectV5(reason) => {
            assert_eq!(reason, error.reason);
            "disconnect".to_owned()
        }
    };
    format!("0x{:02X} {} {answer}", error.reason.code(), error.rule)
}

/// What comes of a case; and the same must come of it however it arrives.
fn outcome(case: &Case) -> String {
    let limits = Limits::default();
    let whole = decode(&case.bytes, case.protocol, &limits);
    for end in 0..case.bytes.len() {
        match decode(&case.bytes[..end], case.protocol, &limits) {
            Ok(Decoded::Incomplete { need }) => assert!(need > end && need <= case.bytes.len()),
            Err(early) => assert_eq!(Err(early), whole),
            other => panic!("{end} bytes of {} gave {other:?}", case.comment),
        }
    }
    match whole {
        Err(error) => answer(&error),
        Ok(Decoded::Packet { packet, bytes }) => {
            assert_eq!(bytes, case.bytes.len(), "all of {}", case.comment);
            let mut longer = case.bytes.clone();
            longer.extend_from_slice(&[0xFF; 3]);
            assert_eq!(
                decode(&longer, case.protocol, &limits),
                whole,
                "what follows is not ours"
            );
            words::packet(&packet)
        }
        Ok(other) => format!("{other:?}"),
    }
}

fn check(name: &str, least: usize) {
    let cases = read(name);
    assert!(cases.len() >= least, "{} cases in {name}", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        let outcome = outcome(case);
        if outcome != case.expected {
            let _ = writeln!(
                wrong,
                "{name}:{}: {}\n  expected {}\n  got      {outcome}",
                case.line, case.comment, case.expected
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Rewrites the `=` lines of the valid packets with what is decoded now.
fn update(name: &str) {
    let mut outcomes = read(name).into_iter();
    let text = std::fs::read_to_string(path(name)).expect("fixture file");
    let mut out = String::new();
    for line in text.lines() {
        match line.strip_prefix('=') {
            Some(_) => {
                let case = outcomes.next().expect("a case for each line");
                let _ = writeln!(out, "= {}", outcome(&case));
            }
            None => {
                let _ = writeln!(out, "{line}");
            }
        }
    }
    std::fs::write(path(name), out).expect("fixture file written");
}

#[test]
fn malformed_packets_get_their_answer() {
    check("malformed.txt", 80);
}

#[test]
fn valid_packets_are_decoded() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no ioc::config to read it from"
    )]
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        update("valid.txt");
    }
    check("valid.txt", 40);
}
