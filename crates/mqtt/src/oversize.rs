//! Messages over the limit: who sent them how often, so that the third coming of the same one is
//! recorded and acknowledged instead of being refused for ever.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

use rustc_hash::FxHashMap;

/// Different oversize messages remembered; the oldest is forgotten.
const SEEN_MAX: usize = 1_024;
/// Clients counted; more are counted together.
const CLIENTS_MAX: usize = 256;
/// The coming at which a message is taken.
const TAKEN_AT: u8 = 3;

/// What was refused and how often. "The same" is: client, topic, payload length. (The content is known
/// only to the one who takes it all in, which is what a refusal avoids.)
#[derive(Default)]
pub(crate) struct Book {
    seen: FxHashMap<u64, u8>,
    order: VecDeque<u64>,
    hasher: std::hash::RandomState,
    by_client: FxHashMap<Box<str>, u64>,
}

impl Book {
    /// Notes one coming; true if this one is to be taken.
    pub(crate) fn note(&mut self, client_id: &str, topic: &str, payload_bytes: u64) -> bool {
        let key = self.key(client_id, topic, payload_bytes);
        let count = self.seen.entry(key).or_insert(0);
        if *count == 0 {
            self.order.push_back(key);
        }
        *count = count.saturating_add(1);
        let taken = *count >= TAKEN_AT;
        while self.order.len() > SEEN_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.seen.remove(&oldest);
            }
        }
        self.count(client_id);
        taken
    }

    /// It was taken and acknowledged: the next one like it starts from the beginning.
    pub(crate) fn forget(&mut self, client_id: &str, topic: &str, payload_bytes: u64) {
        let key = self.key(client_id, topic, payload_bytes);
        if self.seen.remove(&key).is_some() {
            self.order.retain(|other| *other != key);
        }
    }

    /// Oversize messages by client, the most first.
    pub(crate) fn by_client(&self) -> Vec<(String, u64)> {
        let mut counts: Vec<_> = self
            .by_client
            .iter()
            .map(|(client, n)| (client.to_string(), *n))
            .collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts
    }

    fn count(&mut self, client_id: &str) {
        if let Some(count) = self.by_client.get_mut(client_id) {
            *count += 1;
        } else if self.by_client.len() < CLIENTS_MAX {
            self.by_client.insert(client_id.into(), 1);
        } else {
            *self.by_client.entry("".into()).or_insert(0) += 1;
        }
    }

    fn key(&self, client_id: &str, topic: &str, payload_bytes: u64) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(client_id.as_bytes());
        // No client identifier or topic contains NUL.
        hasher.write_u8(0);
        hasher.write(topic.as_bytes());
        hasher.write_u8(0);
        hasher.write_u64(payload_bytes);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Book, CLIENTS_MAX, SEEN_MAX};

    #[test]
    fn the_third_coming_of_the_same_is_taken() {
        let mut book = Book::default();
        assert!(!book.note("a", "t", 9));
        assert!(!book.note("b", "t", 9));
        assert!(!book.note("a", "t", 9));
        assert!(!book.note("a", "t", 8));
        assert!(book.note("a", "t", 9));
        // Cut off while it was being taken: the fourth is taken too.
        assert!(book.note("a", "t", 9));
        book.forget("a", "t", 9);
        assert!(!book.note("a", "t", 9));
        assert_eq!(book.by_client(), [("a".to_owned(), 6), ("b".to_owned(), 1)]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut book = Book::default();
        for n in 0..10_000 {
            book.note(&n.to_string(), "t", n);
        }
        assert!(book.seen.len() <= SEEN_MAX && book.order.len() <= SEEN_MAX);
        assert!(book.by_client.len() <= CLIENTS_MAX + 1);
    }
}
