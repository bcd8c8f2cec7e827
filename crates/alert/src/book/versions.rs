//! A changed rule: what its open alerts say of it.

use event::Change;

use super::{Book, Context};
use crate::effect::Effect;
use crate::ruleset::RuleSet;
use crate::signal::Key;

impl Book {
    /// Whether an alert of the key is open.
    pub(crate) fn is_open(&self, key: &Key) -> bool {
        self.by_key.contains_key(key)
    }

    /// An open alert whose rule has changed says so, with the severity, guidance and condition that hold now. What a rule
    /// says counts, not only its version: an author may forget to raise that.
    pub(crate) fn tell_new_versions(
        &mut self,
        old: &RuleSet,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        for entry in self.open.values_mut() {
            let mut rules = ctx.rules.rules.iter();
            let Some(rule) = rules.find(|rule| *rule.id == *entry.alert.rule && !rule.shadow)
            else {
                continue;
            };
            if old.rules.contains(rule) {
                continue;
            }
            let alert = &mut entry.alert;
            alert.severity = rule.severity;
            alert.guidance = rule.guidance.clone();
            alert.unofficial = rule.unofficial;
            alert.evidence.rule_version = rule.version;
            alert.evidence.condition.clone_from(&rule.condition);
            alert.evidence.hold_seconds = rule.shape().hold_ns.unsigned_abs() / 1_000_000_000;
            entry.tell(Change::Revised, None, ctx, out);
        }
    }
}
