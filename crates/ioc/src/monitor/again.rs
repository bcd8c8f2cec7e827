//! The same fold for those who try rules out: what it concludes is handed over as it is, nothing is written.

use alert::Effect;
use event::Event;
use journal::Frame;

use super::domain::Domain;
use super::fold::{Fold, drain_effects};
use super::out::Out;
use crate::site::Site;

/// What one step gave besides effects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) rejects: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.rejects += other.rejects;
    }
}

impl Fold {
    /// The first site pack, compiled already: many short trials of one pack need not read it each time.
    pub(crate) fn try_begin(
        &mut self,
        at: &Frame<'_>,
        digest: [u8; 32],
        site: Site,
        take: &mut dyn FnMut(&Effect),
    ) -> Tally {
        let origin = self.origin(at);
        let mut outs = Vec::new();
        self.domain
            .insert(Domain::of(Vec::new(), digest, site))
            .engine
            .advance(&origin, &mut self.effects);
        drain_effects(&mut self.effects, &mut self.counters, &mut outs);
        self.next_input = at.offset + 1;
        hand_over(&outs, take)
    }

    /// [`Fold::step`] without the writing.
    pub(crate) fn try_step(&mut self, frame: &Frame<'_>, take: &mut dyn FnMut(&Effect)) -> Tally {
        let mut outs = Vec::new();
        self.conclude(frame, &mut outs);
        hand_over(&outs, take)
    }

    /// An event that was normalized before, at the place and time of the record that brought it: timers first, then rules and
    /// derived measures, as in [`Fold::step`].
    pub(crate) fn try_event(
        &mut self,
        at: &Frame<'_>,
        event: Event,
        take: &mut dyn FnMut(&Effect),
    ) -> Tally {
        let origin = self.origin(at);
        let mut outs = Vec::new();
        self.advance(&origin, &mut outs);
        if let Some(domain) = &mut self.domain {
            domain.engine.event(&origin, &event, &mut self.effects);
            domain.deriver.event(&event, &mut self.derived);
            outs.push(Out::Event(event));
            domain.take_derived(&origin, &mut self.derived, &mut self.effects, &mut outs);
        }
        drain_effects(&mut self.effects, &mut self.counters, &mut outs);
        self.next_input = at.offset + 1;
        hand_over(&outs, take)
    }
}

fn hand_over(outs: &[Out<'_>], take: &mut dyn FnMut(&Effect)) -> Tally {
    let mut tally = Tally::default();
    for out in outs {
        match out {
            Out::Event(_) => tally.events += 1,
            Out::Reject(_) => tally.rejects += 1,
            Out::Effect(effect) => take(effect),
            Out::Verdict(_) | Out::Reprocessed(_) | Out::Copy(..) => {}
        }
    }
    tally
}
