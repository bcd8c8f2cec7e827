//! [`KafkaSink`]: the mover's side of the session's thread.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event::JournalId;
use pipeline::{Batch, Code, Completion, Limits, Resume, Sink, Trouble, Verdict};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::producer::BaseProducer;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::cap_topic::CapSource;
use crate::config::KafkaConfig;
use crate::context::{Context, lock};
use crate::metrics::Meter;
use crate::outbox::Outbox;
use crate::probe::{self, Probe};
use crate::properties;
use crate::session::{Parts, Session};
use crate::topic::Topic;
use crate::vector::Vector;

/// Delivers `outcomes` to Kafka.
pub struct KafkaSink {
    config: Arc<KafkaConfig>,
    journal: JournalId,
    cap: Option<Arc<CapSource>>,
    vector: Arc<Mutex<Vector>>,
    /// Largest request; lowered when a broker refuses one without saying which message is too large.
    request_bytes: Arc<AtomicU32>,
    trouble: watch::Sender<Option<Trouble>>,
    meter: Meter,
    session: Option<Session>,
}

/// Tells the blocking check that nobody waits for it any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl KafkaSink {
    /// `journal` is the id of `inputs`: it is part of what every message says about its cause.
    pub fn new(config: KafkaConfig, journal: JournalId) -> Self {
        Self {
            request_bytes: Arc::new(AtomicU32::new(config.message_bytes_max)),
            config: Arc::new(config),
            journal,
            cap: None,
            vector: Arc::default(),
            trouble: watch::Sender::new(None),
            meter: Meter::new(),
            session: None,
        }
    }

    /// With what the messages of the topic of CAP need; without it they are not made, whatever the topic's name.
    #[must_use]
    pub fn with_cap(mut self, source: CapSource) -> Self {
        self.cap = (!self.config.topic_cap.is_empty()).then(|| Arc::new(source));
        self
    }

    /// What is wrong while batches wait; changes as it happens.
    pub fn troubles(&self) -> watch::Receiver<Option<Trouble>> {
        self.trouble.subscribe()
    }

    /// Connects, checks, and makes a producer; blocking.
    fn connect(
        config: &KafkaConfig,
        cancelled: &AtomicBool,
        runtime: &Handle,
        mut vector: Vector,
        request_bytes: u32,
        meter: Meter,
    ) -> Result<(Vector, BaseProducer<Context>, [u32; Topic::COUNT]), Trouble> {
        let checked = Probe::new(config, cancelled)?.run(runtime, &mut vector)?;
        let client = properties::producer(config, checked.message_bytes, request_bytes);
        let context = Context::new(config.brokers.trim(), Some(meter));
        let producer = BaseProducer::from_config_and_context(&client, context)
            .map_err(|error| probe::unusable(&error))?;
        Ok((vector, producer, checked.message_bytes))
    }

    fn resume(&self, resume: Resume<'_>) -> Vector {
        let mut vector = if resume.again {
            lock(&self.vector).clone()
        } else {
            Vector::from_note(resume.note, self.journal).unwrap_or_default()
        };
        vector.open(resume.position);
        vector
    }
}

impl Sink for KafkaSink {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn limits(&self) -> Limits {
        self.config.limits()
    }

    async fn open(&mut self, resume: Resume<'_>) -> Result<(), Trouble> {
        if let Some(old) = self.session.take() {
            old.close(Duration::ZERO).await;
        }
        let vector = self.resume(resume);
        let cancelled = Arc::new(AtomicBool::new(false));
        let _cancel = CancelOnDrop(Arc::clone(&cancelled));
        let (config, runtime, meter) = (
            Arc::clone(&self.config),
            Handle::current(),
            self.meter.clone(),
        );
        let request_bytes = self.request_bytes.load(Ordering::Relaxed);
        let connecting = tokio::task::spawn_blocking(move || {
            Self::connect(&config, &cancelled, &runtime, vector, request_bytes, meter)
        });
        let (vector, producer, message_bytes) = connecting.await.map_err(|error| {
            Trouble::new(
                Code::Other,
                format!("connecting to Kafka ended unexpectedly: {error}"),
            )
        })??;
        *lock(&self.vector) = vector.clone();
        self.meter.producer_built();
        let session = Session::start(Parts {
            producer,
            outbox: Outbox::new(
                &self.config.source,
                self.journal,
                message_bytes[Topic::Rejects.index()] as usize,
                self.cap.clone(),
                !self.config.topic_drills.is_empty(),
            ),
            message_bytes,
            vector: Arc::clone(&self.vector),
            known: vector,
            topics: Topic::ALL.map(|topic| topic.name(&self.config).to_owned()),
            request_bytes: Arc::clone(&self.request_bytes),
            trouble: self.trouble.clone(),
            unreachable_after: Duration::from_millis(self.config.unreachable_after_ms),
            meter: self.meter.clone(),
        });
        self.session = Some(session.map_err(|error| {
            Trouble::new(
                Code::Other,
                format!("the thread of the Kafka sink cannot be started: {error}"),
            )
        })?);
        Ok(())
    }

    async fn submit(&mut self, batch: Batch) -> Completion {
        let answer = match &self.session {
            Some(session) => session.submit(batch).await,
            None => None,
        };
        Box::pin(async move {
            let verdict = match answer {
                Some(answer) => answer.await.ok(),
                None => None,
            };
            verdict.unwrap_or_else(gone)
        })
    }

    fn resume_note(&self) -> Vec<u8> {
        lock(&self.vector).note(self.journal)
    }

    fn stall(&self) -> Option<watch::Receiver<Option<Trouble>>> {
        Some(self.troubles())
    }

    async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session
                .close(Duration::from_millis(self.config.close_timeout_ms))
                .await;
        }
    }
}

/// The producer was given up before the batch was begun.
fn gone() -> Verdict {
    Verdict::Retry {
        trouble: Trouble::new(
            Code::Unavailable,
            "the Kafka producer was given up before this batch was sent; it is made anew",
        ),
        after: None,
    }
}
