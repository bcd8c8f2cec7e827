//! Shelly devices of the second generation and later, over MQTT: `{prefix}/status/{component}`, `{prefix}/events/rpc` and
//! `{prefix}/online`.
//!
//! Contract: the device is the prefix; where the catalogue does not know it, the `src` of a notification. Keys are
//! `{component}.{path}`: `em:0.a_voltage`, `switch:0.aenergy.total`. Notifications say only what has changed, so a record
//! carries what came and nothing is made up for the rest; a message of which the profile wants nothing (`sys`, `wifi`, button
//! events) delivers nothing. Lists of errors mark the values that they name.

use event::{Kind, Quality, RejectCode};
use serde_json::{Map, Value};

use super::{Options, Raw, RawField, Record, Records, Subject, Wire, stamp, tree};
use crate::catalogue::Profile;
use crate::fault::Fault;

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {}

impl Plan {
    pub(crate) fn new(_options: &Options<'_>) -> Result<Self, String> {
        Ok(Self {})
    }
}

/// What a topic of a Shelly is about.
enum Topic<'t> {
    Status { component: &'t str },
    Notification,
    Online,
}

fn take(topic: &str) -> Option<(&str, Topic<'_>)> {
    let (rest, last) = topic.rsplit_once('/')?;
    if last == "online" && !rest.is_empty() {
        return Some((rest, Topic::Online));
    }
    let (prefix, middle) = rest.rsplit_once('/')?;
    let topic = match (middle, last) {
        ("status", component) if !component.is_empty() => Topic::Status { component },
        ("events", "rpc") => Topic::Notification,
        _ => return None,
    };
    (!prefix.is_empty()).then_some((prefix, topic))
}

pub(crate) fn decode(wire: &Wire<'_>, _plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    super::modbus::check_size(wire)?;
    let (prefix, topic) = match wire.device {
        // The topic is not Shelly's own: only a notification says what it is about.
        Some(device) => (device, Topic::Notification),
        None => take(wire.topic).ok_or_else(|| {
            let reason = "the topic is none of {prefix}/status/{component}, {prefix}/events/rpc and {prefix}/online";
            Fault::new(RejectCode::TopicUnknown, reason)
        })?,
    };
    let subject = |address: &str| match wire.device {
        Some(_) => Subject::Topic,
        None => Subject::Address(address.to_owned()),
    };
    match topic {
        Topic::Online => out.push(will(wire, subject(prefix))?),
        Topic::Status { component } => {
            let members = object(tree::parse(wire)?, "a status")?;
            let mut record = Record {
                subject: subject(prefix),
                ..Record::default()
            };
            status(component, &members, &mut record.fields);
            deliver(wire, record, out)
        }
        Topic::Notification => {
            let message = object(tree::parse(wire)?, "a notification")?;
            let source = message.get("src").and_then(Value::as_str);
            let known = wire.catalogue.by_address(prefix).is_some();
            let address = source.filter(|_| !known).unwrap_or(prefix);
            notification(wire, subject(address), message, out)
        }
    }
}

fn object(value: Value, what: &str) -> Result<Map<String, Value>, Fault> {
    match value {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Fault::shape(format!(
                "{what} of a Shelly is a JSON object; check what else publishes on this topic"
            )))
        }
    }
}

/// `true` when it connected, `false` as its will; retained.
fn will(wire: &Wire<'_>, subject: Subject) -> Result<Record, Fault> {
    match crate::checks::payload_text(wire.payload)?.trim() {
        "true" => Ok(online(subject, true)),
        "false" => Ok(online(subject, false)),
        _ => Err(Fault::shape(
            "`online` of a Shelly is true or false; check what else publishes on this topic",
        )),
    }
}

/// A device state that needs no field in the profile.
pub(super) fn online(subject: Subject, online: bool) -> Record {
    Record {
        subject,
        kind: Some(Kind::State),
        fields: vec![RawField::new("online", Raw::Boolean(online))],
        ..Record::default()
    }
}

fn notification(
    wire: &Wire<'_>,
    subject: Subject,
    mut message: Map<String, Value>,
    out: &mut Records,
) -> Result<(), Fault> {
    match message.get("method").and_then(Value::as_str) {
        Some("NotifyStatus" | "NotifyFullStatus") => {}
        None if !message.contains_key("method") && !message.contains_key("params") => {
            return answer(wire, subject, message, out);
        }
        // Buttons, inputs, updates: nothing that is measured.
        Some("NotifyEvent") => return Ok(()),
        Some(other) => {
            let reason = format!(
                "method {other:?} is none of NotifyStatus, NotifyFullStatus and NotifyEvent"
            );
            return Err(Fault::shape(reason));
        }
        None => {
            return Err(Fault::shape(
                "the notification has no `method`; check what else publishes on this topic",
            ));
        }
    }
    let Some(Value::Object(params)) = message.remove("params") else {
        return Err(Fault::shape(
            "the notification has no object `params`; check the device's firmware",
        ));
    };
    let stamp = match params.get("ts") {
        // A device without network time says null.
        None | Some(Value::Null) => None,
        Some(value) => Some(stamp::of_json(value).ok_or_else(|| {
            Fault::new(
                RejectCode::TimeInvalid,
                "`params.ts` is no time; it must be seconds since 1970",
            )
        })?),
    };
    let mut record = Record {
        subject,
        stamp,
        ..Record::default()
    };
    for (component, value) in &params {
        if let Value::Object(members) = value {
            status(component, members, &mut record.fields);
        }
    }
    deliver(wire, record, out)
}

