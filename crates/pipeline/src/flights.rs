//! What was submitted and is not settled, in journal order. Bound: [`crate::Limits::inflight_batches`]; when full, nothing is
//! submitted. All are polled, whatever their order; they are settled from the front.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};

use journal::Stamp;

use crate::{Completion, Trouble, Verdict};

/// Consecutive records on their way, or a gap between such.
pub(crate) struct Flight {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Records in it that are not in quarantine.
    pub(crate) records: u64,
    /// Of the first and the last record.
    pub(crate) stamps: Option<(Stamp, Stamp)>,
    pub(crate) answer: Answer,
}

pub(crate) enum Answer {
    Waiting(Completion),
    Given(Verdict),
    /// Nothing to deliver here: the records are not there.
    Gap(journal::GapReason),
}

#[derive(Default)]
pub(crate) struct Flights {
    list: VecDeque<Flight>,
}

impl Flights {
    pub(crate) fn push(&mut self, flight: Flight) {
        self.list.push_back(flight);
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn front(&self) -> Option<&Flight> {
        self.list.front()
    }

    /// Takes the front one out if it is answered.
    pub(crate) fn pop_answered(&mut self) -> Option<Flight> {
        let front = self.list.front()?;
        match front.answer {
            Answer::Waiting(_) => None,
            Answer::Given(_) | Answer::Gap(_) => self.list.pop_front(),
        }
    }

    /// Not answered yet.
    pub(crate) fn waiting(&self) -> usize {
        let waits = |flight: &&Flight| matches!(flight.answer, Answer::Waiting(_));
        self.list.iter().filter(waits).count()
    }

    /// The first answer that says to stop.
    pub(crate) fn fatal(&self) -> Option<Trouble> {
        self.list.iter().find_map(|flight| match &flight.answer {
            Answer::Given(Verdict::Fatal(trouble)) => Some(trouble.clone()),
            Answer::Given(_) | Answer::Waiting(_) | Answer::Gap(_) => None,
        })
    }

    /// Takes everything out.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = Flight> {
        std::mem::take(&mut self.list).into_iter()
    }

    /// Waits until one more is answered. Cancelling loses nothing: answers are kept.
    pub(crate) async fn answered(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut any = false;
        for flight in &mut self.list {
            if let Answer::Waiting(completion) = &mut flight.answer
                && let Poll::Ready(verdict) = completion.as_mut().poll(context)
            {
                flight.answer = Answer::Given(verdict);
                any = true;
            }
        }
        if any { Poll::Ready(()) } else { Poll::Pending }
    }
}
