//! An alert with what the book knows of it beside what it tells.

use event::{
    Alert, AlertState, Change, EpisodeSpan, EvidenceValue, Name, SuppressionKind, Time, Transition,
    Vocabulary,
};
use serde::{Deserialize, Serialize};

use super::{BookConfig, CHATTER_WINDOW, Context, EVIDENCE_VALUES_MAX, SPANS_MAX};
use crate::effect::Effect;
use crate::ruleset::{Kind, RuleSet};
use crate::signal::{EpisodeId, Key, Said};

/// Who asked for a transition: operator and command id.
pub(super) type By<'a> = Option<(&'a str, &'a str)>;

/// An episode of an alert, on observed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    /// None in what an older release has left behind.
    pub(super) episode: Option<EpisodeId>,
    pub(super) since: Time,
    pub(super) until: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) alert: Alert,
    pub(super) key: Key,
    /// Revision at which it was raised or last reopened: a command about what was seen before is refused.
    pub(super) opened_revision: u32,
    /// Its newest episodes by their beginning; the last is that of the alert's `since`.
    pub(super) spans: Vec<Span>,
    /// Whether its rule is about silence, and the gateway that it then hangs on.
    pub(super) absence: bool,
    pub(super) gateway: Option<Name>,
    pub(super) remind_every: Option<i64>,
    /// It was told at some time, as against kept back ever since it rang.
    pub(super) told: bool,
    /// Journal time since which nobody has taken care of it; none while somebody has.
    pub(super) unhandled: Option<Time>,
    /// Journal time from which the next reminder counts.
    pub(super) reminded: Time,
    /// Journal time of the last turn while it chatters.
    pub(super) turned: Option<Time>,
}

fn is_absence(rules: &RuleSet, id: &str) -> bool {
    let rule = rules.rules.iter().find(|rule| *rule.id == *id);
    rule.is_some_and(|rule| matches!(rule.kind, Kind::Absence { .. }))
}

impl Entry {
    /// Whether the condition holds, whatever the alert says.
    pub(super) fn holds(&self) -> bool {
        self.spans.iter().any(|span| span.until.is_none())
    }

