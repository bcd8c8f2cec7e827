//! What an alert says at a moment: its sentences, its values, where it is, and everything else that is copied into it.

use event::{
    AreaInfo, Certainty, EvidenceValue, EvidenceWindow, Limit, Name, Place, Rating, Status, Text,
    Time,
};

use super::Kernel;
use super::ask::Reader;
use super::binding::Bound;
use super::state::{KeyRef, Silence};
use crate::cel::Inputs;
use crate::engine::Origin;
use crate::history::{History, Observation};
use crate::ruleset::{Kind, Rule};
use crate::signal::Said;
use crate::text::{Facts, Language};

/// Samples of one window that an alert carries.
const SAMPLES_MAX: usize = 64;
/// Windows that an alert carries.
const WINDOWS_MAX: usize = 16;
/// Members of a site whose values an alert carries.
const SHOWN_MAX: usize = 8;

/// Whom a key is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) entity: &'a Name,
    pub(super) status: Status,
    pub(super) place: Option<&'a Place>,
    pub(super) silence: Option<&'a Silence>,
    pub(super) bound: Option<&'a Bound>,
    /// Entities of the views, where they are several.
    pub(super) members: &'a [Name],
}

/// What is said, of when.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) since: i64,
    pub(super) at: i64,
    /// Nobody around says so too.
    pub(super) suspect: bool,
}

impl Kernel {
    /// Lends what a key reads.
    pub(super) fn read<R>(
        &self,
        key: KeyRef,
        with: impl FnOnce(&Reader<'_>, &Subject<'_>) -> R,
    ) -> Option<R> {
        match key {
            KeyRef::Unit(number, index) => {
                let unit = self.units.get(number as usize)?;
                let (bound, rule) = unit.binding.at(&self.rules, index)?;
                let reader = Reader {
                    rule,
                    sources: &[&unit.history],
                    masks: &[bound.mask],
                    map: &bound.map,
                    limits: &bound.cells,
                    members: &[],
                    memo: None,
                };
                let subject = Subject {
                    entity: &unit.entity,
                    status: unit.status,
                    place: unit.place.as_deref(),
                    silence: unit.silence(index),
                    bound: Some(bound),
                    members: &[],
                };
                Some(with(&reader, &subject))
            }
            KeyRef::Group(number) => {
                let group = self.groups.get(number as usize)?;
                let rule = self.rules.rules.get(usize::from(group.rule))?;
                let read = self.group_reads(group);
                let reader = read.reader(rule, group);
                let first = group.units.first().copied().flatten();
                let unit = first.and_then(|(number, _)| self.units.get(number as usize));
                let subject = Subject {
                    entity: group.entities.first()?,
                    status: group.status,
                    place: unit.and_then(|unit| unit.place.as_deref()),
                    silence: None,
                    bound: first.zip(unit).and_then(|((_, joined), unit)| {
                        unit.binding.joined.get(usize::from(joined))
                    }),
                    members: &group.entities,
                };
                Some(with(&reader, &subject))
            }
        }
    }

    pub(super) fn said(&self, key: KeyRef, moment: Moment, origin: &Origin) -> Option<Said> {
        self.read(key, |reader, subject| {
            self.say(reader, subject, moment, origin)
        })
    }

    /// The value and the evidence at `at`.
    pub(super) fn values(&self, key: KeyRef, at: i64) -> (Option<f64>, Vec<EvidenceValue>) {
        self.read(key, |reader, subject| {
            self.evidence(reader, subject, None, at)
        })
        .unwrap_or_default()
    }

