//! Keys over several entities: correlations and whole sites. Their points are those of all members, in observed order.

use super::Kernel;
use super::ask::Reader;
use super::binding::members_of;
use super::state::{Group, KeyRef, Watch};
use super::status_index;
use crate::cel::View;
use crate::engine::Origin;
use crate::ruleset::{Kind, Members};
use crate::signal::Signal;

impl Kernel {
    /// Makes a new unit a member of the groups that it belongs to; a group is made with its first member.
    pub(super) fn join_groups(&mut self, number: u32) {
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let (binding, status) = (std::sync::Arc::clone(&unit.binding), unit.status);
        let entity = unit.entity.clone();
        let mut groups = Vec::with_capacity(binding.joined.len());
        for (joined, bound) in (0_u16..).zip(&binding.joined) {
            let at = (bound.rule, status_index(status));
            let group = match self.group_index.get(&at) {
                Some(group) => *group,
                None => {
                    let Some(rule) = self.rules.rules.get(usize::from(bound.rule)) else {
                        continue;
                    };
                    let entities = members_of(rule, &self.vocabulary);
                    let group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
                    self.groups.push(Group {
                        rule: bound.rule,
                        status,
                        units: vec![None; entities.len()],
                        entities,
                        watch: Watch::NEW,
                    });
                    self.group_index.insert(at, group);
                    group
                }
            };
            groups.push(group);
            let Some(group) = self.groups.get_mut(group as usize) else {
                continue;
            };
            let named = self.rules.rules.get(usize::from(bound.rule)).is_some_and(|rule| {
                matches!(
                    rule.kind,
                    Kind::Group {
                        members: Members::Named(_),
                        ..
                    }
                )
            });
            let place = if named {
                Some(usize::from(bound.member))
            } else {
                group.entities.iter().position(|name| *name == entity)
            };
            if let Some(unit) = place.and_then(|place| group.units.get_mut(place)) {
                *unit = Some((number, joined));
            }
        }
        if let Some(unit) = self.units.get_mut(number as usize) {
            unit.groups = groups;
        }
    }

    /// What a group reads, member by member.
    pub(super) fn group_views<'a>(&'a self, group: &'a Group) -> (Vec<View<'a>>, Vec<u64>) {
        views(&self.units, group, &self.vocabulary, &self.nothing)
    }

    pub(super) fn step_group(
        &mut self,
        number: u32,
        point: i64,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let clock = self.group_clock(origin.now);
        let Some(group) = self.groups.get(number as usize) else {
            return;
        };
        let (views, masks) = views(&self.units, group, &self.vocabulary, &self.nothing);
        let Some(rule) = self.rules.rules.get(usize::from(group.rule)) else {
            return;
        };
        let reader = Reader {
            rule,
            views: &views,
            masks: &masks,
        };
        let mut watch = group.watch.clone();
        let was = watch.machine.phase.due();
        let fault = if watch.in_order(point) {
            Some(watch.live(&reader, point, clock, &mut self.desk))
        } else {
            self.counters.late += 1;
            watch.replay(&reader, point, clock, &mut self.desk)
        };
        watch.revise(&reader, &mut self.desk);
        let is = watch.machine.phase.due();
        if let Some(group) = self.groups.get_mut(number as usize) {
            group.watch = watch;
        }
        let key = KeyRef::Group(number);
        self.retime(key, was, is);
        if let Some(fault) = fault.filter(|fault| *fault || !self.faults.is_empty()) {
            self.evaluated(key, fault, point, origin, out);
        }
        self.tell(key, origin, out);
    }

    /// Before a member's observations go: what they decide is decided.
    pub(super) fn settle_group(
        &mut self,
        number: u32,
        least: i64,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let clock = self.group_clock(origin.now);
        let Some(group) = self.groups.get(number as usize) else {
            return;
        };
        let (views, masks) = views(&self.units, group, &self.vocabulary, &self.nothing);
        let Some(rule) = self.rules.rules.get(usize::from(group.rule)) else {
            return;
        };
        let reader = Reader {
            rule,
            views: &views,
            masks: &masks,
        };
        let mut watch = group.watch.clone();
        watch.settle(&reader, clock.horizon.max(least), &mut self.desk);
        if let Some(group) = self.groups.get_mut(number as usize) {
            group.watch = watch;
        }
        self.tell_settled(out);
    }
}

fn views<'a>(
    units: &'a [super::state::Unit],
    group: &'a Group,
    vocabulary: &'a event::Vocabulary,
    nothing: &'a crate::history::History,
) -> (Vec<View<'a>>, Vec<u64>) {
    let members = group.units.iter().zip(&group.entities);
    let views = members.map(|(unit, entity)| {
        let profile = vocabulary.entities.get(&**entity).map(|info| &info.profile);
        let found = unit.and_then(|(number, joined)| {
            let unit = units.get(number as usize)?;
            Some((unit, unit.binding.joined.get(usize::from(joined))?))
        });
        match found {
            Some((unit, bound)) => (
                View {
                    profile,
                    ..unit.view(bound)
                },
                bound.mask,
            ),
            None => (
                View {
                    history: nothing,
                    map: &[],
                    limits: &[],
                    profile,
                },
                0,
            ),
        }
    });
    views.unzip()
}
