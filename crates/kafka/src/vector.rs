//! The cursor vector: how far each topic-partition is.
//!
//! # Contract
//!
//! A partition gets its records in the order of the journal and nothing after one that failed (the producer stops at the
//! first gap), so "the last delivered" stands for all before it. A restart begins at the lowest and skips what a
//! partition has.
//!
//! That inference holds only for records that were submitted one after the other: [`Vector::contiguous_from`] says since
//! when, and is raised at every jump (a gap at the disk bound), so that a later refill is not taken for delivered.
//! Records that were refused are `holes`: not delivered, although later ones are.
//!
//! Where this knowledge is missing or stale (another number of partitions, a topic made anew) nothing is skipped: a
//! repeat is harmless, a loss is not.

use std::collections::VecDeque;

use event::JournalId;
use serde::{Deserialize, Serialize};

use crate::topic::Topic;

/// Holes kept; beyond it skipping starts behind the oldest that is forgotten.
const HOLES_MAX: usize = 256;

/// Larger notes go without positions: at most a window is then repeated.
const NOTE_BYTES_MAX: usize = 60 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// Offset in `outcomes` of the last delivered record.
    pub(crate) delivered: Option<u64>,
    /// Its offset in Kafka, -1 if unknown: a topic that ends before it was made anew.
    pub(crate) kafka: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopicPositions {
    pub(crate) name: String,
    pub(crate) partitions: Vec<Position>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Vector {
    topics: [TopicPositions; Topic::COUNT],
    contiguous_from: u64,
    /// Everything before it is answered.
    answered: u64,
    /// One past the last submitted.
    next: u64,
    holes: VecDeque<u64>,
}

/// What is written down; JSON, because people read cursors too.
#[derive(Serialize, Deserialize)]
struct Note {
    version: u8,
    journal: JournalId,
    contiguous_from: u64,
    answered: u64,
    holes: Vec<u64>,
    topics: Vec<NoteTopic>,
}

#[derive(Serialize, Deserialize)]
struct NoteTopic {
    name: String,
    /// (last delivered, its offset in Kafka); -1 = none.
    partitions: Vec<(i64, i64)>,
}

impl Note {
    const VERSION: u8 = 1;
}

impl Vector {
    /// From a note; `None` if it is not one of this journal, or not a note at all.
    pub(crate) fn from_note(note: &[u8], journal: JournalId) -> Option<Self> {
        let note: Note = serde_json::from_slice(note).ok()?;
        if note.version != Note::VERSION || note.journal != journal {
            return None;
        }
        let mut topics: [TopicPositions; Topic::COUNT] = Default::default();
        for (topic, written) in topics.iter_mut().zip(note.topics) {
            topic.name = written.name;
            topic.partitions = written
                .partitions
                .into_iter()
                .map(|(delivered, kafka)| Position {
                    delivered: u64::try_from(delivered).ok(),
                    kafka,
                })
                .collect();
        }
        Some(Self {
            topics,
            contiguous_from: note.contiguous_from,
            answered: note.answered,
            next: note.answered,
            holes: note.holes.into(),
        })
    }

    pub(crate) fn note(&self, journal: JournalId) -> Vec<u8> {
        let text = self.write(journal, &self.topics);
        if text.len() <= NOTE_BYTES_MAX {
            text
        } else {
            self.write(journal, &[])
        }
    }

    fn write(&self, journal: JournalId, topics: &[TopicPositions]) -> Vec<u8> {
        let note = Note {
            version: Note::VERSION,
            journal,
            contiguous_from: self.contiguous_from,
            answered: self.answered,
            holes: self.holes.iter().copied().collect(),
            topics: topics
                .iter()
                .map(|topic| NoteTopic {
                    name: topic.name.clone(),
                    partitions: topic
                        .partitions
                        .iter()
                        .map(|position| (signed(position.delivered), position.kafka))
                        .collect(),
                })
                .collect(),
        };
        // Numbers and names always have a JSON form; without one there is simply nothing to skip.
        serde_json::to_vec(&note).unwrap_or_default()
    }

    /// A new opening at `position`.
    pub(crate) fn open(&mut self, position: u64) {
        if position > self.answered {
            self.jump(position);
        }
        self.next = position;
    }

    /// Fits a topic to what the cluster has: another name or number of partitions makes what is known void.
    pub(crate) fn fit(&mut self, topic: Topic, name: &str, partitions: usize) {
        let known = &mut self.topics[topic.index()];
        if known.name != name || known.partitions.len() != partitions {
            known.name = name.to_owned();
            known.partitions.clear();
            known.partitions.resize(partitions, Position::NONE);
        }
    }

    /// The topic was made anew: it has nothing.
    pub(crate) fn forget(&mut self, topic: Topic) {
        self.topics[topic.index()].partitions.fill(Position::NONE);
    }

    pub(crate) fn forget_partition(&mut self, topic: Topic, partition: usize) {
        if let Some(position) = self.topics[topic.index()].partitions.get_mut(partition) {
            *position = Position::NONE;
        }
    }

    pub(crate) fn positions(&self, topic: Topic) -> &[Position] {
        &self.topics[topic.index()].partitions
    }

    pub(crate) fn partitions(&self, topic: Topic) -> usize {
        self.topics[topic.index()].partitions.len()
    }

    /// A batch `from..to` is about to be sent.
    pub(crate) fn submitted(&mut self, from: u64, to: u64) {
        if from > self.next {
            self.jump(from);
        }
        self.next = self.next.max(to);
    }

    /// Whether the partition already has this record.
    pub(crate) fn has(&self, topic: Topic, partition: usize, offset: u64) -> bool {
        offset >= self.contiguous_from
            && self.topics[topic.index()]
                .partitions
                .get(partition)
                .and_then(|position| position.delivered)
                .is_some_and(|delivered| offset <= delivered)
            && !self.holes.contains(&offset)
    }

    pub(crate) fn delivered(&mut self, topic: Topic, partition: usize, offset: u64, kafka: i64) {
        if let Some(position) = self.topics[topic.index()].partitions.get_mut(partition)
            && position.delivered.is_none_or(|known| known <= offset)
        {
            *position = Position {
                delivered: Some(offset),
                kafka,
            };
        }
    }

    /// Refused: it is not delivered, whatever comes after it.
    pub(crate) fn refused(&mut self, offset: u64) {
        if self.holes.contains(&offset) {
            return;
        }
        if self.holes.len() == HOLES_MAX
            && let Some(oldest) = self.holes.pop_front()
        {
            self.contiguous_from = self.contiguous_from.max(oldest + 1);
        }
        self.holes.push_back(offset);
    }

    /// Everything before `offset` is answered.
    pub(crate) fn answered(&mut self, offset: u64) {
        self.answered = offset;
    }

    fn jump(&mut self, to: u64) {
        self.contiguous_from = self.contiguous_from.max(to);
        self.answered = self.answered.max(to);
    }
}

impl Position {
    const NONE: Self = Self {
        delivered: None,
        kafka: -1,
    };
}

fn signed(offset: Option<u64>) -> i64 {
    offset.map_or(-1, |offset| i64::try_from(offset).unwrap_or(-1))
}

#[cfg(test)]
mod tests;
