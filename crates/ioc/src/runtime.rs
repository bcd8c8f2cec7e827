//! The threads that async tasks run on, in two sets: those of the way in, and those of the page and the admin port. No
//! answer to a browser, however large, stands between a message and its acknowledgement.

use std::num::NonZero;
use std::thread;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// For everything but the outlets.
pub(crate) fn main() -> Result<Runtime> {
    build("ioc")
}

/// For the page and the admin port. Its tasks end in order before it goes; what is left then is dropped.
pub(crate) struct Outlets(Option<Runtime>);

impl Outlets {
    pub(crate) fn new() -> Result<Self> {
        build("page").map(|runtime| Self(Some(runtime)))
    }

    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        match &self.0 {
            Some(runtime) => runtime.spawn(work),
            // Only while it is being dropped.
            None => tokio::spawn(work),
        }
    }
}

impl Drop for Outlets {
    fn drop(&mut self) {
        // A plain drop would wait for its threads, which a task must not do.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn build(name: &str) -> Result<Runtime> {
    // Half the cores each: the journals' and the monitor's threads need theirs, and a few busy workers take more at a
    // time, with fewer switches, than many idle ones.
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread()
        .enable_all()
        .worker_threads((cores / 2).max(1))
        .thread_name(name)
        .build()
        .context("cannot start the runtime")
}
