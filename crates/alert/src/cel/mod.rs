//! Conditions in CEL syntax: text -> tokens -> tree -> types and slots -> a flat program.
//!
//! The language is total: no loops, no recursion, no user functions, nothing that reaches outside the slots. Text, depth,
//! nodes and cost are bounded at load ([`LENGTH_MAX`], [`DEPTH_MAX`], [`NODES_MAX`], [`COST_MAX`]), so that evaluating
//! needs no step counter. Differences from the CEL specification, all towards fewer surprises for rule writers:
//!
//! - there is one number type (finite `f64`); an arithmetic result that is not finite is an error, like division by zero;
//! - `limit.NAME` is the entity's threshold of that name for the rule's measure;
//! - a measure that the entity has not (or no longer) a usable value for is *unknown*: it behaves like a CEL error in
//!   `&&`, `||` and `?:` but is not counted as the rule's fault. Unknown and error are neither true nor false.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the language itself defines what holds for every other token or value"
)]

mod calls;
mod compile;
mod groups;
mod inputs;
mod lexer;
mod lint;
mod memo;
mod parser;
mod program;
mod spans;
pub(crate) mod steps;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use compile::{Environment, Need, compile};
pub(crate) use inputs::{Inputs, LimitCell, MemberView, Place};
pub(crate) use memo::{Memo, Room};
pub(crate) use program::{Program, Value};

/// Longest condition, in bytes.
pub(crate) const LENGTH_MAX: usize = 1_024;
/// Deepest tree; also bounds the recursion of parser and evaluator.
pub(crate) const DEPTH_MAX: u16 = 32;
/// Most nodes of one program.
pub(crate) const NODES_MAX: usize = 192;
/// Most work of one evaluation, in steps: nodes, samples and members looked at.
pub(crate) const COST_MAX: u64 = 200_000;
/// Most observations that one function over time looks at, newest first.
pub(crate) const WINDOW_SAMPLES_MAX: usize = 16_384;
/// Most points at which `times` asks its condition, newest first.
pub(crate) const TIMES_POINTS_MAX: usize = 2_048;
/// Most members that `across` asks, in the order of their ids.
pub(crate) const MEMBERS_MAX: usize = 256;
/// Longest window of a function over time, seconds.
pub(crate) const WINDOW_SECONDS_MAX: i64 = 3 * 24 * 3_600;
/// Longest session.
pub(crate) const SESSION_NS_MAX: i64 = 24 * 3_600 * 1_000_000_000;
/// Most days of a baseline.
pub(crate) const BASELINE_DAYS_MAX: u8 = 14;
/// Local time of the sites served: Viet Nam has had no other offset since 1975 and no daylight saving.
pub(crate) const LOCAL_OFFSET_NS: i64 = 7 * 3_600 * 1_000_000_000;

/// What an expression yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Boolean,
    Text,
    Duration,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Boolean => "bool",
            Self::Text => "string",
            Self::Duration => "duration",
        }
    }
}

/// A mistake at a byte of the expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl Mistake {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

/// Reads `90s`, `10m`, `1h30m`, `1.5h`, `500ms` into nanoseconds; never negative.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 5] = [
        ("ms", 1e6),
        ("d", 86_400e9),
        ("h", 3_600e9),
        ("m", 60e9),
        ("s", 1e9),
    ];
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let number: f64 = number.parse().ok()?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        total += number * factor;
        rest = &tail[unit.len()..];
    }
    // Below a hundred years the conversion is exact enough and cannot overflow.
    (!text.is_empty() && total < 3.2e18).then_some(total as i64)
}
