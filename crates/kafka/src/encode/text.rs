//! JSON scalars written straight into a buffer: the same bytes that `serde_json` gives, without its detours.

use event::{EventId, Time};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A JSON string.
pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    for (at, byte) in bytes.iter().copied().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[clean_from..at]);
        clean_from = at + 1;
        put_escaped(byte, out);
    }
    out.extend_from_slice(&bytes[clean_from..]);
    out.push(b'"');
}

fn put_escaped(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            put_hex(byte, out);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn put_hex(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 0x0f)],
    ]);
}

/// A UUID without quotes.
pub(crate) fn put_id(id: EventId, out: &mut Vec<u8>) {
    for (at, byte) in id.0.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        put_hex(byte, out);
    }
}

pub(crate) fn put_unsigned(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// `width` digits of the low end of `number`, zeros in front.
pub(crate) fn put_padded(mut number: u64, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// ISO 8601 in UTC without quotes; the fraction as short as it can be.
pub(crate) fn put_time(time: Time, out: &mut Vec<u8>) {
    const DAY_SECONDS: i64 = 86_400;
    let seconds = time.0.div_euclid(Time::SECOND);
    let mut fraction = time.0.rem_euclid(Time::SECOND).unsigned_abs();
    let (year, month, day) = civil(seconds.div_euclid(DAY_SECONDS));
    let of_day = seconds.rem_euclid(DAY_SECONDS).unsigned_abs();
    put_padded(year, 4, out);
    out.push(b'-');
    put_padded(month, 2, out);
    out.push(b'-');
    put_padded(day, 2, out);
    out.push(b'T');
    put_padded(of_day / 3_600, 2, out);
    out.push(b':');
    put_padded(of_day / 60 % 60, 2, out);
    out.push(b':');
    put_padded(of_day % 60, 2, out);
    if fraction > 0 {
        let mut width = 9;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
        out.push(b'.');
        put_padded(fraction, width, out);
    }
    out.push(b'Z');
}

/// Year, month and day of a day counted from 1970-01-01; years 1677 to 2262, so never negative.
fn civil(days: i64) -> (u64, u64, u64) {
    // Counted in eras of 400 years that begin on 1 March: leap days then come last.
    let shifted = (days + 719_468).unsigned_abs();
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// Standard base64 with padding, without quotes.
pub(super) fn put_base64(bytes: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let mut word = [0_u8; 3];
        word[..group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for place in 0..4 {
            if place > group.len() {
                out.push(b'=');
            } else {
                out.push(ALPHABET[(bits >> (18 - 6 * place) & 0x3f) as usize]);
            }
        }
    }
}
