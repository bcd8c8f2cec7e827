//! Flood alarm status (báo động, BĐ) and rate of rise of a river station.
//!
//! **Method.** The alarm levels `bd1`, `bd2`, `bd3` of each station come from `thresholds.toml`, with their dates of effect. A level at or
//! above an alarm level has reached it. `excess` is the distance to the level reached, or to BĐ1 (negative) below it: what
//! bulletins print. There is no BĐ4. `rate` in m/h over `rate_minutes`, medians of three readings at either end.
//!
//! A station of which not all levels are known has a status only where the known ones decide it. Levels that nobody has verified
//! give `ASSUMED`. The statement belongs to the hydro-meteorological service: always `UNOFFICIAL`.

use event::{Quality, Time};

use super::slope::rate_an_hour;
use super::{Answer, Known, Loading, Method, Port, Shape, View, union};
use crate::calendar::MINUTE;
use crate::reader::Section;
use crate::thresholds::{Alarm, Thresholds};

const INPUTS: [Port; 1] = [Port::number("level", &["m"]).required()];

const STATUS: usize = 0;
const EXCESS: usize = 1;
const RATE: usize = 2;
const OUTPUTS: [Port; 3] = [
    Port::code("status"),
    Port::number("excess", &["m"]),
    Port::number("rate", &["m/h"]),
];

const CODES: [&str; 4] = ["below", "bd1", "bd2", "bd3"];

pub(crate) const KNOWN: Known = Known {
    name: "river_status",
    inputs: &INPUTS,
    outputs: &OUTPUTS,
    load,
};

#[derive(Clone, Debug)]
struct River {
    thresholds: Thresholds,
    window: i64,
    rate_only: bool,
}

fn load(section: &Section<'_>, loading: &Loading<'_>) -> Option<Box<dyn Method>> {
    Some(Box::new(River {
        thresholds: loading.thresholds.clone(),
        window: section.number_in("rate_minutes", 10.0..=1_440.0, 60.0) as i64 * MINUTE,
        rate_only: !loading.wants(STATUS) && !loading.wants(EXCESS),
    }))
}

/// Highest level reached (0 to 3), distance to it or to BĐ1, and whether a level that nobody verified had a part in it.
fn place(level: f64, alarms: [Option<Alarm>; 3]) -> Option<(usize, Option<f64>, bool)> {
    let reached = (0..3)
        .rev()
        .find(|at| alarms[*at].is_some_and(|alarm| level >= alarm.value));
    let assumed = |alarm: Option<Alarm>| alarm.is_some_and(|alarm| !alarm.verified);
    match reached {
        Some(at) => {
            // The next one up must be known: else it may have been reached as well.
            let next = alarms.get(at + 1).copied();
            if next.is_some_and(|next| next.is_none()) {
                return None;
            }
            let excess = alarms[at].map(|alarm| level - alarm.value);
            Some((
                at + 1,
                excess,
                assumed(alarms[at]) || next.is_some_and(assumed),
            ))
        }
        None => {
            let first = alarms[0]?;
            Some((0, Some(level - first.value), assumed(alarms[0])))
        }
    }
}

impl Method for River {
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
        let Some((at, cell)) = view
            .samples
            .get(index)
            .and_then(|sample| Some((sample.at, sample.cell(0)?)))
        else {
            return answers;
        };
        let alarms = self.thresholds.alarms(view.entity, Time(at));
        if let Some((reached, excess, assumed)) = place(cell.value, alarms) {
            let quality = if assumed {
                union(cell.quality, Quality::ASSUMED)
            } else {
                cell.quality
            };
            answers.push(Answer::code(STATUS, CODES[reached], quality));
            answers.extend(excess.map(|excess| Answer::number(EXCESS, excess, quality)));
        }
        let mut quality = Quality::GOOD;
        let readings: Vec<(i64, f64)> = view
            .between(at.saturating_sub(self.window), at.saturating_add(1))
            .filter_map(|sample| {
                let cell = sample.cell(0)?;
                quality = union(quality, cell.quality);
                Some((sample.at, cell.value))
            })
            .collect();
        let rate = rate_an_hour(&readings, self.window);
        answers.extend(rate.map(|rate| Answer::number(RATE, rate, quality)));
        answers
    }

    fn covers(&self, entity: &str) -> Result<(), String> {
        if self.rate_only || self.thresholds.knows(entity) {
            return Ok(());
        }
        Err(format!(
            "thresholds.toml has no bd1, bd2 or bd3 of `{entity}`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_needs_the_levels_that_decide_it() {
        let known = |value| {
            Some(Alarm {
                value,
                verified: true,
            })
        };
        let all = [known(80.0), known(82.0), known(83.5)];
        assert_eq!(place(79.5, all), Some((0, Some(-0.5), false)));
        assert_eq!(place(80.0, all), Some((1, Some(0.0), false)));
        assert_eq!(place(83.0, all), Some((2, Some(1.0), false)));
        assert_eq!(place(83.5, all), Some((3, Some(0.0), false)));
        let third = [None, None, known(131.5)];
        assert_eq!(place(131.0, third), None);
        assert_eq!(place(134.0, third), Some((3, Some(2.5), false)));
        let gap = [known(1.0), None, known(3.0)];
        assert_eq!(place(2.0, gap), None);
        assert_eq!(place(0.5, gap), Some((0, Some(-0.5), false)));
    }
}
