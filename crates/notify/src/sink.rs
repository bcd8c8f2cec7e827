//! The sink that the mover drives: it plans, and answers when the plan is on the disk.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use event::Time;
use event::outcome::{self, Outcome, OutcomeKind};
use futures_util::future;
use journal::{Appender, Clock};
use pipeline::{Batch, Code, Completion, Limits, Refused, Resume, Sink, Trouble, Verdict};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::channel::{self, CapFeed};
use crate::directory::Directory;
use crate::dispatch::{self, Counts, Shared};
use crate::letter::Content;
use crate::outbox::{Entry, Outbox};
use crate::plan::{Address, Item, Planner};
use crate::{Error, NotifyConfig};

/// Name of the outlet: its cursor, and what its records in `inputs` say.
pub(crate) const NAME: &str = "notify";

/// What the outlet works with besides what the mover hands it.
pub struct NotifyDeps {
    pub clock: Arc<dyn Clock>,
    /// Where results are recorded.
    pub inputs: Appender,
    /// Identity of `outcomes`.
    pub outcomes: [u8; 16],
    /// For the jitter of back-offs.
    pub seed: u64,
}

pub struct NotifySink {
    shared: Arc<Shared>,
    planner: Planner,
    outcomes: [u8; 16],
    seed: u64,
    stop: watch::Sender<bool>,
    running: Option<JoinHandle<()>>,
    /// Records passed over because they were too old to tell.
    too_old: u64,
}

impl NotifySink {
    /// Reads the outbox and sets up the channels; connects to nobody. Blocks on the disk.
    pub fn new(
        config: &NotifyConfig,
        directory: Directory,
        dir: &Path,
        deps: NotifyDeps,
    ) -> Result<Self, Error> {
        let path = dir.join("outbox.log");
        let outbox = Outbox::open(&path, deps.outcomes, config.outbox_grow_bytes)?;
        if outbox.skipped() > 0 {
            tracing::warn!(
                lines = outbox.skipped(),
                "the outbox held damaged lines; the notices in them are lost"
            );
        }
        let directory = Arc::new(directory);
        let channels = channel::all(&directory, config, dir)?;
        let planner = Planner::new(Arc::clone(&directory), config);
        let shared = Shared::new(
            outbox,
            channels,
            directory,
            config.clone(),
            (deps.clock, deps.inputs),
        );
        Ok(Self {
            shared: Arc::new(shared),
            planner,
            outcomes: deps.outcomes,
            seed: deps.seed,
            stop: watch::Sender::new(false),
            running: None,
            too_old: 0,
        })
    }

    /// The CAP messages published by the feed, if there is one.
    pub fn cap_feed(&self) -> Option<CapFeed> {
        CapFeed::of(&self.shared.channels)
    }

    /// A look at the sums that stays valid while it runs.
    pub fn counts(&self) -> impl Fn() -> Counts + Send + Sync + use<> {
        let outbox = self.shared.outbox.clone();
        move || {
            outbox.look(|state| {
                let (planned, settled) = state.sums();
                Counts {
                    planned,
                    settled,
                    open: state.items().len() as u64,
                    unreported: state.unreported().len() as u64,
                }
            })
        }
    }

