//! A rule that cannot be computed (division by zero, a result out of range) guards nothing, and nobody would notice: it rings
//! itself, as an alert of the rule `rule-fault` at the entity where it happened, once a rule.
//!
//! It returns to normal when the rule works there again, or with a new pack. Drills ring nothing of the kind.

use event::{AlertSource, Severity, Status, Text, Time};
use serde::{Deserialize, Serialize};

use super::Kernel;
use super::say::Moment;
use super::state::KeyRef;
use crate::engine::Origin;
use crate::ruleset::RULE_FAULT;
use crate::signal::{EpisodeId, Key, Signal};

/// What is told of a rule, and where the fault is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Faulty {
    pub(super) episode: EpisodeId,
    pub(super) at: KeyRef,
}

impl Kernel {
    /// Takes note of how an evaluation of a key went.
    pub(super) fn evaluated(
        &mut self,
        key: KeyRef,
        fault: bool,
        observed: i64,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let about = self.read(key, |reader, subject| {
            let live = subject.status == Status::Actual && !reader.rule.shadow;
            (reader.rule.id.clone(), subject.entity.clone(), live)
        });
        let Some((rule, entity, true)) = about else {
            return;
        };
        match self.faults.get(&rule) {
            Some(faulty) if !fault && faulty.at == key => {
                let episode = faulty.episode;
                self.faults.remove(&rule);
                out.push(Signal::Ended {
                    episode,
                    until: Time(observed),
                    value: None,
                    values: Vec::new(),
                });
            }
            None if fault => {
                let moment = Moment {
                    since: observed,
                    at: observed,
                    suspect: false,
                };
                let Some(mut said) = self.said(key, moment, origin) else {
                    return;
                };
                said.message = Text {
                    vi: format!(
                        "Quy tắc {rule} ({}) không tính được: chia cho 0 hoặc kết quả ngoài phạm vi; \
                         quy tắc này hiện không cảnh báo.",
                        said.title.vi
                    ),
                    en: format!(
                        "Rule {rule} ({}) cannot be computed: division by zero or a result out of range; \
                         it raises nothing now.",
                        said.title.en
                    ),
                };
                said.guidance = Text {
                    vi: "Báo người quản trị sửa quy tắc; trong lúc đó theo dõi số liệu trực tiếp.".to_owned(),
                    en: "Have the rule mended by the administrator; watch the values yourself until then."
                        .to_owned(),
                };
                said.severity = Severity::Minor;
                said.rating = event::Rating {
                    source: AlertSource::System,
                    ..event::Rating::default()
                };
                said.unofficial = false;
                said.latches = false;
                said.value = None;
                said.scale.clear();
                let episode = self.desk.episode();
                self.faults
                    .insert(rule.clone(), Faulty { episode, at: key });
                out.push(Signal::Began {
                    episode,
                    key: Key {
                        rule: RULE_FAULT.into(),
                        entity,
                        status: Status::Actual,
                        retrospective: false,
                        source: AlertSource::System,
                        shadow: false,
                        about: Some(rule),
                    },
                    since: Time(observed),
                    until: None,
                    said: Box::new(said),
                });
            }
            Some(_) | None => {}
        }
    }

    /// A new pack: its rules begin without faults.
    pub(super) fn forget_faults(&mut self, origin: &Origin, out: &mut Vec<Signal>) {
        for faulty in std::mem::take(&mut self.faults).into_values() {
            out.push(Signal::Ended {
                episode: faulty.episode,
                until: origin.now,
                value: None,
                values: Vec::new(),
            });
        }
    }
}
