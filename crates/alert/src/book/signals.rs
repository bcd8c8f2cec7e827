//! What the kernel tells, and what that does to alerts.

use event::{AlertId, AlertSource, Change, EvidenceValue, Time};

use super::entry::{Entry, Span};
use super::{Book, Context};
use crate::effect::Effect;
use crate::ruleset::RuleSet;
use crate::signal::{EpisodeId, Key, Said, Signal};

impl Book {
    pub(crate) fn signal(&mut self, signal: Signal, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        match signal {
            Signal::Began {
                episode,
                key,
                since,
                until,
                said,
            } => {
                let span = Span {
                    episode: Some(episode),
                    since,
                    until,
                };
                if key.shadow {
                    self.shadow_began(key, span, &said, ctx, out);
                } else {
                    self.began(key, span, &said, ctx, out);
                }
            }
            Signal::Changed {
                episode,
                since,
                until,
                said,
            } => {
                if self.shadows.contains_key(&episode) {
                    self.shadow_changed(episode, (since, until), said.as_deref(), ctx, out);
                } else {
                    self.changed(episode, (since, until), said.as_deref(), ctx, out);
                }
            }
            Signal::Ended {
                episode,
                until,
                value,
                values,
            } => {
                if self.shadows.contains_key(&episode) {
                    self.shadow_ended(episode, until, value, ctx, out);
                } else {
                    self.ended(episode, until, (value, &values), ctx, out);
                }
            }
            Signal::Annulled { episode } => {
                if self.shadows.contains_key(&episode) {
                    self.shadow_gone(episode, Change::Annulled, ctx, out);
                } else {
                    self.annulled(episode, ctx, out);
                }
            }
            Signal::Merged { episode, into } => {
                if self.shadows.contains_key(&episode) {
                    self.shadow_gone(episode, Change::Merged, ctx, out);
                } else {
                    self.merged(episode, into, ctx, out);
                }
            }
            Signal::Settled { episode } => self.shadow_settled(episode),
        }
    }

    fn began(
        &mut self,
        key: Key,
        span: Span,
        said: &Said,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        match self.joined(&key, &span) {
            Some(id) => self.join(&id, span, said, ctx, out),
            None => self.raise(key, span, said, ctx, out),
        }
    }

    /// The open alert of the key that a new episode belongs to: the newest that nobody has acknowledged, that waits for its reset or
    /// that is held for chattering.
    fn joined(&self, key: &Key, span: &Span) -> Option<AlertId> {
        let entries = self.by_key.get(key)?.iter();
        let takes = |entry: &&Entry| {
            let later = entry.last().is_none_or(|last| last.since <= span.since);
            let latched = !entry.active() && later;
            entry.waits() || latched || entry.alert.handling.chattering.is_some()
        };
        let newest = entries
            .filter_map(|id| self.open.get(id))
            .filter(takes)
            .max_by_key(|entry| entry.last().map(|last| last.since))?;
        Some(newest.alert.id.clone())
    }

    fn join(
        &mut self,
        id: &AlertId,
        span: Span,
        said: &Said,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.open.get_mut(id) else {
            return;
        };
        let later = entry.last().is_none_or(|last| last.since <= span.since);
        let rings = later && !entry.active() && !entry.key.retrospective;
        let mut added = span;
        if entry.key.retrospective {
            added.until = span.until.or(Some(said.at));
        } else if rings {
            // It rings first, whatever is known of its end.
            added.until = None;
        }
        let dropped = entry.add_span(added);
        if later {
            entry.hear(said, ctx);
        } else {
            entry.add_values(&said.values);
        }
        if let Some(episode) = span.episode {
            self.episodes.insert(episode, id.clone());
        }
        if let Some(dropped) = dropped {
            self.unlink(&dropped);
        }
        if rings {
            self.again(id, None, ctx, out);
            if span.until.is_some() {
                if let Some(last) = self.open.get_mut(id).and_then(|e| e.spans.last_mut()) {
                    last.until = span.until;
                }
                self.gone(id, false, ctx, out);
            }
        } else if !self.turned_on(id, ctx, out) {
            self.revised(id, ctx, out);
        }
        self.sync(id, ctx.origin.now);
    }

    fn changed(
        &mut self,
        episode: EpisodeId,
        (since, until): (Time, Option<Time>),
        said: Option<&Said>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(id) = self.alert_of(episode) else {
            return;
        };
        let Some(entry) = self.entry_mut(&id) else {
            return;
        };
        let held = entry.holds();
        let newest = entry.last().and_then(|last| last.episode) == Some(episode);
        let Some(span) = entry.span_mut(episode) else {
            return;
        };
        let times = (since, until);
        if times == (span.since, span.until) && said.is_none() {
            return;
        }
        (span.since, span.until) = times;
        entry.order_spans();
        if let Some(said) = said {
            if newest {
                entry.hear(said, ctx);
            } else {
                entry.add_values(&said.values);
            }
        }
        self.follow(&id, held, ctx, out);
    }

