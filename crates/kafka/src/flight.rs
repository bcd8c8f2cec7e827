//! Batches on their way: which messages of them are unfinished, and their answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pipeline::{Refused, Trouble, Verdict};
use tokio::sync::oneshot;

use crate::context::{Report, lock};
use crate::topic::Topic;
use crate::vector::Vector;

/// A message's name in a delivery report, in one word so that nothing is allocated for it: batch (24 bits, wrapping; far
/// fewer are in flight), record within the batch (32 bits), topic (3 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) batch: u32,
    pub(crate) record: u32,
    pub(crate) topic: Topic,
}

impl Token {
    const BATCH_MASK: u32 = 0x00ff_ffff;

    pub(crate) fn pack(self) -> usize {
        (self.batch as usize) << 35 | (self.record as usize) << 3 | self.topic.index()
    }

    pub(crate) fn unpack(word: usize) -> Self {
        Self {
            batch: (word >> 35) as u32 & Self::BATCH_MASK,
            record: (word >> 3) as u32,
            // Only what `pack` has made comes back.
            topic: Topic::ALL[(word & 7) % Topic::ALL.len()],
        }
    }
}

struct Entry {
    from: u64,
    to: u64,
    /// Messages without a report.
    left: u32,
    /// All its messages are with the client.
    sealed: bool,
    failed: bool,
    refused: Vec<Refused>,
    reply: Option<oneshot::Sender<Verdict>>,
    since: Instant,
}

/// A message that came back with an error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) token: Token,
    pub(crate) offset: u64,
    pub(crate) report: Report,
}

/// What the last reports brought.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) delivered: [u64; Topic::COUNT],
    pub(crate) failures: Vec<Failure>,
}

pub(crate) struct Flight {
    entries: VecDeque<Entry>,
    first: u32,
    unfinished: u64,
    /// Partitions where a message failed: what is delivered behind it does not count, it comes again in order.
    broken: Vec<(Topic, i32)>,
    vector: Arc<Mutex<Vector>>,
}

impl Flight {
    pub(crate) fn new(vector: Arc<Mutex<Vector>>) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            unfinished: 0,
            broken: Vec::new(),
            vector,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Messages that have no report yet.
    pub(crate) fn unfinished(&self) -> u64 {
        self.unfinished
    }

    /// How long the oldest unanswered batch has waited.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        self.entries.front().map(|entry| entry.since.elapsed())
    }

    /// A batch begins; its messages follow.
    pub(crate) fn begin(&mut self, from: u64, to: u64, reply: oneshot::Sender<Verdict>) -> u32 {
        let serial = self.first.wrapping_add(self.entries.len() as u32) & Token::BATCH_MASK;
        lock(&self.vector).submitted(from, to);
        self.entries.push_back(Entry {
            from,
            to,
            left: 0,
            sealed: false,
            failed: false,
            refused: Vec::new(),
            reply: Some(reply),
            since: Instant::now(),
        });
        serial
    }

    /// The client has taken one more message of the newest batch.
    pub(crate) fn sent(&mut self) {
        if let Some(entry) = self.entries.back_mut() {
            entry.left += 1;
            self.unfinished += 1;
        }
    }

    /// A record of the newest batch will never be taken.
    pub(crate) fn refuse(&mut self, offset: u64, reason: String) {
        lock(&self.vector).refused(offset);
        if let Some(entry) = self.entries.back_mut() {
            entry.refused.push(Refused { offset, reason });
        }
    }

    /// All messages of the newest batch are with the client.
    pub(crate) fn seal(&mut self) {
        if let Some(entry) = self.entries.back_mut() {
            entry.sealed = true;
        }
        self.answer();
    }

    /// Takes in delivery reports and answers what is finished.
    pub(crate) fn settle(&mut self, reports: &[Report]) -> Settled {
        let mut settled = Settled::default();
        if reports.is_empty() {
            return settled;
        }
        let shared = Arc::clone(&self.vector);
        let mut vector = lock(&shared);
        for report in reports {
            let token = Token::unpack(report.token);
            let broken = self.is_broken(token.topic, report.partition);
            let Some(entry) = self.entry(token.batch) else {
                continue;
            };
            entry.left = entry.left.saturating_sub(1);
            let offset = entry.from + u64::from(token.record);
            if report.error.is_none() && !broken {
                settled.delivered[token.topic.index()] += 1;
                if let Ok(partition) = usize::try_from(report.partition) {
                    vector.delivered(token.topic, partition, offset, report.offset);
                }
            } else {
                entry.failed = true;
                settled.failures.push(Failure {
                    token,
                    offset,
                    report: *report,
                });
                if !broken {
                    self.broken.push((token.topic, report.partition));
                }
            }
            self.unfinished = self.unfinished.saturating_sub(1);
        }
        drop(vector);
        self.answer();
        settled
    }

    fn is_broken(&self, topic: Topic, partition: i32) -> bool {
        // Empty until something fails, and then the session ends.
        self.broken.contains(&(topic, partition))
    }

    fn entry(&mut self, serial: u32) -> Option<&mut Entry> {
        let at = serial.wrapping_sub(self.first) & Token::BATCH_MASK;
        self.entries.get_mut(at as usize)
    }

    fn answer(&mut self) {
        for entry in &mut self.entries {
            if entry.sealed && !entry.failed && entry.left == 0 && entry.reply.is_some() {
                entry.finish(|refused| Verdict::Done { refused });
            }
        }
        let mut answered = None;
        while self
            .entries
            .front()
            .is_some_and(|entry| entry.reply.is_none())
        {
            answered = self.entries.pop_front().map(|entry| entry.to);
            self.first = self.first.wrapping_add(1) & Token::BATCH_MASK;
        }
        if let Some(answered) = answered {
            lock(&self.vector).answered(answered);
        }
    }

    /// The producer is gone: everything unfinished is to come again, without the `culprits` (records that the broker will
    /// never take).
    pub(crate) fn fail(&mut self, trouble: &Trouble, culprits: &[(u64, String)]) {
        {
            let mut vector = lock(&self.vector);
            for (offset, _) in culprits {
                vector.refused(*offset);
            }
        }
        for mut entry in self.entries.drain(..) {
            let own = culprits
                .iter()
                .filter(|(offset, _)| (entry.from..entry.to).contains(offset));
            for (offset, reason) in own {
                entry.refused.push(Refused {
                    offset: *offset,
                    reason: reason.clone(),
                });
            }
            entry.finish(|refused| {
                if refused.is_empty() {
                    Verdict::Retry {
                        trouble: trouble.clone(),
                        after: None,
                    }
                } else {
                    Verdict::Without { refused }
                }
            });
        }
        self.unfinished = 0;
    }
}

impl Entry {
    fn finish(&mut self, verdict: impl FnOnce(Vec<Refused>) -> Verdict) {
        if let Some(reply) = self.reply.take() {
            let refused = std::mem::take(&mut self.refused);
            // Nobody waits any more when the mover stops.
            let _ = reply.send(verdict(refused));
        }
    }
}

#[cfg(test)]
mod tests;
