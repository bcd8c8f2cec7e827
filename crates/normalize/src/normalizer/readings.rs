//! Readings that need no format: native messages, online topics; and where a reading is of.

use event::{EventFlags, Kind, Measured, Name, Place, Quality, RejectCode, Value};

use crate::catalogue::{Catalogue, Device, Profile};
use crate::checks::{check_values, payload_text};
use crate::fault::Fault;
use crate::native;
use crate::personal;
use crate::reading::Reading;

#[inline]
pub(super) fn native_reading(
    catalogue: &Catalogue,
    profile: &Profile,
    device: &str,
    payload: &[u8],
) -> Result<Reading, Fault> {
    let text = payload_text(payload)?;
    let reading = native::decode(text, device, profile, &catalogue.limits)?;
    if reading.unknown > 0 || reading.values.is_empty() {
        let keys = catalogue.personal.scan(payload);
        if !keys.is_empty() {
            return Err(personal::fault(&keys));
        }
    }
    check_values(&reading, profile)?;
    Ok(reading)
}

/// `ioc/{site}/{stream}/{device}/online`: what a gateway or a will says of a device.
pub(super) fn online_reading(catalogue: &Catalogue, payload: &[u8]) -> Result<Reading, Fault> {
    let word = payload_text(payload)?
        .trim()
        .trim_matches('"')
        .to_ascii_lowercase();
    let online = match word.as_str() {
        "true" | "1" | "online" | "on" => true,
        "false" | "0" | "offline" | "off" => false,
        _ => {
            let reason =
                "the payload of an `online` topic must be true or false (or online, offline, 1, 0)";
            return Err(Fault::shape(reason));
        }
    };
    let Some(measure) = catalogue.online.clone() else {
        let reason = "the site has no measure `online`; list it in measures.toml as a boolean";
        return Err(Fault::new(RejectCode::NoValues, reason));
    };
    Ok(Reading {
        kind: Some(Kind::State),
        values: vec![Measured {
            measure,
            value: Value::Boolean(online),
            unit: Name::from(""),
            quality: Quality::GOOD,
        }],
        ..Reading::default()
    })
}

/// Where the device says that it is, else where the catalogue puts it.
#[inline]
pub(super) fn place(
    catalogue: &Catalogue,
    device: &Device,
    reading: &Reading,
    unusable: &mut u64,
    flags: &mut EventFlags,
) -> Option<Place> {
    match (reading.lat, reading.lon) {
        (Some(lat), Some(lon)) => {
            let (lat, lon, swapped) = catalogue.areas.upright(lat, lon);
            if swapped {
                *flags = flags.with(EventFlags::PLACE_SWAPPED);
            }
            if lat.abs() > 90.0 || lon.abs() > 180.0 {
                *unusable += 1;
                return device.place.clone();
            }
            Some(Place {
                area: catalogue.areas.locate(lat, lon).cloned(),
                lat,
                lon,
            })
        }
        (None, None) => match &reading.area {
            Some(name) => catalogue.areas.named(name).or_else(|| {
                *unusable += 1;
                device.place.clone()
            }),
            None => device.place.clone(),
        },
        // Half a place is none.
        _ => {
            *unusable += 1;
            device.place.clone()
        }
    }
}
