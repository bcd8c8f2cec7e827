//! Alert health: what the alerts ask of the people who watch them, by ISA-18.2 / IEC 62682 and EEMUA 191.
//!
//! [`Health`] folds transitions with their journal time and answers for any period: [`Health::report`] counts, [`Health::live`]
//! says who is in a flood now. No clock: `now` is the newest journal time it was told of.
//!
//! # What is counted
//!
//! A *call* is one time that an alert asks for a person: it was raised, it was reopened, or it came out of a suppression or
//! off the shelf while still unacknowledged and never told before. Every call falls into exactly one class, asked in this
//! order: shadow (a rule on trial), exercise, test, retrospective, suppressed, shelved, else *counted*. Rates, floods, shares
//! and times are of counted calls alone; the others stand beside, so that the classes sum up to all calls.
//!
//! - **Intervals** are ten minutes, aligned to the epoch; a period is widened to whole ones and cut at `now`.
//! - **Floods** slide, see [`FLOOD_ABOVE`] and [`FLOOD_BELOW`].
//! - **Standing**: the condition is present, and it is neither shelved nor suppressed. **Stale**: standing, and the condition
//!   has been present for more than 24 h.
//! - **Time to acknowledge** runs from a call to the acknowledgement; a call while one is open is part of that one. A call that ended
//!   without (closed, annulled, merged) is lapsed.
//! - **Positions** see by stream, area and severity; calls outside a position's hours are not its own. What no position sees is counted.
//!
//! # Bounds
//!
//! [`RECORDS_MAX`] calls, ended spans and marks each, none older than [`PERIOD_DAYS_MAX`] days; the oldest leave, and a
//! report begins no earlier than what is known whole (`from` beside `asked_from`). Open alerts [`OPEN_MAX`]; more are counted as untracked.
//! A position's window holds the calls of ten minutes.

mod compute;
mod csv;
mod figures;
mod flood;
mod positions;
mod record;
mod report;
mod sections;
mod tally;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use event::{
    Alert, AlertId, AlertState, Change, Status, SuppressionChange, SuppressionStep, Time,
    Transition,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use flood::Window;
use record::{Call, Class, Facts, Mark, MarkKind, Open, Span, SpanKind, class_of, verified};

pub use figures::{Figure, Relation, Target};
pub use flood::{FLOOD_ABOVE, FLOOD_BELOW};
pub use positions::{POSITIONS_MAX, Position, Positions, Shift};
pub use report::{
    AcknowledgeTimes, Calls, Chatter, Commands, FalseMarks, Flood, Interval, LeftOut, Level, Live,
    PositionReport, Report, Share, Spread, StaleAlert, Top,
};

/// Longest period that a report covers, and how far back anything is kept.
pub const PERIOD_DAYS_MAX: i64 = 400;
/// Calls, ended spans and marks kept, each.
pub const RECORDS_MAX: usize = 262_144;
/// Alerts followed at a time.
pub const OPEN_MAX: usize = 65_536;

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PeriodError {
    #[error("the period ends before it begins")]
    Backwards,
    #[error("the period is longer than {PERIOD_DAYS_MAX} days")]
    TooLong,
    #[error("there is no position `{0}`")]
    PositionUnknown(String),
}

/// The fold. Times never run backwards in it: an earlier journal time counts as the newest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    positions: Positions,
    /// From here on everything is known.
    known_from: Option<i64>,
    now: i64,
    open: BTreeMap<AlertId, Open>,
    calls: VecDeque<Call>,
    spans: VecDeque<Span>,
    marks: VecDeque<Mark>,
    last_command: Option<String>,
    /// One for each position.
    windows: Vec<Window>,
    untracked: u64,
}

impl Health {
    pub fn new(positions: Positions) -> Self {
        let windows = vec![Window::default(); positions.as_slice().len()];
        Self {
            positions,
            windows,
            ..Self::default()
        }
    }

    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// The pack has others now; what was counted is looked at anew.
    pub fn set_positions(&mut self, positions: Positions) {
        self.windows = vec![Window::default(); positions.as_slice().len()];
        self.positions = positions;
        let calls = std::mem::take(&mut self.calls);
        for call in &calls {
            self.tell_windows(call);
        }
        self.calls = calls;
    }

    /// The journal has come to `at`. The first time told is that from which everything is known.
    pub fn seen(&mut self, at: Time) {
        self.now = self.now.max(at.0);
        if self.known_from.is_none() {
            self.now = at.0;
            self.known_from = Some(at.0);
        }
    }

