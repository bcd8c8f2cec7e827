//! Files of automatic environmental stations (Circular 10/2021/TT-BTNMT): a line for each parameter with symbol, value, unit,
//! `yyyyMMddHHmmss` (local) and status.
//!
//! Between the columns stand tabs, else semicolons, else blanks; never commas, because a symbol (`PM2,5`) and a decimal may
//! have one. Status 00 is measuring, 01 calibrating, 02 device error: a quality of the value, and so is any other. Lines of one
//! time are one record. A line that cannot be read is counted, and the others are kept.
//!
//! Values per normal cubic metre (`µg/Nm3`) are told in the same unit as those at ambient conditions, but marked as
//! converted with an assumed quantity: the two are not legally comparable.

use std::collections::HashMap;

use event::{Quality, RejectCode};

use super::{Options, Raw, RawField, Record, Records, Stamp, Wire};
use crate::fault::Fault;

/// A day of 5-minute values of all symbols has fewer.
const LINES_MAX: usize = 20_000;
/// What else calls a parameter of the circular's table so.
const SYMBOLS: [(&str, &str); 12] = [
    ("PM2.5", "PM2,5"),
    ("PM25", "PM2,5"),
    ("PM-2.5", "PM2,5"),
    ("PM-10", "PM10"),
    ("TEMPERATURE", "Temp"),
    ("COLOUR", "Color"),
    ("N-NH4", "NH4"),
    ("NH4-N", "NH4"),
    ("NH4+", "NH4"),
    ("CL-", "Cl"),
    ("HG", "VHg"),
    ("HUMIDITY", "RH"),
];

#[derive(Clone, Debug)]
pub(crate) struct Plan {}

impl Plan {
    pub(crate) fn new(_options: &Options<'_>) -> Result<Self, String> {
        Ok(Self {})
    }
}

pub(crate) fn decode(wire: &Wire<'_>, _plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let text = crate::text::decode(wire.payload)?;
    let mut records: Vec<Record> = Vec::new();
    let mut by_time: HashMap<i64, usize> = HashMap::new();
    let mut bad: Option<(usize, &'static str)> = None;
    let mut bad_lines = 0;
    for (number, line) in (1..).zip(text.split(['\n', '\r'])) {
        let line = line.trim();
        let remark = line.starts_with('#') || line.ends_with(".txt");
        if line.is_empty() || remark {
            continue;
        }
        if number > LINES_MAX * 2 {
            let reason = format!("the file has more than {LINES_MAX} lines; split it");
            return Err(Fault::new(RejectCode::TooManyFields, reason));
        }
        match line_of(line, wire) {
            Ok((time, field)) => {
                let at = *by_time.entry(time.0).or_insert_with(|| {
                    records.push(Record {
                        stamp: Some(Stamp::Local(time)),
                        ..Record::default()
                    });
                    records.len() - 1
                });
                if let Some(record) = records.get_mut(at) {
                    record.fields.push(field);
                }
            }
            // A line of titles at the top says nothing wrong.
            Err(_) if records.is_empty() && bad.is_none() && titles(line) => {}
            Err(what) => {
                bad = bad.or(Some((number, what)));
                bad_lines += 1;
            }
        }
    }
    match (records.first_mut(), bad) {
        (Some(first), _) => first.unusable += bad_lines,
        (None, Some((number, what))) => {
            let reason = format!(
                "no line of the file can be read (line {number}: {what}); a line is symbol, value, unit, yyyyMMddHHmmss, status"
            );
            return Err(Fault::malformed(reason));
        }
        (None, None) => return Err(Fault::malformed("the file has no line with a value")),
    }
    for record in records {
        out.push(record)?;
    }
    Ok(())
}

/// Titles have no digit but those of symbols; a broken line of values has some.
fn titles(line: &str) -> bool {
    !line.bytes().any(|byte| byte.is_ascii_digit())
}

fn line_of(line: &str, wire: &Wire<'_>) -> Result<(event::Time, RawField), &'static str> {
    let columns: Vec<&str> = if line.contains('\t') {
        line.split('\t').map(str::trim).collect()
    } else if line.contains(';') {
        line.split(';').map(str::trim).collect()
    } else {
        line.split_whitespace().collect()
    };
    let [symbol, value, rest @ ..] = columns.as_slice() else {
        return Err("it has fewer than five columns");
    };
    if symbol.is_empty() || symbol.len() > 32 {
        return Err("its symbol is empty or too long");
    }
    let at = rest.iter().position(|column| is_time(column));
    let at = at.ok_or("it has no time of the form yyyyMMddHHmmss")?;
    let (unit, tail) = rest.split_at(at);
    let [time, tail @ ..] = tail else {
        return Err("it has no time of the form yyyyMMddHHmmss");
    };
    let Some(Stamp::Local(time)) = crate::time::stamp(time) else {
        return Err("its time is no date of the calendar");
    };
    let status = tail.iter().find(|column| !column.is_empty());
    let mut quality = quality(status.ok_or("it has no status")?)?;
    let (unit, assumed) = unit_of(&unit.concat());
    if assumed {
        quality = quality.with(Quality::ASSUMED);
    }
    let mut field = RawField::new(canonical(symbol, wire), Raw::Text((*value).to_owned()));
    field.unit = unit;
    field.quality = quality;
    Ok((time, field))
}

fn is_time(column: &str) -> bool {
    column.len() == 14 && column.bytes().all(|byte| byte.is_ascii_digit())
}

fn quality(status: &str) -> Result<Quality, &'static str> {
    if status.len() > 2 || !status.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("its status is not 00, 01 or 02");
    }
    Ok(match status {
        "0" | "00" => Quality::GOOD,
        "1" | "01" => Quality::MAINTENANCE,
        _ => Quality::SENSOR_FAULT,
    })
}

