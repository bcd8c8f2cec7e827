//! `thresholds.toml`: the limits of measures, with where each comes from.
//!
//! `[[limit]]` with `name`, `measure`, `value`, `unit`, `source`, `verified`, and one of `entity`, `profile` or neither
//! (every entity); `scale = false` keeps it off the bar beside the value; optional `effective_from` and `effective_to` (dates; outside them the limit is unknown to conditions).
//! The narrowest wins: entity before profile before everywhere.

use std::collections::{BTreeMap, BTreeSet};

use event::{Limit, Name, PackError, PackFiles, Vocabulary};

use super::source::{Source, Table};

const FILE: &str = "thresholds.toml";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Entity(Name),
    Profile(Name),
    Everywhere,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LimitEntry {
    pub(crate) limit: Limit,
    pub(crate) measure: Name,
    /// Observed times for which it is in force: from (inclusive), to (exclusive).
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Whether it belongs on the bar beside the value.
    pub(crate) on_scale: bool,
}

/// All limits, found by scope and measure.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    entries: Vec<LimitEntry>,
    by_scope: BTreeMap<(Scope, Name), Vec<usize>>,
}

impl Limits {
    /// The limits of a measure at an entity, ascending by value.
    pub(crate) fn of(&self, entity: &Name, profile: Option<&Name>, measure: &Name) -> Vec<usize> {
        let mut scopes = vec![Scope::Entity(entity.clone())];
        scopes.extend(profile.map(|profile| Scope::Profile(profile.clone())));
        scopes.push(Scope::Everywhere);
        let mut taken = BTreeSet::new();
        let mut found = Vec::new();
        for scope in scopes {
            for index in self
                .by_scope
                .get(&(scope, measure.clone()))
                .into_iter()
                .flatten()
            {
                let fresh = self
                    .get(*index)
                    .is_some_and(|entry| taken.insert(&entry.limit.name));
                if fresh {
                    found.push(*index);
                }
            }
        }
        found.sort_by(|a, b| {
            let key = |index: &usize| self.get(*index).map_or(0.0, |entry| entry.limit.value);
            key(a).total_cmp(&key(b)).then(a.cmp(b))
        });
        found
    }

    /// Names of those whose source is a placeholder.
    pub(crate) fn without_source(&self) -> impl Iterator<Item = &Name> {
        let empty = |text: &str| {
            let text = text.trim().to_lowercase();
            text.len() < 3 || matches!(text.as_str(), "tbd" | "todo" | "unknown" | "n/a" | "none")
        };
        let entries = self.entries.iter();
        entries
            .filter(move |entry| empty(&entry.limit.source))
            .map(|entry| &entry.limit.name)
    }

    pub(crate) fn get(&self, index: usize) -> Option<&LimitEntry> {
        self.entries.get(index)
    }

    /// Whether any entity has a limit of this name for the measure.
    pub(crate) fn has(&self, measure: &str, name: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| &*entry.measure == measure && &*entry.limit.name == name)
    }
}

pub(crate) fn load_thresholds(
    files: &PackFiles,
    vocabulary: &Vocabulary,
    errors: &mut Vec<PackError>,
) -> Limits {
    let mut limits = Limits::default();
    if !files.files.contains_key(FILE) {
        return limits;
    }
    let source = match Source::open(files, FILE) {
        Ok(source) => source,
        Err(error) => {
            errors.push(error);
            return limits;
        }
    };
    let document = source.parse();
    let top = Table::new(&source, &document, 0, "the file");
    let mut names = BTreeSet::new();
    for located in top.tables("limit") {
        let table = Table::new(&source, located.value, located.span.start, "limit");
        if let Some((scope, entry)) = read(&table, vocabulary) {
            let key = (
                scope.clone(),
                entry.measure.clone(),
                entry.limit.name.clone(),
            );
            if !names.insert(key) {
                let message = format!(
                    "limit `{}` is there twice for the same thing",
                    entry.limit.name
                );
                source.error(located.span.start, message);
            }
            let index = limits.entries.len();
            limits
                .by_scope
                .entry((scope, entry.measure.clone()))
                .or_default()
                .push(index);
            limits.entries.push(entry);
        }
        table.finish();
    }
    top.finish();
    errors.extend(source.into_errors());
    limits
}

fn read(table: &Table<'_, '_>, vocabulary: &Vocabulary) -> Option<(Scope, LimitEntry)> {
    let name = table.need("name", table.text("name"));
    let measure = table.need("measure", table.text("measure"));
    let value = table.need("value", table.number("value"));
    let unit = table.need("unit", table.text("unit"));
    let source = table.need("source", table.text("source"));
    let verified = table.need("verified", table.boolean("verified"));
    let scope = scope(table, vocabulary);
    let from = table.date("effective_from");
    let to = table.date("effective_to");
    let on_scale = table.boolean("scale").is_none_or(|scale| scale.value);
    if let (Some(from), Some(to)) = (&from, &to)
        && from.value >= to.value
    {
        table
            .source
            .error(to.span.start, "`effective_to` lies before `effective_from`");
    }
    if let Some(name) = &name {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.value.chars().all(plain) || name.value.starts_with(|c: char| c.is_ascii_digit()) {
            let message = "`name` is written with a-z, 0-9 and _, as conditions use it";
            table.source.error(name.span.start, message);
        }
    }
    let measure = measure.and_then(|measure| {
        let known = vocabulary.measures.get(measure.value);
        if known.is_none() {
            let message = format!("unknown measure `{}`", measure.value);
            table.source.error(measure.span.start, message);
        }
        known.map(|known| known.name.clone())
    });
    Some((
        scope?,
        LimitEntry {
            limit: Limit {
                name: name?.value.into(),
                value: value?.value,
                unit: unit?.value.into(),
                source: source?.value.to_owned(),
                verified: verified?.value,
            },
            measure: measure?,
            from: from.map_or(i64::MIN, |from| from.value),
            to: to.map_or(i64::MAX, |to| to.value),
            on_scale,
        },
    ))
}

fn scope(table: &Table<'_, '_>, vocabulary: &Vocabulary) -> Option<Scope> {
    let (entity, profile) = (table.text("entity"), table.text("profile"));
    match (entity, profile) {
        (Some(_), Some(profile)) => {
            table.source.error(
                profile.span.start,
                "`entity` and `profile` exclude each other",
            );
            None
        }
        (Some(entity), None) => {
            let known = vocabulary.entities.get(entity.value);
            if known.is_none() {
                let message = format!("unknown entity `{}`", entity.value);
                table.source.error(entity.span.start, message);
            }
            known.map(|known| Scope::Entity(known.id.clone()))
        }
        (None, Some(profile)) => {
            let known = vocabulary
                .entities
                .values()
                .any(|entity| &*entity.profile == profile.value);
            if !known {
                let message = format!("no listed entity has the profile `{}`", profile.value);
                table.source.error(profile.span.start, message);
            }
            known.then(|| Scope::Profile(profile.value.into()))
        }
        (None, None) => Some(Scope::Everywhere),
    }
}
