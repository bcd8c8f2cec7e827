//! A late point of a key. Nothing that was observed after an instant changes an answer there, so the points before the late
//! one stand: the replay begins at the last state remembered before it, and ends where it meets a remembered state again
//! after everything that the late point can reach. A key at rest needs no memory: it was clear at every point.
//!
//! So the price of a late point is that of its surroundings, not that of the whole lateness bound.

use super::ask::Reader;
use super::diff::{Span, difference};
use super::machine::{Machine, Phase, Shape};
use super::state::{Tail, Told, Watch};
use super::watch::{Clock, Desk};

/// Points between two remembered states of a key.
const MARK_EVERY: u32 = 64;
/// First stretch of points gathered at a time, beyond what the late one reaches.
const STRETCH_NS: i64 = 3_600 * 1_000_000_000;

/// What a replay finds.
struct Run {
    machine: Machine,
    spans: Vec<Span>,
    marks: Vec<Machine>,
    unmarked: u32,
    /// Newest point after which it was not at rest.
    busy: i64,
    fault: bool,
}

/// What was so after the late point before it came.
#[derive(Clone, Copy)]
struct Before<'a> {
    point: i64,
    /// Clear at every point.
    resting: bool,
    marks: &'a [Machine],
}

impl Before<'_> {
    /// Whether the machine is after `at`, the newest point that it looked at, as it was there before.
    fn is_met(&self, reader: &Reader<'_>, machine: &Machine) -> bool {
        let at = machine.newest;
        let same = if self.resting {
            machine.phase == Phase::Clear
        } else {
            let place = self.marks.binary_search_by_key(&at, |mark| mark.newest);
            place.is_ok_and(|place| self.marks.get(place) == Some(machine))
        };
        same && at > self.point.saturating_add(reader.reach()) && reader.is_past(self.point, at)
    }
}

impl Watch {
    /// A point that is not the newest, or that the clock was ahead of. Whether the newest point could not be computed, where
    /// it was looked at; and whether the late one is none of the key's, being older than its checkpoint: then it still counts
    /// in the windows of those after that.
    pub(crate) fn replay(
        &mut self,
        reader: &Reader<'_>,
        point: i64,
        clock: Clock,
        desk: &mut Desk,
    ) -> (Option<bool>, bool) {
        self.settle(reader, clock.horizon, desk);
        let resting = self.tail.is_none() && !reader.rule.remembers();
        let tail = self.make_tail(reader, clock);
        let beyond = point < tail.from;
        if resting && !beyond {
            tail.at_rest_until(point.saturating_sub(1));
        }
        let known = tail.marks.partition_point(|mark| mark.newest < point);
        let later = tail.marks.split_off(known);
        let marked = !tail.marks.is_empty();
        let (start, from) = match tail.marks.last() {
            Some(mark) => (*mark, mark.newest.saturating_add(1)),
            None => (tail.checkpoint, tail.from),
        };
        let begun = begun(&tail.told, &start);
        let kept = begun.saturating_sub(usize::from(start.phase.is_on()));
        let mut run = Run::new(start, tail.told.get(kept));
        let before = Before {
            point,
            resting,
            marks: &later,
        };
        let met = run.through(reader, from, before, desk);
        let mut told = std::mem::take(&mut tail.told);
        let rest = told.split_off(kept);
        tail.marks.append(&mut run.marks);
        let fault = if met {
            self.join(told, rest, &later, run, desk);
            None
        } else {
            let base = if marked {
                tail.busy.min(start.newest)
            } else {
                i64::MIN
            };
            tail.busy = run.busy.max(base);
            tail.unmarked = run.unmarked;
            tail.decided = i64::MIN;
            run.clock(clock.now, reader.rule.shape(), tail);
            let last = run.machine.newest;
            told.extend(difference(rest, &run.spans, last, desk));
            tail.told = told;
            self.machine = run.machine;
            Some(run.fault)
        };
        self.rest(clock.horizon, reader.rule.remembers());
        (fault, beyond)
    }

