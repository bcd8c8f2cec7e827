//! `ioc catalog`, `ioc decode`, `ioc decoder`: a site pack and payloads tried out without a node. What they say is what the
//! product would do: the same loading, the same normalizer, the same JSON.

mod adopt;
pub(crate) mod args;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use event::{RejectCode, Time};
use normalize::{Catalogue, Normalized, TryError};
use serde_json::json;

use crate::commands::{USAGE, complain_line};
use crate::site::{self, Site};
use crate::{clock, logging};
use args::{CatalogCommand, CheckArgs, DecodeArgs, DecoderCommand};

pub(crate) use adopt::{FILE as ADOPTED_FILE, adopt, is_writable, propose, snippet};

/// Exit code of a pack with mistakes.
const MISTAKES: u8 = 1;

pub(crate) fn catalog(command: &CatalogCommand) -> Result<ExitCode> {
    match command {
        CatalogCommand::Check(args) => check(args),
        CatalogCommand::Adopt(args) => adopt::run(args),
    }
}

fn check(args: &CheckArgs) -> Result<ExitCode> {
    let pack = match site::read(&args.site) {
        Ok(pack) => pack,
        Err(error) => return Ok(wrong_call(&format!("{error:#}"))),
    };
    let mistakes = Site::load(&pack).err().unwrap_or_default();
    let mut out = io::stdout().lock();
    if args.json {
        let list = mistakes.iter().map(|mistake| {
            json!({"file": mistake.file, "line": (mistake.line > 0).then_some(mistake.line), "message": mistake.message})
        });
        let answer = json!({
            "site": args.site,
            "good": mistakes.is_empty(),
            "mistakes": list.collect::<Vec<_>>(),
        });
        writeln!(out, "{answer}")?;
    } else {
        for mistake in &mistakes {
            writeln!(out, "{}/{mistake}", args.site)?;
        }
        match mistakes.len() {
            0 => writeln!(out, "{}: the site pack is good", args.site)?,
            count => writeln!(
                out,
                "{count} mistake(s); rules, thresholds and display are looked at once the catalogue itself is good"
            )?,
        }
    }
    Ok(if mistakes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(MISTAKES)
    })
}

pub(crate) fn decode(args: &DecodeArgs) -> Result<ExitCode> {
    let Ok(tried) = try_out(args)? else {
        return Ok(ExitCode::from(USAGE));
    };
    let mut out = io::stdout().lock();
    for line in &tried.lines {
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn decoder(command: &DecoderCommand) -> Result<ExitCode> {
    let DecoderCommand::Test(args) = command;
    let Ok(tried) = try_out(args)? else {
        return Ok(ExitCode::from(USAGE));
    };
    let mut out = io::stdout().lock();
    for line in &tried.lines {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "{} bytes, {} event(s), {:.3} ms{}",
        tried.bytes,
        tried.events,
        tried.took_ms,
        if tried.refused { ", refused" } else { "" }
    )?;
    Ok(if tried.refused {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What a payload gave.
struct Tried {
    lines: Vec<String>,
    bytes: usize,
    events: usize,
    refused: bool,
    took_ms: f64,
}

/// A wrong call was told already.
struct WrongCall;

fn try_out(args: &DecodeArgs) -> Result<Result<Tried, WrongCall>> {
    logging::start("warn");
    let wrong = |message: &str| {
        complain_line(message);
        Ok(Err(WrongCall))
    };
    let now = Time(clock::wall_now());
    let Some(received) = console::parse_instant(&args.received, now) else {
        return wrong(&format!(
            "--received {:?} is no time: write ISO 8601 with a zone (2024-09-09T00:00:00+07:00), now, or so long ago (-6h)",
            args.received
        ));
    };
    let pack = match site::read(&args.site) {
        Ok(pack) => pack,
        Err(error) => return wrong(&format!("{error:#}")),
    };
    let catalogue = match Catalogue::load(&pack) {
        Ok(catalogue) => catalogue,
        Err(mistakes) => {
            mistakes
                .iter()
                .for_each(|mistake| complain_line(&format!("{}/{mistake}", args.site)));
            return Ok(Err(WrongCall));
        }
    };
    let payload_bytes_max = mqtt::ListenerConfig::default().payload_bytes_max as usize;
    let payload = match read(&args.file, payload_bytes_max) {
        Ok(payload) => payload,
        Err(error) => return wrong(&format!("{error:#}")),
    };
    if payload.len() > payload_bytes_max {
        let reason = format!(
            "the payload has more than {payload_bytes_max} bytes, over the limit; split the message"
        );
        return Ok(Ok(Tried {
            lines: vec![refusal(RejectCode::PayloadTooLarge, &reason)],
            bytes: payload.len(),
            events: 0,
            refused: true,
            took_ms: 0.0,
        }));
    }
    let began = Instant::now();
    let normalized = normalize::try_out(
        catalogue,
        &args.profile,
        args.topic.as_deref(),
        received,
        &args.content_type,
        &payload,
    );
    let took_ms = began.elapsed().as_secs_f64() * 1e3;
    match normalized {
        Ok(list) => Ok(Ok(tried(&list, payload.len(), took_ms)?)),
        Err(error @ TryError::ProfileUnknown { .. }) => wrong(&error.to_string()),
    }
}

fn tried(list: &[Normalized], bytes: usize, took_ms: f64) -> Result<Tried> {
    let mut tried = Tried {
        lines: Vec::with_capacity(list.len()),
        bytes,
        events: 0,
        refused: false,
        took_ms,
    };
    for one in list {
        let line = match one {
            Normalized::Event(event) => {
                tried.events += 1;
                serde_json::to_string(&event.json()).context("cannot write an event as JSON")?
            }
            Normalized::Reject(reject) => {
                tried.refused = true;
                refusal(reject.code, &reject.reason)
            }
            Normalized::Duplicate => json!({"duplicate": true}).to_string(),
            Normalized::State => json!({"state": true}).to_string(),
        };
        tried.lines.push(line);
    }
    Ok(tried)
}

fn refusal(code: RejectCode, reason: &str) -> String {
    json!({"reject": {"code": code, "reason": reason}}).to_string()
}

/// At most one byte more than the limit: enough to see that it is over.
fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
    };
    let mut bytes = Vec::new();
    source
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

fn wrong_call(message: &str) -> ExitCode {
    complain_line(message);
    ExitCode::from(USAGE)
}
