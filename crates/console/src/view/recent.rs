//! The last rejects and the last verdicts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use event::{Reject, RejectCode, Time, Verdict};
use serde::ser::{Serialize, SerializeStruct, Serializer};

pub(crate) const REJECTS_MAX: usize = 200;
/// Bytes kept of a rejected payload; the whole of it is in the journal.
const PAYLOAD_BYTES_MAX: usize = 4_096;
const TEXT_CHARS_MAX: usize = 1_024;
/// A repeated command is answered from these; an older one asks the monitor again.
const VERDICTS_MAX: usize = 1_024;

#[derive(Clone, Debug)]
pub(crate) struct RejectShown {
    offset: u64,
    input_offset: u64,
    time: Time,
    code: RejectCode,
    reason: String,
    client: String,
    topic: String,
    payload: Vec<u8>,
    payload_bytes: usize,
}

#[derive(Default)]
pub(crate) struct Rejects {
    /// Newest last.
    list: VecDeque<Arc<RejectShown>>,
}

impl Rejects {
    pub(crate) fn push(&mut self, offset: u64, input_offset: u64, time: Time, reject: Reject) {
        let Reject {
            code,
            mut reason,
            mut client,
            mut topic,
            mut payload,
        } = reject;
        for text in [&mut reason, &mut client, &mut topic] {
            if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
                text.truncate(end);
            }
        }
        let payload_bytes = payload.len();
        payload.truncate(PAYLOAD_BYTES_MAX);
        payload.shrink_to_fit();
        if self.list.len() == REJECTS_MAX {
            self.list.pop_front();
        }
        self.list.push_back(Arc::new(RejectShown {
            offset,
            input_offset,
            time,
            code,
            reason,
            client,
            topic,
            payload,
            payload_bytes,
        }));
    }

    pub(crate) fn newest_first(&self) -> Vec<Arc<RejectShown>> {
        self.list.iter().rev().cloned().collect()
    }
}

impl Serialize for RejectShown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Reject", 10)?;
        out.serialize_field("offset", &self.offset)?;
        out.serialize_field("input_offset", &self.input_offset)?;
        out.serialize_field("time", &self.time)?;
        out.serialize_field("code", &self.code)?;
        out.serialize_field("meaning", &self.code.text())?;
        out.serialize_field("reason", &self.reason)?;
        out.serialize_field("client", &self.client)?;
        out.serialize_field("topic", &self.topic)?;
        out.serialize_field("payload_bytes", &self.payload_bytes)?;
        match text_of(&self.payload, self.payload_bytes) {
            Some(text) => out.serialize_field("payload", text)?,
            None => out.serialize_field("payload_base64", &base64(&self.payload))?,
        }
        out.end()
    }
}

/// The payload as text, where it is; a character cut in two by the bound does not make it binary.
fn text_of(payload: &[u8], whole_bytes: usize) -> Option<&str> {
    match std::str::from_utf8(payload) {
        Ok(text) => Some(text),
        Err(error) if whole_bytes > payload.len() && error.error_len().is_none() => {
            std::str::from_utf8(payload.get(..error.valid_up_to())?).ok()
        }
        Err(_) => None,
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_u32, |group, index| {
            group << 8 | u32::from(chunk.get(index).copied().unwrap_or(0))
        });
        for position in 0..4 {
            if position <= chunk.len() {
                let digit = (group >> (18 - 6 * position)) & 63;
                out.push(char::from(ALPHABET[digit as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// A verdict and where it stands in `outcomes`.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) offset: u64,
    pub(crate) verdict: Verdict,
}

#[derive(Default)]
pub(crate) struct Verdicts {
    by_id: HashMap<String, Arc<Answer>>,
    order: VecDeque<String>,
}

impl Verdicts {
    /// The first answer to a command id stands.
    pub(crate) fn push(&mut self, answer: &Arc<Answer>) {
        let id = &answer.verdict.command_id;
        if self.by_id.contains_key(id) {
            return;
        }
        if self.order.len() == VERDICTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.by_id.insert(id.clone(), Arc::clone(answer));
    }

    pub(crate) fn get(&self, command_id: &str) -> Option<Arc<Answer>> {
        self.by_id.get(command_id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn a_cut_character_stays_text_and_binary_does_not() {
        assert_eq!(text_of("ướ".as_bytes(), 5), Some("ướ"));
        assert_eq!(text_of(&"ướ".as_bytes()[..3], 5), Some("ư"));
        assert_eq!(text_of(&[0xff, 0x00], 2), None);
    }
}
