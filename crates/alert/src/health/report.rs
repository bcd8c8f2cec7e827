//! The answer for a period. Times are ISO 8601, keys end in their unit (`_seconds`, `_percent`); everything else is a count.

use event::{AlertId, Name, Text, Time};
use serde::Serialize;

use super::figures::Figure;

/// What all positions were asked in a period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Of this form.
    pub version: u32,
    pub asked_from: Time,
    pub asked_to: Time,
    /// The period counted: widened to whole intervals of ten minutes, and not before what is known whole.
    pub from: Time,
    /// Not included.
    pub to: Time,
    /// The newest journal time: nothing later is known.
    pub now: Time,
    /// Whether all of the period asked for is known.
    pub complete: bool,
    /// From `from` to the earlier of `to` and `now`.
    pub seconds: f64,
    pub positions: Vec<PositionReport>,
    /// Calls that no position sees at that hour.
    pub outside: u64,
    /// Transitions of alerts that found no room to be followed.
    pub untracked: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PositionReport {
    pub id: Name,
    pub name: Text,
    /// How much of the period somebody sat there; what rates are by.
    pub staffed_seconds: f64,
    /// The panel: every figure with what the standards ask.
    pub figures: Vec<Figure>,
    pub calls: Calls,
    /// How many intervals of ten minutes had so many counted calls.
    pub distribution: Vec<Spread>,
    /// The ten intervals with the most counted calls.
    pub busiest: Vec<Interval>,
    pub floods: Vec<Flood>,
    /// Low, medium, high.
    pub priorities: Vec<Share>,
    pub severities: Vec<Share>,
    /// The ten alarms (rule at entity) with the most counted calls.
    pub top: Vec<Top>,
    /// The ten rules with the most.
    pub top_rules: Vec<Top>,
    pub standing: Level,
    /// Standing with the condition present for more than 24 h.
    pub stale: Level,
    pub shelved: Level,
    pub suppressed: Level,
    pub chattering: Level,
    /// Spans of chattering that touch the period, the most turns first, cut at 100.
    pub chattering_alerts: Vec<Chatter>,
    /// The stale ones at the end, the oldest first, cut at 100.
    pub stale_alerts: Vec<StaleAlert>,
    pub acknowledge: AcknowledgeTimes,
    /// Rules with marks, the most first.
    pub false_alerts: Vec<FalseMarks>,
    pub commands: Commands,
}

/// `total = counted + all of left_out`, and `total = raised + reopened + unsuppressed + unshelved`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    pub total: u64,
    pub counted: u64,
    pub left_out: LeftOut,
    pub raised: u64,
    pub reopened: u64,
    /// Told when what kept them back was over.
    pub unsuppressed: u64,
    pub unshelved: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub shadow: u64,
    pub exercise: u64,
    pub test: u64,
    pub retrospective: u64,
    pub suppressed: u64,
    pub shelved: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Counted calls in the interval, both included; no upper end for the last.
    pub alerts_from: u64,
    pub alerts_to: Option<u64>,
    pub intervals: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interval {
    pub from: Time,
    pub alerts: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flood {
    pub began: Time,
    /// None: it goes on.
    pub ended: Option<Time>,
    /// From those in the window at its beginning to the last before its end.
    pub alerts: u64,
    /// Most in ten minutes.
    pub peak: u64,
    /// Within the period and the position's hours.
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    pub key: &'static str,
    pub label: Text,
    pub alerts: u64,
    /// None without any.
    pub percent: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Top {
    pub rule: Name,
    /// None for a rule as a whole.
    pub entity: Option<Name>,
    pub alerts: u64,
    pub percent: f64,
}

/// How many at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Level {
    pub at_end: u64,
    /// Most at any instant of the period.
    pub most: u64,
    /// Different spans that touch the period.
    pub spans: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chatter {
    pub alert: AlertId,
    pub rule: Name,
    pub entity: Name,
    pub from: Time,
    pub to: Option<Time>,
    /// Returns held back.
    pub turns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StaleAlert {
    pub alert: AlertId,
    pub rule: Name,
    pub entity: Name,
    /// From when the condition has been present.
    pub since: Time,
}

/// Of the calls that began in the period; `calls = acknowledged + waiting + lapsed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AcknowledgeTimes {
    pub calls: u64,
    pub acknowledged: u64,
    /// At the end of the period nobody had.
    pub waiting: u64,
    /// Closed, annulled or merged without.
    pub lapsed: u64,
    /// The middle one, or the mean of the two in the middle.
    pub median_seconds: Option<f64>,
    /// The smallest that nine in ten do not exceed.
    pub p90_seconds: Option<f64>,
    pub max_seconds: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FalseMarks {
    pub rule: Name,
    /// Marks less marks taken back, in the period.
    pub marks: u64,
    /// Its counted calls in the period.
    pub alerts: u64,
    /// None without calls.
    pub percent: Option<f64>,
}

/// What people did; commands about no alert (suppressions, rules) stand at every position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Commands {
    pub verified: u64,
    /// The name was typed, nobody checked it.
    pub unverified: u64,
    /// The record does not say.
    pub unstated: u64,
    pub rule_changes: u64,
    /// Of these, those with no account behind them.
    pub rule_changes_unverified: u64,
    /// Unverified and unstated commands, and unverified changes of rules.
    pub unauthorised: u64,
    /// Unverified and unstated commands by what they did.
    pub unauthorised_by: Vec<(Name, u64)>,
}

/// Whether a position is in a flood now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Live {
    pub position: Name,
    pub in_flood: bool,
    pub since: Option<Time>,
    /// Calls of the flood so far.
    pub alerts: u64,
    /// Counted calls in the last ten minutes.
    pub last_10_minutes: u64,
}
