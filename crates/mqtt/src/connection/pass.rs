//! One pass over the read buffer: what it may take, and what it gathers for the journal.

use journal::Batch;
use tokio::time::Instant;

use crate::codec::Qos;
use crate::credits::Amount;
use crate::hub::{Hub, Mode};
use crate::metrics::Dropped;

use super::fifo::{Ack, Batches, Group};

/// What the in-flight bounds leave for this pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// From the common credits; not looked at while the journal is full.
    pub(crate) credit: Amount,
    /// Messages of QoS 1 and 2. In MQTT 5 the receive maximum takes this place.
    pub(crate) messages: u64,
    /// Messages of QoS 0.
    pub(crate) qos0: u64,
    pub(crate) bytes: u64,
}

pub(crate) struct Pass {
    pub(crate) now: Instant,
    pub(crate) mode: Mode,
    pub(crate) room: Room,
    pub(crate) batches: Batches,
    pub(crate) acks: Vec<Ack>,
    pub(crate) messages: u64,
    pub(crate) qos0: u64,
    pub(crate) bytes: u64,
    received: [u64; 3],
    repeated: u64,
    dropped: [u64; 3],
}

impl Pass {
    pub(crate) fn new(
        now: Instant,
        mode: Mode,
        room: Room,
        acks: Vec<Ack>,
        batch_bytes: usize,
    ) -> Self {
        Self {
            now,
            mode,
            room,
            batches: Batches {
                normal: Batch::with_capacity(batch_bytes),
                disaster: Batch::new(),
            },
            acks,
            messages: 0,
            qos0: 0,
            bytes: 0,
            received: [0; 3],
            repeated: 0,
            dropped: [0; 3],
        }
    }

    /// Whether one more message of this size fits the bounds.
    #[inline]
    pub(crate) fn has_room(&self, qos: Qos, bytes: u64) -> bool {
        let own = if qos == Qos::AtMostOnce {
            self.qos0 < self.room.qos0
        } else {
            self.messages - self.qos0 < self.room.messages
        };
        own && self.bytes + bytes <= self.room.bytes
            && (self.mode == Mode::Full || self.has_credit(bytes))
    }

    /// Whether it fits what was taken from the common credits.
    #[inline]
    pub(crate) fn has_credit(&self, bytes: u64) -> bool {
        self.messages < self.room.credit.messages && self.bytes + bytes <= self.room.credit.bytes
    }

    /// Counts a message for the journal.
    #[inline]
    pub(crate) fn add(&mut self, qos: Qos, bytes: u64) {
        self.messages += 1;
        self.qos0 += u64::from(qos == Qos::AtMostOnce);
        self.bytes += bytes;
    }

    #[inline]
    pub(crate) fn received(&mut self, qos: Qos) {
        self.received[usize::from(qos.bits())] += 1;
    }

    pub(crate) fn repeated(&mut self) {
        self.repeated += 1;
    }

    pub(crate) fn dropped(&mut self, why: Dropped) {
        self.dropped[why as usize] += 1;
    }

    /// Nothing came of it but what is already in the out buffer.
    pub(crate) fn is_empty(&self) -> bool {
        self.acks.is_empty() && self.batches.normal.is_empty() && self.batches.disaster.is_empty()
    }

    /// Reports the counts and makes the group; gives back what was not used of the credit.
    pub(crate) fn finish(self, hub: &Hub) -> (Group, Batches) {
        hub.meter.received(self.received);
        hub.meter.repeated(self.repeated);
        for (why, n) in [Dropped::Full, Dropped::Rate, Dropped::Oversize]
            .into_iter()
            .zip(self.dropped)
        {
            hub.meter.dropped(why, n);
        }
        hub.meter.entered(self.messages, self.bytes);
        let used = Amount {
            messages: self.messages.min(self.room.credit.messages),
            bytes: self.bytes.min(self.room.credit.bytes),
        };
        hub.credits.give_back(Amount {
            messages: self.room.credit.messages - used.messages,
            bytes: self.room.credit.bytes - used.bytes,
        });
        let mut group = Group::new(self.acks, self.now);
        group.messages = self.messages;
        group.qos0 = self.qos0;
        group.bytes = self.bytes;
        group.credit = used;
        (group, self.batches)
    }
}
