//! The state machine of a key over its points in ascending order. It decides where episodes begin and end, and nothing else.
//!
//! One machine has one answer for one row of points and answers, whatever the order in which they became known: who sees a
//! late point steps a copy from the last checkpoint anew.

use serde::{Deserialize, Serialize};

/// What a condition says; unknown and faults are "no answer".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    None,
}

/// Where a rule stands with a key. Times are observed ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    #[default]
    Clear,
    /// True since, not yet long enough.
    Pending {
        since: i64,
        due: i64,
    },
    Active,
    /// Gone since, not yet long enough.
    Releasing {
        since: i64,
        due: i64,
    },
}

impl Phase {
    /// Whether an episode is on.
    pub(crate) const fn is_on(self) -> bool {
        matches!(self, Self::Active | Self::Releasing { .. })
    }

    /// Until when it waits.
    pub(crate) const fn due(self) -> Option<i64> {
        match self {
            Self::Pending { due, .. } | Self::Releasing { due, .. } => Some(due),
            Self::Clear | Self::Active => None,
        }
    }
}

/// The times of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) hold_ns: i64,
    pub(crate) release_ns: i64,
    /// An episode ends by itself so long after it began.
    pub(crate) lasts_ns: Option<i64>,
}

/// An episode begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Began { since: i64 },
    Ended { until: i64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) phase: Phase,
    /// Newest point that was looked at; `i64::MIN` = none.
    pub(crate) newest: i64,
    /// Newest point at which the first part of a sequence held; `i64::MIN` = none.
    pub(crate) first: i64,
}

impl Machine {
    pub(crate) const NEW: Self = Self {
        phase: Phase::Clear,
        newest: i64::MIN,
        first: i64::MIN,
    };

    fn begin(&mut self, since: i64, shape: Shape) -> Turn {
        self.phase = match shape.lasts_ns {
            None => Phase::Active,
            Some(lasts) => {
                let end = since.saturating_add(lasts);
                Phase::Releasing {
                    since: end,
                    due: end,
                }
            }
        };
        Turn::Began { since }
    }

    fn end(&mut self, until: i64) -> Turn {
        self.phase = Phase::Clear;
        Turn::Ended { until }
    }

    /// A hold or release that was over before `point` is decided by what was before it. To be called until it has no more.
    pub(crate) fn before(&mut self, point: i64, shape: Shape) -> Option<Turn> {
        match self.phase {
            Phase::Pending { since, due } if due < point => Some(self.begin(since, shape)),
            Phase::Releasing { since, due } if due < point => Some(self.end(since)),
            Phase::Clear | Phase::Active | Phase::Pending { .. } | Phase::Releasing { .. } => None,
        }
    }

    /// After the last point: what is due at or before journal time `now`. To be called until it has no more.
    pub(crate) fn after(&mut self, now: i64, shape: Shape) -> Option<Turn> {
        self.before(now.saturating_add(1), shape)
    }

    /// A point, later than all before it. `before` was called for it.
    pub(crate) fn at(
        &mut self,
        point: i64,
        (raised, cleared): (Answer, Answer),
        shape: Shape,
    ) -> Option<Turn> {
        self.newest = point;
        match self.phase {
            Phase::Clear if raised == Answer::Yes => {
                if shape.hold_ns == 0 {
                    return Some(self.begin(point, shape));
                }
                self.phase = Phase::Pending {
                    since: point,
                    due: point.saturating_add(shape.hold_ns),
                };
            }
            Phase::Pending { since, due } => match raised {
                Answer::No => self.phase = Phase::Clear,
                Answer::Yes | Answer::None if point >= due => {
                    return Some(self.begin(since, shape));
                }
                Answer::Yes | Answer::None => {}
            },
            Phase::Active if cleared == Answer::Yes => {
                if shape.release_ns == 0 {
                    return Some(self.end(point));
                }
                self.phase = Phase::Releasing {
                    since: point,
                    due: point.saturating_add(shape.release_ns),
                };
            }
            Phase::Releasing { since, due } => match cleared {
                // What ends by itself is not broken off.
                Answer::No if shape.lasts_ns.is_none() => self.phase = Phase::Active,
                Answer::Yes | Answer::None | Answer::No if point >= due => {
                    return Some(self.end(since));
                }
                Answer::Yes | Answer::None | Answer::No => {}
            },
            Phase::Clear | Phase::Active => {}
        }
        None
    }
}
