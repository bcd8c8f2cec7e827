//! People present and flow from counts in and out.
//!
//! **Method.** `present += in - out` at every reading of every door (device) of the place; interval counts as they are, cumulative ones by steps
//! of the counter (`register`). Counters miss people, so the sum drifts; three things hold it:
//!
//! * it is never below 0;
//! * at `reset_hour` (local) it is set to 0, if that is plausible: no more than `reset_flow_max` people passed in the hour before;
//! * an absolute count, where there is one, is taken as it is.
//!
//! `INCOMPLETE` until the first of a reset or an absolute count: nobody knows how many were there at the start.
//! `flow_in` and `flow_out`: people in the last hour.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use event::Quality;
use serde::{Deserialize, Serialize};

use super::rain::register_wrap;
use super::register::{AfterFall, Register};
use super::{Answer, Base, Known, Loading, Method, Port, Sample, Shape, View, union};
use crate::calendar::{DAY, HOUR, Period, hours};
use crate::reader::Section;

const PEOPLE: &[&str] = &["{person}"];

const IN: usize = 0;
const OUT: usize = 1;
const ABSOLUTE: usize = 2;
const INPUTS: [Port; 3] = [
    Port::number("in", PEOPLE).required(),
    Port::number("out", PEOPLE).required(),
    Port::number("absolute", PEOPLE),
];

const OUTPUTS: [Port; 3] = [
    Port::number("present", PEOPLE),
    Port::number("flow_in", &["{person}/h", "{person}"]),
    Port::number("flow_out", &["{person}/h", "{person}"]),
];

pub(crate) const KNOWN: Known = Known {
    name: "occupancy",
    inputs: &INPUTS,
    outputs: &OUTPUTS,
    load,
};

/// The last values of a door's counters, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Door {
    at: i64,
    counts: [Option<f64>; 2],
}

/// The sum up to and with a reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Present {
    present: f64,
    /// `INCOMPLETE` until something has said where to begin; other flags are of the reading alone.
    start: Quality,
    at: i64,
    doors: BTreeMap<u64, Door>,
    /// What passed in the hour before `at`, in and out.
    passed: VecDeque<(i64, [f64; 2])>,
}

/// Doors of one place whose counters are remembered; the readings of one more count nothing.
const DOORS_MAX: usize = 256;
/// Readings of the last hour; what comes faster is added to the last one.
const PASSED_MAX: usize = 1_024;

#[derive(Clone, Debug)]
struct Occupancy {
    /// None: interval counts.
    register: Option<Register>,
    /// Days that begin at the hour of the reset.
    reset: Option<Period>,
    reset_flow_max: f64,
}

fn load(section: &Section<'_>, loading: &Loading<'_>) -> Option<Box<dyn Method>> {
    let register = match section.choice("counts", &["interval", "cumulative"]) {
        "cumulative" => Some(Register {
            wrap: register_wrap(section),
            rate_max: section.number_in("flow_max_per_hour", 1.0..=1e6, 50_000.0),
            after_fall: AfterFall::FromZero,
        }),
        _ => None,
    };
    if !section.has("counts") {
        section.missing("counts");
    }
    let reset = section.whole("reset_hour", 0..=23);
    let reset = reset.and_then(|hour| i64::try_from(hour).ok());
    Some(Box::new(Occupancy {
        register,
        reset: reset.map(|hour| Period::new(DAY, loading.zone_ns).starting_at(hour * HOUR)),
        reset_flow_max: section.number_in("reset_flow_max", 0.0..=1e5, 10.0),
    }))
}

impl Occupancy {
    /// Before the first reading.
    fn nobody(at: i64) -> Present {
        Present {
            present: 0.0,
            start: Quality::INCOMPLETE,
            at,
            doors: BTreeMap::new(),
            passed: VecDeque::new(),
        }
    }

