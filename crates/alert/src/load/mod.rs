//! From the bytes of a site pack to a checked [`RuleSet`](crate::RuleSet): every mistake is reported at once, with file
//! and line, and nothing is taken over while there is one.

mod kinds;
mod positions;
mod rules;
mod source;
mod template;
mod thresholds;

pub(crate) use rules::load_rules;
pub(crate) use thresholds::{LimitEntry, Limits, load_thresholds};
