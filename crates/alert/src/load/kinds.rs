//! What is particular to rules of kind `condition` and of kind `absence`.

use super::rules::{Names, Reader, SECOND, report};
use super::source::Located;
use crate::cel::{self, Program, compile};
use crate::ruleset::{Clear, Kind};

impl Reader<'_, '_, '_> {
    fn program(
        &mut self,
        key: &'static str,
        text: &Located<&str>,
        names: &Names<'_>,
    ) -> Option<Program> {
        let source = self.table.source;
        match compile(text.value, cel::Kind::Boolean, names, &mut self.need) {
            Ok(program) if program.constant().is_some() => {
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

    pub(super) fn condition(&mut self, names: &Names<'_>) -> Option<(Kind, String)> {
        for key in ["when", "after", "after_intervals", "expected_only"] {
            self.table
                .refuse(key, "is for rules of kind `absence` only");
        }
        let text = self.table.need("condition", self.table.text("condition"));
        let raise = text
            .as_ref()
            .and_then(|text| self.program("condition", text, names));
        let clear = self.clear(text.as_ref(), raise.as_ref(), names);
        let hold_ns = self.table.duration("hold").map_or(0, |hold| hold.value);
        let release_ns = self
            .table
            .duration("release")
            .map_or(0, |release| release.value);
        let kind = Kind::Condition {
            raise: raise?,
            clear: clear?,
            hold_ns,
            release_ns,
        };
        Some((kind, text?.value.trim().to_owned()))
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
                cleared.map(Clear::When)
            }
            (None, None) => Some(Clear::NotRaise),
        }
    }

    pub(super) fn absence(&mut self, names: &Names<'_>) -> Option<(Kind, String)> {
        for key in [
            "condition",
            "clear",
            "dead_band",
            "hold",
            "release",
            "bad_quality",
            "max_age",
        ] {
            self.table
                .refuse(key, "is for rules of kind `condition` only");
        }
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
