//! The Things Stack v3 uplinks and events, as JSON: `v3/{application}@{tenant}/devices/{device}/{event}`.
//!
//! Fields that are empty, zero or false are left out: a missing `f_cnt` or `f_port` is 0. Devices are addressed by their EUI
//! (small letters here, capitals on the wire), else by their id in the application. The time is `received_at` of the network
//! server: the node has no clock that the uplink carries, and gateways without GPS have none that is worth having.
//!
//! Options, of a profile or of the source: `codec`, for raw uplinks (see `codec`).

use event::{RejectCode, Status};
use serde_json::{Map, Value};

use super::codec::Codec;
use super::lorawan::{self, Radio, Uplink};
use super::{Options, Record, Records, Stamp, Subject, Wire, tree};
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

/// The device's id in its application, and the event with all its levels.
fn topic(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("v3/")?;
    let (application, rest) = rest.split_once("/devices/")?;
    let (device, event) = rest.split_once('/')?;
    let sound = !application.is_empty() && !application.contains('/') && !device.is_empty();
    sound.then_some((device, event))
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let Some((device, event)) = topic(wire.topic) else {
        let reason = "the topic is not of the form v3/{application}@{tenant}/devices/{device}/{event}; correct the integration";
        return Err(Fault::new(RejectCode::TopicUnknown, reason));
    };
    let tree = tree::parse(wire)?;
    let Some(members) = tree.as_object() else {
        return Err(Fault::shape(
            "the payload is JSON but no object; check the integration of The Things Stack",
        ));
    };
    let address = address(wire, device, members)?;
    let simulated = members
        .get("simulated")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let basis = Record {
        subject: Subject::Address(address.clone()),
        stamp: stamp(members)?,
        status: if simulated {
            Status::Test
        } else {
            Status::Actual
        },
        ..Record::default()
    };
    match event {
        "up" => up(wire, plan, members, &address, basis, out),
        "up/normalized" => normalized(wire, members, &address, basis, out),
        "join" => {
            let accept = message(members, "join_accept")?;
            let stamp = stamp(accept)?.or(basis.stamp);
            lorawan::online(Record { stamp, ..basis }, out)
        }
        "location/solved" => {
            let location = message(members, "location_solved")?.get("location");
            let location = location.unwrap_or(&Value::Null);
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
        "service/data" => {
            let data = message(members, "service_data")?
                .get("data")
                .and_then(Value::as_object);
            let decoded = data.map(lorawan::from_object).unwrap_or_default();
            lorawan::known_only(wire, &address, decoded.fields, basis, out)
        }
        _ if event.starts_with("down/") => Ok(()),
        other => {
            let reason =
                format!("event {other:?} is none of The Things Stack's; correct the topic");
            Err(Fault::new(RejectCode::TopicUnknown, reason))
        }
    }
}

/// The EUI, if the payload has one that the catalogue knows or the catalogue does not know the id either.
fn address(wire: &Wire<'_>, device: &str, members: &Map<String, Value>) -> Result<String, Fault> {
    let Some(ids) = members.get("end_device_ids").and_then(Value::as_object) else {
        return Err(Fault::shape(
            "`end_device_ids` is missing; check the integration of The Things Stack",
        ));
    };
    if let Some(named) = ids.get("device_id")
        && named.as_str() != Some(device)
    {
        let reason = format!(
            "the topic names device {device:?}, `end_device_ids.device_id` is {named}; check what bridges the topics"
        );
        return Err(Fault::new(RejectCode::DeviceMismatch, reason));
    }
    let Some(text) = ids.get("dev_eui") else {
        return Ok(device.to_owned());
    };
    let Some(eui) = text.as_str().and_then(lorawan::eui) else {
        let reason = format!(
            "`end_device_ids.dev_eui` is {text}, which is no EUI of 16 hexadecimal digits; check the integration"
        );
        return Err(Fault::shape(reason));
    };
    let by_id =
        wire.catalogue.by_address(&eui).is_none() && wire.catalogue.by_address(device).is_some();
    Ok(if by_id { device.to_owned() } else { eui })
}

fn message<'m>(
    members: &'m Map<String, Value>,
    key: &str,
) -> Result<&'m Map<String, Value>, Fault> {
    members.get(key).and_then(Value::as_object).ok_or_else(|| {
        Fault::shape(format!(
            "`{key}` is missing, though the topic says that it is there; check the integration"
        ))
    })
}

