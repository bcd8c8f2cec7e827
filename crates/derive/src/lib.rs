//! Measures that no device sends: rain windows, flood alarm status, VN_AQI, forest-fire index, energy use, balances, occupancy.
//!
//! [`Rules`] is `derive.toml` of the site pack, checked. [`Deriver`] is a fold over the normalized events of the site: it keeps
//! a bounded, sorted series of readings for each rule and entity, and a result is a **pure function of the series and a
//! time**. From this follows what matters:
//!
//! * Readings in any order leave the same series, hence the same results. One that comes late (or is history) gives
//!   every result again that it changes, flagged `LATE` and whatever the reading itself was flagged with; results that it
//!   does not change are not repeated.
//! * A repeat of an event (same id) changes nothing.
//! * Equal states have equal bytes ([`Deriver::save`] is sorted and versioned), and a restored fold goes on with equal events.
//!
//! **Events.** Kind reading, stream, site, device, place and status of the reading that brought them about; `DERIVED`, and
//! `UNOFFICIAL` where the statement belongs to a state body. `observed` is the time of the reading, or the end of the
//! hour or day, **plus** `1 + 4 × position of the rule in the file + kind (0 reading, 1 hour or only period, 2 day) +
//! 4,096 × number of the revision` nanoseconds: so a derived event lies behind its input, and a revised result behind the one it replaces, and no store and no rule takes the one for
//! a repeat of the other. The id is a function of (rule, entity, device, status, observed, id of the input).
//!
//! **Inputs.** Unusable values ([`event::Quality::is_usable`]) are as good as absent; other flags pass to the results.
//! `actual`, `exercise` and `test` have separate series. Events that are derived already are not folded.
//!
//! **Bounds** (`[limits]` of `derive.toml`): readings of a series, number of series, how far back results are revised, results that one
//! reading may revise. What a bound cuts off is counted ([`Counts`]), and a window that lost readings says `INCOMPLETE`.
//!
//! There is no clock here: hours and days that no event closes are closed by [`Deriver::advance`] with journal time.

mod calendar;
mod deriver;
mod identity;
mod methods;
mod reader;
mod result;
mod rules;
mod series;
mod state;
mod thresholds;

pub use deriver::{Counts, Deriver};
pub use rules::Rules;
pub use state::State;

/// The arithmetic of the methods, for tests and tools that want it without events.
pub mod arithmetic {
    pub use crate::methods::aqi::index::{Averaging, Pollutant, index, rounded};
    pub use crate::methods::aqi::nowcast::nowcast;
    pub use crate::methods::fire::saturation_deficit_hpa;
    pub use crate::methods::power::{max_deviation_pct, negative_sequence_pct};
    pub use crate::methods::register::{AfterFall, Register, Step};
}
