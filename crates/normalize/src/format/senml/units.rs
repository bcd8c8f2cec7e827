//! Units as SenML writes them, as UCUM codes. The primary registry is RFC 8428 section 12.1 with the additions of RFC 8798; the
//! secondary one is RFC 8798 with those registered since.

/// A unit of a registry: its UCUM code, and what it takes to get there where UCUM has no such unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub(super) ucum: &'static str,
    pub(super) offset: f64,
}

const fn plain(ucum: &'static str) -> Unit {
    Unit { ucum, offset: 0.0 }
}

const REGISTRY: [(&str, Unit); 104] = [
    // RFC 8428.
    ("m", plain("m")),
    ("kg", plain("kg")),
    ("g", plain("g")),
    ("s", plain("s")),
    ("A", plain("A")),
    ("K", plain("K")),
    ("cd", plain("cd")),
    ("mol", plain("mol")),
    ("Hz", plain("Hz")),
    ("rad", plain("rad")),
    ("sr", plain("sr")),
    ("N", plain("N")),
    ("Pa", plain("Pa")),
    ("J", plain("J")),
    ("W", plain("W")),
    ("C", plain("C")),
    ("V", plain("V")),
    ("F", plain("F")),
    ("Ohm", plain("Ohm")),
    ("S", plain("S")),
    ("Wb", plain("Wb")),
    ("T", plain("T")),
    ("H", plain("H")),
    ("Cel", plain("Cel")),
    ("lm", plain("lm")),
    ("lx", plain("lx")),
    ("Bq", plain("Bq")),
    ("Gy", plain("Gy")),
    ("Sv", plain("Sv")),
    ("kat", plain("kat")),
    ("m2", plain("m2")),
    ("m3", plain("m3")),
    ("l", plain("L")),
    ("m/s", plain("m/s")),
    ("m/s2", plain("m/s2")),
    ("m3/s", plain("m3/s")),
    ("l/s", plain("L/s")),
    ("W/m2", plain("W/m2")),
    ("cd/m2", plain("cd/m2")),
    ("bit", plain("bit")),
    ("bit/s", plain("bit/s")),
    ("lat", plain("deg")),
    ("lon", plain("deg")),
    ("pH", plain("[pH]")),
    ("dB", plain("dB")),
    ("dBW", plain("dB[W]")),
    ("Bspl", plain("B[SPL]")),
    ("count", plain("1")),
    ("/", plain("1")),
    ("%", plain("%")),
    ("%RH", plain("%")),
    ("%EL", plain("%")),
    ("EL", plain("s")),
    ("1/s", plain("/s")),
    ("1/min", plain("/min")),
    ("beat/min", plain("/min")),
    ("beats", plain("1")),
    ("S/m", plain("S/m")),
    // RFC 8798, primary.
    ("B", plain("By")),
    ("VA", plain("V.A")),
    ("VAs", plain("V.A.s")),
    ("var", plain("V.A{reactive}")),
    ("vars", plain("V.A{reactive}.s")),
    ("J/m", plain("J/m")),
    ("kg/m3", plain("kg/m3")),
    ("deg", plain("deg")),
    ("NTU", plain("{NTU}")),
    // RFC 8798, secondary.
    ("ms", plain("ms")),
    ("min", plain("min")),
    ("h", plain("h")),
    ("MHz", plain("MHz")),
    ("kW", plain("kW")),
    ("kVA", plain("kV.A")),
    ("kvar", plain("kV.A{reactive}")),
    ("Ah", plain("A.h")),
    ("Wh", plain("W.h")),
    ("kWh", plain("kW.h")),
    ("varh", plain("V.A.h{reactive}")),
    ("kvarh", plain("kV.A.h{reactive}")),
    ("kVAh", plain("kV.A.h")),
    ("Wh/km", plain("W.h/km")),
    ("KiB", plain("KiBy")),
    ("GB", plain("GBy")),
    ("Mbit/s", plain("Mbit/s")),
    ("B/s", plain("By/s")),
    ("MB/s", plain("MBy/s")),
    ("mV", plain("mV")),
    ("mA", plain("mA")),
    // 0 dBm are -30 dBW.
    (
        "dBm",
        Unit {
            ucum: "dB[W]",
            offset: -30.0,
        },
    ),
    ("ug/m3", plain("ug/m3")),
    ("mm/h", plain("mm/h")),
    ("m/h", plain("m/h")),
    ("ppm", plain("[ppm]")),
    ("/100", plain("%")),
    ("/1000", plain("[ppth]")),
    ("hPa", plain("hPa")),
    ("mm", plain("mm")),
    ("cm", plain("cm")),
    ("km", plain("km")),
    ("km/h", plain("km/h")),
    // Registered since.
    ("ppb", plain("[ppb]")),
    ("mg/l", plain("mg/L")),
    ("ug/l", plain("ug/L")),
    ("g/l", plain("g/L")),
];

