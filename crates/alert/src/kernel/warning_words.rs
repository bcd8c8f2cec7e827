//! What an alert made of a warning of another body says.

use event::{
    Certainty, EvidenceValue, Name, Priority, Rating, Response, Severity, Text, Time, Vocabulary,
};

use super::say::full_name;
use super::warning_message::Message;
use crate::signal::Said;
use crate::text::local_time;

/// Communes that the sentence names; of the others it says how many there are.
const NAMED_MAX: usize = 8;

/// CAP's severity in ours (engineering proposal).
pub(super) fn severity_of(word: &str) -> Severity {
    match word {
        "Extreme" => Severity::Critical,
        "Severe" => Severity::Major,
        "Moderate" => Severity::Minor,
        "Minor" => Severity::Warning,
        _ => Severity::Info,
    }
}

pub(super) fn certainty_of(word: &str) -> Certainty {
    match word {
        "Observed" => Certainty::Observed,
        "Likely" => Certainty::Likely,
        "Possible" => Certainty::Possible,
        "Unlikely" => Certainty::Unlikely,
        _ => Certainty::Unknown,
    }
}

pub(super) fn response_of(word: &str) -> Option<Response> {
    Some(match word {
        "Shelter" => Response::Shelter,
        "Evacuate" => Response::Evacuate,
        "Prepare" => Response::Prepare,
        "Execute" => Response::Execute,
        "Avoid" => Response::Avoid,
        "Monitor" => Response::Monitor,
        "Assess" => Response::Assess,
        "AllClear" => Response::AllClear,
        "None" => Response::None,
        _ => return None,
    })
}

fn pair(vi: &str, en: &str) -> Text {
    Text {
        vi: vi.to_owned(),
        en: en.to_owned(),
    }
}

fn severity_words(severity: Severity) -> Text {
    match severity {
        Severity::Critical => pair("đặc biệt nghiêm trọng", "extreme"),
        Severity::Major => pair("nghiêm trọng", "severe"),
        Severity::Minor => pair("trung bình", "moderate"),
        Severity::Warning => pair("nhẹ", "minor"),
        Severity::Info => pair("chưa rõ mức độ", "severity unknown"),
    }
}

fn guidance(response: Option<Response>) -> Text {
    match response {
        Some(Response::Shelter) => pair(
            "Yêu cầu người dân trú ẩn tại chỗ hoặc nơi an toàn gần nhất; theo dõi bản tin tiếp theo.",
            "Have people take shelter where they are or nearby; follow the next bulletin.",
        ),
        Some(Response::Evacuate) => pair(
            "Triển khai sơ tán theo phương án của địa phương; xác nhận với cơ quan ban hành.",
            "Evacuate by the commune's plan; confirm with the body that issued it.",
        ),
        Some(Response::Prepare) => pair(
            "Chuẩn bị lực lượng, phương tiện theo phương án; thông báo các xã, phường liên quan.",
            "Make people and means ready by the plan; tell the communes concerned.",
        ),
        Some(Response::Execute) => pair(
            "Thực hiện phương án đã nêu trong bản tin.",
            "Carry out the plan that the bulletin names.",
        ),
        Some(Response::Avoid) => pair(
            "Thông báo người dân tránh khu vực nguy hiểm.",
            "Tell people to keep away from the place.",
        ),
        Some(Response::Assess) => pair(
            "Đánh giá tình hình tại chỗ rồi báo cáo.",
            "Assess the situation on the spot and report.",
        ),
        Some(Response::AllClear) => pair(
            "Nguy hiểm đã qua; kiểm tra rồi kết thúc các biện pháp.",
            "The danger is over; check, then end the measures.",
        ),
        Some(Response::Monitor | Response::None) | None => pair(
            "Theo dõi bản tin của cơ quan ban hành và số liệu trong vùng.",
            "Follow the bulletins of the body that issued it, and the values of the area.",
        ),
    }
}

fn communes(areas: &[Name], vocabulary: &Vocabulary) -> Option<Text> {
    let names: Vec<String> = (areas.iter().take(NAMED_MAX))
        .map(|code| {
            let area = vocabulary.areas.get(&**code);
            area.map_or_else(|| code.to_string(), full_name)
        })
        .collect();
    if names.is_empty() {
        return None;
    }
    let names = names.join(", ");
    let more = areas.len().saturating_sub(NAMED_MAX);
    Some(if more == 0 {
        pair(&names, &names)
    } else {
        Text {
            vi: format!("{names} và {more} xã, phường khác"),
            en: format!("{names} and {more} more communes"),
        }
    })
}

/// `areas` and `until` are those of all warnings that the alert stands for.
pub(super) fn said(
    sender: &Name,
    main: &Message,
    (areas, until): (&[Name], Time),
    values: Vec<EvidenceValue>,
    vocabulary: &Vocabulary,
) -> Said {
    let severity = severity_words(main.severity);
    let headline = main.headline.as_ref().unwrap_or(&main.event);
    let (from, until) = (local_time(main.valid_from), local_time(until));
    let places = communes(areas, vocabulary);
    let vi = places
        .as_ref()
        .map(|text| format!(" Địa bàn: {}.", text.vi));
    let en = places.map(|text| format!(" Places: {}.", text.en));
    let message = Text {
        vi: format!(
            "{headline} ({}). Cơ quan ban hành: {sender}. Hiệu lực từ {from} đến {until}.{}",
            severity.vi,
            vi.unwrap_or_default()
        ),
        // What the body wrote is not translated.
        en: format!(
            "{}: {headline} ({}). Issued by {sender}. In force from {from} to {until}.{}",
            main.event,
            severity.en,
            en.unwrap_or_default()
        ),
    };
    let area = areas.first().cloned();
    let info = area.as_ref().and_then(|code| vocabulary.areas.get(&**code));
    let at = main.at.or(info.map(|area| (area.lat, area.lon)));
    let entity = vocabulary.entities.get(&*main.entity);
    Said {
        rule_version: 1,
        stream: main.stream,
        severity: main.severity,
        rating: Rating {
            source: event::AlertSource::Warning,
            priority: match main.severity {
                Severity::Critical => Priority::High,
                Severity::Major => Priority::Medium,
                Severity::Minor | Severity::Warning | Severity::Info => Priority::Low,
            },
            certainty: main.certainty,
            response: main.response.into_iter().collect(),
            warning: Some(main.id.to_string()),
            ..Rating::default()
        },
        entity_name: entity.map_or_else(|| pair(sender, sender), |info| info.name.clone()),
        area_name: info.map(full_name),
        area,
        lat: at.map(|at| at.0),
        lon: at.map(|at| at.1),
        gateway: None,
        title: pair("Cảnh báo của cơ quan khác", "Warning of another body"),
        message,
        guidance: guidance(main.response),
        measure: None,
        value: None,
        unit: None,
        scale: Vec::new(),
        unofficial: false,
        latches: false,
        remind_every: None,
        condition: format!("CAP {sender},{}", main.id),
        hold_seconds: 0,
        values,
        windows: Vec::new(),
        limits: Vec::new(),
        last_heard: None,
        at: main.sent,
    }
}
