//! What the methods have in common: inputs and outputs by name, the series they look at, what they answer.
//!
//! A [`Method`] has no state of its own. It is asked for the result at a reading, or of an hour or day, and answers from the
//! series alone; the fold in `series` decides when to ask and what is new.

pub(crate) mod aqi;
pub(crate) mod energy;
pub(crate) mod fire;
pub(crate) mod level;
pub(crate) mod occupancy;
pub(crate) mod power;
pub(crate) mod rain;
pub(crate) mod register;
pub(crate) mod reservoir;
pub(crate) mod river;
pub(crate) mod slope;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::Range;

use event::{EventId, MeasureType, Name, Quality};
use serde::{Deserialize, Serialize};

use crate::calendar::Period;
use crate::reader::Section;
use crate::thresholds::Thresholds;

/// One usable value of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) value: f64,
    pub(crate) quality: Quality,
}

/// What a method keeps of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Time of the reading, or the end of its interval.
    pub(crate) at: i64,
    /// Beginning of its interval; the same as `at` for an instant.
    pub(crate) from: i64,
    pub(crate) id: EventId,
    /// Stands for the device.
    pub(crate) source: u64,
    /// Stands for the serial number that came with it.
    pub(crate) serial: Option<u64>,
    /// By input of the method.
    pub(crate) cells: Vec<Option<Cell>>,
}

impl Sample {
    pub(crate) fn cell(&self, slot: usize) -> Option<Cell> {
        self.cells.get(slot).copied().flatten()
    }
}

/// What outlives the readings that a series lets go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Base {
    pub(crate) occupancy: Option<occupancy::Present>,
    pub(crate) fire: Option<fire::Day>,
}

/// A series as a method sees it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) entity: &'a Name,
    /// Ascending by time, then id.
    pub(crate) samples: &'a VecDeque<Sample>,
    pub(crate) base: &'a Base,
}

impl<'a> View<'a> {
    /// The readings from `from` (included) to `to` (not included), oldest first.
    pub(crate) fn between(
        &self,
        from: i64,
        to: i64,
    ) -> impl DoubleEndedIterator<Item = &'a Sample> + use<'a> {
        let start = self.samples.partition_point(|sample| sample.at < from);
        let end = self.samples.partition_point(|sample| sample.at < to);
        self.samples.range(start..end.max(start))
    }

    /// The readings of a bucket.
    pub(crate) fn of(
        &self,
        period: &Period,
        bucket: i64,
    ) -> impl DoubleEndedIterator<Item = &'a Sample> + use<'a> {
        let below = |limit: i64| move |sample: &Sample| period.bucket(sample.at) < limit;
        let start = self.samples.partition_point(below(bucket));
        let end = self
            .samples
            .partition_point(below(bucket.saturating_add(1)));
        self.samples.range(start..end.max(start))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said {
    Number(f64),
    Code(&'static str),
}

/// The value of one output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answer {
    /// Index into the method's outputs.
    pub(crate) output: usize,
    pub(crate) said: Said,
    pub(crate) quality: Quality,
}

impl Answer {
    pub(crate) fn number(output: usize, value: f64, quality: Quality) -> Self {
        Self {
            output,
            said: Said::Number(tidy(value)),
            quality,
        }
    }

    pub(crate) const fn code(output: usize, code: &'static str, quality: Quality) -> Self {
        Self {
            output,
            said: Said::Code(code),
            quality,
        }
    }
}

/// Six decimals: finer than any instrument, coarser than what the order of additions changes. Without it a late reading would
/// revise results by their last bit.
pub(crate) fn tidy(value: f64) -> f64 {
    const SCALE: f64 = 1e6;
    let scaled = (value * SCALE).round() / SCALE;
    // Not -0, and what is too large to scale stays as it is.
    if scaled.is_finite() {
        scaled + 0.0
    } else {
        value
    }
}

/// A measure that a method takes or gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    /// Name in `inputs` or `outputs` of the rule.
    pub(crate) key: &'static str,
    pub(crate) kind: MeasureType,
    /// A number or a code, whichever the measure is.
    pub(crate) either: bool,
    /// Units that the arithmetic is written for; empty = any.
    pub(crate) units: &'static [&'static str],
    pub(crate) required: bool,
}

