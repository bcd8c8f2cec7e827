//! What an answer of the server means for the records of a request. Pure: no socket, no clock.
//!
//! # Contract
//!
//! - A record is refused only when the server's own words quote its line, name its field, or say that every line was
//!   dropped. Where the words do not tell, the batch is halved until they do: points that are written again overwrite
//!   themselves, so this costs time and never data.
//! - Whatever is about the request as a whole (login, bucket, address) is retried for ever and never costs a record.
//! - Nothing is ever fatal: only this sink waits.
//!
//! | answer | meaning | verdict |
//! |---|---|---|
//! | 204 | stored | done |
//! | 400 | nothing is stored; the refused lines are quoted | without them; if none is recognised: probe, then split or retry |
//! | 422 | all but the dropped are stored | done but for them, if they can be told; else split |
//! | 413 | too large | split |
//! | 401, 403, 404, 3xx, other 2xx and 4xx | set-up | retry |
//! | 408, 429, 5xx, no or half an answer | later | retry |

use std::collections::HashMap;

use pipeline::{Code, Refused, Trouble, Verdict};
use serde::Deserialize;

use crate::client::Answer;
use crate::fields::has_field;
use crate::lines::Lines;

/// Where we write, for words.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) org: String,
    pub(crate) bucket: String,
}

#[derive(Debug)]
pub(crate) enum Judgement {
    Final(Verdict),
    /// Either a line or the request as a whole is wrong: a request without lines will tell.
    Probe(Trouble),
}

/// Longest piece of a server's words that is passed on.
const WORDS_MAX: usize = 300;
/// Places tried for the end of a quoted line.
const QUOTE_ENDS_MAX: usize = 64;

#[derive(Default, Deserialize)]
struct ErrorBody {
    message: Option<String>,
    error: Option<String>,
    /// InfluxDB 3: one entry a refused line.
    #[serde(default)]
    data: serde_json::Value,
}

#[derive(Deserialize)]
struct LineFault {
    original_line: String,
    line_number: usize,
    error_message: String,
}

/// The message of a JSON answer, or the answer itself; shortened.
pub(crate) fn told(text: &str) -> String {
    let body: ErrorBody = serde_json::from_str(text).unwrap_or_default();
    let words = body.message.or(body.error);
    shortened(words.as_deref().unwrap_or(text).trim())
}

fn shortened(words: &str) -> String {
    match words.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None if words.is_empty() => "no words".to_owned(),
        None => words.to_owned(),
    }
}

/// What an answer to a write of `lines` means.
pub(crate) fn judge(answer: &Answer, lines: &Lines, place: &Place) -> Judgement {
    match answer {
        Answer::Stored => Judgement::Final(Verdict::done()),
        Answer::Status { status: 400, text } => invalid(text, lines, place),
        Answer::Status { status: 422, text } => Judgement::Final(partial(text, lines, place)),
        Answer::Status { status: 413, text } => Judgement::Final(Verdict::Split(Trouble::new(
            Code::TooLarge,
            format!(
                "InfluxDB at {} finds a request of {} lines too large (413: {}); lower influxdb.batch_lines or influxdb.batch_bytes",
                place.url,
                lines.len(),
                told(text)
            ),
        ))),
        Answer::Status { .. } | Answer::Failed { .. } => {
            Judgement::Final(retry(trouble(answer, place)))
        }
    }
}

pub(crate) fn retry(trouble: Trouble) -> Verdict {
    Verdict::Retry {
        trouble,
        // influxdb2 drops the headers of an answer, `Retry-After` among them: the mover's back-off decides.
        after: None,
    }
}

/// An answer that is not about lines, in words.
pub(crate) fn trouble(answer: &Answer, place: &Place) -> Trouble {
    let Place { url, org, bucket } = place;
    let (status, text) = match answer {
        Answer::Status { status, text } => (*status, text),
        Answer::Failed { code, why } => return failed(*code, why, place),
        Answer::Stored => return Trouble::new(Code::Other, String::new()),
    };
    let words = told(text);
    let (code, what) = match status {
        401 => (
            Code::Unauthenticated,
            "does not accept the token; put a valid one into influxdb.token".to_owned(),
        ),
        403 => (
            Code::Forbidden,
            format!("knows the token, but it may not write to bucket \"{bucket}\"; give it that right"),
        ),
        404 if words.contains("bucket") => (
            Code::NotFound,
            format!("has no bucket \"{bucket}\" that this token may see; create it, or set influxdb.create_bucket"),
        ),
        404 if words.contains("organization") => (
            Code::NotFound,
            format!("has no organisation \"{org}\"; correct influxdb.org"),
        ),
        404 | 405 => (
            Code::NotFound,
            "has no /api/v2/write; it is no server with the v2 write endpoint, or influxdb.url is wrong".to_owned(),
        ),
        400 => (
            Code::Configuration,
            "refuses the request as a whole; check influxdb.org, influxdb.bucket and influxdb.gzip".to_owned(),
        ),
        408 => (Code::TimedOut, "waited too long for the request".to_owned()),
        429 => (Code::RateLimited, "asks to slow down".to_owned()),
        500..=599 => (Code::Unavailable, "cannot store at the moment; see its log".to_owned()),
        200..=399 => (
            Code::Configuration,
            "does not answer like a v2 write endpoint; check influxdb.url".to_owned(),
        ),
        _ => (Code::Other, "does not take the request".to_owned()),
    };
    Trouble::new(
        code,
        format!("InfluxDB at {url} {what} ({status}: {words})"),
    )
}

