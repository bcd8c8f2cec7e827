//! Answers remembered by command id, with enough of the command to tell a repeat from another one.

use std::collections::{BTreeSet, VecDeque};

use event::{Action, AlertId, Command, PublicWarningId, Refusal, SuppressionId, Text, Time};
use serde::{Deserialize, Serialize};

use super::VERDICTS_MAX;

/// A client that gives the length of a shelving has its end computed anew with each try; this far apart it is the same one.
/// Nanoseconds.
const SAME_END: i64 = 300 * Time::SECOND;

/// A verdict as releases before the book saved it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OldVerdict {
    pub(crate) command_id: String,
    pub(crate) alert: AlertId,
    pub(crate) digest: u64,
    pub(crate) until: Option<Time>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) detail: Text,
}

impl From<OldVerdict> for Remembered {
    fn from(old: OldVerdict) -> Self {
        Self {
            command_id: old.command_id,
            alert: old.alert,
            digest: old.digest,
            until: old.until,
            refusal: old.refusal,
            detail: old.detail,
            suppression: None,
            warning: None,
        }
    }
}

/// A verdict without the alert, which is looked up when the command comes again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Remembered {
    pub(super) command_id: String,
    pub(super) alert: AlertId,
    /// Of operator, action and text.
    pub(super) digest: u64,
    pub(super) until: Option<Time>,
    pub(super) refusal: Option<Refusal>,
    pub(super) detail: Text,
    pub(super) suppression: Option<SuppressionId>,
    pub(super) warning: Option<PublicWarningId>,
}

impl Remembered {
    pub(super) fn is_of(&self, command: &Command) -> bool {
        let (digest, until) = digest(command);
        let same_end = match (self.until, until) {
            (Some(known), Some(until)) => known.since(until).abs() <= SAME_END,
            (known, until) => known == until,
        };
        self.alert == *command.about() && self.digest == digest && same_end
    }
}

/// What a command asks for besides its alert, as FNV-1a: a repeat is to be known, nobody is to be kept out. And the end of
/// a shelving or a suppression.
pub(super) fn digest(command: &Command) -> (u64, Option<Time>) {
    let (kind, parts, until) = asked(&command.action);
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let first = [kind, command.operator.as_str()];
    for part in first.into_iter().chain(parts.iter().map(String::as_str)) {
        // A byte that no UTF-8 has ends each part.
        for byte in part.bytes().chain([0xFF]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
    (hash, until)
}

fn asked(action: &Action) -> (&'static str, Vec<String>, Option<Time>) {
    let one = |text: &str| vec![text.trim().to_owned()];
    match action {
        Action::Acknowledge => ("acknowledge", one(""), None),
        Action::Shelve {
            until,
            reason,
            one_shot,
        } => {
            let mut parts = one(reason);
            if *one_shot {
                parts.push("one_shot".to_owned());
            }
            ("shelve", parts, Some(*until))
        }
        Action::Unshelve => ("unshelve", one(""), None),
        Action::Comment { text } => ("comment", one(text), None),
        Action::Assign { to } => ("assign", one(to), None),
        Action::Escalate { level, reason } => {
            let level = level.as_ref().map_or(String::new(), ToString::to_string);
            ("escalate", vec![level, reason.trim().to_owned()], None)
        }
        Action::Reset => ("reset", Vec::new(), None),
        Action::Close { cause, text } => {
            let parts = vec![format!("{cause:?}"), text.trim().to_owned()];
            ("close", parts, None)
        }
        Action::Reopen { reason } => ("reopen", one(reason), None),
        Action::MarkFalse { reason } => ("mark_false", one(reason), None),
        Action::UnmarkFalse => ("unmark_false", Vec::new(), None),
        Action::Suppress {
            kind,
            scope,
            from: _,
            until,
            reason,
        } => {
            // `from` is often the moment of sending, and differs from try to try.
            let parts = vec![
                format!("{kind:?}"),
                format!("{scope:?}"),
                reason.trim().to_owned(),
            ];
            ("suppress", parts, *until)
        }
        Action::EndSuppression { suppression } => ("end_suppression", one(&suppression.0), None),
        Action::ProposeWarning {
            kind,
            alerts,
            references,
            text,
        } => {
            let parts = vec![
                format!("{kind:?}"),
                format!("{alerts:?}"),
                format!("{references:?}"),
                format!("{text:?}"),
            ];
            ("propose_warning", parts, None)
        }
        Action::ReleaseWarning { warning } => ("release_warning", one(&warning.0), None),
        Action::RejectWarning { warning, reason } => {
            let parts = vec![warning.0.clone(), reason.trim().to_owned()];
            ("reject_warning", parts, None)
        }
    }
}

/// The last [`VERDICTS_MAX`], oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts {
    list: VecDeque<Remembered>,
    ids: BTreeSet<String>,
}

impl Verdicts {
    pub(super) fn restore(list: Vec<Remembered>) -> Self {
        let ids = list
            .iter()
            .map(|verdict| verdict.command_id.clone())
            .collect();
        Self {
            list: list.into(),
            ids,
        }
    }

    pub(super) fn save(&self) -> Vec<Remembered> {
        self.list.iter().cloned().collect()
    }

    pub(super) fn find(&self, command_id: &str) -> Option<&Remembered> {
        // Repeats follow close upon the first, so the search from the end is short; most commands are no repeats.
        let known = self.ids.contains(command_id);
        known.then(|| {
            self.list
                .iter()
                .rev()
                .find(|verdict| verdict.command_id == command_id)
        })?
    }

    pub(super) fn remember(&mut self, verdict: Remembered) {
        if self.list.len() == VERDICTS_MAX
            && let Some(oldest) = self.list.pop_front()
        {
            self.ids.remove(&oldest.command_id);
        }
        self.ids.insert(verdict.command_id.clone());
        self.list.push_back(verdict);
    }
}
