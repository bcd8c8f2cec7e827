//! How rules bind to an entity: which it has, which it is a member of, and where each finds its measures.

use std::collections::BTreeMap;
use std::sync::Arc;

use event::{EntityInfo, Name, Status, Stream, Vocabulary};

use crate::cel::{LimitCell, Place};
use crate::ruleset::{Kind, Members, Rule, RuleSet};

/// Entities that one rule over a whole site reads at most.
pub(crate) const MEMBERS_MAX: usize = 256;
/// An entity's slots are numbered in the 64 bits of a mask.
const SLOTS_MAX: usize = 64;
/// A slot that no history has.
const NOWHERE: u8 = u8::MAX;

/// A rule as it applies to an entity, or to a member of what it is about.
#[derive(Debug, PartialEq)]
pub(crate) struct Bound {
    /// Index into the rule set.
    pub(crate) rule: u16,
    /// Slots whose values concern the rule; all ones = any message.
    pub(crate) mask: u64,
    /// The rule's slot numbers to the history's, which is the first source.
    pub(crate) map: Box<[Place]>,
    pub(crate) cells: Box<[LimitCell]>,
    /// The same limits as indices into the rule set's.
    pub(crate) limits: Box<[usize]>,
    /// Which member of a named group; 0 otherwise.
    pub(crate) member: u8,
}

/// Everything that entities with the same rules and limits share.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Binding {
    /// Rules with a key at the entity, by index.
    pub(crate) bound: Vec<Bound>,
    /// Rules with one key over several entities of which this is one.
    pub(crate) joined: Vec<Bound>,
    pub(crate) measures: Vec<Name>,
    /// Of each slot: nanoseconds before the horizon that its rules look back.
    pub(crate) keep: Vec<i64>,
}

impl Binding {
    /// What the key of this index watches, and its rule.
    pub(crate) fn at<'a>(
        &'a self,
        rules: &'a RuleSet,
        index: u16,
    ) -> Option<(&'a Bound, &'a Rule)> {
        let bound = self.bound.get(usize::from(index))?;
        Some((bound, rules.rules.get(usize::from(bound.rule))?))
    }

    pub(crate) fn slot_of(&self, measure: &Name) -> Option<usize> {
        self.measures.iter().position(|known| {
            // The catalogue hands out one allocation a name; comparing text is the fallback.
            Arc::ptr_eq(known, measure) || known == measure
        })
    }

    fn of(rules: &RuleSet, content: &Content, spread_ns: i64) -> Self {
        let mut binding = Self::default();
        for (index, member, limits) in content {
            let Some(rule) = rules.rules.get(usize::from(*index)) else {
                continue;
            };
            let bound = binding.bind(rules, rule, (*index, *member), limits, spread_ns);
            if member.is_some() {
                binding.joined.push(bound);
            } else {
                binding.bound.push(bound);
            }
        }
        binding
    }

    fn bind(
        &mut self,
        rules: &RuleSet,
        rule: &Rule,
        (index, member): (u16, Option<u8>),
        limits: &[usize],
        spread_ns: i64,
    ) -> Bound {
        let shape = rule.shape();
        let slots = rule.need.measures.iter().zip(&rule.need.windows);
        let map: Box<[Place]> = (slots.enumerate())
            .map(|(number, (measure, window_ns))| {
                let theirs = rule.slot_members().get(number);
                if theirs.is_some_and(|theirs| Some(*theirs) != member) {
                    return Place {
                        source: 0,
                        slot: NOWHERE,
                    };
                }
                // The evidence of a hold begins with the value at its start.
                let start = if number == 0 { shape.hold_ns } else { 0 };
                // Groups wait for the latest of their members.
                let wait = if member.is_some() { spread_ns } else { 0 };
                let slot = self.slot(measure, (*window_ns).max(start).saturating_add(wait));
                Place { source: 0, slot }
            })
            .collect();
        let known = map
            .iter()
            .filter(|place| usize::from(place.slot) < SLOTS_MAX);
        let mask = known.fold(0, |mask, place| mask | 1 << (place.slot & 63));
        // Silence about a measure is broken by that measure alone, silence at large by anything.
        let mask = match (&rule.kind, &rule.measure) {
            (Kind::Absence { .. }, None) => u64::MAX,
            (Kind::Absence { .. }, Some(_)) => {
                map.first().map_or(0, |place| 1 << (place.slot & 63))
            }
            (Kind::Condition { .. } | Kind::Sequence { .. } | Kind::Group { .. }, _) => mask,
        };
        let entries = limits.iter().filter_map(|limit| rules.limits.get(*limit));
        Bound {
            rule: index,
            mask,
            map,
            cells: entries.map(|entry| entry.cell()).collect(),
            limits: limits.into(),
            member: member.unwrap_or(0),
        }
    }

    /// The rule set bounds the measures of a stream; what is beyond has no slot.
    fn slot(&mut self, measure: &Name, keep_ns: i64) -> u8 {
        let known = self.measures.iter().position(|known| known == measure);
        let index = match known {
            Some(index) => index,
            None if self.measures.len() < SLOTS_MAX => {
                self.measures.push(measure.clone());
                self.keep.push(0);
                self.measures.len() - 1
            }
            None => return NOWHERE,
        };
        if let Some(keep) = self.keep.get_mut(index) {
            *keep = (*keep).max(keep_ns);
        }
        u8::try_from(index).unwrap_or(NOWHERE)
    }
}

