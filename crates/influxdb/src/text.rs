//! The primitives of line protocol: names, texts and numbers in the one form that every parser reads alike.
//!
//! # Contract
//!
//! - What is written is one token: no name, value or text can end it early or begin another (line-protocol injection).
//! - Two different names are never written alike, and nothing is lost: a name is turned back by [`percent_decode`].
//! - Nothing is allocated.
//!
//! Commas, spaces and equals signs of names are escaped by a backslash, as the protocol says. For a backslash itself in a
//! name the protocol has no escape: servers disagree about two of them, and one at the end of a tag value swallows what
//! follows. So backslashes and control characters (line ends among them) are written as `%` and two hex digits, and `%`
//! as `%25`. Text fields have a proper escape for the quote and the backslash and keep every character.

use std::io::Write;

/// How a byte of a name is written.
const PLAIN: u8 = 0;
const BACKSLASHED: u8 = 1;
const PERCENT: u8 = 2;

const NAME_BYTES: [u8; 256] = {
    let mut table = [PLAIN; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = PERCENT;
        byte += 1;
    }
    table[0x7f] = PERCENT;
    table[b'\\' as usize] = PERCENT;
    table[b'%' as usize] = PERCENT;
    table[b',' as usize] = BACKSLASHED;
    table[b'=' as usize] = BACKSLASHED;
    table[b' ' as usize] = BACKSLASHED;
    table
};

/// A tag value, or the letters of a field key. Nothing for an empty name: the caller leaves an empty tag out.
pub(crate) fn put_name(name: &str, out: &mut Vec<u8>) {
    if name
        .bytes()
        .all(|byte| NAME_BYTES[usize::from(byte)] == PLAIN)
    {
        out.extend_from_slice(name.as_bytes());
        return;
    }
    for byte in name.bytes() {
        match NAME_BYTES[usize::from(byte)] {
            PLAIN => out.push(byte),
            BACKSLASHED => out.extend_from_slice(&[b'\\', byte]),
            _ => put_percent(byte, out),
        }
    }
}

pub(crate) fn put_percent(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[
        b'%',
        HEX[usize::from(byte >> 4)],
        HEX[usize::from(byte & 15)],
    ]);
}

/// The name that was written, from what a server gives back.
pub fn percent_decode(written: &str) -> String {
    let mut bytes = Vec::with_capacity(written.len());
    let mut left = written.as_bytes();
    while let Some((&first, rest)) = left.split_first() {
        left = rest;
        let digits = rest
            .first_chunk::<2>()
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match (
            first,
            digits.and_then(|pair| u8::from_str_radix(pair, 16).ok()),
        ) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                left = &rest[2..];
            }
            (b'%', None) => {}
            _ => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text field with its quotes.
pub(crate) fn put_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    put_text_part(text, out);
    out.push(b'"');
}

/// A part of a text field: the caller writes the quotes.
pub(crate) fn put_text_part(text: &str, out: &mut Vec<u8>) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if matches!(byte, b'"' | b'\\') {
            out.extend_from_slice(&text.as_bytes()[from..at]);
            out.push(b'\\');
            from = at;
        }
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
}

/// A float field: the shortest or a plain decimal that reads back as the same number. False, and nothing written, for
/// what is not finite.
pub(crate) fn put_float(value: f64, out: &mut Vec<u8>) -> bool {
    const SCALE: f64 = 1_000.0;
    /// Up to here a scaled integer is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !value.is_finite() {
        return false;
    }
    // Nearly every sensor sends at most three decimals. The division is correctly rounded, as is the reading of the
    // decimal: if it gives the value back, so does the text.
    let scaled = (value * SCALE).round();
    if scaled.abs() < EXACT
        && scaled / SCALE == value
        && (scaled != 0.0 || value.is_sign_positive())
    {
        let thousandths = (scaled as i64).unsigned_abs();
        if scaled < 0.0 {
            out.push(b'-');
        }
        put_digits(thousandths / 1_000, out);
        put_decimals((thousandths % 1_000) as u32, out);
    } else {
        // Writing to a vector does not fail.
        let _ = write!(out, "{value:?}");
    }
    true
}

fn put_decimals(thousandths: u32, out: &mut Vec<u8>) {
    if thousandths == 0 {
        return;
    }
    let digit = |number: u32| b'0' + (number % 10) as u8;
    let digits = [
        b'.',
        digit(thousandths / 100),
        digit(thousandths / 10),
        digit(thousandths),
    ];
    let mut length = digits.len();
    while digits[length - 1] == b'0' {
        length -= 1;
    }
    out.extend_from_slice(&digits[..length]);
}

pub(crate) fn put_signed(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    put_digits(number.unsigned_abs(), out);
}

const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

fn put_digits(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut from = digits.len();
    while number >= 100 {
        from -= 2;
        digits[from..from + 2].copy_from_slice(&PAIRS[(number % 100) as usize]);
        number /= 100;
    }
    let [tens, ones] = PAIRS[number as usize];
    from -= 1;
    digits[from] = ones;
    if number >= 10 {
        from -= 1;
        digits[from] = tens;
    }
    out.extend_from_slice(&digits[from..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_one_token() {
        let name = |name: &str| written(|out| put_name(name, out));
        assert_eq!(name("wl-lao-cai"), "wl-lao-cai");
        assert_eq!(name("a b,c=d"), r"a\ b\,c\=d");
        assert_eq!(name("ends\\"), "ends%5C");
        assert_eq!(name("two\nlines\r\t\0"), "two%0Alines%0D%09%00");
        assert_eq!(name("100%"), "100%25");
        assert_eq!(name("Phường Sa Pa"), r"Phường\ Sa\ Pa");
    }

    #[test]
    fn numbers_are_decimals() {
        let float = |value: f64| written(|out| assert!(put_float(value, out)));
        assert_eq!(float(80.5), "80.5");
        assert_eq!(float(-0.007), "-0.007");
        assert_eq!(float(3.0), "3");
        assert_eq!(float(0.0), "0");
        assert_eq!(float(-0.0), "-0.0");
        assert_eq!(float(104.012_345), "104.012345");
        assert_eq!(float(1e300), "1e300");
        assert_eq!(float(1.5e-7), "1.5e-7");
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(written(|out| assert!(!put_float(value, out))), "");
        }
        assert_eq!(
            written(|out| put_signed(i64::MIN, out)),
            i64::MIN.to_string()
        );
    }

    proptest! {
        #[test]
        fn a_float_reads_back(value in prop_oneof![any::<f64>(), (-1_000_000_000_i64..1_000_000_000).prop_map(|n| n as f64 / 1_000.0)]) {
            prop_assume!(value.is_finite());
            let text = written(|out| { put_float(value, out); });
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
        }

        #[test]
        fn an_integer_reads_back(value in any::<i64>()) {
            prop_assert_eq!(written(|out| put_signed(value, out)), value.to_string());
        }

        #[test]
        fn a_name_comes_back(name in any::<String>()) {
            let text = written(|out| put_name(&name, out));
            let taken = text.replace("\\,", ",").replace("\\=", "=").replace("\\ ", " ");
            prop_assert_eq!(percent_decode(&taken), name);
        }
    }
}
