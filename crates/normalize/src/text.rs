//! Text as senders mangle it: encodings, line ends, combining accents, HTML remains, UTF-8 that somebody read as Latin-1, and
//! numbers written for people.

use std::borrow::Cow;

use event::RejectCode;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::fault::Fault;

/// A payload as text: UTF-8 with or without its mark, UTF-16 with its mark. Never empty.
pub(crate) fn decode(payload: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let wide = |unit: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| unit(*pair));
        let text: Option<String> = char::decode_utf16(units).map(Result::ok).collect();
        text.filter(|_| rest.is_empty()).ok_or_else(|| {
            let reason =
                "the payload begins as UTF-16 but is not; check the encoding of the device";
            Fault::new(RejectCode::PayloadNotUtf8, reason)
        })
    };
    let text = match payload {
        [0xFF, 0xFE, rest @ ..] => wide(u16::from_le_bytes, rest)?,
        [0xFE, 0xFF, rest @ ..] => wide(u16::from_be_bytes, rest)?,
        _ => return crate::checks::payload_text(payload).map(Cow::Borrowed),
    };
    if text.trim().is_empty() {
        let reason = "the payload is empty; check the device or gateway";
        return Err(Fault::new(RejectCode::PayloadEmpty, reason));
    }
    Ok(Cow::Owned(text))
}

/// A text put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cleaned<'t> {
    pub(crate) text: Cow<'t, str>,
    /// It had been read in a wrong encoding on its way: mended as far as it could be, or lost in part.
    pub(crate) damaged: bool,
}

/// Line ends as `\n`, character references resolved, accents composed (NFC), wrong encodings mended, blanks at both ends cut.
pub(crate) fn clean(text: &str) -> Cleaned<'_> {
    let mut text = Cow::Borrowed(text.trim());
    if text.contains('&') {
        text = Cow::Owned(without_references(&text).trim().to_owned());
    }
    if text.contains('\r') {
        text = Cow::Owned(
            text.replace("\r\n", "\n")
                .replace('\r', "\n")
                .trim()
                .to_owned(),
        );
    }
    let mut damaged = text.contains('\u{fffd}');
    // Some texts went wrong twice.
    for _ in 0..2 {
        let Some(mended) = mended(&text) else { break };
        damaged = true;
        text = Cow::Owned(mended);
    }
    if is_nfc_quick(text.chars()) != IsNormalized::Yes {
        text = Cow::Owned(text.nfc().collect());
    }
    Cleaned { text, damaged }
}

/// Longest character reference with `&` and `;`.
const REFERENCE_BYTES_MAX: usize = 12;

fn without_references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let window = from.get(..from.floor_char_boundary(REFERENCE_BYTES_MAX));
        let end = window.and_then(|window| window.find(';'));
        let letter = end.and_then(|end| referred(from.get(1..end)?));
        match (letter, end) {
            (Some(letter), Some(end)) => {
                out.push(letter);
                rest = from.get(end + 1..).unwrap_or("");
            }
            _ => {
                out.push('&');
                rest = from.get(1..).unwrap_or("");
            }
        }
    }
    out.push_str(rest);
    out
}

fn referred(name: &str) -> Option<char> {
    let letter = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let digits = name.strip_prefix('#')?;
            let number = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(number)?
        }
    };
    // A control character is no text; line ends are blanks of some editor.
    let line_end = matches!(letter, '\n' | '\r' | '\t');
    if line_end {
        Some('\n')
    } else {
        Some(letter).filter(|letter| !letter.is_control())
    }
}

/// The text with its runs of UTF-8 that were read as Latin-1 or Windows-1252 put right; `None` when there are none.
///
/// `Lào Cai` arrives as `LÃ o Cai`, `ạ` as `áº¡`. A run is taken only if it makes a letter that Vietnamese text has, and one
/// single run that ends in a quotation mark or dash is left alone: `“NGÔ NGÃ”` is sound.
fn mended(text: &str) -> Option<String> {
    if !text
        .chars()
        .any(|letter| matches!(letter, '\u{c2}'..='\u{f4}'))
    {
        return None;
    }
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut runs, mut certain) = (0, 0, false);
    while let Some(&letter) = letters.get(at) {
        match run(letters.get(at..).unwrap_or_default()) {
            Some((mended, taken)) => {
                let tail = letters.get(at + 1..at + taken).unwrap_or_default();
                certain |= !tail
                    .iter()
                    .all(|letter| matches!(letter, '\u{2013}'..='\u{201d}'));
                out.push(mended);
                runs += 1;
                at += taken;
            }
            None => {
                out.push(letter);
                at += 1;
            }
        }
    }
    // The second byte of `à` is a blank that some programs make a plain one.
    (runs > 1 || (runs == 1 && certain)).then(|| out.replace("Ã ", "à"))
}

