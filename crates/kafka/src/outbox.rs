//! From a record of `outcomes` to its messages.

use std::sync::Arc;

use event::outcome::{self, EventView, Outcome, OutcomeKind};
use event::{JournalId, Reject, Status, Time, Transition};
use journal::Frame;
use rdkafka::message::OwnedHeaders;

use crate::cap_topic::{CapMaker, CapSource};
use crate::encode::{self, EncodeError};
use crate::headers::{Attributes, HeaderMaker};
use crate::topic::{Form, Topic};

/// One message, ready to be sent; borrows the outbox's buffers.
pub(crate) struct Message<'a> {
    pub(crate) topic: Topic,
    /// Empty = without key.
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    headers: &'a mut HeaderMaker,
    attributes: Attributes<'a>,
}

impl Message<'_> {
    /// Made last: a message that is skipped needs none.
    pub(crate) fn headers(&mut self) -> OwnedHeaders {
        self.headers.make(&self.attributes)
    }
}

/// Reused buffers: in the steady state nothing is allocated for an event.
pub(crate) struct Outbox {
    headers: HeaderMaker,
    journal: String,
    message_bytes: usize,
    cap: CapMaker,
    /// Whether there is a topic of drills.
    drills: bool,
    value: Vec<u8>,
    id: Vec<u8>,
}

impl Outbox {
    pub(crate) fn new(
        source: &str,
        journal: JournalId,
        message_bytes: usize,
        cap: Option<Arc<CapSource>>,
        drills: bool,
    ) -> Self {
        Self {
            headers: HeaderMaker::new(source, journal),
            journal: journal.to_string(),
            message_bytes,
            cap: CapMaker::new(cap),
            drills,
            value: Vec::with_capacity(4_096),
            id: Vec::with_capacity(64),
        }
    }

