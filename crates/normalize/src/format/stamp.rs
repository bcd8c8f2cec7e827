//! Times as payloads write them: with a zone, without one (local to whoever the profile says), or as a number since 1970.

use serde_json::Value;

use super::Stamp;
use crate::time;

/// A number or a text; none if it is no time.
pub(super) fn of_json(value: &Value) -> Option<Stamp> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(Stamp::At(time::from_whole(whole))),
            None => of_number(number.as_f64()?),
        },
        Value::String(text) => of_text(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn of_number(number: f64) -> Option<Stamp> {
    number
        .is_finite()
        .then(|| Stamp::At(time::from_float(number)))
}

/// RFC 3339, also with a zone like `+0700` or without any, and numbers written as text.
pub(super) fn of_text(text: &str) -> Option<Stamp> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    if let Some(at) = time::from_text(text) {
        return Some(Stamp::At(at));
    }
    if let Some(local) = time::from_text(&format!("{text}Z")) {
        return Some(Stamp::Local(local));
    }
    if let Some((rest, minutes)) = text
        .len()
        .checked_sub(2)
        .and_then(|at| text.split_at_checked(at))
        && let Some(at) = time::from_text(&format!("{rest}:{minutes}"))
    {
        return Some(Stamp::At(at));
    }
    let digits = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    if !text.is_empty() && text.bytes().all(digits) {
        return match text.parse::<i64>() {
            Ok(whole) => Some(Stamp::At(time::from_whole(whole))),
            Err(_) => of_number(text.parse().ok()?),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Time;

    #[test]
    fn forms() {
        let at = |seconds: i64| Stamp::At(Time(seconds * Time::SECOND));
        let local = |seconds: i64| Stamp::Local(Time(seconds * Time::SECOND));
        assert_eq!(of_text("1970-01-01T00:01:00Z"), Some(at(60)));
        assert_eq!(of_text("1970-01-01T07:01:00+0700"), Some(at(60)));
        assert_eq!(of_text("1970-01-01 00:01:00"), Some(local(60)));
        assert_eq!(of_text("1732245845"), Some(at(1_732_245_845)));
        assert_eq!(of_text("1732245845000"), Some(at(1_732_245_845)));
        for wrong in ["", "now", "1970-13-01T00:00:00", "1.2.3", "é", "-5", "."] {
            assert_eq!(of_text(wrong), None, "{wrong}");
        }
        assert_eq!(of_json(&serde_json::json!(60)), Some(at(60)));
        assert_eq!(of_json(&serde_json::json!(60.0)), Some(at(60)));
        assert_eq!(of_json(&serde_json::json!(null)), None);
    }
}
