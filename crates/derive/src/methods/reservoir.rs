//! Balance of a reservoir.
//!
//! **Method.** `balance = inflow - outflow` in m³/s, positive while the lake fills. Where a report lacks the total outflow and has both parts,
//! `outflow = turbine + spill`. Where it lacks the spill and has the others, `spill = outflow - turbine`; a result below zero by no more than
//! `tolerance_m3s` is 0, farther below there is none (the figures do not fit together). `level_rise` in m/h over
//! `rate_minutes`, medians of three readings at either end.

use event::Quality;

use super::slope::rate_an_hour;
use super::{Answer, Known, Loading, Method, Port, Shape, View, union};
use crate::calendar::MINUTE;
use crate::reader::Section;

const FLOW: &[&str] = &["m3/s"];

const INFLOW: usize = 0;
const OUTFLOW: usize = 1;
const TURBINE: usize = 2;
const SPILL: usize = 3;
const LEVEL: usize = 4;
const INPUTS: [Port; 5] = [
    Port::number("inflow", FLOW),
    Port::number("outflow", FLOW),
    Port::number("turbine", FLOW),
    Port::number("spill", FLOW),
    Port::number("level", &["m"]),
];

const OUTPUTS: [Port; 3] = [
    Port::number("balance", FLOW),
    Port::number("spill", FLOW),
    Port::number("level_rise", &["m/h"]),
];

pub(crate) const KNOWN: Known = Known {
    name: "reservoir_balance",
    inputs: &INPUTS,
    outputs: &OUTPUTS,
    load,
};

#[derive(Clone, Debug)]
struct Reservoir {
    tolerance: f64,
    window: i64,
}

fn load(section: &Section<'_>, loading: &Loading<'_>) -> Option<Box<dyn Method>> {
    let needs = [
        (0, [INFLOW, OUTFLOW].as_slice()),
        (1, &[OUTFLOW, TURBINE]),
        (2, &[LEVEL]),
    ];
    for (output, inputs) in needs {
        for input in inputs {
            let there = loading.inputs.get(*input).is_some_and(Option::is_some);
            if loading.wants(output) && !there {
                let line = section.line_of("inputs");
                section.mistake(
                    line,
                    format_args!(
                        "output `{}` needs the input `{}`",
                        OUTPUTS[output].key, INPUTS[*input].key
                    ),
                );
            }
        }
    }
    Some(Box::new(Reservoir {
        tolerance: section.number_in("tolerance_m3s", 0.0..=1_000.0, 5.0),
        window: section.number_in("rate_minutes", 10.0..=1_440.0, 60.0) as i64 * MINUTE,
    }))
}

impl Method for Reservoir {
    fn shape(&self) -> Option<Shape> {
        Some(Shape {
            readings: true,
            reach_ns: self.window,
            keep_ns: self.window,
            ..Shape::default()
        })
    }

    fn reading(&self, view: &View<'_>, index: usize) -> Vec<Answer> {
        let mut answers = Vec::new();
        let Some(sample) = view.samples.get(index) else {
            return answers;
        };
        let (turbine, spill) = (sample.cell(TURBINE), sample.cell(SPILL));
        let parts = turbine.zip(spill).map(|(turbine, spill)| {
            let quality = union(turbine.quality, spill.quality);
            (turbine.value + spill.value, quality)
        });
        let told = sample.cell(OUTFLOW);
        let outflow = told.map(|cell| (cell.value, cell.quality)).or(parts);
        if let (Some(inflow), Some((outflow, quality))) = (sample.cell(INFLOW), outflow) {
            let quality = union(inflow.quality, quality);
            answers.push(Answer::number(0, inflow.value - outflow, quality));
        }
        if let (Some(outflow), Some(turbine), None) = (told, turbine, spill) {
            let spill = outflow.value - turbine.value;
            if spill >= -self.tolerance {
                let quality = union(outflow.quality, turbine.quality);
                answers.push(Answer::number(1, spill.max(0.0), quality));
            }
        }
        let now = sample.at;
        if sample.cell(LEVEL).is_some() {
            let mut quality = Quality::GOOD;
            let readings: Vec<(i64, f64)> = view
                .between(now.saturating_sub(self.window), now.saturating_add(1))
                .filter_map(|sample| {
                    let cell = sample.cell(LEVEL)?;
                    quality = union(quality, cell.quality);
                    Some((sample.at, cell.value))
                })
                .collect();
            let rate = rate_an_hour(&readings, self.window);
            answers.extend(rate.map(|rate| Answer::number(2, rate, quality)));
        }
        answers
    }
}
