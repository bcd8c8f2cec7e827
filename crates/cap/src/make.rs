//! Messages of alerts, incidents and public warnings.

use event::{
    Alert, Certainty, Change, Incident, PublicWarning, Response, Severity, Status, Stream, Text,
    Time, Transition, Urgency, WarningType,
};

use super::{Area, Info, Message, Profile, token};

const GEOCODE: &str = "VN:MaDonViHanhChinh";

/// None where CAP has nothing to say: a reminder or an escalation changes nothing for the public.
pub fn of_transition(transition: &Transition, profile: &Profile<'_>) -> Option<Message> {
    let alert = &transition.alert;
    let kind = match transition.change {
        Change::Raised | Change::Unsuppressed | Change::Unshelved => "Alert",
        Change::Reopened | Change::Revised | Change::ReturnedToNormal => "Update",
        Change::Resolved | Change::Annulled | Change::Closed => "Cancel",
        Change::Acknowledged
        | Change::Shelved
        | Change::Commented
        | Change::Merged
        | Change::Assigned
        | Change::Escalated
        | Change::Reminded
        | Change::Suppressed
        | Change::ChatteringBegan
        | Change::ChatteringEnded
        | Change::Reset
        | Change::MarkedFalse
        | Change::UnmarkedFalse
        | Change::Notified => return None,
    };
    let over = alert.returned.is_some() || kind == "Cancel";
    let mut info = info_of(alert, profile);
    if over {
        info.responses = vec!["AllClear".to_owned()];
        info.urgency = "Past".to_owned();
    }
    Some(Message {
        identifier: token(&format!("{}.{}", alert.id, alert.revision)),
        sender: profile.cap.sender.clone(),
        sent: alert.changed,
        status: status(alert.status).to_owned(),
        kind: kind.to_owned(),
        references: Vec::new(),
        incidents: alert
            .incident
            .iter()
            .map(|incident| token(&incident.0))
            .collect(),
        note: note(alert.status),
        zone_seconds: profile.zone_seconds,
        info,
    })
}

fn info_of(alert: &Alert, profile: &Profile<'_>) -> Info {
    let rating = &alert.rating;
    let described = |message: &str, caveat: &str| {
        if alert.unofficial {
            format!("{message}\n{caveat}")
        } else {
            message.to_owned()
        }
    };
    Info {
        categories: vec![category(alert.stream, rating.cause.as_deref()).to_owned()],
        event: Text {
            vi: rating.cause.as_deref().unwrap_or(&alert.rule).to_owned(),
            en: rating.cause.as_deref().unwrap_or(&alert.rule).to_owned(),
        },
        responses: responses(&rating.response),
        urgency: if rating.estimate {
            "Expected"
        } else {
            "Immediate"
        }
        .to_owned(),
        severity: severity(alert.severity).to_owned(),
        certainty: if rating.suspect {
            "Possible"
        } else if rating.estimate && rating.certainty == Certainty::Observed {
            // What is expected has not been observed.
            "Likely"
        } else {
            certainty(rating.certainty)
        }
        .to_owned(),
        audience: (!rating.audience.is_empty()).then(|| rating.audience.join(", ")),
        effective: Some(alert.changed),
        onset: Some(alert.since),
        expires: Some(valid_until(alert.changed, profile)),
        sender_name: profile.cap.sender_name.clone(),
        headline: headline(&alert.message),
        description: Text {
            vi: described(
                &alert.message.vi,
                "Hỗ trợ ra quyết định, không phải bản tin chính thức.",
            ),
            en: described(
                &alert.message.en,
                "Decision support, not an official bulletin.",
            ),
        },
        instruction: alert.guidance.clone(),
        contact: Some(profile.cap.contact.clone()),
        parameters: parameters(alert),
        areas: vec![area_of(alert)],
    }
}

