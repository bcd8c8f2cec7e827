//! Cases of rules: `rules/cases/*.toml`, events in, alerts out.
//!
//! ```toml
//! [[case]]
//! name = "BĐ3 rings on the first reading"
//! start = "2024-09-09T00:00:00+07:00"   # from here on the listed devices are expected to speak
//! until = "+2h"                         # time passes so far; without it, to the last event
//! rules = ["river-bd3"]                 # only their alerts are looked at; without it, those named below, or all
//!
//! [[case.event]]                        # measured values as the catalogue names them
//! at = "+10m"                           # observed: after start, or an instant
//! received = "+11m"                     # without it, as observed
//! entity = "wl-bao-ha"
//! values = { level = 57.6 }
//! quality = ["sensor_fault"]            # of all values of the event
//! flags = ["history"]
//! status = "exercise"
//!
//! [[case.message]]                      # or what a device sends
//! at = "+20m"                           # received
//! topic = "ioc/lao-cai/disaster/wl-bao-ha/up"
//! payload = '{"ts":1725815400000,"level_cm":5760}'   # or payload_base64
//!
//! [[case.alert]]                        # each of them must come, and no other
//! rule = "river-bd3"
//! entity = "wl-bao-ha"
//! severity = "major"
//! raised = "+10m"
//! cleared = "+40m"                      # or cleared = false: still open at the end
//! message = "báo động 3"                # in the Vietnamese or the English message
//! ```

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::{PackError, Severity, Status, Stream, Time};
use serde::Deserialize;

const CASES_MAX: usize = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    case: Vec<Written>,
}

/// A case as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    start: Option<String>,
    until: Option<String>,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    event: Vec<WrittenEvent>,
    #[serde(default)]
    message: Vec<WrittenMessage>,
    #[serde(default)]
    alert: Vec<WrittenAlert>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEvent {
    at: String,
    received: Option<String>,
    entity: String,
    stream: Option<Stream>,
    values: BTreeMap<String, toml::Value>,
    #[serde(default)]
    quality: Vec<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMessage {
    at: String,
    topic: String,
    payload: Option<String>,
    payload_base64: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAlert {
    rule: String,
    entity: String,
    severity: Option<Severity>,
    raised: Option<String>,
    cleared: Option<Cleared>,
    message: Option<String>,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    retrospective: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Cleared {
    Open(bool),
    At(String),
}

/// A case ready to run.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) start: Time,
    pub(super) until: Option<Time>,
    pub(super) rules: Vec<String>,
    /// In the order in which they come.
    pub(super) inputs: Vec<Input>,
    pub(super) alerts: Vec<Expected>,
}

#[derive(Debug)]
pub(super) struct Input {
    pub(super) received: Time,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Event {
        observed: Time,
        entity: String,
        stream: Option<Stream>,
        values: BTreeMap<String, toml::Value>,
        quality: Vec<String>,
        flags: Vec<String>,
        status: Status,
    },
    Message {
        topic: String,
        payload: Vec<u8>,
    },
}

#[derive(Debug)]
pub(super) struct Expected {
    pub(super) rule: String,
    pub(super) entity: String,
    pub(super) severity: Option<Severity>,
    pub(super) raised: Option<Time>,
    /// `Some(None)`: still open.
    pub(super) cleared: Option<Option<Time>>,
    pub(super) message: Option<String>,
    pub(super) status: Status,
    pub(super) retrospective: bool,
}

/// The cases of all files, and every mistake in them.
pub(super) fn parse(files: &[(String, Vec<u8>)]) -> (Vec<Case>, Vec<PackError>) {
    let (mut cases, mut mistakes) = (Vec::new(), Vec::new());
    for (path, content) in files {
        let mistake = |line, message: String| PackError {
            file: path.clone(),
            line,
            message,
        };
        let Ok(text) = std::str::from_utf8(content) else {
            mistakes.push(mistake(1, "not UTF-8".to_owned()));
            continue;
        };
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                mistakes.push(mistake(line_of(text, at), error.message().to_owned()));
                continue;
            }
        };
        let starts: Vec<u32> = text
            .lines()
            .zip(1_u32..)
            .filter_map(|(line, number)| (line.trim() == "[[case]]").then_some(number))
            .collect();
        for (index, written) in file.case.into_iter().enumerate() {
            let line = starts.get(index).copied().unwrap_or(1);
            let name = written.name.clone();
            match written.read(path) {
                Ok(case) => cases.push(case),
                Err(message) => mistakes.push(mistake(line, format!("case {name:?}: {message}"))),
            }
        }
    }
    if cases.len() > CASES_MAX {
        mistakes.push(PackError {
            file: "rules/cases".to_owned(),
            line: 0,
            message: format!("more than {CASES_MAX} cases"),
        });
        cases.truncate(CASES_MAX);
    }
    (cases, mistakes)
}

