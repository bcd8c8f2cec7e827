//! Timers on journal time: at most one of each kind for each thing, derived from the state.

use std::collections::{BTreeMap, BTreeSet};

use event::{AlertId, Change, IncidentId, PublicWarningId, SuppressionId, Time};

use super::{Book, Context};
use crate::effect::Effect;

/// Those due at the same time fire in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Begin(SuppressionId),
    End(SuppressionId),
    /// The devices of a gateway that is back.
    Lift(AlertId),
    Shelve(AlertId),
    Quiet(AlertId),
    Ladder(AlertId),
    Remind(AlertId),
    Incident(IncidentId),
    Warning(PublicWarningId),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Timers {
    set: BTreeSet<(Time, Timer)>,
    due: BTreeMap<Timer, Time>,
}

impl Timers {
    /// Sets, moves or takes away a timer.
    pub(super) fn set(&mut self, timer: Timer, due: Option<Time>) {
        if let Some(before) = self.due.get(&timer).copied() {
            if due == Some(before) {
                return;
            }
            self.due.remove(&timer);
            self.set.remove(&(before, timer.clone()));
        }
        if let Some(due) = due {
            self.due.insert(timer.clone(), due);
            self.set.insert((due, timer));
        }
    }

    fn pop(&mut self, now: Time) -> Option<Timer> {
        if self.set.first().is_none_or(|(due, _)| *due > now) {
            return None;
        }
        let (_, timer) = self.set.pop_first()?;
        self.due.remove(&timer);
        Some(timer)
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.set.first().map(|(due, _)| *due)
    }
}

impl Book {
    /// Fires the earliest timer that is due at journal time <= `now`; false if there is none. One at a time: the kernel's are
    /// due in between, and the order must be that of their times alone.
    pub(crate) fn fire(&mut self, ctx: &Context<'_>, out: &mut Vec<Effect>) -> bool {
        let Some(timer) = self.timers.pop(ctx.origin.now) else {
            return false;
        };
        match timer {
            Timer::Begin(id) => self.begin_suppression(&id, None, ctx, out),
            Timer::End(id) => self.end_suppression(&id, None, ctx, out),
            Timer::Lift(id) => self.lift_dependency(&id, ctx, out),
            Timer::Shelve(id) => self.shelving_over(&id, ctx, out),
            Timer::Quiet(id) => self.quiet(&id, ctx, out),
            Timer::Ladder(id) => self.climb(&id, ctx, out),
            Timer::Remind(id) => self.remind(&id, ctx, out),
            Timer::Incident(id) => self.close_incident(&id, ctx, out),
            Timer::Warning(id) => self.expire_warning(&id, ctx, out),
        }
        true
    }

    fn shelving_over(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        if let Some(entry) = self.open.get_mut(id)
            && entry.alert.shelved.take().is_some()
        {
            entry.tell(Change::Unshelved, None, ctx, out);
        }
        self.sync(id, ctx.origin.now);
    }

    /// Brings an alert's unhandled time and its timers in line with it. Called after whatever happened to it.
    pub(super) fn sync(&mut self, id: &AlertId, now: Time) {
        let config = &self.config;
        let [shelve, quiet, ladder, remind] = match self.open.get_mut(id) {
            Some(entry) => {
                entry.note_handled(now);
                entry.dues(config)
            }
            None => [None; 4],
        };
        self.timers.set(Timer::Shelve(id.clone()), shelve);
        self.timers.set(Timer::Quiet(id.clone()), quiet);
        self.timers.set(Timer::Ladder(id.clone()), ladder);
        self.timers.set(Timer::Remind(id.clone()), remind);
    }

    /// All timers anew, as after a restore or with another configuration.
    pub(super) fn derive_timers(&mut self) {
        let mut timers = Timers::default();
        for (id, entry) in &self.open {
            let [shelve, quiet, ladder, remind] = entry.dues(&self.config);
            timers.set(Timer::Shelve(id.clone()), shelve);
            timers.set(Timer::Quiet(id.clone()), quiet);
            timers.set(Timer::Ladder(id.clone()), ladder);
            timers.set(Timer::Remind(id.clone()), remind);
        }
        for (id, due) in &self.lifting {
            timers.set(Timer::Lift(id.clone()), Some(*due));
        }
        for (id, suppression) in &self.suppressions {
            let [begin, end] = super::suppress::dues(suppression, self.in_force.contains(id));
            timers.set(Timer::Begin(id.clone()), begin);
            timers.set(Timer::End(id.clone()), end);
        }
        for (id, gathering) in &self.incidents {
            timers.set(Timer::Incident(id.clone()), gathering.due(&self.config));
        }
        for (id, warning) in &self.warnings {
            let due = super::warnings::due(warning);
            timers.set(Timer::Warning(id.clone()), due);
        }
        self.timers = timers;
    }
}
