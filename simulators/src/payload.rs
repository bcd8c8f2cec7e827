//! The native payload: one flat JSON object, written field by field.
//!
//! `{"id":"aqm-0001","seq":123,"ts":"2026-11-22T03:04:05.678Z","pm25":41.2}`. Values carry as many decimals as the
//! instrument has; a value that is not finite is left out, as a device does whose sensor is dead.

use std::io::Write;

use bytes::Bytes;

use crate::stamp;

/// A payload being written.
#[derive(Debug)]
pub(crate) struct Payload {
    text: Vec<u8>,
}

impl Payload {
    /// Starts with the three fields of every native message. `id` is a device name: letters, digits and hyphens.
    pub(crate) fn start(id: &str, sequence: u64, observed_ns: i64) -> Self {
        let mut text = Vec::with_capacity(192);
        text.extend_from_slice(b"{\"id\":\"");
        text.extend_from_slice(id.as_bytes());
        text.extend_from_slice(b"\",\"seq\":");
        push(&mut text, format_args!("{sequence}"));
        text.extend_from_slice(b",\"ts\":\"");
        text.extend_from_slice(&stamp::text(observed_ns));
        text.push(b'"');
        Self { text }
    }

    pub(crate) fn number(&mut self, field: &str, value: f64, decimals: usize) {
        if value.is_finite() {
            self.name(field);
            push(&mut self.text, format_args!("{value:.decimals$}"));
        }
    }

    pub(crate) fn boolean(&mut self, field: &str, value: bool) {
        self.name(field);
        self.text
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A word without quotes, backslashes or control characters.
    pub(crate) fn word(&mut self, field: &str, value: &str) {
        self.name(field);
        self.text.push(b'"');
        self.text.extend_from_slice(value.as_bytes());
        self.text.push(b'"');
    }

    pub(crate) fn finish(mut self) -> Bytes {
        self.text.push(b'}');
        Bytes::from(self.text)
    }

    fn name(&mut self, field: &str) {
        self.text.extend_from_slice(b",\"");
        self.text.extend_from_slice(field.as_bytes());
        self.text.extend_from_slice(b"\":");
    }
}

fn push(text: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing into a vector cannot fail.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::Payload;

    #[test]
    fn is_the_native_form() {
        let mut payload = Payload::start("aqm-0001", 123, 1_700_000_000_123_000_000);
        payload.number("pm25", 41.24, 1);
        payload.number("dead", f64::NAN, 1);
        payload.boolean("door", true);
        payload.word("mode", "auto");
        let text = payload.finish();
        assert_eq!(
            text,
            r#"{"id":"aqm-0001","seq":123,"ts":"2023-11-14T22:13:20.123Z","pm25":41.2,"door":true,"mode":"auto"}"#
        );
        let _: serde_json::Value = serde_json::from_slice(&text).unwrap();
    }
}
