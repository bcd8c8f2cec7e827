//! CAP 1.2: the order and the words of the schema, checked strictly on what is written.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;

use cap::{CapConfig, Message, Profile, parameters, to_xml, zoned};
use common::{MORNING, alert, at, changed, raised, text, warning};
use event::{
    AlertId, Change, Incident, IncidentId, PublicWarningId, Response, Severity, Status, Transition,
    WarningState, WarningType,
};
use quick_xml::Reader;
use quick_xml::events::Event;

/// An element with its children or its text.
#[derive(Debug, Default)]
struct Node {
    name: String,
    text: String,
    children: Vec<Node>,
}

fn parse(xml: &str) -> Node {
    let mut reader = Reader::from_str(xml);
    let mut open = vec![Node::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push(Node {
                name: start.name().as_ref().to_owned(),
                ..Node::default()
            }),
            Event::End(_) => {
                let node = open.pop().unwrap();
                open.last_mut().unwrap().children.push(node);
            }
            Event::Text(text) => open.last_mut().unwrap().text += &text,
            Event::GeneralRef(name) => {
                let letter = quick_xml::escape::resolve_predefined_entity(&name).unwrap();
                open.last_mut().unwrap().text += letter;
            }
            Event::Eof => break,
            Event::Empty(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
    assert_eq!(open.len(), 1, "everything is closed");
    open.remove(0).children.remove(0)
}

const ALERT: &[(&str, usize, usize)] = &[
    ("identifier", 1, 1),
    ("sender", 1, 1),
    ("sent", 1, 1),
    ("status", 1, 1),
    ("msgType", 1, 1),
    ("source", 0, 1),
    ("scope", 1, 1),
    ("restriction", 0, 1),
    ("addresses", 0, 1),
    ("code", 0, 99),
    ("note", 0, 1),
    ("references", 0, 1),
    ("incidents", 0, 1),
    ("info", 1, 99),
];
const INFO: &[(&str, usize, usize)] = &[
    ("language", 1, 1),
    ("category", 1, 99),
    ("event", 1, 1),
    ("responseType", 0, 99),
    ("urgency", 1, 1),
    ("severity", 1, 1),
    ("certainty", 1, 1),
    ("audience", 0, 1),
    ("eventCode", 0, 99),
    ("effective", 0, 1),
    ("onset", 0, 1),
    ("expires", 0, 1),
    ("senderName", 0, 1),
    ("headline", 0, 1),
    ("description", 0, 1),
    ("instruction", 0, 1),
    ("web", 0, 1),
    ("contact", 0, 1),
    ("parameter", 0, 99),
    ("resource", 0, 99),
    ("area", 0, 99),
];
const AREA: &[(&str, usize, usize)] = &[
    ("areaDesc", 1, 1),
    ("polygon", 0, 99),
    ("circle", 0, 99),
    ("geocode", 0, 99),
    ("altitude", 0, 1),
    ("ceiling", 0, 1),
];
const PAIR: &[(&str, usize, usize)] = &[("valueName", 1, 1), ("value", 1, 1)];

const WORDS: &[(&str, &[&str])] = &[
    ("status", &["Actual", "Exercise", "System", "Test", "Draft"]),
    ("msgType", &["Alert", "Update", "Cancel", "Ack", "Error"]),
    ("scope", &["Public", "Restricted", "Private"]),
    (
        "category",
        &[
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
        ],
    ),
    (
        "responseType",
        &[
            "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear",
            "None",
        ],
    ),
    (
        "urgency",
        &["Immediate", "Expected", "Future", "Past", "Unknown"],
    ),
    (
        "severity",
        &["Extreme", "Severe", "Moderate", "Minor", "Unknown"],
    ),
    (
        "certainty",
        &["Observed", "Likely", "Possible", "Unlikely", "Unknown"],
    ),
];

/// Order, number and words of one element and all below it.
fn check(node: &Node) {
    let order = match node.name.as_str() {
        "alert" => ALERT,
        "info" => INFO,
        "area" => AREA,
        "parameter" | "geocode" => PAIR,
        leaf => {
            assert!(node.children.is_empty(), "{leaf} has children");
            assert!(!node.text.trim().is_empty(), "{leaf} is empty");
            let words = WORDS.iter().find(|(name, _)| *name == leaf);
            if let Some((_, words)) = words {
                assert!(words.contains(&node.text.as_str()), "{leaf}: {}", node.text);
            }
            if matches!(leaf, "sent" | "effective" | "onset" | "expires") {
                check_time(&node.text);
            }
            if matches!(leaf, "identifier" | "sender") {
                assert!(cap::is_token(&node.text), "{leaf}: {}", node.text);
            }
            return;
        }
    };
    let mut from = 0;
    for child in &node.children {
        let place = order.iter().position(|(name, ..)| *name == child.name);
        let place = place.unwrap_or_else(|| panic!("{} in {}", child.name, node.name));
        assert!(
            place >= from,
            "{} stands too late in {}",
            child.name,
            node.name
        );
        from = place;
        check(child);
    }
    for (name, least, most) in order {
        let count = node
            .children
            .iter()
            .filter(|child| child.name == *name)
            .count();
        assert!(
            (*least..=*most).contains(&count),
            "{count} of {name} in {}",
            node.name
        );
    }
}

/// `dddd-dd-ddTdd:dd:dd[-+]dd:dd`, as the schema's pattern has it.
fn check_time(text: &str) {
    let shape: String = text
        .chars()
        .map(|letter| if letter.is_ascii_digit() { 'd' } else { letter })
        .collect();
    assert!(
        shape == "dddd-dd-ddTdd:dd:dd+dd:dd" || shape == "dddd-dd-ddTdd:dd:dd-dd:dd",
        "{text}"
    );
}

fn config() -> CapConfig {
    CapConfig {
        sender: "ioc.laocai".to_owned(),
        contact: "1022".to_owned(),
        sender_name: text("IOC Lào Cai", "Lao Cai IOC"),
        areas: BTreeMap::from([("03103".to_owned(), "Bảo Hà".to_owned())]),
        ..CapConfig::default()
    }
}

fn profile(config: &CapConfig) -> Profile<'_> {
    Profile::new(config, 7 * 3_600)
}

fn values<'a>(node: &'a Node, name: &str) -> Vec<&'a str> {
    node.children
        .iter()
        .filter(|child| child.name == name)
        .map(|child| child.text.as_str())
        .collect()
}

