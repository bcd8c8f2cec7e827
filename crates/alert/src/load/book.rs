//! `escalation.toml` and `causes.toml`: what the life cycle of alerts takes from the pack. Either may be left out.
//!
//! `escalation.toml`: `[[level]]` with `id` and `name` (vi, en), from the lowest to the highest; `[[ladder]]` with `severity`, and any of
//! `steps` (`[{ after = "10m", level = "commune" }, …]`, rising), `working_hours` (whether only those count towards a
//! step) and `remind_every`; `[working_hours]` with `days` (`["mon", …]`), `from` and `to` (`"07:00"`); `utc_offset` (`"+07:00"`);
//! `reminders_max` (0 to 1,000, default 48).
//!
//! `causes.toml`: `[[cause]]` with `id`, `title` (vi, en) and `gap` (default 6 h): the quiet that ends an incident.

use std::collections::BTreeMap;

use event::{Name, PackError, PackFiles, Severity, Text, Time};

use super::source::{Located, Source, Table};
use crate::book::{BookConfig, Cause, Ladder, Level, Step, WorkingHours};

const ESCALATION: &str = "escalation.toml";
const CAUSES: &str = "causes.toml";
const LEVELS_MAX: usize = 10;
const CAUSES_MAX: usize = 200;
const MINUTE: i64 = 60 * Time::SECOND;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const SEVERITIES: [(&str, Severity); 5] = [
    ("critical", Severity::Critical),
    ("major", Severity::Major),
    ("minor", Severity::Minor),
    ("warning", Severity::Warning),
    ("info", Severity::Info),
];

pub(crate) fn load_book(files: &PackFiles, errors: &mut Vec<PackError>) -> BookConfig {
    let mut config = BookConfig::default();
    each(files, ESCALATION, errors, |top| {
        escalation(top, &mut config)
    });
    each(files, CAUSES, errors, |top| causes(top, &mut config));
    config
}

fn each(
    files: &PackFiles,
    file: &str,
    errors: &mut Vec<PackError>,
    read: impl FnOnce(&Table<'_, '_>),
) {
    if !files.files.contains_key(file) {
        return;
    }
    match Source::open(files, file) {
        Ok(source) => {
            let document = source.parse();
            let top = Table::new(&source, &document, 0, "the file");
            read(&top);
            top.finish();
            errors.extend(source.into_errors());
        }
        Err(error) => errors.push(error),
    }
}

fn escalation(top: &Table<'_, '_>, config: &mut BookConfig) {
    for located in top.tables("level") {
        let table = Table::new(top.source, located.value, located.span.start, "level");
        let id = table.need("id", table.text("id"));
        let name = texts(&table, "name");
        table.finish();
        let (Some(id), Some(name)) = (id, name) else {
            continue;
        };
        check_id(&table, &id);
        if config.levels.iter().any(|level| *level.id == *id.value) {
            let message = format!("level `{}` is there twice", id.value);
            top.source.error(id.span.start, message);
        }
        config.levels.push(Level {
            id: id.value.into(),
            name,
        });
    }
    if config.levels.len() > LEVELS_MAX {
        let message = format!("more than {LEVELS_MAX} levels");
        top.source.error(top.at, message);
    }
    if let Some(table) = top.table("working_hours") {
        working_hours(&table, &mut config.hours);
        table.finish();
    }
    if let Some(offset) = top.text("utc_offset") {
        match parse_offset(offset.value) {
            Some(value) => config.offset = value,
            None => top
                .source
                .error(offset.span.start, "`utc_offset` is written as \"+07:00\""),
        }
    }
    if let Some(most) = top.count("reminders_max", 0..1_001) {
        config.reminders_max = most.value;
    }
    for located in top.tables("ladder") {
        let table = Table::new(top.source, located.value, located.span.start, "ladder");
        let found = ladder(&table, &config.levels);
        table.finish();
        if let Some((severity, ladder)) = found
            && config.ladders.insert(severity, ladder).is_some()
        {
            let message = "there are two ladders for one severity";
            top.source.error(located.span.start, message);
        }
    }
}

