//! `measures.toml`: units by UCUM code with their conversions, and the measures.

use std::collections::BTreeMap;

use event::{MeasureInfo, MeasureType, Name, PackFiles, Text};

use super::reader::{Document, Entry, Mistakes, Section};

pub(super) const FILE: &str = "measures.toml";

/// `value in another unit = value * factor + offset`. Applied per value, so it is one multiplication and one addition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Conversion {
    pub(crate) factor: f64,
    pub(crate) offset: f64,
}

impl Conversion {
    pub(crate) const NONE: Self = Self {
        factor: 1.0,
        offset: 0.0,
    };

    /// `self` first, then `next`.
    pub(super) fn then(self, next: Self) -> Self {
        Self {
            factor: self.factor * next.factor,
            offset: self.offset * next.factor + next.offset,
        }
    }

    pub(crate) fn apply(self, value: f64) -> f64 {
        value * self.factor + self.offset
    }
}

#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) code: Name,
    text: Text,
    of: Option<(String, Conversion)>,
}

#[derive(Clone, Debug)]
pub(super) struct Measure {
    pub(super) info: MeasureInfo,
    /// Words of a measure of kind code.
    pub(super) codes: Vec<Name>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Measures {
    units: BTreeMap<String, Unit>,
    pub(super) by_name: BTreeMap<String, Measure>,
}

impl Measures {
    /// How to get from `unit` to `canonical`; the reason if there is no way.
    pub(super) fn conversion(&self, unit: &str, canonical: &str) -> Result<Conversion, String> {
        let Some(known) = self.units.get(unit) else {
            return Err(format!("unit `{unit}` is not in {FILE}"));
        };
        if unit == canonical {
            return Ok(Conversion::NONE);
        }
        match &known.of {
            Some((target, conversion)) if target == canonical => Ok(*conversion),
            _ => Err(format!(
                "unit `{unit}` has no conversion to `{canonical}` in {FILE}"
            )),
        }
    }
}

pub(super) fn load(files: &PackFiles, mistakes: &Mistakes) -> Measures {
    let mut measures = Measures::default();
    let Some(document) = Document::of(files, FILE, mistakes) else {
        return measures;
    };
    let root = document.root(mistakes);
    for entry in root.entries("units") {
        if let Some(unit) = unit(&entry) {
            measures.units.insert(entry.name.to_owned(), unit);
        }
    }
    for entry in root.entries("units") {
        let of = measures
            .units
            .get(entry.name)
            .and_then(|unit| unit.of.as_ref());
        if let Some((target, _)) = of
            && measures
                .units
                .get(target)
                .is_none_or(|unit| unit.of.is_some())
        {
            let line = entry.section.line_of("of");
            entry.section.mistake(
                line,
                format_args!("unit `{target}` is not a base unit listed here"),
            );
        }
    }
    for entry in root.entries("measures") {
        if let Some(measure) = measure(&entry, &measures) {
            measures.by_name.insert(entry.name.to_owned(), measure);
        }
    }
    if measures.by_name.is_empty() {
        mistakes.add(FILE, 0, "no measure is listed");
    }
    root.finish();
    measures
}

/// Conversion keys of a section; refuses a factor of zero, which would make all values equal.
pub(super) fn conversion_keys(section: &Section<'_>) -> Conversion {
    let factor = section.number("factor").unwrap_or(1.0);
    if factor == 0.0 {
        section.mistake(section.line_of("factor"), "`factor` must not be 0");
    }
    Conversion {
        factor,
        offset: section.number("offset").unwrap_or(0.0),
    }
}

fn unit(entry: &Entry<'_>) -> Option<Unit> {
    let section = &entry.section;
    if !entry.name.bytes().all(|byte| byte.is_ascii_graphic()) || entry.name.is_empty() {
        section.mistake(
            entry.line,
            format_args!("`{}` is not a UCUM code", entry.name),
        );
    }
    let text = section.words("text");
    let of = section.text("of");
    let conversion = conversion_keys(section);
    if of.is_none() && conversion != Conversion::NONE {
        section.mistake(
            section.line(),
            "`factor` and `offset` need `of`: the unit they lead to",
        );
    }
    section.finish();
    Some(Unit {
        code: Name::from(entry.name),
        text: text?,
        of: of.map(|of| (of.to_owned(), conversion)),
    })
}

fn measure(entry: &Entry<'_>, measures: &Measures) -> Option<Measure> {
    let section = &entry.section;
    let kind = match section.text("kind") {
        None | Some("number") => MeasureType::Number,
        Some("boolean") => MeasureType::Boolean,
        Some("code") => MeasureType::Code,
        Some(other) => {
            let line = section.line_of("kind");
            section.mistake(
                line,
                format_args!("kind `{other}` is not number, boolean or code"),
            );
            return None;
        }
    };
    let label = section.bilingual("label");
    let (mut unit, mut decimals, mut codes) = (None, 0, Vec::new());
    match kind {
        MeasureType::Number => {
            let code = section.need_text("unit")?;
            decimals = section.whole("decimals", 0..=9).unwrap_or(1);
            unit = measures.units.get(code).filter(|unit| unit.of.is_none());
            if unit.is_none() {
                let line = section.line_of("unit");
                section.mistake(
                    line,
                    format_args!("unit `{code}` is not a base unit listed above"),
                );
                return None;
            }
        }
        MeasureType::Boolean => {}
        MeasureType::Code => {
            for code in section.entries("codes") {
                code.section.as_bilingual();
                codes.push(Name::from(code.name));
            }
            if codes.is_empty() {
                section.mistake(entry.line, "a measure of kind code needs `codes`");
            }
        }
    }
    section.finish();
    Some(Measure {
        info: MeasureInfo {
            name: Name::from(entry.name),
            kind,
            unit: unit.map_or_else(|| Name::from(""), |unit| unit.code.clone()),
            unit_text: unit.map(|unit| unit.text.clone()).unwrap_or_default(),
            label: label?,
            decimals: u8::try_from(decimals).unwrap_or(9),
        },
        codes,
    })
}
