//! The readings of one rule at one entity, and what a new one changes.
//!
//! A result is what the method says of the readings that are here. So what a reading changes is found by asking before and after it
//! is put in its place: whatever differs is given (again). A reading that is the newest changes nothing that was said
//! before, except of an hour or day that was closed without it.

use std::collections::VecDeque;

use event::{EventFlags, EventId, Name, Place, Stream, Time};
use serde::{Deserialize, Serialize};

use crate::deriver::Counts;
use crate::methods::{Answer, Base, Clocked, Method, Sample, Shape, View};
use crate::rules::Limits;

/// Buckets that one event closes at most; what lies farther back has no reading.
const CLOSED_MAX: i64 = 64;

/// Whom a result that no event brings about belongs to: what the newest event said of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) stream: Stream,
    pub(crate) site: Name,
    pub(crate) device: Name,
    pub(crate) place: Option<Place>,
    pub(crate) received: Time,
    pub(crate) flags: EventFlags,
    pub(crate) input: EventId,
    /// False until an event of the entity itself has come; others may lend it a value.
    pub(crate) own: bool,
}

/// A result that is new or has changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// 0 of a reading, else number of the period + 1.
    pub(crate) kind: u8,
    /// Time of the reading, or end of the bucket.
    pub(crate) at: i64,
    /// How often another result was given for this time.
    pub(crate) revision: u32,
    /// It came out of order, or replaces what was given before.
    pub(crate) late: bool,
    pub(crate) answers: Vec<Answer>,
}

/// Bound: `readings_max` readings, no more revised times than readings and buckets in reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) frame: Frame,
    /// Journal time of the last event.
    pub(crate) heard: Time,
    samples: VecDeque<Sample>,
    base: Base,
    /// Readings before this time are not taken any more.
    floor: i64,
    /// The last bucket of each period whose result was due.
    closed: Vec<i64>,
    /// Results given more than once: kind, time, how often; ascending.
    revisions: Vec<(u8, i64, u32)>,
}

/// A rule may have results of a reading, an hour and a day that end at one time.
fn kind_of(period: usize) -> u8 {
    u8::try_from(period + 1).unwrap_or(u8::MAX)
}

/// The method of the series' rule and the bounds.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) entity: &'a Name,
    pub(crate) method: &'a dyn Method,
    pub(crate) shape: &'a Shape,
    pub(crate) limits: &'a Limits,
}

/// Results that a reading may change, with what they were before it.
#[derive(Default)]
struct Before {
    /// Index of the first of the readings and what each said.
    readings: (usize, Vec<Vec<Answer>>),
    /// Number of the period, bucket, what was said.
    buckets: Vec<(usize, i64, Vec<Answer>)>,
}

