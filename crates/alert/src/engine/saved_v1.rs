//! What releases before the book saved (format 2), frozen: read and turned into what is now, never written.

use event::{
    Acknowledgement, AlertId, AlertState, Comment, Name, Place, Quality, Severity, Status, Stream,
    Text, Time,
};
use serde::{Deserialize, Serialize};

use crate::book::{BookSaved, OldVerdict};
use crate::kernel::{KernelSaved, OldEpisode, OldKernel, OldKey, OldObservation, OldUnit, Phase};
use crate::ruleset::RuleSet;
use crate::signal::EpisodeId;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedV1 {
    now: Option<Time>,
    down_ns: i64,
    grace_until: Time,
    units: Vec<UnitV1>,
    open: Vec<OpenV1>,
    recent: Vec<AlertV1>,
    verdicts: Vec<OldVerdict>,
    faults: Vec<(Name, FaultyV1)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct UnitV1 {
    entity: Name,
    status: Status,
    stream: Stream,
    place: Option<Place>,
    slots: Vec<(Name, SlotV1)>,
    keys: Vec<(Name, KeyV1)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum HeldV1 {
    None,
    Number(f64),
    Boolean(bool),
    Code(Name),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SampleV1 {
    value: HeldV1,
    observed: i64,
    received: Time,
    processed: Time,
    quality: Quality,
    offset: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SlotV1 {
    good: SampleV1,
    bad: SampleV1,
    window: Option<Box<WindowV1>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WindowV1 {
    width: i64,
    cells: Vec<CellV1>,
    total: (f64, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct CellV1 {
    first: (i64, f64),
    last: (i64, f64),
    count: u32,
    sum: f64,
    least: f64,
    greatest: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum PhaseV1 {
    Clear,
    Pending { since: i64, due: i64 },
    Active,
    Releasing { since: i64, due: i64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RetrospectV1 {
    since: Option<i64>,
    newest: Option<i64>,
    alert: Option<AlertId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct KeyV1 {
    phase: PhaseV1,
    newest: i64,
    normal: i64,
    episode: Option<(i64, i64)>,
    start: Option<Box<SampleV1>>,
    alert: Option<AlertId>,
    retrospect: Option<Box<RetrospectV1>>,
    heard_up: i64,
    heard: Option<Time>,
    silent_since: Time,
    armed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FaultyV1 {
    alert: AlertId,
    at: Option<(u32, u16)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OpenV1 {
    alert: AlertV1,
    opened_revision: u32,
    told_at: i64,
    told_value: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ShelvingV1 {
    operator: String,
    verified: bool,
    at: Time,
    until: Time,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LimitV1 {
    name: Name,
    value: f64,
    unit: Name,
    source: String,
    verified: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EvidenceValueV1 {
    measure: Name,
    value: event::Value,
    unit: Name,
    quality: Quality,
    observed: Time,
    received: Time,
    processed: Time,
    offset: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EvidenceV1 {
    rule: String,
    rule_version: u32,
    condition: String,
    hold_seconds: u64,
    values: Vec<EvidenceValueV1>,
    limits: Vec<LimitV1>,
    last_heard: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct AlertV1 {
    id: AlertId,
    rule: String,
    severity: Severity,
    status: Status,
    stream: Stream,
    site: Name,
    entity: Name,
    entity_name: Text,
    area: Option<Name>,
    area_name: Option<String>,
    lat: Option<f64>,
    lon: Option<f64>,
    state: AlertState,
    revision: u32,
    since: Time,
    raised: Time,
    changed: Time,
    returned: Option<Time>,
    acknowledged: Option<Acknowledgement>,
    shelved: Option<ShelvingV1>,
    comments: Vec<Comment>,
    occurrences: u32,
    retrospective: bool,
    measure: Option<Name>,
    value: Option<f64>,
    unit: Option<Name>,
    message: Text,
    guidance: Text,
    scale: Vec<LimitV1>,
    unofficial: bool,
    evidence: EvidenceV1,
}

impl From<LimitV1> for event::Limit {
    fn from(old: LimitV1) -> Self {
        Self {
            name: old.name,
            value: old.value,
            unit: old.unit,
            source: old.source,
            verified: old.verified,
        }
    }
}

impl From<EvidenceV1> for event::Evidence {
    fn from(old: EvidenceV1) -> Self {
        let values = old.values.into_iter().map(|value| event::EvidenceValue {
            entity: None,
            measure: value.measure,
            value: value.value,
            unit: value.unit,
            quality: value.quality,
            observed: value.observed,
            received: value.received,
            processed: value.processed,
            offset: value.offset,
        });
        Self {
            rule: old.rule,
            rule_version: old.rule_version,
            condition: old.condition,
            hold_seconds: old.hold_seconds,
            values: values.collect(),
            windows: Vec::new(),
            considered: Vec::new(),
            limits: old.limits.into_iter().map(Into::into).collect(),
            last_heard: old.last_heard,
        }
    }
}

impl From<AlertV1> for event::Alert {
    fn from(old: AlertV1) -> Self {
        let shelved = old.shelved.map(|shelved| event::Shelving {
            operator: shelved.operator,
            verified: shelved.verified,
            at: shelved.at,
            until: shelved.until,
            reason: shelved.reason,
            one_shot: false,
        });
        Self {
            id: old.id,
            rule: old.rule,
            severity: old.severity,
            status: old.status,
            stream: old.stream,
            site: old.site,
            entity: old.entity,
            entity_name: old.entity_name,
            area: old.area,
            area_name: old.area_name,
            lat: old.lat,
            lon: old.lon,
            state: old.state,
            revision: old.revision,
            since: old.since,
            raised: old.raised,
            changed: old.changed,
            returned: old.returned,
            acknowledged: old.acknowledged,
            shelved,
            comments: old.comments,
            rating: event::Rating::default(),
            handling: event::Handling::default(),
            incident: None,
            occurrences: old.occurrences,
            episodes: vec![event::EpisodeSpan {
                since: old.since,
                returned: old.returned,
            }],
            retrospective: old.retrospective,
            measure: old.measure,
            value: old.value,
            unit: old.unit,
            message: old.message,
            guidance: old.guidance,
            scale: old.scale.into_iter().map(Into::into).collect(),
            unofficial: old.unofficial,
            evidence: old.evidence.into(),
        }
    }
}

impl SlotV1 {
    /// The newest good and the newest bad value, oldest first.
    fn observations(self, measure: &Name) -> Vec<OldObservation> {
        let mut both = [self.good, self.bad];
        both.sort_by_key(|sample| sample.observed);
        let known = both.into_iter().filter_map(|sample| {
            let value = match sample.value {
                HeldV1::None => return None,
                HeldV1::Number(value) => event::Value::Number(value),
                HeldV1::Boolean(value) => event::Value::Boolean(value),
                HeldV1::Code(value) => event::Value::Code(value),
            };
            Some(OldObservation {
                measured: event::Measured {
                    measure: measure.clone(),
                    value,
                    unit: "".into(),
                    quality: sample.quality,
                },
                observed: sample.observed,
                received: sample.received,
                processed: sample.processed,
                offset: sample.offset,
            })
        });
        known.collect()
    }
}

impl SavedV1 {
    /// What it is now. Open alert number `i` is that of episode `i`. Windows begin anew: of their samples only sums were kept.
    pub(super) fn convert(self, rules: &RuleSet) -> (KernelSaved, BookSaved) {
        let episode = |id: Option<&AlertId>| {
            let place = self
                .open
                .iter()
                .position(|open| Some(&open.alert.id) == id)?;
            let open = self.open.get(place)?;
            Some(OldEpisode {
                episode: EpisodeId(place as u64),
                since: open.alert.since.0,
                at: open.told_at,
                value: open.told_value,
            })
        };
        let mut units = Vec::with_capacity(self.units.len());
        for unit in self.units.iter().cloned() {
            let keys = unit.keys.into_iter().map(|(rule, key)| {
                let phase = match key.phase {
                    PhaseV1::Clear => Phase::Clear,
                    PhaseV1::Pending { since, due } => Phase::Pending { since, due },
                    PhaseV1::Active => Phase::Active,
                    PhaseV1::Releasing { since, due } => Phase::Releasing { since, due },
                };
                let old = OldKey {
                    phase,
                    newest: key.newest,
                    told: episode(key.alert.as_ref()),
                    heard_up: key.heard_up,
                    heard: key.heard,
                    silent_since: key.silent_since,
                    armed: key.armed,
                    retrospect: key
                        .retrospect
                        .map(|retrospect| (retrospect.since, retrospect.newest)),
                };
                (rule, old)
            });
            units.push(OldUnit {
                entity: unit.entity,
                status: unit.status,
                stream: unit.stream,
                place: unit.place,
                keys: keys.collect(),
                slots: (unit.slots.into_iter())
                    .map(|(name, slot)| {
                        let all = slot.observations(&name);
                        (name, all)
                    })
                    .collect(),
            });
        }
        let faults = self.faults.iter().filter_map(|(rule, faulty)| {
            let told = episode(Some(&faulty.alert))?;
            Some((rule.clone(), told.episode, faulty.at?))
        });
        let kernel = KernelSaved::from_old(
            rules,
            OldKernel {
                now: self.now,
                down_ns: self.down_ns,
                grace_until: self.grace_until,
                episodes: self.open.len() as u64,
                units,
                faults: faults.collect(),
            },
        );
        let open = self.open.into_iter();
        let book = BookSaved::from_old(
            open.map(|open| (open.alert.into(), open.opened_revision))
                .collect(),
            self.recent.into_iter().map(Into::into).collect(),
            self.verdicts,
        );
        (kernel, book)
    }
}
