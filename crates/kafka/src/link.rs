//! The producer with what is on its way through it: sending, delivery reports, and the end after an error.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use pipeline::{Code, Trouble};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, PurgeConfig};
use tokio::sync::watch;

use crate::context::{Context, Report};
use crate::flight::{Failure, Flight, Token};
use crate::metrics::Meter;
use crate::outbox::Message;
use crate::topic::Topic;
use crate::{partition, trouble};

/// Messages between two looks at the reports.
const POLL_EVERY: u32 = 1_000;
/// Without anything on its way, errors and statistics are looked at this often.
const IDLE: Duration = Duration::from_millis(200);
/// With messages on their way.
const BUSY: Duration = Duration::from_millis(5);
/// With messages that have long been on their way.
const STALLED: Duration = Duration::from_millis(50);
const STALLED_AFTER: Duration = Duration::from_secs(1);
/// After an error: for answers that are on their way, so that less is repeated.
const AFTERMATH: Duration = Duration::from_secs(3);
const PURGE_WAIT: Duration = Duration::from_secs(1);
/// Smallest bound of a request when looking for a message that the broker finds too large.
const REQUEST_BYTES_MIN: u32 = 1_024;

/// Everything but the buffers that a message borrows.
pub(crate) struct Link {
    pub(crate) producer: BaseProducer<Context>,
    pub(crate) flight: Flight,
    pub(crate) topics: [String; Topic::COUNT],
    /// The largest message that each takes.
    pub(crate) message_bytes: [u32; Topic::COUNT],
    pub(crate) partitions: [usize; Topic::COUNT],
    /// Reused.
    pub(crate) reports: Vec<Report>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) request_bytes: Arc<AtomicU32>,
    pub(crate) trouble: watch::Sender<Option<Trouble>>,
    pub(crate) unreachable_after: Duration,
    pub(crate) meter: Meter,
    pub(crate) give_up_at: Arc<OnceLock<Instant>>,
    pub(crate) since_poll: u32,
}

/// Headers beside the subject are never larger: up to there they need not be counted.
const HEADERS_BYTES: usize = 2_048;

/// Bytes of key, value and headers, if they are more than `most`.
fn too_large(message: &Message<'_>, headers: &OwnedHeaders, most: usize) -> Option<usize> {
    let body = message.key.len() + message.value.len();
    // A reject's subject is its topic's name.
    if body + 2 * HEADERS_BYTES <= most {
        return None;
    }
    let of = |header: Header<'_, &[u8]>| header.key.len() + header.value.map_or(0, <[u8]>::len);
    let all = body + headers.iter().map(of).sum::<usize>();
    (all > most).then_some(all)
}

/// A function of the record alone: a restart must choose the same.
pub(crate) fn choose(key: &[u8], offset: u64, partitions: usize) -> usize {
    if key.is_empty() {
        (offset % partitions.max(1) as u64) as usize
    } else {
        partition::of_key(key, partitions)
    }
}

impl Link {
    pub(crate) fn pause(&self) -> Duration {
        match self.flight.oldest() {
            None => IDLE,
            Some(waited) if waited > STALLED_AFTER => STALLED,
            Some(_) => BUSY,
        }
    }

