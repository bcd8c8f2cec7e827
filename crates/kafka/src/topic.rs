//! The four topics: a closed set.

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
}

impl Topic {
    pub(crate) const ALL: [Self; 4] = [
        Self::Events,
        Self::Alerts,
        Self::AlertsCurrent,
        Self::Rejects,
    ];

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Events => 0,
            Self::Alerts => 1,
            Self::AlertsCurrent => 2,
            Self::Rejects => 3,
        }
    }

    /// The label in figures.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Alerts => "alerts",
            Self::AlertsCurrent => "alerts_current",
            Self::Rejects => "rejects",
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
        }
    }

    /// CloudEvents `type`.
    pub(crate) const fn event_type(self) -> &'static str {
        match self {
            Self::Events => "ioc.event.v1",
            Self::Alerts => "ioc.alert.transition.v1",
            Self::AlertsCurrent => "ioc.alert.v1",
            Self::Rejects => "ioc.reject.v1",
        }
    }

    pub(crate) fn name(self, config: &KafkaConfig) -> &str {
        match self {
            Self::Events => &config.topic_events,
            Self::Alerts => &config.topic_alerts,
            Self::AlertsCurrent => &config.topic_alerts_current,
            Self::Rejects => &config.topic_rejects,
        }
    }
}
