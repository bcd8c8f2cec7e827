//! Rules, windows and the life cycle of an alert: a pure fold.
//!
//! [`RuleSet::load`] compiles the rules of a site pack; [`Engine`] folds records of `inputs` (as events, commands, node and
//! clock records with their [`Origin`]) into [`event::Transition`]s. Nothing else goes in: no clock, no randomness, no I/O.
//! The same records give the same transitions, byte for byte, also after [`Engine::save`] and [`Engine::restore`] at
//! any point in between.
//!
//! # Time
//!
//! A rule runs on observed time. Whatever it reads is a pure function of the entity's observations and of an instant, and
//! its key's machine is stepped over the observed times in ascending order. In order that happens at once, on what is known;
//! what comes late but within the lateness bound stands where it belongs, its keys are looked at anew from their checkpoint,
//! and the difference is told: an episode begins earlier, goes on, is over, never was. So the episodes that are final do
//! not depend on the order of arrival, and nothing waits for the bound. Holds and releases are decided by the first point at
//! or after they are due, or by journal time, whichever comes first; a point that proves the clock wrong takes it back.
//!
//! Absence, shelving, ladder and reminders run on journal time; our own downtime (from the last record before a start to that
//! start) is no absence, and [`ABSENCE_GRACE`] follows every start. Hearing a device is hearing its gateway.
//!
//! An event beyond the bound (flagged `HISTORY`, out of the quarantine, or older than a key's checkpoint) may only raise an
//! alert marked retrospective, which has a key of its own. Values of bad quality never clear anything and raise only where
//! the rule lists that quality. Exercise and test events have keys of their own.
//!
//! A warning of another body (CAP) is an alert of [`WARNING`], with a life of its own: updates revise it, its cancellation or the
//! end of its validity ends it, feeds that say the same are one.
//!
//! A rule that cannot be computed rings itself, as an alert of [`RULE_FAULT`].
//!
//! # Bounds
//!
//! Entities [`ENTITIES_MAX`] (further ones are counted and not watched), observations an entity [`OBSERVATIONS_MAX`] and of all
//! together [`OBSERVATIONS_TOTAL_MAX`] (the oldest go, counted), resolved alerts kept [`RECENT_MAX`], verdicts remembered [`VERDICTS_MAX`], comments an alert [`COMMENTS_MAX`], values in the evidence
//! [`EVIDENCE_VALUES_MAX`].

mod book;
mod cel;
mod effect;
mod engine;
pub mod health;
mod history;
mod kernel;
mod load;
mod ruleset;
mod signal;
mod text;

pub use book::{
    BookConfig, BookCounters, COMMENTS_MAX, Cause, EVIDENCE_VALUES_MAX, Ladder, Level, RECENT_MAX,
    SHELVE_MAX, Step, TEXT_CHARS_MAX, VERDICTS_MAX, WorkingHours,
};
pub use effect::Effect;
pub use engine::{ABSENCE_GRACE, Counters, ENTITIES_MAX, Engine, Origin, RestoreError, Saved};
pub use history::{OBSERVATIONS_MAX, OBSERVATIONS_TOTAL_MAX};
pub use ruleset::{RULE_FAULT, RULES_MAX, RuleInfo, RuleSet, WARNING};
