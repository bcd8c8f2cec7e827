//! The compiled rules of a site pack and how they bind to an entity.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event::{
    EntityInfo, Limit, Name, PackError, PackFiles, Priority, Response, Severity, Stream, Text,
    Vocabulary,
};
use serde::Serialize;

use crate::book::BookConfig;
use crate::cel::{LimitCell, Need, Program};
use crate::load::{LimitEntry, Limits, Loaded, advise, load_book, load_rules, load_thresholds};
use crate::text::Template;

/// Id of the engine's own alerts about rules that cannot be computed; no rule of a pack may have it.
pub const RULE_FAULT: &str = "rule-fault";
/// The rule id of alerts that are warnings of other bodies.
pub const WARNING: &str = "warning";
/// Most rules of a pack.
pub const RULES_MAX: usize = 1_024;

/// The rules and thresholds of a site pack, compiled. Immutable; a changed pack makes a new one.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// By id; a rule on trial comes after the live one of its id.
    pub(crate) rules: Vec<Rule>,
    pub(crate) limits: Limits,
    pub(crate) advice: Vec<PackError>,
    /// The ladder of escalation and the causes of incidents.
    pub book: Arc<BookConfig>,
}

/// A rule as the screens list it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleInfo {
    pub id: String,
    pub version: u32,
    /// `condition`, `absence`, `sequence`, `correlation` or `site`.
    pub kind: &'static str,
    pub severity: Severity,
    pub priority: Priority,
    pub stream: Stream,
    pub measure: Option<Name>,
    pub cause: Option<Name>,
    pub title: Text,
    pub condition: String,
    pub unofficial: bool,
    pub estimate: bool,
    /// On trial: evaluated and recorded, told to nobody.
    pub shadow: bool,
    /// Worst case of evaluating it once, in steps.
    pub cost: u64,
}

/// Which entities a rule is for: all of its stream that carry its measures, unless narrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scope {
    pub(crate) profiles: Vec<Name>,
    /// Ids, or patterns with `*` at the end.
    pub(crate) entities: Vec<String>,
    /// Codes of communes and wards.
    pub(crate) areas: Vec<Name>,
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
    /// `then` at a point p with `first` at a point in [p - within, p). With `missing`: begins with the onset of `first` when
    /// `within` has passed after it and no point had `then`.
    Sequence {
        first: Program,
        then: Program,
        within_ns: i64,
        missing: bool,
        /// Ends at a point where this is true,
        clear: Option<Program>,
        /// or so long after it began; one of the two is there.
        lasts_ns: Option<i64>,
    },
    /// One key over several entities (the key's entity is the first). The rule's slots belong to members
    /// (`Need::members`).
    Group {
        members: Members,
        raise: Program,
        clear: Clear,
        hold_ns: i64,
        release_ns: i64,
    },
}

impl Kind {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Condition { .. } => "condition",
            Self::Absence { .. } => "absence",
            Self::Sequence { .. } => "sequence",
            Self::Group {
                members: Members::Named(_),
                ..
            } => "correlation",
            Self::Group {
                members: Members::Scope,
                ..
            } => "site",
        }
    }
}

