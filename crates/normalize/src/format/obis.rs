//! Electricity meters by OBIS code (IEC 62056-6-1): JSON of gateways, and the text telegrams of IEC 62056-21 and DSMR (P1).
//!
//! Contract: keys are canonical codes `A-B:C.D.E` (`1-0:1.8.0`), however the wire shortens or lengthens them: `1.8.0`,
//! `1-0:1.8.0*255`, `1.0.1.8.0.255`, `0100010800FF`. Values of earlier billing periods (`*01`) are not current and are left
//! out. A unit that comes with a value goes with it. The clock of the meter (0-0:1.0.0, or 0.9.1 and 0.9.2) is the time of
//! the record; the serial number (0-0:96.1.0, C.1.0, 0-0:96.1.1) is the text `meter_serial`. In a list whose entries have
//! different times the newest is current, the others are history. A telegram must be whole: `!` at its end, and the check
//! word right where there is one.

mod code;
mod json;
mod telegram;

use std::collections::BTreeSet;

use event::{EventFlags, RejectCode, Time};

use super::{Options, Raw, RawField, Record, Records, Stamp, Wire, shelly, stamp};
use crate::fault::Fault;
use code::Code;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    encoding: Option<Encoding>,
    /// `1-1:1.8.0` is `1-0:1.8.0`: some makers number the channel of their only measurement 1.
    any_channel: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Json,
    Telegram,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let words = [
            ("auto", None),
            ("json", Some(Encoding::Json)),
            ("telegram", Some(Encoding::Telegram)),
        ];
        Ok(Self {
            encoding: options.word("encoding", &words)?.flatten(),
            any_channel: options.boolean("any_channel")?.unwrap_or(false),
        })
    }
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    super::modbus::check_size(wire)?;
    let text = crate::checks::payload_text(wire.payload)?;
    let looks_json = text.trim_start().starts_with(['{', '[']);
    let encoding = plan.encoding.unwrap_or(if looks_json {
        Encoding::Json
    } else {
        Encoding::Telegram
    });
    let mut readout = Readout {
        any_channel: plan.any_channel,
        ..Readout::default()
    };
    match encoding {
        Encoding::Json => json::read(wire, &mut readout)?,
        Encoding::Telegram => telegram::read(text, &mut readout)?,
    }
    readout.deliver(wire, out)
}

/// What a meter said, before it is put in order.
#[derive(Debug, Default)]
struct Readout {
    any_channel: bool,
    clock: Option<Stamp>,
    /// Local time and date where they come apart, as their digits.
    time_digits: Option<String>,
    date_digits: Option<String>,
    /// The serial number and how good its source is.
    serial: Option<(u8, String)>,
    items: Vec<Item>,
    unknown: u64,
}

#[derive(Debug)]
struct Item {
    field: RawField,
    stamp: Option<Stamp>,
}

impl Readout {
    /// One register.
    fn take(
        &mut self,
        code: Code,
        value: Raw,
        unit: Option<&str>,
        stamp: Option<Stamp>,
    ) -> Result<(), Fault> {
        let code = if self.any_channel {
            code.first_channel()
        } else {
            code
        };
        if !code.is_current() {
            self.unknown += 1;
            return Ok(());
        }
        if let Raw::Text(text) = &value {
            match code.meaning() {
                code::Meaning::Clock => {
                    self.clock = Some(clock(text)?);
                    return Ok(());
                }
                code::Meaning::Time => {
                    self.time_digits = Some(digits(text));
                    return Ok(());
                }
                code::Meaning::Date => {
                    self.date_digits = Some(digits(text));
                    return Ok(());
                }
                code::Meaning::Serial(rank) => {
                    self.found_serial(rank, text);
                    return Ok(());
                }
                code::Meaning::Value => {}
            }
        }
        let mut field = RawField::new(code.to_string(), value);
        // A unit that nobody knows stays as it is: it leads nowhere, and the number is not taken for another.
        let unit = unit.map(str::trim).filter(|unit| !unit.is_empty());
        field.unit = unit.map(|unit| code::ucum(unit).unwrap_or(unit).to_owned());
        self.items.push(Item { field, stamp });
        Ok(())
    }

    /// The best source wins: the device address of a bus is only better than nothing.
    fn found_serial(&mut self, rank: u8, text: &str) {
        let text = text.trim();
        let text = code::octets(text).unwrap_or_else(|| text.to_owned());
        if !text.is_empty()
            && text.len() <= 64
            && self.serial.as_ref().is_none_or(|(known, _)| rank < *known)
        {
            self.serial = Some((rank, text));
        }
    }