    fn say(
        &self,
        reader: &Reader<'_>,
        subject: &Subject<'_>,
        moment: Moment,
        origin: &Origin,
    ) -> Said {
        let Moment { since, at, .. } = moment;
        let rule = reader.rule;
        let inputs = Inputs {
            last_good: true,
            ..reader.inputs(at)
        };
        let info = self.vocabulary.entities.get(&**subject.entity);
        let name = info.map_or_else(|| plain(subject.entity), |info| info.name.clone());
        let (area, area_name) = self
            .area(subject)
            .map_or((None, None), |(code, name)| (Some(code), name));
        let heard = subject.silence.and_then(|silence| silence.heard);
        let facts = Facts {
            name: &name,
            area: area_name.as_deref(),
            labels: info.map(|info| &info.labels),
            since: Time(since),
            silence_ns: origin.now.0.saturating_sub(since),
            last_heard: heard,
            inputs,
        };
        let message = Text {
            vi: rule.message.vi.fill(Language::Vietnamese, &facts),
            en: rule.message.en.fill(Language::English, &facts),
        };
        let absence = matches!(rule.kind, Kind::Absence { .. });
        let start = (!absence && since < at).then_some(since);
        let (value, values) = self.evidence(reader, subject, start, at);
        let measure = rule.measure.as_ref();
        let unit = measure.and_then(|measure| self.vocabulary.measures.get(&**measure));
        Said {
            rule_version: rule.version,
            stream: rule.stream,
            severity: match (&rule.corroborate, moment.suspect) {
                (Some(corroborate), true) => corroborate.lone_severity,
                _ => rule.severity,
            },
            rating: rating(rule, moment.suspect),
            entity_name: name,
            area,
            area_name,
            lat: (info.and_then(|info| info.lat)).or(subject.place.map(|place| place.lat)),
            lon: (info.and_then(|info| info.lon)).or(subject.place.map(|place| place.lon)),
            gateway: info
                .filter(|_| absence)
                .and_then(|info| info.gateway.clone()),
            title: rule.title.clone(),
            message,
            guidance: rule.guidance.clone(),
            measure: measure.cloned(),
            value,
            unit: unit.map(|info| info.unit.clone()),
            scale: measure.map_or_else(Vec::new, |measure| {
                self.rules
                    .scale(&self.vocabulary, subject.entity, measure, at)
            }),
            unofficial: rule.unofficial,
            latches: rule.latch,
            remind_every: rule.remind_every_ns,
            condition: rule.condition.clone(),
            hold_seconds: rule.shape().hold_ns.unsigned_abs() / 1_000_000_000,
            values,
            windows: self.windows(reader, subject, at),
            limits: self.limits_of(subject),
            last_heard: heard,
            at: Time(at),
        }
    }

    fn limits_of(&self, subject: &Subject<'_>) -> Vec<Limit> {
        let indices = subject.bound.map_or(&[][..], |bound| &bound.limits);
        let entries = indices.iter().filter_map(|at| self.rules.limits.get(*at));
        entries.map(|entry| entry.limit.clone()).collect()
    }

    /// The value of the rule's measure, and the evidence: where a hold began, then each measure that the rule reads.
    fn evidence(
        &self,
        reader: &Reader<'_>,
        subject: &Subject<'_>,
        start: Option<i64>,
        at: i64,
    ) -> (Option<f64>, Vec<EvidenceValue>) {
        let rule = reader.rule;
        let inputs = Inputs {
            last_good: true,
            ..reader.inputs(at)
        };
        let mut values: Vec<EvidenceValue> = Vec::new();
        if let (Some(start), Some(measure)) = (start, rule.need.measures.first())
            && let Some((history, slot)) = inputs.place(0)
            && let Some(first) = history.at(slot, start)
        {
            values.extend(self.value_of(history, slot, first, measure, None));
        }
        let scoped = !reader.members.is_empty();
        let shown = reader
            .members
            .iter()
            .zip(reader.sources)
            .zip(subject.members);
        for ((member, history), entity) in shown.filter(|_| scoped).take(SHOWN_MAX) {
            for (measure, place) in rule.need.measures.iter().zip(member.map) {
                let slot = usize::from(place.slot);
                if let Some(one) = history.at(slot, at) {
                    values.extend(self.value_of(history, slot, one, measure, Some(entity)));
                }
            }
        }
        if !scoped {
            for (number, measure) in (0_u8..).zip(&rule.need.measures) {
                let found = inputs.place(number).zip(inputs.observation(number));
                let Some(((history, slot), one)) = found else {
                    continue;
                };
                let member = rule.slot_members().get(usize::from(number));
                let entity = member.and_then(|member| subject.members.get(usize::from(*member)));
                let value = self.value_of(history, slot, one, measure, entity);
                let known = |value: &EvidenceValue| {
                    values.iter().any(|known| {
                        known.measure == value.measure
                            && known.observed == value.observed
                            && known.entity == value.entity
                    })
                };
                if let Some(value) = value.filter(|value| !known(value)) {
                    values.push(value);
                }
            }
        }
        let value = rule
            .measure
            .as_ref()
            .and_then(|_| inputs.observation(0)?.number());
        (value, values)
    }

