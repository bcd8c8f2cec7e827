//! Keys over several entities: correlations and whole sites. Their points are those of all members, in observed order.

use super::Kernel;
use super::ask::Reader;
use super::binding::members_of;
use super::state::{Group, KeyRef, Unit, Watch};
use super::status_index;
use crate::cel::{LimitCell, MemberView, Memo, Place};
use crate::engine::Origin;
use crate::history::History;
use crate::ruleset::{Kind, Members, Rule, RuleSet};
use crate::signal::Signal;
use event::Vocabulary;

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
                        maps: vec![Box::default(); entities.len()],
                        map: vec![NOWHERE; rule.need.measures.len()].into(),
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
            let named = self
                .rules
                .rules
                .get(usize::from(bound.rule))
                .is_some_and(|rule| {
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
            let Some(place) = place else { continue };
            let source = u16::try_from(place).unwrap_or(u16::MAX);
            let map: Box<[Place]> = (bound.map.iter())
                .map(|at| Place { source, ..*at })
                .collect();
            for (at, theirs) in group.map.iter_mut().zip(&map) {
                if theirs.slot != NOWHERE.slot && named {
                    *at = *theirs;
                }
            }
            if let Some(own) = group.maps.get_mut(place) {
                *own = map;
            }
            if let Some(unit) = group.units.get_mut(place) {
                *unit = Some((number, joined));
            }
        }
        if let Some(unit) = self.units.get_mut(number as usize) {
            unit.groups = groups;
        }
    }

    /// What a group reads, member by member.
    pub(super) fn group_reads<'a>(&'a self, group: &'a Group) -> Reads<'a> {
        reads(
            &self.units,
            group,
            &self.rules,
            &self.vocabulary,
            &self.nothing,
        )
    }

    pub(super) fn step_group(
        &mut self,
        number: u32,
        point: i64,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let clock = self.group_clock(origin.now);
        let Some(group) = self.groups.get_mut(number as usize) else {
            return;
        };
        let mut watch = std::mem::replace(&mut group.watch, Watch::NEW);
        let Some((group, rule)) = self.groups.get(number as usize).and_then(|group| {
            let rule = self.rules.rules.get(usize::from(group.rule))?;
            Some((group, rule))
        }) else {
            return;
        };
        let reads = reads(
            &self.units,
            group,
            &self.rules,
            &self.vocabulary,
            &self.nothing,
        );
        let reader = reads.reader(rule, group);
        let was = watch.machine.phase.due();
        let fault = if watch.in_order(point) {
            Some(watch.live(&reader, point, clock, &mut self.desk))
        } else {
            self.counters.late += 1;
            watch.replay(&reader, point, clock, &mut self.desk).0
        };
        watch.revise(&reader, &mut self.desk);
        let is = watch.machine.phase.due();
        if let Some(group) = self.groups.get_mut(number as usize) {
            group.watch = watch;
        }
        let key = KeyRef::Group(number);
        self.retime(key, was, is);
        if let Some(fault) = fault
            && (fault || !self.faults.is_empty())
        {
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
        let Some(group) = self.groups.get_mut(number as usize) else {
            return;
        };
        let mut watch = std::mem::replace(&mut group.watch, Watch::NEW);
        let Some((group, rule)) = self.groups.get(number as usize).and_then(|group| {
            let rule = self.rules.rules.get(usize::from(group.rule))?;
            Some((group, rule))
        }) else {
            return;
        };
        let reads = reads(
            &self.units,
            group,
            &self.rules,
            &self.vocabulary,
            &self.nothing,
        );
        let reader = reads.reader(rule, group);
        watch.settle(&reader, clock.horizon.max(least), &mut self.desk);
        if let Some(group) = self.groups.get_mut(number as usize) {
            group.watch = watch;
        }
        self.tell_settled(out);
    }
}

/// A slot that no history has.
const NOWHERE: Place = Place {
    source: 0,
    slot: u8::MAX,
};

/// Everything that a group's rule reads, gathered for one question.
pub(super) struct Reads<'a> {
    sources: Vec<&'a History>,
    masks: Vec<u64>,
    members: Vec<MemberView<'a>>,
    /// Of the first member.
    limits: &'a [LimitCell],
    memo: Memo,
}

impl<'a> Reads<'a> {
    pub(super) fn reader(&'a self, rule: &'a Rule, group: &'a Group) -> Reader<'a> {
        Reader {
            rule,
            sources: &self.sources,
            masks: &self.masks,
            map: &group.map,
            limits: self.limits,
            members: &self.members,
            memo: Some(&self.memo),
        }
    }
}

fn reads<'a>(
    units: &'a [Unit],
    group: &'a Group,
    rules: &'a RuleSet,
    vocabulary: &'a Vocabulary,
    nothing: &'a History,
) -> Reads<'a> {
    let whole = rules
        .rules
        .get(usize::from(group.rule))
        .is_some_and(|rule| {
            matches!(
                rule.kind,
                Kind::Group {
                    members: Members::Scope,
                    ..
                }
            )
        });
    let mut reads = Reads {
        sources: Vec::with_capacity(group.units.len()),
        masks: Vec::with_capacity(group.units.len()),
        members: Vec::new(),
        limits: &[],
        memo: Memo::default(),
    };
    let members = group.units.iter().zip(&group.entities).zip(&group.maps);
    for (index, ((unit, entity), map)) in members.enumerate() {
        let found = unit.and_then(|(number, joined)| {
            let unit = units.get(number as usize)?;
            Some((unit, unit.binding.joined.get(usize::from(joined))?))
        });
        let limits: &[LimitCell] = found.map_or(&[], |(_, bound)| &bound.cells);
        reads
            .sources
            .push(found.map_or(nothing, |(unit, _)| &unit.history));
        reads.masks.push(found.map_or(0, |(_, bound)| bound.mask));
        if index == 0 {
            reads.limits = limits;
        }
        if whole {
            reads.members.push(MemberView {
                map,
                limits,
                profile: (vocabulary.entities.get(&**entity)).map(|info| &info.profile),
            });
        }
    }
    reads
}
