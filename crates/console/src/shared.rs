//! What the console's tasks and requests share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use event::Time;
use journal::Journal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cap::Published;
use crate::commands::Waiters;
use crate::config::ConsoleConfig;
use crate::deps::{Intake, Mode, SiteInfo};
use crate::explain::Explained;
use crate::feed::Hub;
use crate::health;
use crate::quarantine::Counter;
use crate::series::Desk;
use crate::sinks::SinkInfo;
use crate::view::{Health, View};

pub(crate) struct Shared {
    pub(crate) config: ConsoleConfig,
    pub(crate) inputs: Journal,
    pub(crate) outcomes: Journal,
    pub(crate) site: watch::Receiver<Arc<SiteInfo>>,
    pub(crate) mode: Mode,
    pub(crate) version: String,
    pub(crate) clock: Arc<dyn Fn() -> Time + Send + Sync>,
    pub(crate) intake: Arc<dyn Fn() -> Intake + Send + Sync>,
    sinks: Arc<dyn Fn() -> Vec<SinkInfo> + Send + Sync>,
    pub(crate) series: Desk,
    pub(crate) quarantine: Counter,
    pub(crate) health: health::Desk,
    pub(crate) explain: Explained,
    pub(crate) cap: Published,
    pub(crate) rules: crate::rules::Bench,
    pub(crate) hub: Hub,
    pub(crate) waiters: Waiters,
    /// Part of every command id made here: when and at which offset this console started, so that no id comes twice.
    pub(crate) started: (Time, u64),
    pub(crate) commands_made: AtomicU64,
    pub(crate) cancel: CancellationToken,
    view: RwLock<View>,
}

/// The parts that only the start-up knows how to make.
pub(crate) struct Parts {
    pub(crate) config: ConsoleConfig,
    pub(crate) deps: crate::Deps,
    pub(crate) view: View,
    pub(crate) cancel: CancellationToken,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            config,
            deps,
            view,
            cancel,
        } = parts;
        Self {
            hub: Hub::new(&config, view.next()),
            series: Desk::new(&config, deps.series),
            quarantine: Counter::new(deps.quarantine),
            health: health::Desk::new(deps.health),
            explain: Explained::new(deps.explain),
            cap: Published::new(deps.cap),
            rules: crate::rules::Bench::new(deps.rules),
            sinks: deps.sinks,
            waiters: Waiters::new(config.commands_waiting_max),
            started: ((deps.now)(), view.next()),
            commands_made: AtomicU64::new(0),
            config,
            inputs: deps.inputs,
            outcomes: deps.outcomes,
            site: deps.site,
            mode: deps.mode,
            version: deps.version,
            clock: deps.now,
            intake: deps.intake,
            cancel,
            view: RwLock::new(view),
        }
    }

    /// Never held across an await. A panic of a holder ends the process elsewhere; the data is still whole enough to read.
    pub(crate) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Journal time: the clock's, but never before the newest record.
    pub(crate) fn now(&self) -> Time {
        let newest = self.view().now();
        (self.clock)().max(newest)
    }

    pub(crate) fn intake(&self) -> Intake {
        (self.intake)()
    }

    pub(crate) fn sinks(&self) -> Vec<SinkInfo> {
        (self.sinks)()
    }

    pub(crate) fn site(&self) -> Arc<SiteInfo> {
        Arc::clone(&self.site.borrow())
    }

    pub(crate) fn health(&self) -> Health {
        self.view()
            .health(self.outcomes.next_offset(), self.hub.clients())
    }

    pub(crate) fn make_command_id(&self) -> String {
        let number = self.commands_made.fetch_add(1, Ordering::Relaxed);
        let (time, offset) = self.started;
        format!("console-{:x}-{offset:x}-{number}", time.0)
    }
}