    fn value_of(
        &self,
        history: &History,
        slot: usize,
        one: &Observation,
        measure: &Name,
        entity: Option<&Name>,
    ) -> Option<EvidenceValue> {
        let row = history.row(slot, one.observed);
        let unit = self.vocabulary.measures.get(&**measure);
        Some(EvidenceValue {
            entity: entity.cloned(),
            measure: measure.clone(),
            value: history.value(one)?,
            unit: unit.map_or_else(|| "".into(), |info| info.unit.clone()),
            quality: one.quality,
            observed: Time(one.observed),
            received: row.map_or(Time(0), |row| row.received),
            processed: row.map_or(Time(0), |row| row.processed),
            offset: row.map_or(0, |row| row.offset),
        })
    }

    /// What the condition's functions over time looked at: exactly those spans, of each the newest samples.
    fn windows(&self, reader: &Reader<'_>, subject: &Subject<'_>, at: i64) -> Vec<EvidenceWindow> {
        let rule = reader.rule;
        let inputs = reader.inputs(at);
        let mut spans = Vec::new();
        for program in rule.programs() {
            program.spans(&inputs, &mut spans);
        }
        let shown = spans.into_iter().filter_map(|(number, from, to)| {
            let measure = rule.need.measures.get(usize::from(number))?;
            let (history, slot) = inputs.place(number)?;
            if slot >= history.slot_count() {
                return None;
            }
            let count = history.numbers(slot, from, to).count();
            let mut samples: Vec<(Time, f64, u64)> = history
                .numbers(slot, from, to)
                .rev()
                .take(SAMPLES_MAX)
                .map(|(observed, value)| {
                    let offset = history.row(slot, observed).map_or(0, |row| row.offset);
                    (Time(observed), value, offset)
                })
                .collect();
            samples.reverse();
            let member = rule.slot_members().get(usize::from(number));
            Some(EvidenceWindow {
                entity: member
                    .and_then(|member| subject.members.get(usize::from(*member)))
                    .cloned(),
                measure: measure.clone(),
                from: Time(from),
                to: Time(to),
                samples,
                count: u32::try_from(count).unwrap_or(u32::MAX),
            })
        });
        shown.take(WINDOWS_MAX).collect()
    }

    /// Code and full name of the commune or ward.
    fn area(&self, subject: &Subject<'_>) -> Option<(Name, Option<String>)> {
        let code = match self.vocabulary.entities.get(&**subject.entity) {
            Some(info) => info.area.clone(),
            None => subject.place.and_then(|place| place.area.clone()),
        }?;
        let area = self.vocabulary.areas.get(&*code);
        Some((code, area.map(full_name)))
    }
}

pub(super) fn full_name(area: &AreaInfo) -> String {
    match area.kind.as_str() {
        "phuong" => format!("Phường {}", area.name),
        "xa" => format!("Xã {}", area.name),
        _ => area.name.clone(),
    }
}

fn rating(rule: &Rule, suspect: bool) -> Rating {
    Rating {
        source: event::AlertSource::Rule,
        priority: rule.priority,
        certainty: match (suspect, rule.estimate) {
            (true, _) => Certainty::Possible,
            (false, true) => Certainty::Likely,
            (false, false) => Certainty::Observed,
        },
        estimate: rule.estimate,
        suspect,
        cause: rule.cause.clone(),
        response: rule.response.clone(),
        audience: rule.audience.clone(),
        warning: None,
    }
}

fn plain(entity: &Name) -> Text {
    Text {
        vi: entity.to_string(),
        en: entity.to_string(),
    }
}
