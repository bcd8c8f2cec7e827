//! A key in time: the step of a point in order, the checkpoint that follows the horizon, and the replay that a late point
//! asks for. What comes out is [`News`]: the difference to what was told.

use super::ask::Reader;
use super::machine::{Machine, Phase, Shape, Turn};
use super::state::{TOLD_MAX, Tail, Told, Watch};
use crate::signal::EpisodeId;

/// The time in which a step happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Journal time.
    pub(crate) now: i64,
    /// Points before this are final: journal time less the lateness bound.
    pub(crate) horizon: i64,
}

/// What is to be told of an episode. `at` is the observed time that it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Began {
        episode: EpisodeId,
        since: i64,
        until: Option<i64>,
        at: i64,
        /// What its end speaks of, where it is over.
        ended_at: Option<i64>,
    },
    Changed {
        episode: EpisodeId,
        since: i64,
        until: Option<i64>,
        at: Option<i64>,
    },
    Ended {
        episode: EpisodeId,
        until: i64,
        at: i64,
    },
    Annulled {
        episode: EpisodeId,
    },
    Merged {
        episode: EpisodeId,
        into: EpisodeId,
    },
    Settled {
        episode: EpisodeId,
    },
}

impl News {
    pub(crate) const fn episode(&self) -> EpisodeId {
        match self {
            Self::Began { episode, .. }
            | Self::Changed { episode, .. }
            | Self::Ended { episode, .. }
            | Self::Annulled { episode }
            | Self::Merged { episode, .. }
            | Self::Settled { episode } => *episode,
        }
    }
}

/// Where news go and where the ids of episodes come from.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) news: Vec<News>,
    /// The newest id given out.
    pub(crate) episodes: u64,
    /// Room for points and answers of a replay.
    pub(crate) points: Vec<i64>,
    pub(crate) evaluations: u64,
    pub(crate) faults: u64,
    pub(crate) forced: u64,
}

impl Desk {
    pub(crate) fn episode(&mut self) -> EpisodeId {
        self.episodes += 1;
        EpisodeId(self.episodes)
    }

    pub(super) fn look(
        &mut self,
        machine: &mut Machine,
        reader: &Reader<'_>,
        point: i64,
        shape: Shape,
    ) -> (Option<Turn>, bool) {
        let (turn, fault) = machine.look(reader, point, shape);
        self.evaluations += 1;
        self.faults += u64::from(fault);
        (turn, fault)
    }
}

impl Watch {
    /// A point in order: one evaluation, one step. Says whether the rule could not be computed.
    pub(crate) fn live(
        &mut self,
        reader: &Reader<'_>,
        point: i64,
        clock: Clock,
        desk: &mut Desk,
    ) -> bool {
        let shape = reader.rule.shape();
        if self.tail.is_none() && reader.rule.remembers() {
            self.make_tail(reader, clock);
        }
        while let Some(turn) = self.machine.before(point, shape) {
            let at = self.machine.newest;
            self.take(turn, at, desk);
        }
        let before = self.machine.newest;
        let (turn, fault) = desk.look(&mut self.machine, reader, point, shape);
        let machine = self.machine;
        if let Some(tail) = &mut self.tail {
            if machine.phase != Phase::Clear {
                tail.busy = point;
            }
            tail.mark(machine);
        } else if turn.is_some() || machine.phase != Phase::Clear {
            let tail = self.make_tail(reader, clock);
            tail.busy = point;
            tail.at_rest_until(before);
        }
        if let Some(turn) = turn {
            self.take(turn, point, desk);
        }
        self.clock(clock.now, shape, desk);
        if self
            .tail
            .as_ref()
            .is_some_and(|tail| tail.told.len() > TOLD_MAX)
        {
            self.forget_half(reader, desk);
        }
        fault
    }

    /// What the clock alone decides: holds and releases due at or before `now`.
    pub(crate) fn clock(&mut self, now: i64, shape: Shape, desk: &mut Desk) {
        loop {
            let due = self.machine.phase.due();
            let Some(turn) = self.machine.after(now, shape) else {
                return;
            };
            if let (Some(tail), Some(due)) = (&mut self.tail, due) {
                tail.decided = tail.decided.max(due);
            }
            let at = self.machine.newest;
            self.take(turn, at, desk);
        }
    }

    fn take(&mut self, turn: Turn, at: i64, desk: &mut Desk) {
        let Some(tail) = &mut self.tail else { return };
        match turn {
            Turn::Began { since } => {
                let episode = desk.episode();
                tail.told.push(Told {
                    episode,
                    since,
                    until: None,
                    at,
                    value: None,
                    suspect: false,
                });
                desk.news.push(News::Began {
                    episode,
                    since,
                    until: None,
                    at,
                    ended_at: None,
                });
            }
            Turn::Ended { until } => {
                if let Some(told) = tail.told.last_mut() {
                    told.until = Some(until);
                    desk.news.push(News::Ended {
                        episode: told.episode,
                        until,
                        at,
                    });
                }
            }
        }
    }

