//! Messages for a stream of records: each is a function of its record (and of when the warnings it names were released), so that a
//! repeat has equal bytes.

use event::{Change, PublicWarning, PublicWarningId, Time, Transition, WarningState};

use super::{Message, Profile, make, token};

/// None where CAP has nothing to say and while the alert is kept back. Every message but the first refers to that of the raising,
/// which was itself kept back if the alert was then.
pub fn streamed_alert(transition: &Transition, profile: &Profile<'_>) -> Option<Message> {
    let alert = &transition.alert;
    let kept_back =
        alert.retrospective || alert.shelved.is_some() || !alert.handling.suppressed.is_empty();
    if kept_back {
        return None;
    }
    let mut message = make::of_transition(transition, profile)?;
    if transition.change != Change::Raised {
        let first = format!("{}.1", alert.id);
        message.references = vec![profile.reference(&first, alert.raised)];
        if message.kind == "Alert" {
            message.kind = "Update".to_owned();
        }
    }
    Some(message)
}

/// None unless it is released. `released` tells when an earlier one was.
pub fn streamed_warning(
    warning: &PublicWarning,
    profile: &Profile<'_>,
    released: impl Fn(&PublicWarningId) -> Option<Time>,
) -> Option<Message> {
    if warning.state != WarningState::Released {
        return None;
    }
    let mut message = make::of_warning(warning, profile);
    message.references = (warning.references.iter())
        .filter_map(|earlier| Some(profile.reference(&earlier.0, released(earlier)?)))
        .collect();
    if message.references.is_empty() && message.kind != "Alert" {
        // As in the feed: an update of what nobody knows is a first message, a cancel of it is none.
        if message.kind == "Cancel" {
            return None;
        }
        message.kind = "Alert".to_owned();
    }
    Some(message)
}

impl Profile<'_> {
    fn reference(&self, id: &str, sent: Time) -> String {
        let sent = super::zoned(sent, self.zone_seconds);
        format!("{},{},{sent}", self.cap.sender, token(id))
    }
}
