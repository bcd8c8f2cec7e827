//! The saved form of the fold: sorted and versioned.

use event::Name;
use serde::{Deserialize, Serialize};

use crate::series::Series;

/// Version of the saved form.
pub(crate) const VERSION: u16 = 1;

/// Which series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) entity: Name,
    pub(crate) rule: Name,
    /// Empty where the devices of an entity share a series.
    pub(crate) device: Name,
    /// Code of the status: a drill has series of its own.
    pub(crate) status: u8,
}

/// A series with the signature of its rule: one of another method or other inputs is of no use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) signature: String,
    pub(crate) series: Series,
}

/// All of it: the same memory has the same bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub(crate) version: u16,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Serialize)]
pub(crate) struct SavedEntry<'a> {
    pub(crate) key: &'a Key,
    pub(crate) signature: &'a str,
    pub(crate) series: &'a Series,
}

/// The same without copying the memory.
#[derive(Serialize)]
pub(crate) struct Saved<'a> {
    pub(crate) version: u16,
    pub(crate) entries: Vec<SavedEntry<'a>>,
}
