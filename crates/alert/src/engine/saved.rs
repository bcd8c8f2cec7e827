//! The state as a value. Timers and bindings are derived and not saved; everything else is, in an order that is itself
//! part of the fold, so that equal folds give equal bytes in any deterministic serde format.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use event::{Alert, Name, Place, Status, Stream, Time, Vocabulary};
use serde::{Deserialize, Serialize};

use super::fault::Faulty;
use super::unit::{Key, Unit};
use super::verdicts::{Remembered, Verdicts};
use super::{Engine, Open, status_index};
use crate::ruleset::RuleSet;
use crate::slot::Slot;

/// Raised with every change of the layout.
const FORMAT: u16 = 2;

/// The whole state of an [`Engine`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    format: u16,
    now: Option<Time>,
    down_ns: i64,
    grace_until: Time,
    units: Vec<SavedUnit>,
    open: Vec<Open>,
    recent: Vec<Alert>,
    verdicts: Vec<Remembered>,
    faults: Vec<(Name, Faulty)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedUnit {
    entity: Name,
    status: Status,
    stream: Stream,
    place: Option<Place>,
    /// By name, so that it can be checked against the pack that it is restored with.
    slots: Vec<(Name, Slot)>,
    keys: Vec<(Name, Key)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    #[error("the state has format {found}, this release reads {FORMAT}")]
    Format { found: u16 },
    #[error("the state of `{entity}` does not belong to this rule pack")]
    Pack { entity: String },
}

impl Engine {
    pub fn save(&self) -> Saved {
        Saved {
            format: FORMAT,
            now: self.now,
            down_ns: self.down_ns,
            grace_until: self.grace_until,
            units: self
                .units
                .iter()
                .map(|unit| save_unit(unit, &self.rules))
                .collect(),
            open: self.open.values().cloned().collect(),
            recent: self.recent.iter().cloned().collect(),
            verdicts: self.verdicts.save(),
            faults: (self.faults.iter())
                .map(|(rule, faulty)| (rule.clone(), faulty.clone()))
                .collect(),
        }
    }

    /// Goes on from `saved`, which must have been saved under the same pack: restore with the pack of the snapshot,
    /// then `set_rules` where a `configuration` record says so.
    pub fn restore(
        rules: Arc<RuleSet>,
        vocabulary: Arc<Vocabulary>,
        saved: Saved,
    ) -> Result<Self, RestoreError> {
        if saved.format != FORMAT {
            return Err(RestoreError::Format {
                found: saved.format,
            });
        }
        let mut engine = Self::new(rules, vocabulary);
        engine.now = saved.now;
        engine.down_ns = saved.down_ns;
        engine.grace_until = saved.grace_until;
        engine.open = saved
            .open
            .into_iter()
            .map(|open| (open.alert.id.clone(), open))
            .collect::<BTreeMap<_, _>>();
        engine.recent = saved.recent.into();
        engine.verdicts = Verdicts::restore(saved.verdicts);
        engine.faults = saved.faults.into_iter().collect();
        engine.index = HashMap::with_capacity(saved.units.len());
        for (number, unit) in (0_u32..).zip(saved.units) {
            let info = engine.vocabulary.entities.get(&*unit.entity);
            let (rules, status) = (&engine.rules, unit.status);
            let binding = engine
                .bindings
                .bind(rules, &unit.entity, info, unit.stream, status);
            let mut fresh = Unit::new(unit.entity.clone(), status, unit.stream, info, binding);
            fresh.place = unit.place;
            let slots = fresh.binding.slots.iter().map(|spec| &spec.measure);
            let ids = fresh
                .binding
                .bound
                .iter()
                .map(|bound| rule_id(&engine.rules, bound.rule));
            if !slots.eq(unit.slots.iter().map(|(name, _)| name))
                || !ids.eq(unit.keys.iter().map(|(name, _)| Some(name)))
            {
                return Err(RestoreError::Pack {
                    entity: unit.entity.to_string(),
                });
            }
            fresh.slots = unit.slots.into_iter().map(|(_, slot)| slot).collect();
            fresh.keys = unit.keys.into_iter().map(|(_, key)| key).collect();
            engine.index.entry(unit.entity).or_default()[status_index(status)] = Some(number);
            engine.units.push(fresh);
        }
        engine.rebuild_timers();
        Ok(engine)
    }
}

fn rule_id(rules: &RuleSet, rule: u16) -> Option<&Name> {
    rules.rules.get(usize::from(rule)).map(|rule| &rule.id)
}

fn save_unit(unit: &Unit, rules: &RuleSet) -> SavedUnit {
    let names = unit.binding.slots.iter().map(|spec| spec.measure.clone());
    let ids = unit
        .binding
        .bound
        .iter()
        .filter_map(|bound| rule_id(rules, bound.rule).cloned());
    SavedUnit {
        entity: unit.entity.clone(),
        status: unit.status,
        stream: unit.stream,
        place: unit.place.clone(),
        slots: names.zip(unit.slots.iter().cloned()).collect(),
        keys: ids.zip(unit.keys.iter().cloned()).collect(),
    }
}
