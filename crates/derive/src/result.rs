//! From an event to a reading, and from a result to an event.

use event::{Event, EventFlags, EventId, Kind, Measured, Name, Place, Status, Stream, Time, Value};

use crate::identity::{self, Parts};
use crate::methods::{Answer, Cell, Said, Sample, Shape};
use crate::rules::{Rule, Rules};
use crate::series::Found;

/// Whom a result belongs to.
pub(crate) struct Source<'a> {
    pub(crate) rule: usize,
    pub(crate) entity: &'a Name,
    pub(crate) status: Status,
    pub(crate) stream: Stream,
    pub(crate) site: &'a Name,
    pub(crate) device: &'a Name,
    pub(crate) place: Option<&'a Place>,
    pub(crate) received: Time,
    pub(crate) processed: Time,
    pub(crate) flags: EventFlags,
    pub(crate) input: EventId,
}

impl Rules {
    pub(crate) fn make_all(&self, source: &Source<'_>, found: &mut Vec<Found>) -> Vec<Event> {
        found
            .drain(..)
            .filter_map(|found| self.make(source, &found))
            .collect()
    }

    /// The event of a result; none if the rule asks for nothing of it.
    pub(crate) fn make(&self, source: &Source<'_>, found: &Found) -> Option<Event> {
        let rule = self.list.get(source.rule)?;
        let values: Vec<Measured> = found
            .answers
            .iter()
            .filter_map(|answer| measured(rule, answer))
            .collect();
        if values.is_empty() {
            return None;
        }
        let position = 4 * i64::try_from(source.rule).unwrap_or(0) + i64::from(found.kind);
        let revision = i64::from(found.revision);
        let observed = Time(found.at).plus(1 + position + 4_096 * revision);
        let mut flags = source.flags.with(EventFlags::DERIVED);
        if found.late {
            flags = flags.with(EventFlags::LATE);
        }
        if rule.unofficial {
            flags = flags.with(EventFlags::UNOFFICIAL);
        }
        let lateness = self.lateness_ns.get(&source.stream).copied();
        if lateness.is_some_and(|lateness| source.processed.since(Time(found.at)) > lateness) {
            flags = flags.with(EventFlags::HISTORY);
        }
        Some(Event {
            id: identity::of_result(&Parts {
                site: source.site,
                rule: &rule.name,
                entity: source.entity,
                device: source.device,
                status: source.status,
                observed,
                input: source.input,
            }),
            kind: Kind::Reading,
            stream: source.stream,
            status: source.status,
            site: source.site.clone(),
            entity: source.entity.clone(),
            device: source.device.clone(),
            observed,
            observed_until: None,
            valid_from: None,
            valid_to: None,
            received: source.received,
            processed: source.processed,
            sequence: None,
            place: source.place.cloned(),
            flags,
            values,
        })
    }
}

/// A number of the event, or one that an earlier rule fed; as long as it may be used.
pub(crate) fn usable(event: &Event, fed: &[(Name, Cell)], measure: &Name) -> Option<Cell> {
    let of_event = event.value(measure).and_then(|measured| {
        let Value::Number(value) = measured.value else {
            return None;
        };
        measured.quality.is_usable().then_some(Cell {
            value,
            quality: measured.quality,
        })
    });
    of_event.or_else(|| {
        let found = fed.iter().find(|(name, _)| name == measure);
        found.map(|(_, cell)| *cell)
    })
}

pub(crate) fn feed(rule: &Rule, answers: &[Answer], fed: &mut Vec<(Name, Cell)>) {
    for answer in answers {
        if let (Some(Some(output)), Said::Number(value)) =
            (rule.outputs.get(answer.output), answer.said)
        {
            let quality = answer.quality;
            fed.push((output.measure.clone(), Cell { value, quality }));
        }
    }
}

pub(crate) fn sample(
    event: &Event,
    rule: &Rule,
    shape: &Shape,
    cells: Vec<Option<Cell>>,
) -> Sample {
    let until = event.observed_until.filter(|_| shape.interval);
    let serial = shape
        .serial
        .and_then(|slot| rule.inputs.get(slot)?.as_ref())
        .and_then(|measure| match &event.value(measure)?.value {
            Value::Code(code) => Some(identity::mark(code)),
            Value::Number(number) => Some(number.to_bits()),
            Value::Boolean(_) => None,
        });
    Sample {
        at: until.unwrap_or(event.observed).0,
        from: event.observed.0,
        id: event.id,
        source: identity::mark(&event.device),
        serial,
        cells,
    }
}

fn measured(rule: &Rule, answer: &Answer) -> Option<Measured> {
    let output = rule.outputs.get(answer.output)?.as_ref()?;
    let (value, unit) = match answer.said {
        Said::Number(value) if value.is_finite() => (Value::Number(value), output.unit.clone()),
        Said::Number(_) => return None,
        Said::Code(code) => (Value::Code(Name::from(code)), Name::from("")),
    };
    Some(Measured {
        measure: output.measure.clone(),
        value,
        unit,
        quality: answer.quality,
    })
}