fn failed(code: Code, why: &str, place: &Place) -> Trouble {
    let what = if code == Code::TimedOut {
        "did not answer in time"
    } else if code == Code::Unauthenticated {
        "has a certificate that is not accepted; check influxdb.ca_file and the host name"
    } else {
        "cannot be reached, or the connection broke"
    };
    Trouble::new(
        code,
        format!("InfluxDB at {} {what} ({})", place.url, shortened(why)),
    )
}

fn bad_record(status: u16, words: &str, place: &Place) -> Trouble {
    Trouble::new(
        Code::BadRecord,
        format!(
            "InfluxDB at {} refuses a line ({status}: {words})",
            place.url
        ),
    )
}

/// 400: nothing of the batch is stored (InfluxDB 3 may have stored the rest; writing it again is harmless).
fn invalid(text: &str, lines: &Lines, place: &Place) -> Judgement {
    let body: ErrorBody = serde_json::from_str(text).unwrap_or_default();
    let refused = quoted(body.message.as_deref().unwrap_or_default(), lines)
        .or_else(|| numbered(&body.data, lines));
    match refused {
        Some(refused) => Judgement::Final(Verdict::Without { refused }),
        None => Judgement::Probe(bad_record(400, &told(text), place)),
    }
}

/// The lines that a message like `unable to parse 'LINE': reason` quotes, several with line ends between them. Read
/// strictly from its beginning, so that a quotation inside a quoted line is never taken for one of the server's.
fn quoted(message: &str, lines: &Lines) -> Option<Vec<Refused>> {
    const OPENING: &str = "unable to parse '";
    const CLOSING: &str = "': ";
    const NEXT: &str = "\nunable to parse '";
    let mut left = &message[message.find(OPENING)? + OPENING.len()..];
    let known: HashMap<&[u8], usize> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| (line, index))
        .collect();
    let mut refused = Vec::new();
    loop {
        let (index, end) = left
            .match_indices(CLOSING)
            .take(QUOTE_ENDS_MAX)
            .find_map(|(end, _)| Some((*known.get(&left.as_bytes()[..end])?, end)))?;
        let reason = &left[end + CLOSING.len()..];
        let next = reason.find(NEXT);
        refused.push(Refused {
            offset: lines.offset(index),
            reason: format!(
                "400: {}",
                shortened(&reason[..next.unwrap_or(reason.len())])
            ),
        });
        match next {
            Some(next) => left = &reason[next + NEXT.len()..],
            None => return Some(refused),
        }
    }
}

/// InfluxDB 3 gives number and beginning of each line: a number alone is not believed.
fn numbered(data: &serde_json::Value, lines: &Lines) -> Option<Vec<Refused>> {
    let faults: Vec<LineFault> = if data.is_array() {
        Vec::deserialize(data).ok()?
    } else {
        vec![LineFault::deserialize(data).ok()?]
    };
    let refused: Option<Vec<_>> = faults
        .into_iter()
        .map(|fault| {
            let index = fault.line_number.checked_sub(1)?;
            let beginning = fault.original_line.trim_end_matches(['.', '…']);
            let same =
                !beginning.is_empty() && lines.line(index)?.starts_with(beginning.as_bytes());
            same.then(|| Refused {
                offset: lines.offset(index),
                reason: format!("400: {}", shortened(&fault.error_message)),
            })
        })
        .collect();
    refused.filter(|refused| !refused.is_empty())
}

/// 422: the server dropped some lines and stored the others.
fn partial(text: &str, lines: &Lines, place: &Place) -> Verdict {
    let words = told(text);
    let body: ErrorBody = serde_json::from_str(text).unwrap_or_default();
    let message = body.message.unwrap_or_default();
    let refuse = |indices: Vec<usize>| Verdict::Done {
        refused: indices
            .into_iter()
            .map(|index| Refused {
                offset: lines.offset(index),
                reason: format!("422: {words}"),
            })
            .collect(),
    };
    let Some(dropped) = dropped(&message) else {
        return Verdict::Split(bad_record(422, &words, place));
    };
    if dropped == lines.len() {
        return refuse((0..lines.len()).collect());
    }
    if let Some(conflict) = Conflict::read(&message) {
        let indices = conflict.lines(lines);
        // The message names the first reason only, and counts within one shard: unless the counts agree there is more.
        if indices.len() == dropped {
            return refuse(indices);
        }
    }
    Verdict::Split(bad_record(422, &words, place))
}

fn dropped(message: &str) -> Option<usize> {
    let (before, after) = message.rsplit_once(" dropped=")?;
    if !before.contains("partial write") {
        return None;
    }
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|dropped| *dropped > 0)
}

/// `field type conflict: input field "f" on measurement "m" is type string, already exists as type float`
struct Conflict<'a> {
    field: &'a str,
    measurement: &'a str,
    text: bool,
}

impl<'a> Conflict<'a> {
    fn read(message: &'a str) -> Option<Self> {
        let (_, left) = message.split_once("field type conflict: input field \"")?;
        let (field, left) = left.split_once("\" on measurement \"")?;
        let (measurement, left) = left.split_once("\" is type ")?;
        let (kind, _) = left.split_once(',')?;
        let plain = |name: &str| !name.is_empty() && !name.contains(['\\', '"']);
        (plain(field) && plain(measurement) && matches!(kind, "string" | "float")).then_some(Self {
            field,
            measurement,
            text: kind == "string",
        })
    }

    fn lines(&self, lines: &Lines) -> Vec<usize> {
        lines
            .iter()
            .enumerate()
            .filter(|(_, line)| has_field(line, self.measurement, self.field, self.text))
            .map(|(index, _)| index)
            .collect()
    }
}
