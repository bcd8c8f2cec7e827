//! The second half of [`super::verify`]: what the kept records give goes through a fresh engine with the kept rules, and the
//! transition that comes out is compared with the one that was told.

use std::collections::BTreeMap;
use std::sync::Arc;

use alert::{Effect, Engine, Origin};
use event::{
    Alert, Change, Event, EventFlags, EventId, JournalId, Kind, Measured, Name, Quality, Time,
    Transition, Value,
};
use serde_json::Value as Json;

use super::again::{Again, Reread, same};
use super::read::Record;
use super::verify::{Report, Verdict, event_of};

/// Parts of an alert, as JSON pointers, that have to come out the same when it is raised.
const RAISED: [&str; 27] = [
    "/id",
    "/rule",
    "/severity",
    "/status",
    "/stream",
    "/site",
    "/entity",
    "/entity_name",
    "/area",
    "/area_name",
    "/lat",
    "/lon",
    "/since",
    "/raised",
    "/changed",
    "/retrospective",
    "/measure",
    "/value",
    "/unit",
    "/message",
    "/guidance",
    "/scale",
    "/unofficial",
    "/evidence/rule_version",
    "/evidence/condition",
    "/evidence/limits",
    "/evidence/last_heard",
];
/// The same of a later transition of the same episode.
const LATER: [&str; 9] = [
    "/rule",
    "/status",
    "/stream",
    "/entity",
    "/since",
    "/measure",
    "/unit",
    "/evidence/rule_version",
    "/evidence/condition",
];

/// What needs the whole of a window, where the rule looks into one.
const OF_WINDOWS: [&str; 7] = [
    "/id",
    "/since",
    "/raised",
    "/changed",
    "/severity",
    "/value",
    "/message",
];

/// One event for the engine, with the times of its record.
struct Fed {
    now: Time,
    wall: Time,
    offset: u64,
    event: Event,
}

pub(super) fn derive(
    record: &Record,
    again: &Again,
    journal: JournalId,
    read: &BTreeMap<u64, Reread>,
    report: &mut Report,
) {
    let told = &record.transition;
    let place = format!("revision {}, transition", record.head.revision);
    let effects = run(record, again, journal, read);
    let ours = effects.iter().filter_map(Effect::transition);
    let ours: Vec<&Transition> = ours
        .filter(|derived| is_same_key(&derived.alert, &told.alert))
        .collect();
    let opens = |derived: &&&Transition| derived.change == Change::Raised;
    let tells = |derived: &&&Transition| {
        matches!(
            derived.change,
            Change::Raised | Change::Reopened | Change::Revised
        )
    };
    let derived = if told.change == Change::Raised {
        let fitting = ours
            .iter()
            .filter(opens)
            .find(|derived| derived.alert.since == told.alert.since);
        fitting.or_else(|| ours.iter().rfind(opens))
    } else {
        ours.iter().rfind(tells)
    };
    let Some(derived) = derived else {
        let verdict = if is_cut(told, again) {
            Verdict::Limited
        } else {
            Verdict::Failed
        };
        report.add(
            verdict,
            place,
            "từ bằng chứng này quy tắc không phát cảnh báo".to_owned(),
            "from this evidence the rule does not ring".to_owned(),
        );
        return;
    };
    differences(told, derived, again, &place, report);
}

/// Whether a window that the rule looks into is not kept as a whole.
fn is_cut(told: &Transition, again: &Again) -> bool {
    let evidence = &told.alert.evidence;
    let cut = |window: &event::EvidenceWindow| {
        usize::try_from(window.count).is_ok_and(|count| count > window.samples.len())
    };
    let over_time = again.looks_back(&told.alert.rule);
    evidence.windows.iter().any(cut) || (evidence.windows.is_empty() && over_time)
}

fn is_same_key(one: &Alert, other: &Alert) -> bool {
    one.rule == other.rule
        && one.entity == other.entity
        && one.status == other.status
        && one.retrospective == other.retrospective
}

