//! What an alert says: its sentences, its values, where it is, and everything else it carries.

use event::{Alert, AlertId, AlertState, Evidence, EvidenceValue, Name, Status, Text, Time};

use super::unit::{Bound, Unit};
use super::{Engine, Origin};
use crate::cel::Inputs;
use crate::ruleset::{Kind, Rule};
use crate::slot::Sample;
use crate::text::{Facts, Language};

/// What an alert says at a moment, computed from what the rule reads.
pub(super) struct Said {
    pub(super) message: Text,
    pub(super) value: Option<f64>,
    pub(super) values: Vec<EvidenceValue>,
}

impl Engine {
    #[allow(
        clippy::too_many_arguments,
        reason = "everything that a sentence and its evidence rest on"
    )]
    pub(super) fn say(
        &self,
        unit: &Unit,
        index: u16,
        rule: &Rule,
        bound: &Bound,
        inputs: &Inputs<'_>,
        since: i64,
        origin: &Origin,
    ) -> Said {
        debug_assert_eq!(bound.map.len(), rule.need.measures.len());
        let inputs = &Inputs {
            last_good: true,
            ..*inputs
        };
        let key = unit.keys.get(usize::from(index));
        let info = self.vocabulary.entities.get(&*unit.entity);
        let name = info.map_or_else(|| plain(&unit.entity), |info| info.name.clone());
        let area = self.area(unit).and_then(|(_, name)| name);
        let facts = Facts {
            name: &name,
            area: area.as_deref(),
            labels: info.map(|info| &info.labels),
            since: Time(since),
            silence_ns: origin.now.0.saturating_sub(since),
            last_heard: key.and_then(|key| key.heard),
            inputs: *inputs,
        };
        let message = Text {
            vi: rule.message.vi.fill(Language::Vietnamese, &facts),
            en: rule.message.en.fill(Language::English, &facts),
        };
        let start = key.and_then(|key| key.start.as_deref());
        let (value, values) = self.values(rule, inputs, start);
        Said {
            message,
            value,
            values,
        }
    }

    /// The value of the rule's measure, and the evidence: where a hold began, then each measure the rule reads.
    pub(super) fn values(
        &self,
        rule: &Rule,
        inputs: &Inputs<'_>,
        start: Option<&Sample>,
    ) -> (Option<f64>, Vec<EvidenceValue>) {
        let mut values = Vec::new();
        let mut add = |measure: &Name, sample: &Sample| {
            let Some(value) = sample.value.to_value() else {
                return;
            };
            let unit = self.vocabulary.measures.get(&**measure);
            values.push(EvidenceValue {
                entity: None,
                measure: measure.clone(),
                value,
                unit: unit.map_or_else(|| "".into(), |info| info.unit.clone()),
                quality: sample.quality,
                observed: Time(sample.observed),
                received: sample.received,
                processed: sample.processed,
                offset: sample.offset,
            });
        };
        if let (Some(start), Some(measure)) = (start, rule.need.measures.first()) {
            add(measure, start);
        }
        for (number, measure) in rule.need.measures.iter().enumerate() {
            if let Some(sample) = usable(inputs, number)
                && start.is_none_or(|start| number > 0 || start.observed != sample.observed)
            {
                add(measure, sample);
            }
        }
        let value = rule
            .measure
            .as_ref()
            .and_then(|_| usable(inputs, 0)?.value.number());
        (value, values)
    }

    /// Code and full name of the commune or ward.
    fn area(&self, unit: &Unit) -> Option<(Name, Option<String>)> {
        let info = self.vocabulary.entities.get(&*unit.entity);
        let code = match info {
            Some(info) => info.area.clone(),
            None => unit.place.as_ref().and_then(|place| place.area.clone()),
        }?;
        let name = self
            .vocabulary
            .areas
            .get(&*code)
            .map(|area| match area.kind.as_str() {
                "phuong" => format!("Phường {}", area.name),
                "xa" => format!("Xã {}", area.name),
                _ => area.name.clone(),
            });
        Some((code, name))
    }

    #[allow(clippy::too_many_arguments, reason = "an alert carries all of it")]
    pub(super) fn alert(
        &self,
        unit: &Unit,
        rule: &Rule,
        bound: &Bound,
        said: Said,
        (since, at): (i64, i64),
        retrospective: bool,
        last_heard: Option<Time>,
        origin: &Origin,
    ) -> Alert {
        let info = self.vocabulary.entities.get(&*unit.entity);
        let (area, area_name) = self
            .area(unit)
            .map_or((None, None), |(code, name)| (Some(code), name));
        let place = unit.place.as_ref();
        let mut key = unit.entity.to_string();
        match unit.status {
            Status::Actual => {}
            Status::Exercise => key.push_str("@exercise"),
            Status::Test => key.push_str("@test"),
        }
        if retrospective {
            key.push_str("~history");
        }
        let measure = rule.measure.as_ref();
        let limits = bound
            .limits
            .iter()
            .filter_map(|index| self.rules.limits.get(*index));
        let state = if retrospective {
            AlertState::ReturnedUnacknowledged
        } else {
            AlertState::Unacknowledged
        };
        Alert {
            id: AlertId::new(&rule.id, &key, origin.journal, origin.offset),
            rule: rule.id.to_string(),
            severity: rule.severity,
            status: unit.status,
            stream: rule.stream,
            site: self.vocabulary.site.as_str().into(),
            entity: unit.entity.clone(),
            entity_name: info.map_or_else(|| plain(&unit.entity), |info| info.name.clone()),
            area,
            area_name,
            lat: info
                .and_then(|info| info.lat)
                .or(place.map(|place| place.lat)),
            lon: info
                .and_then(|info| info.lon)
                .or(place.map(|place| place.lon)),
            state,
            revision: 0,
            since: Time(since),
            raised: origin.now,
            changed: origin.now,
            returned: retrospective.then_some(Time(at)),
            acknowledged: None,
            shelved: None,
            comments: Vec::new(),
            rating: event::Rating::default(),
            handling: event::Handling::default(),
            incident: None,
            occurrences: 1,
            episodes: Vec::new(),
            retrospective,
            measure: measure.cloned(),
            value: said.value,
            unit: measure
                .and_then(|measure| self.vocabulary.measures.get(&**measure))
                .map(|info| info.unit.clone()),
            message: said.message,
            guidance: rule.guidance.clone(),
            scale: measure.map_or_else(Vec::new, |measure| {
                self.rules
                    .scale(&self.vocabulary, &unit.entity, measure, at)
            }),
            unofficial: rule.unofficial,
            evidence: Evidence {
                rule: rule.id.to_string(),
                rule_version: rule.version,
                condition: rule.condition.clone(),
                hold_seconds: hold_seconds(rule),
                values: said.values,
                windows: Vec::new(),
                considered: Vec::new(),
                limits: limits.map(|entry| entry.limit.clone()).collect(),
                last_heard,
            },
        }
    }
}

pub(super) const fn hold_seconds(rule: &Rule) -> u64 {
    match &rule.kind {
        Kind::Condition { hold_ns, .. } => hold_ns.unsigned_abs() / 1_000_000_000,
        Kind::Absence { .. } | Kind::Sequence { .. } | Kind::Group { .. } => 0,
    }
}

pub(super) fn usable<'a>(inputs: &Inputs<'a>, number: usize) -> Option<&'a Sample> {
    inputs.sample(u8::try_from(number).ok()?)
}

fn plain(entity: &Name) -> Text {
    Text {
        vi: entity.to_string(),
        en: entity.to_string(),
    }
}
