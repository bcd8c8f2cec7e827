//! What the screens show, folded from `outcomes`.
//!
//! One writer (the tail), many readers. `next` is the offset of the first record not yet in it: what the API calls
//! `offset`. A record that cannot be read is counted and skipped; a hole in the journal makes the view *incomplete*,
//! which the node shows until it is started again.

mod alerts;
mod entities;
mod entity;
mod recent;
mod registers;
mod series;

use std::collections::HashSet;
use std::sync::Arc;

use event::outcome::{self, DecodeError, EventView, Outcome, OutcomeKind};
use event::{EventFlags, Name, Time, Transition};
use serde::Serialize;

use crate::deps::{Counters, Image, Intake, Mode};
use crate::health::HealthBackend;
use crate::{ConsoleConfig, Error};

pub(crate) use alerts::{Shown, Step, is_active};
pub(crate) use recent::Answer;
pub(crate) use registers::Registers;
pub(crate) use series::HOURS_MAX;

use alerts::Alerts;
use entities::Entities;
use recent::{RejectShown, Rejects, Verdicts};

/// Entities and alerts in one frame: the rest follow in the next one.
const FRAME_ENTITIES_MAX: usize = 2_500;
const FRAME_ALERTS_MAX: usize = 200;
/// And bytes of either, give or take one of them.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Observed ms since 1970, value, quality bits: as they stand in an answer.
pub(crate) type Points = Vec<(i64, f64, u16)>;

/// A record of `outcomes` as the tail hands it over.
pub(crate) struct Record<'a> {
    pub(crate) offset: u64,
    pub(crate) kind: u8,
    pub(crate) version: u8,
    pub(crate) time: Time,
    pub(crate) payload: &'a [u8],
}

pub(crate) struct View {
    next: u64,
    now: Time,
    last_event: Option<Time>,
    /// Something that is shown changed, though perhaps nothing that is listed.
    changed: bool,
    alerts: Alerts,
    entities: Entities,
    rejects: Rejects,
    verdicts: Verdicts,
    registers: Registers,
    /// Told of every record that is no event; and of the first, whatever it is.
    health: Option<Arc<dyn HealthBackend>>,
    unreadable: u64,
    holes: u64,
}

/// How far the view is and whether it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Offset of the first outcome not yet shown.
    pub offset: u64,
    /// Outcomes durable but not yet shown.
    pub behind: u64,
    /// Holes met in the journal: alerts shown may be out of date until the node is started again.
    pub holes: u64,
    /// Records that this release could not read.
    pub unreadable: u64,
    /// Clients of the live feed.
    pub clients: usize,
}

/// The most urgent of what is yet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    Nothing,
    /// Latest values, counters, alerts that moved without anybody being called.
    Data,
    /// An alert that rang, or what an operator did to one.
    Urgent,
}

/// What a change frame holds.
pub(crate) struct Changes {
    pub(crate) json: Vec<u8>,
    /// The offset that the frame brings a client to.
    pub(crate) offset: u64,
    /// The view's own offset when it was made.
    pub(crate) seen: u64,
}

impl Changes {
    /// One more field, of JSON.
    pub(crate) fn add(&mut self, name: &str, value: &[u8]) {
        // The object is open at its end again.
        self.json.pop();
        self.json
            .extend_from_slice(format!(",\"{name}\":").as_bytes());
        self.json.extend_from_slice(value);
        self.json.push(b'}');
    }
}

impl View {
    pub(crate) fn new(config: &ConsoleConfig) -> Self {
        Self {
            next: 0,
            now: Time::default(),
            last_event: None,
            changed: false,
            alerts: Alerts::new(config.alerts_max, config.alerts_resolved_max),
            entities: Entities::new(config.entities_max, config.series_max),
            rejects: Rejects::default(),
            verdicts: Verdicts::default(),
            registers: Registers::default(),
            health: None,
            unreadable: 0,
            holes: 0,
        }
    }

    /// Puts the monitor's own state over what was read back. The records from `outcomes_next` on come from the tail.
    pub(crate) fn set_image(&mut self, image: Image) -> Result<(), Error> {
        if let Some(health) = &self.health {
            health.standing(&image.alerts);
        }
        if let Err(error) = self.alerts.replace(image.alerts) {
            return Err(Error::Configuration(vec![format!(
                "an alert of the image: {error}"
            )]));
        }
        self.registers.suppressions.replace(image.suppressions);
        self.registers.incidents.replace(image.incidents);
        self.registers.warnings.replace(image.public_warnings);
        self.next = image.outcomes_next;
        self.holes = 0;
        self.forget_changes();
        Ok(())
    }

