//! `measures.toml` and `measures/*.toml`: units by UCUM code with their conversions, and the measures.

use std::collections::BTreeMap;

use event::{MeasureInfo, MeasureType, Name, PackFiles, Text};

use super::reader::{Document, Entry, Mistakes, Section};
use crate::units;

pub(super) const FILE: &str = "measures.toml";
pub(super) const FOLDER: &str = "measures/";

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
    pub(crate) fn then(self, next: Self) -> Self {
        Self {
            factor: self.factor * next.factor,
            offset: self.offset * next.factor + next.offset,
        }
    }

    /// A tenth is taken by dividing by ten: 0.1 is no binary number, and 2301 tenths of a volt are 230.1 V.
    pub(crate) fn apply(self, value: f64) -> f64 {
        if self.factor == 1.0 {
            return value + self.offset;
        }
        let parts = (1.0 / self.factor).round();
        let scaled = if parts.abs() > 1.0 && 1.0 / parts == self.factor {
            value / parts
        } else {
            value * self.factor
        };
        scaled + self.offset
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
    /// Any text of at most so many bytes.
    pub(super) open: Option<usize>,
    /// Of a gas, g/mol: leads from volume to mass.
    pub(super) molar_mass: Option<f64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Measures {
    units: BTreeMap<String, Unit>,
    pub(super) by_name: BTreeMap<String, Measure>,
    /// Made of the two above once they are complete.
    pub(super) resolved: Units,
}

/// The units of a pack, for values that bring their unit along.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    /// Code -> base unit and the way to it.
    listed: BTreeMap<String, (String, Conversion)>,
    /// Measure -> g/mol, of gases.
    molar_mass: BTreeMap<String, f64>,
}

impl Units {
    /// How to get from the unit that a value brought along to the measure's: by the pack's own list, else by what UCUM says. True
    /// beside it where a gas by volume became one by mass at 25 °C and 1 atm.
    pub(crate) fn between(
        &self,
        from: &str,
        measure: &str,
        to: &str,
    ) -> Option<(Conversion, bool)> {
        if from == to {
            return Some((Conversion::NONE, false));
        }
        if let Some((base, conversion)) = self.listed.get(from)
            && base == to
        {
            return Some((*conversion, false));
        }
        if let Some(conversion) = units::between(from, to) {
            return Some((conversion, false));
        }
        let mass = self.molar_mass.get(measure)?;
        let to_ppb = units::between(from, "[ppb]")?;
        let to_mass = units::between("ug/m3", to)?;
        Some((to_ppb.then(units::gas(*mass)).then(to_mass), true))
    }
}

impl Measures {
    fn units(&self) -> Units {
        let all = self.units.iter().map(|(code, unit)| {
            let (base, conversion) = unit
                .of
                .clone()
                .unwrap_or_else(|| (code.clone(), Conversion::NONE));
            (code.clone(), (base, conversion))
        });
        let gases = self.by_name.iter();
        let gases = gases.filter_map(|(name, measure)| Some((name.clone(), measure.molar_mass?)));
        Units {
            listed: all.collect(),
            molar_mass: gases.collect(),
        }
    }

    /// How to get from `unit` to `canonical`; the reason if there is no way.
    pub(super) fn conversion(
        &self,
        unit: &str,
        measure: &str,
        canonical: &str,
    ) -> Result<(Conversion, bool), String> {
        self.resolved.between(unit, measure, canonical).ok_or_else(|| {
            if ucum::validate(unit).is_err() && !self.units.contains_key(unit) {
                format!("unit `{unit}` is not in {FILE} and is no UCUM code")
            } else {
                format!("unit `{unit}` does not lead to `{canonical}`: they measure different things")
            }
        })
    }
}

/// `measures.toml` first, then `measures/*.toml`; what a file names holds for all of them.
pub(super) fn load(files: &PackFiles, mistakes: &Mistakes) -> Measures {
    let mut measures = Measures::default();
    let paths = std::iter::once(FILE).chain(super::toml_files(files, FOLDER));
    let documents: Vec<Document<'_>> = paths
        .filter_map(|path| Document::of(files, path, mistakes))
        .collect();
    let roots: Vec<Section<'_>> = documents
        .iter()
        .map(|document| document.root(mistakes))
        .collect();
    for root in &roots {
        for entry in root.entries("units") {
            let Some(unit) = unit(&entry) else { continue };
            if measures.units.insert(entry.name.to_owned(), unit).is_some() {
                root.mistake(
                    entry.line,
                    format_args!("unit `{}` is listed twice", entry.name),
                );
            }
        }
    }
    for root in &roots {
        for entry in root.entries("units") {
            check_base(&entry, &measures);
        }
        for entry in root.entries("measures") {
            let Some(measure) = measure(&entry, &measures) else {
                continue;
            };
            if measures
                .by_name
                .insert(entry.name.to_owned(), measure)
                .is_some()
            {
                root.mistake(
                    entry.line,
                    format_args!("measure `{}` is listed twice", entry.name),
                );
            }
        }
    }
    if measures.by_name.is_empty() && !documents.is_empty() {
        mistakes.add(FILE, 0, "no measure is listed");
    }
    for root in &roots {
        root.finish();
    }
    measures.resolved = measures.units();
    measures
}

/// What a unit leads to must be a base unit.
fn check_base(entry: &Entry<'_>, measures: &Measures) {
    let unit = measures.units.get(entry.name);
    let Some((target, _)) = unit.and_then(|unit| unit.of.as_ref()) else {
        return;
    };
    if measures
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
    let molar_mass = section.number("molar_mass");
    if molar_mass.is_some_and(|mass| mass <= 0.0) {
        section.mistake(
            section.line_of("molar_mass"),
            "`molar_mass` must be above 0",
        );
    }
    let (mut unit, mut decimals, mut codes, mut open) = (None, 0, Vec::new(), None);
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
            let bytes = section.whole("open_bytes", 1..=1_024);
            open = bytes.and_then(|bytes| usize::try_from(bytes).ok());
            if codes.is_empty() && open.is_none() {
                let message = "a measure of kind code needs `codes`, or `open_bytes` for any text of at most so many bytes";
                section.mistake(entry.line, message);
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
        open,
        molar_mass,
    })
}
