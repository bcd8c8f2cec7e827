//! What a program makes of many answers: of points in time, of members, of numbers.

use event::Name;

use super::inputs::{Inputs, finite};
use super::program::{Across, Program, Value};
use super::window::Span;
use super::{MEMBERS_MAX, TIMES_POINTS_MAX};

impl Program {
    /// The least or greatest of numbers; one that is not known makes the whole unknown.
    pub(super) fn extreme<'a>(
        &'a self,
        items: &[u16],
        pick: fn(f64, f64) -> f64,
        inputs: &Inputs<'a>,
    ) -> Value<'a> {
        let mut best: Option<f64> = None;
        for item in items {
            match self.value(*item, inputs) {
                Value::Number(value) => best = Some(best.map_or(value, |best| pick(best, value))),
                other => return other,
            }
        }
        best.map_or(Value::Unknown, Value::Number)
    }

    /// A point at which the condition is unknown does not count; one at which it cannot be computed is a fault.
    pub(super) fn times<'a>(
        &'a self,
        condition: u16,
        slots: &[u8],
        span: Span,
        inputs: &Inputs<'a>,
    ) -> Value<'a> {
        let first = slots.first().and_then(|slot| inputs.place(*slot));
        let Some((history, slot)) = first else {
            return Value::Unknown;
        };
        let (from, to) = span.bounds(history, slot, inputs.at);
        let (mut held, mut at) = (0_u32, to);
        for _ in 0..TIMES_POINTS_MAX.min(span.samples()) {
            let Some(point) = inputs.point(slots, at).filter(|point| *point >= from) else {
                break;
            };
            let then = Inputs {
                at: point,
                ..*inputs
            };
            match self.value(condition, &then) {
                Value::Boolean(true) => held += 1,
                Value::Fault => return Value::Fault,
                _ => {}
            }
            let Some(earlier) = point.checked_sub(1) else {
                break;
            };
            at = earlier;
        }
        Value::Number(f64::from(held))
    }

    /// Members whose answer is unknown are left out; where nobody's is known, neither is the whole.
    pub(super) fn across<'a>(
        &'a self,
        how: Across,
        inner: u16,
        profile: Option<&Name>,
        inputs: &Inputs<'a>,
    ) -> Value<'a> {
        let (mut known, mut total) = (0_u32, 0.0_f64);
        for member in inputs.members.iter().take(MEMBERS_MAX) {
            if profile.is_some() && member.profile != profile {
                continue;
            }
            let own = Inputs {
                map: member.map,
                limits: member.limits,
                members: &[],
                ..*inputs
            };
            let value = match self.value(inner, &own) {
                Value::Number(value) => value,
                Value::Boolean(value) => f64::from(u8::from(value)),
                Value::Fault => return Value::Fault,
                _ => continue,
            };
            total = match how {
                _ if known == 0 => value,
                Across::Least => total.min(value),
                Across::Greatest => total.max(value),
                Across::Count | Across::Mean | Across::Sum => total + value,
            };
            known += 1;
        }
        match how {
            _ if known == 0 => Value::Unknown,
            Across::Mean => finite(total / f64::from(known)),
            _ => finite(total),
        }
    }
}
