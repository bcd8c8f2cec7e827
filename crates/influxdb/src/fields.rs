//! Looking into lines of our own writing.

/// Whether `line` is of `measurement` and has `field` (both as they are written) as a text, or as a number.
pub(crate) fn has_field(line: &[u8], measurement: &str, field: &str, text: bool) -> bool {
    let Some(rest) = line.strip_prefix(measurement.as_bytes()) else {
        return false;
    };
    if !matches!(rest.first(), Some(b',' | b' ')) {
        return false;
    }
    let Some(start) = unescaped(rest, b" ") else {
        return false;
    };
    let mut left = &rest[start + 1..];
    loop {
        let Some(end) = unescaped(left, b"=") else {
            return false;
        };
        let (key, value) = (&left[..end], &left[end + 1..]);
        let is_text = value.first() == Some(&b'"');
        if key == field.as_bytes() && is_text == text {
            return true;
        }
        let after = if is_text {
            match unescaped(&value[1..], b"\"") {
                Some(end) => &value[end + 2..],
                None => return false,
            }
        } else {
            match unescaped(value, b", ") {
                Some(end) => &value[end..],
                None => return false,
            }
        };
        match after.split_first() {
            Some((b',', next)) => left = next,
            _ => return false,
        }
    }
}

/// Where the first of `wanted` stands that no backslash escapes.
fn unescaped(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let found = !escaped && wanted.contains(byte);
        escaped = !escaped && *byte == b'\\';
        found
    })
}

#[cfg(test)]
mod tests {
    use super::has_field;

    #[test]
    fn a_field_is_found_where_it_is_one() {
        let line = br#"energy,entity=a\ level\=1,site=s v=1,note="x, level=\"2\" \\",level=3,level_quality="old" 5"#;
        assert!(has_field(line, "energy", "level", false));
        assert!(has_field(line, "energy", "note", true));
        assert!(has_field(line, "energy", "level_quality", true));
        assert!(!has_field(line, "energy", "level", true));
        assert!(!has_field(line, "energy", "level_quality", false));
        assert!(!has_field(line, "energ", "level", false));
        assert!(!has_field(line, "energy", "site", true));
        assert!(!has_field(line, "energy", "2", false));
        assert!(!has_field(b"energy v=1", "energy", "w", false));
    }
}
