//! Wire formats and the site catalogue turned into events or rejects.
//!
//! [`Catalogue`] is the site pack, checked. [`Normalizer`] is a fold over the messages of `inputs`: each gives exactly one
//! [`Normalized`] - an event, a reject with its reason, or a duplicate. There is no clock and no randomness here: time,
//! offset and journal id come with the [`Input`], so that the same journal gives the same events. All state is in the
//! normalizer, bounded, and saved in sorted order.

mod bind;
mod catalogue;
mod checks;
mod clock;
mod clock_memory;
mod fault;
mod format;
mod identity;
mod message;
mod native;
mod normalizer;
mod personal;
mod quality;
mod reading;
mod state;
mod text;
mod time;
mod trial;
mod units;
mod unpack;

pub use catalogue::Catalogue;
pub use format::try_script;
pub use message::{Counts, Input, Normalized};
pub use normalizer::Normalizer;
pub use state::{State, StateV1};
pub use trial::{TryError, try_out};

/// What a reject code means and what to do, Vietnamese and English.
pub fn reason_text(code: event::RejectCode) -> event::Text {
    code.text()
}
