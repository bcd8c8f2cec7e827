//! UN/CEFACT common codes (Recommendation 20) as UCUM codes: what `unitCode` says.

const CODES: [(&str, &str); 88] = [
    // Length, area, volume.
    ("MTR", "m"),
    ("CMT", "cm"),
    ("MMT", "mm"),
    ("KMT", "km"),
    ("DMT", "dm"),
    ("FOT", "[ft_i]"),
    ("INH", "[in_i]"),
    ("4H", "um"),
    ("MTK", "m2"),
    ("HAR", "har"),
    ("MTQ", "m3"),
    ("LTR", "L"),
    ("MLT", "mL"),
    // Time, speed, flow.
    ("SEC", "s"),
    ("C26", "ms"),
    ("MIN", "min"),
    ("HUR", "h"),
    ("DAY", "d"),
    ("MTS", "m/s"),
    ("KMH", "km/h"),
    ("KNT", "[kn_i]"),
    ("HM", "[mi_i]/h"),
    ("MSK", "m/s2"),
    ("H67", "mm/h"),
    ("MQS", "m3/s"),
    ("MQH", "m3/h"),
    ("G51", "L/s"),
    ("L2", "L/min"),
    // Temperature, pressure.
    ("CEL", "Cel"),
    ("FAH", "[degF]"),
    ("KEL", "K"),
    ("PAL", "Pa"),
    ("A97", "hPa"),
    ("HPA", "hPa"),
    ("KPA", "kPa"),
    ("MPA", "MPa"),
    ("MBR", "mbar"),
    ("BAR", "bar"),
    // Parts and counts.
    ("P1", "%"),
    ("C62", "1"),
    ("E37", "1"),
    ("NIU", "1"),
    ("EA", "1"),
    ("IE", "{person}"),
    ("59", "[ppm]"),
    ("61", "[ppb]"),
    ("Q30", "[pH]"),
    // Concentration.
    ("GQ", "ug/m3"),
    ("GP", "mg/m3"),
    ("A93", "g/m3"),
    ("KMQ", "kg/m3"),
    ("M1", "mg/L"),
    ("H29", "ug/L"),
    ("GL", "g/L"),
    // Mass.
    ("KGM", "kg"),
    ("GRM", "g"),
    ("MGM", "mg"),
    ("TNE", "t"),
    // Angle.
    ("DD", "deg"),
    ("C81", "rad"),
    // Electricity.
    ("VLT", "V"),
    ("2Z", "mV"),
    ("KVT", "kV"),
    ("AMP", "A"),
    ("4K", "mA"),
    ("WTT", "W"),
    ("KWT", "kW"),
    ("MAW", "MW"),
    ("D46", "V.A"),
    ("VA", "V.A"),
    ("KVA", "kV.A"),
    ("D44", "V.A{reactive}"),
    ("KVR", "kV.A{reactive}"),
    ("WHR", "W.h"),
    ("KWH", "kW.h"),
    ("MWH", "MW.h"),
    ("K3", "kV.A.h{reactive}"),
    ("C79", "kV.A.h"),
    ("JOU", "J"),
    ("HTZ", "Hz"),
    ("AMH", "A.h"),
    ("OHM", "Ohm"),
    ("D10", "S/m"),
    // Light, sound.
    ("LUX", "lx"),
    ("LUM", "lm"),
    ("D54", "W/m2"),
    ("2N", "dB"),
    // Data.
    ("AD", "By"),
];

/// The unit of a code; what is no code may be UCUM or what people write.
pub(super) fn ucum(code: &str) -> String {
    let code = code.trim();
    let found = CODES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(code));
    match found {
        Some((_, ucum)) => (*ucum).to_owned(),
        None => crate::format::senml::ucum_of_people(code),
    }
}

#[cfg(test)]
pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    CODES.iter().map(|(code, _)| *code)
}
