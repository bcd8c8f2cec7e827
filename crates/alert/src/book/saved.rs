//! The book as a value. What is derived (indices, timers) is not saved; everything else is, in an order that is itself part of the
//! fold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use event::{
    Alert, AlertId, AlertSource, AlertState, IncidentId, Name, PublicWarning, PublicWarningId,
    Status, Suppression, SuppressionId, Time,
};
use serde::{Deserialize, Serialize};

use super::chatter::Turns;
use super::entry::{Entry, Span};
use super::incidents::Gathering;
use super::shadow::Shadow;
use super::verdicts::{OldVerdict, Remembered, Verdicts};
use super::{Book, BookConfig};
use crate::ruleset::RULE_FAULT;
use crate::signal::{EpisodeId, Key};

/// The whole state of a [`Book`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BookSaved {
    open: Vec<Entry>,
    /// Oldest first.
    recent: Vec<Entry>,
    turns: Vec<(Time, Time, Key)>,
    down: Vec<(Name, Status, Vec<AlertId>)>,
    lifting: Vec<(AlertId, Time)>,
    verdicts: Vec<Remembered>,
    suppressions: Vec<Suppression>,
    in_force: Vec<SuppressionId>,
    ended: Vec<SuppressionId>,
    incidents: Vec<Gathering>,
    incidents_closed: Vec<IncidentId>,
    warnings: Vec<PublicWarning>,
    warnings_final: Vec<PublicWarningId>,
    shadows: Vec<(EpisodeId, Shadow)>,
    false_alerts: Vec<(Name, u64)>,
}

impl BookSaved {
    /// What a release before the book has left behind. Open alert number `i` (from 0, in the order given) is that of the kernel's
    /// `EpisodeId(i)`; those of the alerts that are over are not known any more.
    pub(crate) fn from_old(
        open: Vec<(Alert, u32)>,
        recent: Vec<Alert>,
        verdicts: Vec<OldVerdict>,
    ) -> Self {
        let opened = (0_u64..).zip(open);
        Self {
            open: opened
                .map(|(number, (alert, revision))| {
                    old_entry(alert, revision, Some(EpisodeId(number)))
                })
                .collect(),
            recent: recent
                .into_iter()
                .map(|alert| {
                    let revision = alert.revision;
                    old_entry(alert, revision, None)
                })
                .collect(),
            verdicts: verdicts.into_iter().map(Remembered::from).collect(),
            ..Self::default()
        }
    }
}

fn old_entry(mut alert: Alert, opened_revision: u32, episode: Option<EpisodeId>) -> Entry {
    let source = if alert.rule == RULE_FAULT {
        AlertSource::System
    } else {
        AlertSource::Rule
    };
    alert.rating.source = source;
    let over = alert.state == AlertState::Normal;
    let span = Span {
        episode,
        since: alert.since,
        until: alert.returned.or(over.then_some(alert.changed)),
    };
    let waits = alert.acknowledged.is_none() && !over;
    let handled = !waits || alert.retrospective || alert.shelved.is_some();
    let changed = alert.changed;
    let mut entry = Entry {
        key: Key {
            rule: alert.rule.as_str().into(),
            entity: alert.entity.clone(),
            status: alert.status,
            retrospective: alert.retrospective,
            source,
            shadow: false,
            about: (source == AlertSource::System).then(|| alert.evidence.rule.as_str().into()),
        },
        opened_revision,
        spans: vec![span],
        absence: false,
        gateway: None,
        remind_every: None,
        told: true,
        unhandled: (!handled).then_some(changed),
        reminded: changed,
        turned: None,
        alert,
    };
    entry.set_times();
    entry
}

impl Book {
    pub(crate) fn save(&self) -> BookSaved {
        let down = self.down.iter().map(|((gateway, status), alerts)| {
            let alerts = alerts.iter().cloned().collect();
            (gateway.clone(), *status, alerts)
        });
        BookSaved {
            open: self.open.values().cloned().collect(),
            recent: self.over_ones().cloned().collect(),
            turns: self.turns.save(),
            down: down.collect(),
            lifting: pairs(&self.lifting),
            verdicts: self.verdicts.save(),
            suppressions: self.suppressions.values().cloned().collect(),
            in_force: self.in_force.iter().cloned().collect(),
            ended: self.ended.iter().cloned().collect(),
            incidents: self.incidents.values().cloned().collect(),
            incidents_closed: self.incidents_closed.iter().cloned().collect(),
            warnings: self.warnings.values().cloned().collect(),
            warnings_final: self.warnings_final.iter().cloned().collect(),
            shadows: pairs(&self.shadows),
            false_alerts: pairs(&self.false_alerts),
        }
    }

    pub(crate) fn restore(config: Arc<BookConfig>, saved: BookSaved) -> Self {
        let mut book = Self::new(config);
        for entry in saved.open {
            book.link(&entry);
            book.open.insert(entry.alert.id.clone(), entry);
        }
        for entry in saved.recent {
            book.link(&entry);
            let id = entry.alert.id.clone();
            book.recent_of(entry.alert.status).push_back(id.clone());
            book.over.insert(id, entry);
        }
        book.turns = Turns::restore(saved.turns);
        book.down = (saved.down.into_iter())
            .map(|(gateway, status, alerts)| {
                let alerts: BTreeSet<AlertId> = alerts.into_iter().collect();
                ((gateway, status), alerts)
            })
            .collect();
        book.lifting = saved.lifting.into_iter().collect();
        book.verdicts = Verdicts::restore(saved.verdicts);
        book.suppressions = by_id(saved.suppressions, |suppression| suppression.id.clone());
        book.in_force = saved.in_force.into_iter().collect();
        book.ended = VecDeque::from(saved.ended);
        book.incidents = by_id(saved.incidents, |gathering| gathering.incident.id.clone());
        book.incidents_closed = VecDeque::from(saved.incidents_closed);
        book.warnings = by_id(saved.warnings, |warning| warning.id.clone());
        book.warnings_final = VecDeque::from(saved.warnings_final);
        book.shadows = saved.shadows.into_iter().collect();
        book.false_alerts = saved.false_alerts.into_iter().collect();
        book.derive_timers();
        book
    }
}

#[cfg(test)]
impl BookSaved {
    /// A refused command leaves its verdict behind and nothing else.
    pub(super) fn forget_verdicts_of(&mut self, before: &Self) {
        self.verdicts.clone_from(&before.verdicts);
    }
}

fn pairs<K: Clone, V: Clone>(map: &BTreeMap<K, V>) -> Vec<(K, V)> {
    let pairs = map.iter().map(|(key, value)| (key.clone(), value.clone()));
    pairs.collect()
}

fn by_id<K: Ord, V>(list: Vec<V>, id: impl Fn(&V) -> K) -> BTreeMap<K, V> {
    list.into_iter().map(|value| (id(&value), value)).collect()
}