/// The symbol as the profile writes it: case and common spellings differ between makers of loggers.
fn canonical(symbol: &str, wire: &Wire<'_>) -> String {
    let alias = SYMBOLS
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(symbol));
    let symbol = alias.map_or(symbol, |(_, known)| known);
    let fields = wire
        .profile
        .map(|profile| profile.fields.as_slice())
        .unwrap_or_default();
    let names = fields
        .iter()
        .map(|field| field.from.as_deref().unwrap_or(&field.key));
    let known = names.clone().find(|name| *name == symbol);
    let known = known.or_else(|| names.clone().find(|name| name.eq_ignore_ascii_case(symbol)));
    known.unwrap_or(symbol).to_owned()
}

/// The unit as UCUM code, and whether it is of a normal volume. None where the file has none: the profile's holds.
fn unit_of(text: &str) -> (Option<String>, bool) {
    let plain: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let plain = plain
        .replace(['\u{b5}', '\u{3bc}'], "u")
        .replace('\u{b3}', "3")
        .replace('\u{b0}', "o");
    let lower = plain.to_lowercase();
    let (lower, normal) = match lower.strip_suffix("/nm3") {
        Some(mass) => (format!("{mass}/m3"), true),
        None => (lower, false),
    };
    let code = match lower.as_str() {
        "" | "-" | "--" | "none" | "n/a" | "ph" => return (None, false),
        "mg/l" | "ppm(mg/l)" => "mg/L",
        "ug/l" => "ug/L",
        "ug/m3" => "ug/m3",
        "mg/m3" => "mg/m3",
        "ng/m3" => "ng/m3",
        "oc" | "c" | "degc" | "cel" => "Cel",
        "m3/h" | "m3/hr" | "m3/gio" | "m3/giờ" => "m3/h",
        "m3/s" => "m3/s",
        "m3/d" | "m3/ngay" | "m3/ngày" | "m3/day" => "m3/d",
        "l/s" => "L/s",
        "%" | "%rh" | "%vol" | "%v" => "%",
        "ppb" => "[ppb]",
        "ppm" => "[ppm]",
        "ntu" => "[NTU]",
        "pt-co" | "ptco" | "tcu" | "pt/co" => "[Pt-Co]",
        "us/cm" => "uS/cm",
        "ms/cm" => "mS/cm",
        "hpa" | "mbar" => "hPa",
        "kpa" => "kPa",
        "pa" => "Pa",
        "mmhg" => "mm[Hg]",
        "m/s" => "m/s",
        "mm" => "mm",
        "mv" => "mV",
        "v" => "V",
        _ => return (Some(plain), false),
    };
    (Some(code.to_owned()), normal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::indicators::probe::no_bytes_panic;

    #[test]
    fn no_bytes_make_it_panic() {
        let file = "\u{feff}PM2,5\t35.5\t\u{b5}g/Nm3\t20261122100000\t00\r\nNO2 40 ug/m3 20261122100500 01\r\nSO2;12;;20261122100500;02\r\n";
        no_bytes_panic("ioc/lao-cai/environment/stair-1/up", file.as_bytes());
    }

    #[test]
    fn units_as_loggers_write_them() {
        let code = |text: &str| unit_of(text).0;
        assert_eq!(
            unit_of("\u{b5}g/Nm\u{b3}"),
            (Some("ug/m3".to_owned()), true)
        );
        assert_eq!(unit_of("mg/Nm3"), (Some("mg/m3".to_owned()), true));
        assert_eq!(code("\u{3bc}g/m3").as_deref(), Some("ug/m3"));
        assert_eq!(code("\u{b0}C").as_deref(), Some("Cel"));
        assert_eq!(code("m3/h").as_deref(), Some("m3/h"));
        assert_eq!(code("-"), None);
        assert_eq!(code("furlong").as_deref(), Some("furlong"));
    }
}