/// Rule, the entity's part in it (none = its own key) and limits.
type Content = Vec<(u16, Option<u8>, Vec<usize>)>;

/// Bindings by what they consist of. A fleet of a thousand equal devices has one.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    known: BTreeMap<Content, Arc<Binding>>,
}

impl Bindings {
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    pub(crate) fn bind(
        &mut self,
        rules: &RuleSet,
        entity: &Name,
        info: Option<&EntityInfo>,
        stream: Stream,
        (status, spread_ns): (Status, i64),
    ) -> Arc<Binding> {
        let profile = info.map(|info| &info.profile);
        let expected = info.is_some_and(|info| info.expected);
        let mut content = Vec::new();
        for (index, rule) in (0_u16..).zip(&rules.rules) {
            if let Kind::Group { members, .. } = &rule.kind {
                let limits = rule.limits_at(&rules.limits, entity, profile);
                for part in parts(rule, members, entity, info, stream) {
                    content.push((index, Some(part), limits.clone().unwrap_or_default()));
                }
                continue;
            }
            let watched = match &rule.kind {
                // A drill's silence means nothing.
                Kind::Absence { expected_only, .. } => {
                    status == Status::Actual && (expected || !expected_only)
                }
                Kind::Condition { .. } | Kind::Sequence { .. } | Kind::Group { .. } => true,
            };
            if !watched || rule.stream != stream || !rule.scope.covers(entity, info) {
                continue;
            }
            if let Some(limits) = rule.limits_at(&rules.limits, entity, profile) {
                content.push((index, None, limits));
            }
        }
        let binding = self
            .known
            .entry(content)
            .or_insert_with_key(|content| Arc::new(Binding::of(rules, content, spread_ns)));
        Arc::clone(binding)
    }
}

/// Which members of a group the entity is.
fn parts(
    rule: &Rule,
    members: &Members,
    entity: &Name,
    info: Option<&EntityInfo>,
    stream: Stream,
) -> Vec<u8> {
    match members {
        Members::Named(named) => (0_u8..)
            .zip(named)
            .filter(|(_, member)| member.entity == *entity)
            .map(|(index, _)| index)
            .collect(),
        Members::Scope => {
            let covered =
                info.is_some() && rule.stream == stream && rule.scope.covers(entity, info);
            if covered { vec![0] } else { Vec::new() }
        }
    }
}

/// The entities of a group in their order. Of a site, those that are listed.
pub(crate) fn members_of(rule: &Rule, vocabulary: &Vocabulary) -> Vec<Name> {
    match &rule.kind {
        Kind::Group {
            members: Members::Named(named),
            ..
        } => named.iter().map(|member| member.entity.clone()).collect(),
        Kind::Group {
            members: Members::Scope,
            ..
        } => {
            let listed = vocabulary.entities.values();
            let covered = listed.filter(|info| {
                info.stream == rule.stream && rule.scope.covers(&info.id, Some(info))
            });
            covered
                .map(|info| info.id.clone())
                .take(MEMBERS_MAX)
                .collect()
        }
        Kind::Condition { .. } | Kind::Absence { .. } | Kind::Sequence { .. } => Vec::new(),
    }
}
