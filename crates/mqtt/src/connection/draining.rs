//! Messages over the limit. One that comes the first or second time is refused; the third time it is taken
//! in pieces: hashed, recorded by length, hash and first bytes, and acknowledged, so that its redelivery
//! does not starve what is behind it. Memory: the first bytes.

use journal::Class;
use journal::inputs::{Kind, MessageBody, Oversize};
use sha2::{Digest, Sha256};

use crate::codec::{self, Drain, PAYLOAD_HEAD_BYTES, Protocol, Publish, Qos};
use crate::hub::Mode;
use crate::metrics::Dropped;
use crate::sessions::{Held, find_held, print_of_hash};

use super::end::End;
use super::engine::Engine;
use super::fifo::{Ack, AckKind};
use super::intake::Taken;
use super::pass::Pass;

/// A packet over the limit on its way through.
pub(super) struct Draining {
    oversize: codec::Oversize,
    drain: Drain,
    /// Full topic, once it is known and the packet is to be taken.
    topic: Option<Box<str>>,
    hash: Sha256,
}

impl Draining {
    pub(super) fn new(
        oversize: &codec::Oversize,
        protocol: Protocol,
        limits: &codec::Limits,
    ) -> Self {
        Self {
            oversize: *oversize,
            drain: oversize.drain(protocol, limits),
            topic: None,
            hash: Sha256::new(),
        }
    }
}

impl Engine {
    /// Takes what has come of it. `None`: more is to come.
    pub(super) fn drain_more(
        &mut self,
        input: &mut super::input::Input,
        pass: &mut Pass,
    ) -> Result<Option<Taken>, End> {
        let Some(mut draining) = self.draining.take() else {
            return Ok(Some(Taken::Yes));
        };
        let fed = draining.drain.feed(input.bytes()).map_err(End::Refused)?;
        draining.hash.update(fed.payload);
        let bytes = fed.bytes;
        input.consume(bytes);
        if draining.topic.is_none() && draining.drain.publish().is_some() {
            draining.topic = Some(self.admit_oversize(&draining, pass)?);
        }
        if !draining.drain.is_done() {
            self.draining = Some(draining);
            return Ok(None);
        }
        self.finish_drain(&mut draining, pass).map(Some)
    }

    /// The topic is known: is it the third time?
    fn admit_oversize(&mut self, draining: &Draining, pass: &mut Pass) -> Result<Box<str>, End> {
        let protocol = self.client.protocol;
        let refused = || End::Refused(draining.oversize.refused(protocol));
        let (Some(publish), Some(bytes)) =
            (draining.drain.publish(), draining.drain.payload_bytes())
        else {
            return Err(refused());
        };
        self.use_quota(publish.qos, publish.packet_id)?;
        let max = self.hub.config.topic_alias_max;
        let topic = self
            .aliases
            .resolve(publish.topic, publish.topic_alias, max)
            .map_err(|error| End::Refused(error.on(Some(protocol))))?;
        pass.received(publish.qos);
        if is_held(&mut self.core.qos2, &publish)
            || self
                .hub
                .oversize()
                .note(&self.client.client_id, topic, bytes)
        {
            return Ok(topic.into());
        }
        self.hub.meter.oversize_refused();
        tracing::info!(
            client = &*self.client.client_id,
            bytes,
            "message over the limit refused"
        );
        Err(refused())
    }

    fn finish_drain(&mut self, draining: &mut Draining, pass: &mut Pass) -> Result<Taken, End> {
        let (Some(publish), Some(topic), Some(length)) = (
            draining.drain.publish(),
            draining.topic.as_deref(),
            draining.drain.payload_bytes(),
        ) else {
            return Ok(Taken::Yes);
        };
        let sha256 = std::mem::take(&mut draining.hash).finalize().into();
        let oversize = Oversize { length, sha256 };
        self.record_oversize(&publish, topic, oversize, pass)
    }

    /// A payload over the limit in a packet that is not.
    pub(super) fn oversize_in_hand(
        &mut self,
        publish: &Publish<'_>,
        topic: &str,
        pass: &mut Pass,
    ) -> Result<Taken, End> {
        let length = publish.payload.len() as u64;
        if is_held(&mut self.core.qos2, publish)
            || self
                .hub
                .oversize()
                .note(&self.client.client_id, topic, length)
        {
            let sha256 = Sha256::digest(publish.payload).into();
            return self.record_oversize(publish, topic, Oversize { length, sha256 }, pass);
        }
        if publish.qos == Qos::AtMostOnce && self.client.protocol == Protocol::V5 {
            pass.dropped(Dropped::Oversize);
            return Ok(Taken::Yes);
        }
        self.hub.meter.oversize_refused();
        if self.client.protocol == Protocol::V3 {
            // There is no word for it but to close.
            return Err(self.refuse(
                codec::Reason::PacketTooLarge,
                "payload larger than the limit",
                "limit-payload",
            ));
        }
        let kind = if publish.qos == Qos::ExactlyOnce {
            AckKind::RecRefused
        } else {
            AckKind::AckRefused
        };
        pass.acks.push(Ack {
            packet_id: publish.packet_id,
            kind,
            disaster: false,
            print: 0,
        });
        Ok(Taken::Yes)
    }

    fn record_oversize(
        &mut self,
        publish: &Publish<'_>,
        topic: &str,
        oversize: Oversize,
        pass: &mut Pass,
    ) -> Result<Taken, End> {
        let (qos, packet_id) = (publish.qos, publish.packet_id);
        let disaster = self.hub.class(topic) == Class::Disaster;
        if pass.mode != Mode::Ok && !disaster {
            if qos == Qos::AtMostOnce {
                pass.dropped(Dropped::Full);
                return Ok(Taken::Yes);
            }
            // Nothing of it can be kept now: it has to come again.
            return Err(End::Busy);
        }
        let print = print_of_hash(&oversize.sha256);
        let mut new = true;
        if qos == Qos::ExactlyOnce {
            new = self.core.hold(packet_id, publish.dup, disaster, print);
        }
        let kind = match (qos, new) {
            (Qos::AtMostOnce, _) => None,
            (Qos::AtLeastOnce, _) => Some(AckKind::Ack),
            (Qos::ExactlyOnce, true) => Some(AckKind::Rec),
            (Qos::ExactlyOnce, false) => Some(AckKind::RecRepeated),
        };
        pass.acks.extend(kind.map(|kind| Ack {
            packet_id,
            kind,
            disaster: disaster && new,
            print,
        }));
        if !new {
            pass.repeated();
            return Ok(Taken::Yes);
        }
        let head = publish
            .payload
            .get(..PAYLOAD_HEAD_BYTES)
            .unwrap_or(publish.payload);
        let body = MessageBody {
            packet_id,
            qos: qos.bits(),
            dup: publish.dup,
            retain: publish.retain,
            will: false,
            oversize: Some(oversize),
            properties: publish.properties.as_bytes(),
            topic,
            payload: head,
        };
        let prefix = &self.client.prefix;
        let batch = pass.batches.of(disaster);
        batch.push(Kind::Message.into(), |out| prefix.encode(&body, out));
        pass.add(qos, (topic.len() + head.len()) as u64);
        self.hub.meter.oversize_recorded();
        self.hub
            .oversize()
            .forget(&self.client.client_id, topic, oversize.length);
        Ok(Taken::Yes)
    }
}

/// A QoS 2 message that was taken already and comes again: there is nothing to refuse.
fn is_held(qos2: &mut [Held], publish: &Publish<'_>) -> bool {
    publish.qos == Qos::ExactlyOnce && publish.dup && find_held(qos2, publish.packet_id).is_some()
}
