//! What happens to the engine and to the model: records from a seed.

use std::collections::BTreeMap;
use std::fmt;

use event::{CloseCause, Quality, Status, Value};

use crate::site::SPEAKERS;
use crate::truth::Thing;
use crate::{BOUND, MINUTE};

/// Minutes since 1970 at which every script begins.
pub(crate) const BEGIN: i64 = 28_000_000 * MINUTE;

/// An event, as far as it matters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) entity: &'static str,
    pub(crate) status: Status,
    pub(crate) observed: i64,
    /// Beyond the lateness bound, and flagged so.
    pub(crate) history: bool,
    pub(crate) values: Vec<(&'static str, Value, Quality)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Acknowledge,
    Shelve { minutes: i64, one_shot: bool },
    Unshelve,
    Comment,
    Assign,
    Escalate,
    Reset,
    Close(CloseCause),
    Reopen,
    MarkFalse,
    UnmarkFalse,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Clock,
    Stop,
    Start,
    Rules(usize),
    Event(Said),
    /// About one of the newest alerts, as the operator saw it so many revisions ago.
    Command {
        pick: usize,
        seen: u32,
        act: Act,
    },
    /// The same command once more.
    Again {
        pick: usize,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) now: i64,
    /// The second engine is made anew from its bytes before this record.
    pub(crate) restart: bool,
    pub(crate) what: What,
}

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..4 {
            random.next(2);
        }
        random
    }

    pub(crate) fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.next(many) == 0
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.next(list.len() as u64) as usize].clone()
    }
}

/// What kind of life it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    /// Events come late, in bursts and again.
    pub(crate) disorder: bool,
    /// Devices' clocks run ahead by up to so many minutes.
    pub(crate) ahead: i64,
    pub(crate) commands: bool,
    pub(crate) rules: bool,
    /// Nearly everything is about one thing: it comes and goes.
    pub(crate) focus: bool,
}

impl Life {
    pub(crate) const fn of(seed: u64) -> Self {
        Self {
            disorder: !seed.is_multiple_of(8),
            ahead: if seed.is_multiple_of(3) { 3 } else { 0 },
            commands: seed % 4 != 1,
            rules: seed % 4 == 3,
            focus: seed % 5 == 4,
        }
    }
}

struct Writer {
    random: Random,
    life: Life,
    now: i64,
    sent: Vec<Said>,
    used: BTreeMap<(Thing, i64), usize>,
    steps: Vec<Step>,
}

/// The life of a seed.
pub(crate) fn script(seed: u64, life: Life, length: usize) -> Vec<Step> {
    let mut writer = Writer {
        random: Random::new(seed),
        life,
        now: BEGIN,
        sent: Vec::new(),
        used: BTreeMap::new(),
        steps: Vec::new(),
    };
    let mut set = 0;
    while writer.steps.len() < length {
        writer.now += writer.random.next(6) as i64 * MINUTE / 2;
        match writer.random.next(1_000) {
            0..8 => writer.put(What::Clock, 90),
            8..16 => {
                if writer.random.one_in(2) {
                    writer.put(What::Stop, 0);
                }
                writer.put(What::Start, 90);
            }
            16..24 if life.rules => {
                set = 1 - set;
                writer.put(What::Rules(set), 0);
            }
            24..100 => writer.put(What::Clock, 5),
            100..250 if life.commands => {
                let what = writer.command();
                writer.put(what, 0);
            }
            250..265 if life.disorder => writer.burst(),
            _ => {
                let said = writer.event();
                writer.say(said);
            }
        }
    }
    // Until the bound has passed for good.
    writer.put(What::Clock, 0);
    writer.now += 2 * BOUND;
    writer.put(What::Clock, 0);
    writer.steps
}

impl Writer {
    /// Up to so many minutes later.
    fn put(&mut self, what: What, gap: u64) {
        if gap > 0 {
            self.now += self.random.next(2 * gap) as i64 * MINUTE / 2;
        }
        let restart = self.random.one_in(30);
        self.steps.push(Step {
            now: self.now,
            restart,
            what,
        });
    }

    fn say(&mut self, said: Said) {
        let place = ((said.entity, said.status), said.observed);
        let said = match self.used.get(&place) {
            // Events of one entity have unique times: what comes at a known one is the known event.
            Some(known) if !said.history => {
                let mut again = self.sent[*known].clone();
                if self.random.one_in(4) {
                    for (_, value, _) in &mut again.values {
                        if let Value::Number(value) = value {
                            *value += 2.0;
                        }
                    }
                }
                again.history = again.observed <= self.now - BOUND;
                again
            }
            _ => {
                self.used.insert(place, self.sent.len());
                self.sent.push(said.clone());
                said
            }
        };
        self.put(What::Event(said), 0);
    }

