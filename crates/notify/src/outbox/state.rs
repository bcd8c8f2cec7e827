//! What the lines of the outbox add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event::Time;
use serde::{Deserialize, Serialize};

use crate::letter::{Content, Key};
use crate::plan::Item;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// Notices planned from the records before `to` of the journal `outcomes`.
    Plan {
        outcomes: [u8; 16],
        to: u64,
        contents: Vec<(u64, Content)>,
        items: Vec<Item>,
    },
    /// Notices that are going out as one: whatever is repeated has the same members.
    Seal(Seal),
    /// What became of notices; `next` are those on the next channel of the person.
    Settle {
        settled: Vec<Settled>,
        next: Vec<Item>,
    },
    /// Results that are in `inputs`.
    Reported { keys: Vec<Key> },
    /// What is carried over besides the open notices when the file is written anew.
    Carried {
        planned: u64,
        settled: u64,
        next_content: u64,
        unreported: Vec<Settled>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    pub key: Key,
    pub channel: String,
    pub person: String,
    pub members: Vec<Key>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Delivered,
    /// The other side will never take it.
    Refused,
    /// Given up on this channel; it goes on on the next.
    MovedOn,
    Expired,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    pub key: Key,
    pub report: Report,
}

/// What goes into `inputs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub subject: String,
    pub revision: u32,
    pub channel: String,
    pub person: String,
    pub outcome: Outcome,
    pub attempts: u32,
    pub at: Time,
    pub detail: String,
    /// It went with so many others as one.
    pub grouped: u32,
}

#[derive(Clone, Debug, Default)]
pub struct State {
    outcomes: [u8; 16],
    planned_to: u64,
    contents: BTreeMap<u64, (Arc<Content>, usize)>,
    next_content: u64,
    items: BTreeMap<Key, Item>,
    seals: BTreeMap<Key, Seal>,
    sealed: BTreeSet<Key>,
    unreported: BTreeMap<Key, Report>,
    planned: u64,
    settled: u64,
}

impl State {
    pub(super) fn begin(&mut self, outcomes: [u8; 16]) {
        if self.outcomes != outcomes {
            self.outcomes = outcomes;
            self.planned_to = 0;
        }
    }

    pub fn outcomes(&self) -> [u8; 16] {
        self.outcomes
    }

    pub fn planned_to(&self) -> u64 {
        self.planned_to
    }

    /// Number for the next content.
    pub fn next_content(&self) -> u64 {
        self.next_content
    }

    pub fn items(&self) -> &BTreeMap<Key, Item> {
        &self.items
    }

    pub fn seals(&self) -> impl Iterator<Item = &Seal> {
        self.seals.values()
    }

    pub fn is_sealed(&self, key: &Key) -> bool {
        self.sealed.contains(key)
    }

    pub fn unreported(&self) -> &BTreeMap<Key, Report> {
        &self.unreported
    }

    pub fn content(&self, item: &Item) -> Option<Arc<Content>> {
        self.contents
            .get(&item.content)
            .map(|(content, _)| Arc::clone(content))
    }

    /// Notices ever planned (those on a next channel included) and ever settled; the difference is open.
    pub fn sums(&self) -> (u64, u64) {
        (self.planned, self.settled)
    }

    pub fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Plan {
                outcomes,
                to,
                contents,
                items,
            } => {
                self.outcomes = outcomes;
                self.planned_to = self.planned_to.max(to);
                for (number, content) in contents {
                    self.next_content = self.next_content.max(number + 1);
                    self.contents.insert(number, (Arc::new(content), 0));
                }
                items.into_iter().for_each(|item| self.add(item));
            }
            Entry::Seal(seal) => {
                self.sealed.extend(seal.members.iter().cloned());
                self.seals.insert(seal.key.clone(), seal);
            }
            Entry::Settle { settled, next } => {
                // First the new ones: a content must not go while it is still wanted.
                next.into_iter().for_each(|item| self.add(item));
                settled.into_iter().for_each(|settled| self.settle(settled));
                let items = &self.items;
                self.seals
                    .retain(|_, seal| seal.members.iter().any(|key| items.contains_key(key)));
            }
            Entry::Reported { keys } => {
                for key in keys {
                    self.unreported.remove(&key);
                }
            }
            Entry::Carried {
                planned,
                settled,
                next_content,
                unreported,
            } => {
                self.planned = planned;
                self.settled = settled;
                self.next_content = next_content;
                self.unreported = unreported
                    .into_iter()
                    .map(|settled| (settled.key, settled.report))
                    .collect();
            }
        }
    }

    fn add(&mut self, item: Item) {
        if let Some((_, wanted)) = self.contents.get_mut(&item.content)
            && !self.items.contains_key(&item.key)
        {
            *wanted += 1;
            self.planned += 1;
            self.items.insert(item.key.clone(), item);
        }
    }

    fn settle(&mut self, settled: Settled) {
        let Some(item) = self.items.remove(&settled.key) else {
            return;
        };
        self.settled += 1;
        self.sealed.remove(&settled.key);
        if let Some((_, wanted)) = self.contents.get_mut(&item.content) {
            *wanted = wanted.saturating_sub(1);
            if *wanted == 0 {
                self.contents.remove(&item.content);
            }
        }
        self.unreported.insert(settled.key, settled.report);
    }

    /// Entries that give this state again.
    pub(super) fn snapshot(&self) -> Vec<Entry> {
        let contents = self
            .contents
            .iter()
            .map(|(number, (content, _))| (*number, Content::clone(content)))
            .collect();
        let mut entries = vec![Entry::Plan {
            outcomes: self.outcomes,
            to: self.planned_to,
            contents,
            items: self.items.values().cloned().collect(),
        }];
        entries.extend(self.seals.values().cloned().map(Entry::Seal));
        entries.push(Entry::Carried {
            planned: self.planned,
            settled: self.settled,
            next_content: self.next_content,
            unreported: self
                .unreported
                .iter()
                .map(|(key, report)| Settled {
                    key: key.clone(),
                    report: report.clone(),
                })
                .collect(),
        });
        entries
    }
}
