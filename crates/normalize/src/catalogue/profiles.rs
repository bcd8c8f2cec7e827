//! `profiles/*.toml`: what a type of device sends.

use std::collections::BTreeMap;

use event::{Kind, MeasureType, Name, PackFiles, Quality, Stream};

use super::measures::{Conversion, Measures, conversion_keys};
use super::reader::{Document, Entry, Mistakes, Section};
use super::site::{nanoseconds, stream_by_name};
use crate::format::{Format, Options, Plan};

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
    /// A field has bounds beside the values before it.
    pub(crate) watched: bool,
    pub(crate) format: Format,
    /// The format with the profile's options.
    pub(crate) plan: Plan,
    /// Zone of local times that come without one, nanoseconds east of UTC; the site's where the profile says nothing.
    pub(crate) zone_ns: i64,
    /// Numbers that come as text have a decimal comma and a thousands dot.
    pub(crate) decimal_comma: bool,
    /// Statements about devices that the catalogue does not know are of elsewhere, not mistakes: feeds of a whole country.
    pub(crate) skip_unknown: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) key: Name,
    /// What the wire calls it (a path, an OBIS code, a register), where that is not the key.
    pub(crate) from: Option<Name>,
    /// Position of the measure among the profile's measures: two fields of one measure share it.
    pub(crate) slot: u8,
    /// People write into it: numbers of persons are looked for.
    pub(crate) free_text: bool,
    pub(crate) meaning: Meaning,
}

impl Field {
    fn is_watched(&self) -> bool {
        matches!(
            self.meaning,
            Meaning::Number {
                plausible: Some(_),
                ..
            }
        )
    }
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
        /// Below it the battery is low, and all values of the message say so.
        low: Option<f64>,
        /// What is possible beside the values before it; only where the profile says so, because it has to be remembered.
        plausible: Option<Box<Plausible>>,
        /// A gas by volume made one by mass at 25 °C and 1 atm: put right by the temperature in the same message, else flagged.
        gas: bool,
    },
    Boolean {
        measure: Name,
        unit: Name,
    },
    Code {
        measure: Name,
        unit: Name,
        codes: Vec<Name>,
        /// Any text of at most so many bytes, where the list is open.
        open: Option<usize>,
    },
    /// What the device thinks of its own values.
    Quality {
        words: Vec<(String, Quality)>,
    },
}

/// Bounds of a value beside the ones before it, in the measure's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Plausible {
    pub(crate) rate_per_hour: Option<f64>,
    pub(crate) stuck_ns: Option<i64>,
    pub(crate) spike: Option<f64>,
    /// Ends of the instrument's scale: a value there may lie farther out.
    pub(crate) scale: Option<(f64, f64)>,
}

fn plausible(section: &Section<'_>) -> Option<Plausible> {
    let positive = |key: &'static str| {
        let value = section.number(key)?;
        if value <= 0.0 {
            section.mistake(
                section.line_of(key),
                format_args!("`{key}` must be above 0"),
            );
        }
        Some(value)
    };
    let plausible = Plausible {
        rate_per_hour: positive("rate_per_hour"),
        stuck_ns: section
            .whole("stuck_minutes", 1..=527_040)
            .map(|minutes| nanoseconds(minutes * 60)),
        spike: positive("spike"),
        scale: section.range("scale"),
    };
    (plausible != Plausible::default()).then_some(plausible)
}

