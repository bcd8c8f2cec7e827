//! Work flows from a seed, and the pack that they run through.

use event::{
    Action, AlertId, Certainty, CloseCause, Command, Event, EventFlags, PublicWarningId, Quality,
    Response, Severity, Status, SuppressionId, SuppressionKind, SuppressionScope, Time, Urgency,
    Vocabulary, WarningState, WarningText, WarningType,
};

use crate::common::drive::{BASE, Cap, Drive, MINUTE, minute, reading, rules};
use crate::common::{entity, text, vocabulary};

const RULES: &str = r#"
[[rule]]
id = "hi"
version = 1
kind = "condition"
stream = "disaster"
severity = "major"
measure = "level"
condition = "level >= 5.0"
dead_band = 1.0
cause = "flood"
remind_every = "30m"
title = { vi = "hi", en = "hi" }
message = { vi = "{name} {level}", en = "{name} {level}" }
guidance = { vi = "làm", en = "act" }
[rule.corroborate]
within_km = 10
at_least = 1
window = "30m"
lone_severity = "warning"

[[rule]]
id = "held"
version = 1
kind = "condition"
stream = "disaster"
severity = "minor"
measure = "flow"
condition = "flow > 100.0"
clear = "flow < 80.0"
hold = "10m"
release = "5m"
cause = "flood"
latch = true
title = { vi = "held", en = "held" }
message = { vi = "{name}", en = "{name}" }
guidance = { vi = "làm", en = "act" }

[[rule]]
id = "ratio"
version = 1
kind = "condition"
stream = "disaster"
severity = "warning"
measure = "flow"
condition = "100.0 / flow > 2.0"
clear = "100.0 / flow < 1.0"
title = { vi = "ratio", en = "ratio" }
message = { vi = "{name}", en = "{name}" }
guidance = { vi = "làm", en = "act" }

[[rule]]
id = "wave"
version = 1
kind = "sequence"
stream = "disaster"
severity = "minor"
measure = "level"
first = "level >= 4.0"
then = "level >= 6.0"
within = "40m"
lasts = "20m"
title = { vi = "wave", en = "wave" }
message = { vi = "{name}", en = "{name}" }
guidance = { vi = "làm", en = "act" }

[[rule]]
id = "both"
version = 1
kind = "correlation"
stream = "disaster"
severity = "critical"
condition = "a.level >= 5.0 && b.level >= 5.0"
clear = "a.level < 5.0 || b.level < 5.0"
cause = "flood"
title = { vi = "both", en = "both" }
message = { vi = "{name}", en = "{name}" }
guidance = { vi = "làm", en = "act" }
[rule.members]
a = "g1"
b = "g2"

[[rule]]
id = "silent"
version = 1
kind = "absence"
stream = "disaster"
severity = "minor"
after = "40m"
entities = ["d*", "e1"]
title = { vi = "silent", en = "silent" }
message = { vi = "{name}", en = "{name}" }
guidance = { vi = "làm", en = "act" }

[[rule]]
id = "gateway-silent"
version = 1
kind = "absence"
stream = "disaster"
severity = "major"
after = "25m"
entities = ["gw"]
title = { vi = "gw", en = "gw" }
message = { vi = "{name}", en = "{name}" }
guidance = { vi = "làm", en = "act" }
"#;

const TRIAL: &str = r#"
[[rule]]
id = "hi"
version = 2
kind = "condition"
stream = "disaster"
severity = "major"
measure = "level"
condition = "level >= 4.0"
dead_band = 1.0
title = { vi = "hi", en = "hi" }
message = { vi = "{name}", en = "{name}" }
guidance = { vi = "làm", en = "act" }
"#;

const LADDER: &str = r#"
[[level]]
id = "commune"
name = { vi = "xã", en = "commune" }
[[level]]
id = "province"
name = { vi = "tỉnh", en = "province" }
[[ladder]]
severity = "major"
steps = [{ after = "10m", level = "commune" }, { after = "30m", level = "province" }]
"#;

const CAUSES: &str = r#"
[[cause]]
id = "flood"
title = { vi = "Lũ", en = "Flood" }
gap = "1h"
"#;