    /// A gateway sends what it has kept, in order or not.
    fn burst(&mut self) {
        let entity = self.random.of(&SPEAKERS);
        let mut events = Vec::new();
        let mut lag = BOUND - (1 + self.life.ahead) * MINUTE;
        while lag > 0 {
            let mut said = self.event();
            said.entity = entity;
            said.status = Status::Actual;
            said.observed = self.grid(self.now - lag);
            said.history = false;
            events.push(said);
            lag -= (2 + self.random.next(8) as i64) * MINUTE / 2;
        }
        if self.random.one_in(2) {
            for at in (1..events.len()).rev() {
                let other = self.random.next(at as u64 + 1) as usize;
                events.swap(at, other);
            }
        }
        for said in events {
            self.say(said);
        }
    }

    /// Times lie on half minutes, so that they meet the ends of holds; now and then beside them.
    fn grid(&mut self, at: i64) -> i64 {
        let on = at - at.rem_euclid(MINUTE / 2);
        if self.random.one_in(20) {
            on + 7_000_000_000
        } else {
            on
        }
    }

    fn event(&mut self) -> Said {
        let focus = self.life.focus && !self.random.one_in(10);
        let entity = if focus {
            "g1"
        } else {
            self.random.of(&SPEAKERS)
        };
        let status = match self.random.next(20) {
            0 => Status::Exercise,
            1 => Status::Test,
            _ => Status::Actual,
        };
        let within = (BOUND / (MINUTE / 2) - 1 - 2 * self.life.ahead) as u64;
        let kind = if self.life.disorder {
            self.random.next(20)
        } else {
            19
        };
        let (lag, history) = match kind {
            0 => (
                BOUND + MINUTE + self.random.next(300) as i64 * MINUTE / 2,
                true,
            ),
            1..6 => (self.random.next(within) as i64 * MINUTE / 2, false),
            6..9 => (self.random.next(8) as i64 * MINUTE / 2, false),
            _ => (
                -(self.random.next(2 * self.life.ahead as u64 + 1) as i64) * MINUTE / 2,
                false,
            ),
        };
        let observed = if self.life.disorder {
            self.grid(self.now - lag)
        } else {
            self.now
        };
        Said {
            entity,
            status,
            observed,
            history,
            values: self.values(),
        }
    }

    fn values(&mut self) -> Vec<(&'static str, Value, Quality)> {
        let names: &[&str] = match self.random.next(16) {
            0..5 => &["level"],
            5..9 => &["flow"],
            9..11 => &["temp"],
            11 => &["on"],
            12 => &["mode"],
            13 => &["level", "flow"],
            14 => &["temp", "level"],
            _ => &["flow", "temp", "on"],
        };
        let mut values = Vec::new();
        for name in names {
            let value = match *name {
                "level" => Value::Number(self.random.of(&[3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 6.5])),
                "flow" => Value::Number(self.random.of(&[60.0, 80.0, 100.0, 110.0, 125.0, 140.0])),
                "temp" => Value::Number(self.random.of(&[10.0, 35.0, 60.0, 95.0])),
                "on" => Value::Boolean(self.random.one_in(2)),
                _ => Value::Code(self.random.of(&["open", "shut", "stuck"]).into()),
            };
            let quality = match self.random.next(32) {
                0 | 1 => Quality::SENSOR_FAULT,
                2 | 3 => Quality::OUT_OF_RANGE,
                4 | 5 => Quality::SPIKE,
                _ => Quality::GOOD,
            };
            values.push((*name, value, quality));
        }
        values
    }

    fn command(&mut self) -> What {
        let pick = self.random.next(12) as usize;
        if self.random.one_in(12) {
            return What::Again { pick };
        }
        let act = match self.random.next(24) {
            0..10 => Act::Acknowledge,
            10..13 => Act::Shelve {
                minutes: (self.random.next(40) as i64 - 3) * 40,
                one_shot: self.random.one_in(3),
            },
            13 => Act::Unshelve,
            14 => Act::Comment,
            15 => Act::Assign,
            16 => Act::Escalate,
            17 => Act::Reset,
            18 | 19 => Act::Close(self.random.of(&[
                CloseCause::Handled,
                CloseCause::FalseAlert,
                CloseCause::SensorFault,
                CloseCause::Maintenance,
                CloseCause::Other,
            ])),
            20 => Act::Reopen,
            21 => Act::MarkFalse,
            22 => Act::UnmarkFalse,
            _ => Act::Comment,
        };
        let seen = self.random.next(3) as u32;
        What::Command { pick, seen, act }
    }
}

/// Minutes since the beginning.
pub(crate) fn minutes(at: i64) -> f64 {
    (at - BEGIN) as f64 / MINUTE as f64
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restart = if self.restart { "restart, " } else { "" };
        write!(f, "at {}m: {restart}", minutes(self.now))?;
        match &self.what {
            What::Event(said) => {
                write!(
                    f,
                    "event {} {:?} obs={}m",
                    said.entity,
                    said.status,
                    minutes(said.observed)
                )?;
                for (name, value, quality) in &said.values {
                    write!(f, " {name}={value:?}!{}", quality.0)?;
                }
                f.write_str(if said.history { " history" } else { "" })
            }
            other => write!(f, "{other:?}"),
        }
    }
}