fn differences(
    told: &Transition,
    derived: &Transition,
    again: &Again,
    place: &str,
    report: &mut Report,
) {
    let raised = told.change == Change::Raised;
    let number = |value: Option<f64>| value.map(f64::to_bits);
    let same_value = number(told.alert.value) == number(derived.alert.value);
    let mut parts: Vec<&str> = if raised {
        RAISED.to_vec()
    } else {
        LATER.to_vec()
    };
    if !raised {
        if same_value {
            parts.push("/message");
        } else {
            report.add(
                Verdict::Limited,
                place.to_owned(),
                "các bước ở giữa không được giữ, chỉ so sánh đợt cảnh báo".to_owned(),
                "the steps between are not kept: the episode alone is compared".to_owned(),
            );
        }
    }
    let cut = is_cut(told, again);
    let (told_json, derived_json) = (json(&told.alert), json(&derived.alert));
    for part in parts {
        let (told, derived) = (told_json.pointer(part), derived_json.pointer(part));
        if told != derived {
            let verdict = if cut && OF_WINDOWS.contains(&part) {
                Verdict::Limited
            } else {
                Verdict::Failed
            };
            let show = |value: Option<&Json>| value.map(ToString::to_string).unwrap_or_default();
            report.add(
                verdict,
                format!("{place} {part}"),
                format!(
                    "tính lại được {}, cảnh báo ghi {}",
                    show(derived),
                    show(told)
                ),
                format!("derived {}, the alert says {}", show(derived), show(told)),
            );
        }
    }
    let told_values = &told.alert.evidence.values;
    let derived_values = &derived.alert.evidence.values;
    let known = derived_values.iter().all(|derived| {
        told_values.iter().any(|told| {
            told.measure == derived.measure
                && told.entity == derived.entity
                && told.observed == derived.observed
                && same(&told.value, &derived.value)
        })
    });
    let as_many = told_values.len() == derived_values.len();
    if !known || (raised && !as_many) {
        report.add(
            if known && cut {
                Verdict::Limited
            } else {
                Verdict::Failed
            },
            format!("{place} /evidence/values"),
            "các giá trị tính lại không giống".to_owned(),
            "the values that come out are not those that were told".to_owned(),
        );
    }
}

/// Both sides as they are read back, so that a number written and one computed have gone the same way.
fn json(alert: &Alert) -> Json {
    let text = serde_json::to_vec(alert).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn run(
    record: &Record,
    again: &Again,
    journal: JournalId,
    read: &BTreeMap<u64, Reread>,
) -> Vec<Effect> {
    let alert = &record.transition.alert;
    let site = &again.site;
    let vocabulary = Arc::new(site.catalogue.vocabulary().clone());
    let mut engine = Engine::new(Arc::clone(&site.rules), vocabulary);
    let mut effects = Vec::new();
    let fed = events(record, again, read);
    let mut now = Time(i64::MIN);
    if fed.is_empty() {
        // Never heard: from when it was listed on it was expected.
        let origin = Origin {
            journal,
            offset: 0,
            now: alert.since,
            wall: alert.since,
        };
        engine.advance(&origin, &mut effects);
    }
    for one in fed {
        now = now.max(one.now);
        let origin = Origin {
            journal,
            offset: one.offset,
            now,
            wall: one.wall,
        };
        engine.advance(&origin, &mut effects);
        engine.event(&origin, &one.event, &mut effects);
    }
    let origin = Origin {
        journal,
        offset: record.head.cause,
        now: now.max(alert.changed),
        wall: Time(record.head.wall_ns),
    };
    engine.advance(&origin, &mut effects);
    effects
}

/// What the engine is shown: the kept records as they read now; in place of those that are not kept, the values and samples.
fn events(record: &Record, again: &Again, read: &BTreeMap<u64, Reread>) -> Vec<Fed> {
    let alert = &record.transition.alert;
    let mut fed: Vec<Fed> = Vec::new();
    let reopened = record.transition.change == Change::Reopened;
    for (index, value) in alert.evidence.values.iter().enumerate() {
        // Of an episode that began again, what its first one rested on is over.
        let newer = alert.evidence.values.iter().skip(index + 1).any(|later| {
            later.measure == value.measure
                && later.entity == value.entity
                && later.observed <= alert.since
        });
        if reopened && value.observed < alert.since && newer {
            continue;
        }
        let place = Place {
            entity: value.entity.as_ref().unwrap_or(&alert.entity),
            measure: &value.measure,
            observed: value.observed,
            offset: value.offset,
        };
        let quality = value.quality;
        let stand_in = (&value.value, quality, value.processed, value.received);
        feed(&mut fed, record, again, read, place, stand_in);
    }
    for window in &alert.evidence.windows {
        for (observed, number, offset) in &window.samples {
            let place = Place {
                entity: window.entity.as_ref().unwrap_or(&alert.entity),
                measure: &window.measure,
                observed: *observed,
                offset: *offset,
            };
            let value = Value::Number(*number);
            let stand_in = (&value, Quality::GOOD, *observed, *observed);
            feed(&mut fed, record, again, read, place, stand_in);
        }
    }
    if let Some(heard) = alert.evidence.last_heard
        && fed.iter().all(|one| one.now != heard)
    {
        let entity = &alert.entity;
        let event = plain(record, again, entity, heard, (heard, heard));
        fed.push(Fed {
            now: heard,
            wall: heard,
            offset: 0,
            event,
        });
    }
    fed.sort_by_key(|one| (one.now, one.offset));
    fed
}

struct Place<'a> {
    entity: &'a Name,
    measure: &'a Name,
    observed: Time,
    offset: u64,
}

