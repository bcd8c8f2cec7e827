//! Two episodes that late data proved to be one.

use event::{AlertId, AlertState, Change};

use super::{Book, Context};
use crate::effect::Effect;
use crate::signal::EpisodeId;

impl Book {
    pub(super) fn merged(
        &mut self,
        episode: EpisodeId,
        into: EpisodeId,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(later) = self.alert_of(episode) else {
            return;
        };
        let Some(earlier) = self.episodes.get(&into).cloned() else {
            self.rename(&later, episode, into);
            return;
        };
        let Some(entry) = self.entry_mut(&later) else {
            return;
        };
        let held = entry.holds();
        let Some(at) = (entry.spans.iter()).position(|span| span.episode == Some(episode)) else {
            return;
        };
        let span = entry.spans.remove(at);
        entry.alert.occurrences = entry.alert.occurrences.saturating_sub(1);
        let left = !entry.spans.is_empty();
        self.episodes.remove(&episode);
        // The earlier one goes on to where the later one was.
        let Some(first) = self.entry_mut(&earlier) else {
            return;
        };
        let first_held = if earlier == later {
            held
        } else {
            first.holds()
        };
        if let Some(first) = first.span_mut(into) {
            first.since = first.since.min(span.since);
            first.until = match (first.until, span.until) {
                (Some(a), Some(b)) => Some(a.max(b)),
                (None, _) | (_, None) => None,
            };
        }
        first.order_spans();
        if earlier == later {
            self.follow(&earlier, held, ctx, out);
            return;
        }
        if left {
            self.follow(&later, held, ctx, out);
        } else {
            self.end_merged(&later, &earlier, ctx, out);
        }
        let rings = self.entry(&earlier).is_some_and(|entry| !entry.active());
        self.follow(&earlier, first_held, ctx, out);
        if rings {
            self.hand_over(&later, &earlier, ctx, out);
        }
    }

    fn end_merged(
        &mut self,
        later: &AlertId,
        earlier: &AlertId,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        self.lift_at_once(later, ctx, out);
        if let Some(entry) = self.entry_mut(later) {
            entry.alert.handling.merged_into = Some(earlier.clone());
        }
        if self.open.contains_key(later) {
            self.end(later, Change::Merged, None, ctx, out);
        } else if let Some(entry) = self.over.get_mut(later) {
            entry.tell(Change::Merged, None, ctx, out);
        }
    }

    /// Whoever took care of the later one has taken care of the earlier one, which rings again only because of it.
    fn hand_over(
        &mut self,
        later: &AlertId,
        earlier: &AlertId,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.entry(later) else {
            return;
        };
        let acknowledged = entry.alert.acknowledged.clone();
        let Some(entry) = self.open.get_mut(earlier) else {
            return;
        };
        if entry.alert.state == AlertState::Unacknowledged
            && let Some(acknowledged) = acknowledged
        {
            let (operator, command) = (
                acknowledged.operator.clone(),
                acknowledged.command_id.clone(),
            );
            entry.alert.acknowledged = Some(acknowledged);
            entry.alert.state = AlertState::Acknowledged;
            entry.tell(Change::Acknowledged, Some((&operator, &command)), ctx, out);
        }
        self.sync(earlier, ctx.origin.now);
    }

    /// The earlier alert is forgotten: the later one goes on under the earlier episode's id.
    fn rename(&mut self, id: &AlertId, episode: EpisodeId, into: EpisodeId) {
        if let Some(span) = self.entry_mut(id).and_then(|entry| entry.span_mut(episode)) {
            span.episode = Some(into);
        }
        self.episodes.remove(&episode);
        self.episodes.insert(into, id.clone());
    }
}
