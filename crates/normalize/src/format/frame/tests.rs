use super::*;
use crate::format::lorawan::tests::{shake, wire};

#[test]
fn hexadecimal_in_any_dress() {
    for text in [
        "01755c", "01755C", "0x01755C", "01 75 5c", "01:75:5C", "01-75-5C", "\n01755C",
    ] {
        assert_eq!(hex(text), Some(vec![0x01, 0x75, 0x5c]), "{text}");
    }
    for wrong in ["0", "01755", "0 1", "zz", "01 7 55c0", "é1"] {
        assert_eq!(hex(wrong), None, "{wrong}");
    }
}

#[test]
fn shaken_payloads_never_panic() {
    let good = b"01755C 03824408 040001";
    for encoding in [Encoding::Binary, Encoding::Hex, Encoding::Base64] {
        for codec in Codec::all() {
            let plan = Plan {
                codec,
                encoding,
                port: 2,
            };
            shake(good, |bytes| {
                let mut out = Records::new(100, 64);
                // Only that it comes back matters.
                let _ = decode(&wire("ioc/lao-cai/disaster/x/up", bytes), &plan, &mut out);
            });
        }
    }
}
