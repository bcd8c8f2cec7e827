//! ChirpStack v4 uplinks and events, as JSON: `application/{id}/device/{devEui}/event/{event}`.
//!
//! The JSON mapping of protobuf leaves out what is zero, false or empty: a missing `fCnt` is 0. An uplink's identity is its
//! `deduplicationId`. Devices are addressed by their EUI in small letters.
//!
//! Options, of a profile or of the source: `codec`, for raw uplinks (see `codec`).

use event::{EventId, RejectCode};
use serde_json::{Map, Value};

use super::codec::Codec;
use super::lorawan::{self, Radio, Uplink};
use super::{Options, Raw, RawField, Record, Records, Stamp, Subject, Wire, tree};
use crate::fault::Fault;

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(super) codec: Option<Codec>,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        Ok(Self {
            codec: Codec::option(options)?,
        })
    }
}

/// EUI and event of a topic; what stands before `device` is the operator's choice.
fn topic(text: &str) -> Option<(&str, &str)> {
    let mut levels = text.rsplit('/');
    let (event, word, device, before) = (
        levels.next()?,
        levels.next()?,
        levels.next()?,
        levels.next()?,
    );
    (word == "event" && before == "device").then_some((device, event))
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let Some((device, event)) = topic(wire.topic) else {
        let reason = "the topic is not of the form application/{id}/device/{devEui}/event/{event}; correct the integration's topic";
        return Err(Fault::new(RejectCode::TopicUnknown, reason));
    };
    let tree = tree::parse(wire)?;
    let Some(members) = tree.as_object() else {
        let reason = "the payload is JSON but no object; ChirpStack's integration must use the JSON encoding";
        return Err(Fault::shape(reason));
    };
    let address = address(device, members)?;
    let basis = Record {
        subject: Subject::Address(address.clone()),
        stamp: stamp(members)?,
        ..Record::default()
    };
    match event {
        "up" => up(wire, plan, members, &address, basis, out),
        "join" => lorawan::online(basis, out),
        "status" => lorawan::known_only(wire, &address, status(members), basis, out),
        "location" => {
            let location = members.get("location").unwrap_or(&Value::Null);
            let Some(place) = lorawan::place(location) else {
                return Ok(());
            };
            let basis = Record {
                place: Some(place),
                ..basis
            };
            lorawan::known_only(
                wire,
                &address,
                lorawan::location_fields(location),
                basis.clone(),
                out,
            )?;
            lorawan::online(basis, out)
        }
        "integration" => {
            let object = members.get("object").and_then(Value::as_object);
            let decoded = object.map(lorawan::from_object).unwrap_or_default();
            lorawan::known_only(wire, &address, decoded.fields, basis, out)
        }
        // Of downlinks and of the server itself.
        "ack" | "txack" | "log" => Ok(()),
        other => {
            let reason = format!("event {other:?} is none of ChirpStack's; correct the topic");
            Err(Fault::new(RejectCode::TopicUnknown, reason))
        }
    }
}

/// The device that the topic names; the payload must name the same.
fn address(device: &str, members: &Map<String, Value>) -> Result<String, Fault> {
    let Some(address) = lorawan::eui(device) else {
        let reason = format!(
            "the topic names device {device:?}, which is no EUI of 16 hexadecimal digits; correct the topic"
        );
        return Err(Fault::new(RejectCode::TopicUnknown, reason));
    };
    let Some(info) = members.get("deviceInfo") else {
        return Ok(address);
    };
    let Some(info) = info.as_object() else {
        return Err(Fault::shape(
            "`deviceInfo` is no object; check the ChirpStack integration",
        ));
    };
    match info.get("devEui") {
        None => Ok(address),
        Some(Value::String(named)) if lorawan::eui(named).as_ref() == Some(&address) => Ok(address),
        Some(named) => {
            let reason = format!(
                "the topic names device {device}, `deviceInfo.devEui` is {named}; check what bridges the topics"
            );
            Err(Fault::new(RejectCode::DeviceMismatch, reason))
        }
    }
}

fn stamp(members: &Map<String, Value>) -> Result<Option<Stamp>, Fault> {
    let Some(time) = members.get("time").filter(|time| !time.is_null()) else {
        return Ok(None);
    };
    let read = time.as_str().and_then(crate::time::from_text);
    read.map(|time| Some(Stamp::At(time))).ok_or_else(|| {
        let reason =
            format!("`time` is {time}, which is not RFC 3339; check the ChirpStack integration");
        Fault::new(RejectCode::TimeInvalid, reason)
    })
}

fn up(
    wire: &Wire<'_>,
    plan: &Plan,
    members: &Map<String, Value>,
    address: &str,
    basis: Record,
    out: &mut Records,
) -> Result<(), Fault> {
    let object = match members.get("object") {
        None | Some(Value::Null) => None,
        Some(Value::Object(object)) => Some(object),
        Some(_) => {
            return Err(Fault::shape(
                "`object` is no object; check the codec in ChirpStack",
            ));
        }
    };
    let data = match members.get("data") {
        None | Some(Value::Null) => None,
        Some(Value::String(data)) => Some(data.as_str()),
        Some(_) => {
            return Err(Fault::shape(
                "`data` is no base64 text; check the ChirpStack integration",
            ));
        }
    };
    let counted = |key: &str| match members.get(key) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => lorawan::whole(value).ok_or_else(|| {
            Fault::shape(format!(
                "`{key}` is no whole number; check the ChirpStack integration"
            ))
        }),
    };
    let identity = members.get("deduplicationId").and_then(Value::as_str);
    let identity = identity.and_then(|text| text.parse::<EventId>().ok());
    let basis = Record {
        sequence: Some(counted("fCnt")?),
        uuid: identity.filter(|id| *id != EventId::default()),
        ..basis
    };
    let uplink = Uplink {
        basis,
        address,
        object,
        data,
        port: counted("fPort")?,
        radio: radio(members.get("rxInfo")),
        codec: plan.codec,
    };
    lorawan::deliver(wire, uplink, out)
}

/// The gateway with the strongest signal; what it leaves out is zero.
fn radio(gateways: Option<&Value>) -> Option<Radio> {
    let gateways = gateways?
        .as_array()?
        .iter()
        .filter(|gateway| gateway.is_object());
    let heard = gateways.map(|gateway| {
        let value = |key: &str| gateway.get(key).and_then(lorawan::number).unwrap_or(0.0);
        Radio {
            rssi: value("rssi"),
            snr: Some(value("snr")),
        }
    });
    heard.max_by(|a, b| a.rssi.total_cmp(&b.rssi))
}

/// A device status: what is left out is zero, unless the battery is said to be unknown or absent.
fn status(members: &Map<String, Value>) -> Vec<RawField> {
    let flag = |key: &str| members.get(key).and_then(Value::as_bool).unwrap_or(false);
    let value = |key: &str| members.get(key).and_then(lorawan::number).unwrap_or(0.0);
    let external = flag("externalPowerSource");
    let mut fields = vec![
        RawField::number("margin", value("margin")),
        RawField::new("externalPowerSource", Raw::Boolean(external)),
    ];
    if !external && !flag("batteryLevelUnavailable") {
        fields.push(RawField::number("batteryLevel", value("batteryLevel")));
    }
    fields
}

#[cfg(test)]
mod tests;