fn site() -> Vocabulary {
    let mut vocabulary = vocabulary();
    let mut gateway = entity("gw", "box", true);
    gateway.lat = Some(22.4);
    vocabulary.entities.insert("gw".to_owned(), gateway);
    for id in ["d0", "d1", "d2"] {
        let mut device = entity(id, "box", true);
        device.gateway = Some("gw".into());
        vocabulary.entities.insert(id.to_owned(), device);
    }
    vocabulary
}

pub(crate) fn drive() -> Drive {
    let vocabulary = site();
    let files = [
        ("rules/all.toml", RULES),
        ("rules/shadow/all.toml", TRIAL),
        ("escalation.toml", LADDER),
        ("causes.toml", CAUSES),
    ];
    Drive::new(rules(&files, &vocabulary), vocabulary)
}

pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    fn status(&mut self) -> Status {
        self.of(&[
            Status::Actual,
            Status::Actual,
            Status::Exercise,
            Status::Test,
        ])
    }
}

pub(crate) enum What {
    Clock,
    Start,
    Event(Box<Event>),
    Message(Vec<Event>),
    Command(Box<Command>),
}

pub(crate) struct Record {
    pub(crate) now: Time,
    /// Of a drill: gone in the second fold.
    pub(crate) drill: bool,
    pub(crate) what: What,
}

/// Comes and goes within minutes: held for chattering.
fn flutter(chance: &mut Chance, now: i64, number: u64) -> Event {
    let observed = Time(BASE + now * MINUTE + number as i64);
    let level = chance.of(&[3.0, 6.0]);
    let mut event = reading("g1", observed, "level", level);
    (event.received, event.processed) = (minute(now), minute(now));
    event.status = chance.status();
    event
}

fn measured(chance: &mut Chance, now: i64) -> Event {
    // `f9` is in no catalogue.
    let entity = chance.of(&["g1", "g2", "d0", "d1", "d2", "gw", "e1", "f9"]);
    let late = if chance.below(6) == 0 {
        chance.below(30) as i64
    } else {
        0
    };
    let observed = Time(BASE + (now - late) * MINUTE);
    let mut event = if chance.below(3) == 0 {
        let flow = chance.of(&[0.0, 20.0, 70.0, 90.0, 120.0, 150.0]);
        reading(entity, observed, "flow", flow)
    } else {
        let level = chance.of(&[3.0, 3.5, 4.5, 5.0, 6.0, 7.0]);
        reading(entity, observed, "level", level)
    };
    (event.received, event.processed) = (minute(now), minute(now));
    event.status = chance.status();
    match chance.below(20) {
        0 => event.flags = EventFlags::HISTORY,
        1 => event.values[0].quality = Quality::SENSOR_FAULT,
        _ => {}
    }
    event
}

fn warning(chance: &mut Chance, now: i64) -> Vec<Event> {
    let chain = chance.of(&["A", "B", "C"]);
    let id = format!("{chain}-{}", chance.below(40));
    let status = chance.status();
    let province = chance.below(2) == 0;
    let warning = Cap {
        feed: if province {
            "cap-province"
        } else {
            "cap-nchmf"
        },
        sender: if province {
            "laocai.gov.vn"
        } else {
            "nchmf.gov.vn"
        },
        id: &id,
        chain,
        kind: chance.of(&["Alert", "Update", "Cancel"]),
        severity: chance.of(&["Extreme", "Severe", "Minor"]),
        event: chance.of(&["Lũ quét", "Mưa lớn"]),
        status,
        sent: minute(now - chance.below(20) as i64),
        until: Some(minute(now + chance.below(200) as i64)),
        areas: if chance.below(3) == 0 {
            &[]
        } else {
            &["02647"]
        },
        flags: EventFlags::default(),
    };
    warning.events(minute(now))
}

fn words(now: i64) -> WarningText {
    WarningText {
        event: text("Lũ", "Flood"),
        headline: text("Lũ lớn", "A great flood"),
        description: text("Nước lên", "The water rises"),
        instruction: text("Lên cao", "Go up"),
        categories: vec!["Met".to_owned()],
        urgency: Urgency::Immediate,
        severity: Severity::Major,
        certainty: Certainty::Observed,
        response: vec![Response::Monitor],
        areas: vec!["02647".into()],
        onset: None,
        expires: minute(now + 120),
    }
}