fn ladder(table: &Table<'_, '_>, levels: &[Level]) -> Option<(Severity, Ladder)> {
    let severity = table.need("severity", table.text("severity"));
    let severity = severity.and_then(|word| {
        let known = SEVERITIES.iter().find(|(name, _)| *name == word.value);
        if known.is_none() {
            let message = format!(
                "`severity` is one of critical, major, minor, warning, info, not `{}`",
                word.value
            );
            table.source.error(word.span.start, message);
        }
        known.map(|(_, severity)| *severity)
    });
    let mut ladder = Ladder {
        working_hours: table
            .boolean("working_hours")
            .is_some_and(|only| only.value),
        ..Ladder::default()
    };
    if let Some(every) = table.duration("remind_every") {
        if every.value < MINUTE {
            let message = "`remind_every` is at least a minute";
            table.source.error(every.span.start, message);
        }
        ladder.remind_every = Some(every.value);
    }
    for located in table.tables("steps") {
        let step = Table::new(table.source, located.value, located.span.start, "step");
        let after = step.need("after", step.duration("after"));
        let level = step.need("level", step.text("level"));
        step.finish();
        let level = level.and_then(|level| {
            let number = levels.iter().position(|known| *known.id == *level.value);
            if number.is_none() {
                let message = format!("there is no level `{}`", level.value);
                table.source.error(level.span.start, message);
            }
            number
        });
        let (Some(after), Some(level)) = (after, level) else {
            continue;
        };
        let rises =
            (ladder.steps.last()).is_none_or(|last| last.after < after.value && last.level < level);
        if !rises {
            let message = "each step comes later and reaches higher than the one before";
            table.source.error(located.span.start, message);
        }
        ladder.steps.push(Step {
            after: after.value,
            level,
        });
    }
    severity.map(|severity| (severity, ladder))
}

fn working_hours(table: &Table<'_, '_>, hours: &mut WorkingHours) {
    if let Some(days) = table.texts("days") {
        hours.days = [false; 7];
        for day in days.value {
            let number = DAYS.iter().position(|known| *known == day.value);
            match number.and_then(|number| hours.days.get_mut(number)) {
                Some(works) => *works = true,
                None => {
                    let message =
                        format!("`{}` is no day; there are {}", day.value, DAYS.join(", "));
                    table.source.error(day.span.start, message);
                }
            }
        }
    }
    for (key, value) in [("from", &mut hours.from), ("to", &mut hours.to)] {
        let Some(text) = table.text(key) else {
            continue;
        };
        match parse_time(text.value) {
            Some(time) => *value = time,
            None => table
                .source
                .error(text.span.start, format!("`{key}` is written as \"07:00\"")),
        }
    }
    if hours.to.saturating_sub(hours.from) < 60 * MINUTE {
        let message = "working hours last at least an hour";
        table.source.error(table.at, message);
    }
}

fn causes(top: &Table<'_, '_>, config: &mut BookConfig) {
    let mut found: BTreeMap<Name, Cause> = BTreeMap::new();
    for located in top.tables("cause") {
        let table = Table::new(top.source, located.value, located.span.start, "cause");
        let id = table.need("id", table.text("id"));
        let title = texts(&table, "title");
        let gap = table.duration("gap");
        if let Some(gap) = gap.as_ref().filter(|gap| gap.value < MINUTE) {
            top.source
                .error(gap.span.start, "`gap` is at least a minute");
        }
        table.finish();
        let (Some(id), Some(title)) = (id, title) else {
            continue;
        };
        check_id(&table, &id);
        let cause = Cause::new(id.value.into(), title, gap.map(|gap| gap.value));
        if found.insert(cause.id.clone(), cause).is_some() {
            let message = format!("cause `{}` is there twice", id.value);
            top.source.error(id.span.start, message);
        }
    }
    if found.len() > CAUSES_MAX {
        let message = format!("more than {CAUSES_MAX} causes");
        top.source.error(top.at, message);
    }
    config.causes = found;
}

fn texts(table: &Table<'_, '_>, key: &'static str) -> Option<Text> {
    let inner = table.need(key, table.table(key))?;
    let vi = inner.need("vi", inner.text("vi"));
    let en = inner.need("en", inner.text("en"));
    inner.finish();
    Some(Text {
        vi: vi?.value.to_owned(),
        en: en?.value.to_owned(),
    })
}

fn check_id(table: &Table<'_, '_>, id: &Located<&str>) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !id.value.chars().all(plain) || id.value.len() > 64 {
        let message = "`id` is written with a-z, 0-9, - and _, at most 64";
        table.source.error(id.span.start, message);
    }
}

/// `07:30` to nanoseconds since midnight; `24:00` is the end of the day.
fn parse_time(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 24 * 60).then_some(total * MINUTE)
}

fn parse_offset(text: &str) -> Option<i64> {
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let time = parse_time(text.get(1..)?)?;
    (time <= 14 * 60 * MINUTE).then_some(sign * time)
}