    fn plan(&mut self, batch: &Batch) -> Planned {
        let (planned_to, mut number, queued) = self.shared.outbox.look(|state| {
            let mut queued: BTreeMap<Address, usize> = BTreeMap::new();
            for item in state.items().values().filter(|item| item.hold.is_none()) {
                let address = (item.channel.clone(), item.person.clone());
                *queued.entry(address).or_default() += 1;
            }
            // With another journal the position begins anew.
            let same = state.outcomes() == self.outcomes;
            let planned_to = if same { state.planned_to() } else { 0 };
            (planned_to, state.next_content(), queued)
        });
        let queued = RefCell::new(queued);
        let queue_max = self.shared.config.queue_max;
        let full =
            |address: &Address| queued.borrow().get(address).copied().unwrap_or(0) >= queue_max;
        let oldest = self.shared.now().plus(-self.shared.config.expire_ns());
        let mut planned = Planned::default();
        for frame in batch.frames().filter(|frame| frame.offset >= planned_to) {
            let wanted = [OutcomeKind::Transition, OutcomeKind::PublicWarning]
                .iter()
                .any(|kind| *kind as u8 == frame.kind);
            if !wanted {
                continue;
            }
            let at = Time(frame.stamp.journal_ns);
            if at < oldest {
                self.too_old += 1;
                continue;
            }
            let made = match outcome::decode(frame.kind, frame.version, frame.payload) {
                Ok((_, Outcome::Transition(transition))) => {
                    self.planner.transition(&transition, at, number, &full)
                }
                Ok((_, Outcome::PublicWarning(warning))) => {
                    self.planner.warning(&warning, at, number, &full)
                }
                Ok(_) => None,
                Err(error) => {
                    planned.refused.push(Refused {
                        offset: frame.offset,
                        reason: error.to_string(),
                    });
                    None
                }
            };
            if let Some((content, items)) = made {
                for item in items.iter().filter(|item| item.hold.is_none()) {
                    let address = (item.channel.clone(), item.person.clone());
                    *queued.borrow_mut().entry(address).or_default() += 1;
                }
                planned.contents.push((number, content));
                planned.items.extend(items);
                number += 1;
            }
        }
        planned
    }

    fn room(&self) -> bool {
        let open = self.shared.outbox.look(|state| state.items().len());
        open < self.shared.config.pending_max
    }
}

#[derive(Default)]
struct Planned {
    contents: Vec<(u64, Content)>,
    items: Vec<Item>,
    refused: Vec<Refused>,
}

fn retry(code: Code, message: &str) -> Completion {
    Box::pin(future::ready(Verdict::Retry {
        trouble: Trouble::new(code, message),
        after: None,
    }))
}

impl Sink for NotifySink {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self) -> Limits {
        self.shared.config.limits()
    }

    async fn open(&mut self, _resume: Resume<'_>) -> Result<(), Trouble> {
        if self.running.is_none() {
            let shared = Arc::clone(&self.shared);
            let running = dispatch::run(shared, self.stop.subscribe(), self.seed);
            self.running = Some(tokio::spawn(running));
        }
        if self.room() {
            Ok(())
        } else {
            Err(Trouble::new(
                Code::Unavailable,
                "the outbox is full: the addresses do not answer; see notify.pending_max",
            ))
        }
    }

    async fn submit(&mut self, batch: Batch) -> Completion {
        if !self.room() {
            return retry(Code::Unavailable, "the outbox is full");
        }
        let old = self.too_old;
        let Planned {
            contents,
            items,
            refused,
        } = self.plan(&batch);
        if self.too_old > old {
            tracing::warn!(
                records = self.too_old - old,
                "transitions older than notify.expire_minutes are told to nobody"
            );
        }
        if items.is_empty() {
            return Box::pin(future::ready(Verdict::Done { refused }));
        }
        let grouped = items.iter().filter(|item| item.hold.is_some()).count();
        self.shared.meter.planned(items.len(), grouped);
        let entry = Entry::Plan {
            outcomes: self.outcomes,
            to: batch.to(),
            contents,
            items: items.clone(),
        };
        let shared = Arc::clone(&self.shared);
        // Before the next batch is planned: the position and the sums are in order.
        if shared.outbox.commit(entry).await.is_err() {
            return retry(Code::Disk, "the outbox is closed");
        }
        shared.add(items);
        Box::pin(future::ready(Verdict::Done { refused }))
    }

    fn stall(&self) -> Option<watch::Receiver<Option<Trouble>>> {
        Some(self.shared.outbox.trouble())
    }

    async fn close(&mut self) {
        self.stop.send_replace(true);
        if let Some(running) = self.running.take() {
            let patience = Duration::from_millis(self.shared.config.request_timeout_ms) * 2;
            let _ = tokio::time::timeout(patience, running).await;
        }
    }
}