/// The registered unit of that name.
pub(super) fn registered(name: &str) -> Option<Unit> {
    let found = REGISTRY.iter().find(|(known, _)| *known == name);
    found.map(|(_, unit)| *unit)
}

/// What people and programs write for units, as UCUM; what is not in the list may be UCUM itself.
const PEOPLE: [(&str, &str); 62] = [
    ("°C", "Cel"),
    ("ºC", "Cel"),
    ("℃", "Cel"),
    ("degC", "Cel"),
    ("C", "Cel"),
    ("c", "Cel"),
    ("celsius", "Cel"),
    ("Celsius", "Cel"),
    ("°F", "[degF]"),
    ("ºF", "[degF]"),
    ("F", "[degF]"),
    ("degF", "[degF]"),
    ("fahrenheit", "[degF]"),
    ("°", "deg"),
    ("º", "deg"),
    ("degree", "deg"),
    ("degrees", "deg"),
    ("độ", "deg"),
    ("%RH", "%"),
    ("% RH", "%"),
    ("percent", "%"),
    ("µg/m3", "ug/m3"),
    ("μg/m3", "ug/m3"),
    ("µg/m³", "ug/m3"),
    ("μg/m³", "ug/m3"),
    ("ug/m³", "ug/m3"),
    ("µg/Nm3", "ug/m3"),
    ("µg/Nm³", "ug/m3"),
    ("ug/Nm3", "ug/m3"),
    ("mg/m³", "mg/m3"),
    ("mg/Nm3", "mg/m3"),
    ("mg/Nm³", "mg/m3"),
    ("mg/l", "mg/L"),
    ("m³/s", "m3/s"),
    ("m³", "m3"),
    ("m³/h", "m3/h"),
    ("l", "L"),
    ("l/s", "L/s"),
    ("l/m2", "L/m2"),
    ("mps", "m/s"),
    ("m/sec", "m/s"),
    ("kph", "km/h"),
    ("kmh", "km/h"),
    ("kn", "[kn_i]"),
    ("kt", "[kn_i]"),
    ("mph", "[mi_i]/h"),
    ("ppm", "[ppm]"),
    ("ppb", "[ppb]"),
    ("mb", "mbar"),
    ("kWh", "kW.h"),
    ("KWh", "kW.h"),
    ("Wh", "W.h"),
    ("MWh", "MW.h"),
    ("kw", "kW"),
    ("KW", "kW"),
    ("kVA", "kV.A"),
    ("kvar", "kV.A{reactive}"),
    ("kvarh", "kV.A.h{reactive}"),
    ("volt", "V"),
    ("meter", "m"),
    ("lux", "lx"),
    ("W/m²", "W/m2"),
];

pub(crate) fn ucum_of_people(text: &str) -> String {
    let text = text.trim();
    let found = PEOPLE.iter().find(|(known, _)| *known == text);
    found.map_or(text, |(_, ucum)| *ucum).to_owned()
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    REGISTRY.iter().map(|(name, _)| *name)
}