fn line_of(text: &str, at: usize) -> u32 {
    let before = text.get(..at).unwrap_or(text);
    u32::try_from(before.matches('\n').count()).map_or(u32::MAX, |lines| lines + 1)
}

/// `+10m` or `-10m` from the start, or an instant.
fn time(start: Time, text: &str) -> Result<Time, String> {
    let after =
        |text: &str, sign: i64| console::parse_duration_ns(text).map(|ns| start.plus(sign * ns));
    let found = match text.split_at_checked(1) {
        Some(("+", rest)) => after(rest, 1).or((rest == "0").then_some(start)),
        Some(("-", rest)) => after(rest, -1),
        _ => Time::parse(text),
    };
    found.ok_or_else(|| {
        format!("{text:?} is no time: write +10m (after the start) or 2024-09-09T00:00:00+07:00")
    })
}

impl Written {
    fn read(self, file: &str) -> Result<Case, String> {
        const START: &str = "2025-01-01T00:00:00+07:00";
        let start = self.start.as_deref().unwrap_or(START);
        let start = Time::parse(start).ok_or_else(|| {
            format!("start {start:?} is no instant: write 2024-09-09T00:00:00+07:00")
        })?;
        let mut inputs = Vec::new();
        for event in self.event {
            let observed = time(start, &event.at)?;
            inputs.push(Input {
                received: event
                    .received
                    .as_deref()
                    .map_or(Ok(observed), |text| time(start, text))?,
                what: What::Event {
                    observed,
                    entity: event.entity,
                    stream: event.stream,
                    values: event.values,
                    quality: event.quality,
                    flags: event.flags,
                    status: event.status,
                },
            });
        }
        for message in self.message {
            let payload = match (message.payload, message.payload_base64) {
                (Some(text), None) => text.into_bytes(),
                (None, Some(text)) => STANDARD
                    .decode(text)
                    .map_err(|error| format!("payload_base64: {error}"))?,
                _ => return Err("a message has either payload or payload_base64".to_owned()),
            };
            inputs.push(Input {
                received: time(start, &message.at)?,
                what: What::Message {
                    topic: message.topic,
                    payload,
                },
            });
        }
        // Stable: what comes at one instant comes in the order written, events before messages.
        inputs.sort_by_key(|input| input.received);
        if inputs.first().is_some_and(|first| first.received < start) {
            return Err("something is received before the start".to_owned());
        }
        let alerts = self
            .alert
            .into_iter()
            .map(|alert| alert.read(start))
            .collect::<Result<_, _>>()?;
        Ok(Case {
            file: file.to_owned(),
            name: self.name,
            until: self
                .until
                .as_deref()
                .map(|text| time(start, text))
                .transpose()?,
            start,
            rules: self.rules,
            inputs,
            alerts,
        })
    }
}

impl WrittenAlert {
    fn read(self, start: Time) -> Result<Expected, String> {
        let cleared = match self.cleared {
            None => None,
            Some(Cleared::Open(false)) => Some(None),
            Some(Cleared::Open(true)) => {
                return Err(
                    "cleared is a time, or false for an alert that is still open".to_owned(),
                );
            }
            Some(Cleared::At(text)) => Some(Some(time(start, &text)?)),
        };
        Ok(Expected {
            rule: self.rule,
            entity: self.entity,
            severity: self.severity,
            raised: self
                .raised
                .as_deref()
                .map(|text| time(start, text))
                .transpose()?,
            cleared,
            message: self.message,
            status: self.status,
            retrospective: self.retrospective,
        })
    }
}
