//! Trying a payload out against a catalogue, exactly as the product would read it.

use std::sync::Arc;

use event::{JournalId, Time};
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::format::{self, Format, tree};
use crate::message::{Input, Normalized};
use crate::normalizer::Normalizer;

/// A wrong question, not a wrong payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryError {
    ProfileUnknown { profile: String, known: Vec<String> },
}

impl std::fmt::Display for TryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ProfileUnknown { profile, known } => write!(
                f,
                "profile `{profile}` is not in the site pack; it has {}",
                known.join(", ")
            ),
        }
    }
}

impl std::error::Error for TryError {}

/// Where a device of a trial stands when nobody said how it is called.
const DEVICE: &str = "trial";
const EUI: &str = "0000000000000000";

/// What the product makes of `payload`, received at `received`, from a device of that profile. With a topic the message is routed
/// by it; a device that the pack does not know has the profile, one that it knows keeps its own. Without a topic it is the one that the
/// payload's own source would have (see [`sample_topic`]), else the profile's own: `ioc/{site}/{stream}/trial/up`.
pub fn try_out(
    catalogue: Catalogue,
    profile: &str,
    topic: Option<&str>,
    received: Time,
    content_type: &str,
    payload: &[u8],
) -> Result<Vec<Normalized>, TryError> {
    let Some(index) = catalogue.profile_named(profile) else {
        let known = catalogue.profiles.iter();
        let known = known.map(|profile| profile.name.to_string()).collect();
        let profile = profile.to_owned();
        return Err(TryError::ProfileUnknown { profile, known });
    };
    let own = &catalogue.profiles[index];
    let topic = match topic {
        Some(topic) => topic.to_owned(),
        None => sample_topic(&catalogue, own.format, payload).unwrap_or_else(|| {
            let stream = crate::catalogue::stream_name(own.stream);
            format!("ioc/{}/{stream}/{DEVICE}/up", catalogue.site)
        }),
    };
    let catalogue = Arc::new(catalogue.with_stand_in(index));
    let mut normalizer = Normalizer::new(catalogue);
    let mut out = Vec::new();
    let input = Input {
        journal: JournalId([0; 16]),
        offset: 0,
        journal_time: received,
        wall_time: received,
        client: "trial",
        session: 0,
        packet_id: 0,
        qos: 0,
        dup: false,
        retain: false,
        from_broker: false,
        reprocessed: false,
        content_type,
        topic: &topic,
        payload,
        oversize: None,
    };
    normalizer.apply(&input, &mut out);
    Ok(out)
}

/// A topic as the payload's own source would have it, if the site pack has such a source; what has none is read from our own
/// topics. Envelopes of LoRaWAN servers name their device themselves, whatever the format of its profile.
fn sample_topic(catalogue: &Catalogue, format: Format, payload: &[u8]) -> Option<String> {
    let text = crate::text::decode(payload).ok();
    let tree = text
        .as_deref()
        .and_then(|text| tree::parse_text(text, catalogue.limits.depth_max).ok());
    let tree = tree.unwrap_or_default();
    let of_server = chirpstack_topic(&tree).or_else(|| things_stack_topic(&tree));
    let topic = of_server.or_else(|| {
        let word = text.as_deref().unwrap_or_default().trim();
        own_topic(format, payload, word, &tree)
    })?;
    catalogue.sources.find(&topic).is_some().then_some(topic)
}

/// One level of a topic.
fn level(value: Option<&Value>) -> Option<&str> {
    let text = value?.as_str()?;
    (!text.is_empty() && !text.contains(['/', '+', '#'])).then_some(text)
}

fn chirpstack_topic(tree: &Value) -> Option<String> {
    let device = level(tree.get("deviceInfo")?.get("devEui"))?;
    let has = |keys: &[&str]| keys.iter().any(|key| tree.get(key).is_some());
    // The first member that only one event has; a join has none.
    let event = if has(&["integrationName"]) {
        "integration"
    } else if has(&["rxInfo", "data", "object", "fPort", "dr"]) {
        "up"
    } else if has(&["location"]) {
        "location"
    } else if has(&["gatewayId", "downlinkId"]) {
        "txack"
    } else if has(&["queueItemId", "acknowledged"]) {
        "ack"
    } else if has(&["level", "code"]) {
        "log"
    } else if has(&["devAddr"]) {
        "join"
    } else {
        "status"
    };
    Some(format!("application/1/device/{device}/event/{event}"))
}

fn things_stack_topic(tree: &Value) -> Option<String> {
    const EVENTS: [(&str, &str); 5] = [
        ("uplink_normalized", "up/normalized"),
        ("uplink_message", "up"),
        ("join_accept", "join"),
        ("location_solved", "location/solved"),
        ("service_data", "service/data"),
    ];
    let ids = tree.get("end_device_ids")?;
    let device = level(ids.get("device_id")).unwrap_or(DEVICE);
    let event = EVENTS.iter().find(|(key, _)| tree.get(key).is_some());
    let event = event.map_or("down/ack", |(_, event)| event);
    Some(format!("v3/{DEVICE}@ttn/devices/{device}/{event}"))
}

/// Formats whose topic says a part of the message: the most likely one.
fn own_topic(format: Format, payload: &[u8], word: &str, tree: &Value) -> Option<String> {
    let has = |keys: &[&str]| keys.iter().any(|key| tree.get(key).is_some());
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other formats are read from our own topics"
    )]
    match format {
        Format::Sparkplug => {
            let kind = format::sparkplug_type(payload);
            Some(format!("spBv1.0/{DEVICE}/{kind}/{DEVICE}"))
        }
        Format::Chirpstack => Some(format!("application/1/device/{EUI}/event/up")),
        Format::Ttn => Some(format!("v3/{DEVICE}@ttn/devices/{DEVICE}/up")),
        Format::Tasmota => {
            let will = ["Online", "Offline"].contains(&word);
            let last = match (will, has(&["Uptime", "UptimeSec", "LoadAvg"])) {
                (true, _) => "LWT",
                (false, true) => "STATE",
                (false, false) => "SENSOR",
            };
            Some(format!("tele/{DEVICE}/{last}"))
        }
        Format::Shelly => {
            const STATUS: [(&str, &str); 8] = [
                ("a_current", "em:0"),
                ("a_voltage", "em:0"),
                ("a_act_power", "em:0"),
                ("total_act", "emdata:0"),
                ("total_act_energy", "em1data:0"),
                ("act_power", "em1:0"),
                ("tC", "temperature:0"),
                ("rh", "humidity:0"),
            ];
            if ["true", "false"].contains(&word) {
                return Some(format!("{DEVICE}/online"));
            }
            if has(&["method", "params"]) || !tree.is_object() {
                return Some(format!("{DEVICE}/events/rpc"));
            }
            let part = STATUS.iter().find(|(key, _)| tree.get(key).is_some());
            let part = part.map_or("switch:0", |(_, part)| part);
            Some(format!("{DEVICE}/status/{part}"))
        }
        _ => None,
    }
}
