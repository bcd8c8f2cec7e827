//! From the state of releases that kept newest values and phases alone.

use event::{Measured, Name, Place, Status, Stream, Time};

use super::fault::Faulty;
use super::machine::{Machine, Phase, Shape};
use super::saved::{KernelSaved, SavedKey, SavedUnit};
use super::state::{Key, KeyRef, Retrospect, Silence, Tail, Told, Watch};
use crate::history::{History, Row};
use crate::ruleset::{Kind, RuleSet};
use crate::signal::EpisodeId;

pub(crate) struct OldKernel {
    pub(crate) now: Option<Time>,
    pub(crate) down_ns: i64,
    pub(crate) grace_until: Time,
    pub(crate) episodes: u64,
    pub(crate) units: Vec<OldUnit>,
    pub(crate) faults: Vec<(Name, EpisodeId, (u32, u16))>,
}

pub(crate) struct OldUnit {
    pub(crate) entity: Name,
    pub(crate) status: Status,
    pub(crate) stream: Stream,
    pub(crate) place: Option<Place>,
    pub(crate) slots: Vec<(Name, Vec<OldObservation>)>,
    pub(crate) keys: Vec<(Name, OldKey)>,
}

pub(crate) struct OldObservation {
    pub(crate) measured: Measured,
    pub(crate) observed: i64,
    pub(crate) received: Time,
    pub(crate) processed: Time,
    pub(crate) offset: u64,
}

#[derive(Clone, Copy)]
pub(crate) struct OldEpisode {
    pub(crate) episode: EpisodeId,
    pub(crate) since: i64,
    pub(crate) at: i64,
    pub(crate) value: Option<f64>,
}

pub(crate) struct OldKey {
    pub(crate) phase: Phase,
    pub(crate) newest: i64,
    pub(crate) told: Option<OldEpisode>,
    pub(crate) heard_up: i64,
    pub(crate) heard: Option<Time>,
    pub(crate) silent_since: Time,
    pub(crate) armed: bool,
    /// Since and newest of what history has told.
    pub(crate) retrospect: Option<(Option<i64>, Option<i64>)>,
}

impl KernelSaved {
    pub(crate) fn from_old(rules: &RuleSet, old: OldKernel) -> Self {
        let mut episodes = old.episodes;
        let faults = old.faults.into_iter().map(|(rule, episode, (unit, key))| {
            let at = KeyRef::Unit(unit, key);
            (rule, Faulty { episode, at })
        });
        Self {
            now: old.now,
            down_ns: old.down_ns,
            grace_until: old.grace_until,
            faults: faults.collect(),
            units: (old.units.into_iter())
                .map(|unit| unit_of(rules, unit, &mut episodes))
                .collect(),
            groups: Vec::new(),
            warnings: super::WarningsSaved::default(),
            episodes,
        }
    }
}

fn unit_of(rules: &RuleSet, old: OldUnit, episodes: &mut u64) -> SavedUnit {
    let mut history = History::new(old.slots.len());
    for (slot, (_, observations)) in old.slots.iter().enumerate() {
        for one in observations {
            let row = Row {
                observed: one.observed,
                received: one.received,
                processed: one.processed,
                offset: one.offset,
                touched: 0,
            };
            history.insert(row, std::iter::once((slot, &one.measured)));
        }
    }
    let mut retrospects = Vec::new();
    let mut keys = Vec::with_capacity(old.keys.len());
    for (index, (rule, key)) in (0_u16..).zip(old.keys) {
        if let Some((since, newest)) = key.retrospect {
            retrospects.push(Retrospect {
                key: index,
                since,
                newest,
            });
        }
        let found = rules
            .rules
            .iter()
            .find(|other| other.id == rule && !other.shadow);
        let absence = found.is_some_and(|rule| matches!(rule.kind, Kind::Absence { .. }));
        let key = if absence {
            Key::Silence(Silence {
                heard_up: key.heard_up,
                heard: key.heard,
                since: key.silent_since,
                armed: key.armed,
                told: key
                    .told
                    .filter(|_| key.phase.is_on())
                    .map(|told| told.episode),
            })
        } else {
            Key::Watch(watch_of(&key, episodes))
        };
        keys.push(SavedKey {
            rule,
            shadow: false,
            key,
        });
    }
    SavedUnit {
        entity: old.entity,
        status: old.status,
        stream: old.stream,
        place: old.place,
        measures: old.slots.into_iter().map(|(name, _)| name).collect(),
        history,
        keys,
        retrospects,
    }
}

/// What was decided stays: late points from before are history to it.
fn watch_of(key: &OldKey, episodes: &mut u64) -> Watch {
    let machine = Machine {
        phase: key.phase,
        newest: key.newest,
        first: i64::MIN,
    };
    let told = key.phase.is_on().then(|| match key.told {
        Some(told) => Told {
            episode: told.episode,
            since: told.since,
            until: None,
            at: told.at,
            value: told.value,
            suspect: false,
        },
        None => {
            *episodes += 1;
            Told {
                episode: EpisodeId(*episodes),
                since: key.newest,
                until: None,
                at: key.newest,
                value: None,
                suspect: false,
            }
        }
    });
    let mut watch = Watch {
        machine,
        tail: Some(Box::new(Tail {
            checkpoint: machine,
            from: key.newest,
            told: told.into_iter().collect(),
            decided: i64::MIN,
            busy: key.newest,
            marks: Vec::new(),
            unmarked: 0,
        })),
    };
    if key.newest == i64::MIN {
        watch.tail = None;
    } else {
        watch.turn_over(
            key.newest,
            (Shape::default(), Shape::default()),
            &mut Vec::new(),
        );
    }
    watch
}
