//! An entity under one status: what it last said, and the state of each rule that is for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use event::{AlertId, EntityInfo, Name, Place, Status, Stream, Time};
use serde::{Deserialize, Serialize};

use crate::cel::{Inputs, LimitCell};
use crate::ruleset::{Kind, Rule, RuleSet};
use crate::slot::{Sample, Slot};

/// A rule as it applies to an entity.
#[derive(Debug, PartialEq)]
pub(super) struct Bound {
    /// Index into the rule set.
    pub(super) rule: u16,
    /// Slots whose values concern the rule; all ones = any message.
    pub(super) mask: u64,
    /// The rule's slot numbers to the unit's.
    pub(super) map: Box<[u8]>,
    pub(super) cells: Box<[LimitCell]>,
    /// The same limits as indices into the rule set's.
    pub(super) limits: Box<[usize]>,
}

#[derive(Debug, PartialEq)]
pub(super) struct SlotSpec {
    pub(super) measure: Name,
    pub(super) window_ns: i64,
}

/// Everything that entities with the same rules and limits share.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Binding {
    pub(super) bound: Vec<Bound>,
    pub(super) slots: Vec<SlotSpec>,
}

impl Binding {
    /// What the key of this index watches, and its rule.
    pub(super) fn at<'a>(
        &'a self,
        rules: &'a RuleSet,
        index: u16,
    ) -> Option<(&'a Bound, &'a Rule)> {
        let bound = self.bound.get(usize::from(index))?;
        Some((bound, rules.rules.get(usize::from(bound.rule))?))
    }
}

/// Bindings by what they consist of: rule and limits. A fleet of a thousand equal devices has one.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    known: BTreeMap<Vec<(u16, Vec<usize>)>, Arc<Binding>>,
}

impl Bindings {
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    pub(super) fn bind(
        &mut self,
        rules: &RuleSet,
        entity: &Name,
        info: Option<&EntityInfo>,
        stream: Stream,
        status: Status,
    ) -> Arc<Binding> {
        let profile = info.map(|info| &info.profile);
        let expected = info.is_some_and(|info| info.expected);
        let mut content = Vec::new();
        for (index, rule) in (0_u16..).zip(&rules.rules) {
            let watched = match &rule.kind {
                Kind::Condition { .. } => !rule.shadow,
                Kind::Sequence { .. } | Kind::Group { .. } => false,
                // A drill's silence means nothing.
                Kind::Absence { expected_only, .. } => {
                    status == Status::Actual && (expected || !expected_only)
                }
            };
            if !watched || rule.stream != stream || !rule.scope.covers(entity, info) {
                continue;
            }
            if let Some(limits) = rule.limits_at(&rules.limits, entity, profile) {
                content.push((index, limits));
            }
        }
        let binding = self
            .known
            .entry(content)
            .or_insert_with_key(|content| Arc::new(Binding::of(rules, content)));
        Arc::clone(binding)
    }
}

impl Binding {
    fn of(rules: &RuleSet, content: &[(u16, Vec<usize>)]) -> Self {
        let mut binding = Self::default();
        for (index, limits) in content {
            let Some(rule) = rules.rules.get(usize::from(*index)) else {
                continue;
            };
            let map: Box<[u8]> = (rule.need.measures.iter().zip(&rule.need.windows))
                .map(|(measure, window_ns)| binding.slot(measure, *window_ns))
                .collect();
            let mask = map.iter().fold(0, |mask, slot| mask | 1 << (slot & 63));
            // Silence about a measure is broken by that measure alone, silence at large by anything.
            let mask = match (&rule.kind, &rule.measure) {
                (Kind::Absence { .. }, None) => u64::MAX,
                (Kind::Absence { .. }, Some(_)) => map.first().map_or(0, |slot| 1 << (slot & 63)),
                (Kind::Condition { .. } | Kind::Sequence { .. } | Kind::Group { .. }, _) => mask,
            };
            let entries = limits.iter().filter_map(|limit| rules.limits.get(*limit));
            binding.bound.push(Bound {
                rule: *index,
                mask,
                map,
                cells: entries.map(|entry| entry.cell()).collect(),
                limits: limits.as_slice().into(),
            });
        }
        binding
    }

    /// The rule set bounds the measures of a stream to 64.
    fn slot(&mut self, measure: &Name, window_ns: i64) -> u8 {
        let known = self.slots.iter().position(|spec| spec.measure == *measure);
        let index = known.unwrap_or_else(|| {
            self.slots.push(SlotSpec {
                measure: measure.clone(),
                window_ns: 0,
            });
            self.slots.len() - 1
        });
        if let Some(spec) = self.slots.get_mut(index) {
            spec.window_ns = spec.window_ns.max(window_ns);
        }
        u8::try_from(index).unwrap_or(u8::MAX)
    }

