//! Dragino frames: fixed positions, big endian, by LoRaWAN port: 2 a reading, 3 entries of the device's memory, 5 the device
//! about itself. Battery is in volts.

use event::{Quality, Time};

use super::super::lorawan::Decoded;
use super::super::{Raw, RawField, Stamp};
use crate::fault::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// LDDS75, LDDS20, DDS75-LB and their like: ultrasonic distance.
    Distance,
    /// AQS01-L: carbon dioxide, temperature, humidity, pressure.
    Aqs01,
    /// LSE01, SE01-LB: soil.
    Lse01,
    /// WSC2-L: weather station of pluggable sensors.
    Wsc2,
}

pub(super) fn decode(model: Model, bytes: &[u8], port: u64) -> Result<Decoded, Fault> {
    let read = match (port, model) {
        (5, _) => about(model, bytes),
        (3, Model::Distance | Model::Aqs01) => log(model, bytes),
        (2, Model::Distance) => distance(bytes),
        (2, Model::Aqs01) => aqs01(bytes),
        (2, Model::Lse01) => lse01(bytes),
        (2, Model::Wsc2) => wsc2(bytes),
        _ => {
            let reason = format!(
                "port {port} is none of this Dragino model's; correct `options.codec` or the port"
            );
            return Err(Fault::malformed(reason));
        }
    };
    read.ok_or_else(|| {
        let reason = format!(
            "the frame has {} bytes, too few for this Dragino model on port {port}; correct `options.codec`",
            bytes.len()
        );
        Fault::malformed(reason)
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*pair))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*four))
}

fn unsigned(bytes: &[u8], at: usize, divisor: f64) -> Option<f64> {
    u16_at(bytes, at).map(|bits| f64::from(bits) / divisor)
}

fn signed(bytes: &[u8], at: usize, divisor: f64) -> Option<f64> {
    u16_at(bytes, at).map(|bits| f64::from(bits.cast_signed()) / divisor)
}

/// The two highest bits are flags.
fn battery(bytes: &[u8]) -> Option<f64> {
    u16_at(bytes, 0).map(|bits| f64::from(bits & 0x3fff) / 1_000.0)
}

fn word(key: &str, set: bool) -> RawField {
    RawField::new(
        key,
        Raw::Text(if set { "True" } else { "False" }.to_owned()),
    )
}

/// Port 5: model, firmware, band, battery.
fn about(model: Model, bytes: &[u8]) -> Option<Decoded> {
    let volts = f64::from(u16_at(bytes, 5)? & 0x3fff) / 1_000.0;
    let key = if model == Model::Distance {
        "Bat"
    } else {
        "BatV"
    };
    Some(Decoded {
        fields: vec![RawField::number(key, volts)],
        state: true,
        ..Decoded::default()
    })
}

/// Port 3: entries of 11 bytes, each with its time.
fn log(model: Model, bytes: &[u8]) -> Option<Decoded> {
    const ENTRY: usize = 11;
    let (entries, rest) = bytes.as_chunks::<ENTRY>();
    if entries.is_empty() {
        return None;
    }
    let mut decoded = Decoded {
        unknown: u64::from(!rest.is_empty()),
        ..Decoded::default()
    };
    for entry in entries {
        let seconds = u32_at(entry, 7)?;
        if seconds == 0 {
            // An entry that was never written.
            decoded.unusable += 1;
            continue;
        }
        let flags = u16_at(entry, 5)? & 0xff;
        let fields = if model == Model::Distance {
            vec![
                RawField::number("Bat", battery(entry)?),
                measured(u16_at(entry, 2)?),
                RawField::number("TempC_DS18B20", signed(entry, 4, 10.0)?),
            ]
        } else {
            let divisor = if flags & 1 == 1 { 100.0 } else { 10.0 };
            vec![
                RawField::number("co2", unsigned(entry, 0, 1.0)?),
                RawField::number("humidity", unsigned(entry, 2, 10.0)?),
                RawField::number("temperature", signed(entry, 4, divisor)?),
            ]
        };
        let stamp = Stamp::At(Time(i64::from(seconds) * Time::SECOND));
        decoded.history.push((stamp, fields));
    }
    Some(decoded)
}

