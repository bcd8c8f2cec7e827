//! A decoder written by the site, in Rhai: for devices that no other format reads.
//!
//! Contract: `options.script` names a file below `decoders/`; it is compiled when the pack is loaded, and a mistake in it is a
//! mistake of the pack. The script has a function `decode(payload, topic, device)`; `options.input` says what `payload` is:
//! `bytes` (the default; see [`library`]), `text`, or `json` (maps and lists). It returns a map, or a list of maps, each
//! `#{ fields: #{ name: value }, ts, ts_until, valid_from, valid_to, seq, lat, lon, status, history, state, device }`, of which
//! all but `fields` may be left out; a list of no maps, and `()`, mean that there is nothing to deliver. A value is a number, a boolean, a text, `()`,
//! or `#{ value, unit }` with a UCUM code.
//!
//! The same payload gives the same records for ever: a script has no clock, no randomness, no files, no other scripts and no
//! memory. It is bounded in steps, calls and sizes ([`Limits`]); because one step may handle a large value, large values are
//! charged by their size, so that the bound of steps is a bound of time.

mod budget;
mod engine;
mod library;
mod result;

use std::sync::Arc;

use event::RejectCode;
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, Position, Scope};

use super::{Options, Records, Wire, tree};
use crate::fault::Fault;

#[derive(Clone)]
pub(crate) struct Plan {
    file: String,
    input: Input,
    limits: Limits,
    engine: Arc<Engine>,
    program: Arc<AST>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut plan = f.debug_struct("Plan");
        plan.field("file", &self.file).field("input", &self.input);
        plan.field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Bytes,
    Text,
    Json,
}

/// What a script may use for one message. With the most steps that may be configured the worst scripts of the tests take about
/// 30 ms, optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    /// Steps, and as much again of charges for large values.
    operations: u64,
    call_depth: usize,
    string_bytes: usize,
    array_items: usize,
    map_items: usize,
}

impl Limits {
    fn of(options: &Options<'_>) -> Result<Self, String> {
        let whole = |key: &str, default: i64, most: i64| -> Result<usize, String> {
            let value = options.whole(key)?.unwrap_or(default);
            let value = Some(value).filter(|value| (1..=most).contains(value));
            value
                .and_then(|value| usize::try_from(value).ok())
                .ok_or_else(|| format!("`options.{key}` must be from 1 to {most}"))
        };
        Ok(Self {
            operations: whole("operations", 100_000, 500_000)? as u64,
            call_depth: whole("call_depth", 16, 32)?,
            string_bytes: whole("string_bytes", 65_536, 262_144)?,
            array_items: whole("array_items", 1_024, 2_048)?,
            map_items: whole("map_items", 256, 1_024)?,
        })
    }
}

/// A decoder is a page or two.
const SCRIPT_BYTES_MAX: usize = 65_536;

/// The function that a script must have.
const ENTRY: &str = "decode";

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let Some(file) = options.text("script")? else {
            return Err(
                "`options.script` is missing: the file of the decoder, as in decoders/name.rhai"
                    .to_owned(),
            );
        };
        let text = options.file(file)?;
        let inputs = [
            ("bytes", Input::Bytes),
            ("text", Input::Text),
            ("json", Input::Json),
        ];
        let input = options.word("input", &inputs)?.unwrap_or(Input::Bytes);
        Self::of(file, text, input, Limits::of(options)?)
    }

    fn of(file: &str, text: &str, input: Input, limits: Limits) -> Result<Self, String> {
        if text.len() > SCRIPT_BYTES_MAX {
            return Err(format!(
                "{file}: a decoder has at most {SCRIPT_BYTES_MAX} bytes"
            ));
        }
        let engine = engine::build(limits);
        let program = engine
            .compile(text)
            .map_err(|error| match error.position().line() {
                Some(line) => format!("{file}:{line}: {}", error.err_type()),
                None => format!("{file}: {}", error.err_type()),
            })?;
        let entry = program
            .iter_functions()
            .any(|known| known.name == ENTRY && known.params.len() == 3);
        if !entry {
            return Err(format!(
                "{file}: there is no function `{ENTRY}(payload, topic, device)`"
            ));
        }
        Ok(Self {
            file: file.to_owned(),
            input,
            limits,
            engine: Arc::new(engine),
            program: Arc::new(program),
        })
    }
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let payload = match plan.input {
        Input::Bytes if wire.payload.is_empty() => {
            return Err(Fault::new(
                RejectCode::PayloadEmpty,
                "the payload is empty; check the device or gateway",
            ));
        }
        Input::Bytes => Dynamic::from(library::Bytes::from(wire.payload)),
        Input::Text => {
            let text = crate::checks::payload_text(wire.payload)?;
            if text.len() > plan.limits.string_bytes {
                return Err(limit(
                    plan,
                    "the payload is longer than `options.string_bytes`",
                    Position::NONE,
                ));
            }
            Dynamic::from(text.to_owned())
        }
        Input::Json => {
            super::modbus::check_size(wire)?;
            library::of_json(tree::parse(wire)?)
        }
    };
    let returned = run(plan, payload, wire.topic, wire.device.unwrap_or_default())?;
    for record in result::records(returned, wire.device.is_some())
        .map_err(|what| Fault::new(RejectCode::DecoderFailed, format!("{}: {what}", plan.file)))?
    {
        out.push(record)?;
    }
    Ok(())
}

