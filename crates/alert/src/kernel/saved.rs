//! The state as a value. Timers, bindings and links are derived and not saved; everything else is, in an order that is
//! itself part of the fold, so that equal folds give equal bytes in any deterministic serde format.

use std::collections::HashMap;
use std::sync::Arc;

use event::{Name, Place, Status, Stream, Time, Vocabulary};
use serde::{Deserialize, Serialize};

use super::fault::Faulty;
use super::state::{Key, Retrospect, Unit, Watch};
use super::warnings::{Warnings, WarningsSaved};
use super::{Kernel, spread_ns, status_index};
use crate::history::History;
use crate::ruleset::{Rule, RuleSet};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KernelSaved {
    pub(crate) now: Option<Time>,
    pub(crate) down_ns: i64,
    pub(crate) grace_until: Time,
    pub(crate) episodes: u64,
    pub(crate) units: Vec<SavedUnit>,
    pub(crate) groups: Vec<SavedGroup>,
    pub(crate) faults: Vec<(Name, Faulty)>,
    pub(crate) warnings: WarningsSaved,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedUnit {
    pub(crate) entity: Name,
    pub(crate) status: Status,
    pub(crate) stream: Stream,
    pub(crate) place: Option<Place>,
    /// By name, so that it can be checked against the pack that it is restored with.
    pub(crate) measures: Vec<Name>,
    pub(crate) history: History,
    pub(crate) keys: Vec<SavedKey>,
    pub(crate) retrospects: Vec<Retrospect>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedKey {
    pub(crate) rule: Name,
    pub(crate) shadow: bool,
    pub(crate) key: Key,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedGroup {
    pub(crate) rule: Name,
    pub(crate) shadow: bool,
    pub(crate) status: Status,
    pub(crate) watch: Watch,
}

/// The state of this entity was saved under another pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotThisPack(pub(crate) String);

impl Kernel {
    pub(crate) fn save(&self) -> KernelSaved {
        let groups = self.groups.iter().filter_map(|group| {
            let rule = self.rules.rules.get(usize::from(group.rule))?;
            Some(SavedGroup {
                rule: rule.id.clone(),
                shadow: rule.shadow,
                status: group.status,
                watch: group.watch.clone(),
            })
        });
        KernelSaved {
            now: self.now,
            down_ns: self.down_ns,
            grace_until: self.grace_until,
            episodes: self.desk.episodes,
            units: (self.units.iter())
                .map(|unit| save_unit(unit, &self.rules))
                .collect(),
            groups: groups.collect(),
            faults: (self.faults.iter())
                .map(|(rule, faulty)| (rule.clone(), faulty.clone()))
                .collect(),
            warnings: self.warnings.save(),
        }
    }

    /// Goes on from `saved`, which must have been saved under the same pack.
    pub(crate) fn restore(
        rules: Arc<RuleSet>,
        vocabulary: Arc<Vocabulary>,
        saved: KernelSaved,
    ) -> Result<Self, NotThisPack> {
        let mut kernel = Self::new(rules, vocabulary);
        kernel.now = saved.now;
        kernel.down_ns = saved.down_ns;
        kernel.grace_until = saved.grace_until;
        kernel.desk.episodes = saved.episodes;
        kernel.faults = saved.faults.into_iter().collect();
        kernel.warnings = Warnings::restore(saved.warnings);
        kernel.index = HashMap::with_capacity(saved.units.len());
        for (number, unit) in (0_u32..).zip(saved.units) {
            let (entity, status) = (unit.entity.clone(), unit.status);
            let unit = kernel.restore_unit(unit)?;
            kernel.index.entry(entity).or_default()[status_index(status)] = Some(number);
            kernel.units.push(unit);
        }
        kernel.relink();
        for group in saved.groups {
            let found = kernel.groups.iter_mut().find(|fresh| {
                let rule = kernel.rules.rules.get(usize::from(fresh.rule));
                fresh.status == group.status
                    && rule.is_some_and(|rule| rule.id == group.rule && rule.shadow == group.shadow)
            });
            match found {
                Some(fresh) => fresh.watch = group.watch,
                None => return Err(NotThisPack(group.rule.to_string())),
            }
        }
        kernel.recount();
        kernel.rebuild_timers();
        kernel.rebuild_suspects();
        Ok(kernel)
    }

    fn restore_unit(&mut self, saved: SavedUnit) -> Result<Unit, NotThisPack> {
        let info = self.vocabulary.entities.get(&*saved.entity);
        let binding = self.bindings.bind(
            &self.rules,
            &saved.entity,
            info,
            saved.stream,
            (saved.status, spread_ns(&self.vocabulary, saved.stream)),
        );
        let name = saved.entity.to_string();
        let mut unit = Unit::new(
            saved.entity,
            saved.status,
            saved.stream,
            info,
            binding,
            &self.rules.rules,
        );
        let ids = (unit.binding.bound.iter()).map(|bound| named(&self.rules, bound.rule));
        let saved_ids = (saved.keys.iter()).map(|key| Some((&key.rule, key.shadow)));
        if unit.binding.measures != saved.measures
            || saved.history.slot_count() != saved.measures.len()
            || !ids.eq(saved_ids)
        {
            return Err(NotThisPack(name));
        }
        unit.place = saved.place.map(Box::new);
        unit.history = saved.history;
        unit.keys = saved.keys.into_iter().map(|key| key.key).collect();
        let retrospects = saved.retrospects;
        unit.retrospects = (!retrospects.is_empty()).then(|| Box::new(retrospects));
        Ok(unit)
    }
}

fn named(rules: &RuleSet, rule: u16) -> Option<(&Name, bool)> {
    let rule: &Rule = rules.rules.get(usize::from(rule))?;
    Some((&rule.id, rule.shadow))
}

fn save_unit(unit: &Unit, rules: &RuleSet) -> SavedUnit {
    let ids = (unit.binding.bound.iter()).filter_map(|bound| named(rules, bound.rule));
    let keys = ids.zip(&unit.keys).map(|((rule, shadow), key)| SavedKey {
        rule: rule.clone(),
        shadow,
        key: key.clone(),
    });
    SavedUnit {
        entity: unit.entity.clone(),
        status: unit.status,
        stream: unit.stream,
        place: unit.place.as_deref().cloned(),
        measures: unit.binding.measures.clone(),
        history: unit.history.clone(),
        keys: keys.collect(),
        retrospects: unit.retrospects.as_deref().cloned().unwrap_or_default(),
    }
}