impl Series {
    pub(crate) fn new(frame: Frame, heard: Time) -> Self {
        Self {
            frame,
            heard,
            samples: VecDeque::new(),
            base: Base::default(),
            floor: i64::MIN,
            closed: Vec::new(),
            revisions: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    pub(crate) fn newest(&self) -> Option<i64> {
        self.samples.back().map(|sample| sample.at)
    }

    fn view<'a>(&'a self, terms: &Terms<'a>) -> View<'a> {
        View {
            entity: terms.entity,
            samples: &self.samples,
            base: &self.base,
        }
    }

    /// Takes a reading; adds what it brings about to `out`, readings first, each kind by time. False if it was not taken.
    pub(crate) fn take(
        &mut self,
        terms: &Terms<'_>,
        sample: Sample,
        counts: &mut Counts,
        out: &mut Vec<Found>,
    ) -> bool {
        if sample.at < self.floor {
            counts.too_old += 1;
            return false;
        }
        let key = (sample.at, sample.id);
        let place = self
            .samples
            .partition_point(|known| (known.at, known.id) < key);
        if self.samples.get(place).is_some_and(|s| (s.at, s.id) == key) {
            counts.repeats += 1;
            return false;
        }
        let (at, shape) = (sample.at, terms.shape);
        let appended = place == self.samples.len();
        if self.closed.len() != shape.periods.len() {
            let start = shape.periods.iter();
            self.closed = start.map(|clock| clock.period.bucket(at) - 1).collect();
        }
        let newest = self.newest().map_or(at, |newest| newest.max(at));
        let oldest = newest.saturating_sub(terms.limits.revise_ns);
        let before = self.before(terms, place, &sample, oldest, counts);
        self.samples.insert(place, sample);
        if shape.readings && at >= oldest {
            self.own_result(terms, place, at, !appended, out);
        }
        self.compare(terms, before, counts, out);
        if appended {
            for number in 0..shape.periods.len() {
                let to = shape.periods[number].period.bucket(newest) - 1;
                self.close(terms, number, to, out);
            }
        }
        self.trim(terms, oldest, counts);
        true
    }

    /// Closes what is due at a journal time.
    pub(crate) fn advance(&mut self, terms: &Terms<'_>, now: Time, out: &mut Vec<Found>) {
        for number in 0..self.closed.len() {
            while self
                .due_of(terms.shape, terms.limits, number)
                .is_some_and(|due| due <= now)
            {
                let next = self.closed[number] + 1;
                self.close(terms, number, next, out);
            }
        }
    }

    /// When the next hour or day is due that may have a result.
    pub(crate) fn due(&self, shape: &Shape, limits: &Limits) -> Option<Time> {
        (0..self.closed.len())
            .filter_map(|number| self.due_of(shape, limits, number))
            .min()
    }

    fn due_of(&self, shape: &Shape, limits: &Limits, number: usize) -> Option<Time> {
        let clock = shape.periods.get(number)?;
        let next = self.closed.get(number)?.saturating_add(1);
        let last = clock.period.bucket(self.newest()?) + clock.trailing;
        // While readings still come (a block of history, one by one) nothing is closed between two of them.
        let from = Time(clock.period.end(next)).max(self.heard);
        (next <= last).then(|| from.plus(limits.grace_ns))
    }

    fn close(&mut self, terms: &Terms<'_>, number: usize, to: i64, out: &mut Vec<Found>) {
        let Some(clock) = terms.shape.periods.get(number) else {
            return;
        };
        let from = (self.closed[number] + 1).max(to - CLOSED_MAX + 1);
        for bucket in from..=to {
            let answers = terms.method.period(&self.view(terms), number, bucket);
            if !answers.is_empty() {
                out.push(Found {
                    kind: kind_of(number),
                    at: clock.period.end(bucket),
                    revision: 0,
                    late: false,
                    answers,
                });
            }
        }
        self.closed[number] = self.closed[number].max(to);
    }

    /// The result at the reading that was just put in.
    fn own_result(
        &mut self,
        terms: &Terms<'_>,
        place: usize,
        at: i64,
        late: bool,
        out: &mut Vec<Found>,
    ) {
        let answers = terms.method.reading(&self.view(terms), place);
        if answers.is_empty() {
            return;
        }
        let beside = [place.checked_sub(1), place.checked_add(1)];
        let same_time = beside
            .into_iter()
            .flatten()
            .any(|index| self.samples.get(index).is_some_and(|s| s.at == at));
        let revision = if same_time { self.revise(0, at) } else { 0 };
        out.push(Found {
            kind: 0,
            at,
            revision,
            late,
            answers,
        });
    }

    /// Asks for everything that the reading may change, while it is not there yet.
    fn before(
        &self,
        terms: &Terms<'_>,
        place: usize,
        sample: &Sample,
        oldest: i64,
        counts: &mut Counts,
    ) -> Before {
        let mut before = Before::default();
        let max = terms.limits.revisions_max;
        let view = self.view(terms);
        if terms.shape.readings && place < self.samples.len() {
            let next = self.samples.get(place).map_or(sample.at, |next| next.at);
            let reach = next.saturating_add(terms.shape.reach_ns);
            let start = self.samples.partition_point(|known| known.at < oldest);
            let end = self.samples.partition_point(|known| known.at <= reach);
            let (start, end) = (start.max(place), end.max(place));
            let cut = (end - start.min(end)).saturating_sub(max);
            counts.revisions_cut += cut as u64;
            let start = start.min(end) + cut;
            before.readings = (start, terms.method.readings(&view, start..end));
        }
        let same_source = |known: &&Sample| known.source == sample.source;
        let earlier = self.samples.range(..place).rev().find(same_source);
        let later = self.samples.range(place..).find(same_source);
        for (number, clock) in terms.shape.periods.iter().enumerate() {
            let Clocked {
                period,
                later: reach,
                ..
            } = clock;
            let first = period.bucket(earlier.map_or(sample.at, |earlier| earlier.at));
            let first = first.max(period.bucket(oldest));
            let last = period.bucket(later.map_or(sample.at, |later| later.at));
            let last = last.saturating_add(*reach).min(self.closed[number]);
            let cut = (last - first + 1 - i64::try_from(max).unwrap_or(i64::MAX)).max(0);
            counts.revisions_cut += cut.unsigned_abs();
            for bucket in first + cut..=last {
                let answers = terms.method.period(&view, number, bucket);
                before.buckets.push((number, bucket, answers));
            }
        }
        before
    }

    /// Gives what differs now.
    fn compare(
        &mut self,
        terms: &Terms<'_>,
        before: Before,
        counts: &mut Counts,
        out: &mut Vec<Found>,
    ) {
        let (start, old) = before.readings;
        // The new reading lies before all of these.
        let range = start + 1..start + 1 + old.len();
        let new = if old.is_empty() {
            Vec::new()
        } else {
            terms.method.readings(&self.view(terms), range.clone())
        };
        for ((index, old), answers) in range.zip(old).zip(new) {
            if answers != old && !answers.is_empty() {
                let at = self.samples.get(index).map_or(0, |sample| sample.at);
                let revision = if old.is_empty() {
                    0
                } else {
                    self.revise(0, at)
                };
                counts.revised += 1;
                out.push(Found {
                    kind: 0,
                    at,
                    revision,
                    late: true,
                    answers,
                });
            }
        }
        for (number, bucket, old) in before.buckets {
            let answers = terms.method.period(&self.view(terms), number, bucket);
            if answers != old && !answers.is_empty() {
                let at = terms.shape.periods[number].period.end(bucket);
                let kind = kind_of(number);
                let again = !old.is_empty() || self.revised_before(kind, at).is_ok();
                let revision = if again { self.revise(kind, at) } else { 0 };
                counts.revised += 1;
                out.push(Found {
                    kind,
                    at,
                    revision,
                    late: true,
                    answers,
                });
            }
        }
    }

    fn revise(&mut self, kind: u8, at: i64) -> u32 {
        let place = match self.revised_before(kind, at) {
            Ok(place) => place,
            Err(place) => {
                self.revisions.insert(place, (kind, at, 0));
                place
            }
        };
        let (_, _, revision) = &mut self.revisions[place];
        *revision = revision.saturating_add(1);
        *revision
    }

    /// Where a revised result is noted, or belongs.
    fn revised_before(&self, kind: u8, at: i64) -> Result<usize, usize> {
        self.revisions
            .binary_search_by_key(&(kind, at), |(kind, at, _)| (*kind, *at))
    }

    /// Lets go of what no result in reach needs, and of what the bound does not allow.
    fn trim(&mut self, terms: &Terms<'_>, oldest: i64, counts: &mut Counts) {
        self.revisions.retain(|(_, at, _)| *at >= oldest);
        let horizon = oldest.saturating_sub(terms.shape.keep_ns);
        let whole = terms.shape.whole;
        let horizon = whole.map_or(horizon, |period| period.start(period.bucket(horizon)));
        // One reading at or before the horizon stays: what passed at the horizon is counted from it.
        let gone = self.samples.partition_point(|sample| sample.at <= horizon);
        self.let_go(terms, gone.saturating_sub(1));
        self.floor = self.floor.max(horizon);
        let over = self.samples.len().saturating_sub(terms.limits.readings_max);
        if over > 0 {
            counts.readings_cut += over as u64;
            self.let_go(terms, over);
            let front = self.samples.front().map_or(i64::MIN, |sample| sample.at);
            self.floor = self.floor.max(front);
        }
    }

    fn let_go(&mut self, terms: &Terms<'_>, count: usize) {
        if count == 0 {
            return;
        }
        let mut base = self.base.clone();
        terms.method.let_go(&self.view(terms), count, &mut base);
        self.base = base;
        self.samples.drain(..count);
    }
}
