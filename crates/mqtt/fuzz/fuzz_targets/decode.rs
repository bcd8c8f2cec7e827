//! `cargo +nightly fuzz run decode` in `crates/mqtt`: the first byte of the input chooses protocol
//! and limits, the rest is the buffer. The property is that of the seeded tests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqtt::codec::{Decoded, DiscouragedText, Limits, PACKET_BYTES_MAX, Protocol, decode};

#[path = "../../tests/codec/property.rs"]
mod property;
#[path = "../../tests/codec/words.rs"]
mod words;

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    let protocol = match choice & 3 {
        0 => None,
        1 => Some(Protocol::V3),
        _ => Some(Protocol::V5),
    };
    let limits = Limits {
        packet_bytes_max: if choice & 4 == 0 {
            PACKET_BYTES_MAX
        } else {
            64
        },
        check_payload_format: choice & 8 != 0,
        discouraged_text: if choice & 16 == 0 {
            DiscouragedText::Accept
        } else {
            DiscouragedText::Refuse
        },
        ..Limits::default()
    };
    property::check(bytes, protocol, &limits);
    if let (Some(protocol), Ok(Decoded::TooLarge(oversize))) =
        (protocol, decode(bytes, protocol, &limits))
    {
        drain(&oversize.drain(protocol, &limits), bytes);
    }
});

/// In one piece and byte by byte it comes to the same.
fn drain(start: &mqtt::codec::Drain, bytes: &[u8]) {
    let mut whole = start.clone();
    let whole_fed = whole.feed(bytes).map(|fed| fed.done);
    let mut cut = start.clone();
    let mut cut_fed = Ok(false);
    for byte in bytes {
        cut_fed = cut.feed(std::slice::from_ref(byte)).map(|fed| fed.done);
        if cut_fed != Ok(false) {
            break;
        }
    }
    assert_eq!(whole_fed, cut_fed);
    assert_eq!(whole.publish(), cut.publish());
}
