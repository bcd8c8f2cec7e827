//! What operators ask, and whether it is to be granted.

use alert::{Effect, Origin};
use event::{Action, AlertId, AlertState, Command, Time, Verdict};

use crate::MINUTE;
use crate::run::Run;
use crate::script::Act;

impl Run<'_> {
    pub(crate) fn command(
        &self,
        number: usize,
        now: i64,
        pick: usize,
        seen: u32,
        act: &Act,
    ) -> Command {
        let heard = self
            .told
            .order
            .iter()
            .rev()
            .nth(pick)
            .map(|id| &self.told.alerts[id]);
        let reason = "known".to_owned();
        let action = match act {
            Act::Acknowledge => Action::Acknowledge,
            Act::Shelve { minutes, one_shot } => Action::Shelve {
                until: Time(now + minutes * MINUTE),
                reason,
                one_shot: *one_shot,
            },
            Act::Unshelve => Action::Unshelve,
            Act::Comment => Action::Comment { text: reason },
            Act::Assign => Action::Assign {
                to: "Minh".to_owned(),
            },
            Act::Escalate => Action::Escalate {
                level: None,
                reason,
            },
            Act::Reset => Action::Reset,
            Act::Close(cause) => Action::Close {
                cause: *cause,
                text: reason,
            },
            Act::Reopen => Action::Reopen { reason },
            Act::MarkFalse => Action::MarkFalse { reason },
            Act::UnmarkFalse => Action::UnmarkFalse,
        };
        let alert = heard.map(|heard| &heard.alert);
        Command {
            command_id: format!("c{number}"),
            operator: "Lan".to_owned(),
            verified: false,
            alert: Some(alert.map_or(AlertId("none".to_owned()), |alert| alert.id.clone())),
            seen_state: alert.map_or(AlertState::Normal, |alert| alert.state),
            seen_revision: alert.map_or(0, |alert| alert.revision.saturating_sub(seen)),
            action,
        }
    }

    /// The command to both engines: the answer is the one expected, and only an accepted one changes anything.
    pub(crate) fn order(
        &mut self,
        origin: &Origin,
        command: Command,
        first: Option<Verdict>,
        out: &mut Vec<Effect>,
        again: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let before = out.len();
        let expected = self.expected(&command, origin.now.0, &out[..before]);
        let verdict = self.engine.command(origin, &command, out);
        if self.second.command(origin, &command, again) != verdict {
            return Err("another verdict after a restart".to_owned());
        }
        let own = |effect: &Effect| {
            let transition = effect.transition();
            transition.and_then(|told| told.command_id.as_ref()) == Some(&command.command_id)
        };
        let acted = out[before..].iter().any(own);
        if let Some(first) = first {
            let same = first.accepted == verdict.accepted && first.refusal == verdict.refusal;
            if !same || out.len() > before {
                return Err(format!("{command:?} once more: {:?}", verdict.refusal));
            }
            return Ok(());
        }
        if verdict.accepted != acted || verdict.accepted == verdict.refusal.is_some() {
            return Err(format!("{command:?}: {:?}, acted {acted}", verdict.refusal));
        }
        if expected.is_some_and(|expected| expected != verdict.accepted) {
            return Err(format!(
                "{command:?}: {:?}, expected {expected:?}",
                verdict.refusal
            ));
        }
        self.commands.push((command, verdict));
        Ok(())
    }

    /// Whether a command is to be accepted, where the words of it leave no choice. `out` is what this record has done so far.
    fn expected(&self, command: &Command, now: i64, out: &[Effect]) -> Option<bool> {
        let id = command.alert.as_ref()?;
        if out
            .iter()
            .filter_map(Effect::transition)
            .any(|told| told.alert.id == *id)
        {
            return None;
        }
        let Some(heard) = self.told.alerts.get(&id.0) else {
            return Some(false);
        };
        let alert = &heard.alert;
        let over = alert.state == AlertState::Normal;
        let seen = (heard.opened..=alert.revision).contains(&command.seen_revision);
        let waiting = matches!(
            alert.state,
            AlertState::Unacknowledged | AlertState::ReturnedUnacknowledged
        );
        Some(match &command.action {
            Action::Acknowledge => waiting && seen,
            Action::Shelve { until, .. } => {
                !over && seen && until.0 > now && until.0 - now <= alert::SHELVE_MAX
            }
            Action::Unshelve => alert.shelved.is_some(),
            Action::Reset if alert.state != AlertState::Latched => false,
            Action::Comment { .. } if !over => alert.comments.len() < alert::COMMENTS_MAX,
            Action::Reopen { .. } if !over => false,
            _ => return None,
        })
    }
}
