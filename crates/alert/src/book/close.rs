//! Ending an alert by hand and taking that back; marks of false alerts.

use event::{AlertState, Change, CloseCause, Closure, Command, FalseMark, Name, Status};

use super::commands::{Refused, check_length, need_reason, wrong_state};
use super::hand::by;
use super::{Book, Context};
use crate::effect::Effect;

/// Rules whose false alerts are counted; packs change, and with them the rules.
const FALSE_RULES_MAX: usize = 4_096;

impl Book {
    /// Sets a latched alert back.
    pub(super) fn reset(
        &mut self,
        command: &Command,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let entry = self.find(command.about())?;
        entry.same_episode(command)?;
        if entry.alert.state != AlertState::Latched {
            return Err(wrong_state(
                "Chỉ đặt lại được cảnh báo đã hết điều kiện, đã tiếp nhận và đang được chốt.",
                "Only a latched alert can be reset: its condition gone, acknowledged.",
            ));
        }
        self.end(command.about(), Change::Reset, by(command), ctx, out);
        Ok(())
    }

    pub(super) fn close(
        &mut self,
        command: &Command,
        (cause, text): (CloseCause, &str),
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let now = ctx.origin.now;
        let entry = self.find(command.about())?;
        entry.same_episode(command)?;
        let may_stay = matches!(
            cause,
            CloseCause::SensorFault | CloseCause::FalseAlert | CloseCause::Maintenance
        );
        if entry.active() && !may_stay {
            return Err(wrong_state(
                "Điều kiện vẫn còn: chỉ đóng được với nguyên nhân lỗi cảm biến, báo sai hoặc bảo trì.",
                "The condition holds: it can be closed only as a sensor fault, a false alert or maintenance.",
            ));
        }
        if cause == CloseCause::Other {
            need_reason(text)?;
        }
        check_length(text)?;
        entry.alert.handling.closed = Some(Closure {
            operator: command.operator.clone(),
            verified: command.verified,
            at: now,
            cause,
            text: text.to_owned(),
        });
        if cause == CloseCause::FalseAlert && entry.alert.handling.false_alert.is_none() {
            entry.alert.handling.false_alert = Some(mark(command, text, ctx));
            let (rule, entry_status) = (entry.key.rule.clone(), entry.key.status);
            if entry_status == Status::Actual {
                self.count_false(rule);
            }
        }
        self.end(command.about(), Change::Closed, by(command), ctx, out);
        Ok(())
    }

    /// Takes back a close or a resolution.
    pub(super) fn reopen(
        &mut self,
        command: &Command,
        reason: &str,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let id = command.about();
        let entry = self.find_any(id)?;
        if !entry.is_over() {
            return Err(wrong_state(
                "Cảnh báo chưa kết thúc.",
                "The alert is not over.",
            ));
        }
        entry.same_episode(command)?;
        if entry.spans.is_empty() || entry.alert.handling.merged_into.is_some() {
            return Err(wrong_state(
                "Cảnh báo đã bị hủy hoặc đã nhập vào cảnh báo khác.",
                "The alert was annulled or has gone into another one.",
            ));
        }
        need_reason(reason)?;
        let key = entry.key.clone();
        if self.by_key.contains_key(&key) {
            return Err(wrong_state(
                "Đã có cảnh báo mới cho cùng nơi và cùng quy tắc.",
                "A new alert of the same rule is open at the same place.",
            ));
        }
        self.note(command, reason, ctx)?;
        self.again(id, by(command), ctx, out);
        Ok(())
    }

    pub(super) fn mark_false(
        &mut self,
        command: &Command,
        reason: &str,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let entry = self.find_any(command.about())?;
        if entry.alert.handling.false_alert.is_some() {
            return Err(wrong_state(
                "Cảnh báo đã được đánh dấu là báo sai.",
                "The alert is marked as false already.",
            ));
        }
        need_reason(reason)?;
        check_length(reason)?;
        entry.alert.handling.false_alert = Some(mark(command, reason, ctx));
        entry.tell(Change::MarkedFalse, by(command), ctx, out);
        let (rule, entry_status) = (entry.key.rule.clone(), entry.key.status);
        if entry_status == Status::Actual {
            self.count_false(rule);
        }
        Ok(())
    }

    fn count_false(&mut self, rule: Name) {
        if self.false_alerts.len() >= FALSE_RULES_MAX && !self.false_alerts.contains_key(&rule) {
            self.false_alerts.pop_first();
        }
        *self.false_alerts.entry(rule).or_default() += 1;
    }

    pub(super) fn unmark_false(
        &mut self,
        command: &Command,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let entry = self.find_any(command.about())?;
        if entry.alert.handling.false_alert.take().is_none() {
            return Err(wrong_state(
                "Cảnh báo không được đánh dấu là báo sai.",
                "The alert is not marked as false.",
            ));
        }
        entry.tell(Change::UnmarkedFalse, by(command), ctx, out);
        let (rule, one) = (entry.key.rule.clone(), super::one(entry.key.status));
        if let Some(count) = self.false_alerts.get_mut(&rule) {
            *count = count.saturating_sub(one);
        }
        Ok(())
    }
}

fn mark(command: &Command, reason: &str, ctx: &Context<'_>) -> FalseMark {
    FalseMark {
        operator: command.operator.clone(),
        verified: command.verified,
        at: ctx.origin.now,
        reason: reason.to_owned(),
    }
}
