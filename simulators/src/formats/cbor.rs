//! CBOR (RFC 8949), as much as senders need: definite lengths, shortest heads, doubles.

/// Appends a head of the given major type.
pub(crate) fn head(out: &mut Vec<u8>, major: u8, value: u64) {
    let first = major << 5;
    match (
        u8::try_from(value),
        u16::try_from(value),
        u32::try_from(value),
    ) {
        (Ok(value), _, _) if value < 24 => out.push(first | value),
        (Ok(value), _, _) => out.extend_from_slice(&[first | 24, value]),
        (_, Ok(value), _) => {
            out.push(first | 25);
            out.extend_from_slice(&value.to_be_bytes());
        }
        (_, _, Ok(value)) => {
            out.push(first | 26);
            out.extend_from_slice(&value.to_be_bytes());
        }
        (Err(_), Err(_), Err(_)) => {
            out.push(first | 27);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

pub(crate) fn integer(out: &mut Vec<u8>, value: i64) {
    match u64::try_from(value) {
        Ok(value) => head(out, 0, value),
        // Major type 1 holds -1 - n.
        Err(_) => head(out, 1, (-1 - value).unsigned_abs()),
    }
}

pub(crate) fn text(out: &mut Vec<u8>, value: &str) {
    head(out, 3, u64::try_from(value.len()).unwrap_or(0));
    out.extend_from_slice(value.as_bytes());
}

pub(crate) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xf5 } else { 0xf4 });
}

/// A whole number as an integer, else a double.
pub(crate) fn number(out: &mut Vec<u8>, value: f64) {
    let whole = value as i64;
    if value.abs() < 9e15 && (whole as f64 - value).abs() < f64::EPSILON {
        integer(out, whole);
    } else {
        out.push(0xfb);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::bytes::hex;

    #[test]
    fn agrees_with_appendix_a_of_rfc_8949() {
        for (value, coded) in [
            (0.0, "00"),
            (23.0, "17"),
            (24.0, "1818"),
            (100.0, "1864"),
            (1_000.0, "1903e8"),
            (1_000_000.0, "1a000f4240"),
            (1_000_000_000_000.0, "1b000000e8d4a51000"),
            (-1.0, "20"),
            (-100.0, "3863"),
            (-1_000.0, "3903e7"),
            (1.1, "fb3ff199999999999a"),
            (-4.1, "fbc010666666666666"),
        ] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(hex(&out), coded);
        }
        let mut out = Vec::new();
        text(&mut out, "\u{6c34}");
        assert_eq!(hex(&out), "63e6b0b4");
    }
}
