//! What a rule answers at an instant: a pure function of the histories it reads and of its machine.

use super::machine::{Answer, Machine, Phase, Shape};
use crate::cel::{Inputs, LimitCell, MemberView, Memo, Place, Program, Value};
use crate::history::History;
use crate::ruleset::{Clear, Kind, Members, Rule};

/// What a rule reads, and the rule.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) rule: &'a Rule,
    /// The key's own entity, or one a member.
    pub(crate) sources: &'a [&'a History],
    /// Slots of each source whose observations are points of the key.
    pub(crate) masks: &'a [u64],
    pub(crate) map: &'a [Place],
    pub(crate) limits: &'a [LimitCell],
    /// Of a site: its entities.
    pub(crate) members: &'a [MemberView<'a>],
    /// What was computed of the sources already.
    pub(crate) memo: Option<&'a Memo>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) raised: Answer,
    pub(crate) cleared: Answer,
    /// The first part of a sequence holds.
    pub(crate) first: bool,
    pub(crate) fault: bool,
}

impl Rule {
    pub(crate) const fn shape(&self) -> Shape {
        match &self.kind {
            Kind::Condition {
                hold_ns,
                release_ns,
                ..
            }
            | Kind::Group {
                hold_ns,
                release_ns,
                ..
            } => Shape {
                hold_ns: *hold_ns,
                release_ns: *release_ns,
                lasts_ns: None,
            },
            Kind::Sequence {
                within_ns,
                missing,
                lasts_ns,
                ..
            } => Shape {
                hold_ns: if *missing { *within_ns } else { 0 },
                release_ns: 0,
                lasts_ns: *lasts_ns,
            },
            Kind::Absence { .. } => Shape {
                hold_ns: 0,
                release_ns: 0,
                lasts_ns: None,
            },
        }
    }

    /// Everything that says when it begins and ends.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &Program> {
        let (a, b, c) = match &self.kind {
            Kind::Condition { raise, clear, .. } | Kind::Group { raise, clear, .. } => {
                let clear = match clear {
                    Clear::When(program) => Some(program),
                    Clear::NotRaise => None,
                };
                (Some(raise), clear, None)
            }
            Kind::Sequence {
                first, then, clear, ..
            } => (Some(first), Some(then), clear.as_ref()),
            Kind::Absence { when, .. } => (when.as_ref(), None, None),
        };
        [a, b, c].into_iter().flatten()
    }

    /// Whether its machine remembers more than its phase.
    pub(crate) const fn remembers(&self) -> bool {
        matches!(self.kind, Kind::Sequence { .. })
    }

    /// Whose each of the rule's slots is; empty = all are the first view's.
    pub(crate) fn slot_members(&self) -> &[u8] {
        match &self.kind {
            Kind::Group {
                members: Members::Named(_),
                ..
            } => &self.need.members,
            Kind::Group {
                members: Members::Scope,
                ..
            }
            | Kind::Condition { .. }
            | Kind::Absence { .. }
            | Kind::Sequence { .. } => &[],
        }
    }
}

struct Asking<'a> {
    inputs: Inputs<'a>,
    fault: bool,
}

impl<'a> Asking<'a> {
    fn ask(&mut self, program: &'a Program) -> Answer {
        match program.run(&self.inputs) {
            Value::Boolean(true) => Answer::Yes,
            Value::Boolean(false) => Answer::No,
            Value::Fault => {
                self.fault = true;
                Answer::None
            }
            Value::Unknown | Value::Number(_) | Value::Text(_) | Value::Duration(_) => Answer::None,
        }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn inputs(&self, at: i64) -> Inputs<'a> {
        let absence = matches!(self.rule.kind, Kind::Absence { .. });
        Inputs {
            sources: self.sources,
            map: self.map,
            members: self.members,
            limits: self.limits,
            at,
            max_age: if absence {
                i64::MAX
            } else {
                self.rule.max_age_ns
            },
            accept: self.rule.accept,
            last_good: absence,
            memo: self.memo,
        }
    }

    /// Whether the newest value of any measure that the rule reads is a bad one. A whole site clears although one of its
    /// devices is out of order: what reads its members says what to make of those.
    fn any_bad(&self, at: i64) -> bool {
        let whole = matches!(
            self.rule.kind,
            Kind::Group {
                members: Members::Scope,
                ..
            }
        );
        !whole && self.inputs(at).any_bad()
    }

    pub(crate) fn ask(&self, machine: &Machine, at: i64) -> Asked {
        let rule = self.rule;
        let mut asking = Asking {
            inputs: self.inputs(at),
            fault: false,
        };
        let off = !rule.in_force(at)
            || rule
                .enabled
                .as_ref()
                .is_some_and(|enabled| asking.ask(enabled) == Answer::No);
        let mut asked = match &rule.kind {
            Kind::Condition { raise, clear, .. } | Kind::Group { raise, clear, .. } => {
                self.ask_condition(&mut asking, machine, raise, clear, at)
            }
            Kind::Sequence { .. } => self.ask_sequence(&mut asking, machine, at),
            Kind::Absence { .. } => Asked {
                raised: Answer::None,
                cleared: Answer::None,
                first: false,
                fault: false,
            },
        };
        if off {
            (asked.raised, asked.cleared) = (Answer::No, Answer::Yes);
        }
        asked.fault = asking.fault;
        asked
    }