fn of(transition: &Transition) -> Message {
    cap::of_transition(transition, &profile(&config())).unwrap()
}

#[test]
fn an_alert_is_a_valid_message_in_both_languages() {
    let mut alert = alert("river-bd3:wl bao,ha:1-7", at(MORNING));
    alert.severity = Severity::Critical;
    alert.message.vi.push('\u{1}');
    let message = of(&raised(alert));
    let xml = to_xml(&message);
    let root = parse(&xml);
    check(&root);
    assert!(xml.contains("xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\""));
    assert_eq!(values(&root, "sent"), ["2024-09-10T08:00:00+07:00"]);
    assert_eq!(values(&root, "identifier"), ["river-bd3:wl_bao_ha:1-7.1"]);
    let infos: Vec<&Node> = root
        .children
        .iter()
        .filter(|node| node.name == "info")
        .collect();
    assert_eq!(infos.len(), 2);
    assert_eq!(values(infos[0], "language"), ["vi-VN"]);
    assert_eq!(values(infos[1], "language"), ["en-US"]);
    assert_eq!(values(infos[0], "headline"), ["Mực nước <trên> báo động 3"]);
    assert_eq!(values(infos[0], "severity"), ["Extreme"]);
    let area = infos[0]
        .children
        .iter()
        .find(|node| node.name == "area")
        .unwrap();
    assert_eq!(
        values(area, "circle"),
        ["22.17000,104.35000 5"],
        "latitude first"
    );
    assert!(xml.contains("<valueName>VN:MaDonViHanhChinh</valueName>\n<value>03103</value>"));
    let parameters = parameters(&message);
    assert_eq!(parameters["VN:BaoDong"], "3");
    assert_eq!(parameters["VN:TrenBaoDong_m"], "3.41");
}

#[test]
fn every_status_change_and_doubt_stays_within_the_words() {
    for status in [Status::Actual, Status::Exercise, Status::Test] {
        for severity in [
            Severity::Critical,
            Severity::Major,
            Severity::Minor,
            Severity::Warning,
            Severity::Info,
        ] {
            for change in [
                Change::Raised,
                Change::Reopened,
                Change::Resolved,
                Change::Annulled,
            ] {
                let mut alert = alert("a:1", at(MORNING));
                (alert.status, alert.severity) = (status, severity);
                alert.rating.suspect = severity == Severity::Minor;
                alert.rating.estimate = severity == Severity::Major;
                alert.rating.response = vec![Response::Evacuate, Response::Monitor];
                alert.rating.audience = vec!["xã".into()];
                alert.incident = Some(IncidentId("flood 1".to_owned()));
                (alert.lat, alert.area, alert.value) = (None, None, None);
                check(&parse(&to_xml(&of(&changed(change, alert)))));
            }
        }
    }
    let mut drill = alert("a:1", at(MORNING));
    drill.status = Status::Exercise;
    let xml = to_xml(&of(&raised(drill)));
    assert!(xml.contains("<status>Exercise</status>") && xml.contains("DIỄN TẬP"));
    let reminded = changed(Change::Reminded, alert("a:1", at(MORNING)));
    assert!(cap::of_transition(&reminded, &profile(&config())).is_none());
}

