//! Whom a rule is for: its scope, its members, and whether anybody is left.

use event::Vocabulary;

use super::Limits;
use super::rules::{KindWord, Reader};
use super::source::Table;
use crate::cel::MEMBERS_MAX;
use crate::ruleset::{Bilingual, Kind, Member, Members, Rule, Scope};
use crate::text::Part;

/// Most members of a correlation.
const NAMED_MAX: usize = 16;

impl Reader<'_, '_, '_> {
    /// `[rule.members]`: what the condition calls an entity, in the order of the names.
    pub(super) fn members(&self, kind: KindWord) -> Vec<Member> {
        if kind != KindWord::Correlation {
            return Vec::new();
        }
        let Some(table) = self.table.need("members", self.table.table("members")) else {
            return Vec::new();
        };
        let mut members = Vec::new();
        for (name, entity) in table.named_texts() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let digit = |c: char| c.is_ascii_digit();
            if !name.value.chars().all(plain)
                || name.value.starts_with(digit)
                || name.value == "limit"
            {
                let message = "a member is named with a-z, 0-9 and _, and not `limit`";
                table.source.error(name.span.start, message);
                continue;
            }
            let Some(known) = self.vocabulary.entities.get(entity.value) else {
                let message = format!("unknown entity `{}`", entity.value);
                table.source.error(entity.span.start, message);
                continue;
            };
            // In the order written: the first is whom the alert is about.
            members.push((name.span.start, name.value.into(), known.id.clone()));
        }
        if !(2..=NAMED_MAX).contains(&members.len()) {
            let message = format!("`members` names 2 to {NAMED_MAX} entities");
            table.source.error(table.at, message);
        }
        members.sort();
        let members = members.into_iter();
        let member = |(_, name, entity)| Member { name, entity };
        members.take(NAMED_MAX).map(member).collect()
    }

    pub(super) fn scope(&self, message: &Option<Bilingual>, kind: KindWord) -> Option<Scope> {
        let mut scope = Scope::default();
        if kind == KindWord::Correlation {
            // Its members are named.
            return Some(scope);
        }
        if let Some(profiles) = self.table.texts("profiles") {
            for profile in profiles.value {
                let known = self
                    .vocabulary
                    .entities
                    .values()
                    .any(|e| &*e.profile == profile.value);
                if !known {
                    let message = format!("no listed entity has the profile `{}`", profile.value);
                    self.table.source.error(profile.span.start, message);
                }
                scope.profiles.push(profile.value.into());
            }
        }
        if let Some(entities) = self.table.texts("entities") {
            for entity in entities.value {
                let listed = self.vocabulary.entities.contains_key(entity.value);
                if !entity.value.ends_with('*') && !listed {
                    let message = format!("unknown entity `{}`", entity.value);
                    self.table.source.error(entity.span.start, message);
                }
                scope.entities.push(entity.value.to_owned());
            }
        }
        for area in (self.table.texts("areas").into_iter()).flat_map(|areas| areas.value) {
            if !self.vocabulary.areas.contains_key(area.value) {
                let message = format!("no commune or ward has the code `{}`", area.value);
                self.table.source.error(area.span.start, message);
            }
            scope.areas.push(area.value.into());
        }
        let parts = message
            .iter()
            .flat_map(|both| both.vi.parts.iter().chain(&both.en.parts));
        scope.listed_only = parts.into_iter().any(|part| matches!(part, Part::Label(_)));
        Some(scope)
    }
}

/// What can only be known of the whole rule: that it is for somebody, that an entity named by its id has the limits
/// asked for, and that whoever it is for has the labels of its texts.
pub(super) fn check_binding(
    table: &Table<'_, '_>,
    rule: &Rule,
    vocabulary: &Vocabulary,
    limits: &Limits,
) {
    if rule.need.measures.len() > 32 {
        table
            .source
            .error(table.at, format!("{}: more than 32 measures", table.what));
    }
    if let Kind::Group {
        members: Members::Named(members),
        ..
    } = &rule.kind
    {
        check_first(table, rule, members, vocabulary, limits);
        return;
    }
    let mut bound = 0;
    for info in vocabulary.entities.values() {
        if info.stream != rule.stream || !rule.scope.covers(&info.id, Some(info)) {
            continue;
        }
        if rule
            .limits_at(limits, &info.id, Some(&info.profile))
            .is_none()
        {
            if rule.scope.entities.iter().any(|id| **id == *info.id) {
                let names: Vec<&str> = rule.need.limits.iter().map(|name| &**name).collect();
                let message = format!(
                    "{}: `{}` has not all of the thresholds {}",
                    table.what,
                    info.id,
                    names.join(", ")
                );
                table.source.error(table.at, message);
            }
            continue;
        }
        bound += 1;
        for part in rule.message.vi.parts.iter().chain(&rule.message.en.parts) {
            if let Part::Label(label) = part
                && !info.labels.contains_key(label)
            {
                let message = format!("{}: `{}` has no label `{label}`", table.what, info.id);
                table.source.error(table.at, message);
            }
        }
    }
    if let Kind::Group { .. } = rule.kind {
        if bound > MEMBERS_MAX {
            let message = format!(
                "{}: is for {bound} entities together, more than {MEMBERS_MAX}",
                table.what
            );
            table.source.error(table.at, message);
        }
        if bound == 0 {
            let message = format!("{}: is for no listed entity at all", table.what);
            table.source.error(table.at, message);
        }
        return;
    }
    let open = !rule.scope.listed_only && rule.scope.profiles.is_empty();
    let open = open && rule.scope.areas.is_empty();
    let pattern = rule.scope.entities.iter().any(|id| id.ends_with('*'));
    if bound == 0 && !(open && (pattern || rule.scope.entities.is_empty())) {
        table
            .source
            .error(table.at, format!("{}: is for no entity at all", table.what));
    }
}

/// The thresholds of a correlation are those of its first member.
fn check_first(
    table: &Table<'_, '_>,
    rule: &Rule,
    members: &[Member],
    vocabulary: &Vocabulary,
    limits: &Limits,
) {
    let Some(first) = members.first() else { return };
    let info = vocabulary.entities.get(&*first.entity);
    let profile = info.map(|info| &info.profile);
    if rule.limits_at(limits, &first.entity, profile).is_none() {
        let names: Vec<&str> = rule.need.limits.iter().map(|name| &**name).collect();
        let message = format!(
            "{}: its first member, `{}`, has not all of the thresholds {}",
            table.what,
            first.entity,
            names.join(", ")
        );
        table.source.error(table.at, message);
    }
    for part in rule.message.vi.parts.iter().chain(&rule.message.en.parts) {
        if let Part::Label(label) = part
            && !info.is_some_and(|info| info.labels.contains_key(label))
        {
            let message = format!("{}: `{}` has no label `{label}`", table.what, first.entity);
            table.source.error(table.at, message);
        }
    }
}