    /// From where the replay has met what was so before, that stands.
    fn join(
        &mut self,
        mut told: Vec<Told>,
        mut changed: Vec<Told>,
        later: &[Machine],
        mut run: Run,
        desk: &mut Desk,
    ) {
        let newest = self.machine.newest;
        let Some(tail) = &mut self.tail else { return };
        let count = begun(&changed, &run.machine);
        let after = changed.split_off(count);
        if run.machine.phase.is_on()
            && let (Some(span), Some(open)) = (run.spans.last_mut(), changed.last())
        {
            span.until = open.until;
            span.ended_at = open.until.unwrap_or(span.ended_at);
        }
        told.extend(difference(changed, &run.spans, newest, desk));
        told.extend(after);
        tail.told = told;
        tail.busy = tail.busy.max(run.busy);
        let at = run.machine.newest;
        let left = later.partition_point(|mark| mark.newest < at);
        tail.marks.extend(later.get(left..).unwrap_or_default());
    }
}

/// How many of the told episodes have begun in this state.
fn begun(told: &[Told], machine: &Machine) -> usize {
    match machine.phase {
        Phase::Pending { since, .. } => told.partition_point(|told| told.since < since),
        Phase::Clear | Phase::Active | Phase::Releasing { .. } => {
            told.partition_point(|told| told.since <= machine.newest)
        }
    }
}

impl Run {
    fn new(start: Machine, open: Option<&Told>) -> Self {
        let open = open.filter(|_| start.phase.is_on()).map(|told| Span {
            since: told.since,
            until: None,
            began_at: told.at,
            ended_at: told.at,
        });
        Self {
            machine: start,
            spans: open.into_iter().collect(),
            marks: Vec::new(),
            unmarked: 0,
            busy: if start.phase == Phase::Clear {
                i64::MIN
            } else {
                start.newest
            },
            fault: false,
        }
    }

    /// Looks at the points from `from` on. Whether it has met what was so before.
    fn through(
        &mut self,
        reader: &Reader<'_>,
        from: i64,
        before: Before<'_>,
        desk: &mut Desk,
    ) -> bool {
        let shape = reader.rule.shape();
        let newest = reader.newest();
        let mut points = std::mem::take(&mut desk.points);
        let (mut from, mut stretch) = (from, reader.reach().saturating_add(STRETCH_NS));
        let mut met = false;
        while !met && from <= newest {
            let to = from.max(before.point).saturating_add(stretch);
            reader.points(from, to, &mut points);
            for point in &points {
                self.look(reader, *point, shape, desk);
                met = before.is_met(reader, &self.machine);
                if met {
                    break;
                }
                self.unmarked += 1;
                if self.unmarked >= MARK_EVERY {
                    self.unmarked = 0;
                    self.marks.push(self.machine);
                }
            }
            (from, stretch) = (to.saturating_add(1), stretch.saturating_mul(2));
        }
        desk.points = points;
        met
    }

    fn look(&mut self, reader: &Reader<'_>, point: i64, shape: Shape, desk: &mut Desk) {
        while let Some(turn) = self.machine.before(point, shape) {
            Span::take(&mut self.spans, turn, self.machine.newest);
        }
        let (turn, fault) = desk.look(&mut self.machine, reader, point, shape);
        self.fault = fault;
        if let Some(turn) = turn {
            Span::take(&mut self.spans, turn, point);
        }
        if self.machine.phase != Phase::Clear {
            self.busy = point;
        }
    }

    /// After the last point: what the clock has decided already.
    fn clock(&mut self, now: i64, shape: Shape, tail: &mut Tail) {
        while let Some(due) = self.machine.phase.due().filter(|due| *due <= now) {
            tail.decided = tail.decided.max(due);
            if let Some(turn) = self.machine.after(now, shape) {
                Span::take(&mut self.spans, turn, self.machine.newest);
            }
        }
    }
}

impl Tail {
    /// Remembers the state now and then. To be called after every point in order.
    pub(super) fn mark(&mut self, machine: Machine) {
        self.unmarked += 1;
        if self.unmarked >= MARK_EVERY {
            self.unmarked = 0;
            self.marks.push(machine);
        }
    }

    /// Of a key that was at rest: it was clear at every point up to `newest`.
    pub(super) fn at_rest_until(&mut self, newest: i64) {
        if newest >= self.from {
            self.marks.push(Machine {
                newest,
                ..Machine::NEW
            });
        }
    }
}
