//! A ticket is the promise that an append becomes durable: it resolves once, after the sync that covers it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::{Error, JournalName};

/// Where the records of a batch went; they are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    pub first_offset: u64,
    pub count: u32,
}

/// Resolves when the batch is durable, or will never be. Dropping it does not take the batch back.
#[derive(Debug)]
#[must_use = "nothing may be acknowledged before the ticket resolved"]
pub struct Ticket {
    pub(crate) journal: JournalName,
    pub(crate) done: oneshot::Receiver<Result<Committed, Error>>,
}

impl Ticket {
    /// Waits on this thread; not for async tasks.
    pub fn wait(self) -> Result<Committed, Error> {
        block_on(self)
    }
}

impl Future for Ticket {
    type Output = Result<Committed, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let journal = self.journal;
        Pin::new(&mut self.done)
            .poll(context)
            // The committer answers every batch; without an answer it is gone.
            .map(|answer| answer.unwrap_or(Err(Error::Closed { journal })))
    }
}

/// Runs a future of this crate to its end on the current thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// The same with a limit; `None` when it passed.
pub(crate) fn block_on_until<F: Future>(future: F, deadline: Instant) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
