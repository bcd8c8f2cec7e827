//! What librdkafka tells us, kept until the session's thread looks: delivery reports, errors, statistics.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pipeline::{Code, Trouble};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

use crate::metrics::Meter;
use crate::statistics::Statistics;
use crate::trouble;

/// An error that nobody repeated for so long is no explanation any more.
const ERROR_LASTS: Duration = Duration::from_secs(60);

/// One message's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) token: usize,
    pub(crate) partition: i32,
    /// In Kafka.
    pub(crate) offset: i64,
    pub(crate) error: Option<RDKafkaErrorCode>,
}

struct Seen {
    trouble: Trouble,
    at: Instant,
}

/// The latest errors of a client. "All brokers are down" follows every other one and says less: kept apart.
#[derive(Default)]
pub(crate) struct Errors {
    specific: Option<Seen>,
    general: Option<Seen>,
}

pub(crate) struct Context {
    brokers: String,
    meter: Option<Meter>,
    /// Bound: the messages in the client's queue.
    reports: Mutex<Vec<Report>>,
    errors: Mutex<Errors>,
    fatal: Mutex<Option<Trouble>>,
    leaderless: Mutex<Vec<String>>,
    events: AtomicU64,
}

impl Context {
    pub(crate) fn new(brokers: &str, meter: Option<Meter>) -> Self {
        Self {
            brokers: brokers.to_owned(),
            meter,
            reports: Mutex::default(),
            errors: Mutex::default(),
            fatal: Mutex::default(),
            leaderless: Mutex::default(),
            events: AtomicU64::new(0),
        }
    }

    pub(crate) fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Takes the reports; `spare` is the empty buffer for the next ones.
    pub(crate) fn take_reports(&self, spare: &mut Vec<Report>) {
        std::mem::swap(&mut *lock(&self.reports), spare);
    }

    /// Rises with every event: two equal readings around a poll mean that nothing waits.
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(crate) fn fatal(&self) -> Option<Trouble> {
        lock(&self.fatal).clone()
    }

    /// Names of partitions with waiting messages and without leader.
    pub(crate) fn leaderless(&self) -> Vec<String> {
        lock(&self.leaderless).clone()
    }

    /// The latest error that still explains something.
    pub(crate) fn last_error(&self) -> Option<Trouble> {
        let errors = lock(&self.errors);
        [&errors.specific, &errors.general]
            .into_iter()
            .flatten()
            .find(|seen| seen.at.elapsed() < ERROR_LASTS)
            .map(|seen| seen.trouble.clone())
    }

    /// Waiting does not help: password, certificate, rights.
    pub(crate) fn hopeless(&self) -> Option<Trouble> {
        self.last_error()
            .filter(|trouble| matches!(trouble.code, Code::Unauthenticated | Code::Forbidden))
    }

    /// Something was delivered: what was wrong is over.
    pub(crate) fn forget_errors(&self) {
        let mut errors = lock(&self.errors);
        if errors.specific.is_some() || errors.general.is_some() {
            *errors = Errors::default();
        }
    }

    fn count_event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }
}

impl ClientContext for Context {
    /// librdkafka warns about every lost connection; what matters is told once, as trouble.
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.count_event();
        tracing::debug!(target: "librdkafka", ?level, fac, log_message);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.count_event();
        match serde_json::from_slice::<Statistics>(statistics) {
            Ok(statistics) => {
                if let Some(meter) = &self.meter {
                    meter.statistics(&statistics);
                }
                *lock(&self.leaderless) = statistics.leaderless();
            }
            Err(error) => tracing::debug!(%error, "statistics of librdkafka cannot be read"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.count_event();
        let code = error.rdkafka_error_code();
        tracing::debug!(target: "librdkafka", ?code, reason);
        let Some(code) = code else { return };
        let seen = Seen {
            trouble: trouble::of_client(code, reason, &self.brokers),
            at: Instant::now(),
        };
        if code == RDKafkaErrorCode::Fatal {
            *lock(&self.fatal) = Some(seen.trouble);
            return;
        }
        let mut errors = lock(&self.errors);
        if code == RDKafkaErrorCode::AllBrokersDown {
            errors.general = Some(seen);
        } else {
            errors.specific = Some(seen);
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        self.count_event();
        let (message, error) = match result {
            Ok(message) => (message, None),
            Err((error, message)) => (
                message,
                Some(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
            ),
        };
        lock(&self.reports).push(Report {
            token,
            partition: message.partition(),
            offset: message.offset(),
            error,
        });
    }
}

/// The data behind these locks is whole at every instant: a panic elsewhere does not spoil it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
