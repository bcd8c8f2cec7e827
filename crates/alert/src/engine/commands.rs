//! What operators ask, and the answers. An answer is remembered by command id: a repeat gets the first one, another command
//! under a known id is refused.

use super::verdicts::{Remembered, digest};
use super::{COMMENTS_MAX, Engine, Open, Origin, SHELVE_MAX, TEXT_CHARS_MAX, Timer};
use crate::effect::Effect;
use crate::text::local_time;
use event::{
    Acknowledgement, Action, AlertId, AlertState, Change, Command, Comment, Refusal, Shelving,
    Text, Time, Verdict,
};

/// Longest command id and operator name, in characters, as the API promises.
const ID_CHARS_MAX: usize = 100;

type Refused = (Refusal, Text);

fn refused(refusal: Refusal, vi: impl Into<String>, en: impl Into<String>) -> Refused {
    (
        refusal,
        Text {
            vi: vi.into(),
            en: en.into(),
        },
    )
}

impl Engine {
    /// Carries out a command or says why not. `advance` was called for its record.
    pub fn command(
        &mut self,
        origin: &Origin,
        command: &Command,
        out: &mut Vec<Effect>,
    ) -> Verdict {
        self.begin(origin);
        if let Some(first) = self.verdicts.find(&command.command_id).cloned() {
            return if first.is_of(command) {
                self.verdict(first)
            } else {
                self.reused(command)
            };
        }
        let too_long = |text: &str| text.chars().nth(ID_CHARS_MAX).is_some();
        if command.command_id.is_empty()
            || command.operator.trim().is_empty()
            || too_long(&command.command_id)
            || too_long(command.operator.trim())
        {
            let (refusal, detail) = refused(
                Refusal::CommandUnreadable,
                "Lệnh phải có mã lệnh và tên cán bộ, mỗi mục tối đa 100 ký tự.",
                "A command needs its id and the operator's name, at most 100 characters each.",
            );
            // Not remembered: there is no usable id to remember it by.
            return Verdict {
                command_id: command.command_id.chars().take(ID_CHARS_MAX).collect(),
                accepted: false,
                refusal: Some(refusal),
                detail,
                alert: None,
                suppression: None,
                warning: None,
            };
        }
        let result = match &command.action {
            Action::Acknowledge => self.acknowledge(origin, command, out),
            Action::Shelve {
                until,
                reason,
                one_shot: _,
            } => self.shelve(origin, command, *until, reason.trim(), out),
            Action::Unshelve => self.unshelve(origin, command, out),
            Action::Comment { text } => self.comment(origin, command, text.trim(), out),
            _ => Err(refused(Refusal::WrongState, "", "")),
        };
        let (refusal, detail) = match result {
            Ok(()) => (None, Text::default()),
            Err((refusal, detail)) => (Some(refusal), detail),
        };
        let (digest, until) = digest(command);
        let remembered = Remembered {
            command_id: command.command_id.clone(),
            alert: command.about().clone(),
            digest,
            until,
            refusal,
            detail,
        };
        self.verdicts.remember(remembered.clone());
        self.verdict(remembered)
    }

    /// The first command of that id stays what it was and is remembered; this one is not carried out.
    fn reused(&self, command: &Command) -> Verdict {
        let (refusal, detail) = refused(
            Refusal::CommandIdReused,
            "Mã lệnh này đã dùng cho một lệnh khác; hãy gửi lại với mã mới.",
            "This command id was used for another command; send it again with a new id.",
        );
        Verdict {
            command_id: command.command_id.clone(),
            accepted: false,
            refusal: Some(refusal),
            detail,
            alert: self.listed(command.about()).cloned(),
            suppression: None,
            warning: None,
        }
    }

    /// The alert, open or over, if it is still listed.
    fn listed(&self, id: &AlertId) -> Option<&event::Alert> {
        let open = self.open.get(id).map(|open| &open.alert);
        open.or_else(|| self.recent.iter().rev().find(|alert| alert.id == *id))
    }

    fn verdict(&self, remembered: Remembered) -> Verdict {
        let alert = self.listed(&remembered.alert).cloned();
        Verdict {
            command_id: remembered.command_id,
            accepted: remembered.refusal.is_none(),
            refusal: remembered.refusal,
            detail: remembered.detail,
            alert,
            suppression: None,
            warning: None,
        }
    }

    /// The open alert, or the refusal that says what became of it.
    fn find(&mut self, id: &AlertId) -> Result<&mut Open, Refused> {
        let over = self.recent.iter().rev().find(|alert| alert.id == *id);
        match (self.open.get_mut(id), over) {
            (Some(open), _) => Ok(open),
            (None, Some(alert)) => Err(match &alert.acknowledged {
                Some(by) => already(by),
                None => refused(
                    Refusal::StateChanged,
                    format!("Cảnh báo đã kết thúc lúc {}.", local_time(alert.changed)),
                    format!("The alert ended at {}.", local_time(alert.changed)),
                ),
            }),
            (None, None) => Err(refused(
                Refusal::AlertUnknown,
                "Không có cảnh báo này, hoặc cảnh báo đã kết thúc từ lâu.",
                "There is no such alert, or it ended long ago.",
            )),
        }
    }

