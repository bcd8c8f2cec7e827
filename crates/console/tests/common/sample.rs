//! An alert and deliveries to test with, shared by the tests inside and outside the crate.

use console::{ConnectionCounts, SinkCounts, SinkInfo, SinkKind, SinkState, SinkTrouble};
use event::{
    Alert, AlertId, AlertState, Evidence, EvidenceValue, Limit, Quality, Severity, Status, Stream,
    Text, Time, Value,
};

pub(crate) fn alert(id: &str, time: Time) -> Alert {
    let text = |vi: &str, en: &str| Text {
        vi: vi.into(),
        en: en.into(),
    };
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
        severity: Severity::Critical,
        status: Status::Actual,
        stream: Stream::Disaster,
        site: "lao-cai".into(),
        entity: "wl-bao-ha".into(),
        entity_name: text("Bảo Hà", "Bao Ha"),
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
        value: Some(58.13),
        unit: Some("m".into()),
        message: text("Mực nước trên báo động 3", "Level above alarm 3"),
        guidance: text("Gọi điện", "Call"),
        scale: vec![limit.clone()],
        unofficial: false,
        evidence: Evidence {
            rule: "river-bd3".into(),
            rule_version: 1,
            condition: "level >= bd3".into(),
            hold_seconds: 0,
            values: vec![EvidenceValue {
                entity: None,
                measure: "level".into(),
                value: Value::Number(58.13),
                unit: "m".into(),
                quality: Quality::GOOD,
                observed: time,
                received: time,
                processed: time,
                offset: 7,
            }],
            limits: vec![limit],
            last_heard: None,
            windows: Vec::new(),
            considered: Vec::new(),
        },
    }
}

/// Kafka is down, InfluxDB is well and once lost a range, the broker has one client of two.
pub(crate) fn sinks(now: Time) -> Vec<SinkInfo> {
    let sink = |name: &str, kind, state| SinkInfo {
        name: name.to_owned(),
        kind,
        state,
        since: now.plus(-60 * Time::SECOND),
        position: Some(1_000),
        lag_records: 0,
        lag_seconds: 0.0,
        trouble: None,
        gaps: Vec::new(),
        held_ratio: Some(0.125),
        counts: SinkCounts::default(),
        connections: None,
    };
    let trouble = |code| {
        Some(SinkTrouble {
            code,
            message: "connecting to 127.0.0.1:9092: connection refused".to_owned(),
            at: now,
            attempts: 7,
        })
    };
    let mut kafka = sink("kafka", SinkKind::Outlet, SinkState::Retrying);
    kafka.lag_records = 12_345;
    kafka.lag_seconds = 61.5;
    kafka.trouble = trouble("unreachable");
    let mut influxdb = sink("influxdb", SinkKind::Outlet, SinkState::Running);
    influxdb.gaps = vec![(10, 20)];
    let mut broker = sink("broker", SinkKind::FrontDoor, SinkState::Retrying);
    broker.position = None;
    broker.held_ratio = None;
    broker.trouble = trouble("timed_out");
    broker.connections = Some(ConnectionCounts {
        clients: 2,
        connected: 1,
        reconnects: 3,
        lost_sessions: 1,
        refused: 0,
    });
    vec![kafka, influxdb, broker]
}