    fn deliver(mut self, wire: &Wire<'_>, out: &mut Records) -> Result<(), Fault> {
        if self.clock.is_none()
            && let (Some(date), Some(time)) = (&self.date_digits, &self.time_digits)
        {
            self.clock = Some(clock(&format!("{date}{time}"))?);
        }
        let Some(profile) = wire.profile else {
            let reason = "readouts do not name their device; give the source a `device_level`";
            return Err(Fault::new(RejectCode::FormatUnknown, reason));
        };
        let serial = self.serial.filter(|_| shelly::wants(profile, SERIAL));
        let serial = serial.map(|(_, serial)| RawField::new(SERIAL, Raw::Text(serial)));
        let said: Vec<String> = self
            .items
            .iter()
            .take(5)
            .map(|item| item.field.key.clone())
            .collect();
        let before = self.items.len();
        self.items
            .retain(|item| shelly::wants(profile, &item.field.key));
        let unknown = self.unknown + (before - self.items.len()) as u64;
        // Registers that say no time of their own have the meter's.
        for item in &mut self.items {
            item.stamp = item.stamp.or(self.clock);
        }
        let mut records = in_order(self.items);
        if records.is_empty() && serial.is_some() {
            records.push(Record {
                stamp: self.clock,
                ..Record::default()
            });
        }
        let Some(last) = records.last_mut() else {
            let reason = format!(
                "no register of profile `{}` is in the message ({unknown} others, such as {}); compare its `from`",
                profile.name,
                said.join(", ")
            );
            return Err(Fault::new(RejectCode::NoValues, reason));
        };
        last.unknown += unknown;
        for mut record in records {
            record.fields.extend(serial.clone());
            out.push(record)?;
        }
        Ok(())
    }
}

const SERIAL: &str = "meter_serial";

/// One record a time, the oldest first. What a later one says again is history in the earlier.
fn in_order(mut items: Vec<Item>) -> Vec<Record> {
    items.sort_by_key(|item| item.stamp.map(instant));
    let mut records: Vec<Record> = Vec::new();
    for item in items {
        let same = records
            .last_mut()
            .filter(|record| record.stamp == item.stamp);
        match same {
            // Said twice: the first holds.
            Some(record)
                if record
                    .fields
                    .iter()
                    .any(|known| known.key == item.field.key) =>
            {
                record.unknown += 1
            }
            Some(record) => record.fields.push(item.field),
            None => records.push(Record {
                stamp: item.stamp,
                fields: vec![item.field],
                ..Record::default()
            }),
        }
    }
    let mut newer: BTreeSet<String> = BTreeSet::new();
    for record in records.iter_mut().rev() {
        if record.fields.iter().any(|field| newer.contains(&field.key)) {
            record.flags = record.flags.with(EventFlags::HISTORY);
        }
        newer.extend(record.fields.iter().map(|field| field.key.clone()));
    }
    records
}

fn instant(stamp: Stamp) -> i64 {
    match stamp {
        Stamp::At(time) | Stamp::Local(time) => time.0,
        Stamp::Ago(ago) => ago.saturating_neg(),
    }
}

fn digits(text: &str) -> String {
    let signs = [':', '-', '.', '/', ' '];
    text.trim()
        .chars()
        .filter(|letter| !signs.contains(letter))
        .take(32)
        .collect()
}

/// `YYMMDDhhmmss` with W (winter) or S (summer) or nothing behind it, `YYYYMMDDhhmmss`, the 12 octets of DLMS, or ISO.
fn clock(text: &str) -> Result<Stamp, Fault> {
    read_clock(text.trim()).ok_or_else(|| {
        let short: String = text.chars().take(40).collect();
        let reason = format!("the meter's clock says {short:?}; it must be YYMMDDhhmmss, with S or W if there is summer time");
        Fault::new(RejectCode::TimeInvalid, reason)
    })
}

fn read_clock(text: &str) -> Option<Stamp> {
    if text.len() == 24
        && let Some(octets) = super::modbus::hex(text)
    {
        return octet_clock(&octets);
    }
    let (digits, summer) = match text.as_bytes().last()? {
        b'S' | b's' => (text.get(..text.len() - 1)?, true),
        b'W' | b'w' => (text.get(..text.len() - 1)?, false),
        _ => (text, false),
    };
    let century = match digits.len() {
        // A date alone, not seconds since 1970.
        0..10 if digits.bytes().all(|byte| byte.is_ascii_digit()) => return None,
        12 => "20",
        14 => "",
        _ => return stamp::of_text(text),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return stamp::of_text(text);
    }
    let whole = format!("{century}{digits}");
    let part = |from: usize, to: usize| whole.get(from..to);
    let iso = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    let local = crate::time::from_text(&iso)?;
    // The profile's zone is the standard one; summer time is an hour ahead of it.
    let ahead = if summer { 3_600 * Time::SECOND } else { 0 };
    Some(Stamp::Local(local.plus(-ahead)))
}

/// Year, month, day, day of the week, hour, minute, second, hundredths, minutes from local time to UTC, status.
fn octet_clock(octets: &[u8]) -> Option<Stamp> {
    let [y1, y2, month, day, _, hour, minute, second, _, d1, d2, _] = *octets else {
        return None;
    };
    let year = u16::from_be_bytes([y1, y2]);
    let second = if second == 0xFF { 0 } else { second };
    let iso = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    let local = crate::time::from_text(&iso)?;
    match i16::from_be_bytes([d1, d2]) {
        i16::MIN => Some(Stamp::Local(local)),
        deviation => Some(Stamp::At(
            local.plus(i64::from(deviation) * 60 * Time::SECOND),
        )),
    }
}

/// CRC-16 with the polynomial 0xA001 (reflected), from `start` on: P1 telegrams begin with 0, Modbus with 0xFFFF.
pub(super) fn crc16_reflected(bytes: &[u8], start: u16) -> u16 {
    bytes.iter().fold(start, |mut crc, byte| {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xA001
            } else {
                crc >> 1
            };
        }
        crc
    })
}

#[cfg(test)]
mod tests;