fn stamp(members: &Map<String, Value>) -> Result<Option<Stamp>, Fault> {
    let Some(time) = members.get("received_at").filter(|time| !time.is_null()) else {
        return Ok(None);
    };
    let read = time.as_str().and_then(crate::time::from_text);
    read.map(|time| Some(Stamp::At(time))).ok_or_else(|| {
        let reason =
            format!("`received_at` is {time}, which is not RFC 3339; check the integration");
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
    let uplink = message(members, "uplink_message")?;
    let object = match uplink.get("decoded_payload") {
        None | Some(Value::Null) => None,
        Some(Value::Object(object)) => Some(object),
        Some(_) => {
            return Err(Fault::shape(
                "`decoded_payload` is no object; check the payload formatter",
            ));
        }
    };
    let data = match uplink.get("frm_payload") {
        None | Some(Value::Null) => None,
        Some(Value::String(data)) => Some(data.as_str()),
        Some(_) => {
            return Err(Fault::shape(
                "`frm_payload` is no base64 text; check the integration",
            ));
        }
    };
    let counted = |key: &str| match uplink.get(key) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => lorawan::whole(value).ok_or_else(|| {
            Fault::shape(format!("`{key}` is no whole number; check the integration"))
        }),
    };
    // What the formatter was not sure of may be anything: it is counted, and the values stay.
    let warnings = uplink
        .get("decoded_payload_warnings")
        .and_then(Value::as_array);
    let basis = Record {
        stamp: stamp(uplink)?.or(basis.stamp),
        sequence: Some(counted("f_cnt")?),
        unknown: warnings.map_or(0, |warnings| warnings.len() as u64),
        place: user_place(uplink),
        ..basis
    };
    let uplink = Uplink {
        basis,
        address,
        object,
        data,
        port: counted("f_port")?,
        radio: radio(uplink.get("rx_metadata")),
        codec: plan.codec,
    };
    lorawan::deliver(wire, uplink, out)
}

/// The same uplink again in the stack's common vocabulary (`air.temperature`): for profiles that ask for it.
fn normalized(
    wire: &Wire<'_>,
    members: &Map<String, Value>,
    address: &str,
    basis: Record,
    out: &mut Records,
) -> Result<(), Fault> {
    let uplink = message(members, "uplink_normalized")?;
    let mut fields = Vec::new();
    for (key, value) in uplink
        .get("normalized_payload")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        lorawan::flatten(key, value, &mut fields);
    }
    let basis = Record {
        stamp: stamp(uplink)?.or(basis.stamp),
        ..basis
    };
    let fields = match lorawan::profile(wire, address) {
        Some(profile) => lorawan::known(profile, fields),
        None => fields,
    };
    if fields.is_empty() {
        return Ok(());
    }
    out.push(Record { fields, ..basis })
}

/// Where somebody said that the device is: registry entry `user`, else any other.
fn user_place(uplink: &Map<String, Value>) -> Option<(f64, f64)> {
    let locations = uplink.get("locations")?.as_object()?;
    let location = locations
        .get("user")
        .or_else(|| locations.values().next())?;
    lorawan::place(location)
}

/// The gateway with the strongest signal. What comes over Packet Broker may have no signal at all.
fn radio(gateways: Option<&Value>) -> Option<Radio> {
    let gateways = gateways?.as_array()?.iter();
    let heard = gateways.filter_map(|gateway| {
        Some(Radio {
            rssi: lorawan::number(gateway.get("rssi")?)?,
            snr: Some(gateway.get("snr").and_then(lorawan::number).unwrap_or(0.0)),
        })
    });
    heard.max_by(|a, b| a.rssi.total_cmp(&b.rssi))
}

#[cfg(test)]
mod tests;
