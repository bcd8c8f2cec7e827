//! Warnings to the public: proposed by one person, released by another. An update or a cancellation is a warning of its own that takes
//! its effect on those it refers to when it is released. Drills and real ones never mix.

use std::collections::BTreeSet;

use event::{
    AlertId, Command, PublicWarning, PublicWarningId, Refusal, Signature, Status, Time,
    WarningState, WarningText, WarningType,
};
use unicode_normalization::UnicodeNormalization as _;

use super::commands::{Refused, check_length, need_reason, refused, wrong_state};
use super::timers::Timer;
use super::warning_text::{check, in_future};
use super::{Book, Context, WARNINGS_MAX};
use crate::effect::Effect;

/// Alerts and other warnings that one warning names at most.
const NAMED_MAX: usize = 50;

type Proposal<'a> = (
    WarningType,
    &'a [AlertId],
    &'a [PublicWarningId],
    &'a WarningText,
);

/// One person, however the name was typed.
fn person(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let lower: String = words
        .join(" ")
        .nfkc()
        .flat_map(char::to_lowercase)
        .collect();
    lower.nfkc().collect()
}

/// When it expires, while that means anything.
pub(super) fn due(warning: &PublicWarning) -> Option<Time> {
    matches!(
        warning.state,
        WarningState::Proposed | WarningState::Released
    )
    .then_some(warning.text.expires)
}

fn sign(command: &Command, ctx: &Context<'_>) -> Signature {
    Signature {
        operator: command.operator.clone(),
        verified: command.verified,
        at: ctx.origin.now,
        command_id: command.command_id.clone(),
    }
}

impl Book {
    pub(super) fn propose(
        &mut self,
        command: &Command,
        (kind, alerts, references, text): Proposal<'_>,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<PublicWarningId, Refused> {
        check(text, ctx)?;
        let status = self.status_of(alerts, references)?;
        let refers = kind != WarningType::Alert;
        if refers == references.is_empty() {
            return Err(refused(
                Refusal::ScopeInvalid,
                "Tin cập nhật hoặc hủy phải dẫn chiếu tin đã phát; tin mới thì không.",
                "An update or a cancellation refers to warnings that are out; a new one does not.",
            ));
        }
        self.check_references(references)?;
        if self.warnings.len() >= WARNINGS_MAX {
            let oldest = self.warnings_final.pop_front();
            let freed = oldest.and_then(|oldest| self.warnings.remove(&oldest));
            if freed.is_none() {
                return Err(refused(
                    Refusal::TooMany,
                    format!("Đã có {WARNINGS_MAX} tin cảnh báo đang xử lý."),
                    format!("There are {WARNINGS_MAX} warnings in hand already."),
                ));
            }
        }
        let id = PublicWarningId(command.command_id.clone());
        let warning = PublicWarning {
            id: id.clone(),
            kind,
            state: WarningState::Proposed,
            status,
            alerts: alerts.to_vec(),
            references: references.to_vec(),
            text: text.clone(),
            proposed: sign(command, ctx),
            released: None,
            rejected: None,
            reason: None,
            changed: ctx.origin.now,
        };
        self.warnings.insert(id.clone(), warning);
        self.move_warning(&id, WarningState::Proposed, ctx, out);
        Ok(id)
    }

    /// That of everything that it rests on; a mixture is refused.
    fn status_of(
        &self,
        alerts: &[AlertId],
        references: &[PublicWarningId],
    ) -> Result<Status, Refused> {
        let mut statuses = BTreeSet::new();
        for id in alerts {
            let alert = self.alert(id).ok_or_else(|| {
                refused(
                    Refusal::AlertUnknown,
                    "Có cảnh báo không tồn tại hoặc đã kết thúc từ lâu.",
                    "One of the alerts does not exist, or ended long ago.",
                )
            })?;
            statuses.insert(alert.status);
        }
        for id in references {
            let warning = self.warnings.get(id).ok_or_else(unknown)?;
            statuses.insert(warning.status);
        }
        let many = alerts.len() > NAMED_MAX || references.len() > NAMED_MAX;
        match statuses.pop_first() {
            Some(status) if statuses.is_empty() && !many => Ok(status),
            Some(_) | None => Err(refused(
                Refusal::ScopeInvalid,
                "Tin cảnh báo phải dựa trên cảnh báo, không quá 50, và không trộn diễn tập với tình huống thật.",
                "A warning rests on alerts, 50 at most, and never mixes a drill with the real thing.",
            )),
        }
    }

    fn check_references(&self, references: &[PublicWarningId]) -> Result<(), Refused> {
        for id in references {
            let warning = self.warnings.get(id).ok_or_else(unknown)?;
            if warning.state != WarningState::Released {
                return Err(wrong_state(
                    "Tin được dẫn chiếu không còn hiệu lực.",
                    "A warning that it refers to is not in force.",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn release(
        &mut self,
        id: &PublicWarningId,
        command: &Command,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        let warning = self.proposed(id)?;
        if person(&warning.proposed.operator) == person(&command.operator) {
            return Err(refused(
                Refusal::SamePerson,
                "Người đề xuất không được tự phê duyệt; cần người thứ hai.",
                "Who proposes a warning does not release it; a second person is needed.",
            ));
        }
        in_future(warning.text.expires, ctx)?;
        let (kind, references) = (warning.kind, warning.references.clone());
        self.check_references(&references)?;
        if let Some(warning) = self.warnings.get_mut(id) {
            warning.released = Some(sign(command, ctx));
        }
        self.move_warning(id, WarningState::Released, ctx, out);
        let becomes = match kind {
            WarningType::Update => WarningState::Superseded,
            WarningType::Cancel => WarningState::Cancelled,
            WarningType::Alert => return Ok(()),
        };
        for reference in references {
            self.move_warning(&reference, becomes, ctx, out);
        }
        Ok(())
    }

    /// By the second person, or withdrawn by the first.
    pub(super) fn reject(
        &mut self,
        id: &PublicWarningId,
        reason: &str,
        command: &Command,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        self.proposed(id)?;
        need_reason(reason)?;
        check_length(reason)?;
        if let Some(warning) = self.warnings.get_mut(id) {
            warning.rejected = Some(sign(command, ctx));
            warning.reason = Some(reason.to_owned());
        }
        self.move_warning(id, WarningState::Rejected, ctx, out);
        Ok(())
    }

    pub(super) fn expire_warning(
        &mut self,
        id: &PublicWarningId,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        self.move_warning(id, WarningState::Expired, ctx, out);
    }

    fn proposed(&self, id: &PublicWarningId) -> Result<&PublicWarning, Refused> {
        let warning = self.warnings.get(id).ok_or_else(unknown)?;
        if warning.state == WarningState::Proposed {
            return Ok(warning);
        }
        Err(wrong_state(
            "Tin cảnh báo này không còn chờ phê duyệt.",
            "This warning does not wait for its release any more.",
        ))
    }

    fn move_warning(
        &mut self,
        id: &PublicWarningId,
        state: WarningState,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(warning) = self.warnings.get_mut(id) else {
            return;
        };
        warning.state = state;
        warning.changed = ctx.origin.now;
        out.push(Effect::PublicWarning(warning.clone()));
        let due = due(warning);
        if due.is_none() {
            self.warnings_final.push_back(id.clone());
        }
        self.timers.set(Timer::Warning(id.clone()), due);
    }
}

fn unknown() -> Refused {
    refused(
        Refusal::WarningUnknown,
        "Không có tin cảnh báo này.",
        "There is no such warning.",
    )
}
