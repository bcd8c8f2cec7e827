//! What a site's catalogue offers to rules and screens: the neutral ground between `normalize` and `alert`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Name, Stream, Text};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureType {
    Number,
    Boolean,
    Code,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasureInfo {
    pub name: Name,
    pub kind: MeasureType,
    /// Canonical UCUM unit.
    pub unit: Name,
    /// How people write the unit (`m`, `µg/m³`, `người` / `people`).
    pub unit_text: Text,
    pub label: Text,
    /// Decimals shown.
    pub decimals: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AreaInfo {
    pub code: Name,
    /// `phuong` (ward) or `xa` (commune).
    pub kind: String,
    pub name: String,
    pub lat: f64,
    pub lon: f64,
    pub km2: f64,
}

/// An entity that the catalogue names. Members of a family by pattern appear when they first speak.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntityInfo {
    pub id: Name,
    pub name: Text,
    pub stream: Stream,
    pub profile: Name,
    pub area: Option<Name>,
    pub lat: Option<f64>,
    pub lon: Option<f64>,
    /// Free slots for messages, e.g. `river` -> `sông Thao` / `Thao river`.
    pub labels: BTreeMap<String, Text>,
    /// Normal time between messages.
    pub interval_seconds: u64,
    /// Whether its silence means something (listed by id, or in a family's `expected`).
    pub expected: bool,
    /// The entity of the gateway that it speaks through.
    pub gateway: Option<Name>,
    /// The river it stands at, and how far down it, in km from where the river enters.
    pub river: Option<Name>,
    pub river_km: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Vocabulary {
    pub site: String,
    pub site_name: Text,
    pub measures: BTreeMap<String, MeasureInfo>,
    pub entities: BTreeMap<String, EntityInfo>,
    pub areas: BTreeMap<String, AreaInfo>,
    /// Lateness bound of each stream, seconds.
    pub lateness_seconds: BTreeMap<Stream, u64>,
}