fn feed(
    fed: &mut Vec<Fed>,
    record: &Record,
    again: &Again,
    read: &BTreeMap<u64, Reread>,
    place: Place<'_>,
    (value, quality, processed, received): (&Value, Quality, Time, Time),
) {
    let of = event_of(
        read,
        place.offset,
        (place.entity, place.measure),
        place.observed,
    );
    if let Some(event) = of {
        let known = |one: &Fed| one.offset == place.offset && one.event.id == event.id;
        if !fed.iter().any(known) {
            let mut event = event.clone();
            // A memory that is not kept moved it: what was told is what the rule saw.
            event.observed = place.observed;
            if let Some(measured) = event
                .values
                .iter_mut()
                .find(|measured| measured.measure == *place.measure)
            {
                measured.quality = quality;
            }
            fed.push(Fed {
                now: event.processed,
                wall: event.received,
                offset: place.offset,
                event,
            });
        }
        return;
    }
    let measured = Measured {
        measure: place.measure.clone(),
        value: value.clone(),
        unit: again
            .site
            .catalogue
            .vocabulary()
            .measures
            .get(&**place.measure)
            .map_or_else(|| "".into(), |info| info.unit.clone()),
        quality,
    };
    let same_event = fed.iter_mut().find(|one| {
        one.event.id == EventId::default()
            && one.offset == place.offset
            && one.event.entity == *place.entity
            && one.event.observed == place.observed
    });
    if let Some(one) = same_event {
        if one.event.value(place.measure).is_none() {
            one.event.values.push(measured);
        }
        return;
    }
    let mut event = plain(
        record,
        again,
        place.entity,
        place.observed,
        (processed, received),
    );
    event.values.push(measured);
    fed.push(Fed {
        now: processed,
        wall: received,
        offset: place.offset,
        event,
    });
}

/// An event of an entity without values.
fn plain(
    record: &Record,
    again: &Again,
    entity: &Name,
    observed: Time,
    (processed, received): (Time, Time),
) -> Event {
    let alert = &record.transition.alert;
    let known = again.site.catalogue.vocabulary().entities.get(&**entity);
    Event {
        id: EventId::default(),
        kind: Kind::Reading,
        stream: known.map_or(alert.stream, |info| info.stream),
        status: alert.status,
        site: alert.site.clone(),
        entity: entity.clone(),
        device: entity.clone(),
        observed,
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received,
        processed,
        sequence: None,
        place: None,
        flags: if alert.retrospective {
            EventFlags::HISTORY
        } else {
            EventFlags::default()
        },
        values: Vec::new(),
    }
}
