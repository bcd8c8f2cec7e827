//! OBIS codes in the ways people write them, and the units that come with them.

use std::fmt;

/// `A-B:C.D.E*F`; F is 255 where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    e: u8,
    f: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Value,
    Clock,
    Time,
    Date,
    /// The lower, the better the source.
    Serial(u8),
}

impl Code {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > 32 {
            return None;
        }
        if text.len() == 12
            && text.bytes().all(|byte| byte.is_ascii_hexdigit())
            && let Some(octets) = super::super::modbus::hex(text)
        {
            return Self::of_six(&octets);
        }
        match text {
            // Identification number and error register of IEC 62056-21.
            "C.1.0" | "C.1" => return Self::of_six(&[0, 0, 96, 1, 0, 255]),
            "F.F" | "F.F.0" => return Self::of_six(&[0, 0, 97, 97, 0, 255]),
            _ => {}
        }
        let (rest, f) = match text.split_once(['*', '&']) {
            Some((rest, f)) => (rest, number(f)?),
            None => (text, 255),
        };
        if !rest.contains(['-', ':']) && rest.matches('.').count() == 5 {
            let octets: Option<Vec<u8>> = rest.split('.').map(number).collect();
            return Self::of_six(&octets?);
        }
        let (ab, cde) = match rest.split_once(':') {
            Some((ab, cde)) => (Some(ab), cde),
            None => (None, rest),
        };
        let mut parts = cde.split('.');
        let (c, d) = (number(parts.next()?)?, number(parts.next()?)?);
        // `1.8` is the total, `1.8.0`.
        let e = parts.next().map_or(Some(0), number)?;
        if parts.next().is_some() {
            return None;
        }
        let (a, b) = match ab {
            Some(ab) => match ab.split_once('-') {
                Some((a, b)) => (number(a)?, number(b)?),
                None => (1, number(ab)?),
            },
            // Abstract things (clock, identification, errors) have no medium.
            None if c == 0 || c >= 96 => (0, 0),
            None => (1, 0),
        };
        Some(Self { a, b, c, d, e, f })
    }

    fn of_six(octets: &[u8]) -> Option<Self> {
        match *octets {
            [a, b, c, d, e, f] => Some(Self { a, b, c, d, e, f }),
            _ => None,
        }
    }

    /// Electricity of whichever channel as that of the first.
    pub(super) fn first_channel(self) -> Self {
        match self.a {
            1 => Self { b: 0, ..self },
            _ => self,
        }
    }

    /// Earlier billing periods are numbered below 100 (and 101 to 126 by their age).
    pub(super) fn is_current(self) -> bool {
        self.f == 255
    }

    pub(super) fn meaning(self) -> Meaning {
        match (self.a, self.b, self.c, self.d, self.e) {
            (0 | 1, 0, 1, 0, 0) => Meaning::Clock,
            (0 | 1, 0, 0, 9, 1) => Meaning::Time,
            (0 | 1, 0, 0, 9, 2) => Meaning::Date,
            (0 | 1, 0, 96, 1, 0) => Meaning::Serial(0),
            (0 | 1, 0, 96, 1, 1) => Meaning::Serial(1),
            (0 | 1, 0, 0, 0, 0) => Meaning::Serial(2),
            _ => Meaning::Value,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}:{}.{}.{}", self.a, self.b, self.c, self.d, self.e)
    }
}

fn number(text: &str) -> Option<u8> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Printable text that DSMR writes as the hexadecimal digits of its bytes.
pub(super) fn octets(text: &str) -> Option<String> {
    if text.len() < 16 || !text.len().is_multiple_of(2) {
        return None;
    }
    let bytes = super::super::modbus::hex(text)?;
    let text = String::from_utf8(bytes).ok()?;
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        .then_some(text)
}

/// Units of the standard as UCUM codes. UCUM has no var: reactive power is VA with a note.
pub(super) fn ucum(unit: &str) -> Option<&'static str> {
    Some(match unit.trim() {
        "kWh" => "kW.h",
        "Wh" => "W.h",
        "MWh" => "MW.h",
        "kvarh" | "kVArh" | "kVarh" | "kVARh" => "kV.A.h{reactive}",
        "varh" | "Varh" | "VArh" => "V.A.h{reactive}",
        "Mvarh" | "MVArh" => "MV.A.h{reactive}",
        "kVAh" => "kV.A.h",
        "VAh" => "V.A.h",
        "kW" => "kW",
        "W" => "W",
        "MW" => "MW",
        "kvar" | "kVAr" | "kVar" | "kVAR" => "kV.A{reactive}",
        "var" | "Var" | "VAr" => "V.A{reactive}",
        "kVA" => "kV.A",
        "VA" => "V.A",
        "V" => "V",
        "kV" => "kV",
        "mV" => "mV",
        "A" => "A",
        "mA" => "mA",
        "kA" => "kA",
        "Hz" => "Hz",
        "°" | "deg" => "deg",
        "°C" | "C" | "Cel" => "Cel",
        "%" => "%",
        "m3" | "m³" => "m3",
        "s" => "s",
        "min" => "min",
        "h" => "h",
        "1" => "1",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_code_has_many_spellings() {
        for text in [
            "1-0:1.8.0",
            "1.8.0",
            "1.8",
            "1-0:1.8.0*255",
            "1.0.1.8.0.255",
            "0100010800FF",
            "0100010800ff",
            " 1.8.0 ",
        ] {
            let code = Code::parse(text).unwrap();
            assert_eq!(code.to_string(), "1-0:1.8.0", "{text}");
            assert!(code.is_current());
        }
        assert_eq!(Code::parse("0:1.8.0").unwrap().to_string(), "1-0:1.8.0");
        assert_eq!(Code::parse("C.1.0").unwrap().to_string(), "0-0:96.1.0");
        assert_eq!(Code::parse("0.9.1").unwrap().meaning(), Meaning::Time);
        assert_eq!(
            Code::parse("1-1:1.8.1")
                .unwrap()
                .first_channel()
                .to_string(),
            "1-0:1.8.1"
        );
        assert_eq!(
            Code::parse("0-1:24.2.1")
                .unwrap()
                .first_channel()
                .to_string(),
            "0-1:24.2.1"
        );
        assert!(!Code::parse("1.8.0*01").unwrap().is_current());
        assert!(!Code::parse("1-0:1.8.0&12").unwrap().is_current());
        for bad in [
            "",
            "1",
            "ts",
            "1-0:1.8.x",
            "256.8.0",
            "1-0:1.8.0.0.0",
            "1-0:+1.8.0",
            "L.1.0",
            "1-0:1..0",
            "0100010800F",
        ] {
            assert_eq!(Code::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn octets_are_text_only_where_they_are() {
        assert_eq!(
            octets("4B384547303034303436333935353037").as_deref(),
            Some("K8EG004046395507")
        );
        assert_eq!(octets("12345678"), None);
        assert_eq!(octets("0000000000000000"), None);
    }
}
