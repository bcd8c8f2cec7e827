//! What is particular to each kind of rule.

use super::rules::{KINDS, KindWord, Names, Reader, SECOND, report};
use super::source::Located;
use crate::cel::{self, Program, compile};
use crate::ruleset::{Clear, Kind, Members};

const CONDITIONS: &[KindWord] = &[KindWord::Condition, KindWord::Correlation];

/// Which kinds a key is for, where it is not for all.
const ONLY: [(&str, &[KindWord]); 20] = [
    ("when", &[KindWord::Absence]),
    ("after", &[KindWord::Absence]),
    ("after_intervals", &[KindWord::Absence]),
    ("expected_only", &[KindWord::Absence]),
    ("condition", CONDITIONS),
    ("dead_band", CONDITIONS),
    ("hold", CONDITIONS),
    ("release", CONDITIONS),
    (
        "clear",
        &[
            KindWord::Condition,
            KindWord::Correlation,
            KindWord::Sequence,
        ],
    ),
    (
        "bad_quality",
        &[
            KindWord::Condition,
            KindWord::Correlation,
            KindWord::Sequence,
        ],
    ),
    (
        "max_age",
        &[
            KindWord::Condition,
            KindWord::Correlation,
            KindWord::Sequence,
        ],
    ),
    ("first", &[KindWord::Sequence]),
    ("then", &[KindWord::Sequence]),
    ("within", &[KindWord::Sequence]),
    ("missing", &[KindWord::Sequence]),
    ("lasts", &[KindWord::Sequence]),
    ("members", &[KindWord::Correlation]),
    ("corroborate", &[KindWord::Condition]),
    ("site", &[KindWord::Condition]),
    (
        "areas",
        &[KindWord::Condition, KindWord::Absence, KindWord::Sequence],
    ),
];

impl Kind {
    /// Whether it says something of the future.
    pub(super) fn is_ahead(&self) -> bool {
        match self {
            Self::Condition { raise, .. } | Self::Group { raise, .. } => raise.is_ahead(),
            Self::Sequence { first, then, .. } => first.is_ahead() || then.is_ahead(),
            Self::Absence { .. } => false,
        }
    }
}

