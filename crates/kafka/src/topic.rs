//! The topics: a closed set. Those of CAP messages and of drills are there only where they are named.
//!
//! What is not `actual` goes to the topic of drills and to no other, whatever it is; the CloudEvents type says which.

use event::Status;

use crate::KafkaConfig;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Events; key = entity.
    Events,
    /// Every transition of every alert; key = alert id.
    Alerts,
    /// The latest state of every alert; key = alert id; compacted.
    AlertsCurrent,
    /// What gave no event; key = client, if there is one.
    Rejects,
    /// CAP messages as XML; key = alert id or warning id.
    Cap,
    /// Events, transitions and public warnings (CAP) of exercises and tests, each with the key that it has elsewhere.
    Drills,
}

impl Topic {
    pub(crate) const COUNT: usize = 6;

    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Events,
        Self::Alerts,
        Self::AlertsCurrent,
        Self::Rejects,
        Self::Cap,
        Self::Drills,
    ];

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Events => 0,
            Self::Alerts => 1,
            Self::AlertsCurrent => 2,
            Self::Rejects => 3,
            Self::Cap => 4,
            Self::Drills => 5,
        }
    }

    /// The label in figures.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Alerts => "alerts",
            Self::AlertsCurrent => "alerts_current",
            Self::Rejects => "rejects",
            Self::Cap => "cap",
            Self::Drills => "drills",
        }
    }

    pub(crate) const fn is_compacted(self) -> bool {
        matches!(self, Self::AlertsCurrent)
    }

    pub(crate) fn name(self, config: &KafkaConfig) -> &str {
        match self {
            Self::Events => &config.topic_events,
            Self::Alerts => &config.topic_alerts,
            Self::AlertsCurrent => &config.topic_alerts_current,
            Self::Rejects => &config.topic_rejects,
            Self::Cap => &config.topic_cap,
            Self::Drills => &config.topic_drills,
        }
    }

    /// Those that are written to.
    pub(crate) fn used(config: &KafkaConfig) -> impl Iterator<Item = Self> {
        let named = |topic: &Self| !topic.name(config).is_empty();
        Self::ALL.into_iter().filter(named)
    }
}

/// What a message is, whatever topic it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Event,
    Transition,
    Alert,
    Reject,
    Cap,
}

impl Form {
    pub(crate) const fn schema(self) -> &'static str {
        match self {
            Self::Event => "urn:ioc:event:v1",
            Self::Transition => "urn:ioc:alert-transition:v1",
            Self::Alert => "urn:ioc:alert:v1",
            Self::Reject => "urn:ioc:reject:v1",
            Self::Cap => "urn:oasis:names:tc:emergency:cap:1.2",
        }
    }

    /// CloudEvents `type`.
    pub(crate) const fn event_type(self) -> &'static str {
        match self {
            Self::Event => "ioc.event.v1",
            Self::Transition => "ioc.alert.transition.v1",
            Self::Alert => "ioc.alert.v1",
            Self::Reject => "ioc.reject.v1",
            Self::Cap => "ioc.cap.v1",
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Event | Self::Transition | Self::Alert | Self::Reject => "application/json",
            Self::Cap => "application/cap+xml",
        }
    }

    /// Where it goes. None: a drill's, which has no place among the latest states, or there is no topic of drills.
    pub(crate) fn topic(self, status: Status, drills: bool) -> Option<Topic> {
        match (status, self) {
            (Status::Actual, Self::Event) => Some(Topic::Events),
            (Status::Actual, Self::Transition) => Some(Topic::Alerts),
            (Status::Actual, Self::Alert) => Some(Topic::AlertsCurrent),
            (Status::Actual, Self::Cap) => Some(Topic::Cap),
            (_, Self::Reject) => Some(Topic::Rejects),
            (Status::Exercise | Status::Test, Self::Alert) => None,
            (Status::Exercise | Status::Test, Self::Event | Self::Transition | Self::Cap) => {
                drills.then_some(Topic::Drills)
            }
        }
    }
}
