//! What waits for one address, and what comes next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use event::{Severity, Time};

use super::Shared;
use crate::letter::Key;
use crate::outbox::Seal;
use crate::plan::{Hold, Item};

/// The most severe first, then the oldest.
type Place = (Severity, Time, Key);

#[derive(Default)]
pub(super) struct Lane {
    singles: BTreeSet<Place>,
    groups: BTreeMap<Hold, Vec<Key>>,
    pub(super) sealed: VecDeque<Seal>,
    pub(super) busy: bool,
    /// Failures in a row.
    pub(super) attempts: u32,
    pub(super) not_before: Option<Instant>,
}

/// What to do next for an address.
#[derive(Clone, Debug)]
pub(super) enum Job {
    One(Key),
    /// A group whose time has come: sealed first.
    Seal(Hold, Vec<Key>),
    Group(Seal),
    /// To the next channel without another try, or given up because of age.
    MoveOn(Vec<Key>),
}

impl Lane {
    pub(super) fn queue(&mut self, item: Item) {
        match item.hold {
            Some(hold) => self.groups.entry(hold).or_default().push(item.key),
            None => {
                self.singles.insert((item.severity, item.at, item.key));
            }
        }
    }

    /// Nothing waits, and nothing is to be remembered of it.
    pub(super) fn is_forgettable(&self) -> bool {
        !self.busy
            && self.attempts == 0
            && self.not_before.is_none()
            && self.singles.is_empty()
            && self.groups.is_empty()
            && self.sealed.is_empty()
    }

    pub(super) fn failed(&mut self, wait: Duration) {
        self.attempts = self.attempts.saturating_add(1);
        self.not_before = Some(Instant::now() + wait);
    }

    /// `room`: a request may be made on the channel.
    pub(super) fn next(
        &mut self,
        now: Time,
        at: Instant,
        room: bool,
        shared: &Shared,
    ) -> Option<Job> {
        if self.busy {
            return None;
        }
        let waits = self.not_before.is_some_and(|from| from > at);
        if waits {
            return self.leaving(now, shared);
        }
        if !room {
            return None;
        }
        if let Some((_, _, key)) = self.singles.pop_first() {
            return Some(Job::One(key));
        }
        if let Some(seal) = self.sealed.pop_front() {
            return Some(Job::Group(seal));
        }
        let due = self.groups.keys().find(|hold| hold.until <= now).cloned()?;
        let members = self.groups.remove(&due)?;
        Some(Job::Seal(due, members))
    }

    /// During the back-off: what is too old, and, of an address that failed often enough, what has another way.
    fn leaving(&mut self, now: Time, shared: &Shared) -> Option<Job> {
        let dead = self.attempts >= shared.config.fallback_attempts;
        let leaving: Vec<Place> = shared.outbox.look(|state| {
            self.singles
                .iter()
                .filter(|(_, _, key)| {
                    state
                        .items()
                        .get(key)
                        .is_none_or(|item| item.expires <= now || (dead && !item.rest.is_empty()))
                })
                .cloned()
                .collect()
        });
        if leaving.is_empty() {
            return None;
        }
        for place in &leaving {
            self.singles.remove(place);
        }
        let keys = leaving.into_iter().map(|(_, _, key)| key).collect();
        Some(Job::MoveOn(keys))
    }

    pub(super) fn put_back(&mut self, job: Job) {
        match job {
            Job::One(key) => {
                // The key alone keeps its place among equals: it is tried again first.
                self.singles
                    .insert((Severity::Critical, Time(i64::MIN), key));
            }
            Job::Seal(hold, members) => {
                self.groups.insert(hold, members);
            }
            Job::Group(seal) => self.sealed.push_front(seal),
            Job::MoveOn(_) => {}
        }
    }
}
