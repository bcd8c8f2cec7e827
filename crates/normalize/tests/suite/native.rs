//! The native format by data: `testdata/native/NAME.in` holds messages, `NAME.out` what became of them.
//!
//! A message is a line that begins with `>` and the lines up to the next one, its payload. The head may change the defaults
//! of `support::message`: `topic=`, `journal=` (time; the wall clock a millisecond later, unless `wall=` follows), `offset=`, `client=`, `session=`, `packet=`, `qos=`, `oversize=`, `dup`,
//! `retain`, and `hex` when the payload is written in hexadecimal. Lines before the first `>` are remarks.
//!
//! `UPDATE=1 cargo test -p normalize --test suite` rewrites the `.out` files; the difference is the review.

use std::fmt::Write as _;
use std::fs;

use event::Time;
use normalize::{Normalized, Normalizer};

use crate::support;

fn payload(lines: &[&str], hex: bool) -> Vec<u8> {
    let text = lines.join("\n");
    if !hex {
        return text.into_bytes();
    }
    let digits: Vec<u32> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("a byte"))
        .collect()
}

fn run(text: &str) -> String {
    let mut normalizer = Normalizer::new(support::catalogue());
    let mut out = String::new();
    let lines: Vec<&str> = text.lines().collect();
    let heads: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at].starts_with('>'))
        .collect();
    for (number, at) in heads.iter().enumerate() {
        let end = heads.get(number + 1).copied().unwrap_or(lines.len());
        let words: Vec<&str> = lines[*at][1..].split_whitespace().collect();
        let bytes = payload(&lines[at + 1..end], words.contains(&"hex"));
        let mut input = support::message(number as u64, support::TOPIC, &bytes);
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let number = || value.parse::<u64>().expect("a number");
            match key {
                "topic" => input.topic = value,
                "client" => input.client = value,
                "journal" => {
                    input.journal_time = support::time(value);
                    input.wall_time = Time(input.journal_time.0 + 1_000_000);
                }
                "wall" => input.wall_time = support::time(value),
                "offset" => input.offset = number(),
                "session" => input.session = number(),
                "packet" => input.packet_id = u16::try_from(number()).expect("a packet id"),
                "qos" => input.qos = u8::try_from(number()).expect("a QoS"),
                "oversize" => input.oversize = Some(number()),
                "dup" => input.dup = true,
                "retain" => input.retain = true,
                "hex" => {}
                other => panic!("no such word: {other}"),
            }
        }
        let mut results = Vec::new();
        normalizer.apply(&input, &mut results);
        assert_eq!(results.len(), 1, "a message has one result");
        for result in results {
            show(&result, &mut out);
        }
    }
    out
}

fn show(result: &Normalized, out: &mut String) {
    match result {
        Normalized::Event(event) => {
            let json = serde_json::to_string_pretty(&event.json()).expect("JSON");
            writeln!(out, "event {json}").expect("text");
        }
        Normalized::Duplicate => writeln!(out, "duplicate").expect("text"),
        Normalized::State => writeln!(out, "state").expect("text"),
        Normalized::Reject(reject) => {
            let kept = reject.payload.len();
            writeln!(
                out,
                "reject {}: {} [{kept} bytes kept]",
                reject.code.name(),
                reject.reason
            )
            .expect("text");
        }
    }
}

#[test]
fn check() {
    let folder = support::root().join("testdata/native");
    let mut cases: Vec<_> = fs::read_dir(&folder)
        .expect("test data")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "in"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 45, "{} cases", cases.len());
    #[allow(
        clippy::disallowed_methods,
        reason = "the update flag of the data-driven test"
    )] // A switch of the test itself, not configuration.
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for case in cases {
        let expected = case.with_extension("out");
        let actual = run(&fs::read_to_string(&case).expect("a case"));
        if update {
            fs::write(&expected, &actual).expect("written");
        } else if fs::read_to_string(&expected).ok().as_ref() != Some(&actual) {
            wrong.push(format!("{}:\n{actual}", case.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "run with UPDATE=1 and look at the difference\n{}",
        wrong.join("\n")
    );
}