/// 0: no sensor found; 20: nothing that could be measured (the nearest is 280 mm).
fn measured(millimetres: u16) -> RawField {
    let mut field = RawField::number("Distance", f64::from(millimetres));
    if matches!(millimetres, 0 | 20) {
        field.quality = Quality::SENSOR_FAULT;
    }
    field
}

fn distance(bytes: &[u8]) -> Option<Decoded> {
    const PACK: usize = 20;
    let mut decoded = Decoded::default();
    let fields = &mut decoded.fields;
    if bytes.first()? & 0x10 != 0 && bytes.len() >= 8 + 2 {
        // Newer firmware packs up to 20 distances, then only twelve bits are the battery.
        fields.push(RawField::number(
            "Bat",
            f64::from(u16_at(bytes, 0)? & 0x0fff) / 1_000.0,
        ));
        let (pairs, _) = bytes.get(8..)?.as_chunks::<2>();
        for (at, pair) in pairs.iter().take(PACK).enumerate() {
            let field = measured(u16::from_be_bytes(*pair));
            let key = format!("Additional_Distance_Data[{at}]");
            fields.push(RawField { key, ..field });
        }
        return Some(decoded);
    }
    fields.push(RawField::number("Bat", battery(bytes)?));
    fields.push(measured(u16_at(bytes, 2)?));
    // The oldest firmware stops here.
    if let Some(flag) = bytes.get(4) {
        fields.push(RawField::number("Interrupt_flag", f64::from(*flag)));
    }
    if let Some(celsius) = signed(bytes, 5, 10.0) {
        fields.push(RawField::number("TempC_DS18B20", celsius));
    }
    if let Some(flag) = bytes.get(7) {
        fields.push(RawField::number("Sensor_flag", f64::from(*flag)));
    }
    Some(decoded)
}

fn aqs01(bytes: &[u8]) -> Option<Decoded> {
    let flags = *bytes.get(10)?;
    // The finer thermometer gives hundredths.
    let divisor = if flags & 0x10 == 0 { 10.0 } else { 100.0 };
    Some(Decoded {
        fields: vec![
            RawField::number("BatV", unsigned(bytes, 0, 1_000.0)?),
            RawField::number("temperature", signed(bytes, 2, divisor)?),
            RawField::number("humidity", unsigned(bytes, 4, 10.0)?),
            RawField::number("air_pressure", unsigned(bytes, 6, 10.0)?),
            RawField::number("co2", unsigned(bytes, 8, 1.0)?),
            word("TEMPL_flag", flags & 0x08 != 0),
            word("TEMPH_flag", flags & 0x04 != 0),
            word("CO2L_flag", flags & 0x02 != 0),
            word("CO2H_flag", flags & 0x01 != 0),
        ],
        ..Decoded::default()
    })
}

fn lse01(bytes: &[u8]) -> Option<Decoded> {
    let flags = *bytes.get(10)?;
    let mut fields = vec![
        RawField::number("BatV", battery(bytes)?),
        RawField::number("temp_DS18B20", signed(bytes, 2, 10.0)?),
    ];
    if flags & 0x80 == 0 {
        fields.push(RawField::number("water_SOIL", unsigned(bytes, 4, 100.0)?));
        fields.push(RawField::number("temp_SOIL", signed(bytes, 6, 100.0)?));
        fields.push(RawField::number("conduct_SOIL", unsigned(bytes, 8, 1.0)?));
    } else {
        fields.push(RawField::number(
            "Soil_dielectric_constant",
            unsigned(bytes, 4, 10.0)?,
        ));
        fields.push(RawField::number("Raw_water_SOIL", unsigned(bytes, 6, 1.0)?));
        fields.push(RawField::number(
            "Raw_conduct_SOIL",
            unsigned(bytes, 8, 1.0)?,
        ));
    }
    fields.push(RawField::number("s_flag", f64::from((flags >> 4) & 1)));
    Some(Decoded {
        fields,
        ..Decoded::default()
    })
}

