//! What a channel has published: for references, and for the feed. Bounded; the oldest go.

use std::collections::{BTreeMap, BTreeSet};

use event::Time;
use serde::{Deserialize, Serialize};

use super::Message;

/// References a message may carry.
const REFERENCES_MAX: usize = 20;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Subject (alert or warning) to what was published about it, in order.
    published: BTreeMap<String, Vec<Message>>,
}

/// A message as it is published: with references, and possibly another type than asked for.
#[derive(Clone, Debug)]
pub struct Placed {
    pub message: Message,
    /// It was published before (a repeat): nothing is new.
    pub again: bool,
}

impl Ledger {
    /// Puts `message` in its place behind what was published about `subjects` (itself, and those a warning refers to). An update
    /// of what was never published is a first message; a cancel of it is none.
    pub fn place(&mut self, subject: &str, also: &[String], message: &Message) -> Option<Placed> {
        let known = self.published.get(subject);
        let before = known.and_then(|list| {
            list.iter()
                .find(|earlier| earlier.identifier == message.identifier)
        });
        if let Some(before) = before {
            return Some(Placed {
                message: before.clone(),
                again: true,
            });
        }
        let mut references: Vec<String> = also
            .iter()
            .chain(std::iter::once(&subject.to_owned()))
            .filter_map(|subject| self.published.get(subject))
            .flatten()
            .map(Message::reference)
            .collect();
        let excess = references.len().saturating_sub(REFERENCES_MAX);
        references.drain(..excess);
        let mut message = message.clone();
        if references.is_empty() {
            if message.kind == "Cancel" {
                return None;
            }
            message.kind = "Alert".to_owned();
        } else if message.kind == "Alert" {
            message.kind = "Update".to_owned();
        }
        message.references = references;
        self.published
            .entry(subject.to_owned())
            .or_default()
            .push(message.clone());
        Some(Placed {
            message,
            again: false,
        })
    }

    /// The newest message of every subject that is still valid at `now` and that no other replaces, newest first.
    pub fn current(&self, now: Time) -> Vec<&Message> {
        let replaced: BTreeSet<&str> = self
            .published
            .values()
            .flatten()
            .flat_map(|message| &message.references)
            .map(String::as_str)
            .collect();
        let mut current: Vec<&Message> = self
            .published
            .values()
            .filter_map(|list| list.last())
            .filter(|message| message.info.expires.is_none_or(|expires| expires > now))
            .filter(|message| !replaced.contains(message.reference().as_str()))
            .collect();
        current.sort_by(|a, b| (b.sent, &b.identifier).cmp(&(a.sent, &a.identifier)));
        current
    }

    /// Everything that is kept, replaced or not.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.published.values().flatten()
    }

    /// Drops what has expired and, beyond `most` subjects, the oldest. Gives the identifiers of what went.
    pub fn prune(&mut self, now: Time, most: usize) -> Vec<String> {
        let last = |list: &Vec<Message>| list.last().map_or(Time(0), |message| message.sent);
        let mut gone: Vec<String> = self
            .published
            .iter()
            .filter(|(_, list)| {
                list.last()
                    .and_then(|message| message.info.expires)
                    .is_some_and(|expires| expires <= now)
            })
            .map(|(subject, _)| subject.clone())
            .collect();
        let mut left: Vec<_> = self
            .published
            .iter()
            .filter(|(subject, _)| !gone.contains(subject))
            .map(|(subject, list)| (last(list), subject.clone()))
            .collect();
        left.sort();
        let excess = left.len().saturating_sub(most);
        gone.extend(left.into_iter().take(excess).map(|(_, subject)| subject));
        gone.iter()
            .filter_map(|subject| self.published.remove(subject))
            .flatten()
            .map(|message| message.identifier)
            .collect()
    }
}