fn run(plan: &Plan, payload: Dynamic, topic: &str, device: &str) -> Result<Dynamic, Fault> {
    let arguments = (payload, topic.to_owned(), device.to_owned());
    budget::set(plan.limits.operations);
    // The body of the script outside its functions has nothing to do here.
    let options = CallFnOptions::new().eval_ast(false);
    let mut scope = Scope::new();
    let result = plan.engine.call_fn_with_options::<Dynamic>(
        options,
        &mut scope,
        &plan.program,
        ENTRY,
        arguments,
    );
    budget::set(0);
    result.map_err(|error| fault(plan, &error))
}

/// The innermost error, with its line.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's errors are an open list; all but the bounds are failures of the script"
)]
fn fault(plan: &Plan, error: &EvalAltResult) -> Fault {
    let mut error = error;
    let mut position = error.position();
    // Calls are nested no deeper than `call_depth`.
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) = error {
        error = inner;
        if !error.position().is_none() {
            position = error.position();
        }
    }
    match error {
        EvalAltResult::ErrorTooManyOperations(_) => {
            limit(plan, "more steps than `options.operations`", position)
        }
        EvalAltResult::ErrorTerminated(..) => limit(
            plan,
            "handling large values took more than `options.operations` allows",
            position,
        ),
        EvalAltResult::ErrorStackOverflow(_) => limit(
            plan,
            "calls nested deeper than `options.call_depth`",
            position,
        ),
        EvalAltResult::ErrorDataTooLarge(..) => limit(
            plan,
            "a text, list or map larger than `options.string_bytes`, `array_items` or `map_items`",
            position,
        ),
        EvalAltResult::ErrorTooManyVariables(_) => limit(plan, "too many variables", position),
        other => {
            let mut words = other.to_string();
            if let Some(at) = words.find(" (line ") {
                words.truncate(at);
            }
            let words: String = words.chars().take(200).collect();
            let reason = format!(
                "{}: {words}; mend the decoder or the device",
                place(plan, position)
            );
            Fault::new(RejectCode::DecoderFailed, reason)
        }
    }
}

fn limit(plan: &Plan, what: &str, position: Position) -> Fault {
    let reason = format!("{}: {what}; mend the decoder", place(plan, position));
    Fault::new(RejectCode::DecoderLimit, reason)
}

fn place(plan: &Plan, position: Position) -> String {
    match position.line() {
        Some(line) => format!("{}:{line}", plan.file),
        None => plan.file.clone(),
    }
}

/// What a decoder makes of a payload: for trying one out.
///
/// `script` is the decoder's text and `input` the word of `options.input`. Gives one line a record, or what is wrong with
/// the script or with the payload, with the line of the script where there is one.
pub fn try_script(
    file: &str,
    script: &str,
    input: &str,
    payload: &[u8],
    topic: &str,
    device: &str,
) -> Result<Vec<String>, String> {
    let input = match input {
        "bytes" => Input::Bytes,
        "text" => Input::Text,
        "json" => Input::Json,
        other => return Err(format!("input `{other}` is none of bytes, text and json")),
    };
    let nothing = toml::Table::new();
    let files = event::PackFiles::default();
    let limits = Limits::of(&Options::new(&nothing, &files))?;
    let plan = Plan::of(file, script, input, limits)?;
    let payload = match input {
        Input::Bytes => Dynamic::from(library::Bytes::from(payload)),
        Input::Text => Dynamic::from(
            std::str::from_utf8(payload)
                .map_err(|error| error.to_string())?
                .to_owned(),
        ),
        Input::Json => {
            library::of_json(serde_json::from_slice(payload).map_err(|error| error.to_string())?)
        }
    };
    let returned = run(&plan, payload, topic, device).map_err(|fault| fault.reason)?;
    let records = result::records(returned, true)?;
    Ok(records.iter().map(result::line).collect())
}

#[cfg(test)]
mod tests;
