//! Incidents: alerts of one cause in one place. Places are the same or neighbours when their communes' centroids lie within
//! 30 km, or when they stand at one river. Drills have incidents of their own; retrospective alerts and those of severity `info`
//! make none, nor do those kept back, until they are told.

use std::collections::BTreeSet;

use event::{AlertId, Incident, IncidentId, Name, Severity, Status, Time, Vocabulary};
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::timers::Timer;
use super::{Book, BookConfig, Context, INCIDENT_ALERTS_MAX, INCIDENTS_CLOSED_MAX, INCIDENTS_MAX};
use crate::effect::Effect;

const NEAR_KM: f64 = 30.0;
/// Places and rivers that an incident remembers.
const SPOTS_MAX: usize = 64;
const AREAS_MAX: usize = 100;

/// An incident with what decides whether an alert belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Gathering {
    pub(super) incident: Incident,
    /// Latitude and longitude of its communes, or of its alerts where they name none.
    spots: Vec<(f64, f64)>,
    rivers: BTreeSet<Name>,
    /// Its alerts whose condition holds.
    active: BTreeSet<AlertId>,
    last: Time,
}

struct Spot {
    at: Option<(f64, f64)>,
    river: Option<Name>,
}

impl Spot {
    fn of(entry: &Entry, vocabulary: &Vocabulary) -> Self {
        let alert = &entry.alert;
        let area = (alert.area.as_ref()).and_then(|code| vocabulary.areas.get(&**code));
        let own = || alert.lat.zip(alert.lon);
        let info = vocabulary.entities.get(&*alert.entity);
        Self {
            at: area.map(|area| (area.lat, area.lon)).or_else(own),
            river: info.and_then(|info| info.river.clone()),
        }
    }
}

/// Kilometres on a sphere flattened at the place; plain arithmetic, so that every machine computes the same.
fn distance((lat, lon): (f64, f64), other: (f64, f64)) -> f64 {
    const KM: f64 = 111.195;
    let middle = ((lat + other.0) / 2.0).to_radians();
    let square = middle * middle;
    let cosine =
        1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0)));
    let (north, east) = ((lat - other.0) * KM, (lon - other.1) * KM * cosine);
    (north * north + east * east).sqrt()
}

impl Gathering {
    pub(super) fn due(&self, config: &BookConfig) -> Option<Time> {
        let waiting = self.incident.closed.is_none() && self.active.is_empty();
        waiting.then(|| self.last.plus(config.gap(&self.incident.cause)))
    }

    fn takes(&self, cause: &Name, status: Status, spot: &Spot) -> bool {
        let near = |at: (f64, f64)| self.spots.iter().any(|spot| distance(*spot, at) <= NEAR_KM);
        let river = spot.river.as_ref();
        let nowhere = spot.at.is_none() && river.is_none();
        self.incident.closed.is_none()
            && self.incident.cause == *cause
            && self.incident.status == status
            && (spot.at.is_some_and(near)
                || river.is_some_and(|river| self.rivers.contains(river))
                || (nowhere && self.spots.is_empty() && self.rivers.is_empty()))
    }

    fn add(&mut self, entry: &Entry, spot: Spot, now: Time) {
        let alert = &entry.alert;
        let incident = &mut self.incident;
        incident.total += 1;
        if incident.alerts.len() < INCIDENT_ALERTS_MAX {
            incident.alerts.push(alert.id.clone());
        }
        if let Some(area) = &alert.area
            && incident.areas.len() < AREAS_MAX
            && !incident.areas.contains(area)
        {
            incident.areas.push(area.clone());
        }
        incident.severity = incident.severity.min(alert.severity);
        incident.changed = now;
        self.last = now;
        if let Some(at) = spot.at
            && self.spots.len() < SPOTS_MAX
            && !self.spots.contains(&at)
        {
            self.spots.push(at);
        }
        if let Some(river) = spot.river
            && self.rivers.len() < SPOTS_MAX
        {
            self.rivers.insert(river);
        }
        if entry.holds() {
            self.active.insert(alert.id.clone());
        }
    }
}

impl Book {
    /// Puts an alert that is told into its incident; makes one where there is none.
    pub(super) fn gather(&mut self, entry: &mut Entry, ctx: &Context<'_>) {
        let now = ctx.origin.now;
        let Some(cause) = entry.alert.rating.cause.clone() else {
            return;
        };
        if entry.key.retrospective || entry.alert.severity == Severity::Info {
            return;
        }
        let spot = Spot::of(entry, ctx.vocabulary);
        let status = entry.key.status;
        let known = (self.incidents.iter())
            .filter(|(_, gathering)| gathering.takes(&cause, status, &spot))
            .min_by_key(|(id, gathering)| (gathering.incident.opened, (*id).clone()))
            .map(|(id, _)| id.clone());
        let id = match known {
            Some(id) => id,
            None => {
                if self.incidents.len() - self.incidents_closed.len() >= INCIDENTS_MAX {
                    self.counters.incidents_refused += super::one(status);
                    return;
                }
                self.open_incident(entry, &cause, ctx)
            }
        };
        entry.alert.incident = Some(id.clone());
        if let Some(gathering) = self.incidents.get_mut(&id) {
            gathering.add(entry, spot, now);
        }
        self.sync_incident(&id);
    }