/// The open alerts of one cause in one place, as one message.
pub fn of_incident(incident: &Incident, profile: &Profile<'_>) -> Message {
    let over = incident.closed.is_some();
    let first = incident.opened == incident.changed;
    Message {
        // An incident has no revisions: the instant of its change tells its messages apart.
        identifier: token(&format!("{}.{}", incident.id, incident.changed.0)),
        sender: profile.cap.sender.clone(),
        sent: incident.changed,
        status: status(incident.status).to_owned(),
        kind: match (over, first) {
            (true, _) => "Cancel",
            (false, true) => "Alert",
            (false, false) => "Update",
        }
        .to_owned(),
        references: Vec::new(),
        incidents: vec![token(&incident.id.0)],
        note: note(incident.status),
        zone_seconds: profile.zone_seconds,
        info: Info {
            categories: vec![category(Stream::Disaster, Some(&incident.cause)).to_owned()],
            event: incident.title.clone(),
            responses: vec![if over { "AllClear" } else { "Monitor" }.to_owned()],
            urgency: if over { "Past" } else { "Immediate" }.to_owned(),
            severity: severity(incident.severity).to_owned(),
            certainty: "Observed".to_owned(),
            audience: None,
            effective: Some(incident.changed),
            onset: Some(incident.opened),
            expires: Some(valid_until(incident.changed, profile)),
            sender_name: profile.cap.sender_name.clone(),
            headline: headline(&incident.title),
            description: Text {
                vi: format!(
                    "{}: {} cảnh báo, {} đang hoạt động.",
                    incident.title.vi, incident.total, incident.active
                ),
                en: format!(
                    "{}: {} alerts, {} active.",
                    incident.title.en, incident.total, incident.active
                ),
            },
            instruction: Text::default(),
            contact: Some(profile.cap.contact.clone()),
            parameters: Vec::new(),
            areas: vec![coded_area(&incident.areas, profile)],
        },
    }
}

/// A released warning; references are those it names, with the times that the caller knows.
pub fn of_warning(warning: &PublicWarning, profile: &Profile<'_>) -> Message {
    let text = &warning.text;
    Message {
        identifier: token(&warning.id.0),
        sender: profile.cap.sender.clone(),
        sent: warning.changed,
        status: status(warning.status).to_owned(),
        kind: match warning.kind {
            WarningType::Alert => "Alert",
            WarningType::Update => "Update",
            WarningType::Cancel => "Cancel",
        }
        .to_owned(),
        references: Vec::new(),
        incidents: Vec::new(),
        note: note(warning.status),
        zone_seconds: profile.zone_seconds,
        info: Info {
            categories: categories(&text.categories),
            event: text.event.clone(),
            responses: responses(&text.response),
            urgency: urgency(text.urgency).to_owned(),
            severity: severity(text.severity).to_owned(),
            certainty: certainty(text.certainty).to_owned(),
            audience: None,
            effective: Some(warning.changed),
            onset: text.onset,
            expires: Some(text.expires),
            sender_name: profile.cap.sender_name.clone(),
            headline: headline(&text.headline),
            description: text.description.clone(),
            instruction: text.instruction.clone(),
            contact: Some(profile.cap.contact.clone()),
            parameters: Vec::new(),
            areas: vec![coded_area(&text.areas, profile)],
        },
    }
}

fn valid_until(from: Time, profile: &Profile<'_>) -> Time {
    from.plus(i64::from(profile.cap.valid_hours) * 3_600 * Time::SECOND)
}

/// CAP recommends at most 160 characters.
fn headline(text: &Text) -> Text {
    let short = |text: &str| text.chars().take(160).collect();
    Text {
        vi: short(&text.vi),
        en: short(&text.en),
    }
}

fn note(status: Status) -> Option<String> {
    match status {
        Status::Actual => None,
        Status::Exercise => Some("DIỄN TẬP / EXERCISE".to_owned()),
        Status::Test => Some("THỬ NGHIỆM / TEST".to_owned()),
    }
}

