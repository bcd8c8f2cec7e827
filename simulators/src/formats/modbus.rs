//! Modbus gateways: register blocks as JSON, and response frames as they come off the wire.

use serde_json::{Value, json};

use super::bytes::crc16;

/// Two registers, high word first, as Eastron's meters have them.
pub(crate) fn float(value: f32) -> [u16; 2] {
    let [a, b, c, d] = value.to_be_bytes();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

/// Input registers (function 4) from `start` on.
pub(crate) fn block(start: u16, values: &[f32]) -> Value {
    let registers: Vec<u16> = values.iter().copied().flat_map(float).collect();
    json!({"fc": 4, "start": start, "registers": registers})
}

/// RTU: unit, function, byte count, registers, checksum (low byte first).
pub(crate) fn rtu(unit: u8, function: u8, registers: &[u16]) -> Vec<u8> {
    let bytes = u8::try_from(registers.len() * 2).unwrap_or(0);
    let mut out = vec![unit, function, bytes];
    for register in registers {
        out.extend_from_slice(&register.to_be_bytes());
    }
    let crc = crc16(&out, 0xffff);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// TCP: transaction, protocol 0, length of what follows, then unit, function, byte count, registers.
pub(crate) fn tcp(transaction: u16, unit: u8, function: u8, registers: &[u16]) -> Vec<u8> {
    let bytes = u8::try_from(registers.len() * 2).unwrap_or(0);
    let mut out = transaction.to_be_bytes().to_vec();
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&(u16::from(bytes) + 3).to_be_bytes());
    out.extend_from_slice(&[unit, function, bytes]);
    for register in registers {
        out.extend_from_slice(&register.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::bytes::hex;

    #[test]
    fn floats_are_those_of_the_meters_manual() {
        // SDM630 protocol manual: 230.2 V = 43 66 33 33 (hexadecimal, most significant register first).
        assert_eq!(float(230.2), [0x4366, 0x3333]);
        assert_eq!(block(0, &[230.2])["registers"], json!([0x4366, 0x3333]));
    }

    #[test]
    fn a_frame_ends_in_its_checksum() {
        // 01 04 04 43 66 33 34 1B 38 is the manual's answer for 230.2 V (rounded up there).
        assert_eq!(hex(&rtu(1, 4, &[0x4366, 0x3334])), "010404436633341b38");
    }

    #[test]
    fn tcp_counts_what_follows_its_length() {
        assert_eq!(
            hex(&tcp(1, 17, 3, &[0xae41, 0x5652])),
            "000100000007110304ae415652"
        );
    }
}
