//! A new pack: keys of rules that are as they were are not touched; those of changed ones go on from where they are, what
//! has lost its rule or its entity is annulled.

use std::collections::{BTreeMap, HashMap};
use std::mem::discriminant;
use std::sync::Arc;

use event::{Name, Status, Vocabulary};

use super::state::{Group, Key, Unit, Watch, interval_ns};
use super::{Kernel, spread_ns, status_index};
use crate::engine::Origin;
use crate::ruleset::{Rule, RuleSet};
use crate::signal::{EpisodeId, Signal};

/// A rule's name: one on trial may have the id of a live one.
type RuleName = (Name, bool);

fn name_of(rule: &Rule) -> RuleName {
    (rule.id.clone(), rule.shadow)
}

impl Kernel {
    /// Takes over a new pack at `origin`. Only an entity that the old catalogue listed and the new one does not counts as
    /// taken out.
    pub(crate) fn set_rules(
        &mut self,
        rules: Arc<RuleSet>,
        vocabulary: Arc<Vocabulary>,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let first = self.now.is_none();
        self.now = self.now.max(Some(origin.now));
        self.forget_faults(origin, out);
        let old_rules = std::mem::replace(&mut self.rules, rules);
        let old_vocabulary = std::mem::replace(&mut self.vocabulary, vocabulary);
        self.bindings.clear();
        let units = std::mem::take(&mut self.units);
        let groups = std::mem::take(&mut self.groups);
        self.group_index.clear();
        self.index = HashMap::with_capacity(units.len());
        let mut gone = Gone::default();
        for unit in units {
            let listed = |vocabulary: &Vocabulary| vocabulary.entities.contains_key(&*unit.entity);
            if listed(&old_vocabulary) && !listed(&self.vocabulary) {
                unit.keys.iter().for_each(|key| gone.key(key));
                continue;
            }
            let unit = self.carry_over(unit, &old_rules, &mut gone);
            // Fewer units than before, and those were counted in 32 bits.
            let number = u32::try_from(self.units.len()).ok();
            self.index.entry(unit.entity.clone()).or_default()[status_index(unit.status)] = number;
            self.units.push(unit);
        }
        self.relink();
        self.carry_groups(groups, &old_rules, &mut gone);
        gone.tell(out);
        self.recount();
        self.rebuild_timers();
        self.rebuild_suspects();
        if !first || !self.vocabulary.entities.is_empty() {
            self.list_expected(origin.now);
        }
        while self
            .timers
            .first()
            .is_some_and(|(due, _)| *due <= origin.now.0)
        {
            self.fire(origin, out);
        }
    }

    /// Groups and gateways of all units, which are derived.
    pub(super) fn relink(&mut self) {
        for number in (0_u32..).take(self.units.len()) {
            self.join_groups(number);
            let unit = self.units.get(number as usize);
            let gateway = unit
                .filter(|unit| unit.status == Status::Actual)
                .and_then(|unit| self.vocabulary.entities.get(&*unit.entity))
                .and_then(|info| info.gateway.clone());
            if let Some(gateway) = gateway {
                self.link_gateway(number, &gateway);
            }
        }
    }