    pub(super) fn slot_of(&self, measure: &Name) -> Option<usize> {
        self.slots.iter().position(|spec| {
            // The catalogue hands out one allocation a name; comparing text is the fallback.
            Arc::ptr_eq(&spec.measure, measure) || spec.measure == *measure
        })
    }
}

/// Where a rule stands with an entity. Times are observed ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    #[default]
    Clear,
    /// True since, not yet long enough.
    Pending {
        since: i64,
        due: i64,
    },
    Active,
    /// Gone since, not yet long enough.
    Releasing {
        since: i64,
        due: i64,
    },
}

/// Retrospective alerts have a small state of their own, so that history leaves the live one alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Retrospect {
    /// The condition holds since, in the history seen so far.
    pub(super) since: Option<i64>,
    pub(super) newest: Option<i64>,
    pub(super) alert: Option<AlertId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) phase: Phase,
    /// Newest observed time evaluated; `i64::MIN` = none.
    pub(super) newest: i64,
    /// Newest observed time at which the clear condition held for good values; `i64::MIN` = none. Kept for rules without a hold.
    pub(super) normal: i64,
    /// From when to when the last live episode was, so that late readings of it are told from those of another.
    pub(super) episode: Option<(i64, i64)>,
    /// The value with which the hold began.
    pub(super) start: Option<Box<Sample>>,
    pub(super) alert: Option<AlertId>,
    pub(super) retrospect: Option<Box<Retrospect>>,
    /// Absence: last heard, or when it was listed, in uptime.
    pub(super) heard_up: i64,
    /// Absence: last heard in journal time; none = never.
    pub(super) heard: Option<Time>,
    /// Absence: journal time from which silence counts, as people read it.
    pub(super) silent_since: Time,
    /// Absence: a deadline is set.
    pub(super) armed: bool,
}

impl Key {
    pub(super) const NEW: Self = Self {
        phase: Phase::Clear,
        newest: i64::MIN,
        normal: i64::MIN,
        episode: None,
        start: None,
        alert: None,
        retrospect: None,
        heard_up: 0,
        heard: None,
        silent_since: Time(0),
        armed: false,
    };
}

#[derive(Debug)]
pub(super) struct Unit {
    pub(super) entity: Name,
    pub(super) status: Status,
    pub(super) stream: Stream,
    pub(super) interval_ns: i64,
    /// Where it last said to be; for entities that the catalogue does not list.
    pub(super) place: Option<Place>,
    pub(super) binding: Arc<Binding>,
    pub(super) slots: Vec<Slot>,
    pub(super) keys: Vec<Key>,
}

impl Unit {
    pub(super) fn new(
        entity: Name,
        status: Status,
        stream: Stream,
        info: Option<&EntityInfo>,
        binding: Arc<Binding>,
    ) -> Self {
        let slots = binding
            .slots
            .iter()
            .map(|spec| Slot::new(spec.window_ns))
            .collect();
        let keys = vec![Key::NEW; binding.bound.len()];
        let interval_ns = interval_ns(info);
        Self {
            entity,
            status,
            stream,
            interval_ns,
            place: None,
            binding,
            slots,
            keys,
        }
    }

    /// What a rule reads at `at`.
    pub(super) fn inputs<'a>(&'a self, bound: &'a Bound, rule: &Rule, at: i64) -> Inputs<'a> {
        let absence = matches!(rule.kind, Kind::Absence { .. });
        Inputs {
            slots: &self.slots,
            map: &bound.map,
            limits: &bound.cells,
            at,
            max_age: if absence { i64::MAX } else { rule.max_age_ns },
            accept: rule.accept,
            last_good: absence,
        }
    }

    /// Uptime at which an absence key is overdue; none for other kinds and where the rule gives no time.
    pub(super) fn deadline(&self, rules: &RuleSet, key: u16) -> Option<i64> {
        let bound = self.binding.bound.get(usize::from(key))?;
        let rule = rules.rules.get(usize::from(bound.rule))?;
        let Kind::Absence {
            after_ns,
            after_intervals,
            ..
        } = &rule.kind
        else {
            return None;
        };
        let wait = self
            .interval_ns
            .saturating_mul(i64::from(*after_intervals))
            .max(*after_ns);
        let heard = self.keys.get(usize::from(key))?.heard_up;
        (wait > 0).then(|| heard.saturating_add(wait))
    }
}

pub(super) fn interval_ns(info: Option<&EntityInfo>) -> i64 {
    let seconds = info.map_or(0, |info| {
        i64::try_from(info.interval_seconds).unwrap_or(i64::MAX)
    });
    seconds.saturating_mul(Time::SECOND)
}
