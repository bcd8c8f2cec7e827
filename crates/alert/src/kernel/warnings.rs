//! Warnings of other bodies (CAP): each becomes an alert with a life cycle of its own, under the rule [`WARNING`].
//!
//! - A *chain* is a warning with its updates and its cancellation: the sender and the first message's identifier. Of a chain only
//!   the newest message counts, by its time of sending; what comes after a newer one changes nothing, and a cancellation that
//!   comes first leaves nothing to ring.
//! - The alert holds from when the warning was sent (or from its validity, where that began before) to its cancellation or the
//!   end of its validity in journal time; a warning that gives none lasts [`super::warning_message::VALID_DEFAULT`]. What had ended before it came rings
//!   and returns at once.
//! - One message may come as several events, one a commune. The first rings; what the others add is told with the next record, all
//!   at once, unless it is more severe: that is told at once.
//! - Two feeds that warn of the same thing are one alert: the same event in the same place or by the same sender, overlapping in
//!   time, sent within [`super::warning_message::TWIN_WITHIN`] of each other. The alert is that of the most severe, names all communes, lists the messages in
//!   its evidence, and ends with the last of them.
//! - History (see [`super::is_history`]) may change or end an alert that is open, by the order of its own chain; it never makes a
//!   live one.
//! - Exercises and tests never meet a real one: status is part of the chain.
//!
//! Bounds: [`CHAINS_MAX`] warnings a status. Full, the one that is over and was not heard of for longest is forgotten; if none is
//! over, the new one is refused and counted.

use std::collections::{BTreeMap, BTreeSet};

use event::{AlertSource, Event, EvidenceValue, Name, Status, Time, Vocabulary};
use serde::{Deserialize, Serialize};

use super::warning_message::{AREAS_MAX, ChainKey, Message};
use super::watch::Desk;
use super::{Kernel, is_history};
use crate::engine::Origin;
use crate::ruleset::WARNING;
use crate::signal::{EpisodeId, Key, Said, Signal};

/// Warnings of one status that are remembered.
pub(super) const CHAINS_MAX: usize = 2_048;
/// Warnings that one alert stands for.
const MEMBERS_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Chain {
    message: Message,
    /// Its end has come, and that was looked at.
    over: bool,
    /// The alert that it belongs to.
    group: Option<EpisodeId>,
    used: Time,
}

/// Warnings that are one alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Group {
    key: Key,
    /// The newest episode, and its times as told.
    episode: EpisodeId,
    since: Time,
    until: Option<Time>,
    members: Vec<ChainKey>,
    /// Something to be told with the next record.
    untold: Option<Time>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct WarningsSaved {
    chains: Vec<(ChainKey, Chain)>,
    groups: Vec<(EpisodeId, Group)>,
}

#[derive(Debug, Default)]
pub(super) struct Warnings {
    chains: BTreeMap<ChainKey, Chain>,
    /// By their first episode.
    groups: BTreeMap<EpisodeId, Group>,
    /// Derived.
    dues: BTreeMap<EpisodeId, Time>,
    timers: BTreeSet<(Time, EpisodeId)>,
}

/// What telling needs beside the state.
struct Teller<'a> {
    desk: &'a mut Desk,
    vocabulary: &'a Vocabulary,
    now: Time,
    out: &'a mut Vec<Signal>,
}

impl Group {
    /// What history may not bring back.
    const fn is_live_and_over(&self) -> bool {
        self.until.is_some() && !self.key.retrospective
    }
}

impl Kernel {
    /// A warning of another body, if the event is one.
    pub(super) fn warned(&mut self, origin: &Origin, event: &Event, out: &mut Vec<Signal>) {
        let Some((key, message)) = Message::of(event, origin) else {
            return;
        };
        let horizon = self.clock(event.stream, origin.now).horizon;
        let history = is_history(event.flags) || event.observed.0 < horizon;
        let mut teller = Teller {
            desk: &mut self.desk,
            vocabulary: &self.vocabulary,
            now: origin.now,
            out,
        };
        if !self.warnings.hear(key, message, history, &mut teller) {
            self.counters.warnings_refused += 1;
        }
    }