    pub(crate) fn send(
        &mut self,
        message: &mut Message<'_>,
        offset: u64,
        token: Token,
    ) -> Result<(), Trouble> {
        let topic = message.topic;
        let chosen = choose(message.key, offset, self.partitions[topic.index()]);
        let chosen = i32::try_from(chosen).unwrap_or(0);
        let headers = message.headers();
        let most = self.message_bytes[topic.index()] as usize;
        if let Some(bytes) = too_large(message, &headers, most) {
            let name = &self.topics[topic.index()];
            let reason =
                format!("{bytes} bytes are more than the {most} that the topic {name} takes");
            self.refuse(offset, reason);
            return Ok(());
        }
        let mut headers = Some(headers);
        loop {
            let name = &self.topics[topic.index()];
            let mut record = BaseRecord::with_opaque_to(name, token.pack())
                .partition(chosen)
                .payload(message.value);
            record.headers = headers.take();
            if !message.key.is_empty() {
                record = record.key(message.key);
            }
            let error = match self.producer.send(record) {
                Ok(()) => break,
                Err((error, back)) => {
                    headers = back.headers;
                    error
                }
            };
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => self.wait_for_room()?,
                Some(code @ RDKafkaErrorCode::MessageSizeTooLarge) => {
                    let bytes = message.value.len();
                    self.refuse(
                        offset,
                        format!("{bytes} bytes are more than the topic {name} takes: {code}"),
                    );
                    return Ok(());
                }
                Some(code) => return Err(trouble::of_delivery(code, name, chosen)),
                None => return Err(crate::probe::unusable(&error)),
            }
        }
        self.flight.sent();
        self.since_poll += 1;
        if self.since_poll >= POLL_EVERY {
            self.since_poll = 0;
            self.pump(Duration::ZERO)?;
        }
        Ok(())
    }

    /// The client's queue is full: reading waits, deliveries go on.
    fn wait_for_room(&mut self) -> Result<(), Trouble> {
        self.pump(BUSY)?;
        self.show_trouble();
        if self.is_over() {
            return Err(stopping());
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.give_up_at
            .get()
            .is_some_and(|deadline| Instant::now() >= *deadline)
    }

    pub(crate) fn refuse(&mut self, offset: u64, reason: String) {
        self.meter.refused();
        self.flight.refuse(offset, reason);
    }

    /// Takes in what there is, waiting at most `wait` for it.
    pub(crate) fn pump(&mut self, wait: Duration) -> Result<(), Trouble> {
        self.take_in(wait);
        if let Some(first) = self.failures.first() {
            return Err(self.blame(first));
        }
        self.producer.client().context().fatal().map_or(Ok(()), Err)
    }

    fn take_in(&mut self, wait: Duration) {
        let context = self.producer.client().context();
        let mut wait = wait;
        loop {
            let before = context.events();
            self.producer.poll(wait);
            if context.events() == before {
                break;
            }
            wait = Duration::ZERO;
        }
        self.reports.clear();
        context.take_reports(&mut self.reports);
        let settled = self.flight.settle(&self.reports);
        if settled.delivered.iter().any(|count| *count > 0) {
            context.forget_errors();
            self.meter.delivered(settled.delivered);
        }
        self.failures.extend(settled.failures);
    }

    fn blame(&self, failure: &Failure) -> Trouble {
        let error = failure.report.error.unwrap_or(RDKafkaErrorCode::Fail);
        let fatal = self.producer.client().context().fatal();
        match fatal {
            Some(fatal) if is_consequence(error) => fatal,
            Some(_) | None => trouble::of_delivery(
                error,
                &self.topics[failure.token.topic.index()],
                failure.report.partition,
            ),
        }
    }

    pub(crate) fn show_trouble(&self) {
        let trouble = self
            .flight
            .oldest()
            .filter(|waited| *waited >= self.unreachable_after)
            .map(|_| self.explain());
        self.trouble.send_if_modified(|shown| {
            let changed = *shown != trouble;
            *shown = trouble;
            changed
        });
    }

    fn explain(&self) -> Trouble {
        let context = self.producer.client().context();
        let leaderless = context.leaderless();
        if !leaderless.is_empty() {
            return trouble::leaderless(&leaderless);
        }
        context.last_error().map_or_else(
            || trouble::silent(context.brokers()),
            |error| trouble::waiting(&error),
        )
    }

    /// An orderly end: what is on its way is waited for until the deadline.
    pub(crate) fn drain(&mut self) {
        while !self.flight.is_empty() && !self.is_over() {
            if let Err(trouble) = self.pump(BUSY) {
                self.fail(&trouble);
                return;
            }
        }
        self.flight.fail(&stopping(), &[]);
    }

    /// Something failed: take in the answers that still come, then hand back the rest.
    pub(crate) fn fail(&mut self, first: &Trouble) {
        tracing::info!(trouble = %first, "the Kafka producer is given up and made anew");
        let deadline = Instant::now() + AFTERMATH;
        while self.flight.unfinished() > 0 && Instant::now() < deadline && !self.is_over() {
            self.take_in(BUSY);
        }
        if self.flight.unfinished() > 0 {
            self.producer
                .purge(PurgeConfig::default().queue().inflight());
            let deadline = Instant::now() + PURGE_WAIT;
            while self.flight.unfinished() > 0 && Instant::now() < deadline {
                self.take_in(BUSY);
            }
        }
        let trouble = self
            .failures
            .iter()
            .find(|failure| !failure.report.error.is_some_and(is_consequence))
            .map_or_else(|| first.clone(), |failure| self.blame(failure));
        let culprits = self.culprits();
        for _ in &culprits {
            self.meter.refused();
        }
        self.flight.fail(&trouble, &culprits);
    }

    /// Records that the broker itself will not take. It names none: only one that was alone in its request is known for
    /// certain; otherwise the next producer makes smaller requests.
    fn culprits(&self) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        let mut ambiguous = false;
        let bad = || {
            self.failures.iter().filter(|failure| {
                matches!(
                    failure.report.error,
                    Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidRecord)
                )
            })
        };
        for failure in bad() {
            let place = |other: &&Failure| {
                other.token.topic == failure.token.topic
                    && other.report.partition == failure.report.partition
            };
            if bad().filter(place).count() == 1 {
                found.push((failure.offset, self.blame(failure).message));
            } else {
                ambiguous = true;
            }
        }
        if ambiguous {
            let now = self.request_bytes.load(Ordering::Relaxed);
            let smaller = (now / 4).max(REQUEST_BYTES_MIN);
            self.request_bytes.store(smaller, Ordering::Relaxed);
        }
        found
    }
}

/// Errors that only follow from another.
fn is_consequence(error: RDKafkaErrorCode) -> bool {
    matches!(
        error,
        RDKafkaErrorCode::Fatal
            | RDKafkaErrorCode::PurgeQueue
            | RDKafkaErrorCode::PurgeInflight
            | RDKafkaErrorCode::GaplessGuarantee
            | RDKafkaErrorCode::InvalidDifferentRecord
    )
}

fn stopping() -> Trouble {
    Trouble::new(
        Code::Unavailable,
        "the Kafka sink stops; what is not acknowledged is sent again at the next start",
    )
}
