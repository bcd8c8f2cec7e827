//! What the node hands to the console.

use std::collections::BTreeMap;
use std::sync::Arc;

use event::{
    Alert, Incident, Limit, Name, PublicWarning, Severity, Stream, Suppression, Text, Time,
    Vocabulary,
};
use journal::Journal;
use serde::Serialize;
use tokio::sync::watch;

use crate::cap::CapBackend;
use crate::explain::ExplainBackend;
use crate::health::HealthBackend;
use crate::quarantine::QuarantineBackend;
use crate::rules::RulesBackend;
use crate::series::SeriesBackend;
use crate::sinks::SinkInfo;

/// Plain handles and closures, so that a test can drive the console with a journal in a temporary folder.
pub struct Deps {
    /// Where commands go.
    pub inputs: Journal,
    /// What the view is folded from.
    pub outcomes: Journal,
    pub image: Image,
    /// Replaced as a whole when a new site pack is in force; the feed tells the clients.
    pub site: watch::Receiver<Arc<SiteInfo>>,
    pub mode: Mode,
    pub version: String,
    /// Journal time, for ages on the screens and for `duration_seconds` of a command.
    pub now: Arc<dyn Fn() -> Time + Send + Sync>,
    /// What the monitor counts.
    pub intake: Arc<dyn Fn() -> Intake + Send + Sync>,
    /// How the outlets and the clients at outside brokers are doing, always in the same order. Asked once a second: must be
    /// cheap and must not block.
    pub sinks: Arc<dyn Fn() -> Vec<SinkInfo> + Send + Sync>,
    /// Answers questions about series; `None` when the archive is off.
    pub series: Option<Arc<dyn SeriesBackend>>,
    /// Answers for the health of the alerts.
    pub health: Option<Arc<dyn HealthBackend>>,
    /// Answers for the quarantine.
    pub quarantine: Option<Arc<dyn QuarantineBackend>>,
    /// Tells why an alert rang.
    pub explain: Option<Arc<dyn ExplainBackend>>,
    /// CAP messages to the outside; `None` when no feed is set up.
    pub cap: Option<Arc<dyn CapBackend>>,
    /// Tells of the rules in force and takes new ones.
    pub rules: Option<Arc<dyn RulesBackend>>,
}

/// The monitor's state at its start: the fold of all outcomes below `outcomes_next`.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub outcomes_next: u64,
    /// Everything not normal, and what was resolved lately.
    pub alerts: Vec<Alert>,
    pub suppressions: Vec<Suppression>,
    pub incidents: Vec<Incident>,
    pub public_warnings: Vec<PublicWarning>,
}

/// The counters as clients see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counters {
    pub(crate) received: u64,
    pub(crate) events: u64,
    pub(crate) state: u64,
    pub(crate) duplicates: u64,
    pub(crate) rejected: u64,
    pub(crate) alerts_raised: u64,
    pub(crate) alerts_active: u64,
}

/// What became of the messages, all counted by the monitor at one point of its fold, so that at every look
/// received = events + state + duplicates + rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    /// Message records folded.
    pub received: u64,
    /// Messages that gave an event or a state.
    pub events: u64,
    pub state: u64,
    pub duplicates: u64,
    pub rejected: u64,
    pub alerts_raised: u64,
}

/// Whether the journal's clock is real time or a scenario's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Live,
    Simulated,
}

/// What the screens know about the site.
#[derive(Clone, Debug, Default)]
pub struct SiteInfo {
    pub vocabulary: Arc<Vocabulary>,
    /// Limits by entity and measure, ascending.
    pub limits: BTreeMap<String, BTreeMap<String, Vec<Limit>>>,
    pub rules: Vec<RuleInfo>,
    /// The site's key points, in the order shown.
    pub trends: Vec<Trend>,
    /// Rivers on the schematic map.
    pub lines: Vec<MapLine>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleInfo {
    pub id: String,
    pub version: u32,
    pub severity: Severity,
    pub stream: Option<Stream>,
    pub measure: Option<Name>,
    pub title: Text,
    pub condition: String,
}

/// A line of the map. A schematic one is drawn by hand through known places and not surveyed; others have a source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapLine {
    pub name: Text,
    pub schematic: bool,
    pub source: Option<String>,
    /// Longitude, latitude.
    pub points: Vec<[f64; 2]>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trend {
    pub entity: Name,
    pub measure: Name,
}