/// One letter that came as two or three.
fn run(letters: &[char]) -> Option<(char, usize)> {
    let lead = byte_of(*letters.first()?)?;
    let (length, bits) = match lead {
        0xC2..=0xDF => (2, u32::from(lead & 0x1F)),
        0xE1 | 0xE2 => (3, u32::from(lead & 0x0F)),
        _ => return None,
    };
    let code = letters
        .get(1..length)?
        .iter()
        .try_fold(bits, |code, letter| {
            let byte = byte_of(*letter).filter(|byte| (0x80..=0xBF).contains(byte))?;
            Some(code << 6 | u32::from(byte & 0x3F))
        })?;
    let letter = char::from_u32(code)?;
    let likely = matches!(letter,
        // Latin with its accents, signs such as ° ² µ, combining accents, Vietnamese, dashes and quotes, superscripts, money
        // and what text that went wrong twice is in between.
        '\u{80}'..='\u{24f}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}'
        | '\u{2010}'..='\u{203a}' | '\u{2070}'..='\u{209f}' | '\u{20a0}'..='\u{20bf}' | '\u{2122}');
    likely.then_some((letter, length))
}

/// The byte that a letter is in Windows-1252, or in Latin-1 where that one has none.
fn byte_of(letter: char) -> Option<u8> {
    const SPECIAL: [(char, u8); 27] = [
        ('€', 0x80),
        ('‚', 0x82),
        ('ƒ', 0x83),
        ('„', 0x84),
        ('…', 0x85),
        ('†', 0x86),
        ('‡', 0x87),
        ('ˆ', 0x88),
        ('‰', 0x89),
        ('Š', 0x8A),
        ('‹', 0x8B),
        ('Œ', 0x8C),
        ('Ž', 0x8E),
        ('\u{2018}', 0x91),
        ('\u{2019}', 0x92),
        ('\u{201c}', 0x93),
        ('\u{201d}', 0x94),
        ('•', 0x95),
        ('–', 0x96),
        ('—', 0x97),
        ('˜', 0x98),
        ('™', 0x99),
        ('š', 0x9A),
        ('›', 0x9B),
        ('œ', 0x9C),
        ('ž', 0x9E),
        ('Ÿ', 0x9F),
    ];
    u8::try_from(u32::from(letter)).ok().or_else(|| {
        let found = SPECIAL.iter().find(|(special, _)| *special == letter);
        found.map(|(_, byte)| *byte)
    })
}

/// Longest number worth reading.
const NUMBER_BYTES_MAX: usize = 64;

/// A number as text: digits with one decimal mark, perhaps a sign, an exponent, and thousands in groups of three.
///
/// With `decimal_comma` the comma is the decimal mark and the dot parts thousands: `80,55`, `1.234,5`, and `1.168` is 1168. A dot
/// that can part no thousands (`80.55`, `0.168`) is a decimal point in spite of that: nothing else can be meant. Without it the
/// dot is the decimal point, and commas are thousands only where they can be nothing else (`1,234.5`, `1,234,567`): `1,168` is no
/// number, because it may be either. Words (`NaN`, `inf`), hexadecimal digits and units are no numbers.
pub(crate) fn number(text: &str, decimal_comma: bool) -> Option<f64> {
    let text = text.trim();
    if text.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let (sign, unsigned) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at)?, unsigned.get(at + 1..)?),
        None => (unsigned, "0"),
    };
    let exponent_digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = parts(mantissa, decimal_comma)?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(&whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let number: f64 = format!("{sign}{whole}.{fraction}e{exponent}")
        .parse()
        .ok()?;
    number.is_finite().then_some(number)
}

/// Digits before and behind the decimal mark, thousands joined.
fn parts(mantissa: &str, decimal_comma: bool) -> Option<(String, &str)> {
    let (decimal, thousands) = if decimal_comma {
        (',', '.')
    } else {
        ('.', ',')
    };
    if let Some((whole, fraction)) = mantissa.split_once(decimal) {
        let marks = [thousands, ' ', '\u{a0}', '\u{202f}', '\''];
        return Some((joined_by_any(whole, &marks)?, fraction));
    }
    let groups = mantissa.split(thousands).count();
    if groups == 1 {
        let blank = [' ', '\u{a0}', '\u{202f}', '\''];
        return Some((joined_by_any(mantissa, &blank)?, ""));
    }
    match (decimal_comma, joined(mantissa, thousands)) {
        (true, Some(whole)) => Some((whole, "")),
        // One dot that parts no thousands.
        (true, None) if groups == 2 => {
            let (whole, fraction) = mantissa.split_once(thousands)?;
            Some((whole.to_owned(), fraction))
        }
        (false, Some(whole)) if groups > 2 => Some((whole, "")),
        _ => None,
    }
}

fn joined_by_any(text: &str, marks: &[char]) -> Option<String> {
    match text.chars().find(|letter| marks.contains(letter)) {
        Some(mark) => joined(text, mark),
        None => Some(text.to_owned()),
    }
}

/// Groups of three, the first of one to three digits and not a lone zero.
fn joined(text: &str, mark: char) -> Option<String> {
    let mut groups = text.split(mark);
    let first = groups.next()?;
    let mut out = first.to_owned();
    let mut more = false;
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        more = true;
        out.push_str(group);
    }
    let sound = !more || ((1..=3).contains(&first.len()) && !first.starts_with('0'));
    sound.then_some(out)
}

#[cfg(test)]
mod tests;
