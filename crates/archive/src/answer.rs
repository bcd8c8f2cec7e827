//! What is answered: the JSON of `/api/v1/series…` and of `ioc query --format json`.
//!
//! Times are texts in the zone of the question (`2024-09-09T07:00:00+07:00`). Keys may be added, never renamed.

use serde::Serialize;

/// Which series an answer is about, with its unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesName {
    pub site: String,
    pub entity: String,
    pub measure: String,
    /// UCUM code; `1` for a pure number, empty for booleans and codes.
    pub unit: String,
    pub stream: &'static str,
}

/// A value as it is written in JSON and tables.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Always finite.
    Number(f64),
    Boolean(bool),
    Code(String),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Catalogue(CatalogueAnswer),
    Range(SeriesAnswer),
    Latest(LatestAnswer),
    Top(TopAnswer),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesAnswer {
    pub series: SeriesName,
    pub from: String,
    pub to: String,
    pub zone: String,
    /// Width of a step in seconds; absent for raw points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_seconds: Option<f64>,
    /// `raw`, `mean`, `min`, `max`, `last` or `count`.
    pub aggregate: &'static str,
    /// `good`: only values that may be trusted; `any`: all, each with what is wrong with it.
    pub quality: &'static str,
    /// Ascending. Of steps every one is here: one without values has `"value": null` and `"count": 0`.
    pub points: Vec<PointOut>,
    /// True when there are more raw points than asked for; `next` is then the `from` of the next page.
    pub truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointOut {
    /// Observed time; of a step its beginning.
    pub time: String,
    pub value: Option<Scalar>,
    /// What may be wrong, by name; empty is good. Of a step everything that was wrong with any value in it.
    pub quality: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// `exercise` or `test`; absent for what is real.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CatalogueAnswer {
    pub zone: String,
    pub series: Vec<SeriesInfo>,
    pub truncated: bool,
    /// `after` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesInfo {
    #[serde(flatten)]
    pub name: SeriesName,
    /// Observed time of the oldest and of the newest point, whatever their quality.
    pub first: String,
    pub last: String,
    pub points: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LatestAnswer {
    pub zone: String,
    pub quality: &'static str,
    pub latest: Vec<LatestValue>,
    pub truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LatestValue {
    #[serde(flatten)]
    pub name: SeriesName,
    pub time: String,
    pub value: Scalar,
    pub quality: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TopAnswer {
    pub measure: String,
    pub unit: String,
    pub from: String,
    pub to: String,
    pub zone: String,
    pub aggregate: &'static str,
    pub order: &'static str,
    pub quality: &'static str,
    pub top: Vec<TopEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TopEntry {
    /// From 1.
    pub rank: u32,
    pub site: String,
    pub entity: String,
    pub stream: &'static str,
    pub value: f64,
    /// When that value was observed (of `mean` and `count`: the newest value that counts).
    pub time: String,
    pub count: u64,
    pub quality: Vec<&'static str>,
}