    fn ask_condition(
        &self,
        asking: &mut Asking<'a>,
        machine: &Machine,
        raise: &'a Program,
        clear: &'a Clear,
        at: i64,
    ) -> Asked {
        let raised = asking.ask(raise);
        let bad = raised != Answer::Yes && self.any_bad(at);
        let cleared = match (clear, raised) {
            // A value that cannot be trusted clears nothing, and what is still true is not gone.
            (_, Answer::Yes) => Answer::No,
            _ if !machine.phase.is_on() || bad => Answer::None,
            (Clear::NotRaise, Answer::No) => Answer::Yes,
            (Clear::NotRaise, Answer::None) => Answer::None,
            (Clear::When(program), _) => asking.ask(program),
        };
        // A bad value breaks no hold either.
        let raised = if bad && raised == Answer::No {
            Answer::None
        } else {
            raised
        };
        Asked {
            raised,
            cleared,
            first: false,
            fault: false,
        }
    }

    /// A then B: B at a point with A before it. A without B: from A's onset until B, like a hold.
    fn ask_sequence(&self, asking: &mut Asking<'a>, machine: &Machine, at: i64) -> Asked {
        let Kind::Sequence {
            first,
            then,
            within_ns,
            missing,
            clear,
            ..
        } = &self.rule.kind
        else {
            return Asked {
                raised: Answer::None,
                cleared: Answer::None,
                first: false,
                fault: false,
            };
        };
        let first = asking.ask(first) == Answer::Yes;
        let second = asking.ask(then);
        let bad = self.any_bad(at);
        let raised = if *missing {
            let onset = first && (machine.first == i64::MIN || machine.first != machine.newest);
            match machine.phase {
                Phase::Pending { .. } if second == Answer::Yes => Answer::No,
                Phase::Pending { .. } => Answer::Yes,
                Phase::Clear | Phase::Active | Phase::Releasing { .. } if onset => Answer::Yes,
                Phase::Clear | Phase::Active | Phase::Releasing { .. } => Answer::No,
            }
        } else {
            let before = machine.first > i64::MIN && machine.first >= at.saturating_sub(*within_ns);
            match second {
                Answer::Yes if before => Answer::Yes,
                Answer::Yes | Answer::No => Answer::No,
                Answer::None => Answer::None,
            }
        };
        let cleared = match clear {
            Some(_) if raised == Answer::Yes => Answer::No,
            Some(clear) if machine.phase.is_on() && !bad => asking.ask(clear),
            Some(_) | None => Answer::None,
        };
        Asked {
            raised,
            cleared,
            first,
            fault: false,
        }
    }

    /// The distinct points of the key from `from` on, ascending.
    pub(crate) fn points(&self, from: i64, to: i64, points: &mut Vec<i64>) {
        points.clear();
        for (history, mask) in self.sources.iter().zip(self.masks) {
            points.extend(history.points(*mask, from, to));
        }
        if self.sources.len() > 1 {
            points.sort_unstable();
            points.dedup();
        }
    }

    /// How far back an answer looks: what is observed longer before an instant matters there only as the newest value.
    pub(crate) fn reach(&self) -> i64 {
        self.rule.need.windows.iter().copied().max().unwrap_or(0)
    }

    /// Whether no slot's newest observation as of `at` is the one of `point` any more.
    pub(crate) fn is_past(&self, point: i64, at: i64) -> bool {
        self.sources.iter().zip(self.masks).all(|(history, mask)| {
            (0..history.slot_count())
                .filter(|slot| *mask >> (*slot & 63) & 1 != 0)
                .filter_map(|slot| history.at(slot, at))
                .all(|newest| newest.observed != point)
        })
    }

    /// Newest instant that any of the histories knows of.
    pub(crate) fn newest(&self) -> i64 {
        let newest = self.sources.iter().map(|history| history.newest());
        newest.max().unwrap_or(i64::MIN)
    }

    /// Later than what is kept of any of the histories.
    pub(crate) fn floor(&self) -> i64 {
        let floors = self.sources.iter().map(|history| history.floor());
        floors.max().unwrap_or(i64::MIN)
    }
}

impl Machine {
    /// Looks at a point: the answers there, then the step. `before` was called for it.
    pub(crate) fn look(
        &mut self,
        reader: &Reader<'_>,
        point: i64,
        shape: Shape,
    ) -> (Option<super::machine::Turn>, bool) {
        let asked = reader.ask(self, point);
        let turn = self.at(point, (asked.raised, asked.cleared), shape);
        if asked.first {
            self.first = point;
        }
        (turn, asked.fault)
    }
}
