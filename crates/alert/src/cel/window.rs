//! Functions over time: which samples they look at as of an instant, and what they make of them.
//!
//! All are functions of the history and the instant alone. A function looks at the newest [`samples_max`] observations of
//! its window at the most, which is also its price; below that it is exact.

use crate::history::{History, Observation};

use super::{LOCAL_OFFSET_NS, SESSION_NS_MAX, WINDOW_SAMPLES_MAX, steps};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
pub(super) const DAY: i64 = 24 * HOUR;
/// Half of the part of a day that a baseline compares with.
const BASELINE_HALF: i64 = HOUR / 2;
/// Observations of one day that a baseline looks at.
pub(super) const BASELINE_SAMPLES_MAX: usize = 512;
/// Fewest samples of a baseline.
const BASELINE_SAMPLES_MIN: usize = 5;
/// Observations before the newest among which `previous` looks for a usable one.
pub(super) const PREVIOUS_SAMPLES_MAX: usize = 64;
/// How far back `previous` looks.
pub(super) const PREVIOUS_NS: i64 = DAY;

/// Which part of the past a function is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// The length before the instant, both ends included.
    Sliding(i64),
    /// The last complete window of a grid that begins at site-local midnight; lengths that do not divide a day are whole
    /// days. From its beginning (included) to its end (excluded).
    Tumbling(i64),
    /// Back from the instant to the last silence longer than this, at most a day.
    Session(i64),
}

impl Span {
    /// How far before an instant it may reach.
    pub(super) const fn depth(self) -> i64 {
        match self {
            Self::Sliding(length) => length,
            Self::Tumbling(length) => length.saturating_mul(2),
            Self::Session(_) => SESSION_NS_MAX,
        }
    }

    /// Most observations that a function over it looks at.
    pub(super) const fn samples(self) -> usize {
        match self {
            Self::Sliding(length) | Self::Tumbling(length) => samples_max(length),
            Self::Session(_) => WINDOW_SAMPLES_MAX,
        }
    }

    /// What the samples must cover half of for a change or a rate.
    const fn length(self) -> i64 {
        match self {
            Self::Sliding(length) | Self::Tumbling(length) => length,
            Self::Session(_) => 0,
        }
    }

    /// First and last instant as of `at`, both included; empty where the first lies after the last.
    pub(super) fn bounds(self, history: &History, slot: usize, at: i64) -> (i64, i64) {
        match self {
            Self::Sliding(length) => (at.saturating_sub(length), at),
            Self::Tumbling(length) => {
                let local = at.saturating_add(LOCAL_OFFSET_NS);
                let end = local
                    .saturating_sub(local.rem_euclid(length.max(1)))
                    .saturating_sub(LOCAL_OFFSET_NS);
                (end.saturating_sub(length), end.saturating_sub(1))
            }
            Self::Session(gap) => {
                let mut from = at.saturating_add(1);
                let mut after = at;
                let earliest = at.saturating_sub(SESSION_NS_MAX);
                for one in newest(history, slot, earliest, at, WINDOW_SAMPLES_MAX) {
                    if one.usable_number().is_none() {
                        continue;
                    }
                    if after.saturating_sub(one.observed) > gap {
                        break;
                    }
                    from = one.observed;
                    after = one.observed;
                }
                (from, at)
            }
        }
    }
}

/// Most observations of a window: ten a second, and never more than [`WINDOW_SAMPLES_MAX`].
pub(super) const fn samples_max(length: i64) -> usize {
    let tenths = length / (SECOND / 10);
    // Both bounds are far below what a `usize` holds.
    if tenths < WINDOW_SAMPLES_MAX as i64 - 10 {
        tenths as usize + 10
    } else {
        WINDOW_SAMPLES_MAX
    }
}

/// The newest observations of a window, at most `most`, newest first; good and bad.
fn newest(
    history: &History,
    slot: usize,
    from: i64,
    to: i64,
    most: usize,
) -> impl DoubleEndedIterator<Item = &Observation> {
    let all = if from > to {
        &[]
    } else {
        history.window(slot, from, to)
    };
    let kept = all
        .get(all.len().saturating_sub(most)..)
        .unwrap_or_default();
    kept.iter().rev().inspect(|_| steps::count())
}

/// A slot's samples in a span as of an instant.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a> {
    history: &'a History,
    slot: usize,
    span: Span,
    from: i64,
    to: i64,
}

impl<'a> Samples<'a> {
    pub(super) fn new(history: &'a History, slot: usize, span: Span, at: i64) -> Self {
        let (from, to) = span.bounds(history, slot, at);
        Self {
            history,
            slot,
            span,
            from,
            to,
        }
    }