    fn carry_over(&mut self, unit: Unit, old: &RuleSet, gone: &mut Gone) -> Unit {
        let info = self.vocabulary.entities.get(&*unit.entity);
        let stream = info.map_or(unit.stream, |info| info.stream);
        let binding = self.bindings.bind(
            &self.rules,
            &unit.entity,
            info,
            stream,
            (unit.status, spread_ns(&self.vocabulary, stream)),
        );
        let mut fresh = Unit::new(
            unit.entity,
            unit.status,
            stream,
            info,
            Arc::clone(&binding),
            &self.rules.rules,
        );
        fresh.place = unit.place;
        fresh.interval_ns = interval_ns(info);
        let from: Vec<Option<usize>> = (binding.measures.iter())
            .map(|measure| unit.binding.slot_of(measure))
            .collect();
        fresh.history = unit.history.rebind(&from);
        let mut old_keys: BTreeMap<RuleName, (usize, &Rule, Key)> = BTreeMap::new();
        let mut retrospects = unit.retrospects.map(|all| *all).unwrap_or_default();
        for ((index, bound), key) in unit.binding.bound.iter().enumerate().zip(unit.keys) {
            if let Some(rule) = old.rules.get(usize::from(bound.rule)) {
                old_keys.insert(name_of(rule), (index, rule, key));
            }
        }
        let mut kept = Vec::new();
        for (index, (key, bound)) in fresh.keys.iter_mut().zip(&binding.bound).enumerate() {
            let Some(rule) = self.rules.rules.get(usize::from(bound.rule)) else {
                continue;
            };
            let newest = newest_of(&fresh.history, bound.mask);
            let Some((place, before, mut carried)) = old_keys.remove(&name_of(rule)) else {
                if let Key::Watch(watch) = key {
                    watch.turn_over(newest, (rule.shape(), rule.shape()), &mut gone.settled);
                }
                continue;
            };
            if discriminant(&before.kind) != discriminant(&rule.kind) {
                gone.key(&carried);
                if let Key::Watch(watch) = key {
                    watch.turn_over(newest, (rule.shape(), rule.shape()), &mut gone.settled);
                }
                continue;
            }
            let same = before == rule
                && unit
                    .binding
                    .bound
                    .get(place)
                    .is_some_and(|old| old.cells == bound.cells);
            if let Key::Watch(watch) = &mut carried
                && !same
            {
                watch.turn_over(newest, (before.shape(), rule.shape()), &mut gone.settled);
            }
            if let Ok(at) = u16::try_from(place)
                && let Some(state) = retrospects.iter_mut().find(|state| state.key == at)
            {
                let mut state = state.clone();
                state.key = u16::try_from(index).unwrap_or(u16::MAX);
                kept.push(state);
            }
            *key = carried;
        }
        old_keys.values().for_each(|(_, _, key)| gone.key(key));
        fresh.retrospects = (!kept.is_empty()).then(|| Box::new(kept));
        fresh
    }

    fn carry_groups(&mut self, groups: Vec<Group>, old: &RuleSet, gone: &mut Gone) {
        for group in groups {
            let before = old.rules.get(usize::from(group.rule));
            let name = before.map(name_of);
            let found = self.groups.iter().position(|fresh| {
                let rule = self.rules.rules.get(usize::from(fresh.rule));
                fresh.status == group.status && rule.map(name_of) == name
            });
            let rules = Arc::clone(&self.rules);
            let fresh = found.and_then(|found| self.groups.get_mut(found));
            let now = fresh
                .as_ref()
                .and_then(|fresh| rules.rules.get(usize::from(fresh.rule)));
            let (Some(fresh), Some(before), Some(now)) = (fresh, before, now) else {
                gone.watch(&group.watch);
                continue;
            };
            if discriminant(&before.kind) != discriminant(&now.kind) {
                gone.watch(&group.watch);
                continue;
            }
            fresh.watch = group.watch;
            if before != now || fresh.entities != group.entities {
                fresh
                    .watch
                    .turn_over(i64::MIN, (before.shape(), now.shape()), &mut gone.settled);
            }
        }
        // New ones: what was observed before them is none of theirs.
        for number in 0..self.groups.len() {
            let Some(group) = self.groups.get(number) else {
                continue;
            };
            if group.watch != Watch::NEW {
                continue;
            }
            let reads = self.group_reads(group);
            let Some(rule) = self.rules.rules.get(usize::from(group.rule)) else {
                continue;
            };
            let reader = reads.reader(rule, group);
            let mut points = Vec::new();
            reader.points(i64::MIN, i64::MAX, &mut points);
            let (newest, shape) = (points.last().copied().unwrap_or(i64::MIN), rule.shape());
            if let Some(group) = self.groups.get_mut(number) {
                group
                    .watch
                    .turn_over(newest, (shape, shape), &mut gone.settled);
            }
        }
    }
}

fn newest_of(history: &crate::history::History, mask: u64) -> i64 {
    let mut points = history.points(mask, i64::MIN, i64::MAX);
    points.next_back().unwrap_or(i64::MIN)
}

/// Episodes that the new pack ends: what was on is annulled, what was over is final.
#[derive(Default)]
struct Gone {
    annulled: Vec<EpisodeId>,
    settled: Vec<EpisodeId>,
}

impl Gone {
    fn key(&mut self, key: &Key) {
        match key {
            Key::Watch(watch) => self.watch(watch),
            Key::Silence(silence) => self.annulled.extend(silence.told),
        }
    }

    fn watch(&mut self, watch: &Watch) {
        self.annulled.extend(watch.open().map(|told| told.episode));
        self.settled.extend(watch.over());
    }

    fn tell(mut self, out: &mut Vec<Signal>) {
        self.annulled.sort_unstable();
        self.settled.sort_unstable();
        let annulled = self.annulled.into_iter();
        out.extend(annulled.map(|episode| Signal::Annulled { episode }));
        let settled = self.settled.into_iter();
        out.extend(settled.map(|episode| Signal::Settled { episode }));
    }
}