/// What `Shelly.GetStatus` or the status of one component says, as bridges republish it.
fn answer(
    wire: &Wire<'_>,
    subject: Subject,
    mut message: Map<String, Value>,
    out: &mut Records,
) -> Result<(), Fault> {
    if let Some(Value::Object(result)) = message.remove("result") {
        message = result;
    }
    let mut record = Record {
        subject,
        ..Record::default()
    };
    let clock = message.get("sys").and_then(|sys| sys.get("unixtime"));
    record.stamp = clock.and_then(stamp::of_json);
    let mut components = 0;
    for (component, value) in &message {
        if let (Value::Object(members), true) = (value, component.contains(':')) {
            components += 1;
            status(component, members, &mut record.fields);
        }
    }
    if components == 0 {
        let kind = KINDS.iter().find(|(key, _)| message.contains_key(*key));
        let Some((_, kind)) = kind else {
            let reason = "this is neither a notification nor the status of a component that measures; check what else publishes on this topic";
            return Err(Fault::shape(reason));
        };
        let id = message.get("id").and_then(Value::as_u64).unwrap_or(0);
        status(&format!("{kind}:{id}"), &message, &mut record.fields);
    }
    deliver(wire, record, out)
}

/// Components by a value that only they have; the more particular first.
const KINDS: [(&str, &str); 13] = [
    ("a_voltage", "em"),
    ("a_act_power", "em"),
    ("total_act_power", "em"),
    ("total_act_energy", "em1data"),
    ("total_act", "emdata"),
    ("act_power", "em1"),
    ("output", "switch"),
    ("apower", "pm1"),
    ("tC", "temperature"),
    ("rh", "humidity"),
    ("battery", "devicepower"),
    ("lux", "illuminance"),
    ("voltage", "voltmeter"),
];

fn deliver(wire: &Wire<'_>, mut record: Record, out: &mut Records) -> Result<(), Fault> {
    keep_wanted(wire, &mut record);
    if record.fields.is_empty() {
        return Ok(());
    }
    out.push(record)
}

/// Leaves the fields that the device's profile asks for. An unknown device keeps all, so that it is reported as unknown.
pub(super) fn keep_wanted(wire: &Wire<'_>, record: &mut Record) {
    let device;
    let profile = match (&record.subject, wire.profile) {
        (Subject::Topic, profile) => profile,
        (Subject::Address(address), _) => {
            device = wire.catalogue.by_address(address);
            device
                .as_ref()
                .and_then(|device| wire.catalogue.profiles.get(device.profile))
        }
    };
    if let Some(profile) = profile {
        record.fields.retain(|field| wants(profile, &field.key));
    }
}

pub(super) fn wants(profile: &Profile, key: &str) -> bool {
    let wanted =
        |field: &crate::catalogue::Field| &**field.from.as_ref().unwrap_or(&field.key) == key;
    profile.fields.iter().any(wanted)
}

/// The values of one component, with what its errors say of them.
fn status(component: &str, members: &Map<String, Value>, fields: &mut Vec<RawField>) {
    let first = fields.len();
    for (name, value) in members {
        if name != "id" {
            flatten(&format!("{component}.{name}"), value, fields);
        }
    }
    let fields = fields.get_mut(first..).unwrap_or_default();
    for field in fields.iter_mut() {
        if field.key.ends_with(".tC") {
            field.unit = Some("Cel".to_owned());
        } else if field.key.ends_with(".tF") {
            field.unit = Some("[degF]".to_owned());
        }
    }
    for (name, value) in members {
        let Value::Array(errors) = value else {
            continue;
        };
        let phase = match name.strip_suffix("errors") {
            Some("") => "",
            // `a_errors` are about the values that begin with `a_`.
            Some(phase @ ("a_" | "b_" | "c_" | "n_")) => phase,
            _ => continue,
        };
        for error in errors.iter().filter_map(Value::as_str).take(32) {
            mark(component, phase, error, fields);
        }
    }
}

/// `power_meter_failure` and `read` spoil everything that the sensor says, `out_of_range:voltage` one value. Overheating,
/// overload and the like are about the load, not about the measuring.
fn mark(component: &str, phase: &str, error: &str, fields: &mut [RawField]) {
    let start = format!("{component}.{phase}");
    let spoilt = |field: &RawField| match error.split_once(':') {
        Some(("out_of_range", value)) => field.key.strip_prefix(&start) == Some(value),
        Some(_) => false,
        None => {
            ["power_meter_failure", "read", "out_of_range"].contains(&error)
                && field.key.starts_with(&start)
        }
    };
    for field in fields.iter_mut().filter(|field| spoilt(field)) {
        field.quality = field.quality.with(Quality::SENSOR_FAULT);
    }
}

/// Scalars by their path; lists are left out.
pub(super) fn flatten(path: &str, value: &Value, fields: &mut Vec<RawField>) {
    let raw = match value {
        Value::Object(members) => {
            for (name, member) in members {
                flatten(&format!("{path}.{name}"), member, fields);
            }
            return;
        }
        Value::Array(_) => return,
        Value::Null => Raw::Null,
        Value::Bool(value) => Raw::Boolean(*value),
        Value::Number(number) => Raw::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Raw::Text(text.clone()),
    };
    fields.push(RawField::new(path, raw));
}

#[cfg(test)]
mod tests;
