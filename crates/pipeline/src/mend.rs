//! What becomes of a batch that was not taken as it is: a pure decision, one answer at a time.
//!
//! Pieces are delivered one after the other, ascending; each answer either finishes a piece, halves it, or puts at least
//! one record in quarantine: a batch of n records takes at most 3n submissions more.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{Batch, Code, Refused, Trouble, Verdict};

/// A record on its way to quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) offset: u64,
    pub(crate) reason: String,
    pub(crate) code: Code,
}

/// What to do after an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `reject` to quarantine (perhaps none), then the next piece. `written` more records are stored.
    Go {
        reject: Vec<Rejected>,
        written: u64,
    },
    Again {
        trouble: Trouble,
        after: Option<Duration>,
    },
    Fatal(Trouble),
}

/// A batch that is being delivered in pieces.
pub(crate) struct Mend {
    batch: Batch,
    /// What is left, the first piece last.
    pieces: Vec<(u64, u64)>,
    /// Offsets of the batch that are in quarantine or about to be.
    excluded: BTreeSet<u64>,
}

impl Mend {
    /// `excluded`: what was left out beside what `batch` leaves out itself.
    pub(crate) fn new(batch: Batch, excluded: impl IntoIterator<Item = u64>) -> Self {
        Self {
            pieces: vec![(batch.from(), batch.to())],
            excluded: excluded.into_iter().chain(batch.excluded()).collect(),
            batch,
        }
    }

    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Everything of the batch below it is finished.
    pub(crate) fn position(&self) -> u64 {
        self.pieces
            .last()
            .map_or(self.batch.to(), |(from, _)| *from)
    }

    /// The next piece to submit; `None` when the batch is finished.
    pub(crate) fn piece(&mut self) -> Option<Batch> {
        while let Some((from, to)) = self.pieces.last().copied() {
            let piece = self.narrowed(from, to);
            if piece.frames().next().is_some() {
                return Some(piece);
            }
            self.pieces.pop();
        }
        None
    }

    /// What is not finished of it, without what is in quarantine.
    pub(crate) fn rest(&self) -> Batch {
        self.narrowed(self.position(), self.batch.to())
    }

    fn narrowed(&self, from: u64, to: u64) -> Batch {
        let excluded: Vec<u64> = self.excluded.range(from..to).copied().collect();
        self.batch.narrowed(from, to, &excluded)
    }

    /// The answer to the last piece (at first: to the whole batch).
    pub(crate) fn answered(&mut self, verdict: Verdict) -> Step {
        let Some((from, to)) = self.pieces.last().copied() else {
            return go(Vec::new(), 0);
        };
        let live: Vec<u64> = self
            .narrowed(from, to)
            .frames()
            .map(|frame| frame.offset)
            .collect();
        match verdict {
            Verdict::Done { refused } => {
                self.pieces.pop();
                let reject = self.exclude(refused, &live);
                let written = live.len() - reject.len();
                go(reject, written as u64)
            }
            Verdict::Without { refused } => {
                let reject = self.exclude(refused, &live);
                if reject.is_empty() {
                    // It refuses and does not say what: found by halving, like anything else unknown.
                    let trouble = Trouble::new(Code::BadRecord, "refused without a record named");
                    return self.split(trouble, &live, (from, to));
                }
                go(reject, 0)
            }
            Verdict::Split(trouble) => self.split(trouble, &live, (from, to)),
            Verdict::Retry { trouble, after } => Step::Again { trouble, after },
            Verdict::Fatal(trouble) => Step::Fatal(trouble),
        }
    }

    fn split(&mut self, trouble: Trouble, live: &[u64], (from, to): (u64, u64)) -> Step {
        self.pieces.pop();
        match live {
            [] => go(Vec::new(), 0),
            [offset] => {
                self.excluded.insert(*offset);
                let rejected = Rejected {
                    offset: *offset,
                    reason: trouble.message,
                    code: trouble.code,
                };
                go(vec![rejected], 0)
            }
            [first, .., last] => {
                // Between the first and the last live record, so that both halves have one.
                let middle = first + (last - first).div_ceil(2);
                self.pieces.push((middle, to));
                self.pieces.push((from, middle));
                go(Vec::new(), 0)
            }
        }
    }

    /// Those of `refused` that are in the piece and not excluded yet, ascending.
    fn exclude(&mut self, refused: Vec<Refused>, live: &[u64]) -> Vec<Rejected> {
        let mut rejected: Vec<Rejected> = refused
            .into_iter()
            .filter(|refused| live.binary_search(&refused.offset).is_ok())
            .filter(|refused| self.excluded.insert(refused.offset))
            .map(|refused| Rejected {
                offset: refused.offset,
                reason: refused.reason,
                code: Code::BadRecord,
            })
            .collect();
        rejected.sort_unstable_by_key(|rejected| rejected.offset);
        rejected
    }
}

fn go(reject: Vec<Rejected>, written: u64) -> Step {
    Step::Go { reject, written }
}

#[cfg(test)]
mod tests;
