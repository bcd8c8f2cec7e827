//! What happens to the engine and the model: events and commands from a seed.

use alert::Engine;
use event::{
    Action, AlertId, AlertState, Command, Event, EventFlags, EventId, Kind, Measured, Quality,
    Status, Stream, Time, Value,
};

use crate::MINUTE;

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

pub(crate) fn random_event(random: &mut Random, now: i64, sent: &mut Vec<Event>) -> Event {
    if !sent.is_empty() && random.next(12) == 0 {
        let again = random.next(sent.len() as u64) as usize;
        return sent[again].clone();
    }
    let entity = ["g1", "e1", "f9"][random.next(3) as usize];
    // Mostly fresh, on a grid so that times meet ends of holds exactly; sometimes late.
    let lag = if random.next(10) == 0 {
        random.next(20) as i64
    } else {
        0
    };
    // A clock that runs ahead lets an event meet the end of a hold before journal time does.
    let ahead = random.next(12) as i64;
    let observed = (now / MINUTE - lag + ahead) * MINUTE;
    let flow = random.next(2) == 0;
    let quality = if random.next(8) == 0 {
        Quality::SENSOR_FAULT
    } else {
        Quality::GOOD
    };
    let value = if flow {
        60.0 + 20.0 * random.next(4) as f64
    } else {
        [3.0, 3.5, 4.5, 5.0, 6.0][random.next(5) as usize]
    };
    let event = Event {
        id: EventId::default(),
        kind: Kind::Reading,
        stream: Stream::Disaster,
        status: if random.next(10) == 0 {
            Status::Exercise
        } else {
            Status::Actual
        },
        site: "test".into(),
        entity: entity.into(),
        device: entity.into(),
        observed: Time(observed),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: Time(now),
        processed: Time(now),
        sequence: None,
        place: None,
        flags: EventFlags::default(),
        values: vec![Measured {
            measure: if flow { "flow" } else { "level" }.into(),
            value: Value::Number(value),
            unit: "m".into(),
            quality,
        }],
    };
    sent.push(event.clone());
    event
}

pub(crate) fn random_command(
    random: &mut Random,
    now: i64,
    count: usize,
    engine: &Engine,
) -> Command {
    let alerts: Vec<_> = engine.alerts().collect();
    let alert = (!alerts.is_empty()).then(|| alerts[random.next(alerts.len() as u64) as usize]);
    let repeated = random.next(6) == 0;
    let number = if repeated {
        random.next(count as u64 + 1) as usize
    } else {
        count
    };
    let seen = alert.map_or(0, |alert| alert.revision);
    Command {
        command_id: format!("c{number}"),
        operator: "Lan".to_owned(),
        verified: false,
        alert: alert.map_or(AlertId("none".to_owned()), |alert| alert.id.clone()),
        seen_state: AlertState::Unacknowledged,
        seen_revision: seen.saturating_sub(random.next(3) as u32),
        action: match random.next(6) {
            0 | 1 => Action::Acknowledge,
            2 | 3 => Action::Shelve {
                until: Time(now + (random.next(40) as i64 - 3) * 40 * MINUTE),
                reason: "known".to_owned(),
            },
            4 => Action::Unshelve,
            _ => Action::Comment {
                text: "seen".to_owned(),
            },
        },
    }
}
