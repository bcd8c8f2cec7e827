//! How the rest of the listener speaks to the task of a connection: a few bits and a wake-up.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

const STOP: u8 = 1;
const TAKEN_OVER: u8 = 2;
/// The journal's state changed: look again.
const MODE: u8 = 4;

/// What a connection has been told, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Another connection of this client took the session.
    TakenOver,
    /// The listener stops.
    Stop,
}

/// Shared by a connection's task and the registry.
#[derive(Debug, Default)]
pub(crate) struct Control {
    bits: AtomicU8,
    waker: AtomicWaker,
}

impl Control {
    pub(crate) fn stop(&self) {
        self.set(STOP);
    }

    pub(crate) fn take_over(&self) {
        self.set(TAKEN_OVER);
    }

    pub(crate) fn mode_changed(&self) {
        self.set(MODE);
    }

    fn set(&self, bits: u8) {
        self.bits.fetch_or(bits, Ordering::AcqRel);
        self.waker.wake();
    }

    /// What was said so far; the task is woken when more is.
    pub(crate) fn listen(&self, context: &mut Context<'_>) -> Option<Signal> {
        self.waker.register(context.waker());
        self.signal()
    }

    pub(crate) fn signal(&self) -> Option<Signal> {
        let bits = self.bits.load(Ordering::Acquire);
        if bits & TAKEN_OVER != 0 {
            return Some(Signal::TakenOver);
        }
        (bits & STOP != 0).then_some(Signal::Stop)
    }

    /// Waits for the first signal.
    pub(crate) async fn signalled(&self) -> Signal {
        std::future::poll_fn(|context| match self.listen(context) {
            Some(signal) => Poll::Ready(signal),
            None => Poll::Pending,
        })
        .await
    }
}
