//! What a rule says of the weight of its alerts, of whom they are for, and of when it is in force.

use event::{Name, Priority, Response, Severity};

use super::rules::{Names, Reader, SECOND, report};
use crate::cel::{self, Program, compile};

/// Most words of `audience`, and the longest of them.
const AUDIENCE_MAX: usize = 16;
const WORD_BYTES_MAX: usize = 64;

const PRIORITIES: [(&str, Priority); 3] = [
    ("high", Priority::High),
    ("medium", Priority::Medium),
    ("low", Priority::Low),
];

/// CAP's words.
const RESPONSES: [(&str, Response); 9] = [
    ("Shelter", Response::Shelter),
    ("Evacuate", Response::Evacuate),
    ("Prepare", Response::Prepare),
    ("Execute", Response::Execute),
    ("Avoid", Response::Avoid),
    ("Monitor", Response::Monitor),
    ("Assess", Response::Assess),
    ("AllClear", Response::AllClear),
    ("None", Response::None),
];

pub(super) struct Weight {
    pub(super) priority: Priority,
    pub(super) cause: Option<Name>,
    pub(super) response: Vec<Response>,
    pub(super) audience: Vec<Name>,
    pub(super) enabled: Option<Program>,
    pub(super) effective_from: i64,
    pub(super) effective_to: i64,
    pub(super) latch: bool,
    pub(super) remind_every_ns: Option<i64>,
    pub(super) estimate: bool,
}

impl Reader<'_, '_, '_> {
    pub(super) fn weight(&mut self, names: &Names<'_>, severity: Option<Severity>) -> Weight {
        let priority = match self.table.has("priority") {
            true => self.choice("priority", &PRIORITIES),
            false => severity.map(by_severity),
        };
        let (effective_from, effective_to) = self.effective();
        Weight {
            priority: priority.unwrap_or_default(),
            cause: self.cause(),
            response: self.response(),
            audience: self.audience(),
            enabled: self.enabled(names),
            effective_from,
            effective_to,
            latch: self.table.boolean("latch").is_some_and(|latch| latch.value),
            remind_every_ns: self.remind_every(),
            estimate: (self.table.boolean("estimate")).is_some_and(|estimate| estimate.value),
        }
    }

    fn cause(&self) -> Option<Name> {
        let cause = self.table.text("cause")?;
        if !is_word(cause.value) {
            let message = "`cause` is written with a-z, 0-9, - and _, at most 64 characters";
            self.table.source.error(cause.span.start, message);
        }
        Some(cause.value.into())
    }

    fn response(&self) -> Vec<Response> {
        let mut found = Vec::new();
        let words = self.table.texts("response").into_iter();
        for word in words.flat_map(|words| words.value) {
            match RESPONSES.iter().find(|(name, _)| *name == word.value) {
                Some((_, response)) if !found.contains(response) => found.push(*response),
                Some(_) => {
                    let message = format!("`{}` is there twice", word.value);
                    self.table.source.error(word.span.start, message);
                }
                None => {
                    let names: Vec<&str> = RESPONSES.iter().map(|(name, _)| *name).collect();
                    let message = format!("`response` lists {}", names.join(", "));
                    self.table.source.error(word.span.start, message);
                }
            }
        }
        found
    }

    fn audience(&self) -> Vec<Name> {
        let Some(words) = self.table.texts("audience") else {
            return Vec::new();
        };
        if words.value.len() > AUDIENCE_MAX {
            let message = format!("`audience` has at most {AUDIENCE_MAX} words");
            self.table.source.error(words.span.start, message);
        }
        for word in words.value.iter().filter(|word| !is_word(word.value)) {
            let message = "an audience is written with a-z, 0-9, - and _, at most 64 characters";
            self.table.source.error(word.span.start, message);
        }
        let words = words.value.into_iter().take(AUDIENCE_MAX);
        words.map(|word| word.value.into()).collect()
    }

    /// May ask the clock of the site alone, but is no constant.
    fn enabled(&mut self, names: &Names<'_>) -> Option<Program> {
        let text = self.table.text("enabled")?;
        let source = self.table.source;
        match compile(text.value, cel::Kind::Boolean, names, &mut self.need) {
            Ok(program) if program.is_constant() => {
                let message = "`enabled` is always the same; leave it out, or take the rule out";
                source.error(text.span.start, message);
                None
            }
            Ok(program) => Some(program),
            Err(mistakes) => {
                report(source, &text, &mistakes);
                None
            }
        }
    }

    fn effective(&self) -> (i64, i64) {
        let from = self.table.date("effective_from");
        let to = self.table.date("effective_to");
        if let (Some(from), Some(to)) = (&from, &to)
            && from.value >= to.value
        {
            let message = "`effective_to` lies before `effective_from`";
            self.table.source.error(to.span.start, message);
        }
        (
            from.map_or(i64::MIN, |from| from.value),
            to.map_or(i64::MAX, |to| to.value),
        )
    }

    fn remind_every(&self) -> Option<i64> {
        let every = self.table.duration("remind_every")?;
        if every.value < 60 * SECOND {
            let message = "`remind_every` is at least 1 min";
            self.table.source.error(every.span.start, message);
        }
        Some(every.value)
    }
}

const fn by_severity(severity: Severity) -> Priority {
    match severity {
        Severity::Critical => Priority::High,
        Severity::Major => Priority::Medium,
        Severity::Minor | Severity::Warning | Severity::Info => Priority::Low,
    }
}

fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.len() <= WORD_BYTES_MAX && text.chars().all(plain)
}
