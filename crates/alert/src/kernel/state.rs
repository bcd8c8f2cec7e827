//! What is kept of an entity and of each of its keys.

use std::sync::Arc;

use event::{EntityInfo, Name, Place, Status, Stream, Time};
use serde::{Deserialize, Serialize};

use super::binding::Binding;
use super::machine::Machine;
use crate::cel::Place as SlotPlace;
use crate::history::History;
use crate::ruleset::{Kind, Rule};
use crate::signal::EpisodeId;

/// Episodes of one key told since its checkpoint, at most; over that the checkpoint moves on before its time.
pub(crate) const TOLD_MAX: usize = 256;

/// An episode as it was last told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) episode: EpisodeId,
    pub(crate) since: i64,
    pub(crate) until: Option<i64>,
    /// Observed time and value of what was said of it.
    pub(crate) at: i64,
    pub(crate) value: Option<f64>,
    /// Nobody around says so too.
    pub(crate) suspect: bool,
}

/// What a key needs to take late points in, while it is not at rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tail {
    /// The machine before all points from `from` on.
    pub(crate) checkpoint: Machine,
    /// Points before this are final.
    pub(crate) from: i64,
    /// Ascending; the first may have begun before the checkpoint. Exactly the machine's episodes on what is known.
    pub(crate) told: Vec<Told>,
    /// Newest `due` that the clock has decided; `i64::MIN` = none. A point up to it comes late.
    pub(crate) decided: i64,
    /// Newest point after which the machine was not at rest, or later.
    pub(crate) busy: i64,
    /// The machine after some points behind the checkpoint, ascending: where a replay begins, and where it may end.
    pub(crate) marks: Vec<Machine>,
    /// Points since the last mark.
    pub(crate) unmarked: u32,
}

/// The state of a rule at a key. At rest (clear, nothing to take back) it has no tail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub(crate) machine: Machine,
    pub(crate) tail: Option<Box<Tail>>,
}

impl Watch {
    pub(crate) const NEW: Self = Self {
        machine: Machine::NEW,
        tail: None,
    };

    /// The episode that is on, as last told.
    pub(crate) fn open(&self) -> Option<&Told> {
        let told = self.tail.as_ref()?.told.last()?;
        told.until.is_none().then_some(told)
    }

    /// Those that are over, and not yet final.
    pub(crate) fn over(&self) -> impl Iterator<Item = EpisodeId> {
        let told = self.tail.iter().flat_map(|tail| &tail.told);
        told.filter(|told| told.until.is_some())
            .map(|told| told.episode)
    }

    pub(crate) fn open_mut(&mut self) -> Option<&mut Told> {
        let told = self.tail.as_mut()?.told.last_mut()?;
        told.until.is_none().then_some(told)
    }

    /// The tail, made where there is none: points before `from` are final.
    pub(crate) fn tail(&mut self, checkpoint: Machine, from: i64) -> &mut Tail {
        self.tail.get_or_insert_with(|| {
            Box::new(Tail {
                checkpoint,
                from,
                told: Vec::new(),
                decided: i64::MIN,
                busy: i64::MIN,
                marks: Vec::new(),
                unmarked: 0,
            })
        })
    }

    /// Whether `point` can be taken without looking back.
    pub(crate) fn in_order(&self, point: i64) -> bool {
        point > self.machine.newest && self.tail.as_ref().is_none_or(|tail| point > tail.decided)
    }
}

/// The state of a rule about silence, on journal time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Silence {
    /// Last heard, or when it was listed, in uptime.
    pub(crate) heard_up: i64,
    /// Last heard in journal time; none = never.
    pub(crate) heard: Option<Time>,
    /// Journal time from which silence counts, as people read it.
    pub(crate) since: Time,
    /// A deadline is set.
    pub(crate) armed: bool,
    /// The silence that is told.
    pub(crate) told: Option<EpisodeId>,
}

