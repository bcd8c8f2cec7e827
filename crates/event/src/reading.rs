//! The canonical event.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{EventId, Time};

/// A name that its owner (catalogue, rule set) made once and that is then shared, not copied.
pub type Name = Arc<str>;

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Measured values at an instant or over an interval.
    Reading,
    /// What a device or a link is (online, open, tilted).
    State,
    /// A hazard declared by somebody else, with validity.
    Warning,
    /// Something that is going to happen (a reservoir release).
    Announcement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    Disaster,
    Energy,
    Environment,
    Tourism,
}

/// Whether this is real; travels with everything and keeps a drill out of live channels and figures.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Actual,
    Exercise,
    Test,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Always finite.
    Number(f64),
    Boolean(bool),
    Code(Name),
}

/// What sets of bits have in common whose names are a closed list, `NAMES`.
macro_rules! named_bits {
    ($bits:ty) => {
        impl $bits {
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The names of the bits that are set, for JSON and for people.
            pub fn names(self) -> Vec<&'static str> {
                Self::NAMES
                    .into_iter()
                    .filter_map(|(bit, name)| self.has(bit).then_some(name))
                    .collect()
            }

            /// The bits of those names that this release knows.
            pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
                names
                    .into_iter()
                    .filter_map(|name| Self::NAMES.iter().find(|(_, known)| *known == name))
                    .fold(Self::default(), |all, (bit, _)| all.with(*bit))
            }
        }
    };
}

/// Why a value may not be trusted, as bits; 0 is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quality(pub u16);

impl Quality {
    pub const GOOD: Self = Self(0);
    /// Outside the plausible range of the profile.
    pub const OUT_OF_RANGE: Self = Self(1);
    /// The device says that it is calibrating or under maintenance.
    pub const MAINTENANCE: Self = Self(1 << 1);
    /// The device says that the sensor failed, or something that is no known word about it.
    pub const SENSOR_FAULT: Self = Self(1 << 2);

    pub const fn is_good(self) -> bool {
        self.0 == 0
    }

    const NAMES: [(Self, &'static str); 3] = [
        (Self::OUT_OF_RANGE, "out_of_range"),
        (Self::MAINTENANCE, "maintenance"),
        (Self::SENSOR_FAULT, "sensor_fault"),
    ];
}

named_bits!(Quality);

/// What is to be known about the whole event, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventFlags(pub u16);

impl EventFlags {
    /// The device gave no time: `observed` is the time of reception.
    pub const TIME_MISSING: Self = Self(1);
    /// The device's time lay in the future and was clamped to reception.
    pub const TIME_FUTURE: Self = Self(1 << 1);
    /// Observed longer before reception than the stream's lateness bound: history, never live.
    pub const HISTORY: Self = Self(1 << 2);
    /// Observed before something already seen of the same entity.
    pub const LATE: Self = Self(1 << 3);
    /// 1 ns (or more) was added because the entity already had another event at that instant.
    pub const TIME_NUDGED: Self = Self(1 << 4);
    /// Came with the RETAIN flag.
    pub const RETAINED: Self = Self(1 << 5);
    /// At least one known field had a value that could not be used and is missing from `values`.
    pub const FIELDS_UNUSABLE: Self = Self(1 << 6);
    /// The device's clock was never set or has restarted (before 2015): `observed` is the time of reception.
    pub const TIME_PAST: Self = Self(1 << 7);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::TIME_MISSING, "time_missing"),
        (Self::TIME_FUTURE, "time_future"),
        (Self::HISTORY, "history"),
        (Self::LATE, "late"),
        (Self::TIME_NUDGED, "time_nudged"),
        (Self::RETAINED, "retained"),
        (Self::FIELDS_UNUSABLE, "fields_unusable"),
        (Self::TIME_PAST, "time_past"),
    ];
}

named_bits!(EventFlags);

/// One value of an event, already in the canonical unit of its measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub measure: Name,
    pub value: Value,
    /// UCUM code; `1` for a pure number, empty for booleans and codes.
    pub unit: Name,
    pub quality: Quality,
}

/// Where it was observed. WGS84.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Code of the commune or ward (5 digits, leading zeros kept).
    pub area: Option<Name>,
    pub lat: f64,
    pub lon: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub id: EventId,
    pub kind: Kind,
    pub stream: Stream,
    pub status: Status,
    pub site: Name,
    /// What the values are about (a river station, a transformer, a square).
    pub entity: Name,
    /// What measured them.
    pub device: Name,
    /// When it was so, by the device's corrected clock.
    pub observed: Time,
    /// End of the interval for values over an interval.
    pub observed_until: Option<Time>,
    pub valid_from: Option<Time>,
    pub valid_to: Option<Time>,
    /// Wall time at which the message became durable here.
    pub received: Time,
    /// Journal time of the message: the time in which absence, shelving and escalation run.
    pub processed: Time,
    pub sequence: Option<u64>,
    pub place: Option<Place>,
    pub flags: EventFlags,
    pub values: Vec<Measured>,
}

impl Event {
    pub fn value(&self, measure: &str) -> Option<&Measured> {
        self.values
            .iter()
            .find(|measured| &*measured.measure == measure)
    }
}
