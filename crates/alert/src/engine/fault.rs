//! A rule that cannot be computed (division by zero, a result out of range) guards nothing, and nobody would notice: it rings
//! itself, as an alert of the rule `rule-fault` at the entity where it happened, once a rule.
//!
//! It returns to normal when the rule works there again, or with a new pack, and comes back as the same alert while that one is
//! still to be acknowledged. Drills ring nothing of the kind.

use std::sync::Arc;

use event::{AlertId, AlertState, Change, Severity, Status, Text, Time};
use serde::{Deserialize, Serialize};

use super::telling::Said;
use super::{Engine, Origin};
use crate::effect::Effect;
use crate::ruleset::RULE_FAULT;

/// The open alert about a rule, and where the fault is; nowhere once it has returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Faulty {
    alert: AlertId,
    at: Option<(u32, u16)>,
}

impl Faulty {
    pub(super) fn is(&self, id: &AlertId) -> bool {
        self.alert == *id
    }
}

impl Engine {
    /// Takes note of how an evaluation of a key went.
    pub(super) fn evaluated(
        &mut self,
        (number, index): (u32, u16),
        fault: bool,
        observed: i64,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        if !fault && self.faults.is_empty() {
            return;
        }
        let rules = Arc::clone(&self.rules);
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let binding = Arc::clone(&unit.binding);
        let Some((bound, rule)) = binding.at(&rules, index) else {
            return;
        };
        if unit.status != Status::Actual {
            return;
        }
        let known = self.faults.get(&rule.id).cloned();
        match known {
            Some(faulty) if fault && faulty.at.is_none() => {
                self.fault_again(&faulty.alert, observed, origin, out);
                let at = Some((number, index));
                self.faults.insert(rule.id.clone(), Faulty { at, ..faulty });
            }
            Some(faulty) if !fault && faulty.at == Some((number, index)) => {
                let at = None;
                let id = faulty.alert.clone();
                self.faults.insert(rule.id.clone(), Faulty { at, ..faulty });
                self.fault_over(&id, observed, origin, out);
            }
            None if fault => {
                let inputs = unit.inputs(bound, rule, observed);
                let (_, values) = self.values(rule, &inputs, None);
                let said = Said {
                    message: Text {
                        vi: format!(
                            "Quy tắc {} ({}) không tính được: chia cho 0 hoặc kết quả ngoài phạm vi; \
                             quy tắc này hiện không cảnh báo.",
                            rule.id, rule.title.vi
                        ),
                        en: format!(
                            "Rule {} ({}) cannot be computed: division by zero or a result out of range; \
                             it raises nothing now.",
                            rule.id, rule.title.en
                        ),
                    },
                    value: None,
                    values,
                };
                let when = (observed, observed);
                let mut alert = self.alert(unit, rule, bound, said, when, false, None, origin);
                alert.id = AlertId::new(RULE_FAULT, &rule.id, origin.journal, origin.offset);
                alert.rule = RULE_FAULT.to_owned();
                alert.severity = Severity::Minor;
                alert.unofficial = false;
                alert.scale.clear();
                alert.guidance = Text {
                    vi: "Báo người quản trị sửa quy tắc; trong lúc đó theo dõi số liệu trực tiếp."
                        .to_owned(),
                    en: "Have the rule mended by the administrator; watch the values yourself until then."
                        .to_owned(),
                };
                let faulty = Faulty {
                    alert: alert.id.clone(),
                    at: Some((number, index)),
                };
                self.faults.insert(rule.id.clone(), faulty);
                self.open_alert(alert, observed, origin, out);
            }
            Some(_) | None => {}
        }
    }

    fn fault_again(&mut self, id: &AlertId, observed: i64, origin: &Origin, out: &mut Vec<Effect>) {
        if let Some(open) = self.open.get_mut(id) {
            open.alert.state = AlertState::Unacknowledged;
            open.alert.occurrences += 1;
            open.alert.since = Time(observed);
            open.alert.returned = None;
            let transition = open.change(Change::Reopened, None, origin);
            open.opened_revision = open.alert.revision;
            out.push(Effect::Transition(transition));
        }
    }

    fn fault_over(&mut self, id: &AlertId, at: i64, origin: &Origin, out: &mut Vec<Effect>) {
        let Some(open) = self.open.get_mut(id) else {
            return;
        };
        open.alert.returned = Some(Time(at));
        if open.alert.acknowledged.is_some() {
            self.resolve(id, Change::Resolved, None, origin, out);
        } else {
            open.alert.state = AlertState::ReturnedUnacknowledged;
            out.push(Effect::Transition(open.change(
                Change::ReturnedToNormal,
                None,
                origin,
            )));
        }
    }

    /// A new pack: its rules begin without faults.
    pub(super) fn forget_faults(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        for faulty in std::mem::take(&mut self.faults).into_values() {
            if faulty.at.is_some() {
                self.fault_over(&faulty.alert, origin.now.0, origin, out);
            }
        }
    }
}
