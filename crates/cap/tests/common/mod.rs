//! An alert to make messages of; also used by the tests of notices.

#![allow(dead_code, reason = "every test file uses its part")]

use event::{
    Alert, AlertId, AlertState, Certainty, Change, Evidence, Limit, PublicWarning, PublicWarningId,
    Response, Severity, Signature, Status, Stream, Text, Time, Transition, Urgency, WarningState,
    WarningText, WarningType,
};

/// 08:00 on 10 September 2024 in Lào Cai.
pub(crate) const MORNING: &str = "2024-09-10T08:00:00+07:00";

pub(crate) fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

pub(crate) fn text(vi: &str, en: &str) -> Text {
    Text {
        vi: vi.to_owned(),
        en: en.to_owned(),
    }
}

pub(crate) fn alert(id: &str, time: Time) -> Alert {
    let limit = Limit {
        name: "bd3".into(),
        value: 57.0,
        unit: "m".into(),
        source: "QĐ 05/2020/QĐ-TTg".into(),
        verified: true,
    };
    Alert {
        id: AlertId(id.to_owned()),
        rule: "river-bd3".into(),
        severity: Severity::Major,
        status: Status::Actual,
        stream: Stream::Disaster,
        site: "lao-cai".into(),
        entity: "wl-bao-ha".into(),
        entity_name: text("Trạm Bảo Hà", "Bao Ha gauge"),
        area: Some("03103".into()),
        area_name: Some("Bảo Hà".into()),
        lat: Some(22.17),
        lon: Some(104.35),
        state: AlertState::Unacknowledged,
        revision: 1,
        since: time,
        raised: time,
        changed: time,
        returned: None,
        acknowledged: None,
        shelved: None,
        comments: Vec::new(),
        occurrences: 1,
        episodes: Vec::new(),
        rating: event::Rating::default(),
        handling: event::Handling::default(),
        incident: None,
        retrospective: false,
        measure: Some("level".into()),
        value: Some(60.41),
        unit: Some("m".into()),
        message: text("Mực nước <trên> báo động 3", "Level above alarm 3"),
        guidance: text("Gọi điện & sơ tán", "Call & evacuate"),
        scale: vec![limit],
        unofficial: true,
        evidence: Evidence {
            rule: "river-bd3".into(),
            rule_version: 1,
            condition: "level >= bd3".into(),
            hold_seconds: 0,
            values: Vec::new(),
            windows: Vec::new(),
            considered: Vec::new(),
            limits: Vec::new(),
            last_heard: None,
        },
    }
}

pub(crate) fn raised(alert: Alert) -> Transition {
    changed(Change::Raised, alert)
}

pub(crate) fn changed(change: Change, alert: Alert) -> Transition {
    Transition {
        change,
        by: None,
        command_id: None,
        alert,
    }
}

/// A released warning to the public, `w 1`.
pub(crate) fn warning() -> PublicWarning {
    let signature = Signature {
        operator: "an".to_owned(),
        verified: true,
        at: at(MORNING),
        command_id: "c".to_owned(),
    };
    PublicWarning {
        id: PublicWarningId("w 1".to_owned()),
        kind: WarningType::Alert,
        state: WarningState::Released,
        status: Status::Actual,
        alerts: Vec::new(),
        references: Vec::new(),
        text: WarningText {
            event: text("Lũ", "Flood"),
            headline: text("Lũ lớn", "Great flood"),
            description: text("Nước lên nhanh", "Water rises fast"),
            instruction: text("Sơ tán", "Evacuate"),
            categories: vec!["Met".to_owned(), "Weather".to_owned()],
            urgency: Urgency::Expected,
            severity: Severity::Critical,
            certainty: Certainty::Likely,
            response: vec![Response::Evacuate],
            areas: vec!["03103".into()],
            onset: None,
            expires: at(MORNING).plus(3_600_000_000_000),
        },
        proposed: signature.clone(),
        released: Some(signature),
        rejected: None,
        reason: None,
        changed: at(MORNING),
    }
}