/// A command about what is there now, and whether it is a drill's.
fn command(chance: &mut Chance, now: i64, number: u64, drive: &Drive) -> (Command, bool) {
    let engine = &drive.engine;
    let alerts: Vec<_> = engine.alerts().collect();
    let alert = (!alerts.is_empty()).then(|| alerts[chance.below(alerts.len() as u64) as usize]);
    let mut drill = alert.is_some_and(|alert| alert.status != Status::Actual);
    let reason = || "vì".to_owned();
    let operator = chance.of(&["Lan", "Minh"]);
    let about = |action| (action, true);
    let proposed: Vec<_> = (engine.public_warnings())
        .filter(|warning| warning.state == WarningState::Proposed)
        .collect();
    let (action, needs_alert) = match chance.below(18) {
        0..=3 => about(Action::Acknowledge),
        4 => about(Action::Shelve {
            until: minute(now + 30),
            reason: reason(),
            one_shot: chance.below(2) == 0,
        }),
        5 => about(Action::Unshelve),
        6 => about(Action::Assign {
            to: "Hoa".to_owned(),
        }),
        7 => about(Action::Escalate {
            level: None,
            reason: reason(),
        }),
        8 => about(Action::Reset),
        9 => about(Action::Close {
            cause: chance.of(&[CloseCause::Handled, CloseCause::FalseAlert]),
            text: reason(),
        }),
        10 => about(Action::Reopen { reason: reason() }),
        11 => about(Action::MarkFalse { reason: reason() }),
        12 => about(Action::UnmarkFalse),
        13 => {
            drill = false;
            let entities = vec![chance.of(&["g1", "d*", "f9", "gw"]).to_owned()];
            let action = Action::Suppress {
                kind: SuppressionKind::Maintenance,
                scope: SuppressionScope {
                    entities,
                    ..SuppressionScope::default()
                },
                from: minute(now + chance.below(10) as i64),
                until: Some(minute(now + 60)),
                reason: reason(),
            };
            (action, false)
        }
        14 => {
            drill = false;
            let ids: Vec<&SuppressionId> = engine.suppressions().map(|one| &one.id).collect();
            let id = ids.get(chance.below(ids.len().max(1) as u64) as usize);
            let none = SuppressionId("none".to_owned());
            let suppression = id.map_or(none, |id| (*id).clone());
            (Action::EndSuppression { suppression }, false)
        }
        15 => {
            let alerts: Vec<AlertId> = alert.iter().map(|alert| alert.id.clone()).collect();
            let text = Box::new(words(now));
            let action = Action::ProposeWarning {
                kind: WarningType::Alert,
                alerts,
                references: Vec::new(),
                text,
            };
            (action, false)
        }
        which => {
            let warning = proposed.get(chance.below(proposed.len().max(1) as u64) as usize);
            drill = warning.is_some_and(|warning| warning.status != Status::Actual);
            let none = PublicWarningId("none".to_owned());
            let warning = warning.map_or(none, |warning| warning.id.clone());
            let action = if which == 16 {
                Action::ReleaseWarning { warning }
            } else {
                Action::RejectWarning {
                    warning,
                    reason: reason(),
                }
            };
            (action, false)
        }
    };
    let seen = alert.filter(|_| needs_alert);
    let command = Command {
        command_id: format!("c{number}"),
        operator: operator.to_owned(),
        verified: false,
        alert: needs_alert
            .then(|| seen.map_or(AlertId("none".to_owned()), |alert| alert.id.clone())),
        seen_state: seen.map_or_else(Default::default, |alert| alert.state),
        seen_revision: seen.map_or(0, |alert| alert.revision),
        action,
    };
    (command, drill)
}

pub(crate) fn next(chance: &mut Chance, now: &mut i64, number: u64, drive: &Drive) -> Record {
    let (what, drill) = match chance.below(100) {
        0 => {
            *now += chance.below(60) as i64;
            (What::Start, false)
        }
        1..=9 => (What::Clock, false),
        10..=19 => {
            let events = warning(chance, *now);
            let drill = events[0].status != Status::Actual;
            (What::Message(events), drill)
        }
        20..=39 => {
            let (command, drill) = command(chance, *now, number, drive);
            (What::Command(Box::new(command)), drill)
        }
        _ => {
            let event = if number % 200 > 150 {
                flutter(chance, *now, number)
            } else {
                measured(chance, *now)
            };
            let drill = event.status != Status::Actual;
            (What::Event(Box::new(event)), drill)
        }
    };
    Record {
        now: minute(*now),
        drill,
        what,
    }
}
