//! What operators ask, and the answers. An answer is remembered by command id: a repeat gets the first one, another command
//! under a known id is refused.

use event::{
    Acknowledgement, Action, AlertId, Command, Comment, PublicWarningId, Refusal, SuppressionId,
    Text, Verdict,
};

use super::entry::Entry;
use super::suppress::Order;
use super::verdicts::{Remembered, digest};
use super::{Book, COMMENTS_MAX, Context, TEXT_CHARS_MAX};
use crate::effect::Effect;
use crate::text::local_time;

/// Longest command id and operator name, in characters, as the API promises.
pub(super) const ID_CHARS_MAX: usize = 100;

pub(super) type Refused = (Refusal, Text);

pub(super) fn refused(refusal: Refusal, vi: impl Into<String>, en: impl Into<String>) -> Refused {
    (
        refusal,
        Text {
            vi: vi.into(),
            en: en.into(),
        },
    )
}

/// What a command was about, beside an alert.
#[derive(Default)]
struct Done {
    suppression: Option<SuppressionId>,
    warning: Option<PublicWarningId>,
}

impl Book {
    /// Carries out a command or says why not. `advance` was called for its record.
    pub(crate) fn command(
        &mut self,
        ctx: &Context<'_>,
        command: &Command,
        out: &mut Vec<Effect>,
    ) -> Verdict {
        if let Some(first) = self.verdicts.find(&command.command_id).cloned() {
            return if first.is_of(command) {
                self.verdict(first)
            } else {
                self.unremembered(
                    command,
                    refused(
                        Refusal::CommandIdReused,
                        "Mã lệnh này đã dùng cho một lệnh khác; hãy gửi lại với mã mới.",
                        "This command id was used for another command; send it again with a new id.",
                    ),
                )
            };
        }
        if !readable(command) {
            // Not remembered: there is no usable id to remember it by.
            return self.unremembered(
                command,
                refused(
                    Refusal::CommandUnreadable,
                    "Lệnh phải có mã lệnh và tên cán bộ, mỗi mục tối đa 100 ký tự.",
                    "A command needs its id and the operator's name, at most 100 characters each.",
                ),
            );
        }
        let (refusal, detail, done) = match self.carry_out(ctx, command, out) {
            Ok(done) => (None, Text::default(), done),
            Err((refusal, detail)) => (Some(refusal), detail, Done::default()),
        };
        let (digest, until) = digest(command);
        let remembered = Remembered {
            command_id: command.command_id.clone(),
            alert: command.about().clone(),
            digest,
            until,
            refusal,
            detail,
            suppression: done.suppression,
            warning: done.warning,
        };
        self.verdicts.remember(remembered.clone());
        self.verdict(remembered)
    }

    fn carry_out(
        &mut self,
        ctx: &Context<'_>,
        command: &Command,
        out: &mut Vec<Effect>,
    ) -> Result<Done, Refused> {
        let mut done = Done::default();
        match &command.action {
            Action::Acknowledge => self.acknowledge(command, ctx, out)?,
            Action::Shelve {
                until,
                reason,
                one_shot,
            } => self.shelve(command, (*until, *one_shot), reason.trim(), ctx, out)?,
            Action::Unshelve => self.unshelve(command, ctx, out)?,
            Action::Comment { text } => self.comment(command, text.trim(), ctx, out)?,
            Action::Assign { to } => self.assign(command, to.trim(), ctx, out)?,
            Action::Escalate { level, reason } => {
                self.escalate(command, (level.as_ref(), reason.trim()), ctx, out)?;
            }
            Action::Reset => self.reset(command, ctx, out)?,
            Action::Close { cause, text } => {
                self.close(command, (*cause, text.trim()), ctx, out)?;
            }
            Action::Reopen { reason } => self.reopen(command, reason.trim(), ctx, out)?,
            Action::MarkFalse { reason } => self.mark_false(command, reason.trim(), ctx, out)?,
            Action::UnmarkFalse => self.unmark_false(command, ctx, out)?,
            Action::Suppress {
                kind,
                scope,
                from,
                until,
                reason,
            } => {
                let order = Order {
                    kind: *kind,
                    scope,
                    from: *from,
                    until: *until,
                    reason: reason.trim(),
                };
                done.suppression = Some(self.suppress(&order, command, ctx, out)?);
            }
            Action::EndSuppression { suppression } => {
                self.end_by_hand(suppression, command, ctx, out)?;
                done.suppression = Some(suppression.clone());
            }
            Action::ProposeWarning {
                kind,
                alerts,
                references,
                text,
            } => {
                let warning = self.propose(command, (*kind, alerts, references, text), ctx, out)?;
                done.warning = Some(warning);
            }
            Action::ReleaseWarning { warning } => {
                self.release(warning, command, ctx, out)?;
                done.warning = Some(warning.clone());
            }
            Action::RejectWarning { warning, reason } => {
                self.reject(warning, reason.trim(), command, ctx, out)?;
                done.warning = Some(warning.clone());
            }
        }
        Ok(done)
    }

