//! Sessions as the journal knows them: a pure fold over `session`, `message` and `release` records.
//!
//! # Contract
//!
//! [`SessionTable::apply`] takes every record of `inputs` in order; the result depends on nothing else,
//! serialises the same way every time, and is what a restart answers "session present" from. Records of
//! an older connection may follow those of the newer one that took its session over (they were on their
//! way); they are told apart by session and connection number.
//!
//! The number of our own sessions at an outside broker is that of their last message: 256 are remembered.
//!
//! Bound: the listener never lets more than `sessions_max` sessions exist and journals the end of each
//! one, so the fold holds no more either (a bound lowered later is enforced at the next start).

mod held;
mod table;

pub(crate) use held::{Held, find_held, insert_held, print, print_of_hash, remove_held};
pub use table::{Remembered, RememberedWill, SessionTable, SessionTableV1};

#[cfg(test)]
mod tests;
