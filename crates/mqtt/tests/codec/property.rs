//! Whatever comes, nothing panics, nothing is consumed that is not there, and how the bytes were
//! cut on the way makes no difference. Shared by the seeded tests and the fuzz target.

use mqtt::codec::{Decoded, Limits, Protocol, decode};

use crate::words;

/// Panics when the decoder breaks its contract.
pub(crate) fn check(bytes: &[u8], protocol: Option<Protocol>, limits: &Limits) {
    let whole = decode(bytes, protocol, limits);
    match &whole {
        Ok(Decoded::Packet {
            packet,
            bytes: taken,
        }) => {
            assert!(*taken >= 2 && *taken <= bytes.len());
            // The iterators reach the end of what was checked.
            let _ = words::packet(packet);
            assert_eq!(decode(&bytes[..*taken], protocol, limits), whole, "alone");
        }
        Ok(Decoded::Incomplete { need }) => assert!(*need > bytes.len()),
        Ok(Decoded::TooLarge(oversize)) => {
            assert!(oversize.total_bytes() > limits.packet_bytes_max as usize);
        }
        Err(error) => assert!(!error.rule.is_empty() && error.reason.is_error()),
    }
    let mut step = bytes.len().div_ceil(16).max(1);
    let mut end = 0;
    while end < bytes.len() {
        match decode(&bytes[..end], protocol, limits) {
            Ok(Decoded::Incomplete { need }) => {
                assert!(need > end);
                // Asking for more than the packet has would wait for ever.
                if let Ok(Decoded::Packet { bytes: taken, .. }) = &whole {
                    assert!(need <= *taken);
                }
                step = step.min(need - end).max(1);
            }
            early => {
                assert_eq!(early, whole, "cut at {end}");
                break;
            }
        }
        end += step;
    }
}
