//! What the fold concluded, in order.

use event::{Incident, PublicWarning, SuppressionChange, Transition};

/// One conclusion; each becomes a record of `outcomes`.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Transition(Transition),
    /// What a rule on trial would have told. No alert, no notice, no figure.
    Shadow(Transition),
    Suppression(SuppressionChange),
    Incident(Incident),
    PublicWarning(PublicWarning),
}

impl Effect {
    /// The transition of a real alert.
    pub const fn transition(&self) -> Option<&Transition> {
        match self {
            Self::Transition(transition) => Some(transition),
            Self::Shadow(_) | Self::Suppression(_) | Self::Incident(_) | Self::PublicWarning(_) => {
                None
            }
        }
    }
}
