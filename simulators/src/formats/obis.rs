//! Meters: values under OBIS codes, as JSON and as the text telegram of IEC 62056-21 (mode D) with the checksum of DSMR.

use super::bytes::crc16;

/// Lines between the identification and `!`; CRLF everywhere, checksum over everything up to and with the `!`.
pub(crate) fn telegram(identification: &str, lines: &[String]) -> String {
    let mut out = format!("/{identification}\r\n\r\n");
    for line in lines {
        out.push_str(line);
        out.push_str("\r\n");
    }
    out.push('!');
    let crc = crc16(out.as_bytes(), 0);
    format!("{out}{crc:04X}\r\n")
}

/// `1-0:1.8.0(000123.456*kWh)`.
pub(crate) fn energy(code: &str, value: f64, unit: &str) -> String {
    format!("{code}({value:010.3}*{unit})")
}

/// `1-0:32.7.0(230.1*V)`.
pub(crate) fn instant(code: &str, value: f64, decimals: usize, unit: &str) -> String {
    format!("{code}({value:.decimals$}*{unit})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_covers_slash_to_exclamation_mark() {
        let text = telegram("ISk5\\2MT382-1000", &[energy("1-0:1.8.0", 123.456, "kWh")]);
        let (body, crc) = text.split_at(text.find('!').unwrap() + 1);
        assert_eq!(
            body,
            "/ISk5\\2MT382-1000\r\n\r\n1-0:1.8.0(000123.456*kWh)\r\n!"
        );
        assert_eq!(crc, format!("{:04X}\r\n", crc16(body.as_bytes(), 0)));
        assert_eq!(instant("1-0:32.7.0", 230.14, 1, "V"), "1-0:32.7.0(230.1*V)");
    }
}
