//! Recorded traffic: one message a line, as a JSON object.
//!
//! | key | meaning |
//! |---|---|
//! | `received` | RFC 3339 with a zone: when it came; journal time and wall time of the message |
//! | `topic` | its topic |
//! | `payload` | text, or base64; anything but a string is taken as the JSON that it is |
//! | `payload_base64` | in place of `payload`: base64, whatever it looks like |
//! | `encoding` | `utf8` or `base64`: how `payload` is written |
//! | `client` | MQTT client id, `recorded` without it |
//! | `retain` | it carried the RETAIN flag |
//!
//! Without `encoding` a payload is base64 if it could be nothing else: at least eight characters of the base64 alphabet and nothing
//! else, whole and rightly padded, and not a number, hexadecimal digits or a word (letters of one case). Lines of `ioc journal cat --json` are such lines
//! (`wall_time` for `received`); those of another `kind` than `message` are left out. Other keys are ignored.
//!
//! Lines come in the order of `received`. A file whose lines do not is read again and sorted (lines of one instant in the
//! order of the file); from standard input such a line is a mistake. A line that cannot be read is told with its
//! number, counted, and left out.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _};
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::Time;
use serde::Deserialize;
use serde_json::Value;

/// A line longer than this is no message of ours.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// Bad lines that are told one by one.
pub(super) const MISTAKES_MAX: usize = 20;
const BUFFER_BYTES: usize = 1 << 20;
/// A file out of order is sorted by an index in memory: so many lines at most.
const SORTED_LINES_MAX: usize = 50_000_000;

/// One message.
#[derive(Debug, PartialEq)]
pub(super) struct Message<'a> {
    pub(super) received: Time,
    pub(super) topic: Cow<'a, str>,
    pub(super) payload: Cow<'a, [u8]>,
    pub(super) client: Cow<'a, str>,
    pub(super) retain: bool,
}

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(super) struct BadLine {
    pub(super) line: u64,
    pub(super) message: String,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Lines {
    pub(super) lines: u64,
    pub(super) messages: u64,
    /// Lines left out on purpose: empty, or records of another kind.
    pub(super) others: u64,
    pub(super) bad: u64,
    /// The first of them.
    pub(super) mistakes: Vec<BadLine>,
    pub(super) sorted: bool,
}

impl Lines {
    fn mistake(&mut self, line: u64, message: impl Into<String>) {
        self.bad += 1;
        if self.mistakes.len() < MISTAKES_MAX {
            self.mistakes.push(BadLine {
                line,
                message: message.into(),
            });
        }
    }
}

/// Why reading stopped before the end.
pub(super) enum End {
    All(Lines),
    /// The lines of the file are not in order: begin again with [`read_sorted`].
    Disorder,
}

#[derive(Deserialize)]
struct Given<'a> {
    #[serde(borrow, alias = "wall_time")]
    received: Option<Cow<'a, str>>,
    #[serde(borrow)]
    topic: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    payload: Payload<'a>,
    #[serde(borrow)]
    payload_base64: Option<Cow<'a, str>>,
    #[serde(borrow)]
    encoding: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    retain: bool,
}