    fn open_incident(&mut self, entry: &Entry, cause: &Name, ctx: &Context<'_>) -> IncidentId {
        let origin = ctx.origin;
        let own = || super::raise::place(&entry.key);
        let place = match (&entry.alert.area, entry.key.status) {
            (Some(area), Status::Actual) => area.to_string(),
            (Some(area), Status::Exercise) => format!("{area}@exercise"),
            (Some(area), Status::Test) => format!("{area}@test"),
            (None, _) => own(),
        };
        let mut id = IncidentId(format!(
            "{cause}:{place}:{}-{}",
            origin.journal, origin.offset
        ));
        if self.incidents.contains_key(&id) {
            id.0.push_str(&format!("#{}", entry.alert.id));
        }
        let incident = Incident {
            id: id.clone(),
            cause: cause.clone(),
            title: self.config.title(cause),
            status: entry.key.status,
            severity: entry.alert.severity,
            areas: Vec::new(),
            alerts: Vec::new(),
            total: 0,
            active: 0,
            opened: origin.now,
            changed: origin.now,
            closed: None,
        };
        let gathering = Gathering {
            incident,
            spots: Vec::new(),
            rivers: BTreeSet::new(),
            active: BTreeSet::new(),
            last: origin.now,
        };
        self.incidents.insert(id.clone(), gathering);
        self.counters.incidents += super::one(entry.key.status);
        id
    }

    pub(super) fn has_open_incident(&self, entry: &Entry) -> bool {
        let incident = entry.alert.incident.as_ref();
        let gathering = incident.and_then(|id| self.incidents.get(id));
        gathering.is_some_and(|gathering| gathering.incident.closed.is_none())
    }

    pub(super) fn tell_incident(&mut self, id: Option<&IncidentId>, out: &mut Vec<Effect>) {
        if let Some(gathering) = id.and_then(|id| self.incidents.get_mut(id)) {
            gathering.incident.active = gathering.active.len() as u64;
            out.push(Effect::Incident(gathering.incident.clone()));
        }
    }

    pub(super) fn incident_active(&mut self, id: &AlertId, now: Time) {
        self.activity(id, now, true);
    }

    pub(super) fn incident_inactive(&mut self, id: &AlertId, now: Time) {
        self.activity(id, now, false);
    }

    fn activity(&mut self, id: &AlertId, now: Time, active: bool) {
        let incident = self
            .entry(id)
            .and_then(|entry| entry.alert.incident.clone());
        let Some(incident) = incident else { return };
        if let Some(gathering) = self.incidents.get_mut(&incident)
            && gathering.incident.closed.is_none()
        {
            if active {
                gathering.active.insert(id.clone());
            } else {
                gathering.active.remove(id);
            }
            gathering.incident.active = gathering.active.len() as u64;
            gathering.last = now;
        }
        self.sync_incident(&incident);
    }

    /// An alert is over, maybe by hand while its condition holds.
    pub(super) fn leave_incident(
        &mut self,
        incident: Option<&IncidentId>,
        id: &AlertId,
        now: Time,
    ) {
        let Some(incident) = incident else { return };
        if let Some(gathering) = self.incidents.get_mut(incident)
            && gathering.active.remove(id)
        {
            gathering.incident.active = gathering.active.len() as u64;
            gathering.last = now;
        }
        self.sync_incident(incident);
    }

    pub(super) fn severity_rose(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        let Some(entry) = self.open.get(id) else {
            return;
        };
        let (severity, incident) = (entry.alert.severity, entry.alert.incident.clone());
        let Some(gathering) = (incident.as_ref()).and_then(|id| self.incidents.get_mut(id)) else {
            return;
        };
        if gathering.incident.closed.is_none() && severity < gathering.incident.severity {
            gathering.incident.severity = severity;
            gathering.incident.changed = ctx.origin.now;
            gathering.last = ctx.origin.now;
            self.tell_incident(incident.as_ref(), out);
            if let Some(incident) = &incident {
                self.sync_incident(incident);
            }
        }
    }

    /// Nothing of it is active, and nothing came for the cause's gap.
    pub(super) fn close_incident(
        &mut self,
        id: &IncidentId,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some(gathering) = self.incidents.get_mut(id) else {
            return;
        };
        gathering.incident.closed = Some(ctx.origin.now);
        gathering.incident.changed = ctx.origin.now;
        self.tell_incident(Some(id), out);
        self.sync_incident(id);
        self.incidents_closed.push_back(id.clone());
        if self.incidents_closed.len() > INCIDENTS_CLOSED_MAX
            && let Some(oldest) = self.incidents_closed.pop_front()
        {
            self.incidents.remove(&oldest);
        }
    }

    fn sync_incident(&mut self, id: &IncidentId) {
        let gathering = self.incidents.get(id);
        let due = gathering.and_then(|gathering| gathering.due(&self.config));
        self.timers.set(Timer::Incident(id.clone()), due);
    }
}
