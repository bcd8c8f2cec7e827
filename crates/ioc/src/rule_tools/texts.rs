//! The text of each rule as its author wrote it: for showing old and new side by side, and for moving a rule between files.

use std::collections::BTreeMap;

use console::{PackLimit, RuleChange, RuleChangeKind, RuleText};
use event::{Name, PackFiles};

/// Folder of the rules on trial.
pub(crate) const TRIAL: &str = "rules/shadow/";

/// One `[[rule]]` of a file: from its header to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) id: String,
    pub(super) version: u32,
    pub(super) text: String,
}

/// A rule file in pieces that give the file again when put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleFile {
    /// What stands before the first rule.
    pub(super) head: String,
    pub(super) blocks: Vec<Block>,
}

impl RuleFile {
    pub(super) fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let mut current: Option<String> = None;
        for line in text.split_inclusive('\n') {
            if line.trim_end() == "[[rule]]" {
                file.blocks.extend(current.take().map(block));
                current = Some(String::new());
            }
            current.as_mut().unwrap_or(&mut file.head).push_str(line);
        }
        file.blocks.extend(current.map(block));
        file
    }

    pub(super) fn text(&self) -> String {
        let blocks = self.blocks.iter().map(|block| block.text.as_str());
        std::iter::once(self.head.as_str()).chain(blocks).collect()
    }
}

fn block(text: String) -> Block {
    #[derive(Default, serde::Deserialize)]
    struct File {
        rule: Vec<Named>,
    }
    #[derive(serde::Deserialize)]
    struct Named {
        id: String,
        #[serde(default)]
        version: u32,
    }
    // One that cannot be read is told by the check, not here.
    let named = toml::from_str::<File>(&text)
        .ok()
        .and_then(|file| file.rule.into_iter().next());
    let (id, version) = named
        .map(|named| (named.id, named.version))
        .unwrap_or_default();
    Block { id, version, text }
}

/// Every rule of a pack by id, those on trial apart.
pub(crate) fn texts(pack: &PackFiles) -> BTreeMap<(bool, String), RuleText> {
    let mut texts = BTreeMap::new();
    for path in pack.files.keys() {
        if !path.starts_with("rules/") || !path.ends_with(".toml") {
            continue;
        }
        let shadow = path.starts_with(TRIAL);
        for block in RuleFile::parse(pack.text(path).unwrap_or_default()).blocks {
            let text = RuleText {
                file: path.clone(),
                version: block.version,
                text: block.text.trim_end().to_owned(),
            };
            texts.insert((shadow, block.id), text);
        }
    }
    texts
}

/// What changes from `old` to `new`, rule by rule.
pub(crate) fn changes(old: &PackFiles, new: &PackFiles) -> Vec<RuleChange> {
    let (mut olds, news) = (texts(old), texts(new));
    let mut changes = Vec::new();
    for ((shadow, rule), text) in news {
        let before = olds.remove(&(shadow, rule.clone()));
        let kind = match &before {
            None => RuleChangeKind::New,
            Some(before) if before.text == text.text => continue,
            Some(_) => RuleChangeKind::Changed,
        };
        changes.push(RuleChange {
            rule,
            shadow,
            change: kind,
            old: before,
            new: Some(text),
        });
    }
    changes.extend(olds.into_iter().map(|((shadow, rule), text)| RuleChange {
        rule,
        shadow,
        change: RuleChangeKind::Gone,
        old: Some(text),
        new: None,
    }));
    changes.sort_by(|a, b| (&a.rule, a.shadow).cmp(&(&b.rule, b.shadow)));
    changes
}

/// The thresholds of a pack that was checked; of a file that cannot be read there are none.
pub(crate) fn limits(pack: &PackFiles) -> Vec<PackLimit> {
    #[derive(Default, serde::Deserialize)]
    struct File {
        #[serde(default)]
        limit: Vec<Entry>,
    }
    #[derive(serde::Deserialize)]
    struct Entry {
        name: Name,
        measure: Name,
        entity: Option<Name>,
        profile: Option<Name>,
        value: f64,
        unit: Name,
        source: String,
        #[serde(default)]
        verified: bool,
        effective_from: Option<toml::value::Datetime>,
        effective_to: Option<toml::value::Datetime>,
    }
    let text = pack.text("thresholds.toml").unwrap_or_default();
    let file: File = toml::from_str(text).unwrap_or_default();
    let limits = file.limit.into_iter().map(|entry| PackLimit {
        name: entry.name,
        measure: entry.measure,
        entity: entry.entity,
        profile: entry.profile,
        value: entry.value,
        unit: entry.unit,
        source: entry.source,
        verified: entry.verified,
        effective_from: entry.effective_from.map(|date| date.to_string()),
        effective_to: entry.effective_to.map(|date| date.to_string()),
    });
    limits.collect()
}

/// Files of the pack that are no rules and differ.
pub(crate) fn other_files(old: &PackFiles, new: &PackFiles) -> Vec<String> {
    let paths = old.files.keys().chain(new.files.keys());
    let mut differ: Vec<String> = paths
        .filter(|path| !path.starts_with("rules/") && old.files.get(*path) != new.files.get(*path))
        .cloned()
        .collect();
    differ.sort();
    differ.dedup();
    differ
}

#[cfg(test)]
mod tests;
