//! What comes in: decodes every complete packet in the read buffer and does what it says, gathering all
//! journal records of the pass.

use journal::Class;
use journal::inputs::{Kind, MessageBody, Release};
use tokio::time::Instant;

use crate::codec::{Decoded, Malformed, Packet, Protocol, Publish, Qos, Reason, decode, encode};
use crate::hub::Mode;
use crate::metrics::Dropped;
use crate::sessions::{find_held, print, remove_held};

use super::draining::Draining;
use super::end::End;
use super::engine::Engine;
use super::fifo::{Ack, AckKind};
use super::pass::{Pass, Room};

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    /// A bound is reached: it stays in the buffer, and so does all behind it.
    NotNow,
}

/// Smallest PUBLISH, for guessing how many may be in a buffer.
const PUBLISH_BYTES_MIN: u64 = 6;

impl Engine {
    /// One pass over what has been read. Afterwards `stalled` says whether complete packets were left.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), End> {
        let mode = self.hub.mode();
        let Some(room) = self.room_for_pass(mode) else {
            self.stalled = true;
            return Ok(());
        };
        let batch_bytes = (self.input.len() as f32 * self.expansion) as usize;
        let acks = self.fifo.spare_acks();
        let mut pass = Pass::new(now, mode, room, acks, batch_bytes.min(4 * 1024 * 1024));
        // Out of its place while packets borrow from it.
        let mut input = std::mem::take(&mut self.input);
        let before = input.len();
        let outcome = self.take_packets(&mut input, &mut pass);
        let consumed = before - input.len();
        self.input = input;
        if consumed > 0 {
            self.heard = now;
        }
        let journal_bytes = pass.batches.normal.bytes() + pass.batches.disaster.bytes();
        if consumed > 1024 && journal_bytes > 0 {
            self.expansion = journal_bytes as f32 / consumed as f32 * 1.1 + 0.1;
        }
        // What was valid before an error or a goodbye was received all the same.
        let empty = pass.is_empty();
        let (group, batches) = pass.finish(&self.hub);
        if !empty {
            self.fifo
                .push(&self.hub.inputs, group, batches)
                .map_err(End::Journal)?;
        }
        outcome
    }

    /// What the bounds leave, or `None` when nothing can be taken before something is durable.
    fn room_for_pass(&mut self, mode: Mode) -> Option<Room> {
        let config = &self.hub.config;
        let own_max = u64::from(config.inflight_per_connection_max);
        let bytes_max = config.inflight_bytes_per_connection_max;
        let acked = match self.client.protocol {
            // The receive maximum decides, packet by packet.
            Protocol::V5 => u64::MAX,
            Protocol::V3 => own_max.saturating_sub(self.fifo.messages - self.fifo.qos0),
        };
        let qos0 = own_max.saturating_sub(self.fifo.qos0);
        let bytes = bytes_max.saturating_sub(self.fifo.bytes);
        if bytes == 0 || (acked == 0 && qos0 == 0) {
            return None;
        }
        let held = self.input.len() as u64;
        let wanted = crate::credits::Amount {
            messages: (held / PUBLISH_BYTES_MIN + 1).min(acked.saturating_add(qos0)),
            bytes: held.max(self.least),
        };
        let credits = &self.hub.credits;
        let mut credit = credits.take(wanted, self.least);
        if credit.messages == 0 && mode != Mode::Full {
            let wait = credits.wait();
            credit = credits.take(wanted, self.least);
            if credit.messages == 0 {
                self.waits_for_credit = Some(Box::pin(wait));
                return None;
            }
        }
        Some(Room {
            credit,
            messages: acked,
            qos0,
            bytes,
        })
    }

    fn take_packets(
        &mut self,
        input: &mut super::input::Input,
        pass: &mut Pass,
    ) -> Result<(), End> {
        self.stalled = false;
        let hub = std::sync::Arc::clone(&self.hub);
        let protocol = Some(self.client.protocol);
        loop {
            if self.draining.is_some() && self.drain_more(input, pass)?.is_none() {
                // The rest has not come yet.
                self.need = 1;
                return Ok(());
            }
            if self.out.is_full() {
                self.stalled = input.len() > 0;
                return Ok(());
            }
            let (taken, bytes) = match decode(input.bytes(), protocol, &hub.limits) {
                Ok(Decoded::Packet { packet, bytes }) => {
                    (self.packet(&packet, bytes, pass)?, bytes)
                }
                Ok(Decoded::Incomplete { need }) => {
                    self.need = need;
                    return Ok(());
                }
                Ok(Decoded::TooLarge(oversize)) => {
                    self.draining =
                        Some(Draining::new(&oversize, self.client.protocol, &hub.limits));
                    continue;
                }
                Err(error) => return Err(End::Refused(error)),
            };
            if taken == Taken::NotNow {
                self.stalled = true;
                return Ok(());
            }
            self.least = 1;
            input.consume(bytes);
        }
    }

    fn packet(&mut self, packet: &Packet<'_>, bytes: usize, pass: &mut Pass) -> Result<Taken, End> {
        let (protocol, out) = (self.client.protocol, &mut self.out.buffer);
        match packet {
            Packet::Publish(publish) => return self.publish(publish, bytes as u64, pass),
            Packet::PubRel(release) => return self.release(release.packet_id, pass),
            Packet::PingReq => encode::pingresp(out),
            Packet::Subscribe(subscribe) => {
                let refusals = subscribe.filters.iter().map(|_| Reason::NotAuthorized);
                self.hub.meter.subscriptions_refused(refusals.len() as u64);
                encode::suback(out, protocol, subscribe.packet_id, refusals);
            }
            Packet::Unsubscribe(unsubscribe) => {
                let answers = unsubscribe
                    .filters
                    .iter()
                    .map(|_| Reason::NoSubscriptionExisted);
                encode::unsuback(out, protocol, unsubscribe.packet_id, answers);
            }
            Packet::Disconnect(disconnect) => {
                let expiry_seconds = disconnect.session_expiry_seconds;
                if self.client.expiry_seconds == 0 && expiry_seconds.is_some_and(|new| new > 0) {
                    return Err(self.refuse(
                        Reason::ProtocolError,
                        "session expiry in DISCONNECT without one in CONNECT",
                        "MQTT5-3.14.2.2.2",
                    ));
                }
                return Err(End::Disconnect {
                    reason: disconnect.reason,
                    expiry_seconds,
                });
            }
            Packet::Auth(_) => {
                return Err(self.refuse(
                    Reason::ProtocolError,
                    "AUTH without an authentication method in CONNECT",
                    "MQTT-4.12.0-7",
                ));
            }
            // We never publish: these answer somebody else, an earlier server perhaps. The standards
            // ask for nothing, and closing would lock such a client out for good.
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_) => {}
            // The codec refuses a second one.
            Packet::Connect(_) => {
                return Err(self.refuse(Reason::ProtocolError, "second CONNECT", "MQTT-3.1.0-2"));
            }
        }
        Ok(Taken::Yes)
    }

    pub(super) fn refuse(&self, reason: Reason, sentence: &'static str, rule: &'static str) -> End {
        End::Refused(Malformed::new(reason, sentence, rule).on(Some(self.client.protocol)))
    }

    /// Whether a message may be taken now: the bounds in flight, then the client's rate. A QoS 0 message
    /// above the rate may, to be dropped: `Err(())`.
    fn may_take(&mut self, qos: Qos, bytes: u64, pass: &Pass) -> Result<Taken, ()> {
        if !pass.has_room(qos, bytes) {
            // A message larger than what was granted must be granted more next time.
            if pass.messages == 0 && self.fifo.is_empty() && bytes > pass.room.credit.bytes {
                self.least = bytes;
            }
            return Ok(Taken::NotNow);
        }
        let per_second = self.hub.config.messages_per_second_max;
        if per_second > 0
            && let Err(wait) = self.core.bucket.take(per_second, pass.now)
        {
            if qos == Qos::AtMostOnce {
                return Err(());
            }
            self.rate_until = Some(pass.now + wait);
            return Ok(Taken::NotNow);
        }
        Ok(Taken::Yes)
    }

    /// MQTT 5: one more message of QoS 1 or 2 before its acknowledgement.
    pub(super) fn use_quota(&mut self, qos: Qos, packet_id: u16) -> Result<(), End> {
        if qos == Qos::AtMostOnce || self.client.protocol == Protocol::V3 {
            return Ok(());
        }
        let held = find_held(&mut self.core.qos2, packet_id);
        if qos == Qos::ExactlyOnce && held.is_some_and(|held| held.here) {
            // The same one again: it has its place.
            return Ok(());
        }
        if self.quota_used >= u32::from(self.hub.config.inflight_per_connection_max) {
            return Err(self.refuse(
                Reason::ReceiveMaximumExceeded,
                "more messages at a time than the receive maximum",
                "MQTT-3.3.4-7",
            ));
        }
        self.quota_used += 1;
        Ok(())
    }

    #[inline]
    fn publish(
        &mut self,
        publish: &Publish<'_>,
        bytes: u64,
        pass: &mut Pass,
    ) -> Result<Taken, End> {
        let qos = publish.qos;
        let within_rate = match self.may_take(qos, bytes, pass) {
            Ok(Taken::NotNow) => return Ok(Taken::NotNow),
            Ok(Taken::Yes) => true,
            Err(()) => false,
        };
        self.use_quota(qos, publish.packet_id)?;
        pass.received(qos);
        let topic = self
            .aliases
            .resolve(
                publish.topic,
                publish.topic_alias,
                self.hub.config.topic_alias_max,
            )
            .map_err(|error| End::Refused(error.on(Some(self.client.protocol))))?;
        if !within_rate {
            pass.dropped(Dropped::Rate);
            return Ok(Taken::Yes);
        }
        if publish.payload.len() > self.hub.config.payload_bytes_max as usize {
            let topic = topic.to_owned();
            return self.oversize_in_hand(publish, &topic, pass);
        }
        let disaster = self.hub.class(topic) == Class::Disaster;
        if pass.mode != Mode::Ok && !disaster {
            if qos == Qos::AtMostOnce {
                pass.dropped(Dropped::Full);
                return Ok(Taken::Yes);
            }
            if !pass.has_credit(bytes) {
                return Err(End::Busy);
            }
        }
        let ack = Ack {
            packet_id: publish.packet_id,
            kind: AckKind::Ack,
            disaster,
            print: 0,
        };
        match qos {
            Qos::AtMostOnce => {}
            Qos::AtLeastOnce => pass.acks.push(ack),
            Qos::ExactlyOnce => {
                let print = print(topic, publish.payload);
                if !self
                    .core
                    .hold(publish.packet_id, publish.dup, disaster, print)
                {
                    pass.repeated();
                    let kind = AckKind::RecRepeated;
                    pass.acks.push(Ack {
                        kind,
                        disaster: false,
                        ..ack
                    });
                    return Ok(Taken::Yes);
                }
                pass.acks.push(Ack {
                    kind: AckKind::Rec,
                    print,
                    ..ack
                });
            }
        }
        let body = MessageBody {
            packet_id: publish.packet_id,
            qos: qos.bits(),
            dup: publish.dup,
            retain: publish.retain,
            will: false,
            oversize: None,
            properties: publish.properties.as_bytes(),
            topic,
            payload: publish.payload,
        };
        let prefix = &self.client.prefix;
        let batch = pass.batches.of(disaster);
        batch.push(Kind::Message.into(), |out| prefix.encode(&body, out));
        pass.add(qos, bytes);
        Ok(Taken::Yes)
    }

    fn release(&mut self, packet_id: u16, pass: &mut Pass) -> Result<Taken, End> {
        let Some(held) = remove_held(&mut self.core.qos2, packet_id) else {
            let kind = AckKind::CompUnknown;
            pass.acks.push(Ack {
                packet_id,
                kind,
                disaster: false,
                print: 0,
            });
            return Ok(Taken::Yes);
        };
        if !held.here {
            // PUBCOMP gives back a place that the message took on an earlier connection.
            self.quota_used += 1;
        }
        let record = Release {
            client_id: &self.client.client_id,
            session: self.client.session,
            connection: self.client.connection,
            packet_id,
        };
        let batch = pass.batches.of(held.disaster);
        batch.push(Kind::Release.into(), |out| record.encode(out));
        pass.acks.push(Ack {
            packet_id,
            kind: AckKind::Comp,
            disaster: held.disaster,
            print: held.print,
        });
        Ok(Taken::Yes)
    }
}
