//! Event ids: a function of what the message says about itself, so that a repeat has the same one.
//!
//! SHA-256 cut to 128 bits: what a device sends may be chosen by somebody who wants two events to look like one, so a fast
//! unkeyed hash will not do, and a key would make ids differ between installations. The usual message is one block of it.

use event::{EventId, JournalId, Time};
use sha2::{Digest, Sha256};

use crate::format::{Raw, Record};

/// What tells two messages of one device and one device time apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark<'a> {
    Sequence(u64),
    Payload(&'a [u8]),
}

/// Gathers the parts of an id in a buffer that is used again, then hashes them in one go.
struct Parts<'b>(&'b mut Vec<u8>);

impl<'b> Parts<'b> {
    /// `purpose` keeps the kinds of ids apart.
    fn new(buffer: &'b mut Vec<u8>, purpose: u8) -> Self {
        buffer.clear();
        buffer.extend_from_slice(&[b'i', b'o', b'c', 1, purpose]);
        Self(buffer)
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// With its length in front, so that no two names run together. Names and client ids have less than 64 KiB.
    fn name(self, name: &str) -> Self {
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        self.bytes(&length.to_le_bytes()).bytes(name.as_bytes())
    }

    #[inline]
    fn finish(self) -> EventId {
        let hash: [u8; 32] = Sha256::digest(self.0).into();
        let mut id = EventId::default();
        id.0.copy_from_slice(&hash[..16]);
        id
    }
}

/// Of an event with a device time.
#[inline]
pub(crate) fn of_reading(
    buffer: &mut Vec<u8>,
    site: &str,
    device: &str,
    stamp: Time,
    mark: Mark<'_>,
    index: u32,
) -> EventId {
    let purpose = match mark {
        Mark::Sequence(_) => b's',
        Mark::Payload(_) => b'p',
    };
    let parts = Parts::new(buffer, purpose)
        .name(site)
        .name(device)
        .number(stamp.0.cast_unsigned())
        .bytes(&index.to_le_bytes());
    match mark {
        Mark::Sequence(sequence) => parts.number(sequence),
        // Last, so that it needs no length.
        Mark::Payload(payload) => parts.bytes(payload),
    }
    .finish()
}

/// Of an event without a device time: where the message lies.
pub(crate) fn of_record(
    buffer: &mut Vec<u8>,
    journal: JournalId,
    offset: u64,
    index: u32,
) -> EventId {
    Parts::new(buffer, b'r')
        .bytes(&journal.0)
        .number(offset)
        .bytes(&index.to_le_bytes())
        .finish()
}

/// Of a delivery: what a repeat after a lost acknowledgement has in common with the first.
pub(crate) fn of_delivery(
    buffer: &mut Vec<u8>,
    client: &str,
    session: u64,
    packet_id: u16,
    index: u32,
    payload: &[u8],
) -> EventId {
    let part = index.to_le_bytes();
    Parts::new(buffer, b'd')
        .name(client)
        .number(session)
        .bytes(&packet_id.to_le_bytes())
        .bytes(payload)
        // The first has none: its form is on disk.
        .bytes(if index == 0 { &[] } else { &part })
        .finish()
}

/// Of a further statement of a message that has a UUID.
pub(crate) fn of_part(buffer: &mut Vec<u8>, uuid: EventId, index: u32) -> EventId {
    Parts::new(buffer, b'u')
        .bytes(&uuid.0)
        .bytes(&index.to_le_bytes())
        .finish()
}

/// What a statement says, in short.
pub(crate) fn fields_hash(record: &Record) -> u128 {
    let mut buffer = Vec::with_capacity(64 * record.fields.len());
    for field in &record.fields {
        let parts = Parts(&mut buffer).name(&field.key);
        match &field.value {
            Raw::Null => parts.bytes(b"n"),
            Raw::Boolean(truth) => parts.bytes(if *truth { b"t" } else { b"f" }),
            Raw::Number(number) => parts.bytes(b"d").number(number.to_bits()),
            Raw::Text(text) => parts.bytes(b"s").name(text),
        };
    }
    let hash: [u8; 32] = Sha256::digest(&buffer).into();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    u128::from_le_bytes(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let b = &mut Vec::new();
        let mut ids = vec![
            of_reading(b, "s", "d", Time(1), Mark::Sequence(2), 0),
            of_reading(b, "sd", "", Time(1), Mark::Sequence(2), 0),
            of_reading(b, "s", "e", Time(1), Mark::Sequence(2), 0),
            of_reading(b, "s", "d", Time(2), Mark::Sequence(2), 0),
            of_reading(b, "s", "d", Time(1), Mark::Sequence(3), 0),
            of_reading(b, "s", "d", Time(1), Mark::Sequence(2), 1),
            of_reading(b, "s", "d", Time(1), Mark::Payload(&2_u64.to_le_bytes()), 0),
            of_reading(b, "s", "d", Time(1), Mark::Payload(b"x"), 0),
            of_record(b, JournalId([1; 16]), 2, 0),
            of_record(b, JournalId([2; 16]), 2, 0),
            of_record(b, JournalId([1; 16]), 3, 0),
            of_delivery(b, "c", 1, 2, 0, b"x"),
            of_delivery(b, "c", 1, 2, 1, b"x"),
            of_delivery(b, "c", 2, 1, 0, b"x"),
            of_delivery(b, "d", 1, 2, 0, b"x"),
            of_delivery(b, "c", 1, 2, 0, b"y"),
        ];
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    /// Ids are on disk and in other systems: a change here is a change of format.
    #[test]
    fn ids_stay_what_they_are() {
        let stamp = Time(1_795_316_645_678_000_000);
        let id = of_reading(
            &mut Vec::new(),
            "lao-cai",
            "aqm-0001",
            stamp,
            Mark::Sequence(123),
            0,
        );
        assert_eq!(id.to_string(), "c014c273-2b2b-4b71-ebef-b1985343b3b1");
    }
}
