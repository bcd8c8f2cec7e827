//! `rules/*.toml` and, on trial, `rules/shadow/*.toml`: `[[rule]]` tables into compiled rules. Every key is described for
//! the author of a pack in `docs/rules.md`; here are the texts and the order of reading, beside it the scope, the weight and
//! the kinds.

use std::collections::BTreeMap;

use event::{
    MeasureInfo, MeasureType, Name, PackError, PackFiles, Quality, Severity, Stream, Text,
    Vocabulary,
};

use super::Limits;
use super::scope::check_binding;
use super::source::{Located, Source, Table};
use super::template::{self, Scope as TemplateScope};
use crate::cel::{COST_MAX, Environment, Mistake, Need};
use crate::ruleset::{Bilingual, Members, RULE_FAULT, RULES_MAX, Rule, WARNING};

pub(super) const SECOND: i64 = 1_000_000_000;
/// A measured value serves a rule this long unless the rule says otherwise.
const MAX_AGE_DEFAULT_NS: i64 = 3_600 * SECOND;
const REVISE_EVERY_DEFAULT_NS: i64 = 300 * SECOND;
/// Longest title, guidance; one is a line, the other a paragraph.
const TEXT_BYTES_MAX: usize = 1_024;

/// Files beside the rules that hold no rules.
const CASES: &str = "rules/cases/";
const SHADOW: &str = "rules/shadow/";

/// A rule and where it stands.
pub(crate) struct Loaded {
    pub(crate) rule: Rule,
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// Ordered by id, a rule on trial after the live one of its id.
pub(crate) fn load_rules(
    files: &PackFiles,
    vocabulary: &Vocabulary,
    limits: &Limits,
    errors: &mut Vec<PackError>,
) -> Vec<Loaded> {
    let mut rules = Vec::new();
    let mut ids: BTreeMap<(Name, bool), String> = BTreeMap::new();
    let paths = files.files.keys().filter(|path| {
        path.starts_with("rules/") && path.ends_with(".toml") && !path.starts_with(CASES)
    });
    for path in paths {
        let source = match Source::open(files, path) {
            Ok(source) => source,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let shadow = path.starts_with(SHADOW);
        let document = source.parse();
        let top = Table::new(&source, &document, 0, "the file");
        for located in top.tables("rule") {
            let table = Table::new(&source, located.value, located.span.start, "rule");
            let rule = Reader::new(table, vocabulary, limits).read(shadow);
            let Some(rule) = rule else { continue };
            if let Some(first) = ids.insert((rule.id.clone(), shadow), path.clone()) {
                let message = format!("rule `{}` is there twice, first in {first}", rule.id);
                source.error(located.span.start, message);
            }
            rules.push(Loaded {
                rule,
                file: path.clone(),
                line: source.line(located.span.start),
            });
            if rules.len() == RULES_MAX + 1 {
                source.error(located.span.start, format!("more than {RULES_MAX} rules"));
            }
        }
        top.finish();
        errors.extend(source.into_errors());
    }
    rules.sort_by(|a, b| (&a.rule.id, a.rule.shadow).cmp(&(&b.rule.id, b.rule.shadow)));
    rules
}

/// Names as one rule sees them.
pub(super) struct Names<'a> {
    vocabulary: &'a Vocabulary,
    limits: &'a Limits,
    measure: Option<Name>,
    /// What the condition calls the members of a correlation.
    members: Vec<Name>,
    kind: KindWord,
    site: bool,
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

    fn member(&self, name: &str) -> Option<u8> {
        let index = self.members.iter().position(|member| **member == *name)?;
        u8::try_from(index).ok()
    }

    fn is_site(&self) -> bool {
        self.site
    }

    fn has_members(&self) -> bool {
        self.kind == KindWord::Correlation
    }
}

pub(super) struct Reader<'s, 'f, 'v> {
    pub(super) table: Table<'s, 'f>,
    pub(super) vocabulary: &'v Vocabulary,
    pub(super) limits: &'v Limits,
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
    fn read(mut self, shadow: bool) -> Option<Rule> {
        let id = self.id();
        let version = self
            .table
            .need("version", self.table.count("version", 1..1_000_001));
        let title = self.texts("title");
        let stream = self.choice("stream", &STREAMS);
        let severity = self.choice("severity", &SEVERITIES);
        let word = self.choice("kind", &KINDS);
        let kind_word = word.unwrap_or(KindWord::Condition);
        if word.is_some() {
            self.refuse_others(kind_word);
        }
        let site = self.table.boolean("site").is_some_and(|site| site.value);
        let measured = matches!(word, Some(KindWord::Condition | KindWord::Sequence));
        let measure = self.measure(measured);
        let members = self.members(kind_word);
        let names = Names {
            vocabulary: self.vocabulary,
            limits: self.limits,
            measure: measure.as_ref().map(|measure| measure.name.clone()),
            members: members.iter().map(|member| member.name.clone()).collect(),
            kind: kind_word,
            site: site && kind_word == KindWord::Condition,
        };
        // The measure of the rule is its first slot.
        if let Some(measure) = measure {
            self.need.slot(0, measure.name.clone());
        }
        let kind = match word {
            Some(KindWord::Condition) => self.condition(&names, site.then_some(Members::Scope)),
            Some(KindWord::Correlation) => self.condition(&names, Some(Members::Named(members))),
            Some(KindWord::Absence) => self.absence(&names),
            Some(KindWord::Sequence) => self.sequence(&names),
            None => None,
        };
        let corroborate = self.corroborate(&names, site, severity);
        let weight = self.weight(&names, severity);
        let cost = self.need.cost;
        let message = self.message(&names, measure, word == Some(KindWord::Absence));
        self.check_cost(cost);
        let guidance = self.texts("guidance");
        let scope = self.scope(&message, kind_word);
        let rest = self.rest();
        self.table.finish();
        let (kind, condition) = kind?;
        let rule = Rule {
            id: id?,
            version: version?.value,
            title: title?,
            stream: stream?,
            severity: severity?,
            priority: weight.priority,
            cause: weight.cause,
            response: weight.response,
            audience: weight.audience,
            measure: names.measure,
            scope: scope?,
            estimate: weight.estimate || kind.is_ahead(),
            kind,
            enabled: weight.enabled,
            effective_from: weight.effective_from,
            effective_to: weight.effective_to,
            corroborate,
            condition,
            need: self.need,
            max_age_ns: rest.max_age_ns,
            accept: rest.accept,
            revise_step: rest.revise_step,
            revise_every_ns: rest.revise_every_ns,
            message: message?,
            guidance: guidance?,
            unofficial: rest.unofficial,
            latch: weight.latch,
            remind_every_ns: weight.remind_every_ns,
            shadow,
            cost,
        };
        check_binding(&self.table, &rule, self.vocabulary, self.limits);
        Some(rule)
    }

