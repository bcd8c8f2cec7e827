//! When alerts come faster than a person can take them: the flood of ISA-18.2, over a sliding window of ten minutes.
//!
//! The window at `t` holds the alerts told in `(t − 10 min, t]`. A flood begins with the alert that makes them more than
//! [`FLOOD_ABOVE`] and is over at the instant at which ageing leaves fewer than [`FLOOD_BELOW`]. Its alerts are those in the
//! window when it began and all that came before its end.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::positions::INTERVAL_NS;

/// More than this many in ten minutes begin a flood.
pub const FLOOD_ABOVE: usize = 10;
/// Fewer than this many in ten minutes end it.
pub const FLOOD_BELOW: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) began: i64,
    pub(crate) alerts: u64,
    /// Most in the window.
    pub(crate) peak: u64,
}

/// The last ten minutes of one position. As large as the alerts in them; its owner bounds these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    recent: VecDeque<i64>,
    running: Option<Running>,
}

impl Window {
    /// Lets the window age to `now`; a flood that ended on the way comes back with its end.
    pub(crate) fn advance(&mut self, now: i64) -> Option<(Running, i64)> {
        let mut ended = None;
        while let Some(leaves) = self.recent.front().map(|at| at.saturating_add(INTERVAL_NS)) {
            if leaves > now {
                break;
            }
            self.recent.pop_front();
            if self.recent.len() < FLOOD_BELOW
                && let Some(running) = self.running.take()
            {
                ended = Some((running, leaves));
            }
        }
        ended
    }

    /// One more alert told at `at`, not before any other.
    pub(crate) fn add(&mut self, at: i64) -> Option<(Running, i64)> {
        let ended = self.advance(at);
        self.recent.push_back(at);
        let count = self.recent.len() as u64;
        match &mut self.running {
            Some(running) => {
                running.alerts += 1;
                running.peak = running.peak.max(count);
            }
            None if self.recent.len() > FLOOD_ABOVE => {
                self.running = Some(Running {
                    began: at,
                    alerts: count,
                    peak: count,
                });
            }
            None => {}
        }
        ended
    }

    pub(crate) fn running(&self) -> Option<Running> {
        self.running
    }

    pub(crate) fn count(&self) -> usize {
        self.recent.len()
    }
}
