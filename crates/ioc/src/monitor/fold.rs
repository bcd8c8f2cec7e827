//! The fold: one input record in, outcome records out, nothing else. No clock, no I/O, no randomness — so the same inputs
//! give the same outcomes, byte for byte, live, after a crash and in `ioc journal replay`.

use std::sync::Arc;

use alert::{Effect, Engine, Origin};
use event::outcome::{Cause, EncodeError, OutcomeKind};
use event::{
    Change, Command, Event, JournalId, Refusal, Reject, RejectCode, Status, Text, Time, Verdict,
};
use journal::inputs::{self, FrontDoor, Kind, NodeChange, OutletReport};
use journal::{Frame, Redactions};
use mqtt::SessionTable;
use mqtt::codec::Properties;
use normalize::{Input, Normalized};

use super::counters::Counters;
use super::delivered::Delivered;
use super::domain::Domain;
use super::notices::notice_result;
use super::out::Out;
use crate::site::Site;

/// Takes one outcome: its cause, its kind, and the writer of its payload.
pub(crate) type Emit<'a> = dyn FnMut(
        Cause,
        OutcomeKind,
        &dyn Fn(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError>
    + 'a;

pub(crate) struct Fold {
    pub(super) journal: JournalId,
    pub(super) next_input: u64,
    pub(super) domain: Option<Domain>,
    pub(super) sessions: SessionTable,
    pub(super) counters: Counters,
    pub(super) normalized: Vec<Normalized>,
    pub(super) effects: Vec<Effect>,
    pub(super) derived: Vec<Event>,
    pub(super) delivered: Delivered,
    /// What is known of redacted messages while records are folded that were folded before.
    pub(super) redactions: Redactions,
}

impl Fold {
    pub(crate) fn new(journal: JournalId) -> Self {
        Self {
            journal,
            next_input: 0,
            domain: None,
            sessions: SessionTable::default(),
            counters: Counters::default(),
            normalized: Vec::new(),
            effects: Vec::new(),
            derived: Vec::new(),
            delivered: Delivered::default(),
            redactions: Redactions::default(),
        }
    }

    /// Offset of the next input record.
    pub(crate) fn next_input(&self) -> u64 {
        self.next_input
    }

    /// The records before `offset` are not there.
    pub(crate) fn skip_to(&mut self, offset: u64) {
        self.next_input = self.next_input.max(offset);
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    pub(crate) fn sessions(&self) -> &SessionTable {
        &self.sessions
    }

    /// The site pack in force, compiled.
    pub(crate) fn site(&self) -> Option<&Site> {
        self.domain.as_ref().map(|domain| &domain.site)
    }

    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.domain.as_ref().map(|domain| &domain.engine)
    }

    pub(crate) fn normalize_counts(&self) -> normalize::Counts {
        self.domain
            .as_ref()
            .map(|domain| domain.normalizer.counts())
            .unwrap_or_default()
    }

    /// Digest of the site pack in force.
    pub(crate) fn pack_digest(&self) -> Option<[u8; 32]> {
        self.domain.as_ref().map(|domain| domain.digest)
    }

    /// Journal time of the earliest timer.
    pub(crate) fn next_due(&self) -> Option<Time> {
        let domain = self.domain.as_ref()?;
        let due = [domain.engine.next_due(), domain.deriver.next_due()];
        due.into_iter().flatten().min()
    }

    /// Folds one record and hands each outcome to `emit`, in order. Its times are those of the record.
    pub(crate) fn step(
        &mut self,
        frame: &Frame<'_>,
        emit: &mut Emit<'_>,
    ) -> Result<(), EncodeError> {
        let mut outs: Vec<Out<'_>> = Vec::new();
        self.conclude(frame, &mut outs);
        let count = outs.len();
        for (index, out) in outs.into_iter().enumerate() {
            let cause = Cause {
                offset: frame.offset,
                index: u32::try_from(index).unwrap_or(u32::MAX),
                last: index + 1 == count,
            };
            emit(cause, out.kind(), &|buffer| out.encode(cause, buffer))?;
        }
        Ok(())
    }

    /// What one record gives, in order.
    pub(super) fn conclude<'a>(&mut self, frame: &Frame<'a>, outs: &mut Vec<Out<'a>>) {
        let origin = self.origin(frame);
        // A node's start is not preceded by its timers: what fell due while we were down is decided after it.
        if frame.kind != u8::from(Kind::Node) {
            self.advance(&origin, outs);
        }
        self.dispatch(frame, &origin, outs);
        self.next_input = frame.offset + 1;
    }

    pub(super) fn origin(&self, frame: &Frame<'_>) -> Origin {
        Origin {
            journal: self.journal,
            offset: frame.offset,
            now: Time(frame.stamp.journal_ns),
            wall: Time(frame.stamp.wall_ns),
        }
    }

    /// Timers first: what is due at or before this record's time is decided before the record itself.
    pub(super) fn advance<'a>(&mut self, origin: &Origin, outs: &mut Vec<Out<'a>>) {
        let Some(domain) = &mut self.domain else {
            return;
        };
        domain
            .deriver
            .advance(origin.now, origin.wall, &mut self.derived);
        domain.take_derived(origin, &mut self.derived, &mut self.effects, outs);
        domain.engine.advance(origin, &mut self.effects);
        drain_effects(&mut self.effects, &mut self.counters, outs);
    }

    fn dispatch<'a>(&mut self, frame: &Frame<'a>, origin: &Origin, outs: &mut Vec<Out<'a>>) {
        let result = match Kind::try_from(frame.kind) {
            Ok(Kind::Message) => self.message(frame, origin, outs),
            Ok(Kind::Release) => inputs::Release::decode(frame.version, frame.payload)
                .map(|release| self.sessions.release(&release)),
            Ok(Kind::Session) => inputs::Session::decode(frame.version, frame.payload)
                .map(|session| self.sessions.session(&session, origin.now.0)),
            Ok(Kind::Command) => self.command(frame, origin, outs),
            Ok(Kind::Configuration) => self.configuration(frame, origin, outs),
            Ok(Kind::Clock) => {
                outs.push(Out::Copy(OutcomeKind::ClockCopy, frame.payload));
                Ok(())
            }
            Ok(Kind::Node) => self.node(frame, origin, outs),
            Ok(Kind::Outlet) => self.outlet(frame, origin, outs),
            Ok(Kind::Reprocess) => self.reprocess(frame, outs),
            // The redactor's own: kept in `inputs`, without effect on the state.
            Ok(Kind::Redaction) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            let reason = format!(
                "record {} of kind {} cannot be read by this release ({error}): use the release that wrote it",
                frame.offset, frame.kind
            );
            self.reject(RejectCode::RecordUnreadable, reason, frame.payload, outs);
        }
    }

    fn message<'a>(
        &mut self,
        frame: &Frame<'a>,
        origin: &Origin,
        outs: &mut Vec<Out<'a>>,
    ) -> Result<(), inputs::DecodeError> {
        let message = inputs::Message::decode(frame.version, frame.payload)?;
        self.counters.messages += 1;
        self.counters.messages_by_qos[usize::from(message.qos.min(2))] += 1;
        self.sessions.message(&message);
        if frame.is_redacted() {
            self.redacted(frame.offset, message.client_id, message.topic, outs);
            return Ok(());
        }
        let Some(domain) = &mut self.domain else {
            let reason = format!(
                "message {} came before any site pack was in force",
                frame.offset
            );
            self.counters.rejected += 1;
            self.reject(
                RejectCode::ConfigurationInvalid,
                reason,
                message.payload,
                outs,
            );
            return Ok(());
        };
        let input = Input {
            journal: self.journal,
            offset: frame.offset,
            journal_time: origin.now,
            wall_time: origin.wall,
            client: message.client_id,
            session: message.session,
            packet_id: message.packet_id,
            qos: message.qos,
            dup: message.dup,
            retain: message.retain,
            from_broker: message.front_door == FrontDoor::Client,
            reprocessed: false,
            content_type: Properties::journalled(message.properties).content_type(),
            topic: message.topic,
            payload: message.payload,
            oversize: message.oversize.as_ref().map(|oversize| oversize.length),
        };
        domain.normalizer.apply(&input, &mut self.normalized);
        let mut class = None;
        for normalized in self.normalized.drain(..) {
            match normalized {
                Normalized::Event(event) => {
                    class = Some(Class::Event);
                    domain.engine.event(origin, &event, &mut self.effects);
                    domain.deriver.event(&event, &mut self.derived);
                    outs.push(Out::Event(event));
                    domain.take_derived(origin, &mut self.derived, &mut self.effects, outs);
                }
                Normalized::Reject(reject) => {
                    // A message with events and a refusal beside them counts as delivered; the refusal counts by its code.
                    if class.is_some() {
                        self.counters.rejected_by_code[reject.code as usize] += 1;
                    }
                    class = class.or(Some(Class::Reject(reject.code)));
                    outs.push(Out::Reject(reject));
                }
                Normalized::Duplicate => class = class.or(Some(Class::Duplicate)),
                Normalized::State => class = class.or(Some(Class::State)),
            }
        }
        match class {
            Some(Class::Event) => self.counters.events += 1,
            Some(Class::Reject(code)) => {
                self.counters.rejected += 1;
                self.counters.rejected_by_code[code as usize] += 1;
            }
            Some(Class::Duplicate) => self.counters.duplicates += 1,
            Some(Class::State) | None => self.counters.state += 1,
        }
        drain_effects(&mut self.effects, &mut self.counters, outs);
        Ok(())
    }

    fn command<'a>(
        &mut self,
        frame: &Frame<'a>,
        origin: &Origin,
        outs: &mut Vec<Out<'a>>,
    ) -> Result<(), inputs::DecodeError> {
        let record = inputs::Command::decode(frame.version, frame.payload)?;
        self.counters.commands += 1;
        outs.push(Out::Copy(OutcomeKind::CommandCopy, frame.payload));
        let verdict = match (
            serde_json::from_slice::<Command>(record.body),
            &mut self.domain,
        ) {
            (Ok(command), Some(domain)) => {
                domain.engine.command(origin, &command, &mut self.effects)
            }
            (Ok(_), None) | (Err(_), _) => unreadable(record.command_id),
        };
        drain_effects(&mut self.effects, &mut self.counters, outs);
        outs.push(Out::Verdict(Box::new(verdict)));
        Ok(())
    }

    fn configuration<'a>(
        &mut self,
        frame: &Frame<'a>,
        origin: &Origin,
        outs: &mut Vec<Out<'a>>,
    ) -> Result<(), inputs::DecodeError> {
        let record = inputs::Configuration::decode(frame.version, frame.payload)?;
        outs.push(Out::Copy(OutcomeKind::ConfigurationCopy, frame.payload));
        match Domain::build(record.content.to_vec()) {
            Ok(fresh) => match &mut self.domain {
                Some(domain) => {
                    let (catalogue, rules) = (fresh.site.catalogue, fresh.site.rules);
                    let vocabulary = Arc::new(catalogue.vocabulary().clone());
                    domain.normalizer.set_catalogue(Arc::clone(&catalogue));
                    domain.engine.set_rules(
                        Arc::clone(&rules),
                        vocabulary,
                        origin,
                        &mut self.effects,
                    );
                    domain.deriver.set_rules(Arc::clone(&fresh.site.derive));
                    (domain.pack, domain.digest) = (fresh.pack, fresh.digest);
                    domain.site = Site {
                        catalogue,
                        rules,
                        derive: fresh.site.derive,
                        display: fresh.site.display,
                        positions: fresh.site.positions,
                    };
                }
                None => {
                    // From here on the listed devices are expected to speak.
                    self.domain
                        .insert(fresh)
                        .engine
                        .advance(origin, &mut self.effects);
                }
            },
            Err(reason) => {
                let reason = format!(
                    "the site pack of record {} is not accepted, the old one stays: {reason}",
                    frame.offset
                );
                self.reject(RejectCode::ConfigurationInvalid, reason, &[], outs);
            }
        }
        drain_effects(&mut self.effects, &mut self.counters, outs);
        Ok(())
    }

    fn node<'a>(
        &mut self,
        frame: &Frame<'a>,
        origin: &Origin,
        outs: &mut Vec<Out<'a>>,
    ) -> Result<(), inputs::DecodeError> {
        let record = inputs::Node::decode(frame.version, frame.payload)?;
        outs.push(Out::Copy(OutcomeKind::NodeCopy, frame.payload));
        if let Some(domain) = &mut self.domain {
            match record.change {
                NodeChange::Start => domain.engine.node_started(origin, &mut self.effects),
                NodeChange::Stop { .. } => domain.engine.node_stopped(origin, &mut self.effects),
            }
        }
        drain_effects(&mut self.effects, &mut self.counters, outs);
        Ok(())
    }

    /// A sink refused a record or lost a range. A refused record goes to the rejects with its bytes; one that was a reject
    /// itself comes without, so that no two sinks can play it back and forth. What became of a notice is shown at its alert.
    fn outlet<'a>(
        &mut self,
        frame: &Frame<'a>,
        origin: &Origin,
        outs: &mut Vec<Out<'a>>,
    ) -> Result<(), inputs::DecodeError> {
        let record = inputs::Outlet::decode(frame.version, frame.payload)?;
        match record.report {
            OutletReport::Reject {
                offset,
                reason,
                record: bytes,
            } if !bytes.is_empty() => {
                let code = RejectCode::SinkRefused;
                self.counters.rejected_by_code[code as usize] += 1;
                outs.push(Out::Reject(Reject {
                    code,
                    reason: format!("{} refused outcome {offset}: {reason}", record.outlet),
                    client: format!("sink:{}", record.outlet),
                    topic: String::new(),
                    payload: bytes.to_vec(),
                }));
            }
            OutletReport::Notice(notice) => {
                outs.push(Out::Copy(OutcomeKind::OutletCopy, frame.payload));
                if let Some(domain) = &mut self.domain {
                    let result = notice_result(&notice);
                    domain.engine.notice(origin, &result, &mut self.effects);
                }
                drain_effects(&mut self.effects, &mut self.counters, outs);
            }
            OutletReport::Reject { .. } | OutletReport::Gap { .. } => {
                outs.push(Out::Copy(OutcomeKind::OutletCopy, frame.payload));
            }
        }
        Ok(())
    }

    fn reject(
        &mut self,
        code: RejectCode,
        reason: String,
        payload: &[u8],
        outs: &mut Vec<Out<'_>>,
    ) {
        self.counters.rejected_by_code[code as usize] += 1;
        let reject = Reject {
            code,
            reason,
            client: String::new(),
            topic: String::new(),
            payload: payload.to_vec(),
        };
        outs.push(Out::Reject(reject));
    }
}

/// What became of a message as a whole.
#[derive(Clone, Copy)]
enum Class {
    Event,
    Duplicate,
    State,
    Reject(RejectCode),
}

pub(super) fn drain_effects(
    effects: &mut Vec<Effect>,
    counters: &mut Counters,
    outs: &mut Vec<Out<'_>>,
) {
    for effect in effects.drain(..) {
        // A drill is in no figure.
        let raised = effect.transition().is_some_and(|transition| {
            transition.alert.status == Status::Actual && transition.change == Change::Raised
        });
        counters.alerts_raised += u64::from(raised);
        outs.push(Out::Effect(Box::new(effect)));
    }
}

fn unreadable(command_id: &str) -> Verdict {
    Verdict {
        command_id: command_id.to_owned(),
        accepted: false,
        refusal: Some(Refusal::CommandUnreadable),
        detail: Text {
            vi: "Lệnh không đọc được; hãy gửi lại từ màn hình.".to_owned(),
            en: "The command cannot be read; send it again from the page.".to_owned(),
        },
        alert: None,
        suppression: None,
        warning: None,
    }
}