impl Reader<'_, '_, '_> {
    fn program(
        &mut self,
        key: &'static str,
        text: &Located<&str>,
        names: &Names<'_>,
    ) -> Option<Program> {
        let source = self.table.source;
        match compile(text.value, cel::Kind::Boolean, names, &mut self.need) {
            Ok(program) if !program.reads() => {
                source.error(
                    text.span.start,
                    format!("`{key}` does not depend on any measure"),
                );
                None
            }
            Ok(program) => Some(program),
            Err(mistakes) => {
                report(source, text, &mistakes);
                None
            }
        }
    }

    /// Refuses the keys that belong to other kinds.
    pub(super) fn refuse_others(&self, kind: KindWord) {
        for (key, kinds) in ONLY {
            if kinds.contains(&kind) {
                continue;
            }
            let named = |kind: &KindWord| KINDS.iter().find(|(_, known)| known == kind);
            let names: Vec<String> = (kinds.iter().filter_map(named))
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            let message = format!("is for rules of kind {} only", names.join(", "));
            self.table.refuse(key, &message);
        }
        if kind == KindWord::Correlation {
            for key in ["profiles", "entities"] {
                self.table
                    .refuse(key, "has no meaning where the members are named");
            }
        }
    }

    /// Of an entity, or of a group of them.
    pub(super) fn condition(
        &mut self,
        names: &Names<'_>,
        members: Option<Members>,
    ) -> Option<(Kind, String)> {
        let text = self.table.need("condition", self.table.text("condition"));
        let raise = text
            .as_ref()
            .and_then(|text| self.program("condition", text, names));
        let clear = self.clear(text.as_ref(), raise.as_ref(), names);
        let length = |key| self.table.duration(key).map_or(0, |length| length.value);
        let (hold_ns, release_ns) = (length("hold"), length("release"));
        let (raise, clear) = (raise?, clear?);
        let kind = match members {
            None => Kind::Condition {
                raise,
                clear,
                hold_ns,
                release_ns,
            },
            Some(members) => Kind::Group {
                members,
                raise,
                clear,
                hold_ns,
                release_ns,
            },
        };
        Some((kind, text?.value.trim().to_owned()))
    }

    pub(super) fn sequence(&mut self, names: &Names<'_>) -> Option<(Kind, String)> {
        let first = self.table.need("first", self.table.text("first"));
        let then = self.table.need("then", self.table.text("then"));
        let within = self.table.need("within", self.table.duration("within"));
        let missing = (self.table.boolean("missing")).is_some_and(|missing| missing.value);
        let first_program = first
            .as_ref()
            .and_then(|text| self.program("first", text, names));
        let then_program = then
            .as_ref()
            .and_then(|text| self.program("then", text, names));
        let clear_text = self.table.text("clear");
        let clear = (clear_text.as_ref()).map(|text| self.program("clear", text, names));
        let lasts = self.table.duration("lasts");
        for length in [&within, &lasts].into_iter().flatten() {
            if length.value < SECOND {
                let message = "`within` and `lasts` are at least 1 s";
                self.table.source.error(length.span.start, message);
            }
        }
        let within_ns = within?.value;
        // The first part is asked at points that far back.
        for slot in first_program.iter().flat_map(Program::slots) {
            if let Some(window) = self.need.windows.get_mut(usize::from(*slot)) {
                *window = window.saturating_add(within_ns);
            }
        }
        let (first_program, then_program) = (first_program?, then_program?);
        let clear = match clear {
            Some(clear) => Some(clear?),
            // What was missed has come.
            None if missing && lasts.is_none() => {
                self.need.cost = self.need.cost.saturating_add(then_program.cost());
                Some(then_program.clone())
            }
            None => None,
        };
        let lasts_ns = match (&clear, lasts) {
            (_, Some(lasts)) => Some(lasts.value),
            (None, None) => Some(within_ns),
            (Some(_), None) => None,
        };
        let word = if missing { "missing" } else { "then" };
        let condition = format!(
            "first ({}) {word} ({}) within {} s",
            first?.value.trim(),
            then?.value.trim(),
            within_ns / SECOND
        );
        let kind = Kind::Sequence {
            first: first_program,
            then: then_program,
            within_ns,
            missing,
            clear,
            lasts_ns,
        };
        Some((kind, condition))
    }

    fn clear(
        &mut self,
        condition: Option<&Located<&str>>,
        raise: Option<&Program>,
        names: &Names<'_>,
    ) -> Option<Clear> {
        let clear = self.table.text("clear");
        let band = self.table.number("dead_band");
        match (clear, band) {
            (Some(_), Some(band)) => {
                let message = "`clear` and `dead_band` exclude each other";
                self.table.source.error(band.span.start, message);
                None
            }
            (Some(clear), None) => self.program("clear", &clear, names).map(Clear::When),
            (None, Some(band)) => {
                let (condition, raise) = (condition?, raise?);
                if band.value <= 0.0 {
                    self.table
                        .source
                        .error(band.span.start, "`dead_band` must be above 0");
                    return None;
                }
                let cleared = raise.with_dead_band(band.value);
                if cleared.is_none() {
                    let message = "`dead_band` needs a condition that is one comparison of numbers with <, <=, > or >=; \
                                   write `clear` for others";
                    self.table.source.error(condition.span.start, message);
                }
                if let Some(cleared) = &cleared {
                    self.need.cost = self.need.cost.saturating_add(cleared.cost());
                }
                cleared.map(Clear::When)
            }
            (None, None) => Some(Clear::NotRaise),
        }
    }

    pub(super) fn absence(&mut self, names: &Names<'_>) -> Option<(Kind, String)> {
        let after = self.table.duration("after");
        let intervals = self.table.count("after_intervals", 1..1_001);
        if let Some(after) = after.as_ref().filter(|after| after.value < SECOND) {
            self.table
                .source
                .error(after.span.start, "`after` is at least 1 s");
        }
        if after.is_none() && intervals.is_none() {
            self.table.need::<()>("after", None);
        }
        let expected_only = self
            .table
            .boolean("expected_only")
            .is_none_or(|only| only.value);
        let text = self.table.text("when");
        let when = text.as_ref().map(|text| self.program("when", text, names));
        // Windows would be asked about a time at which nothing was measured.
        if self.need.windows.iter().any(|window| *window > 0)
            && let Some(text) = &text
        {
            self.table.source.error(
                text.span.start,
                "`when` knows last values, no functions over time",
            );
        }
        let condition = text.map_or_else(
            || "silence".to_owned(),
            |text| format!("silence && ({})", text.value.trim()),
        );
        let kind = Kind::Absence {
            after_ns: after.map_or(0, |after| after.value),
            after_intervals: intervals.map_or(0, |intervals| intervals.value),
            expected_only,
            when: match when {
                Some(when) => Some(when?),
                None => None,
            },
        };
        Some((kind, condition))
    }
}