    fn acknowledge(
        &mut self,
        origin: &Origin,
        command: &Command,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let open = self.find(command.about())?;
        if let Some(by) = &open.alert.acknowledged {
            return Err(already(by));
        }
        open.same_episode(command)?;
        if !matches!(
            command.seen_state,
            AlertState::Unacknowledged | AlertState::ReturnedUnacknowledged
        ) {
            return Err(moved_on(open));
        }
        open.alert.acknowledged = Some(Acknowledgement {
            operator: command.operator.clone(),
            verified: command.verified,
            at: origin.now,
            command_id: command.command_id.clone(),
        });
        let by = Some((command.operator.as_str(), command.command_id.as_str()));
        match open.alert.state {
            AlertState::Unacknowledged | AlertState::Acknowledged => {
                open.alert.state = AlertState::Acknowledged;
                out.push(Effect::Transition(open.change(
                    Change::Acknowledged,
                    by,
                    origin,
                )));
            }
            AlertState::ReturnedUnacknowledged | AlertState::Normal | AlertState::Latched => {
                self.resolve(command.about(), Change::Resolved, by, origin, out);
            }
        }
        Ok(())
    }

    fn shelve(
        &mut self,
        origin: &Origin,
        command: &Command,
        until: Time,
        reason: &str,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let open = self.find(command.about())?;
        open.same_episode(command)?;
        if reason.is_empty() {
            return Err(refused(
                Refusal::ReasonMissing,
                "Phải ghi lý do tạm ẩn.",
                "Say why it is shelved.",
            ));
        }
        check_length(reason)?;
        if until <= origin.now {
            return Err(refused(
                Refusal::TimePast,
                "Thời điểm hết tạm ẩn đã qua.",
                "The end of the shelving lies in the past.",
            ));
        }
        if until.since(origin.now) > SHELVE_MAX {
            return Err(refused(
                Refusal::ShelveTooLong,
                "Chỉ được tạm ẩn tối đa 24 giờ.",
                "An alert can be shelved for 24 hours at most.",
            ));
        }
        let shelving = Shelving {
            operator: command.operator.clone(),
            verified: command.verified,
            at: origin.now,
            until,
            reason: reason.to_owned(),
            one_shot: false,
        };
        let by = Some((command.operator.as_str(), command.command_id.as_str()));
        let before = open.alert.shelved.replace(shelving);
        out.push(Effect::Transition(open.change(Change::Shelved, by, origin)));
        if let Some(before) = before {
            self.timers
                .remove(&(before.until, Timer::Shelve(command.about().clone())));
        }
        self.timers
            .insert((until, Timer::Shelve(command.about().clone())));
        Ok(())
    }

    fn unshelve(
        &mut self,
        origin: &Origin,
        command: &Command,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let open = self.find(command.about())?;
        let Some(shelved) = open.alert.shelved.take() else {
            return Err(refused(
                Refusal::NotShelved,
                "Cảnh báo không ở trạng thái tạm ẩn.",
                "The alert is not shelved.",
            ));
        };
        let by = Some((command.operator.as_str(), command.command_id.as_str()));
        out.push(Effect::Transition(open.change(
            Change::Unshelved,
            by,
            origin,
        )));
        self.timers
            .remove(&(shelved.until, Timer::Shelve(command.about().clone())));
        Ok(())
    }

    fn comment(
        &mut self,
        origin: &Origin,
        command: &Command,
        text: &str,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let open = self.find(command.about())?;
        if text.is_empty() {
            return Err(refused(
                Refusal::ReasonMissing,
                "Ghi chú trống.",
                "The comment is empty.",
            ));
        }
        check_length(text)?;
        if open.alert.comments.len() >= COMMENTS_MAX {
            return Err(refused(
                Refusal::TooManyComments,
                format!("Mỗi cảnh báo chỉ giữ {COMMENTS_MAX} ghi chú."),
                format!("An alert keeps {COMMENTS_MAX} comments."),
            ));
        }
        open.alert.comments.push(Comment {
            operator: command.operator.clone(),
            verified: command.verified,
            at: origin.now,
            text: text.to_owned(),
        });
        let by = Some((command.operator.as_str(), command.command_id.as_str()));
        out.push(Effect::Transition(open.change(
            Change::Commented,
            by,
            origin,
        )));
        Ok(())
    }

    /// The end of a shelving on journal time. Its timer is gone.
    pub(super) fn shelving_over(&mut self, id: &AlertId, origin: &Origin, out: &mut Vec<Effect>) {
        if let Some(open) = self.open.get_mut(id)
            && open.alert.shelved.take().is_some()
        {
            out.push(Effect::Transition(open.change(
                Change::Unshelved,
                None,
                origin,
            )));
        }
    }
}

impl Open {
    /// A value may have moved since the operator looked; the episode must be the one that was seen.
    fn same_episode(&self, command: &Command) -> Result<(), Refused> {
        let seen = command.seen_revision;
        if (self.opened_revision..=self.alert.revision).contains(&seen) {
            return Ok(());
        }
        Err(moved_on(self))
    }
}

fn already(by: &Acknowledgement) -> Refused {
    let at = local_time(by.at);
    refused(
        Refusal::AlreadyAcknowledged,
        format!("Đã được {} tiếp nhận lúc {at}.", by.operator),
        format!("Acknowledged by {} at {at}.", by.operator),
    )
}

fn moved_on(open: &Open) -> Refused {
    let at = local_time(open.alert.changed);
    let times = open.alert.occurrences;
    refused(
        Refusal::StateChanged,
        format!("Cảnh báo đã thay đổi lúc {at} (lần xuất hiện thứ {times}); hãy xem lại."),
        format!("The alert changed at {at} (occurrence {times}); look at it again."),
    )
}

fn check_length(text: &str) -> Result<(), Refused> {
    if text.chars().nth(TEXT_CHARS_MAX).is_none() {
        return Ok(());
    }
    Err(refused(
        Refusal::TextTooLong,
        format!("Nội dung dài quá {TEXT_CHARS_MAX} ký tự."),
        format!("The text is longer than {TEXT_CHARS_MAX} characters."),
    ))
}
