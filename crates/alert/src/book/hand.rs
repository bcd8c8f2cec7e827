//! What an operator does with an open alert: acknowledge, shelve, comment, assign; and ending a suppression.

use event::{
    Acknowledgement, AlertState, Assignment, Change, Command, Refusal, Shelving, SuppressionId,
    Time,
};

use super::commands::{
    ID_CHARS_MAX, Refused, already, check_length, moved_on, refused, wrong_state,
};
use super::entry::By;
use super::{Book, Context, SHELVE_MAX};
use crate::effect::Effect;

pub(super) fn by(command: &Command) -> By<'_> {
    Some((command.operator.as_str(), command.command_id.as_str()))
}

impl Book {
    pub(super) fn acknowledge(
        &mut self,
        command: &Command,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let id = command.about();
        if let Some(by) = self.alert(id).and_then(|alert| alert.acknowledged.as_ref()) {
            return Err(already(by));
        }
        let entry = self.find(id)?;
        entry.same_episode(command)?;
        if !matches!(
            command.seen_state,
            AlertState::Unacknowledged | AlertState::ReturnedUnacknowledged
        ) {
            return Err(moved_on(entry));
        }
        entry.alert.acknowledged = Some(Acknowledgement {
            operator: command.operator.clone(),
            verified: command.verified,
            at: ctx.origin.now,
            command_id: command.command_id.clone(),
        });
        entry.alert.handling.reminders = 0;
        if entry.active() {
            entry.alert.state = AlertState::Acknowledged;
            entry.tell(Change::Acknowledged, by(command), ctx, out);
        } else if entry.alert.handling.latches {
            entry.alert.state = AlertState::Latched;
            entry.tell(Change::Acknowledged, by(command), ctx, out);
        } else {
            self.end(id, Change::Resolved, by(command), ctx, out);
        }
        self.sync(id, ctx.origin.now);
        Ok(())
    }

    pub(super) fn shelve(
        &mut self,
        command: &Command,
        (until, one_shot): (Time, bool),
        reason: &str,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let now = ctx.origin.now;
        let entry = self.find(command.about())?;
        entry.same_episode(command)?;
        if reason.is_empty() {
            return Err(refused(
                Refusal::ReasonMissing,
                "Phải ghi lý do tạm ẩn.",
                "Say why it is shelved.",
            ));
        }
        check_length(reason)?;
        if until <= now {
            return Err(refused(
                Refusal::TimePast,
                "Thời điểm hết tạm ẩn đã qua.",
                "The end of the shelving lies in the past.",
            ));
        }
        if until.since(now) > SHELVE_MAX {
            return Err(refused(
                Refusal::ShelveTooLong,
                "Chỉ được tạm ẩn tối đa 24 giờ.",
                "An alert can be shelved for 24 hours at most.",
            ));
        }
        entry.alert.shelved = Some(Shelving {
            operator: command.operator.clone(),
            verified: command.verified,
            at: now,
            until,
            reason: reason.to_owned(),
            one_shot,
        });
        entry.tell(Change::Shelved, by(command), ctx, out);
        self.sync(command.about(), now);
        Ok(())
    }

    pub(super) fn unshelve(
        &mut self,
        command: &Command,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let entry = self.find(command.about())?;
        if entry.alert.shelved.take().is_none() {
            return Err(refused(
                Refusal::NotShelved,
                "Cảnh báo không ở trạng thái tạm ẩn.",
                "The alert is not shelved.",
            ));
        }
        entry.tell(Change::Unshelved, by(command), ctx, out);
        self.sync(command.about(), ctx.origin.now);
        Ok(())
    }

    pub(super) fn comment(
        &mut self,
        command: &Command,
        text: &str,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        self.find(command.about())?;
        if text.is_empty() {
            return Err(refused(
                Refusal::ReasonMissing,
                "Ghi chú trống.",
                "The comment is empty.",
            ));
        }
        self.note(command, text, ctx)?;
        self.find(command.about())?
            .tell(Change::Commented, by(command), ctx, out);
        Ok(())
    }

    pub(super) fn assign(
        &mut self,
        command: &Command,
        to: &str,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let entry = self.find(command.about())?;
        if to.chars().nth(ID_CHARS_MAX).is_some() {
            return Err(refused(
                Refusal::TextTooLong,
                format!("Tên dài quá {ID_CHARS_MAX} ký tự."),
                format!("The name is longer than {ID_CHARS_MAX} characters."),
            ));
        }
        let before = entry.alert.handling.assigned.as_ref();
        if before.map_or("", |assigned| assigned.to.as_str()) == to {
            return Err(wrong_state(
                "Cảnh báo đã được giao như vậy.",
                "The alert is assigned so already.",
            ));
        }
        entry.alert.handling.assigned = (!to.is_empty()).then(|| Assignment {
            to: to.to_owned(),
            operator: command.operator.clone(),
            verified: command.verified,
            at: ctx.origin.now,
        });
        entry.tell(Change::Assigned, by(command), ctx, out);
        Ok(())
    }

    pub(super) fn end_by_hand(
        &mut self,
        id: &SuppressionId,
        command: &Command,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        match self.suppressions.get(id) {
            None => Err(refused(
                Refusal::SuppressionUnknown,
                "Không có lệnh tạm ngừng báo này.",
                "There is no such suppression.",
            )),
            Some(suppression) if suppression.ended.is_some() => Err(wrong_state(
                "Lệnh tạm ngừng báo này đã kết thúc.",
                "This suppression has ended.",
            )),
            Some(_) => {
                self.end_suppression(id, by(command), ctx, out);
                Ok(())
            }
        }
    }
}
