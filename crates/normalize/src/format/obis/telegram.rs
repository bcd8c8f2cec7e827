//! Text telegrams: the data readout of IEC 62056-21 and the P1 telegrams of DSMR, which are the same with a check word.
//!
//! ```text
//! /ISk5\2MT382-1000
//!
//! 1-0:1.8.0(000123.456*kWh)
//! !522B
//! ```

use super::super::{Raw, Stamp};
use super::code::Code;
use super::json::{number, split};
use super::{Readout, crc16_reflected, read_clock};
use crate::fault::Fault;

/// More lines than any meter has.
const LINES_MAX: usize = 2_000;

pub(super) fn read(text: &str, readout: &mut Readout) -> Result<(), Fault> {
    check(text)?;
    let text = text.trim_start_matches(['\u{0}', '\r', '\n', ' ']);
    let begin = text.find('\u{2}').map_or(0, |at| at + 1);
    let header = text.get(..begin).is_some_and(|before| before.contains('/'));
    let body = text.get(begin..).unwrap_or_default();
    let Some((body, _)) = body.split_once('!') else {
        return Err(Fault::malformed(
            "the telegram has no `!` at its end; it was cut on its way",
        ));
    };
    let mut registers = 0;
    for (at, line) in body.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || (line.starts_with('/') && !header) {
            continue;
        }
        if at >= LINES_MAX {
            return Err(Fault::malformed(format!(
                "more than {LINES_MAX} lines; this is no telegram of one meter"
            )));
        }
        registers += self::line(line, at + 1, readout)?;
    }
    if registers == 0 {
        return Err(Fault::malformed(
            "there is no line of the form code(value); is this a meter's telegram?",
        ));
    }
    Ok(())
}

/// The check word of P1 behind `!`, or the block check character behind ETX.
fn check(text: &str) -> Result<(), Fault> {
    if let (Some(begin), Some(end)) = (text.find('/'), text.find('!')) {
        let word: String = text
            .get(end + 1..)
            .unwrap_or_default()
            .chars()
            .take_while(char::is_ascii_hexdigit)
            .collect();
        if word.len() == 4 && begin < end {
            let bytes = text.as_bytes().get(begin..=end).unwrap_or_default();
            let computed = crc16_reflected(bytes, 0);
            if u16::from_str_radix(&word, 16) != Ok(computed) {
                let reason = format!(
                    "the check word is {word}, the telegram's own is {computed:04X}; it was damaged on its way"
                );
                return Err(Fault::malformed(reason));
            }
        }
    }
    if let (Some(begin), Some(end)) = (text.find('\u{2}'), text.find('\u{3}'))
        && begin < end
        && let Some(bcc) = text.as_bytes().get(end + 1)
    {
        let bytes = text.as_bytes().get(begin + 1..=end).unwrap_or_default();
        let computed = bytes.iter().fold(0, |sum, byte| sum ^ byte) & 0x7F;
        if *bcc & 0x7F != computed {
            let reason = "the block check character is wrong; the telegram was damaged on its way";
            return Err(Fault::malformed(reason));
        }
    }
    Ok(())
}

/// `code(value*unit)`, with further groups in brackets for maxima and for other meters on the bus. How many registers it had.
fn line(line: &str, at: usize, readout: &mut Readout) -> Result<usize, Fault> {
    let Some((word, rest)) = line.split_once('(') else {
        // Makers put other lines in; a line with a code but no value is damage.
        return match Code::parse(line) {
            Some(code) => Err(Fault::malformed(format!(
                "line {at}: {code} has no value in brackets"
            ))),
            None => Ok(0),
        };
    };
    let mut groups = Vec::new();
    let mut rest = rest;
    loop {
        let Some((group, behind)) = rest.split_once(')') else {
            return Err(Fault::malformed(format!(
                "line {at}: a bracket is not closed; the telegram was damaged"
            )));
        };
        if groups.len() < 16 {
            groups.push(group);
        }
        match behind.split_once('(') {
            Some((_, next)) => rest = next,
            None => break,
        }
    }
    let Some(code) = Code::parse(word) else {
        readout.unknown += 1;
        return Ok(1);
    };
    let (value, stamp) = value(&groups);
    let (digits, unit) = split(value);
    let raw = match (code.meaning(), number(digits)) {
        (super::code::Meaning::Value, Some(number)) => Raw::Number(number),
        _ => Raw::Text(digits.to_owned()),
    };
    readout.take(code, raw, unit, stamp)?;
    Ok(1)
}

/// Meters behind the meter put the time of the value first: `(101209112500W)(12785.123*m3)`.
fn value<'g>(groups: &[&'g str]) -> (&'g str, Option<Stamp>) {
    match groups {
        [first, second, ..]
            if second.contains('*') && !first.contains('*') && first.len() >= 12 =>
        {
            (second, read_clock(first.trim()))
        }
        [first, ..] => (first, None),
        [] => ("", None),
    }
}