impl Port {
    pub(crate) const fn number(key: &'static str, units: &'static [&'static str]) -> Self {
        Self {
            key,
            kind: MeasureType::Number,
            either: false,
            units,
            required: false,
        }
    }

    pub(crate) const fn code(key: &'static str) -> Self {
        Self {
            key,
            kind: MeasureType::Code,
            either: false,
            units: &[],
            required: false,
        }
    }

    /// A serial number.
    pub(crate) const fn serial(key: &'static str) -> Self {
        Self {
            either: true,
            ..Self::code(key)
        }
    }

    pub(crate) const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }
}

/// How the fold treats the series of a method.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// Each reading has a result.
    pub(crate) readings: bool,
    /// How long after a reading it still matters to the results of others.
    pub(crate) reach_ns: i64,
    /// How long a reading is needed by the method itself, beyond the time in which results are revised.
    pub(crate) keep_ns: i64,
    /// Hours or days that have results, with how many later buckets a reading matters to, and for how many buckets without a reading
    /// there may still be a result.
    pub(crate) periods: Vec<Clocked>,
    /// Two devices of one entity are two series.
    pub(crate) per_device: bool,
    /// The reading is of the interval that the event names, not of its beginning.
    pub(crate) interval: bool,
    /// The input that is a serial number: a code or a number, compared and not counted.
    pub(crate) serial: Option<usize>,
    /// Readings are let go in whole buckets of this period.
    pub(crate) whole: Option<Period>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocked {
    pub(crate) period: Period,
    pub(crate) later: i64,
    pub(crate) trailing: i64,
}

/// A way to compute measures. Every function is pure.
pub(crate) trait Method: Debug + Send + Sync {
    /// Without a shape the method needs no series: it is asked with `instant`.
    fn shape(&self) -> Option<Shape> {
        None
    }

    /// From the values of one event.
    fn instant(&self, _entity: &Name, _cells: &[Option<Cell>]) -> Vec<Answer> {
        Vec::new()
    }

    /// Whether later rules may take the answers of `instant` for inputs.
    fn feeds(&self) -> bool {
        false
    }

    /// At the reading with this index.
    fn reading(&self, _view: &View<'_>, _index: usize) -> Vec<Answer> {
        Vec::new()
    }

    /// At each of some readings.
    fn readings(&self, view: &View<'_>, range: Range<usize>) -> Vec<Vec<Answer>> {
        range.map(|index| self.reading(view, index)).collect()
    }

    /// Of a bucket of the shape's period with this number.
    fn period(&self, _view: &View<'_>, _number: usize, _bucket: i64) -> Vec<Answer> {
        Vec::new()
    }

    /// What must be remembered of the first `count` readings, which go now.
    fn let_go(&self, _view: &View<'_>, _count: usize, _base: &mut Base) {}

    /// Whether the rule can say anything about this entity, else why not.
    fn covers(&self, _entity: &str) -> Result<(), String> {
        Ok(())
    }
}

/// What the keys of a rule are read with.
pub(crate) struct Loading<'l> {
    pub(crate) thresholds: &'l Thresholds,
    pub(crate) zone_ns: i64,
    /// Input measures by port.
    pub(crate) inputs: &'l [Option<Name>],
    /// Keys of the outputs that the rule asks for.
    pub(crate) wanted: &'l [bool],
}

impl Loading<'_> {
    pub(crate) fn wants(&self, output: usize) -> bool {
        self.wanted.get(output).copied().unwrap_or(false)
    }
}

/// Reads the parameters of a method; every mistake is told to the section.
pub(crate) type Load = fn(&Section<'_>, &Loading<'_>) -> Option<Box<dyn Method>>;

/// A method as `derive.toml` names it.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) inputs: &'static [Port],
    pub(crate) outputs: &'static [Port],
    pub(crate) load: Load,
}

pub(crate) const METHODS: [Known; 11] = [
    rain::KNOWN,
    level::KNOWN,
    river::KNOWN,
    aqi::KNOWN,
    fire::KNOWN,
    energy::KNOWN,
    power::DEVIATION,
    power::UNBALANCE,
    power::LOAD_FACTOR,
    reservoir::KNOWN,
    occupancy::KNOWN,
];

pub(crate) fn union(a: Quality, b: Quality) -> Quality {
    a.with(b)
}
