//! PUBLISH packets encoded once and sent many times.
//!
//! All packets of a connection lie one behind the other in one buffer, all of one size, so that thousands go out in one
//! write. Before a packet is sent again only its sequence number and its time are written over; its packet identifier
//! is its place, which is free again when its acknowledgement has come.

use std::ops::Range;

use super::pool::Pool;
use crate::random::Random;
use crate::scenario::SITE;
use crate::stamp;

const SEQUENCE_DIGITS: usize = 10;
/// Ten digits from the first to the last: the packet keeps its size.
const SEQUENCE_FIRST: i64 = 1_000_000_000;

/// What a connection sends: native readings stamped as they go, or a pool of another format.
pub(super) enum Supply {
    Native(Packets),
    Pool(Pool),
}

impl Supply {
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Native(packets) => packets.count(),
            Self::Pool(pool) => pool.count(),
        }
    }

    /// The longest run of packets from the `sent`-th message on, at most `wanted`, ready to be written.
    pub(super) fn prepare(&mut self, sent: u64, wanted: u64, now_ns: i64) -> (&[u8], u64) {
        match self {
            Self::Native(packets) => packets.prepare(sent, wanted, now_ns),
            Self::Pool(pool) => pool.prepare(sent, wanted),
        }
    }
}

/// A connection's native packets.
pub(super) struct Packets {
    bytes: Vec<u8>,
    size: usize,
    count: usize,
    sequence_at: usize,
    time_at: usize,
}

impl Packets {
    /// `count` packets (at most 65,535) that the devices `first_device ..` of that many take turns to send.
    pub(super) fn new(count: u16, first_device: u32, devices: u32, qos: u8) -> Self {
        let mut random = Random::new(u64::from(first_device));
        let mut bytes = Vec::new();
        let (mut sequence_at, mut time_at) = (0, 0);
        for place in 0..count {
            let device = format!(
                "aqm-{:05}",
                first_device + u32::from(place) % devices.max(1)
            );
            let start = bytes.len();
            let (payload, at) = payload(&device, &mut random);
            let payload_at = encode(&mut bytes, &device, place + 1, qos, &payload);
            sequence_at = payload_at - start + at.0;
            time_at = payload_at - start + at.1;
        }
        let count = usize::from(count);
        Self {
            size: bytes.len() / count.max(1),
            bytes,
            count,
            sequence_at,
            time_at,
        }
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.count).unwrap_or(0)
    }

    #[cfg(test)]
    fn packet_bytes(&self) -> usize {
        self.size
    }

    /// The longest run of packets from the `sent`-th message on, at most `wanted`, ready to be written: stamped with
    /// `now_ns` and with rising sequence numbers.
    pub(super) fn prepare(&mut self, sent: u64, wanted: u64, now_ns: i64) -> (&[u8], u64) {
        let first = usize::try_from(sent % self.count()).unwrap_or(0);
        let run = usize::try_from(wanted)
            .unwrap_or(usize::MAX)
            .min(self.count - first);
        let time = stamp::text(now_ns);
        let sequence = SEQUENCE_FIRST + i64::try_from(sent).unwrap_or(0);
        let range = first * self.size..(first + run) * self.size;
        let packets = self.bytes.get_mut(range).unwrap_or_default();
        for (packet, sequence) in packets.chunks_exact_mut(self.size).zip(sequence..) {
            write_at(packet, self.time_at, &time);
            let mut digits = [0; SEQUENCE_DIGITS];
            stamp::digits(&mut digits, sequence);
            write_at(packet, self.sequence_at, &digits);
        }
        (packets, u64::try_from(run).unwrap_or(0))
    }
}

fn write_at(packet: &mut [u8], at: usize, bytes: &[u8]) {
    let range: Range<usize> = at..at + bytes.len();
    if let Some(place) = packet.get_mut(range) {
        place.copy_from_slice(bytes);
    }
}