#[derive(Default)]
enum Payload<'a> {
    #[default]
    None,
    Text(Cow<'a, str>),
    Json(Value),
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Payload<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a payload")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Payload<'de>, E> {
                Ok(Payload::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Payload<'de>, E> {
                Ok(Payload::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Payload<'de>, E> {
                Ok(Payload::Json(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Payload<'de>, E> {
                Ok(Payload::Json(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Payload<'de>, E> {
                Ok(Payload::Json(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Payload<'de>, E> {
                Ok(Payload::Json(value.into()))
            }

            fn visit_unit<E>(self) -> Result<Payload<'de>, E> {
                Ok(Payload::None)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<Payload<'de>, A::Error> {
                let whole = serde::de::value::MapAccessDeserializer::new(map);
                Value::deserialize(whole).map(Payload::Json)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                items: A,
            ) -> Result<Payload<'de>, A::Error> {
                let whole = serde::de::value::SeqAccessDeserializer::new(items);
                Value::deserialize(whole).map(Payload::Json)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// One line; `Ok(None)` for one that is no message.
pub(super) fn parse(line: &[u8]) -> Result<Option<Message<'_>>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let given: Given<'_> = serde_json::from_slice(line)
        .map_err(|error| format!("not a JSON object of ours: {error}"))?;
    if given.kind.is_some_and(|kind| kind != "message") {
        return Ok(None);
    }
    let received = given.received.ok_or("`received` is missing")?;
    let received = Time::parse(&received).ok_or_else(|| {
        format!("received {received:?} is no instant: write 2024-09-09T00:00:00+07:00")
    })?;
    let topic = given.topic.ok_or("`topic` is missing")?;
    let payload = match (given.payload, given.payload_base64) {
        (_, Some(text)) => Cow::Owned(decoded(&text)?),
        (Payload::Text(text), None) => match given.encoding.as_deref() {
            Some("base64") => Cow::Owned(decoded(&text)?),
            Some("utf8") => bytes(text),
            Some(other) => return Err(format!("encoding {other:?} is neither utf8 nor base64")),
            None => match base64_for_sure(&text) {
                Some(decoded) => Cow::Owned(decoded),
                None => bytes(text),
            },
        },
        (Payload::Json(value), None) => Cow::Owned(value.to_string().into_bytes()),
        (Payload::None, None) => return Err("`payload` is missing".to_owned()),
    };
    Ok(Some(Message {
        received,
        topic,
        payload,
        client: given.client.unwrap_or(Cow::Borrowed("recorded")),
        retain: given.retain,
    }))
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .map_err(|error| format!("the payload is not base64: {error}"))
}

fn base64_for_sure(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    // The first byte of most payloads tells already.
    if bytes.len() < 8
        || !bytes.len().is_multiple_of(4)
        || !bytes.first().is_some_and(|byte| of_alphabet(*byte))
    {
        return None;
    }
    let all = |test: fn(&u8) -> bool| bytes.iter().all(test);
    let hex = |letter: fn(&u8) -> bool| {
        bytes
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() && (byte.is_ascii_digit() || letter(byte)))
    };
    let lower = u8::is_ascii_lowercase;
    let upper = u8::is_ascii_uppercase;
    if all(lower) || all(upper) || hex(lower) || hex(upper) {
        return None;
    }
    STANDARD.decode(bytes).ok()
}

const fn of_alphabet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Hands every message to `take` as it comes, until it says false.
pub(super) fn read(path: &Path, take: &mut dyn FnMut(&Message<'_>) -> Result<bool>) -> Result<End> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(open(path)?)
    };
    // What comes through a pipe cannot be read again.
    let from_file = std::fs::metadata(path).is_ok_and(|about| about.is_file());
    let mut source = BufReader::with_capacity(BUFFER_BYTES, source);
    let (mut lines, mut buffer, mut last) = (Lines::default(), Vec::new(), Time(i64::MIN));
    while next_line(&mut source, &mut buffer, &mut lines)? {
        match parse(&buffer) {
            Ok(Some(message)) if message.received < last => {
                if from_file {
                    return Ok(End::Disorder);
                }
                lines.mistake(lines.lines, format!("received before the line before it ({last}): sort the lines, or give a file"));
            }
            Ok(Some(message)) => {
                last = message.received;
                lines.messages += 1;
                if !take(&message)? {
                    break;
                }
            }
            Ok(None) => lines.others += 1,
            Err(message) => lines.mistake(lines.lines, message),
        }
    }
    Ok(End::All(lines))
}

/// The same for a file whose lines are in any order.
pub(super) fn read_sorted(
    path: &Path,
    take: &mut dyn FnMut(&Message<'_>) -> Result<bool>,
) -> Result<Lines> {
    let mut source = BufReader::with_capacity(BUFFER_BYTES, open(path)?);
    let (mut lines, mut buffer) = (Lines::default(), Vec::new());
    let mut index: Vec<(Time, u64)> = Vec::new();
    let mut at = 0;
    while next_line(&mut source, &mut buffer, &mut lines)? {
        match parse(&buffer) {
            Ok(Some(message)) => index.push((message.received, at)),
            Ok(None) => lines.others += 1,
            Err(message) => lines.mistake(lines.lines, message),
        }
        if index.len() > SORTED_LINES_MAX {
            anyhow::bail!(
                "{} holds more than {SORTED_LINES_MAX} lines and they are not in order: sort it by `received`",
                path.display()
            );
        }
        at = source
            .stream_position()
            .context("cannot tell the position")?;
    }
    index.sort_unstable();
    let mut ignored = Lines::default();
    for (_, at) in index {
        // Neighbours stay within the buffer.
        let here = source
            .stream_position()
            .context("cannot tell the position")?;
        let step = i64::try_from(at)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(here).unwrap_or(0));
        source.seek_relative(step).context("cannot seek")?;
        next_line(&mut source, &mut buffer, &mut ignored)?;
        if let Ok(Some(message)) = parse(&buffer) {
            lines.messages += 1;
            if !take(&message)? {
                break;
            }
        }
    }
    lines.sorted = true;
    Ok(lines)
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("cannot read {}", path.display()))
}

/// False at the end. A line over the bound is skipped and is a mistake.
fn next_line(source: &mut impl BufRead, buffer: &mut Vec<u8>, lines: &mut Lines) -> Result<bool> {
    loop {
        buffer.clear();
        let read = source
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', buffer)
            .context("cannot read the recorded traffic")?;
        if read == 0 {
            return Ok(false);
        }
        lines.lines += 1;
        if read as u64 == LINE_BYTES_MAX && buffer.last() != Some(&b'\n') {
            lines.mistake(
                lines.lines,
                format!("the line is longer than {LINE_BYTES_MAX} bytes"),
            );
            source
                .skip_until(b'\n')
                .context("cannot read the recorded traffic")?;
            continue;
        }
        return Ok(true);
    }
}

#[cfg(test)]
mod tests;
