//! The rest between two reads. A broker hands on message by message, each a packet of its own on the wire, and a
//! runtime that waits for the socket is woken by each of them, interested or not: measured, six wake-ups in seven
//! bring nothing, and they cost more than all the work. So the connections have a thread of their own, and
//! after a read that thread sleeps, all connections together; what comes meanwhile gathers in the kernel.
//!
//! Nobody else runs on that thread. A message after a pause is read at once: the rest lies behind the read.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

pub(crate) struct Pacer {
    rest: Duration,
    wanted: Notify,
    over: Notify,
}

impl Pacer {
    pub(crate) fn new(rest: Duration) -> Self {
        Self {
            rest,
            wanted: Notify::new(),
            over: Notify::new(),
        }
    }

    /// Asks for a rest; what is returned resolves behind it. `None`: there is none.
    pub(crate) fn rest(&self) -> Option<Notified<'_>> {
        if self.rest.is_zero() {
            return None;
        }
        let over = self.over.notified();
        self.wanted.notify_one();
        Some(over)
    }

    /// Puts the thread to sleep when somebody asked for it. Never ends.
    pub(crate) async fn run(&self) {
        loop {
            self.wanted.notified().await;
            // The other connections have their turn first: one rest is for all of them.
            tokio::task::yield_now().await;
            sleep(self.rest);
            self.over.notify_waiters();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no condition is waited for: the thread is to miss what wakes it, and nobody else is on it"
)]
fn sleep(rest: Duration) {
    std::thread::sleep(rest);
}
