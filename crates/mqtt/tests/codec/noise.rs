//! The property of `property.rs` over seeded noise and over packets damaged on purpose. The fuzz
//! target in `fuzz/` holds the same property.

use mqtt::codec::{Limits, Protocol};

use crate::generate::generate;
use crate::property::check;
use crate::random::{Random, rounds};

fn protocol(random: &mut Random) -> Option<Protocol> {
    random.pick(&[
        None,
        Some(Protocol::V3),
        Some(Protocol::V5),
        Some(Protocol::V5),
    ])
}

fn limits(random: &mut Random) -> Limits {
    Limits {
        packet_bytes_max: random.pick(&[64, 4096, mqtt::codec::PACKET_BYTES_MAX]),
        check_payload_format: random.one_in(2),
        ..Limits::default()
    }
}

#[test]
fn noise_does_no_harm() {
    for seed in 0..rounds(60_000) as u64 {
        let random = &mut Random::new(seed);
        let mut bytes: Vec<u8> = (0..random.below(40)).map(|_| random.byte()).collect();
        if let [first, length, ..] = bytes.as_mut_slice() {
            // Most bytes are refused at once: give the body a chance.
            if !random.one_in(4) {
                *first = random.pick(&[
                    0x10, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x82, 0xA2, 0xE0, 0xF0,
                ]);
                *length = random.below(40) as u8;
            }
        }
        check(&bytes, protocol(random), &limits(random));
    }
}

#[test]
fn damaged_packets_do_no_harm() {
    for seed in 0..rounds(60_000) as u64 {
        let random = &mut Random::new(seed);
        let mut valid = generate(random);
        for _ in 0..random.below(4) {
            damage(random, &mut valid.bytes);
        }
        check(&valid.bytes, valid.protocol, &limits(random));
    }
}

/// One mutation: a bit, a byte, a cut, a doubled or lost piece, a length one off.
pub(crate) fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    match random.below(8) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.byte(),
        2 => bytes[at] = random.pick(&[0, 1, 0x7F, 0x80, 0xFF, b'+', b'#', b'/', 0xC3, 0xED]),
        3 => bytes[at] = bytes[at].wrapping_add(1),
        4 => bytes[at] = bytes[at].wrapping_sub(1),
        5 => bytes.insert(at, random.byte()),
        6 => {
            bytes.remove(at);
        }
        _ => {
            let end = (at + 1 + random.below(8)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}

/// Sets the remaining length of a short packet to what is there, so that its body is looked at.
pub(crate) fn mend_length(bytes: &mut [u8]) {
    let body = bytes.len().saturating_sub(2);
    if let [_, length, ..] = bytes
        && body < 0x80
    {
        *length = body as u8;
    }
}
