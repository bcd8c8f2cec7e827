//! The engine against a slow, plain model of thresholds, dead bands, holds, releases, absence and commands: random
//! records from a seed, late and repeated events, bad values, drills, downtime, and a restart from bytes at any point.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the plain model names what moves"
)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use alert::{Engine, Origin, RuleSet, SHELVE_MAX};
use event::{
    Action, AlertId, AlertState, Change, Command, Event, EventFlags, EventId, Kind, Measured,
    Quality, Refusal, Status, Stream, Time, Transition, Value,
};

use common::{JOURNAL, pack, root, vocabulary};

const MINUTE: i64 = 60_000_000_000;
const SEEDS: u64 = 1_000;
const RECORDS: usize = 500;

/// What is compared: everything that decides, nothing that is text.
type Seen = (String, Change, AlertState, u32, i64, u32);

struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Clear,
    Pending(i64),
    Active,
    Releasing(i64),
}

#[derive(Clone)]
struct Alarm {
    id: String,
    state: AlertState,
    revision: u32,
    opened: u32,
    since: i64,
    times: u32,
    shelved: Option<i64>,
    acknowledged: bool,
}

struct Key {
    phase: Phase,
    newest: i64,
    alarm: Option<Alarm>,
}

impl Default for Key {
    fn default() -> Self {
        Self {
            phase: Phase::Clear,
            newest: i64::MIN,
            alarm: None,
        }
    }
}

#[derive(Default)]
struct Thing {
    status: Status,
    hi: Key,
    held: Key,
    /// Silence of level, and of anything: last heard in uptime and journal time.
    gone: Key,
    gone_heard: Option<(i64, i64)>,
    silent: Key,
    silent_heard: Option<(i64, i64)>,
    level: Option<(i64, f64)>,
}

#[derive(Default)]
struct Model {
    things: BTreeMap<(String, Status), Thing>,
    now: Option<i64>,
    down: i64,
    grace: i64,
    verdicts: BTreeMap<String, Option<Refusal>>,
    over: Vec<Alarm>,
    out: Vec<Seen>,
}

fn raise(key: &mut Key, rule: &str, name: &str, since: i64, offset: u64, out: &mut Vec<Seen>) {
    key.phase = Phase::Active;
    let change = if let Some(alarm) = &mut key.alarm {
        alarm.state = AlertState::Unacknowledged;
        alarm.revision += 1;
        alarm.opened = alarm.revision;
        alarm.since = since;
        alarm.times += 1;
        Change::Reopened
    } else {
        key.alarm = Some(Alarm {
            id: AlertId::new(rule, name, JOURNAL, offset).0,
            state: AlertState::Unacknowledged,
            revision: 1,
            opened: 1,
            since,
            times: 1,
            shelved: None,
            acknowledged: false,
        });
        Change::Raised
    };
    tell(key.alarm.as_ref().unwrap(), change, out);
}

fn tell(alarm: &Alarm, change: Change, out: &mut Vec<Seen>) {
    out.push((
        alarm.id.clone(),
        change,
        alarm.state,
        alarm.revision,
        alarm.since,
        alarm.times,
    ));
}

fn give_back(key: &mut Key, over: &mut Vec<Alarm>, out: &mut Vec<Seen>) {
    key.phase = Phase::Clear;
    let alarm = key.alarm.as_mut().unwrap();
    alarm.revision += 1;
    if alarm.acknowledged {
        alarm.state = AlertState::Normal;
        tell(alarm, Change::Resolved, out);
        over.push(key.alarm.take().unwrap());
    } else {
        alarm.state = AlertState::ReturnedUnacknowledged;
        tell(alarm, Change::ReturnedToNormal, out);
    }
}

