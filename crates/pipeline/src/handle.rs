//! A mover that runs: on a thread and a small runtime of its own, so that the work of one sink holds up no other.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::{Error, Status};

/// How long closing the sink and storing the cursor may take after the deadline of a drain.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// What a mover is asked to do at a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// It goes on until everything below this is finished…
    pub to: u64,
    /// …or until then, or until the sink is in trouble.
    pub until: Instant,
}

/// How a mover ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Everything below it is finished, and its cursor says so unless that could not be stored.
    pub position: u64,
    /// The position that is stored.
    pub stored: u64,
}

pub(crate) type Outcome = Option<Result<Ended, Error>>;

/// A running mover. Dropping it ends the mover as a drain without time would.
pub struct Handle {
    pub(crate) name: &'static str,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) ended: watch::Receiver<Outcome>,
    pub(crate) drain: watch::Sender<Option<Drain>>,
    pub(crate) thread: JoinHandle<()>,
}

impl Handle {
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Resolves when the mover has ended: by itself with an error, or after a drain.
    pub fn ended(&self) -> impl Future<Output = Result<Ended, Error>> + Send + use<> {
        wait_ended(self.name, self.ended.clone())
    }

    /// Delivers up to offset `to` (the head when every producer has stopped), but no longer than `deadline` and not
    /// while the sink is in trouble: what is not delivered stays in the journal. Then the sink is closed, the cursor
    /// stored and the thread joined.
    pub async fn drain(self, to: u64, deadline: Duration) -> Result<Ended, Error> {
        let until = Instant::now() + deadline;
        self.drain.send_replace(Some(Drain { to, until }));
        let ended = wait_ended(self.name, self.ended.clone());
        // Closing and the last store each have their grace; the third is for the runtime.
        let ended = tokio::time::timeout_at(until + 3 * GRACE, ended)
            .await
            .unwrap_or(Err(Error::Stuck { sink: self.name }));
        if !matches!(ended, Err(Error::Stuck { .. })) {
            let thread = self.thread;
            // It has nothing left to do but to return; a panic has been told as such.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        ended
    }
}

async fn wait_ended(
    sink: &'static str,
    mut ended: watch::Receiver<Outcome>,
) -> Result<Ended, Error> {
    match ended.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or(Err(Error::Panicked { sink })),
        Err(_gone) => Err(Error::Panicked { sink }),
    }
}