/// Flood levels as parameters (`VN:BaoDong`, `VN:TrenBaoDong_m`): the highest level reached, by the limits of the measure.
fn parameters(alert: &Alert) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if let Some(value) = alert.value {
        let reached = alert
            .scale
            .iter()
            .filter(|limit| limit.value <= value)
            .filter_map(|limit| Some((flood_level(&limit.name)?, limit.value)))
            .max_by_key(|(level, _)| *level);
        if let Some((level, limit)) = reached {
            out.push(("VN:BaoDong".to_owned(), level.to_string()));
            out.push((
                "VN:TrenBaoDong_m".to_owned(),
                format!("{:.2}", value - limit),
            ));
        }
        if let (Some(measure), Some(unit)) = (&alert.measure, &alert.unit) {
            out.push((format!("IOC:{measure}"), format!("{value} {unit}")));
        }
    }
    out.push(("IOC:AlertId".to_owned(), alert.id.0.clone()));
    out
}

/// `bd1` to `bd3`, as limits are named.
fn flood_level(name: &str) -> Option<u8> {
    match name {
        "bd1" => Some(1),
        "bd2" => Some(2),
        "bd3" => Some(3),
        _ => None,
    }
}

/// Around the thing that measured, where its place is known.
const CIRCLE_KM: f64 = 5.0;

fn area_of(alert: &Alert) -> Area {
    let description = alert
        .area_name
        .clone()
        .unwrap_or_else(|| alert.entity_name.vi.clone());
    Area {
        description: if description.trim().is_empty() {
            alert.entity.to_string()
        } else {
            description
        },
        polygons: Vec::new(),
        circles: alert
            .lat
            .zip(alert.lon)
            .map(|(lat, lon)| (lat, lon, CIRCLE_KM))
            .into_iter()
            .collect(),
        geocodes: alert
            .area
            .iter()
            .map(|code| (GEOCODE.to_owned(), code.to_string()))
            .collect(),
    }
}

fn coded_area(codes: &[event::Name], profile: &Profile<'_>) -> Area {
    let names = profile.area_names(codes);
    Area {
        description: if names.is_empty() {
            "-".to_owned()
        } else {
            names
        },
        polygons: Vec::new(),
        circles: Vec::new(),
        geocodes: codes
            .iter()
            .map(|code| (GEOCODE.to_owned(), code.to_string()))
            .collect(),
    }
}

const CATEGORIES: [&str; 12] = [
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
];

/// Only words of the standard; at least one.
fn categories(given: &[String]) -> Vec<String> {
    let mut known: Vec<String> = given
        .iter()
        .filter(|word| CATEGORIES.contains(&word.as_str()))
        .cloned()
        .collect();
    if known.is_empty() {
        known.push("Other".to_owned());
    }
    known
}

fn category(stream: Stream, cause: Option<&str>) -> &'static str {
    match (stream, cause) {
        (_, Some("flood" | "rain" | "storm" | "frost" | "cold")) => "Met",
        (_, Some("landslide" | "earthquake")) => "Geo",
        (_, Some("fire")) => "Fire",
        (Stream::Disaster, _) => "Met",
        (Stream::Energy, _) => "Infra",
        (Stream::Environment, _) => "Env",
        (Stream::Tourism, _) => "Safety",
        (Stream::City, _) => "Other",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Actual => "Actual",
        Status::Exercise => "Exercise",
        Status::Test => "Test",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Extreme",
        Severity::Major => "Severe",
        Severity::Minor => "Moderate",
        Severity::Warning => "Minor",
        Severity::Info => "Unknown",
    }
}

fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Observed => "Observed",
        Certainty::Likely => "Likely",
        Certainty::Possible => "Possible",
        Certainty::Unlikely => "Unlikely",
        Certainty::Unknown => "Unknown",
    }
}

fn urgency(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Immediate => "Immediate",
        Urgency::Expected => "Expected",
        Urgency::Future => "Future",
        Urgency::Past => "Past",
        Urgency::Unknown => "Unknown",
    }
}

fn responses(given: &[Response]) -> Vec<String> {
    given
        .iter()
        .map(|response| {
            match response {
                Response::Shelter => "Shelter",
                Response::Evacuate => "Evacuate",
                Response::Prepare => "Prepare",
                Response::Execute => "Execute",
                Response::Avoid => "Avoid",
                Response::Monitor => "Monitor",
                Response::Assess => "Assess",
                Response::AllClear => "AllClear",
                Response::None => "None",
            }
            .to_owned()
        })
        .collect()
}