/// A head of 11 bytes, then segments of type, length and value for each sensor that is plugged in.
fn wsc2(bytes: &[u8]) -> Option<Decoded> {
    // A device that has this layout fixed in place of segments.
    const FIXED: u8 = 1;
    let mut decoded = Decoded::default();
    let head = bytes.first_chunk::<11>()?;
    decoded
        .fields
        .push(RawField::number("BatV", battery(head)?));
    let [.., _, factor, divisor] = *head;
    let (factor, divisor) = (factor & 0x0f, divisor);
    if factor > 0 && divisor > 0 {
        let rain = f64::from(u32_at(head, 3)?) * f64::from(factor) / f64::from(divisor);
        decoded.fields.push(RawField::number("rain", rain));
    }
    let mut rest = bytes.get(11..)?;
    if head.get(2) == Some(&FIXED) {
        rest = fixed(rest, head.get(9)? & 0x80 != 0, &mut decoded)?;
    }
    while let Some((&[kind, length], behind)) = rest.split_first_chunk::<2>() {
        let Some((value, next)) = behind.split_at_checked(usize::from(length)) else {
            decoded.unknown += 1;
            break;
        };
        segment(kind, value, &mut decoded);
        rest = next;
    }
    Some(decoded)
}

/// 0xffff stands for a sensor that gives nothing.
fn put(
    decoded: &mut Decoded,
    key: &str,
    bytes: &[u8],
    at: usize,
    divisor: f64,
    sign: bool,
) -> Option<()> {
    let bits = u16_at(bytes, at)?;
    if bits == 0xffff {
        decoded.unusable += 1;
        return Some(());
    }
    let number = if sign {
        f64::from(bits.cast_signed())
    } else {
        f64::from(bits)
    };
    decoded.fields.push(RawField::number(key, number / divisor));
    Some(())
}

fn fixed<'a>(bytes: &'a [u8], dust: bool, decoded: &mut Decoded) -> Option<&'a [u8]> {
    let rest = bytes.get(28..)?;
    put(decoded, "wind_speed", bytes, 0, 10.0, false)?;
    put(decoded, "wind_speed_max", bytes, 2, 10.0, false)?;
    put(decoded, "wind_speed_average", bytes, 4, 10.0, false)?;
    put(decoded, "wind_direction_angle", bytes, 10, 10.0, false)?;
    put(decoded, "Humidity", bytes, 12, 10.0, false)?;
    put(decoded, "Temperature", bytes, 14, 10.0, true)?;
    put(decoded, "Noise", bytes, 16, 10.0, false)?;
    if dust {
        put(decoded, "PM2_5", bytes, 18, 1.0, false)?;
        put(decoded, "PM10", bytes, 20, 1.0, false)?;
    } else {
        put(decoded, "CO2", bytes, 18, 1.0, false)?;
    }
    put(decoded, "Pressure", bytes, 22, 10.0, false)?;
    let light = f64::from(u32_at(bytes, 24)?);
    decoded.fields.push(RawField::number("illumination", light));
    Some(rest)
}

/// Wind speed and direction have values of their own for a sensor that is missing or failed.
const NO_WIND: [u16; 2] = [0x02fe, 0x02ee];
const NO_DIRECTION: [u16; 2] = [0x0efe, 0x0eee];

fn segment(kind: u8, value: &[u8], decoded: &mut Decoded) {
    let missing = |codes: [u16; 2]| u16_at(value, 0).is_some_and(|bits| codes.contains(&bits));
    let (key, divisor, sign) = match kind {
        0x00 if missing(NO_WIND) => return decoded.unusable += 1,
        0x00 => ("wind_speed", 10.0, false),
        0x01 if missing(NO_DIRECTION) => return decoded.unusable += 1,
        0x01 => ("wind_direction_angle", 10.0, false),
        0x02 => ("illumination", 0.1, false),
        0x04 => ("CO2", 1.0, false),
        0x05 => ("Temperature", 10.0, true),
        0x06 => ("Humidity", 10.0, false),
        0x07 => ("Pressure", 10.0, false),
        0x08 => ("rain_gauge", 10.0, false),
        0x09 => ("PM2_5", 1.0, false),
        0x0a => ("PM10", 1.0, false),
        0x0b => ("PAR", 1.0, false),
        0x0c => ("TSR", 10.0, false),
        _ => return decoded.unknown += 1,
    };
    if put(decoded, key, value, 0, divisor, sign).is_none() {
        decoded.unknown += 1;
    }
}
