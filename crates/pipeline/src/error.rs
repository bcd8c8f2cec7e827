//! Why a mover ended by itself. What to do next: every one of them stops the process with its message.

use std::sync::Arc;

use crate::Trouble;

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The sink said that going on would harm.
    #[error("sink {sink} gave up: {trouble}")]
    Fatal {
        sink: &'static str,
        trouble: Trouble,
    },
    /// A journal is closed, poisoned, or cannot be used.
    #[error("sink {sink}: cannot {what}")]
    Journal {
        sink: &'static str,
        what: &'static str,
        #[source]
        source: Arc<journal::Error>,
    },
    #[error("cannot start the thread of sink {sink}")]
    Thread {
        sink: &'static str,
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A bug of ours: the thread ended without a word.
    #[error("the thread of sink {sink} panicked")]
    Panicked { sink: &'static str },
    /// It did not even give up when its time was over; the thread is left behind.
    #[error("sink {sink} did not stop in time")]
    Stuck { sink: &'static str },
}

impl Error {
    pub(crate) fn journal(
        sink: &'static str,
        what: &'static str,
    ) -> impl FnOnce(journal::Error) -> Self {
        move |source| Self::Journal {
            sink,
            what,
            source: Arc::new(source),
        }
    }
}
