//! Alerts by id, from transitions. Each transition carries the whole alert, so the newest one is the truth.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use event::{Alert, AlertId, AlertState, Change, Severity, Time, Transition};
use serde::Serialize;

use super::FRAME_BYTES_MAX;

/// Steps kept of one alert's history, newest last.
const HISTORY_MAX: usize = 100;

pub(crate) struct Alerts {
    alerts_max: usize,
    resolved_max: usize,
    by_id: HashMap<AlertId, Entry>,
    resolved: usize,
    /// Ids of entries whose `dirty` is set, in the order of their first change.
    dirty: VecDeque<AlertId>,
    /// One of them calls a person, or is what one did.
    urgent: bool,
    dropped: u64,
}

struct Entry {
    shown: Shown,
    history: VecDeque<Step>,
    dirty: bool,
}

/// An alert and its JSON, made once and shared by frames, snapshots and answers.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) alert: Arc<Alert>,
    pub(crate) json: Arc<str>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) offset: u64,
    pub(crate) time: Time,
    pub(crate) change: Change,
    pub(crate) by: Option<String>,
    pub(crate) state: AlertState,
    pub(crate) severity: Severity,
}

/// Active alerts by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) critical: u64,
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) warning: u64,
    pub(crate) info: u64,
}

impl Alerts {
    pub(crate) fn new(alerts_max: usize, resolved_max: usize) -> Self {
        Self {
            alerts_max,
            resolved_max,
            by_id: HashMap::new(),
            resolved: 0,
            dirty: VecDeque::new(),
            urgent: false,
            dropped: 0,
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn active(&self) -> usize {
        self.by_id.len() - self.resolved
    }

    pub(crate) fn apply(&mut self, offset: u64, transition: Transition) -> serde_json::Result<()> {
        let step = Step {
            offset,
            time: transition.alert.changed,
            change: transition.change,
            by: transition.by,
            state: transition.alert.state,
            severity: transition.alert.severity,
        };
        let urgent = is_urgent(transition.change);
        self.put(transition.alert, Some(step))?;
        self.urgent |= urgent;
        Ok(())
    }

    /// The monitor's own list at start: what it does not name is over, whatever the records read back said.
    pub(crate) fn replace(&mut self, image: Vec<Alert>) -> serde_json::Result<()> {
        let named: std::collections::HashSet<AlertId> =
            image.iter().map(|alert| alert.id.clone()).collect();
        self.by_id
            .retain(|id, entry| !is_active(&entry.shown.alert) || named.contains(id));
        for alert in image {
            self.put(alert, None)?;
        }
        self.resolved = self
            .by_id
            .values()
            .filter(|entry| !is_active(&entry.shown.alert))
            .count();
        self.forget_dirty();
        Ok(())
    }

    fn put(&mut self, alert: Alert, step: Option<Step>) -> serde_json::Result<()> {
        let id = alert.id.clone();
        let over = !is_active(&alert);
        let json = serde_json::to_string(&alert)?.into();
        let shown = Shown {
            alert: Arc::new(alert),
            json,
        };
        if let Some(entry) = self.by_id.get_mut(&id) {
            let was_over = !is_active(&entry.shown.alert);
            self.resolved = self.resolved + usize::from(over) - usize::from(was_over);
            entry.shown = shown;
            entry.remember(step);
            if !entry.dirty {
                entry.dirty = true;
                self.dirty.push_back(id);
            }
        } else {
            let mut entry = Entry {
                shown,
                history: VecDeque::new(),
                dirty: true,
            };
            entry.remember(step);
            self.by_id.insert(id.clone(), entry);
            self.resolved += usize::from(over);
            self.dirty.push_back(id);
        }
        self.trim();
        Ok(())
    }

    /// Keeps both bounds, letting a sixteenth go at a time.
    fn trim(&mut self) {
        if self.resolved > self.resolved_max + self.resolved_max / 16 {
            let over = self.resolved - self.resolved_max;
            self.let_go(over, |alert| !is_active(alert), |alert| (0, alert.changed));
        }
        if self.by_id.len() > self.alerts_max {
            let over = (self.alerts_max / 16).max(self.by_id.len() - self.alerts_max);
            self.let_go(
                over,
                |_| true,
                |alert| {
                    let rank = if is_active(alert) {
                        5 - alert.severity as u8
                    } else {
                        0
                    };
                    (rank, alert.changed)
                },
            );
        }
    }

    fn let_go(
        &mut self,
        count: usize,
        eligible: impl Fn(&Alert) -> bool,
        order: impl Fn(&Alert) -> (u8, Time),
    ) {
        let alerts = self.by_id.values().map(|entry| &entry.shown.alert);
        let mut candidates: Vec<(u8, Time, AlertId)> = alerts
            .filter(|alert| eligible(alert))
            .map(|alert| {
                let (rank, changed) = order(alert);
                (rank, changed, alert.id.clone())
            })
            .collect();
        candidates.sort_unstable();
        for (_, _, id) in candidates.into_iter().take(count) {
            if let Some(entry) = self.by_id.remove(&id) {
                if is_active(&entry.shown.alert) {
                    self.dropped += 1;
                } else {
                    self.resolved -= 1;
                }
            }
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<(Shown, Vec<Step>)> {
        let entry = self.by_id.get(&AlertId(id.to_owned()))?;
        Some((entry.shown.clone(), entry.history.iter().cloned().collect()))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Shown> {
        self.by_id.values().map(|entry| &entry.shown)
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for shown in self.all().filter(|shown| is_active(&shown.alert)) {
            match shown.alert.severity {
                Severity::Critical => counts.critical += 1,
                Severity::Major => counts.major += 1,
                Severity::Minor => counts.minor += 1,
                Severity::Warning => counts.warning += 1,
                Severity::Info => counts.info += 1,
            }
        }
        counts
    }

    pub(crate) fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    pub(crate) fn is_urgent(&self) -> bool {
        self.urgent
    }

    pub(crate) fn forget_dirty(&mut self) {
        self.urgent = false;
        for id in self.dirty.drain(..) {
            if let Some(entry) = self.by_id.get_mut(&id) {
                entry.dirty = false;
            }
        }
    }

    /// Writes up to `max` changed alerts as JSON array elements; the others stay dirty.
    pub(crate) fn take_dirty(&mut self, max: usize, out: &mut Vec<u8>) {
        let start = out.len();
        for _ in 0..max {
            if out.len() - start > FRAME_BYTES_MAX {
                break;
            }
            let Some(id) = self.dirty.pop_front() else {
                break;
            };
            let Some(entry) = self.by_id.get_mut(&id) else {
                continue;
            };
            entry.dirty = false;
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(entry.shown.json.as_bytes());
        }
        self.urgent &= self.has_dirty();
    }
}

impl Entry {
    fn remember(&mut self, step: Option<Step>) {
        if let Some(step) = step {
            if self.history.len() == HISTORY_MAX {
                self.history.pop_front();
            }
            self.history.push_back(step);
        }
    }
}

/// Whether operators must see it at once: it rang, or one of them acted. A value that moved or an alert that went back
/// to normal calls nobody and comes with the data.
fn is_urgent(change: Change) -> bool {
    match change {
        Change::Raised
        | Change::Reopened
        | Change::Acknowledged
        | Change::Shelved
        | Change::Unshelved
        | Change::Commented
        | Change::Assigned
        | Change::Escalated
        | Change::Reminded
        | Change::Suppressed
        | Change::Unsuppressed
        | Change::ChatteringBegan
        | Change::ChatteringEnded
        | Change::Reset
        | Change::Closed
        | Change::MarkedFalse
        | Change::UnmarkedFalse => true,
        Change::Revised
        | Change::ReturnedToNormal
        | Change::Resolved
        | Change::Merged
        | Change::Notified
        | Change::Annulled => false,
    }
}

pub(crate) fn is_active(alert: &Alert) -> bool {
    alert.state != AlertState::Normal
}