    /// An alert that stands already where the fold begins: no call, but it is followed. One that is followed stays as it is.
    pub fn standing(&mut self, alert: &Alert) {
        if self.open.contains_key(&alert.id) {
            return;
        }
        let mut open = Open::default();
        let on = is_active(alert.state);
        open.active_since = on.then_some(alert.raised.0);
        let told = on && class_of(alert, false) == Class::Counted;
        open.standing = told.then_some(alert.raised.0);
        open.shelved = alert.shelved.as_ref().map(|shelved| shelved.at.0);
        let kept = alert.handling.suppressed.first();
        open.suppressed = kept.map(|kept| kept.since.0);
        open.chattering = alert.handling.chattering.map(|chatter| chatter.since.0);
        let waits = is_waiting(alert.state) && told;
        open.call = waits.then_some(alert.raised.0);
        self.keep(&alert.id, alert, open);
    }

    /// Folds one transition of a real alert.
    pub fn transition(&mut self, at: Time, transition: &Transition) {
        self.seen(at);
        let (at, alert) = (self.now, &transition.alert);
        let mut open = self.open.remove(&alert.id).unwrap_or_default();
        let facts = share(&mut open, alert);
        if rings(transition, &open) {
            self.call(at, transition.change, alert, &facts, &mut open);
        }
        self.follow(at, transition, &facts, &mut open);
        // One command may bring about two transitions (acknowledged, and with it resolved). One of a drill stands for no real one.
        let drill = alert.status != Status::Actual;
        let again = !drill && transition.command_id == self.last_command;
        if transition.command_id.is_some() && !again {
            if !drill {
                self.last_command.clone_from(&transition.command_id);
            }
            let kind = MarkKind::Command {
                change: transition.change.name().into(),
                verified: verified(transition),
            };
            self.mark(at, Some(facts.clone()), kind);
        }
        if transition.change == Change::MarkedFalse {
            self.mark(at, Some(facts), MarkKind::False);
        } else if transition.change == Change::UnmarkedFalse {
            self.mark(at, Some(facts), MarkKind::NotFalse);
        }
        self.keep(&alert.id, alert, open);
        self.forget();
    }

    /// What a rule on trial would have told: counted beside, nothing else.
    pub fn shadow(&mut self, at: Time, transition: &Transition) {
        self.seen(at);
        if matches!(transition.change, Change::Raised | Change::Reopened) {
            self.calls.push_back(Call {
                at: self.now,
                change: transition.change.name().into(),
                class: Class::Shadow,
                facts: Arc::new(Facts::of(&transition.alert)),
            });
            self.forget();
        }
    }

    /// A window of maintenance or something out of service, ordered or ended by a person.
    pub fn suppression(&mut self, at: Time, change: &SuppressionChange) {
        self.seen(at);
        if change.command_id.is_none() {
            return;
        }
        let verified = match change.step {
            SuppressionStep::Ordered | SuppressionStep::Began => Some(change.suppression.verified),
            SuppressionStep::Ended => None,
        };
        let kind = MarkKind::Command {
            change: "suppression".into(),
            verified,
        };
        self.mark(self.now, None, kind);
        self.forget();
    }

    /// The rules of the pack were changed; `verified` where it is known whether an account stands behind it.
    pub fn rules_changed(&mut self, at: Time, verified: Option<bool>) {
        self.seen(at);
        self.mark(self.now, None, MarkKind::Rules { verified });
        self.forget();
    }

    fn call(
        &mut self,
        at: i64,
        change: Change,
        alert: &Alert,
        facts: &Arc<Facts>,
        open: &mut Open,
    ) {
        let call = Call {
            at,
            change: change.name().into(),
            class: class_of(alert, false),
            facts: facts.clone(),
        };
        open.muted = None;
        match call.class {
            Class::Counted => {
                // Over already where it is told late: the answer is still asked for.
                if open.call.is_none() {
                    open.call = Some(at);
                }
            }
            Class::Suppressed | Class::Shelved => open.muted = Some(call.class),
            Class::Exercise | Class::Test | Class::Retrospective | Class::Shadow => {}
        }
        self.tell_windows(&call);
        self.calls.push_back(call);
    }

    fn tell_windows(&mut self, call: &Call) {
        if call.class != Class::Counted {
            return;
        }
        for (position, window) in self.positions.as_slice().iter().zip(&mut self.windows) {
            if call.facts.seen_by(position) && position.staffed(call.at) {
                window.add(call.at);
            }
        }
    }

