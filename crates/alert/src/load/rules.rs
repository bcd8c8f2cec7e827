//! `rules/*.toml`: `[[rule]]` tables into compiled rules.
//!
//! | key | meaning |
//! |---|---|
//! | `id`, `version`, `stream`, `severity` | `[a-z0-9-]`; a number that rises with every change; the closed lists |
//! | `kind` | `condition` or `absence` |
//! | `measure` | what the rule is about: its limits are `limit.NAME`, its value is the alert's; optional for `absence` |
//! | `profiles`, `entities` | narrow the rule (ids, or prefixes with `*`); without them, every entity of the stream. An entity that lacks a limit named in the rule has no such rule |
//! | `condition`, `clear`, `dead_band` | when it rings; when it is gone (default: condition false); or a band for a single comparison |
//! | `hold`, `release` | how long (observed time) the condition, or its being gone, must last |
//! | `max_age` | a value of another message serves this long (default 1 h) |
//! | `bad_quality` | qualities that may raise (they never clear) |
//! | `when`, `after`, `after_intervals`, `expected_only` | absence: only if the last values say so; the longer of a time and so many intervals; false = any entity that ever spoke |
//! | `revise_step`, `revise_every` | tells a changed value: by so much, not more often than (default 5 min) |
//! | `title`, `message`, `guidance` | `vi` and `en`; `message` has slots, see [`crate::text`] |
//! | `unofficial` | the level is computed here and is no bulletin |

use std::collections::BTreeMap;

use event::{
    MeasureInfo, MeasureType, Name, PackError, PackFiles, Quality, Severity, Stream, Text,
    Vocabulary,
};

use super::Limits;
use super::source::{Located, Source, Table};
use super::template::{self, Scope as TemplateScope};
use crate::cel::{Environment, Mistake, Need};
use crate::ruleset::{Bilingual, RULE_FAULT, RULES_MAX, Rule, Scope};
use crate::text::Part;

pub(super) const SECOND: i64 = 1_000_000_000;
/// A measured value serves a rule this long unless the rule says otherwise.
const MAX_AGE_DEFAULT_NS: i64 = 3_600 * SECOND;
const REVISE_EVERY_DEFAULT_NS: i64 = 300 * SECOND;
/// Longest title, guidance; one is a line, the other a paragraph.
const TEXT_BYTES_MAX: usize = 1_024;

pub(crate) fn load_rules(
    files: &PackFiles,
    vocabulary: &Vocabulary,
    limits: &Limits,
    errors: &mut Vec<PackError>,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut ids: BTreeMap<Name, String> = BTreeMap::new();
    let paths = files
        .files
        .keys()
        .filter(|path| path.starts_with("rules/") && path.ends_with(".toml"));
    for path in paths {
        let source = match Source::open(files, path) {
            Ok(source) => source,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let document = source.parse();
        let top = Table::new(&source, &document, 0, "the file");
        for located in top.tables("rule") {
            let table = Table::new(&source, located.value, located.span.start, "rule");
            let rule = Reader::new(table, vocabulary, limits).read();
            let Some(rule) = rule else { continue };
            if let Some(first) = ids.insert(rule.id.clone(), path.clone()) {
                let message = format!("rule `{}` is there twice, first in {first}", rule.id);
                source.error(located.span.start, message);
            }
            rules.push(rule);
            if rules.len() == RULES_MAX + 1 {
                source.error(located.span.start, format!("more than {RULES_MAX} rules"));
            }
        }
        top.finish();
        errors.extend(source.into_errors());
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

/// Names as one rule sees them.
pub(super) struct Names<'a> {
    vocabulary: &'a Vocabulary,
    limits: &'a Limits,
    measure: Option<Name>,
}

impl Environment for Names<'_> {
    fn measure(&self, name: &str) -> Option<(Name, MeasureType)> {
        self.vocabulary
            .measures
            .get(name)
            .map(|info| (info.name.clone(), info.kind))
    }

    fn limit_exists(&self, name: &str) -> bool {
        self.measure
            .as_ref()
            .is_some_and(|measure| self.limits.has(measure, name))
    }

    fn measures(&self) -> Vec<String> {
        self.vocabulary.measures.keys().cloned().collect()
    }
}

pub(super) struct Reader<'s, 'f, 'v> {
    pub(super) table: Table<'s, 'f>,
    vocabulary: &'v Vocabulary,
    limits: &'v Limits,
    pub(super) need: Need,
}

