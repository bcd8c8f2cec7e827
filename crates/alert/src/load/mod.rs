//! From the bytes of a site pack to a checked [`RuleSet`](crate::RuleSet): every mistake is reported at once, with file
//! and line, and nothing is taken over while there is one.

mod advice;
mod book;
mod corroborate;
mod kinds;
mod rules;
mod scope;
mod source;
mod template;
mod thresholds;
mod weight;

pub(crate) use advice::advise;
pub(crate) use book::load_book;
pub(crate) use rules::{Loaded, load_rules};
pub(crate) use thresholds::{LimitEntry, Limits, load_thresholds};
