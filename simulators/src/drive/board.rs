//! What all links have done together: counters, and the wait for the last acknowledgement.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::Totals;

#[derive(Debug, Default)]
pub(super) struct Board {
    handed_over: AtomicU64,
    settled: AtomicU64,
    published: AtomicU64,
    acknowledged: AtomicU64,
    unconfirmed: AtomicU64,
    repeats: AtomicU64,
    redelivered: AtomicU64,
    connects: AtomicU64,
    sessions_lost: AtomicU64,
    /// One waiter, the driver; a permit is kept when it is not waiting yet.
    changed: Notify,
}

impl Board {
    /// The driver gives a publication to a link.
    pub(super) fn hand_over(&self, repeat: bool) {
        self.handed_over.fetch_add(1, Ordering::AcqRel);
        let counter = if repeat {
            &self.repeats
        } else {
            &self.published
        };
        counter.fetch_add(1, Ordering::AcqRel);
    }

    /// A link is done with a publication: it was acknowledged, or at QoS 0 written to the socket.
    pub(super) fn settle(&self, repeat: bool, acknowledged: bool) {
        match (repeat, acknowledged) {
            (false, true) => self.acknowledged.fetch_add(1, Ordering::AcqRel),
            (false, false) => self.unconfirmed.fetch_add(1, Ordering::AcqRel),
            (true, _) => 0,
        };
        self.settled.fetch_add(1, Ordering::AcqRel);
    }

    /// Wakes the driver; called once a batch of [`Self::settle`], not once a message.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    pub(super) fn connected(&self, session_lost: bool) {
        self.connects.fetch_add(1, Ordering::AcqRel);
        if session_lost {
            self.sessions_lost.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn redelivered(&self, messages: usize) {
        self.redelivered.fetch_add(
            u64::try_from(messages).unwrap_or(u64::MAX),
            Ordering::AcqRel,
        );
    }

    pub(super) async fn settled(&self, unsettled_max: u64) {
        while self.unsettled() > unsettled_max {
            self.changed.notified().await;
        }
    }

    fn unsettled(&self) -> u64 {
        let settled = self.settled.load(Ordering::Acquire);
        self.handed_over
            .load(Ordering::Acquire)
            .saturating_sub(settled)
    }

    pub(super) fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        Totals {
            published: read(&self.published),
            acknowledged: read(&self.acknowledged),
            unconfirmed: read(&self.unconfirmed),
            repeats: read(&self.repeats),
            redelivered: read(&self.redelivered),
            connects: read(&self.connects),
            sessions_lost: read(&self.sessions_lost),
        }
    }
}