    pub(crate) fn set_health(&mut self, health: Option<Arc<dyn HealthBackend>>) {
        self.health = health;
    }

    pub(crate) fn set_named(&mut self, named: HashSet<Name>) {
        self.entities.set_named(named);
    }

    /// Folds one record; a verdict is handed back for whoever waits for it.
    pub(crate) fn apply(&mut self, record: &Record<'_>) -> Option<Arc<Answer>> {
        if self.now == Time::default()
            && let Some(health) = &self.health
        {
            health.seen(record.time);
        }
        self.next = record.offset.saturating_add(1);
        self.now = self.now.max(record.time);
        let done = if record.kind == OutcomeKind::Event as u8 {
            self.apply_event(record).map(|()| None)
        } else {
            self.apply_other(record)
        };
        done.unwrap_or_else(|error| {
            self.unreadable += 1;
            // A million of them shall not fill the log: the 1st, 2nd, 4th, 8th ... are named.
            if self.unreadable.is_power_of_two() {
                let (offset, count) = (record.offset, self.unreadable);
                tracing::warn!(offset, count, %error, "outcome not shown: it cannot be read");
            }
            None
        })
    }

    fn apply_event(&mut self, record: &Record<'_>) -> Result<(), DecodeError> {
        let event = EventView::read(record.version, record.payload)?;
        // Out of the quarantine: for the archive, never what is current.
        if event.flags.has(EventFlags::REPROCESSED) {
            return Ok(());
        }
        self.last_event = Some(record.time);
        self.changed = true;
        self.entities.apply(&event)
    }

    fn apply_other(&mut self, record: &Record<'_>) -> Result<Option<Arc<Answer>>, DecodeError> {
        let (cause, outcome) = outcome::decode(record.kind, record.version, record.payload)?;
        if let Some(health) = &self.health {
            health.fold(record.time, &outcome);
        }
        match outcome {
            Outcome::Reject(reject) => {
                self.changed = true;
                self.rejects
                    .push(record.offset, cause.offset, record.time, reject);
            }
            Outcome::Transition(transition) => self.apply_transition(record.offset, *transition)?,
            Outcome::Verdict(verdict) => {
                let answer = Arc::new(Answer {
                    offset: record.offset,
                    verdict: *verdict,
                });
                self.verdicts.push(&answer);
                return Ok(Some(answer));
            }
            Outcome::Suppression(change) => self.registers.suppressions.put(change.suppression),
            Outcome::Incident(incident) => self.registers.incidents.put(*incident),
            Outcome::PublicWarning(warning) => self.registers.warnings.put(*warning),
            // Events go the short way above; what is on trial is shown to nobody; copies are for other readers.
            Outcome::Event(_)
            | Outcome::CommandCopy(_)
            | Outcome::ClockCopy(_)
            | Outcome::ConfigurationCopy(_)
            | Outcome::NodeCopy(_)
            | Outcome::OutletCopy(_)
            | Outcome::Reprocessed(_)
            | Outcome::Shadow(_) => {}
        }
        Ok(None)
    }

    fn apply_transition(&mut self, offset: u64, transition: Transition) -> Result<(), DecodeError> {
        self.changed = true;
        self.alerts
            .apply(offset, transition)
            .map_err(|source| DecodeError::Json {
                kind: "transition",
                source,
            })
    }

    pub(crate) fn hole(&mut self) {
        self.holes += 1;
    }

    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Journal time of the newest record.
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    pub(crate) fn last_event(&self) -> Option<Time> {
        self.last_event
    }

    pub(crate) fn counters(&self, intake: Intake) -> Counters {
        Counters {
            received: intake.received,
            events: intake.events,
            state: intake.state,
            duplicates: intake.duplicates,
            rejected: intake.rejected,
            alerts_raised: intake.alerts_raised,
            alerts_active: self.alerts.active() as u64,
        }
    }

    pub(crate) fn devices_heard(&self) -> usize {
        self.entities.devices_heard()
    }

    pub(crate) fn health(&self, outcomes_next: u64, clients: usize) -> Health {
        Health {
            offset: self.next,
            behind: outcomes_next.saturating_sub(self.next),
            holes: self.holes,
            unreadable: self.unreadable,
            clients,
        }
    }

    /// Entities shown; entities and active alerts that had to leave.
    pub(crate) fn sizes(&self) -> (usize, u64, u64) {
        (
            self.entities.len(),
            self.entities.dropped(),
            self.alerts.dropped(),
        )
    }

    pub(crate) fn alert(&self, id: &str) -> Option<(Shown, Vec<Step>)> {
        self.alerts.get(id)
    }

    pub(crate) fn alerts(&self) -> Vec<Shown> {
        self.alerts.all().cloned().collect()
    }

