//! Sending what the outbox holds: one lane an address, so that none waits for another.
//!
//! Bounds: one request at a time to an address, `inflight_per_channel_max` on a channel (of which addresses that failed last get at
//! most half) and `inflight_max` in all. A lane that failed waits (back-off with jitter); what has another channel leaves it then.

mod deliver;
mod lane;
mod report;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use event::Time;
use journal::{Appender, Clock};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::NotifyConfig;
use crate::channel::Channels;
use crate::directory::Directory;
use crate::metrics::Meter;
use crate::outbox::Outbox;
use crate::plan::{Address, Item};
use deliver::{Done, Progress, deliver};
use lane::{Job, Lane};

/// How the notices stand: planned = settled + open, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub planned: u64,
    pub settled: u64,
    pub open: u64,
    /// Settled, and not yet in `inputs`.
    pub unreported: u64,
}

/// What all parts share.
pub(crate) struct Shared {
    pub(crate) outbox: Outbox,
    pub(crate) channels: Channels,
    pub(crate) directory: Arc<Directory>,
    pub(crate) config: NotifyConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) inputs: Appender,
    pub(crate) meter: Meter,
    /// Planned and not yet in a lane; bounded by `pending_max`.
    fresh: Mutex<Vec<Item>>,
    wake: Notify,
}

impl Shared {
    pub(crate) fn new(
        outbox: Outbox,
        channels: Channels,
        directory: Arc<Directory>,
        config: NotifyConfig,
        (clock, inputs): (Arc<dyn Clock>, Appender),
    ) -> Self {
        Self {
            outbox,
            channels,
            directory,
            config,
            clock,
            inputs,
            meter: Meter::new(),
            fresh: Mutex::new(Vec::new()),
            wake: Notify::new(),
        }
    }

    pub(crate) fn add(&self, items: Vec<Item>) {
        self.fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(items);
        self.wake.notify_one();
    }

    pub(crate) fn now(&self) -> Time {
        Time(self.clock.now().journal_ns)
    }
}

/// What is due by journal time is looked for so often.
const TICK: Duration = Duration::from_millis(100);
/// After the journal would not take a report.
const REPORT_AGAIN: Duration = Duration::from_secs(5);

struct Dispatch {
    shared: Arc<Shared>,
    lanes: BTreeMap<Address, Lane>,
    running: JoinSet<Done>,
    /// Where the next look for work begins: no lane is always first.
    after: Option<Address>,
    random: u64,
}