/// `yes`: the condition; `gone`: the clear condition; `good`: whether the value may clear.
#[allow(
    clippy::too_many_arguments,
    reason = "the plain model has no structure on purpose"
)]
fn turn(
    key: &mut Key,
    rule: &str,
    name: &str,
    (yes, gone, good): (bool, bool, bool),
    (hold, release): (i64, i64),
    at: i64,
    offset: u64,
    over: &mut Vec<Alarm>,
    out: &mut Vec<Seen>,
) {
    if at <= key.newest {
        return;
    }
    key.newest = at;
    // What ended before this event.
    match key.phase {
        Phase::Pending(since) if at > since + hold => raise(key, rule, name, since, offset, out),
        Phase::Releasing(since) if at > since + release => give_back(key, over, out),
        _ => {}
    }
    if !good {
        match key.phase {
            Phase::Pending(since) if at == since + hold => {
                raise(key, rule, name, since, offset, out)
            }
            Phase::Releasing(since) if at == since + release => give_back(key, over, out),
            _ => {}
        }
        return;
    }
    match key.phase {
        Phase::Clear if yes && hold == 0 => raise(key, rule, name, at, offset, out),
        Phase::Clear if yes => key.phase = Phase::Pending(at),
        Phase::Pending(_) if !yes => key.phase = Phase::Clear,
        Phase::Pending(since) if at == since + hold => raise(key, rule, name, since, offset, out),
        Phase::Active if gone && release == 0 => give_back(key, over, out),
        Phase::Active if gone => key.phase = Phase::Releasing(at),
        Phase::Releasing(_) if !gone => key.phase = Phase::Active,
        Phase::Releasing(since) if at == since + release => give_back(key, over, out),
        _ => {}
    }
}

fn key_name(name: &str, status: Status) -> String {
    if status == Status::Exercise {
        format!("{name}@exercise")
    } else {
        name.to_owned()
    }
}

impl Model {
    fn begin(&mut self, now: i64) {
        if self.now.is_none() {
            self.now = Some(now);
            self.grace = i64::MIN;
            let thing = self
                .things
                .entry(("e1".to_owned(), Status::Actual))
                .or_default();
            thing.silent_heard = Some((now, now));
        }
    }

    /// Every timer of every thing is looked at again and again, the earliest due fired, until none is left.
    fn advance(&mut self, now: i64, offset: u64) {
        self.begin(now);
        while let Some((_, _, id, which)) = self.earliest(now) {
            let name = key_name(&id.0, id.1);
            let thing = self.things.get_mut(&id).unwrap();
            let (over, out) = (&mut self.over, &mut self.out);
            match which {
                0 => match thing.held.phase {
                    Phase::Pending(since) => {
                        raise(&mut thing.held, "held", &name, since, offset, out)
                    }
                    _ => give_back(&mut thing.held, over, out),
                },
                1..=4 => {
                    let keys = [
                        &mut thing.hi,
                        &mut thing.held,
                        &mut thing.gone,
                        &mut thing.silent,
                    ];
                    let key = keys.into_iter().nth(which - 1).unwrap();
                    let alarm = key.alarm.as_mut().unwrap();
                    alarm.shelved = None;
                    alarm.revision += 1;
                    tell(alarm, Change::Unshelved, out);
                }
                5 => {
                    let (_, since) = thing.silent_heard.take().unwrap();
                    raise(&mut thing.silent, "silent", &name, since, offset, out);
                }
                _ => {
                    let (_, since) = thing.gone_heard.take().unwrap();
                    if thing.level.is_some_and(|(_, level)| level >= 5.0) {
                        raise(&mut thing.gone, "gone", &name, since, offset, out);
                    }
                }
            }
        }
        self.now = self.now.max(Some(now));
    }

    /// When, what comes first at equal times, whose, and which timer.
    fn earliest(&self, now: i64) -> Option<(i64, u8, (String, Status), usize)> {
        let mut due = Vec::new();
        for (id, thing) in &self.things {
            match thing.held.phase {
                Phase::Pending(since) => due.push((since + 10 * MINUTE, 0, id.clone(), 0)),
                Phase::Releasing(since) => due.push((since + 5 * MINUTE, 0, id.clone(), 0)),
                _ => {}
            }
            for (which, key) in [&thing.hi, &thing.held, &thing.gone, &thing.silent]
                .into_iter()
                .enumerate()
            {
                if let Some(until) = key.alarm.as_ref().and_then(|alarm| alarm.shelved) {
                    due.push((until, 1, id.clone(), which + 1));
                }
            }
            if let Some((heard, _)) = thing.silent_heard {
                due.push((
                    (heard + 30 * MINUTE + self.down).max(self.grace),
                    2,
                    id.clone(),
                    5,
                ));
            }
            if let Some((heard, _)) = thing.gone_heard {
                due.push((
                    (heard + 20 * MINUTE + self.down).max(self.grace),
                    2,
                    id.clone(),
                    6,
                ));
            }
        }
        due.into_iter().filter(|(at, ..)| *at <= now).min()
    }

