//! The one sentence of a message refused for personal data. It names keys, never values, and the keys can be read back
//! from it: the redaction record keeps them, and a replay builds the same reject from them.

use crate::{Reject, RejectCode};

/// Bytes of the key names in the sentence: enough for a dozen, and no reason is ever cut inside one.
const KEYS_BYTES_MAX: usize = 300;
/// Longest name of a key.
const KEY_CHARS_MAX: usize = 64;
const QUOTE: char = '`';

/// The sentence of a [`RejectCode::PersonalData`]: the same whenever the keys are the same.
pub fn personal_data_reason<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    let mut named = String::new();
    for key in keys.map(quoted) {
        if named.len() + key.len() > KEYS_BYTES_MAX {
            break;
        }
        if !named.is_empty() {
            named.push_str(", ");
        }
        named.push_str(&key);
    }
    format!("personal data under {named}: refused and blanked; send counts, never identities")
}

impl Reject {
    /// A message refused because these keys hold personal data. A function of its arguments alone.
    pub fn personal<'a>(
        keys: impl IntoIterator<Item = &'a str>,
        client: &str,
        topic: &str,
    ) -> Self {
        Self {
            code: RejectCode::PersonalData,
            reason: personal_data_reason(keys.into_iter()),
            client: client.to_owned(),
            topic: topic.to_owned(),
            payload: Vec::new(),
        }
    }

    /// The keys that the sentence names; none for any other reject.
    pub fn personal_keys(&self) -> Vec<&str> {
        if self.code != RejectCode::PersonalData {
            return Vec::new();
        }
        self.reason.split(QUOTE).skip(1).step_by(2).collect()
    }
}

/// A key between quotes, with nothing in it that could be taken for one.
fn quoted(key: &str) -> String {
    let name = key
        .chars()
        .filter(|one| !one.is_control() && *one != QUOTE)
        .take(KEY_CHARS_MAX);
    let mut quoted = String::from(QUOTE);
    quoted.extend(name);
    quoted.push(QUOTE);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_come_back_and_give_the_same_reject_again() {
        let long = "k".repeat(200);
        for keys in [
            vec!["cccd"],
            vec!["ho_ten", "passport", "guest.phone"],
            vec!["họ tên", "a`b\n", &long, ""],
        ] {
            let reject = Reject::personal(keys.iter().copied(), "sapa-12", "v1/x");
            let named = reject.personal_keys();
            assert_eq!(named.len(), keys.len());
            assert_eq!(Reject::personal(named, "sapa-12", "v1/x"), reject);
        }
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let reject = Reject::personal(many.iter().map(String::as_str), "", "");
        let named = reject.personal_keys();
        assert!(named.len() > 30 && named.len() < 100);
        assert_eq!(Reject::personal(named, "", ""), reject);
        assert!(reject.reason.len() < 400);
    }

    #[test]
    fn another_reject_has_no_keys() {
        let reject = Reject {
            code: RejectCode::PayloadShape,
            ..Reject::personal(["cccd"], "", "")
        };
        assert!(reject.personal_keys().is_empty());
    }
}
