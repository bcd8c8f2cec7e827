//! `positions.toml`: who looks at what. `[[position]]` tables:
//!
//! | key | meaning |
//! |---|---|
//! | `id` | `[a-z0-9-]`, unique |
//! | `name` | a table of `vi` and `en` |
//! | `streams`, `areas`, `severities` | what it sees; left out = all. Areas are codes of communes and wards |
//! | `hours` | when it is staffed, local time, `["06:00-14:00", "22:00-06:00"]`, full ten minutes; left out = always |

use std::collections::BTreeSet;

use event::{Name, PackError, PackFiles, Severity, Stream, Text};

use super::source::{Located, Source, Table};
use crate::health::{POSITIONS_MAX, Position, Positions, Shift};

const FILE: &str = "positions.toml";
const NAME_CHARS_MAX: usize = 80;
const LIST_MAX: usize = 1_024;

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

impl Positions {
    /// Reads the positions of a site pack; without the file there is one, `operations`, that sees all.
    ///
    /// # Errors
    ///
    /// Every mistake, with its line.
    pub fn load(files: &PackFiles) -> Result<Self, Vec<PackError>> {
        if !files.files.contains_key(FILE) {
            return Ok(Self::default());
        }
        let source = Source::open(files, FILE).map_err(|error| vec![error])?;
        let document = source.parse();
        let top = Table::new(&source, &document, 0, "the file");
        let mut positions = Vec::new();
        let mut ids = BTreeSet::new();
        for located in top.tables("position") {
            let table = Table::new(&source, located.value, located.span.start, "position");
            let position = read(&table);
            table.finish();
            let Some(position) = position else { continue };
            if !ids.insert(position.id.clone()) {
                let message = format!("position `{}` is there twice", position.id);
                source.error(located.span.start, message);
            }
            positions.push(position);
        }
        top.finish();
        let count = positions.len();
        let loaded = Self::new(positions);
        let mut errors = source.into_errors();
        if loaded.is_none() && errors.is_empty() {
            errors.push(PackError {
                file: FILE.to_owned(),
                line: 0,
                message: format!("{count} positions; there are 1 to {POSITIONS_MAX}"),
            });
        }
        match loaded {
            Some(loaded) if errors.is_empty() => Ok(loaded),
            Some(_) | None => Err(errors),
        }
    }
}

fn read(table: &Table<'_, '_>) -> Option<Position> {
    let id = table.need("id", table.text("id"));
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if let Some(id) = id.as_ref().filter(|id| !id.value.chars().all(known)) {
        let message = "`id` holds only a-z, 0-9 and `-`";
        table.source.error(id.span.start, message);
    }
    let name = table.need("name", table.table("name")).and_then(|name| {
        let (vi, en) = (line(&name, "vi"), line(&name, "en"));
        name.finish();
        Some(Text { vi: vi?, en: en? })
    });
    let streams = words(table, "streams", &STREAMS);
    let severities = words(table, "severities", &SEVERITIES);
    let areas = list(table, "areas", |area| Ok(Name::from(area)));
    let hours = list(table, "hours", shift);
    Some(Position {
        id: id?.value.into(),
        name: name?,
        streams: streams?,
        areas: areas?,
        severities: severities?,
        hours: hours?,
    })
}

fn line(table: &Table<'_, '_>, key: &'static str) -> Option<String> {
    let text = table.need(key, table.text(key))?;
    if text.value.chars().count() > NAME_CHARS_MAX {
        let message = format!("`{key}` is longer than {NAME_CHARS_MAX} characters");
        table.source.error(text.span.start, message);
        return None;
    }
    Some(text.value.trim().to_owned())
}

fn words<T: Copy>(table: &Table<'_, '_>, key: &'static str, known: &[(&str, T)]) -> Option<Vec<T>> {
    list(table, key, |word| {
        let found = known.iter().find(|(name, _)| *name == word);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            format!("`{word}` is none of {}", names.join(", "))
        })
    })
}

/// An absent key is an empty list; none where something is wrong.
fn list<T>(
    table: &Table<'_, '_>,
    key: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let texts: Vec<Located<&str>> = table
        .texts(key)
        .map(|texts| texts.value)
        .unwrap_or_default();
    if let Some(over) = texts.get(LIST_MAX) {
        let message = format!("`{key}` has more than {LIST_MAX} entries");
        table.source.error(over.span.start, message);
        return None;
    }
    let values = texts.iter().map(|text| {
        let value = read(text.value);
        value
            .map_err(|message| table.source.error(text.span.start, message))
            .ok()
    });
    let values: Vec<Option<T>> = values.collect();
    values.into_iter().collect()
}

fn shift(text: &str) -> Result<Shift, String> {
    let minutes = |clock: &str| {
        let (hour, minute) = clock.split_once(':')?;
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(hour) || !digits(minute) {
            return None;
        }
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        let total = hour * 60 + minute;
        (minute < 60 && minute % 10 == 0 && total <= 1_440).then_some(total)
    };
    let shift = text.split_once('-').and_then(|(from, to)| {
        let (from, to) = (minutes(from.trim())?, minutes(to.trim())?);
        (from != to && from < 1_440).then_some(Shift { from, to })
    });
    shift.ok_or_else(|| format!("`{text}` is no shift such as 06:00-14:00 (full ten minutes)"))
}
