//! What a program reads: histories as of an instant, and thresholds.

use event::Name;

use super::memo::{Answer, Memo, Question};
use super::program::{Over, Value};
use super::steps;
use super::window::{self, Samples, Span};
use crate::history::{History, Observation, Read};

/// Makes a median distance comparable with a standard deviation.
const ROBUST_SCALE: f64 = 1.4826;
/// Least spread of a baseline: a value that never moved is infinitely far from nothing.
const SPREAD_LEAST: f64 = 1e-9;
/// Later than this, "at the present rate" says nothing: ten years.
const AHEAD_NS_MAX: f64 = 3.2e17;

/// A threshold as the hot path needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LimitCell {
    pub(crate) value: f64,
    /// In force for observations from (inclusive) to (exclusive), nanoseconds.
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// Where a slot number of a rule leads: one of the histories it reads, and the slot there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: u16,
    pub(crate) slot: u8,
}

/// A member as `across` reads it: the rule's slot and limit numbers at that entity.
#[derive(Clone, Copy)]
pub(crate) struct MemberView<'a> {
    pub(crate) map: &'a [Place],
    pub(crate) limits: &'a [LimitCell],
    pub(crate) profile: Option<&'a Name>,
}

/// What a program reads. The answer is a function of the histories and of `at` alone: the same whenever it is asked, unless
/// something observed before `at` has come in between.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// The rule's own entity first, then its members.
    pub(crate) sources: &'a [&'a History],
    /// The rule's slot number -> where it is read.
    pub(crate) map: &'a [Place],
    /// For `across`: the members, each with its own places and limits; empty for rules without a group.
    pub(crate) members: &'a [MemberView<'a>],
    pub(crate) limits: &'a [LimitCell],
    /// Observed time for which the question is asked.
    pub(crate) at: i64,
    /// A value observed longer before `at` is unknown; `i64::MAX` = any age will do.
    pub(crate) max_age: i64,
    /// Quality bits that do not make a value unknown.
    pub(crate) accept: u16,
    /// For texts and silence: where the newest value is unusable, the last good one will do.
    pub(crate) last_good: bool,
    /// What was computed of these sources already.
    pub(crate) memo: Option<&'a Memo>,
}

impl<'a> Inputs<'a> {
    /// The history and the slot behind the rule's slot number.
    pub(crate) fn place(&self, number: u8) -> Option<(&'a History, usize)> {
        self.at_place(*self.map.get(usize::from(number))?)
    }

    fn at_place(&self, place: Place) -> Option<(&'a History, usize)> {
        let history = *self.sources.get(usize::from(place.source))?;
        Some((history, usize::from(place.slot)))
    }

