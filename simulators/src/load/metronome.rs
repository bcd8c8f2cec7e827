//! The beat of a fixed-rate load: says every millisecond how many messages are due.
//!
//! Tokio's timers are a millisecond coarse, as much as the latencies to be measured; a thread that parks until the next
//! beat is late by some 50 us. The messages of a beat go out together, and each is due at its beat.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

const BEAT: Duration = Duration::from_millis(1);
const BEAT_NS: u64 = 1_000_000;

/// Shared by the beating thread and the senders; message `m` belongs to sender `m % senders`.
pub(super) struct Metronome {
    messages_per_second: f64,
    total: u64,
    due: AtomicU64,
    stopped: AtomicBool,
    senders: Vec<Notify>,
}

impl Metronome {
    pub(super) fn new(messages_per_second: f64, duration: Duration, senders: u32) -> Arc<Self> {
        Arc::new(Self {
            messages_per_second,
            total: (messages_per_second * duration.as_secs_f64()) as u64,
            due: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            senders: (0..senders).map(|_| Notify::new()).collect(),
        })
    }

    /// Starts the beat; it ends when all messages are due or [`Self::stop`] is called.
    pub(super) fn start(self: &Arc<Self>, started: Instant) -> std::io::Result<()> {
        let metronome = Arc::clone(self);
        thread::Builder::new()
            .name("metronome".to_owned())
            .spawn(move || metronome.run(started))?;
        Ok(())
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// How many of its messages the sender should have sent by now, and how many in all.
    pub(super) fn due(&self, sender: u32) -> (u64, u64) {
        let senders = u64::try_from(self.senders.len()).unwrap_or(1).max(1);
        let share = |all: u64| (all + senders - 1).saturating_sub(u64::from(sender)) / senders;
        (share(self.due.load(Ordering::Acquire)), share(self.total))
    }

    /// When the `number`-th message of a sender is due, in ns since the start.
    pub(super) fn due_at_ns(&self, sender: u32, number: u64) -> u64 {
        let senders = u64::try_from(self.senders.len()).unwrap_or(1);
        let message = number * senders + u64::from(sender) + 1;
        let beats = (message as f64 * 1_000.0 / self.messages_per_second).ceil();
        beats as u64 * BEAT_NS
    }

    /// Waits for the next beat that gives the sender something to do.
    pub(super) async fn beat(&self, sender: u32) {
        if let Some(notify) = usize::try_from(sender)
            .ok()
            .and_then(|at| self.senders.get(at))
        {
            notify.notified().await;
        }
    }

    fn run(&self, started: Instant) {
        let mut beats: u32 = 0;
        let mut before = 0;
        while before < self.total && !self.stopped.load(Ordering::Acquire) {
            beats += 1;
            let next = started + BEAT * beats;
            while let Some(left) = next
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero())
            {
                thread::park_timeout(left);
            }
            let due = (f64::from(beats) / 1_000.0 * self.messages_per_second + 1e-6) as u64;
            let due = due.min(self.total);
            self.due.store(due, Ordering::Release);
            let count = u64::try_from(self.senders.len()).unwrap_or(1);
            for message in before..due.min(before + count) {
                if let Some(notify) = usize::try_from(message % count)
                    .ok()
                    .and_then(|at| self.senders.get(at))
                {
                    notify.notify_one();
                }
            }
            before = due;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_are_due_on_their_beat() {
        let metronome = Metronome::new(10_000.0, Duration::from_secs(1), 3);
        metronome.due.store(10, Ordering::Release);
        let shares: Vec<(u64, u64)> = (0..3).map(|sender| metronome.due(sender)).collect();
        assert_eq!(shares, [(4, 3_334), (3, 3_333), (3, 3_333)]);
        // Ten messages a beat: 0 to 9 at the first, 10 at the second.
        assert_eq!(metronome.due_at_ns(0, 0), BEAT_NS);
        assert_eq!(metronome.due_at_ns(0, 3), BEAT_NS);
        assert_eq!(metronome.due_at_ns(1, 3), 2 * BEAT_NS);
    }
}
