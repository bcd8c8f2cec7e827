//! Rules, windows and the life cycle of an alert: a pure fold.
//!
//! [`RuleSet::load`] compiles the rules of a site pack; [`Engine`] folds records of `inputs` (as events, commands, node and
//! clock records with their [`Origin`]) into [`event::Transition`]s. Nothing else goes in: no clock, no randomness, no I/O.
//! The same records give the same transitions, byte for byte, also after [`Engine::save`] and [`Engine::restore`] at
//! any point in between.
//!
//! # Time
//!
//! Windows, holds and releases lie on observed time. One that is due at `d` is decided by its key's first event observed
//! at or after `d` (an event at `d` itself may still break it), or by the first record with journal time at or after
//! `d`, whichever comes first. Absence and shelving run on journal time; our own downtime (from the last record before a
//! start to that start) is no absence, and [`ABSENCE_GRACE`] follows every start.
//!
//! An event observed before its key's newest is late: its values join the windows, and it never clears anything. Where it
//! satisfies the condition of a rule without a hold and its key is clear, it rings: active if nothing newer says normal, else as an
//! episode that is over already (raised and returned in one go), or as a revision of the returned alert that is still to
//! be acknowledged. A late run that would satisfy a hold, and a late reading that would break a release, are left out.
//! Silence at large ends with anything a device says, however old. An event flagged `HISTORY` may only raise an alert marked retrospective, which has a key of its own. Values of bad quality
//! never clear anything and raise only where the rule lists that quality. Exercise and test events have keys of their own.
//!
//! A rule that cannot be computed rings itself, as an alert of [`RULE_FAULT`].
//!
//! # Bounds
//!
//! Entities [`ENTITIES_MAX`] (further ones are counted and not watched), resolved alerts kept [`RECENT_MAX`], verdicts remembered
//! [`VERDICTS_MAX`], comments an alert [`COMMENTS_MAX`], values in the evidence [`EVIDENCE_VALUES_MAX`], cells a window
//! 129 (a faster sensor is summed up within a 128th of the window).

mod cel;
mod effect;
mod engine;
pub mod health;
mod load;
mod ruleset;
#[allow(dead_code, reason = "the kernel and the book are being built on it")]
mod signal;
mod slot;
mod text;

pub use effect::Effect;
pub use engine::{
    ABSENCE_GRACE, COMMENTS_MAX, Counters, ENTITIES_MAX, EVIDENCE_VALUES_MAX, Engine, Origin,
    RECENT_MAX, RestoreError, SHELVE_MAX, Saved, TEXT_CHARS_MAX, VERDICTS_MAX,
};
pub use ruleset::{RULE_FAULT, RULES_MAX, RuleInfo, RuleSet};
