//! The compiled rules of a site pack and how they bind to an entity.

use std::collections::BTreeSet;
use std::sync::Arc;

use event::{EntityInfo, Limit, Name, PackError, PackFiles, Severity, Stream, Text, Vocabulary};
use serde::Serialize;

use crate::book::BookConfig;
use crate::cel::{LimitCell, Need, Program};
use crate::load::{LimitEntry, Limits, load_book, load_rules, load_thresholds};
use crate::text::Template;

/// Id of the engine's own alerts about rules that cannot be computed; no rule of a pack may have it.
pub const RULE_FAULT: &str = "rule-fault";
/// Most rules of a pack.
pub const RULES_MAX: usize = 1_024;

/// The rules and thresholds of a site pack, compiled. Immutable; a changed pack makes a new one.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) limits: Limits,
    /// The ladder of escalation and the causes of incidents.
    pub book: Arc<BookConfig>,
}

/// A rule as the screens list it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleInfo {
    pub id: String,
    pub version: u32,
    pub severity: Severity,
    pub stream: Stream,
    pub measure: Option<Name>,
    pub title: Text,
    pub condition: String,
    pub unofficial: bool,
}

/// Which entities a rule is for: all of its stream that carry its measures, unless narrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scope {
    pub(crate) profiles: Vec<Name>,
    /// Ids, or patterns with `*` at the end.
    pub(crate) entities: Vec<String>,
    /// The texts use labels, which only listed entities have.
    pub(crate) listed_only: bool,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    Condition {
        raise: Program,
        clear: Clear,
        hold_ns: i64,
        release_ns: i64,
    },
    Absence {
        after_ns: i64,
        after_intervals: u32,
        expected_only: bool,
        when: Option<Program>,
    },
}

#[derive(Debug, PartialEq)]
pub(crate) enum Clear {
    /// As soon as the condition is false.
    NotRaise,
    When(Program),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bilingual {
    pub(crate) vi: Template,
    pub(crate) en: Template,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) id: Name,
    pub(crate) version: u32,
    pub(crate) title: Text,
    pub(crate) stream: Stream,
    pub(crate) severity: Severity,
    /// What the rule is about; none for "any message of the device".
    pub(crate) measure: Option<Name>,
    pub(crate) scope: Scope,
    pub(crate) kind: Kind,
    /// The condition as written.
    pub(crate) condition: String,
    pub(crate) need: Need,
    pub(crate) max_age_ns: i64,
    /// Quality bits with which a value may still raise.
    pub(crate) accept: u16,
    /// A change of the value that is told as a revision, and how often at most (observed time).
    pub(crate) revise_step: Option<f64>,
    pub(crate) revise_every_ns: i64,
    pub(crate) message: Bilingual,
    pub(crate) guidance: Text,
    pub(crate) unofficial: bool,
}

impl RuleSet {
    /// Reads `thresholds.toml`, `rules/*.toml`, `escalation.toml` and `causes.toml`; all mistakes at once.
    pub fn load(files: &PackFiles, vocabulary: &Vocabulary) -> Result<Self, Vec<PackError>> {
        let mut errors = Vec::new();
        let limits = load_thresholds(files, vocabulary, &mut errors);
        let rules = load_rules(files, vocabulary, &limits, &mut errors);
        let book = Arc::new(load_book(files, &mut errors));
        check_measures(&rules, &mut errors);
        if errors.is_empty() {
            return Ok(Self {
                rules,
                limits,
                book,
            });
        }
        errors.sort_by(|a, b| {
            a.file
                .cmp(&b.file)
                .then(a.line.cmp(&b.line))
                .then_with(|| a.message.cmp(&b.message))
        });
        Err(errors)
    }

    pub fn info(&self) -> Vec<RuleInfo> {
        let rules = self.rules.iter().map(|rule| RuleInfo {
            id: rule.id.to_string(),
            version: rule.version,
            severity: rule.severity,
            stream: rule.stream,
            measure: rule.measure.clone(),
            title: rule.title.clone(),
            condition: rule.condition.clone(),
            unofficial: rule.unofficial,
        });
        rules.collect()
    }

    /// The limits on the scale of a measure at an entity, ascending, whatever the date.
    pub fn limits(&self, vocabulary: &Vocabulary, entity: &str, measure: &str) -> Vec<Limit> {
        self.on_scale(vocabulary, entity, measure)
            .map(|entry| entry.limit.clone())
            .collect()
    }

    /// Those in force at `at`.
    pub(crate) fn scale(
        &self,
        vocabulary: &Vocabulary,
        entity: &Name,
        measure: &Name,
        at: i64,
    ) -> Vec<Limit> {
        self.on_scale(vocabulary, entity, measure)
            .filter(|entry| entry.from <= at && at < entry.to)
            .map(|entry| entry.limit.clone())
            .collect()
    }

    /// A limit in another unit (a rate of rise) belongs on no bar of values.
    fn on_scale(
        &self,
        vocabulary: &Vocabulary,
        entity: &str,
        measure: &str,
    ) -> impl Iterator<Item = &LimitEntry> {
        let profile = vocabulary.entities.get(entity).map(|info| &info.profile);
        let unit = vocabulary
            .measures
            .get(measure)
            .map(|info| info.unit.clone());
        let indices = self.limits.of(&entity.into(), profile, &measure.into());
        let entries = indices
            .into_iter()
            .filter_map(|index| self.limits.get(index));
        entries.filter(move |entry| entry.on_scale && Some(&entry.limit.unit) == unit.as_ref())
    }
}

/// An entity's slots are numbered in the 64 bits of a mask.
fn check_measures(rules: &[Rule], errors: &mut Vec<PackError>) {
    for stream in [
        Stream::Disaster,
        Stream::Energy,
        Stream::Environment,
        Stream::Tourism,
        Stream::City,
    ] {
        let of_stream = rules.iter().filter(|rule| rule.stream == stream);
        let measures: BTreeSet<&Name> = of_stream.flat_map(|rule| &rule.need.measures).collect();
        if measures.len() > 64 {
            errors.push(PackError {
                file: "rules".to_owned(),
                line: 0,
                message: format!(
                    "the rules of one stream read {} measures, more than 64",
                    measures.len()
                ),
            });
        }
    }
}

impl Scope {
    pub(crate) fn covers(&self, id: &str, info: Option<&EntityInfo>) -> bool {
        let profile = self.profiles.is_empty()
            || info.is_some_and(|info| self.profiles.contains(&info.profile));
        let entity = self.entities.is_empty()
            || self
                .entities
                .iter()
                .any(|pattern| match pattern.strip_suffix('*') {
                    Some(prefix) => id.starts_with(prefix),
                    None => pattern == id,
                });
        profile && entity && (info.is_some() || !self.listed_only)
    }
}

impl Rule {
    /// The entity's limits that the rule names, or none if it lacks one: then the rule is not for this entity.
    pub(crate) fn limits_at(
        &self,
        limits: &Limits,
        entity: &Name,
        profile: Option<&Name>,
    ) -> Option<Vec<usize>> {
        if self.need.limits.is_empty() {
            return Some(Vec::new());
        }
        let of = limits.of(entity, profile, self.measure.as_ref()?);
        let find = |name: &Name| {
            let named = |index: &usize| limits.get(*index).is_some_and(|e| e.limit.name == *name);
            of.iter().copied().find(named)
        };
        self.need.limits.iter().map(find).collect()
    }
}

impl LimitEntry {
    pub(crate) const fn cell(&self) -> LimitCell {
        LimitCell {
            value: self.limit.value,
            from: self.from,
            to: self.to,
        }
    }
}
