//! One message of CAP, put together from its events.

use event::{
    Certainty, Event, EvidenceValue, Kind, Name, Quality, Response, Severity, Status, Stream, Time,
    Value,
};
use serde::{Deserialize, Serialize};

use super::warning_words::{certainty_of, response_of, severity_of};
use crate::engine::Origin;

/// Communes of one warning; the province has 99.
pub(super) const AREAS_MAX: usize = 128;
/// A warning that says nothing of its end lasts a day: CAP leaves that to who receives it.
pub(super) const VALID_DEFAULT: i64 = 86_400 * Time::SECOND;
/// Two feeds pass a warning on within this time.
pub(super) const TWIN_WITHIN: i64 = 3_600 * Time::SECOND;

/// Which warning: `sender` as the message has it, `chain` the identifier of its first message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ChainKey {
    pub(super) status: Status,
    pub(super) sender: Name,
    pub(super) chain: Name,
}

/// What the newest message of a warning says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) id: Name,
    pub(super) sent: Time,
    pub(super) valid_from: Time,
    pub(super) valid_to: Time,
    pub(super) cancels: bool,
    pub(super) event: Name,
    pub(super) headline: Option<Name>,
    pub(super) severity: Severity,
    pub(super) certainty: Certainty,
    pub(super) response: Option<Response>,
    pub(super) areas: Vec<Name>,
    pub(super) at: Option<(f64, f64)>,
    pub(super) entity: Name,
    device: Name,
    pub(super) stream: Stream,
    quality: Quality,
    received: Time,
    processed: Time,
    offset: u64,
}

fn text<'e>(event: &'e Event, measure: &str) -> Option<&'e Name> {
    match &event.value(measure)?.value {
        Value::Code(code) => Some(code),
        Value::Number(_) | Value::Boolean(_) => None,
    }
}

impl Message {
    /// None for warnings that are no messages of CAP: what their values say is for the rules.
    pub(super) fn of(event: &Event, origin: &Origin) -> Option<(ChainKey, Self)> {
        if event.kind != Kind::Warning {
            return None;
        }
        let id = text(event, "warning_id")?.clone();
        let key = ChainKey {
            status: event.status,
            sender: text(event, "warning_sender")
                .unwrap_or(&event.entity)
                .clone(),
            chain: text(event, "warning_chain").unwrap_or(&id).clone(),
        };
        let inactive =
            (event.value("warning_active")).is_some_and(|one| one.value == Value::Boolean(false));
        let kind = text(event, "warning_msg_type").map(|kind| &**kind);
        let valid_from = event.valid_from.unwrap_or(event.observed);
        let default = valid_from.max(event.observed).plus(VALID_DEFAULT);
        let severity = text(event, "warning_severity").map(|word| severity_of(word));
        let place = event.place.as_ref();
        let message = Self {
            sent: event.observed,
            valid_from,
            valid_to: event.valid_to.unwrap_or(default),
            cancels: inactive || kind == Some("Cancel"),
            event: text(event, "warning_event").unwrap_or(&id).clone(),
            headline: text(event, "warning_headline").cloned(),
            severity: severity.unwrap_or(Severity::Info),
            certainty: text(event, "warning_certainty")
                .map_or(Certainty::Unknown, |word| certainty_of(word)),
            response: text(event, "warning_response").and_then(|word| response_of(word)),
            areas: (place.and_then(|place| place.area.clone()))
                .into_iter()
                .collect(),
            at: place.map(|place| (place.lat, place.lon)),
            entity: event.entity.clone(),
            device: event.device.clone(),
            stream: event.stream,
            quality: event
                .value("warning_id")
                .map_or(Quality::GOOD, |one| one.quality),
            received: event.received,
            processed: event.processed,
            offset: origin.offset,
            id,
        };
        Some((key, message))
    }

    /// Takes in another part of the same message. Gives back whether there is something new, and whether it is more severe.
    pub(super) fn take_in(&mut self, part: Self) -> (bool, bool) {
        let worse = part.severity < self.severity;
        let mut news = false;
        for area in part.areas {
            if !self.areas.contains(&area) && self.areas.len() < AREAS_MAX {
                self.areas.push(area);
                news = true;
            }
        }
        news |= part.valid_to > self.valid_to;
        self.valid_to = self.valid_to.max(part.valid_to);
        self.valid_from = self.valid_from.min(part.valid_from);
        if worse {
            self.severity = part.severity;
            self.certainty = part.certainty;
            self.response = part.response;
            self.event = part.event;
            self.headline = part.headline;
        }
        (news || worse, worse)
    }

    pub(super) fn since(&self) -> Time {
        self.valid_from.min(self.sent)
    }

    /// When it is over: called off, or its validity has passed.
    pub(super) fn end(&self) -> Time {
        if self.cancels {
            self.sent
        } else {
            self.valid_to
        }
    }

    pub(super) fn in_force(&self, now: Time) -> bool {
        !self.cancels && self.valid_to > now
    }

    /// Whether another feed says the same.
    pub(super) fn is_twin(&self, other: &Self, same_sender: bool) -> bool {
        let near = self.areas.iter().any(|area| other.areas.contains(area));
        let nowhere = self.areas.is_empty() || other.areas.is_empty();
        let apart = self.sent.0.abs_diff(other.sent.0);
        self.device != other.device
            && self.event.trim().to_lowercase() == other.event.trim().to_lowercase()
            && (near || (same_sender && nowhere))
            && apart <= TWIN_WITHIN.unsigned_abs()
            && self.since() < other.valid_to
            && other.since() < self.valid_to
    }

    pub(super) fn evidence(&self, measure: &str, value: Name) -> EvidenceValue {
        EvidenceValue {
            entity: Some(self.entity.clone()),
            measure: measure.into(),
            value: Value::Code(value),
            unit: "".into(),
            quality: self.quality,
            observed: self.sent,
            received: self.received,
            processed: self.processed,
            offset: self.offset,
        }
    }
}
