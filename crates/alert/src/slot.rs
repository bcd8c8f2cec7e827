//! What an entity's measures last said, and their short history.

use std::collections::VecDeque;

use event::{Measured, Name, Quality, Time, Value};
use serde::{Deserialize, Serialize};

/// Cells that a window is divided into.
const WINDOW_CELLS: i64 = 128;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Held {
    #[default]
    None,
    Number(f64),
    Boolean(bool),
    Code(Name),
}

impl Held {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Number(value) => Self::Number(*value),
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Code(value) => Self::Code(value.clone()),
        }
    }

    pub(crate) fn to_value(&self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Number(value) => Some(Value::Number(*value)),
            Self::Boolean(value) => Some(Value::Boolean(*value)),
            Self::Code(value) => Some(Value::Code(value.clone())),
        }
    }

    pub(crate) const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::None | Self::Boolean(_) | Self::Code(_) => None,
        }
    }
}

/// One value with the times and the offset that evidence needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) value: Held,
    /// `i64::MIN` = never.
    pub(crate) observed: i64,
    pub(crate) received: Time,
    pub(crate) processed: Time,
    pub(crate) quality: Quality,
    pub(crate) offset: u64,
}

impl Sample {
    pub(crate) const NEVER: Self = Self {
        value: Held::None,
        observed: i64::MIN,
        received: Time(0),
        processed: Time(0),
        quality: Quality::GOOD,
        offset: 0,
    };
}

/// The newest good value, the newest one that is not, and the history of the good ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) good: Sample,
    pub(crate) bad: Sample,
    pub(crate) window: Option<Box<Window>>,
}

impl Slot {
    pub(crate) fn new(window_ns: i64) -> Self {
        let window = (window_ns > 0).then(|| Box::new(Window::new(window_ns)));
        Self {
            good: Sample::NEVER,
            bad: Sample::NEVER,
            window,
        }
    }

    /// The newest value, unless it is bad in a way that `accept` does not cover: then there is none, because an older
    /// good value must not stand in for what the sensor says it does not know.
    pub(crate) fn usable(&self, accept: u16) -> Option<&Sample> {
        if self.bad.observed <= self.good.observed {
            (self.good.observed > i64::MIN).then_some(&self.good)
        } else if self.bad.quality.0 & !accept == 0 {
            Some(&self.bad)
        } else {
            None
        }
    }

    /// Whether the newest value is a bad one.
    pub(crate) const fn is_bad(&self) -> bool {
        self.bad.observed > self.good.observed
    }

    pub(crate) fn put(&mut self, measured: &Measured, stamp: &Stamp, window_ns: i64) {
        let sample = Sample {
            value: Held::of(&measured.value),
            observed: stamp.observed,
            received: stamp.received,
            processed: stamp.processed,
            quality: measured.quality,
            offset: stamp.offset,
        };
        if !measured.quality.is_usable() {
            if sample.observed > self.bad.observed {
                self.bad = sample;
            }
            return;
        }
        if let (Some(window), Held::Number(value)) = (&mut self.window, &sample.value) {
            window.insert(sample.observed, *value, window_ns);
        }
        if sample.observed > self.good.observed {
            self.good = sample;
        }
    }
}

/// Times and origin shared by all values of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) observed: i64,
    pub(crate) received: Time,
    pub(crate) processed: Time,
    pub(crate) offset: u64,
}

