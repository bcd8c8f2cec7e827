//! What people see of a mover: its status, and a line in the log when trouble begins, at widening intervals while it lasts,
//! and when it is over.

use std::sync::Arc;

use journal::{Clock, Stamp};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::{LastTrouble, State, Status, Trouble};

const GAPS_MAX: usize = 16;

pub(crate) struct Shown {
    status: Status,
    sender: watch::Sender<Status>,
    clock: Arc<dyn Clock>,
    opened: bool,
    stalled: bool,
    cursor_failed: Option<Trouble>,
    /// When the trouble that lasts began.
    began: Option<Instant>,
    ended: Option<State>,
}

impl Shown {
    pub(crate) fn new(sender: watch::Sender<Status>, clock: Arc<dyn Clock>) -> Self {
        let status = sender.borrow().clone();
        Self {
            status,
            sender,
            clock,
            opened: false,
            stalled: false,
            cursor_failed: None,
            began: None,
            ended: None,
        }
    }

    pub(crate) fn status(&self) -> &Status {
        &self.status
    }

    /// For what is counted; published with the next numbers.
    pub(crate) fn status_mut(&mut self) -> &mut Status {
        &mut self.status
    }

    pub(crate) fn now(&self) -> Stamp {
        self.clock.now()
    }

    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled
    }

    pub(crate) fn numbers(&mut self, change: impl FnOnce(&mut Status, Stamp)) {
        change(&mut self.status, self.clock.now());
        self.sender.send_replace(self.status.clone());
    }

    pub(crate) fn opened(&mut self) {
        self.opened = true;
    }

    pub(crate) fn ended(&mut self, state: State) {
        self.ended = Some(state);
    }

    /// Finds the state, and since when.
    pub(crate) fn state(&mut self, draining: bool, retrying: bool) {
        let state = if let Some(ended) = self.ended {
            ended
        } else if draining {
            State::Draining
        } else if retrying || self.stalled || self.cursor_failed.is_some() {
            State::Retrying
        } else if self.opened {
            State::Running
        } else {
            State::Starting
        };
        if state != self.status.state {
            self.status.state = state;
            self.status.since_ns = self.clock.now().wall_ns;
        }
    }

    fn trouble(&mut self, trouble: Trouble, attempts: u64) {
        self.status.trouble = Some(LastTrouble {
            code: trouble.code,
            message: trouble.message,
            at_ns: self.clock.now().wall_ns,
            attempts,
        });
    }

    /// One more try failed.
    pub(crate) fn failed(&mut self, sink: &'static str, trouble: Trouble, attempts: u64) {
        self.began.get_or_insert_with(Instant::now);
        if attempts == 1 {
            tracing::warn!(
                sink,
                reason = trouble.code.name(),
                "{trouble}; trying again until it works"
            );
        } else if attempts.is_power_of_two() && attempts >= 8 {
            tracing::warn!(
                sink,
                reason = trouble.code.name(),
                attempts,
                "{trouble}; still trying"
            );
        }
        self.trouble(trouble, attempts);
    }

    pub(crate) fn recovered(&mut self, sink: &'static str) {
        let attempts = self.status.trouble.as_ref().map_or(0, |last| last.attempts);
        let seconds = self
            .began
            .take()
            .map_or(0.0, |at| at.elapsed().as_secs_f64());
        tracing::info!(sink, attempts, seconds, "delivering again");
        self.show_what_lasts();
    }

    /// The sink itself says what keeps it, or that it goes on.
    pub(crate) fn stalled(&mut self, sink: &'static str, stall: Option<Trouble>) {
        match (stall, self.stalled) {
            (Some(trouble), before) => {
                if !before {
                    tracing::warn!(sink, reason = trouble.code.name(), "{trouble}");
                }
                self.stalled = true;
                self.trouble(trouble, 1);
            }
            (None, true) => {
                self.stalled = false;
                tracing::info!(sink, "delivering again");
                self.show_what_lasts();
            }
            (None, false) => {}
        }
    }

    pub(crate) fn cursor_trouble(&mut self, trouble: Option<Trouble>) {
        match (trouble, &self.cursor_failed) {
            (Some(trouble), before) => {
                if before.is_none() {
                    tracing::warn!("{trouble}");
                }
                self.cursor_failed = Some(trouble);
                self.show_what_lasts();
            }
            (None, Some(_)) => {
                self.cursor_failed = None;
                tracing::info!(sink = self.status.sink, "the cursor is stored again");
            }
            (None, None) => {}
        }
    }

    /// The last trouble is the one that is still there.
    fn show_what_lasts(&mut self) {
        if let Some(trouble) = self.cursor_failed.clone() {
            self.trouble(trouble, 1);
        }
    }

    /// Adjacent ones are one outage.
    pub(crate) fn gap(&mut self, from: u64, to: u64) {
        let gaps = &mut self.status.gaps;
        match gaps.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => gaps.push((from, to)),
        }
        if gaps.len() > GAPS_MAX {
            gaps.remove(0);
        }
        self.status.counts.dropped += to - from;
    }
}