    pub(super) fn fire_warning(&mut self, origin: &Origin, out: &mut Vec<Signal>) {
        let mut teller = Teller {
            desk: &mut self.desk,
            vocabulary: &self.vocabulary,
            now: origin.now,
            out,
        };
        self.warnings.fire(&mut teller);
    }
}

impl Warnings {
    pub(super) fn next_due(&self) -> Option<Time> {
        self.timers.first().map(|(due, _)| *due)
    }

    fn fire(&mut self, teller: &mut Teller<'_>) {
        let Some((_, id)) = self.timers.pop_first() else {
            return;
        };
        self.dues.remove(&id);
        let untold = (self.groups.get(&id)).is_some_and(|group| group.untold.is_some());
        self.follow(id, untold, teller);
    }

    /// Takes in a part of a message; false if there is no room.
    fn hear(
        &mut self,
        key: ChainKey,
        message: Message,
        history: bool,
        teller: &mut Teller<'_>,
    ) -> bool {
        let key = self.known_as(key, &message);
        let Some(chain) = self.chains.get_mut(&key) else {
            if !self.make_room(key.status) {
                return false;
            }
            let chain = Chain {
                over: !message.in_force(teller.now),
                message,
                group: None,
                used: teller.now,
            };
            self.chains.insert(key.clone(), chain);
            self.start(&key, history, teller);
            return true;
        };
        chain.used = teller.now;
        let group = chain.group;
        let closed = group.and_then(|id| self.groups.get(&id));
        if history && closed.is_some_and(Group::is_live_and_over) {
            return true;
        }
        if chain.message.id == message.id {
            let (news, worse) = chain.message.take_in(message);
            let revived = chain.over && chain.message.in_force(teller.now);
            match group {
                Some(id) if worse || revived => self.follow(id, true, teller),
                Some(id) if news => {
                    if let Some(group) = self.groups.get_mut(&id) {
                        group.untold = Some(teller.now);
                    }
                    self.sync(id);
                }
                Some(_) | None => {}
            }
        } else if message.sent > chain.message.sent {
            let mut message = message;
            if message.cancels {
                // A cancellation often says no more than that.
                message.areas.clone_from(&chain.message.areas);
                message.event = chain.message.event.clone();
            }
            chain.message = message;
            self.replaced(&key, history, teller);
        }
        true
    }

    /// An update or a cancellation may come from another office than the warning: within one feed the identifier is enough.
    fn known_as(&self, key: ChainKey, message: &Message) -> ChainKey {
        if self.chains.contains_key(&key) || key.chain == message.id {
            return key;
        }
        let same = self.chains.iter().find(|(known, chain)| {
            known.status == key.status
                && known.chain == key.chain
                && chain.message.entity == message.entity
        });
        same.map_or(key, |(known, _)| known.clone())
    }

    /// A newer message of a known warning.
    fn replaced(&mut self, key: &ChainKey, history: bool, teller: &mut Teller<'_>) {
        let Some(chain) = self.chains.get_mut(key) else {
            return;
        };
        chain.over = !chain.message.in_force(teller.now);
        let group = chain.group.and_then(|id| Some((id, self.groups.get(&id)?)));
        match group {
            Some((id, group)) if !group.key.retrospective => self.follow(id, true, teller),
            Some(_) if history => {}
            Some(_) | None => self.start(key, history, teller),
        }
    }

