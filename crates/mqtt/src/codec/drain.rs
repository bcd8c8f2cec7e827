//! A PUBLISH over the limit, taken in pieces: what it was and how it began is kept, the rest of the
//! payload is handed through and forgotten.

use super::header::{Header, Varint, varint};
use super::{Limits, Malformed, Protocol, Publish, Qos, Reason, publish};

/// How much of an oversize payload a [`Drain`] keeps.
pub const PAYLOAD_HEAD_BYTES: usize = 4096;

/// The fixed header of a PUBLISH that is larger than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oversize {
    /// Sent before, perhaps.
    pub dup: bool,
    /// Quality of service.
    pub qos: Qos,
    /// To be retained.
    pub retain: bool,
    /// Bytes of the fixed header.
    pub header_bytes: usize,
    /// Bytes after it.
    pub remaining: u32,
}

impl Oversize {
    pub(super) fn new(header: &Header, dup: bool, qos: Qos, retain: bool) -> Oversize {
        let (header_bytes, remaining) = (header.header_bytes, header.remaining);
        Oversize {
            dup,
            qos,
            retain,
            header_bytes,
            remaining,
        }
    }

    /// Fixed header and all.
    pub fn total_bytes(&self) -> usize {
        self.header_bytes + self.remaining as usize
    }

    /// The refusal that MQTT 5 asks for (0x95).
    pub fn refused(&self, protocol: Protocol) -> Malformed {
        Malformed::new(
            Reason::PacketTooLarge,
            "packet larger than the limit",
            "MQTT5-3.2.2.3.6",
        )
        .on(Some(protocol))
    }

    /// Begins to take the packet in pieces. The topic is still bound by `limits`, and so is all
    /// that stands before the payload (`packet_bytes_max` in sum): more is refused.
    pub fn drain(&self, protocol: Protocol, limits: &Limits) -> Drain {
        Drain {
            oversize: *self,
            protocol,
            limits: *limits,
            taken: 0,
            head: Vec::new(),
            head_bytes: None,
            payload_head: Vec::new(),
        }
    }
}

/// What one call of [`Drain::feed`] took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed<'a> {
    /// Bytes of the input that belong to this packet; the rest is the next one.
    pub bytes: usize,
    /// The part of them that is payload (to hash).
    pub payload: &'a [u8],
    /// The packet is at its end.
    pub done: bool,
}

/// An oversize PUBLISH on its way through. Holds the bytes before the payload and the payload's
/// first [`PAYLOAD_HEAD_BYTES`], nothing more.
#[derive(Clone, Debug)]
pub struct Drain {
    oversize: Oversize,
    protocol: Protocol,
    limits: Limits,
    /// Bytes of the packet seen, fixed header included.
    taken: usize,
    /// Variable header: topic, packet id, properties.
    head: Vec<u8>,
    /// Its length, once known and complete.
    head_bytes: Option<usize>,
    payload_head: Vec<u8>,
}

impl Drain {
    /// Takes the next bytes of the stream. The first call starts with the first byte of the packet
    /// (the fixed header, which [`super::decode`] left in the buffer).
    pub fn feed<'a>(&mut self, input: &'a [u8]) -> Result<Fed<'a>, Malformed> {
        let left = self.oversize.total_bytes() - self.taken;
        let input = input.get(..left).unwrap_or(input);
        let skip = self
            .oversize
            .header_bytes
            .saturating_sub(self.taken)
            .min(input.len());
        self.taken += input.len();
        let mut rest = input.get(skip..).unwrap_or_default();
        while self.head_bytes.is_none() {
            let need = self
                .head_need()
                .map_err(|error| error.on(Some(self.protocol)))?;
            if need == self.head.len() {
                self.decode_head()
                    .map(drop)
                    .map_err(|error| error.on(Some(self.protocol)))?;
                self.head_bytes = Some(need);
            } else if rest.is_empty() {
                break;
            } else {
                let (now, later) = rest.split_at(rest.len().min(need - self.head.len()));
                self.head.extend_from_slice(now);
                rest = later;
            }
        }
        // What is left belongs to the payload: the loop ends with the head complete or no bytes.
        let room = PAYLOAD_HEAD_BYTES - self.payload_head.len();
        self.payload_head
            .extend_from_slice(rest.get(..room).unwrap_or(rest));
        Ok(Fed {
            bytes: input.len(),
            payload: rest,
            done: self.is_done(),
        })
    }

    /// The whole packet has been taken.
    pub fn is_done(&self) -> bool {
        self.taken == self.oversize.total_bytes()
    }

    /// The packet as far as it is kept: complete but for the payload, which is its first
    /// [`PAYLOAD_HEAD_BYTES`] so far. `None` until the bytes before the payload are complete.
    pub fn publish(&self) -> Option<Publish<'_>> {
        self.head_bytes?;
        let mut publish = self.decode_head().ok()?;
        publish.payload = &self.payload_head;
        Some(publish)
    }

    /// The length of the whole payload, once known.
    pub fn payload_bytes(&self) -> Option<u64> {
        let head = self.head_bytes?;
        Some(u64::from(self.oversize.remaining).saturating_sub(head as u64))
    }

    fn decode_head(&self) -> Result<Publish<'_>, Malformed> {
        let Oversize {
            dup, qos, retain, ..
        } = self.oversize;
        publish::decode(
            dup,
            qos,
            retain,
            &self.head,
            self.protocol,
            &self.head_limits(),
        )
    }

    /// The payload is not looked at: it is not here.
    fn head_limits(&self) -> Limits {
        Limits {
            check_payload_format: false,
            ..self.limits
        }
    }

    /// How many bytes the head has, as far as can be told from those already here (at least one
    /// more than those, unless it is complete).
    fn head_need(&self) -> Result<usize, Malformed> {
        let &[high, low, ref rest @ ..] = self.head.as_slice() else {
            return self.bounded(2);
        };
        let topic_bytes = u16::from_be_bytes([high, low]);
        if topic_bytes > self.limits.topic_bytes_max {
            return Err(publish::topic_too_long());
        }
        let packet_id_bytes = if self.oversize.qos == Qos::AtMostOnce {
            0
        } else {
            2
        };
        let fixed = usize::from(topic_bytes) + packet_id_bytes;
        if self.protocol == Protocol::V3 {
            return self.bounded(2 + fixed);
        }
        let properties = rest.get(fixed..).unwrap_or_default();
        match varint(properties) {
            Varint::Value { value, bytes } => self.bounded(2 + fixed + bytes + value as usize),
            // Wrong: the check of the head says how.
            Varint::TooLong | Varint::NotShortest => Ok(self.head.len()),
            Varint::Incomplete => self.bounded((2 + fixed).max(self.head.len()) + 1),
        }
    }

    fn bounded(&self, need: usize) -> Result<usize, Malformed> {
        if need > self.oversize.remaining as usize {
            return Err(Malformed::packet(
                "field beyond the end of the packet",
                "MQTT5-2.1.4",
            ));
        }
        if need > self.limits.packet_bytes_max as usize {
            return Err(Malformed::new(
                Reason::PacketTooLarge,
                "properties larger than the limit",
                "limit-packet",
            ));
        }
        Ok(need)
    }
}
