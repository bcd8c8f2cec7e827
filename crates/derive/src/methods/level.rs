//! Water level from what an instrument measures and where it hangs.
//!
//! **Method.** Radar and ultrasonic instruments look down: `level = datum - distance`, `datum` being the height of the instrument above the
//! station's zero. Pressure gauges lie in the water: `level = datum + depth`, `datum` being the height of the sensor.
//! Later rules of the file may take the level for an input.

use std::collections::BTreeMap;

use event::Name;

use super::{Answer, Cell, Known, Loading, Method, Port};
use crate::reader::Section;

const INPUTS: [Port; 2] = [
    Port::number("distance", &["m"]),
    Port::number("depth", &["m"]),
];

const OUTPUTS: [Port; 1] = [Port::number("level", &["m"]).required()];

pub(crate) const KNOWN: Known = Known {
    name: "level",
    inputs: &INPUTS,
    outputs: &OUTPUTS,
    load,
};

#[derive(Clone, Debug)]
struct Level {
    datums: BTreeMap<String, f64>,
}

fn load(section: &Section<'_>, loading: &Loading<'_>) -> Option<Box<dyn Method>> {
    if loading.inputs.iter().flatten().count() != 1 {
        let line = section.line_of("inputs");
        section.mistake(line, "`inputs` must name either `distance` or `depth`");
    }
    let mut datums = BTreeMap::new();
    for entry in section.entries("datum") {
        let datum = entry.section.number("value");
        if datum.is_none() && !entry.section.has("value") {
            entry.section.missing("value");
        }
        entry.section.sourced();
        entry.section.finish();
        datums.insert(entry.name.to_owned(), datum.unwrap_or_default());
    }
    if datums.is_empty() {
        section.missing("datum");
    }
    Some(Box::new(Level { datums }))
}

impl Method for Level {
    fn instant(&self, entity: &Name, cells: &[Option<Cell>]) -> Vec<Answer> {
        let Some(datum) = self.datums.get(&**entity) else {
            return Vec::new();
        };
        let cell = |slot: usize| cells.get(slot).copied().flatten();
        let level = match (cell(0), cell(1)) {
            (Some(distance), _) => Some((datum - distance.value, distance.quality)),
            (None, Some(depth)) => Some((datum + depth.value, depth.quality)),
            (None, None) => None,
        };
        level
            .map(|(level, quality)| Answer::number(0, level, quality))
            .into_iter()
            .collect()
    }

    fn feeds(&self) -> bool {
        true
    }

    fn covers(&self, entity: &str) -> Result<(), String> {
        match self.datums.contains_key(entity) {
            true => Ok(()),
            false => Err(format!("`datum` does not say where `{entity}` hangs")),
        }
    }
}