    /// Spans begin and end with what the alert says of itself.
    fn follow(&mut self, at: i64, transition: &Transition, facts: &Arc<Facts>, open: &mut Open) {
        let alert = &transition.alert;
        let over = matches!(transition.change, Change::Annulled | Change::Merged);
        let active = is_active(alert.state) && !over;
        let shelved = alert.shelved.is_some();
        let suppressed = !alert.handling.suppressed.is_empty();
        if active {
            open.active_since.get_or_insert(at);
        }
        let since = open.active_since.unwrap_or(at);
        let chatter = alert.handling.chattering;
        if let Some(chatter) = chatter {
            open.turns = chatter.turns;
        }
        let turns = u64::from(open.turns);
        let mut ended = Vec::new();
        let standing = active && !shelved && !suppressed;
        toggle(
            &mut open.standing,
            standing,
            at,
            &mut ended,
            SpanKind::Standing { since },
        );
        toggle(
            &mut open.shelved,
            shelved,
            at,
            &mut ended,
            SpanKind::Shelved,
        );
        toggle(
            &mut open.suppressed,
            suppressed,
            at,
            &mut ended,
            SpanKind::Suppressed,
        );
        let chattering = chatter.is_some() && !over;
        toggle(
            &mut open.chattering,
            chattering,
            at,
            &mut ended,
            SpanKind::Chattering { turns },
        );
        let answered = alert.acknowledged.as_ref();
        let answered =
            answered.is_some_and(|answer| open.call.is_none_or(|call| answer.at.0 >= call));
        let answered = answered || transition.change == Change::Acknowledged;
        let waits = open.call.is_some() && is_waiting(alert.state) && !over;
        toggle(
            &mut open.call,
            waits,
            at,
            &mut ended,
            SpanKind::Call { answered },
        );
        if !active {
            open.active_since = None;
        }
        self.spans
            .extend(ended.into_iter().map(|(from, kind)| Span {
                from,
                to: at,
                kind,
                alert: alert.id.clone(),
                facts: facts.clone(),
            }));
    }

    fn mark(&mut self, at: i64, facts: Option<Arc<Facts>>, kind: MarkKind) {
        self.marks.push_back(Mark { at, facts, kind });
    }

    fn keep(&mut self, id: &AlertId, alert: &Alert, mut open: Open) {
        if open.is_idle() && alert.state == AlertState::Normal {
            return;
        }
        if self.open.len() >= OPEN_MAX {
            self.untracked = self.untracked.saturating_add(1);
            return;
        }
        share(&mut open, alert);
        self.open.insert(id.clone(), open);
    }

    fn forget(&mut self) {
        let horizon = self
            .now
            .saturating_sub((PERIOD_DAYS_MAX + 1) * 24 * 3_600 * 1_000_000_000);
        let mut gone = None;
        drop_old(&mut self.calls, horizon, |call| call.at, &mut gone);
        drop_old(&mut self.spans, horizon, |span| span.to, &mut gone);
        drop_old(&mut self.marks, horizon, |mark| mark.at, &mut gone);
        if let Some(gone) = gone {
            let known = self.known_from.unwrap_or(gone);
            self.known_from = Some(known.max(sections::ceil(gone.saturating_add(1))));
        }
    }
}

/// `gone`: up to when what is kept has gaps.
fn drop_old<T>(
    kept: &mut VecDeque<T>,
    horizon: i64,
    at: impl Fn(&T) -> i64,
    gone: &mut Option<i64>,
) {
    while let Some(oldest) = kept.front().map(&at) {
        if kept.len() <= RECORDS_MAX && oldest >= horizon {
            break;
        }
        kept.pop_front();
        *gone = (*gone).max(Some(oldest));
    }
}

fn share(open: &mut Open, alert: &Alert) -> Arc<Facts> {
    match &open.facts {
        Some(facts) if facts.same(alert) => facts.clone(),
        Some(_) | None => {
            let facts = Arc::new(Facts::of(alert));
            open.facts = Some(facts.clone());
            facts
        }
    }
}

/// Whether it asks for a person with this transition.
fn rings(transition: &Transition, open: &Open) -> bool {
    let again = matches!(transition.change, Change::Unsuppressed | Change::Unshelved);
    let told_now = again
        && open.muted.is_some()
        && transition.alert.state == AlertState::Unacknowledged
        && class_of(&transition.alert, false) == Class::Counted;
    told_now || matches!(transition.change, Change::Raised | Change::Reopened)
}

fn toggle(
    since: &mut Option<i64>,
    on: bool,
    at: i64,
    ended: &mut Vec<(i64, SpanKind)>,
    kind: SpanKind,
) {
    if on {
        since.get_or_insert(at);
    } else if let Some(from) = since.take() {
        ended.push((from, kind));
    }
}

const fn is_active(state: AlertState) -> bool {
    matches!(state, AlertState::Unacknowledged | AlertState::Acknowledged)
}

const fn is_waiting(state: AlertState) -> bool {
    matches!(
        state,
        AlertState::Unacknowledged | AlertState::ReturnedUnacknowledged
    )
}