    fn start(&mut self, now: i64, offset: u64) {
        self.begin(now);
        self.down += (now - self.now.unwrap()).max(0);
        self.grace = now + 5 * MINUTE;
        self.advance(now, offset);
    }

    fn event(&mut self, event: &Event, now: i64, offset: u64) {
        let up = now - self.down;
        let id = (event.entity.to_string(), event.status);
        let name = key_name(&id.0, id.1);
        let thing = self.things.entry(id.clone()).or_default();
        thing.status = event.status;
        let at = event.observed.0;
        let (over, out) = (&mut self.over, &mut self.out);
        for measured in &event.values {
            let Value::Number(value) = measured.value else {
                continue;
            };
            let good = measured.quality.is_good();
            if &*measured.measure == "level" {
                if good && thing.level.is_none_or(|(newest, _)| at > newest) {
                    thing.level = Some((at, value));
                }
                let said = (value >= 5.0, value < 4.0, good);
                turn(
                    &mut thing.hi,
                    "hi",
                    &name,
                    said,
                    (0, 0),
                    at,
                    offset,
                    over,
                    out,
                );
                if good && id.1 == Status::Actual && id.0.starts_with('g') {
                    thing.gone_heard = Some((up, now));
                    if thing.gone.phase == Phase::Active {
                        give_back(&mut thing.gone, over, out);
                    }
                }
            } else {
                let said = (value > 100.0, value < 80.0, good);
                let times = (10 * MINUTE, 5 * MINUTE);
                turn(
                    &mut thing.held,
                    "held",
                    &name,
                    said,
                    times,
                    at,
                    offset,
                    over,
                    out,
                );
            }
        }
        if id.1 == Status::Actual && id.0 == "e1" {
            thing.silent_heard = Some((up, now));
            if thing.silent.phase == Phase::Active {
                give_back(&mut thing.silent, over, out);
            }
        }
    }

    fn command(&mut self, command: &Command, now: i64) -> Option<Refusal> {
        if let Some(first) = self.verdicts.get(&command.command_id) {
            return *first;
        }
        let refusal = self.obey(command, now).err();
        self.verdicts.insert(command.command_id.clone(), refusal);
        refusal
    }

    fn obey(&mut self, command: &Command, now: i64) -> Result<(), Refusal> {
        let keys = self.things.values_mut().flat_map(|thing| {
            [
                &mut thing.hi,
                &mut thing.held,
                &mut thing.gone,
                &mut thing.silent,
            ]
        });
        let mut keys: Vec<&mut Key> = keys.collect();
        let found = keys.iter_mut().find(|key| {
            key.alarm
                .as_ref()
                .is_some_and(|alarm| alarm.id == command.alert.0)
        });
        let Some(key) = found else {
            let over = self.over.iter().any(|alarm| alarm.id == command.alert.0);
            return Err(if over {
                Refusal::AlreadyAcknowledged
            } else {
                Refusal::AlertUnknown
            });
        };
        let alarm = key.alarm.as_mut().unwrap();
        let seen = (alarm.opened..=alarm.revision).contains(&command.seen_revision);
        match &command.action {
            Action::Acknowledge => {
                if alarm.acknowledged {
                    return Err(Refusal::AlreadyAcknowledged);
                }
                if !seen {
                    return Err(Refusal::StateChanged);
                }
                alarm.acknowledged = true;
                alarm.revision += 1;
                if alarm.state == AlertState::Unacknowledged {
                    alarm.state = AlertState::Acknowledged;
                    tell(alarm, Change::Acknowledged, &mut self.out);
                } else {
                    alarm.state = AlertState::Normal;
                    tell(alarm, Change::Resolved, &mut self.out);
                    self.over.push(key.alarm.take().unwrap());
                }
            }
            Action::Shelve { until, .. } => {
                if !seen {
                    return Err(Refusal::StateChanged);
                }
                if until.0 <= now {
                    return Err(Refusal::TimePast);
                }
                if until.0 - now > SHELVE_MAX {
                    return Err(Refusal::ShelveTooLong);
                }
                alarm.shelved = Some(until.0);
                alarm.revision += 1;
                tell(alarm, Change::Shelved, &mut self.out);
            }
            Action::Unshelve => {
                alarm.shelved.take().ok_or(Refusal::NotShelved)?;
                alarm.revision += 1;
                tell(alarm, Change::Unshelved, &mut self.out);
            }
            Action::Comment { .. } => {
                alarm.revision += 1;
                tell(alarm, Change::Commented, &mut self.out);
            }
        }
        Ok(())
    }
}