/// Whom a rule of one key reads.
#[derive(Debug, PartialEq)]
pub(crate) enum Members {
    /// `kind = "correlation"`: entities by the name that the condition calls them, in the order of `Need::members`.
    Named(Vec<Member>),
    /// `site = true`: the listed entities that the scope covers, in the order of their ids; the condition reads them
    /// through `across`, each with its own thresholds.
    Scope,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: Name,
    pub(crate) entity: Name,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Clear {
    /// As soon as the condition is false.
    NotRaise,
    When(Program),
}

/// Whether the neighbours say so too. Only for rules of kind `condition`.
#[derive(Debug, PartialEq)]
pub(crate) struct Corroborate {
    /// What a neighbour must satisfy, with its own values and thresholds (slots and limits numbered as the rule's); none = the
    /// rule's condition.
    pub(crate) condition: Option<Program>,
    /// So many neighbours, at least 1.
    pub(crate) at_least: u32,
    pub(crate) around: Around,
    /// At a point of the neighbour at most so long before (and, for a river, after its travel time) the time asked for.
    pub(crate) window_ns: i64,
    /// While too few neighbours say so.
    pub(crate) lone_severity: Severity,
}

/// Who counts as a neighbour: entities of the same stream that the rule covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Around {
    /// Within so many km (great circle).
    Distance { km: f64 },
    /// On the same river, on that side, by `EntityInfo::river_km`; water takes at most `travel_ns` between them.
    River { side: Side, travel_ns: i64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Upstream,
    Downstream,
    Both,
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
    pub(crate) priority: Priority,
    /// What its alerts have in common with others (`flood`).
    pub(crate) cause: Option<Name>,
    pub(crate) response: Vec<Response>,
    pub(crate) audience: Vec<Name>,
    /// What the rule is about; none for "any message of the device".
    pub(crate) measure: Option<Name>,
    pub(crate) scope: Scope,
    pub(crate) kind: Kind,
    /// False = raise no, clear yes; unknown = enabled.
    pub(crate) enabled: Option<Program>,
    /// In force for observed times from (inclusive) to (exclusive), nanoseconds; outside: raise no, clear yes.
    pub(crate) effective_from: i64,
    pub(crate) effective_to: i64,
    pub(crate) corroborate: Option<Corroborate>,
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
    /// Computed ahead, not measured.
    pub(crate) estimate: bool,
    /// After its return the alert waits for a reset by hand.
    pub(crate) latch: bool,
    /// None = as the ladder says.
    pub(crate) remind_every_ns: Option<i64>,
    /// On trial: evaluated and recorded, told to nobody. May have the id of a live rule.
    pub(crate) shadow: bool,
    /// Worst case of evaluating its conditions once, in steps.
    pub(crate) cost: u64,
}

impl Rule {
    /// Whether it is in force for an observation at `at`.
    pub(crate) const fn in_force(&self, at: i64) -> bool {
        self.effective_from <= at && at < self.effective_to
    }
}

impl RuleSet {
    /// Reads `thresholds.toml`, `rules/*.toml`, on trial `rules/shadow/*.toml`, `escalation.toml` and `causes.toml`; all
    /// mistakes at once.
    pub fn load(files: &PackFiles, vocabulary: &Vocabulary) -> Result<Self, Vec<PackError>> {
        let mut errors = Vec::new();
        let limits = load_thresholds(files, vocabulary, &mut errors);
        let rules = load_rules(files, vocabulary, &limits, &mut errors);
        let book = Arc::new(load_book(files, &mut errors));
        check_measures(&rules, vocabulary, &mut errors);
        if errors.is_empty() {
            let advice = advise(&rules, &limits, vocabulary);
            return Ok(Self {
                rules: rules.into_iter().map(|loaded| loaded.rule).collect(),
                limits,
                advice,
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

    /// What is allowed but seldom meant, by file and line.
    pub fn advice(&self) -> &[PackError] {
        &self.advice
    }

    pub fn info(&self) -> Vec<RuleInfo> {
        let rules = self.rules.iter().map(|rule| RuleInfo {
            id: rule.id.to_string(),
            version: rule.version,
            kind: rule.kind.name(),
            severity: rule.severity,
            priority: rule.priority,
            stream: rule.stream,
            measure: rule.measure.clone(),
            cause: rule.cause.clone(),
            title: rule.title.clone(),
            condition: rule.condition.clone(),
            unofficial: rule.unofficial,
            estimate: rule.estimate,
            shadow: rule.shadow,
            cost: rule.cost,
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
fn check_measures(rules: &[Loaded], vocabulary: &Vocabulary, errors: &mut Vec<PackError>) {
    let mut read: BTreeMap<Stream, BTreeSet<&Name>> = BTreeMap::new();
    for Loaded { rule, .. } in rules {
        let members: &[Member] = match &rule.kind {
            Kind::Group {
                members: Members::Named(members),
                ..
            } => members,
            Kind::Condition { .. }
            | Kind::Absence { .. }
            | Kind::Sequence { .. }
            | Kind::Group { .. } => &[],
        };
        for (measure, owner) in rule.need.measures.iter().zip(&rule.need.members) {
            let member = members.get(usize::from(*owner));
            let info = member.and_then(|member| vocabulary.entities.get(&*member.entity));
            let stream = info.map_or(rule.stream, |info| info.stream);
            read.entry(stream).or_default().insert(measure);
        }
    }
    for measures in read.values().filter(|measures| measures.len() > 64) {
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
        let area = self.areas.is_empty()
            || info
                .and_then(|info| info.area.as_ref())
                .is_some_and(|area| self.areas.contains(area));
        profile && entity && area && (info.is_some() || !self.listed_only)
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
