//! The five topics: a closed set. That of CAP messages is there only where it is named.

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
}

impl Topic {
    pub(crate) const ALL: [Self; 5] = [
        Self::Events,
        Self::Alerts,
        Self::AlertsCurrent,
        Self::Rejects,
        Self::Cap,
    ];

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Events => 0,
            Self::Alerts => 1,
            Self::AlertsCurrent => 2,
            Self::Rejects => 3,
            Self::Cap => 4,
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
        }
    }

    pub(crate) const fn is_compacted(self) -> bool {
        matches!(self, Self::AlertsCurrent)
    }

    pub(crate) const fn schema(self) -> &'static str {
        match self {
            Self::Events => "urn:ioc:event:v1",
            Self::Alerts => "urn:ioc:alert-transition:v1",
            Self::AlertsCurrent => "urn:ioc:alert:v1",
            Self::Rejects => "urn:ioc:reject:v1",
            Self::Cap => "urn:oasis:names:tc:emergency:cap:1.2",
        }
    }

    /// CloudEvents `type`.
    pub(crate) const fn event_type(self) -> &'static str {
        match self {
            Self::Events => "ioc.event.v1",
            Self::Alerts => "ioc.alert.transition.v1",
            Self::AlertsCurrent => "ioc.alert.v1",
            Self::Rejects => "ioc.reject.v1",
            Self::Cap => "ioc.cap.v1",
        }
    }

    pub(crate) fn name(self, config: &KafkaConfig) -> &str {
        match self {
            Self::Events => &config.topic_events,
            Self::Alerts => &config.topic_alerts,
            Self::AlertsCurrent => &config.topic_alerts_current,
            Self::Rejects => &config.topic_rejects,
            Self::Cap => &config.topic_cap,
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Events | Self::Alerts | Self::AlertsCurrent | Self::Rejects => "application/json",
            Self::Cap => "application/cap+xml",
        }
    }

    /// Those that are written to.
    pub(crate) fn used(config: &KafkaConfig) -> impl Iterator<Item = Self> {
        let named = |topic: &Self| !topic.name(config).is_empty();
        Self::ALL.into_iter().filter(named)
    }
}