#[test]
fn an_incident_and_a_public_warning_are_valid_messages() {
    let config = config();
    let profile = profile(&config);
    let incident = Incident {
        id: IncidentId("flood:03103:1".to_owned()),
        cause: "flood".into(),
        title: text("Lũ sông Hồng", "Flood of the Hong"),
        status: Status::Actual,
        severity: Severity::Major,
        areas: vec!["03103".into()],
        alerts: vec![AlertId("a:1".to_owned())],
        total: 3,
        active: 2,
        opened: at(MORNING),
        changed: at(MORNING),
        closed: None,
    };
    check(&parse(&to_xml(&cap::of_incident(&incident, &profile))));
    let warning = warning();
    let root = parse(&to_xml(&cap::of_warning(&warning, &profile)));
    check(&root);
    let info = root
        .children
        .iter()
        .find(|node| node.name == "info")
        .unwrap();
    assert_eq!(values(info, "category"), ["Met"]);

    // A correction refers to what it corrects, and takes its place in the feed.
    let mut ledger = cap::Ledger::default();
    let first = cap::of_warning(&warning, &profile);
    ledger.place("w 1", &[], &first).unwrap();
    let mut correction = warning;
    correction.id = PublicWarningId("w2".to_owned());
    correction.kind = WarningType::Update;
    correction.references = vec![PublicWarningId("w 1".to_owned())];
    let update = cap::of_warning(&correction, &profile);
    let placed = ledger.place("w2", &["w 1".to_owned()], &update).unwrap();
    assert_eq!(placed.message.kind, "Update");
    assert_eq!(placed.message.references, [first.reference()]);
    assert!(
        ledger
            .place("w2", &["w 1".to_owned()], &update)
            .unwrap()
            .again
    );
    let current: Vec<_> = ledger
        .current(at(MORNING))
        .iter()
        .map(|it| it.identifier.clone())
        .collect();
    assert_eq!(current, ["w2"]);
}

#[test]
fn utc_is_written_with_a_numeric_zone() {
    assert_eq!(zoned(at(MORNING), 0), "2024-09-10T01:00:00-00:00");
    assert_eq!(zoned(at(MORNING), -34_200), "2024-09-09T15:30:00-09:30");
}

#[test]
fn a_streamed_message_refers_to_the_first_and_is_the_same_each_time() {
    let config = config();
    let profile = profile(&config);
    let first = cap::streamed_alert(&raised(alert("a:1", at(MORNING))), &profile).unwrap();
    assert_eq!((first.kind.as_str(), first.references.len()), ("Alert", 0));
    let mut later = alert("a:1", at(MORNING));
    later.revision = 3;
    later.changed = at("2024-09-10T09:00:00+07:00");
    let returned = changed(Change::ReturnedToNormal, later.clone());
    let update = cap::streamed_alert(&returned, &profile).unwrap();
    assert_eq!(update.kind, "Update");
    assert_eq!(update.references, [first.reference()]);
    check(&parse(&to_xml(&update)));
    assert_eq!(cap::streamed_alert(&returned, &profile).unwrap(), update);
    // Told again after it was kept back: not a first message any more.
    let again = changed(Change::Unshelved, later.clone());
    assert_eq!(
        cap::streamed_alert(&again, &profile).unwrap().kind,
        "Update"
    );
    let mut history = later.clone();
    history.retrospective = true;
    for silent in [
        changed(Change::Notified, later),
        changed(Change::Raised, history),
    ] {
        assert_eq!(cap::streamed_alert(&silent, &profile), None);
    }
}

#[test]
fn a_streamed_warning_refers_to_those_whose_release_is_known() {
    let config = config();
    let profile = profile(&config);
    let first = warning();
    let message = cap::streamed_warning(&first, &profile, |_| None).unwrap();
    let mut cancel = warning();
    cancel.id = PublicWarningId("w2".to_owned());
    cancel.kind = WarningType::Cancel;
    cancel.references = vec![first.id.clone()];
    let placed = cap::streamed_warning(&cancel, &profile, |_| Some(first.changed)).unwrap();
    assert_eq!(placed.kind, "Cancel");
    assert_eq!(placed.references, [message.reference()]);
    assert_eq!(cap::streamed_warning(&cancel, &profile, |_| None), None);
    cancel.kind = WarningType::Update;
    let unknown = cap::streamed_warning(&cancel, &profile, |_| None).unwrap();
    assert_eq!(unknown.kind, "Alert");
    cancel.state = WarningState::Proposed;
    assert_eq!(cap::streamed_warning(&cancel, &profile, |_| None), None);
}
