//! Rules on trial: what they would have told, recorded and told to nobody. No commands, timers, suppressions or incidents.

use event::{AlertId, AlertState, Change, Time, Transition};
use serde::{Deserialize, Serialize};

use super::entry::Span;
use super::raise::{new_alert, place};
use super::{Book, Context, SHADOWS_MAX};
use crate::effect::Effect;
use crate::signal::{EpisodeId, Key, Said};

/// One episode of a rule on trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Shadow {
    alert: event::Alert,
}

impl Shadow {
    fn tell(&mut self, change: Change, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        self.alert.revision += 1;
        self.alert.changed = ctx.origin.now;
        self.alert.episodes = vec![event::EpisodeSpan {
            since: self.alert.since,
            returned: self.alert.returned,
        }];
        out.push(Effect::Shadow(Transition {
            change,
            by: None,
            command_id: None,
            alert: self.alert.clone(),
        }));
    }

    fn end(&mut self, until: Time, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        self.alert.state = AlertState::Normal;
        self.alert.returned = Some(until);
        self.tell(Change::ReturnedToNormal, ctx, out);
    }
}

impl Book {
    pub(super) fn shadow_began(
        &mut self,
        key: Key,
        span: Span,
        said: &Said,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(episode) = span.episode else { return };
        let id = self.trial_id(&key, ctx);
        let mut alert = new_alert(id, &key, span.since, said, ctx);
        alert.occurrences = 1;
        alert.handling.latches = said.latches;
        alert.evidence.values.clone_from(&said.values);
        alert.evidence.values.truncate(super::EVIDENCE_VALUES_MAX);
        alert.evidence.windows.clone_from(&said.windows);
        alert.rating.source = key.source;
        let retrospective = key.retrospective;
        alert.returned = retrospective.then(|| span.until.unwrap_or(said.at));
        let mut shadow = Shadow { alert };
        shadow.tell(Change::Raised, ctx, out);
        if let (Some(until), false) = (span.until, retrospective) {
            shadow.end(until, ctx, out);
        }
        self.shadows.insert(episode, shadow);
        if self.shadows.len() > SHADOWS_MAX {
            self.shadows.pop_first();
            self.counters.shadows_forgotten += 1;
        }
    }

    /// Ids of one record stay apart; those of other records are.
    fn trial_id(&self, key: &Key, ctx: &Context<'_>) -> AlertId {
        let newest = self.shadows.values().rev();
        let of_record = newest.take_while(|shadow| shadow.alert.raised >= ctx.origin.now);
        let same = |shadow: &&Shadow| {
            let alert = &shadow.alert;
            (
                &*alert.rule,
                &alert.entity,
                alert.status,
                alert.retrospective,
            ) == (&*key.rule, &key.entity, key.status, key.retrospective)
        };
        let mut place = format!("{}~trial", place(key));
        let number = of_record.filter(same).count();
        if number > 0 {
            place = format!("{place}#{}", number + 1);
        }
        AlertId::new(&key.rule, &place, ctx.origin.journal, ctx.origin.offset)
    }

    pub(super) fn shadow_changed(
        &mut self,
        episode: EpisodeId,
        (since, until): (Time, Option<Time>),
        said: Option<&Said>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(shadow) = self.shadows.get_mut(&episode) else {
            return;
        };
        let before = shadow.alert.returned;
        shadow.alert.since = since;
        if let Some(said) = said {
            shadow.alert.severity = said.severity;
            shadow.alert.value = said.value;
            shadow.alert.message = said.message.clone();
        }
        match (before, until) {
            (None, Some(until)) => shadow.end(until, ctx, out),
            (Some(_), None) => {
                shadow.alert.state = AlertState::Unacknowledged;
                shadow.alert.returned = None;
                shadow.tell(Change::Reopened, ctx, out);
            }
            (None, None) | (Some(_), Some(_)) => {
                shadow.alert.returned = until;
                shadow.tell(Change::Revised, ctx, out);
            }
        }
    }

    pub(super) fn shadow_ended(
        &mut self,
        episode: EpisodeId,
        until: Time,
        value: Option<f64>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(shadow) = self.shadows.get_mut(&episode) {
            shadow.alert.value = value.or(shadow.alert.value);
            shadow.end(until, ctx, out);
        }
    }

    pub(super) fn shadow_gone(
        &mut self,
        episode: EpisodeId,
        change: Change,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(mut shadow) = self.shadows.remove(&episode) {
            shadow.alert.state = AlertState::Normal;
            shadow.tell(change, ctx, out);
        }
    }

    /// Final: an episode that is over need not be remembered.
    pub(super) fn shadow_settled(&mut self, episode: EpisodeId) {
        let over = |shadow: &Shadow| shadow.alert.returned.is_some();
        if self.shadows.get(&episode).is_some_and(over) {
            self.shadows.remove(&episode);
        }
    }

    /// A rule on trial was dropped or promoted: its episodes are forgotten.
    pub(crate) fn drop_shadows(&mut self, rule: &str) {
        self.shadows.retain(|_, shadow| shadow.alert.rule != rule);
    }
}
