//! The metrics of this outlet beyond the mover's seven: names and labels are all here, and come from closed sets.

#![allow(
    clippy::disallowed_macros,
    reason = "the one place for metric names of this crate"
)]

use std::time::Duration;

use metrics::{Counter, Gauge, counter, gauge, histogram};

use crate::outbox::Outcome;

/// Kind of a channel, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Webhook,
    Email,
    Zalo,
    Sms,
    Cap,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Email => "email",
            Self::Zalo => "zalo",
            Self::Sms => "sms",
            Self::Cap => "cap",
        }
    }
}

pub(crate) struct Meter {
    planned: Counter,
    grouped: Counter,
    pending: Gauge,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            planned: counter!("ioc_notify_planned_total"),
            grouped: counter!("ioc_notify_grouped_total"),
            pending: gauge!("ioc_notify_pending"),
        }
    }

    pub(crate) fn planned(&self, notices: usize, grouped: usize) {
        self.planned.increment(notices as u64);
        self.grouped.increment(grouped as u64);
    }

    pub(crate) fn pending(&self, notices: usize) {
        // Exact far beyond any bound of it.
        self.pending
            .set(u32::try_from(notices).map_or(f64::MAX, f64::from));
    }

    pub(crate) fn settled(&self, kind: Kind, outcome: Outcome, notices: usize) {
        let outcome = match outcome {
            Outcome::Delivered => "delivered",
            Outcome::Refused => "refused",
            Outcome::MovedOn => "moved_on",
            Outcome::Expired => "expired",
        };
        counter!("ioc_notify_settled_total", "channel" => kind.name(), "outcome" => outcome)
            .increment(notices as u64);
    }

    pub(crate) fn attempt(&self, kind: Kind, took: Duration, delivered: bool) {
        histogram!("ioc_notify_request_seconds", "channel" => kind.name())
            .record(took.as_secs_f64());
        if !delivered {
            counter!("ioc_notify_failed_attempts_total", "channel" => kind.name()).increment(1);
        }
    }
}