impl<'s, 'f, 'v> Reader<'s, 'f, 'v> {
    fn new(mut table: Table<'s, 'f>, vocabulary: &'v Vocabulary, limits: &'v Limits) -> Self {
        if let Some(id) = table.text("id") {
            table.what = format!("rule `{}`", id.value);
        }
        Self {
            table,
            vocabulary,
            limits,
            need: Need::default(),
        }
    }

    /// Reads everything before giving up, so that all mistakes are told.
    fn read(mut self) -> Option<Rule> {
        let id = self.id();
        let version = self
            .table
            .need("version", self.table.count("version", 1..1_000_001));
        let title = self.texts("title");
        let stream = self.choice("stream", &STREAMS);
        let severity = self.choice("severity", &SEVERITIES);
        let absence = self.choice("kind", &KINDS);
        let measure = self.measure(absence == Some(false));
        let names = Names {
            vocabulary: self.vocabulary,
            limits: self.limits,
            measure: measure.as_ref().map(|measure| measure.name.clone()),
        };
        // The measure of the rule is its first slot.
        if let Some(measure) = measure {
            self.need.measures.push(measure.name.clone());
            self.need.windows.push(0);
            self.need.members.push(0);
        }
        let kind = match absence {
            Some(false) => self.condition(&names),
            Some(true) => self.absence(&names),
            None => None,
        };
        let message = self.message(&names, measure, absence == Some(true));
        let guidance = self.texts("guidance");
        let scope = self.scope(&message);
        let rest = self.rest();
        self.table.finish();
        let (kind, condition) = kind?;
        let rule = Rule {
            id: id?,
            version: version?.value,
            title: title?,
            stream: stream?,
            severity: severity?,
            priority: event::Priority::default(),
            cause: None,
            response: Vec::new(),
            audience: Vec::new(),
            measure: names.measure,
            scope: scope?,
            kind,
            enabled: None,
            effective_from: i64::MIN,
            effective_to: i64::MAX,
            corroborate: None,
            condition,
            need: self.need,
            max_age_ns: rest.max_age_ns,
            accept: rest.accept,
            revise_step: rest.revise_step,
            revise_every_ns: rest.revise_every_ns,
            message: message?,
            guidance: guidance?,
            unofficial: rest.unofficial,
            estimate: false,
            latch: false,
            remind_every_ns: None,
            shadow: false,
            cost: 0,
        };
        check_binding(&self.table, &rule, self.vocabulary, self.limits);
        Some(rule)
    }

    fn id(&self) -> Option<Name> {
        let id = self.table.need("id", self.table.text("id"))?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.value.len() > 64 || !id.value.chars().all(plain) {
            let message = "`id` is written with a-z, 0-9 and -, at most 64 characters";
            self.table.source.error(id.span.start, message);
            return None;
        }
        if id.value == RULE_FAULT {
            let message = format!("`{RULE_FAULT}` is kept for rules that cannot be computed");
            self.table.source.error(id.span.start, message);
            return None;
        }
        Some(id.value.into())
    }

    fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.table.need(key, self.table.text(key))?;
        let found = choices
            .iter()
            .find(|(name, _)| *name == text.value)
            .map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let message = format!("`{key}` is one of {}", names.join(", "));
            self.table.source.error(text.span.start, message);
        }
        found
    }

    fn measure(&self, required: bool) -> Option<&'v MeasureInfo> {
        let text = self.table.text("measure");
        let text = if required {
            self.table.need("measure", text)
        } else {
            text
        }?;
        let found = self.vocabulary.measures.get(text.value);
        if found.is_none() {
            let message = format!("unknown measure `{}`", text.value);
            self.table.source.error(text.span.start, message);
        }
        found
    }

    /// `{ vi = "…", en = "…" }`, plain text.
    fn texts(&self, key: &'static str) -> Option<Text> {
        let table = self.table.need(key, self.table.table(key))?;
        let vi = table.need("vi", table.text("vi"));
        let en = table.need("en", table.text("en"));
        table.finish();
        for text in [&vi, &en].into_iter().flatten() {
            if text.value.len() > TEXT_BYTES_MAX {
                let message = format!("longer than {TEXT_BYTES_MAX} bytes");
                table.source.error(text.span.start, message);
            }
        }
        Some(Text {
            vi: vi?.value.to_owned(),
            en: en?.value.to_owned(),
        })
    }

    fn message(
        &mut self,
        names: &Names<'_>,
        measure: Option<&MeasureInfo>,
        absence: bool,
    ) -> Option<Bilingual> {
        let table = self.table.need("message", self.table.table("message"))?;
        let vi = table.need("vi", table.text("vi"));
        let en = table.need("en", table.text("en"));
        table.finish();
        let scope = TemplateScope {
            environment: names,
            decimals: measure.map_or(1, |measure| measure.decimals),
            unit: measure.map(|measure| &measure.unit_text),
            absence,
        };
        let mut parse = |text: Located<&str>| {
            template::parse(text.value, &scope, &mut self.need)
                .map_err(|mistakes| report(table.source, &text, &mistakes))
                .ok()
        };
        let (vi, en) = (vi.and_then(&mut parse), en.and_then(&mut parse));
        Some(Bilingual { vi: vi?, en: en? })
    }

    fn scope(&self, message: &Option<Bilingual>) -> Option<Scope> {
        let mut scope = Scope::default();
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
        let parts = message
            .iter()
            .flat_map(|both| both.vi.parts.iter().chain(&both.en.parts));
        scope.listed_only = parts.into_iter().any(|part| matches!(part, Part::Label(_)));
        Some(scope)
    }

    fn rest(&self) -> Rest {
        let mut accept = 0;
        for name in self
            .table
            .texts("bad_quality")
            .into_iter()
            .flat_map(|names| names.value)
        {
            let known = [
                Quality::OUT_OF_RANGE,
                Quality::MAINTENANCE,
                Quality::SENSOR_FAULT,
            ];
            match known
                .into_iter()
                .find(|bit| bit.names().contains(&name.value))
            {
                Some(bit) => accept |= bit.0,
                None => {
                    let message = "`bad_quality` lists out_of_range, maintenance, sensor_fault";
                    self.table.source.error(name.span.start, message);
                }
            }
        }
        let step = self.table.number("revise_step");
        if let Some(step) = step.as_ref().filter(|step| step.value <= 0.0) {
            self.table
                .source
                .error(step.span.start, "`revise_step` must be above 0");
        }
        let every = self.table.duration("revise_every");
        let max_age = self.table.duration("max_age");
        Rest {
            accept,
            revise_step: step.map(|step| step.value),
            revise_every_ns: every.map_or(REVISE_EVERY_DEFAULT_NS, |every| every.value),
            max_age_ns: max_age.map_or(MAX_AGE_DEFAULT_NS, |age| age.value),
            unofficial: self
                .table
                .boolean("unofficial")
                .is_some_and(|unofficial| unofficial.value),
        }
    }
}

struct Rest {
    accept: u16,
    revise_step: Option<f64>,
    revise_every_ns: i64,
    max_age_ns: i64,
    unofficial: bool,
}

const STREAMS: [(&str, Stream); 5] = [
    ("disaster", Stream::Disaster),
    ("energy", Stream::Energy),
    ("environment", Stream::Environment),
    ("tourism", Stream::Tourism),
    ("city", Stream::City),
];

const SEVERITIES: [(&str, Severity); 5] = [
    ("critical", Severity::Critical),
    ("major", Severity::Major),
    ("minor", Severity::Minor),
    ("warning", Severity::Warning),
    ("info", Severity::Info),
];

/// Whether it is about absence.
const KINDS: [(&str, bool); 2] = [("condition", false), ("absence", true)];

pub(super) fn report(source: &Source<'_>, text: &Located<&str>, mistakes: &[Mistake]) {
    for mistake in mistakes {
        source.error(
            source.inside(&text.span, mistake.at),
            mistake.message.clone(),
        );
    }
}

/// What can only be known of the whole rule: that it is for somebody, that an entity named by its id has the limits
/// asked for, and that whoever it is for has the labels of its texts.
fn check_binding(table: &Table<'_, '_>, rule: &Rule, vocabulary: &Vocabulary, limits: &Limits) {
    if rule.need.measures.len() > 32 {
        table
            .source
            .error(table.at, format!("{}: more than 32 measures", table.what));
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
    let open = !rule.scope.listed_only && rule.scope.profiles.is_empty();
    let pattern = rule.scope.entities.iter().any(|id| id.ends_with('*'));
    if bound == 0 && !(open && (pattern || rule.scope.entities.is_empty())) {
        table
            .source
            .error(table.at, format!("{}: is for no entity at all", table.what));
    }
}