fn random_event(random: &mut Random, now: i64, sent: &mut Vec<Event>) -> Event {
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

fn random_command(random: &mut Random, now: i64, count: usize, engine: &Engine) -> Command {
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

fn seen(transitions: &[Transition]) -> Vec<Seen> {
    let seen = transitions.iter().map(|transition| {
        let alert = &transition.alert;
        let id = alert.id.0.clone();
        let (state, since) = (alert.state, alert.since.0);
        (
            id,
            transition.change,
            state,
            alert.revision,
            since,
            alert.occurrences,
        )
    });
    let mut seen: Vec<Seen> = seen.collect();
    seen.sort_by(|a, b| (&a.0, a.3).cmp(&(&b.0, b.3)));
    seen
}

/// One life from a seed; returns how many transitions there were.
fn live(seed: u64, rules: &Arc<RuleSet>) -> usize {
    let vocabulary = Arc::new(vocabulary());
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut engine = Engine::new(Arc::clone(rules), Arc::clone(&vocabulary));
    // A second engine is restarted from bytes at every so many records and must never differ.
    let mut restarted = Engine::new(Arc::clone(rules), Arc::clone(&vocabulary));
    let mut model = Model::default();
    let (mut now, mut sent, mut commands, mut total) = (28_000_000 * MINUTE, Vec::new(), 0, 0);
    for offset in 0..RECORDS as u64 {
        now += random.next(6) as i64 * MINUTE / 2;
        let what = random.next(100);
        if what == 0 {
            now += random.next(100) as i64 * MINUTE;
        }
        if random.next(40) == 0 {
            let bytes = postcard::to_allocvec(&restarted.save()).unwrap();
            let saved = postcard::from_bytes(&bytes).unwrap();
            restarted = Engine::restore(Arc::clone(rules), Arc::clone(&vocabulary), saved).unwrap();
        }
        let origin = Origin {
            journal: JOURNAL,
            offset,
            now: Time(now),
            wall: Time(now),
        };
        let (mut out, mut again) = (Vec::new(), Vec::new());
        if what == 0 {
            model.start(now, offset);
            engine.node_started(&origin, &mut out);
            restarted.node_started(&origin, &mut again);
        } else {
            model.advance(now, offset);
            engine.advance(&origin, &mut out);
            restarted.advance(&origin, &mut again);
        }
        if what > 20 {
            let event = random_event(&mut random, now, &mut sent);
            model.event(&event, now, offset);
            engine.event(&origin, &event, &mut out);
            restarted.event(&origin, &event, &mut again);
        } else if what > 5 {
            let command = random_command(&mut random, now, commands, &engine);
            commands += 1;
            let refusal = model.command(&command, now);
            let verdict = engine.command(&origin, &command, &mut out);
            assert_eq!(
                verdict.refusal, refusal,
                "seed {seed} record {offset} {command:?}"
            );
            assert_eq!(
                restarted.command(&origin, &command, &mut again),
                verdict,
                "seed {seed}"
            );
        }
        assert_eq!(
            out, again,
            "seed {seed} record {offset}: differs after a restart"
        );
        let mut told = std::mem::take(&mut model.out);
        told.sort_by(|a, b| (&a.0, a.3).cmp(&(&b.0, b.3)));
        assert_eq!(
            seen(&out),
            told,
            "seed {seed} record {offset}: engine left, model right"
        );
        total += out.len();
    }
    let bytes = |engine: &Engine| postcard::to_allocvec(&engine.save()).unwrap();
    assert_eq!(
        bytes(&engine),
        bytes(&restarted),
        "seed {seed}: states differ at the end"
    );
    total
}

#[test]
fn engine_equals_plain_model() {
    let files = pack(&root().join("testdata/packs/sim"));
    let rules = Arc::new(RuleSet::load(&files, &vocabulary()).unwrap());
    let total: usize = (1..=SEEDS).map(|seed| live(seed, &rules)).sum();
    assert!(
        total > 100_000,
        "only {total} transitions: the simulation does too little"
    );
}
