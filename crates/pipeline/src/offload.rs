//! Work that blocks (an fsync, an append that waits for one): off the mover's thread, or in a simulation on it, so that every
//! step happens in the same order again.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::{JoinError, JoinHandle};

/// Where blocking work runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Offload {
    #[default]
    Threads,
    Inline,
}

/// The result of such work, once. Cancelling the wait loses nothing.
pub(crate) enum Work<T> {
    Task(JoinHandle<T>),
    Done(Option<T>),
}

impl Offload {
    pub(crate) fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Work<T> {
        match self {
            Self::Threads => Work::Task(tokio::task::spawn_blocking(work)),
            Self::Inline => Work::Done(Some(work())),
        }
    }
}

impl<T: Unpin> Future for Work<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Task(task) => Pin::new(task).poll(context),
            Self::Done(done) => done
                .take()
                .map_or(Poll::Pending, |done| Poll::Ready(Ok(done))),
        }
    }
}
