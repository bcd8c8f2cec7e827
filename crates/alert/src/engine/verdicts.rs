//! Answers remembered by command id, with enough of the command to tell a repeat from another one.

use std::collections::{BTreeSet, VecDeque};

use event::{Action, AlertId, Command, Refusal, Text, Time};
use serde::{Deserialize, Serialize};

use super::VERDICTS_MAX;

/// A client that gives the length of a shelving has its end computed anew with each try; this far apart it is the same one.
/// Nanoseconds.
const SAME_END: i64 = 300 * Time::SECOND;

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
/// a shelving.
pub(super) fn digest(command: &Command) -> (u64, Option<Time>) {
    let (kind, text, until) = match &command.action {
        Action::Acknowledge => ("acknowledge", "", None),
        Action::Shelve { until, reason, .. } => ("shelve", reason.trim(), Some(*until)),
        Action::Unshelve => ("unshelve", "", None),
        Action::Comment { text } => ("comment", text.trim(), None),
        _ => ("other", "", None),
    };
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for part in [kind, command.operator.as_str(), text] {
        // A byte that no UTF-8 has ends each part.
        for byte in part.bytes().chain([0xFF]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
    (hash, until)
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