    /// Hands the messages of `frame` to `send`; `wanted` says beforehand whether a topic's message for a key is needed.
    /// Records that are for nobody outside (verdicts, copies) have none.
    pub(crate) fn messages<E>(
        &mut self,
        frame: &Frame<'_>,
        wanted: impl Fn(Topic, &[u8]) -> bool,
        mut send: impl FnMut(&mut Message<'_>) -> Result<(), E>,
    ) -> Result<Result<(), E>, EncodeError> {
        match OutcomeKind::from_u8(frame.kind) {
            Some(OutcomeKind::Event) => {
                let view = EventView::read(frame.version, frame.payload)?;
                match Form::Event.topic(view.status, self.drills) {
                    Some(topic) if wanted(topic, view.entity.as_bytes()) => {
                        self.event(frame, topic, &view, send)
                    }
                    Some(_) | None => Ok(Ok(())),
                }
            }
            Some(OutcomeKind::Transition) => {
                let (cause, record) = outcome::decode(frame.kind, frame.version, frame.payload)?;
                let Outcome::Transition(transition) = record else {
                    return Ok(Ok(()));
                };
                let status = transition.alert.status;
                for form in [Form::Transition, Form::Alert] {
                    if let Some(topic) = form.topic(status, self.drills)
                        && wanted(topic, transition.alert.id.0.as_bytes())
                        && let Err(error) =
                            self.alert(frame, cause, (form, topic), &transition, &mut send)?
                    {
                        return Ok(Err(error));
                    }
                }
                let id = &transition.alert.id.0;
                // A record has one message on a topic: what is delivered is known by its offset. The drill's transition is there already.
                let wanted = self.cap.is_on()
                    && status == Status::Actual
                    && wanted(Topic::Cap, id.as_bytes());
                if !wanted {
                    return Ok(Ok(()));
                }
                let message = self.cap.alert(&transition);
                Ok(self.cap_message(frame, cause, (Topic::Cap, id), message.as_ref(), send))
            }
            Some(OutcomeKind::PublicWarning) if self.cap.is_on() => {
                let (cause, record) = outcome::decode(frame.kind, frame.version, frame.payload)?;
                let Outcome::PublicWarning(warning) = record else {
                    return Ok(Ok(()));
                };
                // Also where it has been delivered: later ones refer to it.
                let message = self.cap.warning(&warning);
                let id = &warning.id.0;
                let topic = Form::Cap.topic(warning.status, self.drills);
                let Some(topic) = topic.filter(|topic| wanted(*topic, id.as_bytes())) else {
                    return Ok(Ok(()));
                };
                Ok(self.cap_message(frame, cause, (topic, id), message.as_ref(), send))
            }
            Some(OutcomeKind::Reject) => {
                let (cause, record) = outcome::decode(frame.kind, frame.version, frame.payload)?;
                let Outcome::Reject(reject) = record else {
                    return Ok(Ok(()));
                };
                if !wanted(Topic::Rejects, reject.client.as_bytes()) {
                    return Ok(Ok(()));
                }
                Ok(self.reject(frame, cause, &reject, send))
            }
            Some(
                OutcomeKind::Verdict
                | OutcomeKind::CommandCopy
                | OutcomeKind::ClockCopy
                | OutcomeKind::ConfigurationCopy
                | OutcomeKind::NodeCopy
                | OutcomeKind::OutletCopy
                | OutcomeKind::Reprocessed
                | OutcomeKind::Shadow
                | OutcomeKind::Suppression
                | OutcomeKind::Incident
                | OutcomeKind::PublicWarning,
            )
            | None => Ok(Ok(())),
        }
    }

    fn event<E>(
        &mut self,
        frame: &Frame<'_>,
        topic: Topic,
        view: &EventView<'_>,
        mut send: impl FnMut(&mut Message<'_>) -> Result<(), E>,
    ) -> Result<Result<(), E>, EncodeError> {
        self.value.clear();
        encode::put_event(view, &mut self.value)?;
        self.id.clear();
        encode::put_id(view.id, &mut self.id);
        Ok(send(&mut Message {
            topic,
            key: view.entity.as_bytes(),
            value: &self.value,
            headers: &mut self.headers,
            attributes: Attributes {
                form: Form::Event,
                id: &self.id,
                subject: view.entity,
                time: view.observed,
                cause: view.cause,
                sequence: frame.offset,
            },
        }))
    }

    fn alert<E>(
        &mut self,
        frame: &Frame<'_>,
        cause: outcome::Cause,
        (form, topic): (Form, Topic),
        transition: &Transition,
        send: &mut impl FnMut(&mut Message<'_>) -> Result<(), E>,
    ) -> Result<Result<(), E>, EncodeError> {
        let alert = &transition.alert;
        self.value.clear();
        if form == Form::Alert {
            encode::put_alert(alert, &mut self.value)?;
        } else {
            encode::put_transition(transition, &mut self.value)?;
        }
        // The revision rises by one with every transition.
        let id = format!("{}/{}", alert.id, alert.revision);
        Ok(send(&mut Message {
            topic,
            key: alert.id.0.as_bytes(),
            value: &self.value,
            headers: &mut self.headers,
            attributes: Attributes {
                form,
                id: id.as_bytes(),
                subject: &alert.entity,
                time: alert.changed,
                cause,
                sequence: frame.offset,
            },
        }))
    }

    fn cap_message<E>(
        &mut self,
        frame: &Frame<'_>,
        cause: outcome::Cause,
        (topic, key): (Topic, &str),
        message: Option<&cap::Message>,
        mut send: impl FnMut(&mut Message<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(message) = message else {
            return Ok(());
        };
        let xml = cap::to_xml(message);
        send(&mut Message {
            topic,
            key: key.as_bytes(),
            value: xml.as_bytes(),
            headers: &mut self.headers,
            attributes: Attributes {
                form: Form::Cap,
                id: message.identifier.as_bytes(),
                subject: key,
                time: message.sent,
                cause,
                sequence: frame.offset,
            },
        })
    }

    fn reject<E>(
        &mut self,
        frame: &Frame<'_>,
        cause: outcome::Cause,
        reject: &Reject,
        mut send: impl FnMut(&mut Message<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let id = format!("{}-{}-{}", self.journal, cause.offset, cause.index);
        self.value.clear();
        encode::put_reject(
            &id,
            reject,
            frame.stamp,
            self.message_bytes,
            &mut self.value,
        );
        send(&mut Message {
            topic: Topic::Rejects,
            key: reject.client.as_bytes(),
            value: &self.value,
            headers: &mut self.headers,
            attributes: Attributes {
                form: Form::Reject,
                id: id.as_bytes(),
                subject: &reject.topic,
                time: Time(frame.stamp.wall_ns),
                cause,
                sequence: frame.offset,
            },
        })
    }
}