    /// All of a rule's conditions together, and all of its message's slots together.
    fn check_cost(&self, cost: u64) {
        let message = self.need.cost.saturating_sub(cost);
        for (what, cost) in [("conditions", cost), ("message", message)] {
            if cost > COST_MAX {
                let message = format!(
                    "{}: its {what} may cost {cost} steps, more than {COST_MAX}",
                    self.table.what
                );
                self.table.source.error(self.table.at, message);
            }
        }
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
        if id.value == WARNING {
            let message = format!("`{WARNING}` is kept for warnings of other bodies");
            self.table.source.error(id.span.start, message);
            return None;
        }
        Some(id.value.into())
    }

    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
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

pub(super) const SEVERITIES: [(&str, Severity); 5] = [
    ("critical", Severity::Critical),
    ("major", Severity::Major),
    ("minor", Severity::Minor),
    ("warning", Severity::Warning),
    ("info", Severity::Info),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KindWord {
    Condition,
    Absence,
    Sequence,
    Correlation,
}

pub(super) const KINDS: [(&str, KindWord); 4] = [
    ("condition", KindWord::Condition),
    ("absence", KindWord::Absence),
    ("sequence", KindWord::Sequence),
    ("correlation", KindWord::Correlation),
];

pub(super) fn report(source: &Source<'_>, text: &Located<&str>, mistakes: &[Mistake]) {
    for mistake in mistakes {
        source.error(
            source.inside(&text.span, mistake.at),
            mistake.message.clone(),
        );
    }
}
