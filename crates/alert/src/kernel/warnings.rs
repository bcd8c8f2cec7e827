//! Warnings of other bodies (CAP): each becomes an alert with a life cycle of its own, under the rule [`WARNING`].
//!
//! - A *chain* is a warning with its updates and its cancellation: the sender and the first message's identifier. Of a chain only
//!   the newest message counts, by its time of sending; what comes after a newer one changes nothing, and a cancellation that
//!   comes first leaves nothing to ring.
//! - The alert holds from when the warning was sent (or from its validity, where that began before) to its cancellation or the
//!   end of its validity in journal time; a warning that gives none lasts [`VALID_DEFAULT`]. What had ended before it came rings
//!   and returns at once.
//! - One message may come as several events, one a commune. The first rings; what the others add is told with the next record, all
//!   at once, unless it is more severe: that is told at once.
//! - Two feeds that warn of the same thing are one alert: the same event in the same place or by the same sender, overlapping in
//!   time, sent within [`TWIN_WITHIN`] of each other. The alert is that of the most severe, names all communes, lists the messages in
//!   its evidence, and ends with the last of them.
//! - History (see [`super::is_history`]) may change or end an alert that is open, by the order of its own chain; it never makes a
//!   live one.
//! - Exercises and tests never meet a real one: status is part of the chain.
//!
//! Bounds: [`CHAINS_MAX`] warnings a status. Full, the one that is over and was not heard of for longest is forgotten; if none is
//! over, the new one is refused and counted.

use std::collections::{BTreeMap, BTreeSet};

use event::{
    AlertSource, Certainty, Event, EvidenceValue, Kind, Name, Quality, Response, Severity, Status,
    Stream, Time, Value, Vocabulary,
};
use serde::{Deserialize, Serialize};

use super::warning_words::{certainty_of, response_of, severity_of};
use super::watch::Desk;
use super::{Kernel, is_history};
use crate::engine::Origin;
use crate::ruleset::WARNING;
use crate::signal::{EpisodeId, Key, Said, Signal};

/// Warnings of one status that are remembered.
pub(super) const CHAINS_MAX: usize = 2_048;
/// Warnings that one alert stands for.
const MEMBERS_MAX: usize = 16;
/// Communes of one warning; the province has 99.
const AREAS_MAX: usize = 128;
/// A warning that says nothing of its end lasts a day: CAP leaves that to who receives it.
const VALID_DEFAULT: i64 = 86_400 * Time::SECOND;
/// Two feeds pass a warning on within this time.
const TWIN_WITHIN: i64 = 3_600 * Time::SECOND;

/// Which warning: `sender` as the message has it, `chain` the identifier of its first message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ChainKey {
    status: Status,
    pub(super) sender: Name,
    chain: Name,
}

/// What the newest message of a warning says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) id: Name,
    pub(super) sent: Time,
    pub(super) valid_from: Time,
    pub(super) valid_to: Time,
    cancels: bool,
    pub(super) event: Name,
    pub(super) headline: Option<Name>,
    pub(super) severity: Severity,
    pub(super) certainty: Certainty,
    pub(super) response: Option<Response>,
    pub(super) areas: Vec<Name>,
    pub(super) at: Option<(f64, f64)>,
    pub(super) entity: Name,
    device: Name,
    pub(super) stream: Stream,
    quality: Quality,
    received: Time,
    processed: Time,
    offset: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Chain {
    pub(super) message: Message,
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

fn text<'e>(event: &'e Event, measure: &str) -> Option<&'e Name> {
    match &event.value(measure)?.value {
        Value::Code(code) => Some(code),
        Value::Number(_) | Value::Boolean(_) => None,
    }
}

