//! What all connections share.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journal::{Appender, Class, State};
use tokio::sync::Notify;

use crate::codec;
use crate::config::ListenerConfig;
use crate::credits::Credits;
use crate::filter::TopicFilters;
use crate::metrics::Meter;
use crate::oversize::Book;
use crate::registry::Registry;

/// What the journal can do at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Ok,
    /// Only what has a reserve becomes durable.
    Full,
    /// Nothing does, for ever.
    Poisoned,
}

impl From<&State> for Mode {
    fn from(state: &State) -> Self {
        match state {
            State::Ok => Mode::Ok,
            State::Full { .. } => Mode::Full,
            State::Poisoned { .. } => Mode::Poisoned,
        }
    }
}

pub(crate) struct Hub {
    pub(crate) config: ListenerConfig,
    pub(crate) limits: codec::Limits,
    pub(crate) disaster: TopicFilters,
    pub(crate) inputs: Appender,
    pub(crate) credits: Credits,
    pub(crate) meter: Meter,
    /// Something may be due earlier than the keeper thinks.
    pub(crate) due_changed: Notify,
    registry: Mutex<Registry>,
    oversize: Mutex<Book>,
    mode: AtomicU8,
    full_connects: AtomicU32,
}

impl Hub {
    pub(crate) fn new(
        config: ListenerConfig,
        disaster: TopicFilters,
        inputs: Appender,
        registry: Registry,
        meter: Meter,
    ) -> Arc<Self> {
        meter.sessions(registry.session_count());
        Arc::new(Self {
            limits: config.limits(),
            credits: Credits::new(config.inflight_max, config.inflight_bytes_max),
            config,
            disaster,
            inputs,
            meter,
            due_changed: Notify::new(),
            registry: Mutex::new(registry),
            oversize: Mutex::default(),
            mode: AtomicU8::new(0),
            full_connects: AtomicU32::new(0),
        })
    }

    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        // A panic elsewhere ends the process in order; until then the maps are whole.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn oversize(&self) -> MutexGuard<'_, Book> {
        self.oversize.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn mode(&self) -> Mode {
        match self.mode.load(Ordering::Acquire) {
            0 => Mode::Ok,
            1 => Mode::Full,
            _ => Mode::Poisoned,
        }
    }

    /// Follows the journal's state and wakes every connection.
    pub(crate) fn follow(&self, state: &State) {
        let mode = Mode::from(state) as u8;
        if self.mode.swap(mode, Ordering::AcqRel) != mode {
            self.full_connects.store(0, Ordering::Release);
            self.registry()
                .controls()
                .for_each(|control| control.mode_changed());
        }
    }

    /// The class of the record that opens a session now; `None` when there is no room for it.
    pub(crate) fn opening_class(&self) -> Option<Class> {
        if self.mode() == Mode::Ok {
            return Some(Class::Normal);
        }
        let before = self.full_connects.fetch_add(1, Ordering::AcqRel);
        (before < self.config.full_connects_max).then_some(Class::Disaster)
    }

    /// The class of a message on this topic.
    #[inline]
    pub(crate) fn class(&self, topic: &str) -> Class {
        if self.disaster.matches(topic) {
            Class::Disaster
        } else {
            Class::Normal
        }
    }
}