/// About 205 bytes of ordinary air; also where the digits of the sequence number and of the time begin.
fn payload(device: &str, random: &mut Random) -> (String, (usize, usize)) {
    let tenths = |random: &mut Random, low: u64, high: u64| {
        let value = low * 10 + random.below((high - low) * 10);
        format!("{}.{}", value / 10, value % 10)
    };
    let head = format!("{{\"id\":\"{device}\",\"seq\":");
    let sequence_at = head.len();
    let middle = format!("{head}{SEQUENCE_FIRST},\"ts\":\"");
    let time_at = middle.len();
    let text = format!(
        "{middle}2026-01-01T00:00:00.000Z\",\"pm25\":{},\"pm10\":{},\"no2\":{},\"so2\":{},\"co\":{},\"o3\":{},\
         \"temp\":{},\"hum\":{},\"battery\":{},\"lat\":22.{:05},\"lon\":104.{:05}}}",
        tenths(random, 10, 25),
        tenths(random, 25, 40),
        tenths(random, 10, 30),
        tenths(random, 10, 20),
        400 + random.below(200),
        tenths(random, 30, 60),
        tenths(random, 20, 28),
        tenths(random, 60, 80),
        tenths(random, 12, 13),
        random.below(100_000),
        random.below(100_000),
    );
    (text, (sequence_at, time_at))
}

/// Appends a native PUBLISH and returns where its payload begins.
fn encode(out: &mut Vec<u8>, device: &str, packet_id: u16, qos: u8, payload: &str) -> usize {
    let topic = format!("ioc/{SITE}/environment/{device}/up");
    publish(out, &topic, packet_id, qos, payload.as_bytes())
}

/// Appends a PUBLISH and returns where its payload begins.
pub(super) fn publish(
    out: &mut Vec<u8>,
    topic: &str,
    packet_id: u16,
    qos: u8,
    payload: &[u8],
) -> usize {
    let identifier = if qos > 0 { 2 } else { 0 };
    out.push(0x30 | qos << 1);
    push_length(out, 2 + topic.len() + identifier + payload.len());
    push_text(out, topic);
    if qos > 0 {
        out.extend_from_slice(&packet_id.to_be_bytes());
    }
    let payload_at = out.len();
    out.extend_from_slice(payload);
    payload_at
}

/// CONNECT of MQTT 3.1.1 with a session that outlives the connection.
pub(super) fn connect(client_id: &str, keep_alive_seconds: u16) -> Vec<u8> {
    let mut out = vec![0x10];
    push_length(&mut out, 10 + 2 + client_id.len());
    push_text(&mut out, "MQTT");
    out.extend_from_slice(&[4, 0]);
    out.extend_from_slice(&keep_alive_seconds.to_be_bytes());
    push_text(&mut out, client_id);
    out
}

fn push_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or(0);
        length >>= 7;
        out.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return;
        }
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_alike_in_size_and_differ_in_what_matters() {
        let mut packets = Packets::new(100, 7, 3, 1);
        let size = packets.packet_bytes();
        let now_ns = 1_700_000_000_123_000_000;
        let (bytes, run) = packets.prepare(250, 1_000, now_ns);
        assert_eq!((run, bytes.len()), (50, 50 * size));
        for (place, packet) in bytes.chunks(size).enumerate() {
            let topic_end = 5 + usize::from(packet[4]);
            let identifier = u16::from_be_bytes([packet[topic_end], packet[topic_end + 1]]);
            assert_eq!(usize::from(identifier), 51 + place);
            let payload = &packet[topic_end + 2..];
            assert!((195..215).contains(&payload.len()), "{}", payload.len());
            let fields: serde_json::Value = serde_json::from_slice(payload).unwrap();
            assert_eq!(fields["seq"], 1_000_000_250 + place);
            assert_eq!(fields["ts"], "2023-11-14T22:13:20.123Z");
            let topic = std::str::from_utf8(&packet[5..topic_end]).unwrap();
            let device = fields["id"].as_str().unwrap();
            assert_eq!(topic, format!("ioc/{SITE}/environment/{device}/up"));
        }
    }
}
