//! Which messages belong to one warning: an update or a cancellation names the messages that it replaces, and all of them
//! are known by the first of them, in whatever order they came.
//!
//! Bound: [`LINKS_MAX`] messages; when full, the one that was not referred to for longest is forgotten. A later update of a
//! forgotten warning still names its first message, so that only the judgement of what is newer is lost.

use std::collections::BTreeMap;

use event::Time;
use serde::{Deserialize, Serialize};

const LINKS_MAX: usize = 4_096;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Counts uses; the journal's order, so that equal journals forget alike.
    uses: u64,
    /// By `sender,identifier` of the message.
    links: BTreeMap<String, Link>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Link {
    /// `sender,identifier` of the first message of its warning.
    root: String,
    /// When the newest message of the warning was sent; kept with the first.
    newest: Time,
    used: u64,
}

/// A message as others refer to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reference {
    pub(super) sender: String,
    pub(super) identifier: String,
    pub(super) sent: Time,
}

impl Reference {
    fn key(&self) -> String {
        // Neither may contain a comma.
        format!("{},{}", self.sender, self.identifier)
    }
}

/// What is known of a message's warning.
#[derive(Debug, PartialEq)]
pub(super) struct Place {
    /// Identifier of the first message.
    pub(super) chain: String,
    /// Something newer of the same warning came before.
    pub(super) superseded: bool,
}

impl Memory {
    pub(super) fn place(&mut self, own: &Reference, references: &[Reference]) -> Place {
        self.uses += 1;
        let own_key = own.key();
        let mut earlier: Vec<&Reference> = references.iter().collect();
        earlier.sort_by_key(|reference| reference.sent);
        let known = std::iter::once(own_key.clone())
            .chain(earlier.iter().map(|reference| reference.key()))
            .find_map(|key| Some(self.links.get(&key)?.root.clone()));
        let root = known.unwrap_or_else(|| {
            let first = earlier.first();
            first.map_or_else(|| own_key.clone(), |reference| reference.key())
        });
        for key in earlier.iter().map(|reference| reference.key()) {
            self.link(key, &root);
        }
        self.link(own_key, &root);
        let uses = self.uses;
        let newest = match self.links.get_mut(&root) {
            Some(link) => {
                let before = link.newest;
                link.newest = before.max(own.sent);
                link.used = uses;
                before
            }
            None => {
                let link = Link {
                    root: root.clone(),
                    newest: own.sent,
                    used: uses,
                };
                self.make_room();
                self.links.insert(root.clone(), link);
                own.sent
            }
        };
        let chain = root
            .split_once(',')
            .map_or(root.as_str(), |(_, identifier)| identifier);
        Place {
            chain: chain.to_owned(),
            superseded: own.sent < newest,
        }
    }

    fn link(&mut self, key: String, root: &str) {
        let uses = self.uses;
        if let Some(link) = self.links.get_mut(&key) {
            link.used = uses;
            return;
        }
        self.make_room();
        let link = Link {
            root: root.to_owned(),
            newest: Time(i64::MIN),
            used: uses,
        };
        self.links.insert(key, link);
    }

    fn make_room(&mut self) {
        if self.links.len() < LINKS_MAX {
            return;
        }
        let oldest = self.links.iter().min_by_key(|(_, link)| link.used);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.links.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy as _;

    use super::*;

    fn message(identifier: &str, sent: i64) -> Reference {
        Reference {
            sender: "s".to_owned(),
            identifier: identifier.to_owned(),
            sent: Time(sent),
        }
    }

    fn at(chain: &str, superseded: bool) -> Place {
        Place {
            chain: chain.to_owned(),
            superseded,
        }
    }

    #[test]
    fn all_messages_of_a_warning_have_its_first_identifier() {
        let mut memory = Memory::default();
        let (alert, update, cancel) = (message("a", 1), message("b", 2), message("c", 3));
        assert_eq!(memory.place(&alert, &[]), at("a", false));
        assert_eq!(
            memory.place(&update, std::slice::from_ref(&alert)),
            at("a", false)
        );
        // It names the last message only: the chain is remembered.
        assert_eq!(
            memory.place(&cancel, std::slice::from_ref(&update)),
            at("a", false)
        );
        assert_eq!(memory.place(&message("x", 9), &[]), at("x", false));
    }

    #[test]
    fn order_of_arrival_does_not_matter() {
        let mut memory = Memory::default();
        let (alert, update, cancel) = (message("a", 1), message("b", 2), message("c", 3));
        assert_eq!(
            memory.place(&cancel, &[update.clone(), alert.clone()]),
            at("a", false)
        );
        assert_eq!(
            memory.place(&update, std::slice::from_ref(&alert)),
            at("a", true)
        );
        assert_eq!(memory.place(&alert, &[]), at("a", true));
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut memory = Memory::default();
        let kept = message("kept", 0);
        for number in 0..10_000 {
            memory.place(
                &message(&format!("m{number}"), number),
                std::slice::from_ref(&kept),
            );
        }
        assert_eq!(memory.links.len(), LINKS_MAX);
        let late = memory.place(&message("z", 10_001), std::slice::from_ref(&kept));
        assert_eq!(late, at("kept", false));
        assert!(!memory.links.contains_key("s,m0") && memory.links.contains_key("s,m9999"));
        let saved = postcard::to_allocvec(&memory).unwrap();
        assert_eq!(postcard::from_bytes::<Memory>(&saved).unwrap(), memory);
    }

    proptest::proptest! {
        /// Whatever the order of arrival: all have the first identifier, and those that something newer overtook are told so.
        /// Saving in between changes nothing.
        #[test]
        fn agrees_with_a_list_of_what_came(
            order in proptest::sample::subsequence((0..12_i64).collect::<Vec<_>>(), 1..12).prop_shuffle(),
            save_at in 0..12_usize,
        ) {
            let mut memory = Memory::default();
            let mut newest = i64::MIN;
            for (count, number) in order.into_iter().enumerate() {
                if count == save_at {
                    let saved = postcard::to_allocvec(&memory).unwrap();
                    memory = postcard::from_bytes(&saved).unwrap();
                }
                let of = |sent: i64| message(&format!("m{sent}"), sent);
                let earlier: Vec<Reference> = (0..number).map(of).collect();
                let place = memory.place(&of(number), &earlier);
                proptest::prop_assert_eq!(place, at("m0", number < newest));
                newest = newest.max(number);
            }
        }
    }
}