    /// The alert of a warning that has none yet.
    fn start(&mut self, key: &ChainKey, history: bool, teller: &mut Teller<'_>) {
        let Some(chain) = self.chains.get(key) else {
            return;
        };
        let message = &chain.message;
        if message.cancels {
            return;
        }
        let open = message.in_force(teller.now);
        if let Some(id) = self.twin(key, message).filter(|_| open && !history) {
            self.join(key, id);
            self.follow(id, true, teller);
            return;
        }
        let since = message.since();
        let over = message.valid_to.max(since);
        let until = if history {
            Some(over.min(teller.now).max(since))
        } else {
            (!open).then_some(over)
        };
        let episode = teller.desk.episode();
        let group = Group {
            key: Key {
                rule: WARNING.into(),
                entity: message.entity.clone(),
                status: key.status,
                retrospective: history,
                source: AlertSource::Warning,
                shadow: false,
                about: Some(format!("{},{}", key.sender, key.chain).into()),
            },
            episode,
            since,
            until,
            members: Vec::new(),
            untold: None,
        };
        let signal_key = group.key.clone();
        self.groups.insert(episode, group);
        self.join(key, episode);
        if let Some(said) = self.said(episode, teller) {
            teller.out.push(Signal::Began {
                episode,
                key: signal_key,
                since,
                until,
                said: Box::new(said),
            });
        }
        self.sync(episode);
    }

    fn join(&mut self, key: &ChainKey, id: EpisodeId) {
        if let Some(chain) = self.chains.get_mut(key) {
            chain.group = Some(id);
        }
        if let Some(group) = self.groups.get_mut(&id) {
            group.members.push(key.clone());
        }
    }

    /// The open alert of another feed that says the same.
    fn twin(&self, key: &ChainKey, message: &Message) -> Option<EpisodeId> {
        let same = |member: &ChainKey| {
            self.chains.get(member).is_some_and(|chain| {
                !chain.over && (message.is_twin(&chain.message, member.sender == key.sender))
            })
        };
        let found = self.groups.iter().find(|(_, group)| {
            group.key.status == key.status
                && group.until.is_none()
                && !group.key.retrospective
                && group.members.len() < MEMBERS_MAX
                && group.members.iter().any(same)
        });
        found.map(|(id, _)| *id)
    }

    /// Looks at what of an alert is in force now, and tells what has changed. `news`: something else than the time has.
    fn follow(&mut self, id: EpisodeId, news: bool, teller: &mut Teller<'_>) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        group.untold = None;
        let (mut in_force, mut ended) = (false, None);
        let mut passed = false;
        for member in &group.members {
            let Some(chain) = self.chains.get_mut(member) else {
                continue;
            };
            let over = !chain.message.in_force(teller.now);
            passed |= over && !chain.over;
            chain.over = over;
            in_force |= !over;
            ended = ended.max(Some(chain.message.end()));
        }
        let (since, until) = (group.since, group.until);
        let retrospective = group.key.retrospective;
        let over = ended.unwrap_or(teller.now).max(since);
        match (in_force && !retrospective, until) {
            (true, Some(before)) => self.again(id, before, teller),
            (false, None) => {
                group.until = Some(over);
                let episode = group.episode;
                let values = self.last_words(id);
                teller.out.push(Signal::Ended {
                    episode,
                    until: over,
                    value: None,
                    values,
                });
            }
            (_, until) if news || passed => {
                let episode = group.episode;
                let said = self.said(id, teller).map(Box::new);
                teller.out.push(Signal::Changed {
                    episode,
                    since,
                    until,
                    said,
                });
            }
            (true, None) | (false, Some(_)) => {}
        }
        self.sync(id);
    }

    /// In force again after it was over: a new episode, after the one before.
    fn again(&mut self, id: EpisodeId, before: Time, teller: &mut Teller<'_>) {
        let episode = teller.desk.episode();
        let main = self.main(id).map(|(_, message)| message.since());
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        let since = main.unwrap_or(teller.now).max(before);
        group.episode = episode;
        (group.since, group.until) = (since, None);
        let key = group.key.clone();
        if let Some(said) = self.said(id, teller) {
            teller.out.push(Signal::Began {
                episode,
                key,
                since,
                until: None,
                said: Box::new(said),
            });
        }
    }

    /// Those of an alert that are in force, or all where none is.
    fn speaking(&self, id: EpisodeId) -> Vec<(&ChainKey, &Message)> {
        let members = self.groups.get(&id).map_or(&[][..], |group| &group.members);
        let known = |key| Some((key, self.chains.get(key)?));
        let all: Vec<_> = members.iter().filter_map(known).collect();
        let any = all.iter().any(|(_, chain)| !chain.over);
        (all.into_iter())
            .filter(|(_, chain)| !any || !chain.over)
            .map(|(key, chain)| (key, &chain.message))
            .collect()
    }