/// The history of a measure over its longest window, in cells of a 128th of it on a fixed grid. A sensor that reports no
/// faster than that keeps every value; a faster one is summed up, so that memory and time are bounded whatever it
/// sends. A window may see up to one cell more than its length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Window {
    width: i64,
    cells: VecDeque<Cell>,
    /// Count and sum of all cells, added from the oldest on: several rules ask for the same mean.
    total: (f64, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Cell {
    first: (i64, f64),
    last: (i64, f64),
    count: u32,
    sum: f64,
    least: f64,
    greatest: f64,
}

impl Cell {
    const fn new(observed: i64, value: f64) -> Self {
        let at = (observed, value);
        Self {
            first: at,
            last: at,
            count: 1,
            sum: value,
            least: value,
            greatest: value,
        }
    }

    fn add(&mut self, observed: i64, value: f64) {
        // Equal times of one entity are one event: the fold nudges different ones apart.
        if observed == self.first.0 || observed == self.last.0 {
            return;
        }
        if observed < self.first.0 {
            self.first = (observed, value);
        }
        if observed > self.last.0 {
            self.last = (observed, value);
        }
        self.count = self.count.saturating_add(1);
        self.sum += value;
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
    }
}

impl Window {
    fn new(length: i64) -> Self {
        Self {
            width: (length / WINDOW_CELLS).max(1),
            cells: VecDeque::new(),
            total: (0.0, 0.0),
        }
    }

    pub(crate) const fn same_grid(&self, other: &Self) -> bool {
        self.width == other.width
    }

    fn insert(&mut self, observed: i64, value: f64, length: i64) {
        let before = self.cells.len();
        self.put(observed, value, length);
        let appended = self.cells.len() == before + 1
            && self
                .cells
                .back()
                .is_some_and(|cell| cell.first.0 == observed);
        // Adding to the end keeps the order of the additions, so that both ways give the same bits.
        let (count, sum) = self.total;
        self.total = if appended {
            (count + 1.0, sum + value)
        } else {
            totals(self.cells.iter())
        };
    }

    fn put(&mut self, observed: i64, value: f64, length: i64) {
        let width = self.width;
        let grid = observed.div_euclid(width);
        let slot = |cell: &Cell| cell.first.0.div_euclid(width);
        match self.cells.back_mut() {
            Some(newest) if slot(newest) == grid => newest.add(observed, value),
            Some(newest) if slot(newest) > grid => {
                let oldest = newest.last.0.saturating_sub(length);
                let at = self.cells.partition_point(|cell| slot(cell) < grid);
                match self.cells.get_mut(at) {
                    _ if observed < oldest => {}
                    Some(cell) if slot(cell) == grid => cell.add(observed, value),
                    _ => self.cells.insert(at, Cell::new(observed, value)),
                }
            }
            _ => self.cells.push_back(Cell::new(observed, value)),
        }
        let oldest = self
            .cells
            .back()
            .map_or(i64::MIN, |cell| cell.last.0.saturating_sub(length));
        while self.cells.front().is_some_and(|cell| cell.last.0 < oldest) {
            self.cells.pop_front();
        }
    }

    /// The cells that reach into the time from `from` to `to`, both included.
    pub(crate) fn span(&self, from: i64, to: i64) -> Span<'_> {
        let start = self.cells.partition_point(|cell| cell.last.0 < from);
        let end = self.cells.partition_point(|cell| cell.first.0 <= to);
        let whole = (start == 0 && end == self.cells.len()).then_some(self.total);
        Span {
            cells: &self.cells,
            start,
            end: end.max(start),
            whole,
        }
    }
}

/// A part of a window.
pub(crate) struct Span<'a> {
    cells: &'a VecDeque<Cell>,
    start: usize,
    end: usize,
    /// Count and sum, where the span is the whole window.
    whole: Option<(f64, f64)>,
}

fn totals<'a>(cells: impl Iterator<Item = &'a Cell>) -> (f64, f64) {
    cells.fold((0.0, 0.0), |(count, sum), cell| {
        (count + f64::from(cell.count), sum + cell.sum)
    })
}