    /// Whether the alert says that the condition holds: it does, or the alert is held for chattering.
    pub(super) const fn active(&self) -> bool {
        matches!(
            self.alert.state,
            AlertState::Unacknowledged | AlertState::Acknowledged
        )
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.alert.state, AlertState::Normal)
    }

    /// Nobody has acknowledged it yet.
    pub(super) const fn waits(&self) -> bool {
        self.alert.acknowledged.is_none() && !self.is_over()
    }

    pub(super) fn kept_back(&self) -> bool {
        !self.alert.handling.suppressed.is_empty()
    }

    pub(super) fn depends(&self) -> bool {
        let dependency = |kind| matches!(kind, SuppressionKind::Dependency);
        (self.alert.handling.suppressed.iter()).any(|entry| dependency(entry.kind))
    }

    pub(super) fn last(&self) -> Option<&Span> {
        self.spans.last()
    }

    pub(super) fn span_mut(&mut self, episode: EpisodeId) -> Option<&mut Span> {
        self.spans
            .iter_mut()
            .find(|span| span.episode == Some(episode))
    }

    /// Adds an episode; gives back one that is no longer listed.
    pub(super) fn add_span(&mut self, span: Span) -> Option<Span> {
        self.spans.push(span);
        self.alert.occurrences += 1;
        self.order_spans();
        (self.spans.len() > SPANS_MAX).then(|| self.spans.remove(0))
    }

    /// After any change of the spans: their order, and the alert's own times.
    pub(super) fn order_spans(&mut self) {
        self.spans.sort_by_key(|span| (span.since, span.episode));
    }

    /// The alert's times by its spans: the one that goes on, else the last. Held for chattering it has not returned, whatever the last span says.
    pub(super) fn set_times(&mut self) {
        let goes_on = self.spans.iter().rfind(|span| span.until.is_none());
        if let Some(last) = goes_on.or(self.spans.last()) {
            self.alert.since = last.since;
            self.alert.returned = last.until;
        }
        if self.alert.handling.chattering.is_some() {
            self.alert.returned = None;
        }
        self.alert.episodes = (self.spans.iter())
            .map(|span| EpisodeSpan {
                since: span.since,
                returned: span.until,
            })
            .collect();
    }

    /// Counts a transition and tells it.
    pub(super) fn tell(
        &mut self,
        change: Change,
        by: By<'_>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        self.set_times();
        self.told |= !self.kept_back();
        self.alert.revision += 1;
        self.alert.changed = ctx.origin.now;
        if matches!(change, Change::Raised | Change::Reopened) {
            self.opened_revision = self.alert.revision;
        }
        out.push(Effect::Transition(Transition {
            change,
            by: by.map(|(operator, _)| operator.to_owned()),
            command_id: by.map(|(_, command)| command.to_owned()),
            alert: self.alert.clone(),
        }));
    }

    /// Takes over what is said of the condition now.
    pub(super) fn hear(&mut self, said: &Said, ctx: &Context<'_>) {
        self.absence = is_absence(ctx.rules, &self.key.rule);
        let alert = &mut self.alert;
        alert.severity = said.severity;
        alert.rating = said.rating.clone();
        alert.rating.source = self.key.source;
        alert.message = said.message.clone();
        alert.guidance = said.guidance.clone();
        alert.value = said.value;
        alert.scale.clone_from(&said.scale);
        alert.unofficial = said.unofficial;
        alert.handling.latches = said.latches;
        alert.evidence.rule_version = said.rule_version;
        alert.evidence.condition.clone_from(&said.condition);
        alert.evidence.hold_seconds = said.hold_seconds;
        alert.evidence.limits.clone_from(&said.limits);
        if !said.windows.is_empty() {
            alert.evidence.windows.clone_from(&said.windows);
        }
        alert.evidence.last_heard = said.last_heard.or(alert.evidence.last_heard);
        self.remind_every = said.remind_every;
        self.gateway = self.gateway_of(said, ctx.vocabulary);
        self.add_values(&said.values);
    }

    fn gateway_of(&self, said: &Said, vocabulary: &Vocabulary) -> Option<Name> {
        let listed = || vocabulary.entities.get(&*self.key.entity)?.gateway.clone();
        let gateway = said.gateway.clone().or_else(listed)?;
        (self.absence && gateway != self.key.entity).then_some(gateway)
    }

    /// Keeps the first value, which raised it, and the newest.
    pub(super) fn add_values(&mut self, values: &[EvidenceValue]) {
        let kept = &mut self.alert.evidence.values;
        for value in values {
            let known = |kept: &EvidenceValue| {
                kept.entity == value.entity
                    && kept.measure == value.measure
                    && kept.observed == value.observed
            };
            if !kept.iter().any(known) {
                kept.push(value.clone());
            }
        }
        if let Some(surplus) = kept.len().checked_sub(EVIDENCE_VALUES_MAX)
            && surplus > 0
        {
            kept.drain(1..=surplus);
        }
    }

    /// Whether somebody should take care of it and has not.
    fn is_unhandled(&self) -> bool {
        self.waits()
            && !self.alert.retrospective
            && self.alert.shelved.is_none()
            && !self.kept_back()
    }

    pub(super) fn note_handled(&mut self, now: Time) {
        if !self.is_unhandled() {
            self.unhandled = None;
        } else if self.unhandled.is_none() {
            self.unhandled = Some(now);
            self.reminded = now;
        }
    }

    /// When its shelving ends, its quiet is decided, the ladder's next step and the next reminder are due.
    pub(super) fn dues(&self, config: &BookConfig) -> [Option<Time>; 4] {
        let shelve = self.alert.shelved.as_ref().map(|shelved| shelved.until);
        let quiet = self.turned.map(|turned| turned.plus(CHATTER_WINDOW));
        let Some(unhandled) = self.unhandled else {
            return [shelve, quiet, None, None];
        };
        let ladder = config.next_step(&self.alert, unhandled).map(|step| step.0);
        let remind = config.reminder(self.alert.severity, self.remind_every);
        let remind = remind
            .filter(|_| self.alert.handling.reminders < config.reminders_max)
            .map(|every| self.reminded.plus(every));
        [shelve, quiet, ladder, remind]
    }
}
