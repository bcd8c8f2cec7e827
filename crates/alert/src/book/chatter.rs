//! Alerts that come and go too fast are held active, and their turns counted.

use std::collections::{BTreeMap, VecDeque};

use event::{AlertId, Change, Chattering, Time};

use super::{Book, CHATTER_TURNS, CHATTER_WINDOW, Context, TURNS_MAX};
use crate::effect::Effect;
use crate::signal::Key;

/// The last returns of all keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Turns {
    /// Journal time, observed time, key; oldest first.
    list: VecDeque<(Time, Time, Key)>,
    /// Derived: those of each key.
    by_key: BTreeMap<Key, VecDeque<(Time, Time)>>,
}

impl Turns {
    pub(super) fn restore(list: Vec<(Time, Time, Key)>) -> Self {
        let mut by_key: BTreeMap<Key, VecDeque<(Time, Time)>> = BTreeMap::new();
        for (at, until, key) in &list {
            let turns = by_key.entry(key.clone()).or_default();
            turns.push_back((*at, *until));
        }
        let list = list.into();
        Self { list, by_key }
    }

    pub(super) fn save(&self) -> Vec<(Time, Time, Key)> {
        self.list.iter().cloned().collect()
    }

    /// Adds a return; gives back how many of its key there were lately.
    fn add(&mut self, now: Time, until: Time, key: &Key) -> usize {
        let old = |at: &Time| now.since(*at) > CHATTER_WINDOW;
        while self.list.len() >= TURNS_MAX || self.list.front().is_some_and(|(at, _, _)| old(at)) {
            let Some((_, _, key)) = self.list.pop_front() else {
                break;
            };
            if let Some(turns) = self.by_key.get_mut(&key) {
                turns.pop_front();
                if turns.is_empty() {
                    self.by_key.remove(&key);
                }
            }
        }
        self.list.push_back((now, until, key.clone()));
        let turns = self.by_key.entry(key.clone()).or_default();
        turns.push_back((now, until));
        let near = |at: Time| until.since(at).abs() <= CHATTER_WINDOW;
        turns.iter().filter(|(_, at)| near(*at)).count()
    }

    fn forget(&mut self, key: &Key) {
        if self.by_key.remove(key).is_some() {
            self.list.retain(|(_, _, of)| of != key);
        }
    }
}

impl Book {
    /// Notes a return. Gives back whether the alert is held active in spite of it.
    pub(super) fn held(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) -> bool {
        let now = ctx.origin.now;
        let Some(entry) = self.open.get_mut(id) else {
            return false;
        };
        if let Some(chattering) = &mut entry.alert.handling.chattering {
            chattering.turns = chattering.turns.saturating_add(1);
            entry.turned = Some(now);
            entry.set_times();
            // Told, though it calls nobody: who reads transitions knows as much as the state.
            entry.tell(Change::Revised, None, ctx, out);
            return true;
        }
        let Some(until) = entry.last().and_then(|last| last.until) else {
            return false;
        };
        let key = entry.key.clone();
        let turns = self.turns.add(now, until, &key);
        if turns < CHATTER_TURNS {
            return false;
        }
        self.turns.forget(&key);
        entry.alert.handling.chattering = Some(Chattering {
            since: now,
            turns: 1,
        });
        entry.turned = Some(now);
        entry.tell(Change::ChatteringBegan, None, ctx, out);
        self.counters.chattering += super::one(entry.key.status);
        true
    }

    /// An episode began while the alert is held: a revision. Gives back whether it is held.
    pub(super) fn turned_on(
        &mut self,
        id: &AlertId,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> bool {
        let Some(entry) = self.open.get_mut(id) else {
            return false;
        };
        if entry.alert.handling.chattering.is_none() || !entry.holds() {
            return false;
        }
        entry.turned = Some(ctx.origin.now);
        entry.set_times();
        entry.tell(Change::Revised, None, ctx, out);
        self.went_active(id, ctx, out);
        true
    }

    /// Quiet for long enough: it is what it is.
    pub(super) fn quiet(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        let Some(entry) = self.open.get_mut(id) else {
            return;
        };
        entry.alert.handling.chattering = None;
        entry.turned = None;
        entry.tell(Change::ChatteringEnded, None, ctx, out);
        let entry_gone = !entry.holds();
        if entry_gone {
            self.gone(id, false, ctx, out);
        }
        self.sync(id, ctx.origin.now);
    }
}