pub(super) fn load(
    files: &PackFiles,
    measures: &Measures,
    zone_ns: i64,
    mistakes: &Mistakes,
) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::new();
    for path in super::toml_files(files, FOLDER) {
        let Some(document) = Document::of(files, path, mistakes) else {
            continue;
        };
        let root = document.root(mistakes);
        for entry in root.entries("profiles") {
            let Some(profile) = profile(&entry, measures, zone_ns, files) else {
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

/// The `format` of a profile or of a source with its `options`, checked by the format itself.
pub(super) fn plan(
    section: &Section<'_>,
    files: &PackFiles,
    default: Option<Format>,
) -> Option<(Format, Plan)> {
    let format = match section.text("format") {
        None => default?,
        Some(word) => match Format::by_name(word) {
            Some(format) => format,
            None => {
                let all: Vec<&str> = Format::names().collect();
                let message = format!(
                    "format `{word}` does not exist; there are {}",
                    all.join(", ")
                );
                section.mistake(section.line_of("format"), message);
                return None;
            }
        },
    };
    let table = section.table("options").unwrap_or_default();
    match Plan::new(format, &Options::new(&table, files)) {
        Ok(plan) => Some((format, plan)),
        Err(message) => {
            section.mistake(section.line_of("options"), message);
            None
        }
    }
}

/// `+07:00` as nanoseconds.
pub(super) fn zone(section: &Section<'_>) -> Option<i64> {
    let text = section.text("zone")?;
    let zone = crate::time::zone(text);
    if zone.is_none() {
        let line = section.line_of("zone");
        section.mistake(
            line,
            format_args!("zone `{text}` is not of the form +07:00"),
        );
    }
    zone
}

fn decimal_comma(section: &Section<'_>) -> bool {
    match section.text("decimal") {
        None | Some("point") => false,
        Some("comma") => true,
        Some(other) => {
            let line = section.line_of("decimal");
            section.mistake(
                line,
                format_args!("decimal `{other}` is not point or comma"),
            );
            false
        }
    }
}

fn profile(
    entry: &Entry<'_>,
    measures: &Measures,
    site_zone_ns: i64,
    files: &PackFiles,
) -> Option<Profile> {
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
    let plan = plan(section, files, Some(Format::Native)).and_then(|(format, plan)| {
        let plan = plan.with_fields(&fields);
        plan.map_err(|message| section.mistake(entry.line, message))
            .ok()
            .map(|plan| (format, plan))
    });
    let zone_ns = zone(section).unwrap_or(site_zone_ns);
    let decimal_comma = decimal_comma(section);
    let skip_unknown = section.boolean("skip_unknown").unwrap_or(false);
    section.finish();
    let (format, plan) = plan?;
    Some(Profile {
        name: Name::from(entry.name),
        stream: stream?,
        kind,
        interval_seconds: interval?,
        watched: fields.iter().any(Field::is_watched),
        fields,
        measures: slots.len(),
        format,
        plan,
        zone_ns,
        decimal_comma,
        skip_unknown,
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
    let from = section.text("from").map(Name::from);
    let free_text = section.boolean("free_text").unwrap_or(false);
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
        from,
        free_text,
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
        MeasureType::Number => {
            let (conversion, gas) = conversion(section, measures, &name, &canonical);
            Meaning::Number {
                conversion,
                gas,
                plausible: plausible(section).map(Box::new),
                measure: name,
                unit: canonical,
                range: section.range("range"),
                text: section.boolean("numeric_text").unwrap_or(false),
                low: section.number("low"),
            }
        }
        MeasureType::Boolean => Meaning::Boolean {
            measure: name,
            unit: canonical,
        },
        MeasureType::Code => Meaning::Code {
            measure: name,
            unit: canonical,
            codes: measure.codes.clone(),
            open: measure.open,
        },
    })
}

/// The field's own scale first, then its unit to the measure's.
fn conversion(
    section: &Section<'_>,
    measures: &Measures,
    measure: &str,
    canonical: &str,
) -> (Conversion, bool) {
    let own = conversion_keys(section);
    let Some(unit) = section.need_text("unit") else {
        return (own, false);
    };
    match measures.conversion(unit, measure, canonical) {
        Ok((conversion, gas)) => (own.then(conversion), gas),
        Err(message) => {
            section.mistake(section.line_of("unit"), message);
            (own, false)
        }
    }
}