    /// The newest observation behind the rule's slot, unless it is bad in a way that `accept` does not cover: then there is
    /// none, because an older good value must not stand in for what the sensor says it does not know.
    pub(crate) fn observation(&self, number: u8) -> Option<&'a Observation> {
        let (history, slot) = self.place(number)?;
        let newest = history.at(slot, self.at)?;
        if newest.is_usable(self.accept) {
            return Some(newest);
        }
        (self.last_good).then(|| history.last_good(slot, self.at))?
    }

    /// Whether the newest value of any slot of the rule is a bad one.
    pub(crate) fn any_bad(&self) -> bool {
        self.map.iter().any(|place| {
            self.at_place(*place)
                .and_then(|(history, slot)| history.at(slot, self.at))
                .is_some_and(|newest| !newest.quality.is_usable())
        })
    }

    pub(super) fn measure(&self, number: u8, max_age: i64) -> Value<'a> {
        let Some((history, _)) = self.place(number) else {
            return Value::Unknown;
        };
        match self.observation(number) {
            Some(one) if self.at.saturating_sub(one.observed) <= max_age => {
                history.read(one).map_or(Value::Unknown, value_of)
            }
            _ => Value::Unknown,
        }
    }

    pub(super) fn limit(&self, number: u8) -> Value<'a> {
        match self.limits.get(usize::from(number)) {
            Some(cell) if cell.from <= self.at && self.at < cell.to => Value::Number(cell.value),
            _ => Value::Unknown,
        }
    }

    pub(super) fn window(&self, over: Over, number: u8, span: Span) -> Value<'a> {
        let Some(place) = self.map.get(usize::from(number)) else {
            return Value::Unknown;
        };
        let Some((history, slot)) = self.at_place(*place) else {
            return Value::Unknown;
        };
        // Count, sum and mean come of one pass.
        let asked = match over {
            Over::Mean | Over::Sum | Over::Count => Over::Sum,
            Over::Change | Over::Rate | Over::Least | Over::Greatest | Over::Percentile(_) => over,
        };
        let question = Question {
            place: *place,
            over: asked,
            span,
            at: self.at,
        };
        let known = self.memo.and_then(|memo| memo.known(&question));
        let answer = known.unwrap_or_else(|| {
            let answer = self.compute(asked, &Samples::new(history, slot, span, self.at));
            if let Some(memo) = self.memo {
                memo.keep(question, answer);
            }
            answer
        });
        let result = answer.and_then(|(first, sum)| match over {
            Over::Count => Some(first),
            Over::Sum => (first > 0.0).then_some(sum),
            Over::Mean => (first > 0.0).then(|| sum / first),
            Over::Change | Over::Rate | Over::Least | Over::Greatest | Over::Percentile(_) => {
                Some(first)
            }
        });
        result.map_or(Value::Unknown, finite)
    }

    fn compute(&self, over: Over, samples: &Samples<'_>) -> Answer {
        let result = match over {
            Over::Mean | Over::Sum | Over::Count => return Some(samples.totals()),
            Over::Change => samples.change(),
            Over::Rate => samples.rate_an_hour(),
            Over::Least => samples.least(),
            Over::Greatest => samples.greatest(),
            Over::Percentile(percent) => {
                self.with_room(|numbers| samples.percentile(percent, numbers))
            }
        };
        result.map(|result| (result, 0.0))
    }

    fn with_room<R>(&self, with: impl FnOnce(&mut Vec<f64>) -> R) -> R {
        let mut numbers = self.memo.map(Memo::lend).unwrap_or_default();
        let result = with(&mut numbers);
        if let Some(memo) = self.memo {
            memo.give(numbers);
        }
        result
    }

    pub(super) fn previous(&self, number: u8) -> Value<'a> {
        let found = self.place(number).and_then(|(history, slot)| {
            let one = window::previous(history, slot, self.at)?;
            history.read(one)
        });
        found.map_or(Value::Unknown, value_of)
    }

    pub(super) fn flag(&self, number: u8, bits: u16) -> Value<'a> {
        let newest = (self.place(number)).and_then(|(history, slot)| history.at(slot, self.at));
        match newest {
            Some(one) if self.at.saturating_sub(one.observed) <= self.max_age => {
                Value::Boolean(one.quality.0 & bits != 0)
            }
            _ => Value::Unknown,
        }
    }

    pub(super) fn baseline(&self, number: u8, days: u8) -> Option<(f64, f64)> {
        let (history, slot) = self.place(number)?;
        self.with_room(|numbers| window::baseline(history, slot, days, self.at, numbers))
    }

    pub(super) fn deviation(&self, number: u8, days: u8) -> Value<'a> {
        let Value::Number(value) = self.measure(number, self.max_age) else {
            return Value::Unknown;
        };
        let spread = |(median, distance): (f64, f64)| {
            finite((value - median).abs() / (ROBUST_SCALE * distance).max(SPREAD_LEAST))
        };
        self.baseline(number, days).map_or(Value::Unknown, spread)
    }

    /// At the present rate; none while it does not come nearer.
    pub(super) fn time_to(&self, number: u8, target: f64, span: Span) -> Value<'a> {
        let Value::Number(value) = self.measure(number, self.max_age) else {
            return Value::Unknown;
        };
        let distance = target - value;
        if distance == 0.0 {
            return Value::Duration(0);
        }
        let Value::Number(rate) = self.window(Over::Rate, number, span) else {
            return Value::Unknown;
        };
        let ahead = distance / rate * 3.6e12;
        if ahead.is_finite() && (0.0..AHEAD_NS_MAX).contains(&ahead) {
            Value::Duration(ahead as i64)
        } else {
            Value::Unknown
        }
    }

    /// The newest point of any of the slots at or before `at`.
    pub(super) fn point(&self, slots: &[u8], at: i64) -> Option<i64> {
        let newest = slots.iter().filter_map(|number| {
            let (history, slot) = self.place(*number)?;
            steps::count();
            Some(history.at(slot, at)?.observed)
        });
        newest.max()
    }
}

fn value_of(read: Read<'_>) -> Value<'_> {
    match read {
        Read::Number(value) => Value::Number(value),
        Read::Boolean(value) => Value::Boolean(value),
        Read::Code(value) => Value::Text(value),
    }
}

pub(super) fn finite<'a>(value: f64) -> Value<'a> {
    if value.is_finite() {
        Value::Number(value)
    } else {
        Value::Fault
    }
}