impl Silence {
    pub(crate) const NEW: Self = Self {
        heard_up: 0,
        heard: None,
        since: Time(0),
        armed: false,
        told: None,
    };
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Key {
    Watch(Watch),
    Silence(Silence),
}

impl Key {
    pub(crate) const fn of(rule: &Rule) -> Self {
        match rule.kind {
            Kind::Absence { .. } => Self::Silence(Silence::NEW),
            Kind::Condition { .. } | Kind::Sequence { .. } | Kind::Group { .. } => {
                Self::Watch(Watch::NEW)
            }
        }
    }
}

/// Retrospective episodes have a small state of their own, so that history leaves the live one alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retrospect {
    pub(crate) key: u16,
    /// The condition holds since, in the history seen so far.
    pub(crate) since: Option<i64>,
    pub(crate) newest: Option<i64>,
}

/// An entity under one status.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) entity: Name,
    pub(crate) status: Status,
    pub(crate) stream: Stream,
    pub(crate) interval_ns: i64,
    /// Where it last said to be; for entities that the catalogue does not list.
    pub(crate) place: Option<Box<Place>>,
    /// The unit of the gateway that it speaks through.
    pub(crate) gateway: Option<u32>,
    pub(crate) binding: Arc<Binding>,
    pub(crate) history: History,
    pub(crate) keys: Vec<Key>,
    /// The groups that `binding.joined` belong to.
    pub(crate) groups: Vec<u32>,
    #[allow(
        clippy::box_collection,
        reason = "most entities have none: a word, not three"
    )]
    pub(crate) retrospects: Option<Box<Vec<Retrospect>>>,
}

/// One key over several entities.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) rule: u16,
    pub(crate) status: Status,
    pub(crate) entities: Vec<Name>,
    /// The members' units and which of their `joined` it is; none until they first speak.
    pub(crate) units: Vec<Option<(u32, u16)>>,
    /// Of each member: the rule's slot numbers, with the member as source.
    pub(crate) maps: Vec<Box<[SlotPlace]>>,
    /// Of named members: where each slot of the rule is.
    pub(crate) map: Box<[SlotPlace]>,
    pub(crate) watch: Watch,
}

/// A key: of a unit, or of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum KeyRef {
    Unit(u32, u16),
    Group(u32),
}

impl Unit {
    pub(crate) fn new(
        entity: Name,
        status: Status,
        stream: Stream,
        info: Option<&EntityInfo>,
        binding: Arc<Binding>,
        rules: &[Rule],
    ) -> Self {
        let keys = binding
            .bound
            .iter()
            .filter_map(|bound| rules.get(usize::from(bound.rule)))
            .map(Key::of)
            .collect();
        Self {
            history: History::new(binding.measures.len()),
            interval_ns: interval_ns(info),
            entity,
            status,
            stream,
            place: None,
            gateway: None,
            binding,
            keys,
            groups: Vec::new(),
            retrospects: None,
        }
    }

    pub(crate) fn silence(&self, key: u16) -> Option<&Silence> {
        match self.keys.get(usize::from(key))? {
            Key::Silence(silence) => Some(silence),
            Key::Watch(_) => None,
        }
    }

    pub(crate) fn silence_mut(&mut self, key: u16) -> Option<&mut Silence> {
        match self.keys.get_mut(usize::from(key))? {
            Key::Silence(silence) => Some(silence),
            Key::Watch(_) => None,
        }
    }

    pub(crate) fn watch(&self, key: u16) -> Option<&Watch> {
        match self.keys.get(usize::from(key))? {
            Key::Watch(watch) => Some(watch),
            Key::Silence(_) => None,
        }
    }

    pub(crate) fn watch_mut(&mut self, key: u16) -> Option<&mut Watch> {
        match self.keys.get_mut(usize::from(key))? {
            Key::Watch(watch) => Some(watch),
            Key::Silence(_) => None,
        }
    }
}

pub(crate) fn interval_ns(info: Option<&EntityInfo>) -> i64 {
    let seconds = info.map_or(0, |info| {
        i64::try_from(info.interval_seconds).unwrap_or(i64::MAX)
    });
    seconds.saturating_mul(Time::SECOND)
}
