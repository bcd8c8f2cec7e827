//! What the decoder costs: nanoseconds a PUBLISH, packets back to back in one buffer as they come
//! off a socket. `cargo run --release -p mqtt --example decode_cost`.
#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

use std::hint::black_box;
use std::time::Instant;

use mqtt::codec::encode::puback_ok;
use mqtt::codec::{Decoded, Limits, Malformed, Packet, Protocol, decode};

const PACKETS: usize = 1000;
const ROUNDS: usize = 2000;
const TOPIC: &str = "ioc/lao-cai/environment/aqm-0001/up";
const PAYLOAD: &str = r#"{"id":"aqm-0001","seq":123,"ts":"2026-11-22T03:04:05.678Z","pm25":41.2,"pm10":66.0,"no2":18.1,"temp":24.6,"hum":78.2}"#;

fn publish(properties: Option<&[u8]>) -> Vec<u8> {
    let mut body = (TOPIC.len() as u16).to_be_bytes().to_vec();
    body.extend_from_slice(TOPIC.as_bytes());
    body.extend_from_slice(&[0, 7]);
    if let Some(properties) = properties {
        body.push(properties.len() as u8);
        body.extend_from_slice(properties);
    }
    body.extend_from_slice(PAYLOAD.as_bytes());
    let mut packet = vec![0x32, body.len() as u8 | 0x80, (body.len() >> 7) as u8];
    packet.extend_from_slice(&body);
    packet
}

/// Decodes every packet of the buffer; the sum keeps the compiler honest.
fn decode_all(buffer: &[u8], protocol: Protocol, limits: &Limits) -> Result<usize, Malformed> {
    let mut rest = buffer;
    let mut sum = 0;
    while let Decoded::Packet { packet, bytes } = decode(rest, Some(protocol), limits)? {
        if let Packet::Publish(publish) = packet {
            sum += publish.topic.len() + publish.payload.len() + usize::from(publish.packet_id);
        }
        rest = rest.get(bytes..).unwrap_or_default();
    }
    Ok(sum)
}

fn main() -> Result<(), Malformed> {
    let alias_and_expiry: &[u8] = &[0x23, 0, 1, 0x02, 0, 0, 0x0E, 0x10];
    let text: &[u8] = &[
        1, 1, 3, 0, 4, b'j', b's', b'o', b'n', 0x26, 0, 1, b'k', 0, 3, b'v', b'a', b'l',
    ];
    let cases = [
        ("3.1.1", Protocol::V3, None),
        ("5, no properties", Protocol::V5, Some(&[][..])),
        ("5, alias and expiry", Protocol::V5, Some(alias_and_expiry)),
        (
            "5, format, content type, user property",
            Protocol::V5,
            Some(text),
        ),
    ];
    let limits = Limits {
        topic_bytes_max: 1024,
        topic_levels_max: 32,
        ..Limits::default()
    };
    for (name, protocol, properties) in cases {
        let buffer = publish(properties).repeat(PACKETS);
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            black_box(decode_all(black_box(&buffer), protocol, &limits)?);
        }
        let each = begin.elapsed().as_nanos() as f64 / (PACKETS * ROUNDS) as f64;
        println!("PUBLISH QoS 1, {name}: {each:.1} ns");
    }
    let mut out = Vec::with_capacity(PACKETS * 4);
    let begin = Instant::now();
    for _ in 0..ROUNDS {
        out.clear();
        (1..=PACKETS as u16).for_each(|id| puback_ok(&mut out, id));
        black_box(&out);
    }
    let each = begin.elapsed().as_nanos() as f64 / (PACKETS * ROUNDS) as f64;
    println!("PUBACK: {each:.1} ns");
    Ok(())
}
