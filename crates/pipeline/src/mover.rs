//! The mover: what it needs, and how it is started.

use std::sync::Arc;

use journal::{Appender, Clock, Cursors, Journal};
use tokio::sync::watch;

use crate::core::{Core, hold_of};
use crate::handle::{Drain, Ended, Handle, Outcome};
use crate::keeper::{self, Start};
use crate::offload::Offload;
use crate::run::Run;
use crate::{Error, LastTrouble, Sink, Status};

/// What a mover works with.
#[derive(Clone)]
pub struct Deps {
    /// Where the records come from.
    pub outcomes: Journal,
    /// Where refusals and gaps are recorded.
    pub inputs: Appender,
    pub cursors: Cursors,
    /// Wall time for the status and for ages.
    pub clock: Arc<dyn Clock>,
    /// For the jitter of the back-off: any number, another one for each sink.
    pub seed: u64,
}

/// A sink with its cursor, ready to run.
pub struct Mover<S> {
    sink: S,
    deps: Deps,
    start: Start,
    status: watch::Sender<Status>,
    offload: Offload,
}

impl<S: Sink> Mover<S> {
    /// Loads the cursor (a first one is stored: the oldest record) and registers it with retention; nothing is read and
    /// nobody connected to. Blocks on the disk.
    pub fn new(sink: S, deps: Deps) -> Result<Self, Error> {
        let (name, limits) = (sink.name(), sink.limits());
        let start = keeper::start(&deps.cursors, &deps.outcomes, name)?;
        let hold = hold_of(limits.on_full);
        deps.outcomes.set_hold(name, Some(start.position), hold);
        let now_ns = deps.clock.now().wall_ns;
        let status = Status {
            sink: name.to_owned(),
            since_ns: now_ns,
            position: start.position,
            lag_records: deps.outcomes.next_offset().saturating_sub(start.position),
            trouble: start.trouble.clone().map(|trouble| LastTrouble {
                code: trouble.code,
                message: trouble.message,
                at_ns: now_ns,
                attempts: 0,
            }),
            ..Status::default()
        };
        Ok(Self {
            sink,
            deps,
            start,
            status: watch::Sender::new(status),
            offload: Offload::Threads,
        })
    }

    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Runs it on a thread of its own, named after the sink.
    pub fn spawn(self) -> Result<Handle, Error> {
        let name = self.sink.name();
        let status = self.status();
        let (drain, asked) = watch::channel(None);
        let (end, ended) = watch::channel::<Outcome>(None);
        let thread = std::thread::Builder::new()
            .name(format!("sink-{name}"))
            .spawn(move || {
                let runtime = match tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                {
                    Ok(runtime) => runtime,
                    Err(source) => {
                        end.send_replace(Some(Err(Error::Thread {
                            sink: name,
                            source: Arc::new(source),
                        })));
                        return;
                    }
                };
                let outcome = runtime.block_on(self.run(asked));
                // What still blocks (a hanging disk) must not keep the process.
                runtime.shutdown_background();
                end.send_replace(Some(outcome));
            })
            .map_err(|source| Error::Thread {
                sink: name,
                source: Arc::new(source),
            })?;
        Ok(Handle {
            name,
            status,
            ended,
            drain,
            thread,
        })
    }

    /// The same on the runtime that is there, with nothing on any other thread but the journals' own: for simulations.
    /// Dropping the future is a crash.
    pub async fn simulate(mut self, drain: watch::Receiver<Option<Drain>>) -> Result<Ended, Error> {
        self.offload = Offload::Inline;
        self.run(drain).await
    }

    async fn run(self, drain: watch::Receiver<Option<Drain>>) -> Result<Ended, Error> {
        let sink = self.sink;
        let (name, limits) = (sink.name(), sink.limits());
        let stall = sink.stall();
        let shared = (self.status, drain);
        let core = Core::new(
            (name, limits),
            self.deps,
            self.offload,
            &self.start,
            shared,
            stall,
        );
        Run { sink, core }.run().await
    }
}