    /// Usable numbers with their times, ascending.
    fn numbers(&self) -> impl DoubleEndedIterator<Item = (i64, f64)> + use<'a> {
        newest(
            self.history,
            self.slot,
            self.from,
            self.to,
            self.span.samples(),
        )
        .rev()
        .filter_map(|one| Some((one.observed, one.usable_number()?)))
    }

    fn values(&self) -> impl Iterator<Item = f64> + use<'a> {
        self.numbers().map(|(_, value)| value)
    }

    /// Count and sum.
    pub(super) fn totals(&self) -> (f64, f64) {
        // Oldest first: the same bits whenever it is asked.
        self.values()
            .fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value))
    }

    pub(super) fn least(&self) -> Option<f64> {
        self.values().reduce(f64::min)
    }

    pub(super) fn greatest(&self) -> Option<f64> {
        self.values().reduce(f64::max)
    }

    /// Between the two samples around rank `percent` of 100, linearly (the smallest is 0, the largest 100).
    /// `room` is empty.
    pub(super) fn percentile(&self, percent: f64, room: &mut Vec<f64>) -> Option<f64> {
        room.extend(self.values());
        quantile(room, percent / 100.0)
    }

    /// Newest minus oldest; none while the samples cover less than half of the window.
    pub(super) fn change(&self) -> Option<f64> {
        let mut numbers = self.numbers();
        let (first, last) = (numbers.next()?, numbers.next_back()?);
        self.covers(first.0, last.0).then_some(last.1 - first.1)
    }

    fn covers(&self, first: i64, last: i64) -> bool {
        let covered = last.saturating_sub(first);
        covered > 0 && covered >= self.span.length() / 2
    }

    /// Slope in units an hour between the two ends, each the median of up to three samples, so that with six samples or more
    /// a single wrong one moves it hardly; none while the samples cover less than half of the window.
    pub(super) fn rate_an_hour(&self) -> Option<f64> {
        const NONE: (i64, f64) = (0, 0.0);
        let mut numbers = self.numbers();
        // Taken from both ends in turn: neither end takes what the other has.
        let (mut early, mut late) = ([NONE; 3], [NONE; 3]);
        let mut group = 0;
        while let (true, Some(first)) = (group < 3, numbers.next()) {
            let Some(last) = numbers.next_back() else {
                break;
            };
            early[group] = first;
            late.rotate_right(1);
            late[0] = last;
            group += 1;
        }
        let last = group.checked_sub(1)?;
        if !self.covers(early[0].0, late[last].0) {
            return None;
        }
        let (early_time, early) = middle(&early[..group])?;
        let (late_time, late) = middle(&late[..group])?;
        let hours = late_time.saturating_sub(early_time) as f64 / 3.6e12;
        (hours > 0.0).then(|| (late - early) / hours)
    }
}

/// Middle time and median value of one to three samples.
fn middle(samples: &[(i64, f64)]) -> Option<(i64, f64)> {
    match samples {
        [a] => Some(*a),
        [a, b] => Some((a.0 + (b.0 - a.0) / 2, f64::midpoint(a.1, b.1))),
        [a, b, c] => Some((b.0, a.1.max(b.1).min(a.1.min(b.1).max(c.1)))),
        _ => None,
    }
}

/// The value at a share (0 to 1) of the sorted row, linearly between neighbours.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let rank = share * values.len().checked_sub(1)? as f64;
    let below = rank.floor();
    let (_, low, above) = values.select_nth_unstable_by(below as usize, f64::total_cmp);
    let low = *low;
    let part = rank - below;
    if part <= 0.0 {
        return Some(low);
    }
    let high = above.iter().copied().reduce(f64::min)?;
    Some(low + (high - low) * part)
}

/// Median and median distance from it, of the same time of the day (half an hour to either side) on the days before.
/// `values` is empty.
pub(super) fn baseline(
    history: &History,
    slot: usize,
    days: u8,
    at: i64,
    values: &mut Vec<f64>,
) -> Option<(f64, f64)> {
    for (from, to) in baseline_bounds(days, at) {
        let day = newest(history, slot, from, to, BASELINE_SAMPLES_MAX);
        values.extend(day.filter_map(Observation::usable_number));
    }
    if values.len() < BASELINE_SAMPLES_MIN {
        return None;
    }
    let median = quantile(values, 0.5)?;
    values
        .iter_mut()
        .for_each(|value| *value = (*value - median).abs());
    Some((median, quantile(values, 0.5)?))
}

/// The part of each day before that a baseline looks at, newest first.
pub(super) fn baseline_bounds(days: u8, at: i64) -> impl Iterator<Item = (i64, i64)> {
    (1..=i64::from(days)).map(move |day| {
        let same = at.saturating_sub(day * DAY);
        (
            same.saturating_sub(BASELINE_HALF),
            same.saturating_add(BASELINE_HALF),
        )
    })
}

/// How far back a baseline reaches.
pub(super) const fn baseline_depth(days: u8) -> i64 {
    days as i64 * DAY + BASELINE_HALF
}

/// The newest usable observation before the newest one.
pub(super) fn previous(history: &History, slot: usize, at: i64) -> Option<&Observation> {
    let last = history.at(slot, at)?.observed.checked_sub(1)?;
    let from = at.saturating_sub(PREVIOUS_NS);
    newest(history, slot, from, last, PREVIOUS_SAMPLES_MAX).find(|one| one.quality.is_usable())
}

/// Hour of the day (0 to 23) and day of the week (Monday = 1) at the site.
pub(super) fn local_clock(at: i64) -> (f64, f64) {
    let local = at.saturating_add(LOCAL_OFFSET_NS);
    let hour = local.rem_euclid(DAY) / HOUR;
    // 1970-01-01 was a Thursday.
    let weekday = (local.div_euclid(DAY) + 3).rem_euclid(7) + 1;
    (hour as f64, weekday as f64)
}