    fn ended(
        &mut self,
        episode: EpisodeId,
        until: Time,
        (value, values): (Option<f64>, &[EvidenceValue]),
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(id) = self.alert_of(episode) else {
            return;
        };
        let Some(entry) = self.entry_mut(&id) else {
            return;
        };
        let held = entry.holds();
        if let Some(span) = entry.span_mut(episode) {
            span.until = Some(until);
        }
        entry.alert.value = value.or(entry.alert.value);
        entry.add_values(values);
        let live = entry.active() && !entry.holds() && held;
        if live {
            self.gone(&id, true, ctx, out);
            self.sync(&id, ctx.origin.now);
        } else {
            self.follow(&id, held, ctx, out);
        }
    }

    fn annulled(&mut self, episode: EpisodeId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        let Some(id) = self.alert_of(episode) else {
            return;
        };
        let Some(entry) = self.entry_mut(&id) else {
            return;
        };
        let held = entry.holds();
        let gone = entry.key.source == AlertSource::Rule && !knows(ctx.rules, &entry.key.rule);
        if gone {
            entry.spans.clear();
        } else {
            entry.spans.retain(|span| span.episode != Some(episode));
        }
        let left = !entry.spans.is_empty();
        self.episodes.remove(&episode);
        if left {
            if let Some(entry) = self.entry_mut(&id) {
                entry.alert.occurrences = entry.alert.occurrences.saturating_sub(1);
            }
            self.follow(&id, held, ctx, out);
        } else {
            self.annul(&id, ctx, out);
        }
    }

    /// The whole alert never should have been.
    pub(super) fn annul(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        self.lift_at_once(id, ctx, out);
        let Some(entry) = self.entry_mut(id) else {
            return;
        };
        let spans = std::mem::take(&mut entry.spans);
        for span in &spans {
            self.unlink(span);
        }
        if self.open.contains_key(id) {
            self.end(id, Change::Annulled, None, ctx, out);
        } else if let Some(entry) = self.over.get_mut(id) {
            entry.tell(Change::Annulled, None, ctx, out);
        }
    }

    /// After its spans have changed: rings again, returns, or says that something is different. `held`: the condition held before.
    pub(super) fn follow(
        &mut self,
        id: &AlertId,
        held: bool,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.entry(id) else { return };
        let (holds, active, live) = (entry.holds(), entry.active(), !entry.key.retrospective);
        let chatters = entry.alert.handling.chattering.is_some();
        if entry.is_over() {
            if holds && !held && live {
                self.again(id, None, ctx, out);
            } else if held && !holds {
                self.went_inactive(id, ctx);
                self.told_over(id, Change::ReturnedToNormal, ctx, out);
            } else {
                self.told_over(id, Change::Revised, ctx, out);
            }
        } else if holds && !active && live {
            self.again(id, None, ctx, out);
        } else if !holds && active && !chatters {
            self.gone(id, false, ctx, out);
        } else {
            self.revised(id, ctx, out);
        }
        self.sync(id, ctx.origin.now);
    }

    fn told_over(
        &mut self,
        id: &AlertId,
        change: Change,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(entry) = self.over.get_mut(id) {
            entry.tell(change, None, ctx, out);
        }
    }

    fn revised(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        if let Some(entry) = self.open.get_mut(id) {
            entry.tell(Change::Revised, None, ctx, out);
            self.severity_rose(id, ctx, out);
        }
    }

    /// The alert that an episode belongs to; an episode whose alert is forgotten is counted.
    pub(super) fn alert_of(&mut self, episode: EpisodeId) -> Option<AlertId> {
        let id = self.episodes.get(&episode).cloned();
        if id.is_none() {
            self.counters.forgotten += 1;
        }
        id
    }

    pub(super) fn entry_mut(&mut self, id: &AlertId) -> Option<&mut Entry> {
        match self.open.get_mut(id) {
            Some(entry) => Some(entry),
            None => self.over.get_mut(id),
        }
    }

    /// The key's rule or entity is taken out: nothing of it stays open.
    pub(crate) fn take_out(&mut self, key: &Key, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        for id in self.by_key.get(key).cloned().unwrap_or_default() {
            self.annul(&id, ctx, out);
        }
    }

    /// A new pack: its configuration, and nothing stays open of rules that it no longer has.
    pub(crate) fn set_config(
        &mut self,
        config: std::sync::Arc<super::BookConfig>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        self.config = config;
        self.gateways = None;
        let gone = |key: &Key| key.source == AlertSource::Rule && !knows(ctx.rules, &key.rule);
        let gone: Vec<Key> = self
            .by_key
            .keys()
            .filter(|key| gone(key))
            .cloned()
            .collect();
        for key in gone {
            self.take_out(&key, ctx, out);
        }
        self.derive_timers();
    }
}

fn knows(rules: &RuleSet, id: &str) -> bool {
    rules.rules.iter().any(|rule| *rule.id == *id)
}
