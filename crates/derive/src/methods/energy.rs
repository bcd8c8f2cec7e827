//! Energy use from cumulative registers.
//!
//! **Method.** Between two readings of one meter: the difference. A fall is a rollover where `wrap` is configured and the use would be possible
//! with `power_max_kw`; else another meter (as is a changed serial number): a new base, nothing is counted, `INCOMPLETE`. Consumption is never
//! negative. Meters of one entity add up. Hours and days: the differences, spread evenly over the time between the readings;
//! `INCOMPLETE` where readings cover less than 99 % of the period or an edge lies in a gap over `gap_minutes`.

use event::Quality;

use super::rain::register_wrap;
use super::register::{AfterFall, Register, overlap};
use super::{Answer, Clocked, Known, Loading, Method, Port, Sample, Shape, View, union};
use crate::calendar::{DAY, HOUR, MINUTE, Period, hours};
use crate::reader::Section;

const SERIAL: usize = 1;
const INPUTS: [Port; 2] = [
    Port::number("register", &["kW.h"]).required(),
    Port::serial("serial"),
];

const OUTPUTS: [Port; 3] = [
    Port::number("interval", &["kW.h"]),
    Port::number("hour", &["kW.h"]),
    Port::number("day", &["kW.h"]),
];

pub(crate) const KNOWN: Known = Known {
    name: "energy_use",
    inputs: &INPUTS,
    outputs: &OUTPUTS,
    load,
};

#[derive(Clone, Debug)]
struct Energy {
    register: Register,
    gap: i64,
    hour: Period,
    day: Period,
    wants_interval: bool,
}

fn load(section: &Section<'_>, loading: &Loading<'_>) -> Option<Box<dyn Method>> {
    let wrap = register_wrap(section);
    if wrap.is_some() && !section.has("power_max_kw") {
        section.missing("power_max_kw");
    }
    Some(Box::new(Energy {
        register: Register {
            wrap,
            rate_max: section.number_in("power_max_kw", 0.001..=1e7, 1e7),
            after_fall: AfterFall::NewBase,
        },
        gap: section.number_in("gap_minutes", 1.0..=10_080.0, 120.0) as i64 * MINUTE,
        hour: Period::new(HOUR, loading.zone_ns),
        day: Period::new(DAY, loading.zone_ns),
        wants_interval: loading.wants(0),
    }))
}

/// What was used between two readings of one meter.
struct Use {
    source: u64,
    start: i64,
    end: i64,
    amount: f64,
    quality: Quality,
}

impl Energy {
    /// None where the two are of different meters.
    fn between(&self, before: &Sample, serial: Option<u64>, now: &Sample) -> Option<Use> {
        let (old, new) = (before.cell(0)?, now.cell(0)?);
        let exchanged = matches!((serial, now.serial), (Some(old), Some(new)) if old != new);
        let mut used = Use {
            source: now.source,
            start: before.at,
            end: now.at,
            amount: 0.0,
            quality: union(new.quality, Quality::INCOMPLETE),
        };
        if !exchanged {
            let step = self.register.step(
                old.value,
                new.value,
                hours(now.at.saturating_sub(before.at)),
            );
            used.amount = step.amount;
            used.quality = union(new.quality, step.quality);
        }
        Some(used)
    }

    /// All that ends after `from`, oldest first.
    fn uses(&self, view: &View<'_>, from: i64) -> Vec<Use> {
        // Last reading and last known serial number of each meter.
        let mut last: Vec<(u64, &Sample, Option<u64>)> = Vec::new();
        let mut uses = Vec::new();
        for sample in view.samples {
            let known = last
                .iter_mut()
                .find(|(source, ..)| *source == sample.source);
            let Some((_, before, serial)) = known else {
                last.push((sample.source, sample, sample.serial));
                continue;
            };
            if sample.at > from {
                uses.extend(self.between(before, *serial, sample));
            }
            *before = sample;
            *serial = sample.serial.or(*serial);
        }
        uses
    }
}

impl Method for Energy {
    fn shape(&self) -> Option<Shape> {
        let clocked = |period| Clocked {
            period,
            later: 0,
            trailing: 0,
        };
        Some(Shape {
            readings: self.wants_interval,
            serial: Some(SERIAL),
            keep_ns: DAY + HOUR,
            periods: vec![clocked(self.hour), clocked(self.day)],
            ..Shape::default()
        })
    }

    fn reading(&self, view: &View<'_>, index: usize) -> Vec<Answer> {
        let Some(now) = view.samples.get(index) else {
            return Vec::new();
        };
        let mut of_meter = view
            .samples
            .range(..index)
            .rev()
            .filter(|sample| sample.source == now.source);
        let Some(before) = of_meter.next() else {
            return Vec::new();
        };
        let serial = before
            .serial
            .or_else(|| of_meter.find_map(|sample| sample.serial));
        self.between(before, serial, now)
            .map(|used| Answer::number(0, used.amount, used.quality))
            .into_iter()
            .collect()
    }

    fn period(&self, view: &View<'_>, number: usize, bucket: i64) -> Vec<Answer> {
        const COVERED: f64 = 0.99;
        let period = if number == 0 { self.hour } else { self.day };
        let (from, to) = (period.start(bucket), period.end(bucket));
        let (mut sum, mut quality) = (0.0, Quality::GOOD);
        let mut covered: Vec<(u64, f64)> = Vec::new();
        for used in self.uses(view, from) {
            let part = overlap(used.start, used.end, from, to);
            if part <= 0.0 {
                continue;
            }
            sum += used.amount * part;
            quality = union(quality, used.quality);
            let length = used.end.saturating_sub(used.start) as f64;
            if part < 1.0 && used.amount > 0.0 && used.end.saturating_sub(used.start) > self.gap {
                quality = union(quality, Quality::INCOMPLETE);
            }
            match covered.iter_mut().find(|(meter, _)| *meter == used.source) {
                Some((_, covered)) => *covered += length * part,
                None => covered.push((used.source, length * part)),
            }
        }
        let most = covered.iter().map(|(_, length)| *length).reduce(f64::max);
        let Some(most) = most else {
            return Vec::new();
        };
        if most < COVERED * period.length as f64 {
            quality = union(quality, Quality::INCOMPLETE);
        }
        vec![Answer::number(number + 1, sum, quality)]
    }
}