    /// A key at rest was clear at all points that are not final.
    pub(crate) fn make_tail(&mut self, reader: &Reader<'_>, clock: Clock) -> &mut Tail {
        let from = clock.horizon.max(reader.floor().saturating_add(1));
        self.tail(Machine::NEW, from)
    }

    /// Moves the checkpoint on: points before `horizon` are final, and so are the episodes that ended there.
    pub(crate) fn settle(&mut self, reader: &Reader<'_>, horizon: i64, desk: &mut Desk) {
        let Some(tail) = self.tail.as_mut().filter(|tail| tail.from < horizon) else {
            return;
        };
        let shape = reader.rule.shape();
        let mut points = std::mem::take(&mut desk.points);
        reader.points(tail.from, horizon.saturating_sub(1), &mut points);
        for point in &points {
            while let Some(turn) = tail.checkpoint.before(*point, shape) {
                tail.settled(turn, desk);
            }
            let (turn, _) = tail.checkpoint.look(reader, *point, shape);
            if let Some(turn) = turn {
                tail.settled(turn, desk);
            }
        }
        desk.points = points;
        tail.from = horizon;
        let final_marks = tail.marks.partition_point(|mark| mark.newest < horizon);
        tail.marks.drain(..final_marks);
        self.rest(horizon, reader.rule.remembers());
    }

    /// More episodes than are remembered: the older half is final before its time.
    fn forget_half(&mut self, reader: &Reader<'_>, desk: &mut Desk) {
        let middle = self
            .tail
            .as_ref()
            .and_then(|tail| tail.told.get(tail.told.len() / 2));
        if let Some(from) = middle.map(|told| told.since) {
            desk.forced += 1;
            self.settle(reader, from, desk);
        }
    }

    /// Tells a changed value of the episode that is on, where the rule asks for it: at most once in `revise_every`, by at
    /// least `revise_step`.
    pub(crate) fn revise(&self, reader: &Reader<'_>, desk: &mut Desk) {
        let (Some(step), Phase::Active) = (reader.rule.revise_step, self.machine.phase) else {
            return;
        };
        let Some(told) = self.open() else { return };
        let at = self.machine.newest;
        if at.saturating_sub(told.at) < reader.rule.revise_every_ns {
            return;
        }
        let value = reader
            .inputs(at)
            .observation(0)
            .and_then(|one| one.number());
        let moved = match (value, told.value) {
            (Some(value), Some(told)) => (value - told).abs() >= step,
            (value, told) => value.is_some() && told.is_none(),
        };
        // A replay may have told of it just now.
        let known = (desk.news.iter()).any(|news| news.episode() == told.episode);
        if moved && !known {
            desk.news.push(News::Changed {
                episode: told.episode,
                since: told.since,
                until: None,
                at: Some(at),
            });
        }
    }

    /// Drops a tail that holds nothing.
    pub(super) fn rest(&mut self, horizon: i64, remembers: bool) {
        let idle = self.tail.as_ref().is_some_and(|tail| {
            tail.told.is_empty()
                && tail.checkpoint.phase == Phase::Clear
                && tail.from > tail.busy.max(tail.decided)
                && tail.from <= horizon
        });
        if idle && !remembers && self.machine.phase == Phase::Clear {
            self.tail = None;
        }
    }

    /// The rule has changed: what was told stays, what comes from now on is the new one's. `newest` is the newest
    /// point that there is for it. What is over is final: told as `settled`.
    pub(crate) fn turn_over(
        &mut self,
        newest: i64,
        (old, new): (Shape, Shape),
        settled: &mut Vec<EpisodeId>,
    ) {
        let open = self.open().copied();
        settled.extend(self.over());
        let again = |since: i64, was: i64, is: i64, due: i64| {
            if was == is {
                due
            } else {
                since.saturating_add(is)
            }
        };
        match &mut self.machine.phase {
            Phase::Pending { since, due } => {
                *due = again(*since, old.hold_ns, new.hold_ns, *due);
            }
            Phase::Releasing { since, due } => {
                *due = again(*since, old.release_ns, new.release_ns, *due);
            }
            Phase::Clear | Phase::Active => {}
        }
        self.machine.newest = self.machine.newest.max(newest);
        if self.machine.newest == i64::MIN {
            return;
        }
        self.tail = Some(Box::new(Tail {
            checkpoint: self.machine,
            from: self.machine.newest.saturating_add(1),
            told: open.into_iter().collect(),
            decided: i64::MIN,
            busy: self.machine.newest,
            marks: Vec::new(),
            unmarked: 0,
        }));
    }
}

impl Tail {
    fn settled(&mut self, turn: Turn, desk: &mut Desk) {
        if let Turn::Ended { .. } = turn
            && !self.told.is_empty()
        {
            let episode = self.told.remove(0).episode;
            desk.news.push(News::Settled { episode });
        }
    }
}
