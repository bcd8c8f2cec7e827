//! What makes two messages the same event.

use std::cmp::Ordering;

use event::EventId;

use crate::catalogue::Device;
use crate::identity::{self, Mark};
use crate::message::Input;
use crate::reading::Reading;
use crate::state::DeviceMemory;

/// Whether a message is one statement, or which of its statements this is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Index {
    First,
    Of(u32),
}

impl Index {
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::First => 0,
            Self::Of(index) => index,
        }
    }
}

/// The event's id, remembered; `None` when it was here before.
#[inline]
pub(super) fn identify(
    buffer: &mut Vec<u8>,
    site: &str,
    device: &Device,
    memory: &mut DeviceMemory,
    reading: &Reading,
    (fields, index): (u128, Index),
    input: &Input<'_>,
) -> Option<EventId> {
    let (id, certainly_new) = match (reading.uuid, reading.stamp) {
        (Some(uuid), _) => match index {
            Index::First | Index::Of(0) => (uuid, false),
            Index::Of(index) => (identity::of_part(buffer, uuid, index), false),
        },
        (None, Some(stamp)) => {
            let fields = fields.to_le_bytes();
            let mark = match (reading.sequence, index) {
                (Some(sequence), _) => Mark::Sequence(sequence),
                (None, Index::First) => Mark::Payload(input.payload),
                (None, Index::Of(_)) => Mark::Payload(&fields),
            };
            // The mark of a statement without a sequence is what it says: its position says nothing.
            let position = reading.sequence.map_or(0, |_| index.number());
            // An equal id has an equal device time and mark, so it cannot have come before one that is new.
            let new = match stamp.0.cmp(&memory.newest_stamp) {
                Ordering::Greater => true,
                Ordering::Equal => reading
                    .sequence
                    .is_some_and(|sequence| Some(sequence) > memory.newest_sequence),
                Ordering::Less => false,
            };
            (
                identity::of_reading(buffer, site, &device.id, stamp, mark, position),
                new,
            )
        }
        (None, None) => {
            // Further statements of a message are told by what they say: the payload again for each would cost its square.
            let said = fields.to_le_bytes();
            let content = if index.number() == 0 {
                input.payload
            } else {
                &said
            };
            let delivery = identity::of_delivery(
                buffer,
                input.client,
                input.session,
                input.packet_id,
                index.number(),
                content,
            );
            // The DUP flag alone says nothing; QoS 0 has no packet id and is never sent again.
            if input.dup && memory.deliveries.contains(delivery) {
                return None;
            }
            if input.qos > 0 {
                memory.deliveries.push(delivery);
            }
            (
                identity::of_record(buffer, input.journal, input.offset, index.number()),
                // Out of the quarantine it may have been here already.
                !input.reprocessed,
            )
        }
    };
    if !certainly_new && memory.ids.contains(id) {
        return None;
    }
    memory.ids.push(id);
    if let Some(stamp) = reading.stamp
        && stamp.0 >= memory.newest_stamp
    {
        let before = memory
            .newest_sequence
            .filter(|_| stamp.0 == memory.newest_stamp);
        memory.newest_sequence = before.max(reading.sequence);
        memory.newest_stamp = stamp.0;
    }
    Some(id)
}
