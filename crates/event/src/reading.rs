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
    /// The city's other indicators: education, health, public services, network, water and waste.
    City,
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

    /// Changed faster than the profile holds possible. Advisory: a flood may be faster than anybody thought.
    pub const RATE: Self = Self(1 << 3);
    /// The same value for longer than the profile holds possible.
    pub const STUCK: Self = Self(1 << 4);
    /// Far from the values before it, seen once.
    pub const SPIKE: Self = Self(1 << 5);
    /// At or beyond the end of the instrument's scale: the truth may lie farther out.
    pub const SATURATED: Self = Self(1 << 6);
    /// Measured while the device's battery was low.
    pub const LOW_BATTERY: Self = Self(1 << 7);
    /// Converted with an assumed quantity (a gas at 25 °C because no temperature came with it).
    pub const ASSUMED: Self = Self(1 << 8);
    /// The session of the source is not sound (a sequence gap or a missing birth): the value may be of another metric.
    pub const UNCERTAIN_SOURCE: Self = Self(1 << 9);
    /// Computed from fewer inputs than the method asks for.
    pub const INCOMPLETE: Self = Self(1 << 10);

    /// What makes a value unfit for rules and windows. The others are advice for people and analysts: a filter that
    /// deletes a real flood would be worse than a false alert.
    pub const BLOCKING: Self = Self(
        Self::OUT_OF_RANGE.0
            | Self::MAINTENANCE.0
            | Self::SENSOR_FAULT.0
            | Self::UNCERTAIN_SOURCE.0,
    );

    pub const fn is_good(self) -> bool {
        self.0 == 0
    }

    /// Whether rules and windows may use the value.
    pub const fn is_usable(self) -> bool {
        self.0 & Self::BLOCKING.0 == 0
    }

    const NAMES: [(Self, &'static str); 11] = [
        (Self::OUT_OF_RANGE, "out_of_range"),
        (Self::MAINTENANCE, "maintenance"),
        (Self::SENSOR_FAULT, "sensor_fault"),
        (Self::RATE, "rate"),
        (Self::STUCK, "stuck"),
        (Self::SPIKE, "spike"),
        (Self::SATURATED, "saturated"),
        (Self::LOW_BATTERY, "low_battery"),
        (Self::ASSUMED, "assumed"),
        (Self::UNCERTAIN_SOURCE, "uncertain_source"),
        (Self::INCOMPLETE, "incomplete"),
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
    /// Computed here from other events.
    pub const DERIVED: Self = Self(1 << 8);
    /// An estimate of this system where the law reserves the statement to a state body.
    pub const UNOFFICIAL: Self = Self(1 << 9);
    /// Latitude and longitude came the wrong way round and were put right.
    pub const PLACE_SWAPPED: Self = Self(1 << 10);
    /// Text came in a wrong encoding and was repaired, or could not be.
    pub const TEXT_DAMAGED: Self = Self(1 << 11);
    /// Messages of the source are missing before this one.
    pub const SEQUENCE_GAP: Self = Self(1 << 12);
    /// The device's time was corrected by what was learned of its clock.
    pub const CLOCK_CORRECTED: Self = Self(1 << 13);
    /// Came out of the quarantine: history, never live.
    pub const REPROCESSED: Self = Self(1 << 14);
    /// Groups too small to be told apart were folded into one.
    pub const GROUPS_FOLDED: Self = Self(1 << 15);

    const NAMES: [(Self, &'static str); 16] = [
        (Self::TIME_MISSING, "time_missing"),
        (Self::TIME_FUTURE, "time_future"),
        (Self::HISTORY, "history"),
        (Self::LATE, "late"),
        (Self::TIME_NUDGED, "time_nudged"),
        (Self::RETAINED, "retained"),
        (Self::FIELDS_UNUSABLE, "fields_unusable"),
        (Self::TIME_PAST, "time_past"),
        (Self::DERIVED, "derived"),
        (Self::UNOFFICIAL, "unofficial"),
        (Self::PLACE_SWAPPED, "place_swapped"),
        (Self::TEXT_DAMAGED, "text_damaged"),
        (Self::SEQUENCE_GAP, "sequence_gap"),
        (Self::CLOCK_CORRECTED, "clock_corrected"),
        (Self::REPROCESSED, "reprocessed"),
        (Self::GROUPS_FOLDED, "groups_folded"),
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
