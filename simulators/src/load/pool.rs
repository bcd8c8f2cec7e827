//! PUBLISH packets of any wire format, each a message of its own.
//!
//! As many as a connection has packet identifiers are encoded beforehand; what goes beyond is encoded as it goes, a batch at a
//! time, at the generator's cost.

use super::packets::publish;
use crate::scenario::Mill;

/// Packets encoded at a time after the first round.
const BATCH: u64 = 500;

pub(super) struct Pool {
    mill: Mill,
    qos: u8,
    /// Packet identifiers, and packets of the first batch.
    count: u64,
    bytes: Vec<u8>,
    /// Where each packet of the batch ends.
    ends: Vec<usize>,
    /// Number of the batch's first message.
    first: u64,
}

impl Pool {
    /// None when no simulated device speaks `format`.
    pub(super) fn new(format: &str, count: u16, seed: u64, start_ns: i64, qos: u8) -> Option<Self> {
        let mut pool = Self {
            mill: Mill::new(format, seed, start_ns)?,
            qos,
            count: u64::from(count.max(1)),
            bytes: Vec::new(),
            ends: Vec::new(),
            first: 0,
        };
        pool.encode(0, pool.count);
        Some(pool)
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// A run of packets from the `sent`-th message on, at most `wanted`; messages are asked for in order.
    pub(super) fn prepare(&mut self, sent: u64, wanted: u64) -> (&[u8], u64) {
        if sent >= self.first + self.encoded() {
            // A batch ends where the identifiers begin again.
            self.encode(sent, BATCH.min(self.count - sent % self.count));
        }
        let skipped = usize::try_from(sent - self.first).unwrap_or(0);
        let left = self.ends.len() - skipped.min(self.ends.len());
        let run = usize::try_from(wanted).unwrap_or(usize::MAX).min(left);
        let end_of = |packets: usize| {
            let last = packets.checked_sub(1).and_then(|last| self.ends.get(last));
            last.copied().unwrap_or(0)
        };
        let packets = self.bytes.get(end_of(skipped)..end_of(skipped + run));
        (packets.unwrap_or_default(), u64::try_from(run).unwrap_or(0))
    }

    fn encoded(&self) -> u64 {
        u64::try_from(self.ends.len()).unwrap_or(0)
    }

    fn encode(&mut self, first: u64, packets: u64) {
        self.first = first;
        self.bytes.clear();
        self.ends.clear();
        for number in first..first + packets {
            let Some((topic, payload)) = self.mill.next() else {
                return;
            };
            let packet_id = u16::try_from(number % self.count + 1).unwrap_or(1);
            publish(&mut self.bytes, &topic, packet_id, self.qos, &payload);
            self.ends.push(self.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packet identifiers of QoS 1 packets that lie one behind the other.
    fn identifiers(mut bytes: &[u8]) -> Vec<u16> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            assert_eq!(bytes[0], 0x32);
            let (mut length, mut at, mut shift) = (0, 1, 0);
            loop {
                length |= usize::from(bytes[at] & 0x7f) << shift;
                shift += 7;
                at += 1;
                if bytes[at - 1] & 0x80 == 0 {
                    break;
                }
            }
            let topic = usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            let id = at + 2 + topic;
            out.push(u16::from_be_bytes([bytes[id], bytes[id + 1]]));
            bytes = &bytes[at + length..];
        }
        out
    }

    #[test]
    fn runs_follow_one_another_and_identifiers_come_round() {
        let mut pool = Pool::new("senml", 700, 1, 1_795_316_646_000_000_000, 1).unwrap();
        let (mut sent, mut all, mut packets) = (0, Vec::new(), Vec::new());
        while sent < 2_000 {
            let (bytes, run) = pool.prepare(sent, 300);
            assert!(run > 0 && run <= 300);
            all.extend(identifiers(bytes));
            packets.push(bytes.to_vec());
            sent += run;
        }
        let expected: Vec<u16> = (0..sent)
            .map(|at| u16::try_from(at % 700 + 1).unwrap())
            .collect();
        assert_eq!(all, expected);
        assert_ne!(packets.first(), packets.last());
        assert!(Pool::new("morse", 50, 1, 0, 1).is_none());
    }
}