/// Runs until `stop` is set; then what is under way is waited for, at most one request time.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>, seed: u64) {
    let mut dispatch = Dispatch {
        lanes: BTreeMap::new(),
        running: JoinSet::new(),
        after: None,
        random: seed,
        shared: Arc::clone(&shared),
    };
    dispatch.restore();
    let mut reports = JoinSet::new();
    let mut report_from = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !*stop.borrow() {
        dispatch.take_fresh();
        dispatch.start();
        let unreported = shared.outbox.look(|state| !state.unreported().is_empty());
        if unreported && reports.is_empty() && Instant::now() >= report_from {
            reports.spawn(report::report(Arc::clone(&shared)));
        }
        tokio::select! {
            _ = tick.tick() => {}
            () = shared.wake.notified() => {}
            Some(done) = dispatch.running.join_next() => {
                if let Ok(done) = done {
                    dispatch.finished(done);
                }
            }
            Some(reported) = reports.join_next() => {
                if !matches!(reported, Ok(true)) {
                    report_from = Instant::now() + REPORT_AGAIN;
                }
            }
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    let patience = Duration::from_millis(shared.config.request_timeout_ms);
    let ending = async {
        while dispatch.running.join_next().await.is_some() {}
        while reports.join_next().await.is_some() {}
        report::report(Arc::clone(&shared)).await;
    };
    // What does not come to an end is in the outbox.
    let _ = tokio::time::timeout(patience, ending).await;
}

impl Dispatch {
    /// What an earlier run has left.
    fn restore(&mut self) {
        let (items, seals) = self.shared.outbox.look(|state| {
            let items: Vec<Item> = state
                .items()
                .values()
                .filter(|item| !state.is_sealed(&item.key))
                .cloned()
                .collect();
            (items, state.seals().cloned().collect::<Vec<_>>())
        });
        for seal in seals {
            let address = (seal.channel.clone(), seal.person.clone());
            self.lanes
                .entry(address)
                .or_default()
                .sealed
                .push_back(seal);
        }
        items.into_iter().for_each(|item| self.queue(item));
        // What was planned before this began is in both.
        self.shared
            .fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn queue(&mut self, item: Item) {
        let address = (item.channel.clone(), item.person.clone());
        self.lanes.entry(address).or_default().queue(item);
    }

    fn take_fresh(&mut self) {
        let fresh = std::mem::take(
            &mut *self
                .shared
                .fresh
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        fresh.into_iter().for_each(|item| self.queue(item));
        self.lanes.retain(|_, lane| !lane.is_forgettable());
        let open = self.shared.outbox.look(|state| state.items().len());
        self.shared.meter.pending(open);
    }

    fn start(&mut self) {
        let (now, at) = (self.shared.now(), Instant::now());
        let mut addresses: Vec<Address> = self.lanes.keys().cloned().collect();
        if let Some(after) = &self.after {
            let first = addresses.partition_point(|address| address <= after);
            addresses.rotate_left(first);
        }
        let mut on_channel: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for ((channel, _), lane) in &self.lanes {
            if lane.busy {
                let (busy, suspect) = on_channel.entry(channel.clone()).or_default();
                *busy += 1;
                *suspect += usize::from(lane.attempts > 0);
            }
        }
        let most = self.shared.config.inflight_per_channel_max;
        for address in addresses {
            if self.running.len() >= self.shared.config.inflight_max {
                return;
            }
            let Some(lane) = self.lanes.get_mut(&address) else {
                continue;
            };
            let (busy, suspect) = on_channel.entry(address.0.clone()).or_default();
            let room = *busy < most && (lane.attempts == 0 || *suspect < most.div_ceil(2));
            let Some(job) = lane.next(now, at, room, &self.shared) else {
                continue;
            };
            lane.busy = true;
            *busy += 1;
            *suspect += usize::from(lane.attempts > 0);
            let failures = lane.attempts;
            self.running.spawn(deliver(
                Arc::clone(&self.shared),
                address.clone(),
                job,
                failures,
            ));
            self.after = Some(address);
        }
    }

    fn finished(&mut self, done: Done) {
        let Done {
            address,
            job,
            progress,
        } = done;
        let wait = match &progress {
            Progress::Settled { healthy: true, .. } | Progress::Closed => None,
            Progress::Settled { .. } | Progress::Again { .. } => {
                let failures = self.lanes.get(&address).map_or(0, |lane| lane.attempts);
                Some(self.wait(failures))
            }
        };
        let lane = self.lanes.entry(address).or_default();
        lane.busy = false;
        let next = match progress {
            Progress::Settled { next, healthy, .. } => {
                if healthy {
                    lane.attempts = 0;
                    lane.not_before = None;
                } else if !matches!(job, Job::MoveOn(_)) {
                    lane.failed(wait.unwrap_or_default());
                }
                next
            }
            Progress::Again { after, counts } => {
                let wait = wait.unwrap_or_default().max(after.unwrap_or_default());
                if counts {
                    lane.failed(wait);
                } else {
                    lane.not_before = Some(Instant::now() + wait);
                }
                lane.put_back(job);
                Vec::new()
            }
            Progress::Closed => Vec::new(),
        };
        next.into_iter().for_each(|item| self.queue(item));
    }

    /// Doubles with the failures; between half of it and all of it.
    fn wait(&mut self, failures: u32) -> Duration {
        let config = &self.shared.config;
        let base = config
            .retry_min_ms
            .saturating_mul(1 << failures.min(30))
            .min(config.retry_max_ms);
        // splitmix64
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.random;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^= value >> 31;
        Duration::from_millis(base / 2 + value % (base / 2 + 1))
    }
}
