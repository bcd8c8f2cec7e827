//! A new pack: open episodes go on, those whose rule or entity is gone are annulled.

use std::collections::{BTreeMap, HashMap};
use std::mem::discriminant;
use std::sync::Arc;

use event::{AlertId, Change, Name, Vocabulary};

use super::unit::{Binding, Key, Phase, Unit, interval_ns};
use super::{Engine, Origin, status_index};
use crate::effect::Effect;
use crate::ruleset::{Kind, RuleSet};
use crate::slot::Slot;

impl Engine {
    /// Takes over a new pack at `origin`. A key of a rule that is still there keeps its state; its next evaluation is by
    /// the new version. Only an entity that the old catalogue listed and the new one does not counts as taken out.
    pub fn set_rules(
        &mut self,
        rules: Arc<RuleSet>,
        vocabulary: Arc<Vocabulary>,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let first = self.now.is_none();
        self.now = self.now.max(Some(origin.now));
        self.forget_faults(origin, out);
        let old_rules = std::mem::replace(&mut self.rules, rules);
        let old_vocabulary = std::mem::replace(&mut self.vocabulary, vocabulary);
        self.bindings.clear();
        let units = std::mem::take(&mut self.units);
        self.index = HashMap::with_capacity(units.len());
        let mut gone: Vec<AlertId> = Vec::new();
        for unit in units {
            let removed = old_vocabulary.entities.contains_key(&*unit.entity)
                && !self.is_listed(&unit.entity);
            if removed {
                gone.extend(unit.keys.iter().flat_map(alerts_of));
                continue;
            }
            let unit = self.carry_over(unit, &old_rules, &mut gone);
            // Fewer units than before, and those were counted in 32 bits.
            let number = u32::try_from(self.units.len()).ok();
            self.index.entry(unit.entity.clone()).or_default()[status_index(unit.status)] = number;
            self.units.push(unit);
        }
        gone.sort();
        for id in gone {
            self.resolve(&id, Change::Annulled, None, origin, out);
        }
        self.rebuild_timers();
        if !first || !self.vocabulary.entities.is_empty() {
            self.list_expected(origin.now);
        }
        self.tell_new_versions(&old_rules, origin, out);
    }

    fn carry_over(&mut self, unit: Unit, old: &RuleSet, gone: &mut Vec<AlertId>) -> Unit {
        let info = self.vocabulary.entities.get(&*unit.entity);
        let stream = info.map_or(unit.stream, |info| info.stream);
        let binding = self
            .bindings
            .bind(&self.rules, &unit.entity, info, stream, unit.status);
        let mut fresh = Unit::new(unit.entity, unit.status, stream, info, Arc::clone(&binding));
        fresh.place = unit.place;
        fresh.interval_ns = interval_ns(info);
        let mut slots = by_measure(&unit.binding, unit.slots);
        for (slot, spec) in fresh.slots.iter_mut().zip(&binding.slots) {
            if let Some(old) = slots.remove(&spec.measure) {
                let window = slot.window.take();
                *slot = old;
                // A window of the same length goes on; another one starts empty.
                let kept = match (slot.window.take(), window) {
                    (Some(old), Some(new)) if new.same_grid(&old) => Some(old),
                    (_, new) => new,
                };
                slot.window = kept;
            }
        }
        let mut keys = by_rule(&unit.binding, unit.keys, old);
        for (key, bound) in fresh.keys.iter_mut().zip(&binding.bound) {
            let Some(rule) = self.rules.rules.get(usize::from(bound.rule)) else {
                continue;
            };
            let Some((kind, mut carried)) = keys.remove(&rule.id) else {
                continue;
            };
            if kind != discriminant(&rule.kind) {
                gone.extend(alerts_of(&carried));
                continue;
            }
            if let Kind::Condition {
                hold_ns,
                release_ns,
                ..
            } = &rule.kind
            {
                match &mut carried.phase {
                    Phase::Pending { since, due } => *due = since.saturating_add(*hold_ns),
                    Phase::Releasing { since, due } => *due = since.saturating_add(*release_ns),
                    Phase::Clear | Phase::Active => {}
                }
            }
            *key = carried;
        }
        gone.extend(keys.values().flat_map(|(_, key)| alerts_of(key)));
        fresh
    }

    /// An open alert whose rule has changed says so, with the severity, guidance and condition that hold now. What a rule
    /// says counts, not only its version: an author may forget to raise that.
    fn tell_new_versions(&mut self, old: &RuleSet, origin: &Origin, out: &mut Vec<Effect>) {
        let rules = Arc::clone(&self.rules);
        for open in self.open.values_mut() {
            let Some(rule) = rules.rules.iter().find(|rule| *rule.id == *open.alert.rule) else {
                continue;
            };
            if old.rules.contains(rule) {
                continue;
            }
            open.alert.severity = rule.severity;
            open.alert.guidance = rule.guidance.clone();
            open.alert.unofficial = rule.unofficial;
            open.alert.evidence.rule_version = rule.version;
            open.alert.evidence.condition.clone_from(&rule.condition);
            open.alert.evidence.hold_seconds = super::telling::hold_seconds(rule);
            out.push(Effect::Transition(open.change(
                Change::Revised,
                None,
                origin,
            )));
        }
    }
}

fn alerts_of(key: &Key) -> Vec<AlertId> {
    let retrospect = key
        .retrospect
        .as_ref()
        .and_then(|retrospect| retrospect.alert.clone());
    key.alert.clone().into_iter().chain(retrospect).collect()
}

fn by_measure(binding: &Binding, slots: Vec<Slot>) -> BTreeMap<Name, Slot> {
    binding
        .slots
        .iter()
        .map(|spec| spec.measure.clone())
        .zip(slots)
        .collect()
}

type Keys = BTreeMap<Name, (std::mem::Discriminant<Kind>, Key)>;

fn by_rule(binding: &Binding, keys: Vec<Key>, rules: &RuleSet) -> Keys {
    let named = binding.bound.iter().zip(keys).filter_map(|(bound, key)| {
        let rule = rules.rules.get(usize::from(bound.rule))?;
        Some((rule.id.clone(), (discriminant(&rule.kind), key)))
    });
    named.collect()
}