    /// The one whose words the alert has: the most severe, the first of them.
    fn main(&self, id: EpisodeId) -> Option<(&ChainKey, &Message)> {
        let speaking = self.speaking(id).into_iter();
        speaking.min_by_key(|(_, message)| (message.severity, message.sent))
    }

    fn last_words(&self, id: EpisodeId) -> Vec<EvidenceValue> {
        let speaking = self.speaking(id).into_iter();
        speaking
            .filter(|(_, message)| message.cancels)
            .map(|(_, message)| message.evidence("warning_id", message.id.clone()))
            .take(MEMBERS_MAX)
            .collect()
    }

    fn said(&self, id: EpisodeId, teller: &Teller<'_>) -> Option<Said> {
        let (key, main) = self.main(id)?;
        let mut areas: Vec<Name> = main.areas.clone();
        let mut values = vec![main.evidence("warning_id", main.id.clone())];
        let mut until = main.valid_to;
        for (_, message) in self.speaking(id) {
            if message.id != main.id || message.entity != main.entity {
                values.push(message.evidence("warning_id", message.id.clone()));
            }
            until = until.max(message.valid_to);
            for area in &message.areas {
                if !areas.contains(area) && areas.len() < AREAS_MAX {
                    areas.push(area.clone());
                }
            }
        }
        Some(super::warning_words::said(
            &key.sender,
            main,
            (&areas, until),
            values,
            teller.vocabulary,
        ))
    }

    /// Brings an alert's timer up to date.
    fn sync(&mut self, id: EpisodeId) {
        let due = self.groups.get(&id).and_then(|group| {
            let ends = (group.members.iter())
                .filter_map(|member| self.chains.get(member))
                .filter(|chain| !chain.over)
                .map(|chain| chain.message.end());
            let open = group.until.is_none();
            group.untold.or_else(|| ends.min().filter(|_| open))
        });
        let was = match due {
            Some(due) => self.dues.insert(id, due),
            None => self.dues.remove(&id),
        };
        if let Some(was) = was {
            self.timers.remove(&(was, id));
        }
        if let Some(due) = due {
            self.timers.insert((due, id));
        }
    }

    /// Makes room for one more of a status: false if all of them are in force.
    fn make_room(&mut self, status: Status) -> bool {
        let of_status = (self.chains.iter()).filter(|(key, _)| key.status == status);
        if of_status.clone().count() < CHAINS_MAX {
            return true;
        }
        let open = |chain: &Chain| {
            let group = chain.group.and_then(|id| self.groups.get(&id));
            group.is_some_and(|group| group.until.is_none())
        };
        let oldest = of_status
            .filter(|(_, chain)| !open(chain))
            .min_by_key(|(_, chain)| chain.used);
        let Some((key, group)) = oldest.map(|(key, chain)| (key.clone(), chain.group)) else {
            return false;
        };
        self.chains.remove(&key);
        let Some(id) = group else { return true };
        if let Some(group) = self.groups.get_mut(&id) {
            group.members.retain(|member| *member != key);
            if group.members.is_empty() {
                self.groups.remove(&id);
            }
        }
        self.sync(id);
        true
    }

    pub(super) fn save(&self) -> WarningsSaved {
        WarningsSaved {
            chains: (self.chains.iter())
                .map(|(key, chain)| (key.clone(), chain.clone()))
                .collect(),
            groups: (self.groups.iter())
                .map(|(id, group)| (*id, group.clone()))
                .collect(),
        }
    }

    pub(super) fn restore(saved: WarningsSaved) -> Self {
        let mut warnings = Self {
            chains: saved.chains.into_iter().collect(),
            groups: saved.groups.into_iter().collect(),
            ..Self::default()
        };
        let ids: Vec<EpisodeId> = warnings.groups.keys().copied().collect();
        for id in ids {
            warnings.sync(id);
        }
        warnings
    }
}
