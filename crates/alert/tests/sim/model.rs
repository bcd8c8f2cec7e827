//! The plain model: every key of every thing in the open, every timer looked at again and again.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the plain model names what moves"
)]

use std::collections::BTreeMap;

use alert::SHELVE_MAX;
use event::{Action, AlertState, Change, Command, Event, Refusal, Status, Value};

use crate::MINUTE;
use crate::keys::{Alarm, Key, Phase, Seen, give_back, raise, tell, turn};

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

/// See the module.
#[derive(Default)]
pub(crate) struct Model {
    things: BTreeMap<(String, Status), Thing>,
    now: Option<i64>,
    down: i64,
    grace: i64,
    verdicts: BTreeMap<String, (Command, Option<Refusal>)>,
    over: Vec<Alarm>,
    pub(crate) out: Vec<Seen>,
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
    pub(crate) fn advance(&mut self, now: i64, offset: u64) {
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
                    Phase::Releasing(since) => give_back(&mut thing.held, since, over, out),
                    _ => unreachable!(),
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

    pub(crate) fn start(&mut self, now: i64, offset: u64) {
        self.begin(now);
        self.down += (now - self.now.unwrap()).max(0);
        self.grace = now + 5 * MINUTE;
        self.advance(now, offset);
    }

    pub(crate) fn event(&mut self, event: &Event, now: i64, offset: u64) {
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
            let good = measured.quality.is_usable();
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
                        give_back(&mut thing.gone, now, over, out);
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
                give_back(&mut thing.silent, now, over, out);
            }
        }
    }

    pub(crate) fn command(&mut self, command: &Command, now: i64) -> Option<Refusal> {
        if let Some(first) = self.verdicts.get(&command.command_id) {
            let (same, refusal) = first;
            let asked = |command: &Command| match &command.action {
                Action::Shelve { until, reason } => {
                    (Action::Unshelve, Some((*until, reason.clone())))
                }
                other => (other.clone(), None),
            };
            let near = match (asked(same), asked(command)) {
                ((_, Some((a, why))), (_, Some((b, because)))) => {
                    why == because && (a.0 - b.0).abs() <= 5 * MINUTE
                }
                (a, b) => a == b,
            };
            let known = near && same.alert == command.alert && same.operator == command.operator;
            return if known {
                *refusal
            } else {
                Some(Refusal::CommandIdReused)
            };
        }
        let refusal = self.obey(command, now).err();
        self.verdicts
            .insert(command.command_id.clone(), (command.clone(), refusal));
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