impl Span<'_> {
    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.range(self.start..self.end)
    }

    fn totals(&self) -> (f64, f64) {
        self.whole.unwrap_or_else(|| totals(self.cells()))
    }

    pub(crate) fn count(&self) -> f64 {
        self.totals().0
    }

    pub(crate) fn sum(&self) -> Option<f64> {
        let (count, sum) = self.totals();
        (count > 0.0).then_some(sum)
    }

    pub(crate) fn mean(&self) -> Option<f64> {
        let (count, sum) = self.totals();
        (count > 0.0).then(|| sum / count)
    }

    pub(crate) fn least(&self) -> Option<f64> {
        self.cells().map(|cell| cell.least).reduce(f64::min)
    }

    pub(crate) fn greatest(&self) -> Option<f64> {
        self.cells().map(|cell| cell.greatest).reduce(f64::max)
    }

    /// Newest minus oldest; none while the samples cover less than half of `length`.
    pub(crate) fn change(&self, length: i64) -> Option<f64> {
        if self.end == self.start {
            return None;
        }
        let (first, last) = (
            self.cells.get(self.start)?.first,
            self.cells.get(self.end - 1)?.last,
        );
        let covered = last.0.saturating_sub(first.0);
        (covered > 0 && covered >= length / 2).then_some(last.1 - first.1)
    }

    /// Slope in units an hour between the two ends of the span, each the median of up to three samples, so that with six
    /// samples or more a single wrong one moves it hardly; none while the samples cover less than half of `length`.
    pub(crate) fn rate_an_hour(&self, length: i64) -> Option<f64> {
        let change = self.change(length)?;
        let group = ((self.end - self.start) / 2).min(3);
        if group == 0 {
            let cell = self.cells.get(self.start)?;
            let hours = cell.last.0.saturating_sub(cell.first.0) as f64 / 3.6e12;
            return (hours > 0.0).then(|| change / hours);
        }
        let (early_time, early) = median(self.cells.range(self.start..self.start + group), |c| {
            c.first
        })?;
        let (late_time, late) = median(self.cells.range(self.end - group..self.end), |c| c.last)?;
        let hours = late_time.saturating_sub(early_time) as f64 / 3.6e12;
        (hours > 0.0).then(|| (late - early) / hours)
    }
}

/// Middle time and median value of one to three cells.
fn median<'a>(
    mut cells: impl Iterator<Item = &'a Cell>,
    end: impl Fn(&Cell) -> (i64, f64),
) -> Option<(i64, f64)> {
    let a = end(cells.next()?);
    let Some(b) = cells.next().map(&end) else {
        return Some(a);
    };
    let Some(c) = cells.next().map(&end) else {
        return Some((a.0 + (b.0 - a.0) / 2, f64::midpoint(a.1, b.1)));
    };
    Some((b.0, a.1.max(b.1).min(a.1.min(b.1).max(c.1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    /// Samples at least a cell apart, some late, against a plain sorted list.
    #[test]
    fn a_window_equals_a_plain_list() {
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let mut window = Window::new(HOUR);
        let mut list: Vec<(i64, f64)> = Vec::new();
        let mut now = 0;
        for _ in 0..5_000 {
            now += 30_000_000_000 * random(8) as i64;
            let late = if random(5) == 0 {
                30_000_000_000 * random(140) as i64
            } else {
                0
            };
            let (at, value) = (now - late, random(1_000) as f64 / 8.0);
            window.insert(at, value, HOUR);
            let newest = list.last().map_or(at, |(newest, _)| *newest).max(at);
            let known = list.iter().any(|(time, _)| *time == at);
            if !known && at >= newest - HOUR {
                list.push((at, value));
                list.sort_by_key(|(time, _)| *time);
            }
            list.retain(|(time, _)| *time >= newest - HOUR);
            for length in [HOUR, HOUR / 4] {
                let part: Vec<f64> = (list.iter().filter(|(time, _)| *time >= newest - length))
                    .map(|(_, value)| *value)
                    .collect();
                let span = window.span(newest - length, newest);
                let sum: f64 = part.iter().sum();
                assert_eq!(span.count(), part.len() as f64);
                assert!((span.sum().unwrap() - sum).abs() < 1e-6);
                assert_eq!(span.least(), part.iter().copied().reduce(f64::min));
                assert_eq!(span.greatest(), part.iter().copied().reduce(f64::max));
            }
        }
    }

    #[test]
    fn a_fast_sensor_does_not_grow_a_window() {
        let mut window = Window::new(HOUR);
        for step in 0..200_000 {
            window.insert(step * 50_000_000, 1.0, HOUR);
        }
        assert!(window.cells.len() <= 130, "{}", window.cells.len());
        let span = window.span(i64::MIN, i64::MAX);
        assert!((span.count() - 72_000.0).abs() < 600.0, "{}", span.count());
        assert_eq!(span.mean(), Some(1.0));
    }
}