    pub(crate) fn registers(&self) -> &Registers {
        &self.registers
    }

    pub(crate) fn rejects(&self) -> Vec<Arc<RejectShown>> {
        self.rejects.newest_first()
    }

    pub(crate) fn verdict(&self, command_id: &str) -> Option<Arc<Answer>> {
        self.verdicts.get(command_id)
    }

    /// Unit and points of a measure since `from_ms`.
    pub(crate) fn series(
        &self,
        entity: &str,
        measure: &str,
        from_ms: i64,
    ) -> Option<(Name, Points)> {
        let (unit, points) = self.entities.series(entity, measure, from_ms)?;
        Some((
            unit,
            points
                .iter()
                .map(|point| (point.at_ms, point.value, point.quality))
                .collect(),
        ))
    }

    pub(crate) fn write_latest(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        self.entities.write_all(out)
    }

    /// What clients have not been sent yet.
    pub(crate) fn pending(&self) -> Pending {
        if self.alerts.is_urgent() {
            Pending::Urgent
        } else if self.changed
            || self.alerts.has_dirty()
            || self.entities.has_dirty()
            || self.registers.is_dirty()
        {
            Pending::Data
        } else {
            Pending::Nothing
        }
    }

    pub(crate) fn forget_changes(&mut self) {
        self.changed = false;
        self.alerts.forget_dirty();
        self.entities.forget_dirty();
        self.registers.forget_dirty();
    }

    /// What changed since the frame that brought clients to `from`; `None` when nothing did.
    ///
    /// A frame that could not hold everything does not move the offset: an id that a client has seen always means
    /// that it has everything below it.
    pub(crate) fn take_changes(
        &mut self,
        from: u64,
        now: Time,
        intake: Intake,
    ) -> serde_json::Result<Option<Changes>> {
        if self.pending() == Pending::Nothing {
            return Ok(None);
        }
        let mut alerts = Vec::new();
        self.alerts.take_dirty(FRAME_ALERTS_MAX, &mut alerts);
        let mut latest = Vec::new();
        self.entities.take_dirty(FRAME_ENTITIES_MAX, &mut latest)?;
        self.changed = false;
        let mut registers = Vec::new();
        self.registers.write(true, &mut registers)?;
        self.registers.forget_dirty();
        let offset = match self.pending() {
            Pending::Nothing => self.next,
            Pending::Data | Pending::Urgent => from,
        };
        let mut json =
            format!("{{\"from\":{from},\"offset\":{offset},\"now\":\"{now}\"").into_bytes();
        put(&mut json, b",\"alerts\":[", &alerts);
        put(&mut json, b"],\"latest\":[", &latest);
        put(&mut json, b"]", &registers);
        json.extend_from_slice(b",\"counters\":");
        serde_json::to_writer(&mut json, &self.counters(intake))?;
        json.extend_from_slice(
            format!(",\"devices_heard\":{}}}", self.entities.devices_heard()).as_bytes(),
        );
        Ok(Some(Changes {
            json,
            offset,
            seen: self.next,
        }))
    }

    /// Everything a client needs to begin with; `sinks` is a list as JSON.
    pub(crate) fn snapshot(
        &self,
        now: Time,
        mode: Mode,
        intake: Intake,
        sinks: &[u8],
    ) -> serde_json::Result<Vec<u8>> {
        let mut json =
            format!("{{\"offset\":{},\"now\":\"{now}\",\"mode\":", self.next).into_bytes();
        serde_json::to_writer(&mut json, &mode)?;
        json.extend_from_slice(b",\"alerts\":[");
        let active = self.alerts.all().filter(|shown| is_active(&shown.alert));
        for (position, shown) in active.enumerate() {
            if position > 0 {
                json.push(b',');
            }
            json.extend_from_slice(shown.json.as_bytes());
        }
        json.extend_from_slice(b"],\"latest\":[");
        self.entities.write_all(&mut json)?;
        json.push(b']');
        self.registers.write(false, &mut json)?;
        json.extend_from_slice(b",\"counts\":");
        serde_json::to_writer(&mut json, &self.alerts.counts())?;
        json.extend_from_slice(b",\"counters\":");
        serde_json::to_writer(&mut json, &self.counters(intake))?;
        json.extend_from_slice(
            format!(
                ",\"devices_heard\":{},\"last_event\":",
                self.entities.devices_heard()
            )
            .as_bytes(),
        );
        serde_json::to_writer(&mut json, &self.last_event)?;
        put(&mut json, b",\"sinks\":", sinks);
        json.push(b'}');
        Ok(json)
    }
}

fn put(json: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    json.extend_from_slice(key);
    json.extend_from_slice(value);
}

#[cfg(test)]
mod tests;
