//! `personal.toml`: the keys that carry personal data. A pack may leave it out; then nothing is refused for its keys.

use event::PackFiles;

use super::reader::{Document, Mistakes};
use crate::personal::Personal;

pub(super) const FILE: &str = "personal.toml";

pub(super) fn load(files: &PackFiles, mistakes: &Mistakes) -> Personal {
    if !files.files.contains_key(FILE) {
        return Personal::default();
    }
    let Some(document) = Document::of(files, FILE, mistakes) else {
        return Personal::default();
    };
    let root = document.root(mistakes);
    let keys = root.texts("keys");
    for (key, line) in &keys {
        if key.is_empty() || key.len() > 64 {
            root.mistake(*line, "a key has 1 to 64 bytes");
        }
    }
    root.finish();
    Personal::new(keys.into_iter().map(|(key, _)| key.to_owned()).collect())
}
