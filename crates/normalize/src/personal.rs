//! Personal data: recognised before anything else is done with a message.
//!
//! Only keys that the site pack lists exactly (`personal.toml`) with a value behind them count, and number patterns in fields
//! that a profile declares free text: a false hit destroys data. The scan is lexical, so that a payload which is no valid
//! document does not slip through. The sentence of a refusal names the keys and nothing of the values.

mod lexical;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use event::RejectCode;

use crate::fault::Fault;

/// Keys told in one refusal.
const TOLD_MAX: usize = 16;

#[derive(Clone, Debug, Default)]
pub(crate) struct Personal {
    keys: BTreeSet<String>,
    /// Bytes of the longest key.
    longest: usize,
    /// Which bytes a key begins with, and which lengths keys have, as bits: most of what is looked up is no key.
    firsts: [u128; 2],
    lengths: u128,
}

impl Personal {
    pub(crate) fn new(keys: BTreeSet<String>) -> Self {
        let longest = keys.iter().map(String::len).max().unwrap_or(0);
        let mut personal = Self {
            longest,
            ..Self::default()
        };
        for key in &keys {
            let first = key.bytes().next().unwrap_or(0);
            personal.firsts[usize::from(first >> 7)] |= 1 << (first & 127);
            personal.lengths |= 1 << key.len().min(127);
        }
        Self { keys, ..personal }
    }

    pub(crate) fn is_key(&self, key: &str) -> bool {
        self.may_be_key(key.as_bytes()) && self.keys.contains(key)
    }

    fn begins(&self, byte: u8) -> bool {
        self.firsts[usize::from(byte >> 7)] & (1 << (byte & 127)) != 0
    }

    fn may_be_key(&self, key: &[u8]) -> bool {
        self.lengths & (1 << key.len().min(127)) != 0
            && key.first().is_some_and(|first| self.begins(*first))
    }

    /// Whether a listed key stands anywhere in the bytes, in whatever form: no more than a hint.
    pub(crate) fn mentioned(&self, payload: &[u8]) -> bool {
        let starts = |at: usize| {
            let rest = payload.get(at..).unwrap_or_default();
            // From the first key with that letter on, where it is one: keys are sorted.
            let first = rest.get(..1).unwrap_or_default();
            let from = std::str::from_utf8(first).unwrap_or_default();
            let from_on = (std::ops::Bound::Included(from), std::ops::Bound::Unbounded);
            let keys = self.keys.range::<str, _>(from_on);
            keys.take_while(|key| from.is_empty() || key.starts_with(from))
                .any(|key| rest.starts_with(key.as_bytes()))
        };
        let mut bytes = payload.iter().enumerate();
        bytes.any(|(at, byte)| self.begins(*byte) && starts(at))
    }

    /// The listed keys that the payload has a value for, sorted, each once.
    pub(crate) fn scan(&self, payload: &[u8]) -> Vec<String> {
        self.found(payload, false)
    }

    /// The same for what is refused anyhow, and is kept only if there are no personal data in it: here the names of
    /// protocol buffers count too, whose values cannot be told from none without their definition.
    pub(crate) fn scan_refused(&self, payload: &[u8]) -> Vec<String> {
        self.found(payload, true)
    }

    fn found(&self, payload: &[u8], refused: bool) -> Vec<String> {
        if self.keys.is_empty() {
            return Vec::new();
        }
        let mut scan = lexical::Scan::new(self, refused);
        scan.all(payload);
        scan.found.into_iter().collect()
    }
}

/// Whether the bytes could hold a number of a person at all: enough digits, or written so that they cannot be seen.
pub(crate) fn may_hold_numbers(payload: &[u8]) -> bool {
    // Nine digits with at most one sign between each two.
    let (mut digits, mut others) = (0_u32, 0_u32);
    for byte in payload {
        if byte.is_ascii_digit() {
            digits += 1;
            others = 0;
        } else {
            others += 1;
            // A no-break space has two bytes.
            if others > 2 {
                digits = 0;
            }
        }
        if digits >= 9 {
            return true;
        }
    }
    false
}

/// Whether keys may be written so that their bytes do not show: by escapes, or in wide characters.
pub(crate) fn is_veiled(payload: &[u8]) -> bool {
    let escaped = payload
        .windows(2)
        .any(|pair| matches!(pair, [b'\\', b'u' | b'U']));
    escaped || payload.starts_with(b"\xff\xfe") || payload.starts_with(b"\xfe\xff")
}

/// Whether a free text has a number as identity cards (9 or 12 digits) or telephones (10 after a 0, 11 after 84) have, in one run
/// or written in groups as people do: `0912 345 678`, `+84 912 345 678`, `001 090 012 345`.
pub(crate) fn is_number_of_a_person(text: &str) -> bool {
    let mut runs = text.split(|letter: char| !letter.is_ascii_digit());
    let run_together = runs.any(|run| match run.len() {
        9 | 12 => true,
        10 => run.starts_with('0'),
        11 => run.starts_with("84"),
        _ => false,
    });
    run_together || is_grouped(text)
}

/// Groups as they are written by hand; any others may be dates, times and amounts.
fn is_grouped(text: &str) -> bool {
    const MOBILE: [&str; 5] = ["03", "05", "07", "08", "09"];
    let mut groups: Vec<&str> = Vec::new();
    let mut rest = text;
    loop {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit());
        let (run, behind) = rest.split_at(digits.unwrap_or(rest.len()));
        if !run.is_empty() {
            groups.push(run);
        }
        let goes_on = behind.starts_with([' ', '.', '-', '\u{a0}'])
            && behind
                .chars()
                .nth(1)
                .is_some_and(|next| next.is_ascii_digit());
        if !goes_on || run.is_empty() {
            let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
            let first = groups.first().copied().unwrap_or_default();
            let hit = match lengths.as_slice() {
                [4, 3, 3] | [3, 3, 4] | [3, 4, 3] | [4, 6] | [4, 2, 2, 2] => {
                    MOBILE.iter().any(|start| first.starts_with(start))
                }
                [2, 2 | 3, 3, 4] | [2, 3, 3, 3] | [2, 2, 3, 2, 2] | [2, 9] => first == "84",
                [3, 3, 3, 3] => first.starts_with('0'),
                _ => false,
            };
            if hit {
                return true;
            }
            groups.clear();
        }
        let Some(next) = behind.chars().next() else {
            return false;
        };
        rest = behind.get(next.len_utf8()..).unwrap_or_default();
    }
}

/// The refusal: a function of the key names alone, so that a replay from the redaction record says the same.
pub(crate) fn fault(keys: &[String]) -> Fault {
    Fault::new(
        RejectCode::PersonalData,
        event::personal_data_reason(keys.iter().map(String::as_str).take(TOLD_MAX)),
    )
}