    /// What passed at a door since its last reading, the door now, and the quality of that.
    fn passed(&self, door: Option<Door>, sample: &Sample) -> ([f64; 2], Door, Quality) {
        let (mut passed, mut quality) = ([0.0; 2], Quality::GOOD);
        let mut next = door.unwrap_or(Door {
            at: sample.at,
            counts: [None; 2],
        });
        for (slot, passed) in [IN, OUT].into_iter().zip(&mut passed) {
            let Some(cell) = sample.cell(slot) else {
                quality = union(quality, Quality::INCOMPLETE);
                continue;
            };
            quality = union(quality, cell.quality);
            match (&self.register, next.counts[slot]) {
                (None, _) => *passed = cell.value.max(0.0),
                (Some(register), Some(before)) => {
                    let step =
                        register.step(before, cell.value, hours(sample.at.saturating_sub(next.at)));
                    *passed = step.amount;
                    quality = union(quality, step.quality);
                }
                (Some(_), None) => {}
            }
            next.counts[slot] = Some(cell.value);
        }
        next.at = sample.at;
        (passed, next, quality)
    }

    /// Takes the next reading; returns its quality.
    fn step(&self, state: &mut Present, sample: &Sample) -> Quality {
        self.reset(state, sample.at);
        let known = state.doors.get(&sample.source).copied();
        let (passed, door, quality) = self.passed(known, sample);
        let room = known.is_some() || state.doors.len() < DOORS_MAX;
        if self.register.is_some() && room {
            state.doors.insert(sample.source, door);
        }
        state.present = (state.present + passed[IN] - passed[OUT]).max(0.0);
        if let Some(absolute) = sample.cell(ABSOLUTE) {
            state.present = absolute.value.max(0.0);
            state.start = Quality::GOOD;
        }
        state.at = sample.at;
        let hour_ago = sample.at.saturating_sub(HOUR);
        while state.passed.front().is_some_and(|(at, _)| *at <= hour_ago) {
            state.passed.pop_front();
        }
        let full = state.passed.len() >= PASSED_MAX;
        match state.passed.back_mut() {
            Some((_, last)) if full => {
                last[IN] += passed[IN];
                last[OUT] += passed[OUT];
            }
            _ => state.passed.push_back((sample.at, passed)),
        }
        union(quality, state.start)
    }

    /// The nightly reset, where one lies between the last reading and this time.
    fn reset(&self, state: &mut Present, now: i64) {
        let Some(days) = self.reset else { return };
        let day = days.bucket(now);
        if days.bucket(state.at) >= day {
            return;
        }
        let at = days.start(day);
        let before = state.passed.iter();
        let before = before.filter(|(passed, _)| *passed > at.saturating_sub(HOUR));
        let flow: f64 = before.map(|(_, [came, went])| came + went).sum();
        if flow <= self.reset_flow_max {
            state.present = 0.0;
            state.start = Quality::GOOD;
        }
    }

    /// The sum after each of the first `count` readings is shown to `each`; the last one is returned.
    fn walk(
        &self,
        view: &View<'_>,
        count: usize,
        mut each: impl FnMut(usize, &Present, Quality),
    ) -> Option<Present> {
        let first = view.samples.front()?;
        let base = view.base.occupancy.clone();
        let mut state = base.unwrap_or_else(|| Self::nobody(first.at));
        for (index, sample) in view.samples.iter().take(count).enumerate() {
            let quality = self.step(&mut state, sample);
            each(index, &state, quality);
        }
        Some(state)
    }
}

fn answers(state: &Present, quality: Quality) -> Vec<Answer> {
    let flow = |side: usize| state.passed.iter().map(|(_, passed)| passed[side]).sum();
    let of_flow = Quality(quality.0 & !Quality::INCOMPLETE.0);
    vec![
        Answer::number(0, state.present, quality),
        Answer::number(1, flow(IN), of_flow),
        Answer::number(2, flow(OUT), of_flow),
    ]
}

impl Method for Occupancy {
    fn shape(&self) -> Option<Shape> {
        Some(Shape {
            readings: true,
            // A late reading moves every sum after it, as far as results are revised at all.
            reach_ns: i64::MAX,
            ..Shape::default()
        })
    }

    fn reading(&self, view: &View<'_>, index: usize) -> Vec<Answer> {
        self.readings(view, index..index + 1)
            .pop()
            .unwrap_or_default()
    }

    /// In one walk: each sum needs all before it.
    fn readings(&self, view: &View<'_>, range: Range<usize>) -> Vec<Vec<Answer>> {
        let mut all = Vec::new();
        self.walk(view, range.end, |index, state, quality| {
            if index >= range.start {
                all.push(answers(state, quality));
            }
        });
        all
    }

    fn let_go(&self, view: &View<'_>, count: usize, base: &mut Base) {
        base.occupancy = self.walk(view, count, |_, _, _| ());
    }
}
