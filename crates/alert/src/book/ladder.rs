//! Escalation and reminders of what nobody takes care of.

use event::{AlertId, Change, Command, Escalation, Name, Refusal};

use super::commands::{Refused, need_reason, refused};
use super::config::{level_name, reached};
use super::entry::By;
use super::{Book, Context};
use crate::effect::Effect;

impl Book {
    /// The ladder's next step is due.
    pub(super) fn climb(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        let step = self.open.get(id).and_then(|entry| {
            let unhandled = entry.unhandled?;
            self.config.next_step(&entry.alert, unhandled)
        });
        if let Some((_, level)) = step {
            self.escalate_to(id, level, None, ctx, out);
        }
        self.sync(id, ctx.origin.now);
    }

    fn escalate_to(
        &mut self,
        id: &AlertId,
        level: usize,
        by: By<'_>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let (Some(entry), Some(target)) = (self.open.get_mut(id), self.config.levels.get(level))
        else {
            return;
        };
        entry.alert.handling.escalated = Some(Escalation {
            level: level_name(target, entry.alert.status),
            step: u8::try_from(level + 1).unwrap_or(u8::MAX),
            at: ctx.origin.now,
            by: by.map(|(operator, _)| operator.to_owned()),
        });
        entry.tell(Change::Escalated, by, ctx, out);
        self.counters.escalated += super::one(entry.key.status);
    }

    pub(super) fn remind(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        if let Some(entry) = self.open.get_mut(id) {
            entry.alert.handling.reminders += 1;
            entry.reminded = ctx.origin.now;
            entry.tell(Change::Reminded, None, ctx, out);
            self.counters.reminded += super::one(entry.key.status);
        }
        self.sync(id, ctx.origin.now);
    }

    /// By hand: to the level named, or to the next.
    pub(super) fn escalate(
        &mut self,
        command: &Command,
        (level, reason): (Option<&Name>, &str),
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let id = command.about();
        let entry = self.find(id)?;
        let reached = reached(&entry.alert);
        need_reason(reason)?;
        let target = match level {
            Some(level) => self.config.level(level),
            None => (reached < self.config.levels.len()).then_some(reached),
        };
        let Some(target) = target else {
            return Err(refused(
                Refusal::LevelUnknown,
                "Không có cấp này, hoặc đã ở cấp cao nhất.",
                "There is no such level, or it is at the highest already.",
            ));
        };
        if target < reached {
            return Err(refused(
                Refusal::WrongState,
                "Cảnh báo đã được chuyển đến cấp này.",
                "The alert is at this level already.",
            ));
        }
        self.note(command, reason, ctx)?;
        let by = Some((command.operator.as_str(), command.command_id.as_str()));
        self.escalate_to(id, target, by, ctx, out);
        self.sync(id, ctx.origin.now);
        Ok(())
    }
}
