//! What the fold keeps of an alert: its calls, its spans, and what people did.

use std::sync::Arc;

use event::{Alert, AlertId, Change, Name, Priority, Severity, Status, Stream, Transition};
use serde::{Deserialize, Serialize};

use super::positions::Position;

/// Into which column a call goes; exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Class {
    Counted,
    Shadow,
    Exercise,
    Test,
    Retrospective,
    Suppressed,
    Shelved,
}

pub(crate) fn class_of(alert: &Alert, shadow: bool) -> Class {
    if shadow {
        return Class::Shadow;
    }
    match alert.status {
        Status::Exercise => Class::Exercise,
        Status::Test => Class::Test,
        Status::Actual if alert.retrospective => Class::Retrospective,
        Status::Actual if !alert.handling.suppressed.is_empty() => Class::Suppressed,
        Status::Actual if alert.shelved.is_some() => Class::Shelved,
        Status::Actual => Class::Counted,
    }
}

/// What figures are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) rule: Name,
    pub(crate) entity: Name,
    pub(crate) stream: Stream,
    pub(crate) area: Option<Name>,
    pub(crate) severity: Severity,
    pub(crate) priority: Priority,
    /// Neither a drill nor told of the past.
    pub(crate) real: bool,
}

impl Facts {
    pub(crate) fn of(alert: &Alert) -> Self {
        Self {
            rule: alert.rule.as_str().into(),
            entity: alert.entity.clone(),
            stream: alert.stream,
            area: alert.area.clone(),
            severity: alert.severity,
            priority: alert.rating.priority,
            real: alert.status == Status::Actual && !alert.retrospective,
        }
    }

    /// Of one alert only these change.
    pub(crate) fn same(&self, alert: &Alert) -> bool {
        self.severity == alert.severity
            && self.priority == alert.rating.priority
            && self.area == alert.area
    }

    pub(crate) fn seen_by(&self, position: &Position) -> bool {
        position.sees(self.stream, self.area.as_ref(), self.severity)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) at: i64,
    pub(crate) change: Name,
    pub(crate) class: Class,
    pub(crate) facts: Arc<Facts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SpanKind {
    /// `since`: from when the condition has been present without a break.
    Standing {
        since: i64,
    },
    Shelved,
    Suppressed,
    Chattering {
        turns: u64,
    },
    /// From a call to its answer.
    Call {
        answered: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) kind: SpanKind,
    pub(crate) alert: AlertId,
    pub(crate) facts: Arc<Facts>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MarkKind {
    False,
    NotFalse,
    Command {
        change: Name,
        verified: Option<bool>,
    },
    Rules {
        verified: Option<bool>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) at: i64,
    /// None for what is about the site.
    pub(crate) facts: Option<Arc<Facts>>,
    pub(crate) kind: MarkKind,
}

/// An alert that goes on: since when each span of it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) facts: Option<Arc<Facts>>,
    pub(crate) active_since: Option<i64>,
    pub(crate) standing: Option<i64>,
    pub(crate) shelved: Option<i64>,
    pub(crate) suppressed: Option<i64>,
    pub(crate) chattering: Option<i64>,
    pub(crate) turns: u32,
    pub(crate) call: Option<i64>,
    /// Its last call was kept back, for this.
    pub(crate) muted: Option<Class>,
}

impl Open {
    pub(crate) fn is_idle(&self) -> bool {
        let running = [
            self.active_since,
            self.standing,
            self.shelved,
            self.suppressed,
            self.chattering,
            self.call,
        ];
        running.iter().all(Option::is_none)
    }

    /// Its running spans, open at the end.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (i64, SpanKind)> + '_ {
        let since = self.active_since.unwrap_or(i64::MAX);
        let turns = u64::from(self.turns);
        [
            self.standing.map(|at| (at, SpanKind::Standing { since })),
            self.shelved.map(|at| (at, SpanKind::Shelved)),
            self.suppressed.map(|at| (at, SpanKind::Suppressed)),
            self.chattering
                .map(|at| (at, SpanKind::Chattering { turns })),
            self.call.map(|at| (at, SpanKind::Call { answered: false })),
        ]
        .into_iter()
        .flatten()
    }
}

/// Whether an account stands behind the command, as far as the transition says.
pub(crate) fn verified(transition: &Transition) -> Option<bool> {
    let alert = &transition.alert;
    let handling = &alert.handling;
    match transition.change {
        Change::Acknowledged => alert.acknowledged.as_ref().map(|done| done.verified),
        Change::Shelved => alert.shelved.as_ref().map(|done| done.verified),
        Change::Commented => alert.comments.last().map(|done| done.verified),
        Change::Assigned => handling.assigned.as_ref().map(|done| done.verified),
        Change::Closed => handling.closed.as_ref().map(|done| done.verified),
        Change::MarkedFalse => handling.false_alert.as_ref().map(|done| done.verified),
        Change::Resolved => {
            let answer = alert.acknowledged.as_ref().map(|done| done.verified);
            let closed = handling.closed.as_ref().map(|done| done.verified);
            closed.or(answer)
        }
        Change::Raised
        | Change::Reopened
        | Change::Revised
        | Change::ReturnedToNormal
        | Change::Unshelved
        | Change::Merged
        | Change::Escalated
        | Change::Reminded
        | Change::Suppressed
        | Change::Unsuppressed
        | Change::ChatteringBegan
        | Change::ChatteringEnded
        | Change::Reset
        | Change::UnmarkedFalse
        | Change::Notified
        | Change::Annulled => None,
    }
}
