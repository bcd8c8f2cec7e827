//! Episodes out of effects: what an alert said of its times, in the end, after every revision.

use std::collections::HashMap;

use alert::Effect;
use event::{Alert, AlertId, Change, Name, Severity, Status, Stream, Text, Time, Transition};
use serde::Serialize;

/// One episode of an alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) rule: String,
    pub(crate) version: u32,
    pub(crate) entity: Name,
    pub(crate) severity: Severity,
    /// Observed start and end; no end while it is open.
    pub(crate) raised: Time,
    pub(crate) cleared: Option<Time>,
    pub(crate) status: Status,
    pub(crate) retrospective: bool,
    /// Journal time at which an operator was told of it.
    pub(crate) told: Time,
    /// Kept back when it was told: counted, no notice.
    pub(crate) suppressed: bool,
    pub(crate) stream: Stream,
    pub(crate) entity_name: Text,
    pub(crate) area: Option<Name>,
    pub(crate) area_name: Option<String>,
    pub(crate) message: Text,
    pub(crate) id: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    since: Time,
    returned: Option<Time>,
    told: Time,
    suppressed: bool,
    severity: Severity,
    version: u32,
}

struct Tracked {
    spans: Vec<Span>,
    /// As it last was.
    alert: Alert,
}

/// Everything told so far, real alerts and those of rules on trial apart. Grows with the number of alerts alone.
#[derive(Default)]
pub(crate) struct Told {
    real: HashMap<AlertId, Tracked>,
    shadow: HashMap<AlertId, Tracked>,
}

impl Told {
    pub(crate) fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Transition(transition) => apply(&mut self.real, transition),
            Effect::Shadow(transition) => apply(&mut self.shadow, transition),
            Effect::Suppression(_) | Effect::Incident(_) | Effect::PublicWarning(_) => {}
        }
    }

    pub(crate) fn transition(&mut self, transition: &Transition, shadow: bool) {
        apply(
            if shadow {
                &mut self.shadow
            } else {
                &mut self.real
            },
            transition,
        );
    }

    /// The episodes that touch `from..to`, in a settled order.
    pub(crate) fn rows(&self, from: Option<Time>, to: Option<Time>) -> Vec<Row> {
        rows(&self.real, from, to)
    }

    pub(crate) fn shadow_rows(&self, from: Option<Time>, to: Option<Time>) -> Vec<Row> {
        rows(&self.shadow, from, to)
    }
}

fn apply(alerts: &mut HashMap<AlertId, Tracked>, transition: &Transition) {
    let alert = &transition.alert;
    // What never was, or is a part of another alert now, is no episode of its own.
    if matches!(transition.change, Change::Annulled | Change::Merged)
        || alert.handling.merged_into.is_some()
    {
        alerts.remove(&alert.id);
        return;
    }
    let tracked = alerts.entry(alert.id.clone()).or_insert_with(|| Tracked {
        spans: Vec::with_capacity(1),
        alert: alert.clone(),
    });
    let fresh = |since, returned| Span {
        since,
        returned,
        told: alert.changed,
        suppressed: !alert.handling.suppressed.is_empty(),
        severity: alert.severity,
        version: alert.evidence.rule_version,
    };
    if alert.episodes.is_empty() {
        let new = tracked.spans.is_empty()
            || transition.change == Change::Reopened
                && tracked
                    .spans
                    .last()
                    .is_some_and(|last| last.returned.is_some_and(|end| alert.since >= end));
        if new {
            tracked.spans.push(fresh(alert.since, alert.returned));
        }
    } else {
        listed(&mut tracked.spans, alert, &fresh);
    }
    if let Some(last) = tracked.spans.last_mut() {
        if alert.episodes.is_empty() {
            (last.since, last.returned) = (alert.since, alert.returned);
        }
        last.severity = alert.severity;
        last.version = alert.evidence.rule_version;
    }
    tracked.alert.clone_from(alert);
}

/// The alert lists its newest episodes: they replace what was known of them; when each was first told is kept.
fn listed(spans: &mut Vec<Span>, alert: &Alert, fresh: &dyn Fn(Time, Option<Time>) -> Span) {
    let whole = alert.occurrences as usize <= alert.episodes.len();
    let known = std::mem::take(spans);
    if let (false, Some(first)) = (whole, alert.episodes.first()) {
        let before = |span: &&Span| span.returned.is_some_and(|end| end < first.since);
        spans.extend(known.iter().filter(before));
    }
    for episode in &alert.episodes {
        let same = known.iter().find(|span| {
            let ends = |end: Option<Time>| end.unwrap_or(Time(i64::MAX));
            span.since <= ends(episode.returned) && episode.since <= ends(span.returned)
        });
        spans.push(match same {
            Some(same) => Span {
                since: episode.since,
                returned: episode.returned,
                ..*same
            },
            None => fresh(episode.since, episode.returned),
        });
    }
}

fn rows(alerts: &HashMap<AlertId, Tracked>, from: Option<Time>, to: Option<Time>) -> Vec<Row> {
    let touches = |span: &&Span| {
        from.is_none_or(|from| span.returned.is_none_or(|end| end >= from))
            && to.is_none_or(|to| span.since < to)
    };
    let mut rows: Vec<Row> = alerts
        .values()
        .flat_map(|tracked| {
            tracked
                .spans
                .iter()
                .filter(touches)
                .map(|span| row(tracked, span))
        })
        .collect();
    rows.sort_by(|a, b| {
        let key = |row: &Row| (row.raised, row.status, row.retrospective, row.cleared);
        key(a)
            .cmp(&key(b))
            .then_with(|| a.rule.cmp(&b.rule))
            .then_with(|| a.entity.cmp(&b.entity))
            .then_with(|| a.id.cmp(&b.id))
    });
    rows
}

fn row(tracked: &Tracked, span: &Span) -> Row {
    let alert = &tracked.alert;
    Row {
        rule: alert.rule.clone(),
        version: span.version,
        entity: alert.entity.clone(),
        severity: span.severity,
        raised: span.since,
        cleared: span.returned,
        status: alert.status,
        retrospective: alert.retrospective,
        told: span.told,
        suppressed: span.suppressed,
        stream: alert.stream,
        entity_name: alert.entity_name.clone(),
        area: alert.area.clone(),
        area_name: alert.area_name.clone(),
        message: alert.message.clone(),
        id: alert.id.0.clone(),
    }
}

#[cfg(test)]
pub(super) mod tests;