impl Message {
    /// None for warnings that are no messages of CAP: what their values say is for the rules.
    fn of(event: &Event, origin: &Origin) -> Option<(ChainKey, Self)> {
        if event.kind != Kind::Warning {
            return None;
        }
        let id = text(event, "warning_id")?.clone();
        let key = ChainKey {
            status: event.status,
            sender: text(event, "warning_sender")
                .unwrap_or(&event.entity)
                .clone(),
            chain: text(event, "warning_chain").unwrap_or(&id).clone(),
        };
        let inactive =
            (event.value("warning_active")).is_some_and(|one| one.value == Value::Boolean(false));
        let kind = text(event, "warning_msg_type").map(|kind| &**kind);
        let valid_from = event.valid_from.unwrap_or(event.observed);
        let default = valid_from.max(event.observed).plus(VALID_DEFAULT);
        let severity = text(event, "warning_severity").map(|word| severity_of(word));
        let place = event.place.as_ref();
        let message = Self {
            sent: event.observed,
            valid_from,
            valid_to: event.valid_to.unwrap_or(default),
            cancels: inactive || kind == Some("Cancel"),
            event: text(event, "warning_event").unwrap_or(&id).clone(),
            headline: text(event, "warning_headline").cloned(),
            severity: severity.unwrap_or(Severity::Info),
            certainty: text(event, "warning_certainty")
                .map_or(Certainty::Unknown, |word| certainty_of(word)),
            response: text(event, "warning_response").and_then(|word| response_of(word)),
            areas: (place.and_then(|place| place.area.clone()))
                .into_iter()
                .collect(),
            at: place.map(|place| (place.lat, place.lon)),
            entity: event.entity.clone(),
            device: event.device.clone(),
            stream: event.stream,
            quality: event
                .value("warning_id")
                .map_or(Quality::GOOD, |one| one.quality),
            received: event.received,
            processed: event.processed,
            offset: origin.offset,
            id,
        };
        Some((key, message))
    }

    /// Takes in another part of the same message. Gives back whether there is something new, and whether it is more severe.
    fn take_in(&mut self, part: Self) -> (bool, bool) {
        let worse = part.severity < self.severity;
        let mut news = false;
        for area in part.areas {
            if !self.areas.contains(&area) && self.areas.len() < AREAS_MAX {
                self.areas.push(area);
                news = true;
            }
        }
        news |= part.valid_to > self.valid_to;
        self.valid_to = self.valid_to.max(part.valid_to);
        self.valid_from = self.valid_from.min(part.valid_from);
        if worse {
            self.severity = part.severity;
            self.certainty = part.certainty;
            self.response = part.response;
            self.event = part.event;
            self.headline = part.headline;
        }
        (news || worse, worse)
    }

    fn since(&self) -> Time {
        self.valid_from.min(self.sent)
    }

    /// When it is over: called off, or its validity has passed.
    fn end(&self) -> Time {
        if self.cancels {
            self.sent
        } else {
            self.valid_to
        }
    }

    fn in_force(&self, now: Time) -> bool {
        !self.cancels && self.valid_to > now
    }

    /// Whether another feed says the same.
    fn is_twin(&self, other: &Self, same_sender: bool) -> bool {
        let near = self.areas.iter().any(|area| other.areas.contains(area));
        let nowhere = self.areas.is_empty() || other.areas.is_empty();
        let apart = self.sent.0.abs_diff(other.sent.0);
        self.device != other.device
            && self.event.trim().to_lowercase() == other.event.trim().to_lowercase()
            && (near || (same_sender && nowhere))
            && apart <= TWIN_WITHIN.unsigned_abs()
            && self.since() < other.valid_to
            && other.since() < self.valid_to
    }

    fn evidence(&self, measure: &str, value: Name) -> EvidenceValue {
        EvidenceValue {
            entity: Some(self.entity.clone()),
            measure: measure.into(),
            value: Value::Code(value),
            unit: "".into(),
            quality: self.quality,
            observed: self.sent,
            received: self.received,
            processed: self.processed,
            offset: self.offset,
        }
    }
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
        let group = chain
            .group
            .and_then(|id| Some((id, self.groups.get(&id)?)));
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
