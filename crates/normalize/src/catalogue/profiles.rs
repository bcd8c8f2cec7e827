//! `profiles/*.toml`: what a type of device sends.

use std::collections::BTreeMap;

use event::{Kind, MeasureType, Name, PackFiles, Quality, Stream};

use super::measures::{Conversion, Measures, conversion_keys};
use super::reader::{Document, Entry, Mistakes, Section};
use super::site::stream_by_name;

pub(super) const FOLDER: &str = "profiles/";

/// Keys of the native format; a profile cannot use them for fields.
pub(crate) const RESERVED: [&str; 11] = [
    "id",
    "seq",
    "ts",
    "ts_until",
    "valid_from",
    "valid_to",
    "uuid",
    "event_id",
    "status",
    "lat",
    "lon",
];

/// One bit a field marks what was seen.
const FIELDS_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) name: Name,
    pub(crate) stream: Stream,
    pub(crate) kind: Kind,
    pub(super) interval_seconds: u64,
    /// In order of the file; devices send their fields in about that order too.
    pub(crate) fields: Vec<Field>,
    pub(crate) measures: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) key: Name,
    /// Position of the measure among the profile's measures: two fields of one measure share it.
    pub(crate) slot: u8,
    pub(crate) meaning: Meaning,
}

#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    Number {
        measure: Name,
        unit: Name,
        conversion: Conversion,
        /// Plausible values, in the measure's unit.
        range: Option<(f64, f64)>,
        /// Numbers may come as text.
        text: bool,
    },
    Boolean {
        measure: Name,
        unit: Name,
    },
    Code {
        measure: Name,
        unit: Name,
        codes: Vec<Name>,
    },
    /// What the device thinks of its own values.
    Quality {
        words: Vec<(String, Quality)>,
    },
}

pub(super) fn load(
    files: &PackFiles,
    measures: &Measures,
    mistakes: &Mistakes,
) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::new();
    for path in super::toml_files(files, FOLDER) {
        let Some(document) = Document::of(files, path, mistakes) else {
            continue;
        };
        let root = document.root(mistakes);
        for entry in root.entries("profiles") {
            let Some(profile) = profile(&entry, measures) else {
                continue;
            };
            if profiles.insert(entry.name.to_owned(), profile).is_some() {
                root.mistake(
                    entry.line,
                    format_args!("profile `{}` appears twice", entry.name),
                );
            }
        }
        root.finish();
    }
    if profiles.is_empty() {
        mistakes.add(FOLDER, 0, "no profile is listed");
    }
    profiles
}

fn profile(entry: &Entry<'_>, measures: &Measures) -> Option<Profile> {
    let section = &entry.section;
    let stream = section.need_text("stream").and_then(|name| {
        let stream = stream_by_name(name);
        if stream.is_none() {
            let line = section.line_of("stream");
            section.mistake(line, format_args!("stream `{name}` does not exist"));
        }
        stream
    });
    let kind = match section.text("kind") {
        None | Some("reading") => Kind::Reading,
        Some("state") => Kind::State,
        Some("warning") => Kind::Warning,
        Some("announcement") => Kind::Announcement,
        Some(other) => {
            let line = section.line_of("kind");
            section.mistake(line, format_args!("kind `{other}` does not exist"));
            Kind::Reading
        }
    };
    if !section.has("interval_seconds") {
        section.missing("interval_seconds");
    }
    let interval = section.whole("interval_seconds", 1..=31_536_000);
    let mut slots: Vec<Name> = Vec::new();
    let mut fields = Vec::new();
    for inner in section.entries("fields") {
        if let Some(field) = field(&inner, measures, &mut slots) {
            fields.push(field);
        }
    }
    if slots.is_empty() {
        section.mistake(
            entry.line,
            format_args!("profile `{}` has no field with a measure", entry.name),
        );
    }
    if fields.len() > FIELDS_MAX {
        section.mistake(
            entry.line,
            format_args!("a profile has at most {FIELDS_MAX} fields"),
        );
    }
    section.finish();
    Some(Profile {
        name: Name::from(entry.name),
        stream: stream?,
        kind,
        interval_seconds: interval?,
        fields,
        measures: slots.len(),
    })
}

fn field(entry: &Entry<'_>, measures: &Measures, slots: &mut Vec<Name>) -> Option<Field> {
    let section = &entry.section;
    if RESERVED.contains(&entry.name) {
        section.mistake(
            entry.line,
            format_args!("`{}` belongs to the format; rename the field", entry.name),
        );
    }
    let meaning = if section.has("quality") {
        quality(section)
    } else {
        measured(section, measures)?
    };
    section.finish();
    let slot = match &meaning {
        Meaning::Number { measure, .. }
        | Meaning::Boolean { measure, .. }
        | Meaning::Code { measure, .. } => {
            let known = slots.iter().position(|slot| slot == measure);
            known.unwrap_or_else(|| {
                slots.push(measure.clone());
                slots.len() - 1
            })
        }
        Meaning::Quality { .. } => 0,
    };
    // More than 64 fields are refused by the caller.
    Some(Field {
        key: Name::from(entry.name),
        slot: u8::try_from(slot).unwrap_or(u8::MAX),
        meaning,
    })
}

fn quality(section: &Section<'_>) -> Meaning {
    let mut words = Vec::new();
    for (word, quality, line) in section.pairs("quality") {
        match quality {
            "good" => words.push((word.to_owned(), Quality::GOOD)),
            "maintenance" => words.push((word.to_owned(), Quality::MAINTENANCE)),
            "sensor_fault" => words.push((word.to_owned(), Quality::SENSOR_FAULT)),
            other => section.mistake(
                line,
                format_args!("quality `{other}` is not good, maintenance or sensor_fault"),
            ),
        }
    }
    Meaning::Quality { words }
}

fn measured(section: &Section<'_>, measures: &Measures) -> Option<Meaning> {
    let name = section.need_text("measure")?;
    let Some(measure) = measures.by_name.get(name) else {
        let line = section.line_of("measure");
        section.mistake(
            line,
            format_args!("measure `{name}` is not in measures.toml"),
        );
        return None;
    };
    let (name, canonical) = (measure.info.name.clone(), measure.info.unit.clone());
    Some(match measure.info.kind {
        MeasureType::Number => Meaning::Number {
            conversion: conversion(section, measures, &canonical),
            measure: name,
            unit: canonical,
            range: section.range("range"),
            text: section.boolean("numeric_text").unwrap_or(false),
        },
        MeasureType::Boolean => Meaning::Boolean {
            measure: name,
            unit: canonical,
        },
        MeasureType::Code => Meaning::Code {
            measure: name,
            unit: canonical,
            codes: measure.codes.clone(),
        },
    })
}

/// The field's own scale first, then its unit to the measure's.
fn conversion(section: &Section<'_>, measures: &Measures, canonical: &str) -> Conversion {
    let own = conversion_keys(section);
    let Some(unit) = section.need_text("unit") else {
        return own;
    };
    match measures.conversion(unit, canonical) {
        Ok(conversion) => own.then(conversion),
        Err(message) => {
            section.mistake(section.line_of("unit"), message);
            own
        }
    }
}