    /// The first command of that id, if any, stays what it was and is remembered; this one is not carried out.
    fn unremembered(&self, command: &Command, (refusal, detail): Refused) -> Verdict {
        Verdict {
            command_id: command.command_id.chars().take(ID_CHARS_MAX).collect(),
            accepted: false,
            refusal: Some(refusal),
            detail,
            alert: self.alert(command.about()).cloned(),
            suppression: None,
            warning: None,
        }
    }

    fn verdict(&self, remembered: Remembered) -> Verdict {
        let suppression = remembered.suppression.as_ref();
        let warning = remembered.warning.as_ref();
        Verdict {
            command_id: remembered.command_id,
            accepted: remembered.refusal.is_none(),
            refusal: remembered.refusal,
            detail: remembered.detail,
            alert: self.alert(&remembered.alert).cloned(),
            suppression: suppression
                .and_then(|id| self.suppressions.get(id))
                .cloned(),
            warning: warning.and_then(|id| self.warnings.get(id)).cloned(),
        }
    }

    /// The open alert, or the refusal that says what became of it.
    pub(super) fn find(&mut self, id: &AlertId) -> Result<&mut Entry, Refused> {
        match (self.open.get_mut(id), self.over.get(id)) {
            (Some(entry), _) => Ok(entry),
            (None, Some(entry)) => Err(ended(entry)),
            (None, None) => Err(unknown()),
        }
    }

    /// The alert, open or over.
    pub(super) fn find_any(&mut self, id: &AlertId) -> Result<&mut Entry, Refused> {
        self.entry_mut(id).ok_or_else(unknown)
    }

    /// Keeps the reason of a command that has no place of its own.
    pub(super) fn note(
        &mut self,
        command: &Command,
        reason: &str,
        ctx: &Context<'_>,
    ) -> Result<(), Refused> {
        check_length(reason)?;
        let entry = self.find_any(command.about())?;
        if entry.alert.comments.len() >= COMMENTS_MAX {
            return Err(refused(
                Refusal::TooManyComments,
                format!("Mỗi cảnh báo chỉ giữ {COMMENTS_MAX} ghi chú."),
                format!("An alert keeps {COMMENTS_MAX} comments."),
            ));
        }
        entry.alert.comments.push(Comment {
            operator: command.operator.clone(),
            verified: command.verified,
            at: ctx.origin.now,
            text: reason.to_owned(),
        });
        Ok(())
    }
}

impl Entry {
    /// A value may have moved since the operator looked; the episode must be the one that was seen.
    pub(super) fn same_episode(&self, command: &Command) -> Result<(), Refused> {
        let seen = command.seen_revision;
        if (self.opened_revision..=self.alert.revision).contains(&seen) {
            return Ok(());
        }
        Err(moved_on(self))
    }
}

fn readable(command: &Command) -> bool {
    let too_long = |text: &str| text.chars().nth(ID_CHARS_MAX).is_some();
    !command.command_id.is_empty()
        && !command.operator.trim().is_empty()
        && !too_long(&command.command_id)
        && !too_long(command.operator.trim())
}

fn unknown() -> Refused {
    refused(
        Refusal::AlertUnknown,
        "Không có cảnh báo này, hoặc cảnh báo đã kết thúc từ lâu.",
        "There is no such alert, or it ended long ago.",
    )
}

pub(super) fn ended(entry: &Entry) -> Refused {
    let at = local_time(entry.alert.changed);
    refused(
        Refusal::StateChanged,
        format!("Cảnh báo đã kết thúc lúc {at}."),
        format!("The alert ended at {at}."),
    )
}

pub(super) fn already(by: &Acknowledgement) -> Refused {
    let at = local_time(by.at);
    refused(
        Refusal::AlreadyAcknowledged,
        format!("Đã được {} tiếp nhận lúc {at}.", by.operator),
        format!("Acknowledged by {} at {at}.", by.operator),
    )
}

pub(super) fn moved_on(entry: &Entry) -> Refused {
    let at = local_time(entry.alert.changed);
    let times = entry.alert.occurrences;
    refused(
        Refusal::StateChanged,
        format!("Cảnh báo đã thay đổi lúc {at} (lần xuất hiện thứ {times}); hãy xem lại."),
        format!("The alert changed at {at} (occurrence {times}); look at it again."),
    )
}

pub(super) fn wrong_state(vi: &str, en: &str) -> Refused {
    refused(Refusal::WrongState, vi, en)
}

pub(super) fn need_reason(reason: &str) -> Result<(), Refused> {
    if !reason.is_empty() {
        return Ok(());
    }
    Err(refused(
        Refusal::ReasonMissing,
        "Phải ghi lý do.",
        "Say why.",
    ))
}

pub(super) fn check_length(text: &str) -> Result<(), Refused> {
    if text.chars().nth(TEXT_CHARS_MAX).is_none() {
        return Ok(());
    }
    Err(refused(
        Refusal::TextTooLong,
        format!("Nội dung dài quá {TEXT_CHARS_MAX} ký tự."),
        format!("The text is longer than {TEXT_CHARS_MAX} characters."),
    ))
}
